//! Calls of functions, by the names that SQLite knows them under.

use sqlparser::ast::{Expr, Function, Ident, ObjectName};

use super::super::answer::{Outcome, Refusal};
use super::super::schema::Type;
use super::infer::arguments;
use super::translate::{Translator, expression};

/// Functions that SQLite has, or that were added to it, by their names in GoogleSQL. Whatever is
/// neither here nor in [`Translator::special`] is refused.
const FUNCTIONS: [(&str, &str); 45] = [
    ("COUNT", "count"),
    ("SUM", "sum"),
    ("MIN", "min"),
    ("MAX", "max"),
    ("AVG", "avg"),
    ("ANY_VALUE", "min"),
    ("LOGICAL_AND", "min"),
    ("LOGICAL_OR", "max"),
    ("STRING_AGG", "group_concat"),
    ("COALESCE", "coalesce"),
    ("IFNULL", "ifnull"),
    ("NULLIF", "nullif"),
    ("IF", "iif"),
    ("CONCAT", "gate_concat"),
    ("LOWER", "lower"),
    ("UPPER", "upper"),
    ("LENGTH", "length"),
    ("CHAR_LENGTH", "length"),
    ("SUBSTR", "substr"),
    ("ABS", "abs"),
    ("ROUND", "round"),
    ("GREATEST", "max"),
    ("LEAST", "min"),
    ("STRPOS", "instr"),
    ("REPLACE", "replace"),
    ("TRIM", "trim"),
    ("LTRIM", "ltrim"),
    ("RTRIM", "rtrim"),
    ("ROW_NUMBER", "row_number"),
    ("RANK", "rank"),
    ("DENSE_RANK", "dense_rank"),
    ("CURRENT_TIMESTAMP", "gate_now"),
    ("UNIX_MICROS", "gate_micros"),
    ("TIMESTAMP_MICROS", "gate_of_micros"),
    ("PARSE_JSON", "gate_parse_json"),
    ("TO_BASE64", "gate_to_base64"),
    ("FROM_BASE64", "gate_from_base64"),
    ("TO_HEX", "gate_to_hex"),
    ("FARM_FINGERPRINT", "gate_fingerprint"),
    ("ERROR", "gate_error"),
    ("MOD", "mod"),
    ("SIGN", "sign"),
    ("LAG", "lag"),
    ("LEAD", "lead"),
    ("FIRST_VALUE", "first_value"),
];

impl Translator<'_> {
    pub(super) fn function(&mut self, mut function: Function) -> Outcome<Expr> {
        let name = function.name.to_string().to_uppercase();
        if let Some(special) = self.special(&name, &function)? {
            return Ok(special);
        }
        let known = FUNCTIONS.iter().find(|(known, _)| *known == name);
        let (_, sqlite) = known.ok_or_else(|| {
            Refusal::invalid_query(format!("Function not found, or not known to the gate: {name}"))
        })?;
        function.name = ObjectName::from(vec![Ident::new(*sqlite)]);
        if matches!(function.args, sqlparser::ast::FunctionArguments::None) {
            return expression(&format!("{sqlite}()"));
        }
        Ok(Expr::Function(function))
    }

    /// Functions that are more than another name.
    fn special(&mut self, name: &str, function: &Function) -> Outcome<Option<Expr>> {
        let arguments = arguments(function);
        let first = arguments.first().map(ToString::to_string).unwrap_or_default();
        let kind = arguments
            .first()
            .and_then(|first| self.scope.infer(first))
            .map(|known| known.field.kind);
        let shown = kind.map_or("", Type::name);
        let text = match name {
            "SUM" if matches!(kind, Some(Type::Numeric | Type::BigNumeric)) => {
                format!("gate_sum({first})")
            }
            "COUNTIF" => format!("coalesce(sum(CASE WHEN {first} THEN 1 ELSE 0 END), 0)"),
            "TO_JSON_STRING" => format!("gate_json({first}, '{shown}')"),
            "TIMESTAMP" | "DATE" | "DATETIME" | "TIME" | "STRING" => {
                format!("gate_cast({first}, '{name}', '{shown}', 0)")
            }
            "CURRENT_DATE" => "substr(gate_now(), 1, 10)".to_owned(),
            "UNIX_MILLIS" => format!("(gate_micros({first}) / 1000)"),
            "UNIX_SECONDS" => format!("(gate_micros({first}) / 1000000)"),
            "TIMESTAMP_MILLIS" => format!("gate_of_micros({first} * 1000)"),
            "TIMESTAMP_SECONDS" => format!("gate_of_micros({first} * 1000000)"),
            "GENERATE_UUID" => "lower(hex(randomblob(16)))".to_owned(),
            "STARTS_WITH" => {
                let prefix = arguments.get(1).map(ToString::to_string).unwrap_or_default();
                format!("(substr({first}, 1, length({prefix})) = {prefix})")
            }
            _ => return Ok(None),
        };
        expression(&text).map(Some)
    }
}
