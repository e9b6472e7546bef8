//! Names of tables as people write them: parts between dots, in quotes where a part has a dot.

/// The parts of `text`, each without its quotes; `quotes` are the pairs that may stand around one, and
/// the closing one is doubled inside. `None` when a part is empty or a quote is not closed.
pub(super) fn parts(text: &str, quotes: &[(char, char)]) -> Option<Vec<String>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    loop {
        let quoted =
            quotes.iter().find_map(|(open, close)| Some((rest.strip_prefix(*open)?, *close)));
        let (part, after) = match quoted {
            Some((quoted, close)) => unquoted(quoted, close)?,
            None => {
                let (part, after) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
                (part.to_owned(), after)
            }
        };
        if part.is_empty() {
            return None;
        }
        parts.push(part);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None if after.is_empty() => return Some(parts),
            None => return None,
        }
    }
}

/// What stands in `text` up to the closing quote, which is doubled inside, and what follows it; `None`
/// when it is not closed.
pub(super) fn unquoted(text: &str, close: char) -> Option<(String, &str)> {
    let (mut name, mut rest) = (String::new(), text);
    loop {
        let (before, after) = rest.split_once(close)?;
        name.push_str(before);
        match after.strip_prefix(close) {
            Some(next) => {
                name.push(close);
                rest = next;
            }
            None => return Some((name, after)),
        }
    }
}
