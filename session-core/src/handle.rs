//! What a lookup gives: a borrow under a guard, or a counted handle that stands alone.

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::NonNull;

use crate::entry::{self, Header, Held, Share};
use crate::key::Key;
use crate::prefetch;
use crate::reclaim;

/// A value borrowed from a table for as long as a guard is held (OpenSSL's *get0*).
///
/// It costs no count and writes nothing. The entry may leave the table meanwhile: the value stays
/// readable until the guard is dropped.
pub struct Borrow<'g, V> {
    held: Held<'g>,
    value: PhantomData<&'g V>,
}

impl<'g, V> Borrow<'g, V> {
    /// # Safety
    ///
    /// * `held` is an entry of a `Table<V>`.
    #[inline]
    pub(crate) unsafe fn new(held: Held<'g>) -> Borrow<'g, V> {
        Borrow { held, value: PhantomData }
    }

    /// Returns the key it was stored under.
    #[inline]
    pub fn key(&self) -> &'g Key {
        self.held.header().key()
    }

    /// Returns the key's hash in its table, as [`Table::hash`](crate::Table::hash) does, without hashing.
    #[inline]
    pub fn hash(&self) -> u64 {
        self.held.header().hash()
    }

    /// Returns the value for as long as the borrow could last.
    #[inline]
    pub fn value(self) -> &'g V {
        reclaim::touched(self.held.pointer());
        self.held.header().touch();
        // SAFETY: the entry is of this type by `new`, and the guard keeps it.
        let value = unsafe { entry::value(self.held.pointer()) };
        // SAFETY: a value is written once, before its entry is published, and the guard keeps it.
        unsafe { value.as_ref() }
    }

    /// Makes an owned handle of the borrow (OpenSSL's *get1*): one atomic step.
    ///
    /// Works also when the entry has left the table meanwhile.
    #[inline]
    pub fn to_handle(&self) -> Handle<V> {
        self.held.header().acquire();
        // SAFETY: the entry is of this type by `new`, and the handle's count was just taken.
        unsafe { Handle::from_counted(self.held.pointer()) }
    }
}

#[cfg(session_loom)]
impl<V> Borrow<'_, V> {
    pub(crate) fn pointer(&self) -> NonNull<Header> {
        self.held.pointer()
    }
}

impl<V> Clone for Borrow<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Borrow<'_, V> {}

impl<V> Deref for Borrow<'_, V> {
    type Target = V;

    #[inline]
    fn deref(&self) -> &V {
        self.value()
    }
}

impl<V: fmt::Debug> fmt::Debug for Borrow<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// An owned, counted handle to a value of a table.
///
/// It outlives removal, replacement, guard and table. The last of handles and table drops the value:
/// in the thread that lets go of it, or, when that one holds a guard, when the guard is gone and
/// the thread's next call that changes a table ends.
///
/// Aborts the process when 2^29 handles of one entry exist, as `std::sync::Arc` would.
///
/// # Examples
///
/// ```
/// use session_core::{Key, KeyHasher, Table};
///
/// let table = Table::with_capacity(100, KeyHasher::folded([1, 2]));
/// let key = Key::new(0, b"id").expect("at most 32 bytes");
/// table.replace(key, String::from("value")).expect("nothing stalls");
///
/// let handle = table.take(&key).expect("just stored");
/// drop(table);
/// assert_eq!(*handle, "value");
/// ```
pub struct Handle<V> {
    entry: NonNull<Header>,
    value: PhantomData<V>,
}

// SAFETY: a handle gives shared access to the value, and may be the one to drop it, in any thread.
unsafe impl<V: Send + Sync> Send for Handle<V> {}
// SAFETY: as above.
unsafe impl<V: Send + Sync> Sync for Handle<V> {}

