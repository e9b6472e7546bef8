//! What a URL and single options say.

use std::time::Duration;

use super::Server;
use super::address::Host;
use crate::config::Options;
use crate::network::tls::Mode;

/// Everything that the options say, in one line, or their problems.
fn read(options: &[(&str, &str)]) -> Result<String, Vec<String>> {
    let options = Options::of_arguments(options);
    let reader = options.reader();
    let server = Server::read(&reader);
    let problems = reader.finish();
    match problems.is_empty() {
        true => Ok(format!("{server:?}, {:?}", server.mode())),
        false => Err(problems.into_iter().map(|problem| problem.message).collect()),
    }
}

#[test]
fn a_url_is_taken_apart_and_shown_without_its_password() {
    let cases = [
        ("postgres://db.example.com", "postgres://db.example.com:5432/, VerifyFull"),
        ("postgresql://u@h:5/d", "postgres://u@h:5/d, VerifyFull"),
        ("postgres://u:hunter2@localhost/d", "postgres://u@localhost:5432/d, Disable"),
        ("postgres://u%40x:a%3A%2F%40b@h/d%20e", "postgres://u@x@h:5432/d e, VerifyFull"),
        ("postgres://u@[::1]:5/d", "postgres://u@[::1]:5/d, Disable"),
        ("postgres://u@[fe80::2]/d", "postgres://u@[fe80::2]:5432/d, VerifyFull"),
        ("postgres://u@%2Ftmp%2Fa:5/d", "postgres://u@/tmp/a:5/d, Disable"),
        ("postgres:///d?host=/tmp/a", "postgres:///tmp/a:5432/d, Disable"),
        ("postgres://h/d?sslmode=require&connect_timeout=3", "postgres://h:5432/d, Require"),
        ("postgres://127.0.0.2/d?sslmode=verify-ca", "postgres://127.0.0.2:5432/d, VerifyCa"),
    ];
    for (url, shown) in cases {
        assert_eq!(read(&[("url", url)]), Ok(shown.to_owned()), "{url}");
    }
}

#[test]
fn single_options_say_the_same() {
    let options = [("host", "::1"), ("port", "5"), ("database", "d"), ("user", "u")];
    assert_eq!(read(&options), Ok("postgres://u@[::1]:5/d, Disable".to_owned()));
    assert_eq!(
        read(&[("host", "/run/pg"), ("tls", "require")]),
        Ok("postgres:///run/pg:5432/, Require".to_owned())
    );
}

#[test]
fn what_is_wrong_is_named_all_at_once_and_never_shows_the_url() {
    type Given = &'static [(&'static str, &'static str)];
    let cases: &[(Given, &[&str])] = &[
        (&[], &["`url` or `host` is missing"]),
        (&[("url", "mysql://u:hunter2@h")], &["`url` must begin with `postgres://`"]),
        (
            &[("url", "postgres://u:hun/ter2@h/d")],
            &["the port in `url` is no number from 1 to 65535"],
        ),
        (&[("url", "postgres://u:hun#ter2@h/d")], &["there is a `#` in `url`"]),
        (
            &[("url", "postgres://u:hunter2%@h/d")],
            &["there is a `%` in `url` that no two fitting digits follow"],
        ),
        (
            &[("url", "postgres://u:%ffhunter2@h/d")],
            &["there is a `%` in `url` that no two fitting digits follow"],
        ),
        (&[("url", "postgres:///d")], &["there is no host in `url`"]),
        (&[("url", "postgres://a:1,b:2/d")], &["there is more than one host"]),
        (
            &[("url", "postgres://h:0/d?sslmode=prefer&x=hunter2&options=-c&host=b")],
            &[
                "the port in `url` is no number from 1 to 65535",
                "`sslmode` in `url` must be one of disable, require, verify-ca, verify-full",
                "`url` has a parameter that is not known",
                "`options` cannot be set in `url`",
                "`host` behind the `?` of `url` is no folder of a socket",
            ],
        ),
        (
            &[("url", "postgres://u:hunter2@h/d"), ("user", "v"), ("password_file", "p")],
            &["`user` is given beside `url`", "the password is given more than once"],
        ),
        (
            &[("url", "postgres://h/d?sslmode=require"), ("tls", "verify-full")],
            &["`sslmode` in `url` asks for less than `tls`"],
        ),
        (
            &[("host", "localhost"), ("tls_ca", "a"), ("tls_key", "b")],
            &[
                "`tls_key` is given, but not `tls_cert`",
                "`tls_ca` is given, but this session is not encrypted",
                "`tls_key` is given, but this session is not encrypted",
            ],
        ),
        (
            &[("host", "a,b"), ("port", "70000"), ("connect_timeout", "10"), ("wait_for", "3")],
            &[
                "`port` must be a whole number from 1 to 65535, not `70000`",
                "there is more than one host",
                "`connect_timeout` must be a duration such as 500ms, 10s, 15m or 24h, not `10`",
                "`wait_for` must be a map, not `3`",
            ],
        ),
    ];
    for (options, messages) in cases {
        let found = read(options).unwrap_err();
        assert_eq!(found, *messages, "{options:?}");
        assert!(!found.concat().contains("hun"), "{found:?}");
    }
}

#[test]
fn only_this_machine_is_local() {
    let local = ["localhost", "127.0.0.1", "127.8.0.1", "::1"];
    let remote = ["localhost.example.com", "10.0.0.1", "::2", "db", "0.0.0.0"];
    for (names, expected) in [(&local[..], true), (&remote, false)] {
        for name in names {
            assert_eq!(Host::Tcp((*name).to_owned()).is_local(), expected, "{name}");
        }
    }
    assert!(Mode::Disable < Mode::Require && Mode::VerifyCa < Mode::VerifyFull);
}

#[test]
fn a_time_of_zero_seconds_is_refused_where_it_would_mean_never() {
    let options = Options::of_arguments(&[("a", "0"), ("b", "1.5s")]);
    let reader = options.reader();
    assert_eq!(reader.duration("a", Duration::MAX), Duration::ZERO);
    assert_eq!(reader.duration("b", Duration::MAX), Duration::from_millis(1500));
    assert_eq!(
        read(&[("host", "a"), ("connect_timeout", "0")]),
        Err(vec!["`connect_timeout` must be more than 0".to_owned()])
    );
}
