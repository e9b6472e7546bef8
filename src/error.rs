//! What can go wrong: a kind (who must act), a place and a hint.
//!
//! Every failure in dhow is an [`Error`]. Its [`Kind`] decides the three policies (is it worth
//! another try, which exit code, what to advise), so that nothing else in the crate looks at the
//! cause. Messages are sentences in lower case without a full stop, with the thing in backticks;
//! places follow as `what: value`; a hint says what to do next.

use std::fmt;
use std::path::Path;

/// The result of everything in dhow that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who must act when something fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The author of the pipeline or the command line: something is written wrongly.
    Config,
    /// The owner of the data: a value or a file is not what it must be.
    Data,
    /// The owner of the machine or the account: access, permission or disk space is missing.
    Denied,
    /// The owner of the source or target: something named does not exist.
    Missing,
    /// Whoever else is at work: the state moved under us, or another process holds it.
    Conflict,
    /// Nobody, perhaps: the other side did not answer. Worth another try.
    Unavailable,
    /// Nobody, perhaps: a quota or a ceiling was reached. Worth another try.
    Limit,
    /// The authors of dhow: this is not built yet, or never will be.
    Unsupported,
    /// The person at the keyboard: the run was interrupted.
    Cancelled,
    /// The owner of the target: its columns and those of the load do not fit each other.
    Drift,
    /// The owner of the data: a check returned rows.
    Check,
    /// The author of the pipeline: the run would destroy something without consent.
    Refused,
    /// The authors of dhow: something that cannot happen has happened.
    Bug,
}

impl Kind {
    /// Every kind, in the order of the manual's table.
    pub const ALL: &[Kind] = &[
        Kind::Config,
        Kind::Data,
        Kind::Denied,
        Kind::Missing,
        Kind::Conflict,
        Kind::Unavailable,
        Kind::Limit,
        Kind::Unsupported,
        Kind::Cancelled,
        Kind::Drift,
        Kind::Check,
        Kind::Refused,
        Kind::Bug,
    ];

    /// Whether the same step may succeed when it is simply tried again.
    pub fn is_transient(self) -> bool {
        matches!(self, Kind::Unavailable | Kind::Limit)
    }

    /// The process exit code, stable since 0.1; README carries the table.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Data | Kind::Denied | Kind::Missing | Kind::Unsupported | Kind::Bug => 1,
            Kind::Config => 2,
            Kind::Drift => 4,
            Kind::Check => 5,
            Kind::Unavailable | Kind::Limit => 6,
            Kind::Conflict | Kind::Refused => 7,
            Kind::Cancelled => 130,
        }
    }

    /// What to do when the error itself carries no hint.
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Kind::Unavailable | Kind::Limit => {
                Some("nothing was published; run again and finished splits are kept")
            }
            Kind::Cancelled => Some("run again to go on from the splits that are finished"),
            Kind::Bug => Some("this is a bug in dhow; please report it with the log"),
            _ => None,
        }
    }

    /// The word used for this kind in JSON output and in the manual.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Config => "config",
            Kind::Data => "data",
            Kind::Denied => "denied",
            Kind::Missing => "missing",
            Kind::Conflict => "conflict",
            Kind::Unavailable => "unavailable",
            Kind::Limit => "limit",
            Kind::Unsupported => "unsupported",
            Kind::Cancelled => "cancelled",
            Kind::Drift => "drift",
            Kind::Check => "check",
            Kind::Refused => "refused",
            Kind::Bug => "bug",
        }
    }
}

/// One line of a text file with the words in question underlined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The file as the user named it.
    pub file: String,
    /// Line number, from 1.
    pub line: usize,
    /// Column of the first underlined character, in characters from 1.
    pub column: usize,
    /// The whole line.
    pub text: String,
    /// How many characters to underline; at least one is drawn.
    pub width: usize,
}

