//! The Python of the tests: it holds Google's discovery document and makes a key for a service
//! account that exists nowhere.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// What is asked of Python once for the whole process.
#[derive(Debug)]
pub(crate) struct Facts {
    /// Google's machine-readable contract, `bigquery.v2.json`.
    pub(crate) discovery: Value,
    /// A private key as service accounts have it: PKCS #8 in PEM.
    pub(crate) private_key: String,
    /// Its public half: the DER of PKCS #1.
    pub(crate) public_key: Vec<u8>,
}

/// Prints the path of the document and the two keys.
const ASK: &str = r#"
import base64, json, pathlib
import googleapiclient.discovery_cache as cache
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import rsa
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
print(json.dumps({
    "document": str(pathlib.Path(cache.__file__).parent / "documents" / "bigquery.v2.json"),
    "private": key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode(),
    "public": base64.b64encode(key.public_key().public_bytes(form.Encoding.DER, form.PublicFormat.PKCS1)).decode(),
}))
"#;

/// Asked at the first use.
pub(crate) static FACTS: LazyLock<Facts> = LazyLock::new(ask);

/// `DHOW_TEST_PYTHON`, or the Python of `.venv-tests`, which `make test` makes.
pub(crate) fn python() -> PathBuf {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/.venv-tests/bin/python");
    let python = std::env::var_os("DHOW_TEST_PYTHON").map_or(PathBuf::from(own), PathBuf::from);
    assert!(
        python.exists(),
        "no Python with the packages of tests/databases/requirements.txt at {}: run `make test`, \
         which makes .venv-tests, or let DHOW_TEST_PYTHON name one",
        python.display()
    );
    python
}

fn ask() -> Facts {
    let out = Command::new(python()).args(["-c", ASK]).output().expect("Python starts");
    assert!(
        out.status.success(),
        "the Python of the tests lacks packages; run `make test`, which installs them: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    let said: Value = serde_json::from_slice(&out.stdout).expect("JSON was asked for");
    let text = |name: &str| said[name].as_str().expect("a text was asked for").to_owned();
    let document = std::fs::read(text("document")).expect("the package holds its document");
    let public = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text("public"));
    Facts {
        discovery: serde_json::from_slice(&document).expect("Google's document is JSON"),
        private_key: text("private"),
        public_key: public.expect("Base64 was asked for"),
    }
}
