//! Queries, bound and ready to run.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use super::super::sql::ast::{Body, Expr, Item, Query, Select, Sort};
use super::super::store::kind::Type;
use super::super::store::table::Row;
use super::super::store::value::{Key, Value};
use super::super::wire::tokens::Head;
use super::Failure;
use super::aggregate::{Aggregate, Window, by, is_aggregate};
use super::bind::{Binder, Context, Scope, Slots, Visible, cast_to, common};
use super::eval::{Bound, Env, Node};
use super::source::{self, From};
use super::world::World;

#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) heads: Vec<Head>,
    body: PlanBody,
    /// Over the rows of a SELECT before it picks columns, or over the result.
    order: Vec<(Bound, bool)>,
    offset: Option<Bound>,
    fetch: Option<Bound>,
    /// `@a = …`: which column goes into which variable.
    pub(crate) assigned: Vec<String>,
}

#[derive(Debug, Clone)]
enum PlanBody {
    Select(Box<Selected>),
    Values(Vec<Vec<Bound>>),
    Both(Box<Plan>, &'static str, Box<Plan>),
}

#[derive(Debug, Clone)]
struct Selected {
    from: From,
    filter: Option<Bound>,
    group: Option<(Vec<Bound>, Vec<Aggregate>)>,
    having: Option<Bound>,
    windows: Vec<Window>,
    items: Vec<Bound>,
    distinct: bool,
    top: Option<Bound>,
}

/// Binds a query.
pub(crate) fn plan(query: &Query, context: &Context<'_>) -> Result<Plan, Failure> {
    let mut context = context.clone();
    context.with.extend(query.with.iter().cloned());
    let mut found = match &query.body {
        Body::Select(select) => of_select(select, &query.order, &context)?,
        Body::Values(rows) => of_values(rows, &context)?,
        Body::Both(left, op, right) => both(left, op, right, &context)?,
    };
    if !matches!(query.body, Body::Select(_)) {
        found.order = over_result(&query.order, &found.heads, &context)?;
    }
    let empty = Scope { columns: Vec::new(), outer: context.outer };
    let binder = Binder::new(&context, &empty);
    found.offset = query.offset.as_ref().map(|expr| binder.bind(expr)).transpose()?;
    found.fetch = query.fetch.as_ref().map(|expr| binder.bind(expr)).transpose()?;
    Ok(found)
}

fn bare(heads: Vec<Head>, body: PlanBody) -> Plan {
    Plan { heads, body, order: Vec::new(), offset: None, fetch: None, assigned: Vec::new() }
}

fn of_values(rows: &[Vec<Expr>], context: &Context<'_>) -> Result<Plan, Failure> {
    let empty = Scope { columns: Vec::new(), outer: context.outer };
    let binder = Binder::new(context, &empty);
    let one =
        |row: &Vec<Expr>| row.iter().map(|expr| binder.bind(expr)).collect::<Result<Vec<_>, _>>();
    let rows: Vec<Vec<Bound>> = rows.iter().map(one).collect::<Result<_, _>>()?;
    let width = rows.first().map_or(0, Vec::len);
    if rows.iter().any(|row| row.len() != width) {
        return Err(Failure::new(
            10_709,
            "The number of columns for each row in a table value constructor must be the same.",
        ));
    }
    let types: Vec<Type> =
        (0..width).map(|at| common(&rows.iter().map(|row| &row[at]).collect::<Vec<_>>())).collect();
    let heads = types.iter().map(|of| Head {
        name: String::new(),
        of: *of,
        identity: false,
        computed: false,
        source: None,
    });
    let heads = heads.collect();
    let cast = |row: Vec<Bound>| {
        row.into_iter().zip(&types).map(|(bound, of)| cast_to(bound, *of)).collect()
    };
    Ok(bare(heads, PlanBody::Values(rows.into_iter().map(cast).collect())))
}

fn both(
    left: &Query,
    op: &'static str,
    right: &Query,
    context: &Context<'_>,
) -> Result<Plan, Failure> {
    let (left, right) = (plan(left, context)?, plan(right, context)?);
    if left.heads.len() != right.heads.len() {
        return Err(Failure::new(
            205,
            "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in their target lists.",
        ));
    }
    let pair = |(a, b): (&Head, &Head)| Head {
        name: a.name.clone(),
        of: Type {
            kind: a.of.kind.common(b.of.kind),
            collation: a.of.collation,
            nullable: a.of.nullable || b.of.nullable,
        },
        identity: false,
        computed: false,
        source: None,
    };
    let heads = left.heads.iter().zip(&right.heads).map(pair).collect();
    Ok(bare(heads, PlanBody::Both(Box::new(left), op, Box::new(right))))
}

/// ORDER BY of what has no rows but its result.
fn over_result(
    order: &[Sort],
    heads: &[Head],
    context: &Context<'_>,
) -> Result<Vec<(Bound, bool)>, Failure> {
    let columns = heads.iter().map(|head| Visible {
        table: String::new(),
        name: head.name.clone(),
        of: head.of,
        identity: false,
        computed: false,
        hidden: false,
        denied: None,
        masked: false,
        internal: false,
        source: None,
    });
    let scope = Scope { columns: columns.collect(), outer: context.outer };
    let binder = Binder::new(context, &scope);
    let one = |sort: &Sort| {
        let bound = match ordinal(&sort.by, heads.len()) {
            Some(at) => Bound { of: heads[at].of, node: Node::Column(0, at) },
            None => binder.bind(&sort.by)?,
        };
        Ok((bound, sort.descending))
    };
    order.iter().map(one).collect()
}

fn ordinal(expr: &Expr, width: usize) -> Option<usize> {
    let Expr::Literal(_, Value::Int(n)) = expr else { return None };
    usize::try_from(*n).ok().and_then(|n| n.checked_sub(1)).filter(|n| *n < width)
}

fn of_select(select: &Select, order: &[Sort], context: &Context<'_>) -> Result<Plan, Failure> {
    let mut columns = Vec::new();
    let mut from = From::Nothing;
    for (at, one) in select.from.iter().enumerate() {
        from = source::bind_next(from, at == 0, one, context, &mut columns)?;
    }
    let scope = Scope { columns, outer: context.outer };
    let plain = Binder::new(context, &scope);
    let filter = select.filter.as_ref().map(|expr| plain.bind(expr)).transpose()?;
    let grouped = !select.group.is_empty() || select.having.is_some() || aggregates(select);
    let group: Vec<Bound> =
        select.group.iter().map(|expr| plain.bind(expr)).collect::<Result<_, _>>()?;
    let slots = RefCell::new(Slots::default());
    let keys = select.group.iter().cloned().zip(group.iter().map(|bound| bound.of)).collect();
    let binder =
        Binder { context, scope: &scope, group: grouped.then_some(keys), slots: Some(&slots) };
    let having = select.having.as_ref().map(|expr| binder.bind(expr)).transpose()?;
    let (items, heads, assigned) = items(select, &binder)?;
    let order = sorts(order, &items, &heads, &binder)?;
    let top = select.top.as_ref().map(|expr| plain.bind(expr)).transpose()?;
    let slots = slots.into_inner();
    let windows = slots.windows.into_iter().map(|(_, window)| window).collect();
    let aggregates = slots.aggregates.into_iter().map(|(_, aggregate)| aggregate).collect();
    let group = grouped.then_some((group, aggregates));
    let body =
        Selected { from, filter, group, having, windows, items, distinct: select.distinct, top };
    let mut found = bare(heads, PlanBody::Select(Box::new(body)));
    found.order = order;
    found.assigned = assigned;
    Ok(found)
}

/// Whether a SELECT without GROUP BY makes one row of all.
fn aggregates(select: &Select) -> bool {
    fn inside(expr: &Expr) -> bool {
        match expr {
            Expr::Call(call) => {
                (call.over.is_none() && is_aggregate(&call.name)) || call.args.iter().any(inside)
            }
            Expr::Unary(_, a) | Expr::IsNull(a) | Expr::Collate(a, _) | Expr::Cast(a, ..) => {
                inside(a)
            }
            Expr::Binary(a, _, b) => inside(a) || inside(b),
            Expr::Case(operand, whens, otherwise) => {
                operand.iter().chain(otherwise).any(|expr| inside(expr))
                    || whens.iter().any(|(a, b)| inside(a) || inside(b))
            }
            _ => false,
        }
    }
    select.items.iter().any(|item| match item {
        Item::Expr(expr, _) | Item::Assign(_, expr) => inside(expr),
        Item::Star(_) => false,
    })
}

type Items = (Vec<Bound>, Vec<Head>, Vec<String>);

fn items(select: &Select, binder: &Binder<'_>) -> Result<Items, Failure> {
    let (mut items, mut heads, mut assigned) = (Vec::new(), Vec::new(), Vec::new());
    let mut push = |bound: Bound, name: String, column: Option<&Visible>| {
        heads.push(Head {
            name,
            of: bound.of,
            identity: column.is_some_and(|column| column.identity),
            computed: column.is_none_or(|column| column.computed),
            source: column.and_then(|column| column.source.clone()),
        });
        items.push(bound);
    };
    for item in &select.items {
        match item {
            Item::Star(of) => {
                let own = |column: &&Visible| {
                    !column.hidden
                        && of.as_ref().is_none_or(|of| column.table.eq_ignore_ascii_case(of))
                };
                for column in binder.scope.columns.iter().filter(own) {
                    let path = if column.table.is_empty() {
                        vec![column.name.clone()]
                    } else {
                        vec![column.table.clone(), column.name.clone()]
                    };
                    push(binder.bind(&Expr::Column(path))?, column.name.clone(), Some(column));
                }
            }
            Item::Expr(expr, alias) => {
                let bound = binder.bind(expr)?;
                let (name, column) = match expr {
                    Expr::Column(path) => (path.last().cloned(), named(binder.scope, &bound)),
                    _ => (None, None),
                };
                push(bound, alias.clone().or(name).unwrap_or_default(), column);
            }
            Item::Assign(name, expr) => {
                assigned.push(name.clone());
                push(binder.bind(expr)?, name.clone(), None);
            }
        }
    }
    Ok((items, heads, assigned))
}

fn named<'s>(scope: &'s Scope<'_>, bound: &Bound) -> Option<&'s Visible> {
    match &bound.node {
        Node::Column(0, at) => scope.columns.get(*at),
        // What is masked is the same column.
        Node::Call(name, args) if name == "mask" => named(scope, args.first()?),
        _ => None,
    }
}

fn sorts(
    order: &[Sort],
    items: &[Bound],
    heads: &[Head],
    binder: &Binder<'_>,
) -> Result<Vec<(Bound, bool)>, Failure> {
    let one = |sort: &Sort| {
        let alias = match &sort.by {
            Expr::Column(path) if path.len() == 1 => {
                heads.iter().position(|head| head.name.eq_ignore_ascii_case(&path[0]))
            }
            other => ordinal(other, items.len()),
        };
        let bound = match alias {
            Some(at) => items[at].clone(),
            None => binder.bind(&sort.by)?,
        };
        Ok((bound, sort.descending))
    };
    order.iter().map(one).collect()
}

impl Plan {
    pub(crate) fn run(&self, world: &World, outer: Option<&Env<'_>>) -> Result<Vec<Row>, Failure> {
        let env = Env { row: &[], outer, world };
        let number = |bound: &Option<Bound>| -> Result<Option<usize>, Failure> {
            let Some(bound) = bound else { return Ok(None) };
            let value = bound.eval(&env)?.int().and_then(|n| usize::try_from(n).ok());
            value.map(Some).ok_or_else(|| {
                Failure::new(10_742, "The offset specified in a OFFSET clause may not be negative.")
            })
        };
        let (offset, fetch) = (number(&self.offset)?, number(&self.fetch)?);
        let mut rows = match &self.body {
            PlanBody::Select(select) => return self.select(select, offset, fetch, world, outer),
            PlanBody::Values(rows) => {
                let one = |row: &Vec<Bound>| row.iter().map(|bound| bound.eval(&env)).collect();
                rows.iter().map(one).collect::<Result<Vec<Row>, Failure>>()?
            }
            PlanBody::Both(left, op, right) => self.both(left, op, right, world, outer)?,
        };
        if !self.order.is_empty() {
            rows = sorted(rows, &self.order, world, outer)?;
        }
        Ok(rows.into_iter().skip(offset.unwrap_or(0)).take(fetch.unwrap_or(usize::MAX)).collect())
    }

