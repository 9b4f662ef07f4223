//! What a session holds for its TLS stack: bytes that are wiped when their owner goes, an object, or both.
//!
//! Invariant: bytes lie in one block of exactly their size that never moves and never grows, so that
//! wiping the block on drop leaves no copy behind. A session has its bytes in its entry, which the table wipes: they
//! are copied there once.

use std::any::Any;
use std::fmt;

use zeroize::Zeroize;

/// Holds what a TLS stack needs to resume a session; bytes are wiped when dropped.
///
/// A session takes a copy of the bytes; to make one of 2 GiB or more panics, whatever the limits are.
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
pub struct Payload {
    bytes: Box<[u8]>,
    object: Option<Box<dyn PayloadObject>>,
}

/// Is the part of a payload that is not bytes: what a TLS stack keeps in process, as it is.
///
/// Its `drop` is foreign code to the cache, which runs it with no lock and no guard held; it wipes its own
/// secrets.
pub trait PayloadObject: AsAny + Send + Sync {
    /// Returns how many bytes it counts for, where bytes are limited. Asked once, when a session is made.
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

impl Payload {
    /// Holds nothing: for sessions whose secrets the TLS stack keeps elsewhere.
    pub fn empty() -> Payload {
        Payload { bytes: Box::default(), object: None }
    }

    /// Copies bytes that stay with the caller, who wipes his own.
    pub fn copy_from(bytes: &[u8]) -> Payload {
        Payload { bytes: Box::from(bytes), object: None }
    }

    /// Holds an object.
    pub fn object(object: impl PayloadObject) -> Payload {
        Payload::empty().with_object(Box::new(object))
    }

    /// Adds an object, in the place of another; the bytes stay.
    #[must_use]
    pub fn with_object(mut self, object: Box<dyn PayloadObject>) -> Payload {
        self.object = Some(object);
        self
    }

    /// Borrows the bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Borrows the object, if it is one of this type.
    pub fn as_object<T: PayloadObject>(&self) -> Option<&T> {
        downcast(&self.object)
    }

    /// Returns how many bytes it counts for.
    pub fn size_bytes(&self) -> usize {
        size_of(&self.bytes, &self.object)
    }

    pub(crate) fn take_object(&mut self) -> Option<Box<dyn PayloadObject>> {
        self.object.take()
    }
}

pub(crate) fn downcast<T: PayloadObject>(object: &Option<Box<dyn PayloadObject>>) -> Option<&T> {
    (**object.as_ref()?).as_any().downcast_ref()
}

pub(crate) fn size_of(bytes: &[u8], object: &Option<Box<dyn PayloadObject>>) -> usize {
    bytes.len() + object.as_ref().map_or(0, |object| object.size_bytes())
}

impl From<Vec<u8>> for Payload {
    /// Moves the bytes into a block of their own and wipes the vector, its spare capacity too.
    ///
    /// A vector that grew may have left copies in blocks it gave back earlier; those are its owner's.
    fn from(mut bytes: Vec<u8>) -> Payload {
        let payload = Payload::copy_from(&bytes);
        // Shrinking the vector in place would hand its tail, or the whole old block, back unwiped: this
        // wipes the spare capacity too.
        bytes.zeroize();
        payload
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        wipe(&mut self.bytes);
    }
}

/// Wipes bytes, many at once: `Zeroize` writes one after the other.
fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    // The compiler must take it that somebody looks at them still.
    zeroize::optimization_barrier(bytes);
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.size_bytes())
    }
}
