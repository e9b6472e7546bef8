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
    let (_, rest) = der.split_first().filter(|(first, _)| **first == tag)?;
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The public half of a key that was made for these tests alone.
    pub(in crate::connectors::mysql::wire) const KEY: &[u8] = b"-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0yS74m6Cnb/jjOZ2VSZM
kVZ/wQRbHPhCx4PmIvX4ORpTKwoDxe7JfQpnwYuSWbFvCshRVxmyikUNIT9R2xW4
k1JGzmYzcteShqCiq7G29Bl9uwUQBVK8fyH8G2iBD+pyHy39iOZSjUuLC08z7PeI
rnxHcs57TtlJ4e4a/eo3YhTp4DfIPdzDaDRGeMOeViAwvh83KRsF4IoIjr6UycXz
vkEbUbOYFw+U6ALLmFxv/G4j1xQrrF8kWxhy7ebQU03mzGGFhdu9sewVnTI5D1Bi
zXOUY2GNQkfiZmzN/1P47VaRZFco+suZxaqQ702Ej4unh3b0C2d9odSnbZB/cBN8
4wIDAQAB
-----END PUBLIC KEY-----
";

    #[test]
    fn a_text_is_encrypted_to_the_length_of_the_key_and_never_twice_alike() {
        let one = encrypt(b"secret", KEY).unwrap();
        let other = encrypt(b"secret", KEY).unwrap();
        assert_eq!((one.len(), other.len()), (256, 256));
        assert_ne!(one, other);
        assert!(encrypt(&[1; 214], KEY).is_some());
        assert_eq!(encrypt(&[1; 215], KEY), None, "longer than the padding leaves room for");
    }

    #[test]
    fn a_key_that_is_not_well_made_is_none_and_never_a_panic() {
        for at in 0..KEY.len() {
            assert_eq!(encrypt(b"x", &KEY[..at]).is_some(), at == KEY.len() - 1, "cut at {at}");
            for with in [b'A', b'/', b'-', b'\n', 0, 0xff] {
                let mut key = KEY.to_vec();
                key[at] = with;
                let _ = encrypt(b"x", &key);
            }
        }
        // A modulus of nothing, in the right order.
        let der = [0x30, 0x13, 0x30, 0x05, 0x06, 0x01, 0x2a, 0x05, 0x00, 0x03, 0x0a, 0x00, 0x30];
        let der = [&der[..], &[0x07, 0x02, 0x01, 0x00, 0x02, 0x02, 0x01, 0x01]].concat();
        assert_eq!(modulus_bytes(&der), None);
    }
}
