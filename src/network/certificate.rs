//! What it means that two sides do not trust each other.

use rustls::{AlertDescription, CertificateError};

use crate::error::Error;

/// A certificate that is refused, by us or by the server, stays refused: nothing here is transient.
pub fn refused(server: &str, error: &rustls::Error) -> Error {
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage};
    let (message, hint) = match error {
        InvalidCertificate(reason) => of_certificate(server, reason),
        AlertReceived(alert) => of_alert(server, *alert),
        InvalidMessage(_) => (
            format!("`{server}` did not answer in TLS"),
            "something else than the server may stand in between: look at the network",
        ),
        _ => (format!("no encrypted session with `{server}` could begin"), TRUST),
    };
    Error::denied(message).at("reason", error).hint(hint)
}

/// The error of TLS that `error` is, or holds: what is inside of an I/O error, and that may be
/// another one, is not among its sources.
pub fn within<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.downcast_ref().or_else(|| within(inner?))
}

const TRUST: &str = "see the server's `ssl` settings and those of `tls` here";

fn of_certificate(server: &str, reason: &CertificateError) -> (String, &'static str) {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext,
        NotValidYet, NotValidYetContext, UnknownIssuer,
    };
    match reason {
        Expired | ExpiredContext { .. } => {
            (format!("the certificate of `{server}` has expired"), "renew it at the server")
        }
        NotValidYet | NotValidYetContext { .. } => (
            format!("the certificate of `{server}` is not valid yet"),
            "look at the clocks here and there",
        ),
        NotValidForName | NotValidForNameContext { .. } => (
            format!("the certificate of `{server}` is made out to another name"),
            "connect by a name in the certificate, or give that name as `tls_server_name`",
        ),
        UnknownIssuer | BadSignature => (
            format!("the certificate of `{server}` comes from an authority that is not trusted"),
            "give the certificate of that authority as `tls_ca`",
        ),
        _ => (
            format!("the certificate of `{server}` is not acceptable"),
            "look at it: `openssl s_client -connect host:port`, with `-starttls` for a database",
        ),
    }
}

fn of_alert(server: &str, alert: AlertDescription) -> (String, &'static str) {
    use AlertDescription as Alert;
    match alert {
        Alert::CertificateRequired
        | Alert::NoCertificate
        | Alert::BadCertificate
        | Alert::UnknownCA
        | Alert::CertificateExpired
        | Alert::CertificateUnknown => (
            format!("`{server}` does not accept our certificate, or wants one"),
            "give `tls_cert` and `tls_key` of an authority that the server knows",
        ),
        _ => (format!("`{server}` refused the encrypted session"), TRUST),
    }
}
