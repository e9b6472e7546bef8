//! Nasty values of every type, each compared with what psql prints or refused for a reason.

use std::fmt::Write;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type,
    Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType, UInt32Type,
};

use super::server::{Read, client, read};
use crate::connectors::postgres::catalog::columns_of_table;
use crate::connectors::postgres::cluster::SHARED;
use crate::connectors::postgres::decode::misfit::{date, moment};
use crate::connectors::postgres::decode::{COMMENT, Policies, SOURCE_TYPE, Special, reading};
use crate::connectors::postgres::server_type::Column;
use crate::error::Kind;
use crate::files::types::{parse_type, type_name};

/// A type, what it becomes, values, and the reasons for which some are refused.
struct Case(&'static str, &'static str, &'static [&'static str], &'static [(usize, &'static str)]);

const INFINITE: &str = "the type of the column has no place for infinity";
const NAN: &str = "a decimal has no place for NaN";
const DIMENSIONS: &str = "the array does not have the dimensions of its column";
const LOWER: &str = "the array does not begin at 1";
const FAR: &str = "the time is too far from 1970 for microseconds in 64 bits";

const CASES: &[Case] = &[
    Case("bool", "boolean", &["true", "false", "null"], &[]),
    Case("int2", "smallint", &["-32768", "32767", "null"], &[]),
    Case("int4", "integer", &["-2147483648", "2147483647", "null"], &[]),
    Case("int8", "bigint", &["-9223372036854775808", "9223372036854775807", "null"], &[]),
    Case("oid", "UInt32", &["4294967295", "0", "null"], &[]),
    Case("xid", "UInt32", &["'4294967295'"], &[]),
    Case("xid8", "text", &["'18446744073709551615'"], &[]),
    Case("cid", "text", &["'7'"], &[]),
    Case("tid", "text", &["'(4294967295,65535)'"], &[]),
    Case("float4", "Float32", &["1e-45", "'-0'", "'nan'", "'-inf'", "3.4028235e38", "null"], &[]),
    Case("float8", "double", &["5e-324", "'-0'", "'nan'", "'inf'", "1.7976931348623157e308"], &[]),
    Case(
        "numeric(15,2)",
        "decimal(15,2)",
        &[
            "0",
            "-0.01",
            "12345.60",
            "9999999999999.99",
            "10000",
            "1200",
            "null",
            "'nan'",
            "0.10",
            "-1000000000000",
        ],
        &[(8, NAN)],
    ),
    Case(
        "numeric(38,0)",
        "decimal(38,0)",
        &["99999999999999999999999999999999999999", "-1e37", "1"],
        &[],
    ),
    Case(
        "numeric(38,10)",
        "decimal(38,10)",
        &["9999999999999999999999999999.9999999999", "0.0000000001", "1e27"],
        &[],
    ),
    Case(
        "numeric(76,38)",
        "Decimal256(76, 38)",
        &[
            "repeat('9', 38)::numeric + 0.99999999999999999999999999999999999999",
            "-1e-38",
            "0",
            "'nan'",
        ],
        &[(4, NAN)],
    ),
    Case("numeric(3,-2)", "decimal(5,0)", &["99900", "149", "-50"], &[]),
    Case("numeric(2,4)", "decimal(4,4)", &["0.0099", "-0.0001"], &[]),
    Case("numeric(77,0)", "text", &["1", "'nan'"], &[]),
    Case("numeric(1000,500)", "text", &["1", "repeat('9', 500)::numeric", "'nan'"], &[]),
    Case(
        "numeric",
        "text",
        &[
            "('1' || repeat('0', 131071))::numeric",
            "1e-16383",
            "'nan'",
            "'inf'",
            "'-inf'",
            "1.500",
            "null",
        ],
        &[],
    ),
    Case(
        "text",
        "text",
        &[
            "''",
            "null",
            "e'\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\b\\t\\n\\x0b\\f\\r\\x0e\\x0f\\x10\\x11\\x12\\x13\\x14\\x15\\x16\\x17\\x18\\x19\\x1a\\x1b\\x1c\\x1d\\x1e\\x1f\\x7f'",
            "'Größe 🐘'",
            "repeat('ä', 100000)",
        ],
        &[],
    ),
    Case("varchar(5)", "text", &["'ab   '", "''"], &[]),
    Case("char(5)", "text", &["'ab'", "''", "null"], &[]),
    Case("name", "text", &["'ab'", "null"], &[]),
    Case("\"char\"", "text", &["'a'", "''", "null"], &[]),
    Case("bytea", "Binary", &["decode(string_agg_bytes(), 'hex')", "''", "null"], &[]),
    Case("uuid", "text", &["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "null"], &[]),
    Case(
        "json",
        "text",
        &["'{\"a\": 1,  \"a\":2}'", "'\"\\u0000\"'", "'\"\\ud800\"'", "'1e400'", "null"],
        &[],
    ),
    Case(
        "jsonb",
        "text",
        &[
            "'{\"b\": 1, \"a\": 2, \"a\": 3}'",
            "'1e400'",
            "('1' || repeat('7', 200))::jsonb",
            "'null'",
            "null",
        ],
        &[],
    ),
    Case("xml", "text", &["'<a>ü</a>'", "'<?xml version=\"1.0\" standalone=\"yes\"?><a/>'"], &[]),
    Case(
        "date",
        "date",
        &[
            "'4713-11-24 BC'",
            "'5874897-12-31'",
            "'infinity'",
            "'-infinity'",
            "'2000-02-29'",
            "'1970-01-01'",
            "null",
        ],
        &[(3, INFINITE), (4, INFINITE)],
    ),
    Case(
        "time",
        "time",
        &["'00:00'", "'23:59:59.999999'", "'24:00:00'", "null"],
        &[(3, "a time of day ends before 24:00:00")],
    ),
    Case("timetz", "text", &["'23:59:59.999999+15:59:59'", "'24:00:00-15:59:59'"], &[]),
    Case(
        "timestamp",
        "timestamp",
        &[
            "'4713-11-24 00:00:00 BC'",
            "'294247-01-10 04:00:54.775807'",
            "'294247-01-10 04:00:54.775808'",
            "'294276-12-31 23:59:59.999999'",
            "'-infinity'",
            "'2026-03-29 02:30:00.000001'",
            "null",
        ],
        &[(3, FAR), (4, FAR), (5, INFINITE)],
    ),
    Case(
        "timestamptz",
        "timestamptz",
        &[
            "'2026-03-29 02:30:00 Europe/Berlin'",
            "'0044-03-15 BC'",
            "'infinity'",
            "'294276-12-31 23:59:59+00'",
        ],
        &[(3, INFINITE), (4, FAR)],
    ),
    Case(
        "interval",
        "text",
        &["'1 mon'", "'30 days'", "'-1 mon +3 days -04:05:06.789'", "'178000000 years'"],
        &[],
    ),
    Case("bit(3)", "text", &["b'101'"], &[]),
    Case("varbit", "text", &["b''", "b'1011'"], &[]),
    Case("inet", "text", &["'192.168.0.1/24'", "'::1'"], &[]),
    Case("cidr", "text", &["'10.0.0.0/8'", "'2001:db8::/32'"], &[]),
    Case("macaddr", "text", &["'08:00:2b:01:02:03'"], &[]),
    Case("macaddr8", "text", &["'08:00:2b:01:02:03:04:05'"], &[]),
    Case("pg_lsn", "text", &["'FFFFFFFF/FFFFFFFF'"], &[]),
    Case("tsvector", "text", &["'a:1A fat:2B,4C ''it''''s''':: tsvector"], &[]),
    Case("tsquery", "text", &["'fat & (rat | !cat)'"], &[]),
    Case("point", "text", &["'(1e-300,-0)'"], &[]),
    Case("polygon", "text", &["'((0,0),(1,1),(1,0))'"], &[]),
    Case("circle", "text", &["'<(0,0),1.5>'"], &[]),
    Case("int4range", "text", &["'empty'", "'(,)'", "'[1,5]'", "null"], &[]),
    Case("tsrange", "text", &["'[-infinity,infinity]'"], &[]),
    Case("int4multirange", "text", &["'{}'", "'{[1,2),[5,9)}'"], &[]),
    Case("jsonpath", "text", &["'$.a[*] ? (@ > 1)'"], &[]),
    Case("int2vector", "text", &["'1 2 3'", "''"], &[]),
    Case("oidvector", "text", &["'1 4294967295'"], &[]),
    Case("regclass", "text", &["'pg_catalog.pg_class'"], &[]),
    Case("aclitem", "text", &["'postgres=r/postgres'"], &[]),
    Case("app.mood", "text", &["'sad'", "'so, \"so\"'", "null"], &[]),
    Case("app.price", "decimal(12,2)", &["1.50", "null", "'nan'"], &[(3, NAN)]),
    Case("app.prices", "List(Decimal128(12, 2))", &["'{1.5,null}'", "null"], &[]),
    Case("app.pair", "text", &["row(1, null)", "row(null, null)", "null"], &[]),
    Case("app.nest", "text", &["row(row(1, 'a,\"b'), array[row(2, '')::app.pair])"], &[]),
    Case("ext.hstore", "text", &["'a=>1, \"b c\"=>null'", "''"], &[]),
    Case("ext.citext", "text", &["'MiXed'"], &[]),
    Case("ext.ltree", "text", &["'Top.Science'"], &[]),
    Case(
        "int4[]",
        "List(Int32)",
        &["'{}'", "'{1,null,-2147483648}'", "null", "'{{1,2},{3,4}}'", "'[0:1]={1,2}'", "'{7}'"],
        &[(4, DIMENSIONS), (5, LOWER)],
    ),
    Case(
        "int4[][]",
        "List(List(Int32))",
        &["'{{1,2},{null,4},{5,6}}'", "'{}'", "'{1}'", "null", "'[1:1][2:2]={{9}}'", "'{{8}}'"],
        &[(3, DIMENSIONS), (5, LOWER)],
    ),
    Case(
        "text[]",
        "List(Utf8)",
        &["array['', 'NULL', null, 'a b', '\"', '\\', '{,}', 'ü']", "'{}'"],
        &[],
    ),
    Case(
        "numeric(5,2)[]",
        "List(Decimal128(5, 2))",
        &["'{1.5,-999.99,null}'", "'{1,nan}'"],
        &[(2, NAN)],
    ),
    Case(
        "timestamptz[]",
        "List(Timestamp(µs, \"UTC\"))",
        &["'{\"2026-01-01 00:00:00+00\"}'", "'{infinity}'"],
        &[(2, INFINITE)],
    ),
    Case("bytea[]", "List(Binary)", &["array['\\x00ff'::bytea, '']"], &[]),
    Case("jsonb[]", "List(Utf8)", &["array['{\"a\": 1}'::jsonb, null]"], &[]),
    Case("uuid[]", "List(Utf8)", &["'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'"], &[]),
    Case("numeric[]", "List(Utf8)", &["'{nan,1.500,1e400}'"], &[]),
    Case("inet[]", "List(Utf8)", &["'{10.0.0.1/8,null}'"], &[]),
    Case(
        "interval[][]",
        "List(List(Utf8))",
        &["'{{1 mon,30 days}}'", "'{1 mon}'"],
        &[(2, DIMENSIONS)],
    ),
    Case("app.pair[]", "List(Utf8)", &["array[row(1, 'a'), null]::app.pair[]"], &[]),
    Case("app.mood[]", "List(Utf8)", &["'{sad,null}'"], &[]),
    Case("app.price[]", "List(Decimal128(12, 2))", &["'{1.25}'"], &[]),
    Case("app.prices[]", "List(Utf8)", &["array['{1.5,2.5}'::app.prices]"], &[]),
    Case("int4range[]", "List(Utf8)", &["'{\"[1,5)\",empty}'"], &[]),
];

const TYPES: &str = "create schema app; create schema ext;
    create extension hstore schema ext; create extension citext schema ext;
    create extension ltree schema ext;
    create type app.mood as enum ('sad', 'so, \"so\"');
    create domain app.price as numeric(12,2) check (value > 0);
    create domain app.prices as numeric(12,2)[];
    create type app.pair as (a int, b text);
    create type app.nest as (p app.pair, ps app.pair[]);
    create function string_agg_bytes() returns text language sql as $$
        select string_agg(lpad(to_hex(n), 2, '0'), '' order by n) from generate_series(0, 255) n $$;";

/// What psql prints for `x` of each row, or NULL; in hexadecimal for the sake of control
/// characters. As text, an `inet` has the length of its mask even where psql leaves it out.
fn printed(database: &str, table: &str) -> Vec<Option<String>> {
    let sql = format!(
        "set timezone = 'UTC'; set search_path = '';
         select case when num_nonnulls(x) = 0 then '-'
             else 'x' || encode(convert_to(
                 case when pg_typeof(x) = 'inet'::regtype then x::text else format('%s', x) end,
             'UTF8'), 'hex') end
         from {table} order by n"
    );
    let text = |line: &str| {
        let hex = line.strip_prefix('x')?.as_bytes();
        let byte =
            |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        Some(String::from_utf8(hex.chunks(2).map(byte).collect()).unwrap())
    };
    SHARED.psql(database, &sql).lines().map(text).collect()
}

/// A value as psql prints it.
fn rendered(array: &ArrayRef, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Boolean => if array.as_boolean().value(row) { "t" } else { "f" }.to_owned(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).to_string(),
        DataType::Float32 => format!("{:?}", array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => format!("{:?}", array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Decimal256(..) => array.as_primitive::<Decimal256Type>().value_as_string(row),
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::Binary => {
            let bytes = array.as_binary::<i32>().value(row);
            bytes.iter().fold("\\x".to_owned(), |mut hex, byte| {
                write!(hex, "{byte:02x}").unwrap();
                hex
            })
        }
        DataType::Date32 => date(i64::from(array.as_primitive::<Date32Type>().value(row)) - 10_957),
        DataType::Time64(_) => {
            let micros = array.as_primitive::<Time64MicrosecondType>().value(row);
            clock(&moment(micros)["2000-01-01 ".len()..])
        }
        DataType::Timestamp(_, zone) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            let shown = moment(micros.checked_sub(946_684_800_000_000).unwrap());
            let (shown, bc) = shown
                .split_once(" BC")
                .map_or((shown.clone(), ""), |(day, clock)| (format!("{day}{clock}"), " BC"));
            let zone = if zone.is_some() { "+00" } else { "" };
            format!("{}{zone}{bc}", clock(&shown))
        }
        DataType::List(_) => list(&array.as_list::<i32>().value(row)),
        other => panic!("{other}"),
    })
}

fn clock(text: &str) -> String {
    text.trim_end_matches('0')
        .strip_suffix('.')
        .map_or_else(|| text.trim_end_matches('0').to_owned(), str::to_owned)
}

fn list(elements: &ArrayRef) -> String {
    let nested = matches!(elements.data_type(), DataType::List(_));
    let quoted = |text: String| {
        let odd = |c: char| c.is_whitespace() || "{}\",\\".contains(c);
        match text.is_empty() || text.eq_ignore_ascii_case("null") || text.contains(odd) {
            true if !nested => {
                format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            }
            _ => text,
        }
    };
    let one = |row| rendered(elements, row).map_or("NULL".to_owned(), quoted);
    format!("{{{}}}", (0..elements.len()).map(one).collect::<Vec<_>>().join(","))
}

/// Floats are printed in another way, but the same bits are meant.
fn same_spelling(text: &str, data_type: &DataType) -> String {
    match data_type {
        DataType::Float32 => format!("{:?}", text.parse::<f32>().unwrap()),
        DataType::Float64 => format!("{:?}", text.parse::<f64>().unwrap()),
        _ => text.to_owned(),
    }
}

fn column(read: &Read) -> Vec<Option<String>> {
    let schema =
        std::sync::Arc::new(arrow::datatypes::Schema::new(vec![read.readings[0].field.clone()]));
    let all = concat_batches(&schema, &read.batches).unwrap();
    (0..all.num_rows()).map(|row| rendered(all.column(0), row)).collect()
}

#[tokio::test]
async fn every_type_arrives_as_psql_prints_it_or_its_row_is_refused() {
    let database = SHARED.database("values");
    let mut setup = TYPES.to_owned();
    for (at, Case(kind, _, values, _)) in CASES.iter().enumerate() {
        writeln!(setup, "create table t{at} (n serial, x {kind});").unwrap();
        for value in *values {
            writeln!(setup, "insert into t{at} (x) values ({value});").unwrap();
        }
    }
    SHARED.psql(&database, &setup);
    let client = client(&database).await;
    for (at, Case(kind, arrow, values, refused)) in CASES.iter().enumerate() {
        let sql = format!("select x from public.t{at} order by n");
        let read = read(&client, &sql, &Policies::default()).await.unwrap();
        let data_type = read.readings[0].field.data_type();
        let shown = match data_type {
            DataType::List(_) => data_type.to_string(),
            data_type => type_name(data_type),
        };
        assert_eq!(shown, *arrow, "{kind}");

        let reasons: Vec<_> =
            read.refused.iter().map(|row| (row.place.clone(), row.reason.as_str())).collect();
        let expected: Vec<_> =
            refused.iter().map(|(row, reason)| (format!("t row {row}"), *reason)).collect();
        assert_eq!(reasons, expected, "{kind}");

        let printed = printed(&database, &format!("public.t{at}"));
        assert_eq!(printed.len(), values.len(), "{kind}");
        let is_kept = |row: &usize| !refused.iter().any(|(number, _)| *number == row + 1);
        let kept: Vec<_> = (0..printed.len())
            .filter(is_kept)
            .map(|row| printed[row].as_ref().map(|text| same_spelling(text, data_type)))
            .collect();
        assert_eq!(column(&read), kept, "{kind}");
    }
}

/// The values and refused values of `sql` under `policies`, of its first column.
async fn under(sql: &str, policies: Policies) -> (Vec<Option<String>>, Vec<Option<String>>) {
    let database = SHARED.database("policies");
    let read = read(&client(&database).await, sql, &policies).await.unwrap();
    let refused = read.refused.iter().map(|row| row.value.clone()).collect();
    (column(&read), refused)
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| (*text != "NULL").then(|| (*text).to_owned())).collect()
}

