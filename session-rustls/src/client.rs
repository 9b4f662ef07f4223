//! The session store of a rustls client: a record for each server, in a [`SessionCache`].
//!
//! rustls hands over objects, which have no bytes: they are kept as they are, in this process.
//!
//! Invariant: the store is known to one `ClientConfig` and to what its user copies from that (all of it, or its field
//! `resumption`); nothing here hands it to another.
//! Invariant: a ticket leaves its record before rustls gets it, under the record's lock, so that one
//! connection gets it.
//! Invariant: a record lives for `lifetime` from its first moment on, whatever comes into it later. A
//! ticket says nothing of the handshake that it comes from; so all count from the earliest.

mod builder;
mod record;
mod statistics;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;
use session_cache::{
    ContextView, IdContext, NewSession, Payload, ProtocolVersion, Session, SessionCache, SessionId,
};

use self::record::Record;
use self::statistics::Counters;

pub use self::builder::{ClientSessionsBuilder, LIFETIME_MAX};
pub use self::statistics::ClientStatistics;

/// Keeps the sessions of one rustls `ClientConfig`, for which it takes the place of rustls' own store.
///
/// For each server it keeps up to `tickets_max` TLS 1.3 tickets, each of which is used once, one TLS 1.2
/// session, and the key exchange group that the server chose. It keeps up to `servers_max` servers, and each
/// for `lifetime`; then the next handshake with it is a full one. Looking a server up takes no lock; what is
/// changed for one server holds the lock of that server for a moment.
///
/// # One configuration
///
/// A resumed handshake does not look at the server's certificate again. Where two configurations share a
/// store, a session that a careless verifier made could come back under a strict one. So a store is made for
/// one configuration, by [`attach`](ClientSessionsBuilder::attach), and nothing here gives it to another: this
/// handle tells figures and forgets sessions. A *clone* of the configuration has the same store, as it has the same
/// verifier, and so has a configuration that was given a clone of the field `resumption`. What protects these is rustls:
/// it compares verifier and client certificates (whether they are the same objects), and makes a full handshake where
/// one differs; the ticket is lost. To let configurations differ in any other way that matters, attach a store of its
/// own to each.
///
/// # Age
///
/// rustls checks the lifetime that the server gave a session, by the wall clock; it reads a lifetime of 0 as
/// none, also in TLS 1.3, where 0 means that the ticket is not to be used. It does not tell a store that
/// lifetime, nor whether a ticket comes from a full handshake or from a resumed one, nor when the certificate was last
/// looked at. So this store counts from the first that it heard of a server, by its own clock, and forgets
/// all of the server's sessions together when `lifetime` has passed: as long as no connection outlives them
/// or the record is evicted under it, no chain of resumptions is longer than that. A connection that brings a
/// ticket after its server's record has gone begins a new one, whatever its age.
///
/// # Servers
///
/// rustls tells the server's name and not its port. Servers that share a name and differ in who they are
/// need configurations of their own.
///
/// # Examples
///
/// ```
/// use rustls::{ClientConfig, RootCertStore};
/// use session_cache::Seconds;
/// use session_rustls::ClientSessions;
///
/// # let provider = rustls::crypto::ring::default_provider().into();
/// # let builder = ClientConfig::builder_with_provider(provider);
/// # let builder = builder.with_safe_default_protocol_versions().unwrap();
/// let mut config = builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
///
/// let sessions = ClientSessions::builder()
///     .servers_max(10_000)
///     .tickets_max(4)
///     .lifetime(Seconds(3_600))
///     .attach(&mut config)?;
///
/// println!("{}", sessions.statistics());
/// # Ok::<(), session_rustls::ClientError>(())
/// ```
pub struct ClientSessions {
    store: Arc<Store>,
}

impl ClientSessions {
    /// Begins a store with the default settings.
    pub fn builder() -> ClientSessionsBuilder {
        ClientSessionsBuilder::new()
    }

    /// Returns the figures as they stand.
    #[must_use]
    pub fn statistics(&self) -> ClientStatistics {
        self.store.counters.snapshot(&self.store.records.statistics())
    }

    /// Forgets the servers whose time is over, and returns how many there were.
    ///
    /// They are not used in any case; this wipes their secrets at once, rather than when somebody asks
    /// for them or some hundred others have come.
    pub fn flush_expired(&self) -> usize {
        self.store.records.flush_expired()
    }

    /// Forgets all servers, and returns how many there were: their next handshake is a full one.
    ///
    /// A connection that is open may bring new tickets afterwards.
    pub fn clear(&self) -> usize {
        self.store.records.remove_if(|_| true)
    }
}

/// Shows figures, and no server's name.
impl fmt::Debug for ClientSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.store, f)
    }
}

