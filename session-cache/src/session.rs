//! A session on its way in ([`Session`]), in the table (`Stored`), and on its way out ([`SessionHandle`]).
//!
//! Invariant: a stored session never changes; what replaces it is another one. Only its place in the
//! expiry order is written, under the lock of its shard.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use session_core::{Handle, Key};

use crate::config::Config;
use crate::id::{IdContext, SessionId};
use crate::payload::Payload;
use crate::time::{Seconds, UnixTime};

/// Is the protocol version of a session, as TLS writes it on the wire.
///
/// One id under two versions is two sessions. [`UNKNOWN`](ProtocolVersion::UNKNOWN) is a version like any
/// other: it matches itself only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolVersion(pub u16);

impl ProtocolVersion {
    /// For callers that cannot tell the version.
    pub const UNKNOWN: ProtocolVersion = ProtocolVersion(0);
    /// TLS 1.2.
    pub const TLS12: ProtocolVersion = ProtocolVersion(0x0303);
    /// TLS 1.3.
    pub const TLS13: ProtocolVersion = ProtocolVersion(0x0304);
}

/// Is a session to be stored.
///
/// # Examples
///
/// ```
/// use session_cache::{Payload, ProtocolVersion, Seconds, Session, SessionId};
///
/// let id = SessionId::new(&[7; 32])?;
/// let session = Session::new(ProtocolVersion::TLS12, id, Payload::copy_from(b"secret"))
///     .with_timeout(Seconds(3_600));
/// assert!(!format!("{session:?}").contains("secret"));
/// # Ok::<(), session_cache::Error>(())
/// ```
#[derive(Debug)]
pub struct Session {
    version: ProtocolVersion,
    id: SessionId,
    payload: Payload,
    timeout: Option<Seconds>,
    created: Option<UnixTime>,
}

impl Session {
    /// Creates a session that is created when it is inserted and has the cache's default timeout.
    pub fn new(version: ProtocolVersion, id: SessionId, payload: Payload) -> Session {
        Session { version, id, payload, timeout: None, created: None }
    }

    /// Sets the session's own timeout; the cache cuts it to its cap on lifetimes.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Seconds) -> Session {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the time from which the timeout counts. It is taken at its word, also when it lies in the
    /// future.
    #[must_use]
    pub fn with_created(mut self, created: UnixTime) -> Session {
        self.created = Some(created);
        self
    }

    pub(crate) fn key(&self) -> Key {
        key(self.version, &self.id)
    }

    pub(crate) fn created(&self) -> Option<UnixTime> {
        self.created
    }

    /// Undoes [`into_stored`](Session::into_stored): the session with the times that were fixed.
    pub(crate) fn given_back(key: &Key, stored: Stored) -> Session {
        let id = SessionId::new(key.id()).expect("the key was made of a session id");
        let timeout = Seconds(stored.expires.0 - stored.created.0);
        Session::new(ProtocolVersion(key.version()), id, stored.payload)
            .with_created(stored.created)
            .with_timeout(timeout)
    }

    /// Fixes what the session is once stored.
    pub(crate) fn into_stored(
        self,
        id_context: IdContext,
        created: UnixTime,
        config: &Config,
    ) -> Stored {
        Stored {
            id_context,
            created,
            expires: config.expires(created, self.timeout),
            payload: self.payload,
            place: AtomicU32::new(u32::MAX),
        }
    }
}

/// A session that was not stored, because too many that have left the cache wait to be freed: some
/// thread of the process holds a guard of session-core for too long.
#[derive(Debug)]
pub struct NotStored {
    /// The session, given back.
    pub session: Session,
}

impl fmt::Display for NotStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the session was not stored: {} removed sessions wait to be freed, {} is the most; \
             some thread holds a guard for too long",
            session_core::waiting(),
            session_core::WAITING_MAX
        )
    }
}

impl std::error::Error for NotStored {}

/// Is the table's value; the key (version and id) stands beside it in the table's entry.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) id_context: IdContext,
    created: UnixTime,
    /// Still valid at this time, no longer after it.
    pub(crate) expires: UnixTime,
    payload: Payload,
    /// Which node of its shard's queue is this session's; a queue reuses its nodes, so the node has to be
    /// asked whose it is. Written and read under the shard's lock.
    place: AtomicU32,
}

impl Stored {
    pub(crate) fn is_expired(&self, now: UnixTime) -> bool {
        now > self.expires
    }

    pub(crate) fn place(&self) -> u32 {
        // Relaxed: the shard's lock orders it after the store.
        self.place.load(Ordering::Relaxed)
    }

    pub(crate) fn set_place(&self, place: u32) {
        // Relaxed: the shard's lock orders it before the loads.
        self.place.store(place, Ordering::Relaxed);
    }
}

/// Holds a session that was found or stored; it stays readable whatever becomes of the cache.
///
/// Clones share the session. The payload is wiped when the last handle has gone and the table has
/// reclaimed its own.
///
/// `Debug` prints lengths and times, never the id or the payload.
#[derive(Clone)]
pub struct SessionHandle(Handle<Stored>);

impl SessionHandle {
    pub(crate) fn new(handle: Handle<Stored>) -> SessionHandle {
        SessionHandle(handle)
    }

    /// Returns the protocol version.
    pub fn version(&self) -> ProtocolVersion {
        ProtocolVersion(self.0.key().version())
    }

    /// Returns the session's id.
    pub fn id(&self) -> SessionId {
        SessionId::new(self.0.key().id()).expect("a stored key was made from a session id")
    }

    /// Returns the id context in which the session was stored.
    pub fn id_context(&self) -> IdContext {
        self.0.id_context
    }

    /// Returns the time from which the timeout counts.
    pub fn created(&self) -> UnixTime {
        self.0.created
    }

    /// Returns the last time at which the session is valid.
    pub fn expires(&self) -> UnixTime {
        self.0.expires
    }

    /// Borrows the payload.
    pub fn payload(&self) -> &[u8] {
        self.0.payload.as_bytes()
    }
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionHandle")
            .field("version", &self.version())
            .field("id", &self.id())
            .field("id_context", &self.id_context())
            .field("created", &self.created())
            .field("expires", &self.expires())
            .field("payload", &self.0.payload)
            .finish()
    }
}

/// Makes the table's key of what a session is looked up by.
pub(crate) fn key(version: ProtocolVersion, id: &SessionId) -> Key {
    Key::new(version.0, id.as_bytes()).expect("a session id is no longer than a key's")
}
