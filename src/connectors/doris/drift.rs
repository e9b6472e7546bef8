//! Changes the table when the columns of the load have changed, as far as `on_schema_change` lets
//! us.

use arrow::datatypes::Schema;

use super::ddl::{column_sql, new_column};
use super::options::DorisOptions;
use super::patience;
use super::query::Session;
use super::quote::{identifier, literal};
use super::table::{Column, Table};
use super::types;
use crate::connectors::OnSchemaChange;
use crate::error::{Error, Result};

/// The statements that make `table` fit for columns of `schema`. What does not fit afterwards is
/// for the plan to refuse.
pub(super) fn changes(
    table: &Table,
    schema: &Schema,
    options: &DorisOptions,
) -> Result<Vec<String>> {
    let (policy, starrocks) = (options.on_schema_change, options.cluster.starrocks);
    let alter = format!("alter table {}", identifier(&table.name));
    let mut statements = Vec::new();
    for field in schema.fields() {
        match table.column(field.name()) {
            None if policy >= OnSchemaChange::Append => {
                let column = new_column(field, types::new_kind(field, starrocks)?)?;
                // Rows that are there have nothing in it.
                let column = Column { nullable: true, ..column };
                statements.push(format!("{alter} add column {}", column_sql(&column)));
            }
            Some(column) if policy == OnSchemaChange::Widen && !column.key => {
                if let Some(kind) = types::widened(&column.kind, field, starrocks)
                    && kind != column.kind
                {
                    let wider = Column { kind, ..column.clone() };
                    statements.push(format!("{alter} modify column {}", column_sql(&wider)));
                }
            }
            _ => {}
        }
    }
    Ok(statements)
}

/// Carries out the changes, and waits until the server is done with each.
pub(super) async fn apply(
    session: &mut Session,
    table: &Table,
    changes: &[String],
    options: &DorisOptions,
) -> Result<()> {
    for sql in changes {
        session.run(&format!("could not change the columns of `{}`", table.name), sql).await?;
        settle(session, table, options).await?;
    }
    Ok(())
}

/// Waits for the newest change of the table's columns.
async fn settle(session: &mut Session, table: &Table, options: &DorisOptions) -> Result<()> {
    let mut pauses = patience::of(options.timeout);
    let sql = format!(
        "show alter table column from {} where TableName = {} order by CreateTime desc limit 1",
        identifier(&session.database),
        literal(&table.name)
    );
    loop {
        let rows = session.rows("could not ask about a change of columns", &sql).await?;
        let row: Vec<&str> = rows.iter().flatten().flatten().map(String::as_str).collect();
        if row.is_empty() || row.contains(&"FINISHED") {
            return Ok(());
        }
        if row.contains(&"CANCELLED") {
            let message = format!("the server gave up changing the columns of `{}`", table.name);
            return Err(Error::data(message).hint("look at SHOW ALTER TABLE COLUMN"));
        }
        if !pauses.pause().await {
            let message = format!("the columns of `{}` are still being changed", table.name);
            return Err(Error::unavailable(message).hint("run again when it is done"));
        }
    }
}
