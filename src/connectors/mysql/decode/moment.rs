//! Days and times: their parts as they are sent, and their numbers in Arrow.

use super::misfit::{Misfit, Trouble};
use crate::connectors::mysql::wire::Cursor;

/// The microseconds of a day.
const DAY_MICROS: i64 = 86_400_000_000;

/// A day and a time as they were sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moment {
    pub year: u16,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub micros: u32,
}

/// Hours and what follows, as they were sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Time {
    pub negative: bool,
    pub days: u32,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub micros: u32,
}

impl Moment {
    /// Reads a value; what is left out at its end is zero.
    #[inline]
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Trouble> {
        parse_moment(cursor).ok_or(Trouble::Malformed("a date"))
    }

    /// Days since 1970-01-01.
    #[inline]
    pub(super) fn days(self) -> Result<i32, Trouble> {
        if self.month == 0 || self.day == 0 {
            return Err(Misfit::ZeroDate.into());
        }
        let (year, month) = (i32::from(self.year), i32::from(self.month));
        if month > 12 || self.day > last_day(self.year, self.month) {
            return Err(Misfit::NoSuchDay.into());
        }
        // Eras of 400 years, years that begin in March so that the day that may be missing is last.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
        let day = (153 * month + 2) / 5 + i32::from(self.day) - 1;
        Ok(era * 146_097 + year * 365 + year / 4 - year / 100 + day - 719_468)
    }

    /// Microseconds since 1970-01-01 00:00.
    #[inline]
    pub(super) fn micros(self) -> Result<i64, Trouble> {
        if self.hour > 23 || self.minute > 59 || self.second > 59 || self.micros > 999_999 {
            return Err(Trouble::Malformed("a time of day"));
        }
        let time = of_time(i64::from(self.hour), self.minute, self.second, self.micros);
        Ok(i64::from(self.days()?) * DAY_MICROS + time)
    }
}

impl Time {
    /// Reads a value; what is left out at its end is zero.
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Trouble> {
        parse_time(cursor).ok_or(Trouble::Malformed("a time"))
    }

    /// Its hours, without the sign.
    pub(super) fn hours(self) -> i64 {
        i64::from(self.days) * 24 + i64::from(self.hour)
    }

    /// Microseconds since midnight.
    pub(super) fn of_day(self) -> Result<i64, Trouble> {
        let micros = of_time(self.hours(), self.minute, self.second, self.micros);
        match micros {
            0 => Ok(0),
            1..DAY_MICROS if !self.negative => Ok(micros),
            _ => Err(Misfit::NotTimeOfDay.into()),
        }
    }
}

fn of_time(hours: i64, minute: u8, second: u8, micros: u32) -> i64 {
    ((hours * 60 + i64::from(minute)) * 60 + i64::from(second)) * 1_000_000 + i64::from(micros)
}

#[inline]
fn parse_moment(cursor: &mut Cursor<'_>) -> Option<Moment> {
    let length = cursor.u8()?;
    let mut moment = Moment::default();
    if !matches!(length, 0 | 4 | 7 | 11) {
        return None;
    }
    if length >= 4 {
        let [low, high, month, day] = cursor.array()?;
        moment = Moment { year: u16::from_le_bytes([low, high]), month, day, ..moment };
    }
    if length >= 7 {
        [moment.hour, moment.minute, moment.second] = cursor.array()?;
    }
    if length == 11 {
        moment.micros = u32::from_le_bytes(cursor.array()?);
    }
    Some(moment)
}

fn parse_time(cursor: &mut Cursor<'_>) -> Option<Time> {
    let length = cursor.u8()?;
    let mut time = Time::default();
    if !matches!(length, 0 | 8 | 12) {
        return None;
    }
    if length >= 8 {
        time.negative = cursor.u8()? != 0;
        time.days = u32::from_le_bytes(cursor.array()?);
        [time.hour, time.minute, time.second] = cursor.array()?;
    }
    if length == 12 {
        time.micros = u32::from_le_bytes(cursor.array()?);
    }
    let is_time = time.minute < 60 && time.second < 60 && time.micros < 1_000_000;
    is_time.then_some(time)
}

/// The last day of a month.
#[inline]
fn last_day(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil;

    use super::*;

    fn moment(year: u16, month: u8, day: u8) -> Moment {
        Moment { year, month, day, ..Moment::default() }
    }

    #[test]
    fn the_days_of_ten_thousand_years_are_those_of_another_calendar() {
        let epoch = civil::date(1970, 1, 1);
        let mut day = civil::date(0, 1, 1);
        loop {
            let [month, of_month] = [day.month(), day.day()].map(|n| u8::try_from(n).unwrap());
            let days = moment(u16::try_from(day.year()).unwrap(), month, of_month).days();
            assert_eq!(days, Ok((day - epoch).get_days()), "{day}");
            match day.tomorrow() {
                Ok(next) => day = next,
                Err(_) => break,
            }
        }
    }

    #[test]
    fn days_that_are_not_are_told_from_zero_dates() {
        let misfit = |year, month, day| moment(year, month, day).days().unwrap_err();
        for (year, month, day) in [(0, 0, 0), (2020, 0, 15), (2020, 2, 0), (2026, 0, 0)] {
            assert_eq!(misfit(year, month, day), Misfit::ZeroDate.into());
        }
        for (year, month, day) in [(2020, 2, 30), (2021, 2, 29), (1900, 2, 29), (2020, 13, 1)] {
            assert_eq!(misfit(year, month, day), Misfit::NoSuchDay.into());
        }
    }

    #[test]
    fn a_time_beyond_a_day_is_no_time_of_day() {
        let time = |negative, days, hour| Time { negative, days, hour, ..Time::default() };
        assert_eq!(time(false, 0, 23).of_day(), Ok(82_800_000_000));
        assert_eq!(time(true, 0, 0).of_day(), Ok(0));
        for (negative, days, hour) in [(false, 1, 0), (true, 0, 1), (false, 34, 22)] {
            assert_eq!(time(negative, days, hour).of_day(), Err(Misfit::NotTimeOfDay.into()));
        }
    }
}
