//! What becomes of each type of each database on the road through connectorx, and which types are
//! refused because values would change or the road would break.
//!
//! Where a line has no other source, it was read off connectorx 0.4.6 (`sources/*/typesystem.rs`
//! and `transports/*_arrowstream.rs`); those of Postgres, MySQL and SQLite were tried as well.

use arrow::datatypes::{DataType, TimeUnit};

use super::server::Server;
use crate::connectors::TypeDoc;
use crate::files::types::type_name;

/// What becomes of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Becomes {
    /// A type without parameters.
    Plain(Plain),
    /// A decimal as the database declares it.
    Decimal {
        /// Digits altogether.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// Nothing: it is not read, and why.
    Refused(&'static str),
}

/// The types without parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Float32,
    Float64,
    Text,
    Binary,
    Date,
    Time,
    Timestamp,
    Instant,
}

impl Becomes {
    /// As Arrow's type; `None` for one that is refused.
    pub(super) fn data_type(self) -> Option<DataType> {
        match self {
            Becomes::Plain(plain) => Some(plain.data_type()),
            Becomes::Decimal { precision, scale } => {
                Some(DataType::Decimal128(precision, i8::try_from(scale).ok()?))
            }
            Becomes::Refused(_) => None,
        }
    }
}

impl Plain {
    fn data_type(self) -> DataType {
        match self {
            Plain::Boolean => DataType::Boolean,
            Plain::Int8 => DataType::Int8,
            Plain::Int16 => DataType::Int16,
            Plain::Int32 => DataType::Int32,
            Plain::Int64 => DataType::Int64,
            Plain::UInt8 => DataType::UInt8,
            Plain::UInt16 => DataType::UInt16,
            Plain::UInt32 => DataType::UInt32,
            Plain::UInt64 => DataType::UInt64,
            Plain::Float32 => DataType::Float32,
            Plain::Float64 => DataType::Float64,
            Plain::Text => DataType::Utf8,
            Plain::Binary => DataType::Binary,
            Plain::Date => DataType::Date32,
            Plain::Time => DataType::Time64(TimeUnit::Microsecond),
            Plain::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Plain::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }
}

/// A type as a database names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Native {
    /// Its name in lower case, without parameters: `numeric`.
    pub name: String,
    /// Its parameters: digits and scale of a decimal, or the digits of a second.
    pub arguments: Vec<i32>,
}

impl Native {
    /// A type without parameters.
    pub(super) fn plain(name: impl Into<String>) -> Self {
        Native { name: name.into(), arguments: Vec::new() }
    }

    /// Takes `decimal(12, 2)` and `timestamp(3) with time zone` apart; what is no number among the
    /// arguments is left out.
    pub(super) fn parse(text: &str) -> Self {
        let text = text.trim().to_ascii_lowercase();
        let (before, rest) = text.split_once('(').unwrap_or((&text, ""));
        let (inside, after) = rest.split_once(')').unwrap_or((rest, ""));
        let arguments = inside.split(',').filter_map(|n| n.trim().parse().ok()).collect();
        Native { name: format!("{}{}", before.trim(), after.trim_end()), arguments }
    }

    /// For people: `numeric(12,2)`.
    pub(super) fn shown(&self) -> String {
        if self.arguments.is_empty() {
            return self.name.clone();
        }
        let arguments: Vec<String> = self.arguments.iter().map(i32::to_string).collect();
        format!("{}({})", self.name, arguments.join(","))
    }
}

/// Types of a database that become the same.
struct Line {
    server: Server,
    names: &'static [&'static str],
    rule: Rule,
    remark: &'static str,
}

/// How the type of a line is decided.
#[derive(Clone, Copy)]
enum Rule {
    As(Plain),
    /// A decimal, if every value fits on the way.
    Decimal,
    /// The same with at most six digits of a second.
    Micro(Plain),
    Never(&'static str),
}

const fn line(
    server: Server,
    names: &'static [&'static str],
    rule: Rule,
    remark: &'static str,
) -> Line {
    Line { server, names, rule, remark }
}

use Rule::{As, Decimal, Micro, Never};
use Server::{ClickHouse, MySql, Oracle, Postgres, SqlServer, Sqlite, Trino};

const DIGITS: &str = "connectorx makes a decimal with 10 digits after the point of it, and cuts or \
                      overflows what does not fit: at most 18 digits before the point and 10 after \
                      it can be read";
