//! Takes the rows whose key occurs in a load out of the files of a table.
//!
//! Files are never changed: one that holds such rows is written anew without them, under a name of
//! its own, and the rest stay. A file is opened only when its footer says that it may hold a key.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Schema};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;

use crate::connectors::parquet::decode::{self, Rows};
use crate::connectors::parquet::encode::{Encoding, OpenFile};
use crate::connectors::parquet::keys::Keys;
use crate::connectors::parquet::manifest::DataFile;
use crate::connectors::parquet::{failure, hive, store};
use crate::error::{Error, Result};
use crate::faults;
use crate::memory::Memory;
use crate::sink;
use crate::sink::{Load, Mode};

/// Where files are read and written anew.
pub(super) struct Place<'a> {
    /// The table's store.
    pub(super) store: &'a store::Store,
    /// The folder for new files.
    pub(super) folder: String,
    /// The columns of the table.
    pub(super) schema: &'a Schema,
    /// Those of them that are folders.
    pub(super) partition_by: &'a [String],
    /// How new files are encoded.
    pub(super) encoding: &'a Encoding,
    /// Where keys and buffers are drawn from.
    pub(super) memory: &'a dyn Memory,
}

/// Whether rows with `schema` can be told apart by `key`.
///
/// # Errors
/// [`crate::error::Kind::Config`] for a column that is not there, or whose values cannot be
/// compared exactly.
pub(super) fn check_key(schema: &Schema, key: &[String]) -> Result<()> {
    for name in key {
        let Ok(field) = schema.field_with_name(name) else {
            let known: Vec<_> = schema.fields().iter().map(|f| f.name().as_str()).collect();
            return Err(Error::config(format!("there is no column `{name}` to be a key"))
                .hint(crate::config::suggest(name, &known)));
        };
        let kind = field.data_type();
        // 0.0 and -0.0 are equal and differ in their bits; NaN equals nothing.
        if kind.is_floating() || kind.is_nested() || *kind == DataType::Null {
            return Err(Error::config(format!("`{name}` cannot be a key"))
                .at("type", kind)
                .hint("use text, whole numbers, decimals, dates or times; cast in the model"));
        }
    }
    Ok(())
}

