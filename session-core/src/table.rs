//! The table: buckets, each a place to enter a sorted list.
//!
//! The first bits of a key's hash choose the bucket; the list's order is the whole hash. The buckets
//! are so many that most hold one entry or none: a miss is then decided by the bucket's word alone,
//! which carries a filter of what is in its list, and a hit costs that line and the entry's. In a large table
//! most misses are decided before that, by the sieve.
//!
//! Invariant: a table holds at most one live entry of a key. See `chain` for why.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::slice;

use crate::blocks;
use crate::buckets::Buckets;
use crate::chain::Chain;
use crate::counter::Counter;
use crate::entry::{Header, Held, Share};
use crate::handle::{Borrow, Handle, LinkRefused, Private, Refusal, Refused};
use crate::hash::KeyHasher;
use crate::key::Key;
use crate::link::{AtomicLink, Link, Target};
use crate::prefetch;
use crate::reclaim::{self, Guard, pin};
use crate::sieve::Sieve;
use crate::sync::{Acquire, Relaxed};

/// The largest capacity a table can be sized for.
pub const CAPACITY_MAX: usize = 1 << 28;

/// How many removed entries may wait to be freed, unless a table is told otherwise: enough for the
/// batches of hundreds of threads, and for a guard that is held over a few thousand removals.
pub const WAITING_MAX: usize = 65_536;

/// One key in so many, by the last bits of its hash, has its insertion look whether the table should grow: the
/// look costs as many cache lines as the counter has stripes.
const GROWTH_CHECK: u64 = 64;

/// What [`Table::replace`] returns: the new entry, and the one that it replaced.
pub type Replaced<V> = (Handle<V>, Option<Handle<V>>);

/// A lock-free table from [`Key`]s to values.
///
/// No operation takes a lock or waits for another thread, and reads write nothing that is shared, but
/// for the count of a handle. At most one entry of a key is live; every operation on one key takes
/// effect at one moment between its call and its return. Values are immutable while they are stored;
/// they may hold atomics.
///
/// There is no such order over several keys: of two threads that each insert a key and then look up
/// the other's, both may miss, on processors that let a read overtake a write.
///
/// Calls that change the table may end by dropping values that were removed earlier, by this thread
/// or another, which runs their `drop`; they do so while holding nothing. An insertion that finds too many of
/// them waiting begins with it. A value's `drop` may call
/// any operation of any table. One that panics does so in whichever such call it meets: what that
/// call did stays done, and its result is lost.
///
/// # Examples
///
/// ```
/// use session_core::{Key, KeyHasher, Table, pin};
///
/// // In earnest, draw the secret from the operating system.
/// let table = Table::with_capacity(1_000, KeyHasher::folded([1, 2]));
/// let key = Key::new(0x0303, b"some id").expect("at most 32 bytes");
///
/// table.insert(key, 7).expect("not there yet");
/// assert!(table.insert(key, 8).is_err());
///
/// let (_, old) = table.replace(key, 9).expect("no guard is held for long");
/// assert_eq!(old.as_deref(), Some(&7));
///
/// assert_eq!(table.get(&key, &pin()).as_deref(), Some(&9));
/// assert_eq!(table.take(&key).as_deref(), Some(&9));
/// assert!(table.take(&key).is_none());
/// ```
///
/// A table of values that accept any lifetime is not one of values that accept a long one, or the
/// long one's users could be handed what lives shortly:
///
/// ```compile_fail,E0308
/// # use session_core::Table;
/// fn narrow(wide: &Table<for<'a> fn(&'a str)>) -> &Table<fn(&'static str)> {
///     wide
/// }
/// ```
pub struct Table<V: Send + Sync + 'static> {
    /// Large tables have one.
    sieve: Option<Sieve>,
    buckets: Buckets,
    hasher: KeyHasher,
    /// Live entries.
    live: Counter,
    waiting_max: usize,
    /// Invariant in `V`: a table is written through a shared reference.
    values: PhantomData<fn(V) -> V>,
}

