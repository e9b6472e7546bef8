//! Bound expressions, and their values.

use super::super::store::kind::Type;
use super::super::store::value::Value;
use super::convert::convert;
use super::plan::Plan;
use super::world::World;
use super::{Failure, arithmetic, functions};

/// An expression whose type is known and whose names are found.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    pub(crate) of: Type,
    pub(crate) node: Node,
}

#[derive(Debug, Clone)]
pub(crate) enum Node {
    Literal(Value),
    /// How many queries further out, and which column.
    Column(usize, usize),
    /// To the type of the expression; the style, and whether a failure is NULL.
    Cast(Box<Bound>, i64, bool),
    And(Box<Bound>, Box<Bound>),
    Or(Box<Bound>, Box<Bound>),
    Not(Box<Bound>),
    /// Both have the same type.
    Compare(Box<Bound>, &'static str, Box<Bound>),
    Arithmetic(Box<Bound>, &'static str, Box<Bound>),
    Negative(Box<Bound>),
    IsNull(Box<Bound>),
    InQuery(Box<Bound>, Box<Plan>),
    Exists(Box<Plan>),
    Scalar(Box<Plan>),
    Like(Box<Bound>, Box<Bound>, Option<Box<Bound>>),
    Case(Vec<(Bound, Bound)>, Option<Box<Bound>>),
    Call(String, Vec<Bound>),
}

/// The rows that an expression stands on, from the inside out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Env<'a> {
    pub(crate) row: &'a [Value],
    pub(crate) outer: Option<&'a Env<'a>>,
    pub(crate) world: &'a World,
}

impl<'a> Env<'a> {
    fn column(&self, out: usize, at: usize) -> Value {
        let mut env = self;
        for _ in 0..out {
            match env.outer {
                Some(outer) => env = outer,
                None => return Value::Null,
            }
        }
        env.row.get(at).cloned().unwrap_or(Value::Null)
    }
}

impl Bound {
    pub(crate) fn literal(of: Type, value: Value) -> Self {
        Bound { of, node: Node::Literal(value) }
    }

