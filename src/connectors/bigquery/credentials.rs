//! Whom Google knows us as: a key file, gcloud's login, the machine itself, or somebody whom another
//! provider knows; and how each of them asks for a token.

use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::{Client, Request, Url};
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::acting::Acting;
use super::endpoint::is_local;
use super::federation::Federated;
use crate::config::Secret;
use crate::error::{Error, Result};
use crate::network::password::open_private;

/// What tokens are for.
pub(super) const SCOPE: &str = "https://www.googleapis.com/auth/bigquery";
/// What a token is for that asks for another one.
const SCOPE_TO_ACT: &str = "https://www.googleapis.com/auth/cloud-platform";
/// Where a person's login is turned into a token.
const GOOGLE_TOKENS: &str = "https://oauth2.googleapis.com/token";
/// Where the machine is asked for its account.
const METADATA: &str = "metadata.google.internal";
/// Longer files are something else.
const LONGEST: u64 = 1024 * 1024;
/// Seconds that a signed claim is good for, the most that Google allows.
const CLAIM_SECONDS: i64 = 3600;

/// Where credentials are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// This file, which the named option or variable says.
    File(PathBuf, &'static str),
    /// The server that knows the machine, by host; whether somebody has named it.
    Metadata(String, bool),
}

/// Who we are, and as whom we act.
#[derive(Debug)]
pub(super) struct Identity {
    /// Whom Google knows us as.
    pub credentials: Credentials,
    /// The service account whose tokens we ask for.
    pub acting: Option<Acting>,
}

/// Whom Google knows us as.
#[derive(Debug)]
pub(super) enum Credentials {
    /// A service account, by its key.
    Service { email: String, key_id: Option<String>, key: Secret, token_uri: String },
    /// A person, by a login that lasts.
    Person { client_id: String, client_secret: Secret, refresh_token: Secret, token_uri: String },
    /// Somebody whom another provider of identities knows.
    Federated(Federated),
    /// The account of this machine.
    Machine(String),
}

impl Place {
    /// The first place that there is, in the order of Google's own libraries.
    pub(super) fn find(option: Option<&Path>, base: &Path) -> Self {
        let variable =
            |name: &str| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        Self::first(option.map(|path| base.join(path)), variable)
    }

    fn first(option: Option<PathBuf>, variable: impl Fn(&str) -> Option<String>) -> Self {
        const NAMED: &str = "GOOGLE_APPLICATION_CREDENTIALS";
        if let Some(path) = option {
            return Place::File(path, "credentials_file");
        }
        if let Some(path) = variable(NAMED) {
            return Place::File(path.into(), NAMED);
        }
        let gcloud = variable("CLOUDSDK_CONFIG").map(PathBuf::from);
        let home = || Some(PathBuf::from(variable("HOME")?).join(".config/gcloud"));
        if let Some(folder) = gcloud.or_else(home) {
            let path = folder.join("application_default_credentials.json");
            if path.is_file() {
                return Place::File(path, "gcloud");
            }
        }
        match variable("GCE_METADATA_HOST") {
            Some(host) => Place::Metadata(host, true),
            None => Place::Metadata(METADATA.to_owned(), false),
        }
    }

    /// Reads the credentials.
    ///
    /// # Errors
    /// What is wrong with the file; nothing of it is shown.
    pub(super) fn read(&self) -> Result<Identity> {
        match self {
            Place::Metadata(host, _) => {
                Ok(Identity { credentials: Credentials::Machine(host.clone()), acting: None })
            }
            Place::File(path, option) => {
                let mut text = String::new();
                let file = open_private(path, option)?;
                let read = file.take(LONGEST).read_to_string(&mut text);
                read.map_err(|error| Error::io(&error, "read", path))?;
                Identity::of_text(&text).map_err(|error| error.at(*option, path.display()))
            }
        }
    }
}

impl Identity {
    fn of_text(text: &str) -> Result<Self> {
        let file: Value = serde_json::from_str(text)
            .map_err(|_| Error::config("the file with credentials is not JSON"))?;
        let acting = Acting::of(&file)?;
        // Those of whoever acts as another account are inside.
        let own = match file["type"].as_str() {
            Some("impersonated_service_account") => &file["source_credentials"],
            _ => &file,
        };
        Ok(Identity { credentials: Credentials::of(own)?, acting })
    }

