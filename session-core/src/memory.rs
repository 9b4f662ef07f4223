//! The memory of large arrays: zeroed, so that the system hands it out as it is first written to; and huge
//! pages for it.

use std::alloc::{Layout, handle_alloc_error};

/// What a huge page measures on most machines.
pub(crate) const HUGE_BYTES: usize = 2 << 20;

/// Makes an array of what `make` makes; none when there is no memory for it.
///
/// # Safety
///
/// * All zero bits are what `make` returns.
#[cfg(not(session_loom))]
pub(crate) unsafe fn try_zeroed<T>(count: usize, _make: impl Fn() -> T) -> Option<Box<[T]>> {
    const { assert!(size_of::<T>() > 0, "the layout of an array is not empty") }
    let layout = Layout::array::<T>(count).ok()?;
    assert!(count > 0, "an array has elements");
    // SAFETY: the layout is not empty, as asserted.
    let memory = unsafe { std::alloc::alloc_zeroed(layout) };
    if memory.is_null() {
        return None;
    }
    // Lookups go anywhere in the array.
    advise(memory, layout.size());
    let array = core::ptr::slice_from_raw_parts_mut(memory.cast::<T>(), count);
    // SAFETY:
    // * The memory was just allocated by the global allocator with the layout of this slice.
    // * Zero bits are valid elements, as the caller promises.
    Some(unsafe { Box::from_raw(array) })
}

/// A model's atomics are made one by one.
#[cfg(session_loom)]
pub(crate) unsafe fn try_zeroed<T>(count: usize, make: impl Fn() -> T) -> Option<Box<[T]>> {
    Some((0..count).map(|_| make()).collect())
}

/// Makes an array of what `make` makes.
///
/// # Safety
///
/// * All zero bits are what `make` returns.
pub(crate) unsafe fn zeroed<T>(count: usize, make: impl Fn() -> T) -> Box<[T]> {
    // SAFETY: passed on from the caller.
    let array = unsafe { try_zeroed(count, make) };
    array.unwrap_or_else(|| {
        handle_alloc_error(Layout::array::<T>(count).unwrap_or(Layout::new::<T>()))
    })
}

/// Asks Linux for huge pages behind memory of the caller's that nobody uses yet: most of the small pages of a large
/// array are in no translation buffer. What is smaller than such a page has nothing to gain.
#[cfg_attr(session_loom, allow(dead_code))]
pub(crate) fn advise(memory: *mut u8, bytes: usize) {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        let before = memory.align_offset(HUGE_BYTES);
        if before < bytes {
            let huge = (bytes - before) / HUGE_BYTES * HUGE_BYTES;
            let first = memory.wrapping_add(before);
            // SAFETY: the range is of the caller's memory, and the advice changes nothing but the size of the
            // pages behind it. It may be refused, which costs speed only.
            unsafe { libc::madvise(first.cast(), huge, libc::MADV_HUGEPAGE) };
        }
    }
    let _ = (memory, bytes);
}
