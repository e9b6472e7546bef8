//! Every type on the wire, as the driver and the stand-in's own texts show it.

use tiberius::{ColumnData, ColumnType};

use super::driver::client;
use crate::tds::Tds;

/// What is written, the driver's type, and what the driver reads, as it prints it.
const VALUES: [(&str, ColumnType, &str); 33] = [
    ("cast(1 as bit)", ColumnType::Bitn, "Bit(Some(true))"),
    ("cast(255 as tinyint)", ColumnType::Int1, "U8(Some(255))"),
    ("cast(-32768 as smallint)", ColumnType::Int2, "I16(Some(-32768))"),
    ("-2147483648", ColumnType::Decimaln, "Numeric(Some(-2147483648.0))"),
    ("cast(-9223372036854775808 as bigint)", ColumnType::Int8, "I64(Some(-9223372036854775808))"),
    ("cast('0.1' as real)", ColumnType::Float4, "F32(Some(0.1))"),
    ("cast('4.9406564584124654e-324' as float)", ColumnType::Float8, "F64(Some(5e-324))"),
    ("cast('-214748.3648' as smallmoney)", ColumnType::Money, "F64(Some(-214748.3648))"),
    ("cast('-922337203685477.5808' as money)", ColumnType::Money, "F64(Some(-922337203685477.6))"),
    (
        "cast('-0.99999999999999999999999999999999999999' as decimal(38, 38))",
        ColumnType::Decimaln,
        "Numeric(Some(-0.99999999999999999999999999999999999999))",
    ),
    ("cast('0001-01-01' as date)", ColumnType::Daten, "Date(Some(Date(0)))"),
    (
        "cast('23:59:59.9999999' as time(7))",
        ColumnType::Timen,
        "Time(Some(Time { increments: 863999999999, scale: 7 }))",
    ),
    (
        "cast('1900-01-02 00:00:00.005' as datetime)",
        ColumnType::Datetimen,
        "DateTime(Some(DateTime { days: 1, seconds_fragments: 2 }))",
    ),
    (
        "cast('2079-06-06 23:59:00' as smalldatetime)",
        ColumnType::Datetimen,
        "SmallDateTime(Some(SmallDateTime { days: 65535, seconds_fragments: 1439 }))",
    ),
    (
        "cast('9999-12-31 23:59:59.999' as datetime2(3))",
        ColumnType::Datetime2,
        "DateTime2(Some(DateTime2 { date: Date(3652058), time: Time { increments: 86399999, scale: 3 } }))",
    ),
    (
        "cast('0001-01-02 00:00:00.0000001 +14:00' as datetimeoffset(7))",
        ColumnType::DatetimeOffsetn,
        "DateTimeOffset(Some(DateTimeOffset { datetime2: DateTime2 { date: Date(0), time: Time { increments: 360000000001, scale: 7 } }, offset: 840 }))",
    ),
    ("cast('ab' as char(4))", ColumnType::BigChar, "String(Some(\"ab  \"))"),
    ("cast(N'€' as varchar(4))", ColumnType::BigVarChar, "String(Some(\"€\"))"),
    (
        "cast(N'жЖ' collate Cyrillic_General_CI_AS as varchar(4))",
        ColumnType::BigVarChar,
        "String(Some(\"жЖ\"))",
    ),
    (
        "cast(N'ж€' collate Latin1_General_100_CI_AS_SC_UTF8 as varchar(9))",
        ColumnType::BigVarChar,
        // The driver takes UTF-8 for code page 1252.
        "String(Some(\"Ð¶â‚¬\"))",
    ),
    ("cast(N'ж' as varchar(4))", ColumnType::BigVarChar, "String(Some(\"?\"))"),
    ("cast(N'ж' as nchar(2))", ColumnType::NChar, "String(Some(\"ж \"))"),
    ("replicate(cast(N'ж' as nvarchar(max)), 3)", ColumnType::NVarchar, "String(Some(\"жжж\"))"),
    ("cast('a' as varchar(max))", ColumnType::BigVarChar, "String(Some(\"a\"))"),
    ("cast('old' as text)", ColumnType::Text, "String(Some(\"old\"))"),
    ("cast(N'ж' as ntext)", ColumnType::NText, "String(Some(\"ж\"))"),
    ("cast(0x00ff as image)", ColumnType::Image, "Binary(Some([0, 255]))"),
    ("cast(0x01 as binary(3))", ColumnType::BigBinary, "Binary(Some([1, 0, 0]))"),
    ("cast(0x01 as varbinary(max))", ColumnType::BigVarBin, "Binary(Some([1]))"),
    (
        "cast('6F9619FF-8B86-D011-B42D-00C04FC964FF' as uniqueidentifier)",
        ColumnType::Guid,
        "Guid(Some(6f9619ff-8b86-d011-b42d-00c04fc964ff))",
    ),
    ("cast('<a/>' as xml)", ColumnType::Xml, "Xml(Some(XmlData { data: \"<a/>\", schema: None }))"),
    ("cast(cast(7 as bigint) as sql_variant)", ColumnType::SSVariant, "I64(Some(7))"),
    ("cast(null as nvarchar(max))", ColumnType::NVarchar, "String(None)"),
];

