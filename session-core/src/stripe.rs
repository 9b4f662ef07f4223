//! Which stripe of a striped structure this thread uses.

use core::cell::Cell;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How many stripes a striped structure has.
pub(crate) const STRIPES: usize = 32;

/// The first threads of a process have a stripe each, for ever: so many. The others share the rest.
const OWN: usize = 16;

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

/// Whether no other thread ever uses this stripe, which is [`mine`].
#[inline]
pub(crate) fn is_own(stripe: usize) -> bool {
    stripe < OWN
}

#[cold]
fn choose() -> usize {
    // Relaxed: each gets a number of its own, and any spread will do.
    let number = NEXT.fetch_add(1, Relaxed);
    let stripe = if number < OWN { number } else { OWN + number % (STRIPES - OWN) };
    MINE.set(stripe);
    stripe
}
