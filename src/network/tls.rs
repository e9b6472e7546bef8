//! Encryption of a session: four modes, and nothing that falls back to a weaker one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::password::open_private;
use crate::config::{Problem, Reader};
use crate::error::{Error, Result};

/// What is asked of the way to a server; each mode asks more than those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Nothing: no encryption.
    Disable,
    /// Encryption, with whoever answers.
    Require,
    /// A certificate of an authority that is trusted.
    VerifyCa,
    /// One that is made out to the host.
    VerifyFull,
}

impl Mode {
    const ALL: [Mode; 4] = [Mode::Disable, Mode::Require, Mode::VerifyCa, Mode::VerifyFull];
    const NAMES: &[&str] = &["disable", "require", "verify-ca", "verify-full"];

    /// The mode of this name.
    pub fn named(name: &str) -> Option<Self> {
        let at = Self::NAMES.iter().position(|known| *known == name)?;
        Self::ALL.get(at).copied()
    }
}

/// How a session is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// What is asked.
    pub mode: Mode,
    /// Certificates of authorities to trust beside those of the system.
    authorities: Option<PathBuf>,
    /// The certificate by which the server knows us, and its key.
    own: Option<(PathBuf, PathBuf)>,
    /// The name in the server's certificate, where it is not the host.
    name: Option<String>,
}

impl Tls {
    /// Takes `tls` and what belongs to it; `in_url` is the mode of the URL, and nobody can listen
    /// on the way to a server that `is_local`.
    pub fn read(reader: &Reader<'_>, in_url: Option<Mode>, is_local: bool) -> Self {
        let tls = Tls {
            mode: mode(reader, in_url, is_local),
            authorities: reader.text("tls_ca").map(PathBuf::from),
            own: own(reader),
            name: reader.text("tls_server_name"),
        };
        let unused = ["tls_ca", "tls_cert", "tls_key", "tls_server_name"];
        for name in unused.into_iter().filter(|_| tls.mode == Mode::Disable) {
            if reader.node(name).is_some() {
                let message = format!("`{name}` is given, but this session is not encrypted");
                let hint = "set `tls` to verify-full, which is not the default for this machine";
                reader.problem(Problem::new(&reader.place_of(name), message).hint(hint));
            }
        }
        tls
    }

    /// Takes `tls_ca` alone: the way is encrypted and verified, or it is plain and nothing is.
    pub fn read_authorities(reader: &Reader<'_>, is_plain: bool) -> Self {
        let authorities = reader.text("tls_ca").map(PathBuf::from);
        if is_plain && authorities.is_some() {
            let message = "`tls_ca` is given, but `endpoint` is not encrypted";
            reader.problem(Problem::new(&reader.place_of("tls_ca"), message));
        }
        Tls { mode: Mode::VerifyFull, authorities, own: None, name: None }
    }

    /// The name that the server's certificate must have, and that it is told we look for, where it
    /// is not the host.
    pub fn server_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The file of authorities to trust beside those of the system.
    pub fn authorities(&self) -> Option<&Path> {
        self.authorities.as_deref()
    }

    /// The files of the certificate by which the server knows us, and of its key.
    pub fn own(&self) -> Option<(&Path, &Path)> {
        self.own.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path()))
    }

    /// Reads the certificates that this takes; files are looked for from `base` on.
    ///
    /// # Errors
    /// What is wrong with a file.
    pub fn config(&self, base: &Path) -> Result<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Verifier {
            roots: if self.mode >= Mode::VerifyCa { Some(self.roots(base)?) } else { None },
            checks_name: self.mode == Mode::VerifyFull,
            algorithms: provider.signature_verification_algorithms,
        };
        let config = builder(provider)?.with_custom_certificate_verifier(Arc::new(verifier));
        match &self.own {
            None => Ok(config.with_no_client_auth()),
            Some((certificate, key)) => {
                let certificate = base.join(certificate);
                let chain = certificates(&certificate, "tls_cert")?;
                let key = private_key(&base.join(key))?;
                config.with_client_auth_cert(chain, key).map_err(|error| {
                    let message = "`tls_cert` and `tls_key` do not belong together";
                    let error = Error::config(message).at("reason", error);
                    error.at("tls_cert", certificate.display())
                })
            }
        }
    }

    fn roots(&self, base: &Path) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = &self.authorities {
            let path = base.join(path);
            for certificate in certificates(&path, "tls_ca")? {
                roots.add(certificate).map_err(|error| {
                    let message = "`tls_ca` has a certificate that is none of an authority";
                    Error::config(message).at("tls_ca", path.display()).at("reason", error)
                })?;
            }
        }
        if roots.is_empty() {
            let error = Error::config("no certificates of authorities are installed here");
            return Err(error.hint("install the package `ca-certificates`, or give `tls_ca`"));
        }
        Ok(roots)
    }
}

type Builder = rustls::client::danger::DangerousClientConfigBuilder;

/// Settles what encrypts the sessions of drivers that do not say it themselves: as there are two
/// libraries for it in this program, rustls would refuse to choose. Harmless when called again.
pub fn settle_provider() {
    // Who was first has settled it.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn builder(provider: Arc<CryptoProvider>) -> Result<Builder> {
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Error::bug("TLS is not usable").at("reason", error))?;
    Ok(builder.dangerous())
}

fn mode(reader: &Reader<'_>, in_url: Option<Mode>, is_local: bool) -> Mode {
    let default = if is_local { Mode::Disable } else { Mode::VerifyFull };
    let given = reader.node("tls").map(|_| reader.one_of("tls", Mode::NAMES));
    match (given.and_then(Mode::named), in_url) {
        (Some(given), Some(in_url)) if in_url < given => {
            let message = "`sslmode` in `url` asks for less than `tls`";
            let hint = "remove one of the two";
            reader.problem(Problem::new(&reader.place_of("url"), message).hint(hint));
            given
        }
        (given, in_url) => given.max(in_url).unwrap_or(default),
    }
}

fn own(reader: &Reader<'_>) -> Option<(PathBuf, PathBuf)> {
    match (reader.text("tls_cert"), reader.text("tls_key")) {
        (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
        (None, None) => None,
        (certificate, _) => {
            let (has, lacks) = match certificate {
                Some(_) => ("tls_cert", "tls_key"),
                None => ("tls_key", "tls_cert"),
            };
            let message = format!("`{has}` is given, but not `{lacks}`");
            reader.problem(Problem::new(&reader.place_of(has), message));
            None
        }
    }
}

fn certificates(path: &Path, option: &str) -> Result<Vec<CertificateDer<'static>>> {
    let text = std::fs::read(path).map_err(|error| Error::io(&error, "read", path))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => {
            let message = format!("there is no certificate in `{}`", path.display());
            let error = Error::config(message).at("option", option);
            Err(error.hint("it begins with -----BEGIN CERTIFICATE-----"))
        }
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    let file = open_private(path, "tls_key")?;
    PrivateKeyDer::from_pem_reader(file).map_err(|_| {
        let error = Error::config(format!("there is no usable key in `{}`", path.display()));
        error.at("option", "tls_key").hint("it begins with -----BEGIN PRIVATE KEY-----")
    })
}

/// Looks at the certificate of a server.
#[derive(Debug)]
struct Verifier {
    /// Whom to trust; anybody when there is none.
    roots: Option<RootCertStore>,
    checks_name: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            let known = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(
                &certificate,
                roots,
                intermediates,
                now,
                known,
            )?;
            if self.checks_name {
                verify_server_name(&certificate, server_name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
