//! What libssl's callbacks saw, in the order in which it happened.

use std::cell::{Cell, RefCell};

/// One call of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A session object came to be.
    Created(u64),
    /// A session object was freed.
    Destroyed(u64),
    /// The remove callback was told of a session.
    Removed { context: usize, serial: u64, resumable: bool },
    /// The new callback was told of one.
    New { peer: Peer, serial: u64, resumable: bool },
    /// The get callback was asked, and answered with a session, or 0 for none.
    Asked { peer: Peer, id: Vec<u8>, answer: u64 },
    /// Something happened to a connection.
    Connection { peer: Peer, attached: Option<Attached>, what: What },
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Peer {
    pub(crate) connection: usize,
    pub(crate) is_server: bool,
}

/// The session that a connection had at that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attached {
    pub(crate) serial: u64,
    pub(crate) id: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Started,
    Done,
    Alert {
        sent: bool,
        fatal: bool,
    },
    Message {
        sent: bool,
        message: Vec<u8>,
    },
    /// A ticket was opened: the session that was in it, if it could be.
    TicketOpened(Option<u64>),
    /// The server name led to the other context.
    Switched,
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
