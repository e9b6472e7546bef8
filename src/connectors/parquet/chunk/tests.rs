//! dhow's own columns against those of the Parquet library: the same values, bounds and indexes.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array,
    Float16Array, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array,
    LargeStringArray, ListArray, RecordBatch, StringArray, StringViewArray,
    TimestampMicrosecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float16Type, Float64Type, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, CompressionCodec, Encoding, EncodingMask, ZstdLevel};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::statistics::Statistics;
use proptest::prelude::*;

use crate::connectors::parquet::groups::RowGroups;

type Half = <Float16Type as ArrowPrimitiveType>::Native;

fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Page)
}

fn ours(batches: &[RecordBatch], properties: WriterProperties) -> Bytes {
    let mut groups = RowGroups::new(batches[0].schema(), properties).unwrap();
    batches.iter().for_each(|batch| groups.write(batch).unwrap());
    groups.finish().unwrap();
    groups.written().take().collect::<Vec<_>>().concat().into()
}

fn theirs(batches: &[RecordBatch], properties: WriterProperties) -> Bytes {
    let mut file = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut file, batches[0].schema(), Some(properties)).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.close().unwrap();
    file.into()
}

fn read(file: &Bytes) -> (Arc<ParquetMetaData>, RecordBatch) {
    let options = ArrowReaderOptions::new()
        .with_page_index_policy(PageIndexPolicy::Required)
        .with_encoding_stats_as_mask(false);
    let reader =
        ParquetRecordBatchReaderBuilder::try_new_with_options(file.clone(), options).unwrap();
    let (metadata, schema): (_, SchemaRef) = (reader.metadata().clone(), reader.schema().clone());
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    (metadata, concat_batches(&schema, &batches).unwrap())
}

/// What a reader can see of a column chunk, beside its values.
#[derive(Debug, PartialEq)]
struct Seen {
    column: String,
    rows: i64,
    statistics: Option<Statistics>,
    codec: CompressionCodec,
    encodings: EncodingMask,
    /// The first row of each page.
    pages: Vec<i64>,
    /// Bounds and NULLs of each page. Counts of levels, of use for lists only, are left out.
    index: String,
}

fn seen(metadata: &ParquetMetaData) -> Vec<Seen> {
    let groups = metadata.row_groups().iter().enumerate();
    let chunks = groups.flat_map(|(group, meta)| {
        meta.columns().iter().enumerate().map(move |(at, chunk)| {
            let pages = metadata.offset_index().unwrap()[group][at].page_locations().iter();
            let index = format!("{:?}", metadata.column_index().unwrap()[group][at]);
            let levels = index.find("repetition_level_histograms").unwrap_or(index.len());
            Seen {
                column: chunk.column_path().string(),
                rows: chunk.num_values(),
                statistics: chunk.statistics().cloned(),
                codec: chunk.compression_codec(),
                encodings: *chunk.encodings_mask(),
                pages: pages.map(|page| page.first_row_index).collect(),
                index: index[..levels].to_owned(),
            }
        })
    });
    chunks.collect()
}

/// Writes `batches` both ways and compares everything that a reader can see. Answers how many column
/// chunks have the same pages, so that their indexes were compared as well.
fn compare(batches: &[RecordBatch], properties: WriterPropertiesBuilder) -> usize {
    let (meta, rows) = read(&ours(batches, properties.clone().build()));
    let (their_meta, their_rows) = read(&theirs(batches, properties.build()));
    assert_eq!(rows, their_rows);
    let (file, their_file) = (meta.file_metadata(), their_meta.file_metadata());
    assert_eq!(file.schema_descr(), their_file.schema_descr());
    assert_eq!(file.key_value_metadata(), their_file.key_value_metadata());
    let (chunks, theirs) = (seen(&meta), seen(&their_meta));
    let mut same_pages = 0;
    assert_eq!(chunks.len(), theirs.len());
    for (mut chunk, mut other) in chunks.into_iter().zip(theirs) {
        // The library looks at the length of a page after each thousand rows of each batch.
        match chunk.pages == other.pages {
            true => same_pages += 1,
            false => {
                (chunk.pages, chunk.index) = Default::default();
                (other.pages, other.index) = Default::default();
            }
        }
        // The library has no dictionaries of long decimals.
        if chunk.column == "long" {
            other.encodings = chunk.encodings;
        }
        // The library is told to write no bounds of floating point.
        if ["real", "float", "half"].contains(&&*chunk.column) && chunk.statistics.is_none() {
            (other.statistics, other.index) = (None, chunk.index.clone());
        }
        assert_eq!(chunk, other);
    }
    same_pages
}

