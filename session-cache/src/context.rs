//! The cache as seen by one id context: storing, finding and removing single sessions.
//!
//! Invariant: a session of another context is never returned and never changed; that one is there is
//! counted, and is all that can be told. Who may come back is checked before whether it is too late.
//!
//! Hard case: several find the same session and each wants it to leave. `remove_exact` in the table
//! decides; who loses looks again, because another session may have come in its place.

use std::fmt;

use session_core::{Handle, Key};

use crate::cache::SessionCache;
use crate::id::{IdContext, SessionId};
use crate::order::Kept;
use crate::session::{NotStored, ProtocolVersion, Session, SessionHandle, Stored, key};
use crate::statistics::{Departure, Event};

/// Is a [`SessionCache`] bound to one [`IdContext`]: what one server stores and finds.
///
/// # Examples
///
/// A session is found only in the context in which it was stored:
///
/// ```
/// use session_cache::{IdContext, Payload, ProtocolVersion, Session, SessionCache, SessionId};
///
/// let cache = SessionCache::builder().build()?;
/// let (open, guarded) = (cache.context(IdContext::new(b"open")?), cache.context(IdContext::new(b"guarded")?));
/// let id = SessionId::new(&[7; 32])?;
///
/// open.insert(Session::new(ProtocolVersion::TLS13, id, Payload::copy_from(b"secret")))?;
/// assert!(guarded.take(ProtocolVersion::TLS13, &id).is_none());
/// assert!(open.take(ProtocolVersion::TLS13, &id).is_some());
/// assert!(open.take(ProtocolVersion::TLS13, &id).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct ContextView<'a> {
    cache: &'a SessionCache,
    id_context: IdContext,
}

/// Why there is no session to be had.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Absence {
    /// Nothing is stored under the key.
    Missing,
    /// What is stored belongs to another context, and stays.
    WrongContext,
    /// What was stored was too old; this call has made it leave.
    Expired,
}

impl<'a> ContextView<'a> {
    pub(crate) fn new(cache: &'a SessionCache, id_context: IdContext) -> ContextView<'a> {
        ContextView { cache, id_context }
    }

    /// Stores a session and returns a handle on it; one of the same version and id is replaced, whatever
    /// its context.
    ///
    /// Without room the session that expires first is evicted, never the new one. Nothing is checked: a
    /// session that is too old already is stored, and found expired later. Waits for the lock of a shard
    /// of the order.
    ///
    /// # Errors
    ///
    /// Gives the session back when too many that have left wait to be freed, because some thread of the
    /// process holds one of session-core's guards for too long. This cache never does.
    pub fn insert(&self, session: Session) -> Result<SessionHandle, NotStored> {
        let cache = self.cache;
        let created = session.created().unwrap_or_else(|| cache.now());
        let key = session.key();
        if cache.table.is_stalled() {
            return Err(self.not_stored(session));
        }
        let mut stored = session.into_stored(self.id_context, created, &cache.config());
        let entered = loop {
            if cache.order.has_no_room(&cache.table, &key) {
                if let Some(evicted) = cache.order.evict_one(&cache.table, 1) {
                    cache.left(&evicted, Departure::Evicted);
                }
            }
            match cache.order.enter(&cache.table, key, stored) {
                Ok(entered) => break entered,
                Err(Kept::Out(given_back)) => stored = given_back,
                Err(Kept::Off(given_back)) => {
                    return Err(self.not_stored(Session::given_back(&key, given_back)));
                }
            }
        };
        cache.count(Event::Stored);
        if let Some(replaced) = entered.replaced {
            cache.left(&replaced, Departure::Replaced);
        }
        session_core::settle();
        Ok(SessionHandle::new(entered.handle))
    }

    fn not_stored(&self, session: Session) -> NotStored {
        self.cache.count(Event::Refused);
        NotStored { session }
    }

    /// Returns the session of this context, unless it has expired.
    ///
    /// Never waits and takes no lock, except that one found expired is removed if that means no waiting.
    pub fn lookup(&self, version: ProtocolVersion, id: &SessionId) -> Option<SessionHandle> {
        match self.find(&key(version, id)) {
            Ok(found) => {
                self.cache.count(Event::Hit);
                Some(SessionHandle::new(found))
            }
            Err(absence) => {
                self.count_absence(absence, Event::Miss);
                None
            }
        }
    }

    /// Returns the session of this context, unless it has expired, and removes it: of any number of calls
    /// one gets it.
    ///
    /// For sessions that may be used once. A session of another context is not consumed. Waits for the
    /// lock of a shard of the order.
    pub fn take(&self, version: ProtocolVersion, id: &SessionId) -> Option<SessionHandle> {
        let key = key(version, id);
        let mut if_missing = Event::Miss;
        loop {
            match self.find(&key) {
                Ok(found) if self.make_leave(&found, Departure::Taken) => {
                    self.cache.count(Event::Hit);
                    return Some(SessionHandle::new(found));
                }
                // It was here: unless another one has come in its place, somebody else got it.
                Ok(_) => if_missing = Event::SingleUseLost,
                Err(absence) => {
                    self.count_absence(absence, if_missing);
                    return None;
                }
            }
        }
    }

    /// Removes the session of this context and says whether it was there and had not expired.
    ///
    /// Waits for the lock of a shard of the order.
    pub fn remove(&self, version: ProtocolVersion, id: &SessionId) -> bool {
        let key = key(version, id);
        loop {
            match self.find(&key) {
                Ok(found) if self.make_leave(&found, Departure::Removed) => return true,
                Ok(_) => {}
                Err(Absence::Missing) => return false,
                Err(absence) => {
                    self.count_absence(absence, Event::Miss);
                    return false;
                }
            }
        }
    }

    /// Finds the session of this context. One that is too old leaves, and this call says so if it was the
    /// one that made it leave; who comes second looks again, as if he had come later.
    fn find(&self, key: &Key) -> Result<Handle<Stored>, Absence> {
        let cache = self.cache;
        loop {
            let found = cache.table.handle(key).ok_or(Absence::Missing)?;
            if found.id_context != self.id_context {
                return Err(Absence::WrongContext);
            }
            // The clock is foreign: no guard is held, and a miss does not ask it.
            if !found.is_expired(cache.now()) {
                return Ok(found);
            }
            if self.make_leave(&found, Departure::Expired) {
                return Err(Absence::Expired);
            }
        }
    }

    /// Makes the session that was found leave, unless somebody else did.
    fn make_leave(&self, found: &Handle<Stored>, why: Departure) -> bool {
        let cache = self.cache;
        // Under a guard, so that nothing foreign ends before all is done.
        let guard = session_core::pin();
        let won = cache.table.remove_exact(found);
        drop(guard);
        if won {
            match why {
                // A lookup does not wait.
                Departure::Expired => cache.order.try_unlink(&cache.table, found),
                _ => cache.order.unlink(&cache.table, found),
            }
            cache.left(found, why);
            session_core::settle();
        }
        won
    }

    fn count_absence(&self, absence: Absence, if_missing: Event) {
        match absence {
            Absence::Missing => self.cache.count(if_missing),
            Absence::WrongContext => self.cache.count(Event::WrongContext),
            // Counted with those that left.
            Absence::Expired => {}
        }
    }
}

impl fmt::Debug for ContextView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextView")
            .field("cache", self.cache)
            .field("id_context", &self.id_context)
            .finish()
    }
}
