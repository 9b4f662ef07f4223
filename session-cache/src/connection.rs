//! The session slot of one connection, as a TLS engine drives it: what an OpenSSL `SSL` knows of sessions.
//!
//! The engine tells what happens on the wire, and is told what may be resumed. It decides what belongs to
//! TLS: which version, which cipher, what a ticket holds, whether a message is well formed.
//!
//! States: *before* a handshake, *during* one, *established*, and *failed* after a fatal alert. Only what
//! was established can be closed uncleanly.

mod client;
mod server;

use std::fmt;
use std::sync::Arc;

use crate::cache::SessionCache;
use crate::config::{Generator, Settings};
use crate::id::{IdContext, SessionId};
use crate::mode::CacheMode;
use crate::session::{NewSession, ProtocolVersion, Session};
use crate::statistics::Event;

/// Which side of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Offers a session.
    Client,
    /// Looks for the one that was offered.
    Server,
}

/// Is what one connection knows of sessions: the session in use, whether it was resumed, and how the
/// connection ended (an OpenSSL `SSL`, as far as sessions go).
///
/// Dropping it is `SSL_free`: a session whose connection was established and not closed cleanly leaves its
/// cache and is marked not resumable.
///
/// # From OpenSSL's functions
///
/// | OpenSSL | here |
/// | --- | --- |
/// | `SSL_new` | [`Connection::new`] |
/// | `SSL_free` | dropping it |
/// | `SSL_set_connect_state`, `SSL_set_accept_state` | [`set_role`](Connection::set_role) |
/// | `SSL_set_session` | [`set_session`](Connection::set_session) |
/// | `SSL_get_session`, `SSL_get0_session` | [`session`](Connection::session) |
/// | `SSL_get1_session` | [`session_owned`](Connection::session_owned) |
/// | `SSL_session_reused` | [`is_reused`](Connection::is_reused) |
/// | `SSL_set_session_id_context` | [`set_id_context`](Connection::set_id_context) |
/// | `SSL_set_verify` | [`set_verify_peer`](Connection::set_verify_peer) |
/// | `SSL_get_verify_result` | [`verify_result`](Connection::verify_result) |
/// | `SSL_set_generate_session_id` | [`set_generator`](Connection::set_generator) |
/// | `SSL_has_matching_session_id` | [`has_matching_id`](Connection::has_matching_id) |
/// | `SSL_shutdown`, `SSL_set_shutdown` | [`set_shutdown`](Connection::set_shutdown) |
/// | `SSL_clear` | [`clear`](Connection::clear) |
/// | `SSL_set_SSL_CTX` | [`switch_cache`](Connection::switch_cache) |
/// | `SSL_SESSION_is_resumable`, `SSL_SESSION_...` | [`Session`] |
///
/// # What an engine calls
///
/// A server, up to TLS 1.2: [`begin`](Connection::begin), [`resume`](Connection::resume); if that finds
/// nothing, [`new_id`](Connection::new_id) and [`new_session`](Connection::new_session); when the handshake
/// ends, [`established`](Connection::established) and [`finish`](Connection::finish). In TLS 1.3
/// `finish` comes first, and for each ticket that is sent an [`attach`](Connection::attach) of its session
/// and an `established`. A client begins with [`offer`](Connection::offer), and goes on with
/// [`accepted`](Connection::accepted) or [`declined`](Connection::declined).
///
/// # Examples
///
/// A server's full handshake, and the same client coming back:
///
/// ```
/// use std::sync::Arc;
/// use session_cache::{
///     Connection, IdContext, NewSession, Payload, ProtocolVersion, Role, SessionCache, Shutdown, Tickets,
/// };
///
/// let cache = Arc::new(SessionCache::builder().id_context(IdContext::new(b"https")?).build()?);
/// let version = ProtocolVersion::TLS12;
///
/// let mut first = Connection::new(&cache, Role::Server);
/// first.begin(version);
/// let id = first.new_id()?;
/// first.new_session(NewSession::new(version, id, Payload::borrowed(b"secret")));
/// first.established(Tickets::None);
/// first.finish();
/// first.set_shutdown(Shutdown::SENT);
/// drop(first);
///
/// let mut second = Connection::new(&cache, Role::Server);
/// second.begin(version);
/// assert!(second.resume(&id)?);
/// assert_eq!(second.session().expect("just resumed").payload(), b"secret");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Connection {
    /// What `SSL_new` was given: all that concerns sessions.
    cache: Arc<SessionCache>,
    /// What `SSL_set_SSL_CTX` set: whose handshakes it counts as.
    current: Arc<SessionCache>,
    role: Role,
    state: State,
    version: ProtocolVersion,
    id_context: IdContext,
    generator: Option<Arc<Generator>>,
    verify_peer: bool,
    verify_result: i32,
    session: Option<Session>,
    reused: bool,
    renegotiates: bool,
    /// Where the first handshake counts as begun, as long as that may change.
    counted_in: CountedIn,
    shutdown: Shutdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Before,
    During,
    Established,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CountedIn {
    Neither,
    Cache,
    Current,
}

