//! The body of a stream load, read into rows.

use std::io::Read;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use super::catalog::Table;
use super::headers::{Format, Order};
use super::values::{self, Given};

/// A row as it was sent.
#[derive(Debug)]
pub(crate) enum Sent {
    Row {
        /// By column of the table; those that were not sent are none.
        cells: Vec<Option<Given>>,
        /// It deletes the row with its key.
        deletes: bool,
        /// The line, for the log of errors.
        line: String,
    },
    Bad {
        reason: String,
        line: String,
    },
}

const SIGN: &str = "__DORIS_DELETE_SIGN__";

/// The rows of `body`, or why there are none.
pub(crate) fn read(order: &Order, body: Vec<u8>, table: &Table) -> Result<Vec<Sent>, String> {
    let body = match order.gz {
        true => {
            let mut plain = Vec::new();
            MultiGzDecoder::new(body.as_slice())
                .read_to_end(&mut plain)
                .map_err(|e| format!("[INTERNAL_ERROR]inflate error: {e}"))?;
            plain
        }
        false => body,
    };
    match order.format {
        Format::Json => json(order, &body, table),
        Format::Csv => csv(order, &body, table),
        Format::Arrow | Format::Parquet => {
            let batches = batches(order.format, body)?;
            batches.iter().try_fold(Vec::new(), |mut rows, batch| {
                rows.extend(arrow_rows(batch, order, table)?);
                Ok(rows)
            })
        }
    }
}

/// The batches of a body in columns.
pub(crate) fn batches(format: Format, body: Vec<u8>) -> Result<Vec<RecordBatch>, String> {
    let wrong = |e: &dyn std::fmt::Display| format!("[INTERNAL_ERROR]{e}");
    let bytes = Bytes::from(body);
    match format {
        Format::Arrow => {
            let reader =
                arrow::ipc::reader::StreamReader::try_new(std::io::Cursor::new(bytes), None);
            let reader = reader.map_err(|e| wrong(&e))?;
            reader.collect::<Result<_, _>>().map_err(|e| wrong(&e))
        }
        _ => {
            use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
            let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|e| wrong(&e))?;
            let reader = builder.build().map_err(|e| wrong(&e))?;
            reader.collect::<Result<_, _>>().map_err(|e| wrong(&e))
        }
    }
}

/// The first value of a column, as text.
pub(crate) fn first_text(batch: &RecordBatch, column: &str) -> Option<String> {
    let column = batch.column_by_name(column).filter(|column| !column.is_empty())?;
    match givens(&column.slice(0, 1)).ok()?.pop()? {
        Given::Text(text) => Some(text),
        _ => None,
    }
}

/// The columns that are loaded, by the place of each in what is sent.
fn place(order: &Order, table: &Table, name: &str) -> Option<usize> {
    let wanted = order
        .columns
        .as_ref()
        .is_none_or(|all| all.iter().any(|column| column.eq_ignore_ascii_case(name)));
    let at = table.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
    at.filter(|_| wanted)
}

fn row(order: &Order, table: &Table, pairs: Vec<(String, Given)>, line: String) -> Sent {
    let mut cells = vec![None; table.columns.len()];
    let mut deletes = order.deletes;
    for (name, given) in pairs {
        if order.delete_sign && name.eq_ignore_ascii_case(SIGN) {
            deletes |= matches!(&given, Given::Text(n) if n != "0")
                || given == Given::Json("true".to_owned());
        }
        // What the table does not have is passed over without a word.
        if let Some(at) = place(order, table, &name) {
            cells[at] = Some(given);
        }
    }
    Sent::Row { cells, deletes, line }
}

fn json(order: &Order, body: &[u8], table: &Table) -> Result<Vec<Sent>, String> {
    let text = std::str::from_utf8(body)
        .map_err(|_| "[DATA_QUALITY_ERROR]Parse json data failed: invalid UTF-8".to_owned())?;
    if order.array {
        let items: Vec<&serde_json::value::RawValue> = serde_json::from_str(text)
            .map_err(|e| format!("[DATA_QUALITY_ERROR]Parse json data failed: {e}"))?;
        return Ok(items.iter().map(|item| object(order, table, item.get())).collect());
    }
    let lines = text.split('\n').filter(|line| !line.trim().is_empty());
    let rows: Vec<Sent> = lines.map(|line| object(order, table, line)).collect();
    let is_array = |row: &Sent| matches!(row, Sent::Bad { line, .. } if line.starts_with('['));
    match rows.iter().any(is_array) {
        true => Err("[DATA_QUALITY_ERROR]JSON data is array-object, `strip_outer_array` must be \
                     TRUE."
            .to_owned()),
        false => Ok(rows),
    }
}

