//! The expiry order of one shard: who expires first, and among equals who came first.
//!
//! Plain data for one thread; the lock around it is the order's business.
//!
//! Invariant: every node is in exactly one list, that of its second; a second without nodes has no list;
//! within a list stamps grow from head to tail. So the first node of the first list is the next victim,
//! and linking, unlinking and finding it cost a search among seconds, not among nodes.

use std::collections::BTreeMap;
use std::ops::Bound;

use slab::Slab;

use crate::time::UnixTime;

/// Knows when it expires, and keeps that while it is in a queue.
pub(crate) trait Expiring {
    fn expires(&self) -> UnixTime;
    fn set_expires(&self, expires: UnixTime);
}

/// Holds items in the order in which they expire.
pub(crate) struct Queue<T> {
    nodes: Slab<Node<T>>,
    seconds: BTreeMap<UnixTime, Ends>,
    /// That of the next node; two nodes of one queue never have the same.
    next_stamp: u64,
}

struct Node<T> {
    item: T,
    /// Tells those that were there when a sweep began from those that came later.
    stamp: u64,
    previous: u32,
    next: u32,
}

/// The first and the last node of a second's list.
#[derive(Clone, Copy)]
struct Ends {
    head: u32,
    tail: u32,
}

/// By how many nodes the queue grows at least.
const NODES_MORE_MIN: usize = 64;

impl<T: Expiring> Queue<T> {
    pub(crate) fn new() -> Queue<T> {
        Queue { nodes: Slab::new(), seconds: BTreeMap::new(), next_stamp: 0 }
    }

    /// Puts an item behind all that expire in the same second, and returns its place.
    pub(crate) fn link(&mut self, item: T) -> u32 {
        let expires = item.expires();
        if self.nodes.len() == self.nodes.capacity() {
            // By an eighth: twice as many would be a node too much for each session.
            self.nodes.reserve_exact(NODES_MORE_MIN.max(self.nodes.len() / 8));
        }
        let node = Node { item, stamp: 0, previous: NONE, next: NONE };
        let place = self.nodes.insert(node) as u32;
        self.put_in_order(place, expires);
        place
    }

    fn put_in_order(&mut self, place: u32, expires: UnixTime) {
        let ends = self.seconds.entry(expires).or_insert(Ends { head: place, tail: NONE });
        let previous = std::mem::replace(&mut ends.tail, place);
        let stamp = self.next_stamp;
        self.next_stamp += 1;
        let node = self.node_mut(place);
        (node.stamp, node.previous, node.next) = (stamp, previous, NONE);
        if previous != NONE {
            self.node_mut(previous).next = place;
        }
    }

    /// Has an item expire at another time, and moves it to where one that does and came last would be; its place stays.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub(crate) fn relink(&mut self, place: u32, expires: UnixTime) {
        self.take_out_of_order(place);
        self.node(place).item.set_expires(expires);
        self.put_in_order(place, expires);
    }

    /// Takes out the item at `place`.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub(crate) fn unlink(&mut self, place: u32) -> T {
        self.take_out_of_order(place);
        self.nodes.remove(place as usize).item
    }

    fn take_out_of_order(&mut self, place: u32) {
        let &Node { ref item, previous, next, .. } = self.node(place);
        let expires = item.expires();
        if previous != NONE {
            self.node_mut(previous).next = next;
        }
        if next != NONE {
            self.node_mut(next).previous = previous;
        }
        if previous == NONE && next == NONE {
            self.seconds.remove(&expires);
        } else if previous == NONE || next == NONE {
            let ends = self.seconds.get_mut(&expires).expect("a linked node's second has a list");
            if previous == NONE {
                ends.head = next;
            } else {
                ends.tail = previous;
            }
        }
    }

    /// Returns the item at `place`, if there is one.
    pub(crate) fn item(&self, place: u32) -> Option<&T> {
        self.nodes.get(place as usize).map(|node| &node.item)
    }

    /// Counts the items that were ever linked.
    pub(crate) fn linked(&self) -> u64 {
        self.next_stamp
    }

    /// Returns when the first one expires, and how many had been linked before it was.
    pub(crate) fn first(&self) -> Option<(UnixTime, u64)> {
        let (&expires, ends) = self.seconds.first_key_value()?;
        Some((expires, self.node(ends.head).stamp))
    }

    /// Returns when the one at `place` expires.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub(crate) fn expires(&self, place: u32) -> UnixTime {
        self.node(place).item.expires()
    }

    /// Finds the place of the first one, or of the one after it if that is `spared`.
    pub(crate) fn first_but(&self, spared: Option<u32>) -> Option<u32> {
        let mut seconds = self.seconds.values();
        let head = seconds.next()?.head;
        if spared != Some(head) {
            return Some(head);
        }
        match self.node(head).next {
            NONE => Some(seconds.next()?.head),
            next => Some(next),
        }
    }

    /// Returns the first one and the one after it, if that expires in the same second.
    pub(crate) fn first_two(&self) -> [Option<&T>; 2] {
        let first = self.seconds.values().next().map(|ends| self.node(ends.head));
        let second = first.and_then(|first| self.nodes.get(first.next as usize));
        [first, second].map(|node| node.map(|node| &node.item))
    }

    /// Begins a sweep of all that is here now and expires strictly before `end`; of all, without an end.
    pub(crate) fn sweep(&self, end: Option<UnixTime>) -> Sweep {
        Sweep { from: Some(UnixTime(0)), end, stamp_end: self.next_stamp }
    }

    /// Takes out the sweep's next items, in order, with the times at which they expire and the places they had.
    ///
    /// Costs at most `steps_max` nodes taken out or seconds passed over.
    pub(crate) fn sweep_on(
        &mut self,
        sweep: &mut Sweep,
        steps_max: usize,
    ) -> Vec<(UnixTime, u32, T)> {
        let mut swept = Vec::new();
        let mut steps = 0;
        while let Some((second, head)) = self.next_of(sweep) {
            if steps == steps_max {
                return swept;
            }
            steps += 1;
            sweep.from = Some(second);
            if self.node(head).stamp < sweep.stamp_end {
                swept.push((second, head, self.unlink(head)));
            } else {
                // The list's first is a newcomer, so all of it are.
                sweep.from = second.0.checked_add(1).map(UnixTime);
            }
        }
        sweep.from = None;
        swept
    }

    /// Finds the sweep's next second and the head of its list.
    fn next_of(&self, sweep: &Sweep) -> Option<(UnixTime, u32)> {
        let from = sweep.from?;
        if sweep.end.is_some_and(|end| end <= from) {
            return None;
        }
        let end = sweep.end.map_or(Bound::Unbounded, Bound::Excluded);
        let (&second, ends) = self.seconds.range((Bound::Included(from), end)).next()?;
        Some((second, ends.head))
    }

    fn node(&self, place: u32) -> &Node<T> {
        &self.nodes[place as usize]
    }

    fn node_mut(&mut self, place: u32) -> &mut Node<T> {
        &mut self.nodes[place as usize]
    }
}

/// Remembers how far a sweep has come while the lock is given back between batches.
pub(crate) struct Sweep {
    /// The first second that may still hold some; none once all are done. Those that come later never
    /// belong to the sweep, so it need not go back.
    from: Option<UnixTime>,
    end: Option<UnixTime>,
    /// Nodes with this stamp or a later one came after the sweep began.
    stamp_end: u64,
}

impl Sweep {
    pub(crate) fn is_done(&self) -> bool {
        self.from.is_none()
    }
}

/// No node: a slab never grows this far, the limit on sessions is lower.
const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests;
