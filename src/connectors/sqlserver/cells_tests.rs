//! Every type at its limits, as the driver hands it over.

use std::borrow::Cow;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, TimeUnit, TimestampMicrosecondType};
use arrow::util::display::array_value_to_string;
use tiberius::ColumnData;
use tiberius::numeric::Numeric;
use tiberius::time::{Date, DateTime, DateTime2, DateTimeOffset, SmallDateTime, Time};

use super::cells::{Cells, Trouble};
use super::reading::{Fraction, Wire, strategy};
use super::server_type::ServerType;

fn cells(kind: &str, fraction: Fraction) -> Cells {
    let (data_type, wire, _) = strategy(&ServerType::parse(kind), "a", fraction).unwrap();
    // Arrow's printer knows no zones without a library of them.
    Cells::new(wire, &Field::new("a", data_type, true))
}

fn pushed(kind: &str, fraction: Fraction, value: ColumnData<'static>) -> Result<ArrayRef, Trouble> {
    let mut cells = cells(kind, fraction);
    cells.push(&value)?;
    Ok(cells.finish())
}

fn shown(kind: &str, value: ColumnData<'static>) -> String {
    let array = pushed(kind, Fraction::Refuse, value).unwrap();
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    if *array.data_type() == utc {
        let plain = array.as_primitive::<TimestampMicrosecondType>().clone();
        let plain = plain.with_timezone_opt(None::<&str>);
        return format!("{} UTC", array_value_to_string(&plain, 0).unwrap());
    }
    array_value_to_string(&array, 0).unwrap()
}

fn bytes(bytes: &[u8]) -> ColumnData<'static> {
    ColumnData::Binary(Some(Cow::Owned(bytes.to_vec())))
}

fn utf16(text: &str) -> ColumnData<'static> {
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes(&units)
}

#[test]
fn numbers_are_exact_at_their_limits() {
    use ColumnData as V;
    assert_eq!(shown("bit", V::Bit(Some(true))), "true");
    assert_eq!(shown("tinyint", V::U8(Some(255))), "255");
    assert_eq!(shown("smallint", V::I16(Some(i16::MIN))), "-32768");
    assert_eq!(shown("int", V::I32(Some(i32::MIN))), "-2147483648");
    assert_eq!(shown("bigint", V::I64(Some(i64::MIN))), "-9223372036854775808");
    let numeric = |value, scale| V::Numeric(Some(Numeric::new_with_scale(value, scale)));
    assert_eq!(shown("money", numeric(-9_223_372_036_854_775_808, 4)), "-922337203685477.5808");
    assert_eq!(shown("smallmoney", numeric(-2_147_483_648, 4)), "-214748.3648");
    let nines = 10_i128.pow(38) - 1;
    assert_eq!(shown("decimal(38,38)", numeric(nines, 38)), format!("0.{}", "9".repeat(38)));
    assert_eq!(shown("decimal(38,0)", numeric(-nines, 0)), format!("-{}", "9".repeat(38)));
    let tiny = pushed("real", Fraction::Refuse, V::F32(Some(f32::from_bits(1)))).unwrap();
    let tiny = tiny.as_primitive::<arrow::datatypes::Float32Type>().value(0);
    assert_eq!(tiny.to_bits(), 1);
    let zero = pushed("float", Fraction::Refuse, V::F64(Some(-0.0))).unwrap();
    let zero = zero.as_primitive::<arrow::datatypes::Float64Type>().value(0);
    assert_eq!(zero.to_bits(), (-0.0_f64).to_bits());
}

#[test]
fn a_number_of_another_scale_or_type_ends_the_read() {
    let numeric = |value, scale| ColumnData::Numeric(Some(Numeric::new_with_scale(value, scale)));
    for (kind, value) in [
        ("decimal(5,2)", numeric(1, 3)),
        ("decimal(5,2)", numeric(100_000, 2)),
        ("int", ColumnData::I64(Some(1))),
        ("money", ColumnData::F64(Some(1.5))),
        ("datetime", ColumnData::Date(Some(Date::new(1)))),
    ] {
        assert_eq!(pushed(kind, Fraction::Refuse, value).unwrap_err(), Trouble::Foreign, "{kind}");
    }
}

