//! What a person gets wrong about a store is one clear error each.

use super::servers::Effect;
use super::stand::{At, Stand, high, load, owned, stage};
use crate::config::Options;
use crate::connectors::{Role, named};
use crate::error::{Error, Kind};
use crate::sink::Mode;

async fn read(stand: &Stand) -> Error {
    stand.read("csv", "a.csv").await.unwrap_err()
}

/// The bucket of `stand` as people see it.
fn root(stand: &Stand) -> String {
    stand.address("").trim_end_matches('/').to_owned()
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    for at in [At::Moto, At::Azurite] {
        let mut stand = Stand::new(at);
        stand.bucket = "not-there".to_owned();
        let error = stand.read("csv", "*.csv").await.unwrap_err();
        assert_eq!(error.kind(), Kind::Missing, "{}", error.report());
        assert_eq!(error.message(), format!("there is no bucket `{}`", root(&stand)));
        let error = stand.load("a", Mode::Append, &[&[(1, "one")]]).await.unwrap_err();
        assert_eq!(error.message(), format!("there is no bucket `{}`", root(&stand)));
    }
}

#[tokio::test]
async fn an_object_that_is_not_there_is_named_and_a_folder_gets_a_hint() {
    let stand = Stand::new(At::Moto);
    stand.put("in/a.csv", "id,word\n1,one\n").await;
    let error = stand.read("csv", "in").await.unwrap_err();
    let address = stand.address("in");
    assert_eq!(error.message(), format!("`{address}` does not exist"));
    let hint = format!("to read all objects below it, write a glob such as `{address}/*`");
    assert_eq!(error.advice(), Some(hint.as_str()));
    let error = stand.read("csv", "in/*.tsv").await.unwrap_err();
    let message = format!("`{}` matches no object", stand.address("in/*.tsv"));
    assert_eq!((error.kind(), error.message()), (Kind::Missing, message.as_str()));
    let error = stand.read("parquet", "in").await.unwrap_err();
    assert_eq!(error.message(), format!("`{address}` holds no Parquet file"));
}

#[tokio::test]
async fn a_wrong_secret_is_told_apart_from_a_missing_permission() {
    let stand = Stand::new(At::S3s).with("secret_access_key", "another secret");
    let error = stand.read("csv", "*.csv").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied, "{}", error.report());
    assert_eq!(error.message(), format!("`{}` does not know our credentials", root(&stand)));
    assert!(!error.report().contains("another secret"));
    let stand = Stand::new(At::Azurite).with("account_key", "bm90IHRoZSBrZXk=");
    let error = stand.read("csv", "*.csv").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied, "{}", error.report());
}

