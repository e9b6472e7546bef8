//! Encrypts for the public key that a server has sent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The lengths of keys that are taken, in bytes: 1024 to 8192 bits.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 128..=1024;
/// What the padding takes (OAEP with SHA-1).
const PADDING: usize = 42;

/// `text`, encrypted for the key in `pem`; `None` where that is no key, or one that is too short.
///
/// The key is looked at before it is used because `mysql_common` panics on one that is not well
/// made.
pub(super) fn encrypt(text: &[u8], pem: &[u8]) -> Option<Vec<u8>> {
    let pem = pem.strip_suffix(&[0]).unwrap_or(pem).trim_ascii();
    let body = pem.strip_prefix(b"-----BEGIN PUBLIC KEY-----")?;
    let body = body.strip_suffix(b"-----END PUBLIC KEY-----")?;
    let body: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let room = modulus_bytes(&STANDARD.decode(body).ok()?)?.checked_sub(PADDING)?;
    (text.len() <= room).then(|| mysql_common::crypto::encrypt(text, pem))
}

/// The length of the modulus of the key in `der`, which must be exactly as RFC 5280 has it.
fn modulus_bytes(der: &[u8]) -> Option<usize> {
    let (key, []) = element(der, 0x30)? else { return None };
    let (_algorithm, key) = element(key, 0x30)?;
    let (bits, []) = element(key, 0x03)? else { return None };
    let (numbers, []) = element(bits.strip_prefix(&[0])?, 0x30)? else { return None };
    let (modulus, rest) = element(numbers, 0x02)?;
    let (exponent, []) = element(rest, 0x02)? else { return None };
    // A zero stands before a number whose first bit would be that of a minus.
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let is_usable = modulus.first()? & 0x80 != 0
        && modulus.last()? & 1 == 1
        && KEY_BYTES.contains(&modulus.len())
        && (1..=8).contains(&exponent.len())
        && exponent.last()? & 1 == 1;
    is_usable.then_some(modulus.len())
}

/// The content of the element of this tag that `der` begins with, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first().filter(|(first, _)| **first == tag)?;
    debug_assert_eq!(*first, tag);
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match *length {
        short @ ..0x80 => (usize::from(short), rest),
        long => {
            let (bytes, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            if bytes.is_empty() || bytes.len() > 2 {
                return None;
            }
            (bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
    };
    rest.split_at_checked(length)
}
