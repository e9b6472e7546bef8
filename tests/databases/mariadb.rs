//! A MariaDB server of the tests' own: in a temporary folder, on a Unix socket and a free loopback
//! port, and gone with the process that started it, however that ends.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

/// The server that all tests of this process share.
pub(crate) static SHARED: LazyLock<MariaDb> = LazyLock::new(|| MariaDb::start(&[]));

/// A running server. Its user `dhow` may do everything and has no password.
#[derive(Debug)]
pub(crate) struct MariaDb {
    /// The private folder of the server.
    pub(crate) folder: PathBuf,
    /// The Unix socket.
    pub(crate) socket: PathBuf,
    /// The port on the loopback.
    pub(crate) port: u16,
    databases: AtomicUsize,
    keeper: Mutex<Keeper>,
}

#[derive(Debug)]
struct Keeper {
    shell: Child,
    orders: Option<ChildStdin>,
}

/// Makes a server and keeps it until its standard input ends: then it is killed and the folder
/// removed, also when whoever started it was killed. `restart` and `crash` do what they say.
const KEEP: &str = r#"
set -e
dir=$1; port=$2; shift 2
# Servers that share a folder for temporary tables delete those of each other.
export TMPDIR="$dir"
pid=
halt() { [ -z "$pid" ] || { kill "-$1" "$pid" && wait "$pid"; } >/dev/null 2>&1 || true; pid=; }
cleanup() { halt KILL; rm -rf "$dir"; }
trap cleanup EXIT
trap '' INT TERM
mariadb-install-db --no-defaults --datadir="$dir/data" --auth-root-authentication-method=normal \
  --skip-test-db --innodb-log-file-size=16M >"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
start() {
  mariadbd --no-defaults --datadir="$dir/data" --socket="$dir/s" --port="$port" \
    --bind-address=127.0.0.1 --pid-file="$dir/pid" --skip-name-resolve --max-connections=200 \
    --innodb-flush-log-at-trx-commit=0 --innodb-log-file-size=16M --log-warnings=1 "$@" \
    >>"$dir/log" 2>&1 </dev/null &
  pid=$!
  until mariadb-admin --no-defaults -u root -S "$dir/s" ping >/dev/null 2>&1; do
    kill -0 "$pid" || { cat "$dir/log" >&2; exit 1; }
    sleep 0.05
  done
}
start "$@"
mariadb --no-defaults -u root -S "$dir/s" \
  -e "create user dhow@'%'; grant all on *.* to dhow@'%' with grant option"
echo ready
while read -r order; do
  case $order in
    restart) halt TERM; start "$@" ;;
    crash) halt KILL; start "$@" ;;
  esac
  echo done
done
"#;

impl MariaDb {
    /// Starts a server with these settings, such as `--max-connections=10`.
    pub(crate) fn start(settings: &[&str]) -> Self {
        assert!(installed(), "these tests need MariaDB: run `make test`, which installs it");
        let folder = private_folder();
        let port = free_port();
        let mut shell = as_ordinary_user()
            .args(["sh", "-c", KEEP, "keep"])
            .arg(&folder)
            .arg(port.to_string())
            .args(settings)
            .env("PATH", path())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let orders = shell.stdin.take();
        let server = MariaDb {
            socket: folder.join("s"),
            folder,
            port,
            databases: AtomicUsize::new(0),
            keeper: Mutex::new(Keeper { shell, orders }),
        };
        server.keeper.lock().expect("no thread panicked").expect("ready");
        server
    }

    /// A new, empty database; its name begins with `what`.
    pub(crate) fn database(&self, what: &str) -> String {
        let name = format!("{what}_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("mysql", &format!("create database `{name}` character set utf8mb4"));
        name
    }

    /// A new, empty database as a URL over the loopback, and its name.
    pub(crate) fn url(&self, what: &str) -> (String, String) {
        let name = self.database(what);
        (format!("mysql://dhow@127.0.0.1:{}/{name}", self.port), name)
    }

    /// What the command line of MariaDB prints for `sql`: values between tabs, without headings;
    /// fails with its message.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let out = self.try_sql(database, sql);
        out.unwrap_or_else(|message| panic!("{sql}\n{message}"))
    }

    /// The same, or the message of the command line.
    pub(crate) fn try_sql(&self, database: &str, sql: &str) -> Result<String, String> {
        use std::io::Write;
        let mut client = self.client(database).spawn().expect("mariadb starts");
        let mut orders = client.stdin.take().expect("piped");
        // A statement may be longer than an argument.
        let sql = sql.as_bytes().to_vec();
        let writer = std::thread::spawn(move || orders.write_all(&sql));
        let out = client.wait_with_output().expect("mariadb ends");
        let _ = writer.join();
        match out.status.success() {
            true => Ok(String::from_utf8(out.stdout).expect("UTF-8").trim_end().to_owned()),
            false => Err(String::from_utf8_lossy(&out.stderr).into_owned()),
        }
    }

    /// The command line of MariaDB as the administrator, its three streams piped.
    pub(crate) fn client(&self, database: &str) -> Command {
        let mut command = Command::new("mariadb");
        command
            .args(["--no-defaults", "--batch", "--skip-column-names", "--unbuffered"])
            .args(["--default-character-set=utf8mb4", "--user=root", "--max-allowed-packet=1G"])
            // Nobody waits a day for a lock that somebody else has kept.
            .arg("--init-command=set session lock_wait_timeout = 300")
            .arg(format!("--socket={}", self.socket.display()))
            .arg(database)
            .env("PATH", path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Stops the server and starts it again: `restart`, or `crash` (killed).
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
        assert_eq!(line.trim(), word, "the MariaDB server of the tests did not start");
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        // A panic in a drop would hide why the test failed.
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        keeper.orders = None;
        let _ = keeper.shell.wait();
    }
}

/// MariaDB does not like to run as root; Debian's package brings a user for it.
fn as_ordinary_user() -> Command {
    match rustix::process::geteuid().is_root() {
        false => Command::new("env"),
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=mysql", "--regid=mysql", "--clear-groups"]);
            command
        }
    }
}

/// A folder below `/tmp`, because the path of a socket may not be long.
fn private_folder() -> PathBuf {
    let out = as_ordinary_user()
        .args(["mktemp", "-d", "/tmp/dhow-my-XXXXXX"])
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

/// Servers are kept in `sbin`, which is not on everybody's path.
fn path() -> String {
    format!("{}:/usr/sbin:/usr/local/sbin", std::env::var("PATH").unwrap_or_default())
}

fn installed() -> bool {
    let has = |name: &str| path().split(':').any(|dir| Path::new(dir).join(name).exists());
    ["mariadbd", "mariadb-install-db", "mariadb-admin", "mariadb"].into_iter().all(has)
}
