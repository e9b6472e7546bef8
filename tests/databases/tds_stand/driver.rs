//! The driver that dhow uses.

use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use crate::tds::Tds;

async fn client(
    server: &Tds,
    level: EncryptionLevel,
) -> tiberius::Result<Client<Compat<TcpStream>>> {
    let mut config = Config::new();
    config.host("127.0.0.1");
    config.port(server.port());
    config.database("shop");
    config.authentication(AuthMethod::sql_server(&server.user, &server.password));
    config.encryption(level);
    config.trust_cert();
    let stream = TcpStream::connect(config.get_addr()).await.unwrap();
    Client::connect(config, stream.compat_write()).await
}

#[tokio::test]
async fn the_driver_logs_in_and_asks() {
    let server = Tds::start();
    server.execute("shop", "create table t (id int primary key, name nvarchar(20)); insert t values (1, N'ж'), (2, null)");
    for level in [
        EncryptionLevel::NotSupported,
        EncryptionLevel::Off,
        EncryptionLevel::On,
        EncryptionLevel::Required,
    ] {
        let mut client = client(&server, level).await.unwrap();
        let rows = client
            .simple_query("select id, name from t order by id")
            .await
            .unwrap()
            .into_first_result()
            .await
            .unwrap();
        let found: Vec<(Option<i32>, Option<&str>)> =
            rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(found, [(Some(1), Some("ж")), (Some(2), None)]);
    }
}
