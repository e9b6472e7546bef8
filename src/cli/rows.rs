//! Prints the rows of a query: a table for people, CSV or JSON lines for programs.

use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow::util::display::FormatOptions;
use arrow::util::pretty::pretty_format_batches_with_options;
use clap::ValueEnum;
use futures::StreamExt;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

use super::exit::Stop;
use super::{print, show};
use crate::error::{Error, Result};
use crate::source::BatchStream;

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// The first rows, with columns aligned.
    Table,
    /// All rows as CSV with a header.
    Csv,
    /// All rows, each a JSON object in a line of its own.
    Json,
}

/// Rows of a table that are shown, at most.
const SHOWN: usize = 40;
/// Batches of a stream that wait to be printed, at most.
const AHEAD: usize = 4;

/// Prints all of `streams`, which have these columns, one after the other, in `format`.
pub(super) async fn print(
    columns: SchemaRef,
    streams: Vec<BatchStream>,
    format: Format,
) -> Result<(), Stop> {
    // A batch without rows first: a result without any still has its header.
    let header = futures::stream::iter([Ok(RecordBatch::new_empty(columns))]);
    let mut rows = header.chain(side_by_side(streams)).boxed();
    match format {
        Format::Table => table(&mut rows).await,
        Format::Csv => lines(&mut rows, csv).await,
        Format::Json => lines(&mut rows, json).await,
    }
}

/// One stream with the rows in order, while all of `streams` are worked on at once.
fn side_by_side(streams: Vec<BatchStream>) -> BatchStream {
    let ahead: Vec<_> = streams.into_iter().map(ahead).collect();
    futures::stream::iter(ahead).flatten().boxed()
}

/// `stream`, worked on by a task of its own.
fn ahead(mut stream: BatchStream) -> BatchStream {
    let (sender, receiver) = tokio::sync::mpsc::channel(AHEAD);
    let task = tokio::spawn(async move {
        while let Some(batch) = stream.next().await {
            // Nobody prints any more: the stream is dropped and ends its work.
            if sender.send(batch).await.is_err() {
                return;
            }
        }
    });
    let next = |(mut receiver, task): (Receiver<_>, Option<JoinHandle<()>>)| async move {
        if let Some(batch) = receiver.recv().await {
            return Some((batch, (receiver, task)));
        }
        // A task that died has closed its channel too: its rows must not just end.
        let died = task?.await.err()?;
        Some((Err(Error::bug("a task ended in a panic").at("task", died)), (receiver, None)))
    };
    futures::stream::unfold((receiver, Some(task)), next).boxed()
}

async fn table(rows: &mut BatchStream) -> Result<(), Stop> {
    let (mut shown, mut taken, mut all) = (Vec::new(), 0, 0_u64);
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        all = all.saturating_add(u64::try_from(batch.num_rows()).unwrap_or(u64::MAX));
        let wanted = batch.num_rows().min(SHOWN - taken);
        if wanted > 0 || shown.is_empty() {
            taken += wanted;
            shown.push(batch.slice(0, wanted));
        }
    }
    print::bytes(format!("{}\n", drawn(&shown)?).as_bytes())?;
    let more = all.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX));
    print::line(&match more {
        0 => show::rows(all),
        more => format!("{}, {} of them not shown", show::rows(all), show::count(more)),
    })
}

/// The batches as a table; characters that could steer a terminal are shown as escapes.
fn drawn(batches: &[RecordBatch]) -> Result<String> {
    let options = FormatOptions::default().with_null("NULL");
    let table = pretty_format_batches_with_options(batches, &options).map_err(unprintable)?;
    let shown = table.to_string().chars().fold(String::new(), |mut shown, c| {
        match c {
            '\n' => shown.push(c),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
        shown
    });
    Ok(shown)
}

/// Turns a batch into text; the flag says whether it is the first one.
type Encode = fn(&RecordBatch, bool) -> Result<Vec<u8>, ArrowError>;

async fn lines(rows: &mut BatchStream, encode: Encode) -> Result<(), Stop> {
    let mut is_first = true;
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        print::bytes(&encode(&batch, is_first).map_err(unprintable)?)?;
        is_first = false;
    }
    Ok(())
}

fn csv(batch: &RecordBatch, is_first: bool) -> Result<Vec<u8>, ArrowError> {
    let mut bytes = Vec::new();
    let builder = arrow::csv::WriterBuilder::new().with_header(is_first);
    builder.build(&mut bytes).write(batch)?;
    Ok(bytes)
}

fn json(batch: &RecordBatch, _is_first: bool) -> Result<Vec<u8>, ArrowError> {
    let builder = arrow::json::WriterBuilder::new().with_explicit_nulls(true);
    let mut writer =
        builder.build::<_, arrow::json::writer::LineDelimited>(Vec::with_capacity(64 << 10));
    writer.write(batch)?;
    writer.finish()?;
    Ok(writer.into_inner())
}

fn unprintable(error: ArrowError) -> Error {
    Error::unsupported("these rows cannot be printed in this format")
        .at("reason", error)
        .hint("nested values need `--format json`; to keep the rows, write them with `--to`")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    fn batch() -> RecordBatch {
        let id: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
        let name: ArrayRef = Arc::new(StringArray::from(vec![Some("a,\"b"), Some("\x1b[31m")]));
        RecordBatch::try_from_iter([("id", id), ("name", name)]).unwrap()
    }

    fn text(bytes: Result<Vec<u8>, ArrowError>) -> String {
        String::from_utf8(bytes.unwrap()).unwrap()
    }

    #[test]
    fn csv_has_one_header_and_quotes_what_needs_it() {
        assert_eq!(text(csv(&batch(), true)), "id,name\n1,\"a,\"\"b\"\n,\x1b[31m\n");
        assert_eq!(text(csv(&batch(), false)), "1,\"a,\"\"b\"\n,\x1b[31m\n");
    }

    #[test]
    fn a_result_without_rows_has_its_header() {
        let empty = batch().slice(0, 0);
        assert_eq!(text(csv(&empty, true)), "id,name\n");
        assert_eq!(text(json(&empty, true)), "");
        assert!(drawn(&[empty]).unwrap().contains("| id | name |"));
    }

    #[test]
    fn json_lines_say_null_instead_of_leaving_a_column_out() {
        let expected = "{\"id\":1,\"name\":\"a,\\\"b\"}\n{\"id\":null,\"name\":\"\\u001b[31m\"}\n";
        assert_eq!(text(json(&batch(), true)), expected);
    }

    #[test]
    fn a_table_shows_null_and_no_character_that_steers_the_terminal() {
        let drawn = drawn(&[batch()]).unwrap();
        assert!(drawn.contains("NULL") && drawn.contains("\\u{1b}[31m"), "{drawn}");
        assert!(!drawn.contains('\x1b'));
    }

    #[tokio::test]
    async fn streams_are_printed_in_their_order() {
        let one = |value: i64| {
            let id: ArrayRef = Arc::new(Int64Array::from(vec![value]));
            Ok(RecordBatch::try_from_iter([("id", id)]).unwrap())
        };
        let first = futures::stream::iter((0..20).map(one)).boxed();
        let second = futures::stream::iter((20..40).map(one)).boxed();
        let rows: Vec<_> = side_by_side(vec![first, second])
            .map(|batch| text(csv(&batch.unwrap(), false)))
            .collect()
            .await;
        let expected: Vec<_> = (0..40).map(|n| format!("{n}\n")).collect();
        assert_eq!(rows, expected);
    }
}
