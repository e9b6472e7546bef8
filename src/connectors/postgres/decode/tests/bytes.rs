//! Bytes made by hand: what was written is read, and broken bytes are errors, never panics.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Decimal128Array, Int32Array, ListArray, RecordBatch, StringArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::Int32Type;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::Basket;
use crate::connectors::postgres::decode::{Decoder, Intake, Policies, Reading, reading};
use crate::connectors::postgres::server_type::{Column, Filled, Form, ServerType};
use crate::error::{Kind, Result};
use crate::source::Stop;

pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
pub(super) const TRAILER: &[u8] = &[0xff, 0xff];

fn built_in(name: &str, modifier: i32) -> ServerType {
    let (schema, shown) = ("pg_catalog".to_owned(), name.to_owned());
    ServerType { oid: 0, modifier, schema, name: name.to_owned(), shown, form: Form::Base }
}

fn read_as(kind: ServerType, nullable: bool) -> Reading {
    let (name, filled) = ("x".to_owned(), Filled::Never);
    let column = Column { name, kind, nullable, comment: None, filled };
    reading(&column, &Policies::default()).unwrap()
}

fn plain(name: &str) -> Reading {
    read_as(built_in(name, -1), true)
}

fn matrix() -> Reading {
    let form = Form::Array(Box::new(built_in("int4", -1)), 2);
    read_as(ServerType { form, ..built_in("_int4", -1) }, true)
}

fn list() -> Reading {
    let form = Form::Array(Box::new(built_in("int4", -1)), 1);
    read_as(ServerType { form, ..built_in("_int4", -1) }, true)
}

fn numeric(precision: i32, scale: i32) -> Reading {
    read_as(built_in("numeric", (precision << 16 | scale) + 4), true)
}

fn field(value: Option<&[u8]>) -> Vec<u8> {
    match value {
        None => (-1_i32).to_be_bytes().to_vec(),
        Some(value) => {
            let length = i32::try_from(value.len()).unwrap();
            [&length.to_be_bytes(), value].concat()
        }
    }
}

pub(super) fn row(fields: &[Option<Vec<u8>>]) -> Vec<u8> {
    let mut row = i16::try_from(fields.len()).unwrap().to_be_bytes().to_vec();
    row.extend(fields.iter().flat_map(|value| field(value.as_deref())));
    row
}

