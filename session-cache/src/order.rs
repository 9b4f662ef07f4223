//! The places of a cache: how many sessions there may be, and whose turn it is to leave.
//!
//! Invariant: live entries <= nodes <= limit at every instant, in number and in bytes (a limit that is
//! lowered lazily binds those that come later). A place is taken and given back only in a shard's
//! critical section, the same one in which its node is linked or unlinked; a session is published
//! in the table in the section in which it takes its place, and its place is given back only after it has
//! left the table: it is free then, or handed on to the newcomer for whom it left. So no stalled thread holds
//! a place that nobody else can free, and a newcomer cannot be its own victim: others leave before it enters.
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

use session_core::{Guard, Handle, LinkRefused, Table};

use crate::builder::Eviction;
use crate::fifo::Fifo;
use crate::places::{Places, Room};
use crate::queue::{Expiring, Queue, Sweep};
use crate::session::{Entry, Place, Session, Stored};
use crate::time::UnixTime;

/// Bounds the sessions of a cache and keeps them in the order in which they expire.
pub(crate) struct Order {
    shards: Box<[Shard]>,
    /// One for each node of all shards together; taken and given back in critical sections only.
    places: Places,
    eviction: Eviction,
    /// Where a victim is looked for next, when no newcomer says where.
    next_shard: AtomicUsize,
}

/// The room that a session takes.
pub(crate) fn room_of(session: &Session) -> Room {
    Room { sessions: 1, bytes: session.stored().cost_bytes() }
}

/// On which terms a session enters.
#[derive(Clone, Copy, Default)]
pub(crate) struct Terms {
    /// Its time from then on, unless it is refused; its own, without one.
    pub(crate) created: Option<UnixTime>,
    /// Whether one that is in already moves behind its equals.
    pub(crate) again_moves: bool,
    /// At which time a place of its key has to be free: empty, or that of a session which has expired by then.
    pub(crate) if_free_at: Option<UnixTime>,
}

/// What became of a session that was to enter.
pub(crate) enum Entered {
    /// It is in.
    In {
        /// The linked entry of the one that it replaced.
        replaced: Option<Handle<Entry>>,
        /// Whether so many have entered its shard that it is time to clear expired ones.
        is_due: bool,
    },
    /// It was in already.
    Already,
    /// Out, for want of a place: the caller evicts and tries again.
    NoRoom,
    /// Out, since another one is in under its key.
    Taken,
    /// Out, since it is in another cache's order.
    Elsewhere,
    /// Out, since too much waits to be freed in the table.
    Stalled,
}

impl Order {
    /// Makes an order; `sessions` is how many it will have to do with, for choosing the shards.
    pub(crate) fn new(
        sessions: usize,
        limit: usize,
        bytes_limit: usize,
        eviction: Eviction,
    ) -> Order {
        let shards = (0..shard_count(sessions)).map(|_| Shard::new(eviction)).collect();
        Order {
            shards,
            places: Places::new(limit, bytes_limit),
            eviction,
            next_shard: AtomicUsize::new(0),
        }
    }

    /// Says whether a session would find neither free room nor a place to take over, as far as can be told
    /// without a lock: a guess that spares [`enter`](Order::enter) most refusals.
    pub(crate) fn has_no_room(&self, table: &Table<Entry>, hash: u64, session: &Session) -> bool {
        !self.places.has_free(room_of(session))
            && !self.is_turn_of(self.shard(hash))
            && table.get_hashed(hash, session.key(), &session_core::pin()).is_none()
    }