impl<V: Send + Sync + 'static> Table<V> {
    /// Makes an empty table sized for `entries`.
    ///
    /// The size is no bound: a table takes any number of entries, and doubles its buckets when there
    /// are more entries than those. Costs 16 to 36 bytes an entry, touched only as entries come.
    /// Buckets that were added cost a lookup one step more than those the table was made with, and one of an
    /// unknown key some more: they have no filter.
    ///
    /// # Panics
    ///
    /// When `entries` is above [`CAPACITY_MAX`].
    pub fn with_capacity(entries: usize, hasher: KeyHasher) -> Table<V> {
        assert!(
            entries <= CAPACITY_MAX,
            "a table cannot be sized for {entries} entries; {CAPACITY_MAX} is the most"
        );
        Table {
            sieve: Sieve::for_entries(entries),
            buckets: Buckets::for_entries(entries),
            hasher,
            live: Counter::new(),
            waiting_max: WAITING_MAX,
            values: PhantomData,
        }
    }

    /// A small table with a large one's sieve.
    #[cfg(test)]
    pub(crate) fn sieved(hasher: KeyHasher) -> Table<V> {
        let mut table = Table::with_capacity(0, hasher);
        table.sieve = Some(Sieve::of_words(1));
        table
    }

    /// Sets how many removed entries, of all tables of the process, may wait to be freed before this
    /// table refuses to store more; [`WAITING_MAX`] unless set.
    ///
    /// They wait for guards: a thread that never drops one holds back everything that is removed; and one
    /// whose calls all end under a guard never drops the values of what it removes. What the bound holds is
    /// memory: removals still go on, so as many more may wait as there are live entries. Threads report in
    /// batches of 64 entries, so as many a thread may come on top.
    #[must_use]
    pub fn with_waiting_max(mut self, entries: usize) -> Table<V> {
        self.waiting_max = entries;
        self
    }

    /// Stores `value` unless there is an entry of this key.
    ///
    /// # Errors
    ///
    /// Gives the value back when the key is taken, with the entry that is there, and when too many
    /// removed entries wait to be freed ([`Refusal::Stalled`]).
    ///
    /// # Panics
    ///
    /// As [`Handle::new`], which makes an entry too.
    pub fn insert(&self, key: Key, value: V) -> Result<Handle<V>, Refused<V>> {
        self.insert_hashed(self.hash(&key), key, value)
    }

    /// [`insert`](Table::insert) of a key whose [`hash`](Table::hash) is known.
    ///
    /// # Errors
    ///
    /// As for [`insert`](Table::insert).
    ///
    /// # Panics
    ///
    /// As for [`insert`](Table::insert).
    pub fn insert_hashed(&self, hash: u64, key: Key, value: V) -> Result<Handle<V>, Refused<V>> {
        if self.is_stalled() {
            let reason = Refusal::Stalled { waiting_max: self.waiting_max };
            return Err(Refused { value, reason });
        }
        let result = self.insert_under(&pin(), hash, key, value);
        reclaim::settle();
        result
    }

    /// Stores `value`, in the place of the entry of this key if there is one.
    ///
    /// Returns the new entry, and the old one to the one caller that replaced it. Whoever looks the
    /// key up meanwhile finds the old or the new entry, never none.
    ///
    /// # Errors
    ///
    /// Gives the value back when too many removed entries wait to be freed ([`Refusal::Stalled`]); an
    /// entry of the key stays as it is.
    ///
    /// # Panics
    ///
    /// As [`Handle::new`], which makes an entry too.
    pub fn replace(&self, key: Key, value: V) -> Result<Replaced<V>, Refused<V>> {
        self.replace_hashed(self.hash(&key), key, value)
    }

    /// [`replace`](Table::replace) of a key whose [`hash`](Table::hash) is known.
    ///
    /// # Errors
    ///
    /// As for [`replace`](Table::replace).
    ///
    /// # Panics
    ///
    /// As for [`replace`](Table::replace).
    pub fn replace_hashed(&self, hash: u64, key: Key, value: V) -> Result<Replaced<V>, Refused<V>> {
        if self.is_stalled() {
            let reason = Refusal::Stalled { waiting_max: self.waiting_max };
            return Err(Refused { value, reason });
        }
        let result = self.replace_under(&pin(), hash, key, value);
        reclaim::settle();
        Ok(result)
    }

    /// Stores the entry that `handle` is of, in the place of the live one of its key if there is one,
    /// and returns that one, to the one caller that replaced it.
    ///
    /// For entries made with [`Handle::new`]: whoever holds one holds what is in the table. An entry is
    /// linked once in its life, because readers may still stand on one that was removed.
    ///
    /// # Errors
    ///
    /// [`LinkRefused`]: another `link` of the entry has won, in this or another table, and may not have taken
    /// effect yet; or too many removed entries wait to be freed. The table stays as it is, and in the second
    /// case the entry may be linked later.
    pub fn link(&self, handle: &Handle<V>) -> Result<Option<Handle<V>>, LinkRefused> {
        self.link_hashed(self.hash(handle.key()), handle)
    }

    /// [`link`](Table::link) of an entry whose key's [`hash`](Table::hash) is known.
    ///
    /// # Errors
    ///
    /// As for [`link`](Table::link).
    pub fn link_hashed(
        &self,
        hash: u64,
        handle: &Handle<V>,
    ) -> Result<Option<Handle<V>>, LinkRefused> {
        if self.is_stalled() {
            return Err(LinkRefused::Stalled { waiting_max: self.waiting_max });
        }
        let result = self.link_under(&pin(), hash, handle);
        reclaim::settle();
        result
    }

    /// Finds an entry and borrows it for as long as `guard` is held and the table is there.
    #[inline]
    pub fn get<'g>(&'g self, key: &Key, guard: &'g Guard) -> Option<Borrow<'g, V>> {
        self.get_hashed(self.hash(key), key, guard)
    }

    /// [`get`](Table::get) of a key whose [`hash`](Table::hash) is known.
    #[inline]
    pub fn get_hashed<'g>(
        &'g self,
        hash: u64,
        key: &Key,
        guard: &'g Guard,
    ) -> Option<Borrow<'g, V>> {
        if self.excludes(hash) {
            return None;
        }
        let held = self.buckets.chain(hash).find(key, guard)?;
        // SAFETY: the entry is of this table.
        Some(unsafe { Borrow::new(held) })
    }

    /// Finds an entry and returns a handle to it.
    #[inline]
    pub fn handle(&self, key: &Key) -> Option<Handle<V>> {
        self.handle_hashed(self.hash(key), key)
    }

    /// [`handle`](Table::handle) of a key whose [`hash`](Table::hash) is known.
    #[inline]
    pub fn handle_hashed(&self, hash: u64, key: &Key) -> Option<Handle<V>> {
        let chain = self.approach(hash)?;
        let guard = pin();
        let held = chain.find(key, &guard)?;
        Some(self.owned(held))
    }

    /// Removes an entry and returns it, to one caller alone among any number of threads.
    pub fn take(&self, key: &Key) -> Option<Handle<V>> {
        self.take_hashed(self.hash(key), key)
    }

    /// [`take`](Table::take) of a key whose [`hash`](Table::hash) is known.
    pub fn take_hashed(&self, hash: u64, key: &Key) -> Option<Handle<V>> {
        let result = self.approach(hash).and_then(|_| self.take_under(&pin(), hash, key));
        reclaim::settle();
        result
    }

    /// Removes an entry; true for one caller alone.
    pub fn remove(&self, key: &Key) -> bool {
        self.remove_hashed(self.hash(key), key)
    }

    /// [`remove`](Table::remove) of a key whose [`hash`](Table::hash) is known.
    pub fn remove_hashed(&self, hash: u64, key: &Key) -> bool {
        let removed = self.approach(hash).is_some_and(|_| self.unlink(&pin(), hash, key).is_some());
        reclaim::settle();
        removed
    }

    /// Removes exactly the entry that `handle` is of, if it is still live; true for one caller alone.
    ///
    /// An entry that was replaced is not live any more, and what replaced it stays. A handle of another
    /// table's entry removes nothing.
    pub fn remove_exact(&self, handle: &Handle<V>) -> bool {
        let result = self.remove_exact_under(&pin(), handle);
        reclaim::settle();
        result
    }

    /// Goes over the live entries, in no order.
    ///
    /// An entry that is in the table from beginning to end is met once; one that comes or goes may be
    /// met or not, and a key that leaves and comes back may be met twice. The guard keeps everything
    /// that any thread removes meanwhile from being freed.
    pub fn iter<'g>(&'g self, guard: &'g Guard) -> impl Iterator<Item = Borrow<'g, V>> + 'g {
        self.buckets.heads().iter().flat_map(move |head| {
            // Acquire: as in `Chain::find`.
            let mut link = head.load(Acquire);
            core::iter::from_fn(move || {
                loop {
                    match link.target()? {
                        Target::Bucket(bucket) => {
                            // SAFETY: it is of this table, which is borrowed.
                            // Acquire: as in `Chain::find`.
                            link = unsafe { bucket.as_ref() }.next.load(Acquire);
                        }
                        Target::Entry(entry) => {
                            // SAFETY: read under this guard, from a bucket or an entry that it keeps.
                            let held = unsafe { guard.borrow(entry) };
                            // Acquire: as in `Chain::find`.
                            link = held.header().next.load(Acquire);
                            if !link.is_gone() {
                                // SAFETY: the entry is of this table.
                                return Some(unsafe { Borrow::new(held) });
                            }
                        }
                    }
                }
            })
        })
    }

    /// Whether too many removed entries wait to be freed for this table to store more just now, also
    /// after an attempt to free some.
    ///
    /// Runs foreign code when there are too many and this thread holds no guard: the `drop` of values.
    #[inline]
    pub fn is_stalled(&self) -> bool {
        reclaim::is_stalled(self.waiting_max)
    }

    /// Returns how many entries are live: exact when nobody changes the table.
    pub fn len(&self) -> usize {
        // A removal may be counted before its insertion, by another thread's stripe.
        (self.live.sum() as i64).max(0) as usize
    }

    /// Whether no entry is live, as [`len`](Table::len) says.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the hash of a key in this table: for several calls about one key, and for choosing shards of
    /// what belongs to its entries.
    ///
    /// The calls that take a hash (`insert_hashed` and its like) believe it: under another number than this
    /// an entry is not found, or is stored where only that number finds it.
    ///
    /// The table uses the first bits: choose by the last. It is a secret; do not show it to anyone.
    #[inline]
    pub fn hash(&self, key: &Key) -> u64 {
        self.hasher.hash(key)
    }

    /// Begins to fetch what a call about keys of this hash looks at first, for one that follows when there was something else to do
    /// for some hundred nanoseconds: in a large table it would wait as long for memory.
    ///
    /// A hint: it changes nothing, and takes a few nanoseconds. On processors other than x86-64 and aarch64 it does
    /// nothing.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        if let Some(sieve) = &self.sieve {
            sieve.prefetch(hash);
        }
        prefetch::line(self.buckets.chain(hash).head);
    }

    /// [`insert`](Table::insert) under a guard of the caller's.
    #[inline]
    pub(crate) fn insert_under(
        &self,
        guard: &Guard,
        hash: u64,
        key: Key,
        value: V,
    ) -> Result<Handle<V>, Refused<V>> {
        let new = Private::new(key, hash, value);
        self.buckets.prepare(hash, guard);
        self.add(hash);
        let existing = match self.buckets.chain(hash).insert(new.held(), guard) {
            Ok(()) => {
                self.count_one_more(hash);
                return Ok(new.into_handle());
            }
            Err(existing) => self.owned(existing),
        };
        self.take_away(hash);
        Err(Refused { value: new.into_value(), reason: Refusal::Occupied(existing) })
    }

    /// [`replace`](Table::replace) under a guard of the caller's.
    #[inline]
    pub(crate) fn replace_under(
        &self,
        guard: &Guard,
        hash: u64,
        key: Key,
        value: V,
    ) -> Replaced<V> {
        let new = Private::new(key, hash, value);
        let old = self.replace_claimed(guard, hash, new.held());
        (new.into_handle(), old)
    }

    /// [`link`](Table::link) under a guard of the caller's.
    pub(crate) fn link_under(
        &self,
        guard: &Guard,
        hash: u64,
        handle: &Handle<V>,
    ) -> Result<Option<Handle<V>>, LinkRefused> {
        let new = handle.held();
        if !new.header().claim(hash) {
            return Err(LinkRefused::LinkedBefore);
        }
        Ok(self.replace_claimed(guard, hash, new))
    }

    /// Publishes an entry that this thread has claimed; returns the one that it replaced.
    fn replace_claimed(&self, guard: &Guard, hash: u64, new: Held<'_>) -> Option<Handle<V>> {
        self.buckets.prepare(hash, guard);
        self.add(hash);
        let old = self.buckets.chain(hash).replace(new, guard);
        match old {
            // What was added for the old one stands for the new one from now on.
            Some(_) => self.take_away(hash),
            None => self.count_one_more(hash),
        }
        old.map(|old| self.owned(old))
    }

    /// [`take`](Table::take) under a guard of the caller's.
    pub(crate) fn take_under(&self, guard: &Guard, hash: u64, key: &Key) -> Option<Handle<V>> {
        Some(self.owned(self.unlink(guard, hash, key)?))
    }

    /// Takes an entry out, and counts it out.
    fn unlink<'g>(&'g self, guard: &'g Guard, hash: u64, key: &Key) -> Option<Held<'g>> {
        let held = self.buckets.chain(hash).take(key, guard)?;
        self.take_away(hash);
        self.live.subtract(1);
        Some(held)
    }

    /// [`remove_exact`](Table::remove_exact) under a guard of the caller's.
    pub(crate) fn remove_exact_under(&self, guard: &Guard, handle: &Handle<V>) -> bool {
        let held = handle.held();
        let hash = match held.header().hash() {
            // One that is in no table, or is just being linked, has none yet.
            0 => self.hash(held.header().key()),
            hash => hash,
        };
        let removed = self.buckets.chain(hash).remove_exact(held, guard);
        if removed {
            self.take_away(hash);
            self.live.subtract(1);
        }
        removed
    }

    /// Whether no live entry has this hash, as far as can be told at once.
    #[inline]
    fn excludes(&self, hash: u64) -> bool {
        self.sieve.as_ref().is_some_and(|sieve| sieve.excludes(hash))
    }

    /// Returns the list in which an entry of this hash is, and begins to fetch its first; none if sieve or bucket show at
    /// once that there is no such entry. Needs no guard.
    #[inline]
    fn approach(&self, hash: u64) -> Option<Chain<'_>> {
        if self.excludes(hash) {
            return None;
        }
        let chain = self.buckets.chain(hash);
        (!chain.is_absent_at_head()).then_some(chain)
    }

    /// Before an entry is linked.
    #[inline]
    fn add(&self, hash: u64) {
        if let Some(sieve) = &self.sieve {
            sieve.add(hash);
        }
    }

    /// After an entry has left, or was not linked.
    #[inline]
    fn take_away(&self, hash: u64) {
        if let Some(sieve) = &self.sieve {
            sieve.take_away(hash);
        }
    }

    /// Makes a handle of an entry of this table.
    #[inline]
    fn owned(&self, held: Held<'_>) -> Handle<V> {
        // SAFETY: the entry is of this table.
        unsafe { Borrow::<V>::new(held) }.to_handle()
    }

    /// Counts an entry, and now and then looks whether there are more entries than buckets.
    fn count_one_more(&self, hash: u64) {
        self.live.add(1);
        if hash % GROWTH_CHECK == GROWTH_CHECK - 1 && self.len() > self.buckets.count() {
            self.buckets.double();
        }
    }

    #[cfg(test)]
    pub(crate) fn double(&self) {
        self.buckets.double();
    }
}

