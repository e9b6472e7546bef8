//! `reader: connectorx`: a source of one connector that is read through another one.
//!
//! The options of the one are made those of the other; nothing else of either is known here.

use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Connector, Context, OptionDoc, named};
use crate::config::{Node, Options, Place, Problem, Role, Value};
use crate::error::{Error, Result};
use crate::source::Source;

/// The other connector, which is known by its name alone.
const CONNECTORX: &str = "connectorx";

/// The connectors that can be read through connectorx, and the scheme of their URLs there.
const SCHEMES: &[(&str, &str)] =
    &[("mysql", "mysql"), ("postgres", "postgresql"), ("sqlite", "sqlite"), ("sqlserver", "mssql")];

/// The options that mean the same on both roads.
const SAME: &[&str] = &["table", "query", "split_by", "columns", "partitions", "batch_rows"];

/// The options that tell where a database is.
const ADDRESS: &[&str] = &["url", "host", "port", "database", "user", "password", "path"];

/// How sources of these connectors are read, for the manual.
const READER: OptionDoc = OptionDoc {
    name: "reader",
    role: Some(Role::Source),
    default: Some("dhow"),
    summary: "dhow, or connectorx: through that crate, with the options of `type: connectorx`",
};

/// The options of `connector`, in the order of the manual.
pub fn options(connector: &Connector) -> Vec<OptionDoc> {
    let reader = scheme(connector.name).map(|_| READER);
    connector.options.iter().copied().chain(reader).collect()
}

/// Everything that is wrong with `options` as those of a source or sink of the connector `name`.
pub fn check(name: &str, options: &Options, role: Role) -> Vec<Problem> {
    let Some(connector) = named(name) else { return Vec::new() };
    match road(connector, options, role) {
        Road::Own => (connector.check)(options, role),
        Road::OwnWithout(options) => (connector.check)(&options, role),
        Road::Connectorx(options, problems) if problems.is_empty() => {
            named(CONNECTORX).map_or_else(Vec::new, |other| (other.check)(&options, role))
        }
        Road::Connectorx(_, problems) => problems,
    }
}

/// Opens the source that `options` describe; they have been checked.
///
/// # Errors
/// When there is no such source, or `connector` cannot be read.
pub fn source(
    connector: &Connector,
    options: &Options,
    context: &Context,
) -> Result<Arc<dyn Source>> {
    let (chosen, options) = match road(connector, options, Role::Source) {
        Road::Own => (Some(connector), options.clone()),
        Road::OwnWithout(options) => (Some(connector), options),
        Road::Connectorx(options, _) => (named(CONNECTORX), options),
    };
    let open = chosen
        .and_then(|chosen| chosen.source)
        .ok_or_else(|| Error::config(format!("connector `{}` cannot be read", connector.name)))?;
    open(&options, context)
}

fn scheme(connector: &str) -> Option<&'static str> {
    SCHEMES.iter().find(|(name, _)| *name == connector).map(|(_, scheme)| *scheme)
}

/// Who reads.
enum Road {
    /// The connector, with its options as they are.
    Own,
    /// The connector, with its options but `reader`.
    OwnWithout(Options),
    /// connectorx, with these options, and what is wrong with them.
    Connectorx(Options, Vec<Problem>),
}

fn road(connector: &Connector, options: &Options, role: Role) -> Road {
    let chosen = options.entries().iter().find(|(key, ..)| key == "reader");
    let (Some((_, place, node)), Some(scheme), Role::Source) =
        (chosen, scheme(connector.name), role)
    else {
        return Road::Own;
    };
    match &node.value {
        Value::Scalar { text, .. } if text == "dhow" => Road::OwnWithout(without_reader(options)),
        Value::Scalar { text, .. } if text == "connectorx" => {
            let problems = unknown(connector, options);
            Road::Connectorx(translated(options, place, scheme), problems)
        }
        _ => {
            let message = format!("`reader` must be one of dhow, connectorx, not {}", node.shown());
            let problems = vec![Problem::new(&node.place, message)];
            Road::Connectorx(without_reader(options), problems)
        }
    }
}

fn without_reader(options: &Options) -> Options {
    let entries = options.entries().iter().filter(|(key, ..)| key != "reader").cloned();
    Options::new(options.place().clone(), entries.collect())
}

/// The options of `connector` that connectorx has no use for.
fn unknown(connector: &Connector, options: &Options) -> Vec<Problem> {
    let known = |key: &str| key == "reader" || SAME.contains(&key) || ADDRESS.contains(&key);
    let own = |key: &str| connector.options.iter().any(|option| option.name == key);
    let lost = options.entries().iter().filter(|(key, ..)| !known(key) && own(key));
    lost.map(|(key, place, _)| {
        Problem::new(place, format!("`{key}` is none of what `reader: connectorx` can do"))
            .hint(format!("leave it out, or leave out `reader`: dhow's own reader knows `{key}`"))
    })
    .collect()
}

