//! What readers of a folder find: whole loads, Hive folders, plain types; and foreign files kept.

use super::*;
use crate::connectors::parquet::store::Store;
use crate::connectors::parquet::{clean, manifest};
use crate::error::Kind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_lists_the_folder_always_sees_a_whole_load() {
    let yard = Yard::new("out/t");
    // Every load has as many parts as rows, and each of its rows says how many there must be.
    let loads: [&[&[Row]]; 3] =
        [&[&[(1, "1")]], &[&[(1, "2")], &[(2, "2")]], &[&[(1, "3")], &[(2, "3")], &[(3, "3")]]];
    yard.load("first", Mode::Replace, loads[0]).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let listed = Arc::new(AtomicUsize::new(0));
    let (folder, stop, count) = (yard.path("out/t"), done.clone(), listed.clone());
    let lister = std::thread::spawn(move || {
        let mut seen = std::collections::BTreeSet::new();
        while !stop.load(Ordering::Relaxed) {
            let names = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name());
            let names = names.map(|name| name.into_string().unwrap());
            let mut names: Vec<_> = names.filter(|name| name.ends_with(".parquet")).collect();
            names.sort();
            seen.insert(names);
            count.fetch_add(1, Ordering::Relaxed);
        }
        seen
    });
    for round in 0..30 {
        yard.load(&format!("l{round}"), Mode::Replace, loads[round % 3]).await.unwrap();
        // Every load is listed at least once, however busy the machine is.
        let before = listed.load(Ordering::Relaxed);
        while listed.load(Ordering::Relaxed) < before + 2 && !lister.is_finished() {
            tokio::task::yield_now().await;
        }
    }
    done.store(true, Ordering::Relaxed);
    let seen = lister.join().unwrap();
    let store = Store::local(&yard.path("out/_dhow/t")).unwrap().unwrap();
    let mut whole = std::collections::BTreeSet::new();
    for number in manifest::numbers(&store).await.unwrap() {
        let files = manifest::read(&store, number).await.unwrap().unwrap().files;
        let mut names: Vec<_> = files.iter().map(|file| file.name().to_owned()).collect();
        names.sort();
        whole.insert(names);
    }
    assert!(seen.len() > 30 && seen.is_subset(&whole), "{seen:?}");
    let rows = yard.rows();
    assert!(rows.iter().all(|(_, word)| *word == rows.len().to_string()));
}

#[tokio::test]
async fn partitions_are_hive_folders_and_take_part_in_every_mode() {
    let yard = Yard::new("out/t").option("partition_by", "word");
    yard.load("a", Mode::Append, &[&[(1, "a/.."), (2, "b"), (3, "b")]]).await.unwrap();
    let found = [(1, "word=a%2F.."), (2, "word=b"), (3, "word=b")];
    assert_eq!(yard.rows(), owned(&found));
    let merge = Mode::Merge(key(&["id"]));
    // A row moves to another partition when it is merged, and its old folder is gone if empty.
    yard.load("b", merge, &[&[(1, "b"), (3, "c")]]).await.unwrap();
    assert_eq!(yard.rows(), owned(&[(1, "word=b"), (2, "word=b"), (3, "word=c")]));
    let delete = Mode::DeleteInsert(key(&["word"]));
    yard.load("c", delete, &[&[(9, "b")]]).await.unwrap();
    assert_eq!(yard.rows(), owned(&[(3, "word=c"), (9, "word=b")]));
    yard.load("d", Mode::Truncate, &[]).await.unwrap();
    let empty = tree(&yard.path("out/t"));
    assert!(empty[1].starts_with("word=__HIVE_DEFAULT_PARTITION__/"), "{empty:?}");
    let plain = Yard { options: vec![("path", "out/t")], ..yard };
    let error = plain.load("e", Mode::Append, &[&[(1, "x")]]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Drift);
}

#[tokio::test]
async fn too_many_partitions_are_one_clear_error_and_nothing_is_left() {
    let yard = Yard::new("out/t").option("partition_by", "id");
    let load = load("a", Mode::Append);
    let rows: Vec<Row> = (0..1001).map(|id| (id, "x")).collect();
    let error = yard.sink().write(&load, part("0", vec![batch(&rows)])).await.unwrap_err();
    assert_eq!(error.message(), "one part writes to more than 1000 partitions");
    assert_eq!(yard.staged_files(), 0);
}

