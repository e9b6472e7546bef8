//! Floating point in memory: every value is told from every other one by its bits.

use std::borrow::Cow;
use std::cmp::Ordering;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use parquet::data_type::{DoubleType, FloatType};
use parquet::errors::Result;
use parquet::file::statistics::Statistics;

use super::native::{Native, signed};
use super::unexpected;

/// A number in the order of IEEE 754, in which -0 is less than 0 and each NaN equals itself alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Real<F>(F);

macro_rules! real {
    ($float:ty, $array:ty, $kind:pat, $stored:ty, $statistics:path) => {
        impl Ord for Real<$float> {
            fn cmp(&self, other: &Self) -> Ordering {
                self.0.total_cmp(&other.0)
            }
        }

        impl PartialOrd for Real<$float> {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl PartialEq for Real<$float> {
            fn eq(&self, other: &Self) -> bool {
                self.0.to_bits() == other.0.to_bits()
            }
        }

        impl Eq for Real<$float> {}

        impl Native for Real<$float> {
            fn bits(self) -> u64 {
                self.0.to_bits().into()
            }

            fn put(self, _: usize, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0.to_le_bytes());
            }

            /// Readers need not tell zeros apart, so a bound holds for both of them (parquet-format,
            /// `ColumnOrder`). NaN, which is at one end if there is any, may be in no bound; but
            /// readers for whom it is a large number skip it by bounds that leave it out (DuckDB's
            /// issue 25521, ClickHouse's 118110), so there are none.
            fn bounds(least: Self, most: Self) -> Option<(Self, Self)> {
                let zero = |value: Self, zero| if value.0 == 0.0 { Real(zero) } else { value };
                let is_nan = least.0.is_nan() || most.0.is_nan();
                (!is_nan).then(|| (zero(least, -0.0), zero(most, 0.0)))
            }

            fn all(array: &dyn Array) -> Result<Cow<'_, [Self]>> {
                match array.data_type() {
                    $kind => {
                        let values = array.as_primitive::<$array>().values().iter();
                        Ok(values.map(|value| Real(*value)).collect())
                    }
                    other => Err(unexpected(other)),
                }
            }

            fn statistics(range: Option<(Self, Self)>, _: usize, nulls: u64) -> Statistics {
                let range = range.map(|(least, most)| (least.0, most.0));
                $statistics(signed::<$stored>(range, nulls))
            }
        }
    };
}

real!(f32, Float32Type, DataType::Float32, FloatType, Statistics::Float);
real!(f64, Float64Type, DataType::Float64, DoubleType, Statistics::Double);
