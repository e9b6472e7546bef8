//! The columns that all shards have in common, which must be all that they have.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::error::{Error, Result};
use crate::files::types::type_name;

/// The columns of all shards, and where they are in each.
#[derive(Debug)]
pub(super) struct Columns {
    /// The column that tells the shard, then those of the shards.
    pub schema: SchemaRef,
    /// For each shard, where in its schema these columns stand, the first one left out.
    pub places: Vec<Vec<usize>>,
}

impl Columns {
    /// The columns of `shards`, in the order of the first one; `column` tells the shard.
    ///
    /// # Errors
    /// [`crate::error::Kind::Config`] when a shard has a column of that name, `Data` when they do
    /// not agree, with every difference.
    pub(super) fn of(column: &str, shards: &[(&str, SchemaRef)]) -> Result<Self> {
        let Some((first, model)) = shards.first() else {
            return Err(Error::bug("a source has no shards"));
        };
        if let Some((shard, _)) = shards.iter().find(|(_, s)| s.index_of(column).is_ok()) {
            return Err(Error::config(format!("there is a column `{column}` already"))
                .at("shard", shard)
                .hint("name the one that tells the shard in another way: `shard_column: …`"));
        }
        let differences: Vec<_> =
            shards.iter().flat_map(|s| differences(first, model, s)).collect();
        if !differences.is_empty() {
            let error = Error::data("the shards have not the same columns");
            let error = differences.into_iter().fold(error, |e, (place, what)| e.at(place, what));
            return Err(error.hint(
                "make them alike, in the databases or with a `query`; `columns: {…: text}` reads \
                 every type as text",
            ));
        }
        let mut fields = vec![Field::new(column, DataType::Utf8, false)];
        fields.extend(model.fields().iter().map(|field| united(field, shards)));
        let place = |schema: &SchemaRef| {
            model.fields().iter().filter_map(|field| schema.index_of(field.name()).ok()).collect()
        };
        let places = shards.iter().map(|(_, schema)| place(schema)).collect();
        Ok(Columns { schema: Arc::new(Schema::new(fields)), places })
    }
}

/// What is different in a shard, by place.
fn differences(
    first: &str,
    model: &Schema,
    (shard, schema): &(&str, SchemaRef),
) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for field in model.fields() {
        let place = format!("{shard}.{}", field.name());
        let wanted = type_name(field.data_type());
        match schema.field_with_name(field.name()) {
            Err(_) => found.push((place, format!("not there; {wanted} in {first}"))),
            Ok(own) if own.data_type() != field.data_type() => {
                found.push((place, format!("{}; {wanted} in {first}", type_name(own.data_type()))));
            }
            Ok(_) => {}
        }
    }
    for field in schema.fields().iter().filter(|field| model.index_of(field.name()).is_err()) {
        let place = format!("{shard}.{}", field.name());
        found.push((place, format!("{}; not there in {first}", type_name(field.data_type()))));
    }
    found
}

/// `field` as all shards have it: NULL where one of them may have it, and what is said of it where
/// all of them say the same.
fn united(field: &Field, shards: &[(&str, SchemaRef)]) -> Field {
    let all = || shards.iter().filter_map(|(_, s)| s.field_with_name(field.name()).ok());
    let is_common = |(key, value): &(&String, &String)| {
        all().all(|field| field.metadata().get(*key) == Some(*value))
    };
    let metadata: HashMap<_, _> = field
        .metadata()
        .iter()
        .filter(is_common)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let nullable = all().any(Field::is_nullable);
    Field::new(field.name(), field.data_type().clone(), nullable).with_metadata(metadata)
}
