//! Takes known secrets out of text, whatever way they got there: the second net behind
//! [`Secret`](crate::config::Secret).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::config::{Node, Value};

/// Shorter values are not looked for: they would be found in words.
const SHORTEST: usize = 6;
const SHOWN: &[u8] = b"***";

/// Every form of every secret of this process.
static KNOWN: Forms = Forms(RwLock::new(BTreeSet::new()));

/// Takes every secret of this process out of `text`.
pub fn scrub(text: &str) -> Cow<'_, str> {
    match KNOWN.scrub(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// Takes every secret of this process out of `bytes`.
pub fn scrub_bytes(bytes: &[u8]) -> Cow<'_, [u8]> {
    KNOWN.scrub(bytes)
}

/// Looks for `secret` from now on, and for what becomes of it in URLs, headers and JSON.
pub(super) fn remember(secret: &str) {
    KNOWN.remember(secret);
}

/// Looks for the passwords of all URLs in `node` from now on.
pub(super) fn remember_urls(node: &Node) {
    match &node.value {
        Value::Null => {}
        Value::Scalar { text, .. } => {
            if let Some(password) = password(text) {
                remember(password);
                remember(&percent_decode_str(password).decode_utf8_lossy());
            }
        }
        Value::List(items) => items.iter().for_each(remember_urls),
        Value::Map(entries) => entries.iter().for_each(|(.., node)| remember_urls(node)),
    }
}

/// The password in a URL as it is written there; one that should have been encoded is found too.
fn password(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (login, _) = rest.rsplit_once('@')?;
    login.split_once(':').map(|(_, password)| password)
}

#[derive(Debug)]
struct Forms(RwLock<BTreeSet<String>>);

impl Forms {
    fn remember(&self, secret: &str) {
        let forms = forms(secret).into_iter().filter(|form| form.len() >= SHORTEST);
        // A set that somebody panicked over is still a set.
        self.0.write().unwrap_or_else(PoisonError::into_inner).extend(forms);
    }

    fn scrub<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let forms = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut text = Cow::Borrowed(bytes);
        loop {
            let found = found(&text, &forms);
            if found.is_empty() {
                return text;
            }
            // What is left may be a secret again; it is shorter each time, so this ends.
            text = Cow::Owned(without(&text, &found));
        }
    }
}

/// Where any of `forms` stands, in order; places that overlap are one.
fn found(text: &[u8], forms: &BTreeSet<String>) -> Vec<Range<usize>> {
    let mut places: Vec<Range<usize>> = Vec::new();
    for form in forms {
        let mut from = 0;
        while let Some(at) = memchr::memmem::find(&text[from..], form.as_bytes()) {
            places.push(from + at..from + at + form.len());
            from += at + 1;
        }
    }
    places.sort_by_key(|place| place.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for place in places {
        match merged.last_mut() {
            Some(last) if place.start < last.end => last.end = last.end.max(place.end),
            _ => merged.push(place),
        }
    }
    merged
}

fn without(text: &[u8], places: &[Range<usize>]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(text.len());
    let mut from = 0;
    for place in places {
        shown.extend_from_slice(&text[from..place.start]);
        shown.extend_from_slice(SHOWN);
        from = place.end;
    }
    shown.extend_from_slice(&text[from..]);
    shown
}

/// What URLs leave as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What may become of `secret` on its way into a text.
fn forms(secret: &str) -> Vec<String> {
    let in_quotes = |quoted: String| quoted[1..quoted.len() - 1].to_owned();
    let json = in_quotes(serde_json::Value::from(secret).to_string());
    let debug = in_quotes(format!("{secret:?}"));
    let percent = [NON_ALPHANUMERIC, RESERVED].into_iter().flat_map(|set| {
        let upper = utf8_percent_encode(secret, set).to_string();
        [lower(&upper), upper]
    });
    let base64 = [STANDARD, URL_SAFE].map(|last| base64(secret.as_bytes(), last));
    [secret.to_owned(), json, debug].into_iter().chain(percent).chain(base64).collect()
}

/// The same with `%2f` in place of `%2F`.
fn lower(encoded: &str) -> String {
    let mut digits = 0;
    let lowered = encoded.chars().map(|c| {
        let is_digit = digits > 0;
        digits = if c == '%' { 2 } else { i32::max(digits - 1, 0) };
        if is_digit { c.to_ascii_lowercase() } else { c }
    });
    lowered.collect()
}

const STANDARD: [char; 2] = ['+', '/'];
const URL_SAFE: [char; 2] = ['-', '_'];

/// Base64 without the padding, which is found with it or without.
fn base64(bytes: &[u8], last: [char; 2]) -> String {
    let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(last).collect();
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..=chunk.len() {
            let six = bits >> (18 - 6 * digit) & 63;
            text.extend(usize::try_from(six).ok().and_then(|six| alphabet.get(six)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(secrets: &[&str]) -> Forms {
        let forms = Forms(RwLock::default());
        secrets.iter().for_each(|secret| forms.remember(secret));
        forms
    }

    fn scrubbed(secrets: &[&str], text: &str) -> String {
        String::from_utf8(known(secrets).scrub(text.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn every_form_of_a_secret_is_taken_out() {
        let secret = "p@ss/Wörd\"1-";
        let text = "a p@ss/Wörd\"1-, p%40ss%2FW%C3%B6rd%221%2D, p%40ss%2fW%c3%b6rd%221-, \
                    p@ss/Wörd\\\"1-, cEBzcy9Xw7ZyZCIxLQ==, 1";
        assert_eq!(scrubbed(&[secret], text), "a ***, ***, ***, ***, ***==, 1");
        assert_eq!(scrubbed(&["short"], "short"), "short");
    }

    #[test]
    fn secrets_that_overlap_or_appear_only_then_are_taken_out_whole() {
        assert_eq!(scrubbed(&["abcdef", "defghi"], "abcdefghi"), "***");
        assert_eq!(scrubbed(&["abcdef", "***ghi"], "abcdefghi"), "***");
        assert_eq!(scrubbed(&["******"], "*********"), "***");
    }

    #[test]
    fn the_password_of_a_url_is_found_as_written() {
        assert_eq!(password("postgres://u:a%2Fb@h:5/d"), Some("a%2Fb"));
        assert_eq!(password("postgres://u:a/b@c@h/d?x=y"), Some("a/b@c"));
        for plain in ["postgres://u@h:5/d", "postgres://h:5/d", "u:p@h", "out/a.csv"] {
            assert_eq!(password(plain), None, "{plain}");
        }
    }

    proptest! {
        #[test]
        fn no_form_of_any_secret_ever_comes_out(
            secrets in prop::collection::vec("(?s).{6,20}", 1..4),
            pieces in prop::collection::vec(("(?s).{0,8}", any::<prop::sample::Index>()), 1..6),
        ) {
            let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
            let all: Vec<_> = secrets.iter().flat_map(|secret| forms(secret)).collect();
            let text: String =
                pieces.iter().map(|(between, at)| format!("{between}{}", at.get(&all))).collect();
            let shown = scrubbed(&secrets, &text);
            for form in all {
                prop_assert!(!shown.contains(&form), "{form:?} in {shown:?}");
            }
        }
    }
}
