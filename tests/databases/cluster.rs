//! A PostgreSQL server of the tests' own: in a temporary folder, on a Unix socket and a free
//! loopback port, and gone with the process that started it, however that ends.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

/// The server that all tests of this process share.
pub(crate) static SHARED: LazyLock<Cluster> = LazyLock::new(|| Cluster::start(&[]));

/// A running server.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// The folder of the Unix socket; also its `host` in a connection.
    pub(crate) socket: PathBuf,
    /// The port on the loopback, and the number in the socket's name.
    pub(crate) port: u16,
    databases: AtomicUsize,
    keeper: Mutex<Keeper>,
}

#[derive(Debug)]
struct Keeper {
    shell: Child,
    orders: Option<ChildStdin>,
}

/// Makes a cluster and keeps it until its standard input ends: then the server is stopped and the
/// folder removed, also when whoever started it was killed. `restart` and `crash` do what they say.
const KEEP: &str = r#"
set -e
dir=$1; bin=$2; port=$3; shift 3
cleanup() { "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || true; rm -rf "$dir"; }
trap cleanup EXIT
trap '' INT TERM
# Where tests put locales of their own; those of the machine are found as well.
export LOCPATH="$dir/locale"
"$bin/initdb" -D "$dir/data" -A trust -U postgres -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
start() {
  "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -o "-k $dir -p $port -c fsync=off -c listen_addresses=127.0.0.1 -c max_connections=200 $*" start >/dev/null
}
start "$@" || { cat "$dir/log" >&2; exit 1; }
echo ready
while read -r order; do
  case $order in
    restart) "$bin/pg_ctl" -D "$dir/data" -m fast -w stop >/dev/null; start "$@" ;;
    crash) "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null; start "$@" ;;
    reload) "$bin/pg_ctl" -D "$dir/data" reload >/dev/null ;;
  esac
  echo done
done
"#;

impl Cluster {
    /// Starts a server with these settings, such as `-c max_connections=10`.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let dir = private_folder();
        let port = free_port();
        let mut shell = as_ordinary_user()
            .args(["sh", "-c", KEEP, "keep"])
            .arg(&dir)
            .arg(binaries())
            .arg(port.to_string())
            .args(settings)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let orders = shell.stdin.take();
        let cluster = Cluster {
            socket: dir,
            port,
            databases: AtomicUsize::new(0),
            keeper: Mutex::new(Keeper { shell, orders }),
        };
        cluster.keeper.lock().expect("no thread panicked").expect("ready");
        cluster
    }

    /// A new, empty database; its name begins with `what`.
    pub(crate) fn database(&self, what: &str) -> String {
        let name = format!("{what}_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("create database \"{name}\" template template0"));
        name
    }

    /// A new, empty database as a URL over the Unix socket.
    pub(crate) fn url(&self, what: &str) -> (String, String) {
        let name = self.database(what);
        (self.url_of(&name), name)
    }

    /// A database that is there as a URL over the Unix socket.
    pub(crate) fn url_of(&self, database: &str) -> String {
        let socket = self.socket.display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{socket}:{}/{database}", self.port)
    }

    /// What psql prints for `sql`, unaligned and without headings; fails with its message.
    pub(crate) fn psql(&self, database: &str, sql: &str) -> String {
        let out = self.try_psql(database, sql);
        out.unwrap_or_else(|message| panic!("{sql}\n{message}"))
    }

    /// The same, or the message of psql.
    pub(crate) fn try_psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let out = Command::new(binaries().join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres"])
            .args(["-p", &self.port.to_string(), "-d", database, "-c", sql])
            .arg("-h")
            .arg(&self.socket)
            // Nobody waits for ever for a lock that somebody else has kept.
            .env("PGOPTIONS", "-c statement_timeout=5min")
            .output()
            .expect("psql starts");
        match out.status.success() {
            true => Ok(String::from_utf8(out.stdout).expect("UTF-8").trim_end().to_owned()),
            false => Err(String::from_utf8_lossy(&out.stderr).into_owned()),
        }
    }

    /// Stops the server and starts it again: `restart`, `crash` (without a checkpoint) or `reload`.
    pub(crate) fn order(&self, order: &str) {
        use std::io::Write;
        let mut keeper = self.keeper.lock().expect("no thread panicked");
        writeln!(keeper.orders.as_mut().expect("open"), "{order}").expect("the keeper lives");
        keeper.expect("done");
    }
}

impl Keeper {
    fn expect(&mut self, word: &str) {
        let out = self.shell.stdout.as_mut().expect("piped");
        let mut line = String::new();
        let _ = BufReader::with_capacity(1, out).read_line(&mut line);
        assert_eq!(line.trim(), word, "the PostgreSQL server of the tests did not start");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut keeper = self.keeper.lock().expect("no thread panicked");
        keeper.orders = None;
        let _ = keeper.shell.wait();
    }
}

/// PostgreSQL refuses to run as root.
pub(crate) fn as_ordinary_user() -> Command {
    match is_root() {
        false => Command::new("env"),
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
            command
        }
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A folder below `/tmp`, because the path of a socket may not be long.
fn private_folder() -> PathBuf {
    let out = as_ordinary_user()
        .args(["mktemp", "-d", "/tmp/dhow-pg-XXXXXX"])
        .current_dir("/")
        .output()
        .expect("mktemp starts");
    let path = String::from_utf8(out.stdout).expect("UTF-8");
    assert!(out.status.success(), "no folder for a server: {:?}", out.stderr);
    PathBuf::from(path.trim())
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

/// Where `initdb` and `pg_ctl` are: Debian keeps them off the path.
fn binaries() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    found.sort();
    found.extend(std::env::var("PATH").unwrap_or_default().split(':').map(PathBuf::from));
    let has_server = |dir: &PathBuf| Path::new(dir).join("initdb").exists();
    found.into_iter().find(has_server).unwrap_or_else(|| {
        panic!("these tests need a PostgreSQL server: run `make test`, which installs it")
    })
}
