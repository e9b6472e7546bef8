//! Who we are: tokens are fetched, kept, renewed, and never shown.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::gate::oauth::{ACCOUNT, AUDIENCE};
use super::gate::{Fault, When};
use super::*;
use crate::connectors::bigquery::auth::Tokens;
use crate::connectors::bigquery::credentials::Place;
use crate::error::Kind;

/// A yard that asks for tokens, and sinks with a key file.
fn guarded() -> Yard {
    let yard = Yard::new();
    yard.gate.require_tokens();
    let path = yard.gate.write_credentials(yard.folder.path());
    close(&path);
    // From the folder of the pipeline on.
    yard.option("credentials_file", "credentials.json")
}

fn close(path: &std::path::Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn one_token_serves_a_whole_load() {
    let yard = guarded();
    yard.load(&load("l1", Mode::Append), PARTS).await.unwrap();
    assert_eq!((yard.rows().as_str(), yard.gate.calls("token")), (after(&Mode::Append), 1));
}

#[tokio::test]
async fn a_token_that_ends_early_is_renewed_once() {
    let yard = guarded();
    let (sink, load) = (yard.sink(), load("l1", Mode::Append));
    sink.prepare(&load).await.unwrap();
    yard.gate.expire_tokens();
    let staged = stage(&sink, &load, PARTS).await.unwrap();
    yard.gate.expire_tokens();
    sink.commit(&load, &staged, &high("w")).await.unwrap();
    assert_eq!((yard.rows().as_str(), yard.gate.calls("token")), (after(&Mode::Append), 3));
}

#[tokio::test]
async fn a_token_that_is_about_to_end_is_not_used() {
    let yard = guarded();
    yard.gate.tokens_last(Duration::from_secs(30));
    let sink = yard.sink();
    sink.inspect(&load("l1", Mode::Append)).await.unwrap();
    let calls = yard.gate.log().iter().filter(|seen| seen.call != "token").count();
    assert_eq!(yard.gate.calls("token"), calls);
    assert!(yard.gate.log().iter().all(|seen| seen.status != Some(401)));
}

#[tokio::test]
async fn wrong_credentials_are_refused_in_the_words_of_oauth() {
    let yard = guarded();
    yard.gate.refuse_grants();
    let error = yard.sink().inspect(&load("l1", Mode::Append)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    let told = error.report();
    assert!(told.contains("invalid_grant: Invalid JWT Signature."), "{told}");
    assert!(!told.contains("PRIVATE"), "{told}");
}

#[tokio::test]
async fn who_asks_for_tokens_too_often_asks_again_later() {
    let yard = guarded();
    yard.gate.order(When::call("token"), Fault::rate_limited());
    let error = yard.sink().inspect(&load("l1", Mode::Append)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Limit, "{}", error.report());
    assert!(error.message().starts_with("there is no token for "), "{}", error.report());
    yard.sink().inspect(&load("l1", Mode::Append)).await.unwrap();
}

#[tokio::test]
async fn without_credentials_a_service_that_asks_for_them_refuses() {
    let yard = Yard::new();
    yard.gate.require_tokens();
    let error = yard.sink().inspect(&load("l1", Mode::Append)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied, "{}", error.report());
}

#[tokio::test]
async fn a_key_that_others_can_read_is_refused() {
    let yard = guarded();
    let path = yard.folder.path().join("credentials.json");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = yard.sink().inspect(&load("l1", Mode::Append)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    assert!(error.advice().unwrap().contains("chmod 600"), "{}", error.report());
}

#[tokio::test]
async fn a_login_of_gcloud_is_turned_into_a_token() {
    let yard = guarded();
    let path = yard.folder.path().join("login.json");
    let login = json!({
        "type": "authorized_user", "client_id": "id", "client_secret": "not-so-secret",
        "refresh_token": "refresh", "token_uri": format!("{}/token", yard.gate.url()),
    });
    std::fs::write(&path, login.to_string()).unwrap();
    close(&path);
    let yard = yard.option("credentials_file", "login.json");
    yard.sink().inspect(&load("l1", Mode::Append)).await.unwrap();
}

/// A yard with the file of a federated identity, whose subject token is found as `source` says; it
/// acts as `account`, if that is one.
fn federated(source: impl Fn(&Yard) -> serde_json::Value, account: Option<&str>) -> Yard {
    let yard = guarded();
    let url = yard.gate.url();
    let mut file = json!({
        "type": "external_account", "audience": AUDIENCE,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("{url}/sts/token"), "credential_source": source(&yard),
    });
    if let Some(account) = account {
        let url = format!("{url}/v1/projects/-/serviceAccounts/{account}:generateAccessToken");
        file["service_account_impersonation_url"] = url.into();
    }
    let path = yard.folder.path().join("federated.json");
    std::fs::write(&path, file.to_string()).unwrap();
    close(&path);
    yard.option("credentials_file", "federated.json")
}

/// The subject token in a file, as a cluster puts it.
fn in_a_file(text: &'static str) -> impl Fn(&Yard) -> serde_json::Value {
    move |yard| {
        let path = yard.folder.path().join("subject");
        std::fs::write(&path, text).unwrap();
        json!({ "file": path })
    }
}

#[tokio::test]
async fn what_another_provider_says_of_us_is_turned_into_a_token() {
    let at_an_address = |yard: &Yard| {
        let format = json!({ "type": "json", "subject_token_field_name": "value" });
        let url = format!("{}/subject", yard.gate.url());
        json!({ "url": url, "headers": { "x-who": "me" }, "format": format })
    };
    let yards = [
        federated(in_a_file("subject-token\n"), None),
        federated(at_an_address, None),
        federated(in_a_file("subject-token"), Some(ACCOUNT)),
    ];
    for (yard, acts) in yards.iter().zip([0, 0, 1]) {
        yard.load(&load("l1", Mode::Append), PARTS).await.unwrap();
        assert_eq!((yard.gate.calls("sts"), yard.gate.calls("act")), (1, acts));
    }
}

#[tokio::test]
async fn a_login_can_act_as_a_service_account() {
    let yard = guarded();
    let url = yard.gate.url();
    let file = json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url":
            format!("{url}/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken"),
        "source_credentials": {
            "type": "authorized_user", "client_id": "id", "client_secret": "not-so-secret",
            "refresh_token": "refresh", "token_uri": format!("{url}/token"),
        },
    });
    let path = yard.folder.path().join("acting.json");
    std::fs::write(&path, file.to_string()).unwrap();
    close(&path);
    let yard = yard.option("credentials_file", "acting.json");
    yard.load(&load("l1", Mode::Append), PARTS).await.unwrap();
    assert_eq!((yard.gate.calls("token"), yard.gate.calls("act")), (1, 1));
}

#[tokio::test]
async fn a_federated_identity_that_is_not_welcome_is_told_why() {
    let stranger = federated(in_a_file("hunter2"), None);
    let nobody = federated(in_a_file("subject-token"), Some("x@example.com"));
    let mut told = Vec::new();
    for yard in [&stranger, &nobody] {
        let error = yard.sink().inspect(&load("l1", Mode::Append)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Denied);
        let report = error.report();
        assert!(!report.contains("hunter2"), "{report}");
        told.push((error.message().to_owned(), error.advice().unwrap_or_default().to_owned()));
    }
    let acting = "grant roles/iam.serviceAccountTokenCreator on that account to whom the file with \
                  credentials names";
    let expected = [
        (
            "there is no token for the federated identity",
            "see that the key or login is still valid",
        ),
        ("there is no token for the account to act as", acting),
    ];
    assert_eq!(told, expected.map(|(what, hint)| (what.to_owned(), hint.to_owned())));
}

#[tokio::test]
async fn the_account_of_a_machine_gives_tokens_to_the_machine_alone() {
    let yard = guarded();
    let tls = yard.open().options.tls;
    let tokens = |host: &str, is_named| {
        let place = Place::Metadata(host.to_owned(), is_named);
        Tokens::new(place, &tls, yard.folder.path(), Duration::from_secs(1)).unwrap()
    };
    let host = yard.gate.url().trim_start_matches("http://").to_owned();
    let token = tokens(&host, true).get(None).await.unwrap();
    assert!(!format!("{token:?}").contains("ya29"), "{token:?}");
    assert_eq!(yard.gate.calls("metadata"), 1);
    // Nobody is there, and nobody has said that somebody would be.
    let error = tokens("127.0.0.1:1", false).get(None).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (Kind::Denied, "there are no credentials for BigQuery")
    );
    let error = tokens("127.0.0.1:1", true).get(None).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
}
