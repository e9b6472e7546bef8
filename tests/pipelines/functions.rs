//! Functions beyond DataFusion's own, in the real binary: the model of the logins, and what a
//! changed database of places does to a load.

use std::path::Path;

use crate::{Project, copy, ended};

/// The logins, the places and the model, side by side as in the repository.
fn logins() -> Project {
    let project = Project::of(&[]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["fixtures/logins", "sql"] {
        copy(&root.join(folder), &project.path(folder));
    }
    project
}

#[test]
fn the_model_of_the_logins_tells_where_from_and_with_what() {
    let project = logins();
    let arguments = [
        "sql",
        "../sql/models/login_analytics.sql",
        "--source",
        "user_logins=logins/user_logins.csv",
        "--geo-ip",
        "logins/places.mmdb",
        "--format",
        "csv",
    ];
    let ended = ended(project.command("fixtures", &arguments));
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert_eq!(ended.out, LOGINS);
}

/// A pipeline over the same files, whose database of places is `places`.
fn pipeline(places: &str) -> String {
    format!(
        "sources:
  user_logins: {{ type: csv, path: logins/user_logins.csv }}
models:
  m: {{ sql: ../sql/models/login_analytics.sql }}
geo_ip: {places}
sinks:
  m: {{ from: m, type: parquet, path: out/m, mode: merge, key: [login_id] }}
"
    )
}

/// The step of the plan.
fn step(project: &Project) -> serde_json::Value {
    let ended = ended(project.command("fixtures", &["plan", "--json"]));
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let plan: serde_json::Value = serde_json::from_str(&ended.out).expect("a plan is JSON");
    plan["steps"][0].clone()
}

#[test]
fn another_database_of_places_is_another_load_and_a_moved_one_is_not() {
    let project = logins();
    project.write("fixtures/dhow.yaml", pipeline("logins/places.mmdb"));
    let usual = step(&project);
    assert_eq!(usual["by_split_of"], "user_logins");
    project.write("fixtures/dhow.yaml", pipeline("moved.mmdb"));
    let mut places = std::fs::read(project.path("fixtures/logins/places.mmdb")).unwrap();
    project.write("fixtures/moved.mmdb", &places);
    assert_eq!(step(&project)["fingerprint"], usual["fingerprint"]);
    let german = places.windows(2).position(|pair| pair == b"DE").expect("a place in Germany");
    places[german..german + 2].copy_from_slice(b"AT");
    project.write("fixtures/moved.mmdb", &places);
    assert_ne!(step(&project)["fingerprint"], usual["fingerprint"]);
}

#[test]
fn the_functions_are_listed() {
    let ended = ended(logins().command("fixtures", &["functions"]));
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let listed = |name: &str| ended.out.lines().any(|line| line.starts_with(name));
    for name in ["row_hash(", "parse_user_agent(", "geo_ip(", "is_ip(", "json_get_int("] {
        assert!(listed(name), "{name}: {}", ended.out);
    }
}

const LOGINS: &str = r#"login_id,shard,user_id,login_time,ip_address,country,location,device,os,browser
557f57e433d5762e90d61b9fbb1ec56c,shard1,1,2026-03-01T08:00:00Z,192.0.2.17,DE,"Cologne, Germany",pc,Windows 10,Chrome
a39febb5080857659bb0dcbaa115b56d,shard1,2,2026-03-01T08:00:05Z,2001:db8::2,NZ,"Wellington, New Zealand",smartphone,iPhone,Safari
5cb1ccf8c42931d9ca859b801a81b82f,shard1,3,2026-03-01T08:01:10Z,10.0.0.5,,,,,
6b5e7dac4ee579ed51b4696c227db7c2,shard2,1,2026-03-01T08:02:00Z,198.51.100.9,US,"Seattle, United States",pc,Linux,Firefox
9e125985d299274f7f5b6ce5e834527a,shard2,4,2026-03-01T08:03:30Z,192.0.2.200,FR,France,crawler,,Googlebot
2b74cc4bf537c58ed2de6ab56d0f449c,shard2,5,2026-03-01T08:04:00Z,unknown,,,misc,,HTTP Library
"#;
