//! `sql_variant`: refused, or read as the text of each value by its own type.

use super::{lines, server, sifted, snapshot, source};
use crate::error::Kind;

/// A value of each type that a `sql_variant` can hold, and its text.
const VALUES: &[(&str, &str)] = &[
    ("null", "NULL"),
    ("cast(1 as bit)", "1"),
    ("cast(255 as tinyint)", "255"),
    ("cast(-32768 as smallint)", "-32768"),
    ("cast(-2147483648 as int)", "-2147483648"),
    ("cast(9223372036854775807 as bigint)", "9223372036854775807"),
    ("cast('-1.5' as decimal(38, 10))", "-1.5000000000"),
    ("cast('0.1' as real)", "1.0000000149011612e-001"),
    ("cast('0.1' as float)", "1.0000000000000001e-001"),
    ("cast('-922337203685477.5808' as money)", "-922337203685477.5808"),
    ("cast('214748.3647' as smallmoney)", "214748.3647"),
    ("cast('0001-01-01' as date)", "0001-01-01"),
    ("cast('23:59:59.9999999' as time(7))", "23:59:59.9999999"),
    ("cast('12:00:01.123' as time(3))", "12:00:01.1230000"),
    ("cast('2079-06-06 23:59' as smalldatetime)", "2079-06-06 23:59:00"),
    ("cast('1753-01-01 00:00:00.003' as datetime)", "1753-01-01 00:00:00.003"),
    ("cast('9999-12-31 23:59:59.9999999' as datetime2(7))", "9999-12-31 23:59:59.9999999"),
    (
        "cast('2026-01-02 03:04:05.1234567 -08:30' as datetimeoffset(7))",
        "2026-01-02 03:04:05.1234567 -08:30",
    ),
    ("cast('ab' as char(4))", "ab  "),
    ("cast('' as varchar(9))", ""),
    ("cast(N'Жук' collate Cyrillic_General_CI_AS as varchar(9))", "Жук"),
    ("cast(N'жу' as nchar(3))", "жу "),
    ("cast(N'?=🪲' as nvarchar(9))", "?=🪲"),
    ("cast(0x01ff as binary(4))", "0x01FF0000"),
    ("cast(0x as varbinary(9))", "0x"),
    (
        "cast('6f9619ff-8b86-d011-b42d-00c04fc964ff' as uniqueidentifier)",
        "6F9619FF-8B86-D011-B42D-00C04FC964FF",
    ),
];

const AS_TEXT: [(&str, &str); 2] = [("table", "t"), ("columns", "v: text")];

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_every_type_is_read_as_its_text_when_the_author_says_so() {
    let server = server("create table t (id int not null primary key, v sql_variant null)");
    for (id, (value, _)) in VALUES.iter().enumerate() {
        server.execute("shop", &format!("insert into t (id, v) values ({}, {value})", 100 + id));
    }
    let found = snapshot(&server, &AS_TEXT).await;
    let texts: Vec<_> = VALUES.iter().map(|(_, text)| (*text).to_owned()).collect();
    let lines = lines(&found).await;
    let read: Vec<_> = lines.iter().map(|line| line.split_once('|').unwrap().1).collect();
    assert_eq!(read, texts);
    let note = "`v` come as text: of which type each value was is not kept";
    assert!(found.notes().contains(&note.to_owned()), "{:?}", found.notes());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_values_of_a_variant_are_not_cut() {
    let server = server("create table t (id int not null primary key, v sql_variant null)");
    for (value, text) in [
        ("cast(replicate('x', 8000) as varchar(8000))", "x".repeat(8000)),
        ("cast(replicate(N'ж', 4000) as nvarchar(4000))", "ж".repeat(4000)),
        (
            "cast(cast(replicate('a', 8000) as varchar(8000)) as varbinary(8000))",
            format!("0x{}", "61".repeat(8000)),
        ),
    ] {
        server.execute(
            "shop",
            &format!("truncate table t; insert into t (id, v) values (1, {value})"),
        );
        let found = lines(&snapshot(&server, &AS_TEXT).await).await;
        assert_eq!(found, [format!("1|{text}")], "{value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_without_a_text_costs_its_row_and_is_never_null() {
    let server = server("create table t (id int not null primary key, v sql_variant null)");
    server.execute("shop", "insert into t (id, v) values (1, cast(7 as int))");
    server.execute("shop", "insert into t (id, v) values (2, hierarchyid::Parse('/1/'))");
    let (lines, refused) = sifted(&snapshot(&server, &AS_TEXT).await).await;
    assert_eq!(lines, ["1|7"]);
    let told: Vec<_> = refused
        .iter()
        .map(|r| (r.place.as_str(), r.column.as_deref(), r.value.as_deref(), r.reason.as_str()))
        .collect();
    let reason = "the sql_variant holds a type of which no exact text is known";
    let value = "a value of the type hierarchyid";
    assert_eq!(told, [("t 000000 row 2", Some("v"), Some(value), reason)]);
    assert_eq!(refused[0].hint.as_deref(), Some("convert the column with a `query`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variant_is_refused_with_the_way_to_read_it() {
    let server = server("create table t (id int not null, v sql_variant null)");
    let error = source(&server, &[("table", "t")]).schema().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unsupported);
    assert_eq!(error.message(), "there is no way to read sql_variant exactly");
    let hint = "`text` for it under `columns` reads each value as a text by its own type; which \
                type that is, is lost";
    assert_eq!(error.advice(), Some(hint));
    let more = [("table", "t"), ("columns", "v: bigint")];
    let error = source(&server, &more).schema().await.unwrap_err();
    assert_eq!(error.message(), "sql_variant cannot be read as bigint exactly");
}
