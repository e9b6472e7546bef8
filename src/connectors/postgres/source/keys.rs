//! Cuts any relation into ranges of a key.
//!
//! The server finds the borders and compares with them; here they are only text, because an order
//! made by another collation, or by another idea of NaN, would read rows twice or never. A border
//! has all columns of the key. The first range is open below, the last one above, and rows without
//! a key are a range of their own.

use tokio_postgres::Client;

use super::piece::{Piece, clause};
use super::relation::Relation;
use crate::connectors::postgres::error;
use crate::connectors::postgres::quote::{identifier, literal};
use crate::connectors::postgres::row::cell;
use crate::connectors::postgres::server_type::{Column, Form, ServerType};
use crate::error::{Error, Result};

/// The columns whose ranges cut a relation; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connectors::postgres) struct Key {
    parts: Vec<Part>,
    /// Whether a part may be NULL.
    has_nulls: bool,
}

/// A column of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    /// The column, quoted.
    name: String,
    /// What is ordered and compared.
    expression: String,
    /// The type of its borders.
    kind: String,
}

/// The columns of the primary key of `relation`, in order; none where it has no such key, or where a
/// column of it may arrive as NULL because the author wants it so.
pub(in crate::connectors::postgres) async fn primary(
    client: &Client,
    relation: &Relation,
) -> Result<Vec<String>> {
    let Some(oid) = relation.oid else { return Ok(Vec::new()) };
    let rows = client.query(include_str!("primary_key.sql"), &[&oid]).await;
    let rows = rows.map_err(|e| error::of("could not look for the primary key", &e))?;
    let names: Vec<String> = rows.iter().map(|row| cell(row, 0)).collect::<Result<_>>()?;
    let is_filled = |name: &String| {
        relation.schema.field_with_name(name).is_ok_and(|field| !field.is_nullable())
    };
    Ok(if names.iter().all(is_filled) { names } else { Vec::new() })
}

/// A place between two rows: the text of each part.
type Border = Vec<String>;

impl Key {
    /// The key that `names` make, or else the best that `relation` has; `None` when it has none.
    ///
    /// # Errors
    /// [`crate::error::Kind::Missing`] for a name that is no column.
    pub(in crate::connectors::postgres) async fn of(
        client: &Client,
        relation: &Relation,
        names: &[String],
    ) -> Result<Option<Self>> {
        if !names.is_empty() {
            // Whether a column may be NULL is not known of views and queries.
            return Key::from_names(relation, names, true).map(Some);
        }
        let Some(oid) = relation.oid else { return Ok(None) };
        let rows = client.query(include_str!("key.sql"), &[&oid]).await;
        let rows = rows.map_err(|e| error::of("could not look for a key", &e))?;
        let Some(first) = rows.first() else { return Ok(None) };
        let is_filled: bool = cell(first, 1)?;
        let names: Vec<String> = rows.iter().map(|row| cell(row, 0)).collect::<Result<_>>()?;
        Key::from_names(relation, &names, !is_filled).map(Some)
    }

    fn from_names(relation: &Relation, names: &[String], has_nulls: bool) -> Result<Self> {
        let part = |name: &String| match relation.columns.iter().find(|c| c.name == *name) {
            Some(column) => Ok(Part::of(column)),
            None => Err(Error::missing(format!("`split_by` names `{name}`, which is no column"))
                .at("relation", &relation.label)),
        };
        Ok(Key { parts: names.iter().map(part).collect::<Result<_>>()?, has_nulls })
    }

    /// The rows of `relation` for which `conditions` hold, in ranges of about `rows` rows.
    pub(in crate::connectors::postgres) async fn cut(
        &self,
        client: &Client,
        relation: &Relation,
        conditions: &[String],
        rows: u64,
    ) -> Result<Vec<Piece>> {
        let mut conditions = conditions.to_vec();
        let mut pieces = Vec::new();
        if self.has_nulls {
            let nulls: Vec<_> = self.parts.iter().map(|p| format!("{} is null", p.name)).collect();
            let mut without = conditions.clone();
            without.push(format!("({})", nulls.join(" or ")));
            if exists(client, relation, &without).await? {
                pieces.push(Piece::new(0, &relation.from, without));
            }
            conditions.extend(self.parts.iter().map(|p| format!("{} is not null", p.name)));
        }
        if !exists(client, relation, &conditions).await? {
            return Ok(pieces);
        }
        let borders = self.borders(client, relation, &conditions, rows).await?;
        let lows = std::iter::once(None).chain(borders.iter().map(Some));
        let highs = borders.iter().map(Some).chain(std::iter::once(None));
        for (low, high) in lows.zip(highs) {
            let mut all = conditions.clone();
            all.extend(low.map(|border| self.compared(">=", border)));
            all.extend(high.map(|border| self.compared("<", border)));
            pieces.push(Piece::new(pieces.len(), &relation.from, all));
        }
        Ok(pieces)
    }

