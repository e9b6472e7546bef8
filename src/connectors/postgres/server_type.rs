//! A type as the server's catalog knows it; shared by both directions.

/// A type as the server's catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerType {
    /// Its number in `pg_type`; those below 16384 mean the same on every server.
    pub oid: u32,
    /// The modifier of the column, such as precision and scale; -1 when there is none.
    pub modifier: i32,
    /// Its schema, such as `pg_catalog`.
    pub schema: String,
    /// Its name in the catalog, such as `int4`, `_int4` or `mood`.
    pub name: String,
    /// As people write it, with its modifier: `numeric(12,2)`, `integer[]`, `app.mood`.
    pub shown: String,
    /// How it is made.
    pub form: Form,
}

/// How a type is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// One of its own, built in or of an extension.
    Base,
    /// A list of labels.
    Enum,
    /// A row type.
    Composite,
    /// A range or multirange.
    Range,
    /// Another type with constraints.
    Domain(Box<ServerType>),
    /// An array of another type. The number is that of the declared dimensions, at least 1; the
    /// server does not hold anybody to it.
    Array(Box<ServerType>, usize),
}

impl ServerType {
    /// The type below all domains.
    pub(super) fn below_domains(&self) -> &ServerType {
        match &self.form {
            Form::Domain(of) => of.below_domains(),
            _ => self,
        }
    }

    /// Whether its values are amounts of `money`, also in arrays.
    pub(super) fn is_money(&self) -> bool {
        match &self.form {
            Form::Domain(of) | Form::Array(of, _) => of.is_money(),
            _ => self.is_built_in() && self.name == "money",
        }
    }

    /// Whether the server has it without any extension.
    pub(super) fn is_built_in(&self) -> bool {
        self.schema == "pg_catalog"
    }
}

/// A column of a table, view or query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ServerType,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// What was said of it with `comment on column`.
    pub comment: Option<String>,
    /// What the server puts there by itself.
    pub filled: Filled,
}

/// What the server puts into a column by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    /// Nothing.
    Never,
    /// A default or an identity when no value is given.
    Default,
    /// Always: a generated column, which takes no value.
    Always,
}
