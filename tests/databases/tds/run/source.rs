//! Where rows come from: tables, views, queries, functions, and joins of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::sql::ast::{Expr, Join, Name, Source};
use super::super::store::catalog;
use super::super::store::kind::{Kind, Type};
use super::super::store::table::{Body, Database, Row, Table};
use super::super::store::value::{Key, Value};
use super::Failure;
use super::bind::{Binder, Context, Scope, Visible};
use super::eval::{Bound, Env, Node};
use super::plan::{Plan, plan};
use super::world::World;

#[derive(Debug, Clone)]
pub(crate) enum From {
    /// One row without columns.
    Nothing,
    Rows(Arc<Vec<Row>>),
    Query(Box<Plan>),
    /// `generate_series`, `string_split`, …
    Function(String, Vec<Bound>),
    Join(Box<Joined>),
}

#[derive(Debug, Clone)]
pub(crate) struct Joined {
    left: From,
    right: From,
    how: Join,
    on: Option<Bound>,
    left_width: usize,
    right_width: usize,
    /// What must be equal on both sides: it is looked up, not tried.
    equal: Vec<(Bound, Bound)>,
}

/// Binds a source; its columns are added to `columns`.
pub(crate) fn bind(
    source: &Source,
    context: &Context<'_>,
    columns: &mut Vec<Visible>,
) -> Result<From, Failure> {
    match source {
        Source::Table(name, alias, hints) => table(name, alias.as_deref(), hints, context, columns),
        Source::Query(query, alias, names) => {
            let inside = plan(query, context)?;
            distinct(&inside, alias, names)?;
            visible(&inside, alias, names, columns);
            Ok(From::Query(Box::new(inside)))
        }
        Source::Function(name, args, alias) => {
            function(name, args, alias.as_deref(), context, columns)
        }
        Source::Join(left, how, right, on) => {
            join(left, *how, right, on.as_ref(), context, columns)
        }
    }
}

/// The columns of a query in FROM have names, each another.
fn distinct(plan: &Plan, alias: &str, names: &[String]) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    for (at, head) in plan.heads.iter().enumerate() {
        let name = names.get(at).unwrap_or(&head.name);
        if name.is_empty() {
            let text = format!("No column name was specified for column {} of '{alias}'.", at + 1);
            return Err(Failure::new(8155, &text));
        }
        if !seen.insert(name.to_lowercase()) {
            let text = format!("The column '{name}' was specified multiple times for '{alias}'.");
            return Err(Failure::new(8156, &text));
        }
    }
    Ok(())
}

fn visible(plan: &Plan, alias: &str, names: &[String], columns: &mut Vec<Visible>) {
    for (at, head) in plan.heads.iter().enumerate() {
        columns.push(Visible {
            table: alias.to_owned(),
            name: names.get(at).unwrap_or(&head.name).clone(),
            of: head.of,
            identity: head.identity,
            computed: head.computed,
            hidden: false,
            denied: None,
            masked: false,
            internal: false,
            source: head.source.clone(),
        });
    }
}

/// The database of a name in three parts, or the session's.
pub(crate) fn database<'w>(name: &Name, world: &'w World) -> Result<&'w Arc<Database>, Failure> {
    match name.as_slice() {
        [server, _, _, _] => Err(Failure::new(
            7202,
            &format!(
                "Could not find server '{server}' in sys.servers. Verify that the correct server name was specified."
            ),
        )),
        [database, _, _] => {
            world.all.get(&database.to_lowercase()).ok_or_else(|| Failure::no_object(name))
        }
        _ => Ok(&world.database),
    }
}

fn table(
    name: &Name,
    alias: Option<&str>,
    hints: &[String],
    context: &Context<'_>,
    columns: &mut Vec<Visible>,
) -> Result<From, Failure> {
    let own = alias.unwrap_or_else(|| name.last().map_or("", String::as_str)).to_owned();
    if let [one] = name.as_slice()
        && let Some(at) = context.with.iter().position(|(with, ..)| with.eq_ignore_ascii_case(one))
    {
        let (_, names, query) = &context.with[at];
        let inside = Context { with: context.with[..at].to_vec(), outer: None, ..context.clone() };
        let inside = plan(query, &inside)?;
        visible(&inside, &own, names, columns);
        return Ok(From::Query(Box::new(inside)));
    }
    let world = context.world;
    if hints.iter().any(|hint| hint == "nolock" || hint == "readuncommitted") {
        return Err(Failure::new(super::DIRTY, "the stand-in does not read what is not committed"));
    }
    let database = database(name, world)?;
    let schema = name.len().checked_sub(2).map_or("", |at| name[at].as_str()).to_lowercase();
    if schema == "sys" || schema == "information_schema" {
        let last = name.last().map_or("", String::as_str).to_lowercase();
        let view = catalog::view(&schema, &last, database, world)
            .ok_or_else(|| Failure::no_object(name))?;
        columns.extend(view.columns.iter().map(|(name, of)| seen(&own, name, *of)));
        return Ok(From::Rows(Arc::new(view.rows)));
    }
    let found = database.table(name)?;
    refuse(found, database, world)?;
    match &found.body {
        Body::View(query, ..) => {
            if context.depth > 32 {
                return Err(Failure::new(217, "Maximum view nesting level exceeded (limit 32)."));
            }
            let inside = Context {
                with: Vec::new(),
                outer: None,
                depth: context.depth + 1,
                ..context.clone()
            };
            let inside = plan(query, &inside)?;
            let names: Vec<String> =
                found.columns.iter().map(|column| column.name.clone()).collect();
            visible(&inside, &own, &names, columns);
            Ok(From::Query(Box::new(inside)))
        }
        _ => {
            refuse_isolation(found, hints, database, world)?;
            columns.extend(of_table_in(&database.name, found, &own, world));
            Ok(From::Rows(Arc::clone(&found.rows)))
        }
    }
}