fn wanted(kind: &str) -> Policies {
    let columns = [("x".to_owned(), parse_type(kind).unwrap())].into();
    Policies { columns, ..Policies::default() }
}

#[tokio::test]
async fn nan_and_infinity_become_null_where_the_policy_says_so() {
    let policies =
        || Policies { nan: Special::Null, infinity: Special::Null, ..Policies::default() };
    for (sql, kept) in [
        ("values ('nan'::numeric(4,1)), (1.5::numeric(4,1))", ["NULL", "1.5"]),
        ("values ('infinity'::date), ('2026-01-02')", ["NULL", "2026-01-02"]),
        ("values ('-infinity'::timestamp), ('2026-01-02')", ["NULL", "2026-01-02 00:00:00"]),
        ("values ('{1,nan}'::numeric(4,1)[]), ('{}'::numeric(4,1)[])", ["{1.0,NULL}", "{}"]),
    ] {
        let sql = format!("select x from ({sql}) v (x)");
        assert_eq!(under(&sql, policies()).await, (some(&kept), Vec::new()), "{sql}");
    }
    let mixed = Policies { nan: Special::Null, ..wanted("decimal(38,1)") };
    let sql = "select x from (values ('nan'::numeric), ('-infinity'), (1)) v (x)";
    assert_eq!(under(sql, mixed).await, (some(&["NULL", "1.0"]), some(&["-Infinity"])));
}

