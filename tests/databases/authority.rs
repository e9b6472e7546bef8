//! An authority of the tests' own, which certifies servers.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

/// An authority, and its own certificate in PEM.
pub(crate) struct Authority(Issuer<'static, KeyPair>, pub(crate) String);

impl Authority {
    /// An authority of this name, which nobody trusts yet.
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("keys can be made");
        let pem = params.self_signed(&key).expect("it signs itself").pem();
        Authority(Issuer::new(params, key), pem)
    }

    /// A certificate made out to `host`, valid in these years, and its key, both in PEM.
    pub(crate) fn certify(&self, host: &str, name: &str, years: [i32; 2]) -> (String, String) {
        let mut params = CertificateParams::new([host.to_owned()]).expect("a host");
        params.distinguished_name.push(DnType::CommonName, name);
        [params.not_before, params.not_after] = years.map(|year| date_time_ymd(year, 1, 1));
        let key = KeyPair::generate().expect("keys can be made");
        let signed = params.signed_by(&key, &self.0).expect("it signs");
        (signed.pem(), key.serialize_pem())
    }
}