    fn both(
        &self,
        left: &Plan,
        op: &str,
        right: &Plan,
        world: &World,
        outer: Option<&Env<'_>>,
    ) -> Result<Vec<Row>, Failure> {
        let cast = |plan: &Plan| -> Result<Vec<Row>, Failure> {
            let rows = plan.run(world, outer)?;
            let one = |row: &Row| {
                let cells = row.iter().zip(&plan.heads).zip(&self.heads);
                cells
                    .map(|((value, from), to)| super::convert::convert(value, &from.of, &to.of, 0))
                    .collect()
            };
            rows.iter().map(one).collect()
        };
        let (mut all, other) = (cast(left)?, cast(right)?);
        let key = |row: &Row| self.key(row);
        match op {
            "union all" => all.extend(other),
            "union" => {
                all.extend(other);
                all = self.distinct(all);
            }
            _ => {
                let known: HashSet<Vec<Key>> = other.iter().map(key).collect();
                all.retain(|row| known.contains(&key(row)) == (op == "intersect"));
                all = self.distinct(all);
            }
        }
        Ok(all)
    }

    fn key(&self, row: &[Value]) -> Vec<Key> {
        row.iter().zip(&self.heads).map(|(value, head)| value.key(&head.of)).collect()
    }

    fn distinct(&self, rows: Vec<Row>) -> Vec<Row> {
        let mut seen = HashSet::new();
        rows.into_iter().filter(|row| seen.insert(self.key(row))).collect()
    }

