//! Whether a request's body is what Google's discovery document allows: known fields, their types,
//! int64 as text, values of enums, and nothing that only the server may write.

use serde_json::{Map, Value};

use super::answer::Refusal;
use super::python::FACTS;

/// Values that the document lists in prose only.
const PROSE: [(&str, &[&str]); 12] = [
    ("JobConfigurationLoad.writeDisposition", &WRITES),
    ("JobConfigurationTableCopy.writeDisposition", &WRITES),
    ("JobConfigurationQuery.writeDisposition", &WRITES),
    ("JobConfigurationLoad.createDisposition", &CREATES),
    ("JobConfigurationTableCopy.createDisposition", &CREATES),
    ("JobConfigurationQuery.createDisposition", &CREATES),
    (
        "JobConfigurationLoad.sourceFormat",
        &["CSV", "NEWLINE_DELIMITED_JSON", "AVRO", "PARQUET", "ORC", "DATASTORE_BACKUP"],
    ),
    ("JobConfigurationLoad.schemaUpdateOptions", &UPDATES),
    ("JobConfigurationQuery.priority", &["INTERACTIVE", "BATCH"]),
    ("TimePartitioning.type", &["DAY", "HOUR", "MONTH", "YEAR"]),
    ("TableFieldSchema.mode", &["NULLABLE", "REQUIRED", "REPEATED"]),
    (
        "TableFieldSchema.type",
        &[
            "STRING",
            "BYTES",
            "INTEGER",
            "INT64",
            "FLOAT",
            "FLOAT64",
            "BOOLEAN",
            "BOOL",
            "TIMESTAMP",
            "DATE",
            "TIME",
            "DATETIME",
            "GEOGRAPHY",
            "NUMERIC",
            "BIGNUMERIC",
            "JSON",
            "RECORD",
            "STRUCT",
            "RANGE",
            "INTERVAL",
        ],
    ),
];

const WRITES: [&str; 4] = ["WRITE_TRUNCATE", "WRITE_TRUNCATE_DATA", "WRITE_APPEND", "WRITE_EMPTY"];
const CREATES: [&str; 2] = ["CREATE_IF_NEEDED", "CREATE_NEVER"];
const UPDATES: [&str; 2] = ["ALLOW_FIELD_ADDITION", "ALLOW_FIELD_RELAXATION"];

/// Numbers of 64 bits that need not be text.
const LOOSE: [&str; 3] = [".precision", ".scale", ".maxLength"];

/// Checks a body against the schema of this name.
pub(crate) fn check(schema: &str, body: &Value) -> Result<(), Refusal> {
    object(schema, body, "")
}

/// The body as JSON of the schema of this name.
pub(crate) fn parse(schema: &str, body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Refusal::new(400, "parseError", format!("Parse Error: {error}")))?;
    check(schema, &value)?;
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(Refusal::invalid("the body is not an object")),
    }
}

fn refuse(place: &str, what: &str) -> Refusal {
    let place = if place.is_empty() { "the body" } else { place };
    Refusal::invalid(format!("Invalid JSON payload received. {what} at '{place}'"))
}

fn object(schema: &str, value: &Value, place: &str) -> Result<(), Refusal> {
    properties(schema, &FACTS.discovery["schemas"][schema]["properties"], value, place)
}

fn properties(schema: &str, known: &Value, value: &Value, place: &str) -> Result<(), Refusal> {
    let Value::Object(map) = value else { return Err(refuse(place, "an object is needed")) };
    for (name, value) in map {
        let inner = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
        let Some(property) = known.get(name) else {
            return Err(refuse(&inner, &format!("Unknown name \"{name}\": Cannot find field.")));
        };
        if property["readOnly"] == true {
            return Err(refuse(&inner, "this field is output only, a client must not send it"));
        }
        typed(property, value, &inner)?;
        prose(&format!("{schema}.{name}"), value, &inner)?;
    }
    Ok(())
}

