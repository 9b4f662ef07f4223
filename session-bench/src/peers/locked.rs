//! A hash map behind one lock, alone and with a queue that bounds it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use foldhash::fast::FixedState;

use super::{HASHER, Peer, Value, value};
use crate::ids::Id;

type Map<V> = HashMap<Id, V, FixedState>;

/// What everybody writes first. It has no bound.
pub struct Locked(Mutex<Map<Value>>);

impl Locked {
    fn map(&self) -> MutexGuard<'_, Map<Value>> {
        self.0.lock().expect("nothing panics under it")
    }
}

impl Peer for Locked {
    const NAME: &'static str = "Mutex<HashMap>";

    fn new(size: usize) -> Locked {
        Locked(Mutex::new(HashMap::with_capacity_and_hasher(size, HASHER)))
    }

    fn put(&self, id: &Id) {
        let value = value();
        self.map().insert(*id, value);
    }

    fn take(&self, id: &Id) -> bool {
        let taken = self.map().remove(id);
        taken.is_some()
    }

    #[inline]
    fn lookups(&self, mut next: impl FnMut(&mut Id) -> bool, mut seen: impl FnMut(&[u8])) -> u64 {
        let (mut id, mut found) = (Id::default(), 0);
        while next(&mut id) {
            let session = self.map().get(&id).cloned();
            if let Some(session) = session {
                seen(&*session);
                found += 1;
            }
        }
        found
    }
}

/// The same with a bound: the oldest goes, by a queue of ids under the same lock.
pub struct LockedQueue {
    both: Mutex<(Map<Value>, VecDeque<Id>)>,
    bound: usize,
}

impl LockedQueue {
    fn both(&self) -> MutexGuard<'_, (Map<Value>, VecDeque<Id>)> {
        self.both.lock().expect("nothing panics under it")
    }
}

impl Peer for LockedQueue {
    const NAME: &'static str = "Mutex<HashMap + queue>";
    const IS_BOUNDED: bool = true;
    /// Its queue would have to be searched.
    const TAKES: bool = false;

    fn new(size: usize) -> LockedQueue {
        let map = HashMap::with_capacity_and_hasher(size + 1, HASHER);
        let both = Mutex::new((map, VecDeque::with_capacity(size + 1)));
        LockedQueue { both, bound: size }
    }

    fn put(&self, id: &Id) {
        let value = value();
        let mut both = self.both();
        let (map, queue) = &mut *both;
        if map.insert(*id, value).is_none() {
            queue.push_back(*id);
        }
        // An id that was taken stays in the queue until its turn comes.
        let evicted = if map.len() > self.bound || queue.len() > 2 * self.bound {
            queue.pop_front().and_then(|oldest| map.remove(&oldest))
        } else {
            None
        };
        drop(both);
        drop(evicted);
    }

    fn take(&self, id: &Id) -> bool {
        let taken = self.both().0.remove(id);
        taken.is_some()
    }

    #[inline]
    fn lookups(&self, mut next: impl FnMut(&mut Id) -> bool, mut seen: impl FnMut(&[u8])) -> u64 {
        let (mut id, mut found) = (Id::default(), 0);
        while next(&mut id) {
            let session = self.both().0.get(&id).cloned();
            if let Some(session) = session {
                seen(&*session);
                found += 1;
            }
        }
        found
    }
}

/// The map behind one lock with a time in each entry: a flush walks over all of it.
pub struct LockedTimes(Mutex<Map<(Value, Instant)>>);

impl LockedTimes {
    /// Makes an empty one.
    pub fn new(size: usize) -> LockedTimes {
        LockedTimes(Mutex::new(HashMap::with_capacity_and_hasher(size, HASHER)))
    }

    /// Stores a session that expires then.
    pub fn put_until(&self, id: &Id, expires: Instant) {
        let value = value();
        self.0.lock().expect("nothing panics under it").insert(*id, (value, expires));
    }

    /// Removes what has expired, and says how many.
    pub fn flush_expired(&self) -> usize {
        let now = Instant::now();
        let mut map = self.0.lock().expect("nothing panics under it");
        let before = map.len();
        map.retain(|_, (_, expires)| *expires >= now);
        before - map.len()
    }

    /// As [`Peer::lookups`], with the look at the time that goes with it.
    pub fn lookups(&self, next: &mut dyn FnMut(&mut Id) -> bool) -> u64 {
        let (mut id, mut found) = (Id::default(), 0);
        while next(&mut id) {
            let map = self.0.lock().expect("nothing panics under it");
            let session = map.get(&id).cloned();
            drop(map);
            found += u64::from(session.is_some_and(|(_, expires)| expires >= Instant::now()));
        }
        found
    }
}