    /// The key of every row that begins a range, except the first.
    async fn borders(
        &self,
        client: &Client,
        relation: &Relation,
        conditions: &[String],
        rows: u64,
    ) -> Result<Vec<Border>> {
        let sql = self.walk(relation, conditions, rows);
        let found = client.query(&sql, &[]).await;
        let found = found.map_err(|e| {
            error::of(&format!("could not find the borders of splits in `{}`", relation.label), &e)
        })?;
        let border = |row: &tokio_postgres::Row| {
            (0..self.parts.len()).map(|index| cell(row, index)).collect::<Result<Border>>()
        };
        let mut borders = found.iter().map(border).collect::<Result<Vec<_>>>()?;
        borders.dedup();
        Ok(borders)
    }

    fn walk(&self, relation: &Relation, conditions: &[String], rows: u64) -> String {
        let keys: Vec<_> = self.parts.iter().map(|p| p.expression.as_str()).collect();
        let named: Vec<_> =
            keys.iter().enumerate().map(|(n, key)| format!("{key} as k{n}")).collect();
        let texts: Vec<_> = (0..keys.len()).map(|n| format!("k{n}::pg_catalog.text")).collect();
        format!(
            "select {} from (select {}, pg_catalog.row_number() over (order by {}) as number from {}{}) as walk \
             where number > 1 and number % {rows} = {} order by number",
            texts.join(", "),
            named.join(", "),
            keys.join(", "),
            relation.from,
            clause(conditions),
            1 % rows
        )
    }

    /// The comparison of a row with `border`, column by column from the left.
    fn compared(&self, operator: &str, border: &Border) -> String {
        let left: Vec<_> = self.parts.iter().map(|part| part.expression.as_str()).collect();
        let value = |(text, part): (&String, &Part)| format!("{}::{}", literal(text), part.kind);
        let right: Vec<_> = border.iter().zip(&self.parts).map(value).collect();
        format!("({}) {operator} ({})", left.join(", "), right.join(", "))
    }
}

impl Part {
    fn of(column: &Column) -> Self {
        let name = identifier(&column.name);
        match has_own_operators(&column.kind) {
            // Their operators may be in a schema that we do not look into, and another type's
            // would be taken instead: ordered by one and compared by the other.
            true => Part {
                expression: format!("{name}::pg_catalog.text collate \"C\""),
                name,
                kind: "pg_catalog.text".to_owned(),
            },
            false => Part { expression: name.clone(), name, kind: column.kind.shown.clone() },
        }
    }
}

fn has_own_operators(kind: &ServerType) -> bool {
    let kind = kind.below_domains();
    kind.form == Form::Base && !kind.is_built_in()
}

async fn exists(client: &Client, relation: &Relation, conditions: &[String]) -> Result<bool> {
    let sql = format!("select exists (select from {}{})", relation.from, clause(conditions));
    let row = client.query_one(&sql, &[]).await;
    cell(&row.map_err(|e| error::of(&format!("could not read `{}`", relation.label), &e))?, 0)
}

/// The rows for which `conditions` hold, and the bytes of each, as the planner of the server
/// expects them.
pub(in crate::connectors::postgres) async fn expected(
    client: &Client,
    relation: &Relation,
    conditions: &[String],
) -> Result<(u64, u64)> {
    let sql = format!(
        "explain (format json) select {} from {}{}",
        relation.selects().join(", "),
        relation.from,
        clause(conditions)
    );
    let row = client.query_one(&sql, &[]).await;
    let row =
        row.map_err(|e| error::of(&format!("could not plan to read `{}`", relation.label), &e))?;
    let Json(plan) = cell(&row, 0)?;
    let number =
        |name: &str| plan.pointer(&format!("/0/Plan/{name}")).and_then(serde_json::Value::as_f64);
    let number = |name: &str| format!("{:.0}", number(name).unwrap_or(0.0)).parse().unwrap_or(0);
    Ok((number("Plan Rows"), number("Plan Width")))
}

/// The type `json`, which the driver reads only with a feature that nothing else needs.
struct Json(serde_json::Value);

impl tokio_postgres::types::FromSql<'_> for Json {
    fn from_sql(
        _: &tokio_postgres::types::Type,
        raw: &[u8],
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Json(serde_json::from_slice(raw)?))
    }

    fn accepts(kind: &tokio_postgres::types::Type) -> bool {
        *kind == tokio_postgres::types::Type::JSON
    }
}