    /// Whether it is a shard's turn to give up a session: no other has one that expires earlier, or that expires in the
    /// same second and came earlier by more than a few. So a newcomer mostly has to do with its own shard alone.
    fn is_turn_of(&self, shard: &Shard) -> bool {
        // Relaxed, all: hints, as in `earliest_shard`.
        let first = |shard: &Shard| {
            let earliest = shard.earliest.load(Ordering::Relaxed);
            (earliest, shard.came_after.load(Ordering::Relaxed))
        };
        let (own, came_after) = first(shard);
        if self.eviction != Eviction::EarliestExpiry {
            return own != NEVER;
        }
        let a_few = (self.occupied() / self.shards.len()) as u64 / OUT_OF_TURN_SHARE;
        let goes_first = |(other, other_came_after)| {
            other < own || other == own && other_came_after + a_few < came_after
        };
        own != NEVER && !self.shards.iter().map(first).any(goes_first)
    }

    /// Puts a session into the table and the order: in the place of the one that it replaces, in a free one, or in
    /// that of one of its shard, if it is their turn to leave; those are `evicted`. `hash` is its key's in the
    /// table; `expires` says when it does, here.
    pub(crate) fn enter(
        &self,
        table: &Table<Entry>,
        hash: u64,
        session: &Session,
        terms: Terms,
        expires: impl Fn(&Stored) -> UnixTime,
        evicted: &mut impl Extend<Handle<Entry>>,
    ) -> Entered {
        let Terms { created, again_moves, if_free_at } = terms;
        let stored = session.stored();
        let mut section = self.section(hash);
        let existing = section.place_of(table, hash, session);
        if let Some((place, true)) = existing {
            if again_moves {
                stored.set_created(created.unwrap_or(stored.created()));
                section.line.queue.relink(place, expires(stored));
            }
            return Entered::Already;
        }
        let is_taken = |(place, _): (u32, bool)| {
            if_free_at.is_some_and(|now| section.line.queue.expires(place) >= now)
        };
        if existing.is_some_and(is_taken) {
            return Entered::Taken;
        }
        let dead = section.unlink_dead(session);
        if !stored.claim_place() {
            return Entered::Elsewhere;
        }
        let replaced_bytes = existing.map(|(place, _)| section.bytes_at(place));
        let (mut gone, mut has_evicted) = (Vec::new(), false);
        while !self.places.take(stored.cost_bytes(), replaced_bytes) {
            let can_help = replaced_bytes.is_none() && self.is_turn_of(section.shard);
            let Some(node) = can_help.then(|| section.evict(table)).flatten() else {
                stored.set_place(Place::NONE);
                drop(section);
                drop((dead, gone));
                return Entered::NoRoom;
            };
            has_evicted = true;
            let bytes = node.entry.stored().cost_bytes();
            if node.won {
                evicted.extend([node.entry]);
            } else {
                gone.push(node.entry);
            }
            if self.places.take_over(stored.cost_bytes(), bytes) {
                break;
            }
            self.places.give_back(bytes);
            // Whose turn it is next is decided by what the shard has now.
            section.publish();
        }
        // Before anybody can find it.
        let created_before = stored.created();
        stored.set_created(created.unwrap_or(created_before));
        stored.set_expires(expires(stored));
        let Some((linked, replaced)) = link(table, hash, session) else {
            stored.set_created(created_before);
            self.places.untake(stored.cost_bytes(), replaced_bytes);
            stored.set_place(Place::NONE);
            return Entered::Stalled;
        };
        // The old session's place is the new one's, also when a take came in between and won it.
        let displaced = existing.map(|(place, _)| section.unlink_at(place));
        if let Some(displaced) = &displaced {
            displaced.stored().set_place(Place::NONE);
        }
        let place = section.link(linked, hash);
        stored.set_place(place);
        if has_evicted {
            section.prefetch_victims(table);
        }
        let is_due = section.line.queue.linked() % DUE_AFTER == 0;
        drop(section);
        drop((displaced, dead, gone));
        Entered::In { replaced, is_due }
    }

    /// Unlinks the node that a session left behind when an expired lookup did not wait for the lock.
    pub(crate) fn unlink_dead(&self, table: &Table<Entry>, session: &Session) {
        let hash = table.hash(session.key());
        let mut section = self.section(hash);
        if !matches!(section.place_of(table, hash, session), Some((_, true))) {
            let dead = section.unlink_dead(session);
            drop(section);
            drop(dead);
        }
    }

