//! What is computed over many rows: aggregates and windows.

use std::collections::HashSet;

use super::super::sql::ast::Call;
use super::super::store::kind::{Kind, Type};
use super::super::store::table::Row;
use super::super::store::value::Value;
use super::Failure;
use super::bind::{Binder, cast};
use super::convert::Number;
use super::eval::{Bound, Env};
use super::world::World;

/// `count(*)`, `sum(x)` …
#[derive(Debug, Clone)]
pub(crate) struct Aggregate {
    name: String,
    inside: Option<Bound>,
    separator: Option<Bound>,
    distinct: bool,
    pub(crate) of: Type,
}

pub(crate) fn is_aggregate(name: &str) -> bool {
    ["count", "count_big", "sum", "min", "max", "avg", "string_agg", "checksum_agg"].contains(&name)
}

impl Aggregate {
    pub(crate) fn bind(call: &Call, binder: &Binder<'_>) -> Result<Self, Failure> {
        let inside = call.args.first().map(|arg| binder.bind(arg)).transpose()?;
        let separator = call.args.get(1).map(|arg| binder.bind(arg)).transpose()?;
        let own = inside.as_ref().map(|bound| bound.of);
        let kind = match (call.name.as_str(), own.map(|of| of.kind)) {
            ("count", _) | ("checksum_agg", _) => Kind::Int,
            ("count_big", _) => Kind::BigInt,
            ("sum" | "avg", Some(Kind::TinyInt | Kind::SmallInt | Kind::Int)) => Kind::Int,
            ("sum" | "avg", Some(Kind::Decimal(_, scale))) => {
                Kind::Decimal(38, if call.name == "avg" { scale.max(6) } else { scale })
            }
            ("sum" | "avg", Some(Kind::Real)) => Kind::Float,
            ("sum" | "avg", Some(Kind::SmallMoney)) => Kind::Money,
            (_, Some(kind)) => kind,
            _ => return Err(Failure::syntax("an aggregate without an argument")),
        };
        let of = Type {
            kind,
            nullable: !call.name.starts_with("count"),
            ..own.unwrap_or(Type::of(kind))
        };
        let inside = inside.map(|bound| {
            if ["sum", "avg"].contains(&call.name.as_str()) { cast(bound, kind) } else { bound }
        });
        Ok(Aggregate { name: call.name.clone(), inside, separator, distinct: call.distinct, of })
    }

    pub(crate) fn compute(
        &self,
        rows: &[Row],
        world: &World,
        outer: Option<&Env<'_>>,
    ) -> Result<Value, Failure> {
        let Some(inside) = &self.inside else { return Ok(Value::Int(count(rows.len()))) };
        let mut values = Vec::new();
        let mut seen = HashSet::new();
        for row in rows {
            let value = inside.eval(&Env { row, outer, world })?;
            if !value.is_null() && (!self.distinct || seen.insert(value.key(&inside.of))) {
                values.push(value);
            }
        }
        let best = |least: bool| {
            let mut all = values.iter().cloned();
            let first = all.next()?;
            Some(all.fold(first, |best, value| {
                let order = value.compare(&best, &inside.of);
                if (least && order.is_lt()) || (!least && order.is_gt()) { value } else { best }
            }))
        };
        match self.name.as_str() {
            "count" | "count_big" => Ok(Value::Int(count(values.len()))),
            "min" => Ok(best(true).unwrap_or(Value::Null)),
            "max" => Ok(best(false).unwrap_or(Value::Null)),
            "string_agg" => {
                let env = Env { row: &[], outer, world };
                let between = self.separator.as_ref().map(|bound| bound.eval(&env)).transpose()?;
                let between = between.and_then(|value| value.string()).unwrap_or_default();
                let texts: Vec<String> = values.iter().filter_map(Value::string).collect();
                Ok(if texts.is_empty() { Value::Null } else { Value::text(&texts.join(&between)) })
            }
            _ => self.sum(&values),
        }
    }