fn batch(rows: usize, nulls: Option<usize>) -> RecordBatch {
    let is = |row: usize| nulls.is_none_or(|each| !row.is_multiple_of(each));
    let some = move |row: usize| is(row).then_some(row);
    let number = |row: usize| i64::try_from(row).unwrap();
    let small = |row: usize| i32::try_from(row % 50).unwrap();
    let scattered =
        move |row: usize| number(row).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed());
    let rows = 0..rows;
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "key",
            Arc::new(Int64Array::from_iter(rows.clone().map(|r| some(r).map(|r| number(r / 4))))),
        ),
        ("wild", Arc::new(Int64Array::from_iter(rows.clone().map(|r| some(r).map(scattered))))),
        ("few", Arc::new(Int32Array::from_iter(rows.clone().map(|r| some(r).map(small))))),
        ("one", Arc::new(Int32Array::from_iter(rows.clone().map(|r| some(r).map(|_| 7))))),
        (
            "day",
            Arc::new(Date32Array::from_iter(
                rows.clone().map(|r| some(r).map(|r| 20_000 - small(r))),
            )),
        ),
        (
            "at",
            Arc::new(
                TimestampMicrosecondArray::from_iter(rows.clone().map(|r| some(r).map(scattered)))
                    .with_timezone("UTC"),
            ),
        ),
        (
            "short",
            Arc::new(
                Decimal128Array::from_iter(
                    rows.clone().map(|r| some(r).map(|r| -i128::from(small(r)))),
                )
                .with_precision_and_scale(9, 2)
                .unwrap(),
            ),
        ),
        (
            "money",
            Arc::new(
                Decimal128Array::from_iter(
                    rows.clone().map(|r| some(r).map(|r| i128::from(scattered(r) % 1_000_000_000))),
                )
                .with_precision_and_scale(15, 2)
                .unwrap(),
            ),
        ),
        (
            "long",
            Arc::new(
                Decimal128Array::from_iter(
                    rows.clone().map(|r| some(r).map(|r| i128::from(scattered(r)) * 1_000_003)),
                )
                .with_precision_and_scale(38, 9)
                .unwrap(),
            ),
        ),
        (
            "word",
            Arc::new(StringArray::from_iter(
                rows.clone().map(|r| some(r).map(|r| ["", "rail", "air", "ship by sea"][r % 4])),
            )),
        ),
        (
            "text",
            Arc::new(LargeStringArray::from_iter(
                rows.clone()
                    .map(|r| some(r).map(|r| format!("{}{}", "ä".repeat(r % 90), scattered(r)))),
            )),
        ),
        (
            "view",
            Arc::new(StringViewArray::from_iter(
                rows.clone().map(|r| some(r).map(|r| format!("no {} of all of these", r % 300))),
            )),
        ),
        (
            "bytes",
            Arc::new(BinaryArray::from_iter(
                rows.clone().map(|r| some(r).map(|r| scattered(r).to_be_bytes()[..r % 9].to_vec())),
            )),
        ),
        ("none", Arc::new(Int64Array::from_iter(rows.clone().map(|_| None::<i64>)))),
        (
            "byte",
            Arc::new(Int8Array::from_iter(
                rows.clone().map(|r| some(r).map(|r| scattered(r).to_le_bytes()[7].cast_signed())),
            )),
        ),
        (
            "int2",
            Arc::new(Int16Array::from_iter(
                rows.clone().map(|r| some(r).map(|r| i16::try_from(r % 9000).unwrap() - 5000)),
            )),
        ),
        (
            "flag",
            Arc::new(BooleanArray::from_iter(
                rows.clone().map(|r| some(r).map(|r| scattered(r) > 0)),
            )),
        ),
        (
            "real",
            Arc::new(Float64Array::from_iter(
                rows.clone()
                    .map(|r| some(r).map(|r| f64::from_bits(scattered(r).cast_unsigned() >> 2))),
            )),
        ),
        (
            "float",
            Arc::new(Float32Array::from_iter(rows.clone().map(|r| {
                some(r).map(|r| [-0.0, 1.5, f32::INFINITY, f32::MIN_POSITIVE, 0.0][r % 5])
            }))),
        ),
        (
            "half",
            Arc::new(Float16Array::from_iter(
                rows.map(|r| some(r).map(|r| Half::from_bits(u16::try_from(r % 999).unwrap()))),
            )),
        ),
    ];
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

