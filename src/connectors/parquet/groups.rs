//! Rows on their way to row groups: column by column, by dhow's own encoders or by the library's.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{FieldRef, SchemaRef};
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::{Compression, LogicalType, Type};
use parquet::errors::Result;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor};

use crate::connectors::parquet::chunk::{self, Chunk, Press};
use crate::connectors::parquet::pieces::Pieces;

/// Writes batches as one file.
pub(super) struct RowGroups {
    schema: SchemaRef,
    file: SerializedFileWriter<Pieces>,
    /// Makes columns of the library.
    library: ArrowRowGroupWriterFactory,
    press: Press,
    /// The row group in progress; no columns when there is none.
    columns: Vec<Column>,
    rows: usize,
}

/// One field of the rows.
enum Column {
    Own(Box<dyn Chunk>),
    Library(FieldRef, Vec<ArrowColumnWriter>),
}

impl RowGroups {
    /// Begins a file of rows with `schema`.
    pub(super) fn new(schema: SchemaRef, mut properties: WriterProperties) -> Result<Self> {
        let columns = ArrowSchemaConverter::new().convert(&schema)?;
        add_encoded_arrow_schema_to_metadata(&schema, &mut properties);
        let properties = without_bounds_of_reals(&columns, properties);
        let first = columns.columns().first().map(|column| properties.compression(column.path()));
        let press = Press::new(first.unwrap_or(Compression::UNCOMPRESSED))?;
        let root = columns.root_schema_ptr();
        let file = SerializedFileWriter::new(Pieces::default(), root, Arc::new(properties))?;
        let library = ArrowRowGroupWriterFactory::new(&file, schema.clone());
        Ok(RowGroups { schema, file, library, press, columns: Vec::new(), rows: 0 })
    }

    /// Adds rows. A row group ends after the batch with which it has as many bytes as it may.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows_most = self.file.properties().max_row_group_row_count().unwrap_or(usize::MAX);
        let mut from = 0;
        while from < batch.num_rows() {
            if self.rows == 0 {
                self.columns = self.begin()?;
            }
            let rows = (batch.num_rows() - from).min(rows_most - self.rows);
            for (column, values) in self.columns.iter_mut().zip(batch.columns()) {
                column.write(&values.slice(from, rows), &mut self.press)?;
            }
            self.rows += rows;
            from += rows;
            let bytes_most = self.file.properties().max_row_group_bytes();
            if self.rows >= rows_most || bytes_most.is_some_and(|most| self.open_bytes() >= most) {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Ends the row group in progress.
    pub(super) fn flush(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let mut group = self.file.next_row_group()?;
        for column in self.columns.drain(..) {
            match column {
                Column::Own(chunk) => {
                    let (pages, closed) = chunk.close(&mut self.press)?;
                    group.append_column(&pages, closed)?;
                }
                Column::Library(_, leaves) => {
                    for leaf in leaves {
                        leaf.close()?.append_to_row_group(&mut group)?;
                    }
                }
            }
        }
        group.close().map(|_| ())
    }

    /// Ends the file.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.flush()?;
        self.file.finish().map(|_| ())
    }

    /// What is written and not yet taken.
    pub(super) fn written(&mut self) -> &mut Pieces {
        self.file.inner_mut()
    }

    /// Bytes of memory in use, those that are written and not yet taken among them.
    pub(super) fn memory(&self) -> usize {
        let columns: usize = self.columns.iter().map(Column::memory).sum();
        self.press.memory() + columns + self.file.inner().len()
    }

    /// Encoded bytes so far, about.
    pub(super) fn bytes(&self) -> usize {
        self.file.bytes_written() + self.open_bytes()
    }

    fn open_bytes(&self) -> usize {
        self.columns.iter().map(Column::bytes).sum()
    }

    /// The columns of a new row group.
    fn begin(&self) -> Result<Vec<Column>> {
        let leaves = self.file.schema_descr();
        let mut roots = vec![Vec::new(); self.schema.fields().len()];
        (0..leaves.num_columns())
            .for_each(|leaf| roots[leaves.get_column_root_idx(leaf)].push(leaf));
        let own = |field: &FieldRef, of: &[usize]| match of {
            [leaf] if self.press.is_able() => {
                chunk::chunk(field.data_type(), &leaves.column(*leaf), self.file.properties())
            }
            _ => None,
        };
        let fields = self.schema.fields().iter();
        let own: Vec<_> = fields.clone().zip(&roots).map(|(field, of)| own(field, of)).collect();
        // Each of them gets a compressor, so none is made that nobody needs.
        let mut library = VecDeque::new();
        if own.iter().any(Option::is_none) {
            library
                .extend(self.library.create_column_writers(self.file.flushed_row_groups().len())?);
        }
        let columns = fields.zip(roots).zip(own).map(|((field, of), own)| {
            let writers = library.drain(..of.len().min(library.len())).collect();
            match own {
                Some(chunk) => Column::Own(chunk),
                None => Column::Library(field.clone(), writers),
            }
        });
        Ok(columns.collect())
    }
}

/// The library leaves NaN out of bounds, by which readers then skip it: it writes none. (dhow's own
/// columns have bounds where there is no NaN, whatever is said here.)
fn without_bounds_of_reals(
    columns: &SchemaDescriptor,
    properties: WriterProperties,
) -> WriterProperties {
    let is_real = |column: &&ColumnDescPtr| {
        matches!(column.physical_type(), Type::FLOAT | Type::DOUBLE)
            || column.logical_type_ref() == Some(&LogicalType::Float16)
    };
    let reals = columns.columns().iter().filter(is_real).map(|column| column.path().clone());
    let none = EnabledStatistics::None;
    reals
        .fold(properties.into_builder(), |all, path| all.set_column_statistics_enabled(path, none))
        .build()
}

impl Column {
    fn write(&mut self, values: &ArrayRef, press: &mut Press) -> Result<()> {
        match self {
            Column::Own(chunk) => chunk.write(values, press),
            Column::Library(field, writers) => {
                let leaves = compute_leaves(field, values)?;
                writers.iter_mut().zip(&leaves).try_for_each(|(writer, leaf)| writer.write(leaf))
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Column::Own(chunk) => chunk.bytes(),
            Column::Library(_, leaves) => {
                leaves.iter().map(ArrowColumnWriter::get_estimated_total_bytes).sum()
            }
        }
    }

    fn memory(&self) -> usize {
        match self {
            Column::Own(chunk) => chunk.memory(),
            Column::Library(_, leaves) => leaves.iter().map(ArrowColumnWriter::memory_size).sum(),
        }
    }
}
