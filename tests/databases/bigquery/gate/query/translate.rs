//! GoogleSQL into SQLite's: names of tables, literals, parameters, casts and functions.
//!
//! Every literal of text goes over as a bound value, so that nothing of it is read again.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use rusqlite::types::Value as Cell;
use serde_json::Value as Json;
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Ident, ObjectName, ObjectNamePart, Query, Select,
    SelectItem, TableAlias, TableFactor, Value, Visit, VisitMut, Visitor, VisitorMut,
};
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;

use super::super::answer::{Outcome, Refusal};
use super::super::schema::{Field, Type};
use super::super::store::{self, Store};
use super::super::values;
use super::super::world::{TableName, World};
use super::infer::{Scope, are_comparable, is_comparison, kind_of};
use super::shape::{membership, united};
use super::{Setting, reserved};

/// Carries one statement over.
pub(crate) struct Translator<'a> {
    world: &'a World,
    setting: &'a Setting,
    pub(crate) scope: Scope,
    names: BTreeSet<String>,
    /// What `?1`, `?2` … stand for.
    pub(crate) cells: Vec<Cell>,
    /// Tables that are read or written.
    pub(crate) tables: Vec<TableName>,
    positional: usize,
}

/// Names that a statement mentions.
#[derive(Default)]
struct Survey {
    relations: Vec<ObjectName>,
    /// Common table expressions.
    named: BTreeSet<String>,
    /// Names given to expressions that are not a column of that name.
    blurred: Vec<String>,
}

impl Visitor for Survey {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.named.insert(cte.alias.name.value.to_lowercase());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { expr, alias } = item
                && last_name(expr).is_none_or(|name| !name.eq_ignore_ascii_case(&alias.value))
            {
                self.blurred.push(alias.value.clone());
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.relations.push(relation.clone());
        ControlFlow::Continue(())
    }
}

/// The name of a column, if the expression is one.
pub(crate) fn last_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Identifier(name) => Some(&name.value),
        Expr::CompoundIdentifier(names) => names.last().map(|name| name.value.as_str()),
        _ => None,
    }
}

impl<'a> Translator<'a> {
    /// For a statement: its tables are looked up and their columns are known from here on.
    pub(crate) fn new(
        world: &'a World,
        setting: &'a Setting,
        statement: &impl Visit,
    ) -> Outcome<Self> {
        let mut survey = Survey::default();
        let _ = statement.visit(&mut survey);
        let scope = Scope { parameters: setting.parameters.clone(), ..Scope::default() };
        let (cells, tables) = (Vec::new(), Vec::new());
        let mut new =
            Translator { world, setting, scope, names: survey.named, cells, tables, positional: 0 };
        for relation in &survey.relations {
            if new.is_cte(relation) {
                continue;
            }
            let name = resolve(world, setting, relation)?;
            world.permit("bigquery.tables.getData", &name.to_string())?;
            for field in &world.table(&name)?.fields {
                new.scope.add(field);
            }
            if !new.tables.contains(&name) {
                new.tables.push(name);
            }
        }
        for name in survey.blurred {
            new.scope.blur(&name);
        }
        Ok(new)
    }

    /// Bytes that are read, as far as the gate has a notion of that.
    pub(crate) fn bytes(&self) -> u64 {
        let rows = self.tables.iter().filter_map(|name| self.world.tables.get(name));
        rows.map(|table| self.world.count(table) * 16).sum()
    }