/// Says in which directions a connection was closed (OpenSSL's `SSL_SENT_SHUTDOWN` and
/// `SSL_RECEIVED_SHUTDOWN`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shutdown {
    /// A close_notify was sent, or is taken to have been.
    pub sent: bool,
    /// One was received.
    pub received: bool,
}

impl Shutdown {
    /// Sent: enough to keep the session.
    pub const SENT: Shutdown = Shutdown { sent: true, received: false };
    /// Received: not enough.
    pub const RECEIVED: Shutdown = Shutdown { sent: false, received: true };
    /// Both.
    pub const BOTH: Shutdown = Shutdown { sent: true, received: true };
}

/// Says which tickets a server sends for the session that was established.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tickets {
    /// None: up to TLS 1.2, a session that is found by its id.
    None,
    /// TLS 1.3: the ticket is the session's id, and the session is in the cache alone.
    Stateful,
    /// TLS 1.3: the ticket holds the session. It is stored only where a remove hook wants to hear of its
    /// end.
    Stateless,
}

/// Is a reason to end a handshake with a fatal alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fatal {
    /// The peer is to be verified and no id context is set: a session made elsewhere could come back here
    /// (OpenSSL's reason 277).
    IdContextUninitialized,
    /// The session belongs to another id context (OpenSSL's reason 272).
    DifferentIdContext,
    /// The generator of ids made none (OpenSSL's reason 301).
    NoId,
    /// It made an empty one (OpenSSL's reason 303).
    EmptyId,
    /// It made one that is taken (OpenSSL's reason 302).
    IdTaken,
    /// The operating system gave no random bytes, or none in ten ids was free.
    Entropy,
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fatal::IdContextUninitialized => {
                "the peer is to be verified, and no session id context is set"
            }
            Fatal::DifferentIdContext => "the session belongs to another session id context",
            Fatal::NoId => "the generator of session ids made none",
            Fatal::EmptyId => {
                "the generator of session ids made one of 0 bytes; it must be 1 to 32"
            }
            Fatal::IdTaken => "the generator of session ids made one that is taken",
            Fatal::Entropy => "no random session id from the operating system",
        })
    }
}

impl std::error::Error for Fatal {}

/// A session that belongs to another cache and was not attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfOtherCache;

impl fmt::Display for OfOtherCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the session is in another cache than the connection's")
    }
}

impl std::error::Error for OfOtherCache {}

