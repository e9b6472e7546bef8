//! Numbers and texts in a packet, from the front; `None` where the packet is too short.

/// What is left of a packet.
#[derive(Debug, Clone, Copy)]
pub(in crate::connectors::mysql) struct Cursor<'a>(pub &'a [u8]);

impl<'a> Cursor<'a> {
    /// The next `count` bytes.
    #[inline]
    pub(in crate::connectors::mysql) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// The next `N` bytes.
    #[inline]
    pub(in crate::connectors::mysql) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    #[inline]
    pub(in crate::connectors::mysql) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A number of 1, 3, 4 or 9 bytes. 251 stands for NULL and 255 for an error: neither is one.
    #[inline]
    pub(super) fn number(&mut self) -> Option<u64> {
        match self.u8()? {
            small @ 0..=250 => Some(u64::from(small)),
            252 => self.u16().map(u64::from),
            253 => self.array::<3>().map(|[a, b, c]| u64::from(u32::from_le_bytes([a, b, c, 0]))),
            254 => self.array().map(u64::from_le_bytes),
            251 | 255 => None,
        }
    }

    /// Bytes with their number in front.
    #[inline]
    pub(in crate::connectors::mysql) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }

    /// Bytes up to a zero, which is left out; all of them where there is none.
    pub(super) fn until_zero(&mut self) -> &'a [u8] {
        let end = memchr::memchr(0, self.0);
        let text = &self.0[..end.unwrap_or(self.0.len())];
        self.0 = end.and_then(|end| self.0.get(end + 1..)).unwrap_or_default();
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Cursor;

    #[test]
    fn a_number_takes_as_many_bytes_as_its_first_one_says() {
        for (bytes, number) in [
            (&[250_u8][..], Some(250)),
            (&[252, 1, 2], Some(0x201)),
            (&[253, 1, 2, 3], Some(0x0003_0201)),
            (&[254, 1, 2, 3, 4, 5, 6, 7, 8], Some(0x0807_0605_0403_0201)),
            (&[251], None),
            (&[255], None),
            (&[253, 1, 2], None),
            (&[], None),
        ] {
            assert_eq!(Cursor(bytes).number(), number, "{bytes:?}");
        }
    }

    #[test]
    fn a_text_ends_at_its_zero_or_with_the_packet() {
        let mut cursor = Cursor(b"ab\0c");
        assert_eq!((cursor.until_zero(), cursor.until_zero()), (&b"ab"[..], &b"c"[..]));
        assert_eq!((cursor.until_zero(), cursor.bytes()), (&b""[..], None));
        assert_eq!(Cursor(&[3, b'a', b'b']).bytes(), None);
    }
}
