//! Leaves out row groups that cannot hold a wanted row.
//!
//! Statistics are believed only where every writer agrees on what they mean: never of floats (NaN
//! is in no bound, yet compares), never in the old fields whose order is unknown, never when the
//! smallest is above the greatest. Bounds may be cut short, so they bound and are never taken for
//! values. When in doubt, a row group is read.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Datum, StringViewArray, UInt64Array};
use arrow::compute::kernels::cmp;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::basic::{ColumnOrder, Type};

use super::footer::{Column, Part};
use crate::source::{Comparison, Op};

/// Those of `groups` that may hold a row that passes all `filters`.
pub(super) fn groups_wanted(part: &Part, groups: &[usize], filters: &[Comparison]) -> Vec<usize> {
    let wanted = |group: &usize| filters.iter().all(|filter| may_pass(part, *group, filter));
    groups.iter().copied().filter(wanted).collect()
}

/// Whether a row of `group` may pass `filter`.
fn may_pass(part: &Part, group: usize, filter: &Comparison) -> bool {
    let known = match part.columns.get(filter.column) {
        Some(Column::Stored(root)) => stored(part, group, *root),
        Some(Column::Key(value)) => Some(Known::of_key(value.as_deref())),
        None => None,
    };
    known.is_none_or(|known| known.may_pass(filter).unwrap_or(true))
}

/// What is known of a column in a row group.
struct Known {
    /// One value that none is below, and one that none is above.
    bounds: Option<(ArrayRef, ArrayRef)>,
    /// How many values are NULL.
    nulls: Option<u64>,
    rows: u64,
}

impl Known {
    fn of_key(value: Option<&str>) -> Self {
        let bound: ArrayRef = Arc::new(StringViewArray::from_iter([value]));
        let bounds = value.map(|_| (Arc::clone(&bound), bound));
        Known { bounds, nulls: Some(u64::from(value.is_none())), rows: 1 }
    }

    /// `None` when it cannot be told.
    fn may_pass(&self, filter: &Comparison) -> Option<bool> {
        match filter.op {
            Op::IsNull => return self.nulls.map(|nulls| nulls > 0),
            Op::IsNotNull => return self.nulls.map(|nulls| nulls < self.rows),
            _ if self.nulls == Some(self.rows) => return Some(false),
            _ => {}
        }
        let (low, high) = self.bounds.as_ref()?;
        let (value, _) = filter.value.get();
        if value.len() != 1 || value.is_null(0) || value.data_type() != low.data_type() {
            return None;
        }
        let holds = |compare: Compare, bound: &ArrayRef| {
            let answer = compare(bound, &filter.value).ok()?;
            answer.is_valid(0).then(|| answer.value(0))
        };
        match filter.op {
            Op::Eq => Some(holds(cmp::lt_eq, low)? && holds(cmp::gt_eq, high)?),
            Op::Lt => holds(cmp::lt, low),
            Op::LtEq => holds(cmp::lt_eq, low),
            Op::Gt => holds(cmp::gt, high),
            Op::GtEq => holds(cmp::gt_eq, high),
            Op::NotEq | Op::IsNull | Op::IsNotNull => None,
        }
    }
}

type Compare = fn(&dyn Datum, &dyn Datum) -> Result<arrow::array::BooleanArray, ArrowError>;

/// What the statistics of a stored column say, as far as they can be believed.
fn stored(part: &Part, group: usize, root: usize) -> Option<Known> {
    let schema = part.footer.schema();
    let parquet = part.footer.parquet_schema();
    let name = schema.field(root).name();
    let converter = StatisticsConverter::try_new(name, schema, parquet).ok()?;
    let converter = converter.with_missing_null_counts_as_zero(false);
    let leaf = converter.parquet_column_index()?;
    let row_group = part.footer.metadata().row_groups().get(group)?;
    let nulls: UInt64Array = converter.row_group_null_counts([row_group]).ok()?;
    let nulls = nulls.is_valid(0).then(|| nulls.value(0));
    let rows = u64::try_from(row_group.num_rows()).ok()?;
    let bounds = || {
        let low = converter.row_group_mins([row_group]).ok()?;
        let high = converter.row_group_maxes([row_group]).ok()?;
        let in_order = cmp::lt_eq(&low, &high).ok()?;
        (in_order.is_valid(0) && in_order.value(0)).then_some((low, high))
    };
    let believed = believable(part, row_group.column(leaf), leaf, schema.field(root).data_type());
    Some(Known { bounds: if believed { bounds() } else { None }, nulls, rows })
}

/// Whether all writers agree on how the bounds of this column are ordered.
fn believable(
    part: &Part,
    chunk: &parquet::file::metadata::ColumnChunkMetaData,
    leaf: usize,
    data_type: &DataType,
) -> bool {
    let signed = matches!(chunk.column_type(), Type::INT32 | Type::INT64)
        && !data_type.is_unsigned_integer();
    let order = part.footer.metadata().file_metadata().column_order(leaf);
    let defined = matches!(order, ColumnOrder::TYPE_DEFINED_ORDER(_));
    let old = chunk.statistics().is_none_or(|s| s.is_min_max_deprecated());
    let whole = !data_type.is_floating() && chunk.column_type() != Type::INT96;
    whole && (signed || (defined && !old))
}