/// What rustls sees.
struct Store {
    /// Sessions whose payload is a [`Record`].
    records: SessionCache,
    /// Two secrets of 128 bits: a record is found by both hashes of its name.
    hashers: [RandomState; 2],
    tickets_max: usize,
    keeps_tls12: bool,
    counters: Counters,
}

impl Store {
    fn view(&self) -> ContextView<'_> {
        self.records.context(IdContext::EMPTY)
    }

    fn id(&self, name: &ServerName<'_>) -> SessionId {
        let mut id = [0; 16];
        for (half, hasher) in id.chunks_exact_mut(8).zip(&self.hashers) {
            half.copy_from_slice(&hasher.hash_one(name).to_be_bytes());
        }
        SessionId::new(&id).expect("16 bytes are an id")
    }

    /// Finds the record of a server that is about to be connected to, which counts as its use, and asks it.
    fn ask<T>(
        &self,
        name: &ServerName<'_>,
        question: impl FnOnce(&Record) -> Option<T>,
    ) -> Option<T> {
        let found = self.view().lookup(VERSION, &self.id(name))?;
        question(Record::of(&found, name)?)
    }

    /// Finds the record of a server that was connected to, without counting that as a use: of servers that are
    /// met once, none must push out one that is used.
    fn peek(&self, name: &ServerName<'_>, id: &SessionId) -> Option<Session> {
        let mut found = None;
        // None is wanted, so none is taken.
        self.view().take_if(VERSION, id, |session| {
            found = Some(session.clone());
            false
        });
        found.filter(|session| Record::of(session, name).is_some())
    }

    /// Finds the record of a server that was connected to, or makes it, and changes it.
    fn change(&self, name: ServerName<'static>, change: impl FnOnce(&Record)) {
        let id = self.id(&name);
        if let Some(session) = self.peek(&name, &id) {
            Record::of(&session, &name).map(change);
            return;
        }
        let payload = Payload::object(Record::new(name.clone(), self.tickets_max));
        let made = self.view().insert_absent(NewSession::new(VERSION, id, payload));
        // Another connection to it may have come first. One that cannot be stored is counted, and lost.
        if let Some(session) = made.ok().or_else(|| self.peek(&name, &id)) {
            Record::of(&session, &name).map(change);
        }
    }
}

impl ClientSessionStore for Store {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        self.change(name, |record| record.set_group(group));
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        self.ask(name, Record::group)
    }

    fn set_tls12_session(&self, name: ServerName<'static>, value: Tls12ClientSessionValue) {
        // rustls asks whether TLS 1.2 may resume when it asks for a ticket, and not when there is an id.
        if !self.keeps_tls12 {
            return;
        }
        self.counters.stored.add(1);
        let now = self.records.now();
        self.change(name, |record| record.set_tls12(value, now));
    }

    /// rustls asks this when there was no ticket.
    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        let now = self.records.now();
        let found = self.ask(name, |record| record.tls12(now));
        let counter = if found.is_some() { &self.counters.hits } else { &self.counters.misses };
        counter.add(1);
        found
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        if let Some(session) = self.peek(name, &self.id(name)) {
            Record::of(&session, name).map(Record::remove_tls12);
        }
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.counters.stored.add(1);
        self.change(name, |record| {
            if record.push_ticket(value) {
                self.counters.tickets_evicted.add(1);
            }
        });
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        let found = self.ask(name, Record::take_ticket)?;
        self.counters.hits.add(1);
        Some(found)
    }
}

/// Shows figures, and no server's name.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSessions")
            .field("servers", &self.records.len())
            .field("servers_max", &self.records.sessions_max())
            .field("tickets_max", &self.tickets_max)
            .finish_non_exhaustive()
    }
}

/// A record holds sessions of any version.
const VERSION: ProtocolVersion = ProtocolVersion::UNKNOWN;

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use rustls::{ClientConfig, RootCertStore};

    use super::*;

    #[test]
    fn connections_that_are_first_at_once_share_one_record() {
        let provider = rustls::crypto::ring::default_provider().into();
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let roots = builder.with_root_certificates(RootCertStore::empty());
        let sessions = ClientSessions::builder().attach(&mut roots.with_no_client_auth()).unwrap();
        let (store, start) = (&sessions.store, &Barrier::new(2));
        for round in 0..2_000 {
            let name = ServerName::try_from(format!("server-{round}.example")).unwrap();
            let record = |name: ServerName<'static>| {
                let mut address = 0;
                start.wait();
                store.change(name, |record| address = std::ptr::from_ref(record).addr());
                address
            };
            let [one, other] = thread::scope(|scope| {
                let threads = [name.clone(), name].map(|name| scope.spawn(move || record(name)));
                threads.map(|thread| thread.join().unwrap())
            });
            assert_eq!(one, other, "round {round}");
        }
    }
}
