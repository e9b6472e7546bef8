//! The cursor of an incremental load: a window that is closed before its first row is read.
//!
//! - A `rowversion` is exact: every change of a row takes the next number of the database, and
//!   `min_active_rowversion()` is below all numbers that are not committed yet. It is read first,
//!   and the window ends below it.
//! - Times and numbers are not: a transaction that is still open may add a row below the greatest
//!   value that can be seen. So `overlap` says how far rows are read again, for a merge; and
//!   `overlap: 0` says that nothing is ever added there.

use std::time::Duration;

use super::options::CursorOptions;
use super::piece::clause;
use super::quote::{identifier, literal};
use super::reading::Column;
use super::relation::Relation;
use super::server_type::ServerType;
use super::session::{Session, cell};
use crate::config::Options;
use crate::error::{Error, Result};
use crate::source::Watermark;

/// A cursor column and the end of what its last load has read.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    column: &'a Column,
    above: Option<&'a Watermark>,
    overlap: Overlap,
    label: &'a str,
    from: &'a str,
}

/// How far below the last position rows are read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overlap {
    /// There is no need.
    Exact,
    /// Nothing is ever added there: the author says so.
    Nothing,
    /// So many seconds.
    Seconds(u64),
    /// So many numbers.
    Numbers(u64),
}

impl<'a> Cursor<'a> {
    /// The cursor of `relation`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Missing`] when there is no such column, and `Config` when nobody can
    /// know which of its values are still to come.
    pub(super) fn of(
        relation: &'a Relation,
        options: &CursorOptions,
        above: Option<&'a Watermark>,
    ) -> Result<Self> {
        let column = relation.column(&options.column).ok_or_else(|| {
            Error::missing(format!("the cursor `{}` is no column", options.column))
                .at("relation", &relation.label)
        })?;
        let overlap = overlap(column, options)?;
        let (label, from) = (relation.label.as_str(), relation.from.as_str());
        Ok(Cursor { column, above, overlap, label, from })
    }

    /// The conditions of the rows above the last position, up to `high`.
    pub(super) fn conditions(&self, high: Option<&Watermark>) -> Vec<String> {
        let name = identifier(&self.column.name);
        let (above, below) = match self.overlap {
            Overlap::Exact => (">=", "<"),
            _ => (">", "<="),
        };
        let low = self.above.map(|last| format!("{name} {above} {}", self.low(last)));
        let high = match high {
            Some(high) => format!("{name} {below} {}", self.value(high)),
            // There is nothing yet: the window is empty, and stays so while it is read.
            None => "1 = 0".to_owned(),
        };
        low.into_iter().chain([high]).collect()
    }

    /// The upper end; looked for before anything is read.
    ///
    /// # Errors
    /// [`crate::error::Kind::Conflict`] when the database has gone back behind the last position.
    pub(super) async fn horizon(&self, session: &mut Session) -> Result<Option<Watermark>> {
        let what = format!("could not find the end of `{}`", self.label);
        let sql = match self.overlap {
            Overlap::Exact => {
                "select convert(nvarchar(50), cast(min_active_rowversion() as varbinary(8)), 1)"
                    .to_owned()
            }
            _ => {
                let name = identifier(&self.column.name);
                let highest = self.column.kind.as_text(&format!("max({name})"));
                format!("select {highest} from {}{}", self.from, clause(&self.beyond()))
            }
        };
        let row = session.row(&what, &sql).await?;
        let found = cell::<&str>(&row, 0)?.map(|text| Watermark(text.to_owned()));
        match (self.overlap, self.above, found) {
            // Hexadecimal digits of one length are in the order of the numbers.
            (Overlap::Exact, Some(last), Some(found)) if found.0 < last.0 => {
                Err(self.gone_back(last, &found))
            }
            (_, Some(last), None) => Ok(Some(last.clone())),
            (.., found) => Ok(found),
        }
    }

    /// Rows above the last position, whose greatest value is the new one.
    fn beyond(&self) -> Vec<String> {
        let name = identifier(&self.column.name);
        self.above.iter().map(|last| format!("{name} > {}", self.value(last))).collect()
    }

    fn gone_back(&self, last: &Watermark, found: &Watermark) -> Error {
        let column = &self.column.name;
        let message = format!("the database has gone back behind the last position of `{column}`");
        Error::conflict(message)
            .at("last", last)
            .at("now", found)
            .hint("it was restored or is another one: read everything again with `--full-refresh`")
    }

    fn value(&self, position: &Watermark) -> String {
        self.column.kind.of_text(&literal(&position.0))
    }

    fn low(&self, last: &Watermark) -> String {
        let value = self.value(last);
        match self.overlap {
            Overlap::Exact | Overlap::Nothing => value,
            Overlap::Seconds(seconds) if self.column.kind.name == "date" => {
                format!("dateadd(day, -{}, {value})", seconds.div_ceil(86_400))
            }
            Overlap::Seconds(seconds) => format!("dateadd(second, -{seconds}, {value})"),
            Overlap::Numbers(numbers) => format!("{value} - {numbers}"),
        }
    }

