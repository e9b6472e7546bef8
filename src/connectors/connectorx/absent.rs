//! What a build without the feature `connectorx` answers with.

use std::sync::Arc;

use crate::config::Options;
use crate::connectors::Context;
use crate::error::{Error, Result};
use crate::source::Source;

/// Always the error that names the feature.
pub(super) fn open(_options: &Options, _context: &Context) -> Result<Arc<dyn Source>> {
    Err(Error::unsupported("this build of dhow does not have connectorx")
        .hint("build dhow with it: `cargo build --locked --release --features connectorx`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::memory::unlimited;

    #[test]
    fn a_build_without_it_names_the_feature() {
        let context = Context { base: ".".into(), jobs: 1, memory: unlimited(), state: None };
        let error = open(&Options::of_arguments(&[]), &context).unwrap_err();
        assert_eq!(error.kind(), Kind::Unsupported);
        assert!(error.advice().is_some_and(|hint| hint.contains("--features connectorx")));
    }
}
