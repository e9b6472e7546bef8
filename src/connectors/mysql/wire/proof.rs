//! Proves who we are, in the way that the server asks for.

use mysql_common::packets::AuthPlugin;
use mysql_common::scramble::{scramble_native, scramble_sha256};
use zeroize::Zeroizing;

use super::cursor::Cursor;
use super::login::Login;
use super::public_key;
use super::stream::{Stream, malformed};
use super::{Failure, Result};
use crate::config::Secret;
use crate::error::Error;

/// Who can listen on the way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Nobody: it is encrypted.
    Encrypted,
    /// Whoever stands between, if anybody does.
    Open,
}

/// The ways to prove it that are known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plugin {
    /// A hash of the password, mixed with what the server sent.
    Native,
    /// The same with a better hash; the password itself where the server has not seen it yet.
    CachingSha2,
    /// The password itself, encrypted.
    Sha256,
    /// The password itself: only where nobody can listen.
    Clear,
}

/// What the server says of a proof before its last word: see the notes of MySQL on
/// `caching_sha2_password`.
const FAST_PATH: u8 = 3;
const FULL_PATH: u8 = 4;

impl Plugin {
    const ALL: [Plugin; 4] = [Plugin::Native, Plugin::CachingSha2, Plugin::Sha256, Plugin::Clear];

    /// The one of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|plugin| plugin.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Plugin::Native => "mysql_native_password",
            Plugin::CachingSha2 => "caching_sha2_password",
            Plugin::Sha256 => "sha256_password",
            Plugin::Clear => "mysql_clear_password",
        }
    }

    /// The same for `mysql_common`.
    pub(super) fn common(self) -> AuthPlugin<'static> {
        AuthPlugin::from_bytes(self.name().as_bytes()).into_owned()
    }

    /// What the server is asked for its public key with.
    fn key_request(self) -> u8 {
        if self == Plugin::Sha256 { 1 } else { 2 }
    }
}

/// Bytes that may hold a password: overwritten when they are dropped.
type Proof = Zeroizing<Vec<u8>>;

/// The first answer to a server that asks for `plugin`.
pub(super) fn first(plugin: Plugin, login: &Login, nonce: &[u8], way: Way) -> Result<Proof> {
    let password = login.password.as_ref().filter(|password| !password.reveal().is_empty());
    let proof = match (plugin, password) {
        (Plugin::Native | Plugin::CachingSha2, None) => Vec::new(),
        (Plugin::Sha256 | Plugin::Clear, None) => vec![0],
        (Plugin::Native, Some(password)) => {
            scramble_native(nonce, password.reveal().as_bytes()).map_or(Vec::new(), Vec::from)
        }
        (Plugin::CachingSha2, Some(password)) => {
            scramble_sha256(nonce, password.reveal().as_bytes()).map_or(Vec::new(), Vec::from)
        }
        (Plugin::Sha256, Some(password)) if way == Way::Encrypted => return Ok(clear(password)),
        (Plugin::Sha256, Some(_)) => vec![plugin.key_request()],
        (Plugin::Clear, Some(password)) if way == Way::Encrypted => return Ok(clear(password)),
        (Plugin::Clear, Some(_)) => {
            let message = format!("`{}` asks for the password in clear text", login.shown);
            let hint = "set `tls` to verify-full: without encryption it is not sent";
            return Err(Error::denied(message).hint(hint).into());
        }
    };
    Ok(Zeroizing::new(proof))
}

/// The password with a zero behind it.
fn clear(password: &Secret) -> Proof {
    Zeroizing::new([password.reveal().as_bytes(), &[0]].concat())
}

/// Answers until the server is content.
pub(super) async fn settle(
    stream: &mut Stream,
    mut plugin: Plugin,
    login: &Login,
    nonce: &[u8],
    way: Way,
) -> Result<()> {
    let mut nonce = nonce.to_vec();
    // A server that asks for ever is no server.
    for _ in 0..8 {
        let packet = stream.packet().await?;
        match packet.split_first() {
            Some((0, _)) => return Ok(()),
            Some((0xff, _)) => return Err(Failure::answered(packet)),
            Some((0xfe, rest)) => {
                (plugin, nonce) = switched(rest, login)?;
                let proof = first(plugin, login, &nonce, way)?;
                stream.send(&proof).await?;
            }
            Some((1, more)) => {
                let more = more.to_vec();
                answer(stream, plugin, &more, login, &nonce, way).await?;
            }
            _ => return Err(malformed("the end of a login")),
        }
    }
    Err(malformed("the end of a login"))
}

/// The plugin that the server wants instead, and what is to be mixed in.
fn switched(request: &[u8], login: &Login) -> Result<(Plugin, Vec<u8>)> {
    let mut cursor = Cursor(request);
    let name = String::from_utf8_lossy(cursor.until_zero()).into_owned();
    // Without a name, it is the proof that servers before 4.1 asked for.
    let name = if name.is_empty() { "mysql_old_password" } else { &name };
    let nonce = cursor.0.strip_suffix(&[0]).unwrap_or(cursor.0).to_vec();
    let plugin = Plugin::named(name).ok_or_else(|| {
        let message = format!(
            "`{}` asks the user `{}` for a proof that dhow does not know",
            login.shown, login.user
        );
        let hint = "`alter user … identified via mysql_native_password`, or \
                    `caching_sha2_password` where the server is MySQL";
        Error::denied(message).at("asked for", name).hint(hint)
    })?;
    Ok((plugin, nonce))
}

/// Answers what the server says in between.
async fn answer(
    stream: &mut Stream,
    plugin: Plugin,
    more: &[u8],
    login: &Login,
    nonce: &[u8],
    way: Way,
) -> Result<()> {
    let Some(password) = &login.password else { return Err(malformed("a login without a proof")) };
    match (plugin, more) {
        (Plugin::CachingSha2, [FAST_PATH]) => Ok(()),
        (Plugin::CachingSha2, [FULL_PATH]) if way == Way::Encrypted => {
            stream.send(&clear(password)).await
        }
        (Plugin::CachingSha2, [FULL_PATH]) => stream.send(&[plugin.key_request()]).await,
        // The key that was asked for.
        (Plugin::CachingSha2 | Plugin::Sha256, key) if way == Way::Open => {
            let mut proof = clear(password);
            for (byte, mixed) in proof.iter_mut().zip(nonce.iter().cycle()) {
                *byte ^= mixed;
            }
            let encrypted = public_key::encrypt(&proof, key).ok_or_else(|| {
                let message = format!("`{}` sent no usable public key", login.shown);
                Error::denied(message).hint("set `tls` to verify-full, which needs none")
            })?;
            stream.send(&encrypted).await
        }
        _ => Err(malformed("the end of a login")),
    }
}