    /// What a person should know.
    pub(super) fn notes(&self) -> Vec<String> {
        let column = &self.column.name;
        let how = match self.overlap {
            Overlap::Exact => format!(
                "`{column}` is exact: the window ends below the first change that is not committed"
            ),
            Overlap::Nothing => format!(
                "a row that is committed later with a lower `{column}` is never read: `overlap: 0` \
                 says that there is none"
            ),
            Overlap::Seconds(seconds) => format!(
                "rows up to {} below the last `{column}` are read again: merge them; one that is \
                 committed later than that is never read",
                shown(seconds)
            ),
            Overlap::Numbers(numbers) => format!(
                "rows up to {numbers} below the last `{column}` are read again: merge them; one \
                 that is committed later than that is never read"
            ),
        };
        vec![how, format!("rows that are deleted, or whose `{column}` is NULL, are not seen")]
    }
}

/// `10m` rather than `600s`.
fn shown(seconds: u64) -> String {
    match seconds % 60 {
        0 => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

fn overlap(column: &Column, options: &CursorOptions) -> Result<Overlap> {
    let ServerType { shown, .. } = &column.kind;
    let name = &column.name;
    match &options.overlap {
        None if column.kind.is_rowversion() => Ok(Overlap::Exact),
        Some(_) if column.kind.is_rowversion() => {
            Err(Error::config(format!("`{name}` needs no `overlap`: a rowversion is exact")))
        }
        _ if !column.kind.is_moment() && !column.kind.is_number() => {
            Err(Error::config(format!("`{name}` cannot be a cursor: it is {shown}"))
                .hint("name a rowversion, a column of times, or one of numbers"))
        }
        None => Err(Error::config(format!(
            "nobody can know which rows below the greatest `{name}` are still to come"
        ))
        .hint(
            "set `overlap: 10m` and merge, or `overlap: 0` where rows are never added late; a \
             rowversion column is exact",
        )),
        Some(overlap) if overlap.trim() == "0" => Ok(Overlap::Nothing),
        Some(overlap) if column.kind.is_number() => {
            overlap.trim().parse().map(Overlap::Numbers).map_err(|_| {
                Error::config(format!("`overlap` must be a number, as `{name}` is one"))
            })
        }
        Some(overlap) => duration(overlap).map(|time| match time.as_secs() {
            0 => Overlap::Nothing,
            seconds => Overlap::Seconds(seconds),
        }),
    }
}

fn duration(text: &str) -> Result<Duration> {
    let options = Options::of_arguments(&[("overlap", text)]);
    let reader = options.reader();
    let time = reader.duration("overlap", Duration::ZERO);
    match reader.finish().into_iter().next() {
        None => Ok(time),
        Some(problem) => Err(Error::config(problem.message)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::Schema;

    use super::*;

    fn relation(kind: &str) -> Relation {
        let kind = ServerType::parse(kind);
        let column = Column { name: "at".to_owned(), kind, nullable: false };
        Relation {
            label: "t".to_owned(),
            from: "[dbo].[t]".to_owned(),
            table: None,
            foreign: Vec::new(),
            columns: vec![column],
            readings: Vec::new(),
            schema: Arc::new(Schema::empty()),
        }
    }

    fn window(kind: &str, overlap: Option<&str>, above: &str, high: &str) -> Result<Vec<String>> {
        let options =
            CursorOptions { column: "at".to_owned(), overlap: overlap.map(str::to_owned) };
        let (above, high) = (Watermark(above.to_owned()), Watermark(high.to_owned()));
        Ok(Cursor::of(&relation(kind), &options, Some(&above))?.conditions(Some(&high)))
    }

    #[test]
    fn the_window_of_a_rowversion_is_half_open() {
        assert_eq!(
            window("timestamp", None, "0x0000000000000007", "0x0000000000000009").unwrap(),
            [
                "[at] >= convert(varbinary(8000), N'0x0000000000000007', 1)",
                "[at] < convert(varbinary(8000), N'0x0000000000000009', 1)"
            ]
        );
    }

    #[test]
    fn the_window_of_a_time_or_a_number_begins_below_the_last_position() {
        let at = "2026-01-02 03:04:05.1234567";
        assert_eq!(
            window("datetime2(7)", Some("10m"), at, at).unwrap(),
            [
                format!("[at] > dateadd(second, -600, convert(datetime2(7), N'{at}', 121))"),
                format!("[at] <= convert(datetime2(7), N'{at}', 121)")
            ]
        );
        assert_eq!(
            window("bigint", Some("100"), "7", "9").unwrap(),
            ["[at] > cast(N'7' as bigint) - 100", "[at] <= cast(N'9' as bigint)"]
        );
        assert_eq!(
            window("date", Some("1h"), "2026-01-02", "2026-01-02").unwrap()[0],
            "[at] > dateadd(day, -1, convert(date, N'2026-01-02', 121))"
        );
        assert_eq!(window("int", Some("0"), "7", "9").unwrap()[0], "[at] > cast(N'7' as int)");
    }

    #[test]
    fn what_nobody_can_know_is_refused() {
        for (kind, overlap, expected) in [
            (
                "datetime2(7)",
                None,
                "nobody can know which rows below the greatest `at` are still to come",
            ),
            ("nvarchar(9)", Some("0"), "`at` cannot be a cursor: it is nvarchar(9)"),
            ("timestamp", Some("1m"), "`at` needs no `overlap`: a rowversion is exact"),
            ("int", Some("1m"), "`overlap` must be a number, as `at` is one"),
        ] {
            let error = window(kind, overlap, "", "").unwrap_err();
            assert_eq!(error.message(), expected);
        }
    }
}
