//! What goes wrong at the server, and what becomes of it.

use super::{failure, lines, read, server, snapshot};
use crate::connectors::sqlserver::tds::{Fault, Tds, When};
use crate::error::Kind;
use crate::source::Want;

const TABLE: &str = "create table t (id int not null primary key);
                     insert into t values (1), (2), (3)";

fn with(when: When, fault: Fault) -> Tds {
    let server = server(TABLE);
    server.fault(when, fault);
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_server_says_who_must_act() {
    for (number, kind) in [
        (1205, Kind::Unavailable),
        (40_197, Kind::Unavailable),
        (701, Kind::Limit),
        (10_928, Kind::Limit),
        (8152, Kind::Data),
        (229, Kind::Denied),
        (208, Kind::Missing),
        (3961, Kind::Conflict),
    ] {
        let server = with(When::statement("select [id] from [dbo].[t]"), Fault::error(number));
        let error = failure(&server, &[("table", "t")]).await;
        assert_eq!((error.kind(), error.message()), (kind, "could not read `t`"), "{number}");
        assert!(error.places().contains(&("number".to_owned(), number.to_string())), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_refused_says_who_must_act() {
    for (number, kind) in [
        (18_456, Kind::Denied),
        (4060, Kind::Missing),
        (40_613, Kind::Unavailable),
        (49_918, Kind::Limit),
    ] {
        let server = with(When::login(), Fault::error(number));
        let error = failure(&server, &[("table", "t")]).await;
        assert_eq!(error.kind(), kind, "{number}: {error:?}");
        assert!(error.message().starts_with("could not connect to `127.0.0.1:"), "{error:?}");
        assert!(!error.report().contains(&*server.password), "{}", error.report());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_quotes_rows_is_not_shown() {
    let text =
        "Conversion failed when converting the nvarchar value 'Ada Lovelace' to data type int.";
    let when = When::statement("select [id] from [dbo].[t]");
    let server = with(when, Fault::ErrorAfter(2, 245, text.to_owned()));
    let error = failure(&server, &[("table", "t")]).await;
    assert_eq!(error.kind(), Kind::Data);
    assert!(!error.report().contains("Ada"), "{}", error.report());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_is_an_error_and_never_fewer_rows() {
    for fault in [Fault::CutAfterRows(2), Fault::CutAfterBytes(30), Fault::LoseAnswer] {
        let server = with(When::statement("select [id] from [dbo].[t]"), fault.clone());
        let error = failure(&server, &[("table", "t")]).await;
        assert_eq!(error.kind(), Kind::Unavailable, "{fault:?}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_failed_succeeds_when_it_is_tried_again() {
    let server = server(TABLE);
    let snapshot = snapshot(&server, &[("table", "t")]).await;
    server.fault(When::statement("select [id] from [dbo].[t]"), Fault::error(1205));
    let error = read(&snapshot, &snapshot.splits()[0], &Want::default()).await.unwrap_err();
    assert!(error.kind().is_transient());
    assert_eq!(lines(&snapshot).await, ["1", "2", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_the_server_are_no_rows_and_no_errors() {
    let when = When::statement("select [id] from [dbo].[t]").always();
    let server = with(when, Fault::Info(5701, "Changed database context.".repeat(100)));
    assert_eq!(lines(&snapshot(&server, &[("table", "t")]).await).await, ["1", "2", "3"]);
}