#[tokio::test]
async fn a_type_that_is_asked_for_is_exact_or_its_row_is_refused() {
    for (values, kind, kept, refused) in [
        (
            "(1.5), (1e36), (0.123), (-7)",
            "decimal(38,2)",
            vec!["1.50", "-7.00"],
            vec!["1".to_owned() + &"0".repeat(36), "0.123".into()],
        ),
        ("(9223372036854775807), (1)", "int", vec!["1"], vec!["9223372036854775807".into()]),
        (
            "(-32768::int8), (32768), (-32769)",
            "smallint",
            vec!["-32768"],
            vec!["32768".into(), "-32769".into()],
        ),
        (
            "(-9223372036854775808), (9223372036854775808::numeric), (1.5)",
            "bigint",
            vec!["-9223372036854775808"],
            vec!["9223372036854775808".into(), "1.5".into()],
        ),
        ("(4294967295::oid)", "bigint", vec!["4294967295"], vec![]),
        ("(7::int2), (null)", "decimal(3,2)", vec!["7.00", "NULL"], vec![]),
        ("(1.1::float4)", "double", vec!["1.100000023841858"], vec![]),
        ("('infinity'::date), (null)", "text", vec!["infinity", "NULL"], vec![]),
        ("('[0:1]={1,2}'::int[]), ('{{1},{2}}')", "text", vec!["[0:1]={1,2}", "{{1},{2}}"], vec![]),
        ("('nan'::numeric(5,2)), (1::numeric(5,2))", "text", vec!["NaN", "1.00"], vec![]),
    ] {
        let sql = format!("select x from (values {values}) v (x)");
        let refused: Vec<_> = refused.into_iter().map(Some).collect();
        assert_eq!(under(&sql, wanted(kind)).await, (some(&kept), refused), "{sql}");
    }
}

