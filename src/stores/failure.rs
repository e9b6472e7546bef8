//! What went wrong with a store, as the house's errors.
//!
//! A store says why it refuses in a code such as `NoSuchBucket`; the code and its sentence are
//! shown, never the whole answer.

use std::error::Error as StdError;

use crate::error::Error;
use crate::network::http;

/// Whom we talk to, and as whom.
#[derive(Debug, Clone)]
pub(super) struct Party {
    /// The bucket, such as `s3://bucket`.
    pub(super) root: String,
    /// Host and port of the store, for people.
    pub(super) server: String,
    /// Where our credentials come from.
    pub(super) credentials: String,
    /// Where credentials may be given, for a hint.
    pub(super) ways: &'static str,
}

/// What is wrong, by the code of the store: codes of S3, Google and Azure.
enum Cause {
    Bucket,
    NoKey,
    Unknown,
    Expired,
    Clock,
    Region,
    Permission,
    Busy,
    Unconditional,
}

const CODES: &[(&str, Cause)] = &[
    ("NoSuchBucket", Cause::Bucket),
    ("ContainerNotFound", Cause::Bucket),
    ("ResourceNotFound", Cause::Bucket),
    ("ExpiredToken", Cause::Expired),
    ("TokenRefreshRequired", Cause::Expired),
    ("RequestTimeTooSkewed", Cause::Clock),
    ("RequestExpired", Cause::Clock),
    ("InvalidAccessKeyId", Cause::Unknown),
    ("InvalidToken", Cause::Unknown),
    ("SignatureDoesNotMatch", Cause::Unknown),
    ("AuthenticationFailed", Cause::Unknown),
    ("AuthenticationRequired", Cause::Unknown),
    ("NoAuthenticationInformation", Cause::Unknown),
    ("InvalidSecurity", Cause::Unknown),
    ("PermanentRedirect", Cause::Region),
    ("AuthorizationHeaderMalformed", Cause::Region),
    ("IllegalLocationConstraintException", Cause::Region),
    ("TemporaryRedirect", Cause::Region),
    ("AccessDenied", Cause::Permission),
    ("AllAccessDisabled", Cause::Permission),
    ("AccountProblem", Cause::Permission),
    ("AuthorizationFailure", Cause::Permission),
    ("AuthorizationPermissionMismatch", Cause::Permission),
    ("InsufficientAccountPermissions", Cause::Permission),
    ("PublicAccessNotPermitted", Cause::Permission),
    ("SlowDown", Cause::Busy),
    ("ServerBusy", Cause::Busy),
    ("NotImplemented", Cause::Unconditional),
];

/// The error for a store that failed while doing `action` (such as "write") to the object `shown`.
pub(super) fn of(error: &object_store::Error, action: &str, shown: &str, party: &Party) -> Error {
    let text = error.to_string();
    let known = code(&text);
    let cause = known.and_then(|known| CODES.iter().find(|(code, _)| *code == known));
    let failed = match cause {
        Some((_, cause)) => of_cause(cause, action, shown, party),
        None if has_no_credentials(&text) => of_cause(&Cause::NoKey, action, shown, party),
        None => of_store(error, &text, action, shown, party),
    };
    let failed = match known {
        Some(code) => failed.at("code", code.escape_debug()),
        None => failed,
    };
    match sentence(&text) {
        Some(said) => failed.at("store", said),
        None => failed,
    }
}

