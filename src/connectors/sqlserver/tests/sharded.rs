//! Two servers as one source.

use std::sync::Arc;

use super::{above, lines, options_of, server};
use crate::config::{Node, Options, Place, Role, Value};
use crate::connectors::Context;
use crate::connectors::sqlserver::tds::{Fault, Gate, Tds, When};
use crate::error::Kind;
use crate::memory::unlimited;
use crate::source::{Source, Window};

const TABLE: &str = "create table t (id int not null primary key, rv rowversion not null)";

fn two() -> [Tds; 2] {
    [(1, 2), (3, 4)].map(|(one, two)| {
        let server = server(TABLE);
        server.execute("shop", &format!("insert into t (id) values ({one}), ({two})"));
        server
    })
}

fn sharded(servers: &[Tds; 2], more: &[(&str, &str)]) -> Arc<dyn Source> {
    let place = Place::without_lines("test");
    let shard = |(name, server): (&str, &Tds)| {
        (name.to_owned(), place.clone(), Node::argument(server.url("shop"), &place))
    };
    let shards = ["eu", "us"].into_iter().zip(servers).map(shard).collect();
    let node = Node { value: Value::Map(shards), ..Node::argument("", &place) };
    let mut all = options_of("", more).entries()[1..].to_vec();
    all.push(("shards".to_owned(), place.clone(), node));
    let options = Options::new(place, all);
    assert_eq!(super::options::check(&options, Role::Source), []);
    let context = Context { base: "/".into(), jobs: 2, memory: unlimited(), state: None };
    super::open(&options, &context).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_are_opened_and_read_side_by_side() {
    let servers = two();
    let gate = Gate::closed();
    // Both statements must stand at the gate before either gets rows.
    for server in &servers {
        server
            .fault(When::statement("select [id], [rv] from [dbo].[t]"), Fault::Hold(gate.clone()));
    }
    let source = sharded(&servers, &[("table", "t")]);
    let snapshot = source.open(&Window::default()).await.unwrap();
    let reading = tokio::spawn(async move {
        let [eu, us] = snapshot.splits() else { panic!("{:?}", snapshot.splits()) };
        let want = crate::source::Want { columns: None, ..Default::default() };
        let (eu, us) =
            futures::join!(super::read(&snapshot, eu, &want), super::read(&snapshot, us, &want));
        eu.unwrap()[0].num_rows() + us.unwrap()[0].num_rows()
    });
    let waiting = gate.clone();
    tokio::task::spawn_blocking(move || waiting.wait_for(2)).await.unwrap();
    gate.open();
    assert_eq!(reading.await.unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_shard_has_a_position_of_its_own() {
    let servers = two();
    let source = sharded(&servers, &[("table", "t"), ("cursor", "rv")]);
    let ids = |lines: Vec<String>| -> Vec<String> {
        lines.iter().map(|line| line.rsplit_once('|').unwrap().0.to_owned()).collect()
    };
    let first = source.open(&Window::default()).await.unwrap();
    assert_eq!(ids(lines(&first).await), ["eu|1", "eu|2", "us|3", "us|4"]);
    servers[1].execute("shop", "insert into t (id) values (5)");
    let second = source.open(&above(&first.high().unwrap().0)).await.unwrap();
    assert_eq!(ids(lines(&second).await), ["us|5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_is_down_is_late_and_the_other_is_not() {
    let servers = two();
    let more = [("table", "t"), ("cursor", "rv"), ("shard_down", "skip")];
    let first = sharded(&servers, &more).open(&Window::default()).await.unwrap();
    let position = first.high().unwrap().clone();
    for (server, id) in servers.iter().zip([10, 20]) {
        server.execute("shop", &format!("insert into t (id) values ({id})"));
    }
    servers[0].stop();
    let strict = sharded(&servers, &[("table", "t"), ("cursor", "rv")]);
    let error = strict.open(&above(&position.0)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.places().contains(&("shard".to_owned(), "eu".to_owned())), "{error:?}");
    let some = sharded(&servers, &more).open(&above(&position.0)).await.unwrap();
    assert_eq!((some.late(), lines(&some).await.len()), (vec!["eu".to_owned()], 1));
    servers[0].resume();
    let late = sharded(&servers, &more).open(&above(&some.high().unwrap().0)).await.unwrap();
    let found = lines(&late).await;
    assert!(found.len() == 1 && found[0].starts_with("eu|10|"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_with_other_columns_are_refused_by_name() {
    let servers =
        [server("create table t (id int, extra int)"), server("create table t (id bigint)")];
    let error = sharded(&servers, &[("table", "t")]).schema().await.unwrap_err();
    let places: Vec<_> = error.places().iter().map(|(w, v)| format!("{w}: {v}")).collect();
    assert_eq!(places, ["us.id: bigint; integer in eu", "us.extra: not there; integer in eu"]);
}
