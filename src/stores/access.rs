//! What a source or sink says of its stores: where they are, and who we are there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use tokio::sync::Mutex;

use super::address::{Address, Service};
use super::bucket::Bucket;
use super::client::Client;
use super::endpoint::{self, Endpoint};
use super::failure::Party;
use super::{azure, google, s3, wait, web};
use crate::config::{Problem, Reader, Secret};
use crate::error::{Error, Result};
use crate::network::http::{Http, Settings};
use crate::network::password::Password;
use crate::network::tls::Tls;

/// How long a connection may take to begin.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a store may be silent.
const SILENCE: Duration = Duration::from_secs(60);
/// How long a command may take that gives a key.
const COMMAND: Duration = Duration::from_secs(60);

/// The options, with what they do.
pub const OPTIONS: &[(&str, &str)] = &[
    ("endpoint", "where the store is, when it is not the maker's own: https://minio.example:9000"),
    ("region", "s3: the region of the bucket [default: AWS_REGION, the profile's, or us-east-1]"),
    ("access_key_id", "s3: the key; else the environment, the profile, or the machine's role"),
    ("secret_access_key", "s3: the secret of the key"),
    ("secret_access_key_file", "a file with it, which nobody else may read"),
    ("secret_access_key_command", "a command that prints it, as a list of arguments"),
    ("session_token", "s3: the token of temporary credentials"),
    ("profile", "s3: a section of ~/.aws/credentials [default: AWS_PROFILE]"),
    ("virtual_hosted_style", "s3: whether the bucket is part of the host's name"),
    ("service_account_file", "gs: a key file; else GOOGLE_APPLICATION_CREDENTIALS, gcloud's"),
    ("account", "az: the storage account [default: AZURE_STORAGE_ACCOUNT_NAME]"),
    ("account_key", "az: its key; else `sas_token`, the environment, or the machine's identity"),
    ("account_key_file", "a file with it, which nobody else may read"),
    ("account_key_command", "a command that prints it, as a list of arguments"),
    ("sas_token", "az: a shared access signature"),
    ("anonymous", "whether to ask without credentials [default: false]"),
    ("allow_http", "whether `endpoint` may be another machine without encryption"),
    ("tls_ca", "certificates of authorities to trust beside those of the system"),
];

/// What a source or sink says of its stores.
#[derive(Debug, Clone)]
pub struct Access {
    pub(super) said: Said,
    tls: Tls,
    base: PathBuf,
    /// Buckets that are open, by their roots.
    open: Arc<Mutex<BTreeMap<String, Arc<Bucket>>>>,
}

/// The options as written.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) endpoint: Option<Endpoint>,
    pub(super) allow_http: bool,
    pub(super) region: Option<String>,
    pub(super) access_key_id: Option<String>,
    pub(super) secret_access_key: Password,
    pub(super) session_token: Option<Secret>,
    pub(super) profile: Option<String>,
    pub(super) virtual_hosted_style: Option<bool>,
    pub(super) service_account_file: Option<PathBuf>,
    pub(super) account: Option<String>,
    pub(super) account_key: Password,
    pub(super) sas_token: Option<Secret>,
    pub(super) anonymous: bool,
}

/// What every kind of store is opened with.
pub(super) struct Opening<'a> {
    pub(super) address: &'a Address,
    pub(super) said: &'a Said,
    pub(super) base: &'a Path,
    pub(super) client: Client,
    pub(super) environment: fn(&str) -> Option<String>,
}

/// A store, the host that it is on, and where our credentials come from.
pub(super) struct Opened {
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) server: String,
    pub(super) credentials: String,
    pub(super) ways: &'static str,
}

impl Access {
    /// Takes the options of stores. They make sense only where one of `paths` is an address.
    pub fn read(reader: &Reader<'_>, paths: &[String]) -> Self {
        let (endpoint, allow_http) = endpoint::read(reader);
        let is_plain = endpoint.as_ref().is_some_and(|e| e.url.starts_with("http://"));
        let tls = Tls::read_authorities(reader, is_plain);
        let said = Said {
            endpoint,
            allow_http,
            region: reader.text("region"),
            access_key_id: reader.text("access_key_id"),
            secret_access_key: Password::read_as(
                reader,
                ["secret_access_key", "secret_access_key_file", "secret_access_key_command"],
                None,
            ),
            session_token: reader.text("session_token").map(Secret::guarded),
            profile: reader.text("profile"),
            virtual_hosted_style: reader
                .is_given("virtual_hosted_style")
                .then_some(reader.flag("virtual_hosted_style", false)),
            service_account_file: reader.text("service_account_file").map(PathBuf::from),
            account: reader.text("account"),
            account_key: Password::read_as(
                reader,
                ["account_key", "account_key_file", "account_key_command"],
                None,
            ),
            sas_token: reader.text("sas_token").map(Secret::guarded),
            anonymous: reader.flag("anonymous", false),
        };
        check(reader, paths, &said);
        Access { said, tls, base: PathBuf::new(), open: Arc::default() }
    }

    /// Files are looked for from `base` on.
    #[must_use]
    pub fn based(&self, base: &Path) -> Self {
        Access { base: base.to_owned(), ..self.clone() }
    }

    /// What the environment says alone.
    pub fn of_environment(base: &Path) -> Self {
        let options = crate::config::Options::of_arguments(&[]);
        Self::read(&options.reader(), &[]).based(base)
    }

