//! The one door through which atomics enter: the standard library's, or loom's when a model runs.
//!
//! Under `session_shuttle` the name `loom` is shuttle's, which has the same atomics and no weak memory.
//!
//! Only what decides the table's protocol comes through here. Counters do not: they publish
//! nothing, and a model that branched on them would explore noise.

#[cfg(not(session_loom))]
pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, fence};

#[cfg(session_loom)]
pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, fence};

pub(crate) use core::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};

/// Tells loom, which cannot see a use after free, who touches an entry and when.
///
/// It is written when an entry is made and when it is freed, and read whenever a key is compared:
/// an entry that is read before its contents were published, or after it was freed, is a data race
/// on this cell, and the model fails. Outside of models it is nothing.
pub(crate) struct Canary {
    #[cfg(all(session_loom, not(session_shuttle)))]
    cell: loom::cell::UnsafeCell<u32>,
}

impl Canary {
    pub(crate) fn new() -> Canary {
        Canary {
            #[cfg(all(session_loom, not(session_shuttle)))]
            cell: loom::cell::UnsafeCell::new(0x11fe),
        }
    }

    #[inline(always)]
    pub(crate) fn touch(&self) {
        #[cfg(all(session_loom, not(session_shuttle)))]
        self.cell.with(|alive| {
            // SAFETY: loom itself fails the model when a write is concurrent with this read.
            assert_eq!(unsafe { *alive }, 0x11fe, "a freed entry was touched");
        });
    }

    #[inline(always)]
    pub(crate) fn bury(&self) {
        #[cfg(all(session_loom, not(session_shuttle)))]
        self.cell.with_mut(|alive| {
            // SAFETY: loom itself fails the model when another access is concurrent with this one.
            unsafe { *alive = 0xdead }
        });
    }
}
