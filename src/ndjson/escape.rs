//! The escapes of a string in JSON (RFC 8259): quote, backslash and control characters.

/// What follows the backslash, for each byte that has to be escaped; `u` for a code.
const ESCAPES: [u8; 256] = escapes();

const HEX: &[u8; 16] = b"0123456789abcdef";

const fn escapes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
}

/// Whether nothing in `text` has to be escaped. Without a branch for a byte, so that the compiler
/// makes it look at many at once.
#[inline]
pub(super) fn is_plain(text: &[u8]) -> bool {
    let (chunks, rest) = text.as_chunks::<64>();
    chunks.iter().all(|chunk| !has_special(chunk)) && !has_special(rest)
}

#[inline(always)]
fn has_special(bytes: &[u8]) -> bool {
    let special =
        |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
    bytes.iter().fold(0, |found, byte| found | special(*byte)) != 0
}

/// At least the length of `text` with escapes: as if every control character took a code.
pub(super) fn bound(text: &[u8]) -> usize {
    let extra =
        |byte: u8| 5 * u8::from(byte < 0x20) + u8::from(byte == b'"') + u8::from(byte == b'\\');
    // 32 times 5 has room in a byte, so that the compiler adds as many at once.
    let sum = |bytes: &[u8]| -> usize {
        bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(extra(*byte))).into()
    };
    let (chunks, rest) = text.as_chunks::<32>();
    text.len() + chunks.iter().map(|chunk| sum(chunk)).sum::<usize>() + sum(rest)
}

/// Writes `text` with escapes at `at`, where there is room for its [`bound`] and eight bytes more;
/// gives the end.
pub(super) fn write(text: &[u8], out: &mut [u8], mut at: usize) -> usize {
    let mut rest = text;
    while let Some(chunk) = rest.first_chunk::<8>() {
        out[at..at + 8].copy_from_slice(chunk);
        let run = run(u64::from_le_bytes(*chunk));
        at += run;
        if run < 8 {
            at = escaped(chunk[run], out, at);
            rest = &rest[run + 1..];
        } else {
            rest = &rest[8..];
        }
    }
    for byte in rest {
        out[at] = *byte;
        at = if ESCAPES[usize::from(*byte)] == 0 { at + 1 } else { escaped(*byte, out, at) };
    }
    at
}

/// Writes one byte that has to be escaped.
#[inline(always)]
fn escaped(byte: u8, out: &mut [u8], at: usize) -> usize {
    let escape = ESCAPES[usize::from(byte)];
    out[at..at + 2].copy_from_slice(&[b'\\', escape]);
    if escape != b'u' {
        return at + 2;
    }
    let code = [b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
    out[at + 2..at + 6].copy_from_slice(&code);
    at + 6
}

/// How many of eight bytes come before the first that has to be escaped, all of them in one word.
#[inline(always)]
fn run(word: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Below the first byte that is smaller than `limit`, the high bits of the result are not set;
    // behind it they may be wrong, as a subtraction borrows from there.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let found = (below(word, 0x20) | equal(b'"') | equal(b'\\')) & (ONES * 0x80);
    found.trailing_zeros() as usize / 8
}

/// The next byte to escape, and how many come before it.
pub(super) fn next_special(text: &[u8]) -> Option<(u8, usize)> {
    let (words, rest) = text.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let run = run(u64::from_le_bytes(*word));
        if run < 8 {
            return Some((word[run], at * 8 + run));
        }
    }
    let run = rest.iter().position(|byte| ESCAPES[usize::from(*byte)] != 0)?;
    Some((rest[run], words.len() * 8 + run))
}

/// Appends `text` with escapes.
pub(super) fn append(text: &[u8], out: &mut Vec<u8>) {
    let at = out.len();
    out.resize(at + bound(text) + 8, 0);
    let end = write(text, out, at);
    out.truncate(end);
}
