//! Network addresses and uuids, from text.

use std::net::IpAddr;

use super::bad::Bad;
use super::cells::{Body, Cells};
use super::moment;
use super::target::Leaf;

const NO_UUID: &str = "the text is not a uuid";
const NO_ADDRESS: &str = "the text is not a network address";
const HOST_BITS: &str = "the network address has bits to the right of its mask";
const NO_MAC: &str = "the text is not a hardware address";

/// The families of addresses, as the server numbers them.
const FOUR: u8 = 2;
const SIX: u8 = 3;

type Found<T> = Result<T, (&'static str, Option<&'static str>)>;

/// Texts as the sixteen bytes of uuids.
pub(super) fn uuids(texts: &Cells, bad: &mut Bad) -> Cells {
    let mut out = Vec::with_capacity(texts.len());
    for row in 0..texts.len() {
        let text = if texts.is_null(row) { None } else { Some(texts.bytes(row)) };
        let found = text.and_then(|text| {
            let uuid = uuid(text);
            if uuid.is_none() {
                bad.note(row, text, NO_UUID, Some("write it as 8-4-4-4-12 hexadecimal digits"));
            }
            uuid
        });
        out.push(found.unwrap_or(0));
    }
    Cells::new(Body::Sixteen(out.into()), texts.nulls.as_ref())
}

/// 32 hexadecimal digits, with hyphens between the usual groups or without any, in braces or not.
fn uuid(text: &[u8]) -> Option<i128> {
    let text = text.strip_prefix(b"{").and_then(|t| t.strip_suffix(b"}")).unwrap_or(text);
    let hyphens = match text.len() {
        36 => true,
        32 => false,
        _ => return None,
    };
    let mut value = 0_u128;
    for (at, byte) in text.iter().enumerate() {
        if hyphens && matches!(at, 8 | 13 | 18 | 23) {
            if *byte != b'-' {
                return None;
            }
        } else {
            value = value << 4 | u128::from(hex(*byte)?);
        }
    }
    Some(value.cast_signed())
}

fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Texts as addresses of the kind of `leaf`.
pub(super) fn encode(leaf: &Leaf, texts: &Cells, bad: &mut Bad) -> Cells {
    moment::texts(texts, 20, bad, |text, out| match leaf {
        Leaf::Cidr => network(text, true, out),
        Leaf::MacAddr => hardware::<6>(text, out),
        Leaf::MacAddr8 => hardware::<8>(text, out),
        _ => network(text, false, out),
    })
}

/// An address and, after a slash, the number of bits of its network.
fn network(text: &[u8], is_network: bool, out: &mut Vec<u8>) -> Found<()> {
    let wrong = (NO_ADDRESS, Some("write it as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32"));
    let text = std::str::from_utf8(text).map_err(|_| wrong)?;
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| wrong)?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        None => most,
        Some(bits) if bits.bytes().all(|b| b.is_ascii_digit()) => {
            bits.parse().map_err(|_| wrong)?
        }
        Some(_) => return Err(wrong),
    };
    if bits > most {
        return Err(wrong);
    }
    if is_network && has_host_bits(address, bits) {
        return Err((HOST_BITS, Some("give the address of the network, such as 192.0.2.0/24")));
    }
    let family = if address.is_ipv4() { FOUR } else { SIX };
    out.extend_from_slice(&[family, bits, u8::from(is_network), if most == 32 { 4 } else { 16 }]);
    match address {
        IpAddr::V4(four) => out.extend_from_slice(&four.octets()),
        IpAddr::V6(six) => out.extend_from_slice(&six.octets()),
    }
    Ok(())
}

fn has_host_bits(address: IpAddr, bits: u8) -> bool {
    match address {
        IpAddr::V4(four) => four.to_bits().checked_shl(u32::from(bits)).unwrap_or(0) != 0,
        IpAddr::V6(six) => six.to_bits().checked_shl(u32::from(bits)).unwrap_or(0) != 0,
    }
}

/// `N` bytes in hexadecimal digits, with colons or hyphens between them.
fn hardware<const N: usize>(text: &[u8], out: &mut Vec<u8>) -> Found<()> {
    let wrong = (NO_MAC, Some("write it as 08:00:2b:01:02:03"));
    let mut bytes = [0; N];
    let mut groups = text.split(|byte| matches!(byte, b':' | b'-'));
    for byte in &mut bytes {
        let Some([high, low]) = groups.next() else { return Err(wrong) };
        *byte = hex(*high).ok_or(wrong)? << 4 | hex(*low).ok_or(wrong)?;
    }
    if groups.next().is_some() {
        return Err(wrong);
    }
    out.extend_from_slice(&bytes);
    Ok(())
}
