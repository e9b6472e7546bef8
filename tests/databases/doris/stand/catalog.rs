//! Tables: their columns and keys, and the rules that `CREATE TABLE` keeps.

use std::collections::BTreeMap;

use super::kinds::Kind;
use super::session::Failure;

/// How rows with equal keys are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model {
    Duplicate,
    Unique,
    Aggregate,
    /// StarRocks' word for unique.
    Primary,
}

impl Model {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Model::Duplicate => "DUPLICATE",
            Model::Unique => "UNIQUE",
            Model::Aggregate => "AGGREGATE",
            Model::Primary => "PRIMARY",
        }
    }

    pub(crate) fn keeps_last(self) -> bool {
        matches!(self, Model::Unique | Model::Primary)
    }

    /// `COLUMN_KEY` of a key column.
    pub(crate) fn column_key(self) -> &'static str {
        match self {
            Model::Duplicate => "DUP",
            Model::Unique => "UNI",
            Model::Aggregate => "AGG",
            Model::Primary => "PRI",
        }
    }
}

/// A column.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) nullable: bool,
    pub(crate) key: bool,
    pub(crate) default: Option<String>,
    pub(crate) comment: String,
}

/// A table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Of the SQLite table with its rows; stays when the table is renamed or swapped.
    pub(crate) id: u64,
    pub(crate) database: String,
    pub(crate) name: String,
    pub(crate) model: Model,
    pub(crate) columns: Vec<Column>,
    pub(crate) comment: String,
    /// Columns to hash; none is RANDOM.
    pub(crate) hashed: Vec<String>,
    /// A number or `AUTO`.
    pub(crate) buckets: String,
    /// As written.
    pub(crate) partition: Option<String>,
    pub(crate) properties: BTreeMap<String, String>,
    /// Rows as the statistics have them, which lag behind.
    pub(crate) rows_known: u64,
}

impl Table {
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.key)
    }

    /// The name of the SQLite table.
    pub(crate) fn stored(&self) -> String {
        format!("t{}", self.id)
    }

    /// Statements that make the SQLite table.
    pub(crate) fn storage(&self) -> String {
        let told = |c: &Column| format!("{} {}", sqlite_name(&c.name), affinity(&c.kind));
        let columns: Vec<_> = self.columns.iter().map(told).collect();
        let mut sql = format!("create table {} ({});", self.stored(), columns.join(", "));
        if self.model.keeps_last() {
            // NULL is a key like any other here, but not in an index of SQLite.
            let keys = self.keys().map(|c| format!("ifnull({}, x'00')", sqlite_name(&c.name)));
            let keys: Vec<_> = keys.collect();
            let name = self.stored();
            sql.push_str(&format!("create unique index k{name} on {name} ({});", keys.join(", ")));
        }
        sql
    }
}

/// What SQLite takes values of a column for when it compares them.
fn affinity(kind: &Kind) -> &'static str {
    match kind {
        Kind::Boolean | Kind::TinyInt | Kind::SmallInt | Kind::Int | Kind::BigInt => "INTEGER",
        Kind::Float | Kind::Double => "REAL",
        _ => "TEXT",
    }
}

/// A name in SQLite.
pub(crate) fn sqlite_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether a table or a database may be called so.
pub(crate) fn check_table_name(name: &str) -> Result<(), Failure> {
    let is_good = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !is_good {
        let text = format!(
            "Incorrect table name '{name}'. Table name regex is '^[a-zA-Z][a-zA-Z0-9-_]*$'"
        );
        return Err(Failure::of(1103, text));
    }
    if name.len() > 64 {
        let text = format!(
            "Table name length exceeds limit, the length of table name '{name}' is {} which is \
             greater than the configuration 'table_name_length_limit' (64).",
            name.len()
        );
        return Err(Failure::of(1105, text));
    }
    Ok(())
}