impl<V: Send + Sync + 'static> Handle<V> {
    /// Makes an entry that is in no table yet; [`Table::link`](crate::Table::link) stores it.
    ///
    /// # Panics
    ///
    /// On x86-64, when the allocator gives an address of 48 bits or more, which the system has for none that does not ask.
    ///
    /// # Examples
    ///
    /// ```
    /// use session_core::{Handle, Key, KeyHasher, Table};
    ///
    /// let key = Key::new(0, b"id").expect("at most 32 bytes");
    /// let handle = Handle::new(key, String::from("value"));
    ///
    /// let table = Table::with_capacity(100, KeyHasher::folded([1, 2]));
    /// table.link(&handle).expect("it was never linked");
    /// assert!(table.handle(&key).expect("just linked").ptr_eq(&handle));
    /// ```
    pub fn new(key: Key, value: V) -> Handle<V> {
        Handle::with_bytes(key, value, &[])
    }

    /// Makes one whose value has bytes beside it: a copy, in the entry itself, which never moves and is overwritten
    /// when the entry is freed.
    ///
    /// # Panics
    ///
    /// When there are 2 GiB of `bytes` or more; and as [`new`](Handle::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use session_core::{Handle, Key};
    ///
    /// let key = Key::new(0, b"id").expect("at most 32 bytes");
    /// let handle = Handle::with_bytes(key, 7, b"secret");
    /// assert_eq!(*handle, 7);
    /// assert_eq!(handle.bytes(), b"secret");
    /// ```
    pub fn with_bytes(key: Key, value: V, bytes: &[u8]) -> Handle<V> {
        Handle { entry: entry::make(key, value, bytes), value: PhantomData }
    }
}

impl<V> Handle<V> {
    /// # Safety
    ///
    /// * `entry` is of a `Table<V>`, and one count of it is this handle's.
    #[inline]
    pub(crate) unsafe fn from_counted(entry: NonNull<Header>) -> Handle<V> {
        Handle { entry, value: PhantomData }
    }

    #[inline]
    pub(crate) fn held(&self) -> Held<'_> {
        reclaim::touched(self.entry);
        // SAFETY: this handle's count keeps the entry.
        unsafe { Held::new(self.entry) }
    }

    /// Begins to fetch the entry with its first bytes, for who will remove it or read it soon; see [`Table::prefetch`](crate::Table::prefetch).
    #[inline]
    pub fn prefetch(&self) {
        /// The header, and 256 bytes: a session of TLS without a client's certificate.
        const LINES: usize = 5;

        let entry = self.held().pointer().as_ptr();
        (0..LINES).for_each(|line| prefetch::line(entry.wrapping_add(line)));
    }

    /// Returns the key it was stored under.
    #[inline]
    pub fn key(&self) -> &Key {
        self.held().header().key()
    }

    /// Returns the key's hash in its table, as [`Table::hash`](crate::Table::hash) does, without hashing; 0
    /// before the entry is linked.
    #[inline]
    pub fn hash(&self) -> u64 {
        self.held().header().hash()
    }

    /// Borrows the bytes that it was made with.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        let held = self.held();
        held.header().touch();
        // SAFETY: the entry is of this type by `new`, and this handle's count keeps it.
        unsafe { entry::bytes::<V>(held.pointer()) }
    }

    /// Whether two handles are of the same entry, and not only of equal keys.
    #[inline]
    pub fn ptr_eq(&self, other: &Handle<V>) -> bool {
        self.entry == other.entry
    }

    /// Returns how many handles of the entry there are at this moment, this one among them.
    ///
    /// A figure for tests and people: other threads change it at any time.
    pub fn handles(&self) -> u32 {
        self.held().header().handles()
    }

    /// Whether a table still holds the entry: from when it is linked until some time after it was
    /// removed or replaced, when no guard is left that could borrow it.
    pub fn is_held_by_table(&self) -> bool {
        self.held().header().is_held_by_table()
    }
}

impl<V> Clone for Handle<V> {
    #[inline]
    fn clone(&self) -> Handle<V> {
        self.held().header().acquire();
        Handle { entry: self.entry, value: PhantomData }
    }
}

impl<V> Drop for Handle<V> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this handle's count is given up, once.
        unsafe { reclaim::release(self.entry, Share::Handle) };
    }
}

impl<V> Deref for Handle<V> {
    type Target = V;

    #[inline]
    fn deref(&self) -> &V {
        let held = self.held();
        held.header().touch();
        // SAFETY: the entry is of this type by `new`, and this handle's count keeps it.
        let value = unsafe { entry::value(held.pointer()) };
        // SAFETY: a value is written once, before its entry is published, and the count keeps it.
        unsafe { value.as_ref() }
    }
}