#[test]
fn every_kind_of_column_is_as_the_library_writes_it() {
    let pages = || {
        let long = properties().set_data_page_size_limit(64 << 20);
        long.set_data_page_row_count_limit(3072).set_dictionary_page_size_limit(64 << 20)
    };
    assert_eq!(compare(&[batch(1, None)], pages()), 20);
    assert_eq!(compare(&[batch(70_000, None)], pages()), 20);
    // Where a dictionary is given up, a page ends.
    assert_eq!(compare(&[batch(70_000, Some(3))], pages()), 12);
    compare(&[batch(70_000, Some(3)), batch(5_000, None), batch(3_000, Some(1))], properties());
}

#[test]
fn a_dictionary_that_grows_too_long_is_given_up() {
    let small = properties().set_dictionary_page_size_limit(4096).set_data_page_size_limit(8192);
    compare(&[batch(30_000, Some(7)), batch(30_000, None)], small);
}

#[test]
fn columns_without_a_dictionary_and_files_without_compression_are_as_they_should_be() {
    let plain = properties().set_dictionary_enabled(false).set_data_page_size_limit(16 * 1024);
    compare(&[batch(20_000, Some(5))], plain);
    compare(&[batch(20_000, Some(5))], properties().set_compression(Compression::UNCOMPRESSED));
    compare(&[batch(20_000, Some(5))], properties().set_compression(Compression::SNAPPY));
}

#[test]
fn columns_that_take_no_null_have_no_levels() {
    let schema = batch(1, None).schema();
    let fields = schema
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_nullable(field.name() == "none"));
    let schema = Arc::new(arrow::datatypes::Schema::new(fields.collect::<Vec<_>>()));
    let strict = RecordBatch::try_new(schema, batch(30_000, None).columns().to_vec()).unwrap();
    compare(&[strict], properties());
}

#[test]
fn what_a_column_cannot_hold_is_an_error_and_not_another_value() {
    let refused = |schema: SchemaRef, array: ArrayRef| {
        let batch = RecordBatch::try_from_iter([("a", array)]).unwrap();
        RowGroups::new(schema, properties().build()).unwrap().write(&batch).unwrap_err().to_string()
    };
    let decimals = |values: Vec<Option<i128>>| {
        let decimals = Decimal128Array::from(values).with_precision_and_scale(9, 2).unwrap();
        Arc::new(decimals) as ArrayRef
    };
    let short = RecordBatch::try_from_iter([("a", decimals(vec![Some(1)]))]).unwrap().schema();
    assert_eq!(
        refused(short.clone(), decimals(vec![Some(1), Some(5_000_000_000)])),
        "Parquet error: 5000000000 has more digits than Decimal128(9, 2) allows"
    );
    assert_eq!(
        refused(short, decimals(vec![Some(1), None])),
        "Parquet error: a column without NULLs has one"
    );
}

#[test]
fn row_groups_end_where_they_may_not_have_more_rows() {
    compare(
        &[batch(10_000, None), batch(25_000, Some(9))],
        properties().set_max_row_group_row_count(Some(8_000)),
    );
}