    pub(crate) fn translate(&mut self, node: &mut impl VisitMut) -> Outcome<()> {
        match node.visit(self) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(refusal) => Err(refusal),
        }
    }

    fn is_cte(&self, name: &ObjectName) -> bool {
        matches!(name.0.as_slice(), [ObjectNamePart::Identifier(name)] if self.names.contains(&name.value.to_lowercase()))
    }

    /// A bound value.
    pub(crate) fn bind(&mut self, cell: Cell) -> Expr {
        self.cells.push(cell);
        placeholder(self.cells.len())
    }

    fn relation(&mut self, factor: &mut TableFactor) -> Outcome<()> {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                if self.is_cte(name) {
                    return Ok(());
                }
                let table = resolve(self.world, self.setting, name)?;
                let id = self.world.table(&table)?.id;
                if alias.is_none() {
                    let name = Ident::with_quote('`', &table.table);
                    *alias =
                        Some(TableAlias { explicit: true, name, columns: Vec::new(), at: None });
                }
                *name = ObjectName::from(vec![Ident::new(Store::name(id))]);
                Ok(())
            }
            TableFactor::Derived { .. } | TableFactor::NestedJoin { .. } => Ok(()),
            other => Err(unknown(&other.to_string())),
        }
    }

    fn select(&mut self, select: &mut Select) -> Outcome<()> {
        select.projection.iter().try_for_each(reserved::check_item)?;
        if select.qualify.is_some() || select.value_table_mode.is_some() {
            return Err(unknown("QUALIFY and SELECT AS STRUCT or VALUE"));
        }
        if let sqlparser::ast::GroupByExpr::Expressions(exprs, _) = &select.group_by {
            for expr in exprs {
                if let Some(known) = self.scope.infer(expr)
                    && matches!(known.field.kind, Type::Json | Type::Geography | Type::Record)
                {
                    let kind = known.field.kind.name();
                    return Err(Refusal::invalid_query(format!(
                        "Grouping by expressions of type {kind} is not allowed"
                    )));
                }
            }
        }
        self.expand(select)
    }

    /// `* EXCEPT (…)` of one table as the names of its other columns.
    fn expand(&mut self, select: &mut Select) -> Outcome<()> {
        let mut items = Vec::new();
        for item in std::mem::take(&mut select.projection) {
            let (SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options)) = &item
            else {
                items.push(item);
                continue;
            };
            if options.opt_replace.is_some() {
                return Err(unknown("SELECT * REPLACE"));
            }
            let Some(except) = &options.opt_except else {
                items.push(item);
                continue;
            };
            let [from] = select.from.as_slice() else {
                return Err(unknown("* EXCEPT of several tables"));
            };
            let TableFactor::Table { name, .. } = &from.relation else {
                return Err(unknown("* EXCEPT of a subquery"));
            };
            let table = self.world.table(&resolve(self.world, self.setting, name)?)?;
            let hidden: Vec<&Ident> =
                std::iter::once(&except.first_element).chain(&except.additional_elements).collect();
            for field in
                table.fields.iter().filter(|field| !hidden.iter().any(|name| field.is(&name.value)))
            {
                items.push(SelectItem::UnnamedExpr(Expr::Identifier(Ident::with_quote(
                    '`',
                    &field.name,
                ))));
            }
        }
        select.projection = items;
        Ok(())
    }

    /// Types of both sides, and text literals as the dates and times they are compared with.
    fn compared(&mut self, sides: &mut [&mut Expr]) -> Outcome<()> {
        let known: Vec<_> = sides.iter().map(|side| self.scope.infer(side)).collect();
        for at in 1..sides.len() {
            let (Some(one), Some(other)) = (&known[0], &known[at]) else { continue };
            if !are_comparable(one, other) {
                let (a, b) = (one.field.kind.name(), other.field.kind.name());
                return Err(Refusal::invalid_query(format!(
                    "No matching signature for operator for argument types: {a}, {b}"
                )));
            }
        }
        let typed =
            known.iter().flatten().find(|known| !known.is_literal).map(|known| known.field.clone());
        let Some(typed) = typed else { return Ok(()) };
        for (side, known) in sides.iter_mut().zip(&known) {
            let is_text = known
                .as_ref()
                .is_some_and(|known| known.is_literal && known.field.kind == Type::String);
            if is_text
                && typed.kind != Type::String
                && let Expr::Value(value) = &**side
                && let Some(text) = value.value.clone().into_string()
            {
                **side = self.canonical(&typed, &text)?;
            }
        }
        Ok(())
    }

    /// A text as a bound value of a type.
    fn canonical(&mut self, field: &Field, text: &str) -> Outcome<Expr> {
        let value = match field.kind {
            Type::Json => serde_json::from_str(text).ok(),
            _ => values::scalar(field, &Json::from(text)),
        };
        let value = value.ok_or_else(|| {
            Refusal::invalid_query(format!("Invalid {} literal", field.kind.name()))
        })?;
        Ok(self.bind(store::cell(field, value)))
    }

    fn before(&mut self, expr: &mut Expr) -> Outcome<()> {
        reserved::check_expression(expr)?;
        match expr {
            Expr::BinaryOp { left, op, right } if is_comparison(op) => {
                self.compared(&mut [left, right])
            }
            Expr::IsNotDistinctFrom(left, right) | Expr::IsDistinctFrom(left, right) => {
                self.compared(&mut [left, right])
            }
            Expr::Between { expr, low, high, .. } => self.compared(&mut [expr, low, high]),
            Expr::InList { expr, list, .. } => {
                let mut sides: Vec<&mut Expr> = vec![expr];
                sides.extend(list.iter_mut());
                self.compared(&mut sides)
            }
            Expr::InSubquery { expr, subquery, .. } => membership(expr, subquery),
            Expr::InUnnest { expr: inner, array_expr, negated } => {
                let name = last_name(array_expr).and_then(|name| name.strip_prefix('@'));
                let parameter = name.and_then(|name| self.scope.parameter(name)).cloned();
                let parameter =
                    parameter.ok_or_else(|| unknown("IN UNNEST of anything but a parameter"))?;
                let list = parameter.cells.into_iter().map(|cell| self.bind(cell)).collect();
                *expr = Expr::InList { expr: inner.clone(), list, negated: *negated };
                Ok(())
            }
            Expr::TypedString(typed) => {
                let kind = kind_of(&typed.data_type)
                    .ok_or_else(|| unknown(&typed.data_type.to_string()))?;
                let text = typed.value.clone().into_string().unwrap_or_default();
                *expr = self.canonical(&Field::new("", kind), &text)?;
                Ok(())
            }
            Expr::Interval(_)
            | Expr::JsonAccess { .. }
            | Expr::CompoundFieldAccess { .. }
            | Expr::Array(_) => Err(unknown(&expr.to_string())),
            _ => Ok(()),
        }
    }

    fn after(&mut self, expr: &mut Expr) -> Outcome<()> {
        match expr {
            Expr::Value(value) => {
                let bound = match &value.value {
                    Value::Placeholder(text) if text == "?" => {
                        let parameter = self.setting.parameters.get(self.positional).cloned();
                        self.positional += 1;
                        parameter
                            .and_then(|parameter| parameter.cells.first().cloned())
                            .ok_or_else(|| Refusal::invalid_query("Query parameter not found"))?
                    }
                    Value::Placeholder(_) | Value::Boolean(_) | Value::Null | Value::Number(..) => {
                        return Ok(());
                    }
                    Value::SingleQuotedByteStringLiteral(text)
                    | Value::DoubleQuotedByteStringLiteral(text) => {
                        Cell::Blob(text.clone().into_bytes())
                    }
                    text => Cell::Text(text.clone().into_string().unwrap_or_default()),
                };
                *expr = self.bind(bound);
            }
            Expr::Identifier(name) if name.quote_style.is_none() && name.value.starts_with('@') => {
                let parameter = self
                    .scope
                    .parameter(&name.value[1..])
                    .filter(|parameter| !parameter.is_array)
                    .cloned();
                let parameter = parameter.ok_or_else(|| {
                    Refusal::invalid_query(format!(
                        "Query parameter '{}' not found",
                        &name.value[1..]
                    ))
                })?;
                *expr = self.bind(parameter.cells.first().cloned().unwrap_or(Cell::Null));
            }
            Expr::Cast { kind, expr: inner, data_type, .. } => {
                let is_safe = matches!(kind, CastKind::SafeCast | CastKind::TryCast);
                *expr = self.cast(inner, data_type, is_safe)?;
            }
            Expr::BinaryOp { left, op: BinaryOperator::Divide, right } => {
                *expr = expression(&format!("(({left}) * 1.0 / ({right}))"))?;
            }
            Expr::Function(function) => {
                let function = function.clone();
                *expr = self.function(function)?;
            }
            Expr::Struct { .. } => return Err(unknown("STRUCT")),
            _ => {}
        }
        Ok(())
    }

    fn cast(&mut self, inner: &Expr, data_type: &DataType, is_safe: bool) -> Outcome<Expr> {
        let to = kind_of(data_type).ok_or_else(|| unknown(&data_type.to_string()))?;
        let from = self.scope.infer(inner).map_or("", |known| known.field.kind.name());
        expression(&format!(
            "gate_cast({inner}, '{}', '{from}', {})",
            to.name(),
            i32::from(is_safe)
        ))
    }
}