    /// Changes what decides when a session expires, and moves it to its new place in the order, if it has one;
    /// one that is in another cache is not changed, since its place there would be wrong. Says whether it was.
    pub(crate) fn reposition(
        &self,
        table: &Table<Entry>,
        session: &Session,
        change: impl FnOnce(&Stored),
        expires: impl Fn(&Stored) -> UnixTime,
    ) -> bool {
        let stored = session.stored();
        let mut section = self.section(table.hash(session.key()));
        if let Some(place) = section.place_if_linked(stored) {
            change(stored);
            section.line.queue.relink(place, expires(stored));
            return true;
        }
        // Claimed meanwhile, so that no other cache gives it a place by the old time.
        let is_free = stored.claim_place();
        if is_free {
            change(stored);
            stored.set_place(Place::NONE);
        }
        is_free
    }

    /// Unlinks a session that has left the table; waits for its shard's lock.
    pub(crate) fn unlink(&self, left: &Handle<Entry>) {
        let mut section = self.section(left.hash());
        let node = section.unlink(left);
        drop(section);
        drop(node);
    }

    /// Unlinks a session that has left the table, unless that means to wait.
    pub(crate) fn try_unlink(&self, left: &Handle<Entry>) {
        if let Some(mut section) = self.try_section(left.hash()) {
            let node = section.unlink(left);
            drop(section);
            drop(node);
        }
    }

    /// Whether lookups have to count uses.
    #[inline]
    pub(crate) fn counts_uses(&self) -> bool {
        self.eviction == Eviction::S3Fifo
    }

    /// Makes the session leave whose turn it is, unless it is `spared`, until there is `wanted` room;
    /// returns its entry, or none when there was no need (any more) or is nobody left.
    pub(crate) fn evict_one(
        &self,
        table: &Table<Entry>,
        wanted: Room,
        spared: Option<&Session>,
    ) -> Option<Handle<Entry>> {
        // Its shard's hint would name the spared one itself.
        let asked = spared.map(|spared| (self.shard(table.hash(spared.key())), spared));
        loop {
            if self.places.has_free(wanted) {
                return None;
            }
            let Some((shard, seen)) = self.victims_shard(asked) else {
                if self.occupied() == 0 || spared.is_some() {
                    return None;
                }
                // Somebody takes the last nodes out, or one in, at this moment.
                thread::yield_now();
                continue;
            };
            let mut section = self.lock(shard);
            // What was seen without the lock may have changed: another may expire first now, or there may
            // be room.
            let spared = spared.and_then(|spared| section.place_if_linked(spared.stored()));
            let Some(place) = section.choose(spared) else { continue };
            let is_outdated = self.eviction == Eviction::EarliestExpiry
                && hint(section.line.queue.expires(place)) > seen;
            if is_outdated || self.places.has_free(wanted) {
                continue;
            }
            let left = section.evict_at(table, place);
            self.places.give_back(left.entry.stored().cost_bytes());
            drop(section);
            if left.won {
                return Some(left.entry);
            }
        }
    }

    /// Finds the shard in which a victim is looked for, and when its first session expires that is not the
    /// spared one.
    fn victims_shard(&self, asked: Option<(&Shard, &Session)>) -> Option<(&Shard, u64)> {
        if self.eviction == Eviction::EarliestExpiry {
            return self.earliest_shard(asked);
        }
        if self.occupied() <= usize::from(asked.is_some()) {
            return None;
        }
        // Relaxed: any turn will do. Hashes spread sessions evenly, so each shard gives its share.
        let first = self.next_shard.fetch_add(1, Ordering::Relaxed) % self.shards.len();
        let (before, from) = self.shards.split_at(first);
        from.iter()
            .chain(before)
            // Relaxed: a hint, as in `earliest_shard`.
            .map(|shard| (shard, shard.earliest.load(Ordering::Relaxed)))
            .find(|&(_, earliest)| earliest != NEVER)
    }

