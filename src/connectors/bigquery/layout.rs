//! How a table is laid out: partitioning, clustering, labels and description.

use serde_json::{Map, Value, json};

use super::field::{Column, Kind, Mode, same_name};
use crate::config::{Problem, Reader};
use crate::error::{Error, Result};

/// What a user asks for in a new table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// The column that partitions it, and how: `DAY`, `HOUR`, `MONTH` or `YEAR`.
    pub partition: Option<(String, String)>,
    /// The columns that cluster it.
    pub cluster: Vec<String>,
    /// Its labels, which jobs carry as well.
    pub labels: Vec<(String, String)>,
    /// What people say of it.
    pub description: Option<String>,
}

/// What a table says of these things, in the words of the API, to be given to another table.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Shape(pub Map<String, Value>);

/// The parts of a table that a stage table shares with its target.
const SHARED: [&str; 7] = [
    "timePartitioning",
    "rangePartitioning",
    "clustering",
    "labels",
    "description",
    "encryptionConfiguration",
    "tableConstraints",
];

impl Shape {
    /// That of a table as the server shows it.
    pub(super) fn of_table(table: &Value) -> Self {
        let taken = SHARED.iter().filter_map(|key| {
            let value = table.get(*key).filter(|value| !value.is_null())?;
            Some(((*key).to_owned(), value.clone()))
        });
        let mut shape = Shape(taken.collect());
        // How long rows are kept is for the target alone.
        if let Some(Value::Object(partitioning)) = shape.0.get_mut("timePartitioning") {
            partitioning.remove("expirationMs");
            partitioning.remove("requirePartitionFilter");
        }
        shape
    }
}

impl Layout {
    /// The same for a table that is not there yet.
    ///
    /// # Errors
    /// [`crate::error::Kind::Config`] for a column that is not there or whose type does not do.
    pub(super) fn shape(&self, columns: &[Column]) -> Result<Shape> {
        let mut shape = Map::new();
        if let Some((name, kind)) = &self.partition {
            let column = found(columns, name, "partition_by")?;
            check_partition(column, kind)?;
            shape.insert("timePartitioning".into(), json!({ "type": kind, "field": column.name }));
        }
        if !self.cluster.is_empty() {
            let fields = self.cluster.iter().map(|name| cluster_column(columns, name));
            let fields = fields.collect::<Result<Vec<_>>>()?;
            shape.insert("clustering".into(), json!({ "fields": fields }));
        }
        if !self.labels.is_empty() {
            shape.insert("labels".into(), self.labels_json());
        }
        if let Some(description) = &self.description {
            shape.insert("description".into(), description.as_str().into());
        }
        Ok(Shape(shape))
    }

    /// The labels as the API takes them.
    pub(super) fn labels_json(&self) -> Value {
        let labels = self.labels.iter().map(|(key, value)| (key.clone(), value.as_str().into()));
        Value::Object(labels.collect())
    }
}

fn found<'a>(columns: &'a [Column], name: &str, option: &str) -> Result<&'a Column> {
    let column = columns.iter().find(|column| same_name(&column.name, name));
    column.ok_or_else(|| {
        Error::config(format!("`{option}` names a column that the load does not have"))
            .at("column", name)
    })
}

fn check_partition(column: &Column, kind: &str) -> Result<()> {
    let fits = match column.kind {
        Kind::Date => kind != "HOUR",
        Kind::DateTime | Kind::Timestamp => true,
        _ => false,
    };
    if fits && column.mode != Mode::Repeated {
        return Ok(());
    }
    Err(Error::config(format!("column `{}` cannot partition a table", column.name))
        .at("type", column.shown())
        .hint("choose a DATE (not by hour), DATETIME or TIMESTAMP"))
}

fn cluster_column(columns: &[Column], name: &str) -> Result<String> {
    let column = found(columns, name, "cluster_by")?;
    let is_bad = matches!(
        column.kind,
        Kind::Float64 | Kind::Bytes(_) | Kind::Time | Kind::Json | Kind::Record(_) | Kind::Other(_)
    );
    if is_bad || column.mode == Mode::Repeated {
        return Err(Error::config(format!("column `{}` cannot cluster a table", column.name))
            .at("type", column.shown())
            .hint("choose texts, whole numbers, decimals, booleans, dates or timestamps"));
    }
    Ok(column.name.clone())
}