/// Numbers that are close to each other, to the ends of their kind, or to nothing.
fn number() -> impl Strategy<Value = i64> {
    let end = (0..50_i64, any::<bool>());
    let end = end.prop_map(|(n, low)| if low { i64::MIN + n } else { i64::MAX - n });
    prop_oneof![3 => -20_000..20_000_i64, 2 => 0..100_i64, 1 => any::<i64>(), 1 => end]
}

#[test]
fn numbers_that_climb_or_descend_keep_their_places() {
    let far = [i64::MIN, i64::MAX, 0, -1].into_iter();
    let numbers = (0..40_000).chain((-40_000..0).rev()).chain(far).chain((0..99).map(|n| n % 7));
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers));
    let batch = RecordBatch::try_from_iter([("number", numbers)]).unwrap();
    compare(&[batch], properties());
}

/// Bounds of the first column as bits, and whether it has an index.
fn bounds(file: &Bytes) -> (Option<(u64, u64)>, bool) {
    let (meta, _) = read(file);
    let bounds = match meta.row_group(0).column(0).statistics() {
        Some(Statistics::Double(bounds)) => bounds.min_opt().zip(bounds.max_opt()),
        None => None,
        other => panic!("{other:?}"),
    };
    let has_index = meta.column_index().unwrap()[0][0] != ColumnIndexMetaData::NONE;
    (bounds.map(|(least, most)| (least.to_bits(), most.to_bits())), has_index)
}

#[test]
fn a_column_with_nan_has_no_bounds_by_which_a_reader_could_skip_it() {
    let file = |values: Vec<f64>| {
        let numbers: ArrayRef = Arc::new(Float64Array::from(values));
        let batch = RecordBatch::try_from_iter([("number", numbers)]).unwrap();
        let pages = properties().set_data_page_row_count_limit(1024);
        let file = ours(std::slice::from_ref(&batch), pages.build());
        let (_, back) = read(&file);
        let bits = |batch: &RecordBatch| {
            let values = batch.column(0).as_primitive::<Float64Type>().values().iter();
            values.map(|value| value.to_bits()).collect::<Vec<_>>()
        };
        assert_eq!(bits(&back), bits(&batch));
        bounds(&file)
    };
    let (nan, negative) = (f64::NAN, f64::from_bits(0xfff8_0000_0000_0001));
    let pages = |first: f64, then: f64| [vec![first; 1024], vec![then; 1024]].concat();
    let bits = |least: f64, most: f64| Some((least.to_bits(), most.to_bits()));
    assert_eq!(file(pages(nan, negative)), (None, false));
    assert_eq!(file(pages(1.0, nan)), (None, false));
    assert_eq!(file(pages(negative, 1.0)), (None, false));
    assert_eq!(file(vec![-1.0, nan, 2.0]), (None, false));
    assert_eq!(file(vec![-1.0, f64::INFINITY]), (bits(-1.0, f64::INFINITY), true));
    assert_eq!(file(vec![0.0, 1.0, -0.0]), (bits(-0.0, 1.0), true));
    assert_eq!(file(vec![-0.0, -1.0]), (bits(-1.0, 0.0), true));
}

#[test]
fn floating_point_that_the_library_writes_has_no_bounds_at_all() {
    let values = [1.0, f64::NAN];
    let list = |values: &[f64]| Some(values.iter().copied().map(Some).collect::<Vec<_>>());
    let lists = ListArray::from_iter_primitive::<Float64Type, _, _>([list(&values)]);
    let halves = Float16Array::from_iter_values(values.map(Half::from_f64));
    let plain: ArrayRef = Arc::new(Float64Array::from(values.to_vec()));
    let snappy = Compression::SNAPPY;
    let zstd = Compression::ZSTD(ZstdLevel::default());
    for (column, compression) in
        [(Arc::new(lists) as ArrayRef, zstd), (Arc::new(halves), zstd), (plain, snappy)]
    {
        let batch = RecordBatch::try_from_iter([("number", column)]).unwrap();
        let file = ours(&[batch], properties().set_compression(compression).build());
        assert_eq!(bounds(&file), (None, false));
    }
}

