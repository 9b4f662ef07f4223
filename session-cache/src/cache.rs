//! The cache as a whole: what concerns all sessions, whatever their id context.
//!
//! Invariant: every session that leaves the table passes [`SessionCache::left`], once, with its reason,
//! outside every lock and guard. Foreign code (the clock) is called there too, and nowhere else.

use std::fmt;

use arc_swap::ArcSwap;
use session_core::{Handle, KeyHasher, Table};

use crate::builder::{Builder, check_sessions_max};
use crate::config::Config;
use crate::context::ContextView;
use crate::error::Error;
use crate::id::IdContext;
use crate::order::Order;
use crate::session::Stored;
use crate::statistics::{Counters, Departure, Event, Statistics};
use crate::time::{Clock, Seconds, UnixTime};

/// Keeps TLS sessions until they expire, are taken or removed, or there is no room.
///
/// Put it in an [`Arc`](std::sync::Arc) to share it. Lookups take no lock and wait for nobody; inserts,
/// takes and removes hold the lock of one shard of the expiry order for a moment.
///
/// # Examples
///
/// ```
/// use session_cache::{IdContext, Payload, ProtocolVersion, Session, SessionCache, SessionId};
///
/// let cache = SessionCache::builder().build()?;
/// let server = cache.context(IdContext::new(b"https")?);
/// let id = SessionId::new(&[7; 32])?;
///
/// server.insert(Session::new(ProtocolVersion::TLS12, id, Payload::copy_from(b"secret")))?;
/// let session = server.lookup(ProtocolVersion::TLS12, &id).expect("it was just inserted");
/// assert_eq!(session.payload(), b"secret");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SessionCache {
    pub(crate) table: Table<Stored>,
    pub(crate) order: Order,
    config: ArcSwap<Config>,
    counters: Counters,
    clock: Box<dyn Clock>,
}

/// What a builder has checked.
pub(crate) struct Settings {
    pub(crate) sessions_max: usize,
    pub(crate) config: Config,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) statistics: bool,
    pub(crate) hasher: KeyHasher,
}

impl SessionCache {
    /// Begins a cache with the default settings.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(settings: Settings) -> SessionCache {
        SessionCache {
            table: Table::with_capacity(settings.sessions_max, settings.hasher),
            order: Order::new(settings.sessions_max),
            config: ArcSwap::from_pointee(settings.config),
            counters: Counters::new(settings.statistics),
            clock: settings.clock,
        }
    }

    /// Returns the view through which the sessions of one id context are stored and found.
    pub fn context(&self, id_context: IdContext) -> ContextView<'_> {
        ContextView::new(self, id_context)
    }

    /// Removes the sessions that expired strictly before `at`, and all of them for `UnixTime(0)`.
    ///
    /// Returns how many it removed. Sessions that are inserted meanwhile may be left out. Lookups go on
    /// undisturbed; an insert may wait until its shard of the order has given up 256 sessions.
    pub fn flush(&self, at: UnixTime) -> usize {
        self.flush_before(if at == UnixTime(0) { None } else { Some(at) })
    }

    /// Removes the sessions that have expired, and returns how many: `flush(now)`, but at the beginning
    /// of time that is none.
    pub fn flush_expired(&self) -> usize {
        self.flush_before(Some(self.now()))
    }

    fn flush_before(&self, end: Option<UnixTime>) -> usize {
        let flushed = self.order.flush(&self.table, end);
        for session in &flushed {
            self.left(session, Departure::Flushed);
        }
        let removed = flushed.len();
        drop(flushed);
        session_core::settle();
        removed
    }

    /// Counts the sessions in the cache; never more than [`sessions_max`](SessionCache::sessions_max).
    pub fn len(&self) -> usize {
        // Nodes bound the sessions at every instant, but some may be of sessions that have left. The
        // table counts in stripes, which is exact when nobody is at work, and else may be off either way.
        self.table.len().min(self.order.occupied())
    }

    /// Says whether there is no session in the cache.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the figures as they stand. All counters are 0 in a cache that was built not to count.
    pub fn statistics(&self) -> Statistics {
        self.counters.snapshot(self.len())
    }

    /// Returns the most sessions at any instant.
    pub fn sessions_max(&self) -> usize {
        self.order.limit()
    }

    /// Changes the most sessions at any instant, and returns the previous limit.
    ///
    /// A smaller limit takes effect at once: when this returns, those that expire first have been evicted.
    /// It waits for the locks of the order's shards.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SessionsMax`](crate::ErrorKind::SessionsMax) unless it is 1 to 16,777,216; the limit
    /// stays as it was.
    pub fn set_sessions_max(&self, sessions_max: usize) -> Result<usize, Error> {
        check_sessions_max(sessions_max)?;
        let previous = self.order.set_limit(sessions_max);
        while let Some(evicted) = self.order.evict_one(&self.table, 0) {
            self.left(&evicted, Departure::Evicted);
        }
        session_core::settle();
        Ok(previous)
    }

    /// Returns the timeout of sessions that bring none of their own.
    pub fn timeout(&self) -> Seconds {
        self.config().timeout
    }

    /// Changes the timeout of sessions inserted from now on, and returns the previous one.
    ///
    /// With 0 a session is valid until the end of the second in which it was created.
    pub fn set_timeout(&self, timeout: Seconds) -> Seconds {
        self.config.rcu(|config| Config { timeout, ..**config }).timeout
    }

    /// Returns the cap to which every timeout is cut.
    pub fn lifetime_max(&self) -> Seconds {
        self.config().lifetime_max
    }

    /// Returns the time on the cache's clock.
    pub fn now(&self) -> UnixTime {
        self.clock.now()
    }

    pub(crate) fn config(&self) -> Config {
        **self.config.load()
    }

    /// Every session that has left the table passes here, once, outside every lock and guard.
    pub(crate) fn left(&self, _session: &Handle<Stored>, why: Departure) {
        self.count(Event::Left(why));
    }

    pub(crate) fn count(&self, event: Event) {
        self.counters.count(event);
    }
}

impl fmt::Debug for SessionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCache")
            .field("len", &self.len())
            .field("sessions_max", &self.sessions_max())
            .field("timeout", &self.timeout())
            .field("lifetime_max", &self.lifetime_max())
            .finish_non_exhaustive()
    }
}
