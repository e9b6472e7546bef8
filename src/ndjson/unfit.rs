//! The reasons why a value does not fit its form, in words.

use super::form::{Form, TextLimit};

/// Why a value does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It is NULL.
    Null,
    /// An integer beyond the target's.
    Range,
    /// Too many digits before the point.
    IntegerDigits,
    /// Digits after the point that the target does not keep.
    FractionDigits,
    /// NaN or an infinity.
    Special,
    /// A number that the target's float does not hold exactly.
    Inexact,
    /// A text that is too long.
    TextLength,
    /// A text that is not JSON.
    NotJson,
    /// JSON that is nested too deep.
    Depth,
    /// The JSON `null`.
    JsonNull,
    /// Bytes that are too many.
    BytesLength,
    /// A year before 1 or after 9999.
    Year,
    /// A date with a time of day.
    PartOfDay,
    /// No time of day.
    Clock,
    /// Digits of the second that the target does not keep.
    SecondDigits,
    /// A key that a map has already.
    KeyTwice,
}

impl Unfit {
    /// What is wrong with a value that should have become `form`.
    pub(super) fn reason(self, form: &Form) -> String {
        match (self, form) {
            (Unfit::Null, Form::List { .. }) => "the column takes no NULL in the place of a list",
            (Unfit::Null, Form::Map { .. }) => "the column takes no NULL in the place of a map",
            (Unfit::Null, _) => "the column takes no NULL",
            (Unfit::Range, Form::Integer { bits, .. }) => {
                return format!("the number is outside of an integer of {bits} bits");
            }
            (Unfit::IntegerDigits, Form::Decimal { integer_digits, .. }) => {
                return format!(
                    "the number has more than {integer_digits} digits before the point"
                );
            }
            (Unfit::FractionDigits, Form::Decimal { fraction_digits, .. }) => {
                return format!(
                    "the number has more than {fraction_digits} digits after the point"
                );
            }
            (Unfit::Range | Unfit::IntegerDigits, _) => "the number is too large for the column",
            (Unfit::FractionDigits, _) => "the number has digits after the point",
            (Unfit::Special, _) => "the column takes no NaN and no infinity",
            (Unfit::Inexact, Form::Float { bits, .. }) => {
                return format!("a float of {bits} bits does not hold the number exactly");
            }
            (Unfit::Inexact, _) => "a float does not hold the number exactly",
            (Unfit::TextLength, Form::Text { limit: Some(TextLimit::Bytes(limit)) }) => {
                return format!("the text is longer than {limit} bytes");
            }
            (Unfit::TextLength, Form::Text { limit: Some(TextLimit::Characters(limit)) }) => {
                return format!("the text is longer than {limit} characters");
            }
            (Unfit::TextLength, _) => "the text is too long for the column",
            (Unfit::NotJson, _) => "the text is not JSON",
            (Unfit::Depth, Form::Json { max_depth }) => {
                return format!("the JSON is nested deeper than {max_depth} levels");
            }
            (Unfit::Depth, _) => "the JSON is nested too deep",
            (Unfit::JsonNull, _) => "the JSON `null` would become a NULL",
            (
                Unfit::BytesLength,
                Form::Base64 { max_bytes: Some(limit) } | Form::Hex { max_bytes: Some(limit) },
            ) => return format!("the value is longer than {limit} bytes"),
            (Unfit::BytesLength, _) => "the value is too long for the column",
            (Unfit::Year, _) => "the year is outside of 1 to 9999",
            (Unfit::PartOfDay, _) => "the date is not a whole number of days",
            (Unfit::Clock, _) => "the time is outside of 00:00:00 to 23:59:59",
            (
                Unfit::SecondDigits,
                Form::Time { fraction_digits }
                | Form::DateTime { fraction_digits }
                | Form::UtcDateTime { fraction_digits }
                | Form::Timestamp { fraction_digits },
            ) => {
                return format!(
                    "the second has more than {fraction_digits} digits after the point"
                );
            }
            (Unfit::SecondDigits, _) => "the second has too many digits after the point",
            (Unfit::KeyTwice, _) => "the map has a key twice",
        }
        .to_owned()
    }

    /// What can be done.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Unfit::Null => {
                "fill it in the model with `coalesce`, or drop the column's `not null` in the target"
            }
            Unfit::Range | Unfit::IntegerDigits => "widen the column in the target",
            Unfit::FractionDigits => {
                "round it in the model with `round`, or widen the column in the target"
            }
            Unfit::Special => "make it NULL in the model with `nullif`",
            Unfit::Inexact => "cast it in the model, or widen the column in the target",
            Unfit::TextLength | Unfit::BytesLength => {
                "cut it in the model with `substr`, or widen the column in the target"
            }
            Unfit::NotJson => "mend it in the model, or make the column a text in the target",
            Unfit::Depth => "make the column a text in the target",
            Unfit::JsonNull => "make it NULL in the model with `nullif`, or the column a text",
            Unfit::Year | Unfit::Clock => "mend it in the model, or make it NULL there with `case`",
            Unfit::PartOfDay => "cast it to a timestamp in the model",
            Unfit::SecondDigits => "cut them in the model with `date_trunc`",
            Unfit::KeyTwice => "mend the map in the model",
        }
    }
}
