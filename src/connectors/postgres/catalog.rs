//! The columns of tables and queries, with their types, as the server's catalog has them.

use std::collections::HashMap;

use tokio_postgres::{Client, Row, Statement};

use super::error::of;
use super::row::cell;
use super::server_type::{Column, Filled, Form, ServerType};
use crate::error::{Error, Result};

/// The columns of the table or view `name` in `schema`, in their order.
///
/// # Errors
/// [`crate::error::Kind::Missing`] when there is no such relation.
pub(super) async fn columns_of_table(
    client: &Client,
    schema: &str,
    name: &str,
) -> Result<Vec<Column>> {
    let what = format!("could not look up the columns of `{schema}.{name}`");
    let rows = client.query(include_str!("columns.sql"), &[&schema, &name]).await;
    let rows = rows.map_err(|error| of(&what, &error))?;
    if rows.is_empty() {
        return Err(Error::missing(format!("there is no table or view `{schema}.{name}`"))
            .hint("names are as in the catalog: in lower case, unless they were made in quotes"));
    }
    // A relation without columns is one row of NULLs.
    let has_name = |row: &&Row| row.try_get::<_, &str>("name").is_ok();
    let found: Vec<_> = rows
        .iter()
        .filter(has_name)
        .map(Found::of_table)
        .collect::<Result<_, _>>()
        .map_err(|error| of(&what, &error))?;
    resolve(client, &what, found).await
}

/// The columns that `sql` gives, without running it.
pub(super) async fn columns_of_query(client: &Client, sql: &str) -> Result<Vec<Column>> {
    let what = "could not prepare the query";
    let statement = client.prepare(sql).await.map_err(|error| of(what, &error))?;
    let mut found: Vec<_> = statement.columns().iter().map(Found::of_query).collect();
    let refined = refine(client, &statement, &mut found).await;
    refined.map_err(|error| of(what, &error))?;
    resolve(client, what, found).await
}

/// Adds what the tables say of the columns that `statement` takes from them unchanged.
async fn refine(
    client: &Client,
    statement: &Statement,
    found: &mut [Found],
) -> Result<(), tokio_postgres::Error> {
    let from = |column: &tokio_postgres::Column| column.table_oid().zip(column.column_id());
    let (tables, numbers): (Vec<u32>, Vec<i16>) =
        statement.columns().iter().map(|column| from(column).unwrap_or((0, 0))).unzip();
    for row in client.query(include_str!("output.sql"), &[&tables, &numbers]).await? {
        let place = usize::try_from(row.try_get::<_, i64>("place")?).unwrap_or(0);
        if let Some(column) = place.checked_sub(1).and_then(|at| found.get_mut(at)) {
            column.dimensions = row.try_get("dimensions")?;
            column.comment = row.try_get("comment")?;
        }
    }
    Ok(())
}

/// A column whose type is still a number.
struct Found {
    name: String,
    kind: (u32, i32),
    dimensions: i32,
    nullable: bool,
    comment: Option<String>,
    filled: Filled,
}

impl Found {
    fn of_table(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Found {
            name: row.try_get("name")?,
            kind: (row.try_get("type")?, row.try_get("modifier")?),
            dimensions: row.try_get("dimensions")?,
            nullable: !row.try_get::<_, bool>("not_null")?,
            comment: row.try_get("comment")?,
            filled: match row.try_get("filled")? {
                "always" => Filled::Always,
                "default" => Filled::Default,
                _ => Filled::Never,
            },
        })
    }

    /// An outer join can make NULLs of every column, so a query promises nothing.
    fn of_query(column: &tokio_postgres::Column) -> Self {
        Found {
            name: column.name().to_owned(),
            kind: (column.type_().oid(), column.type_modifier()),
            dimensions: 0,
            nullable: true,
            comment: None,
            filled: Filled::Never,
        }
    }
}

/// Gives each of `found` its type.
async fn resolve(client: &Client, what: &str, found: Vec<Found>) -> Result<Vec<Column>> {
    let types = Types::load(client, found.iter().map(|column| column.kind)).await;
    let types = types.map_err(|error| of(what, &error))?;
    let column = |found: Found| {
        let kind = types.get(found.kind, found.dimensions)?;
        let Found { name, nullable, comment, filled, .. } = found;
        Ok(Column { name, kind, nullable, comment, filled })
    };
    found.into_iter().map(column).collect()
}

/// Types by number and modifier.
struct Types(HashMap<(u32, i32), Known>);

/// A type whose inner type is still a number.
struct Known {
    schema: String,
    name: String,
    shown: String,
    form: String,
    inner: (u32, i32),
    dimensions: i32,
}

impl Types {
    async fn load(
        client: &Client,
        wanted: impl Iterator<Item = (u32, i32)>,
    ) -> Result<Self, tokio_postgres::Error> {
        let (oids, modifiers): (Vec<u32>, Vec<i32>) = wanted.unzip();
        let mut known = HashMap::new();
        for row in client.query(include_str!("types.sql"), &[&oids, &modifiers]).await? {
            let one = Known {
                schema: row.try_get("schema")?,
                name: row.try_get("name")?,
                shown: row.try_get("shown")?,
                form: row.try_get("form")?,
                inner: (row.try_get("inner_type")?, row.try_get("inner_modifier")?),
                dimensions: row.try_get("dimensions")?,
            };
            known.insert((row.try_get("type")?, row.try_get("modifier")?), one);
        }
        Ok(Types(known))
    }

