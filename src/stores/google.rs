//! Opens a bucket of Google Cloud Storage.

use std::sync::Arc;

use object_store::StaticCredentialProvider;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};

use super::access::{Opened, Opening};
use super::client::patience;
use crate::error::Result;

const WAYS: &str = "`service_account_file`, GOOGLE_APPLICATION_CREDENTIALS, gcloud's default \
                    credentials, the account of the machine";

/// Opens the bucket.
pub(super) fn open(opening: &Opening<'_>) -> Result<Opened> {
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(&opening.address.bucket)
        .with_retry(patience())
        .with_http_connector(opening.client.clone());
    let mut server = "storage.googleapis.com".to_owned();
    if let Some(endpoint) = opening.endpoint(&["STORAGE_EMULATOR_HOST"])? {
        builder = builder.with_base_url(&endpoint.url);
        server = Opened::server(&endpoint.url);
    }
    let (builder, credentials) = identified(builder, opening);
    let built = builder.build().map_err(|error| opening.refused(&error))?;
    Ok(Opened { objects: Arc::new(built), server, credentials, ways: WAYS })
}

fn identified(
    builder: GoogleCloudStorageBuilder,
    opening: &Opening<'_>,
) -> (GoogleCloudStorageBuilder, String) {
    if opening.said.anonymous {
        let nobody = StaticCredentialProvider::new(GcpCredential { bearer: String::new() });
        let builder = builder.with_credentials(Arc::new(nobody)).with_skip_signature(true);
        return (builder, "none: `anonymous` is set".to_owned());
    }
    if let Some(file) = &opening.said.service_account_file {
        let path = opening.base.join(file).display().to_string();
        let from = format!("`{path}`");
        return (builder.with_service_account_path(path), from);
    }
    match opening.variable(&["GOOGLE_APPLICATION_CREDENTIALS"]) {
        Some((name, path)) => {
            (builder.with_application_credentials(path), format!("{name} of the environment"))
        }
        None => (builder, "gcloud's default credentials, or the account of the machine".to_owned()),
    }
}
