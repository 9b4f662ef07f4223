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
use crate::config::Settings;
use crate::glance::Glance;
use crate::hooks::{self, Inquiry, Keep, Negotiated, Wanted};
use crate::id::{IdContext, SessionId};
use crate::mode::CacheMode;
use crate::outside::Question;
use crate::payload::Payload;
use crate::session::{Entry, NewSession, NotStored, ProtocolVersion, Session, key};
use crate::statistics::{Departure, Event};
use crate::time::UnixTime;

/// Is a [`SessionCache`] bound to one [`IdContext`]: what one server stores and finds.
///
/// # Examples
///
/// A session is found only in the context in which it was stored:
///
/// ```
/// use session_cache::{IdContext, NewSession, Payload, ProtocolVersion, SessionCache, SessionId};
///
/// let cache = SessionCache::builder().build()?;
/// let (open, guarded) = (cache.context(IdContext::new(b"open")?), cache.context(IdContext::new(b"guarded")?));
/// let id = SessionId::new(&[7; 32])?;
///
/// open.insert(NewSession::new(ProtocolVersion::TLS13, id, Payload::borrowed(b"secret")))?;
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
enum Absence {
    /// Nothing is stored under the key.
    Missing,
    /// What is stored belongs to another context, and stays.
    WrongContext,
    /// What is stored is too old.
    Expired(Handle<Entry>),
}

