//! Expressions of the tree become bound ones: names are found, and types made equal.

use std::cell::RefCell;

use super::super::sql::ast::{Call, Expr, Query, Sort};
use super::super::store::collation::Collation;
use super::super::store::kind::{Kind, Type};
use super::super::store::value::Value;
use super::super::wire::tokens::Place;
use super::aggregate::{Aggregate, Window, is_aggregate};
use super::eval::{Bound, Node};
use super::plan::plan;
use super::world::World;
use super::{Failure, arithmetic, functions};

/// A column that can be named.
#[derive(Debug, Clone)]
pub(crate) struct Visible {
    pub(crate) table: String,
    pub(crate) name: String,
    pub(crate) of: Type,
    pub(crate) identity: bool,
    pub(crate) computed: bool,
    pub(crate) hidden: bool,
    /// The table, if the column may not be read.
    pub(crate) denied: Option<String>,
    pub(crate) masked: bool,
    /// A column of a graph that the server keeps to itself.
    pub(crate) internal: bool,
    pub(crate) source: Option<Place>,
}

/// The columns of one query, and of those around it.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) columns: Vec<Visible>,
    pub(crate) outer: Option<&'a Scope<'a>>,
}

/// What a query is bound in.
#[derive(Debug, Clone)]
pub(crate) struct Context<'a> {
    pub(crate) world: &'a World,
    /// The queries of WITH.
    pub(crate) with: Vec<(String, Vec<String>, Query)>,
    pub(crate) outer: Option<&'a Scope<'a>>,
    /// Views inside views.
    pub(crate) depth: usize,
}

/// What a SELECT computes over many rows.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    pub(crate) aggregates: Vec<(Call, Aggregate)>,
    pub(crate) windows: Vec<(Call, Window)>,
}

#[derive(Debug)]
pub(crate) struct Binder<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) scope: &'a Scope<'a>,
    /// The expressions of GROUP BY, if the query has groups.
    pub(crate) group: Option<Vec<(Expr, Type)>>,
    pub(crate) slots: Option<&'a RefCell<Slots>>,
}

impl<'a> Binder<'a> {
    pub(crate) fn new(context: &'a Context<'a>, scope: &'a Scope<'a>) -> Self {
        Binder { context, scope, group: None, slots: None }
    }

