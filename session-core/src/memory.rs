//! The memory of large arrays: zeroed, so that the system hands it out as it is first written to.

use std::alloc::{Layout, handle_alloc_error};

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
    #[cfg(all(target_os = "linux", not(miri)))]
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

/// Asks for huge pages: lookups go anywhere in the array, and most of the small pages of a large one
/// are in no translation buffer.
#[cfg(all(target_os = "linux", not(any(miri, session_loom))))]
fn advise(memory: *mut u8, bytes: usize) {
    /// What huge pages measure on most machines; smaller arrays have nothing to gain.
    const HUGE: usize = 2 << 20;

    let before = memory.align_offset(HUGE);
    if before >= bytes {
        return;
    }
    let huge = (bytes - before) / HUGE * HUGE;
    // SAFETY: the range is of the memory that was just allocated, and the advice changes nothing but
    // the size of the pages behind it. It may be refused, which costs speed only.
    unsafe { libc::madvise(memory.wrapping_add(before).cast(), huge, libc::MADV_HUGEPAGE) };
}
