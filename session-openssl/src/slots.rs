//! The callbacks that libssl is given: a set of its own for each attached context.
//!
//! libssl tells its new and get callbacks the connection, and not whose they are: the context that a connection
//! began with, whose callbacks these are, cannot be asked for, and the one that it is of now may be another,
//! which a server name has led to. So each attached context has functions of its own, which know their number.
//!
//! Invariant: a slot holds an attached context's wire from before its callbacks are set until after libssl has
//! freed it. A connection holds the context that it began with, so a callback finds its own slot filled.

use std::ffi::{c_int, c_uchar};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use openssl_sys::{SSL, SSL_SESSION};

use crate::callbacks;
use crate::wire::Wire;

/// How many contexts can be attached at a time, those included that are only still held by connections. Servers that
/// differ in nothing share one context.
pub const ATTACHED_MAX: usize = ROWS * COLUMNS;

const ROWS: usize = 32;
const COLUMNS: usize = 32;

static SLOTS: [AtomicPtr<Wire>; ATTACHED_MAX] =
    [const { AtomicPtr::new(ptr::null_mut()) }; ATTACHED_MAX];

/// What libssl calls when it has negotiated a session.
pub(crate) type NewSession = unsafe extern "C" fn(*mut SSL, *mut SSL_SESSION) -> c_int;
/// What libssl calls when it looks for one.
pub(crate) type GetSession =
    unsafe extern "C" fn(*mut SSL, *const c_uchar, c_int, *mut c_int) -> *mut SSL_SESSION;

/// Is a slot that was claimed.
#[derive(Clone, Copy)]
pub(crate) struct Slot(usize);

impl Slot {
    /// Claims a free slot for a wire; none when all are taken.
    ///
    /// The wire has to outlive the slot's [`release`](Slot::release).
    pub(crate) fn claim(wire: *mut Wire) -> Option<Slot> {
        let free = ptr::null_mut();
        // Release: publishes the wire; pairs with the Acquire in `wire`. Relaxed: who fails looks on.
        let claim = |slot: &AtomicPtr<Wire>| {
            slot.compare_exchange(free, wire, Ordering::Release, Ordering::Relaxed).is_ok()
        };
        SLOTS.iter().position(claim).map(Slot)
    }

    /// Frees the slot.
    pub(crate) fn release(self) {
        // Release: what the callbacks read of the wire comes before another one takes the slot.
        SLOTS[self.0].store(ptr::null_mut(), Ordering::Release);
    }

    pub(crate) fn new_session(self) -> NewSession {
        CALLBACKS[self.0 / COLUMNS][self.0 % COLUMNS].0
    }

    pub(crate) fn get_session(self) -> GetSession {
        CALLBACKS[self.0 / COLUMNS][self.0 % COLUMNS].1
    }
}

/// # Safety
///
/// * It is called in a callback of the slot's context, for the time of that callback.
unsafe fn wire<'a>(at: usize) -> Option<&'a Wire> {
    // Acquire: pairs with the Release in `claim`.
    let wire = SLOTS[at].load(Ordering::Acquire);
    // SAFETY: the slot is filled until libssl has freed the context, which the callback's connection holds.
    unsafe { wire.as_ref() }
}

unsafe extern "C" fn new_session<const ROW: usize, const COLUMN: usize>(
    ssl: *mut SSL,
    session: *mut SSL_SESSION,
) -> c_int {
    // SAFETY: libssl calls what it was given for the context of this slot.
    let Some(wire) = (unsafe { wire(ROW * COLUMNS + COLUMN) }) else { return 0 };
    // SAFETY: libssl lends both for the time of the call.
    unsafe { callbacks::new_session(wire, ssl, session) };
    // Nothing of the reference was kept.
    0
}

unsafe extern "C" fn get_session<const ROW: usize, const COLUMN: usize>(
    ssl: *mut SSL,
    id: *const c_uchar,
    length: c_int,
    copy: *mut c_int,
) -> *mut SSL_SESSION {
    // What comes back is libssl's alone.
    // SAFETY: libssl gives a place for a number.
    unsafe { *copy = 0 };
    // SAFETY: libssl calls what it was given for the context of this slot.
    let Some(wire) = (unsafe { wire(ROW * COLUMNS + COLUMN) }) else { return ptr::null_mut() };
    // SAFETY: libssl lends the connection, and so many bytes, for the time of the call.
    unsafe { callbacks::get_session(wire, ssl, id, length) }
}

type Pair = (NewSession, GetSession);

const fn pair<const ROW: usize, const COLUMN: usize>() -> Pair {
    (new_session::<ROW, COLUMN>, get_session::<ROW, COLUMN>)
}

macro_rules! row {
    ($row:literal: $($column:literal)*) => { [$(pair::<$row, $column>()),*] };
}

macro_rules! rows {
    ($($row:literal)*) => {
        [$(row!($row: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31)),*]
    };
}

static CALLBACKS: [[Pair; COLUMNS]; ROWS] =
    rows!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);
