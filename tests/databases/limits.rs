//! What is rare and real: passwords, poolers, other encodings, and the limits of the server.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};

use crate::cluster::{Cluster, SHARED, as_ordinary_user};
use crate::project::Project;

/// A pipeline from `source` into `sink`; `{at}` stands for a connector and its `url`.
fn project(url: &str, source: &str, sink: &str, more: &str) -> Project {
    let pipeline = format!(
        "sources:\n  rows: {{ {source} }}\nsinks:\n  out: {{ from: rows, {sink} }}\n{more}"
    );
    Project::of(&pipeline.replace("{at}", &format!("type: postgres, url: \"{url}\"")))
}

const FROM: &str = "{at}, table: t";
const INTO: &str = "{at}, table: copy, mode: replace";

/// What a run of `project` says, with what differs between runs replaced.
fn said(project: &Project, replaced: &[(&str, &str)]) -> String {
    let ended = project.run(None);
    let said = replaced.iter().fold(ended.err, |said, (from, to)| said.replace(from, to));
    format!("{said}exit: {}\n", ended.code.unwrap_or(-1))
}

#[test]
fn a_wrong_password_is_said_once_and_never_shown() {
    let own = Cluster::start(&[]);
    let database = own.database("locked");
    own.psql(&database, "create table t (id int); create role asker login password 'right'");
    let rules = "select 'local all all trust' \
                 union all select 'host all asker 127.0.0.1/32 scram-sha-256'";
    own.psql(&database, &format!("copy ({rules}) to program 'cat > pg_hba.conf'"));
    own.order("reload");
    own.psql(&database, "grant all on schema public to asker; grant select on t to asker; grant create on database locked_0 to asker");
    let url = |password| format!("postgres://asker:{password}@127.0.0.1:{}/{database}", own.port);
    let port = own.port.to_string();
    let wrong = project(&url("s3cret-and-wrong"), FROM, INTO, "");
    assert_eq!(
        said(&wrong, &[(&port, "PORT")]),
        r#"error: could not connect to `127.0.0.1:PORT`
  server:   password authentication failed for user "asker"
  sqlstate: 28P01
  server:   postgres://asker@127.0.0.1:PORT/locked_0
  sink:     out

hint: correct the user or the password
exit: 1
"#
    );
    let right = project(&url("right"), FROM, INTO, "");
    assert_eq!(said(&right, &[]), "exit: 0\n");
}

#[test]
fn a_text_with_nul_goes_to_the_reject_table_and_its_neighbours_arrive() {
    a_text_with_nul_is_put_aside(INTO, "rejects: { path: refused, max_rows: 1 }\n");
    // The same, as users of load jobs know it, for one sink.
    for allowed in ["1", "-1"] {
        let sink = format!("{INTO}, max_row_parse_failures: {allowed}");
        a_text_with_nul_is_put_aside(&sink, "rejects: { path: refused }\n");
    }
}

fn a_text_with_nul_is_put_aside(sink: &str, more: &str) {
    let (url, database) = SHARED.url("limits");
    let project = project(&url, "type: json, path: rows.json", sink, more);
    let rows =
        "{\"id\":1,\"name\":\"a\"}\n{\"id\":2,\"name\":\"b\\u0000c\"}\n{\"id\":3,\"name\":\"d\"}\n";
    std::fs::write(project.path("rows.json"), rows).expect("a folder");
    let ended = project.dhow(&["run"]);
    assert_eq!(ended.code, Some(3), "{}", ended.err);
    assert_eq!(SHARED.psql(&database, "select * from copy order by id"), "1|a\n3|d");
    let query = "select source, \"column\", value, reason from refused";
    let shown = project.dhow(&["sql", query, "--source", "refused=refused/out"]);
    assert_eq!(
        shown.out,
        r"+--------------------+--------+---------+--------------------------------------------------------------+
| source             | column | value   | reason                                                       |
+--------------------+--------+---------+--------------------------------------------------------------+
| 000000-00000 row 2 | name   | b\u{0}c | the text has a NUL character, which the server does not keep |
+--------------------+--------+---------+--------------------------------------------------------------+
1 row
",
        "{}",
        shown.err
    );
}