    fn plain(&self) -> Binder<'a> {
        Binder::new(self.context, self.scope)
    }

    pub(crate) fn bind(&self, expr: &Expr) -> Result<Bound, Failure> {
        if let Some(group) = &self.group
            && let Some(at) = group.iter().position(|(own, _)| same(own, expr))
        {
            return Ok(Bound { of: group[at].1, node: Node::Column(0, at) });
        }
        match expr {
            Expr::Literal(kind, value) => {
                let collation = self.context.world.database.collation;
                let of = Type { collation, nullable: value.is_null(), ..Type::of(*kind) };
                Ok(Bound::literal(of, value.clone()))
            }
            Expr::Column(name) => self.column(name),
            Expr::Variable(name) => self.variable(name),
            Expr::Unary(op, inside) => self.unary(op, inside),
            Expr::Binary(left, op, right) => self.binary(left, op, right),
            Expr::IsNull(inside) => Ok(bit(Node::IsNull(Box::new(self.bind(inside)?)))),
            Expr::InList(inside, list) => self.in_list(inside, list),
            Expr::InQuery(inside, query) => {
                let (inside, plan) = (self.bind(inside)?, self.query(query)?);
                let head = plan.heads.first().ok_or_else(|| Failure::syntax("in"))?;
                let kind = common(&[&inside, &Bound::literal(head.of, Value::Int(0))]);
                Ok(bit(Node::InQuery(Box::new(cast_to(inside, kind)), Box::new(plan))))
            }
            Expr::Exists(query) => Ok(bit(Node::Exists(Box::new(self.query(query)?)))),
            Expr::Like(text, pattern, escape) => self.like(text, pattern, escape.as_deref()),
            Expr::Case(operand, whens, otherwise) => {
                self.case(operand.as_deref(), whens, otherwise.as_deref())
            }
            Expr::Cast(inside, kind, style, lenient) => {
                self.cast(inside, *kind, style.as_deref(), *lenient)
            }
            Expr::Call(call) => self.call(call),
            Expr::Query(query) => {
                let plan = self.query(query)?;
                let head = plan.heads.first().ok_or_else(|| Failure::syntax("select"))?;
                let of = Type { nullable: true, ..head.of };
                Ok(Bound { of, node: Node::Scalar(Box::new(plan)) })
            }
            Expr::Collate(inside, name) => {
                let found = Collation::named(name)
                    .ok_or_else(|| Failure::new(448, &format!("Invalid collation '{name}'.")))?;
                let inside = self.bind(inside)?;
                let of = Type { collation: found, ..inside.of };
                Ok(Bound { of, node: Node::Cast(Box::new(inside), 0, false) })
            }
        }
    }

    fn query(&self, query: &Query) -> Result<super::plan::Plan, Failure> {
        let context = Context { outer: Some(self.scope), ..self.context.clone() };
        plan(query, &context)
    }

    fn column(&self, name: &[String]) -> Result<Bound, Failure> {
        let Some(last) = name.last() else { return Err(Failure::syntax(".")) };
        let mut scope = Some(self.scope);
        let mut out = 0;
        while let Some(own) = scope {
            let found = find(own, name)?;
            if let Some((at, column)) = found {
                if let Some(table) = &column.denied {
                    let database = &self.context.world.database.name;
                    return Err(Failure::new(
                        230,
                        &format!(
                            "The SELECT permission was denied on the column '{last}' of the \
                             object '{table}', database '{database}', schema 'dbo'."
                        ),
                    ));
                }
                if column.internal {
                    let text = format!("Cannot access internal graph column '{last}'.");
                    return Err(Failure::new(13_908, &text));
                }
                if out == 0 && self.group.is_some() {
                    let text = format!(
                        "Column '{}' is invalid in the select list because it is not contained in \
                         either an aggregate function or the GROUP BY clause.",
                        name.join(".")
                    );
                    return Err(Failure::new(8120, &text));
                }
                let inside = Bound { of: column.of, node: Node::Column(out, at) };
                if column.masked {
                    let node = Node::Call("mask".to_owned(), vec![inside]);
                    return Ok(Bound { of: column.of, node });
                }
                return Ok(inside);
            }
            scope = own.outer;
            out += 1;
        }
        if name.len() > 1 {
            let text =
                format!("The multi-part identifier \"{}\" could not be bound.", name.join("."));
            return Err(Failure::new(4104, &text));
        }
        Err(Failure::no_column(last))
    }

    fn variable(&self, name: &str) -> Result<Bound, Failure> {
        let world = self.context.world;
        let found = match name.strip_prefix("@@") {
            Some(global) => world.globals.get(global),
            None => world.variables.get(name),
        };
        let (of, value) = found.ok_or_else(|| {
            Failure::new(137, &format!("Must declare the scalar variable \"{name}\"."))
        })?;
        Ok(Bound::literal(*of, value.clone()))
    }

    fn unary(&self, op: &str, inside: &Expr) -> Result<Bound, Failure> {
        let inside = self.bind(inside)?;
        let of = inside.of;
        Ok(match op {
            "not" => bit(Node::Not(Box::new(inside))),
            "-" => Bound { of, node: Node::Negative(Box::new(inside)) },
            _ => {
                let minus = Bound::literal(of, Value::Int(-1));
                Bound { of, node: Node::Arithmetic(Box::new(inside), "^", Box::new(minus)) }
            }
        })
    }

    fn binary(&self, left: &Expr, op: &'static str, right: &Expr) -> Result<Bound, Failure> {
        let (left, right) = (self.bind(left)?, self.bind(right)?);
        match op {
            "and" => Ok(bit(Node::And(Box::new(left), Box::new(right)))),
            "or" => Ok(bit(Node::Or(Box::new(left), Box::new(right)))),
            "=" | "<>" | "<" | "<=" | ">" | ">=" => compared(left, op, right),
            _ => {
                let kind = if is_null(&left) {
                    right.of.kind
                } else if is_null(&right) {
                    left.of.kind
                } else {
                    arithmetic::result(left.of.kind, op, right.of.kind)
                };
                let of = Type { kind, nullable: true, collation: collation(&left, &right)? };
                Ok(Bound { of, node: Node::Arithmetic(Box::new(left), op, Box::new(right)) })
            }
        }
    }

    fn in_list(&self, inside: &Expr, list: &[Expr]) -> Result<Bound, Failure> {
        let mut any: Option<Bound> = None;
        for one in list {
            let equal = self.binary(inside, "=", one)?;
            any = Some(match any {
                None => equal,
                Some(before) => bit(Node::Or(Box::new(before), Box::new(equal))),
            });
        }
        any.ok_or_else(|| Failure::syntax("in ()"))
    }

    fn like(&self, text: &Expr, pattern: &Expr, escape: Option<&Expr>) -> Result<Bound, Failure> {
        let as_text = |expr: &Expr| -> Result<Bound, Failure> {
            let bound = self.bind(expr)?;
            if bound.of.kind.is_text() { Ok(bound) } else { Ok(cast(bound, Kind::NVarChar(None))) }
        };
        let (text, pattern) = (as_text(text)?, as_text(pattern)?);
        let mut pattern = pattern;
        pattern.of.collation = collation(&text, &pattern)?;
        let escape = escape.map(as_text).transpose()?.map(Box::new);
        Ok(bit(Node::Like(Box::new(text), Box::new(pattern), escape)))
    }

    fn case(
        &self,
        operand: Option<&Expr>,
        whens: &[(Expr, Expr)],
        otherwise: Option<&Expr>,
    ) -> Result<Bound, Failure> {
        let mut conditions = Vec::new();
        let mut values = Vec::new();
        for (condition, value) in whens {
            conditions.push(match operand {
                None => self.bind(condition)?,
                Some(operand) => self.binary(operand, "=", condition)?,
            });
            values.push(self.bind(value)?);
        }
        let last = otherwise.map(|expr| self.bind(expr)).transpose()?;
        let all: Vec<&Bound> = values.iter().chain(&last).collect();
        let of = Type { nullable: true, ..common(&all) };
        let values = values.into_iter().map(|value| cast_to(value, of));
        let whens = conditions.into_iter().zip(values).collect();
        Ok(Bound { of, node: Node::Case(whens, last.map(|value| Box::new(cast_to(value, of)))) })
    }

    fn cast(
        &self,
        inside: &Expr,
        kind: Kind,
        style: Option<&Expr>,
        lenient: bool,
    ) -> Result<Bound, Failure> {
        let inside = self.bind(inside)?;
        let style = match style {
            None => 0,
            Some(Expr::Literal(_, Value::Int(n))) => *n,
            Some(_) => return Err(Failure::unsupported("a style that is computed")),
        };
        let collation = if inside.of.kind.is_text() {
            inside.of.collation
        } else {
            self.context.world.database.collation
        };
        // What is cast may be NULL, as far as SQL Server tells.
        let of = Type { kind, collation, nullable: true };
        Ok(Bound { of, node: Node::Cast(Box::new(inside), style, lenient) })
    }

    fn call(&self, call: &Call) -> Result<Bound, Failure> {
        if call.over.is_some() {
            return self.window(call);
        }
        if is_aggregate(&call.name) {
            return self.aggregate(call);
        }
        let args: Vec<Bound> =
            call.args.iter().map(|arg| self.bind(arg)).collect::<Result<_, _>>()?;
        functions::bind(&call.name, args, self.context.world)
    }

    fn aggregate(&self, call: &Call) -> Result<Bound, Failure> {
        let (Some(slots), Some(group)) = (self.slots, &self.group) else {
            return Err(Failure::new(147, "An aggregate may not appear here."));
        };
        let own = Aggregate::bind(call, &self.plain())?;
        let of = own.of;
        let mut slots = slots.borrow_mut();
        let known = slots.aggregates.iter().position(|(other, _)| other == call);
        let at = known.unwrap_or(slots.aggregates.len());
        if known.is_none() {
            slots.aggregates.push((call.clone(), own));
        }
        Ok(Bound { of, node: Node::Column(0, group.len() + at) })
    }

    fn window(&self, call: &Call) -> Result<Bound, Failure> {
        let Some(slots) = self.slots.filter(|_| self.group.is_none()) else {
            return Err(Failure::unsupported("windows over groups"));
        };
        let own = Window::bind(call, &self.plain())?;
        let of = own.of;
        let mut slots = slots.borrow_mut();
        let at = slots.windows.len();
        slots.windows.push((call.clone(), own));
        Ok(Bound { of, node: Node::Column(0, self.scope.columns.len() + at) })
    }

    /// The expressions of an ORDER BY inside a window.
    pub(crate) fn sorts(&self, sorts: &[Sort]) -> Result<Vec<(Bound, bool)>, Failure> {
        sorts.iter().map(|sort| Ok((self.bind(&sort.by)?, sort.descending))).collect()
    }
}

