//! The strings of bytes in a session: borrowed from what was decoded, or owned and wiped when they go.
//!
//! Invariant: owned bytes lie in one block of exactly their size that never moves and never grows, so
//! that wiping the block on drop leaves no copy behind.

use std::fmt;

use zeroize::Zeroize;

use crate::error::{Error, ErrorKind, Expected, Found};

/// Is a string of at most `MAX` bytes, borrowed or owned; what is owned is wiped when dropped.
///
/// `Debug` prints the length only. Comparing takes a time that tells where two strings differ.
///
/// # Examples
///
/// ```
/// use session_codec::Octets;
///
/// let id: Octets<'static, 32> = Octets::new(&[7; 32])?.into_owned();
/// assert_eq!(id.as_bytes(), [7; 32]);
/// assert_eq!(format!("{id:?}"), "Octets(32 bytes)");
///
/// let error = Octets::<32>::new(&[7; 33]).unwrap_err();
/// assert_eq!(error.to_string(), "octets: expected at most 32 bytes; found 33 bytes");
/// # Ok::<(), session_codec::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Octets<'a, const MAX: usize = { usize::MAX }>(Bytes<'a>);

impl<'a, const MAX: usize> Octets<'a, MAX> {
    /// Borrows bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLong`] when there are more than `MAX`.
    pub fn new(bytes: &'a [u8]) -> Result<Octets<'a, MAX>, Error> {
        if bytes.len() > MAX {
            let (expected, found) = (Expected::BytesAtMost(MAX), Found::Bytes(bytes.len()));
            return Err(Error::of_value(ErrorKind::TooLong, "octets", expected, found));
        }
        Ok(Octets(Bytes::Borrowed(bytes)))
    }

    /// Makes the bytes its own, which copies them if they are borrowed.
    pub fn into_owned(self) -> Octets<'static, MAX> {
        Octets(self.0.into_owned())
    }

    /// Borrows the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl<'a> From<&'a [u8]> for Octets<'a> {
    fn from(bytes: &'a [u8]) -> Octets<'a> {
        Octets(Bytes::Borrowed(bytes))
    }
}

impl<const MAX: usize> fmt::Debug for Octets<'_, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Octets({} bytes)", self.as_bytes().len())
    }
}

/// Is a string as C has it: bytes of any encoding, none of them 0. Borrowed or owned; what is owned is
/// wiped when dropped.
///
/// `Debug` prints the length only.
///
/// # Examples
///
/// ```
/// use session_codec::{ErrorKind, Text};
///
/// assert_eq!(Text::new(b"example.org")?.as_bytes(), b"example.org");
/// assert_eq!(Text::new(b"example.org\0.invalid").unwrap_err().kind(), ErrorKind::Nul);
/// # Ok::<(), session_codec::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Text<'a>(Bytes<'a>);

impl<'a> Text<'a> {
    /// Borrows the bytes of a string, without the 0 that ends it in C.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Nul`] when one of them is 0.
    pub fn new(bytes: &'a [u8]) -> Result<Text<'a>, Error> {
        match bytes.iter().position(|byte| *byte == 0) {
            None => Ok(Text(Bytes::Borrowed(bytes))),
            Some(position) => {
                let expected = Expected::Words("no byte of value 0");
                let found = Found::Nothing;
                Err(Error::of_value(ErrorKind::Nul, "text", expected, found).at(position))
            }
        }
    }

    /// Borrows what C would see of the bytes: up to the first 0.
    pub(crate) fn until_nul(bytes: &'a [u8]) -> Text<'a> {
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        Text(Bytes::Borrowed(&bytes[..end]))
    }

    /// Makes the bytes its own, which copies them if they are borrowed.
    pub fn into_owned(self) -> Text<'static> {
        Text(self.0.into_owned())
    }

    /// Borrows the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.as_bytes().len())
    }
}

#[derive(Clone)]
enum Bytes<'a> {
    Borrowed(&'a [u8]),
    Owned(Wiped),
}

impl Bytes<'_> {
    fn as_slice(&self) -> &[u8] {
        match self {
            Bytes::Borrowed(bytes) => bytes,
            Bytes::Owned(Wiped(bytes)) => bytes,
        }
    }

    fn into_owned(self) -> Bytes<'static> {
        Bytes::Owned(match self {
            Bytes::Borrowed(bytes) => Wiped(Box::from(bytes)),
            Bytes::Owned(bytes) => bytes,
        })
    }
}

impl Default for Bytes<'_> {
    fn default() -> Self {
        Bytes::Borrowed(&[])
    }
}

impl PartialEq for Bytes<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Bytes<'_> {}

/// A type of its own, so that no lifetime is tied to its `drop`.
#[derive(Clone)]
struct Wiped(Box<[u8]>);

impl Drop for Wiped {
    fn drop(&mut self) {
        // As one slice: faster than byte by byte.
        self.0[..].zeroize();
    }
}
