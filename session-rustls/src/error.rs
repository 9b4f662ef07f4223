//! Why a client's store was not made.

use std::fmt;

/// Says why [`attach`](crate::ClientSessionsBuilder::attach) made no store.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// `servers_max` is out of its range.
    ServersMax {
        /// What was asked for.
        servers_max: usize,
        /// What is allowed.
        limit: usize,
    },
    /// `lifetime` is 0 seconds.
    LifetimeIsZero,
    /// The cache underneath could not be made: there were no random bytes.
    Cache(session_cache::Error),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::ServersMax { servers_max, limit } => {
                write!(f, "servers_max is {servers_max}; it must be 1 to {limit}")
            }
            ClientError::LifetimeIsZero => {
                f.write_str("lifetime is 0 seconds; it must be at least 1 second")
            }
            ClientError::Cache(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ClientError::Cache(error) => error.source(),
            _ => None,
        }
    }
}
