//! The buckets: where in the sorted lists a hash begins, and how their number grows.
//!
//! A bucket is a place to enter a list: everything that follows, up to the next bucket's range,
//! belongs to it. The *first* buckets are an array of heads, each with a list of its own, sized when
//! the table is made; a table that never exceeds its capacity has no others. When more entries come,
//! the number of buckets doubles: each bucket's range is split, and its upper half gets a *later*
//! bucket, which is linked into the same list in front of the first entry of its range. Entries do
//! not move, and readers notice nothing (the idea is that of split-ordered lists: O. Shalev, N.
//! Shavit, JACM 2006).
//!
//! A later bucket is *untouched*, then *claimed* by one thread, which links it, then *ready*. Until it
//! is ready, its list is entered by the bucket that it splits, or by that one's: a longer way, never
//! a wrong one. So nobody waits for a thread that stalls while it links a bucket.
//!
//! Invariant: a later bucket that is reached by a link, or is ready, is in its list for good.
//! Invariant: when `bits` is seen, so are the arrays for that many bits.

use crate::chain::Chain;
use crate::link::{AtomicLink, Filter, Link};
use crate::memory;
use crate::reclaim::Guard;
use crate::sync::{Acquire, AtomicPtr, AtomicU32, AtomicU64, Relaxed, Release};

/// How often the number of buckets can double.
const DOUBLINGS_MAX: usize = 28;

pub(crate) struct Buckets {
    /// The heads of the lists. Their number is a power of two and never changes.
    first: Box<[AtomicLink]>,
    /// How many bits of a hash choose among the first buckets.
    first_bits: u32,
    /// By how much they are shifted for that, less one.
    first_shift: u32,
    /// How many choose among all: written by whoever doubles, never lowered.
    bits: AtomicU32,
    /// Arrays of later buckets, one for each doubling: the one at `i` holds the upper halves of the
    /// ranges there were at `first_bits + i`. Each is written once, from null.
    later: [AtomicPtr<Later>; DOUBLINGS_MAX],
    /// How many buckets of the newest array were linked ahead of need, or given up to others.
    linked: core::sync::atomic::AtomicUsize,
}

/// A later bucket.
#[repr(C, align(16))]
pub(crate) struct Later {
    /// What follows in the list. Never marked gone.
    pub(crate) next: AtomicLink,
    /// The first hash of the range: 0 while untouched, odd while only claimed.
    range: AtomicU64,
}

impl Later {
    fn untouched() -> Later {
        Later { next: AtomicLink::new(Link::END), range: AtomicU64::new(0) }
    }

    /// # Safety
    ///
    /// * `array` is of a box of `count` buckets, and is not used again.
    unsafe fn free(array: *mut Later, count: usize) {
        // SAFETY: passed on from the caller.
        drop(unsafe { Box::from_raw(core::ptr::slice_from_raw_parts_mut(array, count)) });
    }

    /// Whether what is sought lies in front of this bucket, which was reached by a link.
    #[inline]
    pub(crate) fn is_past(&self, hash: u64) -> bool {
        // Relaxed: written before the link was published that led here; the last bit may change.
        self.range.load(Relaxed) & !1 > hash
    }

    #[inline]
    fn is_ready(&self) -> bool {
        // Acquire: observes the bucket's link, and what that leads to.
        let range = self.range.load(Acquire);
        range != 0 && range & 1 == 0
    }

    /// Makes this thread the one that links the bucket, if none is yet.
    fn claim(&self, range: u64) -> bool {
        // Relaxed: publishes nothing; who sees the claim leaves the bucket alone.
        self.range.compare_exchange(0, range | 1, Relaxed, Relaxed).is_ok()
    }

    fn set_ready(&self, range: u64) {
        // Release: publishes the bucket's link to who finds it by its number.
        self.range.store(range, Release);
    }
}

impl Buckets {
    /// Makes buckets for `entries`: two to four for each, so that most hold one entry or none, and the
    /// word of a bucket decides most misses.
    pub(crate) fn for_entries(entries: usize) -> Buckets {
        let count = (entries * 2).next_power_of_two();
        // SAFETY: zero bits are the end of a list.
        let first = unsafe { memory::zeroed(count, || AtomicLink::new(Link::END)) };
        let first_bits = first.len().trailing_zeros();
        Buckets {
            first,
            first_bits,
            first_shift: 63 - first_bits,
            bits: AtomicU32::new(first_bits),
            later: core::array::from_fn(|_| AtomicPtr::new(core::ptr::null_mut())),
            linked: core::sync::atomic::AtomicUsize::new(0),
        }
    }

    pub(crate) fn count(&self) -> usize {
        // Relaxed: a figure.
        1 << self.bits.load(Relaxed)
    }

