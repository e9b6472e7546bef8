//! The pipeline of the repository that reads logins from two shards of SQL Server into Postgres, as
//! it is in `fixtures`, against two stand-ins. What the table must hold is written here by hand.

use std::path::Path;
use std::process::Command;

use crate::cluster::SHARED;
use crate::project::{Ended, Project, is_long};
use crate::tds::{Fault, Tds, When};

/// An address, and its country and place in `fixtures/logins/places.mmdb`.
const PLACES: [(&str, Option<&str>, Option<&str>); 7] = [
    ("192.0.2.17", Some("DE"), Some("Cologne, Germany")),
    ("192.0.2.200", Some("FR"), Some("France")),
    ("198.51.100.9", Some("US"), Some("Seattle, United States")),
    ("203.0.113.255", Some("JP"), Some("Tokyo, Japan")),
    ("2001:db8::2", Some("NZ"), Some("Wellington, New Zealand")),
    ("10.0.0.5", None, None),
    ("unknown", None, None),
];

/// A user agent, and its device, system and browser.
type Agent =
    (Option<&'static str>, Option<&'static str>, Option<&'static str>, Option<&'static str>);

const AGENTS: [Agent; 5] = [
    (
        Some(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
        ),
        Some("pc"),
        Some("Windows 10"),
        Some("Chrome"),
    ),
    (
        Some(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1",
        ),
        Some("smartphone"),
        Some("iPhone"),
        Some("Safari"),
    ),
    (
        Some("Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0"),
        Some("pc"),
        Some("Linux"),
        Some("Firefox"),
    ),
    (
        Some("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
        Some("crawler"),
        None,
        Some("Googlebot"),
    ),
    (None, None, None, None),
];

/// Two shards, the target, and the folder with the pipeline.
struct Site {
    shards: [Tds; 2],
    target: String,
    project: Project,
    /// Logins that are in the shards.
    logins: Vec<(usize, usize)>,
}

fn quoted(text: Option<&str>) -> String {
    text.map_or("null".to_owned(), |text| format!("'{text}'"))
}

/// The moment of a login: a minute after the one before it, to the millisecond.
fn moment(shard: usize, login: usize) -> String {
    let minutes = login % 1440;
    format!("2026-03-{:02} {:02}:{:02}:0{shard}.250", 1 + login / 1440, minutes / 60, minutes % 60)
}

/// Copies a folder of the repository into the project.
fn copy(project: &Project, folder: &str) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    std::fs::create_dir_all(project.path(folder)).expect("folders can be made");
    for entry in std::fs::read_dir(from).expect("the repository can be read") {
        let entry = entry.expect("the repository can be read").path();
        if let Some(name) = entry.file_name().filter(|_| entry.is_file()) {
            let to = project.path(folder).join(name);
            std::fs::copy(&entry, to).expect("files can be copied");
        }
    }
}

impl Site {
    /// So many logins in each shard.
    fn with(count: usize) -> Self {
        let shards = [Tds::start(), Tds::start()];
        for shard in &shards {
            shard.execute(
                "master",
                "create database logins; use logins; \
                 create table dbo.user_logins (id bigint identity primary key, user_id int not null, \
                   login_time datetime2(3) not null, ip_address varchar(45) null, \
                   user_agent nvarchar(400) null)",
            );
        }
        let project = Project::of("");
        for folder in ["fixtures/pipelines", "fixtures/logins", "sql/models"] {
            copy(&project, folder);
        }
        let target = SHARED.database("logins");
        let mut site = Site { shards, target, project, logins: Vec::new() };
        site.add(0, 0..count);
        site.add(1, 0..count);
        site
    }

    /// People log in.
    fn add(&mut self, shard: usize, logins: std::ops::Range<usize>) {
        let row = |login: usize| {
            let (address, ..) = PLACES[login % PLACES.len()];
            let (agent, ..) = AGENTS[login % AGENTS.len()];
            let moment = moment(shard, login);
            format!("({}, '{moment}', '{address}', {})", login % 50, quoted(agent))
        };
        let rows: Vec<String> = logins.clone().map(row).collect();
        let into = "insert dbo.user_logins (user_id, login_time, ip_address, user_agent) values";
        self.shards[shard].execute("logins", &format!("{into} {}", rows.join(", ")));
        self.logins.extend(logins.map(|login| (shard, login)));
    }

