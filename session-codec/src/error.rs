//! The one error of this crate: an opaque value that names the field, its place, what was expected there
//! and what was found.
//!
//! Invariant: of a value that may be secret only its length is kept.

use std::fmt;

/// Says what was refused, where, and what would have been taken.
///
/// # Examples
///
/// ```
/// use session_codec::{Decoder, ErrorKind, UnixTime};
///
/// let decoder = Decoder::new(UnixTime(1_700_000_000));
/// let error = decoder.decode(b"\x30\x03\x02\x01\x02").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::StructureVersion);
/// assert_eq!((error.field(), error.offset()), ("structure version", Some(2)));
/// assert_eq!(error.to_string(), "structure version at byte 2: expected INTEGER 1; found 2");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    field: &'static str,
    offset: Option<usize>,
    expected: Expected,
    found: Found,
}

/// Tells the causes of an [`Error`] apart.
///
/// Where OpenSSL has a reason code for the same refusal, its name stands in quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input ends before the structure does.
    Truncated,
    /// The input is not the DER that was expected: another tag, a length or a number not in its one
    /// shortest form, a field that is unknown, repeated or out of order.
    Malformed,
    /// A number does not fit its field.
    Range,
    /// More bytes than a session id, an id context or a master key can have.
    TooLong,
    /// The structure's own version is not 1 ("unknown ssl version", 254).
    StructureVersion,
    /// The protocol version is of no known family ("unsupported ssl version", 259).
    ProtocolVersion,
    /// A cipher suite is not two bytes long ("cipher code wrong length", 137).
    CipherLength,
    /// A cipher suite is not among those that OpenSSL 3.0 knows.
    CipherUnknown,
    /// A session without a cipher suite cannot be encoded.
    CipherMissing,
    /// A compression method is not one byte long ("bad length", 271).
    CompressionLength,
    /// The bytes given as a certificate are not one.
    Certificate,
    /// The bytes given as a public key are not one.
    PublicKey,
    /// A text has a byte of value 0, where C would end it.
    Nul,
    /// A buffer is too small for what is to be written.
    BufferTooSmall,
    /// There is no PEM block with the label `SSL SESSION PARAMETERS`, or it is not well made.
    Pem,
    /// The PEM block is encrypted; only plain ones are read.
    PemEncrypted,
}

impl Error {
    /// Returns the cause.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the name of the field that was being read or written.
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// Returns where decoding stopped, in bytes from the start of the input; `None` when nothing was
    /// being decoded.
    pub fn offset(&self) -> Option<usize> {
        self.offset
    }

    /// Returns what would have been taken.
    pub fn expected(&self) -> impl fmt::Display {
        self.expected
    }

    /// An error about a value that was given, not decoded.
    pub(crate) fn of_value(
        kind: ErrorKind,
        field: &'static str,
        expected: Expected,
        found: Found,
    ) -> Error {
        Error { kind, field, offset: None, expected, found }
    }

    pub(crate) fn at(self, offset: usize) -> Error {
        Error { offset: Some(offset), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.field)?;
        if let Some(offset) = self.offset {
            write!(f, " at byte {offset}")?;
        }
        write!(f, ": expected {}", self.expected)?;
        match &self.found {
            Found::Nothing => Ok(()),
            Found::Number(number) => write!(f, "; found {number}"),
            Found::Code(code) => write!(f, "; found {code:#06x}"),
            Found::Bytes(1) => f.write_str("; found 1 byte"),
            Found::Bytes(count) => write!(f, "; found {count} bytes"),
            Found::Tag(tag) => write!(f, "; found tag {tag:#04x}"),
            Found::Der(kind) => write!(f, "; {kind}"),
            Found::Pem(error) => write!(f, "; {error}"),
        }
    }
}

impl std::error::Error for Error {}

/// What would have been taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Words(&'static str),
    BytesAtMost(usize),
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expected::Words(words) => f.write_str(words),
            Expected::BytesAtMost(count) => write!(f, "at most {count} bytes"),
        }
    }
}

/// What was there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// `expected` says it all.
    Nothing,
    Number(i128),
    Code(i128),
    Bytes(usize),
    Tag(u8),
    Der(der::ErrorKind),
    Pem(pem_rfc7468::Error),
}
