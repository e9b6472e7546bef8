//! Whether the columns of a load fit the table that is there, and whether its key can be one.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};

use crate::config::{SinkDef, SourceDef, suggest};
use crate::error::Error;
use crate::plan::LoadStep;
use crate::sink::Mode;

/// Everything that does not fit. `target` are the columns of the table, if there is one.
pub(super) fn misfits(sink: &SinkDef, step: &LoadStep, target: Option<&Schema>) -> Vec<Error> {
    let mut errors = key_errors(sink, &step.schema);
    match (&step.mode, target) {
        (Mode::Replace, _) | (_, None) => {}
        (Mode::Append | Mode::Truncate | Mode::Merge(_) | Mode::DeleteInsert(_), Some(target)) => {
            errors.extend(column_errors(sink, step, target));
        }
    }
    errors
}

/// Sources that read their last rows again, into a sink that would keep both copies.
pub(super) fn repeats(sink: &SinkDef, step: &LoadStep, sources: &[SourceDef]) -> Vec<Error> {
    let overlaps = |source: &&SourceDef| {
        step.reads.contains(&source.name)
            && source.options.entries().iter().any(|(option, ..)| option == "overlap")
    };
    let is_append = sink.mode == Mode::Append;
    let repeated = sources.iter().filter(overlaps).filter(|_| is_append);
    repeated
        .map(|source| {
            let name = &source.name;
            Error::config(format!(
                "`overlap` of `{name}` reads rows again, and `append` keeps both"
            ))
            .at("sink", format!("{} ({})", sink.name, sink.connector))
            .hint("set `mode: merge` and a `key`, or leave `overlap` out")
        })
        .collect()
}

fn key_errors(sink: &SinkDef, schema: &Schema) -> Vec<Error> {
    let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let error = |name: &String| match schema.field_with_name(name) {
        Err(_) => Some(
            Error::config(format!("key column `{name}` is not in `{}`", sink.from))
                .hint(suggest(name, &known)),
        ),
        Ok(field) if field.data_type().is_floating() || field.data_type().is_nested() => Some(
            Error::config(format!(
                "key column `{name}` is {}, which cannot tell rows apart",
                field.data_type()
            ))
            .hint("choose columns of whole numbers, decimals, text, dates or timestamps"),
        ),
        Ok(_) => None,
    };
    let errors = sink.mode.key().iter().filter_map(error);
    errors.map(|error| error.at("sink", format!("{} ({})", sink.name, sink.connector))).collect()
}

fn column_errors(sink: &SinkDef, step: &LoadStep, target: &Schema) -> Vec<Error> {
    let mut errors = Vec::new();
    for field in step.schema.fields() {
        match target.field_with_name(field.name()) {
            Ok(there) if same_type(field.data_type(), there.data_type()) => {}
            Ok(there) => errors.push(other_type(step, field, there)),
            Err(_) => errors.push(not_in_target(step, field)),
        }
    }
    let missing =
        target.fields().iter().filter(|field| step.schema.field_with_name(field.name()).is_err());
    errors.extend(missing.map(|field| not_in_load(step, field)));
    if errors.len() > SHOWN {
        errors = vec![other_columns(step, target)];
    }
    let sink = format!("{} ({})", sink.name, sink.connector);
    errors.into_iter().map(|error| error.at("sink", &sink)).collect()
}

/// Misfits that are told one by one; more of them are one error.
const SHOWN: usize = 3;

fn other_columns(step: &LoadStep, target: &Schema) -> Error {
    let list = |schema: &Schema| {
        let column = |field: &Arc<Field>| format!("{} {}", field.name(), field.data_type());
        schema.fields().iter().map(column).collect::<Vec<_>>().join(", ")
    };
    Error::drift(format!("the columns of `{}` are not those of {}", step.from, step.target))
        .at("source", list(&step.schema))
        .at("target", list(target))
        .hint("choose another target, fit the columns in a model, or use mode `replace`")
}

fn source_line(step: &LoadStep, field: &Field) -> String {
    format!("{}.{}, {}", step.from, field.name(), field.data_type())
}

fn target_line(step: &LoadStep, field: &Field) -> String {
    format!("{}.{}, {}", step.target, field.name(), field.data_type())
}

fn other_type(step: &LoadStep, field: &Field, there: &Field) -> Error {
    let name = field.name();
    Error::drift(format!("column `{name}` does not fit its target"))
        .at("source", source_line(step, field))
        .at("target", target_line(step, there))
        .hint(format!(
            "convert it in a model so that it becomes {}, or use mode `replace`",
            there.data_type()
        ))
}

fn not_in_target(step: &LoadStep, field: &Field) -> Error {
    Error::drift(format!("column `{}` is not in its target", field.name()))
        .at("source", source_line(step, field))
        .at("target", &step.target)
        .hint("leave it out in a model, add it to the target, or use mode `replace`")
}

fn not_in_load(step: &LoadStep, field: &Field) -> Error {
    Error::drift(format!("column `{}` of the target is not in `{}`", field.name(), step.from))
        .at("source", &step.from)
        .at("target", target_line(step, field))
        .hint(format!(
            "add it in a model, such as `null as {}`, or use mode `replace`",
            field.name()
        ))
}

/// Whether two types hold the same values; how text and lists lie in memory does not matter.
fn same_type(left: &DataType, right: &DataType) -> bool {
    use DataType::{
        Binary, BinaryView, Dictionary, LargeBinary, LargeList, LargeUtf8, List, Struct, Utf8,
        Utf8View,
    };
    match (left, right) {
        (Dictionary(_, value), other) | (other, Dictionary(_, value)) => same_type(value, other),
        (Utf8 | LargeUtf8 | Utf8View, Utf8 | LargeUtf8 | Utf8View) => true,
        (Binary | LargeBinary | BinaryView, Binary | LargeBinary | BinaryView) => true,
        (List(left) | LargeList(left), List(right) | LargeList(right)) => {
            same_type(left.data_type(), right.data_type())
        }
        (Struct(left), Struct(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| {
                    left.name() == right.name() && same_type(left.data_type(), right.data_type())
                })
        }
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn text_is_text_however_it_lies_in_memory() {
        assert!(same_type(&DataType::Utf8, &DataType::Utf8View));
        let coded = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
        assert!(same_type(&coded, &DataType::LargeUtf8));
        let list = |name: &str, of: DataType| DataType::List(Arc::new(Field::new(name, of, true)));
        assert!(same_type(&list("item", DataType::Utf8), &list("element", DataType::Utf8View)));
        assert!(!same_type(&list("item", DataType::Int32), &list("item", DataType::Int64)));
        assert!(!same_type(&DataType::Binary, &DataType::Utf8));
    }
}
