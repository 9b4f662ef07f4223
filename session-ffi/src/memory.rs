//! What crosses the boundary as a pointer: borrowed from C for the length of a call, or allocated for C.
//!
//! Invariant: a pointer from C is looked at nowhere before it was checked for NULL here.

use std::alloc::{Layout, alloc, dealloc};
use std::ffi::{c_uchar, c_void};
use std::ptr::NonNull;

use zeroize::Zeroize;

use crate::fault::{Fault, SESS_R_INTERNAL_ERROR, entry};

/// Borrows what a pointer from C points to.
///
/// # Safety
///
/// * `pointer` is NULL or points to a live `T`, which stays alive for as long as the result is used.
#[inline]
pub(crate) unsafe fn required<'a, T>(pointer: *const T, name: &str) -> Result<&'a T, Fault> {
    // SAFETY: passed on from the caller.
    unsafe { pointer.as_ref() }.ok_or_else(|| Fault::null(name))
}

/// Borrows bytes; NULL stands for none if `len` is 0.
///
/// # Safety
///
/// * `pointer` is NULL or points to `len` readable bytes, which nobody writes while the result is used.
#[inline]
pub(crate) unsafe fn bytes<'a>(
    pointer: *const c_uchar,
    len: usize,
    name: &str,
) -> Result<&'a [u8], Fault> {
    if len == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(Fault::null(name));
    }
    if isize::try_from(len).is_err() {
        return Err(Fault::invalid(format!(
            "{name} is said to have {len} bytes; {} is the most",
            isize::MAX
        )));
    }
    // SAFETY:
    // * not NULL, and no larger than an object can be, as was checked;
    // * readable and unwritten: the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(pointer, len) })
}

/// Writes to an output that may be left out.
///
/// # Safety
///
/// * `out` is NULL or points to a place for a `T`.
#[inline]
pub(crate) unsafe fn store<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: not NULL, and the caller's promise.
        unsafe { out.write(value) };
    }
}

/// Stands before each block that is allocated for C.
#[repr(C, align(16))]
struct Header {
    len: usize,
}

const HEADER_BYTES: usize = size_of::<Header>();

fn layout(len: usize) -> Option<Layout> {
    Layout::from_size_align(len.checked_add(HEADER_BYTES)?, align_of::<Header>()).ok()
}

/// Copies bytes into a block that C frees with `SESS_mem_free`.
pub(crate) fn allocate(content: &[u8]) -> Result<NonNull<u8>, Fault> {
    let no_memory =
        || Fault::new(SESS_R_INTERNAL_ERROR, format!("no memory for {} bytes", content.len()));
    let layout = layout(content.len()).ok_or_else(no_memory)?;
    // SAFETY: the layout has a size, that of the header at least.
    let block = NonNull::new(unsafe { alloc(layout) }).ok_or_else(no_memory)?;
    // SAFETY: the block begins with room and alignment for a header.
    unsafe { block.cast::<Header>().write(Header { len: content.len() }) };
    // SAFETY: within the block, which is longer than its header, or at its end.
    let start = unsafe { block.add(HEADER_BYTES) };
    // SAFETY: `content` is readable, the new block has room for it behind the header, and they are two.
    unsafe { start.copy_from_nonoverlapping(NonNull::from(content).cast(), content.len()) };
    Ok(start)
}

/// Frees what a function of this library allocated and handed over, and wipes it first.
///
/// Nothing else may be given to it, and nothing that it frees to free().
/// Threads: any. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_mem_free(memory: *mut c_void) {
    entry((), || {
        let Some(start) = NonNull::new(memory.cast::<u8>()) else { return Ok(()) };
        // SAFETY: C says that the block is one of `allocate`, so a header stands before it.
        let block = unsafe { start.sub(HEADER_BYTES) };
        // SAFETY: as above.
        let len = unsafe { block.cast::<Header>().as_ref() }.len;
        let layout = layout(len).ok_or_else(|| Fault::invalid("not a block of this library"))?;
        // SAFETY: as long as its header says, and nobody else's.
        unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), len) }.zeroize();
        // SAFETY: allocated with this layout, by the same allocator.
        unsafe { dealloc(block.as_ptr(), layout) };
        Ok(())
    });
}
