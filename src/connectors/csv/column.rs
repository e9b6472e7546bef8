//! The fields of one column become an array; fields that do not fit are named, never made NULL.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, NullBufferBuilder, PrimitiveArray, StringArray,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType,
};

use crate::connectors::csv::fields::{Dialect, Field, Fields};
use crate::connectors::csv::{moments, numbers};
use crate::error::{Error, Result};
use crate::files::types::type_name;

/// How one column is read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    /// Its name.
    pub(super) name: String,
    /// The type of its values.
    pub(super) kind: DataType,
    /// Whether the author of the pipeline declared the type.
    pub(super) declared: bool,
    /// How its dates or timestamps are written; `None` for ISO 8601.
    pub(super) format: Option<String>,
}

/// Some records, and what decides how their fields become values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Records<'a> {
    /// Where the fields stand.
    pub(super) fields: &'a Fields,
    /// The bytes.
    pub(super) data: &'a [u8],
    /// How fields are told apart.
    pub(super) dialect: Dialect,
    /// Texts that mean NULL where they are not quoted.
    pub(super) nulls: &'a Nulls,
    /// Records that are refused already; as many as there are records, or none at all.
    pub(super) refused: &'a [bool],
    /// Whether some line end is a CR alone.
    pub(super) lone_cr: bool,
}

/// Texts that mean NULL where they are not quoted.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Nulls {
    /// Nothing between two delimiters.
    Blank,
    /// Each of these.
    Texts(Vec<String>),
}

impl Nulls {
    /// These texts.
    pub(super) fn of(texts: &[String]) -> Self {
        match texts {
            [text] if text.is_empty() => Nulls::Blank,
            texts => Nulls::Texts(texts.to_vec()),
        }
    }

    /// Whether a field means NULL.
    #[inline]
    pub(super) fn has(&self, field: Field, text: &[u8]) -> bool {
        match self {
            Nulls::Blank => field.is_blank(),
            Nulls::Texts(texts) => {
                !field.is_quoted() && texts.iter().any(|null| null.as_bytes() == text)
            }
        }
    }
}

/// The values of a column, and the records whose field did not fit; those are NULL in the array
/// and must not be handed on.
pub(super) type Decoded = (ArrayRef, Vec<usize>);

impl Column {
    /// The values of the fields at `position`.
    pub(super) fn decode(&self, records: Records<'_>, position: usize) -> Result<Decoded> {
        if let Some(format) = &self.format {
            return self.formatted(records, position, format);
        }
        match self.declared {
            true => self.values::<false>(records, position),
            false => self.values::<true>(records, position),
        }
    }

    /// Why `text` does not fit, as a sentence of the house.
    pub(super) fn reason(&self, text: &[u8]) -> String {
        let name = type_name(&self.kind);
        if self.kind == DataType::Utf8 {
            return "a carriage return stands alone outside quotes".to_owned();
        }
        let from = if self.declared { "declared" } else { "inferred" };
        let numeric = self.kind.is_numeric();
        match numbers::double::<false>(text.trim_ascii()).is_some() {
            true if numeric => format!("the number does not fit the {from} type {name} exactly"),
            _ => format!("the value is no {name}, the {from} type of its column"),
        }
    }

    /// What can be done about a value that does not fit.
    pub(super) fn hint(&self) -> String {
        let name = &self.name;
        match self.declared {
            true => format!("declare another type, such as `columns: {{{name}: text}}`"),
            false => format!(
                "the type was inferred: declare another one, such as `columns: {{{name}: text}}`, \
                 or set `infer: all`"
            ),
        }
    }

    fn values<const EXACT: bool>(&self, records: Records<'_>, position: usize) -> Result<Decoded> {
        use numbers::{decimal, double, integer};
        let at = position;
        Ok(match &self.kind {
            DataType::Utf8 => return text(records, at),
            DataType::Boolean => booleans(records, at, boolean::<EXACT>),
            DataType::Int16 => primitives::<Int16Type, EXACT>(records, at, |text| {
                integer::<EXACT>(text)?.try_into().ok()
            }),
            DataType::Int32 => primitives::<Int32Type, EXACT>(records, at, |text| {
                integer::<EXACT>(text)?.try_into().ok()
            }),
            DataType::Int64 => primitives::<Int64Type, EXACT>(records, at, integer::<EXACT>),
            DataType::Float64 => primitives::<Float64Type, EXACT>(records, at, double::<EXACT>),
            DataType::Decimal128(precision, scale) => {
                let (precision, places) = (*precision, scale.unsigned_abs());
                let read = |text: &[u8]| decimal::<EXACT>(text, precision, places);
                primitives::<Decimal128Type, EXACT>(records, at, read)
            }
            DataType::Date32 => primitives::<Date32Type, EXACT>(records, at, moments::date),
            DataType::Time64(_) => {
                primitives::<Time64MicrosecondType, EXACT>(records, at, moments::time)
            }
            DataType::Timestamp(_, None) => {
                let read = |text: &[u8]| match moments::timestamp(text) {
                    None if !EXACT => moments::date(text).map(moments::midnight),
                    read => read,
                };
                primitives::<TimestampMicrosecondType, EXACT>(records, at, read)
            }
            DataType::Timestamp(_, Some(_)) => {
                primitives::<TimestampMicrosecondType, EXACT>(records, at, moments::instant)
            }
            other => return Err(Error::bug(format!("a CSV column cannot be {other}"))),
        })
        .and_then(|decoded| self.with_kind(decoded))
    }

