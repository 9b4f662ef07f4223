//! One part of the order: some sessions, who of them leaves first, and the lock around that.

use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use session_core::{Guard, Handle, Table};

use crate::builder::Eviction;
use crate::fifo::Fifo;
use crate::places::Places;
use crate::queue::{Expiring, Queue};
use crate::session::{Entry, Place, Session, Stored};
use crate::time::UnixTime;

/// One part of the order, on cache lines of its own.
#[repr(align(128))]
pub(crate) struct Shard {
    line: Mutex<Line>,
    /// When its first session expires, for those that look for a victim; written under the lock.
    earliest: AtomicU64,
    /// How many had come into the shard before that one: among shards whose first ones expire together it
    /// tells about who came first, since hashes spread newcomers evenly.
    came_after: AtomicU64,
}

/// What a shard's lock guards.
pub(crate) struct Line {
    /// Who expires first; its nodes are the places.
    pub(crate) queue: Queue<Handle<Entry>>,
    /// Who leaves first for want of room, if that is another question.
    pub(crate) fifo: Option<Fifo>,
}

impl Expiring for Handle<Entry> {
    fn expires(&self) -> UnixTime {
        self.stored().expires()
    }

    fn set_expires(&self, expires: UnixTime) {
        self.stored().set_expires(expires);
    }
}

impl Shard {
    pub(crate) fn new(eviction: Eviction) -> Shard {
        let fifo = (eviction == Eviction::S3Fifo).then(Fifo::default);
        let line = Mutex::new(Line { queue: Queue::new(), fifo });
        Shard { line, earliest: AtomicU64::new(NEVER), came_after: AtomicU64::new(0) }
    }

    /// Waits for the shard's lock.
    pub(crate) fn lock<'a>(&'a self, places: &'a Places) -> Section<'a> {
        // Poisoning cannot matter: nothing foreign runs under the lock.
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        // After the lock: nobody may wait for it with a guard in hand.
        Section { places, shard: self, line, guard: session_core::pin() }
    }

    /// None when somebody else has the lock.
    pub(crate) fn try_lock<'a>(&'a self, places: &'a Places) -> Option<Section<'a>> {
        let line = match self.line.try_lock() {
            Ok(line) => line,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Section { places, shard: self, line, guard: session_core::pin() })
    }

    /// When the first session expires, as a hint; [`NEVER`] if there is none.
    pub(crate) fn earliest(&self) -> u64 {
        // Relaxed: whoever follows it locks the shard and looks again.
        self.earliest.load(Ordering::Relaxed)
    }

    /// How many had come in before that one, as a hint.
    pub(crate) fn came_after(&self) -> u64 {
        // Relaxed: as above.
        self.came_after.load(Ordering::Relaxed)
    }
}

/// One that had to leave; to be dropped outside the lock.
pub(crate) struct Evictee {
    pub(crate) entry: Handle<Entry>,
    /// Whether it was still in the table: else it had left before, and only its node had not.
    pub(crate) won: bool,
}

/// The right to change one shard; what it has become is published when the section ends.
pub(crate) struct Section<'a> {
    places: &'a Places,
    pub(crate) shard: &'a Shard,
    pub(crate) line: MutexGuard<'a, Line>,
    /// Keeps the table from dropping values under the lock; goes after it.
    guard: Guard,
}