/// The bytes of `unscaled` divided by 10 to the power of `scale`.
fn number(unscaled: i128, scale: u32) -> Vec<u8> {
    // Fill the digits after the point up to a multiple of four.
    let text = format!("{}{}", unscaled.unsigned_abs(), "0".repeat((4 - scale as usize % 4) % 4));
    let text = format!("{}{text}", "0".repeat((4 - text.len() % 4) % 4));
    let digits: Vec<u16> =
        (0..text.len() / 4).map(|i| text[4 * i..4 * i + 4].parse().unwrap()).collect();
    let weight =
        i16::try_from(digits.len()).unwrap() - i16::try_from(scale.div_ceil(4)).unwrap() - 1;
    let mut bytes = u16::try_from(digits.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(weight.to_be_bytes());
    bytes.extend(if unscaled < 0 { 0x4000_u16 } else { 0 }.to_be_bytes());
    bytes.extend(u16::try_from(scale).unwrap().to_be_bytes());
    bytes.extend(digits.iter().flat_map(|digit| digit.to_be_bytes()));
    bytes
}

fn array(values: &[Option<i32>]) -> Vec<u8> {
    let length = i32::try_from(values.len()).unwrap();
    let head: &[i32] = if length == 0 { &[0, 0, 23] } else { &[1, 1, 23, length, 1] };
    let mut bytes: Vec<u8> = head.iter().flat_map(|word| word.to_be_bytes()).collect();
    for value in values {
        bytes.extend(field(value.map(i32::to_be_bytes).as_ref().map(<[u8; 4]>::as_slice)));
    }
    bytes
}

/// Decodes `payloads` in batches of `batch_rows`.
fn decode<'a>(
    readings: &[Reading],
    batch_rows: usize,
    payloads: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<RecordBatch>> {
    let mut decoder = Decoder::new(readings, batch_rows, "t", Arc::new(Stop));
    let mut batches = Vec::new();
    let mut payloads = payloads.into_iter();
    while let Some(batch) = decoder.push(&mut payloads)? {
        batches.push(batch);
    }
    batches.extend(decoder.finish()?);
    Ok(batches)
}

type Values = (Option<i32>, Option<String>, Option<Vec<u8>>, Option<i64>, Option<Vec<Option<i32>>>);

fn values() -> impl Strategy<Value = Vec<Values>> {
    let numbers = of(-10_i64.pow(18) + 1..10_i64.pow(18));
    let one = (
        of(any::<i32>()),
        of(".{0,9}"),
        of(vec(any::<u8>(), 0..9)),
        numbers,
        of(vec(of(any::<i32>()), 0..4)),
    );
    vec(one, 0..40)
}

proptest! {
    #[test]
    fn what_was_written_is_read(rows in values(), batch_rows in 1_usize..9, scale in 0_u8..10) {
        let readings = [plain("int4"), plain("text"), plain("bytea"), numeric(18, i32::from(scale)), list()];
        let encoded: Vec<_> = rows
            .iter()
            .map(|(a, b, c, d, e)| row(&[
                a.map(|a| a.to_be_bytes().to_vec()),
                b.as_ref().map(|b| b.as_bytes().to_vec()),
                c.clone(),
                d.map(|d| number(i128::from(d), u32::from(scale))),
                e.as_deref().map(array),
            ]))
            .collect();
        let payloads = [HEADER].into_iter().chain(encoded.iter().map(Vec::as_slice)).chain([TRAILER]);
        let batches = decode(&readings, batch_rows, payloads).unwrap();
        prop_assert!(batches.iter().rev().skip(1).all(|batch| batch.num_rows() == batch_rows));

        let fields: Vec<_> = readings.iter().map(|reading| reading.field.clone()).collect();
        let schema = Arc::new(arrow::datatypes::Schema::new(fields));
        let decimals = rows.iter().map(|row| row.3.map(i128::from)).collect::<Decimal128Array>();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(rows.iter().map(|row| row.0).collect::<Int32Array>()),
            Arc::new(rows.iter().map(|row| row.1.clone()).collect::<StringArray>()),
            Arc::new(rows.iter().map(|row| row.2.as_deref()).collect::<BinaryArray>()),
            Arc::new(decimals.with_precision_and_scale(18, i8::try_from(scale).unwrap()).unwrap()),
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(rows.iter().map(|row| row.4.clone()))),
        ];
        let expected = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
        prop_assert_eq!(concat_batches(&schema, &batches).unwrap(), expected);
    }

    #[test]
    fn many_rows_at_once_are_read_and_refused_as_one_at_a_time(
        rows in vec((of(0_i32..9), of(prop_oneof![Just(i32::MAX), -9_i32..9])), 0..80),
        batch_rows in 1_usize..30,
    ) {
        // NULL has no place in the first column, and infinity none in the second.
        let readings = [read_as(built_in("int4", -1), false), plain("date")];
        let bytes = |number: Option<i32>| number.map(|number| number.to_be_bytes().to_vec());
        let encoded: Vec<_> = rows.iter().map(|(a, b)| row(&[bytes(*a), bytes(*b)])).collect();
        let sent = || [HEADER].into_iter().chain(encoded.iter().map(Vec::as_slice)).chain([TRAILER]);
        let read = |at_once: bool| {
            let basket = Basket::new();
            let mut decoder = Decoder::new(&readings, batch_rows, "t", basket.clone());
            let (mut batches, mut payloads) = (Vec::new(), sent().peekable());
            while payloads.peek().is_some() {
                batches.extend(match at_once {
                    true => decoder.push(&mut payloads).unwrap(),
                    false => decoder.push(&mut payloads.next().into_iter()).unwrap(),
                });
            }
            batches.extend(decoder.finish().unwrap());
            (batches, basket.taken())
        };
        prop_assert_eq!(read(true), read(false));
    }

    #[test]
    fn a_number_is_exact_at_every_length(digits in 1_u32..39, seed in any::<i128>(), scale in 0_u8..39) {
        let scale = u32::from(scale).min(digits);
        let unscaled = seed % 10_i128.pow(digits);
        let reading = numeric(i32::try_from(digits).unwrap(), i32::try_from(scale).unwrap());
        let row = row(&[Some(number(unscaled, scale))]);
        let batches = decode(&[reading], 1, [HEADER, &row, TRAILER]).unwrap();
        let expected = Decimal128Array::from(vec![unscaled])
            .with_precision_and_scale(u8::try_from(digits).unwrap(), i8::try_from(scale).unwrap());
        prop_assert_eq!(batches[0].column(0), &(Arc::new(expected.unwrap()) as ArrayRef));
    }

    #[test]
    fn bytes_that_mean_nothing_are_an_error_and_never_a_panic(
        payloads in vec(vec(any::<u8>(), 0..60), 0..6),
        value in vec(any::<u8>(), 0..60),
    ) {
        for reading in every_wire() {
            // Behind a good header and in a field of the right length, so that they get far.
            let row = row(&[Some(value.clone())]);
            let mut decoder = Decoder::new(&[reading], 2, "t", Basket::new());
            decoder.push(&mut [HEADER, &row].into_iter()).ok();
            for payload in &payloads {
                decoder.push(&mut [payload.as_slice(), &row].into_iter()).ok();
            }
            decoder.push(&mut [TRAILER].into_iter()).ok();
            let _ = decoder.finish();
        }
    }

    #[test]
    fn an_array_that_lies_is_an_error_and_never_a_panic(
        head in vec(prop_oneof![0_i32..4, any::<i32>()], 0..9),
        rest in vec(any::<u8>(), 0..30),
    ) {
        let value: Vec<u8> = head.iter().flat_map(|word| word.to_be_bytes()).chain(rest).collect();
        for reading in [list(), matrix()] {
            let mut decoder = Decoder::new(&[reading], 2, "t", Basket::new());
            let row = row(&[Some(value.clone())]);
            decoder.push(&mut [HEADER, &row, TRAILER].into_iter()).ok();
            let _ = decoder.finish();
        }
    }
}