/// `options` as those of connectorx: what tells where the database is becomes a `url`.
fn translated(options: &Options, place: &Place, scheme: &str) -> Options {
    let entries = options.entries();
    let text = |name: &str| match entries.iter().find(|(key, ..)| key == name).map(|e| &e.2.value) {
        Some(Value::Scalar { text, .. }) => Some(text.as_str()),
        _ => None,
    };
    let url = match (text("url"), text("path"), text("host")) {
        (Some(url), ..) => Some(with_scheme(url, scheme)),
        (None, Some(path), _) => Some(format!("{scheme}://{}", encoded(path))),
        (None, None, Some(host)) => Some(assembled(scheme, host, text)),
        (None, None, None) => None,
    };
    let kept = entries.iter().filter(|(key, ..)| key != "reader" && !ADDRESS.contains(&&**key));
    let url = url.map(|url| ("url".to_owned(), place.clone(), Node::argument(url, place)));
    Options::new(options.place().clone(), kept.cloned().chain(url).collect())
}

/// `url` with `scheme`: connectorx has names of its own.
fn with_scheme(url: &str, scheme: &str) -> String {
    match url.split_once("://") {
        Some((_, rest)) => format!("{scheme}://{rest}"),
        None => url.to_owned(),
    }
}

fn assembled<'a>(scheme: &str, host: &str, text: impl Fn(&str) -> Option<&'a str>) -> String {
    let user = text("user").map(encoded).unwrap_or_default();
    let password = text("password").map(|p| format!(":{}", encoded(p))).unwrap_or_default();
    let login = if user.is_empty() { String::new() } else { format!("{user}{password}@") };
    // The folder of a Unix socket is written as a host; an address of version 6 stands in brackets.
    let is_six = host.contains(':') && !host.starts_with('[');
    let host = if host.starts_with('/') { encoded(host) } else { host.to_owned() };
    let host = if is_six { format!("[{host}]") } else { host };
    let port = text("port").map(|port| format!(":{port}")).unwrap_or_default();
    let database = text("database").map(encoded).unwrap_or_default();
    format!("{scheme}://{login}{host}{port}/{database}")
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(connector: &str, entries: &[(&str, &str)]) -> String {
        let options = Options::of_arguments(entries);
        let place = options.place().clone();
        let translated = translated(&options, &place, scheme(connector).unwrap());
        let url = translated.entries().iter().find(|(key, ..)| key == "url").unwrap();
        match &url.2.value {
            Value::Scalar { text, .. } => text.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_address_becomes_a_url() {
        let parts = [
            ("host", "db"),
            ("port", "5433"),
            ("user", "a b"),
            ("password", "p/w"),
            ("database", "shop"),
        ];
        assert_eq!(url("postgres", &parts), "postgresql://a%20b:p%2Fw@db:5433/shop");
        assert_eq!(url("sqlserver", &[("url", "sqlserver://sa@db/shop")]), "mssql://sa@db/shop");
        assert_eq!(url("sqlite", &[("path", "in/a b.db")]), "sqlite://in%2Fa%20b%2Edb");
        assert_eq!(url("postgres", &[("host", "/run/pg")]), "postgresql://%2Frun%2Fpg/");
        assert_eq!(url("mysql", &[("host", "::1"), ("database", "a")]), "mysql://[::1]/a");
    }

    #[test]
    fn what_connectorx_cannot_do_is_said_by_name() {
        let options = |entries: &[(&str, &str)]| {
            let problems = check("sqlite", &Options::of_arguments(entries), Role::Source);
            problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>()
        };
        let read = [("path", "a.db"), ("table", "t"), ("reader", "connectorx")];
        assert_eq!(options(&read), Vec::<String>::new());
        assert_eq!(options(&[&read[..2], &[("reader", "dhow")]].concat()), Vec::<String>::new());
        assert_eq!(
            options(&[&read[..], &[("cursor", "id")]].concat()),
            ["`cursor` is none of what `reader: connectorx` can do"]
        );
        assert_eq!(
            options(&[&read[..2], &[("reader", "odbc")]].concat()),
            ["`reader` must be one of dhow, connectorx, not `odbc`"]
        );
        assert_eq!(
            options(&[&read[..], &[("cursr", "id")]].concat()),
            ["there is no option `cursr`"]
        );
    }

    #[test]
    fn the_manual_has_the_option_where_it_is_known() {
        let knows =
            |name| options(named(name).unwrap()).iter().any(|option| option.name == "reader");
        assert!(knows("postgres") && knows("sqlite") && !knows("memory"));
    }
}
