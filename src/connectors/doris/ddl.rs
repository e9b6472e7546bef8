//! Makes tables: their columns, keys, buckets and properties.

use arrow::datatypes::Schema;

use super::kind::Kind;
use super::options::{DorisOptions, NewTable};
use super::quote::{columns as list, identifier, literal};
use super::source_type::COMMENT;
use super::table::{Column, Model};
use super::types;
use crate::error::{Error, Result};
use crate::sink::Mode;

/// Bytes of rows, before they are stored, that one bucket is advised to hold.
const BUCKET_BYTES: u64 = 5_000_000_000;

/// Buckets that are advised at most.
const BUCKETS: u64 = 256;

/// A table that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Definition {
    /// Its columns: those of the key first.
    pub columns: Vec<Column>,
    /// What happens to rows of one key.
    pub model: Model,
    /// The columns whose hash tells the bucket; none is at random.
    pub hashed: Vec<String>,
    /// How many; the server decides when it is not given.
    pub buckets: Option<u64>,
    /// Its comment.
    pub comment: String,
}

impl Definition {
    /// The table for rows of `schema` in this mode; `bytes` are those of its rows, where known.
    ///
    /// # Errors
    /// [`crate::error::Kind::Unsupported`] for a type or a name that no column can have,
    /// [`crate::error::Kind::Config`] for a key that cannot be one.
    pub(super) fn new(
        schema: &Schema,
        mode: &Mode,
        options: &DorisOptions,
        bytes: Option<u64>,
    ) -> Result<Self> {
        let starrocks = options.cluster.starrocks;
        let wanted = match mode.key() {
            [] => options.new_table.table_key.as_slice(),
            key => key,
        };
        let mut columns = Vec::new();
        for name in wanted {
            let field = schema.field_with_name(name).map_err(|_| {
                Error::config(format!("key column `{name}` is not in the load"))
                    .hint("name columns of the load in `table_key`")
            })?;
            let kind = types::new_key_kind(field, starrocks)?;
            let column = new_column(field, kind)?;
            columns.push(Column { nullable: false, key: true, ..column });
        }
        for field in schema.fields().iter().filter(|field| !wanted.contains(field.name())) {
            columns.push(new_column(field, types::new_kind(field, starrocks)?)?);
        }
        let model = if matches!(mode, Mode::Merge(_)) { Model::Unique } else { Model::Duplicate };
        if wanted.is_empty() {
            choose_key(&mut columns)?;
        }
        let hashed = hashed(&columns, &options.new_table)?;
        let buckets = options.new_table.buckets.or(bytes.map(advised));
        Ok(Definition { columns, model, hashed, buckets, comment: String::new() })
    }

    /// The statement that makes it as `name`.
    pub(super) fn sql(&self, name: &str, options: &DorisOptions) -> String {
        let starrocks = options.cluster.starrocks;
        let columns: Vec<_> = self.columns.iter().map(column_sql).collect();
        let key: Vec<_> = self.columns.iter().filter(|c| c.key).map(|c| c.name.as_str()).collect();
        let model = match self.model {
            Model::Unique if starrocks => "primary",
            Model::Unique => "unique",
            Model::Duplicate => "duplicate",
            Model::Aggregate => "aggregate",
        };
        let comment = match self.comment.as_str() {
            "" => String::new(),
            comment => format!(" comment {}", literal(comment)),
        };
        let hashed = match self.hashed.as_slice() {
            [] => "random".to_owned(),
            hashed => format!("hash ({})", list(hashed.iter().map(String::as_str))),
        };
        let buckets = match self.buckets {
            Some(buckets) => format!(" buckets {buckets}"),
            // StarRocks decides when nothing is said.
            None if starrocks => String::new(),
            None => " buckets auto".to_owned(),
        };
        format!(
            "create table if not exists {} ({}) {model} key ({}){comment} \
             distributed by {hashed}{buckets}{}",
            identifier(name),
            columns.join(", "),
            list(key),
            properties(&options.new_table)
        )
    }
}

/// One column, as a statement writes it.
pub(super) fn column_sql(column: &Column) -> String {
    let nullable = if column.nullable { "null" } else { "not null" };
    let comment = match &column.comment {
        Some(comment) => format!(" comment {}", literal(comment)),
        None => String::new(),
    };
    format!("{} {} {nullable}{comment}", identifier(&column.name), column.kind)
}

/// The column for `field`, of this type.
pub(super) fn new_column(field: &arrow::datatypes::Field, kind: Kind) -> Result<Column> {
    let name = field.name();
    let first = |c: char| c.is_alphanumeric() || "_@/ ".contains(c);
    let other = |c: char| c.is_alphanumeric() || "_ .+-/?@#$%^&*\":,".contains(c);
    let reserved =
        ["__doris_", "mv_", "mva_"].iter().any(|own| name.to_ascii_lowercase().starts_with(own));
    let is_good = name.starts_with(first) && name.chars().all(other) && name.len() <= 256;
    if !is_good || reserved {
        let message = format!("a column of Doris cannot be called `{}`", name.escape_debug());
        return Err(Error::unsupported(message).hint(
            "rename it in a model: letters, digits and _ do, and names may not begin with \
             `__doris_`, `mv_` or `mva_`",
        ));
    }
    Ok(Column {
        name: name.clone(),
        kind,
        nullable: field.is_nullable(),
        key: false,
        filled: false,
        comment: field.metadata().get(COMMENT).cloned(),
    })
}

