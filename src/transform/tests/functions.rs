//! The functions beyond DataFusion's own, called from SQL.

use super::*;
use crate::transform::manual;

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
                      Gecko) Chrome/120.0.0.0 Safari/537.36";

/// Two logins, and what the applications noted of them.
fn logins(json: &str) -> Table {
    let text = |texts: [Option<&str>; 2]| -> ArrayRef { Arc::new(StringArray::from_iter(texts)) };
    let columns = [
        ("ip", text([Some("192.0.2.1"), None])),
        ("ua", text([Some(CHROME), None])),
        ("j", text([Some(json), None])),
    ];
    Table::of(vec![RecordBatch::try_from_iter(columns).unwrap()])
}

/// A session with this model over the logins, and a database of places if it is asked for.
async fn session(text: &str, json: &str, places: bool) -> Result<(Session, tempfile::TempDir)> {
    let (limits, folder) = limits(1, 64 * MIB);
    let mut session = Session::new(&limits)?;
    if places {
        let name = "fixtures/logins/places.mmdb";
        session.set_geo_database(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name), name)?;
    }
    session.add_source("logins", Arc::new(logins(json)))?;
    session.add_models(&[model("m", text)], &vars()).await.map_err(Error::several)?;
    Ok((session, folder))
}

/// The first row of `select {expressions} from logins`, a text for each column.
async fn first(expressions: &str, json: &str) -> Result<Vec<String>> {
    let (session, _folder) =
        session(&format!("select {expressions} from logins"), json, true).await?;
    let batches = rows(&session, &query("m")).await?;
    let options = arrow::util::display::FormatOptions::default().with_null("NULL");
    let cell = |column: &ArrayRef| {
        let cells = arrow::util::display::ArrayFormatter::try_new(column, &options).unwrap();
        cells.value(0).to_string()
    };
    Ok(batches[0].columns().iter().map(cell).collect())
}

async fn refused(expressions: &str, json: &str) -> String {
    first(expressions, json).await.unwrap_err().report()
}

#[tokio::test]
async fn a_model_that_calls_them_is_loaded_split_by_split() {
    for call in [
        "row_hash(ip, ua, j)",
        "parse_user_agent(ua)",
        "parse_user_agent(ua)['os']",
        "parse_user_agent(ua, 'os')",
        "geo_ip(ip, 'country.iso_code')",
        "is_ip(ip)",
        "j ->> 'a'",
        "cast(j -> 'a' as bigint)",
        "json_get_int(j, 'a')",
        "json_get_float(j, 'a')",
        "json_get_str(j, 'a', 'b')",
    ] {
        let text = format!("select {call} as it from logins where ({call}) is not null");
        let (session, _folder) = session(&text, "{}", true).await.unwrap();
        assert_eq!(session.facts("m").unwrap().follows.as_deref(), Some("logins"), "{call}");
    }
}

#[tokio::test]
async fn every_function_of_the_manual_is_there() {
    let (limits, _folder) = limits(1, 64 * MIB);
    let session = Session::new(&limits).unwrap();
    for function in manual() {
        if let Some((name, _)) = function.call.split_once('(') {
            assert!(session.state.scalar_functions().contains_key(name), "{name}");
        }
    }
}

#[tokio::test]
async fn a_row_has_a_hash_of_all_its_values() {
    // row_hash(1, 'Köln 🦀', NULL), by `fixtures/functions/row_hash.py`.
    let found = first(
        "row_hash(1, 'Köln 🦀', nullif(1, 1)), row_hash(ip) = row_hash(cast(ip as varchar))",
        "{}",
    );
    assert_eq!(found.await.unwrap(), ["fa623167e1daed120abf875a599b02d7", "true"]);
}