    /// The bucket of `address`, opened once.
    ///
    /// # Errors
    /// What is missing or wrong with the credentials; the store itself is not asked yet.
    pub async fn open(&self, address: &Address) -> Result<Arc<Bucket>> {
        let mut open = self.open.lock().await;
        if let Some(bucket) = open.get(address.root()) {
            return Ok(Arc::clone(bucket));
        }
        let opening = Opening {
            address,
            said: &self.said,
            base: &self.base,
            client: self.client()?,
            environment: |name| std::env::var(name).ok().filter(|value| !value.is_empty()),
        };
        let opened = match address.service {
            Service::S3 => s3::open(&opening).await?,
            Service::Google => google::open(&opening)?,
            Service::Azure => azure::open(&opening).await?,
            Service::Web => web::open(&opening)?,
        };
        let party = Party {
            root: address.root().to_owned(),
            server: opened.server,
            credentials: opened.credentials,
            ways: opened.ways,
        };
        let bucket = Arc::new(Bucket::new(opened.objects, address, party));
        open.insert(address.root().to_owned(), Arc::clone(&bucket));
        Ok(bucket)
    }

    fn client(&self) -> Result<Client> {
        let is_local = self.said.endpoint.as_ref().is_some_and(|e| e.is_local);
        let http = |is_local, connect_timeout| {
            Http::new(&Settings {
                tls: &self.tls,
                base: &self.base,
                connect_timeout,
                read_timeout: SILENCE,
                is_local,
            })
        };
        let store = http(is_local, CONNECT)?;
        let machine = http(true, Duration::from_secs(1))?;
        Ok(Client { store, machine, threads: wait::runtime()?.handle().clone() })
    }
}

impl Opening<'_> {
    /// A key that the options give, or the environment under one of `names`.
    pub(super) async fn secret(
        &self,
        given: &Password,
        names: &[&str],
    ) -> Result<Option<(Secret, String)>> {
        if let Some(secret) = given.fetch(self.base, COMMAND).await? {
            return Ok(Some((secret, "the options".to_owned())));
        }
        let found = self.variable(names);
        Ok(found
            .map(|(name, value)| (Secret::guarded(value), format!("{name} of the environment"))))
    }

    /// The first of `names` that the environment has, and its value.
    pub(super) fn variable<'n>(&self, names: &[&'n str]) -> Option<(&'n str, String)> {
        names.iter().find_map(|name| Some((*name, (self.environment)(name)?)))
    }

    /// The endpoint of the options, or that of the environment under one of `names`.
    pub(super) fn endpoint(&self, names: &[&str]) -> Result<Option<Endpoint>> {
        if self.said.endpoint.is_some() {
            return Ok(self.said.endpoint.clone());
        }
        let Some((name, text)) = self.variable(names) else { return Ok(None) };
        let read = endpoint::parse(&text, self.said.allow_http);
        read.map(Some).map_err(|error| error.at("from", format!("{name} of the environment")))
    }

    /// The error for settings that the store's client does not take.
    pub(super) fn refused(&self, error: &object_store::Error) -> Error {
        Error::config(format!("`{}` cannot be opened", self.address.root())).at("reason", error)
    }
}

/// Finds options that no address has a use for.
fn check(reader: &Reader<'_>, paths: &[String], said: &Said) {
    let mut services = Vec::new();
    for path in paths.iter().filter(|path| Address::is(path)) {
        match Address::parse(path) {
            Ok(address) => {
                check_account(reader, &address, said);
                services.push(address.service);
            }
            Err(error) => {
                reader.problem(Problem::told(&reader.place_of("path"), &error));
                return;
            }
        }
    }
    for &(name, _) in OPTIONS.iter().filter(|(name, _)| reader.is_given(name)) {
        let wanted = of_service(name);
        let fits = |service: &Service| wanted.is_none_or(|(wanted, _)| wanted == *service);
        if !services.iter().any(fits) {
            let example = wanted.map_or("s3://bucket/folder", |(_, example)| example);
            let message = format!("`{name}` is for paths such as `{example}`");
            let hint = "write the path as an address, or remove the option";
            reader.problem(Problem::new(&reader.place_of(name), message).hint(hint));
        }
    }
    if said.access_key_id.is_some() != !matches!(said.secret_access_key, Password::None) {
        let message = "`access_key_id` and `secret_access_key` belong together";
        let at = if said.access_key_id.is_some() { "access_key_id" } else { "secret_access_key" };
        let hint = "give both, or neither: then they are looked for in the environment";
        reader.problem(Problem::new(&reader.place_of(at), message).hint(hint));
    }
}

fn check_account(reader: &Reader<'_>, address: &Address, said: &Said) {
    let both = said.account.as_ref().zip(address.account.as_ref());
    if both.is_some_and(|(said, address)| said != address) {
        let message = "`account` is another one than that of the path";
        reader.problem(Problem::new(&reader.place_of("account"), message).hint("remove `account`"));
    }
}

/// The only kind of store that an option is for, and an example of its addresses.
fn of_service(name: &str) -> Option<(Service, &'static str)> {
    match name {
        "region"
        | "access_key_id"
        | "session_token"
        | "profile"
        | "virtual_hosted_style"
        | "secret_access_key"
        | "secret_access_key_file"
        | "secret_access_key_command" => Some((Service::S3, "s3://bucket/folder")),
        "service_account_file" => Some((Service::Google, "gs://bucket/folder")),
        "account" | "account_key" | "account_key_file" | "account_key_command" | "sas_token" => {
            Some((Service::Azure, "az://container/folder"))
        }
        _ => None,
    }
}

impl Opened {
    /// `host:port` of a URL, for people.
    pub(super) fn server(url: &str) -> String {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest).to_owned()
    }
}