impl Excerpt {
    /// The excerpt around `offset` (in bytes) of `text`, underlining `width` characters.
    pub fn of(file: impl Into<String>, text: &str, offset: usize, width: usize) -> Self {
        let offset = text.floor_char_boundary(offset.min(text.len()));
        let before = &text[..offset];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line_text = text[start..].lines().next().unwrap_or("");
        Excerpt {
            file: file.into(),
            line: before.matches('\n').count() + 1,
            column: text[start..offset].chars().count() + 1,
            text: line_text.to_owned(),
            width,
        }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gutter = self.line.to_string();
        // Tabs keep their width under the caret only when they are repeated there.
        let indent: String = self
            .text
            .chars()
            .take(self.column - 1)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        writeln!(f, "  {}:{}:{}", self.file, self.line, self.column)?;
        writeln!(f, "  {gutter} │ {}", self.text)?;
        write!(
            f,
            "  {:gutter$} │ {indent}{}",
            "",
            "^".repeat(self.width.max(1)),
            gutter = gutter.len()
        )
    }
}

/// A failure: kind, message, places and a hint; possibly a cause, possibly siblings.
///
/// `Display` gives the message alone, for use inside other texts; [`Error::report`] gives the
/// whole block that a person sees.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: Kind,
    message: String,
    places: Vec<(String, String)>,
    excerpt: Option<Excerpt>,
    hint: Option<String>,
    others: Vec<Error>,
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident),+ $(,)?) => {
        impl Error {
            $($(#[$doc])* pub fn $name(message: impl Into<String>) -> Self {
                Self::new(Kind::$kind, message)
            })+
        }
    };
}

constructors! {
    /// A [`Kind::Config`] error.
    config => Config,
    /// A [`Kind::Data`] error.
    data => Data,
    /// A [`Kind::Denied`] error.
    denied => Denied,
    /// A [`Kind::Missing`] error.
    missing => Missing,
    /// A [`Kind::Conflict`] error.
    conflict => Conflict,
    /// A [`Kind::Unavailable`] error.
    unavailable => Unavailable,
    /// A [`Kind::Limit`] error.
    limit => Limit,
    /// A [`Kind::Unsupported`] error.
    unsupported => Unsupported,
    /// A [`Kind::Cancelled`] error.
    cancelled => Cancelled,
    /// A [`Kind::Drift`] error.
    drift => Drift,
    /// A [`Kind::Check`] error.
    check => Check,
    /// A [`Kind::Refused`] error.
    refused => Refused,
    /// A [`Kind::Bug`] error.
    bug => Bug,
}