#[test]
fn a_dictionary_of_values_that_do_not_come_again_is_given_up_after_the_first_thousands() {
    let encodings = |numbers: Vec<i64>| {
        let numbers: ArrayRef = Arc::new(Int64Array::from(numbers));
        let batch = RecordBatch::try_from_iter([("number", numbers)]).unwrap();
        let (meta, back) = read(&ours(std::slice::from_ref(&batch), properties().build()));
        assert_eq!(back.columns(), batch.columns());
        let chunk = meta.row_group(0).column(0);
        let pages = chunk.page_encoding_stats().unwrap().iter();
        pages.map(|pages| (pages.encoding, pages.count)).collect::<Vec<_>>()
    };
    let dictionary = (Encoding::PLAIN, 1);
    let scattered = |n: i64| n * 1_000_003 % 10_007;
    assert_eq!(
        encodings((0..9_000).map(scattered).collect()),
        [dictionary, (Encoding::RLE_DICTIONARY, 1), (Encoding::PLAIN, 1)]
    );
    let twice = (0..9_000).map(|n| scattered(n / 2));
    assert_eq!(encodings(twice.collect()), [dictionary, (Encoding::RLE_DICTIONARY, 1)]);
    // As many as are tried say nothing yet.
    let few = (0..3_000).map(scattered);
    assert_eq!(encodings(few.collect()), [dictionary, (Encoding::RLE_DICTIONARY, 1)]);
}

#[test]
fn texts_that_differ_in_a_byte_only_are_kept_apart() {
    let mut texts: Vec<String> = (0..40).map(|n| "a".repeat(n)).collect();
    for at in 0..30 {
        let mut text = "a".repeat(30);
        text.replace_range(at..=at, "b");
        texts.push(text);
    }
    texts.extend(["\0", "\0\0", "a\0", "\0a", "\0\0\0\0", "aaaa\0"].map(str::to_owned));
    let rows = (0..9_000).map(|n| &texts[n * n / 3 % texts.len()]);
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(rows));
    let batch = RecordBatch::try_from_iter([("text", texts)]).unwrap();
    let (meta, back) = read(&ours(std::slice::from_ref(&batch), properties().build()));
    assert_eq!(back.columns(), batch.columns());
    let chunk = meta.row_group(0).column(0);
    let encodings = chunk.page_encoding_stats().unwrap().iter().map(|pages| pages.encoding);
    assert_eq!(encodings.collect::<Vec<_>>(), [Encoding::PLAIN, Encoding::RLE_DICTIONARY]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_numbers_and_texts_come_back(
        numbers in prop::collection::vec(prop::option::of(number()), 1..3000),
        flags in prop::collection::vec(prop::option::of(any::<bool>()), 1..300),
        reals in prop::collection::vec(any::<u64>(), 1..300),
        texts in prop::collection::vec(prop::option::of(".{0,80}"), 1..300),
        page in 64_usize..5000,
        dictionary in 64_usize..5000,
    ) {
        let rows = numbers.len();
        let texts = texts.iter().cycle().take(rows);
        let flags = flags.into_iter().cycle().take(rows);
        let reals = reals.into_iter().cycle().take(rows).map(f64::from_bits);
        let batch = RecordBatch::try_from_iter([
            ("number", Arc::new(Int64Array::from_iter(numbers)) as ArrayRef),
            ("text", Arc::new(StringArray::from_iter(texts))),
            ("flag", Arc::new(flags.collect::<BooleanArray>())),
            ("real", Arc::new(Float64Array::from_iter_values(reals))),
        ]).unwrap();
        let small = properties().set_dictionary_page_size_limit(dictionary);
        let file = ours(std::slice::from_ref(&batch), small.set_data_page_size_limit(page).build());
        let (_, back) = read(&file);
        prop_assert_eq!(back.columns(), batch.columns());
    }
}