fn find<'s>(
    scope: &'s Scope<'_>,
    name: &[String],
) -> Result<Option<(usize, &'s Visible)>, Failure> {
    let (Some(last), table) = (name.last(), name.len().checked_sub(2).map(|at| &name[at])) else {
        return Ok(None);
    };
    let mut found = scope.columns.iter().enumerate().filter(|(_, column)| {
        column.name.eq_ignore_ascii_case(last)
            && table.is_none_or(|table| column.table.eq_ignore_ascii_case(table))
    });
    let first = found.next();
    if found.next().is_some() {
        return Err(Failure::new(209, &format!("Ambiguous column name '{last}'.")));
    }
    Ok(first)
}

/// Whether two expressions are the same, for GROUP BY.
fn same(left: &Expr, right: &Expr) -> bool {
    match (left, right) {
        (Expr::Column(a), Expr::Column(b)) => match (a.last(), b.last()) {
            (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
            _ => false,
        },
        _ => left == right,
    }
}

pub(crate) fn bit(node: Node) -> Bound {
    Bound { of: Type::of(Kind::Bit), node }
}

pub(crate) fn is_null(bound: &Bound) -> bool {
    matches!(bound.node, Node::Literal(Value::Null))
}

pub(crate) fn cast(inside: Bound, kind: Kind) -> Bound {
    let of = Type { kind, ..inside.of };
    cast_to(inside, of)
}

/// The expression in another type, if it has not got it.
pub(crate) fn cast_to(inside: Bound, of: Type) -> Bound {
    if inside.of.kind == of.kind && inside.of.collation == of.collation {
        return inside;
    }
    let of = Type { nullable: inside.of.nullable, ..of };
    Bound { of, node: Node::Cast(Box::new(inside), 0, false) }
}

/// The type of several expressions; NULL as it is written has none.
pub(crate) fn common(all: &[&Bound]) -> Type {
    let mut typed = all.iter().filter(|bound| !is_null(bound)).map(|bound| bound.of);
    let Some(first) = typed.next() else {
        return all.first().map_or(Type::of(Kind::Int), |bound| bound.of);
    };
    let nullable = all.iter().any(|bound| bound.of.nullable);
    let kind = typed.fold(first.kind, |kind, other| kind.common(other.kind));
    let text = all.iter().find(|b| b.of.kind.is_text() && !matches!(b.node, Node::Literal(_)));
    let collation = text.map_or(first.collation, |bound| bound.of.collation);
    Type { kind, collation, nullable }
}

/// The collation of two: a column's comes before a literal's.
fn collation(left: &Bound, right: &Bound) -> Result<Collation, Failure> {
    let weak = |bound: &Bound| !bound.of.kind.is_text() || matches!(bound.node, Node::Literal(_));
    if weak(right) || left.of.collation == right.of.collation {
        return Ok(left.of.collation);
    }
    if weak(left) || matches!(right.node, Node::Cast(..)) {
        return Ok(right.of.collation);
    }
    if matches!(left.node, Node::Cast(..)) {
        return Ok(left.of.collation);
    }
    let text = format!(
        "Cannot resolve the collation conflict between \"{}\" and \"{}\" in the operation.",
        left.of.collation.name(),
        right.of.collation.name()
    );
    Err(Failure::new(468, &text))
}

pub(crate) fn compared(left: Bound, op: &'static str, right: Bound) -> Result<Bound, Failure> {
    for side in [&left, &right] {
        if matches!(side.of.kind, Kind::Text | Kind::NText | Kind::Image | Kind::Xml) {
            let text = format!(
                "The data types {} and the other are incompatible in the operator.",
                side.of.kind.name()
            );
            return Err(Failure::new(402, &text));
        }
    }
    let collation = collation(&left, &right)?;
    let mut of = common(&[&left, &right]);
    of.collation = collation;
    // Bytes and rowversions compare as bytes; a text and a number compare as numbers.
    let (left, right) = (cast_to(left, of), cast_to(right, of));
    Ok(bit(Node::Compare(Box::new(left), op, Box::new(right))))
}
