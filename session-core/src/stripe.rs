//! Which stripe of a striped structure this thread uses.

use core::cell::Cell;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How many stripes a striped structure has.
pub(crate) const STRIPES: usize = 16;

static NEXT: AtomicUsize = AtomicUsize::new(0);

std::thread_local! {
    // Without a destructor, so it can be read until the very end of a thread.
    static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Returns this thread's stripe, given out in turn.
#[inline]
pub(crate) fn mine() -> usize {
    let stripe = MINE.get();
    if stripe < STRIPES { stripe } else { choose() }
}

#[cold]
fn choose() -> usize {
    // Relaxed: any spread will do.
    let stripe = NEXT.fetch_add(1, Relaxed) % STRIPES;
    MINE.set(stripe);
    stripe
}
