//! What the demo prints: its plan and its report, as a whole.

use crate::{Project, ended};

/// `text` with everything that differs from run to run masked, and columns one space apart.
fn masked(text: &str) -> String {
    let run = text.split("run ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let text = run.map_or(text.to_owned(), |run| text.replace(run, "RUN"));
    text.lines().map(|line| masked_line(line) + "\n").collect()
}

fn masked_line(line: &str) -> String {
    let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    for at in 0..words.len() {
        let number =
            |text: &str| !text.is_empty() && text.replace([',', '.'], "").parse::<u64>().is_ok();
        let time = words[at].trim_end_matches(',');
        let is_time = time.contains('.') && time.strip_suffix('s').is_some_and(number);
        if is_time {
            words[at] = words[at].replace(time, "TIME");
            if let Some(rate) = words.get_mut(at + 1).filter(|rate| number(rate)) {
                *rate = "RATE".to_owned();
            }
        }
        if ["B", "kB", "MB"].contains(&words[at].as_str()) && at > 0 {
            words[at - 1] = "SIZE".to_owned();
        }
    }
    words.join(" ")
}

#[test]
fn the_plan_of_the_demo_says_what_a_run_would_do_and_writes_nothing() {
    let demo = Project::demo();
    let ended = ended(demo.command("fixtures", &["plan"]));
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert_eq!(ended.out, PLAN);
    assert!(!demo.path("fixtures/out").exists() && !demo.path("fixtures/.dhow").exists());
}

#[test]
fn the_demo_prints_a_report_that_a_person_can_read() {
    let demo = Project::demo();
    let ended = ended(demo.command("fixtures", &["run", "--quiet"]));
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert_eq!(masked(&ended.out), REPORT);
}

#[test]
fn the_question_after_the_demo_is_answered_from_its_table() {
    let demo = Project::demo();
    assert_eq!(ended(demo.command("fixtures", &["run", "--quiet"])).code, Some(0));
    let statement = "../sql/models/worst_airports.sql";
    let arguments = ["sql", statement, "--source", "airport_delays=out/airport_delays"];
    let ended = ended(demo.command("fixtures", &arguments));
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert_eq!(ended.out, WORST);
}

#[test]
fn a_tighter_limit_puts_flights_aside_and_says_where() {
    let demo = Project::demo();
    let arguments = ["run", "--quiet", "--var", "earliest_delay=-50"];
    let ended = ended(demo.command("fixtures", &arguments));
    assert_eq!((ended.code, ended.err.as_str()), (Some(3), ""));
    assert!(
        ended.out.contains("flights: 2 rows refused, see out/rejects/flights"),
        "{}",
        ended.out
    );
    assert_eq!(demo.table("fixtures/out/flights").len(), 4998);
    assert_eq!(demo.table("fixtures/out/rejects/flights").len(), 2);
}

const PLAN: &str = "\
flights would run 2 loads and change 2 tables

1  check airports_are_unique: stops the run when it returns rows

2  check flights_have_airports: stops the run when it returns rows

3  check airports_have_states: warns when it returns rows

4  staged_flights → parquet out/flights    by split: 3 splits of flights; replace
     reads flights: about 5,000 rows, 451.1 kB
     makes a new table
     rows are refused by delays_are_possible
     columns: departed_at Timestamp(ns), month Utf8, origin Utf8, destination Utf8, delay Int64, distance Int64

5  airport_delays → parquet out/airport_delays    whole; merge on airport
     reads airports, flights, states, strikes: about 9,527 rows
     makes a new table
     columns: airport Utf8, name Utf8, city Utf8, state Utf8, flights Int64 not null, mean_delay Float64, late_percent Float64, worst_delay Int64, state_strikes Int64, state_strike_cost Int64

note: model `airport_delays` may lose digits or fail: delay: Int64 to Float64
note: model `departures_by_airport` may lose digits or fail: delay: Int64 to Float64

nothing was written; `dhow plan --sql` shows the statements

";

const REPORT: &str = "\
flights finished in TIME, run RUN

load mode rows read written refused bytes time rows/s parts
flights replace 5,000 5,000 0 SIZE kB TIME RATE 3 parts
airport_delays merge 9,527 59 0 SIZE kB TIME RATE 2 parts

flights: 5,000 rows in parquet out/flights
airport_delays: 59 rows in parquet out/airport_delays
check airports_have_states returned 12 rows; it only warns

peak memory SIZE MB
";

const WORST: &str = "\
+---------+----------------+------------+---------+------------+--------------+---------------+
| airport | city           | state      | flights | mean_delay | late_percent | state_strikes |
+---------+----------------+------------+---------+------------+--------------+---------------+
| JFK     | New York       | New York   | 48      | 22.9       | 47.9         | 34            |
| MSY     | New Orleans    | Louisiana  | 42      | 15.6       | 28.6         | 40            |
| SEA     | Seattle        | Washington | 89      | 15.6       | 28.1         | 6             |
| PHX     | Phoenix        | Arizona    | 154     | 15.1       | 26.6         | 18            |
| SMF     | Sacramento     | California | 26      | 14.3       | 26.9         | 81            |
| TPA     | Tampa          | Florida    | 63      | 14.3       | 28.6         | 32            |
| MIA     | Miami          | Florida    | 63      | 13.8       | 33.3         | 32            |
| ONT     | Ontario        | California | 32      | 12.8       | 25.0         | 81            |
| BNA     | Nashville      | Tennessee  | 49      | 12.0       | 18.4         | 54            |
| SLC     | Salt Lake City | Utah       | 69      | 11.6       | 26.1         | 21            |
+---------+----------------+------------+---------+------------+--------------+---------------+
10 rows
";