    pub(crate) fn eval(&self, env: &Env<'_>) -> Result<Value, Failure> {
        match &self.node {
            Node::Literal(value) => Ok(value.clone()),
            Node::Column(out, at) => Ok(env.column(*out, *at)),
            Node::Cast(inside, style, lenient) => {
                let value = inside.eval(env)?;
                match convert(&value, &inside.of, &self.of, *style) {
                    Err(_) if *lenient => Ok(Value::Null),
                    done => done,
                }
            }
            Node::And(left, right) => both(left, right, env, false),
            Node::Or(left, right) => both(left, right, env, true),
            Node::Not(inside) => Ok(match inside.eval(env)? {
                Value::Null => Value::Null,
                value => Value::bool(!value.holds()),
            }),
            Node::Compare(left, op, right) => compare(left, op, right, env),
            Node::Arithmetic(left, op, right) => {
                let (a, b) = (left.eval(env)?, right.eval(env)?);
                arithmetic::compute(&a, &left.of, op, &b, &right.of, &self.of)
            }
            Node::Negative(inside) => arithmetic::negative(&inside.eval(env)?),
            Node::IsNull(inside) => Ok(Value::bool(inside.eval(env)?.is_null())),
            Node::InQuery(inside, plan) => in_query(inside, plan, env),
            Node::Exists(plan) => Ok(Value::bool(!plan.run(env.world, Some(env))?.is_empty())),
            Node::Scalar(plan) => scalar(plan, env),
            Node::Like(text, pattern, escape) => like(text, pattern, escape.as_deref(), env),
            Node::Case(whens, otherwise) => {
                for (condition, value) in whens {
                    if condition.eval(env)?.holds() {
                        return value.eval(env);
                    }
                }
                otherwise.as_ref().map_or(Ok(Value::Null), |value| value.eval(env))
            }
            Node::Call(name, args) => functions::call(name, args, &self.of, env),
        }
    }
}

fn both(left: &Bound, right: &Bound, env: &Env<'_>, decides: bool) -> Result<Value, Failure> {
    let first = left.eval(env)?;
    if !first.is_null() && first.holds() == decides {
        return Ok(Value::bool(decides));
    }
    let second = right.eval(env)?;
    if !second.is_null() && second.holds() == decides {
        return Ok(Value::bool(decides));
    }
    Ok(if first.is_null() || second.is_null() { Value::Null } else { Value::bool(!decides) })
}

fn compare(left: &Bound, op: &str, right: &Bound, env: &Env<'_>) -> Result<Value, Failure> {
    let (a, b) = (left.eval(env)?, right.eval(env)?);
    if a.is_null() || b.is_null() {
        return Ok(Value::Null);
    }
    let order = a.compare(&b, &left.of);
    Ok(Value::bool(match op {
        "=" => order.is_eq(),
        "<>" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    }))
}

fn in_query(inside: &Bound, plan: &Plan, env: &Env<'_>) -> Result<Value, Failure> {
    let value = inside.eval(env)?;
    let rows = plan.run(env.world, Some(env))?;
    if value.is_null() {
        return Ok(if rows.is_empty() { Value::bool(false) } else { Value::Null });
    }
    let mut unknown = false;
    for row in rows {
        let Some(other) = row.first() else { continue };
        if other.is_null() {
            unknown = true;
        } else {
            let other = convert(other, &plan.heads[0].of, &inside.of, 0)?;
            if value.compare(&other, &inside.of).is_eq() {
                return Ok(Value::bool(true));
            }
        }
    }
    Ok(if unknown { Value::Null } else { Value::bool(false) })
}

fn scalar(plan: &Plan, env: &Env<'_>) -> Result<Value, Failure> {
    let rows = plan.run(env.world, Some(env))?;
    match rows.as_slice() {
        [] => Ok(Value::Null),
        [row] => Ok(row.first().cloned().unwrap_or(Value::Null)),
        _ => Err(Failure::new(
            512,
            "Subquery returned more than 1 value. This is not permitted when the subquery \
             follows =, !=, <, <= , >, >= or when the subquery is used as an expression.",
        )),
    }
}

fn like(
    text: &Bound,
    pattern: &Bound,
    escape: Option<&Bound>,
    env: &Env<'_>,
) -> Result<Value, Failure> {
    let (a, b) = (text.eval(env)?, pattern.eval(env)?);
    let escape = escape.map(|escape| escape.eval(env)).transpose()?;
    let escape = escape.and_then(|value| value.string()).and_then(|text| text.chars().next());
    let (Some(a), Some(b)) = (a.string(), b.string()) else { return Ok(Value::Null) };
    let fold = |text: String| {
        let case = text_is_cased(&pattern.of);
        if case { text } else { text.to_lowercase() }
    };
    let (a, b) = (fold(a), fold(b));
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    Ok(Value::bool(matches(&a, &b, escape)))
}

fn text_is_cased(of: &Type) -> bool {
    of.collation.is_case_sensitive()
}

/// `%`, `_`, `[a-z]` and `[^a-z]`.
fn matches(text: &[char], pattern: &[char], escape: Option<char>) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return text.is_empty() };
    if Some(*first) == escape {
        let Some((wanted, rest)) = rest.split_first() else { return false };
        return text.first() == Some(wanted) && matches(&text[1..], rest, escape);
    }
    match first {
        '%' => (0..=text.len()).any(|at| matches(&text[at..], rest, escape)),
        '_' => !text.is_empty() && matches(&text[1..], rest, escape),
        '[' => {
            let Some(close) = rest.iter().position(|c| *c == ']') else { return false };
            let Some(one) = text.first() else { return false };
            in_class(*one, &rest[..close]) && matches(&text[1..], &rest[close + 1..], escape)
        }
        c => text.first() == Some(c) && matches(&text[1..], rest, escape),
    }
}

fn in_class(one: char, class: &[char]) -> bool {
    let (not, class) = match class.split_first() {
        Some(('^', rest)) => (true, rest),
        _ => (false, class),
    };
    let mut at = 0;
    let mut found = false;
    while at < class.len() {
        if class.get(at + 1) == Some(&'-') && at + 2 < class.len() {
            found |= (class[at]..=class[at + 2]).contains(&one);
            at += 3;
        } else {
            found |= class[at] == one;
            at += 1;
        }
    }
    found != not
}
