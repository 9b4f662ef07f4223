//! libssl's clock, which stands still until it is told.
//!
//! libssl asks the C library for the time, by `time` and, since 3.2, by `gettimeofday`. The functions of
//! these names below come before the C library's wherever in this process a C library calls them.

use std::cell::Cell;
use std::ptr;

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(BEGIN) };
}

/// When every sequence and every script begins: in November 2023.
pub(crate) const BEGIN: i64 = 1_700_000_000;

pub(crate) fn now() -> i64 {
    NOW.get()
}

pub(crate) fn set(now: i64) {
    NOW.set(now);
}

#[unsafe(no_mangle)]
extern "C" fn time(also: *mut libc::time_t) -> libc::time_t {
    if !also.is_null() {
        // SAFETY: the caller passes the place of a time, or null.
        unsafe { ptr::write(also, now()) };
    }
    now()
}

#[unsafe(no_mangle)]
extern "C" fn gettimeofday(at: *mut libc::timeval, _zone: *mut libc::c_void) -> libc::c_int {
    if !at.is_null() {
        // SAFETY: the caller passes the place of a time, or null.
        unsafe { ptr::write(at, libc::timeval { tv_sec: now(), tv_usec: 0 }) };
    }
    0
}

/// Whether libssl really asks this clock.
pub(crate) fn is_asked() -> bool {
    let before = now();
    set(before + 12_345);
    let session = super::Session::new(0x0303, &[1]);
    set(before);
    session.time() == before + 12_345
}
