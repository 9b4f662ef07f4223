//! The cache as a whole: what concerns all sessions, whatever their id context.
//!
//! Invariant: every session that leaves the table is counted and marked ([`SessionCache::depart`]) and told
//! of ([`SessionCache::tell`]), once, with its reason, outside every lock and guard. Hooks and the clock are foreign code: they run there, or where else no
//! lock and no guard is held.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use session_core::{Counter, Handle, Key, KeyHasher, Table};

use crate::builder::{Builder, Eviction};
use crate::config::{Settings, unlimited_if_0};
use crate::context::ContextView;
use crate::error::Error;
use crate::glance::{Glance, Newest};
use crate::hooks::{self, Left, Telling};
use crate::id::IdContext;
use crate::mode::CacheMode;
use crate::order::{Entered, Evicted, Flushed, Order, Terms, room_of};
use crate::outside::{Leaving, Outside, Question};
use crate::places::Room;
use crate::rules::Rules;
use crate::session::{Entry, NotStored, ProtocolVersion, Session, Stored};
use crate::statistics::{Counters, Departure, Event, Statistics};
use crate::time::{Clock, Seconds, UnixTime};
use crate::trace;

/// Keeps TLS sessions until they expire, are taken or removed, or there is no room: the session cache of an
/// OpenSSL `SSL_CTX`.
///
/// Put it in an [`Arc`] to share it. Lookups take no lock and wait for nobody; what makes sessions come or
/// go holds the lock of one shard of the expiry order for a moment, and so does a lookup that renews its session
/// ([`CacheMode::UPDATE_TIME`]). Where there is a get hook, a lookup that finds nothing inside takes a lock for a moment.
///
/// # From OpenSSL's functions
///
/// | OpenSSL | here |
/// | --- | --- |
/// | `SSL_CTX_set_session_cache_mode`, `get` | [`set_mode`](SessionCache::set_mode), [`mode`](SessionCache::mode) |
/// | `SSL_CTX_sess_set_cache_size`, `get` | [`set_sessions_max`](SessionCache::set_sessions_max), [`sessions_max`](SessionCache::sessions_max) |
/// | `SSL_CTX_set_timeout`, `get` | [`set_timeout`](SessionCache::set_timeout), [`timeout`](SessionCache::timeout) |
/// | `SSL_CTX_sess_set_new_cb`, `remove_cb`, `get_cb` and their getters | the hooks in [`Settings`], by [`change`](SessionCache::change) and [`settings`](SessionCache::settings) |
/// | `SSL_CTX_set_session_id_context` | [`Settings::id_context`], for new connections |
/// | `SSL_CTX_set_generate_session_id` | [`Settings::generator`] |
/// | `SSL_CTX_add_session` | [`add`](SessionCache::add) |
/// | `SSL_CTX_remove_session` | [`remove`](SessionCache::remove) |
/// | `SSL_CTX_flush_sessions` | [`flush`](SessionCache::flush) |
/// | `SSL_CTX_sessions` | [`for_each`](SessionCache::for_each) |
/// | `SSL_CTX_sess_number`, `..._hits` and so on | [`statistics`](SessionCache::statistics) |
/// | `SSL_SESSION_set_time`, `set_timeout` of a cached session | [`set_created`](SessionCache::set_created), [`set_timeout_of`](SessionCache::set_timeout_of) |
/// | `SSL_CTX_free` | dropping it: every session in it is flushed, and the remove hook told |
/// | the functions of an `SSL` | [`Connection`](crate::Connection) |
///
/// # Examples
///
/// ```
/// use session_cache::{IdContext, NewSession, Payload, ProtocolVersion, SessionCache, SessionId};
///
/// let cache = SessionCache::builder().build()?;
/// let server = cache.context(IdContext::new(b"https")?);
/// let id = SessionId::new(&[7; 32])?;
///
/// server.insert(NewSession::new(ProtocolVersion::TLS12, id, Payload::borrowed(b"secret")))?;
/// let session = server.lookup(ProtocolVersion::TLS12, &id).expect("it was just inserted");
/// assert_eq!(session.payload(), b"secret");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SessionCache {
    pub(crate) table: Table<Entry>,
    pub(crate) order: Order,
    /// Read by [`settings_ref`](SessionCache::settings_ref) and [`settings`](SessionCache::settings) alone,
    /// which raise the word of the newest.
    settings: ArcSwap<Settings>,
    newest: Newest,
    /// Held while the limits of the newest settings are passed on to the order.
    passing_on: Mutex<()>,
    rules: Rules,
    caps: Caps,
    counters: Counters,
    clock: Box<dyn Clock>,
    pub(crate) outside: Outside,
    /// Handshakes that were completed by connections which began here.
    completed: Counter,
    /// The number of connections at which sessions are cleared next.
    next_clearing: AtomicU64,
    /// Whether the last clearing left some.
    clearing_goes_on: AtomicBool,
}

