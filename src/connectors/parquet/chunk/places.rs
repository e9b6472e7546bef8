//! Finds where in a dictionary a value stands.

/// The place of nothing.
pub(super) const VACANT: u32 = u32::MAX;
/// The length of a new table, as a power of two.
const BITS_FIRST: u32 = 6;

/// A hash table of places: each is known by 32 bits of its value's hash, and the values themselves
/// are kept by whoever asks. Open addressing, at most half full.
#[derive(Debug)]
pub(super) struct Places {
    /// Hash and place.
    slots: Vec<(u32, u32)>,
    bits: u32,
    len: u32,
}

impl Default for Places {
    fn default() -> Self {
        Places { slots: vec![(0, VACANT); 1 << BITS_FIRST], bits: BITS_FIRST, len: 0 }
    }
}

impl Places {
    /// The place of the value with this `hash`, whose upper half counts, and whether it is a new one.
    /// Places are numbered in the order in which they are made; `is_it` compares with the value at a
    /// place.
    #[inline]
    pub(super) fn find_or_make(&mut self, hash: u64, is_it: impl Fn(usize) -> bool) -> (u32, bool) {
        let [.., a, b, c, d] = hash.to_le_bytes();
        let hash = u32::from_le_bytes([a, b, c, d]);
        let mut slot = self.home(hash);
        loop {
            let (there, place) = self.slots[slot];
            if place == VACANT {
                break;
            }
            if there == hash && is_it(place as usize) {
                return (place, false);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        let place = self.len;
        self.slots[slot] = (hash, place);
        self.len += 1;
        if self.len as usize * 2 > self.slots.len() {
            self.grow();
        }
        (place, true)
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        std::mem::size_of_val(&*self.slots)
    }

    fn home(&self, hash: u32) -> usize {
        (hash >> (u32::BITS - self.bits)) as usize
    }

    #[cold]
    fn grow(&mut self) {
        self.bits += 1;
        let old = std::mem::replace(&mut self.slots, vec![(0, VACANT); 1 << self.bits]);
        for (hash, place) in old.into_iter().filter(|(_, place)| *place != VACANT) {
            let mut slot = self.home(hash);
            while self.slots[slot].1 != VACANT {
                slot = (slot + 1) & (self.slots.len() - 1);
            }
            self.slots[slot] = (hash, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts `values` into a table that hashes by `hash`.
    fn places(
        values: impl Iterator<Item = u32>,
        hash: impl Fn(u32) -> u32,
    ) -> (Vec<u32>, Vec<u32>) {
        let (mut table, mut kept) = (Places::default(), Vec::new());
        let places = values.map(|value| {
            let hash = u64::from(hash(value)) << u32::BITS;
            let (place, is_new) = table.find_or_make(hash, |place| kept[place] == value);
            if is_new {
                kept.push(value);
            }
            place
        });
        (places.collect(), kept)
    }

    #[test]
    fn each_value_has_one_place_in_the_order_of_its_first_appearance() {
        let values = || (0..30_000_u32).map(|n| n * n % 4_999);
        let (found, kept) = places(values(), |value| value.wrapping_mul(0x9e37_79b1));
        let back = found.iter().map(|place| kept[*place as usize]);
        assert!(back.eq(values()));
        let mut first: Vec<u32> = Vec::new();
        values().for_each(|value| {
            if !first.contains(&value) {
                first.push(value)
            }
        });
        assert_eq!(kept, first);
    }

    #[test]
    fn values_with_one_hash_are_kept_apart() {
        let (found, kept) = places((0..500).chain(0..500), |_| u32::MAX);
        assert!(found.into_iter().eq((0..500).chain(0..500)));
        assert_eq!(kept.len(), 500);
    }
}
