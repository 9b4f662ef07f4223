//! The places of a cache: how many sessions there may be, and whose turn it is to leave.
//!
//! Invariant: live entries <= nodes <= limit at every instant. A place is taken and given back only in a
//! shard's critical section, the same one in which its node is linked or unlinked; a session is published
//! in the table in the section in which it takes its place, and its place is given back only after it has
//! left the table. So no stalled thread holds a place that nobody else can free, and a newcomer cannot be
//! its own victim: others leave before it enters.
//!
//! Invariant: all insertions of one key pass through the lock of one shard. Takes, removes and expired
//! lookups decide in the table, before any lock; what they leave behind here is a node of a dead session,
//! which they unlink afterwards, or else eviction and flush do when its turn comes.
//!
//! Hard case: a lookup finds an expired session and the lock is taken. It leaves the node behind rather
//! than wait; the node keeps its place until then, never more than that.
//!
//! Locks are never nested, and nothing foreign runs under one: no clock, no hook, no session's last
//! handle is dropped there. Calls that change a table may end by dropping values of any table in the
//! process, but not while their thread holds a guard: so a section holds one, and the caller settles
//! what it put off.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::{ptr, thread};

use session_core::{Guard, Handle, Key, Table};

use crate::queue::{Queue, Sweep};
use crate::session::Stored;
use crate::time::UnixTime;

/// Bounds the sessions of a cache and keeps them in the order in which they expire.
pub(crate) struct Order {
    shards: Box<[Shard]>,
    /// The most nodes; written by `set_limit`, read in critical sections.
    limit: AtomicUsize,
    /// Nodes in all shards together; written in critical sections only.
    occupied: Alone<AtomicUsize>,
}

/// Has its cache lines for itself: what every insert writes must not slow down what every lookup reads.
#[repr(align(128))]
struct Alone<T>(T);

/// A session that has entered the table and the order.
pub(crate) struct Entered {
    pub(crate) handle: Handle<Stored>,
    pub(crate) replaced: Option<Handle<Stored>>,
}

/// A session that could not enter, given back.
pub(crate) enum Kept {
    /// For want of a place: the caller evicts and tries again.
    Out(Stored),
    /// By the table, in which too much waits to be freed.
    Off(Stored),
}

impl Order {
    pub(crate) fn new(limit: usize) -> Order {
        let shards = (0..shard_count(limit)).map(|_| Shard::new()).collect();
        Order { shards, limit: AtomicUsize::new(limit), occupied: Alone(AtomicUsize::new(0)) }
    }

    /// Says whether a session would find neither a free place nor one to take over, as far as can be
    /// told without a lock: a guess that spares [`enter`](Order::enter) most refusals.
    pub(crate) fn has_no_room(&self, table: &Table<Stored>, key: &Key) -> bool {
        !self.has_free(1) && table.handle(key).is_none()
    }

    /// Puts a session into the table and the order, in the place of the one that it replaces or in a free
    /// one. If it cannot, it is given back.
    pub(crate) fn enter(
        &self,
        table: &Table<Stored>,
        key: Key,
        stored: Stored,
    ) -> Result<Entered, Kept> {
        let mut section = self.section(table.hash(&key));
        let existing = section.place_of(table, &key);
        if existing.is_none() && !section.take_place() {
            return Err(Kept::Out(stored));
        }
        let expires = stored.expires;
        let (handle, replaced) = match table.replace(key, stored) {
            Ok(replaced) => replaced,
            Err(refused) => {
                if existing.is_none() {
                    section.give_back_place();
                }
                return Err(Kept::Off(refused.value));
            }
        };
        // The old session's place is the new one's, also when a take came in between and won it.
        let displaced = existing.map(|place| section.queue.unlink(place));
        let place = section.queue.link(handle.clone(), expires);
        handle.set_place(place);
        drop(section);
        drop(displaced);
        Ok(Entered { handle, replaced })
    }

    /// Unlinks a session that has left the table; waits for its shard's lock.
    pub(crate) fn unlink(&self, table: &Table<Stored>, left: &Handle<Stored>) {
        let mut section = self.section(table.hash(left.key()));
        let node = section.unlink(left);
        drop(section);
        drop(node);
    }

