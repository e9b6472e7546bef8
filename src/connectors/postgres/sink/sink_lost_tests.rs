//! Answers to COMMIT that get lost: the server has committed, and nobody was told.

use super::sink_tests::{PARTS, Yard, after, before, high, load, modes, part};
use crate::connectors::postgres::cluster::SHARED;
use crate::connectors::postgres::proxy::{Fault, Proxy};
use crate::error::Kind;
use crate::sink::{Load, Mode};

/// A yard whose sinks go through a proxy.
fn behind_proxy(mode: &Mode) -> (Yard, Proxy) {
    let mut yard = Yard::new(before(mode));
    let proxy = Proxy::to(SHARED.port);
    yard.url = proxy.url(&yard.database);
    (yard, proxy)
}

#[tokio::test]
async fn a_part_whose_commit_was_not_answered_is_there_once() {
    for mode in modes() {
        for repeatable in [true, false] {
            let (yard, proxy) = behind_proxy(&mode);
            let load = Load { repeatable, ..load("l1", mode.clone()) };
            let sink = yard.sink();
            sink.prepare(&load).await.unwrap();
            let first = sink.write(&load, part("p0", PARTS[0])).await.unwrap();
            proxy.set(Fault::SwallowCommit(0));
            let lost = sink.write(&load, part("p1", PARTS[1])).await.unwrap_err();
            assert_eq!((lost.kind(), proxy.fired()), (Kind::Unavailable, 1), "{mode}");
            let second = sink.write(&load, part("p1", PARTS[1])).await.unwrap();
            assert_eq!(second.rows, 2, "{mode}");
            sink.commit(&load, &[first, second], &high("w")).await.unwrap();
            sink.sweep(&load).await.unwrap();
            assert_eq!(yard.rows(), after(&mode), "{mode}");
            assert_eq!(yard.left(), " 0", "{mode}");
        }
    }
}

#[tokio::test]
async fn a_load_whose_commit_was_not_answered_is_published_once() {
    for mode in modes() {
        let (yard, proxy) = behind_proxy(&mode);
        let load = load("l1", mode.clone());
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        let staged = super::sink_tests::stage(&sink, &load, PARTS).await.unwrap();
        // Mode `replace` commits the indexes that it builds before; ours has one.
        let earlier = usize::from(mode == Mode::Replace);
        proxy.set(Fault::SwallowCommit(earlier));
        let lost = sink.commit(&load, &staged, &high("w")).await.unwrap_err();
        assert_eq!((lost.kind(), proxy.fired()), (Kind::Unavailable, 1), "{mode}");
        assert_eq!(yard.rows(), after(&mode), "{mode}");
        let mark = sink.commit(&load, &staged, &high("another")).await.unwrap();
        assert_eq!((mark.rows, &mark.watermarks), (3, &high("w")), "{mode}");
        assert_eq!(yard.psql("select count(*) from _dhow.mark"), "1", "{mode}");
        sink.sweep(&load).await.unwrap();
        assert_eq!(yard.rows(), after(&mode), "{mode}");
    }
}

#[tokio::test]
async fn a_binding_and_a_sweep_whose_commits_were_not_answered_are_done_once() {
    for mode in modes() {
        let (yard, proxy) = behind_proxy(&mode);
        let load = load("l1", mode.clone());
        let sink = yard.sink();
        // The first COMMIT makes the schema, the second binds the load.
        proxy.set(Fault::SwallowCommit(1));
        let lost = sink.prepare(&load).await.unwrap_err();
        assert_eq!((lost.kind(), proxy.fired()), (Kind::Unavailable, 1), "{mode}");
        sink.prepare(&load).await.unwrap();
        super::sink_tests::stage(&sink, &load, PARTS).await.unwrap();
        proxy.set(Fault::SwallowCommit(0));
        let lost = sink.sweep(&load).await.unwrap_err();
        assert_eq!((lost.kind(), proxy.fired()), (Kind::Unavailable, 2), "{mode}");
        sink.sweep(&load).await.unwrap();
        assert_eq!(yard.rows(), "1=old 2=old", "{mode}");
        assert_eq!(yard.left(), " 0", "{mode}");
    }
}