fn every_wire() -> Vec<Reading> {
    let names = [
        "bool",
        "int2",
        "int4",
        "int8",
        "oid",
        "float4",
        "float8",
        "date",
        "time",
        "timestamp",
        "text",
        "jsonb",
        "uuid",
        "bytea",
    ];
    let mut readings: Vec<_> = names.into_iter().map(plain).collect();
    readings.extend([numeric(15, 2), numeric(76, 30), list(), matrix()]);
    readings
}

#[test]
fn a_header_comes_alone_or_with_the_first_row() {
    let one = row(&[Some(7_i32.to_be_bytes().to_vec())]);
    let both = [HEADER, &one].concat();
    let apart = decode(&[plain("int4")], 9, [HEADER, &one, TRAILER]).unwrap();
    assert_eq!(apart[0].column(0).as_ref(), &Int32Array::from(vec![7]));
    assert_eq!(decode(&[plain("int4")], 9, [both.as_slice(), TRAILER]).unwrap(), apart);
}

#[test]
fn broken_bytes_are_an_error_of_the_data() {
    let good = row(&[Some(7_i32.to_be_bytes().to_vec())]);
    let short = &good[..good.len() - 1];
    let long = [&good[..], &[0]].concat();
    let two = row(&[None, None]);
    let narrow = row(&[Some(vec![1, 2])]);
    let negative = [0, 1, 0xff, 0xff, 0xff, 0xfe];
    let oids = [&HEADER[..11], &[0, 1, 0, 0, 0, 0, 0, 0]].concat();
    let cases: &[&[&[u8]]] = &[
        &[],
        &[HEADER],
        &[HEADER, &good],
        &[b"PGCOPX"],
        &[&oids, TRAILER],
        &[&HEADER[..15], TRAILER],
        &[HEADER, &[], TRAILER],
        &[HEADER, &[0], TRAILER],
        &[HEADER, short, TRAILER],
        &[HEADER, &long, TRAILER],
        &[HEADER, &two, TRAILER],
        &[HEADER, &narrow, TRAILER],
        &[HEADER, &negative, TRAILER],
        &[HEADER, &[0xff, 0xff, 0], TRAILER],
        &[HEADER, TRAILER, &good],
        &[HEADER, TRAILER, TRAILER],
    ];
    for case in cases {
        let error = decode(&[plain("int4")], 9, case.iter().copied()).unwrap_err();
        assert_eq!(error.kind(), Kind::Data, "{case:?}");
    }
}

#[test]
fn a_refused_row_leaves_nothing_behind() {
    let readings = [plain("text"), list(), plain("date"), plain("text")];
    let line = |text: &str, days: i32| {
        let text = Some(text.as_bytes().to_vec());
        row(&[
            text.clone(),
            Some(array(&[Some(days), None])),
            Some(days.to_be_bytes().to_vec()),
            text,
        ])
    };
    let lines = [line("a", 0), line("bb", i32::MAX), line("ccc", 1), line("d", i32::MIN)];
    let basket = Basket::new();
    let mut decoder = Decoder::new(&readings, 9, "t", basket.clone());
    let lines_sent = lines.iter().map(Vec::as_slice);
    let mut payloads = [HEADER].into_iter().chain(lines_sent).chain([TRAILER]);
    assert_eq!(decoder.push(&mut payloads).unwrap(), None);
    let batch = decoder.finish().unwrap().unwrap();
    let kept = decode(&readings, 9, [HEADER, &lines[0], &lines[2], TRAILER]).unwrap();
    assert_eq!(batch, kept[0]);
    let places: Vec<_> = basket.taken().into_iter().map(|row| row.place).collect();
    assert_eq!(places, ["t row 2", "t row 4"]);
}

#[test]
fn null_in_a_column_that_has_none_is_refused() {
    let error = decode(&[read_as(built_in("int4", -1), false)], 9, [HEADER, &row(&[None])]);
    assert_eq!(error.unwrap_err().message(), "the value is NULL in a column that is NOT NULL");
}
