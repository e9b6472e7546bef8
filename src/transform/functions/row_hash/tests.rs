//! Hashes that `fixtures/functions/row_hash.py` computes without dhow, and what they do not depend on.

use arrow::array::{
    Array, BinaryArray, BinaryViewArray, BooleanArray, Date32Array, Date64Array, Decimal64Array,
    Decimal128Array, Decimal256Array, DictionaryArray, DurationMillisecondArray,
    DurationNanosecondArray, FixedSizeBinaryArray, Float32Array, Float64Array, Int8Array,
    Int32Array, Int64Array, IntervalMonthDayNanoArray, LargeStringArray, ListArray, MapBuilder,
    NullArray, StringArray, StringViewArray, StructArray, Time64MicrosecondArray,
    Time64NanosecondArray, TimestampMicrosecondArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt64Array,
};
use arrow::array::{Int32Builder, StringBuilder};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::concat;
use arrow::datatypes::{Fields, Int32Type, IntervalMonthDayNano, i256};

use super::*;

/// What the script prints.
const GOLDEN: &[(&str, &str)] = &[
    ("null", "2d3adedff11b61f14c886e35afa03673"),
    ("two nulls", "1ad48f49627079d806b802c74f40c39d"),
    ("empty text", "9e2203cd239597ff5fa72b636246d960"),
    ("ab, c", "ce27264a03b3f15e9cdd5046e74cd8bb"),
    ("a, bc", "a38f1a77dae8ac5d147183f8d410cd23"),
    ("true", "2022ec9d571ba774cf9e83d0194962f5"),
    ("one", "6e13058cb905024fc4b58e48144cc6e2"),
    ("minus twelve and a half", "4feae521aff3206e06661acbfd06f712"),
    ("largest", "c3763f42e87722b3687ad9947874bb01"),
    ("1.5 as a float", "fb85b39bc1481cde433497226dc5945f"),
    ("zero as a float", "50e0128f7b0e5cb3b43642a0da19e973"),
    ("not a number", "5986c897e96b6aec1fceb16342bf3d0c"),
    ("text", "202c96ed756cc8b4674ffed1205f59fe"),
    ("bytes", "3b66e1b0a3f4829bb68ee36384bba102"),
    ("date", "929cba1df5b39cdb1bac6ffb8860683d"),
    ("early date", "8537e368c4b69c93c4e5fdfbcf16837b"),
    ("time", "40e20f779b402f800565e4a5b818d293"),
    ("moment", "2260414f5fb97a5014b36bc7e5e1c0c1"),
    ("instant", "328d4ea3a99519d97c3a07aca2316fae"),
    ("duration", "69dd6ca39aad771a68c0fedaa990c390"),
    ("interval", "9461d215ba48114f2b5fc09783a2c057"),
    ("list", "0007a694f7037054c6af52385b037af8"),
    ("struct", "2bc056de916414ee169d724383643d35"),
    ("map", "e0da1ed5ab68f17c8cf48921fb5c167f"),
    ("row", "1f833fb4927317ce447937b46ede0970"),
];

/// The values of the script, in one or several of Arrow's types.
fn rows() -> Vec<(&'static str, Vec<ArrayRef>)> {
    let mut rows = plain_rows();
    rows.extend(moment_rows());
    rows.extend(nested_rows());
    rows
}

fn one(array: impl Array + 'static) -> Vec<ArrayRef> {
    vec![Arc::new(array)]
}

fn plain_rows() -> Vec<(&'static str, Vec<ArrayRef>)> {
    let text = "Köln 🦀";
    let scaled = |array: Decimal128Array, scale| array.with_precision_and_scale(38, scale).unwrap();
    let wide = Decimal256Array::from(vec![i256::from_i128(-125_000)]);
    vec![
        ("null", one(NullArray::new(1))),
        ("null", one(Int32Array::from(vec![None]))),
        ("null", one(StringViewArray::from(vec![None::<&str>]))),
        ("two nulls", [one(NullArray::new(1)), one(BooleanArray::from(vec![None]))].concat()),
        ("empty text", one(StringArray::from(vec![""]))),
        ("ab, c", [one(StringArray::from(vec!["ab"])), one(StringArray::from(vec!["c"]))].concat()),
        ("a, bc", [one(StringArray::from(vec!["a"])), one(StringArray::from(vec!["bc"]))].concat()),
        ("true", one(BooleanArray::from(vec![true]))),
        ("one", one(Int8Array::from(vec![1]))),
        ("one", one(Int64Array::from(vec![1]))),
        ("one", one(UInt64Array::from(vec![1]))),
        ("one", one(scaled(Decimal128Array::from(vec![100]), 2))),
        ("minus twelve and a half", one(scaled(Decimal128Array::from(vec![-1250]), 2))),
        (
            "minus twelve and a half",
            one(Decimal64Array::from(vec![-125]).with_precision_and_scale(9, 1).unwrap()),
        ),
        ("minus twelve and a half", one(wide.with_precision_and_scale(50, 4).unwrap())),
        ("largest", one(UInt64Array::from(vec![u64::MAX]))),
        ("1.5 as a float", one(Float32Array::from(vec![1.5]))),
        ("1.5 as a float", one(Float64Array::from(vec![1.5]))),
        ("zero as a float", one(Float64Array::from(vec![-0.0]))),
        ("zero as a float", one(Float64Array::from(vec![0.0]))),
        ("not a number", one(Float64Array::from(vec![-f64::NAN]))),
        ("text", one(StringArray::from(vec![text]))),
        ("text", one(LargeStringArray::from(vec![text]))),
        ("text", one(StringViewArray::from(vec![text]))),
        ("text", one([Some(text)].into_iter().collect::<DictionaryArray<Int32Type>>())),
        ("bytes", one(BinaryArray::from(vec![&b"\x00\xff"[..]]))),
        ("bytes", one(BinaryViewArray::from(vec![&b"\x00\xff"[..]]))),
        ("bytes", one(FixedSizeBinaryArray::try_from_iter([b"\x00\xff"].into_iter()).unwrap())),
    ]
}

