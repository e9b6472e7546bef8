//! The types of a real MariaDB, with the values at their ends.

use super::*;
use crate::connectors::mysql::decode::ZeroDates;

/// A session with a table `t` of these columns and rows.
async fn table(columns: &str, rows: &str) -> Connection {
    let (mut connection, _) = session("types").await;
    // What older servers and careless settings have let in.
    connection.execute("set sql_mode = 'ALLOW_INVALID_DATES'").await.unwrap();
    connection.execute(&format!("create table t ({columns})")).await.unwrap();
    connection.execute(&format!("insert into t values {rows}")).await.unwrap();
    connection
}

async fn plain(columns: &str, rows: &str) -> Read {
    read(&mut table(columns, rows).await, "select * from t", &Policies::default()).await
}

/// One value of a column of this type, as Arrow writes it.
async fn one(kind: &str, value: &str) -> String {
    let read = plain(&format!("x {kind}"), &format!("({value})")).await;
    assert!(read.refused.is_empty(), "{kind} {value}: {:?}", read.refused());
    read.rows().remove(0).remove(0)
}

fn columns(wanted: &[(&str, DataType)]) -> Policies {
    let columns = wanted.iter().map(|(name, kind)| ((*name).to_owned(), kind.clone()));
    Policies { columns: columns.collect(), ..Policies::default() }
}

#[tokio::test]
async fn whole_numbers_keep_their_width_and_their_sign() {
    let kinds = ["tinyint", "smallint", "mediumint", "int", "bigint"];
    let names: Vec<_> = kinds
        .iter()
        .flat_map(|kind| [format!("{kind}_s {kind}"), format!("{kind}_u {kind} unsigned")])
        .collect();
    let read = plain(
        &names.join(", "),
        "(-128, 255, -32768, 65535, -8388608, 16777215, -2147483648, 4294967295, \
         -9223372036854775808, 18446744073709551615), \
         (127, 0, 32767, 0, 8388607, 0, 2147483647, 0, 9223372036854775807, 0)",
    )
    .await;
    assert_eq!(
        read.types(),
        [
            "Int8", "UInt8", "Int16", "UInt16", "Int32", "UInt32", "Int32", "UInt32", "Int64",
            "UInt64"
        ]
    );
    let least = ["-128", "255", "-32768", "65535", "-8388608", "16777215", "-2147483648"];
    let least = [&least[..], &["4294967295", "-9223372036854775808", "18446744073709551615"]];
    assert_eq!(read.rows()[0], least.concat());
    let most = ["127", "0", "32767", "0", "8388607", "0", "2147483647", "0"];
    assert_eq!(read.rows()[1], [&most[..], &["9223372036854775807", "0"]].concat());
    // M27: the zeros before a number are how it is shown, not what it is.
    assert_eq!(one("int(6) zerofill", "42").await, "42");
}

#[tokio::test]
async fn decimals_of_every_length_are_exact() {
    let nines = format!("{}.{}", "9".repeat(35), "9".repeat(30));
    let least = format!("-{nines}");
    let read = plain(
        "a decimal(65,30), b decimal(38,10), c decimal(12,2) unsigned, d decimal(5,0) zerofill",
        &format!("({least}, -0.0000000001, 9999999999.99, 7), ({nines}, 0, 0, 0)"),
    )
    .await;
    let types = ["Decimal256(65, 30)", "Decimal128(38, 10)", "Decimal128(12, 2)"];
    assert_eq!(read.types(), [&types[..], &["Decimal128(5, 0)"]].concat());
    assert_eq!(read.rows()[0], [&least, "-0.0000000001", "9999999999.99", "7"]);
    assert_eq!(read.rows()[1], [&nines, "0.0000000000", "0.00", "0"]);
}

#[tokio::test]
async fn floats_arrive_bit_by_bit() {
    let mut connection = table("id int, f float, d double", "(1, 16777216.1, 1e308)").await;
    connection.execute("insert t values (2, 0.1, 0.1), (3, -0.0, 4.9e-324)").await.unwrap();
    let read = read(&mut connection, "select f, d from t", &Policies::default()).await;
    // M08: the server itself writes the first one as 16777200.
    assert_eq!(read.rows()[0], ["16777216.0", "1e308"]);
    assert_eq!(read.rows()[1], ["0.1", "0.1"]);
    assert_eq!(read.rows()[2][1], "5e-324");
}

