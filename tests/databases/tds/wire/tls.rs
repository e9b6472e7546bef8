//! Certificates and settings of TLS.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate of a server, and the authority that stands for it.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    /// The authority, for `tls_ca`.
    pub(crate) authority_pem: String,
    chain: Vec<Vec<u8>>,
    key: Vec<u8>,
}

impl Certificate {
    /// A certificate for these host names and addresses.
    pub(crate) fn issue(hosts: &[&str]) -> Self {
        let key = KeyPair::generate().expect("keys can be made");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "stand-in's authority");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("it signs itself");
        let own = KeyPair::generate().expect("keys can be made");
        let names = hosts.iter().map(|&host| host.to_owned()).collect::<Vec<_>>();
        let params = CertificateParams::new(names).expect("the names are names");
        let leaf = params.signed_by(&own, &issuer).expect("the authority signs");
        Certificate {
            authority_pem: issuer.pem(),
            chain: vec![leaf.der().to_vec()],
            key: own.serialize_der(),
        }
    }

    /// TLS 1.2, as it is inside packets; `strict` adds what TDS 8 asks for.
    pub(crate) fn config(&self, strict: bool) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = self.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])
            .expect("ring knows TLS 1.2")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("the key belongs to the certificate");
        if strict {
            config.alpn_protocols = vec![b"tds/8.0".to_vec()];
        }
        Arc::new(config)
    }
}
