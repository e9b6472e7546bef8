//! Rows that are put aside: what the reject table holds, where the limit is, and that a death
//! between the two commits neither loses nor doubles them.

use crate::{Project, UNDISTURBED};

const PIPELINE: &str = "\
sources:
  orders: { type: csv, path: data/orders.csv, columns: { qty: int } }
sinks:
  out: { from: orders, type: parquet, path: out/orders }
rejects: { max_rows: 2 }
";

const ORDERS: &str = "id,qty\n1,2\n2,two\n3,4\n4,9999999999\n5,6\n";

const GOOD: [&str; 3] = [r#"{"id":1,"qty":2}"#, r#"{"id":3,"qty":4}"#, r#"{"id":5,"qty":6}"#];

/// The reject table without the column of load ids, which differ from run to run.
fn refused(project: &Project) -> Vec<String> {
    let rows = project.table("rejects/out");
    let without_load = |row: &String| {
        let (_, rest) = row.split_once(',').expect("a row has columns");
        rest.to_owned()
    };
    let mut rows: Vec<_> = rows.iter().map(without_load).collect();
    rows.sort_unstable();
    rows
}

fn expected() -> [&'static str; 2] {
    [
        r#""source":"data/orders.csv","line":3,"column":"qty","value":"two","reason":"the value is no integer, the declared type of its column"}"#,
        r#""source":"data/orders.csv","line":5,"column":"qty","value":"9999999999","reason":"the number does not fit the declared type integer exactly"}"#,
    ]
}

#[test]
fn as_many_refused_rows_as_allowed_are_put_aside_and_told_by_the_exit_code() {
    let project = Project::of(&[("dhow.yaml", PIPELINE), ("data/orders.csv", ORDERS)]);
    let ended = project.run("", UNDISTURBED);
    assert_eq!(ended.code, Some(3), "{}", ended.err);
    assert!(ended.out.contains("out: 2 rows refused, see rejects/out"), "{}", ended.out);
    assert_eq!(project.table("out/orders"), GOOD);
    assert_eq!(refused(&project), expected());
}

#[test]
fn one_refused_row_more_stops_the_run_and_nothing_is_published() {
    let orders = format!("{ORDERS}6,six\n");
    let project = Project::of(&[("dhow.yaml", PIPELINE), ("data/orders.csv", &orders)]);
    let ended = project.run("", UNDISTURBED);
    let report = "error: the value is no integer, the declared type of its column
  place:          data/orders.csv:7
  column:         qty
  value:          six
  refused before: 2 rows, the most that `rejects.max_rows` allows
  sink:           out

hint: declare another type, such as `columns: {qty: text}`
";
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), report));
    assert_eq!(project.table("out/orders"), Vec::<String>::new());
    assert_eq!(project.table("rejects/out"), Vec::<String>::new());

    // The row is mended, and the run goes on.
    project.write("data/orders.csv", format!("{ORDERS}6,6\n"));
    assert_eq!(project.run("", UNDISTURBED).code, Some(3));
    assert_eq!(project.table("out/orders").len(), 4);
    assert_eq!(refused(&project), expected());
}

#[test]
fn refused_rows_are_there_exactly_once_wherever_the_process_dies_around_the_commits() {
    let points = [
        "part.written",
        "load.staged",
        "sink.before_mark",
        "sink.after_mark",
        "sink.shown",
        "load.committed",
        // The reject table is committed after the rows, and passes the points of its sink again.
        "sink.before_mark:2",
        "sink.after_mark:2",
        "sink.shown:2",
        "rejects.committed",
        "ledger.published",
        "load.swept",
    ];
    for fault in points {
        let project = Project::of(&[("dhow.yaml", PIPELINE), ("data/orders.csv", ORDERS)]);
        let killed = project.run("", fault);
        assert!(killed.was_killed(), "{fault}: {}", killed.err);
        let ended = project.run("", UNDISTURBED);
        // A run that only finds its rows published has refused none of its own.
        assert!(matches!(ended.code, Some(0 | 3)), "{fault}: {}", ended.err);
        assert_eq!(project.table("out/orders"), GOOD, "{fault}");
        assert_eq!(refused(&project), expected(), "{fault}");
    }
}
