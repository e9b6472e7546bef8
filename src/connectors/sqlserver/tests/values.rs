//! Every type of the server, at its limits.

use arrow::datatypes::{DataType, TimeUnit};

use super::{lines, server, sifted, snapshot, source};
use crate::error::Kind;

/// A table with one column `c` of `kind`, and `values` in their order.
async fn column(kind: &str, values: &[&str], more: &[(&str, &str)]) -> Vec<String> {
    let server = server(&format!("create table t (id int not null primary key, c {kind} null)"));
    for (id, value) in values.iter().enumerate() {
        server.execute("shop", &format!("insert into t (id, c) values ({id}, {value})"));
    }
    let more: Vec<_> = [("table", "t")].iter().chain(more).copied().collect();
    let found = lines(&snapshot(&server, &more).await).await;
    found.iter().map(|line| line.split_once('|').unwrap().1.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_arrives_as_it_was_stored() {
    for (kind, values, expected) in [
        ("bit", &["0", "1", "null"][..], &["false", "true", "NULL"][..]),
        ("tinyint", &["0", "255", "null"], &["0", "255", "NULL"]),
        ("smallint", &["-32768", "32767"], &["-32768", "32767"]),
        ("int", &["-2147483648", "2147483647"], &["-2147483648", "2147483647"]),
        (
            "bigint",
            &["-9223372036854775808", "9223372036854775807", "null"],
            &["-9223372036854775808", "9223372036854775807", "NULL"],
        ),
        (
            "float",
            &["0.1", "1.7976931348623157e308", "null"],
            &["0.1", "1.7976931348623157e308", "NULL"],
        ),
        (
            "money",
            &["-922337203685477.5808", "922337203685477.5807", "0.0001", "null"],
            &["-922337203685477.5808", "922337203685477.5807", "0.0001", "NULL"],
        ),
        ("smallmoney", &["-214748.3648", "214748.3647"], &["-214748.3648", "214748.3647"]),
        (
            "decimal(38,38)",
            &["0.99999999999999999999999999999999999999", "null"],
            &["0.99999999999999999999999999999999999999", "NULL"],
        ),
        ("decimal(5,0)", &["-99999"], &["-99999"]),
        ("date", &["'0001-01-01'", "'9999-12-31'", "null"], &["0001-01-01", "9999-12-31", "NULL"]),
        ("time(7)", &["'23:59:59.9999990'", "null"], &["23:59:59.999999", "NULL"]),
        ("time(0)", &["'12:00:01'"], &["12:00:01"]),
        (
            "datetime",
            &["'1753-01-01 00:00:00.003'", "'9999-12-31 23:59:59.997'", "null"],
            &["1753-01-01T00:00:00.003", "9999-12-31T23:59:59.997", "NULL"],
        ),
        ("smalldatetime", &["'2079-06-06 23:59'"], &["2079-06-06T23:59:00"]),
        (
            "datetime2(7)",
            &["'0001-01-01'", "'2026-01-02 03:04:05.1234560'", "null"],
            &["0001-01-01T00:00:00", "2026-01-02T03:04:05.123456", "NULL"],
        ),
        (
            "datetimeoffset(7)",
            &["'2026-01-02 03:04:05.5 +14:00'", "'2026-01-02 03:04:05 -08:30'", "null"],
            &["2026-01-01T13:04:05.500", "2026-01-02T11:34:05", "NULL"],
        ),
        ("char(4)", &["'ab'", "''", "null"], &["ab  ", "    ", "NULL"]),
        ("varchar(20)", &["'it''s'", "''", "null"], &["it's", "", "NULL"]),
        ("varchar(max)", &["'x'", "null"], &["x", "NULL"]),
        ("nchar(3)", &["N'жу'"], &["жу "]),
        ("nvarchar(20)", &["N'a 🪲 b'", "null"], &["a 🪲 b", "NULL"]),
        ("nvarchar(max)", &["N'жук'", "null"], &["жук", "NULL"]),
        ("text", &["'old'", "null"], &["old", "NULL"]),
        ("ntext", &["N'жук'"], &["жук"]),
        ("binary(4)", &["0x01ff", "null"], &["01ff0000", "NULL"]),
        ("varbinary(10)", &["0x", "0x00ff", "null"], &["", "00ff", "NULL"]),
        ("varbinary(max)", &["0x00ff", "null"], &["00ff", "NULL"]),
        ("image", &["0x00ff"], &["00ff"]),
        (
            "uniqueidentifier",
            &["'6f9619ff-8b86-d011-b42d-00c04fc964ff'", "null"],
            &["6F9619FF-8B86-D011-B42D-00C04FC964FF", "NULL"],
        ),
        ("xml", &["'<a b=\"1\">x</a>'", "null"], &["<a b=\"1\">x</a>", "NULL"]),
    ] {
        assert_eq!(column(kind, values, &[]).await, expected, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_of_every_collation_is_read_right() {
    for (collation, text) in [
        ("Cyrillic_General_CI_AS", "Жук"),
        ("Latin1_General_CI_AS", "Müller €"),
        ("Latin1_General_100_CI_AS_SC_UTF8", "Жук Müller 🪲"),
    ] {
        let kind = format!("varchar(40) collate {collation}");
        let found = column(&kind, &[&format!("N'{text}'")], &[]).await;
        assert_eq!(found, [text], "{collation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn places_and_paths_arrive_as_wkb_and_as_text() {
    // A point with Z and M: the fourth dimension must not be lost.
    let point = "0x01b90b0000000000000000f03f000000000000004000000000000008400000000000001040";
    for kind in ["geometry", "geography"] {
        let value = format!("{kind}::STGeomFromWKB({point}, 4326)");
        let found = column(kind, &[&value, "null"], &[]).await;
        assert_eq!(found, [&point[2..], "NULL"], "{kind}");
        let server = server(&format!("create table t (place {kind})"));
        let note = "`place` come as WKB, without their reference system (SRID)";
        let notes = snapshot(&server, &[("table", "t")]).await.notes();
        assert!(notes.contains(&note.to_owned()), "{kind}: {notes:?}");
    }
    let paths = ["hierarchyid::Parse('/')", "hierarchyid::Parse('/1/2.5/-3/')", "null"];
    assert_eq!(column("hierarchyid", &paths, &[]).await, ["/", "/1/2.5/-3/", "NULL"]);
    // No range of them is asked for.
    let server = server("create table t (h hierarchyid not null primary key)");
    let more = [("table", "t"), ("split_by", "h")];
    let error = super::failure(&server, &more).await;
    assert_eq!(error.message(), "`h` has no order: it is hierarchyid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_of_the_order_of_bytes_is_part_of_a_text_and_of_no_document() {
    let marked = "N'\u{feff}<a>ж</a>'";
    assert_eq!(column("nvarchar(20)", &[marked], &[]).await, ["\u{feff}<a>ж</a>"]);
    assert_eq!(column("nvarchar(max)", &[marked], &[]).await, ["\u{feff}<a>ж</a>"]);
    // The server takes it off when it stores a document, and puts it on only for bytes.
    let declared = "N'<?xml version=\"1.0\" encoding=\"utf-16\"?><a>ж</a>'";
    assert_eq!(column("xml", &[marked, declared], &[]).await, ["<a>ж</a>", "<a>ж</a>"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_as_a_file_arrives_as_bytes() {
    let server = server(
        "create table t (id uniqueidentifier rowguidcol not null unique,
           c varbinary(max) filestream null);
         insert into t values ('6F9619FF-8B86-D011-B42D-00C04FC964FF', 0x00ff00)",
    );
    let found = snapshot(&server, &[("table", "t")]).await;
    assert_eq!(lines(&found).await, ["6F9619FF-8B86-D011-B42D-00C04FC964FF|00ff00"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_read_as_text_are_not_cut() {
    let bytes = "cast(cast(replicate('a', 2500) as varchar(8000)) as varbinary(2500))";
    let found = column("varbinary(2500)", &[bytes], &[("columns", "c: text")]).await;
    assert_eq!(found, [format!("0x{}", "61".repeat(2500))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_place_is_refused_row_by_row() {
    let server = server(
        "create table t (id int not null primary key, at datetime2(7) null, name nvarchar(9) null);
         insert into t values (1, '2026-01-02 03:04:05.1234567', N'a'), (2, null, N'b');
         insert into t values (3, null, cast(0x00d86100 as nvarchar(9)))",
    );
    let (lines, refused) = sifted(&snapshot(&server, &[("table", "t")]).await).await;
    assert_eq!(lines, ["2|NULL|b"]);
    let shown: Vec<_> = refused
        .iter()
        .map(|r| (r.place.as_str(), r.column.as_deref(), r.value.as_deref(), r.reason.as_str()))
        .collect();
    let expected = [
        (
            "t 000000 row 1",
            Some("at"),
            Some("2026-01-02 03:04:05.1234567"),
            "the time has tenths of a microsecond, for which there is no place",
        ),
        (
            "t 000000 row 3",
            Some("name"),
            Some("\u{fffd}a"),
            "the text has half a character: a surrogate of UTF-16 without its other half",
        ),
    ];
    assert_eq!(shown, expected);
    let hint = "`fraction: truncate` cuts them off; `columns: {at: text}` reads the column exactly";
    assert_eq!(refused[0].hint.as_deref(), Some(hint));
}

#[tokio::test(flavor = "multi_thread")]
async fn tenths_of_a_microsecond_are_cut_off_or_kept_as_text_when_the_author_says_so() {
    let values = &["'2026-01-02 03:04:05.1234567'"];
    let cut = column("datetime2(7)", values, &[("fraction", "truncate")]).await;
    assert_eq!(cut, ["2026-01-02T03:04:05.123456"]);
    let text = column("datetime2(7)", values, &[("columns", "c: text")]).await;
    assert_eq!(text, ["2026-01-02 03:04:05.1234567"]);
    let server = server("create table t (at datetime2(7), seen datetimeoffset(7))");
    let notes = snapshot(&server, &[("table", "t"), ("fraction", "truncate")]).await.notes();
    for note in [
        "the moment of `seen` is kept in UTC, its offset is not",
        "tenths of a microsecond in `at`, `seen` are cut off",
    ] {
        assert!(notes.contains(&note.to_owned()), "{notes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rowversion_is_eight_bytes_and_a_computed_column_is_read() {
    let server = server(
        "create table t (id int not null, twice as (id * 2), rv rowversion not null);
         insert into t (id) values (7)",
    );
    let snapshot = snapshot(&server, &[("table", "t")]).await;
    let schema = snapshot.schema();
    let types: Vec<_> = schema.fields().iter().map(|field| field.data_type().clone()).collect();
    assert_eq!(types, [DataType::Int32, DataType::Int32, DataType::Binary]);
    let lines = lines(&snapshot).await;
    let (start, version) = lines[0].rsplit_once('|').unwrap();
    assert_eq!((start, version.len()), ("7|14", 16));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_without_an_exact_reading_is_refused_by_name() {
    let server = server("create table t (id int not null, v sql_variant null)");
    let error = source(&server, &[("table", "t")]).schema().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unsupported);
    assert_eq!(error.message(), "there is no way to read sql_variant exactly");
    assert!(error.places().contains(&("column".to_owned(), "v".to_owned())), "{error:?}");
    let error = source(&server, &[("table", "t"), ("columns", "id: smallint")]).schema().await;
    assert_eq!(error.unwrap_err().message(), "int cannot be read as smallint exactly");
    let query = "select id, cast(v as nvarchar(100)) as v from t";
    let schema = source(&server, &[("query", query)]).schema().await.unwrap();
    assert_eq!(schema.field(1).data_type(), &DataType::Utf8);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_are_taken_letter_by_letter() {
    let table = "x'; drop table t; --";
    let columns = ["select", "a.b", "c]d", "Big One", "жук", "e\"f", "g'h", "MyCol", "mycol2"];
    let quote = |name: &str| format!("[{}]", name.replace(']', "]]"));
    let list: Vec<_> = columns.iter().map(|name| format!("{} int null", quote(name))).collect();
    let server = server("create table t (id int)");
    server.execute("shop", &format!("create table {} ({})", quote(table), list.join(", ")));
    let values: Vec<_> = (0..columns.len()).map(|n| n.to_string()).collect();
    server.execute("shop", &format!("insert into {} values ({})", quote(table), values.join(", ")));
    let snapshot = snapshot(&server, &[("table", table)]).await;
    let schema = snapshot.schema();
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, columns);
    assert_eq!(lines(&snapshot).await, [values.join("|")]);
    assert_eq!(server.rows("shop", "select count(*) from t"), [[Some("0".to_owned())]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_needs_a_name_for_each_column() {
    let server = server("create table t (id int not null)");
    for (query, expected) in [
        ("select id, id from t", "`query` has two columns `id`"),
        ("select id + 1 from t", "column 1 of `query` has no name"),
    ] {
        let error = source(&server, &[("query", query)]).schema().await.unwrap_err();
        assert!([Kind::Config, Kind::Data].contains(&error.kind()), "{error:?}");
        assert!(error.kind() == Kind::Config && error.message() == expected, "{error:?}");
    }
    let moment = DataType::Timestamp(TimeUnit::Microsecond, None);
    let query = "select cast('2026-01-02' as datetime2(3)) as at from t -- the end";
    let schema = source(&server, &[("query", query)]).schema().await.unwrap();
    assert_eq!(schema.field(0).data_type(), &moment);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_and_wide_rows_arrive_in_bounded_batches() {
    let server =
        server("create table t (id int not null primary key, name nvarchar(max) not null)");
    for thousand in 0..3 {
        let rows: Vec<_> =
            (0..1000).map(|n| format!("({}, N'{n}')", thousand * 1000 + n)).collect();
        server.execute("shop", &format!("insert into t values {}", rows.join(", ")));
    }
    let snapshot = snapshot(&server, &[("table", "t")]).await;
    let want = crate::source::Want { batch_rows: 700, ..Default::default() };
    let batches = super::read(&snapshot, &snapshot.splits()[0], &want).await.unwrap();
    let rows: Vec<_> = batches.iter().map(arrow::array::RecordBatch::num_rows).collect();
    assert_eq!(rows, [700, 700, 700, 700, 200]);
}
