//! One bucket: a list of entries sorted by hash, changed by one atomic step at a time.
//!
//! The list is that of Harris and Michael (T. L. Harris, DISC 2001; M. M. Michael, SPAA 2002), with
//! replacement in one step:
//!
//! * *Insert*: the new entry goes behind the last entry whose hash is not greater, by a
//!   compare-exchange of that entry's link (or of the bucket's head). Two inserts of one key
//!   therefore meet in one word, and one of them loses.
//! * *Remove*: the entry's own link is marked gone, which decides the one winner and freezes the
//!   link. The entry is then unlinked by its remover or by any writer that passes.
//! * *Replace*: the old entry's link is marked gone *and* pointed at the new entry in the same step.
//!   A reader before that step finds the old entry, one after it is led on to the new: there is no
//!   moment without one.
//!
//! Readers take no part: they walk over entries that are gone, and write nothing.
//!
//! Later buckets stand in the list too, each in front of the entries of its range, and never leave.
//!
//! Invariant: only entries whose link is marked gone are ever unlinked, and a marked link never
//! changes. So whatever a reader reaches was in the list at some moment under its guard, and an
//! entry that stays in the list is on every reader's way (the hard case: a reader that stands on an
//! entry already unlinked is led on by its frozen link, past nothing but what came or went
//! meanwhile).
//!
//! Invariant: the entry that a link leads to has the order bits that the link carries.
//!
//! Invariant: while the table has not grown, the head's filter has the bit of every entry in the list.
//! Who has seen the table grow neither reads the filter nor adds to it, and leaves the bits that are
//! there; so who has not may miss only what came after it began.

use core::ptr::{self, NonNull};

use crate::buckets::Later;
use crate::entry::Held;
use crate::key::Key;
use crate::link::{AtomicLink, Filter, Link, Order, Target};
use crate::reclaim::Guard;
use crate::sync::{Acquire, Relaxed, Release};

/// A bucket's head, and what is sought in its list.
#[derive(Clone, Copy)]
pub(crate) struct Chain<'t> {
    pub(crate) head: &'t AtomicLink,
    pub(crate) hash: u64,
    /// How many bits of a hash choose among the first buckets.
    pub(crate) first_bits: u32,
    pub(crate) filter: Filter,
}

/// The place in a list where a key is or would be.
struct Place<'g> {
    /// The word that leads to `next`; its owner was not gone when it was read.
    before: &'g AtomicLink,
    /// What the word held.
    next: Link,
    /// The live entry of the key, which is what `next` leads to, with its own link.
    found: Option<(Held<'g>, Link)>,
}

impl<'t> Chain<'t> {
    /// What the links to an entry of this hash carry.
    // Asked for where it is needed: most lookups end before.
    #[inline]
    fn order(self) -> Order {
        Order::of(self.hash, self.first_bits)
    }

    /// Whether the bucket's head alone shows that the key is not there; if not, begins to fetch the first
    /// entry.
    ///
    /// Needs no guard, since no entry is touched.
    #[inline]
    pub(crate) fn is_absent_at_head(self) -> bool {
        // Acquire: who misses a removed key sees what its remover did before. Nothing is read through
        // the pointer; the key was absent when the word was read.
        let head = self.head.load(Acquire);
        let absent = self.is_absent_by(head);
        if !absent {
            head.prefetch();
        }
        absent
    }

    /// Whether what the head holds shows that the key is not there.
    #[inline]
    fn is_absent_by(self, head: Link) -> bool {
        // One branch that goes one way most of the time: the filter of an empty list has no bits.
        match self.filter.is_none() {
            true => head.is_past(self.order()),
            false => head.excludes(self.filter),
        }
    }