    fn select(
        &self,
        select: &Selected,
        offset: Option<usize>,
        fetch: Option<usize>,
        world: &World,
        outer: Option<&Env<'_>>,
    ) -> Result<Vec<Row>, Failure> {
        let env = Env { row: &[], outer, world };
        let top = select.top.as_ref().map(|top| top.eval(&env)).transpose()?;
        let top = top.and_then(|top| top.int()).and_then(|n| usize::try_from(n).ok());
        let whole = !self.order.is_empty()
            || select.distinct
            || select.group.is_some()
            || !select.windows.is_empty();
        let enough = top.filter(|_| !whole).unwrap_or(usize::MAX);
        let mut rows = Vec::new();
        if enough > 0 {
            for row in select.from.run(world, outer)?.iter() {
                let kept = match &select.filter {
                    None => true,
                    Some(filter) => filter.eval(&Env { row, outer, world })?.holds(),
                };
                if kept {
                    rows.push(Row::clone(row));
                    if rows.len() == enough {
                        break;
                    }
                }
            }
        }
        if let Some((by, aggregates)) = &select.group {
            rows = grouped(&rows, by, aggregates, world, outer)?;
        }
        if let Some(having) = &select.having {
            let mut kept = Vec::new();
            for row in rows {
                if having.eval(&Env { row: &row, outer, world })?.holds() {
                    kept.push(row);
                }
            }
            rows = kept;
        }
        rows = widened(rows, &select.windows, world, outer)?;
        if !self.order.is_empty() {
            rows = sorted(rows, &self.order, world, outer)?;
        }
        if !select.distinct {
            let limit = top.unwrap_or(usize::MAX).min(fetch.unwrap_or(usize::MAX));
            rows = rows.into_iter().skip(offset.unwrap_or(0)).take(limit).collect();
        }
        let project = |row: Row| -> Result<Row, Failure> {
            let env = Env { row: &row, outer, world };
            select.items.iter().map(|item| item.eval(&env)).collect()
        };
        let mut out = rows.into_iter().map(project).collect::<Result<Vec<_>, _>>()?;
        if select.distinct {
            let limit = top.unwrap_or(usize::MAX).min(fetch.unwrap_or(usize::MAX));
            out = self.distinct(out).into_iter().skip(offset.unwrap_or(0)).take(limit).collect();
        }
        Ok(out)
    }
}

fn sorted(
    rows: Vec<Row>,
    order: &[(Bound, bool)],
    world: &World,
    outer: Option<&Env<'_>>,
) -> Result<Vec<Row>, Failure> {
    let mut keyed = Vec::with_capacity(rows.len());
    for row in rows {
        let env = Env { row: &row, outer, world };
        let keys: Vec<Value> =
            order.iter().map(|(bound, _)| bound.eval(&env)).collect::<Result<_, _>>()?;
        keyed.push((keys, row));
    }
    keyed.sort_by(|a, b| by(&a.0, &b.0, order));
    Ok(keyed.into_iter().map(|(_, row)| row).collect())
}

fn grouped(
    rows: &[Row],
    group: &[Bound],
    aggregates: &[Aggregate],
    world: &World,
    outer: Option<&Env<'_>>,
) -> Result<Vec<Row>, Failure> {
    let mut places: HashMap<Vec<Key>, usize> = HashMap::new();
    let mut groups: Vec<(Vec<Value>, Vec<Row>)> = Vec::new();
    for row in rows {
        let env = Env { row, outer, world };
        let values: Vec<Value> =
            group.iter().map(|bound| bound.eval(&env)).collect::<Result<_, _>>()?;
        let key = values.iter().zip(group).map(|(value, bound)| value.key(&bound.of)).collect();
        let at = *places.entry(key).or_insert(groups.len());
        if at == groups.len() {
            groups.push((values, Vec::new()));
        }
        groups[at].1.push(Row::clone(row));
    }
    if group.is_empty() && groups.is_empty() {
        groups.push((Vec::new(), Vec::new()));
    }
    let mut out = Vec::new();
    for (mut values, rows) in groups {
        for aggregate in aggregates {
            values.push(aggregate.compute(&rows, world, outer)?);
        }
        out.push(Row::from(values));
    }
    Ok(out)
}

/// Rows with the values of windows behind their own.
fn widened(
    rows: Vec<Row>,
    windows: &[Window],
    world: &World,
    outer: Option<&Env<'_>>,
) -> Result<Vec<Row>, Failure> {
    if windows.is_empty() {
        return Ok(rows);
    }
    let more = windows
        .iter()
        .map(|window| window.compute(&rows, world, outer))
        .collect::<Result<Vec<_>, _>>()?;
    let wide = |(at, row): (usize, &Row)| {
        row.iter().cloned().chain(more.iter().map(|values| values[at].clone())).collect()
    };
    Ok(rows.iter().enumerate().map(wide).collect())
}