#[tokio::test]
async fn what_a_store_refuses_is_said_in_words_with_its_code() {
    for (status, code, kind, message, hint) in [
        (
            403,
            "AccessDenied",
            Kind::Denied,
            "no permission to list `ADDRESS`",
            "to read takes the right to get and list objects, to write also put and delete",
        ),
        (
            400,
            "ExpiredToken",
            Kind::Denied,
            "our credentials for `ROOT` have expired",
            "log in again, or use credentials that renew themselves",
        ),
        (
            403,
            "RequestTimeTooSkewed",
            Kind::Denied,
            "`ROOT` says that our clock is wrong",
            "set the clock of this machine; stores allow a difference of some minutes",
        ),
        (
            301,
            "PermanentRedirect",
            Kind::Config,
            "`ROOT` is in another region",
            "set `region` to the one of the bucket, and `endpoint` if there is one",
        ),
        (
            400,
            "AuthorizationHeaderMalformed",
            Kind::Config,
            "`ROOT` is in another region",
            "set `region` to the one of the bucket, and `endpoint` if there is one",
        ),
    ] {
        let stand = Stand::new(At::Moto);
        let body: &'static str = format!("<Error><Code>{code}</Code></Error>").leak();
        stand.gate.rule("*", "", 99, Effect::Answer(status, body));
        let error = stand.read("csv", "*.csv").await.unwrap_err();
        let address = stand.address("");
        let message = message.replace("ROOT", &root(&stand)).replace("ADDRESS", &address);
        assert_eq!((error.kind(), error.message()), (kind, message.as_str()), "{}", error.report());
        assert_eq!(error.advice(), Some(hint));
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_unavailable() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let stand = Stand::new(At::Moto).with("endpoint", &format!("http://{closed}"));
    let error = read(&stand).await;
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(error.message(), format!("`{closed}` cannot be reached"));
}

#[tokio::test]
async fn who_asks_anonymously_reads_what_everybody_may_read() {
    let mut stand = Stand::new(At::Moto);
    let script = "
import sys, boto3
bucket, port = sys.argv[1:]
s3 = boto3.client('s3', endpoint_url=f'http://127.0.0.1:{port}', aws_access_key_id='a', aws_secret_access_key='b', region_name='us-east-1')
s3.put_object(Bucket=bucket, Key='all.csv', Body=b'id,word\\n1,one\\n', ACL='public-read')
s3.put_object(Bucket=bucket, Key='few.csv', Body=b'id,word\\n1,one\\n')
";
    super::servers::python(script, &[&stand.bucket, &super::servers::moto().to_string()]);
    for name in ["access_key_id", "secret_access_key"] {
        stand = stand.with(name, "");
    }
    let stand = stand.with("anonymous", "true");
    assert_eq!(stand.read("csv", "all.csv").await.unwrap(), owned(&[(1, "one")]));
    let error = stand.read("csv", "few.csv").await.unwrap_err();
    assert_eq!(error.message(), format!("no permission to read `{}`", stand.address("few.csv")));
    let place = ("credentials".to_owned(), "none: `anonymous` is set".to_owned());
    assert_eq!(error.places(), [place]);
}

#[tokio::test]
async fn a_file_of_a_web_server_is_read_and_a_glob_on_it_is_refused() {
    let stand = Stand::new(At::Moto);
    let script = "
import sys, boto3
bucket, port = sys.argv[1:]
s3 = boto3.client('s3', endpoint_url=f'http://127.0.0.1:{port}', aws_access_key_id='a', aws_secret_access_key='b', region_name='us-east-1')
s3.put_object(Bucket=bucket, Key='a b.csv', Body=b'id,word\\n1,one\\n', ACL='public-read')
";
    super::servers::python(script, &[&stand.bucket, &super::servers::moto().to_string()]);
    let root = format!("http://127.0.0.1:{}/{}", stand.gate.port, stand.bucket);
    let open = |path: &str| {
        let options = Options::of_arguments(&[("path", path)]);
        named("csv").unwrap().source.unwrap()(&options, &Stand::context()).unwrap()
    };
    let window = crate::source::Window::default();
    let snapshot = open(&format!("{root}/a%20b.csv")).open(&window).await.unwrap();
    assert_eq!(super::stand::rows_of(&*snapshot).await.unwrap(), owned(&[(1, "one")]));
    let error = open(&format!("{root}/*.csv")).schema().await.unwrap_err();
    assert_eq!(error.message(), format!("`{root}` cannot be listed"));
}

#[tokio::test]
async fn a_table_is_never_mixed_with_what_somebody_else_put_there() {
    let stand = Stand::new(At::Moto);
    stand.put("out/t/part-00000.parquet", "not ours").await;
    let error = stand.load("a", Mode::Replace, &[&[(1, "one")]]).await.unwrap_err();
    let message = format!("`{}` holds objects that dhow did not write", stand.address("out/t"));
    assert_eq!((error.kind(), error.message()), (Kind::Refused, message.as_str()));
    assert_eq!(stand.keys().await, ["out/t/part-00000.parquet"]);
    stand.put("out/u.parquet", "not Parquet").await;
    let error = stand.load_into("out/u.parquet", "a", Mode::Replace, &[]).await.unwrap_err();
    let message = format!("`{}` is not a Parquet file", stand.address("out/u.parquet"));
    assert_eq!((error.kind(), error.message()), (Kind::Refused, message.as_str()));
}

#[tokio::test]
async fn a_table_whose_copies_were_removed_does_not_come_back_by_itself() {
    let stand = Stand::new(At::Moto);
    stand.load("a", Mode::Append, &[&[(1, "one")]]).await.unwrap();
    let objects = stand.objects().await;
    for key in stand.keys().await.iter().filter(|key| key.starts_with("out/t/")) {
        let key = object_store::path::Path::parse(key).unwrap();
        object_store::ObjectStoreExt::delete(&*objects, &key).await.unwrap();
    }
    let error = stand.load("b", Mode::Append, &[&[(2, "two")]]).await.unwrap_err();
    let message = format!("`{}` was removed, but its rows were not", stand.address("out/t"));
    assert_eq!((error.kind(), error.message()), (Kind::Refused, message.as_str()));
    stand.load("c", Mode::Replace, &[&[(3, "three")]]).await.unwrap();
    assert_eq!(stand.listed("out/t"), owned(&[(3, "three")]));
}

#[tokio::test]
async fn a_file_of_a_manifest_that_is_gone_is_an_error_and_no_shorter_table() {
    let stand = Stand::new(At::Moto);
    let load = load("a", Mode::Append);
    let sink = stand.sink("out/t", &[("view", "none")]).unwrap();
    sink.prepare(&load).await.unwrap();
    let staged = stage(&sink, &load, &[&[(1, "one")], &[(2, "two")]]).await.unwrap();
    sink.commit(&load, &staged, &high("a")).await.unwrap();
    assert!(!stand.keys().await.iter().any(|key| key.starts_with("out/t/")));
    let keys = stand.keys().await;
    let lost = keys.iter().find(|key| key.contains("/data/")).unwrap();
    let objects = stand.objects().await;
    let key = object_store::path::Path::parse(lost).unwrap();
    object_store::ObjectStoreExt::delete(&*objects, &key).await.unwrap();
    let error = stand.read("parquet", "out/t").await.unwrap_err();
    let message = format!("`{}` is not as it was written", stand.address(lost));
    assert_eq!((error.kind(), error.message()), (Kind::Conflict, message.as_str()));
}

#[test]
fn options_that_fit_no_path_are_problems() {
    let messages = |role, entries: &[(&str, &str)]| -> Vec<String> {
        let problems = (named("parquet").unwrap().check)(&Options::of_arguments(entries), role);
        problems.into_iter().map(|problem| problem.message).collect()
    };
    let (source, sink) = (Role::Source, Role::Sink);
    for (role, entries, expected) in [
        (
            source,
            &[("path", "a"), ("region", "eu")][..],
            "`region` is for paths such as `s3://bucket/folder`",
        ),
        (
            source,
            &[("path", "s3://b/a"), ("account", "x")],
            "`account` is for paths such as `az://container/folder`",
        ),
        (
            source,
            &[("path", "s3://b/a"), ("access_key_id", "x")],
            "`access_key_id` and `secret_access_key` belong together",
        ),
        (
            source,
            &[("path", "s3://b/a"), ("endpoint", "http://minio.example")],
            "`endpoint` is on another machine and not encrypted",
        ),
        (source, &[("path", "s3:///a")], "`s3:///a` names no bucket"),
        (sink, &[("path", "s3://b")], "`s3://b/` cannot be a table"),
        (sink, &[("path", "s3://b/_dhow")], "`s3://b/_dhow` cannot be a table"),
        (sink, &[("path", "https://h/t")], "`https://h/t` can be read, but not written"),
        (
            sink,
            &[("path", "s3://b/t"), ("file_bytes", "5000000000")],
            "`file_bytes` must be at most 4294967296 in a store",
        ),
    ] {
        assert_eq!(messages(role, entries), [expected]);
    }
    assert_eq!(messages(sink, &[("path", "s3://b/t"), ("region", "eu")]), Vec::<String>::new());
}
