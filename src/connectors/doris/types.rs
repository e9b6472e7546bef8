//! Types: what a new column is for a field of Arrow, and how the values of a field are written for
//! a column that is there. One decision for each column, before the first row.

use arrow::datatypes::{DataType, Field, TimeUnit};

use super::kind::{Kind, VARCHAR_BYTES};
use super::options::Bytes;
use super::source_type;
use crate::error::{Error, Result};
use crate::ndjson::{Column, Form, NullList, Specials, TextLimit};

/// Digits of a decimal that a column holds at most.
const DECIMAL_DIGITS: u8 = 38;

/// The type that a new column gets for `field`.
///
/// # Errors
/// [`crate::error::Kind::Unsupported`] for a type that no column holds.
pub(super) fn new_kind(field: &Field, starrocks: bool) -> Result<Kind> {
    if let Some(kind) = source_type::kind(field) {
        return Ok(kind);
    }
    of_arrow(field.data_type(), starrocks).ok_or_else(|| {
        let name = field.name();
        Error::unsupported(format!("column `{name}` has a type that no column of Doris holds"))
            .at("type", field.data_type())
            .hint("cast it in a model, for instance to text")
    })
}

/// The type of a new column that is a part of the key, which may be no `STRING`.
///
/// # Errors
/// [`crate::error::Kind::Config`] for a type that cannot be a key.
pub(super) fn new_key_kind(field: &Field, starrocks: bool) -> Result<Kind> {
    match new_kind(field, starrocks)? {
        Kind::Text => Ok(Kind::Varchar(VARCHAR_BYTES)),
        kind if kind.can_be_key() => Ok(kind),
        kind => {
            let name = field.name();
            let error = Error::config(format!("column `{name}` cannot be a key of a Doris table"));
            Err(error.at("type", kind).hint("choose columns of whole numbers, texts or dates"))
        }
    }
}

fn of_arrow(kind: &DataType, starrocks: bool) -> Option<Kind> {
    use DataType as D;
    let item = |field: &Field| of_arrow(field.data_type(), starrocks);
    Some(match kind {
        D::Boolean => Kind::Boolean,
        D::Int8 => Kind::Integer(8),
        D::Int16 | D::UInt8 => Kind::Integer(16),
        D::Int32 | D::UInt16 => Kind::Integer(32),
        D::Int64 | D::UInt32 => Kind::Integer(64),
        D::UInt64 => Kind::Integer(128),
        D::Float16 | D::Float32 => Kind::Float,
        D::Float64 => Kind::Double,
        D::Decimal32(digits, scale)
        | D::Decimal64(digits, scale)
        | D::Decimal128(digits, scale)
        | D::Decimal256(digits, scale) => decimal(*digits, *scale),
        // Times of day cannot be stored as such.
        D::Null | D::Utf8 | D::LargeUtf8 | D::Utf8View | D::Time32(_) | D::Time64(_) => Kind::Text,
        D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_) => Kind::Text,
        D::Date32 | D::Date64 => Kind::Date,
        D::Timestamp(..) if starrocks => Kind::DateTime(0),
        D::Timestamp(TimeUnit::Second, _) => Kind::DateTime(0),
        D::Timestamp(TimeUnit::Millisecond, _) => Kind::DateTime(3),
        D::Timestamp(..) => Kind::DateTime(6),
        D::List(field)
        | D::LargeList(field)
        | D::ListView(field)
        | D::LargeListView(field)
        | D::FixedSizeList(field, _) => Kind::Array(Box::new(item(field)?)),
        D::Map(entries, _) => {
            let (key, value) = entry(entries)?;
            Kind::Map(Box::new(item(key)?), Box::new(item(value)?))
        }
        D::Struct(fields) => {
            let part = |field: &Field| Some((field.name().clone(), item(field)?));
            Kind::Struct(fields.iter().map(|field| part(field)).collect::<Option<_>>()?)
        }
        D::Dictionary(_, values) => of_arrow(values, starrocks)?,
        D::RunEndEncoded(_, values) => item(values)?,
        _ => return None,
    })
}

/// One with room for all digits; text where no column has it.
fn decimal(digits: u8, scale: i8) -> Kind {
    let (digits, scale) = match u8::try_from(scale) {
        Ok(scale) => (digits.max(scale), scale),
        Err(_) => (digits.saturating_add(scale.unsigned_abs()), 0),
    };
    if digits <= DECIMAL_DIGITS { Kind::Decimal(digits, scale) } else { Kind::Text }
}

/// Key and value of the entries of a map.
fn entry(entries: &Field) -> Option<(&Field, &Field)> {
    match entries.data_type() {
        DataType::Struct(fields) => match fields.as_ref() {
            [key, value] => Some((key, value)),
            _ => None,
        },
        _ => None,
    }
}

/// How values of the type `data` are written for a column of this type; `None` where some of them
/// would be changed.
pub(super) fn form(kind: &Kind, field: &Field, values: Values) -> Option<Form> {
    let form = form_of(kind, field, values)?;
    form.holds(field.data_type()).then_some(form)
}