/// Tables in memory and tables elsewhere take no part in transactions of some levels.
fn refuse_isolation(
    found: &Table,
    hints: &[String],
    database: &Database,
    world: &World,
) -> Result<(), Failure> {
    let is_snapshot = world.isolation == "snapshot";
    if found.has("external") && is_snapshot {
        let text = "Snapshot isolation level is not supported for distributed transaction. Use \
                    another isolation level or do not use distributed transaction.";
        return Err(Failure::new(3996, text));
    }
    if !found.has("memory_optimized") {
        return Ok(());
    }
    if is_snapshot {
        let text = "Memory optimized tables and natively compiled modules cannot be accessed or \
                    created when the session TRANSACTION ISOLATION LEVEL is set to SNAPSHOT.";
        return Err(Failure::new(41_332, text));
    }
    let open = world.globals.get("trancount").and_then(|(_, count)| count.int()).unwrap_or(0) > 0;
    let elevated = database.settings.get("memory_optimized_elevate_to_snapshot");
    let raised = hints.iter().any(|hint| hint == "snapshot") || elevated.is_some_and(|s| s == "on");
    if open && world.isolation == "read committed" && !raised {
        let text = "Accessing memory optimized tables using the READ COMMITTED isolation level is \
                    supported only for autocommit transactions. It is not supported for explicit \
                    or implicit transactions. Provide a supported isolation level for the memory \
                    optimized table using a table hint, such as WITH (SNAPSHOT).";
        return Err(Failure::new(41_368, text));
    }
    Ok(())
}

/// Whether somebody may read a table at all, and need not wait.
fn refuse(found: &Table, database: &Database, world: &World) -> Result<(), Failure> {
    let key = (database.fold(&found.schema), database.fold(&found.name));
    if world.locked.iter().any(|(id, locked)| *id == database.id && *locked == key) {
        return Err(Failure::blocked());
    }
    let denied =
        |who: &str| who.eq_ignore_ascii_case(&world.user) || who.eq_ignore_ascii_case("public");
    if !world.is_owner && found.denied.iter().any(|(who, column)| denied(who) && column.is_none()) {
        return Err(Failure::new(
            229,
            &format!(
                "The SELECT permission was denied on the object '{}', database '{}', schema '{}'.",
                found.name, database.name, found.schema
            ),
        ));
    }
    Ok(())
}

/// The columns of a table as a reader sees them.
pub(crate) fn of_table(found: &Table, alias: &str, world: &World) -> Vec<Visible> {
    of_table_in(&world.database.name, found, alias, world)
}

fn of_table_in(database: &str, found: &Table, alias: &str, world: &World) -> Vec<Visible> {
    let has_set = found.columns.iter().any(|column| column.column_set);
    let who =
        |who: &str| who.eq_ignore_ascii_case(&world.user) || who.eq_ignore_ascii_case("public");
    let denied = |name: &str| {
        let mut all = found.denied.iter();
        let is = all.any(|(user, column)| {
            who(user) && column.as_ref().is_some_and(|column| column.eq_ignore_ascii_case(name))
        });
        (is && !world.is_owner).then(|| found.name.clone())
    };
    let one = |column: &super::super::store::table::Column| Visible {
        table: alias.to_owned(),
        name: column.name.clone(),
        of: column.of,
        identity: column.identity.is_some(),
        computed: column.computed.is_some(),
        // Sparse columns are in the column set, if there is one.
        hidden: column.hidden || (column.sparse && has_set),
        denied: denied(&column.name),
        masked: column.mask.is_some() && !world.is_owner,
        internal: column.graph == 1,
        source: Some([
            database.to_owned(),
            found.schema.clone(),
            found.name.clone(),
            column.name.clone(),
        ]),
    };
    found.columns.iter().map(one).collect()
}