impl Place<'_> {
    /// `files` without the rows whose key occurs in `staged`.
    ///
    /// # Errors
    /// Those of [`Keys::add`]; in mode `merge` a key may occur once.
    pub(super) async fn without_keys(
        &self,
        load: &Load,
        files: Vec<DataFile>,
        staged: &[DataFile],
    ) -> Result<Vec<DataFile>> {
        let mut keys = Keys::new(load.mode.key(), self.schema, self.memory)?;
        let unique = matches!(load.mode, Mode::Merge(_));
        for file in staged {
            self.collect(&mut keys, load.mode.key(), file, unique).await?;
        }
        if keys.len() == 0 {
            return Ok(files);
        }
        let mut left = Vec::with_capacity(files.len());
        for file in files {
            left.extend(self.without(&keys, load.mode.key(), file).await?);
        }
        Ok(left)
    }

    async fn collect(
        &self,
        keys: &mut Keys,
        key: &[String],
        file: &DataFile,
        unique: bool,
    ) -> Result<()> {
        let described = self.describe(file).await?;
        let mut rows = Rows::open(self.store, &file.path, described, Some(key))?;
        while let Some(batch) = rows.next().await? {
            keys.add(&self.key_columns(key, file, &batch)?, unique)?;
        }
        Ok(())
    }

    /// `file` itself, what is left of it, or nothing.
    async fn without(
        &self,
        keys: &Keys,
        key: &[String],
        file: DataFile,
    ) -> Result<Option<DataFile>> {
        let described = self.describe(&file).await?;
        if !self.may_hold(keys, key, &file, &described)?
            || !self.holds(keys, key, &file, described.clone()).await?
        {
            return Ok(Some(file));
        }
        let left = self.rewrite(keys, key, &file, described).await?;
        faults::point("sink.rewritten").await;
        Ok(left)
    }

    async fn describe(&self, file: &DataFile) -> Result<ArrowReaderMetadata> {
        let footer = decode::footer(self.store, &file.path, file.bytes).await?;
        decode::arrow(&footer, &self.store.shown(&file.path))
    }

    /// Whether the statistics of `file` leave room for a key.
    fn may_hold(
        &self,
        keys: &Keys,
        key: &[String],
        file: &DataFile,
        described: &ArrowReaderMetadata,
    ) -> Result<bool> {
        for (index, name) in key.iter().enumerate() {
            let (min, max) = match self.partition_value(name, file, 1)? {
                Some(value) => (value.clone(), value),
                None => self.range(name, file, described)?,
            };
            if !keys.may_hold(index, &min, &max)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The smallest and the largest value of the column in each row group.
    fn range(
        &self,
        name: &str,
        file: &DataFile,
        described: &ArrowReaderMetadata,
    ) -> Result<(ArrayRef, ArrayRef)> {
        let groups = described.metadata().row_groups();
        let schema = described.schema();
        StatisticsConverter::try_new(name, schema, described.parquet_schema())
            .and_then(|column| {
                Ok((column.row_group_mins(groups)?, column.row_group_maxes(groups)?))
            })
            .map_err(|e| failure::of_reading(&e, &self.store.shown(&file.path)))
    }

    async fn holds(
        &self,
        keys: &Keys,
        key: &[String],
        file: &DataFile,
        described: ArrowReaderMetadata,
    ) -> Result<bool> {
        let mut rows = Rows::open(self.store, &file.path, described, Some(key))?;
        while let Some(batch) = rows.next().await? {
            if keys.absent(&self.key_columns(key, file, &batch)?)?.false_count() > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn rewrite(
        &self,
        keys: &Keys,
        key: &[String],
        file: &DataFile,
        described: ArrowReaderMetadata,
    ) -> Result<Option<DataFile>> {
        let path = format!("{}/part-kept-{}.parquet", self.folder, sink::nonce());
        let schema =
            Arc::new(described.schema().as_ref().clone().with_metadata(Default::default()));
        let partition = file.partition.clone();
        let mut out = OpenFile::begin(self.store, path, (schema, None), partition, self.encoding)?;
        match self.keep(keys, key, file, described, &mut out).await {
            Ok(kept) if kept > 0 => out.finish(self.store).await.map(Some),
            done => {
                out.abandon().await;
                done.map(|_| None)
            }
        }
    }

    /// Copies the rows whose key is not among `keys`; answers how many there are.
    async fn keep(
        &self,
        keys: &Keys,
        key: &[String],
        file: &DataFile,
        described: ArrowReaderMetadata,
        out: &mut OpenFile,
    ) -> Result<usize> {
        let mut held = self.memory.reserve("parquet writer");
        let mut rows = Rows::open(self.store, &file.path, described, None)?;
        let mut kept = 0;
        while let Some(batch) = rows.next().await? {
            let absent = keys.absent(&self.key_columns(key, file, &batch)?)?;
            let batch = filter_record_batch(&batch, &absent)
                .map_err(|e| Error::bug("rows cannot be filtered").at("arrow", e))?;
            kept += batch.num_rows();
            out.write(self.store, &batch).await?;
            if held.resize(out.memory()).is_err() {
                out.flush(self.store).await?;
            }
        }
        Ok(kept)
    }

    /// The key columns of `batch`, those that are folders among them.
    fn key_columns(
        &self,
        key: &[String],
        file: &DataFile,
        batch: &RecordBatch,
    ) -> Result<Vec<ArrayRef>> {
        let column = |name: &String| match self.partition_value(name, file, batch.num_rows())? {
            Some(column) => Ok(column),
            None => batch.column_by_name(name).cloned().ok_or_else(|| {
                Error::data(format!("`{}` lacks a column", self.store.shown(&file.path)))
                    .at("column", name)
            }),
        };
        key.iter().map(column).collect()
    }

    /// `rows` times the value of the partition column `name` in `file`; `None` if it is none.
    fn partition_value(
        &self,
        name: &str,
        file: &DataFile,
        rows: usize,
    ) -> Result<Option<ArrayRef>> {
        let Some(index) = self.partition_by.iter().position(|column| column == name) else {
            return Ok(None);
        };
        let kind = self
            .schema
            .field_with_name(name)
            .map_err(|e| Error::bug("a partition column is no column").at("arrow", e))?
            .data_type();
        let text = file.partition.get(index).and_then(Option::as_deref);
        hive::constant(text, kind, rows).map(Some)
    }
}