impl<V: Send + Sync + 'static> Drop for Table<V> {
    fn drop(&mut self) {
        let remains = Remains { heads: self.buckets.heads().iter(), link: Link::END };
        // One by one, so that a large table does not have all of its entries wait, for which others would be refused.
        for entry in remains {
            // SAFETY: an entry in a list was not retired: its reference is the table's, and is given up once.
            unsafe { reclaim::release(entry, Share::Table) };
        }
        blocks::settle();
        reclaim::settle();
    }
}

/// The entries of a table that is being dropped, which lets go of each.
struct Remains<'t> {
    heads: slice::Iter<'t, AtomicLink>,
    /// Leads to the next one.
    link: Link,
}

impl Iterator for Remains<'_> {
    type Item = NonNull<Header>;

    fn next(&mut self) -> Option<NonNull<Header>> {
        // Relaxed, all: dropping is exclusive, so everything is observed already. No guard, because
        // nobody else can unlink what is in the lists.
        loop {
            match self.link.target() {
                None => self.link = self.heads.next()?.load(Relaxed),
                Some(Target::Bucket(bucket)) => {
                    // SAFETY: it is of this table, and its array still there.
                    self.link = unsafe { bucket.as_ref() }.next.load(Relaxed);
                }
                Some(Target::Entry(entry)) => {
                    // SAFETY: the table's reference keeps it, which is given up only when it was returned.
                    self.link = unsafe { entry.as_ref() }.next.load(Relaxed);
                    return Some(entry);
                }
            }
        }
    }
}

