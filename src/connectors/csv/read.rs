//! Reads one split, batch by batch; what does not fit is refused with its line.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use memchr::{memchr, memchr_iter};

use crate::connectors::csv::column::Records;
use crate::connectors::csv::cutter::{Cutter, Piece};
use crate::connectors::csv::fields::Malformed;
use crate::connectors::csv::frozen::Frozen;
use crate::error::{Error, Result};
use crate::memory::{Memory, Reservation};
use crate::source::{Refused, Want};

/// The rows of a piece that are still to be read.
#[derive(Debug)]
pub(super) struct Rows {
    frozen: Arc<Frozen>,
    want: Want,
    /// Indexes of the columns wanted.
    columns: Vec<usize>,
    schema: SchemaRef,
    file: usize,
    cutter: Cutter,
    left: usize,
    held: Box<dyn Reservation>,
}

/// The refused rows of a batch, each once.
type Troubles = BTreeMap<usize, Trouble>;

/// Why a row is refused.
struct Trouble {
    column: Option<String>,
    value: String,
    reason: String,
    hint: String,
}

impl Rows {
    /// Opens `piece`.
    pub(super) fn open(
        frozen: &Arc<Frozen>,
        piece: Piece,
        want: &Want,
        memory: &dyn Memory,
    ) -> Result<Self> {
        let every = || (0..frozen.columns.len()).collect();
        let columns: Vec<usize> = want.columns.clone().unwrap_or_else(every);
        let schema = frozen.schema.project(&columns);
        let schema =
            schema.map_err(|e| Error::bug(format!("a column is wanted that is not: {e}")))?;
        let member = &frozen.members[piece.file];
        let count = frozen.columns.len();
        Ok(Rows {
            frozen: Arc::clone(frozen),
            columns,
            schema: Arc::new(schema),
            file: piece.file,
            cutter: Cutter::open(piece, &member.stamp, frozen.settings.dialect, count)?,
            left: want.limit.unwrap_or(usize::MAX),
            want: want.clone(),
            held: memory.reserve("csv reader"),
        })
    }

    /// The next rows, or `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let most = self.want.batch_rows.max(1).min(self.left);
            if most == 0 || !self.cutter.next(most)? {
                return Ok(None);
            }
            self.held.resize(self.cutter.buffer.held() + self.cutter.fields.held())?;
            let batch = self.decode()?;
            self.left -= batch.num_rows();
            if batch.num_rows() > 0 {
                return Ok(Some(batch));
            }
        }
    }

    fn decode(&mut self) -> Result<RecordBatch> {
        let mut troubles = Troubles::new();
        self.judge_records(&mut troubles);
        let arrays = self.arrays(&mut troubles)?;
        let rows = self.cutter.fields.rows();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options);
        let batch = batch.map_err(|e| Error::bug(format!("a batch was built wrongly: {e}")))?;
        if troubles.is_empty() {
            return Ok(batch);
        }
        let kept: BooleanArray = (0..rows).map(|row| Some(!troubles.contains_key(&row))).collect();
        self.refuse(troubles)?;
        filter_record_batch(&batch, &kept)
            .map_err(|e| Error::bug(format!("rows could not be left out: {e}")))
    }

    /// Finds the records that cannot be read at all.
    fn judge_records(&self, troubles: &mut Troubles) {
        let (fields, data) = (&self.cutter.fields, self.cutter.data());
        for (row, wrong) in fields.malformed() {
            troubles.insert(*row, self.malformed(fields.record(data, *row), *wrong));
        }
        if memchr(0, data).is_none() && std::str::from_utf8(data).is_ok() {
            return;
        }
        for row in 0..fields.rows() {
            let any = |is: fn(&[u8]) -> bool| fields.row(row).iter().any(|f| is(f.bytes(data)));
            let (reason, hint) = if any(|text| memchr(0, text).is_some()) {
                ("the row holds a NUL byte", "the file may be damaged, or UTF-16")
            } else if any(|text| std::str::from_utf8(text).is_err()) {
                ("the row is not UTF-8", "convert the file first: `iconv -f latin1 -t utf-8`")
            } else {
                continue;
            };
            let record = fields.record(data, row);
            troubles.entry(row).or_insert_with(|| whole(record, reason, hint));
        }
    }

    fn malformed(&self, record: &[u8], wrong: Malformed) -> Trouble {
        let columns = self.frozen.columns.len();
        match wrong {
            Malformed::Fields(count) => whole(
                record,
                &format!(
                    "the row has {count} field{}, but there are {columns} columns",
                    if count == 1 { "" } else { "s" }
                ),
                "put quotes around fields that hold a delimiter, or look at `delimiter`",
            ),
            Malformed::AfterQuote => whole(
                record,
                "a quoted field goes on after its closing quote",
                "double the quotes inside quoted fields, or set `quote`",
            ),
        }
    }

    /// The values of the wanted columns.
    fn arrays(&self, troubles: &mut Troubles) -> Result<Vec<ArrayRef>> {
        let (fields, data) = (&self.cutter.fields, self.cutter.data());
        let mut refused = vec![false; if troubles.is_empty() { 0 } else { fields.rows() }];
        for row in troubles.keys() {
            refused[*row] = true;
        }
        let dialect = self.frozen.settings.dialect;
        let lone_cr =
            memchr_iter(b'\r', data).any(|at| data.get(at + 1).is_some_and(|b| *b != b'\n'));
        let nulls = &self.frozen.nulls;
        let records = Records { fields, data, dialect, nulls, refused: &refused, lone_cr };
        let member = &self.frozen.members[self.file];
        let mut arrays = Vec::with_capacity(self.columns.len());
        for index in &self.columns {
            let (column, position) = (&self.frozen.columns[*index], member.positions[*index]);
            let (array, misfits) = column.decode(records, position)?;
            for row in misfits {
                let text = fields.row(row)[position].unescaped(data, dialect);
                troubles.entry(row).or_insert_with(|| Trouble {
                    column: Some(column.name.clone()),
                    value: Refused::shown(&text),
                    reason: column.reason(&text),
                    hint: column.hint(),
                });
            }
            arrays.push(array);
        }
        Ok(arrays)
    }

    fn refuse(&mut self, troubles: Troubles) -> Result<()> {
        for (row, trouble) in troubles {
            let start = self.cutter.fields.start_of(row);
            self.want.refuse.refuse(Refused {
                place: self.cutter.buffer.place(start)?,
                column: trouble.column,
                value: Some(trouble.value),
                reason: trouble.reason,
                hint: Some(trouble.hint),
            })?;
        }
        Ok(())
    }
}

/// A row that is refused as a whole.
fn whole(record: &[u8], reason: &str, hint: &str) -> Trouble {
    let value = Refused::shown(record.trim_ascii_end());
    Trouble { column: None, value, reason: reason.to_owned(), hint: hint.to_owned() }
}
