//! Every file source on every store: the same rows as from a folder, whatever the keys are called.

use super::servers::Effect;
use super::stand::{ALL, At, Row, Stand, batch, owned, rows_of};
use crate::error::Kind;
use crate::sink::Mode;
use crate::source::Window;

const ROWS: &[Row] = &[(1, "one"), (2, "ü,x")];

fn files() -> [(&'static str, &'static str, Vec<u8>); 4] {
    let csv = b"id,word\n1,one\n2,\"\xc3\xbc,x\"\n".to_vec();
    let json = "{\"id\":1,\"word\":\"one\"}\n{\"id\":2,\"word\":\"ü,x\"}\n".as_bytes().to_vec();
    let mut parquet = Vec::new();
    let schema = batch(&[]).schema();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut parquet, schema, None).unwrap();
    writer.write(&batch(ROWS)).unwrap();
    writer.close().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &csv).unwrap();
    let gzip = gzip.finish().unwrap();
    [
        ("csv", "csv", csv),
        ("csv", "csv.gz", gzip),
        ("json", "ndjson", json),
        ("parquet", "parquet", parquet),
    ]
}

#[tokio::test]
async fn every_format_is_read_from_every_store_by_name_and_by_glob() {
    for at in ALL {
        let stand = Stand::new(at);
        for (connector, ending, bytes) in files() {
            for name in ["a", "b"] {
                stand.put(&format!("in/{ending}/{name}.{ending}"), bytes.clone()).await;
            }
            stand.put(&format!("in/{ending}/_c.{ending}"), bytes.clone()).await;
            stand.put(&format!("in/{ending}/more/d.{ending}"), bytes.clone()).await;
            let one = stand.read(connector, &format!("in/{ending}/a.{ending}")).await.unwrap();
            assert_eq!(one, owned(ROWS), "{at:?} {ending}");
            let two = stand.read(connector, &format!("in/{ending}/*.{ending}")).await.unwrap();
            assert_eq!(two.len(), 4, "{at:?} {ending}");
            let three = stand.read(connector, &format!("in/{ending}/**/*.{ending}")).await.unwrap();
            assert_eq!(three.len(), 6, "{at:?} {ending}");
        }
        let folder = stand.read("parquet", "in/parquet/").await.unwrap();
        assert_eq!(folder.len(), 6, "{at:?}");
    }
}

#[tokio::test]
async fn names_with_spaces_percent_signs_and_other_alphabets_are_names() {
    for at in ALL {
        let stand = Stand::new(at);
        for name in ["a b", "a%20b", "ä+ö=ü&x", "日本", "a#b"] {
            let key = format!("in {name}/{name}.csv");
            stand.put(&key, "id,word\n1,one\n").await;
            let read = stand.read("csv", &key).await.unwrap();
            assert_eq!(read, owned(&[(1, "one")]), "{at:?} {name}");
            let read = stand.read("csv", &format!("in {name}/*.csv")).await.unwrap();
            assert_eq!(read, owned(&[(1, "one")]), "{at:?} {name}, by glob");
        }
        let id = stand.load_into("out ü/t %", "a", Mode::Append, &[ROWS]).await.unwrap().load;
        assert_eq!(id.as_str(), "a");
        assert_eq!(stand.read("parquet", "out ü/t %").await.unwrap(), owned(ROWS), "{at:?}");
        assert_eq!(stand.listed("out ü/t %"), owned(ROWS), "{at:?}");
    }
}