    /// What the first token is for.
    pub(super) fn scope(&self) -> &'static str {
        if self.acting.is_some() { SCOPE_TO_ACT } else { SCOPE }
    }
}

impl Credentials {
    fn of(file: &Value) -> Result<Self> {
        let text = |key| text(file, key);
        let token_uri = match file["token_uri"].is_null() {
            true => GOOGLE_TOKENS.to_owned(),
            false => place_of_tokens(file, "token_uri")?,
        };
        match file["type"].as_str().unwrap_or_default() {
            "service_account" => Ok(Credentials::Service {
                email: text("client_email")?,
                key_id: text("private_key_id").ok(),
                key: Secret::guarded(text("private_key")?),
                token_uri,
            }),
            "authorized_user" => Ok(Credentials::Person {
                client_id: text("client_id")?,
                client_secret: Secret::guarded(text("client_secret")?),
                refresh_token: Secret::guarded(text("refresh_token")?),
                token_uri,
            }),
            "external_account" => Federated::of(file).map(Credentials::Federated),
            other => Err(Error::unsupported(format!(
                "credentials of the type `{}` are not known here",
                other.escape_debug()
            ))
            .hint(
                "use the key of a service account, a login of gcloud, workload identity                  federation, or the account of a machine",
            )),
        }
    }

    /// Who it is, for people.
    pub(super) fn shown(&self) -> String {
        match self {
            Credentials::Service { email, .. } => email.clone(),
            Credentials::Person { .. } => "the login of gcloud".to_owned(),
            Credentials::Federated(_) => "the federated identity".to_owned(),
            Credentials::Machine(_) => "the account of this machine".to_owned(),
        }
    }

    /// The request that is answered with a token for `scope`; that of [`Credentials::Federated`]
    /// takes another one before it.
    pub(super) fn request(&self, client: &Client, scope: &str) -> Result<Request> {
        match self {
            Credentials::Machine(host) => {
                let path = "computeMetadata/v1/instance/service-accounts/default/token";
                let url = format!("http://{host}/{path}?scopes={scope}");
                built(client.get(url).header("Metadata-Flavor", "Google"))
            }
            Credentials::Service { token_uri, .. } => {
                let assertion = self.assertion(jiff::Timestamp::now().as_second(), scope)?;
                let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
                form(client, token_uri, &[("grant_type", grant), ("assertion", &assertion)])
            }
            Credentials::Person { client_id, client_secret, refresh_token, token_uri } => {
                let pairs = [
                    ("grant_type", "refresh_token"),
                    ("client_id", client_id),
                    ("client_secret", client_secret.reveal()),
                    ("refresh_token", refresh_token.reveal()),
                ];
                form(client, token_uri, &pairs)
            }
            Credentials::Federated(_) => Err(Error::bug("a subject token comes first")),
        }
    }

