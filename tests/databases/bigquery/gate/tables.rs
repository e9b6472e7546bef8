//! Datasets and tables over REST.

use serde_json::{Map, Value, json};

use super::answer::{Answer, Outcome, Refusal};
use super::results::{self, Moments};
use super::route::Call;
use super::schema::{self, Field, check_labels, check_layout};
use super::world::{Dataset, Table, TableName, World};

/// What a client may set on a table and gets back.
const KEPT: [&str; 12] = [
    "description",
    "friendlyName",
    "labels",
    "timePartitioning",
    "rangePartitioning",
    "clustering",
    "requirePartitionFilter",
    "expirationTime",
    "defaultCollation",
    "defaultRoundingMode",
    "tableConstraints",
    "maxStaleness",
];

impl World {
    pub(crate) fn make_dataset(&mut self, project: &str, body: Map<String, Value>) -> Outcome {
        let dataset = body["datasetReference"]["datasetId"].as_str().unwrap_or("").to_owned();
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if dataset.is_empty() || !dataset.chars().all(is_word) {
            return Err(Refusal::invalid(format!("Invalid dataset ID \"{dataset}\".")));
        }
        let key = (project.to_owned(), dataset.clone());
        if self.datasets.contains_key(&key) {
            return Err(Refusal::duplicate(format!("Dataset {project}:{dataset}")));
        }
        check_labels(body.get("labels").unwrap_or(&Value::Null))?;
        let location = body.get("location").and_then(Value::as_str).unwrap_or("US").to_owned();
        let created = self.now();
        self.datasets.insert(key, Dataset { location, set: body, created });
        self.dataset_answer(project, &dataset)
    }

    pub(crate) fn dataset_answer(&self, project: &str, dataset: &str) -> Outcome {
        let found = self.datasets.get(&(project.to_owned(), dataset.to_owned()));
        let found =
            found.ok_or_else(|| Refusal::not_found(format!("Dataset {project}:{dataset}")))?;
        Ok(Answer::json(200, &dataset_json(project, dataset, found)))
    }

    pub(crate) fn list_datasets(&self, call: &Call) -> Answer {
        let all = self.datasets.iter().filter(|((project, _), _)| *project == call.project);
        let datasets: Vec<Value> = all
            .map(|((project, name), dataset)| json!({
                "kind": "bigquery#dataset", "id": format!("{project}:{name}"), "location": dataset.location,
                "datasetReference": { "projectId": project, "datasetId": name },
            }))
            .collect();
        let (datasets, token) = page(datasets, call);
        Answer::json(200, &listed("bigquery#datasetList", "datasets", datasets, token))
    }

    pub(crate) fn delete_dataset(&mut self, call: &Call) -> Outcome {
        let key = (call.project.clone(), call.dataset.clone());
        if !self.datasets.contains_key(&key) {
            return Err(Refusal::not_found(format!("Dataset {}:{}", key.0, key.1)));
        }
        let within = self.tables.keys().filter(|name| name.dataset() == key);
        let within: Vec<TableName> = within.cloned().collect();
        if !within.is_empty() && call.get("deleteContents") != Some("true") {
            let message = format!("Dataset {}:{} is still in use", key.0, key.1);
            return Err(Refusal::new(400, "resourceInUse", message));
        }
        for name in within {
            self.remove(&name)?;
        }
        self.datasets.remove(&key);
        Ok(Answer::empty(204))
    }

    pub(crate) fn make_table(&mut self, call: &Call, body: Map<String, Value>) -> Outcome {
        let name = TableName::of(body.get("tableReference").unwrap_or(&Value::Null))?;
        if (&name.project, &name.dataset) != (&call.project, &call.dataset) {
            return Err(Refusal::invalid(
                "the table's reference is not in the dataset of the path",
            ));
        }
        check_table_name(&name.table)?;
        if !self.datasets.contains_key(&name.dataset()) {
            return Err(Refusal::not_found(format!("Dataset {}:{}", name.project, name.dataset)));
        }
        if self.tables.contains_key(&name) {
            return Err(Refusal::duplicate(name.to_string()));
        }
        let known =
            |key: &str| KEPT.contains(&key) || ["tableReference", "schema", "kind"].contains(&key);
        if let Some(key) = body.keys().find(|key| !known(key)) {
            return Err(Refusal::invalid(format!("the gate does not know tables with `{key}`")));
        }
        let fields = schema::fields(body.get("schema").unwrap_or(&Value::Null))?;
        let set = self.kept(&body, &fields)?;
        self.create(&name, fields, set)?;
        self.table_answer(&name)
    }

