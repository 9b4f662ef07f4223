//! How many references a session has. libssl has no getter; the count is found by watching it.
//!
//! A fresh session has one reference. Up to three more are taken and given back, and after each step every
//! 32-bit word of the object is read: the count is the one word that says 1, 2, 3, 4, 3, 2, 1. Where no word
//! or more than one does, parity refuses to run. That the word is the right one is also shown without
//! looking inside: at each step of a sequence those sessions are freed, and no others, whose word has
//! reached 0.

use std::ptr;
use std::sync::OnceLock;

use super::sys::{self, SSL_SESSION};

/// Whether the count was found.
pub(crate) fn references_are_readable() -> bool {
    offset().is_some()
}

/// Reads the count.
///
/// # Safety
///
/// The session is alive.
pub(super) unsafe fn read(session: *const SSL_SESSION) -> u32 {
    let at = offset().expect("parity does not begin without it");
    // SAFETY: the session is alive, and was seen to be that long.
    unsafe { word(session, at) }
}

/// Where in the object the count stands.
fn offset() -> Option<usize> {
    static OFFSET: OnceLock<Option<usize>> = OnceLock::new();
    *OFFSET.get_or_init(|| {
        let session = sys::SSL_SESSION_new();
        // SAFETY: libssl allocates with malloc unless it is told otherwise.
        let bytes = unsafe { libc::malloc_usable_size(session.cast()) };
        let mut candidates: Vec<usize> = (0..bytes - 3).step_by(4).collect();
        let mut narrow = |wanted: u32| {
            // SAFETY: the session is alive and at least so long.
            candidates.retain(|&at| unsafe { word(session, at) } == wanted);
        };
        narrow(1);
        for references in 2..=4 {
            // SAFETY: the session is alive.
            unsafe { sys::SSL_SESSION_up_ref(session) };
            narrow(references);
        }
        for references in (1..=3).rev() {
            // SAFETY: one of ours is given back, one stays.
            unsafe { sys::SSL_SESSION_free(session) };
            narrow(references);
        }
        // SAFETY: the last one.
        unsafe { sys::SSL_SESSION_free(session) };
        let [found] = candidates[..] else { return None };
        Some(found)
    })
}

/// # Safety
///
/// The session is alive, and has a word at `at`.
unsafe fn word(session: *const SSL_SESSION, at: usize) -> u32 {
    // SAFETY: the caller's promise.
    let word = unsafe { session.byte_add(at) };
    // SAFETY: as above; no other thread has the session.
    unsafe { ptr::read_volatile(word.cast::<u32>()) }
}