#[tokio::test]
async fn large_parts_are_divided_into_files_and_row_groups_by_bytes() {
    let yard = Yard::new("out/t")
        .option("compression", "none")
        .option("row_group_bytes", "65536")
        .option("file_bytes", "262144");
    let rows: Vec<Row> = (0..100_000).map(|id| (id * 7919 % 1_000_003, "word")).collect();
    let load = load("a", Mode::Append);
    let sink = yard.sink();
    let batches = rows.chunks(8192).map(batch).collect();
    let staged = vec![sink.write(&load, part("0", batches)).await.unwrap()];
    sink.commit(&load, &staged, &high("a")).await.unwrap();
    let files = parquet_files(&yard.path("out/t"));
    assert!(files.len() > 2, "{files:?}");
    let reader = std::fs::File::open(&files[0]).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(reader).unwrap();
    assert!(reader.metadata().num_row_groups() > 2);
    let columns = reader.metadata().row_group(0).columns();
    assert!(columns[0].offset_index_offset().is_some());
    let dictionaries = columns.iter().map(|column| column.dictionary_page_offset().is_some());
    assert_eq!(dictionaries.collect::<Vec<_>>(), [false, true], "ids never come again, words do");
    let mut expected = owned(&rows);
    expected.sort();
    assert_eq!(yard.rows(), expected);
}

#[tokio::test]
async fn files_that_are_not_ours_are_refused_and_never_touched() {
    let yard = Yard::new("out/t");
    std::fs::create_dir_all(yard.path("out/t")).unwrap();
    std::fs::write(yard.path("out/t/mine.parquet"), "mine").unwrap();
    let sink = yard.sink();
    let load = load("a", Mode::Replace);
    for error in [sink.inspect(&load).await.map(|_| ()), sink.prepare(&load).await] {
        assert_eq!(error.unwrap_err().kind(), Kind::Refused);
    }
    assert_eq!(tree(&yard.path("out")), ["t/mine.parquet"]);
    std::fs::remove_file(yard.path("out/t/mine.parquet")).unwrap();
    yard.load("a", Mode::Replace, &[&[(1, "x")]]).await.unwrap();
    std::fs::write(yard.path("out/t/note.txt"), "mine").unwrap();
    let error = yard.load("b", Mode::Replace, &[&[(2, "y")]]).await.unwrap_err();
    assert_eq!((error.kind(), yard.rows()), (Kind::Refused, owned(&[(1, "x")])));
    assert!(yard.path("out/t/note.txt").exists());
}

#[tokio::test]
async fn a_file_where_the_folder_should_be_is_one_clear_error() {
    for in_the_way in ["out", "out/t", "out/_dhow"] {
        let yard = Yard::new("out/t");
        let path = yard.path(in_the_way);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "x").unwrap();
        let error = yard.load("a", Mode::Append, &[&[(1, "x")]]).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{in_the_way}: {}", error.report());
        assert_eq!(std::fs::read(&path).unwrap(), b"x");
    }
}

#[tokio::test]
async fn clean_removes_orphans_and_old_manifests_but_nothing_of_the_newest_ten() {
    let yard = Yard::new("out/t");
    for round in 0..12 {
        yard.load(&format!("l{round}"), Mode::Replace, &[&[(round, "x")]]).await.unwrap();
    }
    stage(&yard.sink(), &load("lost", Mode::Append), &[&[(99, "x")]]).await.unwrap();
    let table = yard.path("out/t");
    let young = clean(&table, Duration::from_secs(3600), false).await.unwrap();
    assert_eq!(young, []);
    let planned = clean(&table, Duration::ZERO, true).await.unwrap();
    let removed = clean(&table, Duration::ZERO, false).await.unwrap();
    assert_eq!(planned, removed);
    let kinds = ["manifest/", "data/lost/", "data/l0/", "data/l1/", "view/"];
    for kind in kinds {
        assert!(removed.iter().any(|orphan| orphan.path.starts_with(kind)), "{kind}");
    }
    assert_eq!(yard.staged_files(), 10);
    assert_eq!(clean(&table, Duration::ZERO, false).await.unwrap(), []);
    assert_eq!(yard.rows(), owned(&[(11, "x")]));
}

#[tokio::test]
async fn a_file_of_several_chunks_arrives_whole_in_a_folder_and_as_a_single_file() {
    for path in ["out/t", "out/t.parquet"] {
        let yard = Yard::new(path).option("compression", "none");
        let load = load("a", Mode::Replace);
        let sink = yard.sink();
        // Numbers that no encoding makes small: twelve MiB and more.
        let ids: Vec<i64> = (1i64..=1_500_000).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A)).collect();
        let rows: Vec<Row> = ids.iter().map(|id| (*id, "w")).collect();
        let batches = rows.chunks(100_000).map(batch).collect();
        let staged = vec![sink.write(&load, part("0", batches)).await.unwrap()];
        assert!(staged[0].bytes > 12_000_000, "{}", staged[0].bytes);
        sink.commit(&load, &staged, &high("a")).await.unwrap();
        let mut found: Vec<i64> = Vec::new();
        for file in parquet_files(&yard.path(path)) {
            for batch in read(&file) {
                found.extend(batch.column(0).as_primitive::<Int64Type>().values());
            }
        }
        assert!(found == ids, "{path}");
    }
}

