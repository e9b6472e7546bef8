//! The headers of a stream load, and the rules that they keep.

use super::http::Head;
use super::values::Zone;

/// The form of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Json,
    Arrow,
    Parquet,
}

/// What a stream load asks for.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) label: Option<String>,
    pub(crate) format: Format,
    pub(crate) gz: bool,
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) strict: bool,
    /// Part of the rows that may be filtered.
    pub(crate) ratio: f64,
    pub(crate) zone: Zone,
    pub(crate) two_phase: bool,
    pub(crate) separator: String,
    pub(crate) line: String,
    pub(crate) enclose: Option<char>,
    pub(crate) skip_lines: usize,
    /// The body is an array of objects.
    pub(crate) array: bool,
    /// `merge_type: DELETE`.
    pub(crate) deletes: bool,
    /// `__DORIS_DELETE_SIGN__` is among the columns.
    pub(crate) delete_sign: bool,
}

/// Headers that Doris knows and this stand-in does not: better no load than another one.
const UNKNOWN: [&str; 10] = [
    "where",
    "json_root",
    "jsonpaths",
    "delete",
    "function_column.sequence_col",
    "partitions",
    "temporary_partitions",
    "partial_columns",
    "unique_key_update_mode",
    "escape",
];

impl Order {
    /// Reads the headers, or says what Doris says of them.
    pub(crate) fn read(head: &Head, starrocks: bool) -> Result<Order, String> {
        check_length(head)?;
        for name in UNKNOWN {
            if head.header(name).is_some_and(|value| value != "false") {
                return Err(format!("[NOT_IMPLEMENTED]the stand-in does not know `{name}`"));
            }
        }
        let label = head.header("label").filter(|label| !label.is_empty()).map(str::to_owned);
        if let Some(label) = &label {
            check_label(label)?;
        }
        check_group_commit(head, label.is_some())?;
        let (deletes, delete_sign) = merging(head)?;
        let line = if starrocks { "row_delimiter" } else { "line_delimiter" };
        let skip = if starrocks { "skip_header" } else { "skip_lines" };
        let zone = head.header("timezone").or(head.header("time_zone"));
        Ok(Order {
            label,
            format: format(head.header("format").unwrap_or("csv"), starrocks)?,
            gz: compression(head)?,
            columns: head.header("columns").map(columns).transpose()?,
            strict: flag(head, "strict_mode")?,
            ratio: ratio(head)?,
            zone: match zone {
                None => Zone::DEFAULT,
                Some(text) => Zone::read(text)
                    .ok_or_else(|| format!("[INVALID_ARGUMENT]invalid time zone: {text}"))?,
            },
            two_phase: flag(head, "two_phase_commit")?,
            separator: separator(head.header("column_separator").unwrap_or("\t")),
            line: separator(head.header(line).unwrap_or("\n")),
            enclose: head.header("enclose").and_then(|text| text.chars().next()),
            skip_lines: head.header(skip).and_then(|text| text.parse().ok()).unwrap_or(0),
            array: flag(head, "strip_outer_array")? && !flag(head, "read_json_by_line")?,
            deletes,
            delete_sign,
        })
    }
}

fn check_length(head: &Head) -> Result<(), String> {
    let length = head.header("content-length").is_some();
    let chunked = head.header("transfer-encoding").is_some_and(|v| v.contains("chunked"));
    match (length, chunked) {
        (false, false) => Err("[INVALID_ARGUMENT]content_length is empty and \
                               transfer-encoding!=chunked, please set content_length or \
                               transfer-encoding=chunked"
            .to_owned()),
        (true, true) => Err("[INVALID_ARGUMENT]please do not set both content_length and \
                             transfer-encoding"
            .to_owned()),
        _ => Ok(()),
    }
}