    /// Where to enter the list in which a hash is.
    #[inline]
    pub(crate) fn chain(&self, hash: u64) -> Chain<'_> {
        // Acquire: observes the arrays that were there when `bits` was raised.
        let bits = self.bits.load(Acquire);
        let (head, filter) = if bits == self.first_bits {
            (&self.first[(hash >> 1 >> self.first_shift) as usize], Filter::of(hash))
        } else {
            (self.nearest(index(hash, bits), bits), Filter::NONE)
        };
        Chain { head, hash, first_bits: self.first_bits, filter }
    }

    /// The bucket of a prefix, or the nearest before it that is ready and whose range it was split from.
    // Apart: a table that has not grown does not need it.
    #[inline(never)]
    fn nearest(&self, mut prefix: usize, bits: u32) -> &AtomicLink {
        loop {
            match self.find(prefix, bits) {
                Found::First(head) => return head,
                Found::Later(later, _) if later.is_ready() => return &later.next,
                // Without its last bit: the bucket that this one splits.
                Found::Later(..) => prefix &= prefix - 1,
            }
        }
    }

    /// The bucket of a prefix of `bits` bits, and the first hash of its range.
    fn find(&self, prefix: usize, bits: u32) -> Found<'_> {
        let zeros = prefix.trailing_zeros().min(bits);
        // The number of bits at which the bucket came to be: its prefix was odd then.
        let born = bits - zeros;
        if born <= self.first_bits {
            return Found::First(&self.first[prefix >> (bits - self.first_bits)]);
        }
        let array = (born - self.first_bits - 1) as usize;
        // Relaxed: the array is observed with `bits`.
        let array = self.later[array].load(Relaxed);
        // SAFETY: `bits` was seen, so the array is there, with an element for each odd prefix.
        let later = unsafe { array.add(prefix >> zeros >> 1) };
        // SAFETY: arrays live as long as the table.
        Found::Later(unsafe { &*later }, (prefix as u64) << (64 - bits))
    }

    /// Before an entry is inserted in a table that has grown: links the bucket of its hash, if nobody
    /// has, and one more, so that all are linked by the time they double again.
    pub(crate) fn prepare(&self, hash: u64, guard: &Guard) {
        // Acquire: as in `chain`.
        let bits = self.bits.load(Acquire);
        if bits == self.first_bits {
            return;
        }
        self.link(index(hash, bits), bits, guard);
        let newest = 1 << (bits - 1);
        // Relaxed, both: a claim decides who links, the number only deals the work out.
        if self.linked.load(Relaxed) < newest {
            let number = self.linked.fetch_add(1, Relaxed);
            if number < newest {
                self.link(number << 1 | 1, bits, guard);
            }
        }
    }

    fn link(&self, prefix: usize, bits: u32, guard: &Guard) {
        let Found::Later(later, range) = self.find(prefix, bits) else { return };
        // Relaxed: saves the claim; who is late finds that out there.
        if later.range.load(Relaxed) == 0 && later.claim(range) {
            self.chain(range).link_bucket(later, guard);
            later.set_ready(range);
        }
    }

    /// Doubles the number of buckets, unless another thread does so at the same time.
    pub(crate) fn double(&self) {
        // Relaxed: only the number; the array beyond it is observed by its own pointer.
        let bits = self.bits.load(Relaxed);
        let Some(array) = self.later.get((bits - self.first_bits) as usize) else { return };
        // Acquire: the array is published once more, with `bits`.
        if array.load(Acquire).is_null() {
            let count = 1 << bits;
            // SAFETY: zero bits are a bucket that is untouched.
            let Some(new) = (unsafe { memory::try_zeroed(count, Later::untouched) }) else {
                // No memory: the lists get longer instead, and a later insertion tries again.
                return;
            };
            let new = Box::into_raw(new).cast::<Later>();
            // Release: publishes the array to who doubles. Acquire on failure: as above.
            if array.compare_exchange(core::ptr::null_mut(), new, Release, Acquire).is_err() {
                // SAFETY: just made with this count, and never published.
                unsafe { Later::free(new, count) };
            }
        }
        // Release: publishes the array. Relaxed on failure: another thread has doubled.
        if self.bits.compare_exchange(bits, bits + 1, Release, Relaxed).is_ok() {
            // Relaxed: see `prepare`. Should a thread still deal in the older array, it deals out fewer.
            self.linked.store(0, Relaxed);
        }
    }

    /// The heads of all lists, which together hold all entries.
    pub(crate) fn heads(&self) -> &[AtomicLink] {
        &self.first
    }
}

enum Found<'t> {
    First(&'t AtomicLink),
    Later(&'t Later, u64),
}

impl Drop for Buckets {
    fn drop(&mut self) {
        for (doubling, array) in self.later.iter().enumerate() {
            // Relaxed: dropping is exclusive.
            let array = array.load(Relaxed);
            if !array.is_null() {
                // SAFETY: made by `double` with this count, published, and dropped once.
                unsafe { Later::free(array, 1 << (self.first_bits as usize + doubling)) };
            }
        }
    }
}

/// The prefix of a hash among two to the power of `bits`.
#[inline]
fn index(hash: u64, bits: u32) -> usize {
    // In two steps, since a table of one bucket would shift by 64.
    ((hash >> 1) >> (63 - bits)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_has_a_bucket_for_every_hash() {
        for entries in [0, 1, 2, 3, 1_000, 20_480] {
            let count = Buckets::for_entries(entries).count();
            let bits = count.trailing_zeros();
            assert!(count >= entries && count <= (entries * 4).max(1), "{count} for {entries}");
            assert_eq!(index(0, bits), 0);
            assert_eq!(index(u64::MAX, bits), count - 1);
        }
    }

    #[test]
    fn every_prefix_has_a_bucket_of_its_own_whose_range_it_begins() {
        let buckets = Buckets::for_entries(2);
        (0..5).for_each(|_| buckets.double());
        let bits = buckets.bits.load(Relaxed);
        assert_eq!(bits, 7);
        let mut seen = std::collections::HashSet::new();
        for prefix in 0..1_usize << bits {
            let address = match buckets.find(prefix, bits) {
                Found::First(head) => core::ptr::from_ref(head).addr(),
                Found::Later(later, range) => {
                    assert_eq!(index(range, bits), prefix);
                    assert_eq!(range << bits, 0, "the first of its range");
                    core::ptr::from_ref(later).addr()
                }
            };
            assert!(seen.insert(address), "prefix {prefix} shares its bucket");
        }
    }
}