/// The most that a session may live, counted from its original authentication.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caps {
    pub(crate) lifetime_max: Seconds,
    pub(crate) lifetime_max_tls13: Seconds,
}

/// What a builder has checked.
pub(crate) struct Parts {
    pub(crate) rules: Rules,
    pub(crate) settings: Settings,
    pub(crate) caps: Caps,
    pub(crate) eviction: Eviction,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) hasher: KeyHasher,
}

/// What became of a session that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Added {
    /// It came in (OpenSSL's 1).
    New,
    /// It came in, in the place of another one of its version and id (OpenSSL's 1).
    Replaced,
    /// It was in already (OpenSSL's 0).
    Identical,
}

impl SessionCache {
    /// Begins a cache with the default settings.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(parts: Parts) -> SessionCache {
        let Parts { rules, settings, caps, eviction, clock, hasher } = parts;
        let capacity = rules.capacity(settings.sessions_max);
        let expected = if settings.sessions_max == 0 { 0 } else { capacity };
        let newest = Newest::new(Glance::of(&settings, &rules));
        let shards_for = if settings.sessions_max == 0 { usize::MAX } else { capacity };
        SessionCache {
            table: Table::with_capacity(expected, hasher),
            order: Order::new(shards_for, capacity, unlimited_if_0(settings.bytes_max), eviction),
            settings: ArcSwap::from_pointee(settings),
            newest,
            passing_on: Mutex::new(()),
            rules,
            caps,
            counters: Counters::default(),
            clock,
            outside: Outside::default(),
            completed: Counter::new(),
            next_clearing: AtomicU64::new(CLEARING_CONNECTIONS),
            clearing_goes_on: AtomicBool::new(false),
        }
    }

    /// Returns the view through which the sessions of one id context are stored and found.
    pub fn context(&self, id_context: IdContext) -> ContextView<'_> {
        ContextView::new(self, id_context)
    }

    /// Returns the rules it was built with.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// Adds a session, in the place of another one of its version and id if there is one
    /// (`SSL_CTX_add_session(3)`).
    ///
    /// Nothing is checked: one that is too old, or marked not resumable, is stored all the same. Without room
    /// those that expire first leave, never the new one. Under [`Rules::OPENSSL`] with
    /// [`CacheMode::UPDATE_TIME`] its time becomes now. May call the remove hook; waits for the lock of a
    /// shard of the order.
    ///
    /// # Errors
    ///
    /// [`NotStored`]; the cache stays as it was.
    pub fn add(&self, session: &Session) -> Result<Added, NotStored> {
        let settings = self.settings_ref();
        if self.rules.off_is_off
            && !settings.mode.contains(CacheMode::CLIENT)
            && !settings.mode.contains(CacheMode::SERVER)
        {
            return Err(NotStored::Mode);
        }
        Ok(self.add_with(&settings, session, None, None)?.0)
    }

    /// As [`add`](SessionCache::add), whatever the mode; says too whether it is time to clear. With a time it
    /// replaces only one that has expired by then; what answers a question is stored only while that counts.
    pub(crate) fn add_with(
        &self,
        settings: &Settings,
        session: &Session,
        if_free_at: Option<UnixTime>,
        answers: Option<&Question<'_>>,
    ) -> Result<(Added, bool), NotStored> {
        self.check_storable(settings, session)?;
        let again_moves = self.rules.identical_add_updates;
        let updates = again_moves && settings.mode.contains(CacheMode::UPDATE_TIME);
        let created = updates.then(|| self.now());
        let terms = Terms { created, again_moves, if_free_at, answers };
        let expires = |stored: &Stored| self.expires(session, stored);
        let bytes = session.stored().cost_bytes();
        let hash = self.table.hash(session.key());
        // The bucket arrives while a place is found.
        self.table.prefetch(hash);
        let mut evicted = Evicted::default();
        let entered = loop {
            // A limit that was lowered since the settings were read: nobody's leaving would make room.
            let bytes_max = self.order.bytes_limit();
            if bytes > bytes_max {
                break Err(Err(self.not_stored(NotStored::TooLarge { bytes, bytes_max })));
            }
            // Nobody leaves for one that may be in another cache: `enter` knows.
            if session.is_in_no_cache() && self.order.has_no_room(&self.table, hash, session) {
                self.order.evict_one(&self.table, room_of(session), None, &mut evicted);
            }
            match self.order.enter(&self.table, hash, session, terms, expires, &mut evicted) {
                Entered::In { replaced, is_due } => break Ok((replaced, is_due)),
                Entered::Already => break Err(Ok((Added::Identical, false))),
                Entered::NoRoom => {
                    // It replaces one that is smaller, which has_no_room does not see, and which stays
                    // until it is replaced.
                    let replaced = self.table.handle_hashed(hash, session.key()).map(Session::of);
                    let room = room_of(session);
                    self.order.evict_one(&self.table, room, replaced.as_ref(), &mut evicted);
                }
                // Of an answer that comes late nobody is told why it was not stored.
                Entered::Taken | Entered::Late => break Err(Err(NotStored::IdTaken)),
                Entered::Elsewhere => break Err(Err(NotStored::OtherCache)),
                Entered::Stalled => break Err(Err(self.not_stored(NotStored::Stalled))),
            }
        };
        if let Ok((Some(_), _)) = &entered {
            // Its place was taken over; a limit that was lowered lazily may still ask for more.
            while self.order.evict_one(&self.table, Room::NONE, Some(session), &mut evicted) {}
        }
        let (added, replaced) = match entered {
            Ok((replaced, is_due)) => {
                self.count(Event::Stored);
                let added = if replaced.is_some() { Added::Replaced } else { Added::New };
                (Ok((added, is_due)), replaced)
            }
            Err(result) => (result, None),
        };
        // All are counted and marked before the first hook is called.
        if let Some(entry) = &replaced {
            self.depart(entry, Departure::Replaced);
        }
        for entry in evicted.iter() {
            self.depart(entry, Departure::Evicted);
        }
        // And all are told of before the first goes, whose payload may do anything.
        let Evicted { first, others, dead } = evicted;
        let (replaced, first) = (replaced.map(Session::of), first.map(Session::of));
        let others = match others.is_empty() {
            // Nearly always.
            true => Vec::new(),
            false => others.into_iter().map(Session::of).collect(),
        };
        if let Some(session) = &replaced {
            self.tell(settings, session, Departure::Replaced);
        }
        for session in first.iter().chain(&others) {
            self.tell(settings, session, Departure::Evicted);
        }
        drop((replaced, first, others, dead));
        session_core::settle();
        added
    }

    fn check_storable(&self, settings: &Settings, session: &Session) -> Result<(), NotStored> {
        if session.id().is_empty() {
            // Divergence: libssl stores one that is added by hand, and can then evict nothing any more (R178).
            return Err(NotStored::NoId);
        }
        let (bytes, bytes_max) = (session.stored().cost_bytes(), settings.session_bytes_limit());
        if bytes > bytes_max {
            return Err(self.not_stored(NotStored::TooLarge { bytes, bytes_max }));
        }
        if self.rules.caps_lifetimes
            && session.version().is_tls13()
            && session.timeout() == Seconds(0)
        {
            return Err(NotStored::NeverValid);
        }
        if self.table.is_stalled() {
            return Err(self.not_stored(NotStored::Stalled));
        }
        Ok(())
    }

    fn not_stored(&self, why: NotStored) -> NotStored {
        self.count(Event::NotStored);
        trace::not_stored(&why);
        why
    }

    /// Removes the session of this one's version and id, and says whether there was one
    /// (`SSL_CTX_remove_session(3)`).
    ///
    /// This session is marked not resumable in any case, and the remove hook is called in any case, unless
    /// its id is empty. Under [`Rules::DOCUMENTED`] one that was found is marked too, and is what the hook is
    /// told of. Waits for the lock of a shard of the order.
    pub fn remove(&self, session: &Session) -> bool {
        self.remove_for(&self.settings_ref(), session, Departure::Removed)
    }

    /// As [`remove`](SessionCache::remove), for a reason.
    pub(crate) fn remove_for(
        &self,
        settings: &Settings,
        session: &Session,
        why: Departure,
    ) -> bool {
        if session.id().is_empty() {
            return false;
        }
        let _leaving = self.leaving(settings, session.key());
        let found = self.take_out(session);
        session.mark_not_resumable();
        match found {
            Some(entry) => {
                self.depart_unmarked(&entry, why);
                let own = Session::of(entry);
                if self.rules.removal_marks_both {
                    own.mark_not_resumable();
                    self.report(settings, &own, why);
                } else {
                    self.report(settings, session, why);
                }
                drop(own);
                session_core::settle();
                true
            }
            None => {
                self.report_absent(settings, session, why);
                false
            }
        }
    }

    /// Drops a session that has expired: it leaves, if it is in, and the remove hook is told in any case.
    pub(crate) fn drop_expired(&self, settings: &Settings, session: &Session) {
        if !self.rules.answers_are_checked_first {
            self.remove_for(settings, session, Departure::Expired);
            return;
        }
        // What came in its place meanwhile stays, here and outside.
        if !self.take_out_exact(settings, session, Departure::Expired) {
            let _leaving = self.leaving(settings, session.key());
            let is_first = session.stored().mark_not_resumable();
            if is_first && !self.has_inside(session.version(), &session.id()) {
                self.report_absent(settings, session, Departure::Expired);
            }
        }
    }

    /// Keeps a session that leaves from being brought back from outside, until whoever keeps it there was told.
    pub(crate) fn leaving(&self, settings: &Settings, key: &Key) -> Option<Leaving<'_>> {
        let may_come_back = settings.get_hook.is_some() && self.rules.answers_are_checked_first;
        may_come_back.then(|| self.outside.leave(self.table.hash(key)))
    }

    /// Takes out whatever is under a session's key.
    fn take_out(&self, session: &Session) -> Option<Handle<Entry>> {
        // Under a guard, so that nothing foreign ends before all is done.
        let guard = session_core::pin();
        let entry = self.table.take(session.key());
        drop(guard);
        let entry = entry?;
        self.order.unlink(&entry);
        Some(entry)
    }

    /// Takes out exactly this session, if it is in the cache; true for one caller alone.
    pub(crate) fn take_out_exact(
        &self,
        settings: &Settings,
        session: &Session,
        why: Departure,
    ) -> bool {
        let entry = self.table.handle(session.key());
        entry
            .filter(|entry| std::ptr::eq(entry.stored(), session.stored()))
            .is_some_and(|entry| self.take_out_entry(settings, entry, why))
    }

    /// Takes out exactly this entry, if it is still in the table; true for one caller alone.
    pub(crate) fn take_out_entry(
        &self,
        settings: &Settings,
        entry: Handle<Entry>,
        why: Departure,
    ) -> bool {
        let _leaving = match why {
            // What its hook wrote outside stays, and may come back.
            Departure::Refused => None,
            _ => self.leaving(settings, entry.key()),
        };
        // Under a guard, so that nothing foreign ends before all is done.
        let guard = session_core::pin();
        let won = self.table.remove_exact(&entry);
        drop(guard);
        if won {
            match why {
                // A lookup does not wait.
                Departure::Expired => self.order.try_unlink(&entry),
                _ => self.order.unlink(&entry),
            }
            self.left(settings, entry, why);
        }
        session_core::settle();
        won
    }

    /// Removes the sessions that expired strictly before `at`, and all of them for `UnixTime(0)`
    /// (`SSL_CTX_flush_sessions(3)`).
    ///
    /// Returns how many it removed. They are marked not resumable, and the remove hook is told of them in the
    /// order in which they expire. Sessions that come in meanwhile may be left out. Lookups go on
    /// undisturbed; an insert may wait until its shard of the order has given up 256 sessions.
    pub fn flush(&self, at: UnixTime) -> usize {
        self.flush_before(if at == UnixTime(0) { None } else { Some(at) }, usize::MAX).0
    }

    /// Removes the sessions that have expired, and returns how many: `flush(now)`, but at the beginning
    /// of time that is none.
    pub fn flush_expired(&self) -> usize {
        self.flush_before(Some(self.now()), usize::MAX).0
    }

    fn flush_before(&self, end: Option<UnixTime>, most: usize) -> (usize, bool) {
        let Flushed { entries, dead, all } = self.order.flush(&self.table, end, most);
        let removed = entries.len();
        if removed > 0 {
            let settings = self.settings();
            // All are counted and marked before the first hook is called, and all are told of before the first goes.
            for entry in &entries {
                self.depart(entry, Departure::Flushed);
            }
            let sessions: Vec<_> = entries.into_iter().map(Session::of).collect();
            for session in &sessions {
                self.tell(&settings, session, Departure::Flushed);
            }
        }
        drop(dead);
        session_core::settle();
        (removed, all)
    }

    /// Calls `visit` with every session in the cache, in no order, holding nothing (`SSL_CTX_sessions(3)`).
    ///
    /// One that is there from beginning to end is met once; one that comes or goes meanwhile may be met.
    /// Expired ones are met too.
    pub fn for_each(&self, mut visit: impl FnMut(&Session)) {
        for session in self.sessions() {
            visit(&session);
        }
    }

    fn sessions(&self) -> Vec<Session> {
        let guard = session_core::pin();
        // Handles first: the guard would hold back what is removed meanwhile, for as long as foreign code likes.
        self.table.iter(&guard).map(|entry| Session::of(entry.to_handle())).collect()
    }

    /// Removes every session of which `is_bad` says so, and returns how many: those of one user, say, or of
    /// one id context. They are marked not resumable, and the remove hook is told of them.
    pub fn remove_if(&self, mut is_bad: impl FnMut(&Session) -> bool) -> usize {
        let mut removed = 0;
        let settings = self.settings();
        for session in self.sessions() {
            if is_bad(&session) {
                removed +=
                    usize::from(self.take_out_exact(&settings, &session, Departure::Removed));
            }
        }
        removed
    }

    /// Sets the time from which a session's timeout counts, and moves it in the order at once, if it is in
    /// this cache (`SSL_SESSION_set_time(3)`). False for one that is in another cache, where it stays as it
    /// is. Waits for the lock of a shard of the order.
    pub fn set_created(&self, session: &Session, created: UnixTime) -> bool {
        self.reposition(session, |stored| stored.set_created(created))
    }

    /// Sets a session's timeout, and moves it in the order at once, if it is in this cache
    /// (`SSL_SESSION_set_timeout(3)`). False for one that is in another cache, where it stays as it is. Waits
    /// for the lock of a shard of the order.
    pub fn set_timeout_of(&self, session: &Session, timeout: Seconds) -> bool {
        self.reposition(session, |stored| stored.set_timeout(timeout))
    }

    fn reposition(&self, session: &Session, change: impl FnOnce(&Stored)) -> bool {
        self.order.reposition(&self.table, session, change, |stored| self.expires(session, stored))
    }

    /// Returns the last time at which a session is valid in this cache.
    pub(crate) fn expires(&self, session: &Session, stored: &Stored) -> UnixTime {
        let own = stored.created().saturating_add(stored.timeout());
        own.min(stored.authenticated().saturating_add(self.lifetime_max()(session.version())))
    }

    /// Returns the cap on the lifetime of a version's sessions; the end of time under rules without.
    pub(crate) fn lifetime_max(&self) -> impl Fn(ProtocolVersion) -> Seconds {
        let (caps, on) = (self.caps, self.rules.caps_lifetimes);
        move |version: ProtocolVersion| match (on, version.is_tls13()) {
            (false, _) => Seconds(u64::MAX),
            (true, true) => caps.lifetime_max_tls13,
            (true, false) => caps.lifetime_max,
        }
    }

    /// Returns the last time at which `session` is valid in this cache: its own, or the cap on lifetimes
    /// where that comes first.
    pub fn expires_here(&self, session: &Session) -> UnixTime {
        self.expires(session, session.stored())
    }

    pub(crate) fn is_expired(&self, session: &Session, now: UnixTime) -> bool {
        now > self.expires(session, session.stored())
    }

    /// Counts the sessions in the cache.
    pub fn len(&self) -> usize {
        // Nodes bound the sessions at every instant, but some may be of sessions that have left. The
        // table counts in stripes, which is exact when nobody is at work, and else may be off either way.
        self.table.len().min(self.order.occupied())
    }

    /// Says whether there is no session in the cache.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns for how many bytes the sessions in the cache count: id, id context, payload, and 128 more each.
    pub fn bytes(&self) -> usize {
        self.order.occupied_bytes()
    }

    /// Returns the figures as they stand.
    pub fn statistics(&self) -> Statistics {
        self.counters.snapshot(self.len())
    }

    /// Returns the settings as they stand.
    pub fn settings(&self) -> Arc<Settings> {
        arc_swap::Guard::into_inner(self.settings_ref())
    }

    pub(crate) fn settings_ref(&self) -> arc_swap::Guard<Arc<Settings>> {
        let settings = self.settings.load();
        self.newest.raise(self.glance_of(&settings));
        settings
    }

    /// What a lookup has to know of the settings as they stand.
    #[inline]
    pub(crate) fn glance(&self) -> Glance {
        self.newest.read()
    }

    pub(crate) fn glance_of(&self, settings: &Settings) -> Glance {
        Glance::of(settings, &self.rules)
    }

    /// Changes any of the settings, in one step, and returns the previous ones.
    ///
    /// `change` may be called several times, when others change them too. A smaller size takes effect at
    /// once under [`Rules::DOCUMENTED`]: when this returns, those that expire first have been evicted. Under
    /// [`Rules::OPENSSL`] they are when the next session comes in. Waits for the locks of the order's shards.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SessionsMax`](crate::ErrorKind::SessionsMax) above 16,777,216 sessions; the settings
    /// stay as they were.
    ///
    /// # Examples
    ///
    /// ```
    /// use session_cache::{CacheMode, Seconds, SessionCache};
    ///
    /// let cache = SessionCache::builder().build()?;
    /// let before = cache.change(|settings| {
    ///     settings.mode |= CacheMode::NO_AUTO_CLEAR;
    ///     settings.timeout = Seconds(60);
    /// })?;
    /// assert_eq!((before.timeout, cache.timeout()), (Seconds(300), Seconds(60)));
    /// # Ok::<(), session_cache::Error>(())
    /// ```
    pub fn change(&self, change: impl Fn(&mut Settings)) -> Result<Arc<Settings>, Error> {
        let mut now = self.settings();
        loop {
            let mut new = Settings::clone(&now);
            change(&mut new);
            new.check()?;
            new.version = now.version + 1;
            let glance = self.glance_of(&new);
            let seen = self.settings.compare_and_swap(&now, Arc::new(new));
            if Arc::ptr_eq(&seen, &now) {
                self.newest.raise(glance);
                break;
            }
            now = arc_swap::Guard::into_inner(seen);
        }
        self.pass_limits_on();
        Ok(now)
    }

    /// Whoever comes last passes on the newest limits.
    fn pass_limits_on(&self) {
        let passing_on = self.passing_on.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = self.settings();
        let capacity = self.rules.capacity(settings.sessions_max);
        self.order.set_limits(capacity, unlimited_if_0(settings.bytes_max));
        drop(passing_on);
        if self.rules.size_is_exact {
            let mut evicted = Evicted::default();
            while self.order.evict_one(&self.table, Room::NONE, None, &mut evicted) {
                if let Some(entry) = evicted.first.take() {
                    self.left(&settings, entry, Departure::Evicted);
                }
            }
            drop(evicted);
            session_core::settle();
        }
    }

    /// Returns the mode (`SSL_CTX_get_session_cache_mode(3)`).
    pub fn mode(&self) -> CacheMode {
        self.settings_ref().mode
    }

    /// Sets the mode, and returns the previous one (`SSL_CTX_set_session_cache_mode(3)`).
    pub fn set_mode(&self, mode: CacheMode) -> CacheMode {
        self.change_checked(|settings| settings.mode = mode).mode
    }

    /// Returns the most sessions; 0 for no limit (`SSL_CTX_sess_get_cache_size(3)`).
    pub fn sessions_max(&self) -> usize {
        self.settings_ref().sessions_max
    }

    /// Sets the most sessions, 0 for no limit, and returns the previous limit
    /// (`SSL_CTX_sess_set_cache_size(3)`). See [`change`](SessionCache::change).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SessionsMax`](crate::ErrorKind::SessionsMax) above 16,777,216.
    pub fn set_sessions_max(&self, sessions_max: usize) -> Result<usize, Error> {
        Ok(self.change(|settings| settings.sessions_max = sessions_max)?.sessions_max)
    }

    /// Sets the most bytes of all sessions together, 0 for no limit, and returns the previous limit. See
    /// [`Settings::bytes_max`].
    pub fn set_bytes_max(&self, bytes_max: usize) -> usize {
        self.change_checked(|settings| settings.bytes_max = bytes_max).bytes_max
    }

    /// Returns the timeout of sessions that bring none of their own (`SSL_CTX_get_timeout(3)`).
    pub fn timeout(&self) -> Seconds {
        self.settings_ref().timeout
    }

    /// Sets the timeout of new sessions that bring none of their own, and returns the previous one
    /// (`SSL_CTX_set_timeout(3)`). With 0 it is the rules' default.
    pub fn set_timeout(&self, timeout: Seconds) -> Seconds {
        self.change_checked(|settings| settings.timeout = timeout).timeout
    }

    fn change_checked(&self, change: impl Fn(&mut Settings)) -> Arc<Settings> {
        self.change(change).expect("only a size can be refused, and it was not changed")
    }

    /// Returns the time on the cache's clock.
    pub fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// A session that has left the table: it departs, and who wants to hear of it is told.
    pub(crate) fn left(&self, settings: &Settings, entry: Handle<Entry>, why: Departure) {
        self.depart(&entry, why);
        self.tell(settings, &Session::of(entry), why);
    }

    /// A session has left the table, and is marked if it does not leave in peace.
    fn depart(&self, entry: &Handle<Entry>, why: Departure) {
        if why.marks() {
            entry.stored().mark_not_resumable();
        }
        self.depart_unmarked(entry, why);
    }

    /// Every session that has left the table passes here, once.
    fn depart_unmarked(&self, entry: &Handle<Entry>, why: Departure) {
        self.count(why.event());
        trace::left(why);
        entry.left();
    }

    /// Every session that has departed passes here, once, outside every lock and guard.
    fn tell(&self, settings: &Settings, session: &Session, why: Departure) {
        let is_reported = match why {
            Departure::Replaced => self.rules.replacement_is_reported,
            Departure::Refused => false,
            _ => true,
        };
        if is_reported {
            self.report(settings, session, why);
        }
    }

    /// Tells the remove hook of a session that was not inside, unless the hook itself drops what it is being told of.
    pub(crate) fn report_absent(&self, settings: &Settings, session: &Session, why: Departure) {
        if !Telling::goes_on(self, self.table.hash(session.key())) {
            self.report(settings, session, why);
        }
    }

    /// Calls the remove hook for a session of which it was told before, but which it has put off: for a hook that was
    /// called where it could not do its work, under a lock of the caller's.
    ///
    /// As in the first call the hook may remove what it is told of, and is not told of that again.
    pub fn report_put_off(&self, session: &Session, why: Departure) {
        self.report(&self.settings_ref(), session, why);
    }

    /// Tells the remove hook.
    fn report(&self, settings: &Settings, session: &Session, why: Departure) {
        if let Some(hook) = &settings.remove_hook {
            let _telling = Telling::begin(self, self.table.hash(session.key()));
            hooks::run(self, || hook(Left { cache: self, session, why }));
        }
    }

    #[inline]
    pub(crate) fn count(&self, event: Event) {
        self.counters.count(event);
    }

    pub(crate) fn uncount(&self, event: Event) {
        self.counters.uncount(event);
    }

    pub(crate) fn sum(&self, event: Event) -> u64 {
        self.counters.sum(event)
    }

    /// Clears expired sessions when it is time to: after 255 connections, of clients and servers together,
    /// under the rules by which they count.
    pub(crate) fn clear_after_connection(&self, settings: &Settings) {
        self.completed.add(1);
        if !self.rules.clears_every_255 || settings.mode.contains(CacheMode::NO_AUTO_CLEAR) {
            return;
        }
        let connections = self.completed.sum();
        // Relaxed, all: a schedule; nothing is read on its account.
        let due = self.next_clearing.load(Ordering::Relaxed);
        let next = connections + CLEARING_CONNECTIONS;
        let is_ours = connections >= due
            && self
                .next_clearing
                .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed) // as above
                .is_ok();
        if is_ours {
            self.clear_some();
        }
    }

    /// Clears expired sessions after one was stored: if that is due, or the last clearing left some.
    pub(crate) fn clear_when_storing(&self, settings: &Settings, is_due: bool) {
        if !self.rules.clears_every_255 || settings.mode.contains(CacheMode::NO_AUTO_CLEAR) {
            return;
        }
        // Relaxed: as in `clear_after_connection`.
        if is_due || self.clearing_goes_on.load(Ordering::Relaxed) {
            self.clear_some();
        }
    }

    fn clear_some(&self) {
        let (sessions, all) = self.flush_before(Some(self.now()), CLEARING_SESSIONS_MAX);
        trace::cleared(sessions, all);
        // Relaxed: as in `clear_after_connection`.
        self.clearing_goes_on.store(!all, Ordering::Relaxed);
    }
}

impl Drop for SessionCache {
    fn drop(&mut self) {
        self.flush(UnixTime(0));
        // What its hook put into it meanwhile goes without a word, or it might never end.
        self.change_checked(|settings| settings.remove_hook = None);
        self.flush(UnixTime(0));
    }
}

impl fmt::Debug for SessionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCache")
            .field("rules", &self.rules)
            .field("len", &self.len())
            .field("bytes", &self.bytes())
            .field("settings", &self.settings())
            .finish_non_exhaustive()
    }
}

/// The manual's cadence of automatic flushes.
const CLEARING_CONNECTIONS: u64 = 255;

/// How many sessions an automatic flush takes out at most, so that no connection waits for long.
const CLEARING_SESSIONS_MAX: usize = 1_024;
