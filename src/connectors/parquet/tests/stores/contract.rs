//! The contract of the sink in each store.

use super::stand::{ALL, At, Stand, high, id_key, load, owned, part, stage};
use crate::error::Kind;
use crate::sink::Mode;

const FIRST: &[(i64, &str)] = &[(1, "one"), (2, "two")];
const SECOND: &[(i64, &str)] = &[(2, "zwei"), (3, "drei")];

#[tokio::test]
async fn every_mode_leaves_its_rows_for_dhow_and_for_readers_that_list() {
    for at in ALL {
        let merged = owned(&[(1, "one"), (2, "zwei"), (3, "drei")]);
        let cases = [
            (Mode::Append, owned(&[(1, "one"), (2, "two"), (2, "zwei"), (3, "drei")])),
            (Mode::Truncate, owned(SECOND)),
            (Mode::Replace, owned(SECOND)),
            (Mode::Merge(id_key()), merged.clone()),
            (Mode::DeleteInsert(id_key()), merged),
        ];
        let stand = Stand::new(at);
        for (number, (mode, expected)) in cases.into_iter().enumerate() {
            let key = format!("out/t{number}");
            stand.load_into(&key, "a", Mode::Append, &[FIRST]).await.unwrap();
            let parts: &[&[_]] = &[&SECOND[..1], &SECOND[1..]];
            let mark = stand.load_into(&key, "b", mode.clone(), parts).await.unwrap();
            assert_eq!(mark.rows, 2);
            assert_eq!(stand.read("parquet", &key).await.unwrap(), expected, "{at:?} {mode}");
            assert_eq!(stand.listed(&key), expected, "{at:?} {mode}, listed");
            // The same load once more changes nothing.
            let again = stand.load_into(&key, "b", mode.clone(), parts).await.unwrap();
            assert_eq!(again, mark);
            assert_eq!(stand.read("parquet", &key).await.unwrap(), expected, "{at:?} {mode} twice");
        }
    }
}

#[tokio::test]
async fn one_object_is_a_table_that_is_replaced_as_a_whole() {
    for at in ALL {
        let stand = Stand::new(at);
        let key = "out/t.parquet";
        stand.load_into(key, "a", Mode::Replace, &[FIRST, SECOND]).await.unwrap();
        let both = owned(&[(1, "one"), (2, "two"), (2, "zwei"), (3, "drei")]);
        assert_eq!(stand.read("parquet", key).await.unwrap(), both, "{at:?}");
        stand.load_into(key, "b", Mode::Truncate, &[SECOND]).await.unwrap();
        assert_eq!(stand.read("parquet", key).await.unwrap(), owned(SECOND), "{at:?}");
        let error = stand.load_into(key, "c", Mode::Append, &[FIRST]).await.unwrap_err();
        assert_eq!(error.message(), "a single file cannot be loaded in mode `append`");
    }
}

#[tokio::test]
async fn two_commits_at_once_of_one_load_publish_it_once_and_two_loads_both() {
    for at in [At::Moto, At::Azurite] {
        let stand = Stand::new(at);
        let (one, other) = (load("a", Mode::Append), load("b", Mode::Append));
        let sinks = [0, 1, 2].map(|_| stand.sink("out/t", &[]).unwrap());
        let staged = stage(&sinks[0], &one, &[FIRST]).await.unwrap();
        let others = stage(&sinks[2], &other, &[SECOND]).await.unwrap();
        let (high_one, high_other) = (high("a"), high("b"));
        let (a, again, b) = tokio::join!(
            sinks[0].commit(&one, &staged, &high_one),
            sinks[1].commit(&one, &staged, &high_one),
            sinks[2].commit(&other, &others, &high_other),
        );
        assert_eq!(a.unwrap(), again.unwrap());
        b.unwrap();
        let all = owned(&[(1, "one"), (2, "two"), (2, "zwei"), (3, "drei")]);
        assert_eq!(stand.read("parquet", "out/t").await.unwrap(), all);
        assert_eq!(stand.listed("out/t"), all);
    }
}

