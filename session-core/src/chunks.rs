//! The process's store of blocks: chunks of two mebibytes, each cut into blocks of one size.
//!
//! A lookup in a large table goes to an entry that is in no cache, on a page that is in no translation
//! buffer. A chunk is one huge page where the system has those, and few of them hold all entries.
//!
//! Threads come here for many blocks at once, and bring many back. Nobody waits for another thread: who
//! finds it at work on the same size does without.
//!
//! A chunk goes back to the allocator when the last of its blocks is brought back, unless it is the only one
//! of its size that has blocks to give.
//!
//! Invariant: a chunk is in its size's list if and only if it has a block to give.

use core::ptr::{self, NonNull};
use std::alloc::{Layout, alloc, dealloc};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crate::memory;

pub(crate) const LINE_BYTES: usize = 64;

/// Blocks of up to so many lines are cut from chunks.
pub(crate) const LINES_MAX: usize = 16;

pub(crate) const CHUNK_BYTES: usize = memory::HUGE_BYTES;

/// A chunk begins where its size divides the address: so a block tells where its own begins.
const CHUNK: Layout = match Layout::from_size_align(CHUNK_BYTES, CHUNK_BYTES) {
    Ok(layout) => layout,
    Err(_) => panic!("a chunk is smaller than memory"),
};

/// All chunks, by the lines of their blocks.
pub(crate) struct Store([Mutex<Size>; LINES_MAX]);

/// The chunks whose blocks have one size.
struct Size {
    /// The list of those that have blocks to give.
    first: *mut Chunk,
}

// SAFETY: chunks belong to their store, and only who holds the lock of their size uses them.
unsafe impl Send for Size {}

/// What stands at the beginning of a chunk, in a line of its own.
#[repr(C, align(64))]
struct Chunk {
    next: *mut Chunk,
    previous: *mut Chunk,
    /// Blocks that were brought back.
    free: *mut Free,
    /// How many blocks were given for the first time: the others have not been touched.
    touched: u32,
    /// How many are out.
    given: u32,
}

const _: () = assert!(size_of::<Chunk>() == LINE_BYTES, "blocks begin with a line");

/// A block that was brought back.
struct Free {
    next: *mut Free,
}

impl Store {
    pub(crate) const fn new() -> Store {
        Store([const { Mutex::new(Size { first: ptr::null_mut() }) }; LINES_MAX])
    }

    /// Begins to take or bring back blocks of so many lines; none when another thread is at it.
    #[inline]
    pub(crate) fn try_open(&self, lines: usize) -> Option<Open<'_>> {
        match self.0[lines - 1].try_lock() {
            Ok(size) => Some(Open::new(size, lines)),
            Err(TryLockError::Poisoned(size)) => Some(Open::new(size.into_inner(), lines)),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// [`try_open`](Store::try_open), but waits for the other thread: for one that ends.
    pub(crate) fn open(&self, lines: usize) -> Open<'_> {
        // Nothing panics while it is open, but for a bug; then the chunks are as good as they were.
        let size = self.0[lines - 1].lock().unwrap_or_else(PoisonError::into_inner);
        Open::new(size, lines)
    }
}

/// The store, open for blocks of one size.
pub(crate) struct Open<'s> {
    // Dropped in this order: chunks go when others may come in again.
    size: MutexGuard<'s, Size>,
    emptied: Emptied,
    lines: usize,
}

