//! Opens a container of Azure Blob Storage.

use std::sync::Arc;

use object_store::azure::{AzureConfigKey as Key, MicrosoftAzureBuilder};

use super::access::{Opened, Opening};
use super::client::patience;
use crate::config::Secret;
use crate::error::{Error, Result};

const WAYS: &str = "`account_key`, `sas_token`, AZURE_STORAGE_ACCOUNT_KEY, \
                    AZURE_STORAGE_SAS_TOKEN, AZURE_CLIENT_ID with AZURE_CLIENT_SECRET or \
                    AZURE_FEDERATED_TOKEN_FILE, the identity of the machine";

/// Variables of a registered application, or of an identity of the machine.
const IDENTITY: &[(&str, Key)] = &[
    ("AZURE_CLIENT_ID", Key::ClientId),
    ("AZURE_TENANT_ID", Key::AuthorityId),
    ("AZURE_FEDERATED_TOKEN_FILE", Key::FederatedTokenFile),
    ("AZURE_AUTHORITY_HOST", Key::AuthorityHost),
    ("IDENTITY_ENDPOINT", Key::MsiEndpoint),
];

/// Opens the container.
pub(super) async fn open(opening: &Opening<'_>) -> Result<Opened> {
    let names = ["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"];
    let account = opening.said.account.clone().or(opening.address.account.clone());
    let account = account.or_else(|| opening.variable(&names).map(|(_, name)| name));
    let Some(account) = account else {
        return Err(Error::config(format!("`{}` is in no account", opening.address.root()))
            .hint("give `account`, or set AZURE_STORAGE_ACCOUNT_NAME"));
    };
    let endpoint = opening.endpoint(&["AZURE_STORAGE_ENDPOINT"])?;
    let url = endpoint.map_or_else(
        || format!("https://{account}.blob.core.windows.net"),
        |endpoint| endpoint.url,
    );
    let builder = MicrosoftAzureBuilder::new()
        .with_account(&account)
        .with_container_name(&opening.address.bucket)
        .with_endpoint(url.clone())
        .with_retry(patience())
        .with_http_connector(opening.client.clone());
    let (builder, credentials) = identified(builder, opening).await?;
    let built = builder.build().map_err(|error| opening.refused(&error))?;
    let server = Opened::server(&url);
    Ok(Opened { objects: Arc::new(built), server, credentials, ways: WAYS })
}

async fn identified(
    builder: MicrosoftAzureBuilder,
    opening: &Opening<'_>,
) -> Result<(MicrosoftAzureBuilder, String)> {
    if opening.said.anonymous {
        return Ok((builder.with_skip_signature(true), "none: `anonymous` is set".to_owned()));
    }
    let names = ["AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY"];
    let sas = opening.said.sas_token.clone().map(|token| (token, "the options".to_owned()));
    let names = if sas.is_some() { &[][..] } else { &names[..] };
    if let Some((key, from)) = opening.secret(&opening.said.account_key, names).await? {
        return Ok((builder.with_access_key(key.reveal()), from));
    }
    let found = opening.variable(&["AZURE_STORAGE_SAS_TOKEN"]);
    let found =
        found.map(|(name, value)| (Secret::guarded(value), format!("{name} of the environment")));
    if let Some((token, from)) = sas.or(found) {
        let token = token.reveal().trim_start_matches('?').to_owned();
        return Ok((builder.with_config(Key::SasKey, token), from));
    }
    let (mut builder, mut from) = (builder, "the identity of the machine".to_owned());
    for (name, key) in IDENTITY {
        if let Some((name, value)) = opening.variable(&[name]) {
            builder = builder.with_config(*key, value);
            from = format!("{name} of the environment");
        }
    }
    if let Some((_, secret)) = opening.variable(&["AZURE_CLIENT_SECRET"]) {
        let secret = Secret::guarded(secret);
        builder = builder.with_config(Key::ClientSecret, secret.reveal());
    }
    Ok((builder, from))
}
