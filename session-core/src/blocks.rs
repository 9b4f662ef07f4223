//! The memory of entries: blocks of whole cache lines, some of which each thread keeps for reuse.
//!
//! Entries are freed many at once, after a grace period: more than an allocator keeps at hand for a
//! thread, so that each would be given back the long way, and asked for again. Here a thread keeps what
//! it frees, up to a bound, and makes its next entries of it.
//!
//! Blocks begin with a cache line, so that an entry's header is one line.
//!
//! Where something watches memory (Miri, loom, sanitizers, fuzzing), each block goes back at once:
//! else a use after free would look like a use.

use core::cell::Cell;
use core::ptr::{self, NonNull};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};

const LINE_BYTES: usize = 64;

/// A block is this much less than whole lines: room for what an allocator writes in front of each, so
/// that blocks stand line by line.
const FRONT_BYTES: usize = 8;

/// Blocks of up to so many lines are kept; longer ones are the allocator's alone.
const LINES_MAX: usize = 16;

/// How many lines, in blocks of each size, a thread keeps: 256 KiB. The collector frees up to 512 entries at once.
const KEPT_LINES_MAX: usize = 4_096;

const WATCHED: bool = cfg!(any(miri, session_loom, session_sanitize, fuzzing));

std::thread_local! {
    static KEPT: Kept = const { Kept([const { Stack::new() }; LINES_MAX]) };
}

/// The blocks that a thread keeps, by their lines.
struct Kept([Stack; LINES_MAX]);

/// Blocks of one size, linked through their own first word.
struct Stack {
    top: Cell<*mut Block>,
    count: Cell<u32>,
}

/// A block that is free.
struct Block {
    next: *mut Block,
}

/// Returns memory for `layout`, not initialized.
#[inline]
pub(crate) fn allocate(layout: Layout) -> NonNull<u8> {
    let Some(lines) = lines(layout) else { return fresh(layout) };
    let kept = KEPT.try_with(|kept| kept.0[lines - 1].pop()).ok().flatten();
    kept.unwrap_or_else(|| fresh(layout_of(lines)))
}

/// Gives a block back.
///
/// # Safety
///
/// * `block` was returned by [`allocate`] for this layout, and is not used again.
#[inline]
pub(crate) unsafe fn free(block: NonNull<u8>, layout: Layout) {
    let Some(lines) = lines(layout) else {
        // SAFETY: allocated with this very layout.
        return unsafe { dealloc(block.as_ptr(), layout) };
    };
    // SAFETY: the block has at least a line, begins with one, and is the caller's to give.
    let kept = KEPT.try_with(|kept| unsafe { kept.0[lines - 1].push(block, kept_max(lines)) });
    // A thread whose locals are gone keeps nothing.
    if kept != Ok(true) {
        // SAFETY: allocated with this layout, and not kept.
        unsafe { dealloc(block.as_ptr(), layout_of(lines)) };
    }
}

/// How many lines a block for `layout` has; none if it is the allocator's alone.
const fn lines(layout: Layout) -> Option<usize> {
    let lines = (layout.size() + FRONT_BYTES).div_ceil(LINE_BYTES);
    if WATCHED || lines > LINES_MAX || layout.align() > LINE_BYTES { None } else { Some(lines) }
}

const fn kept_max(lines: usize) -> u32 {
    (KEPT_LINES_MAX / lines) as u32
}

const fn layout_of(lines: usize) -> Layout {
    match Layout::from_size_align(lines * LINE_BYTES - FRONT_BYTES, LINE_BYTES) {
        Ok(layout) => layout,
        Err(_) => panic!("a block has a few lines"),
    }
}

#[cold]
fn fresh(layout: Layout) -> NonNull<u8> {
    // SAFETY: an entry has a header, so the layout is not empty.
    let block = unsafe { alloc(layout) };
    NonNull::new(block).unwrap_or_else(|| handle_alloc_error(layout))
}

impl Stack {
    const fn new() -> Stack {
        Stack { top: Cell::new(ptr::null_mut()), count: Cell::new(0) }
    }

    #[inline]
    fn pop(&self) -> Option<NonNull<u8>> {
        let block = NonNull::new(self.top.get())?;
        // SAFETY: `push` wrote it, and nobody else uses a block that is kept.
        self.top.set(unsafe { block.as_ref() }.next);
        self.count.set(self.count.get() - 1);
        Some(block.cast())
    }

    /// Keeps a block; false if there are the `most` already.
    ///
    /// # Safety
    ///
    /// * `block` may be written to, is aligned for a pointer, and is the stack's if it is kept.
    #[inline]
    unsafe fn push(&self, block: NonNull<u8>, most: u32) -> bool {
        let count = self.count.get();
        if count >= most {
            return false;
        }
        let block = block.cast::<Block>();
        // SAFETY: passed on from the caller.
        unsafe { block.write(Block { next: self.top.get() }) };
        self.top.set(block.as_ptr());
        self.count.set(count + 1);
        true
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        for (stack, lines) in self.0.iter().zip(1..) {
            while let Some(block) = stack.pop() {
                // SAFETY: blocks of this stack were allocated with this layout.
                unsafe { dealloc(block.as_ptr(), layout_of(lines)) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_begin_with_a_line_and_come_back() {
        for size in [64, 112, 113, 200, 496] {
            let layout = Layout::from_size_align(size, 16).expect("a small layout");
            let first = allocate(layout);
            // SAFETY: just allocated with this layout.
            unsafe { free(first, layout) };
            let second = allocate(layout);
            if !WATCHED {
                assert_eq!(first.addr().get() % LINE_BYTES, 0);
                assert_eq!(first, second, "what was freed last is used first");
            }
            // SAFETY: just allocated with this layout.
            unsafe { free(second, layout) };
        }
    }

    #[test]
    fn thread_keeps_a_bounded_number_of_blocks() {
        let layout = Layout::from_size_align(100, 16).expect("a small layout");
        let most = kept_max(2);
        let blocks: Vec<_> = (0..most + 50).map(|_| allocate(layout)).collect();
        // SAFETY: each was just allocated with this layout.
        blocks.into_iter().for_each(|block| unsafe { free(block, layout) });
        let kept = KEPT.with(|kept| kept.0.iter().map(|stack| stack.count.get()).sum::<u32>());
        assert_eq!(kept, if WATCHED { 0 } else { most });
    }

    #[test]
    fn long_and_widely_aligned_values_are_the_allocators() {
        let layout = |size, align| Layout::from_size_align(size, align).expect("a small layout");
        assert_eq!(lines(layout(LINES_MAX * LINE_BYTES, 16)), None);
        assert_eq!(lines(layout(128, 128)), None);
        assert_eq!(lines(layout(64, 16)), if WATCHED { None } else { Some(2) });
    }
}
