//! What the real server makes of the bytes.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal32Array,
    Decimal64Array, Decimal128Array, Decimal256Array, DictionaryArray, DurationMillisecondArray,
    FixedSizeBinaryArray, Float16Array, Float32Array, Float64Array, Int8Array, Int16Array,
    Int32Array, Int64Array, IntervalDayTimeArray, IntervalMonthDayNanoArray,
    IntervalYearMonthArray, LargeStringArray, ListArray, NullArray, StringArray, StringViewArray,
    Time32MillisecondArray, Time64MicrosecondArray, Time64NanosecondArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{
    DataType, Field, Int8Type, Int32Type, IntervalDayTime, IntervalMonthDayNano, i256,
};

use super::{Database, Format, batch};

/// A type whose column forces `FORMAT text`.
const FOREIGN: &str = "int4range";

struct Case {
    kind: &'static str,
    source: &'static str,
    array: ArrayRef,
    shown: &'static [&'static str],
}

fn case(
    kind: &'static str,
    source: &'static str,
    array: impl Array + 'static,
    shown: &'static [&'static str],
) -> Case {
    Case { kind, source, array: Arc::new(array), shown }
}

fn texts(values: &[&str]) -> StringArray {
    values.iter().copied().map(Some).collect()
}

fn half(values: &[f32]) -> Float16Array {
    let floats: ArrayRef = Arc::new(Float32Array::from(values.to_vec()));
    let halves = arrow::compute::cast(&floats, &DataType::Float16).unwrap();
    Float16Array::from(halves.to_data())
}

fn big(text: &str) -> i256 {
    i256::from_string(text).unwrap()
}

fn lists(values: &[Option<&[Option<i32>]>]) -> ListArray {
    let lists = values.iter().map(|list| list.map(<[_]>::to_vec));
    ListArray::from_iter_primitive::<Int32Type, _, _>(lists)
}

/// `[[[1, 2], [3, null]], []]` and NULL: lists of lists.
fn lists_of_lists() -> ListArray {
    let inner = lists(&[Some(&[Some(1), Some(2)]), Some(&[Some(3), None])]);
    let field = Arc::new(Field::new_list_field(inner.data_type().clone(), true));
    let nulls = Some(vec![true, true, false].into());
    ListArray::new(field, OffsetBuffer::new(vec![0, 2, 2, 2].into()), Arc::new(inner), nulls)
}

fn list_of(elements: ArrayRef) -> ListArray {
    let field = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
    let end = i32::try_from(elements.len()).unwrap();
    ListArray::new(field, OffsetBuffer::new(vec![0, end].into()), elements, None)
}

fn numbers() -> Vec<Case> {
    vec![
        case(
            "boolean",
            "",
            BooleanArray::from(vec![Some(true), Some(false), None]),
            &["true", "false", "~"],
        ),
        case("smallint", "", Int16Array::from(vec![i16::MIN, i16::MAX]), &["-32768", "32767"]),
        case("smallint", "", UInt8Array::from(vec![255]), &["255"]),
        case("integer", "", Int32Array::from(vec![Some(i32::MIN), None]), &["-2147483648", "~"]),
        case("integer", "", UInt16Array::from(vec![65535]), &["65535"]),
        case("integer", "", Int8Array::from(vec![-128]), &["-128"]),
        case("bigint", "", Int64Array::from(vec![i64::MIN]), &["-9223372036854775808"]),
        case("bigint", "", UInt32Array::from(vec![u32::MAX]), &["4294967295"]),
        case("oid", "oid", UInt32Array::from(vec![u32::MAX]), &["4294967295"]),
        case("real", "", Float32Array::from(vec![1e-45, -0.0, f32::NAN]), &["1e-45", "-0", "NaN"]),
        case("real", "", half(&[1.5]), &["1.5"]),
        case(
            "double precision",
            "",
            Float64Array::from(vec![0.1, f64::MAX, f64::NEG_INFINITY, 5e-324]),
            &["0.1", "1.7976931348623157e+308", "-Infinity", "5e-324"],
        ),
        case("double precision", "", Int32Array::from(vec![7]), &["7"]),
        case("money", "", decimals(), &["$0.00", "-$0.01", "$10,000.00", "$123,456.70", "~"]),
        case("money", "", Int8Array::from(vec![-100]), &["-$100.00"]),
        case(
            "money[]",
            "money[]",
            list_of(Arc::new(decimals().slice(1, 2))),
            &["{-$0.01,\"$10,000.00\"}"],
        ),
        case("numeric", "", UInt64Array::from(vec![u64::MAX]), &["18446744073709551615"]),
        case("numeric(5,2)", "", Int8Array::from(vec![-100]), &["-100.00"]),
        case("numeric", "", decimals(), &["0.00", "-0.01", "10000.00", "123456.70", "~"]),
        case(
            "numeric(38,0)",
            "",
            decimal(10_i128.pow(38) - 1, 38, 0),
            &["99999999999999999999999999999999999999"],
        ),
        case(
            "numeric(38,38)",
            "",
            decimal(1, 38, 38),
            &["0.00000000000000000000000000000000000001"],
        ),
        case("numeric", "", decimal(-12, 5, -3), &["-12000"]),
        case("numeric(3,-2)", "numeric(3,-2)", decimal(12_300, 5, 0), &["12300"]),
        case("numeric(2,4)", "numeric(2,4)", decimal(99, 4, 4), &["0.0099"]),
        case("numeric(9,3)", "", decimal32(), &["1.230"]),
        case("numeric", "", decimal64(), &["-1.23"]),
        case(
            "numeric",
            "",
            large_decimals(),
            &["-1234567890123456789012345678901234567890123456789012345678901234567890.123456"],
        ),
        case(
            "numeric",
            "numeric",
            texts(&["NaN", "-Infinity", "-0.00010"]),
            &["NaN", "-Infinity", "-0.00010"],
        ),
        case(
            "numeric(6,2)",
            "numeric",
            texts(&["1234.5000", "-0", ".5"]),
            &["1234.50", "0.00", "0.50"],
        ),
    ]
}

