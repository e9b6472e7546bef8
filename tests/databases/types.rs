//! Every type of Postgres and values that are easily lost, from one database to another: directly,
//! and by way of Parquet files. The oracle is psql: the new table has the columns, the types and,
//! letter by letter, the values of the old one.

use crate::cluster::SHARED;
use crate::project::Project;

/// A column's name, its type, and values as SQL; a row of NULLs is added.
const COLUMNS: &[(&str, &str, &[&str])] = &[
    ("bool_", "boolean", &["true", "false"]),
    ("int2_", "smallint", &["-32768", "32767"]),
    ("int4_", "integer", &["-2147483648", "2147483647"]),
    ("int8_", "bigint", &["-9223372036854775808", "9223372036854775807"]),
    ("float4_", "real", &["'1e-45'", "'-0'", "'nan'", "'-infinity'", "0.1"]),
    ("float8_", "double precision", &["'5e-324'", "'-0'", "'nan'", "'infinity'", "0.1"]),
    (
        "numeric_",
        "numeric",
        &["'nan'", "'-infinity'", "1.10", "1e-300", "repeat('9', 5000)::numeric"],
    ),
    ("amount", "numeric(12,2)", &["-9999999999.99", "0.10", "0"]),
    ("wide", "numeric(76,38)", &["repeat('9', 38)::numeric", "-1e-38"]),
    ("widest", "numeric(1000,500)", &["1e-500", "repeat('9', 500)::numeric"]),
    ("negative", "numeric(3,-2)", &["-99900", "100"]),
    ("deep", "numeric(3,5)", &["0.00999", "-0.00001"]),
    ("money_", "money", &["'-92233720368547758.08'", "'92233720368547758.07'", "-0.05"]),
    ("moneys", "money[]", &["'{1.50,-1000.00,null}'"]),
    ("oid_", "oid", &["4294967295", "0"]),
    ("xid_", "xid", &["'4294967295'"]),
    ("xid8_", "xid8", &["'18446744073709551615'"]),
    ("char_", "\"char\"", &["'x'", "''"]),
    ("bpchar_", "character(5)", &["'ab'", "''", "'é'"]),
    ("varchar_", "character varying(4)", &["'äöüß'", "'a  '", "''"]),
    (
        "text_",
        "text",
        &[
            "''",
            "E'\\t\\n\\r\\\\ \\\\N \\\\.'",
            "U&'\\+01F600 \\202E'",
            "'NULL'",
            "repeat('x', 100000)",
        ],
    ),
    ("name_", "name", &["'n'"]),
    ("xml_", "xml", &["'<a b=\"1\">é</a>'"]),
    ("json_", "json", &["'{\"b\": 1,  \"a\": 1, \"a\": 1e400}'", "'null'"]),
    (
        "jsonb_",
        "jsonb",
        &["'{\"b\": 100000000000000000000.10, \"a\": [null, \"\\u00e9\"]}'", "'null'"],
    ),
    ("bytea_", "bytea", &["''", "'\\x00ff5c'", "decode(repeat('5c', 3000), 'hex')"]),
    (
        "uuid_",
        "uuid",
        &["'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'00000000-0000-0000-0000-000000000000'"],
    ),
    ("date_", "date", &["'4713-01-01 BC'", "'5874897-12-31'", "'2000-02-29'"]),
    ("time_", "time without time zone", &["'00:00'", "'23:59:59.999999'"]),
    ("time3", "time(3) without time zone", &["'12:00:00.123'"]),
    ("timetz_", "time with time zone", &["'24:00:00+15:59'", "'00:00:00.000001-15:59'"]),
    (
        "timestamp_",
        "timestamp without time zone",
        &["'4713-01-01 00:00:00 BC'", "'1969-12-31 23:59:59.999999'"],
    ),
    ("timestamp0", "timestamp(0) without time zone", &["'2026-11-21 07:43:10'"]),
    (
        "timestamptz_",
        "timestamp with time zone",
        &["'1883-11-18 12:03:58-04:56:02'", "'9999-12-31 23:59:59.999999Z'"],
    ),
    ("interval_", "interval", &["'-1 mon 1 day -00:00:00.000001'", "'178000000 years'"]),
    ("interval_month", "interval month", &["'3 mon'"]),
    ("inet_", "inet", &["'10.0.0.1/8'", "'::1'", "'::ffff:1.2.3.4/128'"]),
    ("cidr_", "cidr", &["'10.0.0.0/8'", "'::/0'"]),
    ("mac", "macaddr", &["'08:00:2b:01:02:03'"]),
    ("mac8", "macaddr8", &["'08:00:2b:01:02:03:04:05'"]),
    ("bit_", "bit(9)", &["B'101010101'"]),
    ("varbit_", "bit varying", &["B''", "B'1'"]),
    ("point_", "point", &["'(1e-300,-0)'"]),
    ("line_", "line", &["'{1,2,3}'"]),
    ("lseg_", "lseg", &["'[(1,2),(3,4)]'"]),
    ("box_", "box", &["'(3,4),(1,2)'"]),
    ("path_", "path", &["'[(1,2),(3,4)]'", "'((1,2),(3,4))'"]),
    ("polygon_", "polygon", &["'((1,2),(3,4),(5,6))'"]),
    ("circle_", "circle", &["'<(1,2),3>'"]),
    ("tsvector_", "tsvector", &["'''a b'':1A ''c'''"]),
    ("tsquery_", "tsquery", &["'a & !b'"]),
    ("int4range_", "int4range", &["'empty'", "'[1,)'", "'(,)'"]),
    ("tstzrange_", "tstzrange", &["'[2026-01-01 00:00Z, infinity)'"]),
    ("nummultirange_", "nummultirange", &["'{[1.5,2],(3,4)}'", "'{}'"]),
    ("pg_lsn_", "pg_lsn", &["'FFFFFFFF/FFFFFFFF'"]),
    ("jsonpath_", "jsonpath", &["'$.a[*] ? (@ > 1)'"]),
    ("ints", "integer[]", &["'{}'", "'{1,null,-3}'"]),
    ("texts", "text[]", &["E'{\"\",null,\"NULL\",\"a,b\",\"\\\\\\\\\"}'"]),
    ("numerics", "numeric(5,2)[]", &["'{1.10,-999.99}'"]),
    ("stamps", "timestamp with time zone[]", &["'{2026-01-01 00:00Z,null}'"]),
    ("inets", "inet[]", &["'{10.0.0.1,null}'"]),
    ("ranges", "int4range[]", &["'{\"[1,5)\",empty,null}'"]),
    ("mood_", "app.mood", &["'sad'", "'it''s \"odd\"'"]),
    ("moods", "app.mood[]", &["'{sad,null}'"]),
    ("small", "app.small", &["1.5"]),
    ("pair", "app.pair", &["row(1, 'a,\"b')"]),
    ("order", "text", &["'a keyword'"]),
    ("Odd \"name\" é", "text", &["'odd'"]),
];

