//! The driver that dhow uses.

use tiberius::{AuthMethod, Client, Config, EncryptionLevel, error::Error};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use crate::tds::{Encryption, Setup, Tds};

pub(super) type Driver = Client<Compat<TcpStream>>;

/// Settings that lead to the database `shop`.
pub(super) fn config(server: &Tds, level: EncryptionLevel) -> Config {
    let mut config = Config::new();
    config.host("127.0.0.1");
    config.port(server.port());
    config.database("shop");
    config.authentication(AuthMethod::sql_server(&server.user, &server.password));
    config.encryption(level);
    config.trust_cert();
    config
}

pub(super) async fn connect(config: Config) -> tiberius::Result<Driver> {
    let stream = TcpStream::connect(config.get_addr()).await.expect("the server listens");
    Client::connect(config, stream.compat_write()).await
}

pub(super) async fn client(server: &Tds) -> Driver {
    connect(config(server, EncryptionLevel::NotSupported)).await.expect("it lets ann in")
}

/// The number of an error of the server.
pub(super) fn number(error: &Error) -> Option<u32> {
    match error {
        Error::Server(token) => Some(token.code()),
        _ => None,
    }
}

/// What a statement is refused with; 0 if it is not.
pub(super) async fn refusal(client: &mut Driver, sql: &str) -> u32 {
    let done = async { client.simple_query(sql).await?.into_results().await }.await;
    done.err().map_or(0, |error| number(&error).unwrap_or_else(|| panic!("{error}")))
}

#[tokio::test]
async fn the_driver_logs_in_with_and_without_tls() {
    let levels = [
        EncryptionLevel::NotSupported,
        EncryptionLevel::Off,
        EncryptionLevel::On,
        EncryptionLevel::Required,
    ];
    for (own, welcome) in [
        (Encryption::Off, [true, true, true, true]),
        (Encryption::On, [true, true, true, true]),
        // The driver does as it is told, whatever it asked for.
        (Encryption::Required, [true, true, true, true]),
        (Encryption::NotSupported, [true, false, false, false]),
    ] {
        let server = Tds::with(&Setup { encryption: own, ..Setup::default() });
        for (level, expected) in levels.into_iter().zip(welcome) {
            let found = async {
                let mut client = connect(config(&server, level)).await?;
                client.simple_query("select 1").await?.into_row().await
            };
            assert_eq!(found.await.is_ok(), expected, "{own:?} {level:?}");
        }
    }
}

#[tokio::test]
async fn who_is_unknown_stays_outside() {
    let server = Tds::start();
    let mut wrong = config(&server, EncryptionLevel::On);
    wrong.authentication(AuthMethod::sql_server("ann", "wrong"));
    assert_eq!(number(&connect(wrong).await.unwrap_err()), Some(18_456));
    let mut nowhere = config(&server, EncryptionLevel::On);
    nowhere.database("nowhere");
    assert_eq!(number(&connect(nowhere).await.unwrap_err()), Some(4060));
    let names: Vec<_> = server.logins().into_iter().map(|l| (l.user, l.database)).collect();
    let expected = [("ann", "shop"), ("ann", "nowhere")];
    assert_eq!(names, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[tokio::test]
async fn a_certificate_is_checked_against_its_authority() {
    let server = Tds::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, server.authority()).unwrap();
    let mut known = Config::new();
    known.host("127.0.0.1");
    known.port(server.port());
    known.database("shop");
    known.authentication(AuthMethod::sql_server(&server.user, &server.password));
    let unknown = known.clone();
    known.trust_cert_ca(file.to_str().unwrap());
    let mut client = connect(known).await.unwrap();
    assert!(client.simple_query("select 1").await.is_ok());
    assert!(matches!(connect(unknown).await, Err(Error::Tls(_) | Error::Io { .. })));
}

#[tokio::test]
async fn parameters_are_handed_over() {
    let server = Tds::start();
    let mut client = client(&server).await;
    let row = client
        .query(
            "select @P1 + 1, @P2 + N'!', @P3, @P4",
            &[&41_i32, &"ж", &Option::<i64>::None, &true],
        )
        .await
        .unwrap()
        .into_row()
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.get::<i32, _>(0), Some(42));
    assert_eq!(row.get::<&str, _>(1), Some("ж!"));
    assert_eq!(row.get::<i64, _>(2), None);
    assert_eq!(row.get::<bool, _>(3), Some(true));
}

#[tokio::test]
async fn several_statements_answer_one_after_the_other() {
    let server = Tds::start();
    let mut client = client(&server).await;
    let sql = "declare @n int = 0; while @n < 3 begin set @n = @n + 1; if @n <> 2 select @n end; \
               print 'done'; select cast(N'x' as varchar(3)), @@trancount";
    let all = client.simple_query(sql).await.unwrap().into_results().await.unwrap();
    let first: Vec<Option<i32>> = all.iter().take(2).map(|rows| rows[0].get(0)).collect();
    assert_eq!(first, [Some(1), Some(3)]);
    assert_eq!(all[2][0].get::<&str, _>(0), Some("x"));
}
