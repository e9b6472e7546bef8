//! The proxy does what it says: it is what other tests lean on.

use std::time::{Duration, Instant};

use tokio_postgres::{Client, NoTls};

use crate::cluster::SHARED;
use crate::proxy::{Fault, Proxy, Way};

async fn session(proxy: &Proxy, database: &str) -> Client {
    let (client, connection) =
        tokio_postgres::connect(&proxy.url(database), NoTls).await.expect("a session");
    tokio::spawn(connection);
    client
}

/// A proxy, and a database behind it with a table of one number.
fn behind(what: &str) -> (Proxy, String) {
    let database = SHARED.database(what);
    SHARED.psql(&database, "create table t(n int)");
    (Proxy::to(SHARED.port), database)
}

fn rows(database: &str) -> String {
    SHARED.psql(database, "select count(*) from t")
}

#[tokio::test]
async fn bytes_pass_and_may_be_late() {
    let (proxy, database) = behind("latency");
    let client = session(&proxy, &database).await;
    client.batch_execute("insert into t values (1)").await.unwrap();
    let delay = Duration::from_millis(100);
    proxy.set(Fault::Latency(delay));
    let begun = Instant::now();
    client.batch_execute("insert into t values (2)").await.unwrap();
    assert!(begun.elapsed() >= delay * 2);
    assert_eq!((rows(&database).as_str(), proxy.fired(), proxy.sessions()), ("2", 0, 1));
}

#[tokio::test]
async fn a_reset_ends_open_sessions_and_no_later_ones() {
    let (proxy, database) = behind("reset");
    let client = session(&proxy, &database).await;
    proxy.reset();
    assert!(client.batch_execute("select 1").await.is_err());
    session(&proxy, &database).await.batch_execute("select 1").await.unwrap();
}

#[tokio::test]
async fn a_black_hole_takes_bytes_and_gives_none() {
    let (proxy, database) = behind("hole");
    let client = session(&proxy, &database).await;
    proxy.set(Fault::BlackHole);
    let asked = client.batch_execute("insert into t values (1)");
    assert!(tokio::time::timeout(Duration::from_millis(200), asked).await.is_err());
    assert_eq!(rows(&database), "0");
}

#[tokio::test]
async fn a_cut_comes_after_exactly_so_many_bytes_and_once() {
    for way in [Way::Up, Way::Down] {
        for after in [0, 1, 20, 80] {
            let (proxy, database) = behind("cut");
            proxy.set(Fault::Cut(way, after));
            let begun = tokio_postgres::connect(&proxy.url(&database), NoTls).await;
            let cut = match begun {
                Err(_) => true,
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    client.batch_execute("select repeat('x', 200)").await.is_err()
                }
            };
            assert!(cut, "{way:?} {after}");
            session(&proxy, &database).await.batch_execute("select 1").await.unwrap();
            assert_eq!(proxy.fired(), 1);
        }
    }
}

#[tokio::test]
async fn a_commit_whose_answer_is_swallowed_has_happened() {
    let (proxy, database) = behind("commit");
    for (number, statements) in ["commit", "prepared"].into_iter().enumerate() {
        proxy.set(Fault::SwallowCommit(1));
        let client = session(&proxy, &database).await;
        client.batch_execute("begin; insert into t values (1)").await.unwrap();
        client.batch_execute("COMMIT").await.unwrap();
        client.batch_execute("begin; insert into t values (2)").await.unwrap();
        let lost = match statements {
            "commit" => client.batch_execute("commit").await.map(|()| 0),
            _ => client.execute("commit", &[]).await,
        };
        assert!(lost.unwrap_err().is_closed());
        assert_eq!(proxy.fired(), number + 1);
        assert_eq!(rows(&database), ((number + 1) * 2).to_string());
    }
}
