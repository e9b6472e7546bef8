//! The table of types for people, made by the decisions themselves.

use super::reading::{Fraction, strategy};
use super::server_type::ServerType;
use crate::connectors::TypeDoc;
use crate::files::types::type_name;

/// What each kind of type becomes, and what to know of it.
pub(super) fn manual() -> Vec<TypeDoc> {
    let line = |(name, sample, remark): &(&str, &str, &'static str)| TypeDoc {
        name: (*name).to_owned(),
        becomes: match strategy(&ServerType::parse(sample), "a", Fraction::Refuse) {
            Ok((data_type, ..)) => type_name(&data_type),
            Err(_) => "refused".to_owned(),
        },
        remark,
    };
    SAMPLES.iter().map(line).collect()
}

const TENTHS: &str = "tenths of a microsecond are refused, or cut off with `fraction: truncate`";

/// Names, one that stands for all of them, and what to know.
const SAMPLES: &[(&str, &str, &str)] = &[
    ("bit", "bit", ""),
    ("tinyint", "tinyint", "0 to 255"),
    ("smallint", "smallint", ""),
    ("int", "int", ""),
    ("bigint", "bigint", ""),
    ("real", "real", "every bit is kept"),
    ("float", "float", "every bit is kept"),
    ("decimal(12,2), numeric(12,2)", "decimal(12,2)", "up to 38 digits"),
    ("money", "money", "cast by the server, because the driver makes a float of it"),
    ("smallmoney", "smallmoney", "likewise"),
    ("date", "date", ""),
    ("time", "time(7)", TENTHS),
    ("datetime", "datetime", "with the three digits that the server shows: .000, .003, .007"),
    ("smalldatetime", "smalldatetime", ""),
    ("datetime2", "datetime2(7)", TENTHS),
    ("datetimeoffset", "datetimeoffset(7)", "the moment in UTC; its offset is not kept"),
    ("char, varchar, text", "varchar(20)", "through UTF-16, whatever the collation; padding kept"),
    ("nchar, nvarchar, ntext", "nvarchar(20)", "half a surrogate is refused"),
    ("xml, json", "xml", "as the server writes it"),
    ("uniqueidentifier", "uniqueidentifier", "in capitals, as the server shows it"),
    ("binary, varbinary, image", "varbinary(max)", ""),
    ("rowversion, timestamp", "timestamp", "8 bytes"),
    ("hierarchyid", "hierarchyid", "its path: /1/2/"),
    ("geometry, geography", "geometry", "WKB with Z and M, without the reference system"),
    (
        "sql_variant",
        "sql_variant",
        "`text` under `columns` reads each value as the text of its own type, which is not kept",
    ),
    ("vector, own CLR types", "vector(3)", "convert them with a `query`"),
];
