//! What a wrong command line gets: one clear error, and an exit code.

use crate::{dhow, said};

fn here(arguments: &[&str]) -> crate::Said {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    dhow(folder.path(), arguments)
}

#[test]
fn an_unknown_command_gets_a_suggestion() {
    let expected = "error: unrecognized subcommand 'runn'

  tip: some similar subcommands exist: 'runs', 'run'

Usage: dhow [OPTIONS] <COMMAND>

For more information, try '--help'.
";
    assert_eq!(here(&["runn"]), said(2, "", expected));
}

#[test]
fn a_size_without_a_unit_is_refused() {
    let expected = "error: invalid value '512' for '--memory <SIZE>': \
                    a size needs a unit, such as 512MB or 2GiB\n\n\
                    For more information, try '--help'.\n";
    assert_eq!(here(&["run", "--memory", "512"]), said(2, "", expected));
}

#[test]
fn a_statement_without_a_source_is_refused() {
    let expected = "error: no source is given, so the statement has nothing to read\n\n\
                    hint: name each: `--source flights=data/flights-*.json`\n";
    assert_eq!(here(&["sql", "select 1"]), said(2, "", expected));
}

#[test]
fn a_file_of_sql_that_is_missing_is_named() {
    let expected = "error: `report.sql` does not exist\n\n\
                    hint: give a file with SQL, or SQL in quotes: 'select * from name'\n";
    let arguments = ["sql", "report.sql", "--source", "a=a.csv"];
    assert_eq!(here(&arguments), said(1, "", expected));
}

#[test]
fn a_folder_that_is_missing_is_named() {
    let expected = "error: `nowhere` does not exist\n  system: \
                    No such file or directory (os error 2)\n";
    assert_eq!(here(&["-C", "nowhere", "check"]), said(1, "", expected));
}

#[test]
fn a_log_filter_that_is_none_is_refused() {
    let said = here(&["--log-level", "loud", "connectors"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("[possible values: error, warn, info, debug, trace]"), "{said:?}");
}

#[test]
fn an_unknown_connector_gets_those_that_are_known() {
    let expected = "error: there is no connector `cvs`\n\n\
                    hint: did you mean `csv`? known here: bigquery, connectorx, csv, doris, json, memory, mysql, parquet, postgres, sqlite, sqlserver\n";
    assert_eq!(here(&["connectors", "cvs"]), said(2, "", expected));
}

#[test]
fn a_pipeline_that_is_missing_ends_every_command_that_needs_one() {
    for command in ["check", "plan", "run"] {
        let said = here(&[command, "nowhere"]);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{command}");
        assert!(said.err.starts_with("error: "), "{said:?}");
    }
}

#[test]
fn a_program_reads_the_error_of_a_run_on_standard_output() {
    let said = here(&["run", "nowhere", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json["error"]["exit_code"], 1);
    assert!(said.err.contains(json["error"]["message"].as_str().unwrap()));
}