#[test]
fn a_target_that_loses_a_column_in_mid_load_is_told_and_keeps_its_rows() {
    let (url, database) = SHARED.url("limits");
    SHARED.psql(
        &database,
        "create table t (id int primary key, name text);
         insert into t select id, 'n' from generate_series(1, 3000) id; analyze t;
         create table copy (id int, name text); insert into copy values (0, 'before')",
    );
    let source = "{at}, table: t, split_rows: 500";
    let project = project(&url, source, "{at}, table: copy, mode: append", "");
    assert!(project.run(Some("part.recorded:2")).was_killed());
    SHARED.psql(&database, "alter table copy drop column name");
    assert_eq!(
        said(&project, &[]),
        r#"error: column `name` is not in its target
  source: rows.name, Utf8
  target: postgres copy
  sink:   out (postgres)

hint: leave it out in a model, add it to the target, or use mode `replace`
exit: 4
"#
    );
    SHARED.psql(&database, "alter table copy add column name text");
    assert_eq!(said(&project, &[]), "exit: 0\n");
    let sql = "select count(*), count(distinct id), sum(id) from copy";
    assert_eq!(SHARED.psql(&database, sql), "3001|3001|4501500");
}

#[test]
fn names_longer_than_postgres_keeps_are_refused_and_not_cut() {
    let (url, database) = SHARED.url("limits");
    let (socket, port) = (SHARED.socket.display().to_string(), SHARED.port.to_string());
    let long = "a".repeat(64);
    let project = project(&url, "type: csv, path: rows.csv", INTO, "");
    std::fs::write(project.path("rows.csv"), format!("id,{long}\n1,2\n")).expect("a folder");
    assert_eq!(
        said(
            &project,
            &[(&long, "LONG"), (&socket, "SOCKET"), (&port, "PORT"), (&database, "DATABASE")]
        ),
        r#"error: a column cannot be called `LONG`
  bytes:  64
  server: postgres://postgres@SOCKET:PORT/DATABASE
  sink:   out

hint: rename it in a model: names have 1 to 63 bytes, and no NUL
exit: 1
"#
    );
}

#[test]
fn a_table_with_as_many_columns_as_there_can_be_is_copied() {
    let (url, database) = SHARED.url("limits");
    let columns = (0..1600).map(|n| format!("c{n} int")).collect::<Vec<_>>().join(", ");
    let values = (0..1600).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    SHARED.psql(&database, &format!("create table t ({columns}); insert into t values ({values})"));
    assert_eq!(said(&project(&url, FROM, INTO, ""), &[]), "exit: 0\n");
    let sql = "select count(*) from t join copy on t::text = copy::text";
    assert_eq!(SHARED.psql(&database, sql), "1");
}

