//! Puts a client's store together, and attaches it.

use std::fmt;
use std::hash::RandomState;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::{ClientSessionStore, Resumption, Tls12Resumption};
use session_cache::{Clock, Eviction, Seconds, SessionCache};

use super::record::Record;
use super::statistics::Counters;
use super::{ClientSessions, Store};
use crate::error::ClientError;

/// The most that a store's `lifetime` can be: 7 days, after which no client may use a ticket.
///
/// Source: RFC 8446, section 4.6.1.
pub const LIFETIME_MAX: Seconds = Seconds(7 * 86_400);

/// Collects the settings of [`ClientSessions`].
pub struct ClientSessionsBuilder {
    servers_max: usize,
    tickets_max: u8,
    lifetime: Seconds,
    tls12: Tls12Resumption,
    /// With what is the same for all stores.
    records: session_cache::Builder,
}

impl ClientSessionsBuilder {
    pub(super) fn new() -> ClientSessionsBuilder {
        ClientSessionsBuilder {
            servers_max: SERVERS_MAX_DEFAULT,
            tickets_max: TICKETS_MAX_DEFAULT,
            lifetime: LIFETIME_DEFAULT,
            tls12: Tls12Resumption::SessionIdOrTickets,
            records: SessionCache::builder()
                .bytes_max(0)
                .session_bytes_max(0)
                .eviction(Eviction::S3Fifo)
                // Secrets go with the record, and need not wait until its memory does.
                .remove_hook(|left| {
                    left.session.payload_object::<Record>().map(Record::clear);
                }),
        }
    }

    /// Sets the most servers at any instant, 1 to 16,777,216, by default 1,024. Without room one leaves that
    /// was not connected to again, or not lately (S3-FIFO); the newcomer never does.
    #[must_use]
    pub fn servers_max(mut self, servers_max: usize) -> ClientSessionsBuilder {
        self.servers_max = servers_max;
        self
    }

    /// Sets the most TLS 1.3 tickets for a server, by default 8. The oldest leaves for a newer one; with 0
    /// no TLS 1.3 session resumes.
    #[must_use]
    pub fn tickets_max(mut self, tickets_max: u8) -> ClientSessionsBuilder {
        self.tickets_max = tickets_max;
        self
    }

    /// Sets for how long a server's sessions are kept, counted from the first of them, by default 24 hours;
    /// at least 1 second, and cut to [`LIFETIME_MAX`]. A TLS 1.2 session is not used for longer than 24 hours.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Seconds) -> ClientSessionsBuilder {
        self.lifetime = lifetime;
        self
    }

    /// Sets how TLS 1.2 sessions resume, by default by session ids and tickets, as in rustls.
    #[must_use]
    pub fn tls12(mut self, tls12: Tls12Resumption) -> ClientSessionsBuilder {
        self.tls12 = tls12;
        self
    }

    /// Sets where the time comes from, by default a [`SystemClock`](session_cache::SystemClock).
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> ClientSessionsBuilder {
        self.records = self.records.clock(clock);
        self
    }

    /// Makes the store and puts it into the configuration, as its `resumption`.
    ///
    /// # Errors
    ///
    /// [`ClientError`] for a setting out of its range, and when the operating system gives no random bytes; the
    /// configuration stays as it was.
    pub fn attach(self, config: &mut ClientConfig) -> Result<ClientSessions, ClientError> {
        let ClientSessionsBuilder { servers_max, tickets_max, lifetime, tls12, records } = self;
        if !(1..=SERVERS_MAX).contains(&servers_max) {
            return Err(ClientError::ServersMax { servers_max, limit: SERVERS_MAX });
        }
        if lifetime == Seconds(0) {
            return Err(ClientError::LifetimeIsZero);
        }
        let lifetime = lifetime.min(LIFETIME_MAX);
        let records = records.sessions_max(servers_max).timeout(lifetime).lifetime_max(lifetime);
        let records = records.build().map_err(ClientError::Cache)?;
        let store = Arc::new(Store {
            records,
            hashers: [RandomState::new(), RandomState::new()],
            tickets_max: usize::from(tickets_max),
            keeps_tls12: tls12 != Tls12Resumption::Disabled,
            counters: Counters::default(),
        });
        let resumption = Resumption::store(Arc::clone(&store) as Arc<dyn ClientSessionStore>);
        config.resumption = resumption.tls12_resumption(tls12);
        Ok(ClientSessions { store })
    }
}

impl fmt::Debug for ClientSessionsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSessionsBuilder")
            .field("servers_max", &self.servers_max)
            .field("tickets_max", &self.tickets_max)
            .field("lifetime", &self.lifetime)
            .field("tls12", &self.tls12)
            .finish_non_exhaustive()
    }
}

/// What the cache takes at most.
const SERVERS_MAX: usize = 16_777_216;

const SERVERS_MAX_DEFAULT: usize = 1_024;

/// As in rustls' own store.
const TICKETS_MAX_DEFAULT: u8 = 8;

const LIFETIME_DEFAULT: Seconds = Seconds(86_400);