    /// What a client sets on a table of these columns, checked.
    pub(crate) fn kept(
        &self,
        body: &Map<String, Value>,
        fields: &[Field],
    ) -> Outcome<Map<String, Value>> {
        let null = Value::Null;
        let get = |key: &str| body.get(key).unwrap_or(&null);
        check_labels(get("labels"))?;
        check_layout(fields, get("timePartitioning"), get("clustering"))?;
        if let Some(end) = get("expirationTime").as_str().and_then(|end| end.parse::<i64>().ok())
            && end <= self.now()
        {
            return Err(Refusal::invalid("Expiration time must be in the future"));
        }
        let kept =
            body.iter().filter(|(key, value)| KEPT.contains(&key.as_str()) && !value.is_null());
        Ok(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    pub(crate) fn table_answer(&self, name: &TableName) -> Outcome {
        Ok(Answer::json(200, &self.table_json(name)?))
    }

    pub(crate) fn table_json(&self, name: &TableName) -> Outcome<Value> {
        let table = self.table(name)?;
        let rows = self.count(table);
        let mut json = json!({
            "kind": "bigquery#table", "etag": etag(table), "type": "TABLE",
            "id": format!("{}:{}.{}", name.project, name.dataset, name.table),
            "selfLink": format!("{}/bigquery/v2/projects/{}/datasets/{}/tables/{}", self.url, name.project, name.dataset, name.table),
            "tableReference": name.json(), "location": self.datasets[&name.dataset()].location,
            "creationTime": table.created.to_string(), "lastModifiedTime": table.modified.to_string(),
            "numRows": rows.to_string(), "numBytes": (rows * 16).to_string(), "numLongTermBytes": "0",
        });
        if !table.fields.is_empty() {
            json["schema"] =
                json!({ "fields": table.fields.iter().map(Field::json).collect::<Vec<_>>() });
        }
        for (key, value) in &table.set {
            json[key] = value.clone();
        }
        Ok(json)
    }

    pub(crate) fn list_tables(&self, call: &Call) -> Outcome {
        if !self.datasets.contains_key(&(call.project.clone(), call.dataset.clone())) {
            return Err(Refusal::not_found(format!("Dataset {}:{}", call.project, call.dataset)));
        }
        let within =
            |name: &&TableName| name.project == call.project && name.dataset == call.dataset;
        let names: Vec<_> = self.tables.keys().filter(within).collect();
        let mut tables = Vec::new();
        for name in names {
            let mut json = self.table_json(name)?;
            let shown = [
                "kind",
                "id",
                "tableReference",
                "type",
                "creationTime",
                "expirationTime",
                "labels",
                "timePartitioning",
                "clustering",
                "friendlyName",
            ];
            json.as_object_mut().expect("an object").retain(|key, _| shown.contains(&key.as_str()));
            tables.push(json);
        }
        let total = tables.len();
        let (tables, token) = page(tables, call);
        let mut body = listed("bigquery#tableList", "tables", tables, token);
        body["totalItems"] = total.into();
        Ok(Answer::json(200, &body))
    }

    pub(crate) fn patch_table(
        &mut self,
        name: &TableName,
        body: Map<String, Value>,
        tag: Option<&str>,
    ) -> Outcome {
        let table = self.table(name)?.clone();
        if tag.is_some_and(|tag| tag != "*" && tag != etag(&table)) {
            return Err(Refusal::new(412, "conditionNotMet", "Precondition check failed."));
        }
        let mut fields = table.fields.clone();
        if let Some(given) = body.get("schema") {
            let given = schema::fields(given)?;
            let options = ["ALLOW_FIELD_ADDITION", "ALLOW_FIELD_RELAXATION"];
            let merged = schema::merged(&name.to_string(), &fields, &given, &options)?;
            // The new descriptions count, in the order that the table has.
            let newest = |field: &Field| {
                given.iter().find(|given| given.is(&field.name)).unwrap_or(field).clone()
            };
            fields = merged.iter().map(newest).collect();
        }
        let mut set = table.set.clone();
        for (key, value) in self.kept_patch(&body, &table)? {
            match value {
                Value::Null => drop(set.remove(&key)),
                value => drop(set.insert(key, value)),
            }
        }
        let set = self.kept(&set, &fields)?;
        self.reshape(name, fields)?;
        self.touch(name)?.set = set;
        self.table_answer(name)
    }

    /// The changes of a patch; labels one by one.
    fn kept_patch(&self, body: &Map<String, Value>, table: &Table) -> Outcome<Map<String, Value>> {
        let mut changes = Map::new();
        for (key, value) in body.iter().filter(|(key, _)| KEPT.contains(&key.as_str())) {
            let old = table.set.get(key).unwrap_or(&Value::Null);
            if key.ends_with("Partitioning")
                && (&old["field"], &old["type"]) != (&value["field"], &value["type"])
            {
                return Err(Refusal::invalid("Cannot change partitioning spec for a table"));
            }
            let mut value = value.clone();
            if key == "labels" && value.is_object() {
                let mut labels = old.as_object().cloned().unwrap_or_default();
                for (key, value) in value.as_object().into_iter().flatten() {
                    labels.insert(key.clone(), value.clone());
                }
                labels.retain(|_, value| !value.is_null());
                value = Value::Object(labels);
            }
            changes.insert(key.clone(), value);
        }
        Ok(changes)
    }

    pub(crate) fn delete_table(&mut self, name: &TableName) -> Outcome {
        self.table(name)?;
        self.remove(name)?;
        Ok(Answer::empty(204))
    }

    pub(crate) fn list_rows(&self, call: &Call) -> Outcome {
        let table = self.table(&self.named(call))?;
        let start = call.get("pageToken").and_then(|token| token.parse().ok());
        let start: usize = start.or(call.number("startIndex")).unwrap_or(0);
        let most = call.number("maxResults").unwrap_or(10_000);
        let rows = self.store.page(table.id, &table.fields, start, most)?;
        let total = self.store.count(table.id);
        let selected: Option<Vec<&str>> =
            call.get("selectedFields").map(|names| names.split(',').collect());
        let shown = |field: &&Field| {
            selected.as_ref().is_none_or(|names| names.iter().any(|name| field.is(name)))
        };
        let fields: Vec<Field> = table.fields.iter().filter(shown).cloned().collect();
        let moments = Moments::of_call(call);
        let end = start + rows.len();
        let rows: Vec<Value> = rows.iter().map(|row| results::row(&fields, row, moments)).collect();
        let mut body = json!({ "kind": "bigquery#tableDataList", "etag": etag(table), "totalRows": total.to_string(), "rows": rows });
        if (end as u64) < total && most > 0 {
            body["pageToken"] = end.to_string().into();
        }
        Ok(Answer::json(200, &body))
    }
}

fn dataset_json(project: &str, name: &str, dataset: &Dataset) -> Value {
    let mut json = json!({
        "kind": "bigquery#dataset", "id": format!("{project}:{name}"), "etag": "gate",
        "datasetReference": { "projectId": project, "datasetId": name },
        "location": dataset.location, "type": "DEFAULT",
        "creationTime": dataset.created.to_string(), "lastModifiedTime": dataset.created.to_string(),
    });
    for (key, value) in dataset.set.iter().filter(|(_, value)| !value.is_null()) {
        json[key] = value.clone();
    }
    json["datasetReference"] = json!({ "projectId": project, "datasetId": name });
    json
}

fn etag(table: &Table) -> String {
    format!("gate-{}-{}", table.id, table.version)
}

fn check_table_name(name: &str) -> Outcome<()> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-' || c == ' ';
    match !name.is_empty() && name.len() <= 1_024 && name.chars().all(is_part) {
        true => Ok(()),
        false => Err(Refusal::invalid(format!("Invalid table ID \"{name}\"."))),
    }
}

/// One page of a list, and the token of the next.
pub(crate) fn page(all: Vec<Value>, call: &Call) -> (Vec<Value>, Option<String>) {
    let start = call.number("pageToken").unwrap_or(0);
    let most = call.number("maxResults").unwrap_or(50).max(1);
    let total = all.len();
    let page: Vec<Value> = all.into_iter().skip(start).take(most).collect();
    (page, (start + most < total).then(|| (start + most).to_string()))
}

pub(crate) fn listed(kind: &str, key: &str, items: Vec<Value>, token: Option<String>) -> Value {
    let mut body = json!({ "kind": kind, "etag": "gate" });
    body[key] = items.into();
    if let Some(token) = token {
        body["nextPageToken"] = token.into();
    }
    body
}