#[test]
fn other_encodings_are_read_and_what_they_cannot_hold_is_refused() {
    let latin = "encoding 'LATIN1' locale 'C' template template0";
    for name in ["limits_latin", "limits_latin_out"] {
        SHARED.psql("postgres", &format!("create database {name} {latin}"));
    }
    SHARED.psql("limits_latin", "create table t (name text); insert into t values (U&'caf\\00e9')");
    let (url, database) = SHARED.url("limits");
    let of = |name: &str| url.replace(&database, name);
    let latin_to_utf8 = format!("type: postgres, url: \"{}\", table: t", of("limits_latin"));
    assert_eq!(said(&project(&url, &latin_to_utf8, INTO, ""), &[]), "exit: 0\n");
    let bytes = "select encode(convert_to(name, 'UTF8'), 'hex') from copy";
    assert_eq!(SHARED.psql(&database, bytes), "636166c3a9");

    SHARED.psql(&database, "create table t (name text); insert into t values (U&'\\20ac 5')");
    let into_latin =
        format!("type: postgres, url: \"{}\", table: copy, mode: replace", of("limits_latin_out"));
    assert_eq!(
        said(&project(&url, FROM, &into_latin, ""), &[]),
        r#"error: could not write rows to `public.copy`
  server:   character with byte sequence 0xe2 0x82 0xac in encoding "UTF8" has no equivalent in encoding "LATIN1"
  sqlstate: 22P05
  sink:     out

hint: the encoding of the database lacks this character: replace it in a model, or load a database in UTF8
exit: 1
"#
    );
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    SHARED.psql(
        "postgres",
        "create database limits_ascii encoding 'SQL_ASCII' locale 'C' template template0",
    );
    SHARED.psql(
        "limits_ascii",
        "create table t (id int, name text); insert into t values (1, 'ok'), (2, E'caf\\xe9')",
    );
    let (url, database) = SHARED.url("limits");
    let source =
        format!("type: postgres, url: \"{}\", table: t", url.replace(&database, "limits_ascii"));
    assert_eq!(
        said(&project(&url, &source, INTO, ""), &[]),
        "error: the text is not valid UTF-8
  place:  t 000000 row 2
  column: name
  value:  caf\u{fffd}
  sink:   out

hint: the database has no encoding: correct the value, or read it as bytea with a `query`
exit: 1
"
    );
}

#[test]
fn a_value_of_a_quarter_of_a_gigabyte_arrives() {
    let (url, database) = SHARED.url("limits");
    SHARED.psql(&database, "create table t (id int, v text); insert into t values (1, 'small'), (2, repeat('x', 1 << 28)), (3, 'small')");
    assert_eq!(said(&project(&url, FROM, INTO, ""), &[]), "exit: 0\n");
    let sql = "select count(*) from t join copy using (id, v)";
    assert_eq!(SHARED.psql(&database, sql), "3");
}

/// PgBouncer before the shared server, which lends a session for a transaction at a time.
struct Pooler(Child, u16);

impl Pooler {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        drop(listener);
        let settings = format!(
            "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             auth_type = any\nunix_socket_dir =\npool_mode = transaction\n\
             ignore_startup_parameters = extra_float_digits\n",
            SHARED.socket.display(),
            SHARED.port
        );
        let settings = settings.replace("* = host", "* = user=postgres host");
        let file = tempfile::Builder::new().prefix("dhow-pgbouncer").tempfile().expect("a file");
        std::fs::write(file.path(), settings).expect("the file can be written");
        std::fs::set_permissions(file.path(), PermissionsExt::from_mode(0o644)).expect("ours");
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"];
        let program = program.into_iter().find(|path| std::path::Path::new(path).exists());
        let program = program.unwrap_or_else(|| {
            panic!("this test needs PgBouncer: run `make test`, which installs it")
        });
        let mut child = as_ordinary_user()
            .arg(program)
            .arg("-q")
            .arg(file.path())
            .current_dir("/")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("PgBouncer starts");
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert_eq!(child.try_wait().expect("a child"), None, "PgBouncer did not start");
        }
        Pooler(child, port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_pooler_that_lends_sessions_for_a_transaction_is_found_and_refused() {
    let (_, database) = SHARED.url("limits");
    SHARED.psql(&database, "create table t (id int); insert into t values (1)");
    let pooler = Pooler::start();
    let url = format!("postgres://postgres@127.0.0.1:{}/{database}", pooler.1);
    let port = pooler.1.to_string();
    assert_eq!(
        said(&project(&url, FROM, INTO, ""), &[(&port, "PORT"), (&database, "DATABASE")]),
        r#"error: the server at `127.0.0.1:PORT` ignores session settings: it looks like a connection pooler
  server: postgres://postgres@127.0.0.1:PORT/DATABASE
  sink:   out

hint: connect to the server itself, past the pooler, or through a pool in session mode that passes startup options on
exit: 1
"#
    );
}
