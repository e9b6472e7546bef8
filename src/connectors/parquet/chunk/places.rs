//! Finds where in a dictionary a value stands.

use hashbrown::HashTable;

/// The place of nothing.
pub(super) const VACANT: u32 = u32::MAX;

/// The places of values, which are kept by whoever asks.
#[derive(Debug, Default)]
pub(super) struct Places(HashTable<u32>);

impl Places {
    /// The place of the value with this `hash`, and whether it is a new one. Places are numbered in
    /// the order in which they are made; `is_it` compares with the value at a place, `hash_at` answers
    /// its hash.
    #[inline]
    pub(super) fn find_or_make(
        &mut self,
        hash: u64,
        is_it: impl Fn(usize) -> bool,
        hash_at: impl Fn(usize) -> u64,
    ) -> (u32, bool) {
        if let Some(place) = self.0.find(hash, |place| is_it(*place as usize)) {
            return (*place, false);
        }
        let place = u32::try_from(self.0.len()).unwrap_or(VACANT);
        self.0.insert_unique(hash, place, |place| hash_at(*place as usize));
        (place, true)
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        self.0.allocation_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts `values` into a table that hashes by `hash`.
    fn places(
        values: impl Iterator<Item = u32>,
        hash: impl Fn(u32) -> u64,
    ) -> (Vec<u32>, Vec<u32>) {
        let (mut table, mut kept) = (Places::default(), Vec::<u32>::new());
        let places = values.map(|value| {
            let (place, is_new) = table.find_or_make(
                hash(value),
                |place| kept[place] == value,
                |place| hash(kept[place]),
            );
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
        let (found, kept) =
            places(values(), |value| u64::from(value).wrapping_mul(0x9e37_79b9_7f4a_7c15));
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
        let (found, kept) = places((0..500).chain(0..500), |_| u64::MAX);
        assert!(found.into_iter().eq((0..500).chain(0..500)));
        assert_eq!(kept.len(), 500);
    }
}
