//! `dhow init`.

use crate::{dhow, said};

const CREATED: &str = "  created  pipelines/nightly.yaml
  created  sql/models/example.sql
  created  sql/checks/tonnes_are_positive.sql
  created  data/arrivals.csv
  created  .env.example
  created  .gitignore

next: dhow run nightly
";

#[test]
fn a_new_project_has_all_that_a_run_needs() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(dhow(folder.path(), &["init", "nightly"]), said(0, CREATED, ""));
    let read = |path: &str| std::fs::read_to_string(folder.path().join(path)).unwrap();
    assert!(read("pipelines/nightly.yaml").contains("\nname: nightly\n"));
    assert_eq!(read(".gitignore"), ".env\n.dhow/\nout/\nrejects/\n");
}

#[test]
fn a_second_pipeline_is_added_and_no_file_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    dhow(folder.path(), &["init", "nightly"]);
    let model = folder.path().join("sql/models/example.sql");
    std::fs::write(&model, "select 1").unwrap();
    let expected = CREATED.replace("created", "exists ").replace("nightly", "hourly");
    let expected = expected.replace("exists   pipelines", "created  pipelines");
    assert_eq!(dhow(folder.path(), &["init", "hourly"]), said(0, &expected, ""));
    assert_eq!(std::fs::read_to_string(model).unwrap(), "select 1");
}

#[test]
fn a_folder_that_is_named_is_made() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(dhow(folder.path(), &["-C", "a/b", "init", "nightly"]), said(0, CREATED, ""));
    assert!(folder.path().join("a/b/data/arrivals.csv").is_file());
}

#[test]
fn a_name_that_leaves_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let expected = "error: `../x` cannot be the name of a pipeline\n\n\
                    hint: use letters, digits, `_` and `-`\n";
    assert_eq!(dhow(folder.path(), &["init", "../x"]), said(2, "", expected));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
