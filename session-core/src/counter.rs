//! A counter whose counting costs no shared cache line.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::stripe::{self, STRIPES};

/// A number that many threads add to and few read.
///
/// Each stripe of threads counts on a line of its own; [`sum`](Counter::sum) adds the lines up. The
/// sum is exact when nobody is counting, and never loses a count. It publishes nothing: do not
/// decide by it what another thread has done. 4 KiB.
pub struct Counter {
    stripes: [Stripe; STRIPES],
}

#[repr(align(128))]
struct Stripe(AtomicU64);

impl Counter {
    /// Makes a counter at zero.
    pub const fn new() -> Counter {
        Counter { stripes: [const { Stripe(AtomicU64::new(0)) }; STRIPES] }
    }

    /// Adds `n`, wrapping at 2^64.
    #[inline]
    pub fn add(&self, n: u64) {
        let mine = stripe::mine();
        let count = &self.stripes[mine].0;
        if stripe::is_own(mine) {
            // Relaxed, both: a count publishes nothing, and no other thread writes to this one.
            let before = count.load(Relaxed);
            count.store(before.wrapping_add(n), Relaxed);
        } else {
            // Relaxed: as above; the step is one, since others share the stripe.
            count.fetch_add(n, Relaxed);
        }
    }

    /// Subtracts `n`. The sum is right although a stripe of its own may wrap below zero.
    #[inline]
    pub fn subtract(&self, n: u64) {
        self.add(n.wrapping_neg());
    }

    /// Returns the sum of all that was added and subtracted.
    pub fn sum(&self) -> u64 {
        // Relaxed: see `add`.
        self.stripes.iter().fold(0, |sum, stripe| sum.wrapping_add(stripe.0.load(Relaxed)))
    }
}

impl Default for Counter {
    fn default() -> Counter {
        Counter::new()
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Counter").field(&self.sum()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_count_is_lost_with_more_threads_than_stripes() {
        let counter = Counter::new();
        std::thread::scope(|scope| {
            for _ in 0..2 * STRIPES {
                scope.spawn(|| (0..1_000).for_each(|_| counter.add(3)));
                scope.spawn(|| (0..1_000).for_each(|_| counter.subtract(1)));
            }
        });
        assert_eq!(counter.sum(), 2 * STRIPES as u64 * 2_000);
    }
}
