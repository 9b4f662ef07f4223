//! The session store of an OpenSSL client: a record for each server, in a [`SessionCache`].
//!
//! Sessions are kept as libssl's objects, in this process: one that libssl marks not resumable, because a
//! connection with it broke, is not offered again by any other.
//!
//! Invariant: the store is known to one context. A connection of another is refused, and one that shows another
//! certificate than the context's neither stores nor is offered anything. Where the context verifies its servers, only
//! a connection that did so by the context's settings stores, and one that does so by others is offered nothing; where
//! it does not, none that verifies is. Which settings these are is in [`trust`].
//! Invariant: a TLS 1.3 ticket leaves its record before a connection gets it, under the record's lock.

mod builder;
mod record;
mod statistics;
mod trust;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::{Arc, OnceLock};

use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::ssl::{Ssl, SslContext, SslRef, SslSession};
use openssl_sys::SSL_CTX;
use session_cache::{
    ContextView, IdContext, NewSession, Payload, ProtocolVersion, Seconds, Session, SessionCache,
    SessionId, UnixTime,
};

use self::record::{Kept, Record, Server};
use self::statistics::Counters;
use crate::error::Error;
use crate::object::Object;
use crate::sys;
use crate::unwind::caught;

pub use self::builder::{ClientSessionsBuilder, LIFETIME_MAX};
pub use self::statistics::ClientStatistics;

/// Keeps the sessions of one client's `SslContext`, by server: host and port.
///
/// For each server it keeps up to `tickets_max` TLS 1.3 tickets, each of which is offered once, and one session
/// of an earlier version, which is offered until it is too old. It keeps up to `servers_max` servers.
///
/// # One configuration
///
/// A resumed handshake does not look at the server's certificate again: a session that a careless connection
/// made must not come back in a strict one. So a store is made for one context, by
/// [`attach`](ClientSessionsBuilder::attach), and [`offer`](ClientSessions::offer) refuses connections of others.
///
/// What a single connection can be given differently is seen to as well: whether it verifies its server, its verify
/// callback, its certificate store, depth, flags, authentication level and security level, and the certificate that it
/// shows. Where the context verifies its servers, a session is kept only if its connection did so too, by the same
/// settings, and if the certificate is for the host. A connection that verifies though its context does not, or by
/// other settings, or that shows another certificate than the context's, is offered nothing.
///
/// Not seen are DANE, a security callback, a purpose, names that are checked beside the host, and what a callback looks
/// up in its connection's application data; with OpenSSL 1.1.1, which does not tell it, a connection's certificate
/// store too. Connections that differ in these belong to contexts of their own.
///
/// # Age
///
/// A ticket is offered for as long as its server said that it is good (in TLS 1.3, where 0 means never), or for the
/// timeout of its context and the server's hint (before), and never longer than the store's `lifetime`, which counts
/// from the full handshake in which the server showed its certificate: tickets that came by resumptions inherit
/// that.
///
/// # Examples
///
/// ```no_run
/// use std::net::TcpStream;
///
/// use openssl::ssl::{SslConnector, SslMethod};
/// use session_openssl::ClientSessions;
///
/// let mut builder = SslConnector::builder(SslMethod::tls())?;
/// let sessions = ClientSessions::builder().servers_max(10_000).tickets_max(4).attach(&mut builder)?;
/// let connector = builder.build();
///
/// let mut connection = connector.configure()?;
/// sessions.offer(&mut connection, "example.org", 443)?;
/// let stream = connection.connect("example.org", TcpStream::connect("example.org:443")?)?;
/// println!("resumed: {}\n{}", stream.ssl().session_reused(), sessions.statistics());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Close connections (`SslStream::shutdown`): libssl marks the session of one that breaks off not resumable.
#[derive(Clone)]
pub struct ClientSessions {
    store: Arc<Store>,
}

impl ClientSessions {
    /// Begins a store with the default settings.
    #[must_use]
    pub fn builder() -> ClientSessionsBuilder {
        ClientSessionsBuilder::new()
    }