    /// `dhow` as the README calls it.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.project.command(arguments);
        command.current_dir(self.project.path("fixtures"));
        for (at, shard) in self.shards.iter().enumerate() {
            command.env(format!("SQLSERVER_SHARD{}_HOST", at + 1), "127.0.0.1");
            command.env(format!("SQLSERVER_SHARD{}_PORT", at + 1), shard.port().to_string());
        }
        let [one, _] = &self.shards;
        command.env("SQLSERVER_USER", &one.user).env("SQLSERVER_PASSWORD", &one.password);
        command.env("POSTGRES_HOST", &SHARED.socket).env("POSTGRES_PORT", SHARED.port.to_string());
        command.env("POSTGRES_DB", &self.target);
        command.env("POSTGRES_USER", "postgres").env("POSTGRES_PASSWORD", "unused");
        command
    }

    fn run(&self, fault: Option<&str>) -> Ended {
        let mut command =
            self.command(&["run", "pipelines/login_analytics.yaml", "--output", "json"]);
        if let Some(fault) = fault {
            command.env("DHOW_FAULT", fault);
        }
        Ended::of_call(&mut command)
    }

    /// A run that succeeds; the rows that it read from each shard.
    fn read(&self) -> [u64; 2] {
        self.read_without(&[])
    }

    /// A run that leaves the shards `late` for a later one; the rows that it read from each shard.
    fn read_without(&self, late: &[&str]) -> [u64; 2] {
        let ended = self.run(None);
        let code = if late.is_empty() { 0 } else { 3 };
        assert_eq!(ended.code, Some(code), "{}{}", ended.out, ended.err);
        let report: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
        assert_eq!(report["loads"][0]["late"], serde_json::json!(late), "{report:#}");
        let shards = &report["loads"][0]["shards"];
        ["shard1", "shard2"].map(|name| shards[name].as_u64().unwrap_or(0))
    }

    /// Sets the overlap of the pipeline.
    fn overlap(&self, overlap: &str) {
        let file = self.project.path("fixtures/pipelines/login_analytics.yaml");
        let text = std::fs::read_to_string(&file).expect("the pipeline is there");
        let changed = text.replace("overlap: 10m", &format!("overlap: {overlap}"));
        assert_ne!(text, changed);
        std::fs::write(&file, changed).expect("files can be written");
    }

    /// Logins that are missing in the table and such that are too many, by psql.
    fn verdict(&self, of: &[(usize, usize)]) -> String {
        let row = |(shard, login): &(usize, usize)| {
            let (address, country, place) = PLACES[login % PLACES.len()];
            let (_, device, os, browser) = AGENTS[login % AGENTS.len()];
            let texts = [Some(address), country, place, device, os, browser].map(quoted).join(", ");
            format!(
                "('shard{}', {}, timestamp '{}', {texts})",
                shard + 1,
                login % 50,
                moment(*shard, *login)
            )
        };
        let rows: Vec<String> = of.iter().map(row).collect();
        let found = "select shard, user_id, login_time, ip_address, country, location, device, os, \
                     browser from login_analytics";
        let expected = format!("select * from (values {}) v", rows.join(", "));
        SHARED.psql(
            &self.target,
            &format!(
                "select 'lost ' || count(*) from (({expected}) except all ({found})) l \
                 union all select 'too many ' || count(*) from (({found}) except all ({expected})) d \
                 union all select 'twice ' || count(*) - count(distinct login_id) from login_analytics"
            ),
        )
    }

    fn assert_whole(&self) {
        assert_eq!(self.verdict(&self.logins), WHOLE);
    }
}

const WHOLE: &str = "lost 0\ntoo many 0\ntwice 0";

