//! Puts a client's store together, and attaches it.

use std::fmt;
use std::hash::RandomState;
use std::sync::Arc;

use openssl::ssl::{SslContextBuilder, SslSessionCacheMode};
use session_cache::{Clock, Eviction, Seconds, SessionCache};

use super::record::Record;
use super::statistics::Counters;
use super::{ClientSessions, Owned, Store, store_index};
use crate::attachment::is_attached;
use crate::error::Error;

/// The most that a store's `lifetime` can be: 7 days, after which no client may use a ticket.
///
/// Source: RFC 8446, section 4.6.1.
pub const LIFETIME_MAX: Seconds = Seconds(7 * 86_400);

/// Collects the settings of [`ClientSessions`].
pub struct ClientSessionsBuilder {
    servers_max: usize,
    tickets_max: u8,
    lifetime: Seconds,
    /// With what is the same for all stores.
    records: session_cache::Builder,
}

impl ClientSessionsBuilder {
    pub(super) fn new() -> ClientSessionsBuilder {
        ClientSessionsBuilder {
            servers_max: SERVERS_MAX_DEFAULT,
            tickets_max: TICKETS_MAX_DEFAULT,
            lifetime: LIFETIME_DEFAULT,
            records: SessionCache::builder()
                .bytes_max(0)
                .session_bytes_max(0)
                // What a record holds has lifetimes of its own.
                .lifetime_max(Seconds(u64::MAX))
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

    /// Sets for how long sessions are offered at most, counted from the full handshake that they come from, by
    /// default 24 hours; at least 1 second, and cut to [`LIFETIME_MAX`].
    #[must_use]
    pub fn lifetime(mut self, lifetime: Seconds) -> ClientSessionsBuilder {
        self.lifetime = lifetime;
        self
    }

    /// Sets where the time comes from, by default a [`SystemClock`](session_cache::SystemClock).
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> ClientSessionsBuilder {
        self.records = self.records.clock(clock);
        self
    }

    /// Makes the store for a client's context, whose session cache mode and new-session callback it replaces. The
    /// context owns it from then on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) for a setting out of its range,
    /// [`ErrorKind::AlreadyAttached`](crate::ErrorKind::AlreadyAttached),
    /// [`ErrorKind::Cache`](crate::ErrorKind::Cache) when the operating system gives no random bytes,
    /// [`ErrorKind::OpenSsl`](crate::ErrorKind::OpenSsl).
    pub fn attach(self, builder: &mut SslContextBuilder) -> Result<ClientSessions, Error> {
        let ClientSessionsBuilder { servers_max, tickets_max, lifetime, records } = self;
        if !(1..=SERVERS_MAX).contains(&servers_max) {
            return Err(Error::setting("servers_max", servers_max as u64, 1, SERVERS_MAX as u64));
        }
        if lifetime == Seconds(0) {
            return Err(Error::setting("lifetime in seconds", 0, 1, LIFETIME_MAX.0));
        }
        // SAFETY: a builder's context is live.
        if unsafe { is_attached(builder.as_ptr()) } {
            return Err(Error::already_attached());
        }
        let lifetime = lifetime.min(LIFETIME_MAX);
        let records = records.sessions_max(servers_max).timeout(lifetime);
        let store = Arc::new(Store {
            records: records.build().map_err(Error::cache)?,
            hashers: [RandomState::new(), RandomState::new()],
            tickets_max: usize::from(tickets_max),
            lifetime,
            counters: Counters::default(),
        });
        builder.set_ex_data(store_index()?, Owned::new(&store));
        builder.set_session_cache_mode(CLIENT);
        let keeps = Owned::new(&store);
        builder.set_new_session_callback(move |ssl, session| keeps.0.keep(ssl, session));
        Ok(ClientSessions { store })
    }
}

impl fmt::Debug for ClientSessionsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSessionsBuilder")
            .field("servers_max", &self.servers_max)
            .field("tickets_max", &self.tickets_max)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

const CLIENT: SslSessionCacheMode =
    SslSessionCacheMode::CLIENT.union(SslSessionCacheMode::NO_INTERNAL);

/// What the cache takes at most.
const SERVERS_MAX: usize = 16_777_216;
const SERVERS_MAX_DEFAULT: usize = 1_024;
const TICKETS_MAX_DEFAULT: u8 = 8;
const LIFETIME_DEFAULT: Seconds = Seconds(86_400);
