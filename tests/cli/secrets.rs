//! Secrets come out of the program in no form, wherever they got into a message.

use crate::{dhow, said};

#[test]
fn what_is_named_a_secret_is_shown_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let secret = "correct horse/battery";
    std::fs::write(folder.path().join(".env"), format!("DHOW_SECRET_TOKEN='{secret}'\n")).unwrap();
    let pipeline = "\
sources:
  a: {type: csv, path: \"${DHOW_SECRET_TOKEN}.csv\"}
sinks:
  b: {type: parquet, from: a, path: out}
";
    std::fs::write(folder.path().join("p.yaml"), pipeline).unwrap();
    let run = dhow(folder.path(), &["run", "p.yaml", "--log-level", "trace"]);
    let json = dhow(folder.path(), &["run", "p.yaml", "--output", "json"]);
    for shown in [run.err, json.out] {
        assert!(shown.contains("***") && !shown.contains("horse"), "{shown}");
    }
    // A message that the secret never was in.
    assert_eq!(
        dhow(folder.path(), &["check", "p.yaml"]),
        said(0, "p is fine: 1 source, 1 sink\n", "")
    );
}

#[test]
fn a_password_on_the_command_line_is_warned_of_and_shown_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let url = "postgres://ann:correct-horse@127.0.0.1:1/shop#orders";
    let said = dhow(folder.path(), &["copy", url, "orders.parquet"]);
    let warning = "a password on the command line can be seen by others";
    assert!(said.err.contains(warning), "{}", said.err);
    assert!(
        !said.err.contains("horse") && !said.out.contains("horse"),
        "{} {}",
        said.err,
        said.out
    );
}
