//! A profile of Amazon's tools: a section of `~/.aws/credentials` and `~/.aws/config`.

use std::path::{Path, PathBuf};

use crate::config::Secret;
use crate::error::{Error, Result};

/// What a profile says.
#[derive(Debug, Clone, Default)]
pub(super) struct Profile {
    /// Its name.
    pub(super) name: String,
    /// Whether somebody named it.
    pub(super) is_asked_for: bool,
    /// Key and secret.
    pub(super) keys: Option<(String, Secret)>,
    /// The token of temporary credentials.
    pub(super) token: Option<Secret>,
    /// The region.
    pub(super) region: Option<String>,
}

/// Ways to get credentials that are not built here.
const FOREIGN: &[&str] = &["sso_session", "sso_start_url", "role_arn", "credential_process"];

/// The profile `asked` for, by the options or by AWS_PROFILE; else the one called `default`.
///
/// # Errors
/// [`crate::error::Kind::Config`] for a profile that is not there, and
/// [`crate::error::Kind::Unsupported`] for one that gets its keys in a way that dhow does not know.
pub(super) fn read(
    asked: Option<&str>,
    environment: fn(&str) -> Option<String>,
) -> Result<Profile> {
    let named = asked.map(str::to_owned).or_else(|| environment("AWS_PROFILE"));
    let is_asked_for = named.is_some();
    let name = named.unwrap_or_else(|| "default".to_owned());
    let home = environment("HOME").map(PathBuf::from).unwrap_or_default();
    let file = |variable: &str, usual: &str| {
        let path = environment(variable).map_or_else(|| home.join(usual), PathBuf::from);
        std::fs::read_to_string(path).unwrap_or_default()
    };
    let credentials = file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
    let config = file("AWS_CONFIG_FILE", ".aws/config");
    let section = if name == "default" { name.clone() } else { format!("profile {name}") };
    let entries: Vec<_> = entries(&credentials, &name).chain(entries(&config, &section)).collect();
    let profile = of(name, is_asked_for, &entries);
    if !is_asked_for || profile.keys.is_some() {
        return Ok(profile);
    }
    Err(without_keys(&profile.name, &entries))
}

fn of(name: String, is_asked_for: bool, entries: &[(&str, &str)]) -> Profile {
    let value = |key: &str| {
        let found = entries.iter().find(|(known, _)| *known == key);
        found.map(|(_, value)| (*value).to_owned())
    };
    let keys = value("aws_access_key_id").zip(value("aws_secret_access_key"));
    Profile {
        name,
        is_asked_for,
        keys: keys.map(|(id, secret)| (id, Secret::guarded(secret))),
        token: value("aws_session_token").map(Secret::guarded),
        region: value("region"),
    }
}

fn without_keys(name: &str, entries: &[(&str, &str)]) -> Error {
    let foreign = FOREIGN.iter().find(|key| entries.iter().any(|(known, _)| known == *key));
    let looked = Path::new("~/.aws/credentials").display();
    match foreign {
        Some(key) => Error::unsupported(format!("profile `{name}` gets its keys by `{key}`"))
            .hint("export them: `eval $(aws configure export-credentials --format env)`"),
        None => Error::config(format!("there are no keys of the profile `{name}`"))
            .at("looked in", looked)
            .hint("write its name as it stands there in brackets, or run `aws configure`"),
    }
}

/// Keys and values of one section of an INI file.
fn entries<'a>(text: &'a str, section: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let mut found = Vec::new();
    let mut is_inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            is_inside = name.trim() == section;
        } else if is_inside
            && !line.starts_with(['#', ';'])
            && let Some((key, value)) = line.split_once('=')
        {
            found.push((key.trim(), value.trim()));
        }
    }
    found.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_read_and_others_are_not() {
        let text = "[default]\naws_access_key_id = A\n\n[ b ]\n# no = yes\naws_access_key_id=B\n\
                    aws_secret_access_key = S=/+\nregion = eu-west-1\n[c]\nregion = x\n";
        let found: Vec<_> = entries(text, "b").collect();
        let profile = of("b".to_owned(), true, &found);
        let (id, secret) = profile.keys.unwrap();
        assert_eq!((id.as_str(), secret.reveal()), ("B", "S=/+"));
        assert_eq!(profile.region.as_deref(), Some("eu-west-1"));
        assert_eq!(entries(text, "d").count(), 0);
    }

    #[test]
    fn a_profile_without_keys_says_why() {
        let error = without_keys("work", &[("sso_session", "x")]);
        assert_eq!(error.message(), "profile `work` gets its keys by `sso_session`");
        let error = without_keys("work", &[]);
        assert_eq!(error.message(), "there are no keys of the profile `work`");
    }
}