impl Section<'_> {
    pub(crate) fn link(&mut self, linked: Handle<Entry>, hash: u64) -> u32 {
        let line = &mut *self.line;
        if let Some(fifo) = &mut line.fifo {
            // Relaxed: a count of uses, which begins anew.
            linked.stored().uses().store(0, Ordering::Relaxed);
            let place = line.queue.link(linked);
            fifo.link(place, hash);
            return place;
        }
        line.queue.link(linked)
    }

    pub(crate) fn unlink_at(&mut self, place: u32) -> Handle<Entry> {
        if let Some(fifo) = &mut self.line.fifo {
            fifo.unlink(place);
        }
        self.line.queue.unlink(place)
    }

    /// Makes the session leave whose turn it is in this shard; its place is the caller's.
    pub(crate) fn evict(&mut self, table: &Table<Entry>) -> Option<Evictee> {
        let place = self.choose(None)?;
        Some(self.evict_at(table, place))
    }

    pub(crate) fn evict_at(&mut self, table: &Table<Entry>, place: u32) -> Evictee {
        let entry = self.unlink_at(place);
        entry.stored().set_place(Place::NONE);
        let won = table.remove_exact(&entry);
        Evictee { entry, won }
    }

    /// Begins to fetch what the next eviction here will touch, which else would wait for memory under the lock: of the
    /// next one its bucket, by its entry, which was fetched when it was the one after the next; of that one its entry.
    pub(crate) fn prefetch_victims(&self, table: &Table<Entry>) {
        if self.line.fifo.is_some() {
            return;
        }
        let [next, after_next] = self.line.queue.first_two();
        if let Some(entry) = next {
            table.prefetch(entry.hash());
        }
        if let Some(entry) = after_next {
            entry.prefetch();
        }
    }

    /// Chooses who leaves for want of room; still linked when this returns.
    pub(crate) fn choose(&mut self, spared: Option<u32>) -> Option<u32> {
        let Line { queue, fifo } = &mut *self.line;
        match fifo {
            None => queue.first_but(spared),
            Some(fifo) => fifo.choose(spared, |place| {
                queue.item(place).expect("each node is in both orders").stored().uses()
            }),
        }
    }

    /// Finds the node of what the table has under a session's key, and whether it is that very session's.
    /// Every live session has one here.
    pub(crate) fn place_of(
        &self,
        table: &Table<Entry>,
        hash: u64,
        session: &Session,
    ) -> Option<(u32, bool)> {
        let existing = table.get_hashed(hash, session.key(), &self.guard)?;
        let stored = existing.stored();
        Some((self.place_if_linked(stored)?, ptr::eq(stored, session.stored())))
    }

    pub(crate) fn bytes_at(&self, place: u32) -> usize {
        self.line.queue.item(place).map_or(0, |item| item.stored().cost_bytes())
    }

    /// Unlinks the node that a session left behind when an expired lookup did not wait for the lock.
    #[must_use = "the node is to be dropped outside the lock"]
    pub(crate) fn unlink_dead(&mut self, session: &Session) -> Option<Handle<Entry>> {
        let place = self.place_if_linked(session.stored())?;
        let node = self.unlink_at(place);
        session.stored().set_place(Place::NONE);
        self.places.give_back(session.stored().cost_bytes());
        Some(node)
    }

    /// Unlinks an entry that has left the table and gives back its place, unless somebody did already, or
    /// the session has entered again.
    #[must_use = "the node is to be dropped outside the lock"]
    pub(crate) fn unlink(&mut self, left: &Handle<Entry>) -> Option<Handle<Entry>> {
        let stored = left.stored();
        let place = self.place_if_linked(stored)?;
        if !self.line.queue.item(place)?.ptr_eq(left) {
            return None;
        }
        let node = self.unlink_at(place);
        stored.set_place(Place::NONE);
        self.places.give_back(stored.cost_bytes());
        Some(node)
    }

    /// A node whose session has gone serves another one: the same number need not be the same session.
    pub(crate) fn place_if_linked(&self, stored: &Stored) -> Option<u32> {
        let place = stored.place();
        let item = self.line.queue.item(place)?;
        ptr::eq(item.stored(), stored).then_some(place)
    }
}

/// What a shard publishes of when its first session expires: one that never does is not the same as none.
pub(crate) fn hint(expires: UnixTime) -> u64 {
    expires.0.min(NEVER - 1)
}

impl Section<'_> {
    /// Tells those without the lock when the shard's first session expires.
    pub(crate) fn publish(&self) {
        let first = self.line.queue.first();
        let (earliest, came_after) =
            first.map_or((NEVER, 0), |(expires, stamp)| (hint(expires), stamp));
        // Relaxed, both: a hint, stored only when it changes, so that those who look
        // for a victim keep the cache line.
        if self.shard.earliest.load(Ordering::Relaxed) != earliest {
            self.shard.earliest.store(earliest, Ordering::Relaxed);
        }
        // Relaxed, both: as above.
        if self.shard.came_after.load(Ordering::Relaxed) != came_after {
            self.shard.came_after.store(came_after, Ordering::Relaxed);
        }
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        self.publish();
    }
}

/// What an empty shard publishes.
pub(crate) const NEVER: u64 = u64::MAX;
