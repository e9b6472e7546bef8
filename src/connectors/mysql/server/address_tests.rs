//! What may be written as an address, and what is wrong with it.

use crate::config::Options;
use crate::connectors::Role;
use crate::connectors::mysql::options;
use crate::connectors::mysql::wire::Host;
use crate::network::tls::Mode;

fn problems(options: &[(&str, &str)]) -> Vec<String> {
    let all = [&[("table", "db.t")], options].concat();
    let problems = options::check(&Options::of_arguments(&all), Role::Source);
    problems.into_iter().map(|problem| problem.message).collect()
}

#[test]
fn a_url_is_taken_apart_and_its_password_is_never_shown() {
    let url = "mariadb://an%40n:p%2Fw@[::1]:3307/shop?ssl-mode=VERIFY_CA&connect_timeout=3";
    let options = Options::of_arguments(&[("url", url), ("table", "t")]);
    let (wanted, problems) = options::source(&options);
    assert!(problems.is_empty(), "{problems:?}");
    let address = wanted.server.address();
    assert_eq!(address.host, Host::Tcp("::1".to_owned(), 3307));
    assert_eq!((address.user.as_str(), address.database.as_deref()), ("an@n", Some("shop")));
    assert_eq!(wanted.server.mode(), Mode::VerifyCa);
    assert_eq!(format!("{:?}", wanted.server), "mysql://an@n@[::1]:3307/shop");
    let url = "mysql://ann@localhost/shop?socket=/run/mysqld/mysqld.sock";
    let options = Options::of_arguments(&[("url", url), ("table", "t")]);
    let host = options::source(&options).0.server.address().host.clone();
    assert_eq!(host, Host::Socket("/run/mysqld/mysqld.sock".into()));
}

#[test]
fn a_session_is_verified_in_full_unless_the_server_is_this_machine() {
    for (options, mode) in [
        (vec![("host", "db.example.com")], Mode::VerifyFull),
        (vec![("host", "127.0.0.1")], Mode::Disable),
        (vec![("socket", "/tmp/s")], Mode::Disable),
        (vec![("host", "db.example.com"), ("tls", "require")], Mode::Require),
    ] {
        let options = [options, vec![("user", "ann"), ("table", "a.b")]].concat();
        let (wanted, problems) = options::source(&Options::of_arguments(&options));
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(wanted.server.mode(), mode, "{options:?}");
    }
}

#[test]
fn all_that_is_wrong_with_an_address_is_said_at_once() {
    let missing = "`url`, `host` or `socket` is missing";
    for (options, expected) in [
        (vec![], vec![missing, "`user` is missing"]),
        (
            vec![("url", "postgres://ann@x/y")],
            vec!["`url` must begin with `mysql://` or `mariadb://`"],
        ),
        (vec![("url", "mysql://ann@x/y"), ("host", "z")], vec!["`host` is given beside `url`"]),
        (
            vec![("url", "mysql://ann@x:0/y?ssl-mode=PREFERRED&charset=x")],
            vec![
                "the port in `url` is no number from 1 to 65535",
                "`ssl-mode` in `url` must be one of disabled, required, verify_ca, verify_identity",
                "`url` has a parameter that is not known",
            ],
        ),
        (vec![("url", "mysql://x/y")], vec!["`user` is missing"]),
        (
            vec![("socket", "/s"), ("host", "x"), ("user", "a")],
            vec!["`host` is given beside `socket`"],
        ),
        (
            vec![("host", "a,b"), ("user", "a"), ("overlap", "10m"), ("cursor_zone", "Mars")],
            vec![
                "there is more than one host",
                "`overlap` needs a `cursor`",
                "`cursor_zone` needs a `cursor`",
            ],
        ),
        (
            vec![
                ("host", "a"),
                ("user", "a"),
                ("cursor", "c"),
                ("cursor_zone", "Mars"),
                ("overlap", "much"),
            ],
            vec![
                "`Mars` is not the name of a time zone",
                "`much` is not a unit of time; write 10s, 5m, 24h or 7d",
            ],
        ),
    ] {
        let found = problems(&options);
        assert_eq!(found.len(), expected.len(), "{options:?} {found:?}");
        for message in expected {
            assert!(found.iter().any(|f| f == message), "{message} {found:?}");
        }
    }
}

#[test]
fn a_table_needs_a_database() {
    let options = [("host", "x"), ("user", "a"), ("table", "t")];
    let found = options::check(&Options::of_arguments(&options), Role::Source);
    assert_eq!(found[0].message, "`t` is in no database, and none is given");
}
