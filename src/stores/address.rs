//! Addresses of objects: `s3://`, `gs://`, `az://`, `abfss://` and, for reading, `https://`.

use std::fmt;

use object_store::path::Path as Key;
use reqwest::Url;

use crate::error::{Error, Result};

/// A kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Service {
    /// Amazon S3 and what speaks like it.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
    /// A web server; single files, to be read.
    Web,
}

/// Schemes and what they mean.
const SCHEMES: &[(&str, Service)] = &[
    ("s3", Service::S3),
    ("s3a", Service::S3),
    ("gs", Service::Google),
    ("gcs", Service::Google),
    ("az", Service::Azure),
    ("abfs", Service::Azure),
    ("abfss", Service::Azure),
    ("https", Service::Web),
    ("http", Service::Web),
];

/// Where an object is, or several with a common beginning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    pub(super) service: Service,
    /// Scheme and bucket as written, such as `s3://bucket`.
    root: String,
    /// The bucket or container; empty for a web server.
    pub(super) bucket: String,
    /// The account that the address itself names.
    pub(super) account: Option<String>,
    /// The name within the bucket, or a glob; no slash at its beginning.
    key: String,
}

impl Address {
    /// Whether `text` is written as an address of a store.
    pub fn is(text: &str) -> bool {
        service(text).is_some()
    }

    /// Reads an address.
    ///
    /// # Errors
    /// [`crate::error::Kind::Config`] for one without a bucket, or with what does not belong there.
    pub fn parse(text: &str) -> Result<Self> {
        let Some((service, rest)) = service(text) else {
            return Err(Error::config(format!("`{text}` is no address of a store"))
                .hint("such as s3://bucket/folder/file.parquet, gs:// or az://"));
        };
        let (authority, key) = rest.split_once('/').unwrap_or((rest, ""));
        let root = text[..text.len() - rest.len() + authority.len()].to_owned();
        if service == Service::Web {
            return web(text, root, key);
        }
        let (bucket, account) = match authority.split_once('@') {
            // `abfss://container@account.dfs.core.windows.net/key`
            Some((bucket, host)) if service == Service::Azure => {
                (bucket, host.split('.').next().map(str::to_owned))
            }
            _ => (authority, None),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.$".contains(c);
        if bucket.is_empty() || !bucket.chars().all(is_name) {
            return Err(Error::config(format!("`{}` names no bucket", shown(text)))
                .hint("a bucket stands behind `://`, such as s3://bucket/folder"));
        }
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let address = Address { service, root, bucket, account, key };
        address.check_key()?;
        Ok(address)
    }

    /// The name within the bucket, as written.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether objects can be put there.
    pub fn can_write(&self) -> bool {
        self.service != Service::Web
    }

    /// The bucket alone, such as `s3://bucket`.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// The same bucket with another key.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Address { key: key.trim_matches('/').to_owned(), ..self.clone() }
    }

    fn check_key(&self) -> Result<()> {
        let wrong = |why: &str| {
            let hint = "a key is one or more names with a single `/` between";
            Error::config(format!("`{}` cannot be a key: {why}", shown(&self.key))).hint(hint)
        };
        if self.key.contains("//") || self.key.starts_with('/') {
            return Err(wrong("a name between two `/` is empty"));
        }
        Key::parse(&self.key).map_err(|_| wrong("it has `.` or `..` as a name, or no text"))?;
        Ok(())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.root, self.key)
    }
}

fn service(text: &str) -> Option<(Service, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    SCHEMES.iter().find(|(known, _)| *known == scheme).map(|(_, service)| (*service, rest))
}

fn web(text: &str, root: String, key: &str) -> Result<Address> {
    let wrong = |why: &str| Error::config(format!("`{}` {why}", shown(text)));
    let url = Url::parse(text).map_err(|_| wrong("is not a URL"))?;
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        let error = wrong("is more than host and path");
        return Err(error.hint("a signed URL cannot be read: fetch the file first"));
    }
    // What stands in the URL is encoded already, and will be encoded again.
    let key = percent_encoding::percent_decode_str(key).decode_utf8_lossy().into_owned();
    let address =
        Address { service: Service::Web, root, bucket: String::new(), account: None, key };
    address.check_key()?;
    Ok(address)
}

/// `text` without what may be a secret.
fn shown(text: &str) -> String {
    text.split(['?', '#']).next().unwrap_or_default().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn an_address_has_a_bucket_and_a_key() {
        for (text, bucket, account, key) in [
            ("s3://b/a/b c%20ü.csv", "b", None, "a/b c%20ü.csv"),
            ("S3://b.c/", "b.c", None, ""),
            ("gs://b/x/*.csv", "b", None, "x/*.csv"),
            ("az://c/x", "c", None, "x"),
            ("abfss://c@acc.dfs.core.windows.net/x/y", "c", Some("acc"), "x/y"),
            ("https://host:8080/a%20b/c.csv", "", None, "a b/c.csv"),
        ] {
            let address = Address::parse(text).unwrap();
            let found = (address.bucket.as_str(), address.account.as_deref(), address.key());
            assert_eq!(found, (bucket, account, key), "{text}");
        }
        let address = Address::parse("s3://b/x").unwrap();
        assert_eq!(address.to_string(), "s3://b/x");
        assert_eq!(address.with_key("/y/z/").to_string(), "s3://b/y/z");
    }

    #[test]
    fn what_is_no_address_is_refused_with_a_reason() {
        for (text, message) in [
            ("s3:///x", "`s3:///x` names no bucket"),
            ("s3://k:s@b/x", "`s3://k:s@b/x` names no bucket"),
            ("s3://b/a//b", "`a//b` cannot be a key: a name between two `/` is empty"),
            ("s3://b/../x", "`../x` cannot be a key: it has `.` or `..` as a name, or no text"),
            ("https://h/x?sig=secret", "`https://h/x` is more than host and path"),
            ("ftp://h/x", "`ftp://h/x` is no address of a store"),
        ] {
            let error = Address::parse(text).unwrap_err();
            assert_eq!(error.message(), message);
            assert_eq!(error.kind(), Kind::Config);
        }
        assert!(!Address::is("data/s3.csv") && !Address::is("postgres://h/d"));
    }
}