const OWN_TYPES: &str = "create schema app; \
    create type app.mood as enum ('sad', 'it''s \"odd\"'); \
    create domain app.small as numeric(4,1) check (value < 100); \
    create type app.pair as (n integer, word text)";

/// A database with the types of our own, and one with the table besides.
fn databases() -> [(String, String); 2] {
    let [source, target] = [SHARED.url("types_from"), SHARED.url("types_to")];
    for (_, database) in [&source, &target] {
        SHARED.psql(database, OWN_TYPES);
    }
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let columns: Vec<_> =
        COLUMNS.iter().map(|(name, kind, _)| format!("{} {kind}", quoted(name))).collect();
    let mut sql = format!(
        "create table t (row integer primary key, {}); comment on column t.bool_ is 'yes, or ''no'''; \
         insert into t values (0);",
        columns.join(", ")
    );
    let rows = COLUMNS.iter().map(|(.., values)| values.len()).max().unwrap_or(0);
    for row in 0..rows {
        let has = |(name, kind, values): &(&str, &str, &[&str])| {
            Some((quoted(name), format!("({})::{kind}", values.get(row)?)))
        };
        let (names, values): (Vec<_>, Vec<_>) = COLUMNS.iter().filter_map(has).unzip();
        let (names, values) = (names.join(", "), values.join(", "));
        sql.push_str(&format!("insert into t (row, {names}) values ({}, {values});", row + 1));
    }
    SHARED.psql(&source.1, &sql);
    [source, target]
}

/// Names, types and comments, a line each.
fn shape(database: &str) -> String {
    SHARED.psql(
        database,
        "select attnum, attname, format_type(atttypid, atttypmod), \
         col_description(attrelid, attnum), attnotnull \
         from pg_attribute where attrelid = 't'::regclass and attnum > 0 \
         union all select 0, conname, pg_get_constraintdef(oid), null, null \
         from pg_constraint where conrelid = 't'::regclass order by 1, 2",
    )
}