const MICRO: &str = "connectorx cuts a second after six digits";
const FLOAT: &str = "connectorx makes a float of it";
const JSON: &str = "connectorx reads it and writes it again: large numbers lose digits";
const UNKNOWN: &str = "connectorx does not know the type, or changes its values";
const WHOLE: &str = "NaN ends the load with an error";
const BOUND: &str = "infinity is refused row by row";

#[rustfmt::skip]
const LINES: &[Line] = &[
    line(Postgres, &["bool"], As(Plain::Boolean), ""),
    line(Postgres, &["int2"], As(Plain::Int16), ""),
    line(Postgres, &["int4"], As(Plain::Int32), ""),
    line(Postgres, &["int8"], As(Plain::Int64), ""),
    line(Postgres, &["oid"], As(Plain::UInt32), ""),
    line(Postgres, &["float4"], As(Plain::Float32), ""),
    line(Postgres, &["float8"], As(Plain::Float64), ""),
    line(Postgres, &["numeric"], Decimal, WHOLE),
    line(Postgres, &["text", "varchar", "bpchar", "name", "uuid", "enum"], As(Plain::Text), ""),
    line(Postgres, &["bytea"], As(Plain::Binary), ""),
    line(Postgres, &["date"], As(Plain::Date), BOUND),
    line(Postgres, &["timestamp"], As(Plain::Timestamp), BOUND),
    line(Postgres, &["timestamptz"], As(Plain::Instant), BOUND),
    line(Postgres, &["time"], Never("connectorx makes 00:00:00 of 24:00:00"), ""),
    line(Postgres, &["json", "jsonb"], Never(JSON), ""),
    line(MySql, &["tinyint"], As(Plain::Int8), ""),
    line(MySql, &["tinyint unsigned"], As(Plain::UInt8), ""),
    line(MySql, &["smallint", "year"], As(Plain::Int16), ""),
    line(MySql, &["smallint unsigned"], As(Plain::UInt16), ""),
    line(MySql, &["mediumint", "int"], As(Plain::Int32), ""),
    line(MySql, &["mediumint unsigned", "int unsigned"], As(Plain::UInt32), ""),
    line(MySql, &["bigint"], As(Plain::Int64), ""),
    line(MySql, &["bigint unsigned"], As(Plain::UInt64), ""),
    line(MySql, &["float"], As(Plain::Float32), ""),
    line(MySql, &["double"], As(Plain::Float64), ""),
    line(MySql, &["decimal"], Decimal, ""),
    line(MySql, &["char", "varchar", "text", "enum", "set"], As(Plain::Text), ""),
    line(MySql, &["binary", "varbinary", "blob", "bit"], As(Plain::Binary), ""),
    line(MySql, &["date"], As(Plain::Date), "a zero date ends the load with an error"),
    line(MySql, &["datetime"], As(Plain::Timestamp), "a zero date ends the load with an error"),
    line(MySql, &["timestamp"], As(Plain::Instant), "read in UTC; a zero date ends the load with an error"),
    line(MySql, &["time"], Never("connectorx cannot carry times below 0 or beyond 24 hours"), ""),
    line(MySql, &["json"], Never(JSON), ""),
    line(Sqlite, &["int", "integer", "bigint", "any int"], As(Plain::Int64), "a value of another class ends the load with an error"),
    line(Sqlite, &["int2", "int4"], As(Plain::Int64), "a value beyond 16 or 32 bits ends the load with an error"),
    line(Sqlite, &["real", "double", "float"], As(Plain::Float64), ""),
    line(Sqlite, &["text", "varchar", "char", "clob"], As(Plain::Text), "a value of another class ends the load with an error"),
    line(Sqlite, &["blob"], As(Plain::Binary), ""),
    line(Sqlite, &["date"], As(Plain::Date), "text such as 2026-11-21; others end the load with an error"),
    line(Sqlite, &["integer expression"], As(Plain::Int64), "by the first row; others end the load with an error"),
    line(Sqlite, &["text expression"], As(Plain::Text), "by the first row; others end the load with an error"),
    line(Sqlite, &["blob expression"], As(Plain::Binary), "by the first row; others end the load with an error"),
    line(Sqlite, &["real expression"], Never("connectorx rounds large integers among them"), ""),
    line(Sqlite, &["boolean", "bool"], Never("connectorx makes `true` of every number but 0"), ""),
    line(Sqlite, &["datetime", "timestamp", "time"], Never(MICRO), ""),
    line(SqlServer, &["bit"], As(Plain::Boolean), ""),
    line(SqlServer, &["tinyint"], As(Plain::UInt8), ""),
    line(SqlServer, &["smallint"], As(Plain::Int16), ""),
    line(SqlServer, &["int"], As(Plain::Int32), ""),
    line(SqlServer, &["bigint"], As(Plain::Int64), ""),
    line(SqlServer, &["real"], As(Plain::Float32), ""),
    line(SqlServer, &["float"], As(Plain::Float64), ""),
    line(SqlServer, &["decimal", "numeric"], Decimal, ""),
    line(SqlServer, &["char", "varchar", "nchar", "nvarchar", "text", "ntext", "uniqueidentifier"], As(Plain::Text), ""),
    line(SqlServer, &["binary", "varbinary", "image"], As(Plain::Binary), ""),
    line(SqlServer, &["date"], As(Plain::Date), ""),
    line(SqlServer, &["time"], Micro(Plain::Time), "up to time(6)"),
    line(SqlServer, &["datetime2"], Micro(Plain::Timestamp), "up to datetime2(6)"),
    line(SqlServer, &["smalldatetime"], As(Plain::Timestamp), ""),
    line(SqlServer, &["datetime"], Never("its thirds of a hundredth have no end: cast it to datetime2(3)"), ""),
    line(SqlServer, &["datetimeoffset"], Never("connectorx keeps the moment and drops the offset"), ""),
    line(SqlServer, &["money", "smallmoney"], Never(FLOAT), ""),
    line(Oracle, &["numint"], As(Plain::Int64), "number(p,0); beyond 64 bits the load ends with an error"),
    line(Oracle, &["binaryfloat", "binarydouble"], As(Plain::Float64), ""),
    line(Oracle, &["varchar", "char", "nvarchar", "nchar", "clob"], As(Plain::Text), ""),
    line(Oracle, &["blob"], As(Plain::Binary), ""),
    line(Oracle, &["date", "timestamp"], As(Plain::Timestamp), ""),
    line(Oracle, &["numdecimal"], Never(DIGITS), ""),
    line(Oracle, &["float", "numfloat"], Never(FLOAT), ""),
    line(Oracle, &["timestampnano"], Never(MICRO), ""),
    line(Oracle, &["timestamptz", "timestamptznano"], Never("connectorx drops the time zone"), ""),
    line(Trino, &["boolean"], As(Plain::Boolean), ""),
    line(Trino, &["tinyint", "smallint", "integer"], As(Plain::Int64), ""),
    line(Trino, &["bigint"], As(Plain::Int64), "beyond 32 bits the load ends with an error"),
    line(Trino, &["varchar"], As(Plain::Text), ""),
    line(Trino, &["date"], As(Plain::Date), ""),
    line(Trino, &["timestamp"], Micro(Plain::Timestamp), "up to timestamp(6)"),
    line(Trino, &["double", "real"], Never("connectorx may miss the last digit"), ""),
    line(Trino, &["decimal"], Never(FLOAT), ""),
    line(ClickHouse, &["bool"], As(Plain::Boolean), ""),
    line(ClickHouse, &["int8"], As(Plain::Int8), ""),
    line(ClickHouse, &["int16"], As(Plain::Int16), ""),
    line(ClickHouse, &["int32"], As(Plain::Int32), ""),
    line(ClickHouse, &["int64"], As(Plain::Int64), ""),
    line(ClickHouse, &["uint8"], As(Plain::UInt8), ""),
    line(ClickHouse, &["uint16"], As(Plain::UInt16), ""),
    line(ClickHouse, &["uint32"], As(Plain::UInt32), ""),
    line(ClickHouse, &["uint64"], As(Plain::UInt64), ""),
    line(ClickHouse, &["float32"], As(Plain::Float32), ""),
    line(ClickHouse, &["float64"], As(Plain::Float64), ""),
    line(ClickHouse, &["decimal"], Decimal, "up to 18 digits altogether"),
    line(ClickHouse, &["string"], As(Plain::Text), "bytes that are no UTF-8 end the load with an error"),
    line(ClickHouse, &["fixedstring"], As(Plain::Binary), ""),
    line(ClickHouse, &["date", "date32"], As(Plain::Date), ""),
    line(ClickHouse, &["datetime"], As(Plain::Instant), ""),
    line(ClickHouse, &["datetime64"], Micro(Plain::Instant), "up to datetime64(6)"),
];

