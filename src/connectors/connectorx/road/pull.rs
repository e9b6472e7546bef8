//! Pulls rows through connectorx, one batch at a time.
//!
//! connectorx's own iterator fills a channel without an end from a thread that panics. Here its
//! parser is asked for one row after another, and the batch is taken as soon as it is full: one
//! batch is held, and what the parser itself holds (`lanes`).

use ::connectorx::prelude::{
    ArrowStreamDestination, ArrowStreamTypeSystem, CXQuery, ConnectorXError, DestinationPartition,
    Dispatcher, PartitionParser, Source, SourcePartition, Transport,
};
use arrow::array::ArrayRef;

use super::bridge;
use super::lanes::Statement;
use crate::error::{Error, Result};

/// The columns of a batch and its rows, in connectorx's types; tells whether more is wanted.
pub(super) type Give<'a> = dyn FnMut(Vec<ArrayRef>, usize) -> Result<bool> + 'a;

/// Why a pull broke off.
pub(super) enum Trouble<E> {
    /// connectorx says so.
    Theirs(E),
    /// We do.
    Ours(Error),
}

impl<E> From<E> for Trouble<E> {
    fn from(error: E) -> Self {
        Trouble::Theirs(error)
    }
}

/// How a pull ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// After the last row.
    AtTheEnd,
    /// Nobody wanted more.
    Early,
}

/// Gives away the rows of `read`.
pub(super) fn pull<S, TP>(
    source: S,
    read: Statement<'_>,
    give: &mut Give<'_>,
) -> Result<Ended, Trouble<TP::Error>>
where
    S: Source,
    TP: Transport<
            TSS = S::TypeSystem,
            TSD = ArrowStreamTypeSystem,
            S = S,
            D = ArrowStreamDestination,
        >,
{
    let mut full = ArrowStreamDestination::new_with_batch_size(read.batch_rows);
    let queries = [CXQuery::Naked(read.sql.to_owned())];
    let dispatcher = Dispatcher::<_, _, TP>::new(source, &mut full, &queries, None);
    let (_, mut from, mut to, theirs, ours) = dispatcher.prepare()?;
    let (Some(from), Some(to)) = (from.first_mut(), to.first_mut()) else {
        return Err(Trouble::Ours(Error::bug("connectorx made no partition of one query")));
    };
    let kinds = theirs.iter().copied().zip(ours.iter().copied());
    let cells = kinds.map(|(theirs, ours)| TP::processor(theirs, ours));
    let cells = cells.collect::<Result<Vec<_>, ConnectorXError>>().map_err(TP::Error::from)?;
    let mut parser = from.parser().map_err(TP::Error::from)?;
    let mut held = 0;
    loop {
        let (rows, is_last) = parser.fetch_next().map_err(TP::Error::from)?;
        to.aquire_row(rows).map_err(TP::Error::from)?;
        for _ in 0..rows {
            for cell in &cells {
                cell(&mut parser, to)?;
            }
            held += 1;
            if held == read.batch_rows {
                held = 0;
                if !taken(&mut full, &ours, give)? {
                    return Ok(Ended::Early);
                }
            }
        }
        if is_last {
            break;
        }
    }
    to.finalize().map_err(TP::Error::from)?;
    let wants_more = held == 0 || taken(&mut full, &ours, give)?;
    Ok(if wants_more { Ended::AtTheEnd } else { Ended::Early })
}

/// Takes the batch that has just become full.
fn taken<E>(
    full: &mut ArrowStreamDestination,
    kinds: &[ArrowStreamTypeSystem],
    give: &mut Give<'_>,
) -> Result<bool, Trouble<E>> {
    let batch = full.record_batch().map_err(|_| ours("connectorx made no batch"))?;
    let Some(batch) = batch else { return Err(ours("connectorx made no batch")) };
    let mut columns = Vec::with_capacity(kinds.len());
    for (column, kind) in batch.columns().iter().zip(kinds) {
        let data = column.to_data();
        let valid = data.nulls().map(|nulls| (nulls.buffer(), nulls.offset()));
        let column = bridge::array(*kind, data.len(), valid, data.buffers());
        columns.push(column.map_err(Trouble::Ours)?);
    }
    give(columns, batch.num_rows()).map_err(Trouble::Ours)
}

fn ours<E>(message: &str) -> Trouble<E> {
    Trouble::Ours(Error::bug(message))
}
