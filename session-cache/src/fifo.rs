//! The order in which sessions leave one shard for want of room, when use counts: S3-FIFO (Yang, Zhang, Qiu,
//! Yue, Rashmi: FIFO Queues are All You Need for Cache Eviction, SOSP 2023).
//!
//! A newcomer goes into the *small* list, which is kept at a tenth; who was used there goes on into the *main*
//! list, who was not leaves, and is remembered as a *ghost*: if it comes back soon, it goes into the main list
//! at once. Who was used in the main list has another turn for each use.
//!
//! Plain data for one thread. It knows nodes by their number, which the expiry queue gives out and never
//! changes. Uses are counted elsewhere, by lookups that take no lock.
//!
//! Invariant: every node of the queue is in exactly one of the two lists.

use std::sync::atomic::{AtomicU8, Ordering};

/// Two lists of nodes, and what has left the first.
#[derive(Default)]
pub(crate) struct Fifo {
    /// By the node's number.
    links: Vec<Link>,
    small: List,
    main: List,
    ghosts: Ghosts,
}

#[derive(Clone, Copy, Default)]
struct Link {
    /// The lower half of the key's hash, for its ghost.
    hash: u32,
    newer: u32,
    older: u32,
    in_main: bool,
}

struct List {
    newest: u32,
    oldest: u32,
    length: usize,
}

impl Default for List {
    fn default() -> List {
        List { newest: NONE, oldest: NONE, length: 0 }
    }
}

impl Fifo {
    /// Puts a node behind all others.
    pub(crate) fn link(&mut self, place: u32, hash: u64) {
        // The bits that choose the shard are the same for all here; these differ.
        let hash = (hash >> 16) as u32;
        let at = place as usize;
        if self.links.len() <= at {
            self.links.resize(at + 1, Link::default());
        }
        let in_main = self.ghosts.take(hash, self.memory());
        self.links[at] = Link { hash, newer: NONE, older: NONE, in_main };
        self.push(place, in_main);
    }

    /// Takes a node out.
    pub(crate) fn unlink(&mut self, place: u32) {
        let Link { newer, older, in_main, .. } = self.links[place as usize];
        match newer {
            NONE => self.list(in_main).newest = older,
            newer => self.links[newer as usize].older = older,
        }
        match older {
            NONE => self.list(in_main).oldest = newer,
            older => self.links[older as usize].newer = newer,
        }
        self.list(in_main).length -= 1;
    }

    /// Chooses who leaves, but for `spared`; none if there is no other. The caller unlinks it.
    ///
    /// `uses` leads to a node's count of uses.
    pub(crate) fn choose<'a>(
        &mut self,
        spared: Option<u32>,
        uses: impl Fn(u32) -> &'a AtomicU8,
    ) -> Option<u32> {
        let others = self.small.length + self.main.length - usize::from(spared.is_some());
        if others == 0 {
            return None;
        }
        loop {
            let spared_in_main = spared.map(|place| self.links[place as usize].in_main);
            let small_others = self.small.length - usize::from(spared_in_main == Some(false));
            let main_others = self.main.length - usize::from(spared_in_main == Some(true));
            let small_is_due =
                self.small.length * SMALL_SHARE > self.small.length + self.main.length;
            // A list in which the spared one is alone has nobody to give.
            let in_main = main_others > 0 && !(small_is_due && small_others > 0);
            let place = self.list(in_main).oldest;
            let used = uses(place);
            // Relaxed, both: a count of uses, of which some may get lost.
            let count = used.load(Ordering::Relaxed);
            let goes_on_into_main = if spared == Some(place) {
                in_main
            } else if in_main && count > 0 {
                used.store(count - 1, Ordering::Relaxed); // Relaxed: as above.
                true
            } else if !in_main && count > 1 {
                used.store(0, Ordering::Relaxed); // Relaxed: as above.
                true
            } else {
                if !in_main {
                    self.ghosts.add(self.links[place as usize].hash, self.memory());
                }
                return Some(place);
            };
            self.unlink(place);
            self.push(place, goes_on_into_main);
        }
    }

    /// How many departures are remembered: as many as the main list has room for.
    fn memory(&self) -> usize {
        let all = self.small.length + self.main.length;
        all - all / SMALL_SHARE
    }

    fn push(&mut self, place: u32, in_main: bool) {
        let list = self.list(in_main);
        let older = std::mem::replace(&mut list.newest, place);
        list.length += 1;
        if older == NONE {
            list.oldest = place;
        } else {
            self.links[older as usize].newer = place;
        }
        let link = &mut self.links[place as usize];
        (link.newer, link.older, link.in_main) = (NONE, older, in_main);
    }

    fn list(&mut self, in_main: bool) -> &mut List {
        if in_main { &mut self.main } else { &mut self.small }
    }
}

/// Remembers who has left the small list, for so many departures.
///
/// A table of pairs without chains: of three that fall on one pair the latest two are remembered.
#[derive(Default)]
struct Ghosts {
    slots: Vec<Ghost>,
    departures: u32,
}

#[derive(Clone, Copy, Default)]
struct Ghost {
    hash: u32,
    /// The number of its departure, from 1 on; 0 for none.
    departed: u32,
}

impl Ghosts {
    fn add(&mut self, hash: u32, memory: usize) {
        let wanted = (SLOTS_A_GHOST * memory).next_power_of_two().max(SLOTS_MIN);
        if self.slots.len() < wanted {
            let old = std::mem::replace(&mut self.slots, vec![Ghost::default(); wanted]);
            old.into_iter().filter(|ghost| ghost.departed != 0).for_each(|ghost| self.put(ghost));
        }
        self.departures = self.departures.wrapping_add(1).max(1);
        self.put(Ghost { hash, departed: self.departures });
    }

    /// Puts a ghost in the place of the older of its pair.
    fn put(&mut self, ghost: Ghost) {
        let pair = self.pair(ghost.hash);
        let [first, second] = pair.map(|slot| self.slots[slot].departed);
        self.slots[pair[usize::from(second < first)]] = ghost;
    }

    /// Whether it left not long ago; it is forgotten then.
    fn take(&mut self, hash: u32, memory: usize) -> bool {
        if self.slots.is_empty() {
            return false;
        }
        for slot in self.pair(hash) {
            let ghost = self.slots[slot];
            if ghost.departed != 0 && ghost.hash == hash {
                self.slots[slot] = Ghost::default();
                return self.departures.wrapping_sub(ghost.departed) as usize <= memory;
            }
        }
        false
    }

    fn pair(&self, hash: u32) -> [usize; 2] {
        let slot = hash as usize & (self.slots.len() - 1);
        [slot, slot ^ 1]
    }
}

const NONE: u32 = u32::MAX;
/// The small list is kept at a tenth of all.
const SMALL_SHARE: usize = 10;
const SLOTS_A_GHOST: usize = 2;
const SLOTS_MIN: usize = 64;

/// Uses beyond this count no more.
pub(crate) const USES_MAX: u8 = 3;

#[cfg(test)]
mod tests;