impl<'s> Open<'s> {
    fn new(size: MutexGuard<'s, Size>, lines: usize) -> Open<'s> {
        Open { size, emptied: Emptied(ptr::null_mut()), lines }
    }

    /// Whether there are blocks to take without a new chunk.
    pub(crate) fn has_blocks(&self) -> bool {
        !self.size.first.is_null()
    }

    /// Takes a block; none when there is no memory.
    pub(crate) fn take(&mut self) -> Option<NonNull<u8>> {
        if self.size.first.is_null() {
            let chunk = Chunk::allocate()?;
            self.link(chunk);
        }
        let first = self.size.first;
        // SAFETY: a chunk of the list is alive, and this thread has the lock.
        let chunk = unsafe { &mut *first };
        let block = match NonNull::new(chunk.free) {
            Some(free) => {
                // SAFETY: `bring_back` wrote it, and a block that is here is nobody's.
                chunk.free = unsafe { free.as_ref() }.next;
                free.cast()
            }
            None => {
                chunk.touched += 1;
                let offset = LINE_BYTES + (chunk.touched as usize - 1) * self.lines * LINE_BYTES;
                // SAFETY: fewer were touched than the chunk has, or it would not be in the list; so this
                // one lies in the chunk, and nothing there is at address zero.
                unsafe { NonNull::new_unchecked(first.cast::<u8>().wrapping_add(offset)) }
            }
        };
        chunk.given += 1;
        if chunk.given as usize == blocks_of(self.lines) {
            self.unlink(first);
        }
        Some(block)
    }

    /// Brings a block back.
    ///
    /// # Safety
    ///
    /// * `block` was taken from this store for as many lines, and is not used again.
    pub(crate) unsafe fn bring_back(&mut self, block: NonNull<u8>) {
        let offset = block.addr().get() & (CHUNK_BYTES - 1);
        let at = block.as_ptr().wrapping_sub(offset).cast::<Chunk>();
        // SAFETY: a chunk one of whose blocks is out is alive, and this thread has the lock.
        let chunk = unsafe { &mut *at };
        let free = block.cast::<Free>();
        // SAFETY: the block is the caller's to give, has at least a line, and begins with one.
        unsafe { free.write(Free { next: chunk.free }) };
        chunk.free = free.as_ptr();
        let was_given_out = chunk.given as usize == blocks_of(self.lines);
        chunk.given -= 1;
        let is_empty = chunk.given == 0;
        let is_alone = self.size.first == at && chunk.next.is_null();
        if was_given_out {
            self.link(at);
        } else if is_empty && !is_alone {
            self.unlink(at);
            self.emptied.add(at);
        }
    }

    fn link(&mut self, at: *mut Chunk) {
        let first = self.size.first;
        // SAFETY: as in `bring_back`.
        let chunk = unsafe { &mut *at };
        (chunk.previous, chunk.next) = (ptr::null_mut(), first);
        if !first.is_null() {
            // SAFETY: a chunk of the list is alive, and not the one that is only being linked.
            unsafe { (*first).previous = at };
        }
        self.size.first = at;
    }

    fn unlink(&mut self, at: *mut Chunk) {
        // SAFETY: as in `bring_back`.
        let &Chunk { next, previous, .. } = unsafe { &*at };
        if previous.is_null() {
            self.size.first = next;
        } else {
            // SAFETY: a neighbour is in the list, so alive.
            unsafe { (*previous).next = next };
        }
        if !next.is_null() {
            // SAFETY: as above.
            unsafe { (*next).previous = previous };
        }
    }
}

/// How many blocks a chunk has.
const fn blocks_of(lines: usize) -> usize {
    (CHUNK_BYTES - LINE_BYTES) / (lines * LINE_BYTES)
}

impl Chunk {
    /// Makes one with all of its blocks; none when there is no memory.
    fn allocate() -> Option<*mut Chunk> {
        // SAFETY: the layout is not empty.
        let chunk = NonNull::new(unsafe { alloc(CHUNK) })?.cast::<Chunk>();
        memory::advise(chunk.as_ptr().cast(), CHUNK_BYTES);
        let (next, previous, free) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: the memory is nobody else's, and has room and alignment for it.
        unsafe { chunk.write(Chunk { next, previous, free, touched: 0, given: 0 }) };
        Some(chunk.as_ptr())
    }
}

/// Chunks that nobody has a block of, in a list of their own; given back when dropped.
struct Emptied(*mut Chunk);

impl Emptied {
    fn add(&mut self, at: *mut Chunk) {
        // SAFETY: the chunk was taken out of its size's list, so it is this thread's alone.
        unsafe { (*at).next = self.0 };
        self.0 = at;
    }
}

impl Drop for Emptied {
    fn drop(&mut self) {
        while let Some(chunk) = NonNull::new(self.0) {
            // SAFETY: as in `add`.
            self.0 = unsafe { chunk.as_ref() }.next;
            // SAFETY: allocated with this layout, and none of its blocks is anybody's.
            unsafe { dealloc(chunk.as_ptr().cast(), CHUNK) };
        }
    }
}

#[cfg(all(test, not(session_loom)))]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The process's store is never dropped; those of the tests are, when all blocks are back.
    impl Drop for Store {
        fn drop(&mut self) {
            for size in &mut self.0 {
                drop(Emptied(size.get_mut().expect("nothing panics here").first));
            }
        }
    }

