//! The cursor of an incremental load: a window that is closed before its first row is read.
//!
//! The upper end should be a *safe horizon*, below which nothing can appear any more. This server
//! knows none that is exact, so that what is done here is called what it is: best effort.
//!
//! - With `overlap`, the upper end is the greatest value of the snapshot, and the next load reads so
//!   far below it again; a merge makes the rows single.
//! - Without it, a column of times is taken to hold the time at which its statement began. Rows that
//!   cannot be seen yet belong to transactions and statements that are at work now, or begin later:
//!   so the horizon is the earliest beginning of those, less five seconds ([`super::horizon`]).
//! - A column of numbers is taken to be given out in order. The greatest number that can be seen is
//!   safe once everybody who was at work when it was seen has ended.

use mysql_common::constants::ColumnType;

use super::horizon;
use super::relation::Relation;
use crate::connectors::mysql::error;
use crate::connectors::mysql::options::{CursorOptions, Overlap};
use crate::connectors::mysql::quote::{identifier, literal};
use crate::connectors::mysql::wire::{Column, Connection};
use crate::error::{Error, Result};
use crate::source::Watermark;

/// A cursor column and the end of what its last load has read.
#[derive(Debug)]
pub(in crate::connectors::mysql) struct Cursor<'a> {
    options: &'a CursorOptions,
    above: Option<&'a Watermark>,
    /// The column, quoted.
    name: String,
    class: Class,
    label: &'a str,
    from: &'a str,
}

/// What a position is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// `timestamp`.
    Moment,
    /// `datetime`, in a zone that somebody has to name.
    LocalTime,
    /// `date`, likewise.
    Date,
    /// Whole numbers, and `decimal`.
    Number,
}

impl<'a> Cursor<'a> {
    /// The cursor of `relation`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Missing`] when there is no such column, and `Config` when its type
    /// has no order in which rows appear, or `overlap` is none of it.
    pub(in crate::connectors::mysql) fn of(
        relation: &'a Relation,
        options: &'a CursorOptions,
        above: Option<&'a Watermark>,
    ) -> Result<Self> {
        let column = relation.columns.iter().find(|column| column.name == options.column);
        let column = column.ok_or_else(|| {
            Error::missing(format!("the cursor `{}` is no column", options.column))
                .at("relation", &relation.label)
        })?;
        let class = Class::of(column).ok_or_else(|| {
            let shown = column.declared.clone().unwrap_or_else(|| format!("{:?}", column.kind));
            Error::config(format!("`{}` cannot be a cursor: it is {shown}", options.column))
                .hint("name a column of times, or of numbers that grow")
        })?;
        let wrong = match (class, &options.overlap) {
            (Class::Number, Some(Overlap::Time(_))) => Some("a number, as the cursor is"),
            (Class::Number, _) | (_, None | Some(Overlap::Time(_))) => None,
            (_, Some(Overlap::Number(_))) => {
                Some("a duration such as 10m, as the cursor is a time")
            }
        };
        if let Some(wanted) = wrong {
            return Err(
                Error::config(format!("`overlap` must be {wanted}")).at("cursor", &options.column)
            );
        }
        Ok(Cursor {
            options,
            above,
            name: identifier(&column.name),
            class,
            label: &relation.label,
            from: &relation.from,
        })
    }

    /// The conditions of the rows above the last position.
    pub(in crate::connectors::mysql) fn beginning(&self) -> Vec<String> {
        let Some(above) = self.above else { return Vec::new() };
        let above = self.value(above);
        let low = match &self.options.overlap {
            Some(Overlap::Time(time)) => format!("{above} - interval {} second", time.as_secs()),
            Some(Overlap::Number(number)) => format!("{above} - {number}"),
            None => above,
        };
        vec![format!("{} > {low}", self.name)]
    }

    /// The conditions of the rows above the last position, up to `high`.
    pub(in crate::connectors::mysql) fn conditions(&self, high: Option<&Watermark>) -> Vec<String> {
        let high = match high {
            Some(high) => format!("{} <= {}", self.name, self.value(high)),
            // There is nothing yet: the window is empty, and stays so while it is read.
            None => "false".to_owned(),
        };
        self.beginning().into_iter().chain([high]).collect()
    }

    /// The upper end, as far as it is looked for before the snapshot is taken; looked for behind it,
    /// it would promise rows that the snapshot does not see.
    ///
    /// # Errors
    /// When the server does not tell who is at work.
    pub(in crate::connectors::mysql) async fn horizon(
        &self,
        connection: &mut Connection,
    ) -> Result<Option<Watermark>> {
        if self.options.overlap.is_some() {
            return Ok(None);
        }
        horizon::refuse_unknown(connection, &self.options.column).await?;
        if self.class == Class::Number {
            let high = self.greatest(connection).await?;
            horizon::wait_for_others(connection, self.label, &self.options.column).await?;
            return Ok(high);
        }
        let micros = horizon::earliest(connection).await?.saturating_sub(1);
        let high = self.written(micros)?;
        self.not_below_the_last(connection, &literal(&high)).await
    }

