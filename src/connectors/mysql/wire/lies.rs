//! Servers that are MySQL alone, that are cut off, and that lie.

use std::sync::Arc;

use super::proof_tests::hears;
use super::script::{
    MYSQL_5, MYSQL_8, Turn, answers, column, counted, error, framed, greeting, ok,
};
use super::script::{recorded, serve};
use super::*;
use crate::connectors::mysql::decode::{Decoder, Policies, Reading, reading};
use crate::error::Kind;
use crate::source::Stop;

pub(super) fn said(failure: Failure) -> Error {
    match failure {
        Failure::Told(error) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_asks_for_ever_or_for_a_file_is_left() {
    let switch = [&[0xfe][..], b"mysql_native_password\0", b"abcdefghij1234567890\0"].concat();
    let turns = vec![Turn::Answer(vec![switch]); 20];
    let (opened, _) = hears("mysql_native_password", turns).await;
    assert_eq!(said(opened.unwrap_err()).kind(), Kind::Data);

    let file = [&[0xfb][..], b"/etc/passwd"].concat();
    let turns = vec![Turn::Answer(vec![ok()]), Turn::Answer(vec![file])];
    let (login, heard) = serve(greeting("8.0.40", "mysql_native_password", MYSQL_8), turns).await;
    let mut connection = Connection::open(&login).await.unwrap();
    let error = said(connection.execute("set names utf8mb4").await.unwrap_err());
    assert_eq!(error.message(), "the server asked for a file of this machine");
    assert!(!connection.is_usable());
    drop(connection);
    assert_eq!(heard.await.unwrap().len(), 2, "nothing but the login and the statement was sent");
}

#[tokio::test]
async fn a_server_that_greets_with_an_error_says_why() {
    let (login, _) = serve(b"\xff\x10\x04Too many connections".to_vec(), vec![]).await;
    let Err(Failure::Server(answer)) = Connection::open(&login).await else { panic!("let in") };
    assert_eq!((answer.code, answer.message.as_str()), (1040, "Too many connections"));
}

/// The type numbers of the wire.
const LONG: u8 = 3;
const JSON: u8 = 245;
const VECTOR: u8 = 242;
const VAR_STRING: u8 = 253;

/// Two columns, and three rows of them.
fn sample() -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let columns = vec![column("id", LONG, 1, 63), column("doc", JSON, 0, 63)];
    let row = |id: u32, doc: &[u8]| [&[0, 0], &id.to_le_bytes()[..], &counted(doc)].concat();
    let null = [&[0, 8][..], &7_u32.to_le_bytes()].concat();
    (columns, vec![row(5, b"{}"), null, row(9, &[b'x'; 300])])
}

async fn readings(connection: &mut Connection) -> Result<Vec<Reading>> {
    let columns = connection.describe("select").await?;
    let readings = columns.iter().map(|column| reading(column, &Policies::default()));
    Ok(readings.collect::<crate::error::Result<_>>()?)
}

/// Reads all there is; the number of rows.
async fn count(connection: &mut Connection, readings: &[Reading]) -> Result<usize> {
    let mut decoder = Decoder::new(readings, 2, "t 0", Arc::new(Stop));
    let mut rows = connection.rows("select").await?;
    let mut count = 0;
    while let Some(batch) = rows.next(&mut decoder).await? {
        count += batch.num_rows();
    }
    Ok(count)
}

#[tokio::test]
async fn rows_end_as_servers_of_every_age_end_them() {
    for flags in [MYSQL_5, MYSQL_8] {
        let (columns, rows) = sample();
        let [prepared, run] = answers(&columns, &rows, flags);
        let turns = [Turn::Answer(vec![ok()]), prepared.clone(), prepared, run];
        // A statement is forgotten before the next one is prepared.
        let forget = Turn::Answer(vec![]);
        let turns = [&turns[..2], &[forget], &turns[2..]].concat();
        let greeting = greeting("5.7.44", "mysql_native_password", flags);
        let (login, _) = serve(greeting, turns).await;
        let mut connection = Connection::open(&login).await.unwrap();
        let readings = readings(&mut connection).await.unwrap();
        assert_eq!(readings[1].field.metadata()["dhow.source_type"], "mysql:json");
        assert_eq!(count(&mut connection, &readings).await.unwrap(), 3);
        assert!(connection.is_usable());
    }
}

#[tokio::test]
async fn a_vector_is_refused_with_what_reads_it() {
    let [prepared, _] = answers(&[column("v", VECTOR, 0, 63)], &[], MYSQL_8);
    let Turn::Answer(packets) = prepared else { panic!("an answer") };
    let mut connection = recorded(&framed(&packets, 1), MYSQL_8).await;
    let error = said(readings(&mut connection).await.unwrap_err());
    assert_eq!(error.kind(), Kind::Unsupported);
    assert_eq!(error.advice(), Some("read it with a `query`: `vector_to_string(column)`"));
}

/// The bytes of a whole conversation: a description, and then the rows.
fn conversation(flags: u32) -> (Vec<u8>, Vec<u8>) {
    let (columns, rows) = sample();
    let [prepared, run] = answers(&columns, &rows, flags).map(|turn| match turn {
        Turn::Answer(packets) => framed(&packets, 1),
        Turn::HangUp => Vec::new(),
    });
    (prepared.clone(), [prepared, run].concat())
}

/// What comes of reading `bytes` as the rows of the sample.
async fn read(bytes: &[u8], readings: &[Reading], flags: u32) -> Result<usize> {
    let mut connection = recorded(bytes, flags).await;
    count(&mut connection, readings).await
}

async fn sample_readings(flags: u32) -> Vec<Reading> {
    let (description, _) = conversation(flags);
    readings(&mut recorded(&description, flags).await).await.unwrap()
}

#[tokio::test]
async fn an_answer_that_is_cut_anywhere_is_an_error_and_never_fewer_rows() {
    for flags in [MYSQL_5, MYSQL_8] {
        let readings = sample_readings(flags).await;
        let (_, whole) = conversation(flags);
        for cut in 0..whole.len() {
            let failure = read(&whole[..cut], &readings, flags).await.unwrap_err();
            assert!(matches!(failure, Failure::Lost(_)), "cut at {cut}: {failure:?}");
        }
        assert_eq!(read(&whole, &readings, flags).await.unwrap(), 3);
    }
}

#[tokio::test]
async fn flipped_bytes_never_panic_and_never_go_on_for_ever() {
    let readings = sample_readings(MYSQL_8).await;
    let (_, whole) = conversation(MYSQL_8);
    for at in 0..whole.len() {
        for with in [0x01, 0x80, 0xff, whole[at], whole[at] ^ 0xfb, whole[at] ^ 0xfe] {
            let mut bytes = whole.clone();
            bytes[at] ^= with;
            let _ = read(&bytes, &readings, MYSQL_8).await;
            let mut connection = recorded(&bytes, MYSQL_8).await;
            let _ = connection.describe("select").await;
            let mut connection = recorded(&bytes, MYSQL_8).await;
            let _ = connection.query("select").await;
        }
    }
}

#[tokio::test]
async fn an_error_among_the_rows_is_the_error_and_the_session_goes_on() {
    let (columns, mut rows) = sample();
    rows.push(error(1317, "Query execution was interrupted"));
    let [prepared, run] = answers(&columns, &rows, MYSQL_8);
    let bytes = [prepared, run].map(|turn| match turn {
        Turn::Answer(mut packets) => {
            // Nothing follows an error.
            let error = packets.iter().position(|packet| packet[0] == 0xff);
            packets.truncate(error.map_or(packets.len(), |at| at + 1));
            framed(&packets, 1)
        }
        Turn::HangUp => Vec::new(),
    });
    let readings = sample_readings(MYSQL_8).await;
    let mut connection = recorded(&bytes.concat(), MYSQL_8).await;
    let failure = count(&mut connection, &readings).await.unwrap_err();
    assert!(matches!(failure, Failure::Server(answer) if answer.code == 1317));
    assert!(connection.is_usable());
}

#[tokio::test]
async fn a_null_that_the_server_promised_there_is_none_of_is_refused() {
    let columns = [column("id", LONG, 1, 63)];
    let [prepared, run] = answers(&columns, &[vec![0, 4]], MYSQL_8).map(|turn| match turn {
        Turn::Answer(packets) => framed(&packets, 1),
        Turn::HangUp => Vec::new(),
    });
    let readings = readings(&mut recorded(&prepared, MYSQL_8).await).await.unwrap();
    let failure = read(&[prepared, run].concat(), &readings, MYSQL_8).await.unwrap_err();
    let report = said(failure).report();
    assert!(report.contains("the value is NULL in a column that is NOT NULL"), "{report}");
}

#[tokio::test]
async fn rows_that_are_too_short_or_too_long_are_no_rows() {
    let columns = [column("x", VAR_STRING, 0, 45)];
    for row in [&[0][..], &[0, 0], &[0, 0, 3, b'a'], &[0, 0, 1, b'a', b'b'], &[1, 0, 1, b'a']] {
        let [prepared, run] = answers(&columns, &[row.to_vec()], MYSQL_8).map(|turn| match turn {
            Turn::Answer(packets) => framed(&packets, 1),
            Turn::HangUp => Vec::new(),
        });
        let readings = readings(&mut recorded(&prepared, MYSQL_8).await).await.unwrap();
        let failure = read(&[prepared, run].concat(), &readings, MYSQL_8).await.unwrap_err();
        assert_eq!(said(failure).kind(), Kind::Data, "{row:?}");
    }
}