/// Takes the options of a layout.
pub(super) fn read(reader: &Reader<'_>) -> Layout {
    let partition = reader.text("partition_by");
    let kind = reader.one_of("partition_type", &["day", "hour", "month", "year"]);
    if partition.is_none() && reader.node("partition_type").is_some() {
        let message = "`partition_type` is given, but not `partition_by`";
        reader.problem(Problem::new(&reader.place_of("partition_type"), message));
    }
    let cluster = reader.list("cluster_by");
    if cluster.len() > 4 {
        let message = "`cluster_by` takes up to four columns";
        reader.problem(Problem::new(&reader.place_of("cluster_by"), message));
    }
    Layout {
        partition: partition.map(|column| (column, kind.to_uppercase())),
        cluster,
        labels: labels(reader),
        description: reader.text("description"),
    }
}

fn labels(reader: &Reader<'_>) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    for (key, place, value) in reader.pairs("labels") {
        if !is_label(&key)
            || !key.starts_with(|c: char| c.is_ascii_lowercase())
            || !is_label(&value)
        {
            let message = format!("`{key}: {value}` cannot be a label");
            let hint = "up to 63 lower-case letters, digits, `_` and `-`; keys begin with a letter";
            reader.problem(Problem::new(&place, message).hint(hint));
        } else if key.starts_with("dhow_") {
            let message = format!("the label `{key}` belongs to dhow itself");
            reader.problem(Problem::new(&place, message));
        }
        labels.push((key, value));
    }
    labels
}

fn is_label(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    text.len() <= 63 && text.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;

    fn column(name: &str, kind: Kind) -> Column {
        Column::new(name, kind, Mode::Nullable)
    }

    #[test]
    fn a_layout_is_asked_of_columns_that_can_carry_it() {
        let columns = [column("Day", Kind::Date), column("x", Kind::Float64)];
        let by = |partition: &str, kind: &str, cluster: &[&str]| {
            let layout = Layout {
                partition: Some((partition.into(), kind.into())),
                cluster: cluster.iter().map(|name| (*name).to_owned()).collect(),
                ..Layout::default()
            };
            layout.shape(&columns).map_err(|error| error.message().to_owned())
        };
        let shape = by("day", "DAY", &["day"]).unwrap();
        let wanted = json!({
            "timePartitioning": { "type": "DAY", "field": "Day" },
            "clustering": { "fields": ["Day"] },
        });
        assert_eq!(Value::Object(shape.0), wanted);
        assert_eq!(by("day", "HOUR", &[]).unwrap_err(), "column `Day` cannot partition a table");
        assert_eq!(by("day", "DAY", &["x"]).unwrap_err(), "column `x` cannot cluster a table");
        let error = by("y", "DAY", &[]).unwrap_err();
        assert_eq!(error, "`partition_by` names a column that the load does not have");
    }

    #[test]
    fn a_stage_table_gets_the_shape_of_its_target_but_not_the_age_of_its_rows() {
        let table = json!({
            "id": "x", "labels": { "a": "b" }, "clustering": null,
            "timePartitioning": { "type": "DAY", "field": "d", "expirationMs": "1" },
        });
        let wanted = json!({
            "timePartitioning": { "type": "DAY", "field": "d" }, "labels": { "a": "b" },
        });
        assert_eq!(Value::Object(Shape::of_table(&table).0), wanted);
    }

    #[test]
    fn labels_are_what_google_takes() {
        let is_fine = |key: &str, value: &str| {
            key.starts_with(|c: char| c.is_ascii_lowercase()) && is_label(key) && is_label(value)
        };
        assert!(is_fine("team", "sales-1") && is_fine("a", ""));
        assert!(!is_fine("Team", "x") && !is_fine("1a", "x") && !is_fine("a", &"x".repeat(64)));
        let options = Options::of_arguments(&[("partition_type", "day")]);
        let reader = options.reader();
        read(&reader);
        assert_eq!(reader.finish().len(), 1);
    }
}
