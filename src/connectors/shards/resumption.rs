//! What is said of a run that an earlier process has left unfinished: every source says it in these
//! words, so that what several shards say can be put together.

/// The note of a run that goes on.
pub(in crate::connectors) const GOES_ON: &str =
    "the splits that an earlier run has finished are kept";
/// How the note of a run begins that goes on in a snapshot that was held.
pub(in crate::connectors) const GOES_ON_IN: &str = "it goes on in the snapshot of";
/// The note of a run that cannot go on.
pub(in crate::connectors) const STARTS_OVER: &str =
    "the snapshot of an earlier run is gone: its load starts over";