#[tokio::test]
async fn a_type_that_would_change_values_is_refused_before_anything_is_read() {
    let database = SHARED.database("refused");
    let client = client(&database).await;
    for (kind, wanted_kind) in [
        ("float8", "decimal(10,2)"),
        ("numeric(5,2)", "double"),
        ("int8", "double"),
        ("timestamp", "timestamptz"),
        ("timestamp", "date"),
        ("text", "bigint"),
        ("int4[]", "bigint"),
    ] {
        let sql = format!("select null::{kind} as x");
        let Err(error) = read(&client, &sql, &wanted(wanted_kind)).await else { panic!("{kind}") };
        assert_eq!(error.kind(), Kind::Config, "{kind}");
        assert!(error.message().contains("cannot be read as"), "{}", error.message());
    }
    let Err(error) = read(&client, "select pg_sleep(0) as x", &Policies::default()).await else {
        panic!("void was read")
    };
    assert_eq!(error.kind(), Kind::Unsupported);
}

#[tokio::test]
async fn money_has_the_digits_of_the_server() {
    let sql = "select x from (values ('-92233720368547758.08'::money), ('1.5')) v (x)";
    let kept = some(&["-92233720368547758.08", "1.50"]);
    assert_eq!(under(sql, Policies::default()).await, (kept, Vec::new()));
    // A server with fewer digits than it has: nothing is rounded.
    let yen = Policies { money_digits: 0, ..Policies::default() };
    let refused = some(&["-92233720368547758.08", "1.50"]);
    let database = SHARED.database("money");
    let read = read(&client(&database).await, sql, &yen).await.unwrap();
    assert_eq!(read.batches.len(), 0);
    assert_eq!(read.refused.iter().map(|row| row.value.clone()).collect::<Vec<_>>(), refused);
}

