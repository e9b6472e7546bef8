//! Tables, and the databases that hold them. All of it is shared: a reader keeps the version that
//! it saw, and a writer makes another.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::run::Failure;
use super::super::sql::ast::{Expr, IndexText, Name, Query};
use super::collation::Collation;
use super::kind::Type;
use super::value::Value;

/// A row of a table or of a result.
pub(crate) type Row = Arc<[Value]>;

#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) id: i32,
    pub(crate) name: String,
    pub(crate) of: Type,
    pub(crate) identity: Option<(i64, i64)>,
    pub(crate) default: Option<Expr>,
    /// Its expression, the text of it, and whether it is kept.
    pub(crate) computed: Option<(Expr, String, bool)>,
    pub(crate) sparse: bool,
    pub(crate) hidden: bool,
    pub(crate) generated: u8,
    pub(crate) mask: Option<String>,
    pub(crate) encrypted: bool,
    pub(crate) column_set: bool,
    pub(crate) file_stream: bool,
    /// `graph_type` of `sys.columns`: 1 is internal, 2 the id of a node or an edge, 5 and 8 its ends.
    pub(crate) graph: u8,
}

#[derive(Debug, Clone)]
pub(crate) struct Index {
    pub(crate) id: i32,
    pub(crate) name: String,
    pub(crate) of: IndexText,
}

/// What an object is.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Table,
    View(Query, String, Vec<String>),
    Synonym(Name),
}

#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) id: i32,
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) body: Body,
    pub(crate) columns: Vec<Column>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) rows: Arc<Vec<Row>>,
    pub(crate) next_identity: Option<i64>,
    /// The id of the next node or edge.
    pub(crate) next_node: i64,
    /// Words of `with (…)`: `memory_optimized`, `system_versioning`, `ledger`, `node` …
    pub(crate) options: Vec<String>,
    /// Who may not read it, or which column of it.
    pub(crate) denied: Vec<(String, Option<String>)>,
}

impl Table {
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        // `$node_id` is a name of `$node_id_` with digits behind it.
        let is_pseudo = name.starts_with('$');
        self.columns.iter().position(|column| {
            column.name.eq_ignore_ascii_case(name)
                || (is_pseudo
                    && column.graph > 1
                    && column.name.rsplit_once('_').is_some_and(|(front, _)| front == name))
        })
    }

    pub(crate) fn has(&self, option: &str) -> bool {
        self.options.iter().any(|own| own == option)
    }

    /// The two letters of `sys.objects`.
    pub(crate) fn letters(&self) -> &'static str {
        match self.body {
            Body::Table => "U ",
            Body::View(..) => "V ",
            Body::Synonym(_) => "SN",
        }
    }
}

/// Schema and name, as they are compared.
pub(crate) type Key = (String, String);

#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) id: i32,
    pub(crate) name: String,
    pub(crate) collation: Collation,
    pub(crate) schemas: Vec<String>,
    pub(crate) tables: BTreeMap<Key, Arc<Table>>,
    pub(crate) read_committed_snapshot: bool,
    pub(crate) allow_snapshot: bool,
    /// The database that it is a snapshot of.
    pub(crate) snapshot_of: Option<i32>,
    /// Security policies: their name, and the table.
    pub(crate) policies: Vec<(String, i32)>,
    /// Rights on the whole database that were taken away: who, and what.
    pub(crate) denied: Vec<(String, String)>,
    pub(crate) settings: BTreeMap<String, String>,
}

impl Database {
    pub(crate) fn new(id: i32, name: &str, collation: Collation) -> Self {
        Database {
            id,
            name: name.to_owned(),
            collation,
            schemas: vec!["dbo".to_owned()],
            tables: BTreeMap::new(),
            read_committed_snapshot: false,
            allow_snapshot: false,
            snapshot_of: None,
            policies: Vec::new(),
            denied: Vec::new(),
            settings: BTreeMap::new(),
        }
    }

    /// A name as this database compares it.
    pub(crate) fn fold(&self, name: &str) -> String {
        if self.collation.is_case_sensitive() { name.to_owned() } else { name.to_lowercase() }
    }

    pub(crate) fn key(&self, name: &[String]) -> Key {
        let schema = match name {
            [.., schema, _] if !schema.is_empty() => schema.as_str(),
            _ => "dbo",
        };
        (self.fold(schema), self.fold(name.last().map_or("", String::as_str)))
    }

    /// The object of this name; a synonym is followed.
    pub(crate) fn table(&self, name: &[String]) -> Result<&Arc<Table>, Failure> {
        let found = self.tables.get(&self.key(name)).ok_or_else(|| Failure::no_object(name))?;
        match &found.body {
            Body::Synonym(target) => self.table(target),
            _ => Ok(found),
        }
    }

    pub(crate) fn schema_id(&self, name: &str) -> i32 {
        let at = self.schemas.iter().position(|own| self.fold(own) == self.fold(name));
        at.map_or(0, |at| if at == 0 { 1 } else { i32::try_from(at).unwrap_or(0) + 4 })
    }
}
