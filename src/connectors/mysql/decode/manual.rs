//! The table of types for people, made by the decisions themselves.

use mysql_common::constants::ColumnType::{self, *};

use super::reading::strategy;
use crate::connectors::TypeDoc;
use crate::connectors::mysql::wire::Column;
use crate::files::types::type_name;

/// What each kind of type becomes, and what to know of it.
pub(in crate::connectors::mysql) fn manual() -> Vec<TypeDoc> {
    let line = |sample: &Sample| TypeDoc {
        name: sample.shown.to_owned(),
        becomes: sample.becomes(),
        remark: sample.remark,
    };
    SAMPLES.iter().map(line).collect()
}

/// Columns that are read alike, by one that stands for all of them.
struct Sample {
    shown: &'static str,
    kind: ColumnType,
    unsigned: bool,
    /// Bits of a BIT.
    length: u32,
    /// The number of its collation: 45 for text, 63 for bytes.
    charset: u16,
    declared: &'static str,
    remark: &'static str,
}

const fn sample(shown: &'static str, kind: ColumnType, remark: &'static str) -> Sample {
    Sample { shown, kind, unsigned: false, length: 20, charset: 45, declared: shown, remark }
}

const fn unsigned(shown: &'static str, kind: ColumnType) -> Sample {
    Sample { unsigned: true, ..sample(shown, kind, "") }
}

const ZERO: &str = "zero dates are refused, or NULL with `zero_dates: null`";

const SAMPLES: &[Sample] = &[
    sample("tinyint(1)", MYSQL_TYPE_TINY, "boolean with `tinyint1: boolean`: 0 and 1 alone"),
    sample("tinyint", MYSQL_TYPE_TINY, ""),
    sample("smallint", MYSQL_TYPE_SHORT, ""),
    sample("mediumint, int", MYSQL_TYPE_LONG, ""),
    sample("bigint", MYSQL_TYPE_LONGLONG, ""),
    unsigned("tinyint unsigned", MYSQL_TYPE_TINY),
    unsigned("smallint unsigned", MYSQL_TYPE_SHORT),
    unsigned("mediumint, int unsigned", MYSQL_TYPE_LONG),
    unsigned("bigint unsigned", MYSQL_TYPE_LONGLONG),
    sample("float", MYSQL_TYPE_FLOAT, "every bit is kept"),
    sample("double", MYSQL_TYPE_DOUBLE, "every bit is kept"),
    sample("decimal(12,2)", MYSQL_TYPE_NEWDECIMAL, ""),
    sample("decimal(65,30)", MYSQL_TYPE_NEWDECIMAL, "every digit"),
    Sample { length: 1, ..sample("bit(1)", MYSQL_TYPE_BIT, "") },
    sample("bit(2) to bit(64)", MYSQL_TYPE_BIT, "the number that the bits are"),
    sample("date", MYSQL_TYPE_DATE, ZERO),
    sample("datetime", MYSQL_TYPE_DATETIME, ZERO),
    sample("timestamp", MYSQL_TYPE_TIMESTAMP, ZERO),
    sample("time", MYSQL_TYPE_TIME, "-838:59:59 to 838:59:59; `columns: {x: time}` within a day"),
    sample("year", MYSQL_TYPE_YEAR, "0 for 0000"),
    sample("char, varchar, text", MYSQL_TYPE_STRING, "as utf8mb4; invalid bytes are refused"),
    Sample {
        charset: 63,
        ..sample("binary, varbinary, blob", MYSQL_TYPE_STRING, "the padding of binary(n) is kept")
    },
    sample("enum, set", MYSQL_TYPE_STRING, "the label; those of a set with commas between"),
    sample("json", MYSQL_TYPE_JSON, "as the server writes it"),
    Sample {
        charset: 63,
        ..sample("geometry, point, polygon, …", MYSQL_TYPE_GEOMETRY, "WKB, without its SRID")
    },
    sample("uuid, inet4, inet6", MYSQL_TYPE_STRING, "as MariaDB writes it"),
];

impl Sample {
    fn becomes(&self) -> String {
        let column = Column {
            name: String::new(),
            origin: (String::new(), String::new()),
            kind: self.kind,
            unsigned: self.unsigned,
            nullable: true,
            is_enum: false,
            is_set: false,
            charset: self.charset,
            length: self.length,
            decimals: 0,
            declared: Some(self.declared.to_owned()),
            comment: None,
        };
        strategy(&column, false).map_or_else(
            |error| error.message().to_owned(),
            |strategy| type_name(&strategy.data_type),
        )
    }
}
