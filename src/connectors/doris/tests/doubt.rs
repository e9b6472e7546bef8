//! Answers that are lost, servers that send us elsewhere, and processes that die in between.

use super::*;
use crate::connectors::doris::stand_in::{Fault, Side, When};
use crate::error::{Error, Kind};
use crate::faults::{DORIS, Script};

const LOAD: &str = "_stream_load?";

/// Bodies of loads that a back end has read.
fn loads(yard: &Yard) -> usize {
    let requests = yard.doris.requests();
    requests.iter().filter(|r| r.side == Side::Be && r.line.contains("/_stream_load")).count()
}

/// Loads `PARTS`, again and again while only what goes away by itself is in the way.
async fn settle(yard: &Yard, load: &Load) -> std::result::Result<Mark, Error> {
    let mut last = yard.load(load, PARTS).await;
    for _ in 0..3 {
        match &last {
            Err(error) if error.kind() == Kind::Unavailable => last = yard.load(load, PARTS).await,
            _ => break,
        }
    }
    last
}

#[tokio::test]
async fn a_lost_answer_of_a_load_that_arrived_is_settled_and_nothing_is_sent_again() {
    for fault in [Fault::LoseAfter, Fault::Truncate(40), Fault::PublishTimeout(2), Fault::Html] {
        let yard = yard(&Mode::Append);
        yard.doris.fault(When::be(LOAD), fault.clone());
        let load = load("l1", Mode::Append);
        settle(&yard, &load).await.unwrap_or_else(|error| panic!("{fault:?}: {}", error.report()));
        assert_eq!(yard.rows(), after(&Mode::Append), "{fault:?}");
        assert_eq!(yard.doris.struck(), 1, "{fault:?}");
        let again = usize::from(matches!(fault, Fault::Html));
        assert!(loads(&yard) <= 2 + again, "{fault:?}");
    }
}

#[tokio::test]
async fn a_load_that_did_not_arrive_is_sent_again_under_its_label() {
    for fault in [Fault::LoseBefore, Fault::Reset(10), Fault::Die(10, 1), Fault::Status(502)] {
        let yard = yard(&Mode::Append);
        yard.doris.fault(When::be(LOAD), fault.clone());
        let load = load("l1", Mode::Append);
        settle(&yard, &load).await.unwrap_or_else(|error| panic!("{fault:?}: {}", error.report()));
        assert_eq!(yard.rows(), after(&Mode::Append), "{fault:?}");
        let labels = yard.doris.labels();
        let requests = labels.keys().filter(|label| label.ends_with("_0_0")).count();
        assert_eq!(requests, 2, "{fault:?}: {labels:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_of_the_publication_is_settled() {
    for mode in modes() {
        for (statement, fault) in [
            ("with label", Fault::LoseAfter),
            ("with label", Fault::LoseBefore),
            ("replace with table", Fault::LoseAfter),
            ("replace with table", Fault::LoseBefore),
        ] {
            for nth in 1..=3 {
                let yard = yard(&mode);
                yard.doris.fault(When::query(statement).nth(nth), fault.clone());
                let load = load("l1", mode.clone());
                let found = settle(&yard, &load).await;
                found.unwrap_or_else(|error| {
                    panic!("{mode} {fault:?} {statement}: {}", error.report())
                });
                assert_eq!(yard.rows(), after(&mode), "{mode} {fault:?} {statement}");
                assert_eq!(yard.left(), Vec::<String>::new(), "{mode} {fault:?} {statement}");
            }
        }
    }
}

/// Runs a load until it comes to `point` for the nth time, where it dies.
async fn die_at(yard: &Yard, load: &Load, point: &'static str) -> bool {
    let (dead, died) = tokio::sync::oneshot::channel();
    let dead = std::sync::Mutex::new(Some(dead));
    let script = Script::new(move |name| {
        if name == point
            && let Some(dead) = dead.lock().unwrap().take()
        {
            dead.send(()).unwrap();
            return Box::pin(futures::future::pending());
        }
        Box::pin(async {})
    });
    tokio::select! {
        found = script.scope(yard.load(load, PARTS)) => {
            found.unwrap();
            false
        }
        _ = died => true,
    }
}

#[tokio::test]
async fn a_load_that_dies_at_any_point_is_there_once_when_it_is_run_again() {
    let mut passed = std::collections::BTreeSet::new();
    for mode in modes() {
        for point in DORIS {
            let yard = yard(&mode);
            let load = load("l1", mode.clone());
            if die_at(&yard, &load, point).await {
                passed.insert(*point);
            }
            yard.load(&load, PARTS)
                .await
                .unwrap_or_else(|error| panic!("{mode} {point}: {}", error.report()));
            assert_eq!(yard.rows(), after(&mode), "{mode} {point}");
            assert_eq!(yard.left(), Vec::<String>::new(), "{mode} {point}");
        }
    }
    let never = ["doris.target_made", "doris.target_changed", "doris.settled"];
    let missed: Vec<_> =
        DORIS.iter().filter(|point| !passed.contains(**point) && !never.contains(point)).collect();
    assert_eq!(missed, Vec::<&&str>::new());
}

#[tokio::test]
async fn a_load_that_dies_and_starts_over_from_another_snapshot_is_there_once() {
    for mode in modes() {
        for point in DORIS {
            let yard = yard(&mode);
            let first = load("l1", mode.clone());
            die_at(&yard, &first, point).await;
            let was_published = yard.rows() != "1=old 2=old";
            let second = under(&first, "s2");
            let parts: &[&[Row]] = &[&[(2, "new")], &[(3, "new"), (4, "new")]];
            yard.load(&second, parts)
                .await
                .unwrap_or_else(|error| panic!("{mode} {point}: {}", error.report()));
            assert_eq!(yard.rows(), after(&mode), "{mode} {point} {was_published}");
        }
    }
}

#[tokio::test]
async fn a_publication_that_nobody_can_tell_any_more_is_left_to_a_person() {
    let yard = yard(&Mode::Append);
    let load = load("l1", Mode::Append);
    assert!(die_at(&yard, &load, "doris.published").await);
    yard.doris.pass(std::time::Duration::from_secs(13 * 3600));
    let error = yard.load(&load, PARTS).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    assert_eq!(error.message(), "nobody knows any more whether this load was published");
    assert_eq!(yard.rows(), after(&Mode::Append));
}

#[tokio::test]
async fn rows_that_the_server_minds_are_shown_and_the_password_is_not() {
    let yard = yard(&Mode::Append);
    let reason = "[DATA_QUALITY_ERROR]too many filtered rows";
    yard.doris.fault(When::be(LOAD), Fault::Fail(reason.to_owned()));
    let error = yard.load(&load("l1", Mode::Append), PARTS).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.report().contains(reason), "{}", error.report());
    assert!(!error.report().contains(&yard.doris.password));
}

#[tokio::test]
async fn too_many_versions_are_a_limit() {
    let yard = yard(&Mode::Append);
    yard.doris.fault(When::be(LOAD), Fault::TooManyVersions);
    let error = yard.load(&load("l1", Mode::Append), PARTS).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Limit);
}

