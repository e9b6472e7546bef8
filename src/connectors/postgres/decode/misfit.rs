//! Why a value does not become a value of Arrow, in words for whoever owns it.

use super::numeric;

/// Why a value was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The value has no place in the Arrow type of its column.
    Misfit(Misfit),
    /// The bytes are not what the server's format says; here is what they should have been.
    Malformed(&'static str),
}

/// Why a value has no place in the Arrow type of its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfit {
    /// A decimal has no NaN.
    Nan,
    /// Neither a decimal nor a moment has an infinity.
    Infinity,
    /// A number with more digits than its column.
    Digits,
    /// A moment that 64 bits of microseconds since 1970 do not reach.
    Range,
    /// The end of a day as a time of day.
    Midnight,
    /// An array with another number of dimensions than the column declares.
    Dimensions,
    /// An array that does not begin at 1.
    LowerBound,
    /// NULL where the server promised none.
    Null,
    /// Bytes that are not UTF-8, from a database without an encoding.
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
            Misfit::Nan => "a decimal has no place for NaN",
            Misfit::Infinity => "the type of the column has no place for infinity",
            Misfit::Digits => "the number has more digits than the column",
            Misfit::Range => "the time is too far from 1970 for microseconds in 64 bits",
            Misfit::Midnight => "a time of day ends before 24:00:00",
            Misfit::Dimensions => "the array does not have the dimensions of its column",
            Misfit::LowerBound => "the array does not begin at 1",
            Misfit::Null => "the value is NULL in a column that is NOT NULL",
            Misfit::Utf8 => "the text is not valid UTF-8",
        }
    }

    /// As in [`crate::source::Refused::hint`].
    pub(super) fn hint(self, column: &str) -> String {
        let as_text = format!("`columns: {{{column}: text}}` reads the column exactly, as text");
        match self {
            Misfit::Nan => format!("`nan: null` reads it as NULL; {as_text}"),
            Misfit::Infinity => format!("`infinity: null` reads it as NULL; {as_text}"),
            Misfit::Null => "its constraint was never validated: `alter table … validate \
                             constraint` finds such rows"
                .to_owned(),
            Misfit::Utf8 => "the database has no encoding: correct the value, or read it as bytea \
                             with a `query`"
                .to_owned(),
            _ => as_text,
        }
    }
}

/// A date that is `days` after 2000-01-01, as the server writes it.
pub(super) fn date(days: i64) -> String {
    // Eras of 400 years of 146,097 days, counted from 0000-03-01 so that leap days come last.
    let days = days + 730_425;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + 400 * era + carry;
    match year {
        1.. => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{:04}-{month:02}-{day:02} BC", 1 - year),
    }
}

/// A moment that is `micros` after 2000-01-01 00:00, without its zone.
pub(super) fn moment(micros: i64) -> String {
    const DAY: i64 = 86_400_000_000;
    let seconds = micros.rem_euclid(DAY) / 1_000_000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = micros.rem_euclid(1_000_000);
    format!("{} {hour:02}:{minute:02}:{second:02}.{fraction:06}", date(micros.div_euclid(DAY)))
}

/// The word for an infinity of this sign.
pub(super) fn infinity(negative: bool) -> String {
    if negative { "-infinity" } else { "infinity" }.to_owned()
}

/// A number as the server writes it, as far as the bytes are one.
pub(super) fn number(bytes: &[u8]) -> String {
    numeric::shown(bytes).unwrap_or_else(|| "?".to_owned())
}
