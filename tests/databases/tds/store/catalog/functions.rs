//! Functions that ask the catalog or the session.

use std::sync::Arc;

use super::super::super::run::Failure;
use super::super::super::run::world::World;
use super::super::super::sql::parser::Parser;
use super::super::kind::{Kind, Type};
use super::super::table::{Body, Row, Table};
use super::super::value::Value;

/// A text in a sql_variant.
pub(crate) fn variant_text(text: &str) -> Value {
    Value::Variant(Arc::new((Type::of(Kind::NVarChar(Some(128))), Value::text(text))))
}

/// An integer in a sql_variant.
pub(crate) fn variant_int(n: i64) -> Value {
    Value::Variant(Arc::new((Type::of(Kind::Int), Value::Int(n))))
}

/// The value of a function, if it is one of these.
pub(crate) fn function(
    name: &str,
    args: &[Value],
    world: &World,
) -> Option<Result<Value, Failure>> {
    let text = |at: usize| args.get(at).and_then(Value::string).unwrap_or_default();
    let number = |at: usize| args.get(at).and_then(Value::int);
    let own = &world.database;
    let by_id = |id: Option<i64>| own.tables.values().find(|t| Some(i64::from(t.id)) == id);
    let or_null = |found: Option<Value>| found.unwrap_or(Value::Null);
    let int = |n: i32| Value::Int(i64::from(n));
    Some(Ok(match name {
        "db_name" => match number(0) {
            None => Value::text(&own.name),
            Some(id) => or_null(
                world.all.values().find(|d| i64::from(d.id) == id).map(|d| Value::text(&d.name)),
            ),
        },
        "db_id" if args.is_empty() => int(own.id),
        "db_id" => or_null(world.all.get(&text(0).to_lowercase()).map(|d| int(d.id))),
        "object_id" => or_null(find(&text(0), world).map(|t| int(t.id))),
        "object_name" => or_null(by_id(number(0)).map(|t| Value::text(&t.name))),
        "object_schema_name" => or_null(by_id(number(0)).map(|t| Value::text(&t.schema))),
        "object_definition" => or_null(by_id(number(0)).and_then(|t| match &t.body {
            Body::View(_, text, _) => Some(Value::text(text)),
            _ => None,
        })),
        "schema_name" => match number(0) {
            None => Value::text("dbo"),
            Some(id) => or_null(
                own.schemas
                    .iter()
                    .find(|s| i64::from(own.schema_id(s)) == id)
                    .map(|s| Value::text(s)),
            ),
        },
        "schema_id" if args.is_empty() => Value::Int(1),
        "schema_id" => Value::Int(i64::from(own.schema_id(&text(0)))),
        "col_name" => {
            let column = |t: &Arc<Table>| {
                t.columns.iter().find(|c| Some(i64::from(c.id)) == number(1)).cloned()
            };
            or_null(by_id(number(0)).and_then(column).map(|c| Value::text(&c.name)))
        }
        "columnproperty" => or_null(by_id(number(0)).and_then(|t| {
            let column = &t.columns[t.column(&text(1))?];
            Some(match text(2).to_lowercase().as_str() {
                "iscomputed" => Value::bool(column.computed.is_some()),
                "isidentity" => Value::bool(column.identity.is_some()),
                "ishidden" => Value::bool(column.hidden),
                "allowsnull" => Value::bool(column.of.nullable),
                "columnid" => int(column.id),
                _ => Value::Null,
            })
        })),
        "user_name" | "suser_name" | "suser_sname" | "original_login" | "session_user"
        | "current_user" => Value::text(&world.user),
        "app_name" => Value::text(&world.application),
        "host_name" => Value::text("localhost"),
        "type_name" => {
            let found = super::super::kind::all()
                .into_iter()
                .find(|k| Some(i64::from(k.user_number())) == number(0));
            or_null(found.map(|kind| Value::text(kind.name())))
        }
        "serverproperty" => server(&text(0).to_lowercase(), world),
        "databasepropertyex" => match text(1).to_lowercase().as_str() {
            "collation" => variant_text(own.collation.name()),
            "updateability" => {
                variant_text(if own.snapshot_of.is_some() { "READ_ONLY" } else { "READ_WRITE" })
            }
            "status" => variant_text("ONLINE"),
            _ => Value::Null,
        },
        "has_perms_by_name" => Value::bool(may(&text(0), &text(1), &text(2), &text(4), world)),
        "has_dbaccess" => Value::Int(1),
        "is_member" | "is_rolemember" | "is_srvrolemember" => Value::bool(world.is_owner),
        "collationproperty" => {
            or_null(super::super::collation::Collation::named(&text(0)).map(|c| {
                variant_int(match c.page() {
                    super::super::collation::Page::Latin => 1252,
                    super::super::collation::Page::Cyrillic => 1251,
                    super::super::collation::Page::Utf8 => 65_001,
                })
            }))
        }
        "connectionproperty" => variant_text("TCP"),
        "session_context" => Value::Null,
        _ => return None,
    }))
}

fn server(what: &str, world: &World) -> Value {
    let version = &world.product_version;
    match what {
        "productversion" => variant_text(version),
        "productmajorversion" => variant_text(version.split('.').next().unwrap_or("16")),
        "productlevel" => variant_text("RTM"),
        "edition" => variant_text(&world.edition),
        "engineedition" => variant_int(if world.edition.contains("Azure") { 5 } else { 3 }),
        "servername" | "machinename" => variant_text("STANDIN"),
        "collation" => variant_text(world.database.collation.name()),
        "ishadrenabled" | "isclustered" => variant_int(0),
        _ => Value::Null,
    }
}

/// The object of a name as it is written.
fn find<'w>(name: &str, world: &'w World) -> Option<&'w Arc<Table>> {
    let parts = Parser::of(name).ok()?.name().ok()?;
    let database = super::super::super::run::source::database(&parts, world).ok()?;
    database.tables.get(&database.key(&parts))
}

/// Whether the user has a right.
fn may(what: &str, class: &str, right: &str, column: &str, world: &World) -> bool {
    if world.is_owner {
        return true;
    }
    let own = &world.database;
    let me =
        |who: &str| who.eq_ignore_ascii_case(&world.user) || who.eq_ignore_ascii_case("public");
    if class.eq_ignore_ascii_case("database") {
        let right = right.to_lowercase();
        // Who was not given it may not see behind masks, nor definitions or the server's state.
        let given = ["connect", "select"].contains(&right.as_str())
            || own.settings.contains_key(&format!("grant {right}"));
        return given && !own.denied.iter().any(|(who, denied)| me(who) && *denied == right);
    }
    let Some(table) = find(what, world) else { return false };
    !table.denied.iter().any(|(who, denied)| {
        me(who) && denied.as_ref().is_none_or(|denied| denied.eq_ignore_ascii_case(column))
    })
}

/// The rows of `fn_my_permissions`.
pub(crate) fn permissions(what: &str, world: &World) -> Vec<Row> {
    let right = if may(what, "object", "select", "", world) { vec!["SELECT"] } else { Vec::new() };
    let row = |right: &str| Row::from(vec![Value::text(what), Value::text(""), Value::text(right)]);
    right.into_iter().map(row).collect()
}