/// How values are written, beside what the types say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Values {
    /// How bytes are written into texts.
    pub bytes: Bytes,
    /// The longest text of a `STRING`, in bytes.
    pub text_bytes: usize,
    /// Whether the server is StarRocks.
    pub starrocks: bool,
}

impl Values {
    /// Digits behind the second. StarRocks has six without saying so.
    fn fraction(self, digits: u8) -> u8 {
        if self.starrocks { 6 } else { digits }
    }
}

fn form_of(kind: &Kind, field: &Field, values: Values) -> Option<Form> {
    let data = plain(field.data_type());
    Some(match kind {
        Kind::Boolean => Form::Bool,
        // Readers take a number without quotes for one of 64 bits.
        Kind::Integer(bits) => Form::Integer { bits: *bits, quoted: *bits > 64 },
        Kind::Float => Form::Float { bits: 32, specials: Specials::Refuse },
        Kind::Double => Form::Float { bits: 64, specials: Specials::Refuse },
        Kind::Decimal(digits, scale) => Form::Decimal {
            integer_digits: digits.saturating_sub(*scale),
            fraction_digits: *scale,
            quoted: true,
        },
        Kind::Date => Form::Date,
        Kind::DateTime(digits) => match data {
            DataType::Timestamp(_, Some(_)) => {
                Form::UtcDateTime { fraction_digits: values.fraction(*digits) }
            }
            _ => Form::DateTime { fraction_digits: values.fraction(*digits) },
        },
        Kind::Char(limit) | Kind::Varchar(limit) => text(field, *limit, values.bytes),
        Kind::Text => text(field, values.text_bytes, values.bytes),
        // As a text that holds JSON: a text among its values stays one.
        Kind::Json | Kind::Variant => Form::Text { limit: None },
        Kind::Address(_) => Form::Text { limit: None },
        Kind::Array(item) => {
            let inner = list_item(data)?;
            Form::List {
                items: Box::new(form_of(item, inner, values)?),
                null_items: true,
                null_list: NullList::Keep,
            }
        }
        Kind::Map(key, value) => {
            let DataType::Map(entries, _) = data else { return None };
            let (key_field, value_field) = entry(entries)?;
            Form::Map {
                keys: Box::new(form_of(key, key_field, values)?),
                values: Box::new(form_of(value, value_field, values)?),
                null_values: true,
                null_map: NullList::Keep,
            }
        }
        Kind::Struct(parts) => {
            let DataType::Struct(fields) = data else { return None };
            if fields.len() != parts.len() {
                return None;
            }
            let part = |((name, kind), field): (&(String, Kind), &std::sync::Arc<Field>)| {
                let is_same = name.eq_ignore_ascii_case(field.name());
                let form = form_of(kind, field, values)?;
                is_same.then(|| Column::new(name, form))
            };
            Form::Record(parts.iter().zip(fields).map(part).collect::<Option<_>>()?)
        }
        Kind::Other(_) => return None,
    })
}

/// What is written into a text of at most `limit` bytes.
fn text(field: &Field, limit: usize, bytes: Bytes) -> Form {
    use DataType as D;
    match plain(field.data_type()) {
        D::FixedSizeBinary(16) if source_type::is_uuid(field) && limit >= 36 => Form::Uuid,
        D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_) => match bytes {
            Bytes::Hex => Form::Hex { max_bytes: Some(limit / 2) },
            Bytes::Base64 => Form::Base64 { max_bytes: Some(limit / 4 * 3) },
        },
        D::Time32(_) | D::Time64(_) => Form::Time { fraction_digits: 9 },
        kind if limit >= 80 && is_wide(kind) => {
            Form::Decimal { integer_digits: 76, fraction_digits: 76, quoted: true }
        }
        _ => Form::Text { limit: Some(TextLimit::Bytes(limit)) },
    }
}

/// A decimal that no column holds as one.
fn is_wide(kind: &DataType) -> bool {
    match kind {
        DataType::Decimal256(digits, scale) => decimal(*digits, *scale) == Kind::Text,
        DataType::Decimal128(digits, scale) => decimal(*digits, *scale) == Kind::Text,
        _ => false,
    }
}

fn list_item(kind: &DataType) -> Option<&Field> {
    match kind {
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _) => Some(field),
        _ => None,
    }
}

/// The type of the values themselves.
fn plain(kind: &DataType) -> &DataType {
    match kind {
        DataType::Dictionary(_, values) => plain(values),
        DataType::RunEndEncoded(_, values) => plain(values.data_type()),
        kind => kind,
    }
}