    /// Makes sessions leave that expire strictly before `end` (all, without an end) and were there when
    /// their shard's turn came, about `most` of them; returns their entries in the order in which they
    /// expire, and whether it was all.
    pub(crate) fn flush(
        &self,
        table: &Table<Entry>,
        end: Option<UnixTime>,
        most: usize,
    ) -> (Vec<Handle<Entry>>, bool) {
        let mut flushed = Vec::new();
        let mut all = true;
        for shard in &self.shards {
            if end.is_some_and(|end| shard.earliest.load(Ordering::Relaxed) >= end.0) {
                // Relaxed: who came in before this call was published by its section's end.
                continue;
            }
            let mut sweep = self.lock(shard).line.queue.sweep(end);
            while !sweep.is_done() && flushed.len() < most {
                let batch = FLUSH_BATCH.min(most - flushed.len());
                self.flush_batch(table, shard, &mut sweep, batch, &mut flushed);
            }
            all &= sweep.is_done();
        }
        // Stable: those that expire together keep the order in which they came, shard by shard.
        flushed.sort_by_key(|(expires, _)| *expires);
        (flushed.into_iter().map(|(_, handle)| handle).collect(), all)
    }

    /// One critical section of a flush.
    fn flush_batch(
        &self,
        table: &Table<Entry>,
        shard: &Shard,
        sweep: &mut Sweep,
        most: usize,
        flushed: &mut Vec<(UnixTime, Handle<Entry>)>,
    ) {
        let (mut left, mut dead) = (Vec::with_capacity(most), Vec::new());
        let mut section = self.lock(shard);
        let swept = section.line.queue.sweep_on(sweep, most);
        // The waits for memory of all of them together, else they would be one after the other under the lock.
        swept.iter().for_each(|(_, _, node)| node.prefetch());
        swept.iter().for_each(|(_, _, node)| table.prefetch(node.hash()));
        for (expires, place, node) in swept {
            if let Some(fifo) = &mut section.line.fifo {
                fifo.unlink(place);
            }
            let stored = node.stored();
            stored.set_place(Place::NONE);
            let bytes = stored.cost_bytes();
            if table.remove_exact(&node) {
                left.push((expires, node));
            } else {
                dead.push(node);
            }
            self.places.give_back(bytes);
        }
        drop(section);
        // Not under the lock: this one may have to move a million.
        flushed.append(&mut left);
    }

    /// Changes the limits. From then on no place is taken beyond the new ones; the caller evicts those that
    /// are there already.
    pub(crate) fn set_limits(&self, limit: usize, bytes_limit: usize) {
        self.places.set_limits(limit, bytes_limit);
        // Whoever read the old limits did so in a critical section that ends before this passes its lock,
        // and his place is counted then; whoever locks later reads the new ones.
        for shard in &self.shards {
            drop(shard.line());
        }
    }

    /// Counts the places taken: at least the live sessions, at most the limit.
    pub(crate) fn occupied(&self) -> usize {
        self.places.sessions()
    }

    /// Returns the most bytes, as they stand.
    pub(crate) fn bytes_limit(&self) -> usize {
        self.places.bytes_limit()
    }

    /// Counts the bytes taken.
    pub(crate) fn occupied_bytes(&self) -> usize {
        self.places.bytes()
    }

    /// Finds the shard whose first session expires before all others', and when. The shard that is asked is
    /// locked for it, and leaves the spared session out; the others tell by their hints.
    fn earliest_shard(&self, asked: Option<(&Shard, &Session)>) -> Option<(&Shard, u64)> {
        let earliest = |shard: &Shard| match asked {
            Some((asked, spared)) if ptr::eq(asked, shard) => {
                let section = self.lock(shard);
                let queue = &section.line.queue;
                let first = queue.first_but(section.place_if_linked(spared.stored()));
                first.map_or(NEVER, |place| hint(queue.expires(place)))
            }
            // Relaxed: a hint; whoever follows it locks the shard and looks again.
            _ => shard.earliest.load(Ordering::Relaxed),
        };
        // Relaxed: as above.
        let came_after = |shard: &Shard| shard.came_after.load(Ordering::Relaxed);
        let mut first: Option<(&Shard, u64)> = None;
        for shard in &self.shards {
            let expires = earliest(shard);
            let is_first = first.map_or(expires != NEVER, |(other, earliest)| {
                expires < earliest || expires == earliest && came_after(shard) < came_after(other)
            });
            if is_first {
                first = Some((shard, expires));
            }
        }
        first
    }

