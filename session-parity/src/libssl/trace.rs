//! What libssl's callbacks saw, in the order in which it happened.

use std::cell::{Cell, RefCell};

/// One call of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A session object came to be.
    Created(u64),
    /// It became a copy of another one.
    Copied { serial: u64, from: u64 },
    /// A session object was freed.
    Destroyed(u64),
    /// The remove callback was told of a session.
    Removed { context: usize, serial: u64, resumable: bool },
}

thread_local! {
    static EVENTS: RefCell<Vec<Event>> = const { RefCell::new(Vec::new()) };
    static NEXT_SERIAL: Cell<u64> = const { Cell::new(1) };
}

pub(crate) fn push(event: Event) {
    EVENTS.with_borrow_mut(|events| events.push(event));
}

/// Returns what happened since the last call.
pub(crate) fn take() -> Vec<Event> {
    EVENTS.take()
}

/// Forgets all, and numbers sessions from 1 again.
pub(crate) fn begin() {
    EVENTS.take();
    NEXT_SERIAL.set(1);
}

pub(crate) fn next_serial() -> u64 {
    NEXT_SERIAL.replace(NEXT_SERIAL.get() + 1)
}
