//! The types of expressions, as far as they can be told.

use std::collections::BTreeMap;

use sqlparser::ast::{
    BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Value,
};

use super::super::schema::{Field, Mode, Type};
use super::parameters::Parameter;

/// Columns that can be meant by a name, and the parameters.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// By name in lower case; none where one name means different things.
    pub(crate) columns: BTreeMap<String, Option<Field>>,
    pub(crate) parameters: Vec<Parameter>,
}

/// What is known of an expression.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) field: Field,
    /// Literals and parameters of type STRING become dates and times where one is needed.
    pub(crate) is_literal: bool,
}

impl Scope {
    pub(crate) fn add(&mut self, field: &Field) {
        let known =
            self.columns.entry(field.name.to_lowercase()).or_insert_with(|| Some(field.clone()));
        if known.as_ref().is_some_and(|known| {
            known.kind != field.kind
                || (known.mode == Mode::Repeated) != (field.mode == Mode::Repeated)
        }) {
            *known = None;
        }
    }

    /// This name is given to something else, too.
    pub(crate) fn blur(&mut self, name: &str) {
        self.columns.insert(name.to_lowercase(), None);
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Field> {
        self.columns.get(&name.to_lowercase())?.as_ref()
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn infer(&self, expr: &Expr) -> Option<Known> {
        let of = |kind| Some(Known { field: Field::new("", kind), is_literal: false });
        match expr {
            Expr::Identifier(name) => match name.value.strip_prefix('@') {
                Some(name) if name_is_quoted(expr) => self.named(name),
                Some(name) => {
                    let parameter = self.parameter(name).filter(|parameter| !parameter.is_array)?;
                    Some(Known { field: parameter.field.clone(), is_literal: true })
                }
                None => self.named(&name.value),
            },
            Expr::CompoundIdentifier(names) => match names.as_slice() {
                [_, name] => self.named(&name.value),
                _ => None,
            },
            Expr::Value(value) => literal(&value.value),
            Expr::TypedString(typed) => of(kind_of(&typed.data_type)?),
            Expr::Cast { data_type, .. } => of(kind_of(data_type)?),
            Expr::Nested(inner) => self.infer(inner),
            Expr::Case { conditions, .. } => self.infer(&conditions.first()?.result),
            Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::Exists { .. }
            | Expr::InList { .. }
            | Expr::InSubquery { .. }
            | Expr::InUnnest { .. }
            | Expr::Between { .. }
            | Expr::Like { .. }
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..) => of(Type::Bool),
            Expr::BinaryOp { left, op, right } => self.operation(left, op, right),
            Expr::UnaryOp { op: sqlparser::ast::UnaryOperator::Not, .. } => of(Type::Bool),
            Expr::UnaryOp { expr, .. } => self.infer(expr),
            Expr::Function(function) => self.function(function),
            _ => None,
        }
    }

    fn named(&self, name: &str) -> Option<Known> {
        Some(Known { field: self.column(name)?.clone(), is_literal: false })
    }

    fn operation(&self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Known> {
        let of = |kind| Some(Known { field: Field::new("", kind), is_literal: false });
        if is_comparison(op) || matches!(op, BinaryOperator::And | BinaryOperator::Or) {
            return of(Type::Bool);
        }
        let (left, right) = (self.infer(left)?.field.kind, self.infer(right)?.field.kind);
        match op {
            BinaryOperator::StringConcat => of(left),
            BinaryOperator::Divide if left == Type::Int64 && right == Type::Int64 => {
                of(Type::Float64)
            }
            _ if [left, right].contains(&Type::Float64) => of(Type::Float64),
            _ if [left, right].contains(&Type::BigNumeric) => of(Type::BigNumeric),
            _ if [left, right].contains(&Type::Numeric) => of(Type::Numeric),
            _ => of(left),
        }
    }

    fn function(&self, function: &Function) -> Option<Known> {
        let of = |kind| Some(Known { field: Field::new("", kind), is_literal: false });
        let arguments = arguments(function);
        let argument = |at: usize| {
            self.infer(arguments.get(at)?).map(|known| Known { is_literal: false, ..known })
        };
        match function.name.to_string().to_uppercase().as_str() {
            "COUNT" | "COUNTIF" | "LENGTH" | "CHAR_LENGTH" | "STRPOS" | "ROW_NUMBER" | "RANK"
            | "DENSE_RANK" | "UNIX_MICROS" | "UNIX_MILLIS" | "UNIX_SECONDS"
            | "FARM_FINGERPRINT" => of(Type::Int64),
            "AVG" => of(Type::Float64),
            "SUM" | "MIN" | "MAX" | "ANY_VALUE" | "IFNULL" | "COALESCE" | "NULLIF" | "ABS"
            | "GREATEST" | "LEAST" | "MOD" | "ROUND" => argument(0),
            "IF" => argument(1),
            "CONCAT" | "LOWER" | "UPPER" | "SUBSTR" | "TRIM" | "LTRIM" | "RTRIM" | "REPLACE"
            | "TO_JSON_STRING" | "STRING_AGG" | "TO_BASE64" | "TO_HEX" | "GENERATE_UUID" => {
                of(Type::String)
            }
            "CURRENT_TIMESTAMP" | "TIMESTAMP" | "TIMESTAMP_MICROS" | "TIMESTAMP_MILLIS"
            | "TIMESTAMP_SECONDS" => of(Type::Timestamp),
            "CURRENT_DATE" | "DATE" => of(Type::Date),
            "DATETIME" => of(Type::DateTime),
            "FROM_BASE64" => of(Type::Bytes),
            "PARSE_JSON" => of(Type::Json),
            "LOGICAL_AND" | "LOGICAL_OR" | "STARTS_WITH" | "ENDS_WITH" => of(Type::Bool),
            _ => None,
        }
    }
}

fn name_is_quoted(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(name) if name.quote_style.is_some())
}

fn literal(value: &Value) -> Option<Known> {
    let kind = match value {
        Value::Boolean(_) => Type::Bool,
        Value::Null | Value::Placeholder(_) => return None,
        Value::Number(text, _) if text.contains(['.', 'e', 'E']) => Type::Float64,
        Value::Number(..) => Type::Int64,
        Value::SingleQuotedByteStringLiteral(_) | Value::DoubleQuotedByteStringLiteral(_) => {
            Type::Bytes
        }
        _ => Type::String,
    };
    Some(Known { field: Field::new("", kind), is_literal: true })
}

/// The plain arguments of a call.
pub(crate) fn arguments(function: &Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    let plain = list.args.iter().filter_map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    });
    plain.collect()
}

