//! What a session is found by: its id, and the id context it belongs to.
//!
//! Invariant: the bytes behind the length are zero, so that equal values are equal byte for byte and
//! comparing or hashing the whole array is comparing or hashing what counts.

use std::fmt;
use std::hash::{Hash, Hasher};

use session_core::Key;

use crate::error::Error;

/// Names a session within one protocol version: 1 to 32 bytes, or none ([`EMPTY`](SessionId::EMPTY)).
///
/// `Debug` prints the length only: who knows the id of a session can take it.
///
/// Source: RFC 5246, section 7.4.1.2 (`SessionID`).
///
/// # Examples
///
/// ```
/// use session_cache::SessionId;
///
/// let id = SessionId::new(&[7; 32])?;
/// assert_eq!(id.as_bytes(), [7; 32]);
///
/// let error = SessionId::new(&[7; 33]).unwrap_err();
/// assert_eq!(error.to_string(), "session id is 33 bytes long; it must be 1 to 32 bytes");
/// # Ok::<(), session_cache::Error>(())
/// ```
// Aligned so that it is copied by whole words: what was written in pieces is slow to read back.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(align(8))]
pub struct SessionId(Key);

impl SessionId {
    /// The most bytes that a session id can have.
    pub const BYTES_MAX: usize = BYTES_MAX;

    /// The id of a session that cannot be found by one: a TLS 1.3 session before its first ticket, or one
    /// that lives in a ticket. Such a session is never stored.
    pub const EMPTY: SessionId = SessionId(Key::EMPTY);

    /// Copies an id; allocates nothing, whatever it is given.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::IdLength`](crate::ErrorKind::IdLength) unless there are 1 to 32 bytes.
    #[inline]
    pub fn new(bytes: &[u8]) -> Result<SessionId, Error> {
        match Key::new(NO_VERSION, bytes) {
            Some(key) if !bytes.is_empty() => Ok(SessionId(key)),
            _ => Err(Error::id_length(bytes.len())),
        }
    }

    /// Draws 32 random bytes, straight from the operating system.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Entropy`](crate::ErrorKind::Entropy) when it gives none.
    pub fn random() -> Result<SessionId, Error> {
        let mut bytes = [0; BYTES_MAX];
        getrandom::fill(&mut bytes).map_err(Error::entropy)?;
        SessionId::new(&bytes)
    }

    /// Borrows the bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.id()
    }

    /// Whether this is [`SessionId::EMPTY`].
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.id().is_empty()
    }

    #[inline]
    pub(crate) fn of_key(key: &Key) -> SessionId {
        SessionId(key.with_version(NO_VERSION))
    }

    /// The table's key of this id under a protocol version.
    #[inline]
    pub(crate) fn key(&self, version: u16) -> Key {
        self.0.with_version(version)
    }
}

impl Hash for SessionId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({} bytes)", self.as_bytes().len())
    }
}

/// Says who may come back with a session: 0 to 32 bytes, compared whole.
///
/// A session is found only in the context in which it was stored. Servers that differ in who may connect
/// (another set of trusted issuers, client certificates or none) need different contexts, or a session
/// made at the lax one opens the strict one.
///
/// Source: the manual page `SSL_CTX_set_session_id_context(3)`.
///
/// # Examples
///
/// ```
/// use session_cache::IdContext;
///
/// let context = IdContext::new(b"intranet")?;
/// assert_ne!(context, IdContext::EMPTY);
/// assert!(IdContext::new(&[0; 33]).is_err());
/// # Ok::<(), session_cache::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdContext(Bytes);

impl IdContext {
    /// The most bytes that an id context can have.
    pub const BYTES_MAX: usize = BYTES_MAX;

    /// The context of a server that asks nobody who he is. A view asks for it by name; connections have it unless the
    /// settings or they themselves say another, and one that verifies its peer is refused with it.
    pub const EMPTY: IdContext = IdContext(Bytes { length: 0, bytes: [0; BYTES_MAX] });

    /// Copies a context.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::IdContextLength`](crate::ErrorKind::IdContextLength) when there are more than 32 bytes.
    pub fn new(bytes: &[u8]) -> Result<IdContext, Error> {
        Bytes::copy_from(bytes).map(IdContext).ok_or(Error::id_context_length(bytes.len()))
    }

    /// Borrows the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Whether this is [`IdContext::EMPTY`].
    pub fn is_empty(&self) -> bool {
        self.0.length == 0
    }
}

impl fmt::Debug for IdContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdContext({} bytes)", self.0.length)
    }
}

/// Up to 32 bytes, held inline.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Bytes {
    length: u8,
    bytes: [u8; BYTES_MAX],
}

impl Bytes {
    fn copy_from(source: &[u8]) -> Option<Bytes> {
        let mut bytes = [0; BYTES_MAX];
        bytes.get_mut(..source.len())?.copy_from_slice(source);
        Some(Bytes { length: source.len() as u8, bytes })
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

const BYTES_MAX: usize = 32;
/// An id stands in a key whose version is put in when it is looked for.
const NO_VERSION: u16 = 0;
