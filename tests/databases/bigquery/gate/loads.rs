//! Load jobs: the table they go to, the rows they bring, and the rows that are refused.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value, json};

use super::answer::{Outcome, Refusal};
use super::jobs::{Done, Failure};
use super::schema::{self, Field, merged};
use super::store::Row;
use super::uploads::Payload;
use super::values;
use super::world::{TableName, World};

/// What a load job may say; anything else the gate does not know, and says so.
const KNOWN: [&str; 16] = [
    "destinationTable",
    "sourceFormat",
    "schema",
    "writeDisposition",
    "createDisposition",
    "schemaUpdateOptions",
    "maxBadRecords",
    "ignoreUnknownValues",
    "autodetect",
    "timePartitioning",
    "clustering",
    "encoding",
    "parquetOptions",
    "destinationTableProperties",
    "decimalTargetTypes",
    "columnNameCharacterMap",
];

/// Rows that were read, and the errors of those that were not.
#[derive(Debug, Default)]
struct Parsed {
    rows: Vec<Row>,
    errors: Vec<Refusal>,
}

impl World {
    pub(crate) fn load(
        &mut self,
        location: &str,
        load: &Value,
        payload: Payload,
    ) -> Result<Done, Failure> {
        if let Some(key) = load
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key)
            .find(|key| !KNOWN.contains(&key.as_str()))
        {
            return Err(
                Refusal::invalid(format!("the gate does not know load jobs with `{key}`")).into()
            );
        }
        let name = TableName::of(&load["destinationTable"])?;
        self.located(&name, location)?;
        self.permit("bigquery.tables.updateData", &name.to_string())?;
        let fields = self.ready(&name, load)?;
        let (rows, bytes, errors) = match payload {
            Payload::Counted { rows, bytes } => {
                self.touch(&name)?.counted += rows;
                (rows, bytes, Vec::new())
            }
            Payload::Whole(data) => {
                let parsed = match load["sourceFormat"].as_str().unwrap_or("CSV") {
                    "NEWLINE_DELIMITED_JSON" => self.lines(&data, &fields, load)?,
                    "PARQUET" if self.settings.is_counting => {
                        self.touch(&name)?.counted += super::columnar::count(&data)?;
                        Parsed::default()
                    }
                    "PARQUET" => Parsed {
                        rows: super::columnar::rows(&data, &fields, load)?,
                        errors: Vec::new(),
                    },
                    format => {
                        return Err(Refusal::invalid(format!(
                            "the gate does not know the format {format}"
                        ))
                        .into());
                    }
                };
                check_bad(&parsed.errors, load)?;
                let rows = parsed.rows.len() as u64;
                self.append(&name, parsed.rows)?;
                (rows, data.len() as u64, parsed.errors)
            }
        };
        let mut done = Done { errors, ..Done::default() };
        let statistics = json!({
            "inputFiles": "1", "inputFileBytes": bytes.to_string(), "outputRows": rows.to_string(),
            "outputBytes": (rows * 16).to_string(), "badRecords": done.errors.len().to_string(),
        });
        done.statistics.insert("load".to_owned(), statistics);
        Ok(done)
    }

    /// Makes the table ready for the rows; answers the columns that they have to have.
    fn ready(&mut self, name: &TableName, load: &Value) -> Outcome<Vec<Field>> {
        let given = schema::fields(&load["schema"])?;
        let set = self.settings_of(load, &given)?;
        let options: Vec<&str> = load["schemaUpdateOptions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let write = load["writeDisposition"].as_str().unwrap_or("WRITE_APPEND");
        if !options.is_empty() && !["WRITE_APPEND", "WRITE_TRUNCATE_DATA"].contains(&write) {
            return Err(Refusal::invalid(
                "Schema update options should only be specified with WRITE_APPEND disposition, or with WRITE_TRUNCATE disposition on a table partition.",
            ));
        }
        let Some(table) = self.tables.get(name).cloned() else {
            return self.made(name, load, given, set);
        };
        let is_empty = self.count(&table) == 0;
        if write == "WRITE_EMPTY" && !is_empty {
            return Err(Refusal::duplicate(name.to_string()));
        }
        check_partitioning(&table.set, load)?;
        let mut fields = table.fields.clone();
        if write == "WRITE_TRUNCATE" || table.fields.is_empty() {
            fields = if given.is_empty() { fields } else { given };
            schema::check_layout(
                &fields,
                table.set.get("timePartitioning").unwrap_or(&Value::Null),
                &Value::Null,
            )?;
        } else if !given.is_empty() {
            fields = merged(&name.to_string(), &fields, &given, &options)?;
        }
        if write.starts_with("WRITE_TRUNCATE") {
            self.store.clear(table.id)?;
            self.touch(name)?.counted = 0;
        }
        if fields.is_empty() {
            return Err(Refusal::invalid("No schema specified on job or table."));
        }
        self.reshape(name, fields.clone())?;
        if write == "WRITE_TRUNCATE" {
            let changed = self.touch(name)?;
            for (key, value) in set {
                changed.set.insert(key, value);
            }
        }
        Ok(fields)
    }

    fn settings_of(&self, load: &Value, fields: &[Field]) -> Outcome<Map<String, Value>> {
        let mut set = Map::new();
        for key in ["timePartitioning", "clustering"] {
            if load[key].is_object() {
                set.insert(key.to_owned(), load[key].clone());
            }
        }
        for key in ["description", "labels", "friendlyName", "expirationTime"] {
            let value = &load["destinationTableProperties"][key];
            if !value.is_null() {
                set.insert(key.to_owned(), value.clone());
            }
        }
        if fields.is_empty() {
            return Ok(set);
        }
        self.kept(&set, fields)
    }

    fn made(
        &mut self,
        name: &TableName,
        load: &Value,
        fields: Vec<Field>,
        set: Map<String, Value>,
    ) -> Outcome<Vec<Field>> {
        if load["createDisposition"] == "CREATE_NEVER" {
            return Err(Refusal::not_found(name.to_string()));
        }
        self.permit(
            "bigquery.tables.create",
            &format!("Dataset {}:{}", name.project, name.dataset),
        )?;
        if fields.is_empty() {
            return Err(Refusal::invalid("No schema specified on job or table."));
        }
        self.create(name, fields.clone(), set)?;
        Ok(fields)
    }

    /// NDJSON, plain or gzip.
    fn lines(&self, data: &[u8], fields: &[Field], load: &Value) -> Outcome<Parsed> {
        let mut plain = Vec::new();
        let data = match data.starts_with(&[0x1f, 0x8b]) {
            false => data,
            true => {
                let read = MultiGzDecoder::new(data).read_to_end(&mut plain);
                read.map_err(|error| {
                    Refusal::invalid(format!(
                        "Error while reading data, error message: Failed to decompress: {error}"
                    ))
                })?;
                &plain
            }
        };
        let ignore = load["ignoreUnknownValues"] == true;
        let mut parsed = Parsed::default();
        let mut at = 0;
        for line in data.split(|byte| *byte == b'\n') {
            let begin = at;
            at += line.len() + 1;
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match self.line(line, fields, ignore) {
                Ok(row) => parsed.rows.push(row),
                Err(why) => parsed.errors.push(Refusal::invalid(format!(
                    "Error while reading data, error message: JSON processing encountered an error in row starting at position {begin}: {why}"
                ))),
            }
        }
        Ok(parsed)
    }

    fn line(&self, line: &[u8], fields: &[Field], ignore: bool) -> Result<Row, String> {
        if line.len() > self.settings.row_bytes {
            return Err(format!("Row size is larger than: {}.", self.settings.row_bytes));
        }
        match serde_json::from_slice(line) {
            Ok(Value::Object(row)) => values::row(fields, &row, ignore),
            Ok(_) => Err("Start of object expected.".to_owned()),
            Err(error) => Err(format!("Parser terminated before end of string: {error}")),
        }
    }
}

