//! Counts what happened, and says why a session was not found or is no longer there.
//!
//! Invariant: every lookup and every take is counted once, under one reason; every session that was
//! stored leaves under one reason. When nobody is inside the cache,
//! `stored == number + replaced + expired + taken + removed + evicted + flushed`.

use std::fmt;

use session_core::Counter;

/// Is a snapshot of the figures of a cache.
///
/// Counters are summed one after the other while others count on: the figures of one snapshot fit together
/// when nobody uses the cache meanwhile. Then
/// `stored == number + replaced + expired + taken + removed + evicted + flushed`.
///
/// # Examples
///
/// ```
/// use session_cache::SessionCache;
///
/// let statistics = SessionCache::builder().build()?.statistics();
/// assert_eq!(statistics.number, 0);
/// assert!(statistics.to_string().starts_with("number"));
/// # Ok::<(), session_cache::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Sessions in the cache now. Never off, unlike the counters.
    pub number: u64,
    /// Sessions that were inserted.
    pub stored: u64,
    /// Sessions that left because another one was inserted under their version and id.
    pub replaced: u64,
    /// Lookups and takes that found their session.
    pub hits: u64,
    /// Lookups and takes of an id that is not in the cache.
    pub misses: u64,
    /// Sessions that left because a lookup, take or remove found them too old; it counts as no miss.
    pub expired: u64,
    /// Lookups, takes and removes that found a session of another id context, and changed nothing.
    pub wrong_context: u64,
    /// Sessions that left by a take.
    pub taken: u64,
    /// Takes that found a session and came second: another thread made it leave first.
    pub single_use_lost: u64,
    /// Sessions that left because they were to be removed.
    pub removed: u64,
    /// Sessions that left because there was no room.
    pub evicted: u64,
    /// Sessions that left by a flush.
    pub flushed: u64,
    /// Sessions that were not stored, because too much waited to be freed.
    pub not_stored: u64,
}

impl fmt::Display for Statistics {
    /// Writes one aligned line for each figure.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = [
            ("number", self.number),
            ("stored", self.stored),
            ("replaced", self.replaced),
            ("hits", self.hits),
            ("misses", self.misses),
            ("expired", self.expired),
            ("wrong context", self.wrong_context),
            ("taken", self.taken),
            ("single use lost", self.single_use_lost),
            ("removed", self.removed),
            ("evicted", self.evicted),
            ("flushed", self.flushed),
            ("not stored", self.not_stored),
        ];
        for (at, (name, figure)) in lines.into_iter().enumerate() {
            let line_break = if at == 0 { "" } else { "\n" };
            write!(f, "{line_break}{name:<15} {figure:>12}")?;
        }
        Ok(())
    }
}

/// Is what is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Stored,
    Hit,
    Miss,
    WrongContext,
    SingleUseLost,
    Refused,
    Left(Departure),
}

/// Says why a session is no longer in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Departure {
    Replaced,
    Expired,
    Taken,
    Removed,
    Evicted,
    Flushed,
}

/// Holds the running counters; they are striped, so that counting shares no cache line.
#[derive(Default)]
pub(crate) struct Counters {
    off: bool,
    stored: Counter,
    replaced: Counter,
    hits: Counter,
    misses: Counter,
    expired: Counter,
    wrong_context: Counter,
    taken: Counter,
    single_use_lost: Counter,
    removed: Counter,
    evicted: Counter,
    flushed: Counter,
    not_stored: Counter,
}

impl Counters {
    pub(crate) fn new(on: bool) -> Counters {
        Counters { off: !on, ..Counters::default() }
    }

    pub(crate) fn count(&self, event: Event) {
        if self.off {
            return;
        }
        let counter = match event {
            Event::Stored => &self.stored,
            Event::Hit => &self.hits,
            Event::Miss => &self.misses,
            Event::WrongContext => &self.wrong_context,
            Event::SingleUseLost => &self.single_use_lost,
            Event::Refused => &self.not_stored,
            Event::Left(Departure::Replaced) => &self.replaced,
            Event::Left(Departure::Expired) => &self.expired,
            Event::Left(Departure::Taken) => &self.taken,
            Event::Left(Departure::Removed) => &self.removed,
            Event::Left(Departure::Evicted) => &self.evicted,
            Event::Left(Departure::Flushed) => &self.flushed,
        };
        counter.add(1);
    }

    pub(crate) fn snapshot(&self, number: usize) -> Statistics {
        Statistics {
            number: number as u64,
            stored: self.stored.sum(),
            replaced: self.replaced.sum(),
            hits: self.hits.sum(),
            misses: self.misses.sum(),
            expired: self.expired.sum(),
            wrong_context: self.wrong_context.sum(),
            taken: self.taken.sum(),
            single_use_lost: self.single_use_lost.sum(),
            removed: self.removed.sum(),
            evicted: self.evicted.sum(),
            flushed: self.flushed.sum(),
            not_stored: self.not_stored.sum(),
        }
    }
}