    fn formatted(&self, records: Records<'_>, position: usize, format: &str) -> Result<Decoded> {
        let epoch = jiff::civil::Date::constant(1970, 1, 1);
        if self.kind == DataType::Date32 {
            let read = |text: &[u8]| {
                let day = jiff::civil::Date::strptime(format, text).ok()?;
                (day - epoch).get_days().into()
            };
            return Ok(primitives::<Date32Type, false>(records, position, read));
        }
        let read = |text: &[u8]| {
            let moment = jiff::civil::DateTime::strptime(format, text).ok()?;
            let since = moment.duration_since(epoch.to_datetime(jiff::civil::Time::midnight()));
            if since.subsec_nanos() % 1000 != 0 {
                return None;
            }
            i64::try_from(since.as_micros()).ok()
        };
        self.with_kind(primitives::<TimestampMicrosecondType, false>(records, position, read))
    }

    /// Gives the array the zone or the precision of the column.
    fn with_kind(&self, (array, misfits): Decoded) -> Result<Decoded> {
        if array.data_type() == &self.kind {
            return Ok((array, misfits));
        }
        let data = array.to_data().into_builder().data_type(self.kind.clone()).build();
        let data = data.map_err(|e| Error::bug(format!("a column was built wrongly: {e}")))?;
        Ok((arrow::array::make_array(data), misfits))
    }
}

fn boolean<const EXACT: bool>(text: &[u8]) -> Option<bool> {
    let is = |word: &str| text.eq_ignore_ascii_case(word.as_bytes());
    if is("true") || !EXACT && ["t", "yes", "y", "1"].iter().any(|word| is(word)) {
        Some(true)
    } else if is("false") || !EXACT && ["f", "no", "n", "0"].iter().any(|word| is(word)) {
        Some(false)
    } else {
        None
    }
}

fn primitives<T: ArrowPrimitiveType, const EXACT: bool>(
    records: Records<'_>,
    position: usize,
    read: impl Fn(&[u8]) -> Option<T::Native>,
) -> Decoded {
    let rows = records.fields.rows();
    let mut values = Vec::with_capacity(rows);
    let mut nulls = NullBufferBuilder::new(rows);
    let mut misfits = Vec::new();
    for (row, field) in records.fields.column(position).enumerate() {
        let text = field.bytes(records.data);
        let value = if records.nulls.has(field, text) {
            None
        } else {
            let value = read(text).or_else(|| if EXACT { None } else { read(text.trim_ascii()) });
            if value.is_none() {
                misfits.push(row);
            }
            value
        };
        nulls.append(value.is_some());
        values.push(value.unwrap_or_default());
    }
    (Arc::new(PrimitiveArray::<T>::new(values.into(), nulls.finish())), misfits)
}

fn booleans(
    records: Records<'_>,
    position: usize,
    read: impl Fn(&[u8]) -> Option<bool>,
) -> Decoded {
    let mut misfits = Vec::new();
    let fields = records.fields.column(position).enumerate();
    let values = fields.map(|(row, field)| {
        let text = field.bytes(records.data);
        if records.nulls.has(field, text) {
            return None;
        }
        let value = read(text.trim_ascii());
        if value.is_none() {
            misfits.push(row);
        }
        value
    });
    let array: BooleanArray = values.collect();
    (Arc::new(array), misfits)
}

fn text(records: Records<'_>, position: usize) -> Result<Decoded> {
    let rows = records.fields.rows();
    let mut bytes = Vec::with_capacity(rows * 16);
    let mut lengths = Vec::with_capacity(rows);
    let mut nulls = NullBufferBuilder::new(rows);
    let mut misfits = Vec::new();
    for (row, field) in records.fields.column(position).enumerate() {
        let before = bytes.len();
        let text = field.bytes(records.data);
        if records.nulls.has(field, text) || records.refused.get(row) == Some(&true) {
            nulls.append_null();
        } else {
            nulls.append_non_null();
            bytes.extend_from_slice(&field.unescaped(records.data, records.dialect));
            if records.lone_cr && !field.is_quoted() && text.contains(&b'\r') {
                misfits.push(row);
            }
        }
        lengths.push(bytes.len() - before);
    }
    let offsets = OffsetBuffer::from_lengths(lengths);
    let array = StringArray::try_new(offsets, Buffer::from_vec(bytes), nulls.finish());
    let array = array.map_err(|e| Error::bug(format!("a text column was built wrongly: {e}")))?;
    Ok((Arc::new(array), misfits))
}