#[tokio::test]
async fn every_type_arrives_as_it_was_written() {
    let server = Tds::start();
    let mut client = client(&server).await;
    let mut wrong = Vec::new();
    for (sql, kind, expected) in VALUES {
        let query = format!("select {sql} as c");
        let stream = client.simple_query(query).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let row = stream.into_row().await.unwrap_or_else(|e| panic!("{sql}: {e}")).unwrap();
        let column = row.columns()[0].column_type();
        let cell: Vec<ColumnData<'_>> = row.into_iter().collect();
        let found = format!("{:?}", cell[0]);
        if (column, found.as_str()) != (kind, expected) {
            wrong.push(format!("{sql}: {column:?} {found}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn columns_that_are_never_null_have_types_of_their_own() {
    let server = Tds::start();
    server.execute(
        "shop",
        "create table t (a bit not null, b tinyint not null, c smallint not null, d int not null, \
         e bigint not null, f real not null, g float not null, h datetime not null, \
         i smalldatetime not null, j money not null, k smallmoney not null, v rowversion); \
         insert t (a, b, c, d, e, f, g, h, i, j, k) values (1, 2, 3, 4, 5, 6, 7, '2026-01-01', '2026-01-01', 8, 9)",
    );
    let mut client = client(&server).await;
    let row =
        client.simple_query("select * from t").await.unwrap().into_row().await.unwrap().unwrap();
    let kinds: Vec<ColumnType> = row.columns().iter().map(tiberius::Column::column_type).collect();
    use ColumnType::{
        BigBinary, Bit, Datetime, Datetime4, Float4, Float8, Int1, Int2, Int4, Int8, Money, Money4,
    };
    let expected = [
        Bit, Int1, Int2, Int4, Int8, Float4, Float8, Datetime, Datetime4, Money, Money4, BigBinary,
    ];
    assert_eq!(kinds, expected);
    let cells: Vec<String> = row.into_iter().map(|cell| format!("{cell:?}")).collect();
    assert_eq!(cells[..3], ["Bit(Some(true))", "U8(Some(2))", "I16(Some(3))"]);
    assert_eq!(cells[9..11], ["F64(Some(8.0))", "F64(Some(9.0))"]);
}

#[tokio::test]
async fn many_nulls_are_sent_as_a_bitmap() {
    let server = Tds::start();
    let names: Vec<String> = (0..1024).map(|n| format!("c{n}")).collect();
    let columns: Vec<String> = names.iter().map(|name| format!("{name} int null")).collect();
    server.execute("shop", &format!("create table wide ({})", columns.join(", ")));
    server.execute("shop", "insert wide (c0, c7, c8, c1023) values (1, 2, 3, 4)");
    let mut client = client(&server).await;
    let row =
        client.simple_query("select * from wide").await.unwrap().into_row().await.unwrap().unwrap();
    let found: Vec<(usize, i32)> =
        (0..1024).filter_map(|at| row.get::<i32, _>(at).map(|n| (at, n))).collect();
    assert_eq!(found, [(0, 1), (7, 2), (8, 3), (1023, 4)]);
}

#[test]
fn values_are_computed_as_sql_server_computes_them() {
    let server = Tds::start();
    for (sql, expected) in [
        ("7 / 2", "3"),
        ("7 / 2.0", "3.500000"),
        ("cast(1 as decimal(38, 10)) / 3", "0.3333333333"),
        ("cast('2026-01-31' as date)", "2026-01-31"),
        (
            "convert(nvarchar(50), cast('2026-01-31 01:02:03.007' as datetime), 121)",
            "2026-01-31 01:02:03.007",
        ),
        (
            "convert(varchar(30), cast('2026-01-31 01:02' as smalldatetime), 120)",
            "2026-01-31 01:02:00",
        ),
        ("convert(varchar(8), dateadd(month, 1, cast('2026-01-31' as date)), 112)", "20260228"),
        ("datediff(day, '2025-12-31', '2026-01-01')", "1"),
        ("convert(varchar(30), cast(0.1 as float), 3)", "1.0000000000000001e-001"),
        ("convert(varchar(99), 0x00ff, 1)", "0x00FF"),
        ("convert(varbinary(8), '0x00ff', 1)", "00FF"),
        ("cast(N'aж' as varbinary(100))", "61003604"),
        ("isnull(nullif('a', 'A'), 'same')", "s"),
        ("coalesce(nullif('a', 'A'), 'same')", "same"),
        ("case when 'a' = 'A ' then 1 else 0 end", "1"),
        ("case when 'a' collate Latin1_General_BIN2 = 'A' then 1 else 0 end", "0"),
        (
            "sql_variant_property(cast(cast(1.5 as decimal(5, 2)) as sql_variant), 'BaseType')",
            "decimal",
        ),
        ("convert(varchar(30), cast('1234.5678' as money), 2)", "1234.5678"),
        ("(select sum(value) from generate_series(1, 10))", "55"),
        ("(select string_agg(value, '-') from string_split('a,b', ','))", "a-b"),
    ] {
        let found = server.rows("shop", &format!("select {sql}"));
        assert_eq!(found, [[Some(expected.to_owned())]], "{sql}");
    }
    for (sql, number) in [
        ("cast(256 as tinyint)", "8115"),
        ("cast('x' as int)", "245"),
        ("cast('2026-02-30' as date)", "241"),
        ("cast('1752-12-31' as datetime)", "242"),
        ("1 / 0", "8134"),
        ("nothing", "207"),
        ("cast('x' as uniqueidentifier)", "8169"),
    ] {
        let refused = server.try_execute("shop", &format!("select {sql}")).unwrap_err();
        assert!(refused.starts_with(&format!("{number} ")), "{sql}: {refused}");
    }
}

#[test]
fn a_uniqueidentifier_is_ordered_by_its_last_bytes() {
    let server = Tds::start();
    server.execute(
        "shop",
        "create table t (k uniqueidentifier primary key); insert t values \
         ('00000000-0000-0000-0000-000000000002'), ('ff000000-0000-0000-0000-000000000001'), \
         ('00000000-0000-0000-0001-000000000000')",
    );
    let found = server.rows("shop", "select k from t order by k");
    let expected = [
        "00000000-0000-0000-0001-000000000000",
        "FF000000-0000-0000-0000-000000000001",
        "00000000-0000-0000-0000-000000000002",
    ];
    assert_eq!(found, expected.map(|text| vec![Some(text.to_owned())]));
}