impl<V: fmt::Debug> fmt::Debug for Handle<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// A value that was not stored, and why.
pub struct Refused<V> {
    /// The value, given back.
    pub value: V,
    /// Why it was not stored.
    pub reason: Refusal<V>,
}

/// Why a value was not stored.
#[non_exhaustive]
pub enum Refusal<V> {
    /// An insert found this entry of its key.
    Occupied(Handle<V>),
    /// More removed entries wait to be freed than the table allows: a guard is held for too long, or in each
    /// call of a thread.
    Stalled {
        /// How many may wait.
        waiting_max: usize,
    },
}

impl<V> Refused<V> {
    /// Returns the entry that was in the way of an insert.
    pub fn existing(&self) -> Option<&Handle<V>> {
        match &self.reason {
            Refusal::Occupied(existing) => Some(existing),
            Refusal::Stalled { .. } => None,
        }
    }
}

impl<V> fmt::Debug for Refused<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match &self.reason {
            Refusal::Occupied(_) => "Occupied",
            Refusal::Stalled { .. } => "Stalled",
        };
        f.debug_struct("Refused").field("reason", &format_args!("{reason}")).finish_non_exhaustive()
    }
}

impl<V> fmt::Display for Refused<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Refusal::Occupied(_) => {
                f.write_str("an entry of this version and id is in the table already")
            }
            Refusal::Stalled { waiting_max } => write_stalled(f, *waiting_max),
        }
    }
}

impl<V> std::error::Error for Refused<V> {}

/// Why an entry was not linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkRefused {
    /// It is in a table, or was, or is just being linked by another thread: an entry is linked once in its life.
    ///
    /// That other `link` may not have taken effect yet: only when it has returned is the entry sure to be there.
    LinkedBefore,
    /// More removed entries wait to be freed than the table allows: a guard is held for too long, or in each
    /// call of a thread.
    Stalled {
        /// How many may wait.
        waiting_max: usize,
    },
}

impl fmt::Display for LinkRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkRefused::LinkedBefore => f.write_str("the entry is in a table already, or was"),
            LinkRefused::Stalled { waiting_max } => write_stalled(f, *waiting_max),
        }
    }
}

impl std::error::Error for LinkRefused {}

fn write_stalled(f: &mut fmt::Formatter<'_>, waiting_max: usize) -> fmt::Result {
    write!(
        f,
        "{} removed entries wait to be freed, and the table allows {waiting_max}: \
         some thread holds a guard for too long",
        reclaim::waiting()
    )
}

/// An entry that its maker alone knows of: freed on the way out unless it is published.
pub(crate) struct Private<V> {
    entry: NonNull<Header>,
    value: PhantomData<V>,
}

impl<V: Send + Sync + 'static> Private<V> {
    /// Makes an entry that is claimed, to be linked under `hash`, and counted for one handle.
    #[inline]
    pub(crate) fn new(key: Key, hash: u64, value: V) -> Private<V> {
        let new = Private { entry: entry::make(key, value, &[]), value: PhantomData };
        new.held().header().claim_private(hash);
        new
    }

    #[inline]
    pub(crate) fn held(&self) -> Held<'_> {
        // SAFETY: private entries are freed by nobody else, published ones have our count.
        unsafe { Held::new(self.entry) }
    }

    /// After it was published: the handle.
    #[inline]
    pub(crate) fn into_handle(self) -> Handle<V> {
        // SAFETY: the entry is of this type, and its second count is the handle's.
        unsafe { Handle::from_counted(ManuallyDrop::new(self).entry) }
    }

    /// When it was not published: the value.
    pub(crate) fn into_value(self) -> V {
        // SAFETY: made by `new` with this type, and never published.
        unsafe { entry::unmake(ManuallyDrop::new(self).entry) }
    }
}

impl<V> Drop for Private<V> {
    fn drop(&mut self) {
        // SAFETY: made by `new` with this type; whoever publishes it makes it a handle.
        drop(unsafe { entry::unmake::<V>(self.entry) });
    }
}