    fn sum(&self, values: &[Value]) -> Result<Value, Failure> {
        if values.is_empty() {
            return Ok(Value::Null);
        }
        let overflow = || Failure::overflow(&self.of.kind.to_string());
        let many = count(values.len());
        if self.of.kind == Kind::Float {
            let sum: f64 = values.iter().filter_map(Number::of).map(Number::float).sum();
            #[allow(clippy::cast_precision_loss)]
            let share = if self.name == "avg" { sum / many as f64 } else { sum };
            return Ok(Value::Float(share));
        }
        let mut sum = 0_i128;
        let mut scale = 0;
        for value in values {
            let Some(Number::Exact(digits, own)) = Number::of(value) else { continue };
            scale = own;
            sum = sum.checked_add(digits).ok_or_else(overflow)?;
        }
        if self.name == "avg" {
            sum /= i128::from(many);
        }
        Number::Exact(sum, scale).into_kind(self.of.kind)
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A call with OVER.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    name: String,
    aggregate: Option<Aggregate>,
    args: Vec<Bound>,
    partition: Vec<Bound>,
    order: Vec<(Bound, bool)>,
    pub(crate) of: Type,
}

impl Window {
    pub(crate) fn bind(call: &Call, binder: &Binder<'_>) -> Result<Self, Failure> {
        let Some((partition, order)) = &call.over else { return Err(Failure::syntax("over")) };
        let partition = partition.iter().map(|expr| binder.bind(expr)).collect::<Result<_, _>>()?;
        let order = binder.sorts(order)?;
        let args: Vec<Bound> =
            call.args.iter().map(|arg| binder.bind(arg)).collect::<Result<_, _>>()?;
        let aggregate =
            if is_aggregate(&call.name) { Some(Aggregate::bind(call, binder)?) } else { None };
        let of = match (&aggregate, call.name.as_str()) {
            (Some(aggregate), _) => aggregate.of,
            (None, "row_number" | "rank" | "dense_rank" | "ntile") => Type::not_null(Kind::BigInt),
            (None, "lag" | "lead") if !args.is_empty() => Type { nullable: true, ..args[0].of },
            (None, name) => return Err(Failure::unsupported(&format!("window function {name}"))),
        };
        Ok(Window { name: call.name.clone(), aggregate, args, partition, order, of })
    }

    /// The value for each row.
    pub(crate) fn compute(
        &self,
        rows: &[Row],
        world: &World,
        outer: Option<&Env<'_>>,
    ) -> Result<Vec<Value>, Failure> {
        let mut keyed = Vec::with_capacity(rows.len());
        for (at, row) in rows.iter().enumerate() {
            let env = Env { row, outer, world };
            let group = self
                .partition
                .iter()
                .map(|b| Ok(b.eval(&env)?.key(&b.of)))
                .collect::<Result<Vec<_>, Failure>>()?;
            let sort =
                self.order.iter().map(|(b, _)| b.eval(&env)).collect::<Result<Vec<_>, _>>()?;
            keyed.push((group, sort, at));
        }
        keyed.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| by(&a.1, &b.1, &self.order)));
        let mut out = vec![Value::Null; rows.len()];
        for part in keyed.chunk_by(|a, b| a.0 == b.0) {
            self.compute_part(part, rows, world, outer, &mut out)?;
        }
        Ok(out)
    }

    fn compute_part(
        &self,
        part: &[(Vec<super::super::store::value::Key>, Vec<Value>, usize)],
        rows: &[Row],
        world: &World,
        outer: Option<&Env<'_>>,
        out: &mut [Value],
    ) -> Result<(), Failure> {
        let tied = |a: usize, b: usize| by(&part[a].1, &part[b].1, &self.order).is_eq();
        let (mut rank, mut dense) = (0, 0);
        let many = count(part.len());
        for n in 0..part.len() {
            if n == 0 || !tied(n - 1, n) {
                (rank, dense) = (n, dense + 1);
            }
            let place = count(n);
            let env = Env { row: &rows[part[n].2], outer, world };
            out[part[n].2] = match self.name.as_str() {
                "row_number" => Value::Int(place + 1),
                "rank" => Value::Int(count(rank) + 1),
                "dense_rank" => Value::Int(dense),
                "ntile" => {
                    let tiles = self.args.first().map(|b| b.eval(&env)).transpose()?;
                    let tiles = tiles.and_then(|v| v.int()).unwrap_or(1).max(1);
                    let (small, more) = (many / tiles, many % tiles);
                    let in_large = more * (small + 1);
                    let tile = if place < in_large {
                        place / (small + 1)
                    } else {
                        more + (place - in_large) / small.max(1)
                    };
                    Value::Int(tile + 1)
                }
                "lag" | "lead" => {
                    let step = self.args.get(1).map(|b| b.eval(&env)).transpose()?;
                    let step = step.and_then(|v| v.int()).unwrap_or(1);
                    let at = if self.name == "lag" { place - step } else { place + step };
                    let other = usize::try_from(at).ok().and_then(|at| part.get(at));
                    other.map_or(Ok(Value::Null), |(_, _, at)| {
                        self.args[0].eval(&Env { row: &rows[*at], outer, world })
                    })?
                }
                _ => {
                    // With an order it runs up to the row and those that tie with it.
                    let mut end = part.len();
                    if !self.order.is_empty() {
                        end = n + 1;
                        while end < part.len() && tied(n, end) {
                            end += 1;
                        }
                    }
                    let own: Vec<Row> =
                        part[..end].iter().map(|(_, _, at)| Row::clone(&rows[*at])).collect();
                    self.aggregate
                        .as_ref()
                        .map_or(Ok(Value::Null), |a| a.compute(&own, world, outer))?
                }
            };
        }
        Ok(())
    }
}

/// Compares sort keys.
pub(crate) fn by(a: &[Value], b: &[Value], order: &[(Bound, bool)]) -> std::cmp::Ordering {
    for ((x, y), (bound, descending)) in a.iter().zip(b).zip(order) {
        let found = x.compare(y, &bound.of);
        let found = if *descending { found.reverse() } else { found };
        if found.is_ne() {
            return found;
        }
    }
    std::cmp::Ordering::Equal
}