/// Whether a label may look so.
pub(crate) fn check_label(label: &str) -> Result<(), String> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "-_:".contains(c);
    match label.chars().all(is_good) && (1..=128).contains(&label.len()) {
        true => Ok(()),
        false => Err(format!(
            "[ANALYSIS_ERROR]TStatus: errCode = 2, detailMessage = Label format error. regex: \
             ^[-_A-Za-z0-9:]{{1,128}}$, label: {label}"
        )),
    }
}

fn check_group_commit(head: &Head, labelled: bool) -> Result<(), String> {
    match head.header("group_commit") {
        None | Some("off_mode") => Ok(()),
        Some(_) if labelled => {
            Err("[INVALID_ARGUMENT]label and group_commit can't be set at the same time".to_owned())
        }
        Some(_) => Err("[NOT_IMPLEMENTED]the stand-in does not know `group_commit`".to_owned()),
    }
}

/// Whether rows are deletions, and whether a hidden column says so of each.
fn merging(head: &Head) -> Result<(bool, bool), String> {
    let hidden = head.header("hidden_columns").unwrap_or("");
    let delete_sign = hidden.split(',').any(|name| name.trim() == "__DORIS_DELETE_SIGN__");
    if hidden.split(',').any(|name| !["", "__DORIS_DELETE_SIGN__"].contains(&name.trim())) {
        return Err(format!("[NOT_IMPLEMENTED]the stand-in does not know `{hidden}`"));
    }
    match head.header("merge_type").map(str::to_ascii_uppercase).as_deref() {
        None | Some("APPEND") => Ok((false, delete_sign)),
        Some("DELETE") => Ok((true, delete_sign)),
        Some("MERGE") => {
            Err("[INVALID_ARGUMENT]Excepted DELETE ON clause when merge type is MERGE.".to_owned())
        }
        Some(other) => Err(format!("[INVALID_ARGUMENT]Invalid merge type {other}")),
    }
}

fn format(text: &str, starrocks: bool) -> Result<Format, String> {
    match text.to_ascii_lowercase().as_str() {
        "csv" => Ok(Format::Csv),
        "json" => Ok(Format::Json),
        "arrow" if !starrocks => Ok(Format::Arrow),
        "parquet" if !starrocks => Ok(Format::Parquet),
        other => Err(format!("[INTERNAL_ERROR]unknown data format, format={other}")),
    }
}

fn compression(head: &Head) -> Result<bool, String> {
    match head.header("compress_type").or(head.header("compression")) {
        None | Some("") => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("gz") || text.eq_ignore_ascii_case("gzip") => {
            Ok(true)
        }
        Some(other) => Err(format!("[NOT_IMPLEMENTED]the stand-in does not know `{other}`")),
    }
}

fn flag(head: &Head, name: &str) -> Result<bool, String> {
    match head.header(name).map(str::to_ascii_lowercase).as_deref() {
        Some("true") => Ok(true),
        None | Some("false") => Ok(false),
        Some(_) => Err(format!("[INVALID_ARGUMENT]Invalid {name} format. Must be bool type")),
    }
}

fn ratio(head: &Head) -> Result<f64, String> {
    let Some(text) = head.header("max_filter_ratio") else { return Ok(0.0) };
    let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| format!("[INVALID_ARGUMENT]Invalid max_filter_ratio: {text}"))
}

fn columns(text: &str) -> Result<Vec<String>, String> {
    if text.contains('=') {
        return Err("[NOT_IMPLEMENTED]the stand-in does not compute `columns`".to_owned());
    }
    let plain = |name: &str| name.trim().trim_matches('`').to_owned();
    Ok(text.split(',').map(plain).collect())
}

/// A separator, of which Doris takes `\x01` and the usual signs.
fn separator(text: &str) -> String {
    let text = text.replace("\\t", "\t").replace("\\n", "\n").replace("\\r", "\r");
    let hex = text.strip_prefix("\\x").and_then(|hex| u8::from_str_radix(hex, 16).ok());
    hex.map_or(text.clone(), |byte| char::from(byte).to_string())
}
