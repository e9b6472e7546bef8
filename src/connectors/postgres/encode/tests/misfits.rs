//! What no column holds is found before it is sent, and costs its own row only.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Date32Array, Date64Array, Decimal128Array, Int64Array, ListArray, StringArray,
    Time64NanosecondArray, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{Field, Int32Type};
use bytes::BytesMut;

use super::{Database, batch, encoded};
use crate::connectors::postgres::encode::Encoder;
use crate::sink::Misfit;

/// The columns that values do not fit: type, type at the source, values; each value is a misfit.
fn cases() -> Vec<(&'static str, &'static str, ArrayRef)> {
    let text = |values: &[&str]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    vec![
        ("text", "", text(&["a\0b"])),
        ("varchar(3)", "", text(&["äöüß", "abc "])),
        ("character(2)", "", text(&["abc"])),
        ("name", "", text(&["n".repeat(64).as_str()])),
        ("mood", "", text(&["Sad", ""])),
        ("\"char\"", "\"char\"", text(&["ab"])),
        (
            "uuid",
            "",
            text(&["", "00112233445566778899aabbccddeef", "g0112233445566778899aabbccddeeff"]),
        ),
        (
            "json",
            "",
            text(&["", "{", "[1,]", "{\"a\":1,}", "01", "1.", "nul", "\"\n\"", "1 2", "\"\\x\""]),
        ),
        (
            "jsonb",
            "",
            text(&[
                "\"\\u0000\"",
                "\"\\ud800\"",
                "\"\\udc00\"",
                "\"\\ud800x\"",
                "1e200000",
                "1e-20000",
            ]),
        ),
        ("inet", "", text(&["10.0.0", "10.0.0.1/33", "10.0.0.1/", "10.0.0.1/+8", "x"])),
        ("cidr", "", text(&["10.0.0.1/8"])),
        ("macaddr", "", text(&["08:00:2b:01:02", "08:00:2b:01:02:03:04", "zz:00:2b:01:02:03"])),
        (
            "interval",
            "",
            text(&["", "P1D", "1 day 1 year", "1 fortnight", "00:60:00", "00:00:00.0000001"]),
        ),
        ("numeric", "numeric", text(&["", "-", "1e5", "1.2.3", "+1"])),
        ("numeric(4,2)", "numeric", text(&["100", "0.001", "Infinity"])),
        ("numeric(4,2)", "numeric(4,2)", decimal(10_000, 4, 2)),
        ("money", "", decimal(1_005, 4, 3)),
        ("money", "", decimal(i128::from(i64::MAX) + 1, 20, 2)),
        ("numeric(3,-2)", "numeric(3,-2)", decimal(12_345, 5, 0)),
        ("date", "", Arc::new(Date32Array::from(vec![i32::MIN, i32::MAX, 2_145_042_906]))),
        ("date", "", Arc::new(Date64Array::from(vec![1]))),
        ("date", "date", text(&["2023-02-29", "0000-01-01", "today"])),
        ("time", "", Arc::new(Time64NanosecondArray::from(vec![1, -1_000, 86_400_000_001_000]))),
        ("timestamp", "", Arc::new(TimestampMicrosecondArray::from(vec![i64::MIN]))),
        ("timestamp", "", Arc::new(TimestampNanosecondArray::from(vec![1]))),
        ("timestamp(0)", "", Arc::new(TimestampMicrosecondArray::from(vec![1]))),
        (
            "timestamp",
            "timestamp without time zone",
            text(&["2024-01-01", "2024-01-01 25:00:00", "now"]),
        ),
        ("integer[][]", "", ragged()),
        ("varchar(1)[]", "", list(&["a", "bc"])),
    ]
}

fn decimal(value: i128, precision: u8, scale: i8) -> ArrayRef {
    let array = Decimal128Array::from(vec![value]);
    Arc::new(array.with_precision_and_scale(precision, scale).unwrap())
}

fn list(elements: &[&str]) -> ArrayRef {
    let field = Arc::new(Field::new_list_field(arrow::datatypes::DataType::Utf8, true));
    let elements = Arc::new(StringArray::from(elements.to_vec()));
    let offsets = OffsetBuffer::from_lengths([elements.len()]);
    Arc::new(ListArray::new(field, offsets, elements, None))
}

