//! Proves who we are, in the way that the server asks for.

use mysql_common::packets::AuthPlugin;
use mysql_common::scramble::{create_response_for_ed25519, scramble_native, scramble_sha256};
use zeroize::Zeroizing;

use super::cursor::Cursor;
use super::login::Login;
use super::stream::{Stream, malformed};
use super::{Failure, Result};
use crate::error::Error;

/// Who can listen on the way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Nobody: it is encrypted.
    Encrypted,
    /// Nobody: it is a Unix socket, which does not leave this machine.
    Socket,
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
    /// A signature of what the server sent, of which the server knows the public key (MariaDB).
    /// Whoever hears it can use it for nothing else, but can try passwords on it; and it does not
    /// say who the server is.
    Ed25519,
    /// The password itself.
    Sha256,
    /// The password itself.
    Clear,
}

/// What the server sends to be signed, in bytes.
const CHALLENGE_BYTES: usize = 32;

/// What the server says of a proof before its last word: see the notes of MySQL on
/// `caching_sha2_password`.
const FAST_PATH: u8 = 3;
const FULL_PATH: u8 = 4;

impl Plugin {
    const ALL: [Plugin; 5] =
        [Plugin::Native, Plugin::CachingSha2, Plugin::Ed25519, Plugin::Sha256, Plugin::Clear];

    /// The one of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|plugin| plugin.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Plugin::Native => "mysql_native_password",
            Plugin::CachingSha2 => "caching_sha2_password",
            Plugin::Ed25519 => "client_ed25519",
            Plugin::Sha256 => "sha256_password",
            Plugin::Clear => "mysql_clear_password",
        }
    }

    /// The same for `mysql_common`.
    pub(super) fn common(self) -> AuthPlugin<'static> {
        AuthPlugin::from_bytes(self.name().as_bytes()).into_owned()
    }

    /// Whether its answer may be given before the server has asked for it: a hash, and nothing else.
    pub(super) fn is_hash(self) -> bool {
        matches!(self, Plugin::Native | Plugin::CachingSha2)
    }

    /// Whether the password itself may go this way. The server takes the word of the socket for
    /// `caching_sha2_password` alone.
    fn is_safe(self, way: Way) -> bool {
        way == Way::Encrypted || (self == Plugin::CachingSha2 && way == Way::Socket)
    }
}

/// Bytes that may hold a password: overwritten when they are dropped.
type Proof = Zeroizing<Vec<u8>>;

/// The first answer to a server that asks for `plugin`.
pub(super) fn first(plugin: Plugin, login: &Login, nonce: &[u8], way: Way) -> Result<Proof> {
    let password = password(login);
    let proof = match plugin {
        Plugin::Native => scramble_native(nonce, password).map_or(Vec::new(), Vec::from),
        Plugin::CachingSha2 => scramble_sha256(nonce, password).map_or(Vec::new(), Vec::from),
        // Nothing longer or shorter is signed, whoever asks.
        Plugin::Ed25519 if nonce.len() == CHALLENGE_BYTES => {
            create_response_for_ed25519(password, nonce).to_vec()
        }
        Plugin::Ed25519 => return Err(malformed("32 bytes to sign")),
        Plugin::Sha256 | Plugin::Clear => return clear(plugin, login, way),
    };
    Ok(Zeroizing::new(proof))
}

/// The bytes of the password; none for no password, which is the same to a server.
fn password(login: &Login) -> &[u8] {
    login.password.as_ref().map_or(&[], |password| password.reveal().as_bytes())
}

/// The password with a zero behind it, where nobody can listen.
///
/// Servers offer a public key to encrypt it for where the way is open. It is not asked for: it
/// would be the key of whoever stands between as well.
fn clear(plugin: Plugin, login: &Login, way: Way) -> Result<Proof> {
    let password = password(login);
    if !plugin.is_safe(way) && !password.is_empty() {
        let message = format!("`{}` asks for the password in clear text", login.shown);
        let hint = "set `tls` to verify-full, or to require for a certificate of no authority: \
                    without encryption the password is not sent";
        return Err(Error::denied(message).at("asked for", plugin.name()).hint(hint).into());
    }
    Ok(Zeroizing::new([password, &[0]].concat()))
}

/// Answers until the server is content.
pub(super) async fn settle(
    stream: &mut Stream,
    mut plugin: Plugin,
    login: &Login,
    way: Way,
) -> Result<()> {
    // A server that asks for ever is no server.
    for _ in 0..8 {
        let packet = stream.packet().await?;
        match packet.split_first() {
            Some((0, _)) => return Ok(()),
            Some((0xff, _)) => return Err(Failure::answered(packet)),
            Some((0xfe, rest)) => {
                let (wanted, nonce) = switched(rest, login)?;
                let proof = first(wanted, login, nonce, way)?;
                plugin = wanted;
                stream.send(&proof).await?;
            }
            Some((1, said)) => {
                if asks_for_password(plugin, said)? {
                    stream.send(&clear(plugin, login, way)?).await?;
                }
            }
            _ => return Err(malformed("the end of a login")),
        }
    }
    Err(malformed("the end of a login"))
}

/// The plugin that the server wants instead, and what is to be mixed in.
fn switched<'a>(request: &'a [u8], login: &Login) -> Result<(Plugin, &'a [u8])> {
    let mut cursor = Cursor(request);
    let name = String::from_utf8_lossy(cursor.until_zero()).into_owned();
    // Without a name, it is the proof that servers before 4.1 asked for.
    let name = if name.is_empty() { "mysql_old_password" } else { &name };
    let plugin = Plugin::named(name).ok_or_else(|| {
        let message = format!(
            "`{}` asks the user `{}` for a proof that dhow does not know",
            login.shown, login.user
        );
        let hint = "`alter user … identified via ed25519`, or `identified with \
                    caching_sha2_password` where the server is MySQL";
        Error::denied(message).at("asked for", name).hint(hint)
    })?;
    let nonce = match plugin {
        // These bytes end where the packet ends, and the last one may be a zero.
        Plugin::Ed25519 => cursor.0,
        _ => cursor.0.strip_suffix(&[0]).unwrap_or(cursor.0),
    };
    Ok((plugin, nonce))
}

/// Whether the server, by what it says in between, asks for the password itself.
fn asks_for_password(plugin: Plugin, said: &[u8]) -> Result<bool> {
    match (plugin, said) {
        (Plugin::CachingSha2, [FAST_PATH]) => Ok(false),
        (Plugin::CachingSha2, [FULL_PATH]) => Ok(true),
        _ => Err(malformed("the end of a login")),
    }
}
