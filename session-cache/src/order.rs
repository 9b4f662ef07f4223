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

use std::sync::atomic::{AtomicUsize, Ordering};
use std::{ptr, thread};

use session_core::{Handle, LinkRefused, Table};

use crate::builder::Eviction;
use crate::outside::Question;
use crate::places::{Places, Room};
use crate::queue::Sweep;
use crate::session::{Entry, Place, Session, Stored};
use crate::shard::{Evictee, NEVER, Section, Shard, hint};
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
pub(crate) struct Terms<'a> {
    /// Its time from then on, unless it is refused; its own, without one.
    pub(crate) created: Option<UnixTime>,
    /// Whether one that is in already moves behind its equals.
    pub(crate) again_moves: bool,
    /// At which time a place of its key has to be free: empty, or that of a session which has expired by then.
    pub(crate) if_free_at: Option<UnixTime>,
    /// What it answers, which has to count still.
    pub(crate) answers: Option<&'a Question<'a>>,
}

/// Who has left to make room, in the order in which they did; whoever has them tells of them.
#[derive(Default)]
pub(crate) struct Evicted {
    /// Nearly always one, which costs no allocation.
    pub(crate) first: Option<Handle<Entry>>,
    pub(crate) others: Vec<Handle<Entry>>,
    /// Nodes of those that had left before. They are kept until all others are told of: each may be the last to hold
    /// its session, whose payload is foreign.
    pub(crate) dead: Vec<Handle<Entry>>,
}