impl Connection {
    /// Begins a connection without a session, in the id context that the cache's settings name now.
    pub fn new(cache: &Arc<SessionCache>, role: Role) -> Connection {
        Connection {
            cache: Arc::clone(cache),
            current: Arc::clone(cache),
            role,
            state: State::Before,
            version: ProtocolVersion::UNKNOWN,
            id_context: cache.settings_ref().id_context,
            generator: None,
            verify_peer: false,
            verify_result: 0,
            session: None,
            reused: false,
            renegotiates: false,
            counted_in: CountedIn::Neither,
            shutdown: Shutdown::default(),
        }
    }

    /// Returns the cache whose sessions these are.
    pub fn cache(&self) -> &Arc<SessionCache> {
        &self.cache
    }

    /// Returns which side this is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Makes it the other side, before it has begun a handshake (`SSL_set_connect_state`,
    /// `SSL_set_accept_state`); later it changes nothing, and false is returned.
    pub fn set_role(&mut self, role: Role) -> bool {
        let is_before = self.state == State::Before;
        if is_before {
            self.role = role;
        }
        is_before
    }

    /// Returns the id context.
    pub fn id_context(&self) -> IdContext {
        self.id_context
    }

    /// Sets the id context, for sessions that are made or resumed from now on.
    pub fn set_id_context(&mut self, id_context: IdContext) {
        self.id_context = id_context;
    }

    /// Says whether the peer is to be verified. Without an id context a server then caches nothing, and
    /// fails a handshake in which a session of the empty context would come back.
    pub fn set_verify_peer(&mut self, verify_peer: bool) {
        self.verify_peer = verify_peer;
    }

    /// Returns what became of the peer's certificate: of this connection, or of the one whose session it
    /// resumes, as OpenSSL's `X509_V_` numbers.
    pub fn verify_result(&self) -> i32 {
        self.verify_result
    }

    /// Sets what makes ids, in the place of what the cache's settings name; none for those.
    pub fn set_generator(&mut self, generator: Option<Arc<Generator>>) {
        self.generator = generator;
    }

    /// Attaches a session to be offered, in the place of the one that is attached, or detaches that one
    /// (`SSL_set_session(3)`).
    ///
    /// If this connection was established and not closed cleanly, the session that was attached leaves its
    /// cache and is marked not resumable; else nothing becomes of it.
    ///
    /// # Errors
    ///
    /// [`OfOtherCache`]; what was attached stays, unmarked.
    pub fn set_session(&mut self, session: Option<Session>) -> Result<(), OfOtherCache> {
        if session.as_ref().is_some_and(|session| !self.cache.may_have(session)) {
            return Err(OfOtherCache);
        }
        self.drop_if_unclean();
        if let Some(session) = &session {
            self.verify_result = session.verify_result();
        }
        self.session = session;
        Ok(())
    }

    /// Borrows the session in use (`SSL_get0_session(3)`): it costs no count. None before there is one.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Returns the session in use, as a reference of the caller's own (`SSL_get1_session(3)`), which stays
    /// valid whatever becomes of the connection and the cache.
    pub fn session_owned(&self) -> Option<Session> {
        self.session.clone()
    }

    /// Whether the session in use was resumed (`SSL_session_reused(3)`).
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// Whether this cache holds a session of this connection's version under `id`
    /// (`SSL_has_matching_session_id(3)`). The get hook is not asked.
    pub fn has_matching_id(&self, id: &SessionId) -> bool {
        self.cache.has_inside(self.version, id)
    }

    /// Says that a handshake begins, with the version that is agreed on or hoped for: the first one, or a
    /// renegotiation.
    pub fn begin(&mut self, version: ProtocolVersion) {
        self.renegotiates = self.state == State::Established;
        self.state = State::During;
        self.version = version;
        let event = match (self.role, self.renegotiates) {
            (Role::Client, false) => Event::Connect,
            (Role::Client, true) => Event::ConnectRenegotiate,
            (Role::Server, false) => Event::Accept,
            (Role::Server, true) => Event::AcceptRenegotiate,
        };
        let counts = if event == Event::AcceptRenegotiate { &self.current } else { &self.cache };
        counts.count(event);
        self.counted_in = if self.renegotiates { CountedIn::Neither } else { CountedIn::Cache };
    }