/// What becomes of a column of type `native`.
pub(super) fn becomes(server: Server, native: &Native) -> Becomes {
    let known = |line: &&Line| line.server == server && line.names.contains(&native.name.as_str());
    match LINES.iter().find(known).map(|line| line.rule) {
        None => Becomes::Refused(UNKNOWN),
        Some(As(plain)) => Becomes::Plain(plain),
        Some(Never(why)) => Becomes::Refused(why),
        Some(Micro(plain)) => match native.arguments.first() {
            // Without an argument it is as fine as that database has it.
            Some(0..=6) => Becomes::Plain(plain),
            None if server == Trino => Becomes::Plain(plain),
            _ => Becomes::Refused(MICRO),
        },
        Some(Decimal) => decimal(server, native),
    }
}

/// connectorx holds 28 digits, of which 10 stand after the point.
fn decimal(server: Server, native: &Native) -> Becomes {
    let digits = |at: usize| native.arguments.get(at).and_then(|n| u8::try_from(*n).ok());
    let (Some(precision), Some(scale)) = (digits(0), digits(1)) else {
        return Becomes::Refused(DIGITS);
    };
    let most = if server == ClickHouse { 18 } else { 28 };
    let fits = (1..=most).contains(&precision)
        && scale <= precision
        && scale <= 10
        && precision - scale <= 18;
    if fits { Becomes::Decimal { precision, scale } } else { Becomes::Refused(DIGITS) }
}

