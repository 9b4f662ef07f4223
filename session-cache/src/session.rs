//! A session on its way in ([`NewSession`]) and as everybody holds it ([`Session`]).
//!
//! A session *is* its entry of the table: one allocation, shared by the cache, connections and
//! applications. An entry can be linked into a table once; a session that is added again after it has
//! left is found through a second entry that leads to it (`Again`).
//!
//! Invariant: what a session is found by, and who may come back with it, never changes. Times, the mark
//! and the place in an order do; each is one atomic word that stands for itself.

use std::fmt;
use std::mem::offset_of;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

use session_core::{Handle, Key};

use crate::fifo::USES_MAX;
use crate::id::{IdContext, SessionId};
use crate::payload::{self, Payload, PayloadObject};
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
    /// DTLS 1.3.
    pub const DTLS13: ProtocolVersion = ProtocolVersion(0xfefc);

    /// Whether sessions come as tickets after the handshake: TLS 1.3 and DTLS 1.3.
    pub fn is_tls13(self) -> bool {
        self == ProtocolVersion::TLS13 || self == ProtocolVersion::DTLS13
    }
}

/// Collects what a new session is made of.
///
/// # Examples
///
/// ```
/// use session_cache::{NewSession, Payload, ProtocolVersion, Seconds, SessionId};
///
/// let id = SessionId::new(&[7; 32])?;
/// let new = NewSession::new(ProtocolVersion::TLS12, id, Payload::borrowed(b"secret"))
///     .with_timeout(Seconds(3_600));
/// assert!(!format!("{new:?}").contains("secret"));
/// # Ok::<(), session_cache::Error>(())
/// ```
#[derive(Debug)]
pub struct NewSession<'a> {
    version: ProtocolVersion,
    id: SessionId,
    payload: Payload<'a>,
    timeout: Option<Seconds>,
    created: Option<UnixTime>,
    authenticated: Option<UnixTime>,
    verify_result: Option<i32>,
    lifetime_hint: Seconds,
    has_ticket: bool,
    not_resumable: bool,
}

impl<'a> NewSession<'a> {
    /// Begins a session; who makes it a [`Session`] gives it its id context, and the time and the default
    /// timeout where it has none of its own.
    pub fn new(version: ProtocolVersion, id: SessionId, payload: Payload<'a>) -> NewSession<'a> {
        NewSession {
            version,
            id,
            payload,
            timeout: None,
            created: None,
            authenticated: None,
            verify_result: None,
            lifetime_hint: Seconds(0),
            has_ticket: false,
            not_resumable: false,
        }
    }

    /// Sets another id: for the sessions of further tickets, which are duplicates but for this.
    #[must_use]
    pub fn with_id(mut self, id: SessionId) -> NewSession<'a> {
        self.id = id;
        self
    }

    /// Sets another payload.
    #[must_use]
    pub fn with_payload(mut self, payload: Payload<'a>) -> NewSession<'a> {
        self.payload = payload;
        self
    }

    /// Sets the session's own timeout.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Seconds) -> NewSession<'a> {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the time from which the timeout counts. It is taken at its word, also when it lies in the
    /// future.
    #[must_use]
    pub fn with_created(mut self, created: UnixTime) -> NewSession<'a> {
        self.created = Some(created);
        self
    }

