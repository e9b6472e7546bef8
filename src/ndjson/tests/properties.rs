//! What holds for any values: lines say what a simple writer says, and are read back to the same.

use std::fmt::Write;

use arrow::array::{
    BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array,
    Float64Array, Int64Array, ListArray, StringViewArray, StructArray, TimestampMicrosecondArray,
    UInt64Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{Fields, Int16Type, i256};
use proptest::option::of as maybe;
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::*;

/// The values of a row.
#[derive(Debug, Clone)]
struct Row {
    text: Option<String>,
    whole: Option<i64>,
    count: Option<u64>,
    decimal: Option<i128>,
    flag: Option<bool>,
    bytes: Option<Vec<u8>>,
    day: Option<i32>,
    moment: Option<i64>,
    list: Option<Vec<Option<String>>>,
    word: Option<String>,
}

const SCALE: usize = 5;

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z ]{0,40}",
        2 => "\\PC{0,20}",
        1 => proptest::collection::vec(any::<char>(), 0..12).prop_map(|c| c.into_iter().collect()),
        1 => "[\\x00-\\x22\\\\]{0,70}",
    ]
}

fn any_row() -> impl Strategy<Value = Row> {
    let numbers =
        (maybe(any::<i64>()), maybe(any::<u64>()), maybe(any_decimal()), maybe(any::<bool>()));
    let moments = (
        maybe(-719_162..=2_932_896_i32),
        maybe(-62_135_596_800_000_000..253_402_300_800_000_000_i64),
    );
    let bytes = proptest::collection::vec(any::<u8>(), 0..20);
    let list = proptest::collection::vec(maybe(any_text()), 0..4);
    let texts = (maybe(any_text()), maybe(bytes), maybe(list), maybe("[xy\n]{0,2}"));
    (numbers, moments, texts).prop_map(|(numbers, (day, moment), (text, bytes, list, word))| {
        let (whole, count, decimal, flag) = numbers;
        Row { text, whole, count, decimal, flag, bytes, day, moment, list, word }
    })
}

fn any_decimal() -> impl Strategy<Value = i128> {
    let digits = 0..38_u32;
    (any::<i128>(), digits).prop_map(|(number, digits)| number % 10_i128.pow(digits))
}

/// The row as a simple writer has it.
fn simple(row: &Row) -> String {
    let mut line = String::new();
    let mut member = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let before = if line.is_empty() { '{' } else { ',' };
            write!(line, "{before}\"{name}\":{value}").unwrap();
        }
    };
    let quoted = |text: &String| Value::from(text.as_str()).to_string();
    let list = |items: &Vec<Option<String>>| {
        let items: Vec<_> =
            items.iter().map(|item| item.as_ref().map_or("null".into(), quoted)).collect();
        format!("[{}]", items.join(","))
    };
    member("a", row.text.as_ref().map(quoted));
    member("b", row.whole.map(|n| format!("\"{n}\"")));
    member("c", row.count.map(|n| n.to_string()));
    member("d", row.decimal.map(plain_decimal));
    member("e", row.flag.map(|b| b.to_string()));
    member(
        "f",
        row.bytes.as_ref().map(|bytes| {
            let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("\"{}\"", digits.concat())
        }),
    );
    member(
        "g",
        row.day.map(|day| format!("\"{}\"", civil(i64::from(day) * 86_400_000_000).date())),
    );
    member(
        "h",
        row.moment.map(|micros| {
            let moment = civil(micros);
            let fraction = match micros.rem_euclid(1_000_000) {
                0 => String::new(),
                part => format!(".{part:06}"),
            };
            format!("\"{}{fraction}\"", moment.strftime("%Y-%m-%d %H:%M:%S"))
        }),
    );
    member("i", row.list.as_ref().map(list));
    member("j", row.word.as_ref().map(quoted));
    member("k", row.text.as_ref().map(|text| format!("{{\"x\":{}}}", quoted(text))));
    if line.is_empty() { "{}".to_owned() } else { line + "}" }
}

