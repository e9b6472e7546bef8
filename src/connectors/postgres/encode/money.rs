//! Amounts of `money`: whole numbers of the smallest unit, of which the server's `lc_monetary` says how
//! many make one.

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type};

use super::bad::Bad;
use super::cells::{Body, Cells};
use super::fit;
use crate::error::{Error, Result};

/// The digits after the point that `money` has where `lc_monetary` is `C`.
pub(super) const PLAIN_DIGITS: u32 = 2;

const NO_PLACE: &str = "the amount has no place in `money` as the server's lc_monetary has it";
const NUMERIC: &str = "give the column the type numeric, or cast the amount in the model";

/// Whether `kind` has amounts: decimals of up to 38 digits, and whole numbers.
pub(super) fn fits(kind: &DataType) -> bool {
    !matches!(kind, DataType::Decimal256(..)) && fit::decimal(kind).is_some()
}

/// The amounts of `array` in units of which 10 to the power of `digits` make one.
pub(super) fn encode(array: &ArrayRef, digits: Option<i8>, bad: &mut Bad) -> Result<Option<Cells>> {
    let Some((_, scale)) = fit::decimal(array.data_type()) else { return Ok(None) };
    let digits = digits.ok_or_else(|| Error::bug("nobody asked for the digits of money"))?;
    let wide = DataType::Decimal128(38, i8::try_from(scale).unwrap_or(i8::MAX));
    let array = cast(array, &wide)
        .map_err(|e| Error::bug("an amount could not be made wide").at("arrow", e))?;
    let up = i32::from(digits) - scale;
    let values = array.as_primitive::<Decimal128Type>().values().iter().enumerate();
    let units = values.map(|(row, value)| {
        let units = moved(*value, up).and_then(|units| i64::try_from(units).ok());
        if units.is_none() && array.is_valid(row) {
            bad.cell(&array, row, NO_PLACE, Some(NUMERIC));
        }
        units.unwrap_or(0)
    });
    let units = units.collect::<Int64Array>();
    Ok(Some(Cells::new(Body::Eight(units.values().clone()), array.nulls())))
}

/// `value` times 10 to the power of `up`, if that is a whole number.
fn moved(value: i128, up: i32) -> Option<i128> {
    let factor = 10_i128.checked_pow(up.unsigned_abs());
    match factor {
        Some(factor) if up >= 0 => value.checked_mul(factor),
        Some(factor) => (value % factor == 0).then(|| value / factor),
        None => (value == 0).then_some(0),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Decimal128Array, UInt64Array};

    use super::*;

    fn units(array: ArrayRef, digits: i8) -> (Vec<i64>, usize) {
        let mut bad = Bad::default();
        let cells = encode(&array, Some(digits), &mut bad).unwrap().unwrap();
        let Body::Eight(units) = cells.body else { panic!("amounts have eight bytes") };
        (units.to_vec(), bad.into_misfits("a").len())
    }

    #[test]
    fn amounts_are_exact_in_the_digits_of_any_locale_or_found() {
        let cents = |values: Vec<Option<i128>>| {
            Arc::new(Decimal128Array::from(values).with_precision_and_scale(38, 2).unwrap())
        };
        let array = || cents(vec![Some(-100), Some(12_300), None]);
        assert_eq!(units(array(), 0), (vec![-1, 123, 0], 0));
        assert_eq!(units(array(), 2), (vec![-100, 12_300, 0], 0));
        assert_eq!(units(array(), 3), (vec![-1_000, 123_000, 0], 0));
        assert_eq!(units(cents(vec![Some(150), Some(100)]), 0), (vec![0, 1], 1));
        assert_eq!(units(cents(vec![Some(i64::MIN.into())]), 2), (vec![i64::MIN], 0));
        assert_eq!(units(cents(vec![Some(i64::MIN.into()), Some(i128::MAX)]), 3), (vec![0, 0], 2));
        assert_eq!(units(Arc::new(UInt64Array::from(vec![7, u64::MAX])), 2), (vec![700, 0], 1));
    }
}