    /// Sets when the peers last proved who they are, by a full handshake: by default when the session is
    /// created. A resumption that issues a new session carries it over, and the caps on lifetimes count
    /// from it.
    #[must_use]
    pub fn with_authenticated(mut self, authenticated: UnixTime) -> NewSession<'a> {
        self.authenticated = Some(authenticated);
        self
    }

    /// Sets what became of the peer's certificate, as OpenSSL's `X509_V_` numbers: 0 is good. By default 1,
    /// for not known, and 0 of a connection's own sessions.
    #[must_use]
    pub fn with_verify_result(mut self, verify_result: i32) -> NewSession<'a> {
        self.verify_result = Some(verify_result);
        self
    }

    /// Says that the client got a ticket for it, and for how long the server said it would be good.
    #[must_use]
    pub fn with_ticket(mut self, lifetime_hint: Seconds) -> NewSession<'a> {
        self.has_ticket = true;
        self.lifetime_hint = lifetime_hint;
        self
    }

    /// A ticket's session begins unmarked.
    pub(crate) fn without_mark(mut self) -> NewSession<'a> {
        self.not_resumable = false;
        self
    }

    /// Makes the session, which is in no cache yet: created at `now` unless it has a time of its own, and
    /// good for 304 seconds unless it has a timeout of its own.
    ///
    /// Source: `SSL_SESSION_new` (R1).
    pub fn build(self, id_context: IdContext, now: UnixTime) -> Session {
        self.build_with(id_context, now, TIMEOUT_BARE, |_| Seconds(u64::MAX))
    }

    /// What became of the peer's certificate, where somebody said so.
    pub(crate) fn verify_result(&self) -> Option<i32> {
        self.verify_result
    }

    pub(crate) fn build_with(
        mut self,
        id_context: IdContext,
        now: UnixTime,
        timeout_default: Seconds,
        lifetime_max: impl Fn(ProtocolVersion) -> Seconds,
    ) -> Session {
        let created = self.created.unwrap_or(now);
        let timeout = self.timeout.unwrap_or(timeout_default).min(lifetime_max(self.version));
        let size = self.payload.size_bytes().saturating_add(
            self.id.as_bytes().len() + id_context.as_bytes().len() + COST_BYTES_FIXED,
        );
        let stored = Stored {
            created: AtomicU64::new(created.0),
            timeout: AtomicU64::new(timeout.0),
            authenticated: self.authenticated.unwrap_or(created),
            object: self.payload.take_object(),
            place: AtomicU32::new(Place::NONE),
            expires: AtomicU64::new(0),
            retired: AtomicU32::new(0),
            uses: AtomicU8::new(0),
            cost_bytes: u32::try_from(size).unwrap_or(u32::MAX),
            verify_result: self.verify_result.unwrap_or(VERIFY_RESULT_UNKNOWN),
            lifetime_hint: u32::try_from(self.lifetime_hint.0).unwrap_or(u32::MAX),
            has_ticket: self.has_ticket,
            not_resumable: AtomicBool::new(self.not_resumable),
            id_context,
        };
        let key = key(self.version, &self.id);
        Session(Handle::with_bytes(key, Entry::Own(stored), self.payload.as_bytes()))
    }
}

/// Is the table's value; the key (version and id) stands beside it in the table's entry.
pub(crate) enum Entry {
    Own(Stored),
    Again(Again),
}

/// Leads to a session that was in a table before.
pub(crate) struct Again(Session);

/// What every lookup reads, and all that an eviction does, comes first, in one cache line: that behind the line of the
/// entry's header. The payload's bytes stand in the entry behind all this.
#[repr(C)]
pub(crate) struct Stored {
    id_context: IdContext,
    /// Tells too what kind of [`Entry`] it is.
    has_ticket: bool,
    not_resumable: AtomicBool,
    /// How often it was found, where that decides who leaves; counted up to 3.
    uses: AtomicU8,
    /// Which node of its shard's queue is this session's; a queue reuses its nodes, so the node has to be
    /// asked whose it is. Claimed by who adds the session, and else written under the shard's lock.
    place: AtomicU32,
    /// The last time at which it is valid in the cache that it is in: its node's in the order. Written under the
    /// shard's lock.
    expires: AtomicU64,
    /// What it counts for where bytes are limited.
    cost_bytes: u32,
    /// How many entries that led to this session have left their table and still hold it.
    retired: AtomicU32,
    created: AtomicU64,
    timeout: AtomicU64,
    authenticated: UnixTime,
    /// The payload's, if it has one.
    object: Option<Box<dyn PayloadObject>>,
    verify_result: i32,
    lifetime_hint: u32,
}

const _: () = assert!(offset_of!(Stored, created) <= 64);
const _: () =
    assert!(size_of::<Entry>() == size_of::<Stored>(), "the kind of an entry costs nothing");

/// What `Stored::place` can be, but for a node's number.
pub(crate) struct Place;

impl Place {
    /// In no cache.
    pub(crate) const NONE: u32 = u32::MAX;
    /// On its way into one.
    pub(crate) const CLAIMED: u32 = u32::MAX - 1;
}