    fn section(&self, hash: u64) -> Section<'_> {
        self.lock(self.shard(hash))
    }

    fn try_section(&self, hash: u64) -> Option<Section<'_>> {
        let shard = self.shard(hash);
        let line = match shard.line.try_lock() {
            Ok(line) => line,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Section { order: self, shard, line, guard: session_core::pin() })
    }

    fn lock<'a>(&'a self, shard: &'a Shard) -> Section<'a> {
        // First the lock: nobody may wait for it with a guard in hand.
        let line = shard.line();
        Section { order: self, shard, line, guard: session_core::pin() }
    }

    /// The low bits: the table chooses its buckets by the high ones.
    fn shard(&self, hash: u64) -> &Shard {
        &self.shards[hash as usize & (self.shards.len() - 1)]
    }
}

/// One part of the order, on cache lines of its own.
#[repr(align(128))]
struct Shard {
    line: Mutex<Line>,
    /// When its first session expires, for those that look for a victim; written under the lock.
    earliest: AtomicU64,
    /// How many had come into the shard before that one: among shards whose first ones expire together it
    /// tells about who came first, since hashes spread newcomers evenly.
    came_after: AtomicU64,
}

/// What a shard's lock guards.
struct Line {
    /// Who expires first; its nodes are the places.
    queue: Queue<Handle<Entry>>,
    /// Who leaves first for want of room, if that is another question.
    fifo: Option<Fifo>,
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
    fn new(eviction: Eviction) -> Shard {
        let fifo = (eviction == Eviction::S3Fifo).then(Fifo::default);
        let line = Mutex::new(Line { queue: Queue::new(), fifo });
        Shard { line, earliest: AtomicU64::new(NEVER), came_after: AtomicU64::new(0) }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        // Poisoning cannot matter: nothing foreign runs under the lock.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that had to leave; to be dropped outside the lock.
struct Evictee {
    entry: Handle<Entry>,
    /// Whether it was still in the table: else it had left before, and only its node had not.
    won: bool,
}

/// The right to change one shard; what it has become is published when the section ends.
struct Section<'a> {
    order: &'a Order,
    shard: &'a Shard,
    line: MutexGuard<'a, Line>,
    /// Keeps the table from dropping values under the lock; goes after it.
    guard: Guard,
}

impl Section<'_> {
    fn link(&mut self, linked: Handle<Entry>, hash: u64) -> u32 {
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

    fn unlink_at(&mut self, place: u32) -> Handle<Entry> {
        if let Some(fifo) = &mut self.line.fifo {
            fifo.unlink(place);
        }
        self.line.queue.unlink(place)
    }

    /// Makes the session leave whose turn it is in this shard; its place is the caller's.
    fn evict(&mut self, table: &Table<Entry>) -> Option<Evictee> {
        let place = self.choose(None)?;
        Some(self.evict_at(table, place))
    }

    fn evict_at(&mut self, table: &Table<Entry>, place: u32) -> Evictee {
        let entry = self.unlink_at(place);
        entry.stored().set_place(Place::NONE);
        let won = table.remove_exact(&entry);
        Evictee { entry, won }
    }

    /// Begins to fetch what the next eviction here will touch, which else would wait for memory under the lock: of the
    /// next one its bucket, by its entry, which was fetched when it was the one after the next; of that one its entry.
    fn prefetch_victims(&self, table: &Table<Entry>) {
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
    fn choose(&mut self, spared: Option<u32>) -> Option<u32> {
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
    fn place_of(&self, table: &Table<Entry>, hash: u64, session: &Session) -> Option<(u32, bool)> {
        let existing = table.get_hashed(hash, session.key(), &self.guard)?;
        let stored = existing.stored();
        Some((self.place_if_linked(stored)?, ptr::eq(stored, session.stored())))
    }

    fn bytes_at(&self, place: u32) -> usize {
        self.line.queue.item(place).map_or(0, |item| item.stored().cost_bytes())
    }

    /// Unlinks the node that a session left behind when an expired lookup did not wait for the lock.
    #[must_use = "the node is to be dropped outside the lock"]
    fn unlink_dead(&mut self, session: &Session) -> Option<Handle<Entry>> {
        let place = self.place_if_linked(session.stored())?;
        let node = self.unlink_at(place);
        session.stored().set_place(Place::NONE);
        self.order.places.give_back(session.stored().cost_bytes());
        Some(node)
    }

    /// Unlinks an entry that has left the table and gives back its place, unless somebody did already, or
    /// the session has entered again.
    #[must_use = "the node is to be dropped outside the lock"]
    fn unlink(&mut self, left: &Handle<Entry>) -> Option<Handle<Entry>> {
        let stored = left.stored();
        let place = self.place_if_linked(stored)?;
        if !self.line.queue.item(place)?.ptr_eq(left) {
            return None;
        }
        let node = self.unlink_at(place);
        stored.set_place(Place::NONE);
        self.order.places.give_back(stored.cost_bytes());
        Some(node)
    }

    /// A node whose session has gone serves another one: the same number need not be the same session.
    fn place_if_linked(&self, stored: &Stored) -> Option<u32> {
        let place = stored.place();
        let item = self.line.queue.item(place)?;
        ptr::eq(item.stored(), stored).then_some(place)
    }
}

/// What a shard publishes of when its first session expires: one that never does is not the same as none.
fn hint(expires: UnixTime) -> u64 {
    expires.0.min(NEVER - 1)
}

impl Section<'_> {
    /// Tells those without the lock when the shard's first session expires.
    fn publish(&self) {
        let first = self.line.queue.first();
        let (earliest, came_after) =
            first.map_or((NEVER, 0), |(expires, stamp)| (hint(expires), stamp));
        // Relaxed, both: a hint, see `earliest_shard`; stored only when it changes, so that those who look
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

/// Links a session's own entry, or, if that was linked before, another that leads to it; returns the linked
/// one and the one that it replaced, or nothing when too much waits to be freed.
fn link(
    table: &Table<Entry>,
    hash: u64,
    session: &Session,
) -> Option<(Handle<Entry>, Option<Handle<Entry>>)> {
    match table.link_hashed(hash, session.entry()) {
        Ok(replaced) => return Some((session.entry().clone(), replaced)),
        Err(LinkRefused::LinkedBefore) => {}
        Err(_) => return None,
    }
    let again = session.entry_again();
    let replaced = table.link_hashed(hash, &again).ok()?;
    again.entered();
    Some((again, replaced))
}

/// One shard keeps a small cache's order exact; more let the writers of a large one pass each other.
fn shard_count(sessions: usize) -> usize {
    if sessions < SHARDED_FROM {
        return 1;
    }
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    (4 * cpus).next_power_of_two().min(SHARDS_MAX)
}

/// After so many sessions that entered a shard it is time to clear expired ones.
const DUE_AFTER: u64 = 255;
/// Of equals one may leave early by so much of its shard.
const OUT_OF_TURN_SHARE: u64 = 32;
/// What an empty shard publishes.
const NEVER: u64 = u64::MAX;
const SHARDED_FROM: usize = 1_024;
const SHARDS_MAX: usize = 16;
/// The most sessions that one critical section of a flush takes out: what an insert may have to wait for.
const FLUSH_BATCH: usize = 256;

#[cfg(test)]
mod tests;
