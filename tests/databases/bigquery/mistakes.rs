//! What people get wrong with BigQuery, and what data it cannot hold: the exit code and the whole of
//! what `dhow` says.

use serde_json::{Value, json};

use super::gate::{Fault, Gate, PROJECT, When};
use crate::project::Project;

/// Loads `csv` into `d.t`, by way of `model` if there is one; `options` are added to the sink.
/// Answers what is said, with the names of this run replaced, and the exit code.
fn told(gate: &Gate, csv: &str, model: &str, options: &str) -> String {
    let from = if model.is_empty() { "rows" } else { "m" };
    let models =
        if model.is_empty() { String::new() } else { "models:\n  m: { sql: m.sql }\n".to_owned() };
    let project = Project::of(&format!(
        "sources:\n  rows: {{ type: csv, path: rows.csv }}\n{models}\
         sinks:\n  out: {{ from: {from}, type: bigquery, project: {PROJECT}, dataset: d, table: t, \
         endpoint: \"{}\", mode: append{options} }}\n",
        gate.url()
    ));
    std::fs::write(project.path("rows.csv"), csv).expect("files can be written");
    std::fs::write(project.path("m.sql"), model).expect("files can be written");
    gate.write_credentials(&project.path(""));
    let ended = project.run(None);
    let folder = project.path("").canonicalize().expect("the folder is there");
    let said = ended
        .err
        .replace(&format!("{}/", folder.display()), "")
        .replace(&format!("{}/", project.path("").display()), "")
        .replace(gate.url().trim_start_matches("http://"), "GATE");
    let said: Vec<&str> =
        said.lines().map(|line| if line.contains(" WARN ") { "WARN …" } else { line }).collect();
    format!("{}\nexit: {}\n", without_hashes(&said.join("\n")), ended.code.unwrap_or(-1))
}

/// Names of loads and jobs are other ones every time.
fn without_hashes(text: &str) -> String {
    let parts = text.split('_').map(|part| {
        let end = part.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(part.len());
        if end >= 8 { format!("HASH{}", &part[end..]) } else { part.to_owned() }
    });
    parts.collect::<Vec<_>>().join("_")
}

fn gate() -> Gate {
    Gate::start().with_dataset("d", "europe-west3")
}

/// With a table of one column.
fn with(kind: &str) -> Gate {
    gate().with_table("d.t", &json!([{ "name": "a", "type": kind }]))
}

const ROWS: &str = "a\n1\n2\n";

#[test]
fn a_dataset_that_is_not_there() {
    let expected = r#"error: could not look at dataset `d`
  BigQuery: Not found: Dataset dhow-tests:d
  reason:   notFound
  target:   dhow-tests.d.t
  sink:     out

hint: create it: `bq mk --dataset dhow-tests:d`
exit: 1
"#;
    assert_eq!(told(&Gate::start(), ROWS, "", ""), expected);
}

#[test]
fn a_table_that_is_not_there_and_may_not_be_made() {
    let expected = r#"error: there is no table `dhow-tests.d.t`
  target: dhow-tests.d.t
  sink:   out

hint: create it, correct the name, or leave out `create_table: false`
exit: 1
"#;
    assert_eq!(told(&gate(), ROWS, "", ", create_table: false"), expected);
}

#[test]
fn a_column_of_another_type() {
    let expected = r#"error: the columns of the load are not those of `dhow-tests.d.t`
  `a`:    Int64 in the load, BYTES in the table
  load:   a Int64
  table:  a BYTES
  target: dhow-tests.d.t
  sink:   out

hint: fit the columns in a model, set `on_schema_change: append_new_columns` or `widen`, or use mode `replace`
exit: 4
"#;
    assert_eq!(told(&with("BYTES"), ROWS, "", ""), expected);
}

#[test]
fn a_column_that_the_table_does_not_have() {
    let expected = r#"error: the columns of the load are not those of `dhow-tests.d.t`
  `b`:    not in the table
  load:   a Int64, b Int64
  table:  a INT64
  target: dhow-tests.d.t
  sink:   out

hint: fit the columns in a model, set `on_schema_change: append_new_columns` or `widen`, or use mode `replace`
exit: 4
"#;
    assert_eq!(told(&with("INT64"), "a,b\n1,2\n", "", ""), expected);
}

#[test]
fn a_nan_where_decimals_are_kept() {
    let model = "select cast('NaN' as double) as a from rows";
    let expected = r#"error: the columns of the load are not those of `dhow-tests.d.t`
  `a`:    Float64 in the load, NUMERIC in the table
  load:   a Float64 not NULL
  table:  a NUMERIC
  target: dhow-tests.d.t
  sink:   out

hint: fit the columns in a model, set `on_schema_change: append_new_columns` or `widen`, or use mode `replace`
exit: 4
"#;
    assert_eq!(told(&with("NUMERIC"), ROWS, model, ""), expected);
}