#[tokio::test]
async fn a_value_of_json_is_of_no_use_until_it_has_a_type() {
    let json = r#"{"id": 9007199254740993}"#;
    for untyped in [
        "j -> 'id' as id",
        "coalesce(j -> 'id', null)",
        "make_array(j -> 'id')",
        "cast(coalesce(j -> 'id', null) as decimal(38, 0))",
        "case when true then j -> 'id' end",
    ] {
        assert_eq!(
            refused(untyped, json).await,
            "error: model `m` uses a value of JSON without a type\n  file: sql/m.sql\n\n\
             hint: take it as text with `->>`, or say its type: `cast(j -> 'a' as bigint)`",
            "{untyped}"
        );
    }
    assert_eq!(
        refused("row_hash(j -> 'id')", json).await.lines().next(),
        Some("error: `row_hash` cannot take a value of JSON without a type")
    );
    for typed in [
        "(j -> 'id') = 9007199254740993",
        "(j -> 'id') in (9007199254740993)",
        "concat(j -> 'id', '') = '9007199254740993'",
        "(j -> 'id') is not null",
        "json_length(j) = 1",
    ] {
        assert_eq!(first(typed, json).await.unwrap(), ["true"], "{typed}");
    }
}

#[tokio::test]
async fn an_operator_that_took_a_comparison_with_it_is_told_where_brackets_belong() {
    let report = refused("j ->> 'id' = 'x'", "{}").await;
    let hint = "hint: put brackets around the operator: `(j ->> 'a') = 'b'`";
    assert_eq!(report.lines().last(), Some(hint), "{report}");
}

#[tokio::test]
async fn a_user_agent_is_told_in_parts() {
    let parts = "parse_user_agent(ua)['name'], parse_user_agent(ua)['os_version'], \
                 parse_user_agent(ua, 'category'), parse_user_agent('-', 'os')";
    let found = first(parts, "{}").await.unwrap();
    assert_eq!(found, ["Chrome", "NT 10.0", "pc", "NULL"]);
    assert_eq!(
        refused("parse_user_agent(ua, 'os_verion')", "{}").await,
        "error: `parse_user_agent` knows no part `os_verion`\n  file: sql/m.sql\n\n\
         hint: did you mean `os_version`? known here: name, category, os, os_version, version, \
         vendor"
    );
    assert_eq!(
        refused("parse_user_agent(ua, ip)", "{}").await.lines().next(),
        Some("error: the part of `parse_user_agent` must be the same text for every row")
    );
}

#[tokio::test]
async fn an_address_is_told_by_fields_of_its_place() {
    let fields = "geo_ip(ip, 'country.iso_code'), geo_ip(ip, 'city.names.en'), \
                  cast(geo_ip(ip, 'location.latitude') as double), geo_ip('10.1.2.3', 'country.iso_code')";
    assert_eq!(first(fields, "{}").await.unwrap(), ["DE", "Cologne", "50.9333", "NULL"]);
    assert_eq!(first("is_ip(ip), is_ip(ua)", "{}").await.unwrap(), ["true", "false"]);
}

#[tokio::test]
async fn without_a_database_of_places_the_plan_says_where_to_name_one() {
    let text = "select geo_ip(ip, 'country.iso_code') as country from logins";
    let error = session(text, "{}", false).await.unwrap_err();
    assert_eq!(
        error.report(),
        "error: `geo_ip` is called, but no database is named\n  file: sql/m.sql\n\n\
         hint: name a MaxMind database: `geo_ip: data/GeoLite2-City.mmdb` in the pipeline, or \
         `--geo-ip` of `dhow sql`"
    );
    assert_eq!(error.kind(), Kind::Config);
}

#[test]
fn a_missing_database_of_places_is_found_without_looking_at_the_world() {
    let text = "select id,\n  Geo_IP(ip, 'country.iso_code') as country from logins";
    let options = crate::config::Options::of_arguments(&[]);
    let source =
        crate::config::SourceDef { name: "logins".into(), connector: "csv".into(), options };
    let mut pipeline = Pipeline {
        sources: vec![source],
        models: vec![model("m", text)],
        checks: vec![reject("c", "select * from m where geo_ip(country, 'a') is null")],
        ..Pipeline::default()
    };
    let problems: Vec<_> = check(&pipeline).iter().map(Error::report).collect();
    assert_eq!(problems.len(), 2);
    assert_eq!(
        problems[0],
        "error: `geo_ip` is called, but no database is named\n  sql/m.sql:2:3\n  \
         2 │   Geo_IP(ip, 'country.iso_code') as country from logins\n    │   ^^^^^^\n\n\
         hint: name a MaxMind database: `geo_ip: data/GeoLite2-City.mmdb` in the pipeline, or \
         `--geo-ip` of `dhow sql`"
    );
    pipeline.geo_ip = Some("places.mmdb".into());
    assert!(check(&pipeline).is_empty());
}

