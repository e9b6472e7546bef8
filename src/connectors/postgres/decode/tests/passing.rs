//! Rows that are handed on: nothing but what stands around them is looked at, and nothing is lost.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::bytes::{HEADER, TRAILER, row};
use crate::connectors::postgres::decode::{Intake, Passing};
use crate::error::{Error, Kind, Result};
use crate::source::Block;

/// Rows of `columns` columns, in blocks.
fn pass<'a>(columns: usize, payloads: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Block>> {
    let (mut passing, mut blocks) = (Passing::new(columns, "t 000000"), Vec::new());
    let mut payloads = payloads.into_iter();
    while let Some(block) = passing.push(&mut payloads)? {
        blocks.push(block);
    }
    blocks.extend(passing.finish()?);
    Ok(blocks)
}

fn together(blocks: &[Block]) -> (u64, Vec<u8>) {
    let bytes = blocks.iter().flat_map(|block| block.bytes.clone()).collect();
    (blocks.iter().map(|block| block.rows).sum(), bytes)
}

proptest! {
    #[test]
    fn rows_stand_in_blocks_as_they_came(
        values in vec(proptest::option::of(vec(any::<u8>(), 0..90_000)), 0..12),
        header_alone in any::<bool>(),
    ) {
        let rows: Vec<_> = values.iter().map(|value| row(&[value.clone(), None])).collect();
        let mut payloads = rows.clone();
        match payloads.first_mut() {
            Some(first) if !header_alone => *first = [HEADER, first].concat(),
            _ => payloads.insert(0, HEADER.to_vec()),
        }
        payloads.push(TRAILER.to_vec());
        let blocks = pass(2, payloads.iter().map(Vec::as_slice)).unwrap();
        prop_assert_eq!(together(&blocks), (rows.len() as u64, rows.concat()));
        for block in &blocks {
            prop_assert!(block.rows > 0 && (block.rows == 1 || block.bytes.len() <= 128 << 10));
        }
    }

    #[test]
    fn payloads_that_mean_nothing_are_an_error_and_never_a_panic(
        payloads in vec(vec(any::<u8>(), 0..20), 0..6),
    ) {
        let payloads = [HEADER].into_iter().chain(payloads.iter().map(Vec::as_slice));
        let _ = pass(2, payloads);
    }
}

#[test]
fn a_row_longer_than_a_block_is_one_by_itself() {
    let (short, long) = (row(&[Some(vec![1])]), row(&[Some(vec![2; 1 << 20])]));
    let blocks = pass(1, [HEADER, &short, &short, &long, &short, TRAILER]).unwrap();
    let block = |bytes: &[&[u8]], rows| Block { bytes: Bytes::from(bytes.concat()), rows };
    let expected = [block(&[&short, &short], 2), block(&[&long], 1), block(&[&short], 1)];
    assert_eq!(blocks, expected);
}

#[test]
fn rows_without_columns_are_counted() {
    let blocks = pass(0, [HEADER, &[0, 0], &[0, 0], TRAILER]).unwrap();
    assert_eq!(together(&blocks), (2, vec![0; 4]));
}

#[test]
fn what_is_no_copy_is_said_with_its_place() {
    let good = row(&[Some(vec![7])]);
    let two = row(&[None, None]);
    let said = |error: Error| {
        assert_eq!(error.kind(), Kind::Data);
        let places = error.places().iter().map(|(what, place)| format!("{what}: {place}"));
        places.collect::<Vec<_>>().join(", ")
    };
    let cases: &[(&[&[u8]], &str)] = &[
        (&[], "place: t 000000 row 0, expected: the mark of the end"),
        (&[HEADER, &good], "place: t 000000 row 1, expected: the mark of the end"),
        (&[b"PGCOPX"], "place: t 000000 row 0, expected: a header"),
        (&[HEADER, &good, &[0]], "place: t 000000 row 1, expected: a row"),
        (&[HEADER, &two], "place: t 000000 row 0, expected: a row of 1 fields"),
        (&[HEADER, TRAILER, &good], "place: t 000000 row 0, expected: the end"),
    ];
    for (payloads, expected) in cases {
        let error = pass(1, payloads.iter().copied()).unwrap_err();
        assert_eq!(said(error), *expected, "{payloads:?}");
    }
}