#[test]
fn a_moment_after_the_year_9999() {
    let model = "select to_timestamp_micros(253402300800000000 + a) as a from rows";
    let expected = r#"error: the year is outside of 1 to 9999
  place:  000000-00000 row 1
  column: a
  value:  +10000-01-01T00:00:00.000001
  sink:   out

hint: mend it in the model, or make it NULL there with `case`
exit: 1
"#;
    assert_eq!(told(&with("DATETIME"), ROWS, model, ""), expected);
}

#[test]
fn a_moment_in_the_year_0() {
    let model = "select to_timestamp_micros(-62135596800000000 - a) as a from rows";
    let expected = r#"error: the year is outside of 1 to 9999
  place:  000000-00000 row 1
  column: a
  value:  0000-12-31T23:59:59.999999
  sink:   out

hint: mend it in the model, or make it NULL there with `case`
exit: 1
"#;
    assert_eq!(told(&gate(), ROWS, model, ""), expected);
}

#[test]
fn a_day_in_the_year_0() {
    let model = "select arrow_cast(-719162 - a, 'Date32') as a from rows";
    let expected = r#"error: the year is outside of 1 to 9999
  place:  000000-00000 row 1
  column: a
  value:  0000-12-31
  sink:   out

hint: mend it in the model, or make it NULL there with `case`
exit: 1
"#;
    assert_eq!(told(&gate(), ROWS, model, ""), expected);
}

#[test]
fn names_that_no_column_can_have() {
    let expected = r#"error: BigQuery has no column for what the load has
  `a b`:            the name has other characters, or too many
  `größe`:          the name has other characters, or too many
  `1x`:             the name begins with a digit
  `_PARTITIONTIME`: names that begin with `_PARTITION` belong to BigQuery
  target:           dhow-tests.d.t
  sink:             out

hint: rename it in a model: up to 300 letters, digits and `_`
exit: 1
"#;
    assert_eq!(told(&gate(), "a b,größe,1x,_PARTITIONTIME\n1,2,3,4\n", "", ""), expected);
}

#[test]
fn names_that_differ_in_case_alone() {
    let expected = r#"error: BigQuery has no column for what the load has
  `A`:    the name is there already
  target: dhow-tests.d.t
  sink:   out

hint: rename it in a model: case does not tell columns apart
exit: 1
"#;
    assert_eq!(told(&gate(), "a,A\n1,2\n", "", ""), expected);
}

#[test]
fn ten_thousand_columns_and_one() {
    let names: Vec<String> = (0..10_001).map(|n| format!("c{n}")).collect();
    let csv = format!("{}\n{}\n", names.join(","), vec!["1"; 10_001].join(","));
    let expected = r#"error: the load has more columns than a table may have
  columns: 10001
  most:    10000
  target:  dhow-tests.d.t
  sink:    out

hint: leave some out in a model, or put them together as JSON
exit: 1
"#;
    assert_eq!(told(&gate(), &csv, "", ""), expected);
}

#[test]
fn a_place_that_is_not_the_datasets() {
    let expected = r#"error: `location` is not where the dataset is
  location:    US
  dataset `d`: europe-west3
  target:      dhow-tests.d.t
  sink:        out

hint: correct it, or leave it out
exit: 2
"#;
    assert_eq!(told(&with("INT64"), ROWS, "", ", location: US"), expected);
}

#[test]
fn a_key_file_that_is_not_there() {
    let expected = r#"error: `nothing.json` does not exist
  system: No such file or directory (os error 2)
  target: dhow-tests.d.t
  sink:   out
exit: 1
"#;
    assert_eq!(told(&with("INT64"), ROWS, "", ", credentials_file: nothing.json"), expected);
}

#[test]
fn a_key_file_that_others_can_read() {
    let expected = r#"error: `rows.csv` can be read by others than its owner
  option: credentials_file
  mode:   0644
  target: dhow-tests.d.t
  sink:   out

hint: run `chmod 600 rows.csv`
exit: 1
"#;
    assert_eq!(told(&with("INT64"), ROWS, "", ", credentials_file: rows.csv"), expected);
}

#[test]
fn a_key_that_was_revoked() {
    let gate = with("INT64");
    gate.refuse_grants();
    let expected = r#"error: there is no token for dhow@dhow-tests.iam.gserviceaccount.com
  status: 400
  reason: invalid_grant: Invalid JWT Signature.
  target: dhow-tests.d.t
  sink:   out

hint: see that the key or login is still valid
exit: 1
"#;
    assert_eq!(told(&gate, ROWS, "", ", credentials_file: credentials.json"), expected);
}