#[tokio::test]
async fn bits_are_a_number_and_a_single_one_a_boolean() {
    let read =
        plain("a bit(1), b bit(8), c bit(64)", "(b'1', b'10000001', b'1'), (0, 0, ~0)").await;
    assert_eq!(read.types(), ["Boolean", "UInt64", "UInt64"]);
    assert_eq!(read.rows(), [["true", "129", "1"], ["false", "0", "18446744073709551615"]]);
    let text = columns(&[("x", DataType::Utf8)]);
    let mut connection = table("x bit(5)", "(b'101')").await;
    let read = super::read(&mut connection, "select * from t", &text).await;
    assert_eq!(read.rows(), [["00101"]]);
}

#[tokio::test]
async fn a_tinyint_of_one_digit_is_a_boolean_only_when_that_is_asked_for() {
    let mut connection =
        table("x tinyint(1), y tinyint(4)", "(0, 0), (2, 2), (1, 1), (-1, 0)").await;
    let read = read(&mut connection, "select * from t", &Policies::default()).await;
    assert_eq!(read.types(), ["Int8", "Int8"]);
    assert_eq!(read.rows(), [["0", "0"], ["2", "2"], ["1", "1"], ["-1", "0"]]);
    let asked = Policies { tinyint1_is_boolean: true, ..Policies::default() };
    let read = super::read(&mut connection, "select * from t", &asked).await;
    assert_eq!(read.types(), ["Boolean", "Int8"]);
    assert_eq!(read.rows(), [["false", "0"], ["true", "1"]]);
    let reason = "the number is neither 0 nor 1";
    assert_eq!(
        read.refused(),
        [
            format!("shop.orders 000000 row 2: x = 2: {reason}"),
            format!("shop.orders 000000 row 4: x = -1: {reason}"),
        ]
    );
}

#[tokio::test]
async fn zero_dates_go_by_the_policy_and_nothing_else_does() {
    let columns = "id int, d date not null, t datetime, s timestamp null";
    let rows = "(1, '0000-00-00', null, null), (2, '2020-02-00', null, null), \
                (3, '2020-00-15', null, null), (4, '2020-02-29', '0000-00-00', null), \
                (5, '2020-02-29', '2020-01-00 01:02:03', null), \
                (6, '2020-02-29', null, '0000-00-00'), \
                (7, '2020-02-29', '2020-02-29 23:59:59', '2020-02-29 23:59:59')";
    let mut connection = table(columns, rows).await;
    let sql = "select * from t order by id";
    let whole = ["7", "2020-02-29", "2020-02-29T23:59:59", "2020-02-29T23:59:59Z"];
    let rejected = read(&mut connection, sql, &Policies::default()).await;
    assert_eq!(rejected.rows(), [whole]);
    let reason = "the date has no day or no month, and Arrow has no such date";
    let refused = |row, value| format!("shop.orders 000000 row {row}: {value}: {reason}");
    assert_eq!(
        rejected.refused(),
        [
            refused(1, "d = 0000-00-00"),
            refused(2, "d = 2020-02-00"),
            refused(3, "d = 2020-00-15"),
            refused(4, "t = 0000-00-00 00:00:00"),
            refused(5, "t = 2020-01-00 01:02:03"),
            refused(6, "s = 0000-00-00 00:00:00"),
        ]
    );
    let policy = Policies { zero_dates: ZeroDates::Null, ..Policies::default() };
    let nulled = read(&mut connection, sql, &policy).await;
    assert_eq!(nulled.refused(), [""; 0]);
    assert!(nulled.readings[1].field.is_nullable(), "a NOT NULL column may have NULL now");
    let dates: Vec<_> = nulled.rows().into_iter().map(|row| row[1..].join(" ")).collect();
    let day = "2020-02-29";
    let days = [format!("{day} null null"), whole[1..].join(" ")];
    assert_eq!(dates[..3], ["null null null"; 3]);
    assert!(dates[3..6].iter().all(|date| *date == days[0]), "{dates:?}");
    assert_eq!(dates[6], days[1]);
    let policy = Policies { zero_dates: ZeroDates::Fail, ..Policies::default() };
    let failed = try_read(&mut connection, sql, &policy, &[]).await.err().expect("an error");
    assert!(failed.report().contains("value:  0000-00-00"), "{}", failed.report());
}

#[tokio::test]
async fn a_day_that_is_not_is_refused_under_every_policy() {
    for zero_dates in [ZeroDates::Reject, ZeroDates::Null, ZeroDates::Fail] {
        let mut connection = table("d date", "('2020-02-30'), ('2020-02-29')").await;
        let policy = Policies { zero_dates, ..Policies::default() };
        let read = read(&mut connection, "select * from t", &policy).await;
        assert_eq!(read.rows(), [["2020-02-29"]]);
        let refused = "shop.orders 000000 row 1: d = 2020-02-30: there is no such day";
        assert_eq!(read.refused(), [refused]);
    }
}