impl<'a> ContextView<'a> {
    pub(crate) fn new(cache: &'a SessionCache, id_context: IdContext) -> ContextView<'a> {
        ContextView { cache, id_context }
    }

    /// Makes a session of this context, with the cache's time and timeout where it has none of its own; it
    /// is in no cache yet. A timeout is cut to the cap on lifetimes.
    pub fn session(&self, new: NewSession) -> Session {
        self.session_with(&self.cache.settings_ref(), new)
    }

    fn session_with(&self, settings: &Settings, new: NewSession) -> Session {
        self.cache.make(settings, new, self.id_context)
    }

    /// Stores a session that a server has negotiated, and returns it; one of the same version and id is
    /// replaced, whatever its context.
    ///
    /// Without room the session that expires first is evicted, never the new one. Nothing is checked: a
    /// session that is too old already is stored, and found expired later. With
    /// [`CacheMode::NO_INTERNAL_STORE`] it is not stored; the new hook is called all the same, and the remove
    /// hook for those that leave. Waits for the lock of a shard of the order.
    ///
    /// # Errors
    ///
    /// [`NotStored`]; in mode [`OFF`](CacheMode::OFF) too. No hook was called.
    pub fn insert(&self, new: NewSession) -> Result<Session, NotStored> {
        self.insert_if(new, None)
    }

    /// Does as [`insert`](ContextView::insert), but for a session whose version and id another one has that has
    /// not expired, whatever its context: that one stays. Of any number of calls with one id, one stores.
    ///
    /// For ids that somebody else has made: who comes second to an id has another secret than who came first,
    /// and neither may get the other's session. With [`CacheMode::NO_INTERNAL_STORE`] nobody can tell.
    ///
    /// # Errors
    ///
    /// [`NotStored::IdTaken`] then, which is counted (`id_collisions`); else as for
    /// [`insert`](ContextView::insert). No hook was called.
    pub fn insert_absent(&self, new: NewSession) -> Result<Session, NotStored> {
        self.insert_if(new, Some(self.cache.now()))
    }

    fn insert_if(
        &self,
        new: NewSession,
        if_free_at: Option<UnixTime>,
    ) -> Result<Session, NotStored> {
        let cache = self.cache;
        let settings = cache.settings_ref();
        if !settings.mode.contains(CacheMode::SERVER) {
            return Err(NotStored::Mode);
        }
        let session = self.session_with(&settings, new);
        let mut is_due = false;
        if settings.mode.contains(CacheMode::NO_INTERNAL_STORE) {
            if session.id().is_empty() {
                return Err(NotStored::NoId);
            }
        } else {
            (_, is_due) =
                cache.add_with(&settings, &session, if_free_at, None).inspect_err(|refusal| {
                    if *refusal == NotStored::IdTaken {
                        cache.count(Event::IdCollision);
                    }
                })?;
        }
        if settings.new_hook.is_some() && session.is_resumable() {
            cache.announce(&settings, None, &session);
        }
        cache.clear_when_storing(&settings, is_due);
        Ok(session)
    }

    /// Returns the session of this context, unless it has expired.
    ///
    /// Never waits and takes no lock, except that one found expired is removed if that means no waiting, and that one
    /// that is renewed ([`CacheMode::UPDATE_TIME`]) is moved in the order, under the lock of its shard.
    /// Asks the get hook for one that is not inside; for that, and to tell that an expired one leaves, a cache that has a
    /// get hook takes a lock of its own for a moment.
    #[inline]
    pub fn lookup(&self, version: ProtocolVersion, id: &SessionId) -> Option<Session> {
        self.lookup_when(version, id, || self.cache.now())
    }

    /// Does as [`lookup`](ContextView::lookup) at the time `now`, for callers that know it, which saves reading
    /// the clock; one that is renewed is so from `now` on. An answer of the get hook is checked by the cache's own
    /// clock all the same.
    #[inline]
    pub fn lookup_at(
        &self,
        version: ProtocolVersion,
        id: &SessionId,
        now: UnixTime,
    ) -> Option<Session> {
        self.lookup_when(version, id, || now)
    }

    #[inline]
    fn lookup_when(
        &self,
        version: ProtocolVersion,
        id: &SessionId,
        now: impl Fn() -> UnixTime,
    ) -> Option<Session> {
        let cache = self.cache;
        let glance = cache.glance();
        let mut absence = None;
        if glance.looks_inside() {
            match self.find(&key(version, id), &now) {
                Ok(found) => {
                    let found = Session::of(found);
                    cache.count(Event::Hit);
                    cache.refresh(glance.use_updates_time(), &found, now);
                    return Some(found);
                }
                Err(Absence::Missing) if !glance.asks_outside() => {
                    cache.count_miss(id);
                    return None;
                }
                Err(other) => absence = Some(other),
            }
        }
        self.look_on(glance, absence, version, id, &now)
    }

    /// Goes on with a lookup that has found nothing to return, or was not to look inside.
    #[inline(never)]
    fn look_on(
        &self,
        glance: Glance,
        absence: Option<Absence>,
        version: ProtocolVersion,
        id: &SessionId,
        now: &dyn Fn() -> UnixTime,
    ) -> Option<Session> {
        let cache = self.cache;
        let settings = cache.settings_ref();
        if cache.glance_of(&settings) != glance {
            // They have changed since: as if it began only now.
            return self.lookup_when(version, id, now);
        }
        match absence {
            None => {}
            Some(Absence::Missing) => cache.count_miss(id),
            Some(Absence::WrongContext) => {
                cache.count(Event::WrongContext);
                return None;
            }
            Some(Absence::Expired(entry)) => {
                let left = self.leaves_expired(&settings, entry);
                return if left { None } else { self.lookup_when(version, id, now) };
            }
        }
        self.ask(&settings, version, id, Wanted::Lookup)
    }

    /// Returns the session of this context, unless it has expired, and removes it: of any number of calls
    /// one gets it.
    ///
    /// For sessions that may be used once. A session of another context is not consumed. The remove hook is
    /// told; the session is not marked. Asks the get hook for one that is not inside, which has to see to the
    /// one winner then. Waits for the lock of a shard of the order.
    pub fn take(&self, version: ProtocolVersion, id: &SessionId) -> Option<Session> {
        self.take_if(version, id, |_| true)
    }

    /// Does as [`take`](ContextView::take) with a session that `is_wanted`: one that is not stays as it is,
    /// none is returned, and nothing is counted.
    ///
    /// `is_wanted` may be called several times, when other sessions come and go under the id meanwhile; one
    /// that the get hook gave up is not asked about.
    pub fn take_if(
        &self,
        version: ProtocolVersion,
        id: &SessionId,
        mut is_wanted: impl FnMut(&Session) -> bool,
    ) -> Option<Session> {
        let settings = self.cache.settings_ref();
        if settings.looks_inside(&self.cache.rules()) {
            let mut if_missing = Event::Miss;
            loop {
                match self.find(&key(version, id), || self.cache.now()) {
                    Ok(found) => {
                        let session = Session::of(found.clone());
                        if !is_wanted(&session) {
                            return None;
                        }
                        if self.cache.take_out_entry(&settings, found, Departure::Taken) {
                            self.cache.count(Event::Hit);
                            return Some(session);
                        }
                        // It was here: unless another one has come in its place, somebody else got it. But one that had to
                        // make room may still be outside.
                        if_missing = match session.is_marked_not_resumable() {
                            false => Event::SingleUseLost,
                            true => Event::Miss,
                        };
                    }
                    Err(Absence::Missing) if id.is_empty() => return None,
                    Err(Absence::Missing) => {
                        self.cache.count(if_missing);
                        if if_missing == Event::SingleUseLost {
                            return None;
                        }
                        break;
                    }
                    Err(Absence::WrongContext) => {
                        self.cache.count(Event::WrongContext);
                        return None;
                    }
                    Err(Absence::Expired(entry)) => {
                        if self.leaves_expired(&settings, entry) {
                            return None;
                        }
                    }
                }
            }
        }
        self.ask(&settings, version, id, Wanted::Take)
    }

    /// Removes the session of this context and says whether it was there and had not expired. It is marked
    /// not resumable, and the remove hook is told.
    ///
    /// Waits for the lock of a shard of the order.
    pub fn remove(&self, version: ProtocolVersion, id: &SessionId) -> bool {
        self.remove_or(version, id, |_| ())
    }

    /// Does as [`remove`](ContextView::remove) with a session that its TLS stack found bad, and may be stored outside
    /// alone: if nothing is stored inside under its id, the remove hook is told of one of this context with an empty
    /// payload, and the cache stays as it is.
    ///
    /// A session of another context that is there is neither removed nor told of; that counts as wrong context.
    pub fn drop_bad(&self, version: ProtocolVersion, id: &SessionId) -> bool {
        self.remove_or(version, id, |settings| {
            if settings.remove_hook.is_some() && !id.is_empty() {
                let _leaving = self.cache.leaving(settings, &key(version, id));
                let named = NewSession::new(version, *id, Payload::empty());
                let named = self.session_with(settings, named);
                named.mark_not_resumable();
                self.cache.report_absent(settings, &named, Departure::Removed);
            }
        })
    }

    /// Does as [`remove`](ContextView::remove), and something if nothing is stored under the id.
    fn remove_or(
        &self,
        version: ProtocolVersion,
        id: &SessionId,
        if_missing: impl FnOnce(&Settings),
    ) -> bool {
        let settings = self.cache.settings_ref();
        loop {
            match self.find(&key(version, id), || self.cache.now()) {
                Ok(found) => {
                    if self.cache.take_out_entry(&settings, found, Departure::Removed) {
                        return true;
                    }
                }
                Err(Absence::Missing) => {
                    if_missing(&settings);
                    return false;
                }
                Err(Absence::WrongContext) => {
                    self.cache.count(Event::WrongContext);
                    return false;
                }
                Err(Absence::Expired(entry)) => {
                    if self.leaves_expired(&settings, entry) {
                        return false;
                    }
                }
            }
        }
    }

    /// Finds the entry of the session of this context.
    #[inline]
    fn find(&self, key: &Key, now: impl Fn() -> UnixTime) -> Result<Handle<Entry>, Absence> {
        let found = self.cache.table.handle(key).ok_or(Absence::Missing)?;
        if *found.stored().id_context() != self.id_context {
            return Err(Absence::WrongContext);
        }
        // The clock is foreign: no guard is held, and a miss does not ask it.
        if now() > found.stored().expires() {
            return Err(Absence::Expired(found));
        }
        Ok(found)
    }

    /// Makes one leave that is too old, and counts it if it was this call that did; who comes second looks again,
    /// as if he had come later.
    #[cold]
    fn leaves_expired(&self, settings: &Settings, entry: Handle<Entry>) -> bool {
        let left = self.cache.take_out_entry(settings, entry, Departure::Expired);
        if left {
            // Counted with those that left, too.
            self.cache.count(Event::Timeout);
        }
        left
    }

    /// Asks the get hook, and checks its answer.
    fn ask(
        &self,
        settings: &Settings,
        version: ProtocolVersion,
        id: &SessionId,
        wanted: Wanted,
    ) -> Option<Session> {
        let (cache, id_context) = (self.cache, &self.id_context);
        let inquiry = Inquiry { cache, connection: None, version, id, id_context, wanted };
        let answer = cache.outside(settings, inquiry)?;
        if answer.version() != version {
            return None;
        }
        if answer.id_context() != self.id_context {
            cache.count(Event::WrongContext);
            return None;
        }
        if cache.is_expired(&answer, cache.now()) {
            cache.count(Event::Timeout);
            cache.drop_expired(settings, &answer);
            return None;
        }
        cache.count(Event::Hit);
        if wanted == Wanted::Lookup {
            cache.refresh(settings.use_updates_time(&cache.rules()), &answer, || cache.now());
        }
        Some(answer)
    }
}

impl SessionCache {
    /// Counts a lookup inside that found nothing: but nobody came with an id that is none.
    #[inline]
    fn count_miss(&self, id: &SessionId) {
        if !id.is_empty() {
            self.count(Event::Miss);
        }
    }