fn check_column_name(name: &str) -> Result<(), Failure> {
    let first = |c: char| c.is_ascii_alphanumeric() || "_@/".contains(c) || c.is_whitespace();
    let other =
        |c: char| c.is_ascii_alphanumeric() || "._+,-/?@#$%^&*\":".contains(c) || c.is_whitespace();
    let is_good = name.starts_with(first) && name.chars().all(other) && name.len() <= 256;
    let is_own = ["mv_", "mva_", "__doris_shadow_"].iter().any(|own| name.starts_with(own));
    match is_good && !is_own {
        true => Ok(()),
        false => Err(Failure::of(1166, format!("Incorrect column name '{name}'"))),
    }
}

/// What `CREATE TABLE` checks, given the columns named as keys.
pub(crate) fn check(table: &Table, keys: &[String], backends: usize) -> Result<(), Failure> {
    check_table_name(&table.name)?;
    check_columns(table)?;
    check_keys(table, keys)?;
    check_distribution(table)?;
    let replicas = replicas(&table.properties)?;
    if replicas > backends {
        return Err(Failure::detail(format!(
            "Failed to find enough backend, please check the replication num,replication tag and \
             storage medium and avail capacity of backends or maybe all be on same host.\n\
             Create failed replications:\nreplication tag: {{\"location\" : \"default\"}}, \
             replication num: {replicas}, storage medium: HDD"
        )));
    }
    Ok(())
}

fn check_columns(table: &Table) -> Result<(), Failure> {
    if table.columns.is_empty() {
        return Err(Failure::detail("table should contain at least one column"));
    }
    for (n, column) in table.columns.iter().enumerate() {
        check_column_name(&column.name)?;
        let earlier = &table.columns[..n];
        if earlier.iter().any(|c| c.name.eq_ignore_ascii_case(&column.name)) {
            return Err(Failure::of(1060, format!("Duplicate column name '{}'", column.name)));
        }
    }
    Ok(())
}

fn check_keys(table: &Table, keys: &[String]) -> Result<(), Failure> {
    if keys.is_empty() {
        return Err(Failure::detail("The number of key columns should be greater than zero"));
    }
    for (n, key) in keys.iter().enumerate() {
        let found = table.columns.get(n).map_or("", |column| column.name.as_str());
        if table.column(key).is_none() {
            return Err(Failure::detail(format!("Key column[{key}] doesn't exist.")));
        }
        if !found.eq_ignore_ascii_case(key) {
            return Err(Failure::detail(format!(
                "Key columns should be a ordered prefix of the schema. KeyColumns[{n}] (starts \
                 from zero) is {key}, but corresponding column is {found} in the previous columns \
                 declaration."
            )));
        }
    }
    let refused = table.keys().find_map(|column| column.kind.no_key(&column.name));
    refused.map_or(Ok(()), |text| Err(Failure::detail(text)))
}

fn check_distribution(table: &Table) -> Result<(), Failure> {
    for name in &table.hashed {
        let Some(column) = table.column(name) else {
            let text = format!("Distribution column({name}) doesn't exist.");
            return Err(Failure::detail(text));
        };
        if table.model != Model::Duplicate && !column.key {
            let text = format!("Distribution column[{name}] is not key column");
            return Err(Failure::detail(text));
        }
        if column.kind.no_key(name).is_some() {
            let text =
                format!("{} Type should not be used in distribution column[{name}].", column.kind);
            return Err(Failure::detail(text));
        }
    }
    if table.hashed.is_empty() && table.model != Model::Duplicate {
        let text = "Create unique keys table should not contain random distribution desc";
        return Err(Failure::detail(text));
    }
    Ok(())
}

fn replicas(properties: &BTreeMap<String, String>) -> Result<usize, Failure> {
    let allocation = properties.get("replication_allocation");
    let text = match allocation.and_then(|text| text.rsplit(':').next()) {
        Some(number) => number.trim(),
        None => properties.get("replication_num").map_or("3", |text| text.trim()),
    };
    let number = text.parse().ok().filter(|n| (1..=32_767).contains(n));
    number.ok_or_else(|| Failure::detail("Replication num should between 1 and 32767"))
}
