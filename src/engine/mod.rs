//! Runs a plan: checks, then loads, each exactly once.
