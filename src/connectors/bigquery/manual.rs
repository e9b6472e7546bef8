//! What becomes of types, for `dhow connectors bigquery`.

use crate::connectors::TypeDoc;

/// The table of types, in the order of the manual.
pub(super) fn types() -> Vec<TypeDoc> {
    let rows: &[(&str, &str, &str)] = &[
        ("Boolean", "BOOL", ""),
        ("Int8 … Int64, UInt8 … UInt32", "INT64", "sent as text, so that no digit is lost"),
        ("UInt64", "NUMERIC(20, 0)", "INT64 ends at 2^63-1"),
        ("Float16, Float32, Float64", "FLOAT64", "NaN and the infinities as they are"),
        (
            "Decimal(p, s)",
            "NUMERIC(p, s)",
            "up to 29 digits before and 9 after the point; never rounded",
        ),
        ("Decimal(p, s), longer", "BIGNUMERIC(p, s)", "up to 38 digits on either side"),
        ("Decimal(p, s), longer still", "STRING", "all digits; cast it in a model for less"),
        ("Decimal with `decimals: float`", "FLOAT64", "rounded by BigQuery"),
        ("Utf8", "STRING", "as `columns` says: JSON, GEOGRAPHY, STRING(n)"),
        ("Utf8 from a json or jsonb column", "JSON", "the value; at most 500 levels deep"),
        ("Utf8 with `columns: {a: GEOGRAPHY}`", "GEOGRAPHY", "WKT, GeoJSON or hex WKB"),
        ("Binary", "BYTES", ""),
        ("FixedSizeBinary(16) that is a UUID", "STRING", "36 characters"),
        ("Date32, Date64", "DATE", "years 1 to 9999, others are refused rows"),
        ("Time32, Time64", "TIME", "microseconds; finer ones are refused rows"),
        ("Timestamp without zone", "DATETIME", "microseconds, years 1 to 9999"),
        ("Timestamp with zone", "TIMESTAMP", "microseconds in UTC, years 1 to 9999"),
        ("List", "REPEATED", "no NULL in it; a NULL list as `null_lists` says"),
        ("List of lists", "none", "refused: make it JSON, or a list of structs"),
        ("Struct", "RECORD", "field by field"),
        ("Map", "REPEATED RECORD", "of `key` and `value`"),
        ("Interval, Duration, Union", "none", "refused: convert it in a model"),
        ("not nullable", "REQUIRED", "a NULL is a refused row"),
    ];
    let doc = |(name, becomes, remark): &(&str, &str, &'static str)| TypeDoc {
        name: (*name).to_owned(),
        becomes: (*becomes).to_owned(),
        remark,
    };
    rows.iter().map(doc).collect()
}
