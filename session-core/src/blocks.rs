//! The memory of entries: blocks of whole cache lines, some of which each thread keeps for reuse.
//!
//! Entries are freed many at once, after a grace period: more than an allocator keeps at hand for a
//! thread, so that each would be given back the long way, and asked for again. Here a thread keeps what
//! it frees, up to a bound, and makes its next entries of it.
//!
//! Blocks begin with a cache line, so that an entry's header is one line. The first mebibytes of each size
//! come from the allocator one by one; what a large table needs beyond that, from the store of chunks.
//!
//! Where something watches memory (Miri, loom, sanitizers, fuzzing), each block comes from the allocator and
//! goes back at once: else a use after free would look like a use.

use core::cell::Cell;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};

use crate::chunks::{CHUNK_BYTES, LINE_BYTES, LINES_MAX, Store};

/// A block of the allocator's is this much less than whole lines: room for what it writes in front of each,
/// so that blocks stand line by line.
const FRONT_BYTES: usize = 8;

/// How many lines, in blocks of each size and origin, a thread keeps: 256 KiB. The collector frees up to 512
/// entries at once.
const KEPT_LINES_MAX: usize = 4_096;

/// How many blocks come from the store, or go back to it, at once.
const MOVED: u32 = 64;

/// So many lines of each size come from the allocator before there are chunks: twenty chunks' worth, 40 MiB, so that
/// what is unused of the last chunk is at most a twentieth.
const SINGLE_LINES_MAX: usize = 20 * CHUNK_BYTES / LINE_BYTES;

const WATCHED: bool = cfg!(any(miri, session_loom, session_sanitize, fuzzing));

/// Elsewhere nobody can be asked for huge pages in this way.
const HAS_CHUNKS: bool = cfg!(target_os = "linux");

static STORE: Store = Store::new();

/// How many blocks of each size the allocator has given.
static SINGLES: [AtomicUsize; LINES_MAX] = [const { AtomicUsize::new(0) }; LINES_MAX];

std::thread_local! {
    static KEPT: Kept = const { Kept::new() };
}

/// Where a block is from, and has to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Allocator,
    Store,
}

/// The blocks that a thread keeps.
struct Kept {
    /// By their lines.
    shelves: [Shelf; LINES_MAX],
    /// Whether there is a shelf from which blocks went back to the store since the thread last took some there.
    shrinks: Cell<bool>,
}

/// Those of one size.
struct Shelf {
    singles: Stack,
    stored: Stack,
    /// Whether the thread frees more than it makes.
    shrinks: Cell<bool>,
}

/// Blocks of one kind, linked through their own first word.
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
pub(crate) fn allocate(layout: Layout) -> (NonNull<u8>, Origin) {
    let Some(lines) = lines(layout) else { return (from_allocator(layout), Origin::Allocator) };
    let kept = KEPT.try_with(|kept| kept.shelves[lines - 1].pop()).ok().flatten();
    kept.unwrap_or_else(|| fresh(lines))
}

/// Gives a block back.
///
/// # Safety
///
/// * `block` was returned by [`allocate`] for this layout, with this origin, and is not used again.
#[inline]
pub(crate) unsafe fn free(block: NonNull<u8>, layout: Layout, origin: Origin) {
    let Some(lines) = lines(layout) else {
        // SAFETY: allocated with this very layout.
        return unsafe { dealloc(block.as_ptr(), layout) };
    };
    // SAFETY: the block has at least a line, begins with one, and is the caller's to give.
    let kept = KEPT.try_with(|kept| unsafe { kept.push(block, origin, lines) });
    // A thread whose locals are gone keeps nothing.
    if kept != Ok(true) {
        // SAFETY: passed on from the caller, and not kept.
        unsafe { give_back(block, origin, lines) };
    }
}