    /// The claim of a service account, signed with its key: RFC 7523, RS256.
    fn assertion(&self, now: i64, scope: &str) -> Result<String> {
        let Credentials::Service { email, key_id, key, token_uri } = self else {
            return Err(Error::bug("only a service account signs"));
        };
        let mut header = json!({ "alg": "RS256", "typ": "JWT" });
        if let Some(id) = key_id {
            header["kid"] = id.as_str().into();
        }
        let claims = json!({
            "iss": email, "scope": scope, "aud": token_uri, "iat": now, "exp": now + CLAIM_SECONDS,
        });
        let encoded = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let claim = format!("{}.{}", encoded(&header), encoded(&claims));
        let signature = signed(key, claim.as_bytes())?;
        Ok(format!("{claim}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn signed(key: &Secret, message: &[u8]) -> Result<Vec<u8>> {
    let unusable = || {
        Error::config("`private_key` in the file with credentials is not usable")
            .hint("download the key anew")
    };
    let key = PrivateKeyDer::from_pem_slice(key.reveal().as_bytes()).map_err(|_| unusable())?;
    let key = rustls::crypto::ring::sign::any_supported_type(&key).map_err(|_| unusable())?;
    let signer = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).ok_or_else(unusable)?;
    signer.sign(message).map_err(|_| unusable())
}

/// The text of `key` in a file with credentials.
pub(super) fn text(file: &Value, key: &str) -> Result<String> {
    file[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned).ok_or_else(|| {
        Error::config(format!("the file with credentials has no `{key}`")).hint(
            "download the key of a service account as JSON, or run `gcloud auth \
             application-default login`",
        )
    })
}

/// The address of `key`, to which secrets are sent: nobody may listen on the way.
pub(super) fn place_of_tokens(file: &Value, key: &str) -> Result<String> {
    let text = text(file, key)?;
    let is_safe = |url: &Url| url.scheme() == "https" || (url.scheme() == "http" && is_local(url));
    match Url::parse(&text) {
        Ok(url) if is_safe(&url) => Ok(text),
        _ => Err(Error::config(format!("`{key}` in the file with credentials is not https://"))),
    }
}

/// A request with `pairs` as a form.
pub(super) fn form(client: &Client, url: &str, pairs: &[(&str, &str)]) -> Result<Request> {
    let body = super::endpoint::query(pairs).trim_start_matches('?').to_owned();
    let request = client.post(url).header("Content-Type", "application/x-www-form-urlencoded");
    built(request.body(body))
}

/// The request, if it can be one.
pub(super) fn built(request: reqwest::RequestBuilder) -> Result<Request> {
    request.build().map_err(|_| Error::config("the address that gives tokens is not a URL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_looked_for_in_googles_order() {
        let dir = tempfile::tempdir().unwrap();
        let login = dir.path().join("application_default_credentials.json");
        let folder = dir.path().to_str().unwrap().to_owned();
        let find = |option: Option<&str>, set: &[(&str, &str)]| {
            let set: Vec<(String, String)> =
                set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            Place::first(option.map(PathBuf::from), |name| {
                set.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
            })
        };
        let named = ("GOOGLE_APPLICATION_CREDENTIALS", "b.json");
        let gcloud = ("CLOUDSDK_CONFIG", folder.as_str());
        let host = ("GCE_METADATA_HOST", "127.0.0.1:8");
        let all = [named, gcloud, host];
        assert_eq!(find(Some("a.json"), &all), Place::File("a.json".into(), "credentials_file"));
        assert_eq!(find(None, &all), Place::File("b.json".into(), named.0));
        assert_eq!(find(None, &[gcloud, host]), Place::Metadata("127.0.0.1:8".into(), true));
        std::fs::write(&login, "{}").unwrap();
        assert_eq!(find(None, &[gcloud, host]), Place::File(login, "gcloud"));
        assert_eq!(find(None, &[]), Place::Metadata(METADATA.into(), false));
    }

    #[test]
    fn a_file_that_is_something_else_is_refused_without_being_shown() {
        let read = |text: &str| Identity::of_text(text).unwrap_err().report();
        assert!(read("hunter2").contains("not JSON"));
        assert!(read(r#"{"type":"service_account"}"#).contains("no `client_email`"));
        assert!(read(r#"{"type":"gdch_service_account"}"#).contains("`gdch_service_account`"));
        let aws = r#"{"type":"external_account","credential_source":{"environment_id":"aws1"}}"#;
        assert!(read(aws).contains("only from a file or an address"));
        let plain = r#"{"type":"authorized_user","token_uri":"http://example.com"}"#;
        assert!(read(plain).contains("`token_uri` in the file with credentials is not https://"));
        for text in ["hunter2", r#"{"type":"service_account","private_key":"hunter2"}"#] {
            assert!(!read(text).contains("hunter2"));
        }
    }

    #[test]
    fn a_claim_is_signed_and_its_key_never_shown() {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_pem();
        let file = json!({
            "type": "service_account", "client_email": "a@b", "private_key": key,
            "token_uri": "http://127.0.0.1:1/token",
        });
        let credentials = Identity::of_text(&file.to_string()).unwrap().credentials;
        // Google takes RSA alone.
        let error = credentials.assertion(1, SCOPE).unwrap_err();
        assert!(error.message().contains("`private_key`"));
        assert!(!format!("{credentials:?}").contains("PRIVATE"));
        assert!(!error.report().contains("PRIVATE"));
    }
}