#[tokio::test]
async fn refused_values_are_shown_as_psql_shows_them() {
    for (values, shown) in [
        ("('infinity'::date), ('-infinity')", vec!["infinity", "-infinity"]),
        ("('24:00'::time)", vec!["24:00:00"]),
        ("('294276-12-31 23:59:59.9'::timestamp)", vec!["294276-12-31 23:59:59.900000"]),
        ("('nan'::numeric(5,2))", vec!["NaN"]),
        ("('[0:1]={1,2}'::int[]), ('{{1,2,3}}')", vec!["[0:1]", "[1:1][1:3]"]),
    ] {
        let sql = format!("select x from (values {values}) v (x)");
        assert_eq!(under_empty(&sql).await, some(&shown), "{sql}");
    }
}

/// The refused values of `sql`, all of whose rows are refused.
async fn under_empty(sql: &str) -> Vec<Option<String>> {
    let database = SHARED.database("shown");
    let read = read(&client(&database).await, sql, &Policies::default()).await.unwrap();
    assert_eq!(read.batches, []);
    read.refused.into_iter().map(|row| row.value).collect()
}

#[tokio::test]
async fn rows_without_columns_are_counted() {
    let database = SHARED.database("nothing");
    let client = client(&database).await;
    let read = read(&client, "select from generate_series(1, 7)", &Policies::default()).await;
    let rows: Vec<_> = read.unwrap().batches.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(rows, [3, 3, 1]);
}

