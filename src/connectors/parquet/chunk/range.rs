//! Smallest and largest values, of a page and of all pages of a column chunk.

use parquet::basic::BoundaryOrder;

/// What is known of the values so far.
#[derive(Debug)]
pub(super) struct Range<T> {
    page: Option<(T, T)>,
    whole: Option<(T, T)>,
    last: Option<(T, T)>,
    ascends: bool,
    descends: bool,
}

impl<T> Default for Range<T> {
    fn default() -> Self {
        Range { page: None, whole: None, last: None, ascends: true, descends: true }
    }
}

impl<T: Ord + Clone> Range<T> {
    /// Takes note of the smallest and the largest one of some values.
    pub(super) fn add(&mut self, (least, most): (T, T)) {
        widen(&mut self.page, (least, most));
    }

    /// The smallest and the largest value of the page, which ends here; `None` if it has none.
    pub(super) fn end_page(&mut self) -> Option<(T, T)> {
        let page = self.page.take()?;
        if let Some(last) = &self.last {
            self.ascends &= last.0 <= page.0 && last.1 <= page.1;
            self.descends &= last.0 >= page.0 && last.1 >= page.1;
        }
        widen(&mut self.whole, page.clone());
        self.last = Some(page.clone());
        Some(page)
    }

    /// The smallest and the largest value of all pages.
    pub(super) fn whole(&self) -> Option<&(T, T)> {
        self.whole.as_ref()
    }

    /// How the pages follow each other.
    pub(super) fn order(&self) -> BoundaryOrder {
        match (self.ascends, self.descends) {
            (true, _) => BoundaryOrder::ASCENDING,
            (false, true) => BoundaryOrder::DESCENDING,
            (false, false) => BoundaryOrder::UNORDERED,
        }
    }
}

fn widen<T: Ord>(range: &mut Option<(T, T)>, (least, most): (T, T)) {
    match range {
        None => *range = Some((least, most)),
        Some(range) => {
            if least < range.0 {
                range.0 = least;
            }
            if most > range.1 {
                range.1 = most;
            }
        }
    }
}

/// The longest value of a text that stands in statistics as it is: the Parquet library's own.
const LENGTH_MOST: usize = 64;

/// `value` or a shorter one that is not above it, and whether it is `value` itself.
pub(super) fn lower(value: &[u8], is_text: bool) -> (Vec<u8>, bool) {
    if value.len() <= LENGTH_MOST {
        return (value.to_vec(), true);
    }
    (value[..cut(value, is_text)].to_vec(), false)
}

/// `value` or a shorter one that is not below it, and whether it is `value` itself.
pub(super) fn upper(value: &[u8], is_text: bool) -> (Vec<u8>, bool) {
    if value.len() <= LENGTH_MOST {
        return (value.to_vec(), true);
    }
    let begin = &value[..cut(value, is_text)];
    let above = if is_text { text_above(begin) } else { bytes_above(begin) };
    above.map_or_else(|| (value.to_vec(), true), |above| (above, false))
}

/// Where a long value may be cut: a text not within a character.
fn cut(value: &[u8], is_text: bool) -> usize {
    let begins = |at: &usize| !is_text || value[*at] & 0xc0 != 0x80;
    (1..=LENGTH_MOST).rev().find(begins).unwrap_or(LENGTH_MOST)
}

/// The last character that has a next one of the same length becomes that; nothing follows it.
fn text_above(begin: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(begin).ok()?;
    text.char_indices().rev().find_map(|(at, last)| {
        let next = char::from_u32(u32::from(last) + 1)?;
        let longer = next.len_utf8() != last.len_utf8();
        (!longer).then(|| format!("{}{next}", &text[..at]).into_bytes())
    })
}

fn bytes_above(begin: &[u8]) -> Option<Vec<u8>> {
    let last = begin.iter().rposition(|byte| *byte != 0xff)?;
    let mut above = begin[..=last].to_vec();
    above[last] += 1;
    Some(above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_in_order_are_told_from_others() {
        let order = |pages: &[(i32, i32)]| {
            let mut range = Range::default();
            for page in pages {
                range.add(*page);
                range.end_page();
                // A page of NULLs changes nothing.
                assert_eq!(range.end_page(), None);
            }
            (range.order(), range.whole().copied())
        };
        assert_eq!(order(&[]), (BoundaryOrder::ASCENDING, None));
        assert_eq!(order(&[(1, 3), (1, 4)]), (BoundaryOrder::ASCENDING, Some((1, 4))));
        assert_eq!(order(&[(5, 9), (4, 9), (1, 2)]), (BoundaryOrder::DESCENDING, Some((1, 9))));
        assert_eq!(order(&[(1, 9), (2, 3)]), (BoundaryOrder::UNORDERED, Some((1, 9))));
    }

    #[test]
    fn long_values_are_cut_to_bounds_that_still_hold() {
        let long = "ä".repeat(40);
        let (least, most) = (lower(long.as_bytes(), true), upper(long.as_bytes(), true));
        assert_eq!(least, ("ä".repeat(32).into_bytes(), false));
        assert_eq!(most, (format!("{}å", "ä".repeat(31)).into_bytes(), false));
        // The last one of two bytes has no next one of two bytes.
        let full = format!("{}{}", "a".repeat(62), "\u{7ff}".repeat(9));
        assert_eq!(upper(full.as_bytes(), true).0, format!("{}b", "a".repeat(61)).into_bytes());
        let bytes = [&[1; 60][..], &[0xff; 9]].concat();
        assert_eq!(lower(&bytes, false), (bytes[..64].to_vec(), false));
        assert_eq!(upper(&bytes, false), ([&[1; 59][..], &[2]].concat(), false));
        assert_eq!(upper(&[0xff; 70], false), (vec![0xff; 70], true));
        assert_eq!(upper("short".as_bytes(), true), (b"short".to_vec(), true));
    }
}
