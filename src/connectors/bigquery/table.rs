//! Tables: looking at them, making, changing and removing them.

use serde_json::{Value, json};

use super::api::Api;
use super::field::{Column, schema_json};
use super::layout::Shape;
use super::name::TableName;
use crate::error::{Error, Result};

/// How long a stage table is kept if nobody removes it, in seconds.
const STAGE_SECONDS: i64 = 7 * 24 * 3600;
/// Tables in one answer of a list.
const PAGE: &str = "1000";

/// A table as the server shows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table(Value);

/// Whether a table is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// It has just been made, and is empty.
    New,
    /// It was there before.
    Found,
}

impl Table {
    /// Its columns.
    pub(super) fn columns(&self) -> Vec<Column> {
        Column::all(&self.0["schema"])
    }

    /// Its partitioning and the like.
    pub(super) fn shape(&self) -> Shape {
        Shape::of_table(&self.0)
    }

    /// How many rows it has.
    pub(super) fn rows(&self) -> Option<u64> {
        self.0["numRows"].as_str()?.parse().ok()
    }

    /// How many bytes it has.
    pub(super) fn bytes(&self) -> Option<u64> {
        self.0["numBytes"].as_str()?.parse().ok()
    }

    /// The value of a label.
    pub(super) fn label(&self, key: &str) -> Option<&str> {
        self.0["labels"][key].as_str()
    }

    /// What it is: `TABLE`, `VIEW` and others.
    pub(super) fn kind(&self) -> &str {
        self.0["type"].as_str().unwrap_or("TABLE")
    }

    /// Whether every query of it must say which partitions it wants.
    pub(super) fn asks_for_partitions(&self) -> bool {
        let partitioning = &self.0["timePartitioning"]["requirePartitionFilter"];
        self.0["requirePartitionFilter"] == true || *partitioning == true
    }
}

/// What a truncated table keeps, whatever a copy makes of it.
const KEPT: [&str; 6] = [
    "description",
    "friendlyName",
    "labels",
    "expirationTime",
    "timePartitioning",
    "requirePartitionFilter",
];

impl Table {
    /// What has to be changed so that this table is again as it was `before`, but for what
    /// `wanted` says; `None` when nothing has.
    pub(super) fn restoration(&self, before: &Table, wanted: &Shape) -> Option<Value> {
        let mut patch = serde_json::Map::new();
        for key in KEPT {
            // Partitioning is in the shape without what the target alone has.
            let asked = wanted.0.get(key).filter(|_| key != "timePartitioning");
            let value = asked.or(before.0.get(key)).unwrap_or(&Value::Null);
            if self.0.get(key).unwrap_or(&Value::Null) != value {
                patch.insert(key.to_owned(), value.clone());
            }
        }
        (!patch.is_empty()).then_some(Value::Object(patch))
    }
}

impl Api {
    /// The table, if it is there.
    pub(super) async fn table(&self, name: &TableName) -> Result<Option<Table>> {
        match self.get(&path(name), &[]).await? {
            Ok(table) => Ok(Some(Table(table))),
            Err(refusal) if refusal.is_missing() => Ok(None),
            Err(refusal) => Err(refusal.into_error(&format!("could not look at `{name}`"))),
        }
    }

    /// Makes the table, unless it is there. One that `is_stage` goes after a week.
    pub(super) async fn make_table(
        &self,
        name: &TableName,
        columns: &[Column],
        shape: &Shape,
        is_stage: bool,
    ) -> Result<Made> {
        let mut table = Value::Object(shape.0.clone());
        table["tableReference"] = json!({
            "projectId": name.project, "datasetId": name.dataset, "tableId": name.table,
        });
        table["schema"] = schema_json(columns);
        if is_stage {
            let ends = jiff::Timestamp::now().as_second() + STAGE_SECONDS;
            table["expirationTime"] = format!("{ends}000").into();
        }
        match self.post(&[&name.project, "datasets", &name.dataset, "tables"], &table).await? {
            Ok(_) => Ok(Made::New),
            Err(refusal) if refusal.is_duplicate() => Ok(Made::Found),
            Err(refusal) => Err(refusal.into_error(&format!("could not make `{name}`"))),
        }
    }

    /// Changes what `body` says of the table.
    pub(super) async fn change_table(&self, name: &TableName, body: &Value) -> Result<()> {
        let said = self.patch(&path(name), body).await?;
        said.map_err(|refusal| refusal.into_error(&format!("could not change `{name}`")))?;
        Ok(())
    }

    /// Removes the table, if it is there.
    pub(super) async fn remove_table(&self, name: &TableName) -> Result<()> {
        match self.delete(&path(name)).await? {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.is_missing() => Ok(()),
            Err(refusal) => Err(refusal.into_error(&format!("could not remove `{name}`"))),
        }
    }

    /// The names of the tables beside `name` that begin so.
    pub(super) async fn tables(&self, name: &TableName, prefix: &str) -> Result<Vec<String>> {
        let path = [name.project.as_str(), "datasets", name.dataset.as_str(), "tables"];
        let (mut found, mut page) = (Vec::new(), String::new());
        loop {
            let mut with = vec![("maxResults", PAGE)];
            if !page.is_empty() {
                with.push(("pageToken", page.as_str()));
            }
            let said = self.get(&path, &with).await?.map_err(|refusal| {
                refusal.into_error(&format!("could not list the tables of `{}`", name.dataset))
            })?;
            let tables = said["tables"].as_array().map(Vec::as_slice).unwrap_or_default();
            let names =
                tables.iter().filter_map(|table| table["tableReference"]["tableId"].as_str());
            found.extend(names.filter(|name| name.starts_with(prefix)).map(str::to_owned));
            match said["nextPageToken"].as_str() {
                Some(next) if !next.is_empty() && next != page => page = next.to_owned(),
                _ => return Ok(found),
            }
        }
    }

    /// Where a dataset is.
    pub(super) async fn location(&self, project: &str, dataset: &str) -> Result<String> {
        let said = self.get(&[project, "datasets", dataset], &[]).await?;
        let said = said.map_err(|refusal| {
            let is_missing = refusal.is_missing();
            let error = refusal.into_error(&format!("could not look at dataset `{dataset}`"));
            match is_missing {
                true => error.hint(format!("create it: `bq mk --dataset {project}:{dataset}`")),
                false => error,
            }
        })?;
        said["location"].as_str().map(str::to_owned).ok_or_else(|| {
            Error::unsupported(format!("the service does not say where dataset `{dataset}` is"))
                .hint("give `location`")
        })
    }
}

fn path(name: &TableName) -> [&str; 5] {
    [&name.project, "datasets", &name.dataset, "tables", &name.table]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_copy_has_changed_beside_rows_is_put_right() {
        let before = Table(json!({
            "labels": { "a": "b" }, "description": "d", "schema": {},
            "timePartitioning": { "type": "DAY", "expirationMs": "9" },
        }));
        let same = Shape(before.shape().0);
        assert_eq!(before.restoration(&before, &same), None);
        let after = Table(json!({
            "expirationTime": "1", "description": "d", "schema": { "fields": [] },
            "timePartitioning": { "type": "DAY" },
        }));
        let wanted = json!({
            "labels": { "a": "b" }, "expirationTime": null,
            "timePartitioning": { "type": "DAY", "expirationMs": "9" },
        });
        assert_eq!(after.restoration(&before, &same), Some(wanted));
    }
}
