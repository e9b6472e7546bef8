//! Why a value does not become a value of Arrow, in words for whoever owns it.

/// Why a value was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The value has no place in the Arrow type of its column.
    Misfit(Misfit),
    /// The bytes are not what the protocol says; here is what they should have been.
    Malformed(&'static str),
}

/// Why a value has no place in the Arrow type of its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfit {
    /// `0000-00-00`, or a date without a month or a day.
    ZeroDate,
    /// A day that no calendar has, such as 30 February.
    NoSuchDay,
    /// A number with more digits than its column.
    Digits,
    /// A whole number that is too large or too small.
    Range,
    /// A number that is neither 0 nor 1.
    NotBoolean,
    /// Hours that are no time of day.
    NotTimeOfDay,
    /// A shape without the number of its reference system.
    Shape,
    /// NULL where the server promised none.
    Null,
    /// Bytes that are not UTF-8.
    Utf8,
}

impl From<Misfit> for Trouble {
    fn from(misfit: Misfit) -> Self {
        Trouble::Misfit(misfit)
    }
}

impl Misfit {
    /// As in [`crate::source::Refused::reason`].
    pub(super) fn reason(self) -> &'static str {
        match self {
            Misfit::ZeroDate => "the date has no day or no month, and Arrow has no such date",
            Misfit::NoSuchDay => "there is no such day",
            Misfit::Digits => "the number has more digits than the column",
            Misfit::Range => "the number is out of the range of the column",
            Misfit::NotBoolean => "the number is neither 0 nor 1",
            Misfit::NotTimeOfDay => "the time is not between 00:00:00 and 24:00:00",
            Misfit::Shape => "the value is no shape of the server",
            Misfit::Null => "the value is NULL in a column that is NOT NULL",
            Misfit::Utf8 => "the text is not valid UTF-8",
        }
    }

    /// As in [`crate::source::Refused::hint`].
    pub(super) fn hint(self, column: &str) -> String {
        let as_text = format!("`columns: {{{column}: text}}` reads the column exactly, as text");
        match self {
            Misfit::ZeroDate => format!("`zero_dates: null` reads it as NULL; {as_text}"),
            Misfit::NotBoolean => format!("`columns: {{{column}: smallint}}` reads the number"),
            Misfit::Null => "see whether the definition of the table changed".to_owned(),
            Misfit::Utf8 => {
                format!("correct the value, or read `cast({column} as binary)` with a `query`")
            }
            _ => as_text,
        }
    }
}
