//! A typed parameter value.

use jiff::civil::{Date, DateTime};

use crate::config::{Node, Problem, Value};
use crate::error::{Error, Result};

/// A typed parameter value.
#[derive(Debug, Clone, PartialEq)]
pub enum Var {
    /// `--var n=5`
    Integer(i64),
    /// `--var share=0.05`: kept as written, so that no digit is lost on the way to a decimal.
    Decimal(String),
    /// `--var strict=true`
    Boolean(bool),
    /// `--var day=2026-03-01`
    Date(Date),
    /// `--var since=2026-03-01T12:00:00` (without a zone)
    Timestamp(DateTime),
    /// Everything else.
    Text(String),
}

impl Var {
    /// The value meant by `text` on the command line: a whole number, a decimal number, `true` or
    /// `false`, an ISO date, an ISO date and time, or else text. Quotes around it force text.
    ///
    /// # Errors
    /// [`crate::error::Kind::Config`] for a date or time that looks like one and does not exist,
    /// or that has a zone.
    pub fn parse(text: &str) -> Result<Self> {
        for quote in ['\'', '"'] {
            let inner = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
            if let Some(inner) = inner {
                return Ok(Var::Text(inner.to_owned()));
            }
        }
        Self::plain(text)
    }

    /// The value of a node under `vars:`; quotes force text.
    pub(super) fn of_node(name: &str, node: &Node) -> Result<Self, Problem> {
        let Value::Scalar { text, quoted } = &node.value else {
            let message = format!("`{name}` must be a single value, not {}", node.shown());
            return Err(Problem::new(&node.place, message));
        };
        if *quoted {
            return Ok(Var::Text(text.clone()));
        }
        Self::plain(text).map_err(|error| {
            let message = format!("`{name}` is {} but cannot be read as one", node.shown());
            let message = if node.written.is_some() { message } else { error.to_string() };
            Problem::new(&node.place, message).hint(error.advice().unwrap_or_default())
        })
    }

    /// The value as it stands in a path.
    pub(super) fn in_path(&self) -> String {
        match self {
            Var::Integer(number) => number.to_string(),
            Var::Decimal(text) | Var::Text(text) => text.clone(),
            Var::Boolean(flag) => flag.to_string(),
            Var::Date(date) => date.to_string(),
            Var::Timestamp(time) => time.to_string(),
        }
    }

    fn plain(text: &str) -> Result<Self> {
        match text {
            "true" => return Ok(Var::Boolean(true)),
            "false" => return Ok(Var::Boolean(false)),
            _ => {}
        }
        if let Some(var) = number(text) {
            return Ok(var);
        }
        match shape(text.as_bytes()) {
            Shape::Date => text.parse().map(Var::Date).map_err(|_| impossible(text)),
            Shape::Time => {
                if text.ends_with(['Z', 'z']) || text[11..].contains(['+', '-']) {
                    return Err(Error::config(format!("`{text}` has a time zone"))
                        .hint("write the time in UTC, without a zone; quotes keep it as text"));
                }
                text.parse().map(Var::Timestamp).map_err(|_| impossible(text))
            }
            Shape::Other => Ok(Var::Text(text.to_owned())),
        }
    }
}

/// A number without leading zeros, exponents or other ways in which text may look like a number.
fn number(text: &str) -> Option<Var> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    if !digits(whole) || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    match fraction {
        Some(fraction) => digits(fraction).then(|| Var::Decimal(text.to_owned())),
        None => Some(text.parse().map_or_else(|_| Var::Decimal(text.to_owned()), Var::Integer)),
    }
}

/// What a text looks like.
enum Shape {
    Date,
    Time,
    Other,
}

fn shape(text: &[u8]) -> Shape {
    let pattern = |part: &[u8], pattern: &[u8]| {
        part.len() == pattern.len()
            && part.iter().zip(pattern).all(|(byte, like)| match like {
                b'0' => byte.is_ascii_digit(),
                b'T' => matches!(byte, b'T' | b't' | b' '),
                like => byte == like,
            })
    };
    if pattern(text, b"0000-00-00") {
        Shape::Date
    } else if text.get(..14).is_some_and(|start| pattern(start, b"0000-00-00T00:"))
        && text.is_ascii()
    {
        Shape::Time
    } else {
        Shape::Other
    }
}

fn impossible(text: &str) -> Error {
    Error::config(format!("`{text}` is not a date or time of the calendar"))
        .hint("quotes keep it as text")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, datetime};

    #[test]
    fn a_value_gets_the_type_it_looks_like() {
        let cases = [
            ("5", Var::Integer(5)),
            ("-7", Var::Integer(-7)),
            ("9223372036854775807", Var::Integer(i64::MAX)),
            ("9223372036854775808", Var::Decimal("9223372036854775808".into())),
            ("0.05", Var::Decimal("0.05".into())),
            ("-1.50", Var::Decimal("-1.50".into())),
            ("true", Var::Boolean(true)),
            ("false", Var::Boolean(false)),
            ("2026-03-01", Var::Date(date(2026, 3, 1))),
            ("2026-03-01T12:30:00", Var::Timestamp(datetime(2026, 3, 1, 12, 30, 0, 0))),
            ("2026-03-01 12:30:00.5", Var::Timestamp(datetime(2026, 3, 1, 12, 30, 0, 500_000_000))),
        ];
        for (text, value) in cases {
            assert_eq!(Var::parse(text).unwrap(), value, "{text}");
        }
    }

    #[test]
    fn what_only_resembles_a_number_or_a_date_stays_text() {
        let cases = [
            "",
            "no",
            "on",
            "True",
            "012",
            "1e3",
            ".5",
            "5.",
            "+5",
            "0x10",
            "1_000",
            "1:30",
            ".inf",
            "-",
            "2026-3-1",
            "2026-03-01 report",
            "2026.03.01",
            "ä",
            "\"half",
            "2026-03-01T10:äää",
        ];
        for text in cases {
            assert_eq!(Var::parse(text).unwrap(), Var::Text(text.into()), "{text}");
        }
    }

    #[test]
    fn quotes_force_text() {
        assert_eq!(Var::parse("'5'").unwrap(), Var::Text("5".into()));
        assert_eq!(Var::parse("\"2026-02-30\"").unwrap(), Var::Text("2026-02-30".into()));
        assert_eq!(Var::parse("'").unwrap(), Var::Text("'".into()));
    }

    #[test]
    fn a_day_that_does_not_exist_and_a_time_with_a_zone_are_refused() {
        let message = |text| Var::parse(text).unwrap_err().to_string();
        assert_eq!(message("2026-02-30"), "`2026-02-30` is not a date or time of the calendar");
        assert_eq!(message("2026-03-01T12:00:00Z"), "`2026-03-01T12:00:00Z` has a time zone");
        assert_eq!(
            message("2026-03-01T12:00:00+01:00"),
            "`2026-03-01T12:00:00+01:00` has a time zone"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(?s)[0-9T:+-]{0,25}|.{0,20}") {
            let _ = Var::parse(&text);
        }

        #[test]
        fn every_integer_and_date_is_read_as_itself(n: i64, day in 1..=28i8, month in 1..=12i8) {
            proptest::prop_assert_eq!(Var::parse(&n.to_string()).unwrap(), Var::Integer(n));
            let day = date(2026, month, day);
            proptest::prop_assert_eq!(Var::parse(&day.to_string()).unwrap(), Var::Date(day));
        }
    }
}
