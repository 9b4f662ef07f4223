//! How many sessions there are, and how many bytes, against their limits.
//!
//! Invariant: taken <= limit at every instant, in number and in bytes; a limit that is lowered binds those
//! that come later. A place is given back after its session has left the table, and taken before the next
//! is published: so who sees the newcomer no longer sees the session whose place it has.
//!
//! The order calls `take` and `give_back` in its critical sections; that makes a lowered limit exact (see
//! `Order::set_limits`). The counts hold without: loom explores them without any lock (`models`).

use crate::sync::{AtomicUsize, Ordering};

/// The limits, and what is taken.
pub(crate) struct Places {
    sessions_limit: AtomicUsize,
    bytes_limit: AtomicUsize,
    /// Written by every insertion: apart from what lookups read.
    taken: Alone<Taken>,
}

struct Taken {
    sessions: AtomicUsize,
    bytes: AtomicUsize,
}

/// Has its cache lines for itself.
#[repr(align(128))]
struct Alone<T>(T);

/// What is wanted to be free.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    pub(crate) sessions: usize,
    pub(crate) bytes: usize,
}

impl Room {
    /// None but what the limits themselves ask for.
    pub(crate) const NONE: Room = Room { sessions: 0, bytes: 0 };
}

impl Places {
    pub(crate) fn new(sessions_limit: usize, bytes_limit: usize) -> Places {
        let taken = Taken { sessions: AtomicUsize::new(0), bytes: AtomicUsize::new(0) };
        Places {
            sessions_limit: AtomicUsize::new(sessions_limit),
            bytes_limit: AtomicUsize::new(bytes_limit),
            taken: Alone(taken),
        }
    }

    pub(crate) fn set_limits(&self, sessions_limit: usize, bytes_limit: usize) {
        // Relaxed, both: limits stand for themselves.
        self.sessions_limit.store(sessions_limit, Ordering::Relaxed);
        self.bytes_limit.store(bytes_limit, Ordering::Relaxed); // Relaxed: as above.
    }

    /// Counts the places taken: at least the live sessions.
    pub(crate) fn sessions(&self) -> usize {
        // Relaxed: a figure, nothing is read on its account.
        self.taken.0.sessions.load(Ordering::Relaxed)
    }

    /// Counts the bytes taken.
    pub(crate) fn bytes(&self) -> usize {
        // Relaxed: as above.
        self.taken.0.bytes.load(Ordering::Relaxed)
    }

    /// Returns the most bytes.
    pub(crate) fn bytes_limit(&self) -> usize {
        // Relaxed: limits stand for themselves.
        self.bytes_limit.load(Ordering::Relaxed)
    }

    /// A guess: places are taken by exchanges that compare.
    pub(crate) fn has_free(&self, wanted: Room) -> bool {
        // Relaxed, both: as above.
        let sessions_limit = self.sessions_limit.load(Ordering::Relaxed);
        let bytes_limit = self.bytes_limit.load(Ordering::Relaxed);
        self.sessions() <= sessions_limit.saturating_sub(wanted.sessions)
            && self.bytes() <= bytes_limit.saturating_sub(wanted.bytes)
    }

    /// Takes a place, or takes over the one of a session of `replaced_bytes`, which may be larger than there
    /// is room for if it does not get larger.
    #[must_use]
    pub(crate) fn take(&self, bytes: usize, replaced_bytes: Option<usize>) -> bool {
        // Relaxed, both: limits stand for themselves.
        let sessions_limit = self.sessions_limit.load(Ordering::Relaxed);
        let bytes_limit = self.bytes_limit.load(Ordering::Relaxed);
        let taken = &self.taken.0;
        // Acquire: pairs with the release in `give_back`: who sees the newcomer no longer sees the session
        // whose place it has. Relaxed on failure: nothing is done on its account.
        let has_place = replaced_bytes.is_some()
            || taken
                .sessions
                .fetch_update(Ordering::Acquire, Ordering::Relaxed, |sessions| {
                    (sessions < sessions_limit).then_some(sessions + 1)
                })
                .is_ok();
        if !has_place {
            return false;
        }
        let given = replaced_bytes.unwrap_or(0);
        // Acquire, and Relaxed on failure: as above.
        let has_bytes = taken
            .bytes
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |taken| {
                let wanted = taken - given + bytes;
                (wanted <= bytes_limit || bytes <= given).then_some(wanted)
            })
            .is_ok();
        if !has_bytes && replaced_bytes.is_none() {
            // Relaxed: the exchange continues the release of who gave the place back, for who takes it next.
            taken.sessions.fetch_sub(1, Ordering::Relaxed);
        }
        has_bytes
    }

    /// Takes over the place of a session of `given` bytes that this thread has just taken out of the table, unless
    /// there are too many now, or bytes too many.
    #[must_use]
    pub(crate) fn take_over(&self, bytes: usize, given: usize) -> bool {
        // Relaxed, all: what was taken stays taken, and the thread that took the session out publishes the next
        // one itself. Limits stand for themselves.
        if self.sessions() > self.sessions_limit.load(Ordering::Relaxed) {
            return false;
        }
        let bytes_limit = self.bytes_limit.load(Ordering::Relaxed);
        if bytes == given {
            return self.bytes() <= bytes_limit;
        }
        // Acquire, and Relaxed on failure: as in `take`, for the bytes that others gave back.
        self.taken
            .0
            .bytes
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |taken| {
                let wanted = taken - given + bytes;
                (wanted <= bytes_limit).then_some(wanted)
            })
            .is_ok()
    }

    /// Gives back the place of a session that has left the table.
    pub(crate) fn give_back(&self, bytes: usize) {
        // Release, both: publishes that the session has left the table, to who takes the place.
        self.taken.0.bytes.fetch_sub(bytes, Ordering::Release);
        self.taken.0.sessions.fetch_sub(1, Ordering::Release); // Release: as above.
    }

    /// Undoes a `take`, in the same critical section.
    pub(crate) fn untake(&self, bytes: usize, replaced_bytes: Option<usize>) {
        match replaced_bytes {
            None => self.give_back(bytes),
            Some(replaced) => {
                // Relaxed, both: nothing has left meanwhile.
                self.taken.0.bytes.fetch_add(replaced, Ordering::Relaxed);
                self.taken.0.bytes.fetch_sub(bytes, Ordering::Relaxed); // Relaxed: as above.
            }
        }
    }
}

#[cfg(all(test, session_loom))]
mod models;

#[cfg(all(test, not(session_loom)))]
mod tests {
    use super::*;

    #[test]
    fn place_that_is_taken_over_stays_taken_and_only_as_large_as_there_is_room() {
        let places = Places::new(2, 300);
        assert!(places.take(100, None) && places.take(100, None));
        assert!(places.take_over(100, 100) && places.take_over(200, 100));
        assert!(!places.take_over(300, 200), "400 bytes in a cache for 300");
        assert_eq!((places.sessions(), places.bytes()), (2, 300));
        assert!(!places.take(0, None), "three sessions in a cache for two");
    }

    #[test]
    fn place_is_not_taken_over_while_there_are_too_many() {
        let places = Places::new(2, 300);
        assert!(places.take(100, None) && places.take(100, None));
        places.set_limits(1, 300);
        assert!(!places.take_over(100, 100));
        places.set_limits(2, 199);
        assert!(!places.take_over(100, 100), "200 bytes in a cache for 199");
        assert!(places.take_over(99, 100));
    }
}