/// Every table has a key, if only to sort by: the first column that can be one, which has to stand
/// in front.
fn choose_key(columns: &mut Vec<Column>) -> Result<()> {
    let can = columns.iter().position(|column| column.kind.can_be_key());
    let at = can.or(columns.iter().position(|column| column.kind == Kind::Text));
    let Some(at) = at else {
        return Err(Error::unsupported("none of these columns can be the key of a Doris table")
            .hint("add one of whole numbers, texts or dates in a model"));
    };
    let mut key = columns.remove(at);
    key.key = true;
    if key.kind == Kind::Text {
        key.kind = Kind::Varchar(super::kind::VARCHAR_BYTES);
    }
    columns.insert(0, key);
    Ok(())
}

fn hashed(columns: &[Column], wanted: &NewTable) -> Result<Vec<String>> {
    if wanted.distribute_by.is_empty() {
        return Ok(columns.iter().filter(|c| c.key).map(|c| c.name.clone()).collect());
    }
    for name in &wanted.distribute_by {
        let found = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        if !found.is_some_and(|column| column.kind.can_be_key()) {
            let message = format!("`distribute_by` names `{name}`, which cannot be hashed");
            return Err(Error::config(message)
                .hint("name columns of the load, of whole numbers, texts with a length or dates"));
        }
    }
    Ok(wanted.distribute_by.clone())
}

/// Buckets for so many bytes of rows.
fn advised(bytes: u64) -> u64 {
    bytes.div_ceil(BUCKET_BYTES).clamp(1, BUCKETS)
}

/// The properties of a new table, as a clause.
fn properties(wanted: &NewTable) -> String {
    let number = wanted.replication_num.map(|n| ("replication_num".to_owned(), n.to_string()));
    let all = number.iter().chain(&wanted.properties);
    let all: Vec<_> =
        all.map(|(key, text)| format!("{} = {}", literal(key), literal(text))).collect();
    match all.is_empty() {
        true => String::new(),
        false => format!(" properties ({})", all.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};

    use super::*;
    use crate::config::Options;
    use crate::connectors::doris::options;

    fn options_with(more: &[(&str, &str)]) -> DorisOptions {
        let common = [("fe", "127.0.0.1:1"), ("database", "d"), ("table", "t")];
        let (options, problems) = options::read(&Options::of_arguments(&[&common, more].concat()));
        assert_eq!(problems, []);
        options
    }

    fn schema() -> Schema {
        Schema::new(vec![
            Field::new("note", DataType::Utf8, true),
            Field::new("ratio", DataType::Float64, true),
            Field::new("id", DataType::Int64, false),
        ])
    }

    #[test]
    fn the_key_stands_in_front_and_is_no_string() {
        let options = options_with(&[("replication_num", "1"), ("buckets", "4")]);
        let mode = Mode::Merge(vec!["id".to_owned(), "note".to_owned()]);
        let made = Definition::new(&schema(), &mode, &options, None).unwrap();
        assert_eq!(
            made.sql("t", &options),
            "create table if not exists `t` (`id` BIGINT not null, `note` VARCHAR(65533) not null, \
             `ratio` DOUBLE null) unique key (`id`, `note`) distributed by hash (`id`, `note`) \
             buckets 4 properties ('replication_num' = '1')"
        );
    }

    #[test]
    fn without_a_key_the_first_column_that_can_be_one_sorts_the_rows() {
        let options = options_with(&[]);
        let made = Definition::new(&schema(), &Mode::Append, &options, None).unwrap();
        assert_eq!(
            made.sql("t", &options),
            "create table if not exists `t` (`id` BIGINT not null, `note` STRING null, \
             `ratio` DOUBLE null) duplicate key (`id`) distributed by hash (`id`) buckets auto"
        );
        let error = Definition::new(
            &Schema::new(vec![Field::new("x", DataType::Float32, true)]),
            &Mode::Append,
            &options,
            None,
        );
        assert!(error.unwrap_err().message().contains("can be the key"));
    }

    #[test]
    fn a_float_is_no_key_and_a_bad_name_no_column() {
        let options = options_with(&[]);
        let mode = Mode::Merge(vec!["ratio".to_owned()]);
        let error = Definition::new(&schema(), &mode, &options, None).unwrap_err();
        assert_eq!(error.message(), "column `ratio` cannot be a key of a Doris table");
        for name in ["a`b", "a;b", "", "__doris_x", "a\nb", "(a)"] {
            let field = Field::new(name, DataType::Int8, true);
            assert!(new_column(&field, Kind::Integer(8)).is_err(), "{name}");
        }
    }

    #[test]
    fn buckets_grow_with_the_bytes() {
        assert_eq!([0, 1, 5_000_000_001, u64::MAX].map(advised), [1, 1, 2, 256]);
    }
}