fn decimal(value: i128, precision: u8, scale: i8) -> Decimal128Array {
    Decimal128Array::from(vec![value]).with_precision_and_scale(precision, scale).unwrap()
}

fn decimals() -> Decimal128Array {
    let values = vec![Some(0), Some(-1), Some(1_000_000), Some(12_345_670), None];
    Decimal128Array::from(values).with_precision_and_scale(15, 2).unwrap()
}

fn decimal32() -> Decimal32Array {
    Decimal32Array::from(vec![123]).with_precision_and_scale(5, 2).unwrap()
}

fn decimal64() -> Decimal64Array {
    Decimal64Array::from(vec![-123]).with_precision_and_scale(5, 2).unwrap()
}

fn large_decimals() -> Decimal256Array {
    let value =
        big("-1234567890123456789012345678901234567890123456789012345678901234567890123456");
    Decimal256Array::from(vec![value]).with_precision_and_scale(76, 6).unwrap()
}

fn bytes() -> Vec<Case> {
    let views = StringViewArray::from(vec![Some("short"), None, Some("longer than twelve bytes")]);
    let keys = Int8Array::from(vec![Some(1), None, Some(0)]);
    let labels = DictionaryArray::<Int8Type>::new(keys, Arc::new(texts(&["sad", "glad"])));
    vec![
        case(
            "text",
            "",
            texts(&["", "a\tb\nc\r\\d\\N", "\u{1}ä😀"]),
            &["", "a\tb\nc\r\\d\\N", "\u{1}ä😀"],
        ),
        case("text", "", views, &["short", "~", "longer than twelve bytes"]),
        case("varchar(3)", "", LargeStringArray::from(vec!["äöü"]), &["äöü"]),
        case("character(3)", "", texts(&["ab"]), &["ab"]),
        case("name", "", texts(&["n"]), &["n"]),
        case("mood", "", labels, &["glad", "~", "sad"]),
        case("json", "", texts(&[r#"{"a": 1, "a":"\u0000"}"#]), &[r#"{"a": 1, "a":"\u0000"}"#]),
        case(
            "jsonb",
            "",
            texts(&[r#"{"b":[1e2,"\\"],"a":12345678901234567890.0}"#]),
            &[r#"{"a": 12345678901234567890.0, "b": [100, "\\"]}"#],
        ),
        case(
            "bytea",
            "",
            BinaryArray::from(vec![Some(&b"\x00\xff\\"[..]), None]),
            &["\\x00ff5c", "~"],
        ),
        case("uuid", "", uuid(), &["00112233-4455-6677-8899-aabbccddeeff"]),
        case(
            "uuid",
            "",
            texts(&["00112233-4455-6677-8899-AABBCCDDEEFF"]),
            &["00112233-4455-6677-8899-aabbccddeeff"],
        ),
        case(
            "inet",
            "",
            texts(&["10.0.0.1", "10.0.0.1/8", "2001:db8::1/32"]),
            &["10.0.0.1/32", "10.0.0.1/8", "2001:db8::1/32"],
        ),
        case("cidr", "", texts(&["10.0.0.0/8", "::/0"]), &["10.0.0.0/8", "::/0"]),
        case("macaddr", "", texts(&["08-00-2B-01-02-03"]), &["08:00:2b:01:02:03"]),
        case("macaddr8", "", texts(&["08:00:2b:01:02:03:04:05"]), &["08:00:2b:01:02:03:04:05"]),
        case("text", "", NullArray::new(1), &["~"]),
        case("price", "price", texts(&["1.5"]), &["1.5"]),
    ]
}

fn uuid() -> FixedSizeBinaryArray {
    let value = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff_u128.to_be_bytes();
    FixedSizeBinaryArray::try_from_iter([value].iter()).unwrap()
}

fn moments() -> Vec<Case> {
    let day = 86_400_000_000_i64;
    vec![
        case(
            "date",
            "",
            Date32Array::from(vec![Some(0), None, Some(-2_440_588), Some(2_145_042_905)]),
            &["1970-01-01", "~", "4714-11-24 BC", "5874897-12-31"],
        ),
        case("date", "", Date64Array::from(vec![-86_400_000]), &["1969-12-31"]),
        case(
            "date",
            "date",
            texts(&["-infinity", "0044-03-15 BC"]),
            &["-infinity", "0044-03-15 BC"],
        ),
        case(
            "time",
            "",
            Time64MicrosecondArray::from(vec![0, 1, day]),
            &["00:00:00", "00:00:00.000001", "24:00:00"],
        ),
        case("time(3)", "", Time32MillisecondArray::from(vec![1]), &["00:00:00.001"]),
        case("time", "", Time64NanosecondArray::from(vec![1_000]), &["00:00:00.000001"]),
        case(
            "time",
            "time without time zone",
            texts(&["24:00:00", "01:02:03.04"]),
            &["24:00:00", "01:02:03.04"],
        ),
        case(
            "timetz",
            "time with time zone",
            texts(&["01:02:03+15:59:59", "24:00:00-08"]),
            &["01:02:03+15:59:59", "24:00:00-08"],
        ),
        case(
            "timestamp",
            "",
            TimestampMicrosecondArray::from(vec![0, -1, -62_135_596_800_000_001, i64::MAX]),
            &[
                "1970-01-01 00:00:00",
                "1969-12-31 23:59:59.999999",
                "0001-12-31 23:59:59.999999 BC",
                "294247-01-10 04:00:54.775807",
            ],
        ),
        case("timestamp", "", TimestampSecondArray::from(vec![-1]), &["1969-12-31 23:59:59"]),
        case(
            "timestamp(3)",
            "",
            TimestampMillisecondArray::from(vec![1]),
            &["1970-01-01 00:00:00.001"],
        ),
        case(
            "timestamptz",
            "",
            TimestampNanosecondArray::from(vec![-1_000]).with_timezone("UTC"),
            &["1969-12-31 23:59:59.999999+00"],
        ),
        case(
            "timestamptz",
            "timestamp with time zone",
            texts(&["infinity", "4714-11-24 00:00:00+00 BC", "2024-02-29 12:00:00.5+05:30"]),
            &["infinity", "4714-11-24 00:00:00+00 BC", "2024-02-29 06:30:00.5+00"],
        ),
        case(
            "timestamp",
            "timestamp without time zone",
            texts(&["294276-12-31 23:59:59.999999"]),
            &["294276-12-31 23:59:59.999999"],
        ),
        case(
            "interval",
            "",
            IntervalMonthDayNanoArray::from(vec![month_day()]),
            &["1 year 1 mon -2 days -00:00:00.000003"],
        ),
        case("interval", "", IntervalYearMonthArray::from(vec![-13]), &["-1 years -1 mons"]),
        case(
            "interval",
            "",
            IntervalDayTimeArray::from(vec![IntervalDayTime::new(1, -1)]),
            &["1 day -00:00:00.001"],
        ),
        case("interval", "", DurationMillisecondArray::from(vec![90_000_000]), &["25:00:00"]),
        case(
            "interval",
            "interval",
            texts(&["1 year 2 mons -3 days +04:05:06.789", "00:00:00", "-1 days"]),
            &["1 year 2 mons -3 days +04:05:06.789", "00:00:00", "-1 days"],
        ),
    ]
}

fn month_day() -> IntervalMonthDayNano {
    IntervalMonthDayNano::new(13, -2, -3_000)
}

fn arrays() -> Vec<Case> {
    vec![
        case(
            "integer[]",
            "",
            lists(&[Some(&[Some(1), None]), None, Some(&[])]),
            &["{1,NULL}", "~", "{}"],
        ),
        case("integer[][]", "", lists_of_lists(), &["{{1,2},{3,NULL}}", "{}", "~"]),
        case(
            "text[]",
            "",
            list_of(Arc::new(texts(&["a,b", "\"\\", "NULL", "", "{}"]))),
            &[r#"{"a,b","\"\\","NULL","","{}"}"#],
        ),
        case(
            "numeric(15,2)[]",
            "",
            list_of(Arc::new(decimals())),
            &["{0.00,-0.01,10000.00,123456.70,NULL}"],
        ),
        case("inet[]", "inet[]", list_of(Arc::new(texts(&["10.0.0.1"]))), &["{10.0.0.1}"]),
        case("mood[]", "", list_of(Arc::new(texts(&["sad"]))), &["{sad}"]),
        case("price[]", "price[]", list_of(Arc::new(texts(&["1.5"]))), &["{1.5}"]),
        case("timestamptz[]", "", instants(), &["{\"1970-01-01 00:00:00+00\"}"]),
    ]
}

fn instants() -> ListArray {
    list_of(Arc::new(TimestampSecondArray::from(vec![0]).with_timezone("Europe/Berlin")))
}

/// Types that only the server understands; those have one format.
fn foreign() -> Vec<Case> {
    vec![
        case("int4range", "int4range", texts(&["[1,5)", "empty"]), &["[1,5)", "empty"]),
        case("tsvector", "tsvector", texts(&["'a':1 'b\\\\':2"]), &["'a':1 'b\\\\':2"]),
        case("point", "point", texts(&["(1,2)"]), &["(1,2)"]),
        case("pair", "pair", texts(&["(1,\"a b\")"]), &["(1,\"a b\")"]),
        case(
            "pair[]",
            "pair[]",
            list_of(Arc::new(texts(&["(1,\"a b\")"]))),
            &[r#"{"(1,\"a b\")"}"#],
        ),
        case(
            "box[]",
            "box[]",
            list_of(Arc::new(texts(&["(1,1),(0,0)", "(2,2),(1,1)"]))),
            &["{(1,1),(0,0);(2,2),(1,1)}"],
        ),
        case("bit(3)", "bit(3)", texts(&["101"]), &["101"]),
        case("\"char\"", "\"char\"", texts(&["a", ""]), &["a", ""]),
        case("xml", "xml", texts(&["<a/>"]), &["<a/>"]),
        case("pg_lsn", "pg_lsn", texts(&["16/B374D848"]), &["16/B374D848"]),
        case("xid8", "xid8", texts(&["18446744073709551615"]), &["18446744073709551615"]),
        case("integer[]", "integer[]", texts(&["[0:1]={1,2}"]), &["[0:1]={1,2}"]),
        case("interval year to month", "interval year to month", texts(&["1 year"]), &["1 year"]),
    ]
}

const TYPES: &str = "create type mood as enum ('sad', 'glad'); create domain price as numeric;
    create type pair as (number int, word text);";

#[test]
fn every_type_arrives_as_it_is_in_both_formats() {
    let database = Database::new("types");
    database.psql(TYPES);
    let cases = [numbers(), bytes(), moments(), arrays()].into_iter().flatten();
    let mut wrong = Vec::new();
    for (at, case) in cases.enumerate() {
        let nothing: ArrayRef = Arc::new(StringArray::new_null(case.array.len()));
        for format in [Format::Binary, Format::Text] {
            let table = format!("t{at}_{format:?}").to_lowercase();
            let mut columns = vec![("v", case.array.clone(), case.source)];
            let mut ddl = format!("v {}", case.kind);
            if format == Format::Text {
                columns.push(("f", nothing.clone(), FOREIGN));
                ddl.push_str(", f int4range");
            }
            database.psql(&format!("create table {table} ({ddl})"));
            let (used, misfits) = database.copy(&table, &batch(columns));
            let values = database.values(&table);
            if (used, &misfits) != (format, &vec![]) || values != case.shown {
                wrong.push((case.kind, case.source, used, misfits, values, case.shown));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn types_that_only_the_server_understands_go_as_text() {
    let database = Database::new("foreign");
    database.psql(TYPES);
    for (at, case) in foreign().into_iter().enumerate() {
        let table = format!("t{at}");
        database.psql(&format!("create table {table} (v {})", case.kind));
        let (used, misfits) = database.copy(&table, &batch(vec![("v", case.array, case.source)]));
        assert_eq!((used, misfits), (Format::Text, vec![]), "{}", case.kind);
        assert_eq!(database.values(&table), case.shown, "{}", case.kind);
    }
}

impl Database {
    /// The values of the column `v` in the order of the rows, `~` for NULL.
    fn values(&self, table: &str) -> Vec<String> {
        let sql = format!("select coalesce(v::text, '~') from {table} order by ctid");
        let session = "set timezone = 'UTC'; set datestyle = 'ISO'";
        let rows = self.runtime.block_on(async {
            self.client.batch_execute(session).await.unwrap();
            self.client.query(&sql, &[]).await.unwrap()
        });
        rows.iter().map(|row| row.get::<_, String>(0)).collect()
    }
}