#[tokio::test]
async fn a_field_that_no_place_has_is_found_by_the_plan() {
    let report = refused("geo_ip(ip, 'country.code')", "{}").await;
    assert_eq!(
        report.lines().next(),
        Some("error: no place in the database has a field `country.code`")
    );
}

#[tokio::test]
async fn a_text_that_is_no_address_stops_the_run_unless_it_is_asked_for_first() {
    let report = refused("geo_ip(ua, 'country.iso_code')", "{}").await;
    assert!(report.starts_with("error: `geo_ip` was given `Mozilla/5.0"), "{report}");
    let asked = "case when is_ip(ua) then geo_ip(ua, 'country.iso_code') end";
    assert_eq!(first(asked, "{}").await.unwrap(), ["NULL"]);
}

#[tokio::test]
async fn numbers_come_out_of_json_with_every_digit() {
    let json = r#"{"long": 12345678901234567890123.456789, "id": 9007199254740993,
                   "list": [0.1, {"deep": 9007199254740993.0}], "text": "x"}"#;
    for (expression, expected) in [
        ("j ->> 'long'", "12345678901234567890123.456789"),
        ("cast(j -> 'long' as decimal(38, 9))", "12345678901234567890123.456789000"),
        ("(j -> 'long')::decimal(38, 6)", "12345678901234567890123.456789"),
        ("arrow_cast(j -> 'long', 'Decimal256(50, 6)')", "12345678901234567890123.456789"),
        ("cast(json_get(j, 'id') as decimal(20, 0))", "9007199254740993"),
        ("cast(j -> 'id' as bigint)", "9007199254740993"),
        ("cast(j -> 'list' -> 0 as decimal(4, 3))", "0.100"),
        ("j -> 'list' -> 1 ->> 'deep'", "9007199254740993.0"),
        ("json_get_int(j, 'list', 1, 'deep')", "9007199254740993"),
        ("json_get_int(j, 'id')", "9007199254740993"),
        ("json_get_float(j, 'list', 0)", "0.1"),
        ("json_get_int(j, 'text')", "NULL"),
        ("json_get_int(j, 'nothing')", "NULL"),
        ("try_cast(j -> 'text' as bigint)", "NULL"),
    ] {
        assert_eq!(first(expression, json).await.unwrap(), [expected], "{expression}");
    }
}

#[tokio::test]
async fn a_number_of_json_that_does_not_fit_is_an_error_and_never_another_number() {
    let json = r#"{"id": 9007199254740993, "half": 0.5, "huge": 18446744073709551615}"#;
    for (expression, message) in [
        (
            "json_get_float(j, 'id')",
            "error: `json_get_float` found 9007199254740993, which a 64-bit float cannot hold",
        ),
        (
            "json_get_int(j, 'half')",
            "error: `json_get_int` found 0.5, which a whole number of 64 bits cannot hold",
        ),
        (
            "json_get_int(j, 'huge')",
            "error: `json_get_int` found 18446744073709551615, which a whole number of 64 bits \
             cannot hold",
        ),
        (
            "cast(j -> 'half' as bigint)",
            "error: model `m` failed: cannot cast string '0.5' to value of Int64 type",
        ),
        (
            "cast(j -> 'huge' as bigint)",
            "error: model `m` failed: cannot cast string '18446744073709551615' to value of Int64 \
             type",
        ),
    ] {
        assert_eq!(refused(expression, json).await.lines().next(), Some(message), "{expression}");
    }
}
