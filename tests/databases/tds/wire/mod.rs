//! The protocol MS-TDS 7.4: packets, TLS inside them, log-in, requests and the tokens of answers.

pub(crate) mod channel;
pub(crate) mod login;
pub(crate) mod request;
pub(crate) mod tls;
pub(crate) mod tokens;
pub(crate) mod types;
pub(crate) mod values;

/// What a client sent that the protocol does not allow.
pub(crate) fn malformed(what: &str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned())
}

/// Bytes that are read from the front.
#[derive(Debug)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn take(&mut self, count: usize) -> std::io::Result<&'a [u8]> {
        if count > self.0.len() {
            return Err(malformed("a request ends too early"));
        }
        let (front, rest) = self.0.split_at(count);
        self.0 = rest;
        Ok(front)
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> std::io::Result<[u8; N]> {
        Ok(self.take(N)?.try_into().expect("as many were taken"))
    }

    pub(crate) fn u8(&mut self) -> std::io::Result<u8> {
        Ok(self.fixed::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> std::io::Result<u16> {
        Ok(u16::from_le_bytes(self.fixed()?))
    }

    pub(crate) fn u32(&mut self) -> std::io::Result<u32> {
        Ok(u32::from_le_bytes(self.fixed()?))
    }

    pub(crate) fn u64(&mut self) -> std::io::Result<u64> {
        Ok(u64::from_le_bytes(self.fixed()?))
    }

    /// So many UTF-16 units.
    pub(crate) fn units(&mut self, count: usize) -> std::io::Result<Vec<u16>> {
        Ok(units(self.take(count * 2)?))
    }

    /// A text with its length in units in front, as one byte.
    pub(crate) fn b_varchar(&mut self) -> std::io::Result<String> {
        let count = usize::from(self.u8()?);
        Ok(String::from_utf16_lossy(&self.units(count)?))
    }
}

/// Little-endian UTF-16 units.
pub(crate) fn units(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
}