#[tokio::test]
async fn an_upload_that_a_killed_process_left_is_swept_away() {
    for path in ["out/t", "out/t.parquet"] {
        let yard = Yard::new(path);
        let name = Path::new(path).file_name().unwrap().to_str().unwrap();
        let folder = yard.path("out/_dhow").join(name).join("data/a");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("part-0-1.parquet#1"), "half").unwrap();
        yard.load("a", Mode::Replace, &[&[(1, "x")]]).await.unwrap();
        assert!(!tree(&yard.path("out")).iter().any(|file| file.contains('#')), "{path}");
    }
}

#[tokio::test]
async fn many_partitions_share_little_memory_and_lose_nothing() {
    let budget = Arc::new(Budget { most: 4 << 20, held: Arc::default(), peak: Arc::default() });
    let mut yard = Yard::new("out/t").option("partition_by", "word");
    yard.memory = budget.clone();
    let words = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let rows: Vec<Row> = (0..400_000)
        .map(|n: i64| (n.wrapping_mul(0x9E37_79B9_7F4A), words[usize::try_from(n % 8).unwrap()]))
        .collect();
    let load = load("a", Mode::Append);
    let sink = yard.sink();
    let batches = rows.chunks(8192).map(batch).collect();
    let staged = vec![sink.write(&load, part("0", batches)).await.unwrap()];
    sink.commit(&load, &staged, &high("a")).await.unwrap();
    let mut expected: Vec<_> = rows.iter().map(|(id, w)| (*id, format!("word={w}"))).collect();
    expected.sort();
    assert!(yard.rows() == expected);
    assert!(parquet_files(&yard.path("out/t")).len() >= 8);
    let peak = budget.peak.load(Ordering::Relaxed);
    assert!(peak > 0 && peak <= 4 << 20, "{peak}");
    assert_eq!(budget.held.load(Ordering::Relaxed), 0);
}

/// A budget that remembers the most that was held.
#[derive(Debug, Clone)]
struct Budget {
    most: usize,
    held: Arc<std::sync::atomic::AtomicUsize>,
    peak: Arc<std::sync::atomic::AtomicUsize>,
}

#[derive(Debug)]
struct Share(Budget, usize);

impl Memory for Budget {
    fn reserve(&self, _name: &str) -> Box<dyn crate::memory::Reservation> {
        Box::new(Share(self.clone(), 0))
    }

    fn limit(&self) -> Option<u64> {
        None
    }
}

impl crate::memory::Reservation for Share {
    fn resize(&mut self, bytes: usize) -> Result<()> {
        let all = self.0.held.load(Ordering::Relaxed) - self.1 + bytes;
        if all > self.0.most {
            return Err(crate::error::Error::limit("nothing is left"));
        }
        self.0.held.store(all, Ordering::Relaxed);
        self.0.peak.fetch_max(all, Ordering::Relaxed);
        self.1 = bytes;
        Ok(())
    }

    fn held(&self) -> usize {
        self.1
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.held.fetch_sub(self.1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_folder_that_somebody_removed_is_not_filled_with_its_old_rows_unasked() {
    let yard = Yard::new("out/t");
    yard.load("one", Mode::Append, &[&[(1, "a")]]).await.unwrap();
    std::fs::remove_dir_all(yard.path("out/t")).unwrap();
    let error = yard.load("two", Mode::Append, &[&[(2, "b")]]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert!(error.message().ends_with("was removed, but its rows were not"), "{error}");

    // As the hint says: an empty folder asks for them back.
    std::fs::create_dir(yard.path("out/t")).unwrap();
    yard.load("two", Mode::Append, &[&[(2, "b")]]).await.unwrap();
    assert_eq!(yard.rows(), [(1, "a".to_owned()), (2, "b".to_owned())]);

    std::fs::remove_dir_all(yard.path("out/t")).unwrap();
    yard.load("three", Mode::Replace, &[&[(3, "c")]]).await.unwrap();
    assert_eq!(yard.rows(), [(3, "c".to_owned())]);
}