/// The type of Arrow as which a column is shown where the load's own does not fit.
pub(super) fn shown(kind: &Kind) -> DataType {
    match kind {
        Kind::Boolean => DataType::Boolean,
        Kind::Integer(8) => DataType::Int8,
        Kind::Integer(16) => DataType::Int16,
        Kind::Integer(32) => DataType::Int32,
        Kind::Integer(64) => DataType::Int64,
        Kind::Integer(_) => DataType::Decimal128(38, 0),
        Kind::Float => DataType::Float32,
        Kind::Double => DataType::Float64,
        Kind::Decimal(digits @ 1..=38, scale) if scale <= digits => {
            DataType::Decimal128(*digits, i8::try_from(*scale).unwrap_or(0))
        }
        Kind::Date => DataType::Date32,
        Kind::DateTime(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
        _ => DataType::Utf8,
    }
}

/// The type with room for what `kind` has and what `field` brings, if a column can be given it.
pub(super) fn widened(kind: &Kind, field: &Field, starrocks: bool) -> Option<Kind> {
    let wanted = new_kind(field, starrocks).ok()?;
    match (kind, wanted) {
        (Kind::Integer(there), Kind::Integer(wanted)) if wanted > *there => {
            Some(Kind::Integer(wanted))
        }
        (Kind::Float, Kind::Double) => Some(Kind::Double),
        (Kind::Varchar(there), Kind::Varchar(wanted)) if wanted > *there => {
            Some(Kind::Varchar(wanted))
        }
        (Kind::Decimal(digits, scale), Kind::Decimal(more, behind)) => {
            let whole = digits.saturating_sub(*scale).max(more.saturating_sub(behind));
            let behind = behind.max(*scale);
            let all = whole.saturating_add(behind);
            (all <= DECIMAL_DIGITS).then_some(Kind::Decimal(all, behind))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::doris::kind::STRING_BYTES;

    const VALUES: Values =
        Values { bytes: Bytes::Base64, text_bytes: STRING_BYTES, starrocks: false };

    fn field(kind: DataType) -> Field {
        Field::new("x", kind, true)
    }

    fn of_source(shown: &str) -> String {
        let metadata = [("dhow.source_type".to_owned(), shown.to_owned())].into();
        let field = field(DataType::Utf8).with_metadata(metadata);
        new_kind(&field, false).unwrap().to_string()
    }

    #[test]
    fn a_new_column_has_room_for_every_value_or_finds_those_that_it_has_not() {
        use DataType as D;
        let made = |kind: D| new_kind(&field(kind), false).unwrap().to_string();
        assert_eq!(made(D::UInt8), "SMALLINT");
        assert_eq!(made(D::UInt64), "LARGEINT");
        assert_eq!(made(D::Decimal128(38, 0)), "DECIMAL(38, 0)");
        assert_eq!(made(D::Decimal128(3, 5)), "DECIMAL(5, 5)");
        assert_eq!(made(D::Decimal128(3, -2)), "DECIMAL(5, 0)");
        assert_eq!(made(D::Decimal256(39, 0)), "STRING");
        assert_eq!(made(D::Timestamp(TimeUnit::Second, None)), "DATETIME");
        assert_eq!(made(D::Timestamp(TimeUnit::Nanosecond, None)), "DATETIME(6)");
        assert!(new_kind(&field(D::Duration(TimeUnit::Second)), false).is_err());
    }

    #[test]
    fn lengths_of_the_source_are_characters_and_those_here_are_bytes() {
        assert_eq!(of_source("postgres:character varying(20)"), "VARCHAR(80)");
        assert_eq!(of_source("postgres:character varying(20000)"), "STRING");
        assert_eq!(of_source("postgres:jsonb"), "JSON");
        assert_eq!(of_source("postgres:uuid"), "CHAR(36)");
        assert_eq!(of_source("postgres:text"), "STRING");
    }

    #[test]
    fn no_text_goes_into_a_number_and_no_zone_is_lost() {
        let fits = |kind: Kind, data: DataType| form(&kind, &field(data), VALUES).is_some();
        assert!(!fits(Kind::Integer(64), DataType::Utf8));
        assert!(!fits(Kind::Date, DataType::Utf8));
        assert!(!fits(Kind::Boolean, DataType::Int8));
        assert!(!fits(Kind::Other("bitmap".to_owned()), DataType::Int64));
        let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("+02:00".into()));
        let found = form(&Kind::DateTime(6), &field(zoned), VALUES);
        assert_eq!(found, Some(Form::UtcDateTime { fraction_digits: 6 }));
    }

    #[test]
    fn a_column_grows_and_never_shrinks() {
        let wider = |kind: Kind, data: DataType| widened(&kind, &field(data), false);
        assert_eq!(wider(Kind::Integer(32), DataType::Int64), Some(Kind::Integer(64)));
        assert_eq!(wider(Kind::Integer(64), DataType::Int32), None);
        let wide = wider(Kind::Decimal(10, 2), DataType::Decimal128(10, 4));
        assert_eq!(wide, Some(Kind::Decimal(12, 4)));
        assert_eq!(wider(Kind::Decimal(38, 0), DataType::Decimal128(38, 10)), None);
    }
}