    /// Prepares a connection that is about to be made: offers a session of this server, if there is one, and
    /// says whether it does; and sees to it that the sessions which the server gives are kept under its name.
    ///
    /// `host` is the name that the server's certificate is for, or its address; letters are compared without case. Call
    /// it after any other setting of the connection, and before the handshake. It replaces what the connection was to
    /// offer before: when there is none for this server, nothing is offered. So a connection that goes to another host
    /// after all (a fallback) is prepared anew for that.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OtherContext`](crate::ErrorKind::OtherContext) for a connection of another context than the
    /// store's, [`ErrorKind::OpenSsl`](crate::ErrorKind::OpenSsl).
    pub fn offer(&self, ssl: &mut SslRef, host: &str, port: u16) -> Result<bool, Error> {
        if !self.store.is_for(ssl)? {
            return Err(Error::other_context());
        }
        let server = Server::new(host, port);
        let found = if trust::is_as_configured(ssl) { self.store.find(&server) } else { None };
        let counter =
            if found.is_some() { &self.store.counters.hits } else { &self.store.counters.misses };
        counter.add(1);
        ssl.set_ex_data(server_index()?, server);
        let Some(session) = found else {
            offer_nothing(ssl)?;
            return Ok(false);
        };
        // SAFETY: the session was given to a connection of this context, and is in no cache of libssl's.
        unsafe { ssl.set_session(&session) }.map_err(Error::of_stack)?;
        Ok(true)
    }

    /// Returns the figures as they stand.
    #[must_use]
    pub fn statistics(&self) -> ClientStatistics {
        self.store.counters.snapshot(&self.store.records.statistics())
    }

    /// Forgets the servers of whom no session is good any more, and returns how many there were.
    pub fn flush_expired(&self) -> usize {
        self.store.records.flush_expired()
    }

    /// Forgets all servers, and returns how many there were: their next handshake is a full one. A connection
    /// that is open may bring new tickets afterwards.
    pub fn clear(&self) -> usize {
        self.store.records.remove_if(|_| true)
    }
}

/// Shows figures, and no server's name.
impl fmt::Debug for ClientSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSessions")
            .field("servers", &self.store.records.len())
            .field("servers_max", &self.store.records.sessions_max())
            .field("tickets_max", &self.store.tickets_max)
            .finish_non_exhaustive()
    }
}

/// Is what a context and the handles of its store share.
struct Store {
    /// Sessions whose payload is a [`Record`].
    records: SessionCache,
    /// Two secrets of 128 bits: a record is found by both hashes of its server.
    hashers: [RandomState; 2],
    tickets_max: usize,
    lifetime: Seconds,
    counters: Counters,
}

impl Store {
    fn view(&self) -> ContextView<'_> {
        self.records.context(IdContext::EMPTY)
    }

    fn id(&self, server: &Server) -> SessionId {
        let mut id = [0; 16];
        for (half, hasher) in id.chunks_exact_mut(8).zip(&self.hashers) {
            half.copy_from_slice(&hasher.hash_one(server).to_be_bytes());
        }
        SessionId::new(&id).expect("16 bytes are an id")
    }

    /// Whether a connection is, as it stands, of the context that this store is for.
    fn is_for(&self, ssl: &SslRef) -> Result<bool, Error> {
        let own = ssl.ssl_context().ex_data(store_index()?);
        Ok(own.is_some_and(|own| ptr::eq(Arc::as_ptr(&own.0), self)))
    }

    /// Finds a session of a server: the newest ticket, which leaves, or the session of an earlier version.
    fn find(&self, server: &Server) -> Option<SslSession> {
        let found = self.view().lookup(RECORD, &self.id(server))?;
        Record::of(&found, server)?.offer(self.records.now())
    }

    /// Is libssl's new-session callback.
    fn keep(&self, ssl: &SslRef, session: SslSession) {
        if caught(|| self.keep_of(ssl, session)).is_none() {
            self.counters.panics.add(1);
        }
    }

    fn keep_of(&self, ssl: &SslRef, session: SslSession) {
        let Some(server) = server_index().ok().and_then(|index| ssl.ex_data(index)) else { return };
        self.counters.given.add(1);
        // It may have been led to another context since it was prepared, by whose word it then verifies.
        let is_ours = self.is_for(ssl).unwrap_or(false);
        if !is_ours || !trust::is_trusted(ssl, server.host()) {
            self.counters.untrusted.add(1);
            return;
        }
        // SAFETY: the reference is ours, and the connection that has the other is in this thread.
        let Some(object) = (unsafe { Object::new(session.as_ptr()) }) else { return };
        let (now, version) = (self.records.now(), object.version());
        let since = object.authenticated().unwrap_or(now);
        object.set_authenticated(since);
        let expires = self.expires(object, now, since);
        if expires.is_none_or(|expires| expires < now) {
            self.counters.too_old.add(1);
            return;
        }
        let expires = expires.unwrap_or(now);
        self.keep_kept(server, Kept { session, expires }, version.is_tls13(), now);
    }

    /// The last second in which a session may be offered; none when it must not be at all.
    fn expires(&self, object: Object<'_>, now: UnixTime, since: UnixTime) -> Option<UnixTime> {
        let hint = object.lifetime_hint();
        let own = if object.version().is_tls13() {
            // RFC 8446, section 4.6.1: a lifetime of 0 says that the ticket is to be discarded at once.
            (hint != Seconds(0)).then_some(hint)?.min(LIFETIME_MAX)
        } else {
            // RFC 5077, section 3.3: 0 says nothing. Here the timeout is the context's.
            let hint = if hint == Seconds(0) { object.timeout() } else { hint };
            object.timeout().min(hint).min(LIFETIME_MAX_TLS12)
        };
        Some(now.saturating_add(own).min(since.saturating_add(self.lifetime)))
    }

    fn keep_kept(&self, server: &Server, kept: Kept, is_ticket: bool, now: UnixTime) {
        let id = self.id(server);
        let mut is_new = false;
        let record = self.peek(&id).or_else(|| {
            let payload = Payload::object(Record::new(server.clone(), self.tickets_max));
            is_new = self.view().insert_absent(NewSession::new(RECORD, id, payload)).is_ok();
            // If it was refused, somebody may have come first.
            self.peek(&id)
        });
        let Some(session) = record else { return };
        let Some(record) = Record::of(&session, server) else { return };
        if record.keep(kept, is_ticket) {
            self.counters.tickets_evicted.add(1);
        }
        if !is_new {
            // It lives as long as the newest of its sessions can.
            self.records.set_created(&session, now);
        }
    }

    /// Finds a record without counting that as a use: of servers that are met once, none must push out one that
    /// is used.
    fn peek(&self, id: &SessionId) -> Option<Session> {
        let mut found = None;
        // None is wanted, so none is taken.
        self.view().take_if(RECORD, id, |session| {
            found = Some(session.clone());
            false
        });
        found
    }
}