#[tokio::test]
async fn more_keys_than_one_page_are_all_found() {
    let stand = Stand::new(At::Moto);
    let script = "
import sys, boto3
from concurrent.futures import ThreadPoolExecutor
bucket, port = sys.argv[1:]
s3 = boto3.client('s3', endpoint_url=f'http://127.0.0.1:{port}', aws_access_key_id='a', aws_secret_access_key='b', region_name='us-east-1')
with ThreadPoolExecutor(4) as pool:
    list(pool.map(lambda n: s3.put_object(Bucket=bucket, Key=f'many/{n:05}.txt', Body=b''), range(5200)))
for n in (3, 5100):
    s3.put_object(Bucket=bucket, Key=f'many/{n:05}.csv', Body=f'id,word\\n{n},w\\n'.encode())
";
    super::servers::python(script, &[&stand.bucket, &super::servers::moto().to_string()]);
    stand.gate.seen();
    let read = stand.read("csv", "many/*.csv").await.unwrap();
    assert_eq!(read, owned(&[(3, "w"), (5100, "w")]));
    let pages = stand.gate.seen().iter().filter(|asked| asked.contains("list-type=2")).count();
    assert_eq!(pages, 6);
    // A page that does not come makes no shorter list.
    stand.gate.rule("GET", "continuation-token", 99, Effect::Answer(500, ""));
    assert_eq!(stand.read("csv", "many/*.csv").await.unwrap_err().kind(), Kind::Unavailable);
}

#[tokio::test]
async fn an_object_that_changed_since_it_was_planned_is_refused_and_so_is_one_that_is_gone() {
    for at in ALL {
        for (connector, ending, bytes) in files() {
            let stand = Stand::new(at);
            let key = format!("a.{ending}");
            stand.put(&key, bytes.clone()).await;
            let source = stand.source(connector, &key, &[]).unwrap();
            let snapshot = source.open(&Window::default()).await.unwrap();
            // Other content of the same size, within the same second.
            let mut other = bytes.clone();
            let middle = other.len() / 2;
            other[middle] ^= 1;
            stand.put(&key, other).await;
            let error = rows_of(&*snapshot).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Conflict, "{at:?} {ending}: {}", error.report());
            let address = stand.address(&key);
            assert_eq!(error.message(), format!("`{address}` changed while it was being read"));
            let objects = stand.objects().await;
            let gone = object_store::path::Path::parse(&key).unwrap();
            object_store::ObjectStoreExt::delete(&*objects, &gone).await.unwrap();
            let error = rows_of(&*snapshot).await.unwrap_err();
            // Azure's emulator says of a blob that is gone that it does not match.
            let what = if at == At::Azurite {
                "changed while it was being read"
            } else {
                "was removed since it was planned"
            };
            assert_eq!(error.message(), format!("`{address}` {what}"), "{at:?} {ending}");
        }
    }
}

#[tokio::test]
async fn a_store_that_ignores_the_condition_of_a_read_is_found_out_by_its_answer() {
    let stand = Stand::new(At::Moto);
    stand.put("a.csv", "id,word\n1,one\n").await;
    let source = stand.source("csv", "a.csv", &[]).unwrap();
    let snapshot = source.open(&Window::default()).await.unwrap();
    stand.put("a.csv", "id,word\n1,two\n").await;
    stand.gate.rule("GET", "a.csv", 9, Effect::Ignore("if-match"));
    assert_eq!(rows_of(&*snapshot).await.unwrap_err().kind(), Kind::Conflict);
}

#[tokio::test]
async fn a_large_file_is_cut_into_splits_and_read_in_blocks() {
    let rows: Vec<String> = (0..200_000).map(|n| format!("{n},w{n}")).collect();
    let stand = Stand::new(At::Moto);
    stand.put("a.csv", format!("id,word\n{}\n", rows.join("\n"))).await;
    let source = stand.source("csv", "a.csv", &[("split_bytes", "300000")]).unwrap();
    let snapshot = source.open(&Window::default()).await.unwrap();
    assert!(snapshot.splits().len() > 5);
    let read = rows_of(&*snapshot).await.unwrap();
    assert_eq!(read.len(), 200_000);
    assert!(
        read.iter()
            .enumerate()
            .all(|(at, (id, word))| { i64::try_from(at) == Ok(*id) && *word == format!("w{at}") })
    );
    let lines: String = (0..200_000).map(|n| format!("{{\"id\":{n},\"word\":\"w\"}}\n")).collect();
    stand.put("a.ndjson", lines).await;
    let source = stand.source("json", "a.ndjson", &[("split_bytes", "300000")]).unwrap();
    let snapshot = source.open(&Window::default()).await.unwrap();
    assert!(snapshot.splits().len() > 5);
    assert_eq!(rows_of(&*snapshot).await.unwrap().len(), 200_000);
}