#[test]
fn a_run_takes_what_has_come_since_the_last_one_from_each_shard() {
    let mut site = Site::with(120);
    site.overlap("0");
    assert_eq!(site.read(), [120, 120]);
    site.assert_whole();
    assert_eq!(site.read(), [0, 0]);
    site.assert_whole();
    site.add(1, 120..150);
    assert_eq!(site.read(), [0, 30]);
    site.add(0, 120..121);
    assert_eq!(site.read(), [1, 0]);
    site.assert_whole();
}

#[test]
fn a_login_that_is_committed_late_is_found_and_one_that_is_read_again_stays_one() {
    let mut site = Site::with(100);
    assert_eq!(site.read(), [100, 100]);
    // Somebody logged in five minutes before the last login, in a transaction that ends now.
    site.shards[0].execute("logins", "delete dbo.user_logins where id = 1");
    let late = "insert dbo.user_logins (user_id, login_time, ip_address, user_agent) \
                values (49, '2026-03-01 01:34:30', '10.0.0.5', null)";
    site.shards[0].execute("logins", late);
    site.add(1, 100..110);
    site.read();
    // What was deleted in the shard stays: a merge adds and changes.
    assert_eq!(site.verdict(&site.logins), "lost 0\ntoo many 1\ntwice 0");
    let of = "select user_id, login_time from login_analytics where login_time::time = '01:34:30'";
    assert_eq!(SHARED.psql(&site.target, of), "49|2026-03-01 01:34:30");
}

#[test]
fn a_shard_that_is_down_is_caught_up_with_and_the_other_one_is_published() {
    let mut site = Site::with(60);
    site.overlap("0");
    assert_eq!(site.read(), [60, 60]);
    site.add(0, 60..80);
    site.add(1, 60..90);
    site.shards[1].stop();
    let late = ["user_logins/shard2"];
    assert_eq!(site.read_without(&late), [20, 0]);
    let of_one = |site: &Site| {
        let known = |(shard, login): &&(usize, usize)| *shard == 0 || *login < 60;
        site.logins.iter().filter(known).copied().collect::<Vec<_>>()
    };
    assert_eq!(site.verdict(&of_one(&site)), WHOLE);
    site.add(0, 80..85);
    assert_eq!(site.read_without(&late), [5, 0]);
    site.shards[1].resume();
    assert_eq!(site.read(), [0, 30]);
    site.assert_whole();
}

#[test]
fn a_shard_that_fails_while_it_is_read_is_named_and_nothing_is_shown_half() {
    let mut site = Site::with(60);
    site.overlap("0");
    assert_eq!(site.read(), [60, 60]);
    site.add(0, 60..80);
    site.add(1, 60..90);
    let before: Vec<_> = site.logins.iter().filter(|(_, login)| *login < 60).copied().collect();
    let rows = When::statement("[user_agent]").always();
    site.shards[1]
        .fault(rows, Fault::ErrorAfter(10, 208, "Invalid object name 'user_logins'.".to_owned()));
    let ended = site.run(None);
    assert_ne!(ended.code, Some(0), "{}", ended.out);
    let report: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!(report["error"]["places"]["shard"], "shard2", "{report:#}");
    assert_eq!(site.verdict(&before), WHOLE);
    site.shards[1].heal();
    site.read();
    site.assert_whole();
}

// Release builds have no points at which to be killed.
#[cfg(debug_assertions)]
#[test]
fn a_run_that_is_killed_anywhere_is_finished_by_the_next() {
    use dhow::faults::{POINTS, POSTGRES};
    let mut site = Site::with(40);
    let mut count = 40;
    let mut deaths = 0;
    let passed = POINTS.iter().chain(POSTGRES).filter(|point| !point.starts_with("sink."));
    // The other half, which the long form takes, differs in what the sink does: see `killed`.
    for point in passed.step_by(if is_long() { 1 } else { 2 }) {
        site.add(0, count..count + 5);
        site.add(1, count..count + 3);
        count += 5;
        let ended = site.run(Some(point));
        assert!(ended.was_killed() || ended.code == Some(0), "{point}: {}", ended.err);
        deaths += usize::from(ended.was_killed());
        site.read();
        assert_eq!(site.verdict(&site.logins), WHOLE, "{point}");
    }
    assert!(deaths >= 12, "{deaths}");
}