#[test]
fn a_token_that_stays_expired() {
    let gate = with("INT64");
    gate.order(When::call("datasets.get").always(), Fault::expired_token());
    let expected = r#"error: could not look at dataset `d`
  BigQuery: Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-…
  reason:   authError
  target:   dhow-tests.d.t
  sink:     out

hint: see that the credentials are still valid
exit: 1
"#;
    assert_eq!(told(&gate, ROWS, "", ", credentials_file: credentials.json"), expected);
}

#[test]
fn no_token_where_one_is_needed() {
    let gate = with("INT64");
    gate.require_tokens();
    let expected = r#"error: could not look at dataset `d`
  BigQuery: Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-…
  reason:   authError
  target:   dhow-tests.d.t
  sink:     out

hint: see that the credentials are still valid
exit: 1
"#;
    assert_eq!(told(&gate, ROWS, "", ""), expected);
}

#[test]
fn something_else_than_bigquery() {
    let gate = with("INT64");
    gate.order(When::call("").always(), Fault::html(200));
    let expected = r#"error: could not look at dataset `d`
  BigQuery: an answer with status 200 OK that is not BigQuery's
  status:   200
  target:   dhow-tests.d.t
  sink:     out

hint: something else than BigQuery answers there: a proxy, or a wrong `endpoint`
exit: 1
"#;
    assert_eq!(told(&gate, ROWS, "", ""), expected);
}

#[test]
fn a_null_where_none_may_be() {
    let required = json!([{ "name": "a", "type": "INT64", "mode": "REQUIRED" }]);
    let expected = r#"error: the column takes no NULL
  place:  000000-00000 row 2
  column: a
  value:  NULL
  sink:   out

hint: fill it in the model with `coalesce`, or drop the column's `not null` in the target
exit: 1
"#;
    assert_eq!(
        told(&gate().with_table("d.t", &required), "a,b\n1,1\n,2\n", "select a from rows", ""),
        expected
    );
}

#[test]
fn a_row_that_is_longer_than_a_load_job_takes() {
    let expected = r#"error: the row is longer than 100000000 bytes as a line of JSON
  place:  000000-00000 row 1
  column: a
  value:  a row of 100000009 bytes
  sink:   out

hint: cut its texts in the model with `substr`, or leave columns out
exit: 1
"#;
    let model = "select repeat('y', 100000000) as a from rows";
    assert_eq!(told(&with("STRING"), "a\n1\n", model, ""), expected);
}

#[test]
fn a_clock_that_is_wrong() {
    let gate = with("INT64");
    gate.advance(std::time::Duration::from_secs(3 * 3600));
    let said = told(&gate, ROWS, "", ", credentials_file: credentials.json");
    assert!(said.contains("clock:  this machine is 10"), "{said}");
    assert!(
        said.ends_with(
            "hint: set the clock of this machine: tokens are made for a time\nexit: 1\n"
        ),
        "{said}"
    );
}

#[test]
fn a_permission_that_is_missing_is_named_and_nothing_is_half_done() {
    let needed = [
        "bigquery.datasets.get",
        "bigquery.jobs.create",
        "bigquery.jobs.get",
        "bigquery.tables.create",
        "bigquery.tables.get",
        "bigquery.tables.getData",
        "bigquery.tables.updateData",
    ];
    for permission in needed {
        let gate = with("INT64");
        gate.deny(permission);
        let said = told(&gate, ROWS, "", "");
        assert!(said.contains(&format!("missing permission: {permission}\n")), "{said}");
        assert!(said.contains("hint: grant roles/bigquery."), "{said}");
        assert!(said.ends_with("exit: 1\n"), "{said}");
        assert_eq!(gate.rows("d.t"), Vec::<Value>::new(), "{permission}");
    }
    // What is only for tidiness is a warning.
    for permission in ["bigquery.tables.delete", "bigquery.tables.list"] {
        let gate = with("INT64");
        gate.deny(permission);
        assert_eq!(told(&gate, ROWS, "", ""), "WARN …\nexit: 0\n", "{permission}");
        assert_eq!(gate.rows("d.t").len(), 2);
    }
}

#[test]
fn a_job_that_refuses_rows_stops_the_load() {
    let gate = with("STRING");
    gate.limit_rows(1_000);
    let csv = format!("a\nx\n{}\n", "y".repeat(2_000));
    let expected = r#"error: a load job failed
  BigQuery:    Error while reading data, error message: JSON table encountered too many errors, giving up. Rows: 1; errors: 1. Please look into the errors[] collection for more details.
  reason:      invalid
  first error: Error while reading data, error message: JSON processing encountered an error in row starting at position 10: Row size is larger than: 1000.
  job:         dhow_HASH_HASH_HASH_0
  sink:        out
exit: 1
"#;
    assert_eq!(told(&gate, &csv, "", ""), expected);
    assert_eq!(gate.rows("d.t"), Vec::<Value>::new());
}
