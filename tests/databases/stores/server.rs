//! The stores themselves: each starts once for all tests of a process and ends with it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;

use hyper::server::conn::http1::Builder;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;

/// The key that every store knows.
pub(crate) const KEY: &str = "dhow-tests";
/// Its secret.
pub(crate) const SECRET: &str = "secret-of-dhow-tests";
/// The account of Azure's emulator, and its key, which are the same everywhere.
pub(crate) const AZURE_ACCOUNT: &str = "devstoreaccount1";
pub(crate) const AZURE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A process that ends when its standard input does, however this one ends.
#[derive(Debug)]
struct Kept {
    port: u16,
    _shell: Child,
    _input: ChildStdin,
}

/// Runs a server until standard input ends.
const KEEP: &str =
    r#""$@" </dev/null & pid=$!; trap 'kill $pid' EXIT; trap '' INT TERM; read -r end"#;

fn keep(program: &Path, arguments: &[&str], port: u16, ready: &str) -> Kept {
    assert!(program.exists(), "`{}` is missing: `make test` installs it", program.display());
    let mut shell = Command::new("sh")
        .args(["-c", KEEP, "keep"])
        .arg(program)
        .args(arguments)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sh starts");
    let input = shell.stdin.take().expect("it is piped");
    let (send, told) = std::sync::mpsc::channel();
    let out: Box<dyn Read + Send> = Box::new(shell.stdout.take().expect("it is piped"));
    let err: Box<dyn Read + Send> = Box::new(shell.stderr.take().expect("it is piped"));
    for stream in [out, err] {
        let send = send.clone();
        // Read to its end, so that the server is never held up by what it says.
        std::thread::spawn(move || {
            BufReader::new(stream).lines().map_while(Result::ok).for_each(|line| {
                let _ = send.send(line);
            });
        });
    }
    drop(send);
    let is_ready = told.iter().any(|line| line.contains(ready));
    assert!(is_ready, "`{}` does not start", program.display());
    std::mem::forget(told);
    Kept { port, _shell: shell, _input: input }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

/// A file of the repository: below its top, also for the part of it that compiles quickly.
fn installed(path: &str) -> PathBuf {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let above = top.parent().unwrap_or(top);
    [top, above]
        .iter()
        .map(|top| top.join(path))
        .find(|path| path.exists())
        .unwrap_or(top.join(path))
}

/// The port of moto.
pub(crate) fn moto() -> u16 {
    static MOTO: LazyLock<Kept> = LazyLock::new(|| {
        let port = free_port();
        let program = installed(".venv-tests/bin/moto_server");
        keep(&program, &["-H", "127.0.0.1", "-p", &port.to_string()], port, "Running on")
    });
    MOTO.port
}

/// The port of Azure's emulator.
pub(crate) fn azurite() -> u16 {
    static AZURITE: LazyLock<Kept> = LazyLock::new(|| {
        let port = free_port();
        let program = installed(".npm-tests/node_modules/.bin/azurite-blob");
        let text = port.to_string();
        let arguments = ["--blobHost", "127.0.0.1", "--blobPort", &text, "--inMemoryPersistence"];
        let arguments = [&arguments[..], &["--skipApiVersionCheck", "--disableTelemetry"]].concat();
        keep(&program, &arguments, port, "successfully listens")
    });
    AZURITE.port
}

/// A new bucket in moto, which looks at no signature.
pub(crate) fn make_in_moto(bucket: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", moto())).expect("moto listens");
    let request = format!(
        "PUT /{bucket} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 0\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={KEY}/20260101/us-east-1/s3/aws4_request, \
         SignedHeaders=host, Signature=0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("moto answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// A new bucket in the folder of s3s.
pub(crate) fn make_in_s3s(bucket: &str) {
    s3s();
    std::fs::create_dir(S3S.1.path.join(bucket)).expect("a folder can be made");
}

/// The port of s3s on a temporary folder; it verifies signatures.
pub(crate) fn s3s() -> u16 {
    S3S.0
}

/// A folder that is removed when this process ends, however it does; what is static is not dropped.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    _shell: Child,
}

impl Folder {
    fn new() -> Self {
        let path = tempfile::tempdir().expect("a temporary folder can be made").keep();
        let shell = Command::new("sh")
            .args(["-c", r#"trap '' INT TERM; read -r end; rm -rf "$1""#, "keep"])
            .arg(&path)
            .current_dir("/")
            .stdin(Stdio::piped())
            .spawn();
        Folder { path, _shell: shell.expect("sh starts") }
    }
}

static S3S: LazyLock<(u16, Folder)> = LazyLock::new(|| {
    let folder = Folder::new();
    let files = s3s_fs::FileSystem::new(&folder.path).expect("the folder is there");
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
    let service = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime starts").block_on(async {
            listener.set_nonblocking(true).expect("it can be told so");
            let listener = tokio::net::TcpListener::from_std(listener).expect("it listens");
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let _ = Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
    });
    (port, folder)
});

/// What a script of another client says, called with `arguments`.
pub(crate) fn python(script: &str, arguments: &[&str]) -> String {
    let output = Command::new(installed(".venv-tests/bin/python"))
        .args(["-c", script])
        .args(arguments)
        .output()
        .expect("Python starts: `make test` installs it");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}