    /// The upper end when rows are read again: the greatest value that the snapshot sees.
    ///
    /// # Errors
    /// When the server cannot look for it.
    pub(in crate::connectors::mysql) async fn of_snapshot(
        &self,
        connection: &mut Connection,
    ) -> Result<Option<Watermark>> {
        match self.options.overlap {
            Some(_) => self.greatest(connection).await,
            None => Ok(None),
        }
    }

    /// A position as SQL.
    fn value(&self, position: &Watermark) -> String {
        let text = literal(&position.0);
        match self.class {
            Class::Moment | Class::LocalTime => format!("cast({text} as datetime(6))"),
            Class::Date => format!("cast({text} as date)"),
            Class::Number => format!("cast({text} as decimal(65, 10))"),
        }
    }

    /// A moment, in microseconds since 1970, as the column writes it.
    fn written(&self, micros: i64) -> Result<String> {
        let zone = match self.class {
            Class::Moment | Class::Number => "UTC",
            Class::LocalTime | Class::Date => self.options.zone.as_str(),
        };
        let moment = jiff::Timestamp::from_microsecond(micros)
            .and_then(|moment| moment.in_tz(zone))
            .map_err(|error| {
                Error::config(format!("the time in `{zone}` is not known")).at("reason", error)
            })?;
        // Of the day that is not over, rows may still appear.
        let moment = match self.class {
            Class::Date => moment.yesterday().map_err(|error| {
                Error::data("the clock of the server is far off").at("reason", error)
            })?,
            _ => moment,
        };
        let form = if self.class == Class::Date { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M:%S%.6f" };
        Ok(moment.strftime(form).to_string())
    }

    /// The greatest value that can be seen.
    async fn greatest(&self, connection: &mut Connection) -> Result<Option<Watermark>> {
        let highest = format!("(select max({}) from {})", self.name, self.from);
        self.not_below_the_last(connection, &highest).await
    }

    async fn not_below_the_last(
        &self,
        connection: &mut Connection,
        value: &str,
    ) -> Result<Option<Watermark>> {
        let kind = match self.class {
            Class::Moment | Class::LocalTime => "datetime(6)",
            Class::Date => "date",
            Class::Number => "decimal(65, 10)",
        };
        let value = format!("cast({value} as {kind})");
        let last = self.above.map_or(value.clone(), |above| self.value(above));
        // Without a row there is no greatest value, and then the last position stays.
        let sql = format!(
            "select cast(greatest(coalesce({value}, {last}), coalesce({last}, {value})) as char)"
        );
        let rows = connection.query(&sql).await;
        let rows =
            rows.map_err(|e| error::of(&format!("could not find the end of `{}`", self.label), e))?;
        let found = rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten();
        Ok(found.map(|text| Watermark(self.plain(text))))
    }

    /// A number without the zeros behind its point, which the comparison has added.
    fn plain(&self, text: String) -> String {
        match (self.class, text.contains('.')) {
            (Class::Number, true) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            _ => text,
        }
    }

    /// What a person should know.
    pub(in crate::connectors::mysql) fn notes(&self) -> Vec<String> {
        let column = &self.options.column;
        let how = match (&self.options.overlap, self.class) {
            (Some(overlap), _) => format!(
                "best effort: rows up to {} below the last `{column}` are read again, which a merge \
                 makes single; what appears later than that is not seen",
                overlap.shown()
            ),
            (None, Class::Number) => format!(
                "best effort: numbers in `{column}` must be given out in order, in the statement \
                 that inserts; `overlap` and a merge take less on trust"
            ),
            (None, _) => format!(
                "best effort: `{column}` must be the time at which its statement began, by the \
                 clock of this server; `overlap: 10m` and a merge take less on trust"
            ),
        };
        vec![how, format!("rows that are deleted, or whose `{column}` is NULL, are not seen")]
    }
}

impl Overlap {
    fn shown(&self) -> String {
        match self {
            Overlap::Time(time) => format!("{time:?}"),
            Overlap::Number(number) => number.to_string(),
        }
    }
}

impl Class {
    fn of(column: &Column) -> Option<Self> {
        use ColumnType as T;
        match column.kind {
            T::MYSQL_TYPE_TIMESTAMP => Some(Class::Moment),
            T::MYSQL_TYPE_DATETIME => Some(Class::LocalTime),
            T::MYSQL_TYPE_DATE => Some(Class::Date),
            T::MYSQL_TYPE_TINY
            | T::MYSQL_TYPE_SHORT
            | T::MYSQL_TYPE_INT24
            | T::MYSQL_TYPE_LONG
            | T::MYSQL_TYPE_LONGLONG => Some(Class::Number),
            T::MYSQL_TYPE_NEWDECIMAL if column.decimals <= 10 => Some(Class::Number),
            _ => None,
        }
    }
}
