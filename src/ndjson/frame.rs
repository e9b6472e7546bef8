//! What stands around a value: the key before it, quotes, and what is written instead of a NULL.

use super::form::Form;

/// The bytes that a write may touch behind those it leaves: short pieces are copied in one size.
pub(super) const SLACK: usize = 64;

/// The longest opening that is copied in one size.
const SHORT: usize = 32;

/// The frame of all values of a column.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// What comes before a value, with its opening quote: `,"name":"`.
    open: Vec<u8>,
    /// The same, where it has room.
    short: Option<[u8; SHORT]>,
    /// Whether a quote comes after the value.
    quoted: bool,
    /// What becomes of a NULL.
    pub null: OnNull,
}

/// What becomes of a NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OnNull {
    /// It is a misfit.
    Refuse,
    /// Nothing is written, not even the key.
    Omit,
    /// This is written, the key with it.
    Write(Vec<u8>),
}

impl Frame {
    /// The frame of values behind `before`, such as `,"name":`; a NULL becomes `null` there.
    pub(super) fn new(before: &[u8], quoted: bool, null: Null) -> Self {
        let quote: &[u8] = if quoted { b"\"" } else { b"" };
        let open = [before, quote].concat();
        let mut short = [0; SHORT];
        let fits = short.get_mut(..open.len()).map(|room| room.copy_from_slice(&open)).is_some();
        let null = match null {
            Null::Refuse => OnNull::Refuse,
            Null::Omit => OnNull::Omit,
            Null::Write(text) => OnNull::Write([before, text.as_bytes()].concat()),
        };
        Frame { open, short: fits.then_some(short), quoted, null }
    }

    /// The most bytes that it adds to a value.
    pub(super) fn width(&self) -> usize {
        self.open.len() + usize::from(self.quoted)
    }

    /// Writes what comes before a value; gives the value's place.
    #[inline(always)]
    pub(super) fn open(&self, out: &mut [u8], at: usize) -> usize {
        match &self.short {
            Some(short) => out[at..at + SHORT].copy_from_slice(short),
            None => out[at..at + self.open.len()].copy_from_slice(&self.open),
        }
        at + self.open.len()
    }

    /// Writes what comes after a value; gives the end.
    #[inline(always)]
    pub(super) fn close(&self, out: &mut [u8], at: usize) -> usize {
        out[at] = b'"';
        at + usize::from(self.quoted)
    }
}

/// What a column says about NULL, before the frame knows its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Null {
    /// It is a misfit.
    Refuse,
    /// The value is left out, with its key.
    Omit,
    /// This stands in its place.
    Write(&'static str),
}

impl Form {
    /// Whether values of this form stand in quotes.
    pub(super) fn is_quoted(&self) -> bool {
        match self {
            Form::Integer { quoted, .. } | Form::Decimal { quoted, .. } => *quoted,
            Form::Text { .. }
            | Form::Uuid
            | Form::Base64 { .. }
            | Form::Hex { .. }
            | Form::Date
            | Form::Time { .. }
            | Form::DateTime { .. }
            | Form::UtcDateTime { .. }
            | Form::Timestamp { .. } => true,
            Form::Bool
            | Form::Float { .. }
            | Form::Json { .. }
            | Form::List { .. }
            | Form::Record(_)
            | Form::Map { .. } => false,
        }
    }
}
