//! The secret part of a session: bytes that are wiped when their owner goes.
//!
//! Invariant: the bytes lie in one block of exactly their size that never moves and never grows, so that
//! wiping the block on drop leaves no copy behind.

use std::fmt;

use zeroize::Zeroize;

/// Holds what a TLS stack needs to resume a session; wiped when dropped.
///
/// It cannot be cloned, and `Debug` prints the length only.
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
pub struct Payload(Box<[u8]>);

impl Payload {
    /// Copies bytes that stay with the caller, who wipes his own.
    pub fn copy_from(bytes: &[u8]) -> Payload {
        Payload(Box::from(bytes))
    }

    /// Borrows the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Payload {
    /// Moves the bytes into a block of their own and wipes the vector, its spare capacity too.
    ///
    /// A vector that grew may have left copies in blocks it gave back earlier; those are its owner's.
    fn from(mut bytes: Vec<u8>) -> Payload {
        let payload = Payload::copy_from(&bytes);
        // Shrinking the vector in place would hand its tail, or the whole old block, back unwiped.
        bytes.zeroize();
        payload
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}
