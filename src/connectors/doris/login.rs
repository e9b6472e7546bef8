//! As whom to go to the servers: the one place where the password is taken out of its wrapping.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mysql_async::OptsBuilder;
use reqwest::RequestBuilder;
use tokio::sync::Mutex;

use crate::config::Secret;
use crate::error::Result;
use crate::network::password::Password;

/// How long a fetched password is used before it is fetched again.
const FRESH: Duration = Duration::from_secs(60);

/// How long a command for it may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A user, and where its password comes from.
#[derive(Debug)]
pub(super) struct Login {
    user: String,
    password: Password,
    base: PathBuf,
    fetched: Mutex<Option<(Instant, Option<Secret>)>>,
}

impl Login {
    /// The user `user`; files are looked for from `base` on.
    pub(super) fn new(user: &str, password: &Password, base: &Path) -> Self {
        let (user, password) = (user.to_owned(), password.clone());
        Login { user, password, base: base.to_owned(), fetched: Mutex::new(None) }
    }

    async fn password(&self) -> Result<Option<Secret>> {
        let mut fetched = self.fetched.lock().await;
        if let Some((at, password)) = &*fetched
            && at.elapsed() < FRESH
        {
            return Ok(password.clone());
        }
        let password = self.password.fetch(&self.base, PATIENCE).await?;
        *fetched = Some((Instant::now(), password.clone()));
        Ok(password)
    }

    /// The request with user and password.
    pub(super) async fn sign(&self, request: RequestBuilder) -> Result<RequestBuilder> {
        let password = self.password().await?;
        let password = password.as_ref().map_or("", Secret::reveal);
        Ok(request.basic_auth(&self.user, Some(password)))
    }

    /// The options of a session with user and password.
    pub(super) async fn session(&self, options: OptsBuilder) -> Result<OptsBuilder> {
        let password = self.password().await?;
        let password = password.as_ref().map(|password| password.reveal().to_owned());
        Ok(options.user(Some(&self.user)).pass(password))
    }
}
