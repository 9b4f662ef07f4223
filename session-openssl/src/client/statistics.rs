//! Counts what happened to a client's sessions.

use std::fmt;

use session_cache::Statistics;
use session_core::Counter;

/// Is a snapshot of the figures of [`ClientSessions`](crate::ClientSessions). None but `servers` ever falls.
///
/// A hit is a session that was offered; whether the server took it is known to the connection alone
/// (`SslRef::session_reused`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientStatistics {
    /// Servers that are kept now.
    pub servers: u64,
    /// Sessions that servers gave to connections that were prepared.
    pub given: u64,
    /// Those of them that were not kept, because their connection did not verify its server as its context does, or
    /// showed another certificate, or because the server's was not for the host.
    pub untrusted: u64,
    /// Those that were not kept, because their lifetime was 0, or the full handshake that they come from
    /// lies too far back.
    pub too_old: u64,
    /// Connections that were offered a session.
    pub hits: u64,
    /// Connections for which there was none.
    pub misses: u64,
    /// Tickets that left because their server had the most already.
    pub tickets_evicted: u64,
    /// Servers that left because there was no room.
    pub servers_evicted: u64,
    /// Servers that left because their time was over.
    pub servers_expired: u64,
    /// Servers that were not kept, because too much waited to be freed.
    pub not_stored: u64,
    /// Panics that were caught on their way to libssl.
    pub panics: u64,
}

impl fmt::Display for ClientStatistics {
    /// Writes one aligned line for each figure.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = [
            ("servers", self.servers),
            ("given", self.given),
            ("untrusted", self.untrusted),
            ("too old", self.too_old),
            ("hits", self.hits),
            ("misses", self.misses),
            ("tickets evicted", self.tickets_evicted),
            ("servers evicted", self.servers_evicted),
            ("servers expired", self.servers_expired),
            ("not stored", self.not_stored),
            ("panics", self.panics),
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
    pub(super) given: Counter,
    pub(super) untrusted: Counter,
    pub(super) too_old: Counter,
    pub(super) hits: Counter,
    pub(super) misses: Counter,
    pub(super) tickets_evicted: Counter,
    pub(super) panics: Counter,
}

impl Counters {
    pub(super) fn snapshot(&self, records: &Statistics) -> ClientStatistics {
        ClientStatistics {
            servers: records.number,
            given: self.given.sum(),
            untrusted: self.untrusted.sum(),
            too_old: self.too_old.sum(),
            hits: self.hits.sum(),
            misses: self.misses.sum(),
            tickets_evicted: self.tickets_evicted.sum(),
            servers_evicted: records.cache_full,
            servers_expired: records.expired + records.flushed,
            not_stored: records.not_stored,
            panics: self.panics.sum(),
        }
    }
}
