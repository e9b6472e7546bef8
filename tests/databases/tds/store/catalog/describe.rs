//! What a query would answer: `sp_describe_first_result_set`.

use super::super::super::run::Failure;
use super::super::super::run::bind::Context;
use super::super::super::run::plan::plan;
use super::super::super::run::world::World;
use super::super::super::sql::ast::Statement;
use super::super::super::sql::parser::parse;
use super::super::super::wire::tokens::Head;
use super::super::kind::{Kind, Type};
use super::super::table::Row;
use super::super::value::Value;

const NAME: Kind = Kind::NVarChar(Some(128));

/// Its columns.
pub(crate) fn described() -> Vec<(&'static str, Type)> {
    [
        ("is_hidden", Kind::Bit),
        ("column_ordinal", Kind::Int),
        ("name", NAME),
        ("is_nullable", Kind::Bit),
        ("system_type_id", Kind::Int),
        ("system_type_name", Kind::NVarChar(Some(256))),
        ("max_length", Kind::SmallInt),
        ("precision", Kind::TinyInt),
        ("scale", Kind::TinyInt),
        ("collation_name", NAME),
        ("user_type_id", Kind::Int),
        ("user_type_database", NAME),
        ("user_type_schema", NAME),
        ("user_type_name", NAME),
        ("assembly_qualified_type_name", Kind::NVarChar(Some(4000))),
        ("is_xml_document", Kind::Bit),
        ("is_case_sensitive", Kind::Bit),
        ("source_server", NAME),
        ("source_database", NAME),
        ("source_schema", NAME),
        ("source_table", NAME),
        ("source_column", NAME),
        ("is_identity_column", Kind::Bit),
        ("is_updateable", Kind::Bit),
        ("is_computed_column", Kind::Bit),
        ("is_sparse_column_set", Kind::Bit),
        ("tds_type_id", Kind::Int),
        ("tds_length", Kind::Int),
    ]
    .map(|(name, kind)| (name, Type::of(kind)))
    .to_vec()
}

/// A row for each column of the first query in `text`; `browse` tells the columns of tables that
/// they are, and has hidden rows for keys that are not among them.
pub(crate) fn describe(text: &str, browse: bool, world: &World) -> Result<Vec<Row>, Failure> {
    let statements = parse(text)?;
    let query = statements.iter().find_map(|(statement, _)| match statement {
        Statement::Query(query) => Some(query),
        _ => None,
    });
    let Some(query) = query else { return Ok(Vec::new()) };
    let context = Context { world, with: Vec::new(), outer: None, depth: 0 };
    let heads = plan(query, &context)?.heads;
    let more = if browse { keys(&heads, world) } else { Vec::new() };
    let all = heads.iter().map(|head| (head, false)).chain(more.iter().map(|head| (head, true)));
    Ok(all.enumerate().map(|(at, (head, hidden))| row(at, head, hidden, browse)).collect())
}

/// The columns of `sys.dm_exec_describe_first_result_set`, which answers a faulty query with a row.
pub(crate) fn described_or_faulty() -> Vec<(&'static str, Type)> {
    let faults = [
        ("error_number", Kind::Int),
        ("error_severity", Kind::Int),
        ("error_state", Kind::Int),
        ("error_message", Kind::NVarChar(Some(4000))),
    ];
    described().into_iter().chain(faults.map(|(name, kind)| (name, Type::of(kind)))).collect()
}

/// What it answers.
pub(crate) fn describe_or_fault(text: &str, browse: bool, world: &World) -> Vec<Row> {
    let glued = |row: &[Value], fault: [Value; 4]| {
        Row::from(row.iter().cloned().chain(fault).collect::<Vec<_>>())
    };
    match describe(text, browse, world) {
        Ok(rows) => rows.iter().map(|row| glued(row, [const { Value::Null }; 4])).collect(),
        Err(fault) => {
            let nulls = vec![Value::Null; described().len()];
            let numbers = [fault.number, i32::from(fault.class), i32::from(fault.state)];
            let [number, class, state] = numbers.map(|number| Value::Int(number.into()));
            vec![glued(&nulls, [number, class, state, Value::text(&fault.text)])]
        }
    }
}

/// The columns of the keys of all tables that columns come from, where they are not given.
fn keys(heads: &[Head], world: &World) -> Vec<Head> {
    let mut more: Vec<Head> = Vec::new();
    for [database, schema, table, _] in heads.iter().filter_map(|head| head.source.as_ref()) {
        let Some(own) = world.all.get(&database.to_lowercase()) else { continue };
        let Ok(found) = own.table(&[schema.clone(), table.clone()]) else { continue };
        let primary = found.indexes.iter().filter(|index| index.of.primary);
        for (name, _) in primary.flat_map(|index| &index.of.columns) {
            let Some(at) = found.column(name) else { continue };
            let source = Some([database.clone(), schema.clone(), table.clone(), name.clone()]);
            if heads.iter().chain(&more).all(|head| head.source != source) {
                let of = found.columns[at].of;
                more.push(Head {
                    name: name.clone(),
                    of,
                    identity: false,
                    computed: false,
                    source,
                });
            }
        }
    }
    more
}

fn row(at: usize, head: &Head, hidden: bool, browse: bool) -> Row {
    let kind = head.of.kind;
    let int = |n: i32| Value::Int(i64::from(n));
    let text_or_null = |text: Option<&str>| text.map_or(Value::Null, Value::text);
    let collation = (kind.is_text() && kind != Kind::Xml).then(|| head.of.collation.name());
    let assembly = kind.is_clr().then_some("Microsoft.SqlServer.Types, Version=11.0.0.0");
    let user = kind.is_clr().then(|| kind.name());
    let source = head.source.as_ref().filter(|_| browse);
    let place = |at: usize| text_or_null(source.map(|source| source[at].as_str()));
    Row::from(vec![
        Value::bool(hidden),
        Value::Int(i64::try_from(at).unwrap_or(0) + 1),
        text_or_null(Some(head.name.as_str()).filter(|name| !name.is_empty())),
        Value::bool(head.of.nullable),
        int(i32::from(kind.number())),
        if kind.is_clr() { Value::Null } else { Value::text(&kind.to_string()) },
        int(i32::from(kind.max_length())),
        int(i32::from(kind.precision())),
        int(i32::from(kind.scale())),
        text_or_null(collation),
        if kind.is_clr() { int(kind.user_number()) } else { Value::Null },
        text_or_null(user.map(|_| "master")),
        text_or_null(user.map(|_| "sys")),
        text_or_null(user),
        text_or_null(assembly),
        int(0),
        Value::bool(head.of.collation.is_case_sensitive()),
        Value::Null,
        place(0),
        place(1),
        place(2),
        place(3),
        Value::bool(head.identity),
        Value::bool(!head.computed && !head.identity),
        Value::bool(head.computed && head.source.is_some()),
        int(0),
        int(0),
        int(i32::from(kind.max_length())),
    ])
}
