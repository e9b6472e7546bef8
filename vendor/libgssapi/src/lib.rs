//! An empty place in connectorx: signing in to SQL Server with Kerberos.
//!
//! connectorx asks tiberius 0.7 for integrated sign-in, and the crate `libgssapi` for that needs MIT Kerberos, its headers and
//! libclang on the machine that builds. dhow signs in with a user and a password, so that none of this runs: what
//! tiberius names is here, and everything that could be called answers with [`error::Error`].

/// What everything here answers with.
pub mod error {
    /// Says that Kerberos is not in this build.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Error;

    impl std::fmt::Display for Error {
        fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            out.write_str("Kerberos is not in this build of dhow: sign in with a user and a password")
        }
    }

    impl std::error::Error for Error {}
}

/// The kinds of names that tiberius speaks of.
pub mod oid {
    use crate::error::Error;

    /// A kind of name or mechanism.
    #[derive(Debug)]
    pub struct Oid;

    /// Kerberos 5.
    pub static GSS_MECH_KRB5: Oid = Oid;
    /// The name of a service in Kerberos 5.
    pub static GSS_NT_KRB5_PRINCIPAL: Oid = Oid;

    /// The mechanisms that may be used: there is none.
    #[derive(Debug)]
    pub struct OidSet;

    impl OidSet {
        /// Always an error.
        pub fn new() -> Result<OidSet, Error> {
            Err(Error)
        }

        /// Always an error.
        pub fn add(&mut self, _oid: &Oid) -> Result<(), Error> {
            Err(Error)
        }
    }
}

/// Names of services.
pub mod name {
    use crate::{error::Error, oid::Oid};

    /// The name of a service.
    #[derive(Debug)]
    pub struct Name;

    impl Name {
        /// Always an error.
        pub fn new(_name: &[u8], _kind: Option<&Oid>) -> Result<Name, Error> {
            Err(Error)
        }
    }
}

/// Who signs in.
pub mod credential {
    use crate::{error::Error, name::Name, oid::OidSet};

    /// What a credential is for.
    #[derive(Debug)]
    pub enum CredUsage {
        /// To begin a conversation.
        Initiate,
    }

    /// A credential.
    #[derive(Debug)]
    pub struct Cred;

    impl Cred {
        /// Always an error.
        pub fn acquire(
            _name: Option<&Name>,
            _time: Option<std::time::Duration>,
            _usage: CredUsage,
            _mechanisms: Option<&OidSet>,
        ) -> Result<Cred, Error> {
            Err(Error)
        }
    }
}

/// The conversation that signs in.
pub mod context {
    use crate::{credential::Cred, error::Error, name::Name, oid::Oid};

    /// What the two sides ask of each other.
    #[derive(Debug, Clone, Copy)]
    pub struct CtxFlags;

    impl CtxFlags {
        /// Both sides prove who they are.
        pub const GSS_C_MUTUAL_FLAG: CtxFlags = CtxFlags;
        /// Messages keep their order.
        pub const GSS_C_SEQUENCE_FLAG: CtxFlags = CtxFlags;
    }

    impl std::ops::BitOr for CtxFlags {
        type Output = CtxFlags;

        fn bitor(self, _other: CtxFlags) -> CtxFlags {
            CtxFlags
        }
    }

    /// One side of the conversation.
    #[derive(Debug)]
    pub struct ClientCtx;

    impl ClientCtx {
        /// A conversation that cannot begin.
        pub fn new(_cred: Cred, _name: Name, _flags: CtxFlags, _mechanism: Option<&Oid>) -> ClientCtx {
            ClientCtx
        }

        /// Always an error.
        pub fn step(&self, _token: Option<&[u8]>) -> Result<Option<Vec<u8>>, Error> {
            Err(Error)
        }
    }
}
