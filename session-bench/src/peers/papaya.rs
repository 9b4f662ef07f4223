//! papaya: a lock-free map, reclaimed by seize.

use foldhash::fast::FixedState;
use papaya::HashMap;

use super::{HASHER, Peer, Value, value};
use crate::ids::Id;

pub(crate) struct Papaya(HashMap<Id, Value, FixedState>);

impl Peer for Papaya {
    const NAME: &'static str = "papaya";
    const LENDS: bool = true;

    fn new(size: usize) -> Papaya {
        Papaya(HashMap::builder().capacity(size).hasher(HASHER).build())
    }

    fn put(&self, id: &Id) {
        self.0.pin().insert(*id, value());
    }

    fn take(&self, id: &Id) -> bool {
        self.0.pin().remove(id).cloned().is_some()
    }

    #[inline]
    fn lookups(&self, mut next: impl FnMut(&mut Id) -> bool, mut seen: impl FnMut(&[u8])) -> u64 {
        let (mut id, mut found) = (Id::default(), 0);
        while next(&mut id) {
            let session = self.0.pin().get(&id).cloned();
            if let Some(session) = session {
                seen(&*session);
                found += 1;
            }
        }
        found
    }

    #[inline]
    fn lookups_held(&self, mut next: impl FnMut(&mut Id) -> bool) -> u64 {
        let (mut id, mut found) = (Id::default(), 0);
        let map = self.0.pin();
        while next(&mut id) {
            found += u64::from(map.get(&id).is_some());
        }
        found
    }
}