/// Is a count of a store that a context owns: it goes when libssl frees the context, and with the last one the store.
struct Owned(ManuallyDrop<Arc<Store>>);

impl Owned {
    fn new(store: &Arc<Store>) -> Owned {
        Owned(ManuallyDrop::new(Arc::clone(store)))
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: it is not used any more.
        let store = unsafe { ManuallyDrop::take(&mut self.0) };
        // With the store its clock goes, which is foreign code.
        let _ = caught(|| drop(store));
    }
}

/// Takes the session away that a connection was to offer. One that has begun keeps its session, which it works with.
fn offer_nothing(ssl: &mut SslRef) -> Result<(), Error> {
    // SAFETY: the connection is live.
    if unsafe { sys::SSL_in_before(ssl.as_ptr()) } == 0 {
        return Ok(());
    }
    // SAFETY: live, and in no other thread; null is allowed.
    let is_set = unsafe { openssl_sys::SSL_set_session(ssl.as_ptr(), ptr::null_mut()) } == 1;
    if is_set { Ok(()) } else { Err(Error::openssl()) }
}

/// Where a client's context keeps its store.
fn store_index() -> Result<Index<SslContext, Owned>, Error> {
    static INDEX: OnceLock<Result<Index<SslContext, Owned>, ErrorStack>> = OnceLock::new();
    INDEX.get_or_init(SslContext::new_ex_index).clone().map_err(Error::of_stack)
}

/// Whether a context is a client's that has a store.
///
/// # Safety
///
/// * `ctx` is live.
pub(crate) unsafe fn has_store(ctx: *mut SSL_CTX) -> bool {
    let Ok(index) = store_index() else { return false };
    // SAFETY: live, by the caller; the index is one of contexts.
    !unsafe { openssl_sys::SSL_CTX_get_ex_data(ctx, index.as_raw()) }.is_null()
}

/// Where a connection keeps to which server it goes.
fn server_index() -> Result<Index<Ssl, Server>, Error> {
    static INDEX: OnceLock<Result<Index<Ssl, Server>, ErrorStack>> = OnceLock::new();
    INDEX.get_or_init(Ssl::new_ex_index).clone().map_err(Error::of_stack)
}

/// A record holds sessions of any version.
const RECORD: ProtocolVersion = ProtocolVersion::UNKNOWN;

/// How long a session up to TLS 1.2 is offered at most.
///
/// Source: RFC 5246, section F.1.4.
const LIFETIME_MAX_TLS12: Seconds = Seconds(86_400);