/// The table for people.
pub(super) fn manual() -> Vec<TypeDoc> {
    let shown = |line: &Line| {
        let (becomes, remark) = match line.rule {
            As(plain) | Micro(plain) => (type_name(&plain.data_type()), line.remark),
            Decimal => ("decimal(p,s)".to_owned(), line.remark),
            Never(why) => ("refused".to_owned(), why),
        };
        let remark = if remark == DIGITS { "its digits are not known here" } else { remark };
        TypeDoc {
            name: format!("{}: {}", line.server.name(), line.names.join(", ")),
            becomes,
            remark,
        }
    };
    LINES.iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(server: Server, text: &str) -> String {
        let native = Native::parse(text);
        match becomes(server, &native) {
            Becomes::Refused(_) => format!("{} refused", native.shown()),
            other => type_name(&other.data_type().unwrap()),
        }
    }

    #[test]
    fn a_decimal_is_read_where_every_value_fits() {
        let decided = |text| decided(Postgres, text);
        assert_eq!(decided("numeric(12, 2)"), "decimal(12,2)");
        assert_eq!(decided("numeric(28,10)"), "decimal(28,10)");
        assert_eq!(decided("numeric(18,0)"), "decimal(18,0)");
        for refused in
            ["numeric", "numeric(19,0)", "numeric(20,15)", "numeric(5,-2)", "numeric(2,5)"]
        {
            assert_eq!(decided(refused), format!("{} refused", Native::parse(refused).shown()));
        }
        assert_eq!(
            super::becomes(ClickHouse, &Native::parse("Decimal(20,2)")),
            Becomes::Refused(DIGITS)
        );
    }

    #[test]
    fn a_second_is_read_with_six_digits() {
        assert_eq!(decided(SqlServer, "datetime2(6)"), "timestamp");
        assert_eq!(decided(SqlServer, "datetime2(7)"), "datetime2(7) refused");
        assert_eq!(decided(Trino, "timestamp(3)"), "timestamp");
        assert_eq!(
            decided(Trino, "timestamp(3) with time zone"),
            "timestamp with time zone(3) refused"
        );
        assert_eq!(decided(ClickHouse, "DateTime64(3, 'UTC')"), "timestamptz");
    }

    #[test]
    fn what_is_in_no_line_is_refused() {
        assert_eq!(decided(Postgres, "interval"), "interval refused");
        assert_eq!(decided(MySql, "geometry"), "geometry refused");
        assert_eq!(decided(Sqlite, "numeric"), "numeric refused");
    }

    #[test]
    fn no_type_stands_in_two_lines() {
        for line in LINES {
            for name in line.names {
                let same = |l: &&Line| l.server == line.server && l.names.contains(name);
                assert_eq!(LINES.iter().filter(same).count(), 1, "{name}");
            }
        }
    }
}
