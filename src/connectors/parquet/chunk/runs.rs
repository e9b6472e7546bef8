//! Small numbers as Parquet writes levels and places in a dictionary: runs of one number, and
//! numbers packed side by side (the format's "RLE / bit-packing hybrid").

/// Numbers are packed by eight, which together have whole bytes.
const GROUP: usize = 8;
/// A shorter run is packed. Runs are looked for at every so many numbers, so that what is packed
/// before one is whole groups.
const RUN_LEAST: usize = 2 * GROUP;
/// Groups behind one header, as other writers have them: it takes one byte.
const GROUPS_MOST: usize = 63;

/// Bits that hold every number up to `most`; at least one, because not every reader knows of none.
pub(super) fn width(most: usize) -> u32 {
    (usize::BITS - most.leading_zeros()).max(1)
}

/// Appends `numbers`, each of at most `width` bits, to `out`.
pub(super) fn encode(numbers: &[u32], width: u32, out: &mut Vec<u8>) {
    let (mut packed, mut at) = (0, 0);
    while let Some(next) = numbers[at..].first_chunk::<RUN_LEAST>() {
        if *next != [next[0]; RUN_LEAST] {
            at += RUN_LEAST;
            continue;
        }
        let run = numbers[at..].iter().take_while(|number| **number == next[0]).count();
        pack(&numbers[packed..at], width, out);
        repeat(next[0], run, width, out);
        at += run;
        packed = at;
    }
    pack(&numbers[packed..], width, out);
}

/// Appends one number of `width` bits, which comes so many `times`.
pub(super) fn repeat(number: u32, times: usize, width: u32, out: &mut Vec<u8>) {
    header(times << 1, out);
    out.extend_from_slice(&number.to_le_bytes()[..bytes(width)]);
}

/// The last group is filled up with zeros.
fn pack(numbers: &[u32], width: u32, out: &mut Vec<u8>) {
    for section in numbers.chunks(GROUP * GROUPS_MOST) {
        let groups = section.len().div_ceil(GROUP);
        header(groups << 1 | 1, out);
        let end = out.len() + groups * width as usize;
        let (mut held, mut bits) = (0_u64, 0);
        for number in section {
            held |= u64::from(*number) << bits;
            bits += width;
            if bits >= u32::BITS {
                out.extend_from_slice(&held.to_le_bytes()[..4]);
                held >>= u32::BITS;
                bits -= u32::BITS;
            }
        }
        out.extend_from_slice(&held.to_le_bytes()[..bytes(bits)]);
        out.resize(end, 0);
    }
}

fn bytes(bits: u32) -> usize {
    bits.div_ceil(8) as usize
}

/// A number of no fixed length: seven bits in each byte, the lowest first.
fn header(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads what the format's own description says, without regard to what wrote it.
    fn decode(mut bytes: &[u8], width: u32, count: usize) -> Vec<u32> {
        let mut numbers = Vec::new();
        while numbers.len() < count {
            let (mut header, mut shift) = (0, 0);
            loop {
                let (byte, rest) = bytes.split_first().unwrap();
                bytes = rest;
                header |= usize::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            if header & 1 == 0 {
                let (value, rest) = bytes.split_at(super::bytes(width));
                bytes = rest;
                let value = value.iter().rev().fold(0, |all, byte| all << 8 | u32::from(*byte));
                numbers.extend(std::iter::repeat_n(value, header >> 1));
            } else {
                let (packed, rest) = bytes.split_at((header >> 1) * width as usize);
                bytes = rest;
                let bit = |at: usize| u32::from(packed[at / 8] >> (at % 8) & 1);
                let wide = width as usize;
                numbers.extend((0..(header >> 1) * 8).map(|number| {
                    (0..wide).fold(0, |all, at| all | bit(number * wide + at) << at)
                }));
            }
        }
        assert!(bytes.is_empty() && numbers[count..].iter().all(|number| *number == 0));
        numbers.truncate(count);
        numbers
    }

    proptest! {
        #[test]
        fn numbers_come_back_as_they_were(
            runs in prop::collection::vec((0..u32::MAX, 1_usize..30), 0..200),
            width in 1_u32..=32,
        ) {
            let most = u32::MAX >> (32 - width);
            let runs = runs.into_iter();
            let numbers: Vec<u32> =
                runs.flat_map(|(number, times)| vec![number & most; times]).collect();
            let mut out = Vec::new();
            encode(&numbers, width, &mut out);
            prop_assert_eq!(decode(&out, width, numbers.len()), numbers);
        }
    }

    #[test]
    fn a_run_takes_few_bytes_and_begins_behind_whole_groups() {
        let mut out = Vec::new();
        encode(&[3; 1000], 2, &mut out);
        assert_eq!(out, [0xd0, 0x0f, 3]);
        out.clear();
        encode(&[&[1, 2, 3][..], &[0; 40]].concat(), 2, &mut out);
        assert_eq!(out, [5, 0b0011_1001, 0, 0, 0, 27 << 1, 0]);
    }

    #[test]
    fn one_value_has_one_bit() {
        assert_eq!([0, 1, 2, 255, 256].map(width), [1, 1, 2, 8, 9]);
    }
}
