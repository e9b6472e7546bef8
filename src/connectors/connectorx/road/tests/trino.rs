//! Trino through connectorx, played by a few lines of HTTP.