fn moment_rows() -> Vec<(&'static str, Vec<ArrayRef>)> {
    let micros = 1_772_368_200_123_456;
    let at = |micros: i64| TimestampMicrosecondArray::from(vec![micros]);
    vec![
        ("date", one(Date32Array::from(vec![20_513]))),
        ("date", one(Date64Array::from(vec![20_513 * 86_400_000]))),
        ("early date", one(Date32Array::from(vec![-719_162]))),
        ("time", one(Time64MicrosecondArray::from(vec![86_399_999_999]))),
        ("time", one(Time64NanosecondArray::from(vec![86_399_999_999_000]))),
        ("moment", one(at(micros))),
        ("moment", one(TimestampNanosecondArray::from(vec![micros * 1000]))),
        ("instant", one(at(micros).with_timezone("UTC"))),
        ("instant", one(at(micros).with_timezone("Europe/Berlin"))),
        ("duration", one(DurationMillisecondArray::from(vec![-1500]))),
        ("duration", one(DurationNanosecondArray::from(vec![-1_500_000_000]))),
        (
            "interval",
            one(IntervalMonthDayNanoArray::from(vec![IntervalMonthDayNano {
                months: 14,
                days: -3,
                nanoseconds: 1_000_000,
            }])),
        ),
        (
            "row",
            [
                one(Int32Array::from(vec![7])),
                one(StringArray::from(vec!["Ann"])),
                one(Decimal128Array::from(vec![1990]).with_precision_and_scale(12, 2).unwrap()),
                one(NullArray::new(1)),
                one(TimestampSecondArray::from(vec![1_772_323_200])),
            ]
            .concat(),
        ),
    ]
}

fn nested_rows() -> Vec<(&'static str, Vec<ArrayRef>)> {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(9)]),
        Some(vec![Some(1), None, Some(3)]),
    ]);
    let fields = Fields::from(vec![
        Field::new("city", DataType::Utf8, true),
        Field::new("zip", DataType::Int64, true),
    ]);
    let columns: Vec<ArrayRef> =
        vec![Arc::new(StringArray::from(vec!["Kiel"])), Arc::new(Int64Array::from(vec![24_103]))];
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    map.keys().append_value("a");
    map.values().append_value(1);
    map.keys().append_value("b");
    map.values().append_null();
    map.append(true).unwrap();
    vec![
        ("list", one(list.slice(1, 1))),
        ("struct", one(StructArray::new(fields, columns, None))),
        ("map", one(map.finish())),
    ]
}

fn hash(columns: &[ArrayRef]) -> String {
    let hashes = hashes(columns, columns[0].len()).unwrap();
    assert_eq!(hashes.len(), 1);
    hashes.value(0).to_owned()
}

#[test]
fn a_hash_is_what_another_program_computes_in_every_type_that_holds_the_value() {
    for (what, columns) in rows() {
        let expected = GOLDEN.iter().find(|(name, _)| *name == what).unwrap().1;
        assert_eq!(hash(&columns), expected, "{what} {:?}", columns[0].data_type());
    }
    for (what, _) in GOLDEN {
        assert!(rows().iter().any(|(name, _)| name == what), "{what}");
    }
}

#[test]
fn values_that_differ_have_hashes_that_differ() {
    let mut hashes: Vec<_> = GOLDEN.iter().map(|(_, hash)| *hash).collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), GOLDEN.len());
}

#[test]
fn a_row_has_the_same_hash_wherever_batches_begin() {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter((0..10).map(|n| (n != 4).then_some(n))));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..10).map(|n| "x".repeat(n))));
    let whole = hashes(&[numbers.clone(), texts.clone()], 10).unwrap();
    for cut in 0..=10 {
        let of = |start, rows| {
            let columns = [numbers.slice(start, rows), texts.slice(start, rows)];
            hashes(&columns, rows).unwrap()
        };
        let (first, second) = (of(0, cut), of(cut, 10 - cut));
        let both = concat(&[&first, &second]).unwrap();
        assert_eq!(both.as_ref(), &whole as &dyn Array, "{cut}");
    }
}

#[test]
fn what_stands_behind_a_null_does_not_count() {
    let item = Arc::new(Field::new_list_field(DataType::Int32, true));
    let list = |hidden: i32| {
        let offsets = OffsetBuffer::from_lengths([1]);
        let nulls = Some(NullBuffer::from(vec![false]));
        let hidden = Arc::new(Int32Array::from(vec![hidden]));
        one(ListArray::new(item.clone(), offsets, hidden, nulls))
    };
    assert_eq!(hash(&list(1)), hash(&list(2)));
    assert_eq!(hash(&list(1)), hash(&one(NullArray::new(1))));
}