    /// Finds the live entry of a key. Writes nothing.
    #[inline]
    pub(crate) fn find<'g>(self, key: &Key, guard: &'g Guard) -> Option<Held<'g>> {
        // Acquire: observes the contents of the entry that an insert, a replace or an unlinking
        // published by this word, or the range of the bucket.
        let mut link = self.head.load(Acquire);
        if self.is_absent_by(link) {
            return None;
        }
        loop {
            match link.target()? {
                Target::Entry(entry) => {
                    // SAFETY: read under this guard, from a bucket or from an entry that it keeps.
                    let held = unsafe { guard.borrow(entry) };
                    let entry = held.header();
                    entry.touch();
                    // Acquire: as above, for the next entry; and observes all that the thread which
                    // marked this one gone did before.
                    let next = entry.next.load(Acquire);
                    if !next.is_gone() && entry.is(self.hash, key) {
                        return Some(held);
                    }
                    if entry.hash() > self.hash {
                        return None;
                    }
                    link = next;
                }
                Target::Bucket(bucket) => {
                    // SAFETY: it is of this table, which the caller borrows.
                    let bucket = unsafe { bucket.as_ref() };
                    if bucket.is_past(self.hash) {
                        return None;
                    }
                    // Acquire: as above.
                    link = bucket.next.load(Acquire);
                }
            }
            if link.is_past(self.order()) {
                return None;
            }
        }
    }

    /// Inserts a private entry; or returns the live entry that is there already.
    ///
    /// The entry is published when this returns `Ok`, and still private when not.
    pub(crate) fn insert<'g>(self, new: Held<'_>, guard: &'g Guard) -> Result<(), Held<'g>>
    where
        't: 'g,
    {
        loop {
            let place = self.place(Some(new.header().key()), guard);
            match place.found {
                Some((existing, _)) => return Err(existing),
                None if self.publish(new, &place) => return Ok(()),
                None => {}
            }
        }
    }

    /// Publishes a private entry, in the place of the live one of its key if there is one; returns
    /// that.
    pub(crate) fn replace<'g>(self, new: Held<'_>, guard: &'g Guard) -> Option<Held<'g>>
    where
        't: 'g,
    {
        loop {
            let place = self.place(Some(new.header().key()), guard);
            let Some((old, after)) = place.found else {
                if self.publish(new, &place) {
                    return None;
                }
                continue;
            };
            // Relaxed: published by the exchange below.
            new.header().next.store(after, Relaxed);
            let led_on = Link::to(new.pointer(), self.order());
            let word = &old.header().next;
            // Release: publishes the new entry and its link, and whatever this thread did before, to
            // the readers that the old entry leads on. Relaxed on failure: `place` looks again.
            if word.compare_exchange(after, led_on.gone(), Release, Relaxed).is_ok() {
                self.unlink(&place, old, led_on, guard);
                return Some(old);
            }
        }
    }

    /// Removes the live entry of a key, and returns it to one thread alone.
    pub(crate) fn take<'g>(self, key: &Key, guard: &'g Guard) -> Option<Held<'g>>
    where
        't: 'g,
    {
        loop {
            let place = self.place(Some(key), guard);
            let (entry, after) = place.found?;
            if mark(entry, after) {
                self.unlink(&place, entry, after, guard);
                return Some(entry);
            }
        }
    }

    /// Removes exactly this entry, if it is live in this list; true for one thread alone.
    pub(crate) fn remove_exact(self, entry: Held<'_>, guard: &Guard) -> bool {
        loop {
            let place = self.place(Some(entry.header().key()), guard);
            let Some((found, after)) = place.found else { return false };
            if found.pointer() != entry.pointer() {
                return false;
            }
            if mark(entry, after) {
                self.unlink(&place, entry, after, guard);
                return true;
            }
        }
    }

    /// Publishes a private entry at the end of its equals.
    fn publish(self, new: Held<'_>, place: &Place<'_>) -> bool {
        // Relaxed: published by the exchange below.
        new.header().next.store(place.next.without_filter(), Relaxed);
        let mut link = Link::to(new.pointer(), self.order()).with_filter_of(place.next);
        if ptr::eq(place.before, self.head) {
            link = link.with(self.filter);
        } else {
            self.announce();
        }
        // Release: publishes the new entry and its link to whoever reads this word.
        // Relaxed on failure: `place` looks again.
        place.before.compare_exchange(place.next, link, Release, Relaxed).is_ok()
    }

    /// Adds the key's filter bit to the head, for an entry that will not be the first of its list.
    ///
    /// The bit stays for as long as the list is not empty. So it is there as long as the word that the
    /// entry is then published in is one of the list; and once it is not, that exchange fails.
    fn announce(self) {
        // Relaxed, all: the pointer stays, so whoever published what it leads to still does; the bit is
        // published with the entry, since it is added before.
        let mut head = self.head.load(Relaxed);
        while head != Link::END && head.excludes(self.filter) {
            let announced = head.with(self.filter);
            match self.head.compare_exchange(head, announced, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Takes an entry that this thread has marked gone out of the list, or sees to it that it is.
    fn unlink(self, place: &Place<'_>, entry: Held<'_>, after: Link, guard: &Guard) {
        if !take_out(place.before, place.next, entry, after, guard) {
            self.sweep(entry.header().key(), guard);
        }
    }

    /// Unlinks whatever is gone on the way to a key.
    fn sweep(self, key: &Key, guard: &Guard) {
        self.place(Some(key), guard);
    }

    /// Links a later bucket in front of the first entry of its range, which this chain's hash begins.
    ///
    /// The bucket is claimed by this thread, and this thread does so once.
    pub(crate) fn link_bucket(self, bucket: &Later, guard: &Guard) {
        loop {
            let place = self.place(None, guard);
            // Relaxed: published by the exchange below.
            bucket.next.store(place.next.without_filter(), Relaxed);
            let link = Link::to_later(NonNull::from(bucket)).with_filter_of(place.next);
            // Release: publishes the bucket's range and link. Relaxed on failure: `place` looks again.
            if place.before.compare_exchange(place.next, link, Release, Relaxed).is_ok() {
                return;
            }
        }
    }

    /// Finds the place of a key, or without one the place in front of all entries of this hash; and
    /// unlinks what is gone on the way.
    fn place<'g>(self, key: Option<&Key>, guard: &'g Guard) -> Place<'g>
    where
        't: 'g,
    {
        'again: loop {
            let mut before = self.head;
            // Acquire: as in `find`.
            let mut next = before.load(Acquire);
            loop {
                let here = Place { before, next, found: None };
                if next.is_past(self.order()) {
                    return here;
                }
                let Some(target) = next.target() else { return here };
                let entry = match target {
                    Target::Entry(entry) => entry,
                    Target::Bucket(bucket) => {
                        // SAFETY: it is of this table, which the caller borrows for longer than `'g`.
                        let bucket: &'g Later = unsafe { bucket.as_ref() };
                        if bucket.is_past(self.hash) {
                            return here;
                        }
                        before = &bucket.next;
                        // Acquire: as in `find`.
                        next = before.load(Acquire);
                        continue;
                    }
                };
                // SAFETY: read under this guard, from a bucket or from an entry that it keeps.
                let held = unsafe { guard.borrow(entry) };
                let entry = held.header();
                // Acquire: as in `find`; the link may also be copied into the word before.
                let after = entry.next.load(Acquire);
                if after.is_gone() {
                    let after = after.without_gone();
                    if !take_out(before, next, held, after, guard) {
                        continue 'again;
                    }
                    next = after.with_filter_of(next);
                    continue;
                }
                if entry.hash() > self.hash {
                    return here;
                }
                match key {
                    None if entry.hash() == self.hash => return here,
                    Some(key) if entry.is(self.hash, key) => {
                        return Place { found: Some((held, after)), ..here };
                    }
                    _ => {}
                }
                before = &entry.next;
                next = after;
            }
        }
    }
}

/// Marks an entry gone; true for the one thread that did it.
fn mark(entry: Held<'_>, after: Link) -> bool {
    // Release: whoever sees the entry gone sees what its remover did before. The pointer stays, and
    // whoever published what it leads to still does: an exchange continues that release.
    // Relaxed on failure: the caller looks again.
    entry.header().next.compare_exchange(after, after.gone(), Release, Relaxed).is_ok()
}

/// Leads the word before an entry that is gone past it, and retires the entry; true if it was this
/// thread that did so.
fn take_out(before: &AtomicLink, at: Link, gone: Held<'_>, after: Link, guard: &Guard) -> bool {
    // Release: publishes the entry behind to those who come by this word, which its inserter, who
    // wrote to another, did not; this thread observed it when it read `after`.
    // Relaxed on failure: the caller looks again.
    let led_past = after.with_filter_of(at);
    let done = before.compare_exchange(at, led_past, Release, Relaxed).is_ok();
    if done {
        // SAFETY:
        // * The word before was not marked, so its owner was in the list and led to the entry; now
        //   nothing does, and an entry that is gone is never linked again.
        // * One exchange alone takes it out.
        unsafe { guard.retire(gone.pointer()) };
    }
    done
}