    /// Unlinks a session that has left the table, unless that means to wait.
    pub(crate) fn try_unlink(&self, table: &Table<Stored>, left: &Handle<Stored>) {
        if let Some(mut section) = self.try_section(table.hash(left.key())) {
            let node = section.unlink(left);
            drop(section);
            drop(node);
        }
    }

    /// Makes the session that expires first leave, until `wanted` places are free; returns the evicted
    /// one, or none when there was no need (any more).
    pub(crate) fn evict_one(&self, table: &Table<Stored>, wanted: usize) -> Option<Handle<Stored>> {
        loop {
            if self.has_free(wanted) {
                return None;
            }
            let Some((shard, seen)) = self.earliest_shard() else {
                // Somebody takes the last nodes out, or one in, at this moment.
                thread::yield_now();
                continue;
            };
            let mut section = self.lock(shard);
            // What was seen without the lock may have changed: another may expire first now, or a place
            // have become free.
            if section.earliest() > seen || self.has_free(wanted) {
                continue;
            }
            let Some(node) = section.queue.pop() else { continue };
            let won = table.remove_exact(&node);
            section.give_back_place();
            drop(section);
            if won {
                return Some(node);
            }
        }
    }

    /// Makes all sessions leave that expire strictly before `end` (all, without an end) and were there
    /// when their shard's turn came; returns them in the order in which they expire.
    pub(crate) fn flush(
        &self,
        table: &Table<Stored>,
        end: Option<UnixTime>,
    ) -> Vec<Handle<Stored>> {
        let mut flushed = Vec::new();
        for shard in &self.shards {
            let mut sweep = self.lock(shard).queue.sweep(end);
            while !sweep.is_done() {
                self.flush_batch(table, shard, &mut sweep, &mut flushed);
            }
        }
        // Stable: those that expire together keep the order in which they came, shard by shard.
        flushed.sort_by_key(|(expires, _)| *expires);
        flushed.into_iter().map(|(_, handle)| handle).collect()
    }

    /// One critical section of a flush.
    fn flush_batch(
        &self,
        table: &Table<Stored>,
        shard: &Shard,
        sweep: &mut Sweep,
        flushed: &mut Vec<(UnixTime, Handle<Stored>)>,
    ) {
        let (mut left, mut dead) = (Vec::with_capacity(FLUSH_BATCH), Vec::new());
        let mut section = self.lock(shard);
        for (expires, node) in section.queue.sweep_on(sweep, FLUSH_BATCH) {
            if table.remove_exact(&node) {
                left.push((expires, node));
            } else {
                dead.push(node);
            }
            section.give_back_place();
        }
        drop(section);
        // Not under the lock: this one may have to move a million.
        flushed.append(&mut left);
    }

    pub(crate) fn limit(&self) -> usize {
        // Relaxed: the number stands for itself.
        self.limit.load(Ordering::Relaxed)
    }

    /// Changes the limit and returns the previous one. From then on no place is taken beyond the new
    /// limit; the caller evicts those that are there already.
    pub(crate) fn set_limit(&self, limit: usize) -> usize {
        // Relaxed: the locks below publish it.
        let previous = self.limit.swap(limit, Ordering::Relaxed);
        // Whoever read the old limit did so in a critical section that ends before this passes its lock,
        // and his place is counted then; whoever locks later reads the new one.
        for shard in &self.shards {
            drop(shard.queue());
        }
        previous
    }

    /// Counts the places taken: at least the live sessions, at most the limit.
    pub(crate) fn occupied(&self) -> usize {
        // Relaxed: a figure, nothing is read on its account.
        self.occupied.0.load(Ordering::Relaxed)
    }

    fn has_free(&self, wanted: usize) -> bool {
        self.occupied() + wanted <= self.limit()
    }

    /// Finds the shard whose first session expires before all others', and when.
    fn earliest_shard(&self) -> Option<(&Shard, u64)> {
        self.shards
            .iter()
            // Relaxed: a hint; whoever follows it locks the shard and looks again.
            .map(|shard| (shard, shard.earliest.load(Ordering::Relaxed)))
            .filter(|&(_, earliest)| earliest != NEVER)
            .min_by_key(|&(_, earliest)| earliest)
    }