impl Error {
    /// An error of `kind` with nothing but its message.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            places: Vec::new(),
            excerpt: None,
            hint: None,
            others: Vec::new(),
        }))
    }

    /// The error for an operating-system failure while doing `action` (such as "read") to `path`.
    pub fn io(error: &std::io::Error, action: &str, path: &Path) -> Self {
        use std::io::ErrorKind::*;
        let shown = path.display();
        let (kind, message) = match error.kind() {
            NotFound if matches!(action, "create" | "make" | "write") => {
                let message = format!("could not {action} `{shown}`: there is no folder for it");
                (Kind::Missing, message)
            }
            NotFound => (Kind::Missing, format!("`{shown}` does not exist")),
            PermissionDenied | ReadOnlyFilesystem => {
                (Kind::Denied, format!("no permission to {action} `{shown}`"))
            }
            StorageFull | QuotaExceeded => {
                (Kind::Denied, format!("the disk is full; could not {action} `{shown}`"))
            }
            FileTooLarge => {
                let message = format!("`{shown}` would be larger than the system lets files be");
                (Kind::Denied, message)
            }
            Interrupted | TimedOut => (Kind::Unavailable, format!("could not {action} `{shown}`")),
            _ => (Kind::Data, format!("could not {action} `{shown}`")),
        };
        Error::new(kind, message).at("system", error)
    }

    /// Adds a place: what it is and where.
    pub fn at(mut self, what: impl Into<String>, value: impl fmt::Display) -> Self {
        self.0.places.push((what.into(), value.to_string()));
        self
    }

    /// Sets what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Sets the line of text to show.
    pub fn excerpt(mut self, excerpt: Excerpt) -> Self {
        self.0.excerpt = Some(excerpt);
        self
    }

    /// Makes one error of several that happened side by side; the first one leads.
    ///
    /// # Panics
    /// Never: an empty list gives a [`Kind::Bug`] error.
    pub fn several(errors: Vec<Error>) -> Self {
        let mut errors = errors.into_iter();
        let Some(mut first) = errors.next() else {
            return Error::bug("several errors were reported, but none was given");
        };
        first.0.others.extend(errors);
        first
    }

    /// Who must act.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The message alone.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The places, in the order in which they were added.
    pub fn places(&self) -> &[(String, String)] {
        &self.0.places
    }

    /// The line of text in question, if there is one.
    pub fn shown_excerpt(&self) -> Option<&Excerpt> {
        self.0.excerpt.as_ref()
    }

    /// What to do next, if anything is known.
    pub fn advice(&self) -> Option<&str> {
        self.0.hint.as_deref().or(self.0.kind.advice())
    }

    /// Errors that happened beside this one.
    pub fn others(&self) -> &[Error] {
        &self.0.others
    }

    /// The block that a person sees, without colour and without a final line end.
    pub fn report(&self) -> String {
        let mut text = format!("error: {}\n", self.0.message);
        if let Some(excerpt) = &self.0.excerpt {
            text.push_str(&format!("{excerpt}\n"));
        }
        let width = self.0.places.iter().map(|(what, _)| what.chars().count()).max().unwrap_or(0);
        for (what, value) in &self.0.places {
            let label = format!("{what}:");
            text.push_str(&format!("  {label:<width$} {value}\n", width = width + 1));
        }
        if let Some(hint) = self.advice() {
            text.push_str(&format!("\nhint: {hint}\n"));
        }
        for other in &self.0.others {
            text.push_str(&format!("\n{}\n", other.report()));
        }
        text.trim_end().to_owned()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

/// Adds places and hints on the way up.
pub trait ResultExt<T> {
    /// Adds a place to the error, if there is one.
    fn at(self, what: &str, value: impl fmt::Display) -> Result<T>;
}

impl<T> ResultExt<T> for Result<T> {
    fn at(self, what: &str, value: impl fmt::Display) -> Result<T> {
        self.map_err(|error| error.at(what, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_shows_message_excerpt_places_and_hint() {
        let sql = "select *\nfrom order_item\n";
        let error = Error::config("model `m` reads `order_item`, which nothing provides")
            .excerpt(Excerpt::of("sql/m.sql", sql, 14, 10))
            .at("model", "m")
            .hint("did you mean `order_items`?");
        assert_eq!(
            error.report(),
            "error: model `m` reads `order_item`, which nothing provides\n  \
             sql/m.sql:2:6\n  2 │ from order_item\n    │      ^^^^^^^^^^\n  \
             model: m\n\nhint: did you mean `order_items`?"
        );
    }

    #[test]
    fn only_two_kinds_are_worth_another_try() {
        let transient: Vec<_> = Kind::ALL.iter().filter(|k| k.is_transient()).collect();
        assert_eq!(transient, [&Kind::Unavailable, &Kind::Limit]);
    }

    #[test]
    fn an_excerpt_counts_characters_and_survives_an_offset_past_the_end() {
        let excerpt = Excerpt::of("f", "größe x", 8, 1);
        assert_eq!((excerpt.line, excerpt.column), (1, 7));
        let excerpt = Excerpt::of("f", "a\nb", 99, 0);
        assert_eq!((excerpt.line, excerpt.column), (2, 2));
    }
}