#[tokio::test]
async fn a_front_end_sends_us_on_and_everything_is_sent_again_to_the_back_end() {
    let yard = yard(&Mode::Append);
    // It does not tell its back ends, so it is asked for each load where to go.
    yard.doris.fault(When::fe("/api/backends").always(), Fault::Status(404));
    yard.load(&load("l1", Mode::Append), PARTS).await.unwrap();
    assert_eq!(yard.rows(), after(&Mode::Append));
    let requests = yard.doris.requests();
    let to = |side| requests.iter().filter(move |r| r.side == side && r.line.contains(LOAD));
    for (asked, sent) in to(Side::Fe).zip(to(Side::Be)) {
        for name in
            ["authorization", "label", "strict_mode", "max_filter_ratio", "expect", "format"]
        {
            assert_eq!(asked.header(name), sent.header(name), "{name}");
        }
        assert_eq!((asked.body_bytes, asked.header("content-length")), (0, Some("0")));
    }
    assert_eq!((to(Side::Fe).count(), to(Side::Be).count()), (2, 2));
}

#[tokio::test]
async fn a_redirect_in_a_circle_or_to_a_stranger_is_not_followed() {
    let (yard, stranger) = (yard(&Mode::Append), Doris::start());
    yard.doris.fault(When::fe("/api/backends").always(), Fault::Status(404));
    yard.doris.fault(When::fe(LOAD).times(3), Fault::RedirectToSelf);
    let error = yard.load(&load("l1", Mode::Append), PARTS).await.unwrap_err();
    assert!(error.message().contains("sends us on and on"), "{}", error.report());
    let port = stranger.be().rsplit_once(':').unwrap().1.to_owned();
    yard.doris.fault(When::fe(LOAD), Fault::RedirectTo(format!("localhost:{port}")));
    let error = yard.load(&load("l1", Mode::Append), PARTS).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied, "{}", error.report());
    assert!(stranger.requests().is_empty());
}

#[tokio::test]
async fn a_server_that_is_down_is_passed_by() {
    let layout = Layout { fes: 2, bes: 2, ..Layout::default() };
    let yard = Yard::with(&layout, &table(&Mode::Append));
    yard.doris.fe_down(0);
    yard.doris.be_down(1, false);
    yard.load(&load("l1", Mode::Append), PARTS).await.unwrap();
    assert_eq!(yard.rows(), "2=new 3=new 4=new");
}

#[tokio::test]
async fn wrong_credentials_and_a_missing_database_are_said() {
    let yard = yard(&Mode::Append);
    let found = |yard: &Yard| {
        let sink = yard.sink();
        async move { sink.inspect(&load("l1", Mode::Append)).await.unwrap_err() }
    };
    let yard = yard.option("password", "wrong-password");
    assert_eq!(found(&yard).await.kind(), Kind::Denied);
    let password = yard.doris.password.clone();
    let yard = yard.option("password", &password).option("database", "nowhere");
    assert_eq!(found(&yard).await.kind(), Kind::Missing);
}

#[tokio::test]
async fn the_reasons_that_the_server_keeps_are_fetched_and_shown() {
    let yard = Yard::new(
        "create table t (id bigint, word ipv4) duplicate key (id) distributed by hash (id) \
         buckets 1 properties ('replication_num' = '1')",
    );
    let error = yard.load(&load("l1", Mode::Append), &[&[(1, "no address")]]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.report().contains("refused row: Reason: "), "{}", error.report());
    assert_eq!(yard.rows(), "");
}

#[tokio::test]
async fn back_ends_are_reached_where_the_map_says() {
    let yard = yard(&Mode::Append);
    let port = yard.doris.be().rsplit_once(':').unwrap().1.to_owned();
    // Nobody answers at the address that the options name.
    let yard = yard.option("be", "127.0.0.1:1");
    let error = yard.load(&load("l1", Mode::Append), PARTS).await;
    assert!(error.is_ok(), "a front end sends us on: {error:?}");
    let yard = yard.option("address_map", &format!("{{127.0.0.1:{port} = localhost:{port}}}"));
    yard.load(&load("l2", Mode::Append), PARTS).await.unwrap();
    let requests = yard.doris.requests();
    let mut hosts = requests.iter().filter(|r| r.side == Side::Be).filter_map(|r| r.header("host"));
    assert!(hosts.next_back().unwrap().starts_with("localhost:"));
}