fn plain_decimal(number: i128) -> String {
    let digits = format!("{:06}", number.unsigned_abs());
    let (whole, fraction) = digits.split_at(digits.len() - SCALE);
    format!("{}{whole}.{fraction}", if number < 0 { "-" } else { "" })
}

fn civil(micros: i64) -> jiff::civil::DateTime {
    let epoch = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
    epoch.checked_add(jiff::SignedDuration::from_micros(micros)).unwrap()
}

fn table(rows: &[Row]) -> RecordBatch {
    fn all<T, A: FromIterator<Option<T>>>(rows: &[Row], of: impl Fn(&Row) -> Option<T>) -> A {
        rows.iter().map(of).collect()
    }
    let items: StringArray = rows.iter().filter_map(|row| row.list.clone()).flatten().collect();
    let lengths = rows.iter().map(|row| row.list.as_ref().map_or(0, Vec::len));
    let list = ListArray::new(
        Arc::new(Field::new_list_field(DataType::Utf8, true)),
        OffsetBuffer::from_lengths(lengths),
        Arc::new(items),
        Some(rows.iter().map(|row| row.list.is_some()).collect()),
    );
    let words: DictionaryArray<Int16Type> = rows.iter().map(|row| row.word.as_deref()).collect();
    let views: StringViewArray = all(rows, |row| row.text.clone());
    let nulls: NullBuffer = rows.iter().map(|row| row.text.is_some()).collect();
    let fields = Fields::from(vec![Field::new("x", DataType::Utf8View, true)]);
    let record = StructArray::new(fields, vec![Arc::new(views)], Some(nulls));
    let decimals: Decimal128Array = all(rows, |row| row.decimal);
    let bytes: BinaryArray = all(rows, |row| row.bytes.clone());
    batch(vec![
        Arc::new(all::<_, StringArray>(rows, |row| row.text.clone())),
        Arc::new(all::<_, Int64Array>(rows, |row| row.whole)),
        Arc::new(all::<_, UInt64Array>(rows, |row| row.count)),
        Arc::new(decimals.with_precision_and_scale(38, 5).unwrap()),
        Arc::new(all::<_, BooleanArray>(rows, |row| row.flag)),
        Arc::new(bytes),
        Arc::new(all::<_, Date32Array>(rows, |row| row.day)),
        Arc::new(all::<_, TimestampMicrosecondArray>(rows, |row| row.moment)),
        Arc::new(list),
        Arc::new(words),
        Arc::new(record),
    ])
}

fn forms() -> Vec<Form> {
    let items = Box::new(TEXT);
    vec![
        TEXT,
        INTEGER,
        Form::Integer { bits: 128, quoted: false },
        Form::Decimal { integer_digits: 33, fraction_digits: 5, quoted: false },
        Form::Bool,
        Form::Hex { max_bytes: None },
        Form::Date,
        Form::DateTime { fraction_digits: 6 },
        Form::List { items, null_items: true, null_list: NullList::Keep },
        TEXT,
        Form::Record(vec![Column::new("x", TEXT)]),
    ]
}

/// The numbers of lines with one column, read by the standard library: that of `serde_json` may be
/// wrong in the last bit.
fn numbers(text: &str) -> Vec<f64> {
    let number = |line: &str| -> f64 {
        assert!(serde_json::from_str::<IgnoredAny>(line).is_ok(), "{line}");
        let number = line.strip_prefix("{\"a\":").unwrap().strip_suffix('}').unwrap();
        number.parse().unwrap()
    };
    text.lines().map(number).collect()
}