impl Drop for Again {
    fn drop(&mut self) {
        // Relaxed: a figure.
        self.0.stored().retired.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Is a TLS session, shared by everybody who holds it; it stays readable whatever becomes of the cache.
///
/// Clones are the same session (OpenSSL's `SSL_SESSION_up_ref`), dropping one lets go of it
/// (`SSL_SESSION_free`). The payload is wiped when the last one has gone and the table has reclaimed its
/// own.
///
/// `Debug` prints lengths and times, never the id or the payload.
///
/// # Examples
///
/// ```
/// use session_cache::{IdContext, NewSession, Payload, ProtocolVersion, SessionId, UnixTime};
///
/// let id = SessionId::new(&[7; 32])?;
/// let session = NewSession::new(ProtocolVersion::TLS12, id, Payload::borrowed(b"secret"))
///     .build(IdContext::EMPTY, UnixTime(1_000));
/// assert!(session.is_resumable());
///
/// let copy = session.duplicate();
/// copy.mark_not_resumable();
/// assert!(session.is_resumable() && !copy.is_resumable());
/// # Ok::<(), session_cache::Error>(())
/// ```
#[derive(Clone)]
pub struct Session(Handle<Entry>);

impl Session {
    /// Follows an entry to its session.
    #[inline]
    pub(crate) fn of(entry: Handle<Entry>) -> Session {
        match &*entry {
            Entry::Own(_) => Session(entry),
            Entry::Again(Again(session)) => session.clone(),
        }
    }

    /// Returns the session's own entry, which can be linked once.
    pub(crate) fn entry(&self) -> &Handle<Entry> {
        &self.0
    }

    /// Makes another entry that leads to this session.
    pub(crate) fn entry_again(&self) -> Handle<Entry> {
        // Counted as retired until it is linked, so that it is no reference of anybody's.
        self.stored().retired.fetch_add(1, Ordering::Relaxed); // Relaxed: a figure.
        Handle::new(*self.0.key(), Entry::Again(Again(self.clone())))
    }

    pub(crate) fn key(&self) -> &Key {
        self.0.key()
    }

    #[inline]
    pub(crate) fn stored(&self) -> &Stored {
        match &*self.0 {
            Entry::Own(stored) => stored,
            Entry::Again(_) => unreachable!("a session is its own entry"),
        }
    }

    /// Returns the protocol version.
    pub fn version(&self) -> ProtocolVersion {
        ProtocolVersion(self.0.key().version())
    }

    /// Returns the session's id.
    pub fn id(&self) -> SessionId {
        SessionId::of_key(self.0.key())
    }

    /// Returns the id context: who may come back with it.
    pub fn id_context(&self) -> IdContext {
        self.stored().id_context
    }

    /// Returns the time from which the timeout counts.
    pub fn created(&self) -> UnixTime {
        self.stored().created()
    }

    /// Returns the timeout.
    pub fn timeout(&self) -> Seconds {
        self.stored().timeout()
    }

    /// Returns the last time at which the session is valid: created plus timeout, at most the end of time,
    /// which never passes. A cache's caps on lifetimes may end it earlier there.
    pub fn expires(&self) -> UnixTime {
        self.created().saturating_add(self.timeout())
    }

    /// Returns when the peers last proved who they are.
    pub fn authenticated(&self) -> UnixTime {
        self.stored().authenticated
    }

    /// Returns what became of the peer's certificate, as OpenSSL's `X509_V_` numbers.
    pub fn verify_result(&self) -> i32 {
        self.stored().verify_result
    }

    /// Whether the client got a ticket for it.
    pub fn has_ticket(&self) -> bool {
        self.stored().has_ticket
    }

    /// Returns for how long the server said that the ticket would be good.
    pub fn lifetime_hint(&self) -> Seconds {
        Seconds(u64::from(self.stored().lifetime_hint))
    }

    /// Whether it can be resumed: it was not marked otherwise, and there is an id or a ticket to ask for it
    /// with. Its age takes no part.
    ///
    /// Source: `SSL_SESSION_is_resumable(3)`.
    pub fn is_resumable(&self) -> bool {
        !self.is_marked_not_resumable() && (self.has_ticket() || !self.key().id().is_empty())
    }

    /// Marks the session not resumable, for everybody who holds it, for good.
    pub fn mark_not_resumable(&self) {
        self.stored().mark_not_resumable();
    }

    /// Whether it was marked not resumable.
    pub fn is_marked_not_resumable(&self) -> bool {
        // Relaxed: the mark stands for itself.
        self.stored().not_resumable.load(Ordering::Relaxed)
    }

    /// Borrows the payload's bytes.
    pub fn payload(&self) -> &[u8] {
        self.0.bytes()
    }

    /// Borrows the payload's object, if it is one of this type.
    pub fn payload_object<T: PayloadObject>(&self) -> Option<&T> {
        payload::downcast(&self.stored().object)
    }

    /// Returns how many hold it: whoever has this session or a clone, connections, and the cache it is in.
    ///
    /// A figure for tests and people: other threads change it at any time.
    pub fn references(&self) -> u32 {
        // Relaxed: a figure.
        let retired = self.stored().retired.load(Ordering::Relaxed);
        self.0.handles().saturating_sub(retired)
    }

    /// Whether both are the same session, and not only equal.
    pub fn is_same(&self, other: &Session) -> bool {
        self.0.ptr_eq(&other.0)
    }

    /// Makes a session of its own that is equal in everything, the mark included, and in no cache.
    ///
    /// Source: `SSL_SESSION_dup(3)`.
    #[must_use]
    pub fn duplicate(&self) -> Session {
        let payload = Payload::borrowed(self.payload());
        self.begin_again(payload).build(self.id_context(), self.created())
    }

    /// Begins a new session with all that this one is made of, the mark included.
    pub fn to_new(&self) -> NewSession<'static> {
        self.begin_again(Payload::copy_from(self.payload()))
    }

    /// Begins a new session; `payload` has the bytes.
    fn begin_again<'a>(&self, payload: Payload<'a>) -> NewSession<'a> {
        let stored = self.stored();
        NewSession {
            version: self.version(),
            id: self.id(),
            payload: match &stored.object {
                None => payload,
                Some(object) => payload.with_object(object.duplicate()),
            },
            timeout: Some(self.timeout()),
            created: Some(self.created()),
            authenticated: Some(stored.authenticated),
            verify_result: Some(stored.verify_result),
            lifetime_hint: self.lifetime_hint(),
            has_ticket: stored.has_ticket,
            not_resumable: self.is_marked_not_resumable(),
        }
    }

    /// Sets the time from which the timeout counts, of a session that is in no cache; false for one that
    /// is in one, where [`SessionCache::set_created`](crate::SessionCache::set_created) moves it in the
    /// order too.
    pub fn set_created(&self, created: UnixTime) -> bool {
        let free = self.is_in_no_cache();
        if free {
            self.stored().set_created(created);
        }
        free
    }

    /// Sets the timeout, of a session that is in no cache; false for one that is in one, where
    /// [`SessionCache::set_timeout_of`](crate::SessionCache::set_timeout_of) moves it in the order too.
    pub fn set_timeout(&self, timeout: Seconds) -> bool {
        let free = self.is_in_no_cache();
        if free {
            self.stored().set_timeout(timeout);
        }
        free
    }

    pub(crate) fn is_in_no_cache(&self) -> bool {
        self.stored().place() == Place::NONE
    }
}

