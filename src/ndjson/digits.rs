//! Digits of whole numbers, eight at a time.

/// The first number with more than sixteen digits.
pub(super) const SIXTEEN: u64 = 10_000_000_000_000_000;

/// The first number with more than eight digits.
pub(super) const EIGHT: u64 = 100_000_000;

/// The eight digits of a number below 10^8, the first of them in the lowest byte. Halves of the
/// number are halved again, all in one word: a division for each step instead of one for each digit.
#[inline(always)]
pub(super) fn eight(number: u64) -> u64 {
    let fours = number / 10_000 + ((number % 10_000) << 32);
    // Times 10486 / 2^20 is a division by 100 for all numbers below 10^4.
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds + ((fours - 100 * hundreds) << 16);
    // Times 103 / 2^10 is a division by 10 for all numbers below 100.
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    (tens + ((twos - 10 * tens) << 8)) + 0x3030_3030_3030_3030
}

/// The sixteen digits of a number below [`SIXTEEN`], the first of them in the lowest byte.
#[inline(always)]
pub(super) fn sixteen(number: u64) -> u128 {
    u128::from(eight(number / EIGHT)) | (u128::from(eight(number % EIGHT)) << 64)
}

/// How many of eight digits are zeros at the front.
#[inline(always)]
pub(super) fn zeros(digits: u64) -> u32 {
    (digits & 0x0f0f_0f0f_0f0f_0f0f).trailing_zeros() / 8
}

/// Writes `number` at `at`, where sixteen bytes have room behind the digits; gives the end.
#[inline(always)]
pub(super) fn write(number: u64, out: &mut [u8], at: usize) -> usize {
    if number < EIGHT {
        front(number, out, at)
    } else if number < SIXTEEN {
        let at = front(number / EIGHT, out, at);
        back(number % EIGHT, out, at)
    } else {
        let at = front(number / SIXTEEN, out, at);
        let at = back(number / EIGHT % EIGHT, out, at);
        back(number % EIGHT, out, at)
    }
}

/// Writes a number below 10^8 without zeros at its front, but at least one digit.
#[inline(always)]
fn front(number: u64, out: &mut [u8], at: usize) -> usize {
    let digits = eight(number);
    let skipped = zeros(digits).min(7);
    put(digits >> (8 * skipped), out, at);
    at + 8 - skipped as usize
}

/// Writes a number below 10^8 with all of its eight digits.
#[inline(always)]
fn back(number: u64, out: &mut [u8], at: usize) -> usize {
    put(eight(number), out, at);
    at + 8
}

/// Writes eight digits.
#[inline(always)]
pub(super) fn put(digits: u64, out: &mut [u8], at: usize) {
    out[at..at + 8].copy_from_slice(&digits.to_le_bytes());
}

/// Writes `number` at `at`, where sixteen bytes have room behind the digits; gives the end.
pub(super) fn write_long(number: u128, out: &mut [u8], at: usize) -> usize {
    match u64::try_from(number) {
        Ok(short) => write(short, out, at),
        Err(_) => {
            let at = write_long(number / u128::from(SIXTEEN), out, at);
            // A remainder is below the divisor, which is a `u64`.
            let rest = u64::try_from(number % u128::from(SIXTEEN)).unwrap_or(0);
            let at = back(rest / EIGHT, out, at);
            back(rest % EIGHT, out, at)
        }
    }
}
