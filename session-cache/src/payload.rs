//! What a session holds for its TLS stack: bytes that are wiped when their owner goes, an object, or both.
//!
//! Invariant: bytes of its own lie in one block that never moves and never grows, so that wiping all of the block on
//! drop leaves no copy behind. A session has its bytes in its entry, which the table wipes: they are copied there
//! once, and from there.

use std::any::Any;
use std::fmt;
use std::mem::MaybeUninit;

/// Holds what a TLS stack needs to resume a session, on its way into one: bytes, its own or lent, an object, or
/// both.
///
/// A session takes a copy of the bytes; to make one of 2 GiB or more panics, whatever the limits are. Bytes of its own are wiped when the payload is dropped; who has lent some wipes them.
///
/// `Debug` prints the size only.
///
/// # Examples
///
/// ```
/// use session_cache::Payload;
///
/// let payload = Payload::from(vec![1, 2, 3]);
/// assert_eq!(payload.as_bytes(), [1, 2, 3]);
/// assert_eq!(format!("{payload:?}"), "Payload(3 bytes)");
/// ```
pub struct Payload<'a> {
    bytes: Bytes<'a>,
    object: Option<Box<dyn PayloadObject>>,
}

enum Bytes<'a> {
    Own(Wiped),
    Lent(&'a [u8]),
}

/// Bytes that are wiped when they go.
struct Wiped(Vec<u8>);

/// Is the part of a payload that is not bytes: what a TLS stack keeps in process, as it is.
///
/// Its `drop` is foreign code to the cache, which runs it with no lock and no guard held; it wipes its own
/// secrets.
pub trait PayloadObject: AsAny + Send + Sync {
    /// Returns how many bytes it counts for, where bytes are limited. Asked when a session is made, which keeps the
    /// answer, and where one is printed by `Debug`.
    fn size_bytes(&self) -> usize;

    /// Makes a copy for the duplicate of a session.
    fn duplicate(&self) -> Box<dyn PayloadObject>;
}

/// Leads from an object back to its type; every type has it.
pub trait AsAny: Any {
    /// Borrows the object as one of any type.
    fn as_any(&self) -> &dyn Any;
}

impl<T: Any> AsAny for T {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl<'a> Payload<'a> {
    /// Holds nothing: for sessions whose secrets the TLS stack keeps elsewhere.
    pub const fn empty() -> Payload<'a> {
        Payload::borrowed(&[])
    }

    /// Borrows bytes until the session is made: they are copied once, into the session.
    pub const fn borrowed(bytes: &'a [u8]) -> Payload<'a> {
        Payload { bytes: Bytes::Lent(bytes), object: None }
    }

    /// Copies bytes, for a payload that is kept for longer than they are; they stay with the caller, who wipes his own.
    pub fn copy_from(bytes: &[u8]) -> Payload<'static> {
        Payload::from(bytes.to_vec())
    }

    /// Holds an object.
    pub fn object(object: impl PayloadObject) -> Payload<'a> {
        Payload::empty().with_object(Box::new(object))
    }

    /// Adds an object, in the place of another; the bytes stay.
    #[must_use]
    pub fn with_object(mut self, object: Box<dyn PayloadObject>) -> Payload<'a> {
        self.object = Some(object);
        self
    }

    /// Borrows the bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Own(Wiped(bytes)) => bytes,
            Bytes::Lent(bytes) => bytes,
        }
    }

    /// Borrows the object, if it is one of this type.
    pub fn as_object<T: PayloadObject>(&self) -> Option<&T> {
        downcast(&self.object)
    }

    /// Returns how many bytes it counts for.
    pub fn size_bytes(&self) -> usize {
        size_of(self.as_bytes(), &self.object)
    }

    pub(crate) fn take_object(&mut self) -> Option<Box<dyn PayloadObject>> {
        self.object.take()
    }
}

pub(crate) fn downcast<T: PayloadObject>(object: &Option<Box<dyn PayloadObject>>) -> Option<&T> {
    (**object.as_ref()?).as_any().downcast_ref()
}

pub(crate) fn size_of(bytes: &[u8], object: &Option<Box<dyn PayloadObject>>) -> usize {
    bytes.len().saturating_add(object.as_ref().map_or(0, |object| object.size_bytes()))
}

impl From<Vec<u8>> for Payload<'static> {
    /// Takes the vector as it is, and wipes it in the end, its spare capacity too.
    ///
    /// One that grew may have left copies in blocks it gave back earlier; those are its owner's.
    fn from(bytes: Vec<u8>) -> Payload<'static> {
        Payload { bytes: Bytes::Own(Wiped(bytes)), object: None }
    }
}

impl Drop for Wiped {
    /// Many at once: `Zeroize` writes one byte after the other.
    fn drop(&mut self) {
        self.0.clear();
        let all = self.0.spare_capacity_mut();
        all.fill(MaybeUninit::new(0));
        // The compiler must take it that somebody looks at them still.
        zeroize::optimization_barrier(all);
    }
}

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.size_bytes())
    }
}