/// Ends the freeing of many: a thread that frees more than it makes keeps nothing of the store's then, or a few
/// blocks here and there would keep the chunks of all that it has freed.
#[inline]
pub(crate) fn settle() {
    let _ = KEPT.try_with(|kept| {
        if kept.shrinks.get() {
            kept.bring_back();
        }
    });
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

/// Gets a block that no thread has kept, and a few more if they are from the store.
#[cold]
fn fresh(lines: usize) -> (NonNull<u8>, Origin) {
    let singles = &SINGLES[lines - 1];
    // Relaxed: a count that stands for itself; threads may go beyond the most by a few.
    if HAS_CHUNKS && singles.load(Relaxed) >= SINGLE_LINES_MAX / lines {
        if let Some(block) = from_store(lines) {
            return (block, Origin::Store);
        }
    }
    singles.fetch_add(1, Relaxed); // Relaxed: as above.
    (from_allocator(layout_of(lines)), Origin::Allocator)
}

/// None when another thread is in the store, or there is no memory for a chunk.
fn from_store(lines: usize) -> Option<NonNull<u8>> {
    let mut store = STORE.try_open(lines)?;
    let block = store.take()?;
    let _ = KEPT.try_with(|kept| {
        let Shelf { stored: stack, shrinks, .. } = &kept.shelves[lines - 1];
        shrinks.set(false);
        while stack.count.get() < MOVED && store.has_blocks() {
            let Some(block) = store.take() else { return };
            // SAFETY: the block was just taken, has at least a line, and begins with one.
            unsafe { stack.push(block) };
        }
    });
    Some(block)
}

fn from_allocator(layout: Layout) -> NonNull<u8> {
    // SAFETY: an entry has a header, so the layout is not empty.
    let block = unsafe { alloc(layout) };
    NonNull::new(block).unwrap_or_else(|| handle_alloc_error(layout))
}

/// Gives a block back to where it is from.
///
/// # Safety
///
/// * `block` is one of so many lines, of this origin, and is not used again.
#[cold]
unsafe fn give_back(block: NonNull<u8>, origin: Origin, lines: usize) {
    match origin {
        Origin::Allocator => {
            // SAFETY: allocated with this layout.
            unsafe { dealloc(block.as_ptr(), layout_of(lines)) };
            SINGLES[lines - 1].fetch_sub(1, Relaxed); // Relaxed: as in `fresh`.
        }
        // SAFETY: taken from the store for so many lines.
        Origin::Store => unsafe { STORE.open(lines).bring_back(block) },
    }
}

impl Kept {
    const fn new() -> Kept {
        Kept { shelves: [const { Shelf::new() }; LINES_MAX], shrinks: Cell::new(false) }
    }

    /// Keeps a block; false if there are enough.
    ///
    /// # Safety
    ///
    /// * `block` is one of so many lines, of this origin, and is the shelf's if it is kept.
    #[inline]
    unsafe fn push(&self, block: NonNull<u8>, origin: Origin, lines: usize) -> bool {
        let shelf = &self.shelves[lines - 1];
        if origin == Origin::Allocator {
            let keeps = shelf.singles.count.get() < kept_max(lines);
            if keeps {
                // SAFETY: passed on from the caller.
                unsafe { shelf.singles.push(block) };
            }
            return keeps;
        }
        // SAFETY: as above.
        unsafe { shelf.stored.push(block) };
        if shelf.stored.count.get() > kept_max(lines) {
            shelf.shrinks.set(true);
            self.shrinks.set(true);
            shelf.bring_back(lines);
        }
        true
    }

    #[cold]
    fn bring_back(&self) {
        let mut shrinks = false;
        for (shelf, lines) in self.shelves.iter().zip(1..) {
            if shelf.shrinks.get() {
                shrinks = true;
                shelf.bring_back(lines);
            }
        }
        self.shrinks.set(shrinks);
    }
}

impl Shelf {
    const fn new() -> Shelf {
        Shelf { singles: Stack::new(), stored: Stack::new(), shrinks: Cell::new(false) }
    }

    #[inline]
    fn pop(&self) -> Option<(NonNull<u8>, Origin)> {
        if let Some(block) = self.stored.pop() {
            return Some((block, Origin::Store));
        }
        self.singles.pop().map(|block| (block, Origin::Allocator))
    }

    /// Brings all blocks back that are the store's, until another thread is there: then more are kept than are
    /// enough, until the next time.
    #[cold]
    fn bring_back(&self, lines: usize) {
        while self.stored.count.get() > 0 {
            let Some(mut store) = STORE.try_open(lines) else { return };
            for _ in 0..MOVED {
                let Some(block) = self.stored.pop() else { return };
                // SAFETY: taken from the store for so many lines.
                unsafe { store.bring_back(block) };
            }
        }
    }
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

    /// # Safety
    ///
    /// * `block` may be written to, is aligned for a pointer, and is the stack's.
    #[inline]
    unsafe fn push(&self, block: NonNull<u8>) {
        let block = block.cast::<Block>();
        // SAFETY: passed on from the caller.
        unsafe { block.write(Block { next: self.top.get() }) };
        self.top.set(block.as_ptr());
        self.count.set(self.count.get() + 1);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        for (shelf, lines) in self.shelves.iter().zip(1..) {
            while let Some((block, origin)) = shelf.pop() {
                // SAFETY: blocks of this shelf have so many lines.
                unsafe { give_back(block, origin, lines) };
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
            let (first, origin) = allocate(layout);
            // SAFETY: just allocated with this layout.
            unsafe { free(first, layout, origin) };
            let (second, origin) = allocate(layout);
            if !WATCHED {
                assert_eq!(first.addr().get() % LINE_BYTES, 0);
                assert_eq!(first, second, "what was freed last is used first");
            }
            // SAFETY: just allocated with this layout.
            unsafe { free(second, layout, origin) };
        }
    }

    #[test]
    fn thread_keeps_a_bounded_number_of_blocks() {
        let layout = Layout::from_size_align(100, 16).expect("a small layout");
        let most = kept_max(2);
        let blocks: Vec<_> = (0..most + 50).map(|_| allocate(layout)).collect();
        for (block, origin) in blocks {
            // SAFETY: each was just allocated with this layout.
            unsafe { free(block, layout, origin) };
        }
        let shelf = |shelf: &Shelf| shelf.singles.count.get() + shelf.stored.count.get();
        let kept = KEPT.with(|kept| kept.shelves.iter().map(shelf).sum::<u32>());
        assert_eq!(kept, if WATCHED { 0 } else { most });
    }

    /// A block on its way to another thread.
    struct Sent(NonNull<u8>, Origin);

    // SAFETY: the tests use a block in one thread at a time.
    unsafe impl Send for Sent {}

    #[test]
    fn blocks_beyond_the_first_mebibytes_are_from_the_store_and_go_back_from_any_thread() {
        const LINES: usize = 13;
        let layout = layout_of(LINES);
        let count = SINGLE_LINES_MAX / LINES + 2 * kept_max(LINES) as usize;
        let allocate = move |_| {
            let (block, origin) = allocate(layout);
            Sent(block, origin)
        };
        let blocks = std::thread::spawn(move || (0..count).map(allocate).collect::<Vec<_>>());
        let blocks = blocks.join().expect("no panic");
        let stored = blocks.iter().filter(|block| block.1 == Origin::Store).count();
        let expected = if WATCHED || !HAS_CHUNKS { 0 } else { 2 * kept_max(LINES) as usize };
        assert_eq!(stored, expected);
        for Sent(block, _) in &blocks {
            // SAFETY: so many bytes of it are this test's.
            unsafe { block.write_bytes(0xa5, layout.size()) };
        }
        let free = move |Sent(block, origin)| {
            // SAFETY: allocated with this layout and origin.
            unsafe { free(block, layout, origin) };
        };
        std::thread::spawn(move || blocks.into_iter().for_each(free)).join().expect("no panic");
        assert_eq!(SINGLES[LINES - 1].load(Relaxed), 0, "no other test has blocks of this size");
    }

    #[test]
    fn who_finds_another_in_the_store_neither_waits_nor_loses_anything() {
        const LINES: usize = 11;
        let layout = layout_of(LINES);
        let many = SINGLE_LINES_MAX / LINES + 2 * kept_max(LINES) as usize;
        let blocks: Vec<_> = (0..many).map(|_| allocate(layout)).collect();
        let stored = || KEPT.with(|kept| kept.shelves[LINES - 1].stored.count.get());
        let busy = STORE.open(LINES);
        for (block, origin) in blocks {
            // SAFETY: allocated with this layout and origin.
            unsafe { free(block, layout, origin) };
        }
        let has_chunks = HAS_CHUNKS && !WATCHED;
        assert_eq!(stored() > kept_max(LINES), has_chunks, "{} are kept meanwhile", stored());
        let again: Vec<_> = (0..many).map(|_| allocate(layout)).collect();
        assert_eq!(stored(), 0);
        assert_eq!(again.last().map(|last| last.1), Some(Origin::Allocator));
        for (block, origin) in again {
            // SAFETY: as above.
            unsafe { free(block, layout, origin) };
        }
        drop(busy);
        settle();
        assert_eq!(stored(), 0, "all are brought back");
    }

    #[test]
    fn long_and_widely_aligned_values_are_the_allocators() {
        let layout = |size, align| Layout::from_size_align(size, align).expect("a small layout");
        assert_eq!(lines(layout(LINES_MAX * LINE_BYTES, 16)), None);
        assert_eq!(lines(layout(128, 128)), None);
        assert_eq!(lines(layout(64, 16)), if WATCHED { None } else { Some(2) });
    }
}
