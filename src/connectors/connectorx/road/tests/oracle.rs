//! Oracle, as far as it goes without a server: what is said where its client library is missing.

use super::error;
use crate::error::Kind;

#[tokio::test]
async fn without_the_client_library_the_error_says_what_to_install() {
    let url = "oracle://scott:hunter2!@127.0.0.1:1/xe";
    let error = error(&[("url", url), ("table", "EMP")]).await;
    let report = error.report();
    assert!(!report.contains("hunter2"), "{report}");
    // Where the library is installed, nobody answers on the port.
    match error.kind() {
        Kind::Denied => assert!(report.contains("Instant Client"), "{report}"),
        kind => assert_eq!(kind, Kind::Unavailable, "{report}"),
    }
}
