//! Values as the server would write them, for columns that are read as text and for messages.

use std::fmt::Write;

use super::misfit::Trouble;
use super::moment::{Moment, Time};
use super::sent::{Sent, array, bytes, whole};
use crate::connectors::mysql::wire::Cursor;

/// Writes the next value to the end of `out`: with it, every value of its type can be told from
/// every other.
pub(super) fn write(sent: Sent, cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), Trouble> {
    let mut text = String::new();
    match sent {
        Sent::Decimal | Sent::Bytes => {
            out.extend_from_slice(bytes(cursor)?);
            return Ok(());
        }
        Sent::Signed(_) | Sent::Unsigned(_) => {
            put(&mut text, format_args!("{}", whole(sent, cursor)?))
        }
        Sent::Float32 => put(&mut text, format_args!("{:?}", f32::from_le_bytes(array(cursor)?))),
        Sent::Float64 => put(&mut text, format_args!("{:?}", f64::from_le_bytes(array(cursor)?))),
        Sent::Bits(width) => {
            let width = usize::try_from(width).unwrap_or(64);
            put(&mut text, format_args!("{:0width$b}", whole(sent, cursor)?));
        }
        Sent::Date => date(&mut text, Moment::read(cursor)?),
        Sent::Moment(digits) => {
            let moment = Moment::read(cursor)?;
            date(&mut text, moment);
            let Moment { hour, minute, second, micros, .. } = moment;
            put(&mut text, format_args!(" {hour:02}:{minute:02}:{second:02}"));
            fraction(&mut text, micros, digits);
        }
        Sent::Time(digits) => {
            let time = Time::read(cursor)?;
            let sign = if time.negative { "-" } else { "" };
            let (hours, Time { minute, second, .. }) = (time.hours(), time);
            put(&mut text, format_args!("{sign}{hours:02}:{minute:02}:{second:02}"));
            fraction(&mut text, time.micros, digits);
        }
    }
    // A whole number is a float without a point, for the server.
    let is_float = matches!(sent, Sent::Float32 | Sent::Float64);
    let text = text.strip_suffix(".0").filter(|_| is_float).unwrap_or(&text);
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a String does not fail.
    let _ = text.write_fmt(what);
}

fn date(text: &mut String, Moment { year, month, day, .. }: Moment) {
    put(text, format_args!("{year:04}-{month:02}-{day:02}"));
}

/// As many digits as the column has, and never fewer than there are.
fn fraction(text: &mut String, micros: u32, digits: u8) {
    let all = format!("{micros:06}");
    let needed = all.trim_end_matches('0').len();
    let shown = usize::from(digits.min(6)).max(needed);
    if shown > 0 {
        put(text, format_args!(".{}", &all[..shown]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::mysql::decode::sent::Width;

    #[test]
    fn values_are_written_as_the_server_writes_them() {
        for (sent, bytes, text) in [
            (Sent::Signed(Width::Two), &[0xff, 0xff][..], "-1"),
            (Sent::Unsigned(Width::Eight), &[0xff; 8], "18446744073709551615"),
            (Sent::Float32, &0.1_f32.to_le_bytes(), "0.1"),
            (Sent::Float64, &1e308_f64.to_le_bytes(), "1e308"),
            (Sent::Float64, &(-0.0_f64).to_le_bytes(), "-0"),
            (Sent::Float64, &(1.0_f64 / 3.0).to_le_bytes(), "0.3333333333333333"),
            (Sent::Bits(12), &[2, 0x0a, 0x01], "101000000001"),
            (Sent::Bits(3), &[1, 1], "001"),
            (Sent::Bytes, &[2, b'a', b'b'], "ab"),
            (Sent::Date, &[0], "0000-00-00"),
            (Sent::Date, &[4, 0xe4, 7, 0, 15], "2020-00-15"),
            (Sent::Moment(0), &[7, 0xe4, 7, 2, 30, 1, 2, 3], "2020-02-30 01:02:03"),
            (Sent::Moment(6), &[0], "0000-00-00 00:00:00.000000"),
            (
                Sent::Moment(0),
                &[11, 0xe4, 7, 2, 3, 1, 2, 3, 16, 39, 0, 0],
                "2020-02-03 01:02:03.01",
            ),
            (Sent::Time(0), &[0], "00:00:00"),
            (
                Sent::Time(3),
                &[12, 1, 34, 0, 0, 0, 22, 59, 59, 0x58, 0x3e, 0x0f, 0],
                "-838:59:59.999",
            ),
        ] {
            let mut out = Vec::new();
            let mut cursor = Cursor(bytes);
            write(sent, &mut cursor, &mut out).unwrap();
            assert_eq!((String::from_utf8(out).unwrap().as_str(), cursor.0), (text, &[][..]));
        }
    }
}
