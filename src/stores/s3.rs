//! Opens a bucket of S3: the options, then the environment, a profile, and what the machine is.

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as Key, S3ConditionalPut};
use std::sync::Arc;

use super::access::{Opened, Opening};
use super::client::patience;
use super::profile::{self, Profile};
use crate::config::Secret;
use crate::error::{Error, Result};

const WAYS: &str = "`access_key_id` and `secret_access_key`, AWS_ACCESS_KEY_ID, a profile of \
                    ~/.aws/credentials, AWS_WEB_IDENTITY_TOKEN_FILE, the role of a container, the \
                    role of the machine";

/// Variables that tell how a program on a machine of Amazon's gets credentials.
const IDENTITY: &[(&str, Key)] = &[
    ("AWS_WEB_IDENTITY_TOKEN_FILE", Key::WebIdentityTokenFile),
    ("AWS_ROLE_ARN", Key::RoleArn),
    ("AWS_ROLE_SESSION_NAME", Key::RoleSessionName),
    ("AWS_ENDPOINT_URL_STS", Key::StsEndpoint),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", Key::ContainerCredentialsRelativeUri),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", Key::ContainerCredentialsFullUri),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", Key::ContainerAuthorizationTokenFile),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", Key::MetadataEndpoint),
];

/// Keys, and where they come from.
struct Keys {
    id: String,
    secret: Secret,
    token: Option<Secret>,
    from: String,
}

/// Opens the bucket.
pub(super) async fn open(opening: &Opening<'_>) -> Result<Opened> {
    let said = opening.said;
    let needs_none = said.anonymous || said.access_key_id.is_some();
    let profile = match needs_none {
        true => Profile::default(),
        false => profile::read(said.profile.as_deref(), opening.environment)?,
    };
    let endpoint = opening.endpoint(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])?;
    let endpoint = endpoint.map(|endpoint| endpoint.url);
    let region = said.region.clone();
    let region =
        region.or_else(|| Some(opening.variable(&["AWS_REGION", "AWS_DEFAULT_REGION"])?.1));
    let region = region.or(profile.region.clone()).unwrap_or("us-east-1".to_owned());
    let bucket = &opening.address.bucket;
    // A certificate for `*.s3.region.amazonaws.com` does not cover a name with dots.
    let is_virtual =
        said.virtual_hosted_style.unwrap_or(endpoint.is_none() && !bucket.contains('.'));
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(&region)
        .with_virtual_hosted_style_request(is_virtual)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(patience())
        .with_http_connector(opening.client.clone());
    let server = match &endpoint {
        Some(url) => {
            builder = builder.with_endpoint(placed(url, bucket, is_virtual));
            Opened::server(url)
        }
        None => format!("s3.{region}.amazonaws.com"),
    };
    let (builder, credentials) = identified(builder, opening, profile).await?;
    let built = builder.build().map_err(|error| opening.refused(&error))?;
    Ok(Opened { objects: Arc::new(built), server, credentials, ways: WAYS })
}

/// The URL of a custom endpoint, with the bucket in front of the host where it belongs there.
fn placed(url: &str, bucket: &str, is_virtual: bool) -> String {
    match url.split_once("://") {
        Some((scheme, host)) if is_virtual => format!("{scheme}://{bucket}.{host}"),
        _ => url.to_owned(),
    }
}

async fn identified(
    builder: AmazonS3Builder,
    opening: &Opening<'_>,
    profile: Profile,
) -> Result<(AmazonS3Builder, String)> {
    if opening.said.anonymous {
        return Ok((builder.with_skip_signature(true), "none: `anonymous` is set".to_owned()));
    }
    if let Some(keys) = keys(opening, profile).await? {
        let builder =
            builder.with_access_key_id(keys.id).with_secret_access_key(keys.secret.reveal());
        let builder = match keys.token {
            Some(token) => builder.with_token(token.reveal()),
            None => builder,
        };
        return Ok((builder, keys.from));
    }
    let (mut builder, mut from) = (builder, "the role of the machine".to_owned());
    for (name, key) in IDENTITY {
        if let Some((name, value)) = opening.variable(&[name]) {
            builder = builder.with_config(*key, value);
            from = format!("{name} of the environment");
        }
    }
    Ok((builder, from))
}

async fn keys(opening: &Opening<'_>, profile: Profile) -> Result<Option<Keys>> {
    let said = opening.said;
    if let Some(id) = &said.access_key_id {
        let Some((secret, from)) = opening.secret(&said.secret_access_key, &[]).await? else {
            return Err(Error::config("`secret_access_key` is missing"));
        };
        let token = said.session_token.clone();
        return Ok(Some(Keys { id: id.clone(), secret, token, from }));
    }
    let from_environment = opening.variable(&["AWS_ACCESS_KEY_ID"]);
    if let Some((_, id)) = from_environment.filter(|_| said.profile.is_none()) {
        let Some((_, secret)) = opening.variable(&["AWS_SECRET_ACCESS_KEY"]) else {
            return Err(Error::config("AWS_ACCESS_KEY_ID is set, but not AWS_SECRET_ACCESS_KEY")
                .hint("set both in the environment, or give them as options"));
        };
        let token = opening.variable(&["AWS_SESSION_TOKEN"]).map(|(_, token)| token);
        let token = said.session_token.clone().or(token.map(Secret::guarded));
        let from = "AWS_ACCESS_KEY_ID of the environment".to_owned();
        return Ok(Some(Keys { id, secret: Secret::guarded(secret), token, from }));
    }
    let has_identity = opening.variable(&["AWS_WEB_IDENTITY_TOKEN_FILE"]).is_some();
    if has_identity && !profile.is_asked_for {
        return Ok(None);
    }
    let Some((id, secret)) = profile.keys else { return Ok(None) };
    let from = format!("profile `{}`", profile.name);
    Ok(Some(Keys { id, secret, token: profile.token, from }))
}