impl Drop for Remains<'_> {
    /// There are some left when the `drop` of a value panics: they wait for the next call that settles.
    fn drop(&mut self) {
        for entry in self {
            // SAFETY: as in the table's own `drop`.
            unsafe { reclaim::release_later(entry, Share::Table) };
        }
    }
}

impl<V: Send + Sync + 'static> fmt::Debug for Table<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("len", &self.len())
            .field("buckets", &self.buckets.count())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: u64 = 100_000;

    impl<V: Send + Sync + 'static> Table<V> {
        /// The most entries that a lookup can meet.
        fn longest_list(&self) -> usize {
            let guard = pin();
            let mut lengths = std::collections::HashMap::new();
            let bits = self.buckets.count().trailing_zeros();
            for entry in self.iter(&guard) {
                *lengths.entry(self.hash(entry.key()) >> (64 - bits)).or_insert(0) += 1;
            }
            lengths.into_values().max().unwrap_or(0)
        }
    }

    fn filled(secret: [u64; 2], ids: impl Iterator<Item = [u8; 32]>) -> Table<()> {
        let table = Table::with_capacity(KEYS as usize, KeyHasher::folded(secret));
        for id in ids {
            let key = Key::new(0, &id).expect("32 bytes are few enough");
            table.insert(key, ()).expect("each id is new");
        }
        assert_eq!(table.len() as u64, KEYS);
        table
    }

    fn numbered(number: u64) -> [u8; 32] {
        let mut id = [0x5a; 32];
        id[24..].copy_from_slice(&number.to_be_bytes());
        id
    }

    #[test]
    #[cfg_attr(miri, ignore = "too many keys for Miri; `cargo xtask test` runs it")]
    fn ids_that_were_chosen_to_collide_do_so_only_under_the_secret_they_were_chosen_for() {
        let (known, fresh) = ([1, 2], [3, 4]);
        let hasher = KeyHasher::folded(known);
        let hash = |id: &[u8; 32]| hasher.hash(&Key::new(0, id).expect("32 bytes"));
        let chosen = || (0..).map(numbered).filter(|id| hash(id) >> 58 == 0).take(KEYS as usize);
        let attacked = filled(known, chosen()).longest_list();
        let safe = filled(fresh, chosen()).longest_list();
        assert!(attacked > 25, "{attacked}: the ids were to collide");
        assert!(safe < 10, "{safe}: as random ids do");
    }

    #[test]
    fn calls_that_take_a_hash_do_what_those_that_compute_it_do() {
        let table = Table::with_capacity(10, KeyHasher::folded([9, 10]));
        let key = Key::new(1, b"id").expect("two bytes are few enough");
        let hash = table.hash(&key);
        assert_eq!(*table.insert_hashed(hash, key, 1).expect("not there yet"), 1);
        assert_eq!(table.handle(&key).expect("just stored").hash(), hash);
        let (new, old) = table.replace_hashed(hash, key, 2).expect("nothing stalls");
        assert_eq!((*new, old.as_deref()), (2, Some(&1)));
        assert_eq!(table.handle_hashed(hash, &key).as_deref(), Some(&2));
        assert_eq!(table.get_hashed(hash, &key, &pin()).expect("still there").hash(), hash);
        assert_eq!(table.take_hashed(hash, &key).as_deref(), Some(&2));
        assert!(!table.remove_hashed(hash, &key), "taken already");
        table.insert(key, 3).expect("not there any more");
        assert!(table.remove_hashed(hash, &key));
        assert_eq!(table.get(&key, &pin()).as_deref(), None);
    }

    #[test]
    #[cfg_attr(miri, ignore = "too many keys for Miri; `cargo xtask test` runs it")]
    fn ids_with_a_common_prefix_spread_like_random_ones() {
        let longest = filled([5, 6], (0..KEYS).map(numbered)).longest_list();
        assert!(longest < 10, "{longest}");
    }

    #[test]
    #[cfg_attr(miri, ignore = "too many keys for Miri; `cargo xtask test` runs it")]
    fn a_table_that_grew_has_lists_as_short_as_one_that_did_not() {
        let table = Table::with_capacity(0, KeyHasher::folded([7, 8]));
        for number in 0..KEYS {
            let key = Key::new(0, &numbered(number)).expect("32 bytes are few enough");
            table.insert(key, ()).expect("each id is new");
        }
        assert!(table.buckets.count() as u64 >= KEYS / 2, "{} buckets", table.buckets.count());
        let longest = table.longest_list();
        assert!(longest < 14, "{longest}");
    }
}