impl Evicted {
    fn add(&mut self, node: Evictee) {
        match node.won {
            false => self.dead.push(node.entry),
            true if self.first.is_none() => self.first = Some(node.entry),
            true => self.others.push(node.entry),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Handle<Entry>> {
        self.first.iter().chain(&self.others)
    }
}

/// Who was flushed.
pub(crate) struct Flushed {
    /// In the order in which they expire.
    pub(crate) entries: Vec<Handle<Entry>>,
    /// As in [`Evicted`].
    pub(crate) dead: Vec<Handle<Entry>>,
    /// Whether it was all.
    pub(crate) all: bool,
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
    /// Out, since it answers what counts no more.
    Late,
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
        let first = |shard: &Shard| (shard.earliest(), shard.came_after());
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
        terms: Terms<'_>,
        expires: impl Fn(&Stored) -> UnixTime,
        evicted: &mut Evicted,
    ) -> Entered {
        let Terms { created, again_moves, if_free_at, answers } = terms;
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
        let mut has_evicted = false;
        while !self.places.take(stored.cost_bytes(), replaced_bytes) {
            let can_help = replaced_bytes.is_none() && self.is_turn_of(section.shard);
            let Some(node) = can_help.then(|| section.evict(table)).flatten() else {
                stored.set_place(Place::NONE);
                evicted.dead.extend(dead);
                return Entered::NoRoom;
            };
            has_evicted = true;
            let bytes = node.entry.stored().cost_bytes();
            evicted.add(node);
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
        let enters = || link(table, hash, session).ok_or(Entered::Stalled);
        // A lock under that of the shard: nobody who has it takes another, and linking runs nothing foreign.
        let entered = match answers {
            None => enters(),
            Some(question) => question.while_it_counts(enters).unwrap_or(Err(Entered::Late)),
        };
        let (linked, replaced) = match entered {
            Ok(entered) => entered,
            Err(refusal) => {
                stored.set_created(created_before);
                self.places.untake(stored.cost_bytes(), replaced_bytes);
                stored.set_place(Place::NONE);
                evicted.dead.extend(dead);
                return refusal;
            }
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
        if let Some(displaced) = displaced {
            evicted.dead.push(displaced);
        }
        if let Some(dead) = dead {
            evicted.dead.push(dead);
        }
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
        if let Some(mut section) = self.shard(left.hash()).try_lock(&self.places) {
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

    /// Makes the session leave whose turn it is, unless it is `spared`; false when there is `wanted` room (by now), or
    /// nobody is left.
    pub(crate) fn evict_one(
        &self,
        table: &Table<Entry>,
        wanted: Room,
        spared: Option<&Session>,
        evicted: &mut Evicted,
    ) -> bool {
        // Its shard's hint would name the spared one itself.
        let asked = spared.map(|spared| (self.shard(table.hash(spared.key())), spared));
        loop {
            if self.places.has_free(wanted) {
                return false;
            }
            let Some((shard, seen)) = self.victims_shard(asked) else {
                if self.occupied() == 0 || spared.is_some() {
                    return false;
                }
                // Somebody takes the last nodes out, or one in, at this moment.
                thread::yield_now();
                continue;
            };
            let mut section = shard.lock(&self.places);
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
            let won = left.won;
            evicted.add(left);
            if won {
                return true;
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
            .map(|shard| (shard, shard.earliest()))
            .find(|&(_, earliest)| earliest != NEVER)
    }

    /// Makes sessions leave that expire strictly before `end` (all, without an end) and were there when
    /// their shard's turn came, about `most` of them.
    pub(crate) fn flush(
        &self,
        table: &Table<Entry>,
        end: Option<UnixTime>,
        most: usize,
    ) -> Flushed {
        let (mut flushed, mut dead, mut all) = (Vec::new(), Vec::new(), true);
        for shard in &self.shards {
            // Whoever came in before this call was published by its section's end.
            if end.is_some_and(|end| shard.earliest() >= end.0) {
                continue;
            }
            let mut sweep = shard.lock(&self.places).line.queue.sweep(end);
            while !sweep.is_done() && flushed.len() < most {
                let batch = FLUSH_BATCH.min(most - flushed.len());
                dead.extend(self.flush_batch(table, shard, &mut sweep, batch, &mut flushed));
            }
            all &= sweep.is_done();
        }
        // Stable: those that expire together keep the order in which they came, shard by shard.
        flushed.sort_by_key(|(expires, _)| *expires);
        let entries = flushed.into_iter().map(|(_, handle)| handle).collect();
        Flushed { entries, dead, all }
    }

    /// One critical section of a flush; returns the nodes of those that had left before.
    fn flush_batch(
        &self,
        table: &Table<Entry>,
        shard: &Shard,
        sweep: &mut Sweep,
        most: usize,
        flushed: &mut Vec<(UnixTime, Handle<Entry>)>,
    ) -> Vec<Handle<Entry>> {
        let (mut left, mut dead) = (Vec::with_capacity(most), Vec::new());
        let mut section = shard.lock(&self.places);
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
        dead
    }

    /// Changes the limits. From then on no place is taken beyond the new ones; the caller evicts those that
    /// are there already.
    pub(crate) fn set_limits(&self, limit: usize, bytes_limit: usize) {
        self.places.set_limits(limit, bytes_limit);
        // Whoever read the old limits did so in a critical section that ends before this passes its lock,
        // and his place is counted then; whoever locks later reads the new ones.
        for shard in &self.shards {
            drop(shard.lock(&self.places));
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
                let section = shard.lock(&self.places);
                let queue = &section.line.queue;
                let first = queue.first_but(section.place_if_linked(spared.stored()));
                first.map_or(NEVER, |place| hint(queue.expires(place)))
            }
            _ => shard.earliest(),
        };
        let mut first: Option<(&Shard, u64)> = None;
        for shard in &self.shards {
            let expires = earliest(shard);
            let is_first = first.map_or(expires != NEVER, |(other, earliest)| {
                expires < earliest || expires == earliest && shard.came_after() < other.came_after()
            });
            if is_first {
                first = Some((shard, expires));
            }
        }
        first
    }

    fn section(&self, hash: u64) -> Section<'_> {
        self.shard(hash).lock(&self.places)
    }

    /// The low bits: the table chooses its buckets by the high ones.
    fn shard(&self, hash: u64) -> &Shard {
        &self.shards[hash as usize & (self.shards.len() - 1)]
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
const SHARDED_FROM: usize = 1_024;
const SHARDS_MAX: usize = 16;
/// The most sessions that one critical section of a flush takes out: what an insert may have to wait for.
const FLUSH_BATCH: usize = 256;

#[cfg(test)]
mod tests;