/// `null` is a field that is not there, or in a patch one that goes.
fn typed(property: &Value, value: &Value, place: &str) -> Result<(), Refusal> {
    if value.is_null() {
        return Ok(());
    }
    if let Some(schema) = property["$ref"].as_str() {
        return object(schema, value, place);
    }
    match property["type"].as_str() {
        Some("array") => {
            let Value::Array(items) = value else {
                return Err(refuse(place, "an array is needed"));
            };
            let each = items.iter().enumerate();
            for (at, item) in each {
                if item.is_null() {
                    return Err(refuse(place, "null in an array"));
                }
                typed(&property["items"], item, &format!("{place}[{at}]"))?;
            }
            Ok(())
        }
        Some("object") => nested(property, value, place),
        _ => scalar(property, value, place),
    }
}

fn nested(property: &Value, value: &Value, place: &str) -> Result<(), Refusal> {
    let Value::Object(map) = value else { return Err(refuse(place, "an object is needed")) };
    if property["properties"].is_object() {
        return properties("", &property["properties"], value, place);
    }
    let item = &property["additionalProperties"];
    map.iter().try_for_each(|(key, value)| typed(item, value, &format!("{place}.{key}")))
}

fn scalar(property: &Value, value: &Value, place: &str) -> Result<(), Refusal> {
    let format = property["format"].as_str().unwrap_or("");
    let fits = match property["type"].as_str().unwrap_or("any") {
        // Google's client for Python sends these as numbers.
        "string" if LOOSE.iter().any(|name| place.ends_with(name)) && value.is_u64() => true,
        "string" => value.as_str().is_some_and(|text| is_format(format, text)),
        "integer" => match format {
            "uint32" => value.as_u64().is_some_and(|n| u32::try_from(n).is_ok()),
            _ => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        },
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => true,
    };
    if !fits {
        let needed = property["type"].as_str().unwrap_or("any");
        return Err(refuse(place, &format!("Invalid value ({needed} {format}), {value}")));
    }
    match property["enum"].as_array() {
        Some(allowed) if !allowed.contains(value) => {
            Err(refuse(place, &format!("Invalid value {value}, not one of the enum")))
        }
        _ => Ok(()),
    }
}

/// Numbers of 64 bits are text.
fn is_format(format: &str, text: &str) -> bool {
    match format {
        "int64" => text.parse::<i64>().is_ok(),
        "uint64" => text.parse::<u64>().is_ok(),
        _ => true,
    }
}

fn prose(name: &str, value: &Value, place: &str) -> Result<(), Refusal> {
    let Some((_, allowed)) = PROSE.iter().find(|(known, _)| *known == name) else { return Ok(()) };
    let values = value.as_array().map_or_else(|| vec![value], |values| values.iter().collect());
    for value in values.into_iter().filter_map(Value::as_str) {
        if !allowed.contains(&value.to_uppercase().as_str()) {
            return Err(refuse(place, &format!("Invalid value for {name}: {value}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::check;

    fn told(job: serde_json::Value) -> String {
        check("Job", &job).err().map_or_else(|| "fine".to_owned(), |refusal| refusal.message)
    }

    #[test]
    fn what_the_document_does_not_allow_is_refused_with_its_place() {
        assert_eq!(
            told(json!({ "configuration": { "jobTimeoutMs": "1", "labels": { "a": "b" } } })),
            "fine"
        );
        let cases = [
            (json!({ "configuration": { "loadd": {} } }), "configuration.loadd"),
            (json!({ "configuration": { "jobTimeoutMs": 1 } }), "configuration.jobTimeoutMs"),
            (json!({ "configuration": { "labels": { "a": 1 } } }), "configuration.labels.a"),
            (json!({ "statistics": {} }), "statistics"),
            (json!({ "configuration": { "load": { "maxBadRecords": "0" } } }), "maxBadRecords"),
            (
                json!({ "configuration": { "load": { "writeDisposition": "APPEND" } } }),
                "writeDisposition",
            ),
            (
                json!({ "configuration": { "load": { "schema": { "fields": [{ "name": "a", "type": "TEXT" }] } } } }),
                "configuration.load.schema.fields[0].type",
            ),
            (json!({ "configuration": { "load": { "jsonExtension": "JSON" } } }), "jsonExtension"),
        ];
        for (job, place) in cases {
            assert!(told(job).contains(place), "{place}");
        }
    }
}
