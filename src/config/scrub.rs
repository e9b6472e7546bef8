//! Takes known secrets out of text, whatever way they got there: the second net behind
//! [`Secret`](crate::config::Secret).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

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

#[derive(Debug)]
struct Forms(RwLock<BTreeSet<String>>);

impl Forms {
    fn remember(&self, secret: &str) {
        let forms = forms(secret).filter(|form| form.len() >= SHORTEST);
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

fn forms(secret: &str) -> impl Iterator<Item = String> {
    let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let json = serde_json::Value::from(secret).to_string();
    let debug = format!("{secret:?}");
    let inner = |quoted: &str| quoted[1..quoted.len() - 1].to_owned();
    let base64 = [STANDARD, URL_SAFE].map(|alphabet| base64(secret.as_bytes(), alphabet));
    let plain = [secret.to_owned(), encoded.to_lowercase(), encoded, inner(&json), inner(&debug)];
    plain.into_iter().chain(base64)
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