#[tokio::test]
async fn text_that_is_no_utf8_is_refused_and_the_rows_around_it_are_kept() {
    let database = SHARED.database("ascii");
    let raw = format!("{database}_raw");
    let make =
        format!("create database \"{raw}\" encoding sql_ascii locale 'C' template template0");
    SHARED.psql("postgres", &make);
    let client = client(&raw).await;
    // Otherwise the server itself fails at such a text, whatever the row.
    client.batch_execute("set client_encoding = sql_ascii").await.unwrap();
    let bad = |hex: &str| format!("(convert_from('\\x{hex}', 'sql_ascii'))");
    // The second and third together would be one character.
    let values = [bad("c3bc"), bad("c3"), bad("bc"), "('ok')".to_owned(), bad("ff")];
    let sql = format!("select x, array[x] as xs from (values {}) v (x)", values.join(", "));
    let read = read(&client, &sql, &Policies::default()).await.unwrap();
    assert_eq!(column(&read), some(&["ü", "ok"]));
    let places: Vec<_> = read.refused.iter().map(|row| row.place.as_str()).collect();
    assert_eq!(places, ["t row 2", "t row 3", "t row 5"]);
    assert!(read.refused.iter().all(|row| row.reason == "the text is not valid UTF-8"));
}

#[tokio::test]
async fn a_field_carries_the_type_and_the_comment_of_its_column() {
    let database = SHARED.database("fields");
    let table = "create table t (\"a\"\"b\" numeric(12,2) not null, d date not null, i inet[]);
        comment on column t.d is 'when'";
    SHARED.psql(&database, table);
    let client = client(&database).await;
    let columns = columns_of_table(&client, "public", "t").await.unwrap();
    let nulls = Policies { infinity: Special::Null, ..Policies::default() };
    let line = |column: &Column, policies: &Policies| {
        let reading = reading(column, policies).unwrap();
        let field = reading.field;
        let get = |key: &str| field.metadata().get(key).cloned().unwrap_or_default();
        let (kind, comment) = (get(SOURCE_TYPE), get(COMMENT));
        format!("{} {} {kind} {comment}", reading.select, field.is_nullable())
    };
    let lines: Vec<_> = columns.iter().map(|column| line(column, &Policies::default())).collect();
    assert_eq!(
        lines,
        [
            "\"a\"\"b\" false postgres:numeric(12,2) ",
            "\"d\" false postgres:date when",
            "\"i\"::pg_catalog.text[] true postgres:inet[] ",
        ]
    );
    // A policy that makes NULLs takes NOT NULL away.
    assert_eq!(line(&columns[1], &nulls), "\"d\" true postgres:date when");
}
