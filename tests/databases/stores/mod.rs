//! Object stores of the tests' own on the loopback, and a gate in front of them that loses answers.
//!
//! | store | is | proves |
//! |---|---|---|
//! | [`moto`] | the Python package `moto`, in memory | S3's requests, conditional puts and reads, multipart, pages |
//! | [`s3s`] | the crates `s3s` and `s3s-fs`, in this process | signatures, which it verifies; a second reading of S3 |
//! | [`azurite`] | Microsoft's emulator, from npm | Azure's requests, signatures, block blobs, copies |
//! | [`Gate::google`] | moto behind the gate, which speaks Google's headers | which requests Google would get, not what it would do |

#![allow(dead_code, unused_imports, reason = "each user needs another part of it")]

mod gate;
mod server;

pub(crate) use gate::{Effect, Gate};
pub(crate) use server::{
    AZURE_ACCOUNT, AZURE_KEY, KEY, SECRET, azurite, make_in_moto, make_in_s3s, moto, python, s3s,
};
