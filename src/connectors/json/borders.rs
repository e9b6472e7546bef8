//! Finds where each row of a list, or of objects one after the other, begins and ends.
//!
//! Only brackets and quotes are looked at; whether what stands between them is JSON is found out
//! when the row is read. The search stops and goes on at any byte, so a file passes in pieces.

/// Where something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Border {
    /// A row begins at this byte.
    Begin(usize),
    /// The row that began ends before this byte.
    End(usize),
    /// The bytes are used up.
    More,
}

/// The search for the borders of rows.
#[derive(Debug, Clone)]
pub(super) struct Borders {
    state: State,
    depth: u32,
    within: Within,
}

/// What the rows stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    /// A whole list, with its brackets.
    List,
    /// A piece of a list: rows with a comma between.
    Piece,
    /// Nothing: rows one after the other.
    Sequence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Opening,
    First,
    Next,
    After,
    Closed,
    Nested,
    Text { escaped: bool },
    Bare,
}

impl Borders {
    /// The search in a whole list.
    pub(super) fn of_list() -> Self {
        Borders { state: State::Opening, depth: 0, within: Within::List }
    }

    /// The search in a piece of a list, from the first byte of a row to the last of another.
    pub(super) fn of_piece() -> Self {
        Borders { state: State::Next, depth: 0, within: Within::Piece }
    }

    /// The search in objects that follow each other.
    pub(super) fn of_sequence() -> Self {
        Borders { state: State::After, depth: 0, within: Within::Sequence }
    }