impl Stored {
    pub(crate) fn created(&self) -> UnixTime {
        // Relaxed: the time stands for itself.
        UnixTime(self.created.load(Ordering::Relaxed))
    }

    pub(crate) fn timeout(&self) -> Seconds {
        // Relaxed: the timeout stands for itself.
        Seconds(self.timeout.load(Ordering::Relaxed))
    }

    pub(crate) fn set_created(&self, created: UnixTime) {
        // Relaxed: the time stands for itself.
        self.created.store(created.0, Ordering::Relaxed);
    }

    pub(crate) fn set_timeout(&self, timeout: Seconds) {
        // Relaxed: the timeout stands for itself.
        self.timeout.store(timeout.0, Ordering::Relaxed);
    }

    /// The last time at which it is valid in the cache that it is in.
    #[inline]
    pub(crate) fn expires(&self) -> UnixTime {
        // Relaxed: the time stands for itself; written before the session can be found.
        UnixTime(self.expires.load(Ordering::Relaxed))
    }

    pub(crate) fn set_expires(&self, expires: UnixTime) {
        // Relaxed: as above.
        self.expires.store(expires.0, Ordering::Relaxed);
    }

    /// Marks it, and says whether it was not marked before.
    pub(crate) fn mark_not_resumable(&self) -> bool {
        // Relaxed: the mark stands for itself.
        !self.not_resumable.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn authenticated(&self) -> UnixTime {
        self.authenticated
    }

    pub(crate) fn uses(&self) -> &AtomicU8 {
        &self.uses
    }

    /// Counts a use.
    pub(crate) fn mark_used(&self) {
        // Relaxed, both: a count of which some may get lost; written only while it changes, so that the
        // readers of a session that is found often share its line.
        let uses = self.uses.load(Ordering::Relaxed);
        if uses < USES_MAX {
            self.uses.store(uses + 1, Ordering::Relaxed);
        }
    }

    pub(crate) fn id_context(&self) -> &IdContext {
        &self.id_context
    }

    pub(crate) fn cost_bytes(&self) -> usize {
        self.cost_bytes as usize
    }

    pub(crate) fn place(&self) -> u32 {
        // Relaxed: the shard's lock orders it after the store.
        self.place.load(Ordering::Relaxed)
    }

    pub(crate) fn set_place(&self, place: u32) {
        // Relaxed: the shard's lock orders it before the loads.
        self.place.store(place, Ordering::Relaxed);
    }

    /// Claims a session that is in no cache, for the one that it is about to enter.
    pub(crate) fn claim_place(&self) -> bool {
        // Relaxed: decides who adds the session; the lock under which it is added publishes the rest.
        let (none, claimed) = (Place::NONE, Place::CLAIMED);
        self.place.compare_exchange(none, claimed, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Entry {
    /// Says that an entry that led to a session again is linked, and so is the cache's reference.
    pub(crate) fn entered(&self) {
        if let Entry::Again(Again(session)) = self {
            // Relaxed: a figure.
            session.stored().retired.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Says that it has left its table, which holds it until no reader can stand on it.
    pub(crate) fn left(&self) {
        if let Entry::Again(Again(session)) = self {
            // Relaxed: a figure.
            session.stored().retired.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The session's own fields, wherever they stand.
    #[inline]
    pub(crate) fn stored(&self) -> &Stored {
        match self {
            Entry::Own(stored) => stored,
            Entry::Again(Again(session)) => session.stored(),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let payload_bytes = payload::size_of(self.payload(), &self.stored().object);
        f.debug_struct("Session")
            .field("version", &self.version())
            .field("id", &self.id())
            .field("id_context", &self.id_context())
            .field("created", &self.created())
            .field("timeout", &self.timeout())
            .field("resumable", &self.is_resumable())
            .field("payload", &format_args!("Payload({payload_bytes} bytes)"))
            .finish_non_exhaustive()
    }
}

/// Makes the table's key of what a session is looked up by.
#[inline]
pub(crate) fn key(version: ProtocolVersion, id: &SessionId) -> Key {
    id.key(version.0)
}

/// Why a session was not stored. The session is its caller's as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotStored {
    /// It has no id to be found by.
    NoId,
    /// It counts for more bytes than a session may, or than all may together.
    TooLarge {
        /// What it counts for.
        bytes: usize,
        /// What is allowed.
        bytes_max: usize,
    },
    /// It is in another cache.
    OtherCache,
    /// The cache's mode stores no sessions of this kind.
    Mode,
    /// It could never be found: a TLS 1.3 lifetime of 0.
    NeverValid,
    /// Another one is there under its version and id, and was to stay.
    IdTaken,
    /// Too many that have left wait to be freed: some thread of the process holds one of session-core's
    /// guards for too long, which this cache never does, or is just dropping what has left.
    Stalled,
}

impl fmt::Display for NotStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the session was not stored: ")?;
        match self {
            NotStored::NoId => f.write_str("it has an empty id"),
            NotStored::TooLarge { bytes, bytes_max } => {
                write!(f, "it counts for {bytes} bytes, and {bytes_max} is the most")
            }
            NotStored::OtherCache => f.write_str("it is in another cache"),
            NotStored::Mode => f.write_str("the cache's mode stores none of its kind"),
            NotStored::NeverValid => f.write_str("its lifetime is over before it begins"),
            NotStored::IdTaken => f.write_str("another one is there under its version and id"),
            NotStored::Stalled => write!(
                f,
                "{} removed sessions wait to be freed, {} is the most; some thread holds a guard for \
                 too long, or is just dropping them",
                session_core::waiting(),
                session_core::WAITING_MAX
            ),
        }
    }
}

impl std::error::Error for NotStored {}

/// What OpenSSL gives a session that no context has made (R1).
pub(crate) const TIMEOUT_BARE: Seconds = Seconds(304);

/// OpenSSL's `X509_V_ERR_UNSPECIFIED`: deliberately not 0, which is good.
const VERIFY_RESULT_UNKNOWN: i32 = 1;

/// What a session costs beyond id, id context and payload, where bytes are limited.
pub(crate) const COST_BYTES_FIXED: usize = 128;