/// A table keeps the partitioning it has.
fn check_partitioning(set: &Map<String, Value>, load: &Value) -> Outcome<()> {
    let given = &load["timePartitioning"];
    let old = set.get("timePartitioning").unwrap_or(&Value::Null);
    if given.is_null() || (&old["type"], &old["field"]) == (&given["type"], &given["field"]) {
        return Ok(());
    }
    Err(Refusal::invalid(format!(
        "Incompatible table partitioning specification. Expected partitioning specification {}, but input partitioning specification is {}",
        shown(old),
        shown(given)
    )))
}

pub(crate) fn shown(partitioning: &Value) -> String {
    match (partitioning["type"].as_str(), partitioning["field"].as_str()) {
        (Some(kind), Some(field)) => {
            format!("interval(type:{},field:{field})", kind.to_lowercase())
        }
        (Some(kind), None) => format!("interval(type:{})", kind.to_lowercase()),
        (None, _) => "none".to_owned(),
    }
}

/// More errors than are allowed fail the job.
fn check_bad(errors: &[Refusal], load: &Value) -> Result<(), Failure> {
    let allowed = load["maxBadRecords"].as_u64().unwrap_or(0);
    if errors.len() as u64 <= allowed {
        return Ok(());
    }
    let result = Refusal::invalid(format!(
        "Error while reading data, error message: JSON table encountered too many errors, giving up. Rows: {}; errors: {}. Please look into the errors[] collection for more details.",
        errors.len(),
        errors.len()
    ));
    Err(Failure { result, rows: errors.iter().take(50).cloned().collect() })
}
