//! Looks at a `query` before the server does: it must be one SELECT, and must not read what others
//! have not committed.

/// What is wrong with `query` and what to do, if something is.
pub(super) fn trouble(query: &str) -> Option<(&'static str, &'static str)> {
    let words = words(query);
    let is = |word: &&String, name: &str| word.eq_ignore_ascii_case(name);
    let has = |name: &str| words.iter().any(|word| is(&word, name));
    match words.first() {
        None => return Some(("`query` is empty", "write a SELECT")),
        Some(first) if is(&first, "with") => {
            return Some((
                "`query` begins with `with`, which SQL Server does not take within another query",
                "write the common table expression as a derived table, or make a view of it",
            ));
        }
        Some(first) if !is(&first, "select") => {
            return Some(("`query` is no SELECT", "a source only reads"));
        }
        Some(_) => {}
    }
    if words.iter().any(|word| word == ";") {
        return Some(("`query` has more than one statement", "write a single SELECT"));
    }
    if has("nolock") || has("readuncommitted") {
        return Some((
            "`query` reads what others have not committed",
            "take `nolock` away: such a read misses rows and gives others twice",
        ));
    }
    if has("into") {
        return Some(("`query` writes: it has `into`", "a source only reads"));
    }
    None
}

/// The words of a statement and its semicolons, without comments, texts and quoted names.
fn words(query: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let mut rest = query;
    while let Some(c) = rest.chars().next() {
        let after = match c {
            '-' if rest.starts_with("--") => behind(rest, 2, "\n"),
            '/' if rest.starts_with("/*") => behind_comment(rest),
            '\'' => behind(rest, 1, "'"),
            '"' => behind(rest, 1, "\""),
            '[' => behind(rest, 1, "]"),
            _ => rest.get(c.len_utf8()..).unwrap_or_default(),
        };
        match c {
            _ if c.is_alphanumeric() || c == '_' => word.push(c),
            _ => words.push(std::mem::take(&mut word)),
        }
        if c == ';' {
            words.push(";".to_owned());
        }
        rest = after;
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// What follows the first `end` behind the first `skipped` bytes.
fn behind<'a>(text: &'a str, skipped: usize, end: &str) -> &'a str {
    let inner = text.get(skipped..).unwrap_or_default();
    inner.split_once(end).map_or("", |(_, rest)| rest)
}

/// What follows a comment, in which others may stand.
fn behind_comment(text: &str) -> &str {
    let (mut depth, mut rest) = (0_usize, text);
    loop {
        let next = rest.find("/*").into_iter().chain(rest.find("*/")).min();
        let Some(at) = next else { return "" };
        match rest.get(at..).is_some_and(|rest| rest.starts_with("/*")) {
            true => depth += 1,
            false => depth = depth.saturating_sub(1),
        }
        rest = rest.get(at + 2..).unwrap_or_default();
        if depth == 0 {
            return rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_one_select_of_what_is_committed() {
        for query in [
            "select * from t",
            "/* a /* b */ ; */ SELECT 'with (nolock); into' as [nolock;], \"into\" from t -- ;",
            "select a from (select 'it''s; x' as a) as q",
        ] {
            assert_eq!(trouble(query), None, "{query}");
        }
        for (query, expected) in [
            ("", "`query` is empty"),
            ("with a as (select 1 as b) select * from a", "`query` begins with `with`"),
            ("delete from t", "`query` is no SELECT"),
            ("select 1; drop table t", "`query` has more than one statement"),
            ("select * from t with (NoLock)", "`query` reads what others have not committed"),
            ("select * from t (readuncommitted)", "`query` reads what others have not committed"),
            ("select * into u from t", "`query` writes: it has `into`"),
        ] {
            let found = trouble(query).map(|(message, _)| message).unwrap_or_default();
            assert!(found.starts_with(expected), "{query}: {found}");
        }
    }
}
