//! The tree of a statement.

use super::super::store::kind::Kind;
use super::super::store::value::Value;

/// A name in parts: database, schema, table.
pub(crate) type Name = Vec<String>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Literal(Kind, Value),
    Column(Name),
    Variable(String),
    /// `-x`, `~x`, `not x`.
    Unary(&'static str, Box<Expr>),
    Binary(Box<Expr>, &'static str, Box<Expr>),
    IsNull(Box<Expr>),
    InList(Box<Expr>, Vec<Expr>),
    InQuery(Box<Expr>, Box<Query>),
    Exists(Box<Query>),
    Like(Box<Expr>, Box<Expr>, Option<Box<Expr>>),
    Case(Option<Box<Expr>>, Vec<(Expr, Expr)>, Option<Box<Expr>>),
    /// `cast` and `convert`: the value, the type, the style, and whether a failure is NULL.
    Cast(Box<Expr>, Kind, Option<Box<Expr>>, bool),
    Call(Call),
    Query(Box<Query>),
    Collate(Box<Expr>, String),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// In lower case, with dots.
    pub(crate) name: String,
    pub(crate) args: Vec<Expr>,
    pub(crate) star: bool,
    pub(crate) distinct: bool,
    /// `over (partition by … order by …)`.
    pub(crate) over: Option<(Vec<Expr>, Vec<Sort>)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sort {
    pub(crate) by: Expr,
    pub(crate) descending: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub(crate) with: Vec<(String, Vec<String>, Query)>,
    pub(crate) body: Body,
    pub(crate) order: Vec<Sort>,
    pub(crate) offset: Option<Expr>,
    pub(crate) fetch: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    Select(Box<Select>),
    Values(Vec<Vec<Expr>>),
    /// `union`, `union all`, `except`, `intersect`.
    Both(Box<Query>, &'static str, Box<Query>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Select {
    pub(crate) distinct: bool,
    pub(crate) top: Option<Expr>,
    pub(crate) items: Vec<Item>,
    pub(crate) into: Option<Name>,
    pub(crate) from: Vec<Source>,
    pub(crate) filter: Option<Expr>,
    pub(crate) group: Vec<Expr>,
    pub(crate) having: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Star(Option<String>),
    Expr(Expr, Option<String>),
    /// `@name = expression`.
    Assign(String, Expr),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    Table(Name, Option<String>, Vec<String>),
    Query(Query, String, Vec<String>),
    Function(Name, Vec<Expr>, Option<String>),
    Join(Box<Source>, Join, Box<Source>, Option<Expr>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Join {
    Inner,
    Left,
    Right,
    Full,
    Apply,
    OuterApply,
}

/// A column as CREATE TABLE has it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ColumnText {
    pub(crate) name: String,
    pub(crate) kind: Option<Kind>,
    pub(crate) collation: Option<String>,
    pub(crate) nullable: Option<bool>,
    pub(crate) identity: Option<(i64, i64)>,
    pub(crate) default: Option<Expr>,
    pub(crate) computed: Option<Expr>,
    pub(crate) computed_text: String,
    pub(crate) persisted: bool,
    pub(crate) primary: bool,
    pub(crate) unique: bool,
    pub(crate) sparse: bool,
    pub(crate) hidden: bool,
    /// 1 and 2: the period of a temporal table.
    pub(crate) generated: u8,
    pub(crate) mask: Option<String>,
    pub(crate) encrypted: bool,
    pub(crate) column_set: bool,
    pub(crate) file_stream: bool,
}

/// An index as CREATE INDEX, or a constraint, has it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct IndexText {
    pub(crate) name: Option<String>,
    pub(crate) columns: Vec<(String, bool)>,
    pub(crate) included: Vec<String>,
    pub(crate) unique: bool,
    pub(crate) primary: bool,
    pub(crate) clustered: Option<bool>,
    pub(crate) filter: Option<Expr>,
    pub(crate) constraint: bool,
    pub(crate) columnstore: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Alter {
    Add(Vec<ColumnText>),
    AddIndex(IndexText),
    DropColumn(Vec<String>),
    Retype(ColumnText),
    DropConstraint(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Statement {
    Query(Query),
    Insert {
        into: Name,
        columns: Vec<String>,
        rows: Option<Query>,
    },
    Update {
        what: Name,
        set: Vec<(String, Expr)>,
        from: Vec<Source>,
        filter: Option<Expr>,
    },
    Delete {
        what: Name,
        from: Vec<Source>,
        filter: Option<Expr>,
    },
    Truncate(Name),
    CreateTable {
        name: Name,
        columns: Vec<ColumnText>,
        indexes: Vec<IndexText>,
        options: Vec<String>,
    },
    CreateView {
        name: Name,
        columns: Vec<String>,
        query: Query,
        text: String,
        options: Vec<String>,
    },
    CreateIndex(Name, IndexText),
    CreateSchema(String),
    CreateSynonym(Name, Name),
    CreatePolicy(String, Name),
    CreateDatabase {
        name: String,
        snapshot_of: Option<String>,
        collation: Option<String>,
    },
    AlterTable(Name, Alter),
    AlterDatabase(Option<String>, Vec<(String, String)>),
    Drop {
        what: String,
        names: Vec<Name>,
        if_exists: bool,
    },
    Begin,
    Commit,
    Rollback,
    Isolation(String),
    IdentityInsert(Name, bool),
    /// A setting that is written down: name and value.
    Set(String, String),
    Assign(String, Expr),
    Declare(Vec<(String, Kind, Option<Expr>)>),
    Use(String),
    Wait(Expr),
    Print(Expr),
    Raise(Vec<Expr>),
    If(Expr, Box<Statement>, Option<Box<Statement>>),
    While(Expr, Box<Statement>),
    Block(Vec<Statement>),
    Break,
    Execute(Name, Vec<(Option<String>, Expr)>),
    ExecuteText(Expr),
    /// `deny select`/`grant select`/`revoke select`: verb, columns, table, to whom.
    Permission(String, Vec<String>, Name, String),
    Nothing,
}
