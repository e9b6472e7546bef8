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

/// The length of `text` with escapes.
pub(super) fn length(text: &[u8]) -> usize {
    let extra = |byte: &u8| match ESCAPES[usize::from(*byte)] {
        0 => 0,
        b'u' => 5,
        _ => 1,
    };
    text.len() + text.iter().map(extra).sum::<usize>()
}

/// Writes `text` with escapes at `at`, where there is room for its [`length`]; gives the end.
pub(super) fn write(text: &[u8], out: &mut [u8], mut at: usize) -> usize {
    let mut rest = text;
    while let Some((byte, run)) = next_special(rest) {
        out[at..at + run].copy_from_slice(&rest[..run]);
        at += run;
        rest = &rest[run + 1..];
        out[at] = b'\\';
        out[at + 1] = ESCAPES[usize::from(byte)];
        at += 2;
        if out[at - 1] == b'u' {
            let code = [b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
            out[at..at + 4].copy_from_slice(&code);
            at += 4;
        }
    }
    out[at..at + rest.len()].copy_from_slice(rest);
    at + rest.len()
}

/// The next byte to escape, and how many come before it.
pub(super) fn next_special(text: &[u8]) -> Option<(u8, usize)> {
    let skipped = text.as_chunks::<16>().0.iter().take_while(|chunk| !has_special(*chunk)).count();
    let mut rest = text[skipped * 16..].iter().enumerate();
    let found = rest.find(|(_, byte)| ESCAPES[usize::from(**byte)] != 0);
    found.map(|(at, byte)| (*byte, skipped * 16 + at))
}

/// Appends `text` with escapes.
pub(super) fn append(text: &[u8], out: &mut Vec<u8>) {
    let at = out.len();
    out.resize(at + length(text), 0);
    write(text, out, at);
}