#[tokio::test]
async fn partitions_are_folders_and_come_back_as_columns() {
    let stand = Stand::new(At::Moto);
    let load = load("a", Mode::Append);
    let sink = stand.sink("out/t", &[("partition_by", "word")]).unwrap();
    sink.prepare(&load).await.unwrap();
    let staged = stage(&sink, &load, &[&[(1, "a b"), (2, "ü/%"), (3, "a b")]]).await.unwrap();
    sink.commit(&load, &staged, &high("a")).await.unwrap();
    let rows = owned(&[(1, "a b"), (2, "ü/%"), (3, "a b")]);
    assert_eq!(stand.read("parquet", "out/t").await.unwrap(), rows);
    assert_eq!(stand.read("parquet", "out/t/").await.unwrap(), rows);
    assert_eq!(stand.listed("out/t"), rows);
}

#[tokio::test]
async fn what_is_staged_and_not_published_is_seen_by_nobody_and_swept() {
    let stand = Stand::new(At::Moto);
    stand.load("a", Mode::Append, &[FIRST]).await.unwrap();
    let before = stand.keys().await;
    let sink = stand.sink("out/t", &[]).unwrap();
    let load = load("b", Mode::Append);
    sink.prepare(&load).await.unwrap();
    stage(&sink, &load, &[SECOND]).await.unwrap();
    assert_eq!(stand.keys().await.len(), before.len() + 1);
    assert_eq!(stand.read("parquet", "out/t").await.unwrap(), owned(FIRST));
    assert_eq!(stand.listed("out/t"), owned(FIRST));
    sink.sweep(&load).await.unwrap();
    assert_eq!(stand.keys().await, before);
}

#[tokio::test]
async fn a_large_file_goes_up_in_parts_and_is_aborted_when_its_rows_fail() {
    for at in ALL {
        let stand = Stand::new(at);
        // Nothing to compress: 9 MB are two parts.
        let wide: String =
            (0..9_000_u32).map(|n| format!("{:01000x}", n.wrapping_mul(2_654_435_761))).collect();
        let wide: &'static str = wide.leak();
        let sink =
            stand.sink("out/t", &[("compression", "none"), ("row_group_bytes", "4096")]).unwrap();
        let load = load("a", Mode::Append);
        sink.prepare(&load).await.unwrap();
        let rows: Vec<_> =
            (0..9).map(|n| (n, &wide[..1_000_000 + usize::try_from(n).unwrap()])).collect();
        let batches: Vec<_> = rows.iter().map(|row| super::stand::batch(&[*row])).collect();
        let staged = sink.write(&load, part("eu/1", batches.clone())).await.unwrap();
        let posts = |seen: Vec<String>| {
            let is_part = |s: &&String| s.contains("uploadId=") || s.contains("comp=block");
            seen.iter().filter(is_part).count()
        };
        assert!(posts(stand.gate.seen()) >= 3, "{at:?}");
        sink.commit(&load, &[staged], &high("a")).await.unwrap();
        assert_eq!(stand.read("parquet", "out/t").await.unwrap(), owned(&rows), "{at:?}");
        // A part whose rows end in an error leaves nothing behind.
        let before = stand.keys().await;
        let mut broken = part("eu/2", vec![]);
        let failing = batches.into_iter().map(Ok).chain([Err(crate::error::Error::data("no"))]);
        broken.batches = Box::pin(futures::stream::iter(failing.collect::<Vec<_>>()));
        assert_eq!(sink.write(&load, broken).await.unwrap_err().kind(), Kind::Data);
        assert_eq!(stand.keys().await, before, "{at:?}");
        if at == At::Moto {
            let uploads = super::servers::python(
                UPLOADS,
                &[&stand.bucket, &super::servers::moto().to_string()],
            );
            assert_eq!(uploads, "0");
        }
    }
}

/// How many uploads in parts were begun and neither finished nor aborted.
const UPLOADS: &str = "
import sys, boto3
bucket, port = sys.argv[1:]
s3 = boto3.client('s3', endpoint_url=f'http://127.0.0.1:{port}', aws_access_key_id='a', aws_secret_access_key='b', region_name='us-east-1')
print(len(s3.list_multipart_uploads(Bucket=bucket).get('Uploads', [])))
";