    fn section(&self, hash: u64) -> Section<'_> {
        self.lock(self.shard(hash))
    }

    fn try_section(&self, hash: u64) -> Option<Section<'_>> {
        let shard = self.shard(hash);
        let queue = match shard.queue.try_lock() {
            Ok(queue) => queue,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Section { order: self, shard, queue, guard: session_core::pin() })
    }

    fn lock<'a>(&'a self, shard: &'a Shard) -> Section<'a> {
        // First the lock: nobody may wait for it with a guard in hand.
        let queue = shard.queue();
        Section { order: self, shard, queue, guard: session_core::pin() }
    }

    /// The low bits: the table chooses its buckets by the high ones.
    fn shard(&self, hash: u64) -> &Shard {
        &self.shards[hash as usize & (self.shards.len() - 1)]
    }
}

/// One part of the order, on cache lines of its own.
#[repr(align(128))]
struct Shard {
    queue: Mutex<Queue<Handle<Stored>>>,
    /// When its first session expires, for those that look for a victim; written under the lock.
    earliest: AtomicU64,
}

impl Shard {
    fn new() -> Shard {
        Shard { queue: Mutex::new(Queue::new()), earliest: AtomicU64::new(NEVER) }
    }

    fn queue(&self) -> MutexGuard<'_, Queue<Handle<Stored>>> {
        // Poisoning cannot matter: nothing foreign runs under the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to change one shard; what it has become is published when the section ends.
struct Section<'a> {
    order: &'a Order,
    shard: &'a Shard,
    queue: MutexGuard<'a, Queue<Handle<Stored>>>,
    /// Keeps the table from dropping values under the lock; goes after it.
    guard: Guard,
}

impl Section<'_> {
    /// Takes a place for a node that is linked before the section ends.
    fn take_place(&mut self) -> bool {
        // Relaxed: either the lock of this section was passed by `set_limit` and it is the new limit, or it
        // was not yet and `set_limit` waits for this section before it lets anybody count.
        let limit = self.order.limit.load(Ordering::Relaxed);
        self.order
            .occupied
            .0
            // Acquire: pairs with the release in `give_back_place`: who sees the newcomer no longer sees
            // the session whose place it has. Relaxed on failure: nothing is done on its account.
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |occupied| {
                (occupied < limit).then_some(occupied + 1)
            })
            .is_ok()
    }

    /// Gives back the place of a node that was unlinked in this section and has left the table.
    fn give_back_place(&mut self) {
        // Release: publishes that the session has left the table, to who takes the place.
        self.order.occupied.0.fetch_sub(1, Ordering::Release);
    }

    /// Finds the node of the session that the table has under `key`. Every live session has one here.
    fn place_of(&self, table: &Table<Stored>, key: &Key) -> Option<u32> {
        let existing = table.get(key, &self.guard)?;
        self.place_if_linked(&existing)
    }

    /// Unlinks a session that has left the table and gives back its place, unless somebody did already.
    #[must_use = "the node is to be dropped outside the lock"]
    fn unlink(&mut self, left: &Handle<Stored>) -> Option<Handle<Stored>> {
        let place = self.place_if_linked(left)?;
        let node = self.queue.unlink(place);
        self.give_back_place();
        Some(node)
    }

    /// A node whose session has gone serves another one: the same number need not be the same session.
    fn place_if_linked(&self, stored: &Stored) -> Option<u32> {
        let place = stored.place();
        let item = self.queue.item(place)?;
        ptr::eq::<Stored>(&**item, stored).then_some(place)
    }

    fn earliest(&self) -> u64 {
        // A session that never expires is not the same as none.
        self.queue.earliest().map_or(NEVER, |expires| expires.0.min(NEVER - 1))
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        let earliest = self.earliest();
        // Relaxed, both: a hint, see `earliest_shard`; stored only when it changes, so that those who look
        // for a victim keep the cache line.
        if self.shard.earliest.load(Ordering::Relaxed) != earliest {
            self.shard.earliest.store(earliest, Ordering::Relaxed);
        }
    }
}

/// One shard keeps a small cache's order exact; more let the writers of a large one pass each other.
fn shard_count(limit: usize) -> usize {
    if limit < SHARDED_FROM {
        return 1;
    }
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    (4 * cpus).next_power_of_two().min(SHARDS_MAX)
}

/// What an empty shard publishes.
const NEVER: u64 = u64::MAX;
const SHARDED_FROM: usize = 1_024;
const SHARDS_MAX: usize = 16;
/// The most sessions that one critical section of a flush takes out: what an insert may have to wait for.
const FLUSH_BATCH: usize = 256;

#[cfg(test)]
mod tests;
