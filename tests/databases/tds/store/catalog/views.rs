//! `sys.…` and `information_schema.…`, made anew whenever somebody asks.

use super::super::super::run::world::World;
use super::super::kind::{self, Kind, Type};
use super::super::table::{Body, Column, Database, Row, Table};
use super::super::value::Value;

/// A view: its columns and its rows.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) columns: Vec<(String, Type)>,
    pub(crate) rows: Vec<Row>,
}

/// One column of a view, and how its value comes from an object.
type Part<T> = (&'static str, Kind, fn(&T) -> Value);

const NAME: Kind = Kind::NVarChar(Some(128));

fn made<T>(parts: &[Part<T>], all: impl Iterator<Item = T>) -> View {
    let columns = parts.iter().map(|(name, kind, _)| ((*name).to_owned(), Type::of(*kind)));
    let rows = all.map(|one| parts.iter().map(|(_, _, value)| value(&one)).collect());
    View { columns: columns.collect(), rows: rows.collect() }
}

fn int(n: i32) -> Value {
    Value::Int(i64::from(n))
}

fn size(n: usize) -> Value {
    Value::Int(i64::try_from(n).unwrap_or(0))
}

/// The moment that all objects were made at.
fn created() -> Value {
    Value::Stamp(super::super::day::EPOCH_1900 + 46_000, 0)
}

/// A view of the catalog; `None` if the stand-in has not got it.
pub(crate) fn view(schema: &str, name: &str, database: &Database, world: &World) -> Option<View> {
    if schema == "information_schema" {
        return information(name, database);
    }
    Some(match name {
        "databases" => databases(world),
        "schemas" => schemas(database),
        "objects" | "all_objects" => objects(database, |_| true),
        "tables" => objects(database, |table| matches!(table.body, Body::Table)),
        "views" | "all_views" => objects(database, |table| matches!(table.body, Body::View(..))),
        "synonyms" => synonyms(database),
        "columns" | "all_columns" => columns(database, |_| true),
        "computed_columns" => columns(database, |column| column.computed.is_some()),
        "identity_columns" => columns(database, |column| column.identity.is_some()),
        "masked_columns" => columns(database, |column| column.mask.is_some()),
        "types" | "systypes" => types(),
        "indexes" => indexes(database),
        "index_columns" => index_columns(database),
        "partitions" | "dm_db_partition_stats" => partitions(database),
        "allocation_units" => units(database),
        "extended_properties" => empty(&[
            ("class", Kind::TinyInt),
            ("major_id", Kind::Int),
            ("minor_id", Kind::Int),
            ("name", NAME),
            ("value", Kind::Variant),
        ]),
        "sql_modules" | "all_sql_modules" => modules(database),
        "security_policies" => policies(database),
        "security_predicates" => predicates(database),
        "servers" => empty(&[("server_id", Kind::Int), ("name", NAME)]),
        "dm_exec_sessions" => sessions(world),
        "dm_tran_active_snapshot_database_transactions" => empty(&[("session_id", Kind::Int)]),
        "periods" => empty(&[("name", NAME), ("object_id", Kind::Int)]),
        "key_constraints" => keys(database),
        _ => return None,
    })
}

fn empty(columns: &[(&str, Kind)]) -> View {
    let columns = columns.iter().map(|(name, kind)| ((*name).to_owned(), Type::of(*kind)));
    View { columns: columns.collect(), rows: Vec::new() }
}

fn databases(world: &World) -> View {
    let parts: &[Part<&Database>] = &[
        ("name", NAME, |d| Value::text(&d.name)),
        ("database_id", Kind::Int, |d| int(d.id)),
        ("source_database_id", Kind::Int, |d| d.snapshot_of.map_or(Value::Null, int)),
        ("create_date", Kind::DateTime, |_| created()),
        ("compatibility_level", Kind::TinyInt, |_| int(160)),
        ("collation_name", NAME, |d| Value::text(d.collation.name())),
        ("is_read_only", Kind::Bit, |d| Value::bool(d.snapshot_of.is_some())),
        ("state", Kind::TinyInt, |_| int(0)),
        ("state_desc", NAME, |_| Value::text("ONLINE")),
        ("snapshot_isolation_state", Kind::TinyInt, |d| Value::bool(d.allow_snapshot)),
        ("snapshot_isolation_state_desc", NAME, |d| {
            Value::text(if d.allow_snapshot { "ON" } else { "OFF" })
        }),
        ("is_read_committed_snapshot_on", Kind::Bit, |d| Value::bool(d.read_committed_snapshot)),
        ("service_broker_guid", Kind::Guid, |d| {
            let mut bytes = *b"standin-database";
            bytes[15] = d.id.to_le_bytes()[0];
            Value::Guid(bytes)
        }),
    ];
    let own = &world.database;
    made(parts, world.all.values().map(|d| if d.id == own.id { own.as_ref() } else { d.as_ref() }))
}

fn schemas(database: &Database) -> View {
    let all = database.schemas.iter().map(|name| (name.clone(), database.schema_id(name)));
    let system = [("sys".to_owned(), 4), ("INFORMATION_SCHEMA".to_owned(), 3)];
    let parts: &[Part<(String, i32)>] = &[
        ("name", NAME, |(name, _)| Value::text(name)),
        ("schema_id", Kind::Int, |(_, id)| int(*id)),
        ("principal_id", Kind::Int, |_| int(1)),
    ];
    made(parts, all.chain(system))
}

/// An object in its database.
type Own<'a> = (&'a Database, &'a Table);

fn objects(database: &Database, of: fn(&Table) -> bool) -> View {
    let parts: &[Part<Own<'_>>] = &[
        ("name", NAME, |(_, t)| Value::text(&t.name)),
        ("object_id", Kind::Int, |(_, t)| int(t.id)),
        ("schema_id", Kind::Int, |(d, t)| int(d.schema_id(&t.schema))),
        ("parent_object_id", Kind::Int, |_| int(0)),
        ("type", Kind::Char(2), |(_, t)| Value::text(t.letters())),
        ("type_desc", NAME, |(_, t)| {
            Value::text(match t.body {
                Body::Table => "USER_TABLE",
                Body::View(..) => "VIEW",
                Body::Synonym(_) => "SYNONYM",
            })
        }),
        ("create_date", Kind::DateTime, |_| created()),
        ("modify_date", Kind::DateTime, |_| created()),
        ("is_ms_shipped", Kind::Bit, |_| int(0)),
        ("is_memory_optimized", Kind::Bit, |(_, t)| Value::bool(t.has("memory_optimized"))),
        ("temporal_type", Kind::TinyInt, |(_, t)| {
            int(if t.has("system_versioning") { 2 } else { 0 })
        }),
        ("is_external", Kind::Bit, |(_, t)| Value::bool(t.has("external"))),
        ("is_node", Kind::Bit, |(_, t)| Value::bool(t.has("node"))),
        ("is_edge", Kind::Bit, |(_, t)| Value::bool(t.has("edge"))),
        ("is_filetable", Kind::Bit, |_| int(0)),
        ("ledger_type", Kind::TinyInt, |(_, t)| int(if t.has("ledger") { 2 } else { 0 })),
        ("has_opaque_metadata", Kind::Bit, |_| int(0)),
    ];
    made(parts, database.tables.values().map(|t| (database, t.as_ref())).filter(|(_, t)| of(t)))
}

fn synonyms(database: &Database) -> View {
    let parts: &[Part<(String, i32, i32, String)>] = &[
        ("name", NAME, |s| Value::text(&s.0)),
        ("object_id", Kind::Int, |s| int(s.1)),
        ("schema_id", Kind::Int, |s| int(s.2)),
        ("base_object_name", Kind::NVarChar(Some(1035)), |s| Value::text(&s.3)),
    ];
    let one = |t: &std::sync::Arc<Table>| match &t.body {
        Body::Synonym(target) => {
            let target: Vec<String> =
                target.iter().map(|part| format!("[{}]", part.replace(']', "]]"))).collect();
            Some((t.name.clone(), t.id, database.schema_id(&t.schema), target.join(".")))
        }
        _ => None,
    };
    made(parts, database.tables.values().filter_map(one))
}

fn columns(database: &Database, of: fn(&Column) -> bool) -> View {
    let parts: &[Part<(&Table, &Column)>] = &[
        ("object_id", Kind::Int, |(t, _)| int(t.id)),
        ("name", NAME, |(_, c)| Value::text(&c.name)),
        ("column_id", Kind::Int, |(_, c)| int(c.id)),
        ("system_type_id", Kind::TinyInt, |(_, c)| int(i32::from(c.of.kind.number()))),
        ("user_type_id", Kind::Int, |(_, c)| int(c.of.kind.user_number())),
        ("max_length", Kind::SmallInt, |(_, c)| int(i32::from(c.of.kind.max_length()))),
        ("precision", Kind::TinyInt, |(_, c)| int(i32::from(c.of.kind.precision()))),
        ("scale", Kind::TinyInt, |(_, c)| int(i32::from(c.of.kind.scale()))),
        ("collation_name", NAME, |(_, c)| {
            if c.of.kind.is_text() && c.of.kind != Kind::Xml {
                Value::text(c.of.collation.name())
            } else {
                Value::Null
            }
        }),
        ("is_nullable", Kind::Bit, |(_, c)| Value::bool(c.of.nullable)),
        ("is_identity", Kind::Bit, |(_, c)| Value::bool(c.identity.is_some())),
        ("is_computed", Kind::Bit, |(_, c)| Value::bool(c.computed.is_some())),
        ("is_persisted", Kind::Bit, |(_, c)| {
            Value::bool(c.computed.as_ref().is_some_and(|(_, _, kept)| *kept))
        }),
        ("definition", Kind::NVarChar(None), |(_, c)| {
            c.computed
                .as_ref()
                .map_or(Value::Null, |(_, text, _)| Value::text(&format!("({text})")))
        }),
        ("is_filestream", Kind::Bit, |(_, c)| Value::bool(c.file_stream)),
        ("is_sparse", Kind::Bit, |(_, c)| Value::bool(c.sparse)),
        ("is_column_set", Kind::Bit, |(_, c)| Value::bool(c.column_set)),
        ("is_hidden", Kind::Bit, |(_, c)| Value::bool(c.hidden)),
        ("is_masked", Kind::Bit, |(_, c)| Value::bool(c.mask.is_some())),
        ("masking_function", NAME, |(_, c)| {
            c.mask.as_ref().map_or(Value::Null, |m| Value::text(m))
        }),
        ("generated_always_type", Kind::TinyInt, |(_, c)| int(i32::from(c.generated))),
        ("encryption_type", Kind::Int, |(_, c)| if c.encrypted { int(1) } else { Value::Null }),
        ("is_rowguidcol", Kind::Bit, |_| int(0)),
        ("is_xml_document", Kind::Bit, |_| int(0)),
        ("default_object_id", Kind::Int, |_| int(0)),
        ("graph_type", Kind::Int, |(_, c)| match c.graph {
            0 => Value::Null,
            graph => int(i32::from(graph)),
        }),
    ];
    let all = database.tables.values().flat_map(|t| t.columns.iter().map(move |c| (t.as_ref(), c)));
    made(parts, all.filter(|(_, c)| of(c)))
}

fn types() -> View {
    let parts: &[Part<Kind>] = &[
        ("name", NAME, |k| Value::text(k.name())),
        ("system_type_id", Kind::TinyInt, |k| int(i32::from(k.number()))),
        ("user_type_id", Kind::Int, |k| int(k.user_number())),
        ("schema_id", Kind::Int, |_| int(4)),
        ("max_length", Kind::SmallInt, |k| int(i32::from(k.max_length()))),
        ("precision", Kind::TinyInt, |k| int(i32::from(k.precision()))),
        ("scale", Kind::TinyInt, |k| int(i32::from(k.scale()))),
        ("is_user_defined", Kind::Bit, |_| int(0)),
        ("is_assembly_type", Kind::Bit, |k| Value::bool(k.is_clr())),
    ];
    made(parts, kind::all().into_iter())
}

fn indexes(database: &Database) -> View {
    let parts: &[Part<(&Table, &super::super::table::Index)>] = &[
        ("object_id", Kind::Int, |(t, _)| int(t.id)),
        ("name", NAME, |(_, i)| Value::text(&i.name)),
        ("index_id", Kind::Int, |(_, i)| int(i.id)),
        ("type", Kind::TinyInt, |(_, i)| {
            let columnstore = if i.of.columnstore { 4 } else { 0 };
            int(columnstore + if i.id == 1 { 1 } else { 2 })
        }),
        ("type_desc", NAME, |(_, i)| {
            Value::text(if i.id == 1 { "CLUSTERED" } else { "NONCLUSTERED" })
        }),
        ("is_unique", Kind::Bit, |(_, i)| Value::bool(i.of.unique)),
        ("is_primary_key", Kind::Bit, |(_, i)| Value::bool(i.of.primary)),
        ("is_unique_constraint", Kind::Bit, |(_, i)| Value::bool(i.of.constraint && !i.of.primary)),
        ("is_disabled", Kind::Bit, |_| int(0)),
        ("is_hypothetical", Kind::Bit, |_| int(0)),
        ("has_filter", Kind::Bit, |(_, i)| Value::bool(i.of.filter.is_some())),
        ("filter_definition", Kind::NVarChar(None), |_| Value::Null),
    ];
    made(
        parts,
        database.tables.values().flat_map(|t| t.indexes.iter().map(move |i| (t.as_ref(), i))),
    )
}

fn index_columns(database: &Database) -> View {
    /// Table, index, place, column, place in the key, and whether it descends or is included.
    type Keyed = (i32, i32, usize, i32, usize, bool, bool);
    let parts: &[Part<Keyed>] = &[
        ("object_id", Kind::Int, |c| int(c.0)),
        ("index_id", Kind::Int, |c| int(c.1)),
        ("index_column_id", Kind::Int, |c| size(c.2)),
        ("column_id", Kind::Int, |c| int(c.3)),
        ("key_ordinal", Kind::TinyInt, |c| size(c.4)),
        ("partition_ordinal", Kind::TinyInt, |_| int(0)),
        ("is_descending_key", Kind::Bit, |c| Value::bool(c.5)),
        ("is_included_column", Kind::Bit, |c| Value::bool(c.6)),
    ];
    let mut all = Vec::new();
    for table in database.tables.values() {
        let id = |name: &str| table.column(name).map_or(0, |at| table.columns[at].id);
        for index in &table.indexes {
            let keys = index.of.columns.iter().enumerate();
            // A column of a columnstore has no place in a key.
            let place = |n: usize| if index.of.columnstore { 0 } else { n + 1 };
            all.extend(keys.map(|(n, (name, desc))| {
                (table.id, index.id, n + 1, id(name), place(n), *desc, index.of.columnstore)
            }));
            let count = index.of.columns.len();
            let more = index.of.included.iter().enumerate();
            all.extend(
                more.map(|(n, name)| (table.id, index.id, count + n + 1, id(name), 0, false, true)),
            );
        }
    }
    made(parts, all.into_iter())
}

fn partitions(database: &Database) -> View {
    let parts: &[Part<(i32, i32, usize)>] = &[
        ("object_id", Kind::Int, |p| int(p.0)),
        ("index_id", Kind::Int, |p| int(p.1)),
        ("partition_number", Kind::Int, |_| int(1)),
        ("partition_id", Kind::BigInt, |p| int(p.0)),
        ("hobt_id", Kind::BigInt, |p| int(p.0)),
        ("rows", Kind::BigInt, |p| size(p.2)),
        ("row_count", Kind::BigInt, |p| size(p.2)),
        ("used_page_count", Kind::BigInt, |p| size(p.2 / 100 + 1)),
        ("reserved_page_count", Kind::BigInt, |p| size(p.2 / 100 + 1)),
        ("in_row_data_page_count", Kind::BigInt, |p| size(p.2 / 100 + 1)),
    ];
    let one = |t: &std::sync::Arc<Table>| {
        let clustered = t.indexes.iter().any(|index| index.id == 1);
        // What is in memory or elsewhere has no pages here.
        let is_here = !t.has("memory_optimized") && !t.has("external");
        let first = (t.id, i32::from(clustered), if is_here { t.rows.len() } else { 0 });
        let others = t
            .indexes
            .iter()
            .filter(|index| index.id > 1)
            .map(|index| (t.id, index.id, t.rows.len()));
        std::iter::once(first).chain(others.collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let tables = database.tables.values().filter(|t| matches!(t.body, Body::Table));
    made(parts, tables.flat_map(one))
}

fn units(database: &Database) -> View {
    let parts: &[Part<(i32, usize)>] = &[
        ("container_id", Kind::BigInt, |u| int(u.0)),
        ("type", Kind::TinyInt, |_| int(1)),
        ("total_pages", Kind::BigInt, |u| size(u.1 / 100 + 1)),
        ("used_pages", Kind::BigInt, |u| size(u.1 / 100 + 1)),
        ("data_pages", Kind::BigInt, |u| size(u.1 / 100 + 1)),
    ];
    made(parts, database.tables.values().map(|t| (t.id, t.rows.len())))
}

fn modules(database: &Database) -> View {
    let parts: &[Part<(i32, String, bool)>] = &[
        ("object_id", Kind::Int, |m| int(m.0)),
        ("definition", Kind::NVarChar(None), |m| Value::text(&m.1)),
        ("is_schema_bound", Kind::Bit, |m| Value::bool(m.2)),
    ];
    let one = |t: &std::sync::Arc<Table>| match &t.body {
        Body::View(_, text, options) => {
            let bound = options.iter().any(|option| option.eq_ignore_ascii_case("schemabinding"));
            Some((t.id, text.clone(), bound))
        }
        _ => None,
    };
    made(parts, database.tables.values().filter_map(one))
}

fn policies(database: &Database) -> View {
    let parts: &[Part<(usize, String)>] = &[
        ("name", NAME, |p| Value::text(&p.1)),
        ("object_id", Kind::Int, |p| size(p.0 + 7000)),
        ("is_enabled", Kind::Bit, |_| int(1)),
    ];
    made(parts, database.policies.iter().enumerate().map(|(at, (name, _))| (at, name.clone())))
}

fn predicates(database: &Database) -> View {
    let parts: &[Part<(usize, i32)>] = &[
        ("object_id", Kind::Int, |p| size(p.0 + 7000)),
        ("security_predicate_id", Kind::Int, |_| int(1)),
        ("target_object_id", Kind::Int, |p| int(p.1)),
        ("predicate_type", Kind::Int, |_| int(0)),
        ("predicate_type_desc", NAME, |_| Value::text("FILTER")),
        ("predicate_definition", Kind::NVarChar(None), |_| Value::text("(…)")),
    ];
    made(parts, database.policies.iter().enumerate().map(|(at, (_, table))| (at, *table)))
}

fn sessions(world: &World) -> View {
    let parts: &[Part<(u16, String)>] = &[
        ("session_id", Kind::SmallInt, |s| int(i32::from(s.0))),
        ("program_name", NAME, |s| Value::text(&s.1)),
        ("is_user_process", Kind::Bit, |_| int(1)),
    ];
    made(parts, world.sessions.iter().map(|(id, (application, _))| (*id, application.clone())))
}

fn keys(database: &Database) -> View {
    let parts: &[Part<(&Table, &super::super::table::Index)>] = &[
        ("name", NAME, |(_, i)| Value::text(&i.name)),
        ("object_id", Kind::Int, |(t, i)| int(t.id + i.id)),
        ("parent_object_id", Kind::Int, |(t, _)| int(t.id)),
        ("type", Kind::Char(2), |(_, i)| Value::text(if i.of.primary { "PK" } else { "UQ" })),
        ("unique_index_id", Kind::Int, |(_, i)| int(i.id)),
    ];
    let all = database.tables.values().flat_map(|t| t.indexes.iter().map(move |i| (t.as_ref(), i)));
    made(parts, all.filter(|(_, i)| i.of.constraint))
}

fn information(name: &str, database: &Database) -> Option<View> {
    Some(match name {
        "tables" | "views" => {
            let parts: &[Part<Own<'_>>] = &[
                ("TABLE_CATALOG", NAME, |(d, _)| Value::text(&d.name)),
                ("TABLE_SCHEMA", NAME, |(_, t)| Value::text(&t.schema)),
                ("TABLE_NAME", NAME, |(_, t)| Value::text(&t.name)),
                ("TABLE_TYPE", Kind::VarChar(Some(10)), |(_, t)| {
                    Value::text(if matches!(t.body, Body::Table) { "BASE TABLE" } else { "VIEW" })
                }),
            ];
            let all = database.tables.values().map(|t| (database, t.as_ref()));
            let views = name == "views";
            made(parts, all.filter(|(_, t)| !views || matches!(t.body, Body::View(..))))
        }
        "columns" => {
            let parts: &[Part<(&Database, &Table, &Column)>] = &[
                ("TABLE_CATALOG", NAME, |(d, ..)| Value::text(&d.name)),
                ("TABLE_SCHEMA", NAME, |(_, t, _)| Value::text(&t.schema)),
                ("TABLE_NAME", NAME, |(_, t, _)| Value::text(&t.name)),
                ("COLUMN_NAME", NAME, |(_, _, c)| Value::text(&c.name)),
                ("ORDINAL_POSITION", Kind::Int, |(_, _, c)| int(c.id)),
                ("IS_NULLABLE", Kind::VarChar(Some(3)), |(_, _, c)| {
                    Value::text(if c.of.nullable { "YES" } else { "NO" })
                }),
                ("DATA_TYPE", NAME, |(_, _, c)| Value::text(c.of.kind.name())),
                ("CHARACTER_MAXIMUM_LENGTH", Kind::Int, |(_, _, c)| {
                    let sized = c.of.kind.is_text() || c.of.kind.is_bytes();
                    if sized {
                        c.of.kind.units().map_or(int(-1), |n| int(i32::from(n)))
                    } else {
                        Value::Null
                    }
                }),
                ("NUMERIC_PRECISION", Kind::TinyInt, |(_, _, c)| {
                    if c.of.kind.is_number() {
                        int(i32::from(c.of.kind.precision()))
                    } else {
                        Value::Null
                    }
                }),
                ("NUMERIC_SCALE", Kind::Int, |(_, _, c)| {
                    if c.of.kind.is_number() {
                        int(i32::from(c.of.kind.scale()))
                    } else {
                        Value::Null
                    }
                }),
                ("DATETIME_PRECISION", Kind::SmallInt, |(_, _, c)| {
                    if c.of.kind.is_time() {
                        int(i32::from(c.of.kind.scale()))
                    } else {
                        Value::Null
                    }
                }),
                ("COLLATION_NAME", NAME, |(_, _, c)| {
                    if c.of.kind.is_text() {
                        Value::text(c.of.collation.name())
                    } else {
                        Value::Null
                    }
                }),
            ];
            let all = database.tables.values();
            made(parts, all.flat_map(|t| t.columns.iter().map(move |c| (database, t.as_ref(), c))))
        }
        _ => return None,
    })
}
