//! Values that are longer than what is read: the server keeps back what is too much of them.

use std::sync::{Arc, OnceLock};

use super::{lines, options, options_of, server, sifted, snapshot};
use crate::connectors::sqlserver::tds::Tds;
use crate::connectors::sqlserver::{Plan, SqlServer};
use crate::memory::unlimited;
use crate::source::{Snapshot, Source, Window};

/// A snapshot of `t` for values of up to `longest` bytes.
async fn limited(server: &Tds, longest: usize) -> Arc<dyn Snapshot> {
    let (mut options, _) = options::source(&options_of(&server.url("shop"), &[("table", "t")]));
    options.server = options.server.with_longest(longest);
    let plan = Plan { options, jobs: 1, memory: unlimited() };
    let source = SqlServer { plan, promised: OnceLock::new() };
    source.open(&Window::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_beyond_the_limit_is_refused_and_never_cut() {
    for (kind, fits, beyond) in [
        ("varbinary(max)", "cast(replicate('a', 100) as varbinary(max))", "replicate('a', 101)"),
        ("nvarchar(max)", "replicate(N'ж', 50)", "replicate(N'ж', 51)"),
        ("varchar(max)", "replicate('a', 50)", "replicate('a', 51)"),
        ("ntext", "replicate(N'ж', 50)", "replicate(N'ж', 51)"),
        ("image", "cast(replicate('a', 100) as varbinary(max))", "replicate('a', 101)"),
        ("xml", "replicate('a', 50)", "replicate('a', 51)"),
    ] {
        let server =
            server(&format!("create table t (id int not null primary key, c {kind} null)"));
        let beyond = match kind {
            "varbinary(max)" | "image" => format!("cast({beyond} as varbinary(max))"),
            _ => beyond.to_owned(),
        };
        for (id, value) in [fits, &beyond, "null"].iter().enumerate() {
            server.execute("shop", &format!("insert into t (id, c) values ({id}, {value})"));
        }
        let (lines, refused) = sifted(&limited(&server, 100).await).await;
        let whole = lines[0].strip_prefix("0|").unwrap();
        let bytes =
            if whole.starts_with('6') { whole.len() / 2 } else { whole.chars().count() * 2 };
        assert_eq!((bytes, &lines[1..]), (100, &["2|NULL".to_owned()][..]), "{kind}");
        let told: Vec<_> = refused
            .iter()
            .map(|r| (r.place.as_str(), r.column.as_deref(), r.value.as_deref(), r.reason.as_str()))
            .collect();
        let reason = "the value has more than 1 GiB";
        assert_eq!(told, [("t 000000 row 2", Some("c"), None, reason)], "{kind}");
        let hint = "leave the column out, or read it in parts, with a `query`";
        assert_eq!(refused[0].hint.as_deref(), Some(hint));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_told_to_send_no_more_than_one_byte_too_much() {
    let server = server("create table t (id int not null primary key); insert into t values (1)");
    lines(&snapshot(&server, &[("table", "t")]).await).await;
    let log = server.log();
    let told = |text: &str| text.ends_with("set textsize 1073741825");
    let begun: Vec<_> = log.iter().filter(|s| s.text.starts_with("set ansi_nulls on")).collect();
    assert!(!begun.is_empty() && log.iter().any(|s| told(&s.text)), "{begun:?}");
}
