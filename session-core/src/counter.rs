//! A counter whose counting costs no shared cache line.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::stripe::{self, STRIPES};

/// A number that many threads add to and few read.
///
/// Each stripe of threads counts on a line of its own; [`sum`](Counter::sum) adds the lines up. The
/// sum is exact when nobody is counting, and never loses a count. It publishes nothing: do not
/// decide by it what another thread has done. 2 KiB.
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
        self.add_to_stripe(n);
    }

    /// Adds `n`, and returns what this thread's stripe counted before.
    #[inline]
    pub(crate) fn add_to_stripe(&self, n: u64) -> u64 {
        // Relaxed: a count publishes nothing, and none is lost since the step is one.
        self.stripes[stripe::mine()].0.fetch_add(n, Relaxed)
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