    /// Makes a session with the cache's time and timeout where it has none of its own.
    pub(crate) fn make(
        &self,
        settings: &Settings,
        new: NewSession,
        id_context: IdContext,
    ) -> Session {
        let timeout = settings.timeout_for_new(&self.rules());
        new.build_with(id_context, self.now(), timeout, self.lifetime_max())
    }

    /// Counts the use of a session where that decides who leaves, and makes its time that of its use in the
    /// mode and under the rules by which it is.
    #[inline]
    pub(crate) fn refresh(
        &self,
        use_updates_time: bool,
        used: &Session,
        now: impl Fn() -> UnixTime,
    ) {
        if self.order.counts_uses() {
            used.stored().mark_used();
        }
        if use_updates_time {
            // Time may have passed since it was found: nobody revives what has expired, and an earlier time that a caller
            // tells takes nothing away.
            let now = now();
            if !self.is_expired(used, now) {
                self.set_created(used, now.max(used.created()));
            }
        }
    }

    /// Asks the get hook for a session that is not inside, or is not to be looked for there, and stores its
    /// answer where the mode says so.
    ///
    /// Under rules that say so it is checked first: one of another version, id or context, or too old, is no
    /// answer. Under the others the caller checks.
    pub(crate) fn outside(&self, settings: &Settings, inquiry: Inquiry<'_>) -> Option<Session> {
        let hook = settings.get_hook.as_ref().filter(|_| !inquiry.id.is_empty())?;
        let checks_first = self.rules().answers_are_checked_first;
        let question = match checks_first {
            true => Some(self.outside.ask(self.table.hash(&key(inquiry.version, inquiry.id)))?),
            false => None,
        };
        let counts = || question.as_ref().is_none_or(Question::counts);
        let answer = hooks::run(self, || hook(inquiry))??;
        if !counts() {
            return None;
        }
        if answer.is_marked_not_resumable() {
            self.count(Event::NotResumable);
            return None;
        }
        self.count(Event::CallbackHit);
        if checks_first {
            let is_what_was_asked =
                answer.version() == inquiry.version && answer.id() == *inquiry.id;
            // One that is in another cache is that cache's.
            if !is_what_was_asked || !self.may_have(&answer) {
                return None;
            }
            if answer.id_context() != *inquiry.id_context {
                self.count(Event::WrongContext);
                return None;
            }
            if self.is_expired(&answer, self.now()) {
                self.count(Event::Timeout);
                self.drop_expired(settings, &answer);
                return None;
            }
        }
        // What is used once must not be found again: but libssl's replay protection counts on what is inside.
        let is_used_up = inquiry.wanted == Wanted::Take
            && !(self.rules().single_use_removes_first && inquiry.connection.is_some());
        if is_used_up {
            if checks_first {
                self.take_copies(settings, &answer);
            }
            return Some(answer);
        }
        if settings.stores_answers(&self.rules()) {
            // One that cannot be stored is used all the same. What came in meanwhile stays: it is as new, or newer.
            let if_free_at = checks_first.then(|| self.now());
            let _ = self.add_with(settings, &answer, if_free_at, question.as_ref());
            if !counts() {
                return None;
            }
        }
        Some(answer)
    }

    /// Sees to it that a session which was given up outside for a single use is found nowhere else: neither inside, where
    /// somebody who has looked it up may have put it, nor by who has the same answer and is about to.
    fn take_copies(&self, settings: &Settings, answer: &Session) {
        let _leaving = self.leaving(settings, answer.key());
        let inside = self.table.handle(answer.key());
        if let Some(copy) =
            inside.filter(|copy| copy.stored().id_context() == answer.stored().id_context())
        {
            self.take_out_entry(settings, copy, Departure::Taken);
        }
    }

    /// Calls the new hook; a session that it refuses leaves, under the rules by which it does.
    pub(crate) fn announce(
        &self,
        settings: &Settings,
        connection: Option<&crate::Connection>,
        session: &Session,
    ) {
        let Some(hook) = &settings.new_hook else { return };
        let from = Negotiated { cache: self, connection };
        let keep = hooks::run(self, || hook(from, session.clone()));
        if keep == Some(Keep::No) && self.rules().refusal_leaves {
            self.take_out_exact(settings, session, Departure::Refused);
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
