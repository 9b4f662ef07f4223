//! The word that leads from one entry, or bucket, to the next: a pointer, four bits, and a filter.
//!
//! A bucket of the table is a list, sorted by hash, and this word is all that its protocol is made
//! of: the bucket's head is one, and each entry holds one.
//!
//! Invariant: a pointer is never followed from a word whose owner is not known to be either a
//! bucket of a live table or an entry that the current guard keeps.

use core::ptr::{self, NonNull};

use crate::buckets::Later;
use crate::entry::Header;
use crate::prefetch;
use crate::sync::{AtomicPtr, Ordering};

/// The owner of this word has left the table, and the word never changes again.
///
/// Set together with the last change of the word: by a removal, which leaves the pointer as it was,
/// or by a replacement, which points it at the new entry of the same key in the same step. Every
/// other thread must treat the owner as gone; a writer that passes unlinks it.
const GONE: usize = 0b0001;

/// The link leads to a later bucket and not to an entry.
const BUCKET: usize = 0b0010;

/// Two bits of the hash of the entry pointed to, namely those that follow the first buckets'.
///
/// Lists are sorted by hash: a reader whose own two bits are smaller has passed the place where its
/// key would be, and stops without touching the entry. Most misses end here.
const ORDER: usize = 0b1100;
const ORDER_SHIFT: u32 = 2;

/// The filter of a first bucket: bits of a head that stand for the hashes of what is in its list.
///
/// A bit that is not set says that no entry of such a hash is behind the head; one that is set says
/// nothing. So a miss ends at the head, also where the list is not empty. Bits are added by inserts,
/// before the entry can be found, and dropped only together with the last entry of the list.
///
/// They live where addresses have no bits: programs are given less than 48 of them on x86-64. On
/// other processors those bits may be in use, and there is no filter.
#[cfg(target_arch = "x86_64")]
const FILTER: usize = 0xffff << FILTER_SHIFT;
#[cfg(not(target_arch = "x86_64"))]
const FILTER: usize = 0;
#[cfg(target_arch = "x86_64")]
const FILTER_SHIFT: u32 = 48;

/// Whether links can lead to `address`: its bits must be none of those that links use themselves.
pub(crate) fn can_lead_to(address: usize) -> bool {
    address & (GONE | BUCKET | ORDER | FILTER) == 0
}

/// A link as it was read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link(*mut Header);

impl Link {
    pub(crate) const END: Link = Link(ptr::null_mut());

    #[inline]
    pub(crate) fn to(entry: NonNull<Header>, order: Order) -> Link {
        Link(entry.as_ptr().map_addr(|address| address | order.0))
    }

    pub(crate) fn to_later(later: NonNull<Later>) -> Link {
        Link(later.as_ptr().cast::<Header>().map_addr(|address| address | BUCKET))
    }

    #[inline]
    fn pointer(self) -> *mut Header {
        self.0.map_addr(|address| address & !(GONE | BUCKET | ORDER | FILTER))
    }

    /// What the link leads to; none at the end of a list.
    #[inline]
    pub(crate) fn target(self) -> Option<Target> {
        let pointer = NonNull::new(self.pointer())?;
        let is_bucket = self.0.addr() & BUCKET != 0;
        Some(if is_bucket { Target::Bucket(pointer.cast()) } else { Target::Entry(pointer) })
    }

    #[inline]
    pub(crate) fn is_gone(self) -> bool {
        self.0.addr() & GONE != 0
    }

    #[inline]
    pub(crate) fn gone(self) -> Link {
        Link(self.0.map_addr(|address| address | GONE))
    }

    #[inline]
    pub(crate) fn without_gone(self) -> Link {
        Link(self.0.map_addr(|address| address & !GONE))
    }

    /// The same link with the filter bits of another: for a word that led elsewhere so far. A list that
    /// is empty has none.
    #[inline]
    pub(crate) fn with_filter_of(self, other: Link) -> Link {
        if self == Link::END {
            return self;
        }
        Link(self.0.map_addr(|address| address | other.0.addr() & FILTER))
    }