    /// The type `kind`; `dimensions` are those that a column declares, 0 for none.
    fn get(&self, kind: (u32, i32), dimensions: i32) -> Result<ServerType> {
        let Some(known) = self.0.get(&kind) else {
            return Err(Error::conflict(format!("the type {} is not in the catalog", kind.0))
                .hint("it was dropped just now; run again"));
        };
        let form = match known.form.as_str() {
            "domain" => Form::Domain(Box::new(self.get(known.inner, known.dimensions)?)),
            "array" => {
                let dimensions = usize::try_from(dimensions).unwrap_or(0).max(1);
                Form::Array(Box::new(self.get(known.inner, 0)?), dimensions)
            }
            "enum" => Form::Enum,
            "composite" => Form::Composite,
            "range" => Form::Range,
            _ => Form::Base,
        };
        let Known { schema, name, shown, .. } = known;
        let (schema, name, shown) = (schema.clone(), name.clone(), shown.clone());
        Ok(ServerType { oid: kind.0, modifier: kind.1, schema, name, shown, form })
    }
}

/// The digits after the point that `money` has for this session: its `lc_monetary` decides. `None`
/// when nobody needs to know, because no column of `columns` has amounts.
pub(super) async fn money_digits(client: &Client, columns: &[Column]) -> Result<Option<i8>> {
    if !columns.iter().any(|column| column.kind.is_money()) {
        return Ok(None);
    }
    let sql = "select pg_catalog.scale('0'::pg_catalog.money::pg_catalog.numeric)";
    let row = client.query_one(sql, &[]).await;
    let row = row.map_err(|e| of("could not look at the locale of the server", &e))?;
    Ok(Some(i8::try_from(cell::<i32>(&row, 0)?).unwrap_or(2)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::postgres::cluster::SHARED;

    async fn client(database: &str) -> Client {
        let mut config = tokio_postgres::Config::new();
        config.host_path(&SHARED.socket).port(SHARED.port).user("postgres").dbname(database);
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("set search_path = ''").await.unwrap();
        client
    }

    fn numeric(shown: &str, modifier: i32) -> ServerType {
        let (schema, name, shown) = ("pg_catalog".into(), "numeric".into(), shown.into());
        ServerType { oid: 1700, modifier, schema, name, shown, form: Form::Base }
    }

    const TABLE: &str = "create domain price as numeric(12,2) not null;
        create domain prices as price[][];
        create type mood as enum ('sad', 'ok');
        create table t (gone int, id int8 generated always as identity, p price,
            ps prices, m mood[] not null, d numeric(5,1)[][], r int4range default 'empty',
            v int2vector, g int generated always as (1) stored);
        alter table t drop gone;
        comment on column t.d is 'depths'";

    #[tokio::test]
    async fn the_columns_of_a_table_have_their_types_down_to_the_base() {
        let (_, database) = SHARED.url("columns");
        SHARED.psql(&database, TABLE);
        let client = client(&database).await;
        let columns = columns_of_table(&client, "public", "t").await.unwrap();
        let line = |c: &Column| {
            let (nullable, shown) = (c.nullable, &c.kind.shown);
            format!("{} {shown} {nullable} {:?} {:?}", c.name, c.filled, c.comment)
        };
        let expected = [
            "id bigint false Default None",
            "p public.price true Never None",
            "ps public.prices true Never None",
            "m public.mood[] false Never None",
            "d numeric(5,1)[] true Never Some(\"depths\")",
            "r int4range true Default None",
            "v int2vector true Never None",
            "g integer true Always None",
        ];
        assert_eq!(columns.iter().map(line).collect::<Vec<_>>(), expected);

        assert_eq!(columns[1].kind.below_domains(), &numeric("numeric(12,2)", 786_438));
        let Form::Array(price, 2) = &columns[2].kind.below_domains().form else { panic!() };
        assert_eq!(**price, columns[1].kind);
        let Form::Array(mood, 1) = &columns[3].kind.form else { panic!() };
        assert_eq!((mood.name.as_str(), &mood.form), ("mood", &Form::Enum));
        let depth = Box::new(numeric("numeric(5,1)", 327_685));
        assert_eq!(columns[4].kind.form, Form::Array(depth, 2));
        assert_eq!(columns[5].kind.form, Form::Range);
        assert_eq!(columns[6].kind.form, Form::Base);
    }

    #[tokio::test]
    async fn the_columns_of_a_query_know_the_table_they_come_from_but_may_be_null() {
        let (_, database) = SHARED.url("columns");
        SHARED.psql(&database, TABLE);
        let client = client(&database).await;
        let sql = "select d, id, 1 as one, '{}'::int[] as many, row(1) as r from public.t";
        let columns = columns_of_query(&client, sql).await.unwrap();
        let line =
            |c: &Column| format!("{} {} {:?} {}", c.name, c.kind.shown, c.comment, c.nullable);
        let expected = [
            "d numeric(5,1)[] Some(\"depths\") true",
            "id bigint None true",
            "one integer None true",
            "many integer[] None true",
            "r record None true",
        ];
        assert_eq!(columns.iter().map(line).collect::<Vec<_>>(), expected);
        assert!(matches!(columns[0].kind.form, Form::Array(_, 2)));
        assert!(matches!(columns[3].kind.form, Form::Array(_, 1)));
    }

    #[tokio::test]
    async fn a_table_without_columns_is_not_a_missing_one() {
        let (_, database) = SHARED.url("columns");
        SHARED.psql(&database, "create table nothing ()");
        let client = client(&database).await;
        assert_eq!(columns_of_table(&client, "public", "nothing").await.unwrap(), []);
        let error = columns_of_table(&client, "public", "Nothing").await.unwrap_err();
        assert_eq!(error.message(), "there is no table or view `public.Nothing`");
    }
}
