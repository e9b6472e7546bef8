//! Whatever Arrow has comes back from the bytes: read by a small decoder of these tests.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Decimal128Array, DictionaryArray, Float64Array, Int32Array,
    Int64Array, LargeStringArray, ListArray, StringArray, StringViewArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Int32Type};
use proptest::prelude::*;

use super::{batch, encoded};
use crate::connectors::postgres::encode::Format;
use crate::connectors::postgres::server_type::{Column, Filled, Form, ServerType};

fn base(oid: u32, name: &str) -> ServerType {
    ServerType {
        oid,
        modifier: -1,
        schema: "pg_catalog".to_owned(),
        name: name.to_owned(),
        shown: name.to_owned(),
        form: Form::Base,
    }
}

fn column(kind: ServerType) -> Column {
    Column { name: "v".to_owned(), kind, nullable: true, comment: None, filled: Filled::Never }
}

fn array_of(kind: ServerType) -> ServerType {
    ServerType { form: Form::Array(Box::new(kind.clone()), 1), ..kind }
}

/// The rows of a binary `COPY`, and the proof that it ends as it must.
fn rows(mut bytes: &[u8]) -> Vec<Vec<Option<Vec<u8>>>> {
    bytes = bytes.strip_prefix(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0").expect("the header");
    let mut rows = Vec::new();
    loop {
        let count = i16::from_be_bytes(*bytes.split_off(..2).unwrap().first_chunk().unwrap());
        if count == -1 {
            assert!(bytes.is_empty(), "nothing follows the trailer");
            return rows;
        }
        rows.push((0..count).map(|_| value(&mut bytes)).collect());
    }
}

fn value(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let length = i32::from_be_bytes(*bytes.split_off(..4).unwrap().first_chunk().unwrap());
    let length = usize::try_from(length).ok()?;
    Some(bytes.split_off(..length).unwrap().to_vec())
}

/// What arrives of one column, and that nothing was left out.
fn sent(kind: ServerType, array: ArrayRef) -> Vec<Option<Vec<u8>>> {
    let batch = batch(vec![("v", array.clone(), "")]);
    let (format, bytes, count, misfits) = encoded(&[column(kind)], &batch);
    assert_eq!((format, misfits), (Format::Binary, vec![]));
    let rows = rows(&bytes);
    assert_eq!((count, rows.len()), (u64::try_from(array.len()).unwrap(), array.len()));
    rows.into_iter().map(|mut row| row.remove(0)).collect()
}

/// A part of `array`, so that offsets are not zero.
fn part(array: ArrayRef, cut: (usize, usize)) -> ArrayRef {
    let begin = cut.0.min(array.len());
    array.slice(begin, cut.1.min(array.len() - begin))
}

fn fixed<const N: usize>(value: Option<Vec<u8>>) -> Option<[u8; N]> {
    value.map(|bytes| bytes.try_into().expect("the width of the type"))
}

/// The digits of a binary `numeric`, with its scale.
fn numeric(bytes: &[u8]) -> (i128, u16) {
    let number = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let (count, scale) = (usize::from(number(0)), number(6));
    let mut weight = i32::from(number(2).cast_signed());
    let mut text = String::new();
    for at in 0..count {
        text += &format!("{:04}", number(8 + 2 * at));
        weight -= 1;
    }
    // What is left of the weight moves the point.
    let shift = 4 * (weight + 1) + i32::from(scale);
    let moved = usize::try_from(shift.unsigned_abs()).unwrap();
    match shift < 0 {
        true => assert!(text.split_off(text.len() - moved).bytes().all(|b| b == b'0')),
        false => text += &"0".repeat(moved),
    }
    let size: i128 = if text.is_empty() { 0 } else { text.parse().unwrap() };
    (if number(4) == 0x4000 { -size } else { size }, scale)
}

/// The elements of a binary array of one dimension.
fn elements(bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
    let number = |at: usize| i32::from_be_bytes(*bytes[at..].first_chunk().unwrap());
    if number(0) == 0 {
        return Vec::new();
    }
    let mut rest = &bytes[20..];
    let found: Vec<_> = (0..number(12)).map(|_| value(&mut rest)).collect();
    assert_eq!((rest, number(0), number(16)), (&[][..], 1, 1));
    assert_eq!(number(4) == 1, found.contains(&None));
    found
}

fn cut() -> impl Strategy<Value = (usize, usize)> {
    (0_usize..1_200, 0_usize..1_200)
}

fn text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[^\0]{0,20}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whole_numbers_come_back(values: Vec<Option<i64>>, small: Vec<Option<i32>>, at in cut()) {
        let array = part(Arc::new(Int64Array::from(values)), at);
        let found = sent(base(20, "int8"), array.clone());
        let back: Int64Array = found.into_iter().map(|v| fixed(v).map(i64::from_be_bytes)).collect();
        prop_assert_eq!(&back.to_data(), &array.to_data());
        let array = part(Arc::new(Int32Array::from(small)), at);
        let found = sent(base(20, "int8"), array.clone());
        let wide = arrow::compute::cast(&array, &DataType::Int64).unwrap();
        let back: Int64Array = found.into_iter().map(|v| fixed(v).map(i64::from_be_bytes)).collect();
        prop_assert_eq!(&back.to_data(), &wide.to_data());
    }

    #[test]
    fn floats_keep_every_bit(values: Vec<Option<u64>>, at in cut()) {
        let floats = values.iter().map(|v| v.map(f64::from_bits));
        let array = part(Arc::new(floats.collect::<Float64Array>()), at);
        let found = sent(base(701, "float8"), array.clone());
        let back = found.into_iter().map(|v| fixed(v).map(u64::from_be_bytes));
        let floats = array.as_any().downcast_ref::<Float64Array>().unwrap();
        prop_assert!(back.eq(floats.iter().map(|v| v.map(f64::to_bits))));
    }

    #[test]
    fn booleans_come_back(values: Vec<Option<bool>>, at in cut()) {
        let array = part(Arc::new(BooleanArray::from(values)), at);
        let found = sent(base(16, "bool"), array.clone());
        let back: BooleanArray = found.into_iter().map(|v| fixed(v).map(|[b]| b == 1)).collect();
        prop_assert_eq!(back.to_data(), array.to_data());
    }

    #[test]
    fn timestamps_come_back_or_are_named(values: Vec<Option<i64>>, at in cut()) {
        let array = part(Arc::new(TimestampMicrosecondArray::from(values)), at);
        let batch = batch(vec![("v", array.clone(), "")]);
        let (_, bytes, _, misfits) = encoded(&[column(base(1114, "timestamp"))], &batch);
        let first = -210_866_803_200_000_000;
        let array = array.as_any().downcast_ref::<TimestampMicrosecondArray>().unwrap();
        let fits = |value: &Option<i64>| value.is_none_or(|v| v >= first);
        let back = rows(&bytes).into_iter().map(|mut row| {
            fixed(row.remove(0)).map(|v| i64::from_be_bytes(v) + 946_684_800_000_000)
        });
        prop_assert!(back.eq(array.iter().filter(fits)));
        prop_assert_eq!(misfits.len(), array.iter().filter(|v| !fits(v)).count());
    }

    #[test]
    fn decimals_come_back(values: Vec<Option<i128>>, scale in 0_i8..38, at in cut()) {
        let most = 10_i128.pow(38) - 1;
        let values = values.into_iter().map(|v| v.map(|v| v.clamp(-most, most)));
        let array = values.collect::<Decimal128Array>().with_precision_and_scale(38, scale).unwrap();
        let array = part(Arc::new(array), at);
        let found = sent(base(1700, "numeric"), array.clone());
        let back = found.into_iter().map(|v| v.map(|v| numeric(&v)));
        let array = array.as_any().downcast_ref::<Decimal128Array>().unwrap();
        let scale = u16::try_from(scale).unwrap();
        prop_assert!(back.eq(array.iter().map(|v| v.map(|v| (v, scale)))));
    }

    #[test]
    fn texts_come_back_from_each_form(values in proptest::collection::vec(text(), 0..1_100), at in cut()) {
        let plain: StringArray = values.iter().collect();
        let coded: DictionaryArray<Int32Type> = values.iter().map(Option::as_deref).collect();
        let arrays: [ArrayRef; 4] = [
            Arc::new(plain),
            Arc::new(values.iter().collect::<LargeStringArray>()),
            Arc::new(values.iter().collect::<StringViewArray>()),
            Arc::new(coded),
        ];
        for array in arrays {
            let array = part(array, at);
            let found = sent(base(25, "text"), array.clone());
            let back = found.into_iter().map(|v| v.map(|v| String::from_utf8(v).unwrap()));
            let back: StringArray = back.collect();
            let plain = arrow::compute::cast(&array, &DataType::Utf8).unwrap();
            prop_assert_eq!(&(Arc::new(back) as ArrayRef), &plain);
        }
    }

    #[test]
    fn lists_come_back(values: Vec<Option<Vec<Option<i32>>>>, at in cut()) {
        let array = ListArray::from_iter_primitive::<Int32Type, _, _>(values);
        let array = part(Arc::new(array), at);
        let found = sent(array_of(base(23, "int4")), array.clone());
        let number = |v| fixed(v).map(i32::from_be_bytes);
        let lists = found.into_iter().map(|v| v.map(|v| elements(&v).into_iter().map(number).collect::<Vec<_>>()));
        let back = ListArray::from_iter_primitive::<Int32Type, _, _>(lists);
        prop_assert_eq!(&(Arc::new(back) as ArrayRef), &array);
    }

    /// Nothing panics, whatever stands in a text, and what is taken has no NUL.
    #[test]
    fn texts_for_every_type_are_taken_or_named(values in proptest::collection::vec(any::<Option<String>>(), 0..20)) {
        let types = ["text", "json", "jsonb", "uuid", "inet", "cidr", "macaddr", "macaddr8",
            "interval", "numeric", "date", "time", "timetz", "timestamp", "timestamptz", "point"];
        for name in types {
            let array: ArrayRef = Arc::new(StringArray::from(values.clone()));
            let mut kind = base(0, name);
            let source = match name {
                "time" => "time without time zone",
                "timetz" => "time with time zone",
                "timestamp" => "timestamp without time zone",
                "timestamptz" => "timestamp with time zone",
                other => other,
            };
            kind.shown = source.to_owned();
            let batch = batch(vec![("v", array, source)]);
            let (_, _, rows, misfits) = encoded(&[column(kind)], &batch);
            let found = usize::try_from(rows).unwrap() + misfits.len();
            prop_assert_eq!(found, values.len());
        }
    }
}

#[test]
fn a_row_without_columns_is_still_a_row() {
    let options = arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(600));
    let schema = Arc::new(arrow::datatypes::Schema::empty());
    let batch =
        arrow::record_batch::RecordBatch::try_new_with_options(schema, vec![], &options).unwrap();
    let (_, bytes, count, _) = encoded(&[], &batch);
    assert_eq!((count, rows(&bytes)), (600, vec![vec![]; 600]));
}