#[tokio::test]
async fn dates_as_text_are_what_the_server_writes() {
    let mut connection =
        table("d date, t datetime(3)", "('2020-00-15', '0000-00-00'), ('2020-02-30', now())").await;
    let text = columns(&[("d", DataType::Utf8), ("t", DataType::Utf8)]);
    let own = connection.query("select * from t").await.unwrap();
    let read = read(&mut connection, "select * from t", &text).await;
    let rows: Vec<Vec<_>> =
        read.rows().into_iter().map(|row| row.into_iter().map(Some).collect()).collect();
    assert_eq!(rows, own);
}

#[tokio::test]
async fn moments_keep_their_microseconds_and_timestamps_are_in_utc() {
    assert_eq!(
        one("datetime(6)", "'9999-12-31 23:59:59.999999'").await,
        "9999-12-31T23:59:59.999999"
    );
    assert_eq!(one("datetime", "'1000-01-01'").await, "1000-01-01T00:00:00");
    assert_eq!(one("date", "'9999-12-31'").await, "9999-12-31");
    assert_eq!(one("timestamp", "'2038-01-19 03:14:07'").await, "2038-01-19T03:14:07Z");
    // M29: an hour that comes twice in another zone; the session is in UTC.
    let mut connection =
        table("x timestamp", "('2020-10-25 00:30:00'), ('2020-10-25 01:30:00')").await;
    connection.execute("set time_zone = '+02:00'").await.unwrap();
    connection.execute("insert t values ('2020-10-25 02:30:00')").await.unwrap();
    connection.execute("set time_zone = '+00:00'").await.unwrap();
    let read = read(&mut connection, "select * from t", &Policies::default()).await;
    let moments: Vec<_> = read.rows().concat();
    assert_eq!(moments, ["2020-10-25T00:30:00Z", "2020-10-25T01:30:00Z", "2020-10-25T00:30:00Z"]);
    assert_eq!(read.types(), ["Timestamp(µs, \"UTC\")"]);
}

#[tokio::test]
async fn a_time_is_a_text_and_within_a_day_a_time_when_that_is_asked_for() {
    let rows = "('-838:59:59.999'), ('838:59:59'), ('00:00:00'), ('23:59:59.999'), ('24:00:00')";
    let mut connection = table("x time(3)", rows).await;
    let read = read(&mut connection, "select * from t", &Policies::default()).await;
    let all = ["-838:59:59.999", "838:59:59.000", "00:00:00.000", "23:59:59.999", "24:00:00.000"];
    assert_eq!(
        (read.types().concat(), read.rows().concat()),
        ("Utf8".to_owned(), all.map(String::from).to_vec())
    );
    let time = columns(&[("x", DataType::Time64(TimeUnit::Microsecond))]);
    let read = super::read(&mut connection, "select * from t", &time).await;
    assert_eq!(read.rows(), [["00:00:00"], ["23:59:59.999"]]);
    let reason = "the time is not between 00:00:00 and 24:00:00";
    let refused = |row, value| format!("shop.orders 000000 row {row}: x = {value}: {reason}");
    let refused = [refused(1, all[0]), refused(2, all[1]), refused(5, all[4])];
    assert_eq!(read.refused(), refused);
}

#[tokio::test]
async fn years_labels_and_sets_are_what_the_server_says() {
    assert_eq!(one("year", "'0000'").await, "0");
    assert_eq!(one("year", "2155").await, "2155");
    // M12: what stands for a label that there is none of.
    let read = plain("x enum('a','b')", "('a'), ('nothing')").await;
    assert_eq!(read.rows(), [["a"], [""]]);
    let members: Vec<_> = (0..64).map(|n| format!("m{n}")).collect();
    let kind = format!("set('{}')", members.join("','"));
    assert_eq!(one(&kind, &format!("'{}'", members.join(","))).await, members.join(","));
    assert_eq!(one(&kind, "''").await, "");
}

#[tokio::test]
async fn json_is_the_text_that_the_server_keeps() {
    let text = r#"{"big": 123456789012345678901234567890, "twice": 1, "twice": 2, "e": 1e400}"#;
    let read = plain("x json", &format!("('{text}')")).await;
    assert_eq!(read.rows(), [[text]]);
    assert_eq!(read.sources(), ["mysql:json"]);
}