fn seen(table: &str, name: &str, of: Type) -> Visible {
    Visible {
        table: table.to_owned(),
        name: name.to_owned(),
        of,
        identity: false,
        computed: false,
        hidden: false,
        denied: None,
        masked: false,
        internal: false,
        source: None,
    }
}

fn function(
    name: &Name,
    args: &[Expr],
    alias: Option<&str>,
    context: &Context<'_>,
    columns: &mut Vec<Visible>,
) -> Result<From, Failure> {
    let last = name.last().map_or("", String::as_str).to_lowercase();
    let empty = Scope { columns: Vec::new(), outer: context.outer };
    let binder = Binder::new(context, &empty);
    let args: Vec<Bound> = args.iter().map(|arg| binder.bind(arg)).collect::<Result<_, _>>()?;
    let own = alias.unwrap_or(&last);
    let of = match last.as_str() {
        "generate_series" => vec![("value", Type::not_null(Kind::BigInt))],
        "string_split" => vec![("value", Type::of(Kind::NVarChar(Some(4000))))],
        "dm_exec_describe_first_result_set" => catalog::described_or_faulty(),
        "fn_my_permissions" => vec![
            ("entity_name", Type::of(Kind::NVarChar(Some(128)))),
            ("subentity_name", Type::of(Kind::NVarChar(Some(128)))),
            ("permission_name", Type::of(Kind::NVarChar(Some(60)))),
        ],
        _ => return Err(Failure::no_object(name)),
    };
    columns.extend(of.into_iter().map(|(name, of)| seen(own, name, of)));
    Ok(From::Function(last, args))
}

fn join(
    left: &Source,
    how: Join,
    right: &Source,
    on: Option<&Expr>,
    context: &Context<'_>,
    columns: &mut Vec<Visible>,
) -> Result<From, Failure> {
    let begin = columns.len();
    let left = bind(left, context, columns)?;
    let left_width = columns.len() - begin;
    let mut own = Vec::new();
    let right = if matches!(how, Join::Apply | Join::OuterApply) {
        // The right side sees the left: its rows are one query further in.
        let scope = Scope { columns: columns[begin..].to_vec(), outer: context.outer };
        let inside = Context { outer: Some(&scope), ..context.clone() };
        bind(right, &inside, &mut own)?
    } else {
        bind(right, context, &mut own)?
    };
    let right_width = own.len();
    columns.extend(own);
    let scope = Scope { columns: columns[begin..].to_vec(), outer: context.outer };
    let on = on.map(|on| Binder::new(context, &scope).bind(on)).transpose()?;
    let mut equal = Vec::new();
    if let Some(on) = &on {
        find_equal(on, left_width, &mut equal);
    }
    Ok(From::Join(Box::new(Joined { left, right, how, on, left_width, right_width, equal })))
}

/// Comparisons by `=` of something on the left with something on the right.
fn find_equal(on: &Bound, width: usize, equal: &mut Vec<(Bound, Bound)>) {
    match &on.node {
        Node::And(a, b) => {
            find_equal(a, width, equal);
            find_equal(b, width, equal);
        }
        Node::Compare(a, "=", b) => match (side(a, width), side(b, width)) {
            (Some(true), Some(false)) => equal.push((a.as_ref().clone(), b.as_ref().clone())),
            (Some(false), Some(true)) => equal.push((b.as_ref().clone(), a.as_ref().clone())),
            _ => {}
        },
        _ => {}
    }
}

/// Whether an expression is one column of the left side, or one of the right.
fn side(bound: &Bound, width: usize) -> Option<bool> {
    match &bound.node {
        Node::Column(0, at) => Some(*at < width),
        Node::Cast(inside, ..) => side(inside, width),
        _ => None,
    }
}

impl From {
    pub(crate) fn run(
        &self,
        world: &World,
        outer: Option<&Env<'_>>,
    ) -> Result<Arc<Vec<Row>>, Failure> {
        match self {
            From::Nothing => Ok(Arc::new(vec![Row::from(Vec::new())])),
            From::Rows(rows) => Ok(Arc::clone(rows)),
            From::Query(plan) => plan.run(world, outer).map(Arc::new),
            From::Function(name, args) => {
                let env = Env { row: &[], outer, world };
                let args: Vec<Value> =
                    args.iter().map(|arg| arg.eval(&env)).collect::<Result<_, _>>()?;
                table_function(name, &args, world).map(Arc::new)
            }
            From::Join(joined) => joined.run(world, outer).map(Arc::new),
        }
    }
}