    /// Says which version was agreed on, when it is another than was said at the beginning.
    pub fn set_version(&mut self, version: ProtocolVersion) {
        self.version = version;
    }

    /// Begins a session of this connection, in its id context and with its cache's timeout, in the place of
    /// the one that is attached: a full handshake. What became of the peer's certificate is good, unless
    /// `new` says otherwise.
    pub fn new_session(&mut self, new: NewSession) -> &Session {
        self.reused = false;
        let verify_result = new.verify_result().unwrap_or(0);
        self.verify_result = verify_result;
        let settings = self.cache.settings();
        let new = new.with_verify_result(verify_result);
        let session = self.cache.make(&settings, new, self.id_context);
        self.session.insert(session)
    }

    /// Attaches a session that takes the place of the one in use: a further ticket's, made of it with
    /// [`to_new`](Session::to_new), in its id context; without one it is the connection's. It is not marked, whatever
    /// became of the one it was made of. Whether the connection was resumed stays as it is.
    ///
    /// A client up to TLS 1.2 that stores sessions gets a new ticket in the place of the old one: the session
    /// that was found by its id leaves the cache and is marked not resumable.
    pub fn attach(&mut self, new: NewSession) -> &Session {
        let settings = self.cache.settings();
        // Who may come back with it was decided in the handshake that the one in use comes from.
        let id_context = self.session.as_ref().map_or(self.id_context, Session::id_context);
        let session = self.cache.make(&settings, new.without_mark(), id_context);
        if self.role == Role::Client && settings.mode.contains(CacheMode::CLIENT) {
            if let Some(old) = self.session.as_ref().filter(|old| !old.version().is_tls13()) {
                self.cache.remove(old);
            }
        }
        self.session.insert(session)
    }

    /// Says that the attached session can be resumed from now on: it is stored, and the new hook called, as
    /// the mode says.
    ///
    /// Up to TLS 1.2 once, before [`finish`](Connection::finish); in TLS 1.3 after it, for each ticket that
    /// was sent or received. A session without an id, or marked not resumable, is left alone; so is a
    /// server's that verifies its peer without an id context.
    pub fn established(&mut self, tickets: Tickets) {
        let cache = Arc::clone(&self.cache);
        let settings = cache.settings();
        if let Some(session) = &self.session {
            self.store(&settings, session, tickets);
        }
    }

    fn store(&self, settings: &Settings, session: &Session, tickets: Tickets) {
        if session.id().is_empty() || session.is_marked_not_resumable() {
            return;
        }
        if self.role == Role::Server && self.verify_peer && session.id_context().is_empty() {
            return;
        }
        let side = match self.role {
            Role::Client => CacheMode::CLIENT,
            Role::Server => CacheMode::SERVER,
        };
        if !settings.mode.contains(side) {
            return;
        }
        if !self.reused || session.version().is_tls13() {
            let wanted = tickets != Tickets::Stateless
                || self.role == Role::Client
                || settings.remove_hook.is_some();
            if wanted && !settings.mode.contains(CacheMode::NO_INTERNAL_STORE) {
                // One that cannot be stored is for the hook all the same. Clearing is due by the number of
                // connections; here only what is left of the last one is gone on with.
                if self.cache.add_with(settings, session, None, None).is_ok() {
                    self.cache.clear_when_storing(settings, false);
                }
            }
            self.cache.announce(settings, Some(self), session);
        }
        self.clear_by_counter(settings);
    }

    /// The library's automatic flush: when the low byte of the good counter is 255.
    fn clear_by_counter(&self, settings: &Settings) {
        if self.cache.rules().clears_every_255 || settings.mode.contains(CacheMode::NO_AUTO_CLEAR) {
            return;
        }
        if self.cache.sum(self.good()) & 0xff == 0xff {
            self.cache.flush_expired();
        }
    }