/// Lists of lists that are no block: of different lengths, with a NULL, with empty ones.
fn ragged() -> ArrayRef {
    let one = |list: &[i32]| Some(list.iter().copied().map(Some).collect::<Vec<_>>());
    let inner = [one(&[1]), one(&[2, 3]), one(&[4]), None, one(&[]), one(&[])];
    let inner = ListArray::from_iter_primitive::<Int32Type, _, _>(inner);
    let field = Arc::new(Field::new_list_field(inner.data_type().clone(), true));
    Arc::new(ListArray::new(field, OffsetBuffer::from_lengths([2, 2, 2]), Arc::new(inner), None))
}

#[test]
fn each_value_that_no_column_holds_is_named_with_its_reason() {
    let database = Database::new("misfits");
    database.psql("create type mood as enum ('sad', 'glad')");
    let mut shown = String::new();
    for (at, (kind, source, array)) in cases().into_iter().enumerate() {
        let table = format!("t{at}");
        database.psql(&format!("create table {table} (v {kind})"));
        let columns = database.columns(&table);
        let batch = batch(vec![("v", array.clone(), source)]);
        let mut encoder = Encoder::new(&batch.schema(), &columns).unwrap();
        encoder.set_labels(columns[0].kind.oid, &["sad".into(), "glad".into()]);
        encoder.set_money_digits(2);
        let mut misfits = Vec::new();
        let rows = encoder.rows(&batch, &mut BytesMut::new(), &mut |misfit| {
            misfits.push(misfit);
            Ok(())
        });
        for misfit in &misfits {
            let Misfit { value, reason, hint, .. } = misfit;
            let value: String = value.chars().take(40).collect();
            shown += &format!("{kind}: `{value}`: {reason}; {}\n", hint.as_deref().unwrap_or("-"));
        }
        assert_eq!((rows.unwrap(), misfits.len()), (0, array.len()), "{kind} {misfits:?}");
    }
    insta::assert_snapshot!(shown, @r#"
    text: `a\u{0}b`: the text has a NUL character, which the server does not keep; take it out in the model, such as with `replace(x, chr(0), '')`
    varchar(3): `äöüß`: the text is longer than 3 characters; widen the column of the target, or cut the text in the model
    varchar(3): `abc `: the text is longer than 3 characters; widen the column of the target, or cut the text in the model
    character(2): `abc`: the text is longer than 2 characters; widen the column of the target, or cut the text in the model
    name: `nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn`: the text is longer than 63 bytes; widen the column of the target, or cut the text in the model
    mood: `Sad`: the text is no label of the column's enum; add the label with `alter type … add value`, or map it in the model
    mood: ``: the text is no label of the column's enum; add the label with `alter type … add value`, or map it in the model
    "char": `ab`: the text is longer than 1 byte; widen the column of the target, or cut the text in the model
    uuid: ``: the text is not a uuid; write it as 8-4-4-4-12 hexadecimal digits
    uuid: `00112233445566778899aabbccddeef`: the text is not a uuid; write it as 8-4-4-4-12 hexadecimal digits
    uuid: `g0112233445566778899aabbccddeeff`: the text is not a uuid; write it as 8-4-4-4-12 hexadecimal digits
    json: ``: the text is not JSON; mend it in the model, or give the column the type text
    json: `{`: the text is not JSON; mend it in the model, or give the column the type text
    json: `[1,]`: the text is not JSON; mend it in the model, or give the column the type text
    json: `{"a":1,}`: the text is not JSON; mend it in the model, or give the column the type text
    json: `01`: the text is not JSON; mend it in the model, or give the column the type text
    json: `1.`: the text is not JSON; mend it in the model, or give the column the type text
    json: `nul`: the text is not JSON; mend it in the model, or give the column the type text
    json: `"\n"`: the text is not JSON; mend it in the model, or give the column the type text
    json: `1 2`: the text is not JSON; mend it in the model, or give the column the type text
    json: `"\x"`: the text is not JSON; mend it in the model, or give the column the type text
    jsonb: `"\u0000"`: the JSON has `\u0000`, which `jsonb` does not hold; mend it in the model, or give the column the type text
    jsonb: `"\ud800"`: the JSON has half of a surrogate pair, which `jsonb` does not hold; mend it in the model, or give the column the type text
    jsonb: `"\udc00"`: the JSON has half of a surrogate pair, which `jsonb` does not hold; mend it in the model, or give the column the type text
    jsonb: `"\ud800x"`: the JSON has half of a surrogate pair, which `jsonb` does not hold; mend it in the model, or give the column the type text
    jsonb: `1e200000`: the JSON has a number that `jsonb` does not hold; mend it in the model, or give the column the type text
    jsonb: `1e-20000`: the JSON has a number that `jsonb` does not hold; mend it in the model, or give the column the type text
    inet: `10.0.0`: the text is not a network address; write it as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32
    inet: `10.0.0.1/33`: the text is not a network address; write it as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32
    inet: `10.0.0.1/`: the text is not a network address; write it as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32
    inet: `10.0.0.1/+8`: the text is not a network address; write it as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32
    inet: `x`: the text is not a network address; write it as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32
    cidr: `10.0.0.1/8`: the network address has bits to the right of its mask; give the address of the network, such as 192.0.2.0/24
    macaddr: `08:00:2b:01:02`: the text is not a hardware address; write it as 08:00:2b:01:02:03
    macaddr: `08:00:2b:01:02:03:04`: the text is not a hardware address; write it as 08:00:2b:01:02:03
    macaddr: `zz:00:2b:01:02:03`: the text is not a hardware address; write it as 08:00:2b:01:02:03
    interval: ``: the text is not an interval; write it as 1 year 2 mons -3 days 04:05:06.789
    interval: `P1D`: the text is not an interval; write it as 1 year 2 mons -3 days 04:05:06.789
    interval: `1 day 1 year`: the text is not an interval; write it as 1 year 2 mons -3 days 04:05:06.789
    interval: `1 fortnight`: the text is not an interval; write it as 1 year 2 mons -3 days 04:05:06.789
    interval: `00:60:00`: the text is not an interval; write it as 1 year 2 mons -3 days 04:05:06.789
    interval: `00:00:00.0000001`: the text is not an interval; write it as 1 year 2 mons -3 days 04:05:06.789
    numeric: ``: the text is not a number; write it in plain digits, such as -12.34
    numeric: `-`: the text is not a number; write it in plain digits, such as -12.34
    numeric: `1e5`: the text is not a number; write it in plain digits, such as -12.34
    numeric: `1.2.3`: the text is not a number; write it in plain digits, such as -12.34
    numeric: `+1`: the text is not a number; write it in plain digits, such as -12.34
    numeric(4,2): `100`: the number has more digits than `numeric(4,2)`; widen the column of the target, or round or cast the value in the model
    numeric(4,2): `0.001`: the number has more digits than `numeric(4,2)`; widen the column of the target, or round or cast the value in the model
    numeric(4,2): `Infinity`: the number has more digits than `numeric(4,2)`; widen the column of the target, or round or cast the value in the model
    numeric(4,2): `10.00`: the number has more digits than `numeric(4,2)`; widen the column of the target, or round or cast the value in the model
    money: `1.005`: the amount has no place in `money` as the server's lc_monetary has it; give the column the type numeric, or cast the amount in the model
    money: `92233720368547758.08`: the amount has no place in `money` as the server's lc_monetary has it; give the column the type numeric, or cast the amount in the model
    numeric(3,-2): `12345`: the number has more digits than `numeric(3,-2)`; widen the column of the target, or round or cast the value in the model
    date: `-2147483648 as Date32`: the server has no such point in time; -
    date: `2147483647 as Date32`: the server has no such point in time; -
    date: `2145042906 as Date32`: the server has no such point in time; -
    date: `1970-01-01T00:00:00.001`: the value is no whole day; cast it in the model
    date: `2023-02-29`: the text is not a date; write it as 2024-02-29
    date: `0000-01-01`: the text is not a date; write it as 2024-02-29
    date: `today`: the text is not a date; write it as 2024-02-29
    time: `00:00:00.000000001`: the value has parts of a microsecond, which the server does not keep; round it in the model, such as with `date_trunc('microsecond', x)`
    time: `-1000 as Time64(ns)`: the value is no time of a day; -
    time: `86400000001000 as Time64(ns)`: the value is no time of a day; -
    timestamp: `-9223372036854775808 as Timestamp(µs)`: the server has no such point in time; -
    timestamp: `1970-01-01T00:00:00.000000001`: the value has parts of a microsecond, which the server does not keep; round it in the model, such as with `date_trunc('microsecond', x)`
    timestamp(0): `1970-01-01T00:00:00.000001`: the value has more digits after the second than the column keeps; round it in the model, or declare the column with 6 digits
    timestamp: `2024-01-01`: the text is not a timestamp; write it as 2024-02-29 12:00:00
    timestamp: `2024-01-01 25:00:00`: the text is not a timestamp; write it as 2024-02-29 12:00:00
    timestamp: `now`: the text is not a timestamp; write it as 2024-02-29 12:00:00
    integer[][]: `[[1], [2, 3]]`: the inner lists have different lengths, which an array cannot have; write it as jsonb, or bring the lists to one length in the model
    integer[][]: `[[4], NULL]`: an inner list is NULL, which an array cannot have; write it as jsonb, or bring the lists to one length in the model
    integer[][]: `[[], []]`: an inner list is empty, which an array cannot have; write it as jsonb, or bring the lists to one length in the model
    varchar(1)[]: `bc`: the text is longer than 1 character; widen the column of the target, or cut the text in the model
    "#);
}

#[test]
fn a_bad_value_costs_its_own_row_only() {
    let database = Database::new("one_row");
    database.psql("create table t (id bigint not null, name varchar(3))");
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(2), None, Some(4), None]));
    let names = vec![Some("a"), Some("long"), Some("c"), None, Some("long")];
    let names: ArrayRef = Arc::new(StringArray::from(names));
    let (_, misfits) = database.copy("t", &batch(vec![("id", ids, ""), ("name", names, "")]));
    let found: Vec<_> = misfits.iter().map(|m| (m.row, m.column.as_str(), &*m.value)).collect();
    assert_eq!(found, [(1, "name", "long"), (2, "id", "NULL"), (4, "id", "NULL")]);
    assert_eq!(database.psql("select id, name from t order by id"), "1|a\n4|");
}