fn table_function(name: &str, args: &[Value], world: &World) -> Result<Vec<Row>, Failure> {
    let text = |at: usize| args.get(at).and_then(Value::string).unwrap_or_default();
    match name {
        "generate_series" => {
            let at = |n: usize| args.get(n).and_then(Value::int);
            let (Some(first), Some(last)) = (at(0), at(1)) else { return Ok(Vec::new()) };
            let step = usize::try_from(at(2).unwrap_or(1).max(1)).unwrap_or(1);
            Ok((first..=last).step_by(step).map(|n| Row::from(vec![Value::Int(n)])).collect())
        }
        "string_split" => {
            Ok(text(0).split(&text(1)).map(|part| Row::from(vec![Value::text(part)])).collect())
        }
        "fn_my_permissions" => Ok(catalog::permissions(&text(0), world)),
        _ => {
            let browse = args.get(2).and_then(Value::int) == Some(1);
            Ok(catalog::describe_or_fault(&text(0), browse, world))
        }
    }
}

impl Joined {
    fn run(&self, world: &World, outer: Option<&Env<'_>>) -> Result<Vec<Row>, Failure> {
        let left = self.left.run(world, outer)?;
        if matches!(self.how, Join::Apply | Join::OuterApply) {
            return self.apply(&left, world, outer);
        }
        let right = self.right.run(world, outer)?;
        let index = self.index(&right, world, outer)?;
        let all: Vec<usize> = (0..right.len()).collect();
        let mut met = vec![false; right.len()];
        let mut out = Vec::new();
        for row in left.iter() {
            let found = match &index {
                None => Some(&all),
                Some(index) => index.get(&self.key(row, true, world, outer)?),
            };
            let before = out.len();
            for at in found.into_iter().flatten() {
                let both = glue(row, &right[*at]);
                if self.holds(&both, world, outer)? {
                    met[*at] = true;
                    out.push(both);
                }
            }
            if before == out.len() && matches!(self.how, Join::Left | Join::Full) {
                out.push(glue(row, &vec![Value::Null; self.right_width]));
            }
        }
        if matches!(self.how, Join::Right | Join::Full) {
            let nothing = vec![Value::Null; self.left_width];
            let lonely = (0..right.len()).filter(|at| !met[*at]);
            out.extend(lonely.map(|at| glue(&nothing, &right[at])));
        }
        Ok(out)
    }

    fn apply(
        &self,
        left: &[Row],
        world: &World,
        outer: Option<&Env<'_>>,
    ) -> Result<Vec<Row>, Failure> {
        let mut out = Vec::new();
        for row in left {
            let env = Env { row, outer, world };
            let rows = self.right.run(world, Some(&env))?;
            out.extend(rows.iter().map(|other| glue(row, other)));
            if rows.is_empty() && self.how == Join::OuterApply {
                out.push(glue(row, &vec![Value::Null; self.right_width]));
            }
        }
        Ok(out)
    }

    fn holds(
        &self,
        both: &[Value],
        world: &World,
        outer: Option<&Env<'_>>,
    ) -> Result<bool, Failure> {
        let Some(on) = &self.on else { return Ok(true) };
        Ok(on.eval(&Env { row: both, outer, world })?.holds())
    }

    fn key(
        &self,
        row: &[Value],
        is_left: bool,
        world: &World,
        outer: Option<&Env<'_>>,
    ) -> Result<Vec<Key>, Failure> {
        let env = Env { row, outer, world };
        let one = |(a, b): &(Bound, Bound)| {
            let side = if is_left { a } else { b };
            Ok(side.eval(&env)?.key(&side.of))
        };
        self.equal.iter().map(one).collect()
    }

    #[allow(clippy::type_complexity)]
    fn index(
        &self,
        right: &[Row],
        world: &World,
        outer: Option<&Env<'_>>,
    ) -> Result<Option<HashMap<Vec<Key>, Vec<usize>>>, Failure> {
        if self.equal.is_empty() {
            return Ok(None);
        }
        let mut index: HashMap<Vec<Key>, Vec<usize>> = HashMap::new();
        let nothing = vec![Value::Null; self.left_width];
        for (at, row) in right.iter().enumerate() {
            let key = self.key(&glue(&nothing, row), false, world, outer)?;
            index.entry(key).or_default().push(at);
        }
        Ok(Some(index))
    }
}

fn glue(left: &[Value], right: &[Value]) -> Row {
    left.iter().chain(right).cloned().collect()
}

/// Binds a further source of FROM, which is joined with all rows of those before it.
pub(crate) fn bind_next(
    before: From,
    is_first: bool,
    source: &Source,
    context: &Context<'_>,
    columns: &mut Vec<Visible>,
) -> Result<From, Failure> {
    if is_first {
        return bind(source, context, columns);
    }
    let left_width = columns.len();
    let right = bind(source, context, columns)?;
    let right_width = columns.len() - left_width;
    let how = Join::Inner;
    let (on, equal) = (None, Vec::new());
    Ok(From::Join(Box::new(Joined {
        left: before,
        right,
        how,
        on,
        left_width,
        right_width,
        equal,
    })))
}
