//! Clients in Python: FreeTDS by pymssql, and python-tds.

use std::process::Command;

use crate::patience;
use crate::tds::{Encryption, Setup, Tds};

/// `DHOW_TEST_PYTHON`, or the environment that `make` fills from `requirements.txt`.
fn python() -> std::path::PathBuf {
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv-tests/bin/python");
    std::env::var_os("DHOW_TEST_PYTHON").map_or(own, Into::into)
}

/// What a Python program prints that is called with the address of `server`.
fn run_python(server: &Tds, program: &str, more: &str) -> String {
    let mut command = Command::new(python());
    command.args(["-c", program, &server.port().to_string()]);
    let out = patience::output(command.args([&server.user, &server.password, more]));
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("Python prints UTF-8")
}

fn with_types() -> Tds {
    let server = Tds::with(&Setup { encryption: Encryption::Off, ..Setup::default() });
    server.execute(
        "shop",
        "create table t (id int primary key, a bit, b bigint, m money, d decimal(38, 10), f float, \
         day date, at datetime, n nvarchar(20), v varchar(20) collate Cyrillic_General_CI_AS, \
         x varbinary(max), g uniqueidentifier, t nvarchar(max)); \
         insert t values (1, 1, -9223372036854775808, -922337203685477.5808, \
         1234567890123456789012345678.0123456789, 0.1, '0001-01-01', '1753-01-01 00:00:00.003', N'ж€', N'жЖ', \
         0x00ff, '6F9619FF-8B86-D011-B42D-00C04FC964FF', replicate(cast(N'ж' as nvarchar(max)), 20000)), \
         (2, null, null, null, null, null, null, null, null, null, null, null, null)",
    );
    server
}

/// What both clients are to print.
const EXPECTED: &str = "1|True|-9223372036854775808|-922337203685477.5808|\
    1234567890123456789012345678.0123456789|0.1|0001-01-01|1753-01-01 00:00:00.003|ж€|жЖ|00ff|\
    6f9619ff-8b86-d011-b42d-00c04fc964ff|20000\n\
    2|None|None|None|None|None|None|None|None|None|None|None|None\n";

/// What both programs do with a connection `db`.
const ASK: &str = r#"
cur = db.cursor()
cur.execute("select * from t order by id")
for row in cur.fetchall():
    row = list(row)
    if row[7] is not None:
        row[7] = row[7].isoformat(" ", "milliseconds")
    row[10] = None if row[10] is None else bytes(row[10]).hex()
    row[12] = None if row[12] is None else len(row[12])
    print("|".join(str(cell) for cell in row))
cur.execute("insert t (id, n) values (%s, %s)", (3, "it's"))
db.rollback()
cur.execute("select count(*) from t")
assert cur.fetchone()[0] == 2
cur.execute("insert t (id, n) values (%s, %s)", (3, "it's"))
db.commit()
try:
    cur.execute("select * from nothing")
    raise SystemExit("no error")
except Exception as error:
    assert "Invalid object name" in str(error), error
"#;

#[test]
fn freetds_reads_every_type_and_writes_in_transactions() {
    let server = with_types();
    let program = format!(
        "import sys, pymssql\n\
         db = pymssql.connect(server='127.0.0.1', port=sys.argv[1], user=sys.argv[2], \
         password=sys.argv[3], database='shop', tds_version='7.4')\n{ASK}"
    );
    assert_eq!(run_python(&server, &program, ""), EXPECTED);
    assert_eq!(server.rows("shop", "select n from t where id = 3"), [[Some("it's".to_owned())]]);
}

#[test]
fn python_tds_reads_every_type_with_and_without_tls() {
    for (encryption, tls) in [(Encryption::NotSupported, ""), (Encryption::Required, "ca.pem")] {
        let server = with_types();
        let _ = encryption;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, server.authority()).unwrap();
        let more = if tls.is_empty() { String::new() } else { file.to_str().unwrap().to_owned() };
        let program = format!(
            "import sys, pytds\n\
             more = dict(cafile=sys.argv[4], validate_host=False) if sys.argv[4] else dict()\n\
             db = pytds.connect(dsn='127.0.0.1', port=int(sys.argv[1]), user=sys.argv[2], \
             password=sys.argv[3], database='shop', **more)\n{ASK}"
        );
        assert_eq!(run_python(&server, &program, &more), EXPECTED);
    }
}

#[test]
fn a_statement_is_taken_back_in_mid_answer_and_packets_have_the_size_that_was_agreed_on() {
    let server = with_types();
    let program = "
import sys, pytds
for size in (512, 4096, 32767):
    db = pytds.connect(dsn='127.0.0.1', port=int(sys.argv[1]), user=sys.argv[2],
                       password=sys.argv[3], database='shop', blocksize=size)
    cur = db.cursor()
    cur.execute('select value, replicate(cast(1 as varchar(max)), 9000) from generate_series(1, 3000)')
    assert cur.fetchone()[0] == 1
    cur.cancel()
    cur.execute('select count(*) from t')
    print(size, cur.fetchone()[0])
    db.close()
";
    assert_eq!(run_python(&server, program, ""), "512 2\n4096 2\n32767 2\n");
    let text = "from generate_series(1, 3000)";
    let log = server.log();
    let taken = log.iter().filter(|s| s.text.contains(text)).map(|s| s.ended);
    assert_eq!(taken.collect::<Vec<_>>(), [Some(-1); 3]);
}