#[test]
fn moments_are_what_the_server_shows() {
    use ColumnData as V;
    let date = Date::new;
    assert_eq!(shown("date", V::Date(Some(date(0)))), "0001-01-01");
    assert_eq!(shown("date", V::Date(Some(date(3_652_058)))), "9999-12-31");
    // What `select` shows for 1, 2, 3 and the last ticks of a day.
    for (ticks, expected) in [
        (0, "00:00:00"),
        (1, "00:00:00.003"),
        (2, "00:00:00.007"),
        (3, "00:00:00.010"),
        (25_919_999, "23:59:59.997"),
    ] {
        let value = V::DateTime(Some(DateTime::new(-53_690, ticks)));
        assert_eq!(shown("datetime", value), format!("1753-01-01T{expected}"));
    }
    let last = V::SmallDateTime(Some(SmallDateTime::new(65_535, 1439)));
    assert_eq!(shown("smalldatetime", last), "2079-06-06T23:59:00");
    let time = V::Time(Some(Time::new(863_999_999_990, 7)));
    assert_eq!(shown("time(7)", time), "23:59:59.999999");
    assert_eq!(shown("time(0)", V::Time(Some(Time::new(86_399, 0)))), "23:59:59");
    let moment = |days, increments, scale| DateTime2::new(date(days), Time::new(increments, scale));
    let value = V::DateTime2(Some(moment(3_652_058, 863_999_999_990, 7)));
    assert_eq!(shown("datetime2(7)", value), "9999-12-31T23:59:59.999999");
    assert_eq!(
        shown("datetime2(3)", V::DateTime2(Some(moment(0, 1, 3)))),
        "0001-01-01T00:00:00.001"
    );
    let offset = DateTimeOffset::new(moment(719_162, 10, 7), 840);
    let value = V::DateTimeOffset(Some(offset));
    assert_eq!(shown("datetimeoffset(7)", value), "1970-01-01T00:00:00.000001 UTC");
}

#[test]
fn tenths_of_a_microsecond_are_refused_or_cut_off() {
    let moment = DateTime2::new(Date::new(719_162), Time::new(1, 7));
    let value = || ColumnData::DateTime2(Some(moment));
    let Trouble::Misfit(found, reason, hint) =
        pushed("datetime2(7)", Fraction::Refuse, value()).unwrap_err()
    else {
        panic!("it is no misfit")
    };
    assert_eq!(found, "1970-01-01 00:00:00.0000001");
    assert_eq!(reason, "the time has tenths of a microsecond, for which there is no place");
    assert!(hint.contains("fraction: truncate"), "{hint}");
    let cut = pushed("datetime2(7)", Fraction::Truncate, value()).unwrap();
    assert_eq!(cut.as_primitive::<TimestampMicrosecondType>().value(0), 0);
    let last = ColumnData::Time(Some(Time::new(863_999_999_999, 7)));
    assert!(matches!(
        pushed("time(7)", Fraction::Refuse, last.clone()),
        Err(Trouble::Misfit(found, ..)) if found == "23:59:59.9999999"
    ));
    let cut = pushed("time(7)", Fraction::Truncate, last).unwrap();
    assert_eq!(array_value_to_string(&cut, 0).unwrap(), "23:59:59.999999");
}

#[test]
fn text_is_utf16_and_half_a_character_is_refused() {
    assert_eq!(shown("nvarchar(9)", utf16("жук 🪲")), "жук 🪲");
    assert_eq!(shown("char(4)", utf16("ab  ")), "ab  ");
    for broken in [&[0x00, 0xd8, 0x61, 0x00][..], &[0x00, 0xdc], &[0x61]] {
        let found = pushed("nvarchar(9)", Fraction::Refuse, bytes(broken)).unwrap_err();
        assert!(matches!(found, Trouble::Misfit(..)), "{broken:?}");
    }
    let id = uuid("6f9619ff-8b86-d011-b42d-00c04fc964ff");
    let id = ColumnData::Guid(Some(id));
    assert_eq!(shown("uniqueidentifier", id), "6F9619FF-8B86-D011-B42D-00C04FC964FF");
}

fn uuid(text: &str) -> tiberius::Uuid {
    text.parse().unwrap()
}

#[test]
fn bytes_and_nulls_stay_what_they_are() {
    let all: Vec<u8> = (0..=255).collect();
    let array = pushed("varbinary(max)", Fraction::Refuse, bytes(&all)).unwrap();
    assert_eq!(array.as_binary::<i32>().value(0), all);
    for (kind, null) in [
        ("bit", ColumnData::Bit(None)),
        ("money", ColumnData::Numeric(None)),
        ("nvarchar(9)", ColumnData::Binary(None)),
        ("uniqueidentifier", ColumnData::Guid(None)),
        ("datetime", ColumnData::DateTime(None)),
        ("datetimeoffset(7)", ColumnData::DateTimeOffset(None)),
    ] {
        assert!(pushed(kind, Fraction::Refuse, null).unwrap().is_null(0), "{kind}");
    }
    assert_eq!(Cells::new(Wire::Bit, &Field::new("a", DataType::Boolean, true)).finish().len(), 0);
}