#[tokio::test]
async fn shapes_are_wkb_and_text_when_that_is_asked_for() {
    let mut connection = table(
        "p point, g geometry",
        "(point(1,2), ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))', 4326)), (null, null)",
    )
    .await;
    let read = read(&mut connection, "select * from t", &Policies::default()).await;
    let own =
        connection.query("select lower(hex(ST_AsWKB(p))), lower(hex(ST_AsWKB(g))) from t").await;
    let own: Vec<_> = own.unwrap().remove(0).into_iter().flatten().collect();
    assert_eq!(read.rows()[0], own);
    assert_eq!(read.rows()[1], ["null", "null"]);
    let text = columns(&[("p", DataType::Utf8), ("g", DataType::Utf8)]);
    let read = super::read(&mut connection, "select * from t", &text).await;
    assert_eq!(read.rows()[0], ["POINT(1 2)", "POLYGON((0 0,1 0,1 1,0 0))"]);
}

#[tokio::test]
async fn bytes_are_bytes_and_texts_are_texts() {
    let all: String = (0..=255_u8).map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(one("blob", &format!("x'{all}'")).await, all);
    assert_eq!(one("varbinary(300)", &format!("x'{all}'")).await, all);
    // M22: the padding of bytes is kept, that of texts is not: as the server has it.
    assert_eq!(one("binary(4)", "'ab'").await, "61620000");
    assert_eq!(one("char(4)", "'ab '").await, "ab");
    assert_eq!(one("varchar(4)", "'ab '").await, "ab ");
    // M19: latin1 of the server is cp1252.
    assert_eq!(one("varchar(9) character set latin1", "x'80e9'").await, "€é");
    // M18: what three bytes have no place for was cut by the server.
    assert_eq!(one("varchar(9) character set utf8mb3", "'ok 😀 x'").await, "ok ? x");
    // M20: text that was encoded twice is text, and is not mended.
    assert_eq!(one("varchar(9)", "convert(x'c383c2a9' using utf8mb4)").await, "Ã©");
    assert_eq!(one("text", "'a\\0b'").await, "a\0b");
    assert_eq!(one("varchar(9)", "'e\u{301}😀'").await, "e\u{301}😀");
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused_where_text_is_asked_for() {
    let rows = "(1, 'a'), (2, x'c328'), (3, 'ä'), (4, x'e9'), (5, null)";
    let mut connection = table("id int, x varbinary(9)", rows).await;
    let read = read(&mut connection, "select * from t", &columns(&[("x", DataType::Utf8)])).await;
    assert_eq!(read.rows(), [["1", "a"], ["3", "ä"], ["5", "null"]]);
    let refused = |row, value| {
        format!("shop.orders 000000 row {row}: x = {value}: the text is not valid UTF-8")
    };
    assert_eq!(read.refused(), [refused(2, "\u{fffd}("), refused(4, "\u{fffd}")]);
}

#[tokio::test]
async fn types_of_mariadb_alone_are_texts() {
    let read = plain(
        "u uuid, i inet6, j inet4",
        "('123E4567-E89B-12D3-A456-426655440000', '::ffff:1.2.3.4', '1.2.3.4')",
    )
    .await;
    let uuid = "123e4567-e89b-12d3-a456-426655440000";
    assert_eq!(read.rows(), [[uuid, "::ffff:1.2.3.4", "1.2.3.4"]]);
    assert_eq!(read.sources(), ["mysql:uuid", "mysql:inet6", "mysql:inet4"]);
}

#[tokio::test]
async fn columns_that_the_server_fills_are_read_like_others() {
    let columns = "a int, b int as (a * 2) virtual, c varchar(9) as (concat('x', a)) stored";
    let mut connection = table(columns, "(1, default, default)").await;
    connection.execute("create table v (id int) with system versioning").await.unwrap();
    connection.execute("insert v values (1)").await.unwrap();
    let generated = read(&mut connection, "select * from t", &Policies::default()).await;
    assert_eq!(generated.rows(), [["1", "2", "x1"]]);
    let versions = read(&mut connection, "select * from v", &Policies::default()).await;
    assert_eq!(versions.rows(), [["1"]]);
}

#[tokio::test]
async fn expressions_have_the_types_that_the_server_gives_them() {
    let sql = "select sum(x) as s, avg(x) as a, count(*) as n, null as nothing, 1 = 1 as yes, \
               concat(x, 'ä') as text, x'00ff' as bytes, 1.50 as d, 1e0 as f from t";
    let read = read(&mut table("x int", "(1), (2)").await, sql, &Policies::default()).await;
    assert_eq!(
        read.types(),
        [
            "Decimal128(32, 0)",
            "Decimal128(14, 4)",
            "Int64",
            "Utf8",
            "Int32",
            "Utf8",
            "Binary",
            "Decimal128(3, 2)",
            "Float64"
        ]
    );
    let values = ["3", "1.5000", "2", "null", "1", "1ä", "00ff", "1.50", "1.0"];
    assert_eq!(read.rows(), [values]);
}

#[tokio::test]
async fn other_types_are_exact_or_refused() {
    let columns_of = "a int unsigned, b bigint unsigned, c decimal(20,2), d float, e tinyint";
    let rows = "(4294967295, 1, 3, 0.1, 1), (1, 18446744073709551615, 3, 0.1, 1), \
                (1, 1, 3.5, 0.1, 1), (1, 1, 3, 0.5, 2)";
    let mut connection = table(columns_of, rows).await;
    let wanted = columns(&[
        ("a", DataType::Int64),
        ("b", DataType::Int64),
        ("c", DataType::Int16),
        ("d", DataType::Float64),
        ("e", DataType::Decimal128(5, 2)),
    ]);
    let read = read(&mut connection, "select * from t", &wanted).await;
    assert_eq!(
        read.rows(),
        [["4294967295", "1", "3", "0.10000000149011612", "1.00"], ["1", "1", "3", "0.5", "2.00"]]
    );
    let refused = [
        "shop.orders 000000 row 2: b = 18446744073709551615: \
         the number is out of the range of the column",
        "shop.orders 000000 row 3: c = 3.50: the number has more digits than the column",
    ];
    assert_eq!(read.refused(), refused);
    for (column, kind) in [
        ("a", DataType::Date32),
        ("b", DataType::Float64),
        ("d", DataType::Int64),
        ("c", DataType::Boolean),
    ] {
        let wanted = columns(&[(column, kind)]);
        let error = try_read(&mut connection, "select * from t", &wanted, &[]).await.err();
        let error = error.expect("not exact");
        assert_eq!(error.kind(), crate::error::Kind::Config, "{column}");
        assert!(error.message().ends_with(" exactly"), "{}", error.message());
    }
}

#[tokio::test]
async fn every_type_is_exact_as_text() {
    let columns_of = "a bigint unsigned, b decimal(65,30), c double, d bit(3), e time(6), f year, \
                      g timestamp(2) null, h enum('x'), i tinyint(1), j uuid, k json";
    let rows = "(18446744073709551615, -1.5, 1e308, b'101', '-00:00:00.000001', 2000, \
                '2020-01-02 03:04:05.60', 'x', -1, uuid(), '[]')";
    let mut connection = table(columns_of, rows).await;
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
    let text = columns(&names.map(|name| (name, DataType::Utf8)));
    let own = "select a, b, c, lpad(bin(d), 3, '0'), e, f, g, h, i, j, k from t";
    let own = connection.query(own).await.unwrap().remove(0);
    let read = read(&mut connection, "select * from t", &text).await;
    assert_eq!(read.rows().remove(0).into_iter().map(Some).collect::<Vec<_>>(), own);
}

#[tokio::test]
async fn a_comment_and_the_declared_type_go_with_the_field() {
    let mut connection = table("x decimal(9,3)", "(1.5)").await;
    let mut column = connection.describe("select * from t").await.unwrap().remove(0);
    column.declared = Some("decimal(9,3) unsigned".to_owned());
    column.comment = Some("net".to_owned());
    let reading = reading(&column, &Policies::default()).unwrap();
    let metadata = reading.field.metadata();
    assert_eq!(metadata["dhow.source_type"], "mysql:decimal(9,3) unsigned");
    assert_eq!(metadata["dhow.comment"], "net");
}

#[tokio::test]
async fn columns_that_changed_after_the_plan_are_a_conflict() {
    let mut connection = table("x int, y int", "(1, 2)").await;
    let columns = connection.describe("select * from t").await.unwrap();
    let readings: Vec<_> =
        columns.iter().map(|c| reading(c, &Policies::default()).unwrap()).collect();
    for change in ["modify y bigint", "modify y int unsigned", "change y z int", "drop y"] {
        connection.execute("create or replace table u as select * from t").await.unwrap();
        connection.execute(&format!("alter table u {change}")).await.unwrap();
        let mut decoder = Decoder::new(&readings, 10, "u 0", Arc::new(crate::source::Stop));
        let mut other = session("other").await.0;
        let database = connection.query("select database()").await.unwrap().remove(0).remove(0);
        other.execute(&format!("use `{}`", database.unwrap())).await.unwrap();
        let mut rows = other.rows("select * from u").await.unwrap();
        let error = told(rows.next(&mut decoder).await.unwrap_err());
        assert_eq!(error.kind(), crate::error::Kind::Conflict, "{change}: {}", error.report());
        drop(rows);
        assert!(!other.is_usable());
    }
}
