//! The page of a column chunk that is in progress, and the chunk's dictionary.

use std::fmt::Debug;

use parquet::basic::Encoding;

use super::{KEPT, STEP, runs};
use crate::connectors::parquet::dictionary::hardly_repeat;

/// The values of a chunk, each of them once.
pub(super) trait Dictionary: Debug + Send {
    /// A value, as far as it can be the smallest or the largest one.
    type Value;

    /// The smallest and the largest one of those at `places`, of which there is one at least.
    fn range(&self, places: impl Iterator<Item = usize>) -> Option<(Self::Value, Self::Value)>;

    /// How many there are.
    fn len(&self) -> usize;

    /// Their bytes in a page.
    fn bytes(&self) -> usize;

    /// Bytes of memory.
    fn memory(&self) -> usize;

    /// Appends them to a page.
    fn put(self, out: &mut Vec<u8>);
}

/// Values on their way to a page: their places in the dictionary, or they themselves.
#[derive(Debug)]
pub(super) struct Open<D> {
    dictionary: Option<D>,
    /// How many values were looked up in the dictionary.
    looked_up: usize,
    places: Vec<u32>,
    plain: Vec<u8>,
}

/// A dictionary of so many values has shown whether they come again.
const TRIAL: usize = 3 * STEP;

impl<D: Dictionary> Open<D> {
    pub(super) fn new(dictionary: Option<D>) -> Self {
        Open { dictionary, looked_up: 0, places: Vec::new(), plain: Vec::new() }
    }

    /// Whether values stand in the page themselves.
    pub(super) fn is_plain(&self) -> bool {
        self.dictionary.is_none()
    }

    /// Adds values: `place` finds each in the dictionary, `put` appends it to a page.
    pub(super) fn add<V>(
        &mut self,
        values: impl Iterator<Item = V>,
        place: impl Fn(&mut D, V) -> u32,
        put: impl Fn(V, &mut Vec<u8>),
    ) {
        match &mut self.dictionary {
            Some(dictionary) => {
                let before = self.places.len();
                self.places.extend(values.map(|value| place(dictionary, value)));
                self.looked_up += self.places.len() - before;
            }
            None => values.for_each(|value| put(value, &mut self.plain)),
        }
    }

    /// The smallest and the largest value of a page that has places; `None` for a page without
    /// values, or with values themselves.
    pub(super) fn range(&self) -> Option<(D::Value, D::Value)> {
        let dictionary = self.dictionary.as_ref()?;
        let mut used = vec![false; dictionary.len()];
        self.places.iter().for_each(|place| used[*place as usize] = true);
        let used = used.iter().enumerate().filter(|(_, used)| **used);
        dictionary.range(used.map(|(place, _)| place))
    }

    /// Bytes of the page so far, about.
    pub(super) fn page_bytes(&self) -> usize {
        self.plain.len() + self.places.len() * self.width() as usize / 8
    }

    /// Appends the page to `out`, and begins the next one. `pack` makes values that were put one after
    /// the other what stands in a page.
    pub(super) fn end_page(&mut self, out: &mut Vec<u8>, pack: impl Fn(&mut Vec<u8>)) -> Encoding {
        if self.is_plain() {
            pack(&mut self.plain);
            match out.is_empty() {
                true => std::mem::swap(out, &mut self.plain),
                false => out.extend_from_slice(&self.plain),
            }
            self.plain.clear();
            self.plain.shrink_to(KEPT);
            return Encoding::PLAIN;
        }
        let width = self.width();
        out.push(width.to_le_bytes()[0]);
        runs::encode(&self.places, width, out);
        self.places.clear();
        Encoding::RLE_DICTIONARY
    }

    /// Bytes of the dictionary; 0 if there is none, or none any more.
    pub(super) fn dictionary_bytes(&self) -> usize {
        self.dictionary.as_ref().map_or(0, Dictionary::bytes)
    }

    /// Whether the values hardly repeat, so that the dictionary saves nothing.
    pub(super) fn hardly_repeats(&self) -> bool {
        let distinct = self.dictionary.as_ref().map_or(0, Dictionary::len);
        distinct >= TRIAL && hardly_repeat(distinct, self.looked_up)
    }

    /// Appends the dictionary to `out` and answers how many values it has, if there is one. Later pages
    /// have their values themselves.
    pub(super) fn end_dictionary(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        let dictionary = self.dictionary.take()?;
        self.places = Vec::new();
        let values = dictionary.len();
        dictionary.put(out);
        Some(values)
    }

    /// Bytes of memory in use.
    pub(super) fn memory(&self) -> usize {
        let dictionary = self.dictionary.as_ref().map_or(0, Dictionary::memory);
        dictionary + 4 * self.places.capacity() + self.plain.capacity()
    }

    fn width(&self) -> u32 {
        runs::width(self.dictionary.as_ref().map_or(0, Dictionary::len).saturating_sub(1))
    }
}