fn of_cause(cause: &Cause, action: &str, shown: &str, party: &Party) -> Error {
    let (root, from) = (&party.root, &party.credentials);
    match cause {
        Cause::Bucket => Error::missing(format!("there is no bucket `{root}`"))
            .at("server", &party.server)
            .hint("look at its name, and at `endpoint` and `region` or `account`"),
        Cause::NoKey => Error::denied(format!("no credentials for `{root}` were found"))
            .at("looked for", party.ways)
            .hint("give one of these, or `anonymous: true` for what everybody may read"),
        Cause::Unknown => Error::denied(format!("`{root}` does not know our credentials"))
            .at("credentials", from)
            .hint("look at key and secret; a character may be missing"),
        Cause::Expired => Error::denied(format!("our credentials for `{root}` have expired"))
            .at("credentials", from)
            .hint("log in again, or use credentials that renew themselves"),
        Cause::Clock => Error::denied(format!("`{root}` says that our clock is wrong"))
            .at("here", jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ"))
            .hint("set the clock of this machine; stores allow a difference of some minutes"),
        Cause::Region => Error::config(format!("`{root}` is in another region"))
            .at("server", &party.server)
            .hint("set `region` to the one of the bucket, and `endpoint` if there is one"),
        Cause::Permission => Error::denied(format!("no permission to {action} `{shown}`"))
            .at("credentials", from)
            .hint("to read takes the right to get and list objects, to write also put and delete"),
        Cause::Busy => Error::unavailable(format!("`{root}` asks us to slow down"))
            .at("tried to", format!("{action} `{shown}`")),
        Cause::Unconditional => {
            Error::unsupported(format!("`{root}` cannot {action} `{shown}` in the way asked for"))
        }
    }
}

/// Without a code, what is known of the answer decides.
fn of_store(
    error: &object_store::Error,
    text: &str,
    action: &str,
    shown: &str,
    party: &Party,
) -> Error {
    use object_store::Error as Store;
    if let Some(lost) = connection(error) {
        return http::failed(&party.server, lost).at("tried to", format!("{action} `{shown}`"));
    }
    match error {
        Store::NotFound { .. } => Error::missing(format!("`{shown}` does not exist")),
        Store::PermissionDenied { .. } => of_cause(&Cause::Permission, action, shown, party),
        Store::Unauthenticated { .. } => of_cause(&Cause::Unknown, action, shown, party),
        Store::Precondition { .. } | Store::AlreadyExists { .. } => {
            Error::conflict(format!("somebody else changed `{shown}` at the same time"))
        }
        Store::InvalidPath { source } => {
            Error::unsupported(format!("`{}` holds names that cannot be read", party.root))
                .at("name", source)
                .hint("such as with `//` in them; read another folder")
        }
        Store::NotImplemented { .. } | Store::NotSupported { .. } => {
            of_cause(&Cause::Unconditional, action, shown, party)
        }
        _ if text.contains("Received redirect") => of_cause(&Cause::Region, action, shown, party),
        _ => match status(text) {
            Some(status) => Error::unavailable(format!("could not {action} `{shown}`"))
                .at("answer", status)
                .at("server", &party.server),
            None => Error::unavailable(format!("could not {action} `{shown}`"))
                .at("server", &party.server)
                .at("reason", last(error)),
        },
    }
}

/// The failure of the connection, if it is one.
fn connection(error: &object_store::Error) -> Option<&reqwest::Error> {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<reqwest::Error>() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// The innermost cause, which has no URL.
fn last(error: &object_store::Error) -> String {
    let mut cause: &(dyn StdError + 'static) = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string().chars().take(300).flat_map(char::escape_debug).collect()
}

/// Whether the addresses were asked that give credentials to programs on machines of a cloud.
fn has_no_credentials(text: &str) -> bool {
    let places = [
        "/latest/api/token",
        "/latest/meta-data/",
        "169.254.170.2",
        "/computeMetadata/",
        "/metadata/identity/",
    ];
    places.iter().any(|place| text.contains(place))
}

/// What stands between `<Code>` and `</Code>`.
fn code(text: &str) -> Option<&str> {
    between(text, "<Code>", "</Code>").or_else(|| between(text, "\"code\":\"", "\""))
}

/// The sentence of the store: its first line, as far as it can be shown.
fn sentence(text: &str) -> Option<String> {
    let said = between(text, "<Message>", "</Message>")?;
    let line = said.lines().next()?.trim();
    Some(line.chars().take(300).flat_map(char::escape_debug).collect())
}

fn status(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("non-2xx status code: ")?;
    Some(rest.split([':', ',']).next()?.trim().to_owned())
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(begin)?;
    Some(rest.split_once(end)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn said(text: &str) -> Error {
        let party = Party {
            root: "s3://b".to_owned(),
            server: "s3.example".to_owned(),
            credentials: "the options".to_owned(),
            ways: "`access_key_id`",
        };
        let error = object_store::Error::Generic { store: "S3", source: text.into() };
        of(&error, "read", "s3://b/x", &party)
    }

    #[test]
    fn a_code_of_the_store_decides_what_is_said() {
        for (code, kind, message) in [
            ("NoSuchBucket", Kind::Missing, "there is no bucket `s3://b`"),
            ("ExpiredToken", Kind::Denied, "our credentials for `s3://b` have expired"),
            ("RequestTimeTooSkewed", Kind::Denied, "`s3://b` says that our clock is wrong"),
            ("SlowDown", Kind::Unavailable, "`s3://b` asks us to slow down"),
            ("PermanentRedirect", Kind::Config, "`s3://b` is in another region"),
            ("AccessDenied", Kind::Denied, "no permission to read `s3://b/x`"),
            ("Odd", Kind::Unavailable, "could not read `s3://b/x`"),
        ] {
            let body = format!("<Error><Code>{code}</Code><Message>As\nit is</Message></Error>");
            let error = said(&body);
            assert_eq!((error.kind(), error.message()), (kind, message));
            assert!(error.places().contains(&("code".to_owned(), code.to_owned())));
            assert!(error.places().contains(&("store".to_owned(), "As".to_owned())));
        }
    }

    #[test]
    fn a_machine_without_credentials_is_told_where_they_were_looked_for() {
        let error = said("Error performing PUT http://169.254.169.254/latest/api/token");
        assert_eq!(error.message(), "no credentials for `s3://b` were found");
        assert_eq!(error.places(), [("looked for".to_owned(), "`access_key_id`".to_owned())]);
    }
}
