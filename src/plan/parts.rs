//! How the splits of a source are put together into the parts of a load.

use crate::source::Split;

/// A part of a load: neighbouring splits of one shard, which are read one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartStep {
    /// The id of its only split, or of its first one and how many follow: `eu/000017+3`.
    pub id: String,
    /// Its splits, in the order of the source; never empty.
    pub splits: Vec<Split>,
}

impl PartStep {
    /// The shard that it is of; `None` for a source that is not sharded.
    pub fn shard(&self) -> Option<&str> {
        self.splits.first().and_then(Split::shard)
    }

    fn new(splits: Vec<Split>) -> Self {
        let first = splits.first().map_or("", |split| split.id.as_str());
        let id = match splits.len() {
            1 => first.to_owned(),
            several => format!("{first}+{}", several - 1),
        };
        PartStep { id, splits }
    }
}

/// However small a table is, it is cut into about as many parts, which are staged side by side.
const PARTS_AT_LEAST: u64 = 8;

/// The parts of a load that reads `splits`, each of up to `bytes` where the sink asks for that. A
/// split of unknown size is a part of its own.
pub fn parts(splits: &[Split], bytes: Option<u64>) -> Vec<PartStep> {
    let all: u64 = splits.iter().filter_map(|split| split.bytes).sum();
    let bytes = bytes.map_or(0, |bytes| bytes.min(all.div_ceil(PARTS_AT_LEAST)));
    let mut parts = Vec::new();
    let mut open: Vec<Split> = Vec::new();
    let mut room = 0_u64;
    for split in splits {
        let size = split.bytes.unwrap_or(u64::MAX);
        let is_neighbour = open.last().is_some_and(|last| last.shard() == split.shard());
        if !(is_neighbour && size <= room) {
            parts.extend((!open.is_empty()).then(|| PartStep::new(std::mem::take(&mut open))));
            room = bytes;
        }
        room = room.saturating_sub(size);
        open.push(split.clone());
    }
    parts.extend((!open.is_empty()).then(|| PartStep::new(open)));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(id: &str, bytes: u64) -> Split {
        Split { id: id.to_owned(), rows: None, bytes: (bytes > 0).then_some(bytes) }
    }

    fn ids(splits: &[Split], bytes: Option<u64>) -> Vec<String> {
        let parts = parts(splits, bytes);
        let again: Vec<&Split> = parts.iter().flat_map(|part| &part.splits).collect();
        assert_eq!(again, splits.iter().collect::<Vec<_>>(), "each split is in one part, in order");
        parts.into_iter().map(|part| part.id).collect()
    }

    #[test]
    fn each_split_is_a_part_where_the_sink_asks_for_nothing() {
        assert_eq!(ids(&[split("0", 1), split("1", 1)], None), ["0", "1"]);
        assert_eq!(ids(&[], Some(1)), [""; 0]);
    }

    #[test]
    fn neighbours_go_together_until_the_part_is_as_large_as_it_may_be() {
        let splits: Vec<Split> = (0..40).map(|at| split(&format!("{at:02}"), 10)).collect();
        let parts = ids(&splits, Some(35));
        assert_eq!((parts.len(), &parts[..2]), (14, &["00+2".to_owned(), "03+2".to_owned()][..]));
        assert_eq!(parts.last().unwrap(), "39");
    }

    #[test]
    fn a_small_table_still_has_parts_to_stage_side_by_side() {
        let splits: Vec<Split> = (0..16).map(|at| split(&format!("{at:02}"), 10)).collect();
        assert_eq!(ids(&splits, Some(1_000_000)).len(), 8);
    }

    #[test]
    fn shards_are_not_mixed_and_a_split_of_unknown_size_stands_alone() {
        let splits = [
            split("eu/0", 1),
            split("us/0", 1),
            split("us/1", 0),
            split("us/2", 1),
            split("us/3", 90),
        ];
        assert_eq!(ids(&splits, Some(50)), ["eu/0", "us/0", "us/1", "us/2", "us/3"]);
    }
}