fn object(order: &Order, table: &Table, line: &str) -> Sent {
    let line = line.trim();
    match values::pairs(line) {
        Some(pairs) => row(order, table, pairs, line.to_owned()),
        None => Sent::Bad {
            reason: "Parse json data for JsonDoc failed. code: 3, error info: The JSON document \
                     has an improper structure"
                .to_owned(),
            line: line.to_owned(),
        },
    }
}

fn csv(order: &Order, body: &[u8], table: &Table) -> Result<Vec<Sent>, String> {
    let text = std::str::from_utf8(body)
        .map_err(|_| "[DATA_QUALITY_ERROR]All fields is not utf8 encoding".to_owned())?;
    let own: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    let names = order.columns.as_ref().unwrap_or(&own);
    let text = text.strip_suffix(order.line.as_str()).unwrap_or(text);
    let lines = text.split(order.line.as_str()).skip(order.skip_lines);
    let told = lines.filter(|line| !line.is_empty()).map(|line| {
        let fields = fields(order, line);
        if fields.len() != names.len() {
            let than = if fields.len() < names.len() { "less" } else { "more" };
            return Sent::Bad {
                reason: format!(
                    "actual column number in csv file is  {than}  than  schema column number.\
                     actual number: {}, schema column number: {}; ",
                    fields.len(),
                    names.len()
                ),
                line: line.to_owned(),
            };
        }
        let pairs = names.iter().cloned().zip(fields).collect();
        row(order, table, pairs, line.to_owned())
    });
    Ok(told.collect())
}

fn fields(order: &Order, line: &str) -> Vec<Given> {
    let null_or = |text: &str| match text {
        "\\N" => Given::Null,
        text => Given::Text(text.to_owned()),
    };
    let Some(quote) = order.enclose else {
        return line.split(order.separator.as_str()).map(null_or).collect();
    };
    let mut fields = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        match text.strip_prefix(quote).and_then(|inner| inner.split_once(quote)) {
            Some((field, after)) => {
                fields.push(Given::Text(field.to_owned()));
                rest = after.strip_prefix(order.separator.as_str());
            }
            None => {
                let (field, after) = match text.split_once(order.separator.as_str()) {
                    Some((field, after)) => (field, Some(after)),
                    None => (text, None),
                };
                fields.push(null_or(field));
                rest = after;
            }
        }
    }
    fields
}

/// The rows of a batch, its values as texts.
fn arrow_rows(batch: &RecordBatch, order: &Order, table: &Table) -> Result<Vec<Sent>, String> {
    let mut columns = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        columns.push((field.name().clone(), givens(column)?));
    }
    let pairs = |n: usize| {
        columns.iter().map(|(name, all)| (name.clone(), all[n].clone())).collect::<Vec<_>>()
    };
    Ok((0..batch.num_rows()).map(|n| row(order, table, pairs(n), format!("row {n}"))).collect())
}

fn givens(column: &Arc<dyn Array>) -> Result<Vec<Given>, String> {
    let wrong = |e: &dyn std::fmt::Display| format!("[INTERNAL_ERROR]{e}");
    let is_nested = column.data_type().is_nested();
    if is_nested || matches!(column.data_type(), DataType::Boolean) {
        let field = arrow::datatypes::Field::new("v", column.data_type().clone(), true);
        let schema = Arc::new(arrow::datatypes::Schema::new(vec![field]));
        let one = RecordBatch::try_new(schema, vec![Arc::clone(column)]).map_err(|e| wrong(&e))?;
        let mut lines = Vec::new();
        let mut writer = arrow::json::LineDelimitedWriter::new(&mut lines);
        writer.write(&one).and_then(|()| writer.finish()).map_err(|e| wrong(&e))?;
        drop(writer);
        let text = String::from_utf8(lines).map_err(|e| wrong(&e))?;
        let value = |line: &str| {
            let pairs = values::pairs(line).unwrap_or_default();
            pairs.into_iter().next().map_or(Given::Null, |(_, given)| given)
        };
        return Ok(text.lines().map(value).collect());
    }
    // An instant is shown in UTC, and says so.
    let (column, end) = match column.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            let plain = column.to_data().into_builder().data_type(DataType::Timestamp(*unit, None));
            (arrow::array::make_array(plain.build().map_err(|e| wrong(&e))?), "Z")
        }
        _ => (Arc::clone(column), ""),
    };
    let options = FormatOptions::new().with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"));
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options).map_err(|e| wrong(&e))?;
    let text = |n: usize| match column.is_null(n) {
        true => Ok(Given::Null),
        false => {
            let text = formatter.value(n).try_to_string().map_err(|e| wrong(&e))?;
            Ok(Given::Text(format!("{text}{end}")))
        }
    };
    (0..column.len()).map(text).collect()
}