    #[inline]
    pub(crate) fn with(self, filter: Filter) -> Link {
        Link(self.0.map_addr(|address| address | filter.0))
    }

    #[inline]
    pub(crate) fn without_filter(self) -> Link {
        Link(self.0.map_addr(|address| address & !FILTER))
    }

    /// Whether the filter of this word, a head's, says that the key is not in the list.
    #[inline]
    pub(crate) fn excludes(self, filter: Filter) -> bool {
        self.0.addr() & filter.0 != filter.0
    }

    /// Begins to fetch the entry that the link leads to, with the first bytes of its value: what follows
    /// is a step that waits for all reads before it, and holds up all after.
    #[inline]
    pub(crate) fn prefetch(self) {
        let entry = self.pointer();
        prefetch::line(entry);
        prefetch::line(entry.wrapping_add(1));
    }

    /// Whether the list ends here for a key whose order bits are `order`: nothing follows, or an entry
    /// with greater ones. A bucket has to be asked.
    #[inline]
    pub(crate) fn is_past(self, order: Order) -> bool {
        let address = self.0.addr();
        address & !GONE == 0 || address & ORDER > order.0
    }
}

/// What a link leads to.
pub(crate) enum Target {
    Entry(NonNull<Header>),
    /// A later bucket, which stays where it is as long as the table does.
    Bucket(NonNull<Later>),
}

/// The order bits of a hash, in place.
#[derive(Clone, Copy)]
pub(crate) struct Order(usize);

impl Order {
    /// For words outside of the table's lists.
    pub(crate) const NONE: Order = Order(0);

    /// The two bits of `hash` that follow its first `bucket_bits`.
    #[inline]
    pub(crate) fn of(hash: u64, bucket_bits: u32) -> Order {
        Order((((hash << bucket_bits) >> 62) as usize) << ORDER_SHIFT)
    }
}

/// The filter bit of a hash, in place.
#[derive(Clone, Copy)]
pub(crate) struct Filter(usize);

impl Filter {
    /// Where no filter is kept: excludes nothing, adds nothing.
    pub(crate) const NONE: Filter = Filter(0);

    #[inline]
    pub(crate) fn is_none(self) -> bool {
        self.0 == 0
    }

    /// By the last four bits of `hash`, which are none of those that choose a bucket.
    #[inline]
    pub(crate) fn of(hash: u64) -> Filter {
        #[cfg(target_arch = "x86_64")]
        return Filter(1 << (FILTER_SHIFT | hash as u32 & 15));
        #[cfg(not(target_arch = "x86_64"))]
        {
            let _ = hash;
            Filter::NONE
        }
    }
}

/// The atomic word itself. All zero bits are the end of a list.
#[repr(transparent)]
pub(crate) struct AtomicLink(AtomicPtr<Header>);

impl AtomicLink {
    pub(crate) fn new(link: Link) -> AtomicLink {
        AtomicLink(AtomicPtr::new(link.0))
    }

    #[inline]
    pub(crate) fn load(&self, ordering: Ordering) -> Link {
        Link(self.0.load(ordering))
    }

    #[cfg(not(session_loom))]
    pub(crate) const fn end() -> AtomicLink {
        AtomicLink(AtomicPtr::new(ptr::null_mut()))
    }

    #[inline]
    pub(crate) fn swap(&self, link: Link, ordering: Ordering) -> Link {
        Link(self.0.swap(link.0, ordering))
    }

    /// For a word that no other thread can reach yet, or any more.
    #[inline]
    pub(crate) fn store(&self, link: Link, ordering: Ordering) {
        self.0.store(link.0, ordering);
    }

    #[inline]
    pub(crate) fn compare_exchange(
        &self,
        current: Link,
        new: Link,
        success: Ordering,
        failure: Ordering,
    ) -> Result<Link, Link> {
        self.0.compare_exchange(current.0, new.0, success, failure).map(Link).map_err(Link)
    }
}
