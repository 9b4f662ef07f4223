//! Counts what happened to a client's sessions.

use std::fmt;

use session_cache::Statistics;
use session_core::Counter;

/// Is a snapshot of the figures of [`ClientSessions`](crate::ClientSessions). None but `servers` ever falls.
///
/// A hit is a session that rustls was given to offer; whether the server took it is known to the connection
/// alone (`handshake_kind`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientStatistics {
    /// Servers that are kept now.
    pub servers: u64,
    /// Tickets and TLS 1.2 sessions that came in.
    pub stored: u64,
    /// Connections for which there was a ticket or a session.
    pub hits: u64,
    /// Connections for which there was none.
    pub misses: u64,
    /// Tickets that left because their server had the most already.
    pub tickets_evicted: u64,
    /// Servers that left because there was no room.
    pub servers_evicted: u64,
    /// Servers that left because their time was over.
    pub servers_expired: u64,
    /// Servers that were not stored, because too much waited to be freed.
    pub not_stored: u64,
}

impl fmt::Display for ClientStatistics {
    /// Writes one aligned line for each figure.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = [
            ("servers", self.servers),
            ("stored", self.stored),
            ("hits", self.hits),
            ("misses", self.misses),
            ("tickets evicted", self.tickets_evicted),
            ("servers evicted", self.servers_evicted),
            ("servers expired", self.servers_expired),
            ("not stored", self.not_stored),
        ];
        for (at, (name, figure)) in lines.into_iter().enumerate() {
            let line_break = if at == 0 { "" } else { "\n" };
            write!(f, "{line_break}{name:<20} {figure:>12}")?;
        }
        Ok(())
    }
}

/// What the records' own cache does not count, because it counts servers.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) stored: Counter,
    pub(super) hits: Counter,
    pub(super) misses: Counter,
    pub(super) tickets_evicted: Counter,
}

impl Counters {
    pub(super) fn snapshot(&self, records: &Statistics) -> ClientStatistics {
        ClientStatistics {
            servers: records.number,
            stored: self.stored.sum(),
            hits: self.hits.sum(),
            misses: self.misses.sum(),
            tickets_evicted: self.tickets_evicted.sum(),
            servers_evicted: records.cache_full,
            servers_expired: records.expired + records.flushed,
            not_stored: records.not_stored,
        }
    }
}