proptest! {
    #[test]
    fn lines_are_those_of_a_simple_writer(
        rows in proptest::collection::vec(any_row(), 0..150),
        cut in 0..150_usize,
    ) {
        let batch = table(&rows);
        let mut lines = lines(&batch, columns(forms()));
        let expected: Vec<_> = rows.iter().map(|row| simple(row) + "\n").collect();
        prop_assert_eq!(written(&mut lines, &batch), (expected.concat(), vec![]));
        for line in &expected {
            prop_assert!(serde_json::from_str::<IgnoredAny>(line).is_ok());
        }
        let cut = cut.min(rows.len());
        let rest = batch.slice(cut, rows.len() - cut);
        prop_assert_eq!(written(&mut lines, &rest), (expected[cut..].concat(), vec![]));
    }

    #[test]
    fn any_float_is_read_back_to_its_bits(bits in proptest::collection::vec(any::<u64>(), 1..50)) {
        let floats: Vec<_> = bits.into_iter().map(f64::from_bits).filter(|f| f.is_finite()).collect();
        let text = values(Float64Array::from(floats.clone()), Form::Float { bits: 64, specials: Specials::Refuse });
        let read: Vec<_> = numbers(&text).into_iter().map(f64::to_bits).collect();
        prop_assert_eq!(read, floats.into_iter().map(f64::to_bits).collect::<Vec<_>>());
    }

    #[test]
    fn any_small_float_is_read_back_to_its_bits(bits in proptest::collection::vec(any::<u32>(), 1..50)) {
        let floats: Vec<_> = bits.into_iter().map(f32::from_bits).filter(|f| f.is_finite()).collect();
        let text = values(Float32Array::from(floats.clone()), Form::Float { bits: 32, specials: Specials::Refuse });
        let read: Vec<_> = numbers(&text).into_iter().map(f64::to_bits).collect();
        prop_assert_eq!(read, floats.iter().map(|f| f64::from(*f).to_bits()).collect::<Vec<_>>());
        for (line, float) in text.lines().zip(floats) {
            let number: f32 = line[5..line.len() - 1].parse().unwrap();
            prop_assert_eq!(number.to_bits(), float.to_bits());
        }
    }

    #[test]
    fn a_decimal_fits_exactly_when_its_digits_do(
        number in any_decimal(), scale in -5..=30_i8, before in 0..40_u8, after in 0..40_u8,
    ) {
        let form = || Form::Decimal { integer_digits: before, fraction_digits: after, quoted: false };
        let array = Decimal128Array::from(vec![number]).with_precision_and_scale(38, scale).unwrap();
        let wide = arrow::array::Decimal256Array::from(vec![i256::from_i128(number)]);
        let wide = wide.with_precision_and_scale(38, scale).unwrap();
        let (text, misfits) = column(array, form());
        prop_assert_eq!(column(wide, form()).0, text.clone());
        let shift = usize::try_from(scale).unwrap_or(0);
        let zeros = if number == 0 { 0 } else { usize::from(scale.min(0).unsigned_abs()) };
        let digits = format!("{:0width$}{}", number.unsigned_abs(), "0".repeat(zeros), width = shift + 1);
        let (whole, fraction) = digits.split_at(digits.len() - shift);
        let (kept, cut) = fraction.split_at(fraction.len().min(after.into()));
        let size = whole.trim_start_matches('0').len();
        let fits = size <= before.into() && cut.bytes().all(|byte| byte == b'0');
        prop_assert_eq!(misfits.is_empty(), fits);
        if fits {
            let sign = if number < 0 { "-" } else { "" };
            let point = if kept.is_empty() { "" } else { "." };
            prop_assert_eq!(text, format!("{{\"a\":{sign}{whole}{point}{kept}}}\n"));
        }
    }

    #[test]
    fn a_text_is_json_exactly_when_another_reader_says_so(
        text in prop_oneof!["[\\[\\]{}:,\" \n\\\\0-9.eE+\\-tnu]{0,12}", "[\\[\\]\"1, ]{0,6}", "-?[0-9.eE+-]{1,6}"],
    ) {
        let is_json = serde_json::from_str::<IgnoredAny>(&text).is_ok() && text.trim() != "null";
        let (line, misfits) = column(StringArray::from(vec![&*text]), Form::Json { max_depth: 100 });
        prop_assert_eq!(misfits.is_empty(), is_json, "{:?}", text);
        if is_json {
            prop_assert_eq!(line, format!("{{\"a\":{}}}\n", text.replace('\n', " ")));
        }
    }
}
