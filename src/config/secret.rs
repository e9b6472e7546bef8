//! A value that must never be shown.

use std::fmt;

use zeroize::Zeroizing;

use crate::config::scrub;

/// A value that must never be shown: it prints as `***`, cannot be serialised, and its memory is
/// overwritten when it is dropped.
///
/// ```compile_fail
/// serde_json::to_string(&dhow::config::Secret::new("hunter2"))
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a value that is kept from being shown by this type alone, as any variable of the
    /// environment is.
    pub fn new(value: impl Into<String>) -> Self {
        Secret(Zeroizing::new(value.into()))
    }

    /// Takes a value that is a secret for certain: from now on it is also taken out of everything
    /// that this process writes for people, wherever it may come from.
    pub fn guarded(value: impl Into<String>) -> Self {
        let secret = Secret::new(value);
        scrub::remember(&secret.0);
        secret
    }

    /// The value itself; whoever calls this keeps it out of messages, logs and files.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_three_stars() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(secret.reveal(), "hunter2");
    }
}
