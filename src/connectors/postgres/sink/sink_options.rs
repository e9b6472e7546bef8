//! The options of a Postgres sink.

use std::time::Duration;

use crate::config::{Options, Problem, Reader};
use crate::connectors::OnSchemaChange;
use crate::connectors::postgres::name::TableName;
use crate::connectors::postgres::server::Server;
use crate::connectors::{OptionDoc, Role};

/// What to write, and how.
#[derive(Debug, Clone)]
pub(in crate::connectors::postgres) struct SinkOptions {
    /// Where.
    pub server: Server,
    /// The table.
    pub table: TableName,
    /// What happens to columns of the load that the table does not have, or has too narrow.
    pub on_schema_change: OnSchemaChange,
    /// Whether a missing table is made.
    pub create_table: bool,
    /// The primary key of a new table where the mode has no key.
    pub table_key: Vec<String>,
    /// Whether a replaced table is kept in the schema `_dhow`.
    pub replace_keep_old: bool,
    /// How long to wait for a lock on the table.
    pub lock_timeout: Duration,
}

/// The options of a sink beside those of a connection, for the manual.
pub(in crate::connectors::postgres) const OPTIONS: &[OptionDoc] = &[
    doc("schema", Some("public"), "the schema, when a dot in `table` is a part of the name"),
    doc(
        "on_schema_change",
        Some("fail"),
        "fail, append_new_columns, or widen (which also makes narrow columns wider)",
    ),
    doc("create_table", Some("true"), "whether a missing table is made"),
    doc(
        "table_key",
        None,
        "the primary key of a new table, where the mode has no key; left out, replace and truncate \
         take that of a Postgres table",
    ),
    doc("replace_keep_old", Some("false"), "keep a replaced table, in the schema `_dhow`"),
    doc("lock_timeout", Some("5s"), "how long to wait for a lock on the table"),
];

const fn doc(
    name: &'static str,
    default: Option<&'static str>,
    summary: &'static str,
) -> OptionDoc {
    OptionDoc { name, role: Some(Role::Sink), default, summary }
}

/// The options of a sink as read, and everything that is wrong with them.
pub(in crate::connectors::postgres) fn read(options: &Options) -> (SinkOptions, Vec<Problem>) {
    let reader = options.reader();
    let server = Server::read(&reader);
    let wanted = SinkOptions {
        server: server.limiting(reader.duration("statement_timeout", Duration::ZERO)),
        table: table(&reader),
        on_schema_change: OnSchemaChange::read(&reader),
        create_table: reader.flag("create_table", true),
        table_key: reader.list("table_key"),
        replace_keep_old: reader.flag("replace_keep_old", false),
        lock_timeout: reader.duration("lock_timeout", Duration::from_secs(5)),
    };
    (wanted, reader.finish())
}

/// `name`, or `schema.name`; with the option `schema`, a dot in the name is a part of it.
fn table(reader: &Reader<'_>) -> TableName {
    let written = reader.required("table");
    let table = match (reader.text("schema"), written.split_once('.')) {
        (Some(schema), _) => TableName::new(schema, written),
        (None, Some((schema, name))) => TableName::new(schema, name),
        (None, None) => TableName::new("public", written),
    };
    for (option, name) in [("schema", &table.schema), ("table", &table.name)] {
        if name.len() > TableName::BYTES {
            let message = format!("`{name}` has {} bytes; the server cuts names", name.len());
            let problem = Problem::new(&reader.place_of(option), message)
                .hint(format!("choose a name of at most {} bytes", TableName::BYTES));
            reader.problem(problem);
        }
    }
    if table.schema == super::house::SCHEMA {
        let message = "the schema `_dhow` belongs to dhow itself";
        reader.problem(Problem::new(&reader.place_of("table"), message));
    }
    table
}
