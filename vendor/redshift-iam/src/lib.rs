//! An empty place in connectorx: signing in to Redshift through AWS.
//!
//! connectorx asks for the crate `redshift-iam` with every Postgres source, and that crate brings the SDK of AWS:
//! about two hundred crates for one kind of address. dhow refuses the scheme `redshift-iam://` before connectorx sees it;
//! Redshift with a password goes through `postgres://`.

use url::Url;

/// Gives the address back as it is; dhow never passes one with this scheme on.
pub fn redshift_to_postgres(url: Url) -> Url {
    url
}