    /// The chunks that blocks are of.
    fn chunks(blocks: &[NonNull<u8>]) -> usize {
        let chunk = |block: &NonNull<u8>| block.addr().get() / CHUNK_BYTES;
        blocks.iter().map(chunk).collect::<HashSet<_>>().len()
    }

    fn listed(store: &Store, lines: usize) -> usize {
        let open = store.open(lines);
        let mut count = 0;
        let mut at = open.size.first;
        while let Some(chunk) = NonNull::new(at) {
            count += 1;
            // SAFETY: a chunk of the list is alive, and the store is open.
            at = unsafe { chunk.as_ref() }.next;
        }
        count
    }

    fn take(store: &Store, lines: usize, count: usize) -> Vec<NonNull<u8>> {
        let mut open = store.open(lines);
        (0..count).map(|_| open.take().expect("memory")).collect()
    }

    fn bring_back(store: &Store, lines: usize, blocks: Vec<NonNull<u8>>) {
        let mut open = store.open(lines);
        for block in blocks {
            // SAFETY: taken from this store for as many lines.
            unsafe { open.bring_back(block) };
        }
    }

    #[test]
    fn blocks_fill_their_chunks_and_do_not_overlap() {
        // Miri takes its time for many.
        let all_lines: &[usize] = if cfg!(miri) { &[LINES_MAX] } else { &[1, 3, LINES_MAX] };
        for &lines in all_lines {
            let store = Store::new();
            let all = blocks_of(lines);
            let mut blocks = take(&store, lines, 2 * all);
            assert_eq!((chunks(&blocks), listed(&store, lines)), (2, 0));
            blocks.sort();
            for pair in blocks.windows(2) {
                assert!(pair[1].addr().get() - pair[0].addr().get() >= lines * LINE_BYTES);
            }
            assert!(blocks.iter().all(|block| block.addr().get() % LINE_BYTES == 0));
            for block in &blocks {
                // SAFETY: so many bytes of it are this test's.
                unsafe { block.write_bytes(0xa5, lines * LINE_BYTES) };
            }
            bring_back(&store, lines, blocks);
            assert_eq!(listed(&store, lines), 1, "one is kept");
        }
    }

    #[test]
    fn chunk_goes_back_with_its_last_block_and_what_is_brought_back_is_taken_first() {
        const LINES: usize = 16;
        let store = Store::new();
        let mut blocks = take(&store, LINES, 3 * blocks_of(LINES));
        let last = blocks.pop().expect("many");
        bring_back(&store, LINES, vec![last]);
        assert_eq!(take(&store, LINES, 1), [last]);
        let first = blocks.remove(0);
        bring_back(&store, LINES, blocks);
        assert_eq!(
            listed(&store, LINES),
            2,
            "those of the first and the last block, which are out"
        );
        bring_back(&store, LINES, vec![first, last]);
        assert_eq!(listed(&store, LINES), 1);
    }

    #[test]
    fn threads_share_blocks_and_who_finds_another_at_work_does_without() {
        const LINES: usize = 5;
        let store = Store::new();
        let open = store.open(LINES);
        assert!(store.try_open(LINES).is_none());
        assert!(store.try_open(LINES + 1).is_some());
        drop(open);
        std::thread::scope(|scope| {
            for thread in 0..4_u8 {
                let store = &store;
                scope.spawn(move || {
                    for round in 0..if cfg!(miri) { 3 } else { 300 } {
                        let Some(mut open) = store.try_open(LINES) else { continue };
                        let blocks: Vec<_> = (0..50 + round).filter_map(|_| open.take()).collect();
                        drop(open);
                        for block in &blocks {
                            // SAFETY: so many bytes of it are this thread's.
                            unsafe { block.write_bytes(thread, LINES * LINE_BYTES) };
                        }
                        for block in &blocks {
                            // SAFETY: as above.
                            assert_eq!(unsafe { block.as_ptr().wrapping_add(64).read() }, thread);
                        }
                        bring_back(store, LINES, blocks);
                    }
                });
            }
        });
        assert_eq!(listed(&store, LINES), 1);
    }
}