/// Every value as the server writes it, a line each, so that a difference can be seen.
fn assert_same_values(from: &str, to: &str) {
    let all = |database: &str| {
        SHARED.psql(database, "set extra_float_digits = 3; select * from t order by row")
    };
    let (expected, found) = (all(from), all(to));
    if expected == found {
        return;
    }
    let parts = |text: &str| text.replace('|', "\n").lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(parts(&found), parts(&expected));
}

#[test]
fn every_type_and_value_goes_from_table_to_table() {
    let [(from_url, from), (to_url, to)] = databases();
    let project = Project::of(&format!(
        "sources:\n  t: {{ type: postgres, url: \"{from_url}\", table: t }}\n\
         sinks:\n  out: {{ from: t, type: postgres, url: \"{to_url}\", table: t, mode: replace }}\n"
    ));
    let ended = project.run(None);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(shape(&to), shape(&from));
    assert_same_values(&from, &to);
}

#[test]
fn every_type_and_value_comes_back_from_parquet() {
    let [(from_url, from), (to_url, to)] = databases();
    let project = Project::of(&format!(
        "sources:\n  t: {{ type: postgres, url: \"{from_url}\", table: t }}\n\
         sinks:\n  out: {{ from: t, type: parquet, path: out/t, mode: replace }}\n"
    ));
    let ended = project.run(None);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let back = format!(
        "sources:\n  t: {{ type: parquet, path: out/t }}\n\
         sinks:\n  out: {{ from: t, type: postgres, url: \"{to_url}\", table: t, mode: replace, table_key: [row] }}\n"
    );
    std::fs::write(project.path("dhow.yaml"), back).expect("files can be written");
    let ended = project.run(None);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(shape(&to), shape(&from));
    assert_same_values(&from, &to);
}

/// Values that have no place in Arrow's types.
const ODD: &str = "create table t (id integer primary key, n numeric(12,2), d date, at timestamp, \
    zoned timestamptz, clock time); \
    insert into t values (1, 'nan', 'infinity', '-infinity', 'infinity', '24:00'), \
    (2, 1.50, '-infinity', 'infinity', '-infinity', '12:00')";

/// A copy of such values: what is said of them in the source, the models and checks between, and
/// the relation that is written.
fn odd(source: &str, between: &str, from: &str) -> (String, String) {
    let [(from_url, from_db), (to_url, to)] = [SHARED.url("odd_from"), SHARED.url("odd_to")];
    SHARED.psql(&from_db, ODD);
    let project = Project::of(&format!(
        "sources:\n  t: {{ type: postgres, url: \"{from_url}\", table: t{source} }}\n{between}\
         sinks:\n  out: {{ from: {from}, type: postgres, url: \"{to_url}\", table: t, mode: replace }}\n"
    ));
    for (name, sql) in [("same", "select * from t"), ("first", "select * from t where id > 1")] {
        std::fs::write(project.path(&format!("{name}.sql")), sql).expect("files can be written");
    }
    let ended = project.run(None);
    let first = ended.err.lines().next().unwrap_or_default().to_owned();
    let found = SHARED.try_psql(&to, "select * from t order by id");
    (first, found.unwrap_or_default())
}

#[test]
fn values_without_a_place_in_arrow_go_from_table_to_table_as_they_are() {
    let expected = "1|NaN|infinity|-infinity|infinity|24:00:00\n\
                    2|1.50|-infinity|infinity|-infinity|12:00:00";
    assert_eq!(odd("", "", "t"), (String::new(), expected.to_owned()));
}

#[test]
fn values_without_a_place_in_arrow_are_refused_on_any_way_through_it() {
    let refused = "error: a decimal has no place for NaN";
    let model = "models:\n  same: same.sql\n";
    let check = "checks:\n  first: { sql: first.sql, refused: reject }\n";
    for (source, between, from) in
        [(", nan: refuse", "", "t"), ("", model, "same"), ("", check, "t")]
    {
        let said = odd(source, between, from);
        assert_eq!(said, (refused.to_owned(), String::new()), "{source}{between}");
    }
}

#[test]
fn what_is_said_of_values_without_a_place_holds_from_table_to_table() {
    let kept = ", nan: 'null', infinity: 'null', columns: { clock: text }";
    let expected = "1|||||24:00:00\n2|1.50||||12:00:00";
    assert_eq!(odd(kept, "", "t"), (String::new(), expected.to_owned()));
}
