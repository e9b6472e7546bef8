//! Running statements: binding them to tables, and computing what they say.

pub(crate) mod aggregate;
pub(crate) mod arithmetic;
pub(crate) mod bind;
pub(crate) mod convert;
pub(crate) mod define;
pub(crate) mod eval;
pub(crate) mod functions;
pub(crate) mod parse;
pub(crate) mod plan;
pub(crate) mod session;
pub(crate) mod source;
pub(crate) mod world;
pub(crate) mod writes;

/// An error as SQL Server tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) number: i32,
    pub(crate) state: u8,
    /// From 20 on the connection ends.
    pub(crate) class: u8,
    pub(crate) text: String,
}

/// The number of a failure that is none: the statement has to wait for another session.
const BLOCKED: i32 = -1;

/// The number of the refusal to read what is not committed.
pub(crate) const DIRTY: i32 = 50_001;

impl Failure {
    pub(crate) fn new(number: i32, text: &str) -> Self {
        let class = match number {
            18_456 | 229 | 230 | 262 | 916 => 14,
            102 | 105 | 156 => 15,
            1205 => 13,
            701 | 802 | 8645 => 17,
            _ => 16,
        };
        Failure { number, state: 1, class, text: text.to_owned() }
    }

    pub(crate) fn syntax(near: &str) -> Self {
        Failure::new(102, &format!("Incorrect syntax near '{near}'."))
    }

    /// Something that SQL Server does and the stand-in does not.
    pub(crate) fn unsupported(what: &str) -> Self {
        Failure::new(50_000, &format!("the stand-in has no {what}"))
    }

    pub(crate) fn no_object(name: &[String]) -> Self {
        Failure::new(208, &format!("Invalid object name '{}'.", name.join(".")))
    }

    pub(crate) fn no_column(name: &str) -> Self {
        Failure::new(207, &format!("Invalid column name '{name}'."))
    }

    pub(crate) fn overflow(to: &str) -> Self {
        Failure::new(
            8115,
            &format!("Arithmetic overflow error converting expression to data type {to}."),
        )
    }

    pub(crate) fn blocked() -> Self {
        Failure::new(BLOCKED, "blocked")
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.number == BLOCKED
    }
}