#[test]
fn what_stands_under_a_null_is_no_misfit() {
    let database = Database::new("under_null");
    database.psql("create table t (d date, l varchar(1)[])");
    let days = Date32Array::new(vec![i32::MIN, 0].into(), Some(vec![false, true].into()));
    let elements = Arc::new(StringArray::from(vec!["too long", "a"]));
    let field = Arc::new(Field::new_list_field(arrow::datatypes::DataType::Utf8, true));
    let nulls = Some(vec![false, true].into());
    let lists = ListArray::new(field, OffsetBuffer::from_lengths([1, 1]), elements, nulls);
    let batch = batch(vec![("d", Arc::new(days), ""), ("l", Arc::new(lists), "")]);
    assert_eq!(database.copy("t", &batch).1, []);
    assert_eq!(database.psql("select d, l from t order by d nulls first"), "|\n1970-01-01|{a}");
}

#[test]
fn an_error_of_whoever_takes_misfits_ends_the_rows() {
    let database = Database::new("stop");
    database.psql("create table t (v varchar(1))");
    let array: ArrayRef = Arc::new(StringArray::from(vec!["a", "long"]));
    let batch = batch(vec![("v", array, "")]);
    let mut encoder = Encoder::new(&batch.schema(), &database.columns("t")).unwrap();
    let error = encoder
        .rows(&batch, &mut BytesMut::new(), &mut |_| Err(crate::error::Error::data("enough")))
        .unwrap_err();
    assert_eq!(error.message(), "enough");
}

#[test]
fn a_text_that_jsonb_takes_is_also_taken_here() {
    let database = Database::new("json");
    database.psql("create table t (v jsonb)");
    let deep = format!("{}{}", "[".repeat(3_000), "]".repeat(3_000));
    let texts = ["\"\\ud83d\\ude00\"", "1e400", "-0.0", " [ ] ", "{\"\":{}}", deep.as_str()];
    let array: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    assert_eq!(database.copy("t", &batch(vec![("v", array.clone(), "")])).1, []);
    let columns = database.columns("t");
    let deeper = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let array: ArrayRef = Arc::new(StringArray::from(vec![deeper.as_str()]));
    let (_, _, rows, misfits) = encoded(&columns, &batch(vec![("v", array, "")]));
    assert_eq!((rows, misfits.len()), (0, 1));
    assert_eq!(misfits[0].reason, "the JSON is nested deeper than the server reads");
}