    fn good(&self) -> Event {
        match self.role {
            Role::Client => Event::ConnectGood,
            Role::Server => Event::AcceptGood,
        }
    }

    /// Says that the handshake is complete.
    ///
    /// A client that stores sessions and has resumed one of TLS 1.3 lets go of it in its cache: it was used.
    pub fn finish(&mut self) {
        self.state = State::Established;
        let cache = Arc::clone(&self.cache);
        let settings = cache.settings();
        match self.role {
            Role::Server => self.current.count(Event::AcceptGood),
            Role::Client => {
                cache.count(Event::ConnectGood);
                if self.reused {
                    cache.count(Event::Hit);
                }
                self.remove_if_used_up(&settings);
            }
        }
        if cache.rules().clears_every_255 {
            cache.clear_after_connection(&settings);
        }
    }

    /// Returns in which directions the connection was closed.
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown
    }

    /// Says in which directions the connection was closed (`SSL_set_shutdown(3)`). Once a close_notify was
    /// sent, or is taken to have been, the session stays.
    pub fn set_shutdown(&mut self, shutdown: Shutdown) {
        self.shutdown = shutdown;
    }

    /// Says that a fatal alert was sent: the session leaves its cache and is marked not resumable, unless
    /// the connection was closed before, so that nothing was sent.
    pub fn fatal_alert_sent(&mut self) {
        if !self.shutdown.sent {
            self.fail();
        }
        self.state = State::Failed;
    }

    /// Says that a fatal alert was received: the session leaves its cache and is marked not resumable.
    pub fn fatal_alert_received(&mut self) {
        self.shutdown.received = true;
        self.fail();
        self.state = State::Failed;
    }

    /// The session goes as bad; once.
    fn fail(&mut self) {
        if self.state == State::Failed {
            return;
        }
        if let Some(session) = &self.session {
            self.cache.remove(session);
        }
    }

    /// Makes the connection ready for another one (`SSL_clear(3)`). After a clean close the session stays
    /// attached; else it leaves its cache, is marked not resumable and detached.
    pub fn clear(&mut self) {
        if self.drop_if_unclean() {
            self.session = None;
        }
        self.state = State::Before;
        self.reused = false;
        self.renegotiates = false;
        self.counted_in = CountedIn::Neither;
        self.shutdown = Shutdown::default();
    }

    /// Follows a server name to another cache's configuration (`SSL_set_SSL_CTX(3)`): handshakes count there
    /// from now on. Sessions stay with the cache that the connection began with. The id context becomes the
    /// other's if it was the old one's.
    pub fn switch_cache(&mut self, other: &Arc<SessionCache>) {
        if self.id_context == self.current.settings_ref().id_context {
            self.id_context = other.settings_ref().id_context;
        }
        if self.state == State::During && self.role == Role::Server {
            let counted_in = match self.counted_in {
                CountedIn::Neither => None,
                CountedIn::Cache => Some(&self.cache),
                CountedIn::Current => Some(&self.current),
            };
            if let Some(counted_in) = counted_in {
                counted_in.uncount(Event::Accept);
                other.count(Event::Accept);
                self.counted_in = CountedIn::Current;
            }
        }
        self.current = Arc::clone(other);
    }

    /// Lets the session go as bad if the connection was established and not closed cleanly.
    fn drop_if_unclean(&mut self) -> bool {
        let is_unclean = self.state == State::Established && !self.shutdown.sent;
        if is_unclean {
            self.fail();
        }
        is_unclean && self.session.is_some()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.drop_if_unclean();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("role", &self.role)
            .field("state", &self.state)
            .field("version", &self.version)
            .field("id_context", &self.id_context)
            .field("session", &self.session)
            .field("reused", &self.reused)
            .field("shutdown", &self.shutdown)
            .finish_non_exhaustive()
    }
}
