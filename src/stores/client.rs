//! dhow's own HTTP client under the stores.

use object_store::client::{HttpClient, HttpConnector, SpawnService};
use object_store::{BackoffConfig, ClientConfigKey, ClientOptions, RetryConfig};
use std::time::Duration;
use tokio::runtime::Handle;

use crate::network::http::Http;

/// Gives the stores dhow's client instead of one of their own.
#[derive(Debug, Clone)]
pub(super) struct Client {
    /// For the store itself.
    pub(super) store: Http,
    /// For the addresses of this machine that hand out credentials; no proxy stands between.
    pub(super) machine: Http,
    /// The threads on which requests run.
    pub(super) threads: Handle,
}

impl HttpConnector for Client {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        // Only the clients for credentials of the machine are asked for with clear text.
        let is_plain = options.get_config_value(&ClientConfigKey::AllowHttp);
        let is_machine = is_plain.as_deref() == Some("true");
        let http = if is_machine { &self.machine } else { &self.store };
        Ok(HttpClient::new(SpawnService::new(http.client().clone(), self.threads.clone())))
    }
}

/// How often one request is asked again that the store could not serve: 503, 429 and the like, or
/// no connection. A put that may happen once is never repeated after a silence.
pub(super) fn patience() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
            base: 2.0,
        },
        max_retries: 5,
        retry_timeout: Duration::from_secs(60),
    }
}
