//! Tests of decoding: made bytes, broken bytes, and a real server.
