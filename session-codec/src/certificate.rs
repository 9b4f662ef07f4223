//! What the peer proved itself with: a certificate or a bare public key, kept as the DER it came in.
//!
//! Invariant: the bytes have the outline of what they are said to be, so that OpenSSL decodes what we
//! encode. Names, extensions and the parameters of algorithms are not looked into: nothing here uses them.

use std::fmt;
use std::sync::Arc;

use der::{Decode, Header, Reader, SliceReader, Tag, TagNumber};

use crate::error::{Error, ErrorKind, Expected, Found};

/// Is an X.509 certificate in DER, borrowed or shared: cloning a shared one copies no bytes.
///
/// It is public, and therefore not wiped. It is not verified: the outline alone is checked.
///
/// Source: RFC 5280, section 4.1.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate<'a>(Public<'a>);

/// Is a public key in DER (`SubjectPublicKeyInfo`), borrowed or shared: cloning a shared one copies no
/// bytes.
///
/// It is public, and therefore not wiped. The outline alone is checked.
///
/// Source: RFC 5280, section 4.1; RFC 7250.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey<'a>(Public<'a>);

impl<'a> Certificate<'a> {
    /// Borrows a certificate.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Certificate`] when the bytes are not one, or have more after it.
    pub fn new(der: &'a [u8]) -> Result<Certificate<'a>, Error> {
        whole(der, read_certificate).map_err(|error| {
            let expected = Expected::Words(CERTIFICATE);
            refused(ErrorKind::Certificate, "certificate", expected, error)
        })?;
        Ok(Certificate(Public::Borrowed(der)))
    }

    /// Takes bytes that `read_certificate` has read.
    pub(crate) fn that_was_read(der: &'a [u8]) -> Certificate<'a> {
        Certificate(Public::Borrowed(der))
    }

    /// Makes the bytes its own, which copies them if they are borrowed.
    pub fn into_owned(self) -> Certificate<'static> {
        Certificate(self.0.into_owned())
    }

    /// Borrows the DER.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl<'a> PublicKey<'a> {
    /// Borrows a public key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::PublicKey`] when the bytes are not one, or have more after it.
    pub fn new(der: &'a [u8]) -> Result<PublicKey<'a>, Error> {
        whole(der, read_public_key).map_err(|error| {
            let expected = Expected::Words(PUBLIC_KEY);
            refused(ErrorKind::PublicKey, "public key", expected, error)
        })?;
        Ok(PublicKey(Public::Borrowed(der)))
    }

    /// Takes bytes that `read_public_key` has read.
    pub(crate) fn that_was_read(der: &'a [u8]) -> PublicKey<'a> {
        PublicKey(Public::Borrowed(der))
    }

    /// Makes the bytes its own, which copies them if they are borrowed.
    pub fn into_owned(self) -> PublicKey<'static> {
        PublicKey(self.0.into_owned())
    }

    /// Borrows the DER.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl fmt::Debug for Certificate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({} bytes)", self.as_bytes().len())
    }
}

impl fmt::Debug for PublicKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} bytes)", self.as_bytes().len())
    }
}

pub(crate) const CERTIFICATE: &str = "an X.509 certificate";
pub(crate) const PUBLIC_KEY: &str = "a SubjectPublicKeyInfo";

/// Reads over one certificate and checks its outline.
pub(crate) fn read_certificate(reader: &mut SliceReader<'_>) -> der::Result<()> {
    reader.sequence(|reader| {
        reader.sequence(read_to_be_signed)?;
        pass(reader, Tag::Sequence)?;
        pass(reader, Tag::BitString)
    })
}

fn read_to_be_signed(reader: &mut SliceReader<'_>) -> der::Result<()> {
    pass_if(reader, context(0, true))?; // version
    pass(reader, Tag::Integer)?; // serial number
    pass(reader, Tag::Sequence)?; // algorithm of the signature
    pass(reader, Tag::Sequence)?; // issuer
    reader.sequence(|reader| {
        pass_time(reader)?;
        pass_time(reader)
    })?;
    pass(reader, Tag::Sequence)?; // subject
    read_public_key(reader)?;
    pass_if(reader, context(1, false))?; // issuer's unique id
    pass_if(reader, context(2, false))?; // subject's
    pass_if(reader, context(3, true))?; // extensions
    Ok(())
}

/// Reads over one public key and checks its outline.
pub(crate) fn read_public_key(reader: &mut SliceReader<'_>) -> der::Result<()> {
    reader.sequence(|reader| {
        reader.sequence(|reader| {
            pass(reader, Tag::ObjectIdentifier)?;
            if reader.is_finished() {
                return Ok(());
            }
            reader.tlv_bytes().map(drop) // parameters: anything
        })?;
        pass(reader, Tag::BitString)
    })
}

fn pass_time(reader: &mut SliceReader<'_>) -> der::Result<()> {
    let utc = Tag::peek(reader)? == Tag::UtcTime;
    pass(reader, if utc { Tag::UtcTime } else { Tag::GeneralizedTime })
}

/// Reads over one element that must have this tag.
fn pass(reader: &mut SliceReader<'_>, tag: Tag) -> der::Result<()> {
    let header = Header::decode(reader)?;
    header.tag().assert_eq(tag)?;
    reader.read_slice(header.length()).map(drop)
}

/// Reads over one element if it is there.
fn pass_if(reader: &mut SliceReader<'_>, tag: Tag) -> der::Result<()> {
    if reader.is_finished() || Tag::peek(reader)? != tag {
        return Ok(());
    }
    pass(reader, tag)
}

fn context(number: u32, constructed: bool) -> Tag {
    Tag::ContextSpecific { constructed, number: TagNumber(number) }
}

/// Reads bytes that must be one element and nothing more.
fn whole(der: &[u8], read: fn(&mut SliceReader<'_>) -> der::Result<()>) -> der::Result<()> {
    let mut reader = SliceReader::new(der)?;
    read(&mut reader)?;
    reader.finish()
}

fn refused(kind: ErrorKind, field: &'static str, expected: Expected, error: der::Error) -> Error {
    let refused = Error::of_value(kind, field, expected, Found::Der(error.kind()));
    match error.position().and_then(|position| usize::try_from(position).ok()) {
        Some(offset) => refused.at(offset),
        None => refused,
    }
}

#[derive(Clone)]
enum Public<'a> {
    Borrowed(&'a [u8]),
    Shared(Arc<[u8]>),
}

impl Public<'_> {
    fn as_slice(&self) -> &[u8] {
        match self {
            Public::Borrowed(bytes) => bytes,
            Public::Shared(bytes) => bytes,
        }
    }

    fn into_owned(self) -> Public<'static> {
        Public::Shared(match self {
            Public::Borrowed(bytes) => Arc::from(bytes),
            Public::Shared(bytes) => bytes,
        })
    }
}

impl PartialEq for Public<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Public<'_> {}