pub(crate) fn is_comparison(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
    )
}

/// `NUMERIC(10, 2)` as NUMERIC.
pub(crate) fn kind_of(data_type: &DataType) -> Option<Type> {
    let text = data_type.to_string();
    Type::of(text.split(['(', '<']).next().unwrap_or("").trim())
}

fn is_number(kind: Type) -> bool {
    matches!(kind, Type::Int64 | Type::Float64 | Type::Numeric | Type::BigNumeric)
}

fn is_moment(kind: Type) -> bool {
    matches!(kind, Type::Date | Type::Time | Type::DateTime | Type::Timestamp)
}

/// Whether two values can be compared.
pub(crate) fn are_comparable(one: &Known, other: &Known) -> bool {
    let (a, b) = (one.field.kind, other.field.kind);
    let literal = |literal: &Known, other: Type| {
        literal.is_literal && literal.field.kind == Type::String && is_moment(other)
    };
    let has_equality = |known: &Known| {
        known.field.mode != Mode::Repeated
            && !matches!(known.field.kind, Type::Json | Type::Geography)
    };
    let same = a == b || is_number(a) && is_number(b) || literal(one, b) || literal(other, a);
    same && has_equality(one) && has_equality(other)
}

/// Whether a value can be put into a column.
pub(crate) fn can_become(known: &Known, to: &Field) -> bool {
    let from = known.field.kind;
    if (known.field.mode == Mode::Repeated) != (to.mode == Mode::Repeated) {
        return false;
    }
    from == to.kind
        || from == Type::Int64 && is_number(to.kind)
        || from == Type::Numeric && matches!(to.kind, Type::BigNumeric | Type::Float64)
        || from == Type::BigNumeric && to.kind == Type::Float64
        || known.is_literal && from == Type::Float64 && is_number(to.kind) && to.kind != Type::Int64
        || known.is_literal && from == Type::String && is_moment(to.kind)
}
