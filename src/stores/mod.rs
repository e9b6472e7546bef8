//! Object stores: addresses such as `s3://bucket/key`, who we are there, and pinned reads.
//!
//! An [`Address`] says where; [`Access`] holds what a source or sink says of endpoint and
//! credentials, and opens a [`Bucket`]. An [`Object`] is an object as it was planned, by size and
//! ETag: every request for its bytes names the ETag, so that one load never reads two versions.
//!
//! All requests go through dhow's own HTTP client and run on threads of their own, because files
//! are read by code that waits. A request that the store answers with "slow down" or a failure of
//! its own is asked again a few times: that is what stores expect of everybody. What may not happen
//! twice is put under a name of its own or only where nothing was before.

mod access;
mod address;
mod azure;
mod blocks;
mod bucket;
mod client;
mod endpoint;
mod failure;
mod google;
mod object;
mod profile;
mod s3;
mod wait;
mod web;

pub use access::{Access, OPTIONS};
pub use address::Address;
pub use blocks::Blocks;
pub use bucket::Bucket;
pub use object::Object;
pub use wait::wait;