/// The table that a name means: it has to be there, and in the location of the job.
pub(crate) fn resolve(world: &World, setting: &Setting, name: &ObjectName) -> Outcome<TableName> {
    let name = named(setting, name)?;
    world.located(&name, &setting.location)?;
    world.table(&name)?;
    Ok(name)
}

/// The full name of a table, which may not be there.
pub(crate) fn named(setting: &Setting, name: &ObjectName) -> Outcome<TableName> {
    let parts: Vec<String> = name
        .0
        .iter()
        .flat_map(|part| match part {
            ObjectNamePart::Identifier(ident) => {
                ident.value.split('.').map(str::to_owned).collect()
            }
            ObjectNamePart::Function(function) => vec![function.to_string()],
        })
        .collect();
    let (project, dataset, table) = match parts.as_slice() {
        [project, dataset, table] => (project.clone(), dataset.clone(), table.clone()),
        [dataset, table] => (setting.project.clone(), dataset.clone(), table.clone()),
        [table] => {
            let dataset = setting.dataset.clone();
            let (project, dataset) = dataset.ok_or_else(|| {
                Refusal::invalid_query(format!(
                    "Table \"{table}\" must be qualified with a dataset (e.g. dataset.table)."
                ))
            })?;
            (project, dataset, table.clone())
        }
        _ => return Err(Refusal::invalid_query(format!("Invalid table name: {name}"))),
    };
    Ok(TableName { project, dataset, table })
}

pub(crate) fn unknown(what: &str) -> Refusal {
    Refusal::invalid_query(format!("the gate does not know {what}"))
}

fn placeholder(number: usize) -> Expr {
    Expr::Value(Value::Placeholder(format!("?{number}")).with_empty_span())
}

/// SQL for SQLite as an expression.
pub(super) fn expression(text: &str) -> Outcome<Expr> {
    let parsed = Parser::new(&SQLiteDialect {})
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_expr());
    parsed.map_err(|error| unknown(&format!("{text}: {error}")))
}

fn flow(outcome: Outcome<()>) -> ControlFlow<Refusal> {
    match outcome {
        Ok(()) => ControlFlow::Continue(()),
        Err(refusal) => ControlFlow::Break(refusal),
    }
}

impl VisitorMut for Translator<'_> {
    type Break = Refusal;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Refusal> {
        flow(united(&mut query.body))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Refusal> {
        flow(self.select(select))
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Refusal> {
        flow(self.relation(factor))
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Refusal> {
        flow(self.before(expr))
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Refusal> {
        flow(self.after(expr))
    }
}
