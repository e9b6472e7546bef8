//! What the functions are, for the manual.

/// A function as the manual lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionDoc {
    /// How it is called: `geo_ip(ip, field)`.
    pub call: &'static str,
    /// The type of its result.
    pub gives: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
}

/// The functions and operators beyond DataFusion's own, in the order of the manual.
pub fn manual() -> &'static [FunctionDoc] {
    FUNCTIONS
}

const fn doc(call: &'static str, gives: &'static str, summary: &'static str) -> FunctionDoc {
    FunctionDoc { call, gives, summary }
}

const FUNCTIONS: &[FunctionDoc] = &[
    doc(
        "row_hash(a, b, …)",
        "text",
        "32 hexadecimal digits that tell rows apart; README has the bytes",
    ),
    doc(
        "parse_user_agent(ua)",
        "struct",
        "name, category, os, os_version, version and vendor; NULL where not known",
    ),
    doc("parse_user_agent(ua, 'os')", "text", "one of these"),
    doc(
        "geo_ip(ip, 'country.iso_code')",
        "text",
        "a field of the place of an address, by the database that `geo_ip:` names",
    ),
    doc("is_ip(text)", "boolean", "whether it is an address of version 4 or 6"),
    doc("json ->> 'key'", "text", "a value as text with all its digits; also `json_as_text`"),
    doc("json -> 'key'", "json", "a value to go on from; cast it, or end with `->>`"),
    doc("json_get_str(json, 'key', …)", "text", "a text; NULL for anything else"),
    doc(
        "json_get_int(json, 'key', …)",
        "bigint",
        "a whole number, or an error when it does not fit",
    ),
    doc("json_get_float(json, 'key', …)", "double", "the nearest double, the same whole number"),
    doc("json_get_bool(json, 'key', …)", "boolean", "true or false; NULL for anything else"),
    doc("json_get_json(json, 'key', …)", "text", "the JSON text of a value"),
    doc("json_get_array(json, 'key', …)", "list", "the JSON texts of the elements"),
    doc("json_contains(json, 'key', …)", "boolean", "whether there is such a value"),
    doc("json_length(json, 'key', …)", "bigint", "how many elements or keys there are"),
    doc("json_object_keys(json, 'key', …)", "list", "the keys of an object"),
];
