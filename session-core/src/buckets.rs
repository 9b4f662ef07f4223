//! The array of bucket heads: how many, where a hash belongs, and zeroed memory for them.

use crate::link::AtomicLink;

/// How many buckets a table for `entries` has: two to four for each entry, so that most hold one
/// entry or none, and the word of a bucket decides most misses.
pub(crate) fn count_for(entries: usize) -> usize {
    (entries * 2).next_power_of_two()
}

/// The bucket of a hash among two to the power of `bucket_bits`.
#[inline]
pub(crate) fn index(hash: u64, bucket_bits: u32) -> usize {
    // In two steps, since a table of one bucket would shift by 64.
    ((hash >> 1) >> (63 - bucket_bits)) as usize
}

/// Makes `count` empty buckets, in memory that the system hands out as it is first written to.
#[cfg(not(session_loom))]
pub(crate) fn empty(count: usize) -> Box<[AtomicLink]> {
    use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};

    let layout = Layout::array::<AtomicLink>(count).expect("the number of buckets is bounded");
    // SAFETY: `count` is at least one, so the layout is not empty.
    let memory = unsafe { alloc_zeroed(layout) }.cast::<AtomicLink>();
    if memory.is_null() {
        handle_alloc_error(layout);
    }
    let buckets = core::ptr::slice_from_raw_parts_mut(memory, count);
    // SAFETY:
    // * The memory was just allocated by the global allocator with the layout of this slice.
    // * Zero bits are a valid link, the end of a list.
    unsafe { Box::from_raw(buckets) }
}

#[cfg(session_loom)]
pub(crate) fn empty(count: usize) -> Box<[AtomicLink]> {
    (0..count).map(|_| AtomicLink::new(crate::link::Link::END)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_has_a_bucket_for_every_hash() {
        for entries in [0, 1, 2, 3, 1_000, 20_480] {
            let count = count_for(entries);
            let bits = count.trailing_zeros();
            assert!(count >= entries && count <= (entries * 4).max(1), "{count} for {entries}");
            assert_eq!(index(0, bits), 0);
            assert_eq!(index(u64::MAX, bits), count - 1);
        }
    }
}