    /// The next border in `bytes` from `at` on, or what is wrong at the byte where `at` is left.
    #[inline]
    pub(super) fn next(&mut self, bytes: &[u8], at: &mut usize) -> Result<Border, &'static str> {
        while let Some(&byte) = bytes.get(*at) {
            let border = match self.state {
                State::Nested => self.nested(bytes, at),
                State::Text { escaped } => self.text(escaped, bytes, at),
                State::Bare => self.bare(byte, at),
                _ => self.between(byte, at)?,
            };
            if border != Border::More {
                return Ok(border);
            }
        }
        Ok(Border::More)
    }

    /// Says at the end of the bytes whether a bare row ends there, or what is missing.
    pub(super) fn end(&mut self) -> Result<bool, &'static str> {
        let is_bare = self.state == State::Bare;
        if is_bare {
            self.state = State::After;
        }
        match (self.state, self.within) {
            (State::Closed, _) | (State::After, Within::Piece | Within::Sequence) => Ok(is_bare),
            (State::Nested | State::Text { .. }, _) => Err("the file ends inside a row"),
            _ => Err("the file ends before the `]` that closes the list"),
        }
    }

    fn between(&mut self, byte: u8, at: &mut usize) -> Result<Border, &'static str> {
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            *at += 1;
            return Ok(Border::More);
        }
        let in_list = self.within != Within::Sequence;
        self.state = match (self.state, byte) {
            (State::Opening, b'[') => State::First,
            (State::First | State::After, b']') if in_list => State::Closed,
            (State::After, b',') if in_list => State::Next,
            (State::After, _) if in_list => return Err("a `,` is missing between two rows"),
            (State::Next, b']') => return Err("a `,` stands before the end of the list"),
            (State::Closed, _) => return Err("there is more after the end of the list"),
            (_, b',' | b':' | b']' | b'}') => return Err("a row is missing"),
            _ => return Ok(self.begin(byte, at)),
        };
        *at += 1;
        Ok(Border::More)
    }

    fn begin(&mut self, byte: u8, at: &mut usize) -> Border {
        let start = *at;
        self.state = match byte {
            b'{' | b'[' => State::Nested,
            b'"' => State::Text { escaped: false },
            _ => State::Bare,
        };
        self.depth = u32::from(self.state == State::Nested);
        *at += 1;
        Border::Begin(start)
    }

    #[inline]
    fn nested(&mut self, bytes: &[u8], at: &mut usize) -> Border {
        for (offset, byte) in bytes[*at..].iter().enumerate() {
            match byte {
                b'"' => {
                    self.state = State::Text { escaped: false };
                    *at += offset + 1;
                    return Border::More;
                }
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        *at += offset + 1;
                        return self.close(*at);
                    }
                }
                _ => {}
            }
        }
        *at = bytes.len();
        Border::More
    }

    #[inline]
    fn text(&mut self, escaped: bool, bytes: &[u8], at: &mut usize) -> Border {
        *at += usize::from(escaped);
        let rest = bytes.get(*at..).unwrap_or_default();
        let Some(offset) = memchr::memchr2(b'"', b'\\', rest) else {
            *at = bytes.len();
            self.state = State::Text { escaped: false };
            return Border::More;
        };
        *at += offset + 1;
        match rest[offset] {
            b'\\' => self.state = State::Text { escaped: true },
            _ if self.depth == 0 => return self.close(*at),
            _ => self.state = State::Nested,
        }
        Border::More
    }

    fn bare(&mut self, byte: u8, at: &mut usize) -> Border {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']' | b'{' | b'}' | b'"' => {
                self.close(*at)
            }
            _ => {
                *at += 1;
                Border::More
            }
        }
    }

    fn close(&mut self, at: usize) -> Border {
        self.state = State::After;
        Border::End(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows in `text` when it passes in pieces of `piece` bytes, or what is wrong with it.
    fn rows(mut borders: Borders, text: &str, piece: usize) -> Result<Vec<String>, &'static str> {
        let (mut rows, mut begun) = (Vec::new(), 0);
        for (index, bytes) in text.as_bytes().chunks(piece).enumerate() {
            let mut at = 0;
            loop {
                match borders.next(bytes, &mut at)? {
                    Border::Begin(at) => begun = index * piece + at,
                    Border::End(at) => rows.push(text[begun..index * piece + at].to_owned()),
                    Border::More => break,
                }
            }
        }
        if borders.end()? {
            rows.push(text[begun..].to_owned());
        }
        Ok(rows)
    }

    #[test]
    fn rows_are_found_in_pieces_of_any_size() {
        let text = "[ {\"a\":\"}\\\"]\\\\\"} ,\n[1,[2]], \"x,\\\"\",7,null ]\n";
        let expected = ["{\"a\":\"}\\\"]\\\\\"}", "[1,[2]]", "\"x,\\\"\"", "7", "null"];
        for piece in 1..=text.len() {
            assert_eq!(rows(Borders::of_list(), text, piece).unwrap(), expected, "{piece}");
        }
        for piece in 1..20 {
            let found = rows(Borders::of_sequence(), "{\"a\":1}{}\n\n{\n} 5", piece);
            assert_eq!(found.unwrap(), ["{\"a\":1}", "{}", "{\n}", "5"], "{piece}");
            let found = rows(Borders::of_piece(), "{},1 , 2", piece);
            assert_eq!(found.unwrap(), ["{}", "1", "2"], "{piece}");
        }
    }

    #[test]
    fn a_broken_list_is_an_error_whatever_is_wrong_with_it() {
        let reason = |text| rows(Borders::of_list(), text, 99).unwrap_err();
        assert_eq!(reason("[{},{}"), "the file ends before the `]` that closes the list");
        assert_eq!(reason("[{},{"), "the file ends inside a row");
        assert_eq!(reason("[{},]"), "a `,` stands before the end of the list");
        assert_eq!(reason("[,{}]"), "a row is missing");
        assert_eq!(reason("[{} {}]"), "a `,` is missing between two rows");
        assert_eq!(reason("[{}] x"), "there is more after the end of the list");
        assert_eq!(reason("[{}}]"), "a `,` is missing between two rows");
        assert_eq!(rows(Borders::of_list(), " [ ] ", 1), Ok(vec![]));
        assert_eq!(rows(Borders::of_sequence(), "{},{}", 9), Err("a row is missing"));
    }
}
