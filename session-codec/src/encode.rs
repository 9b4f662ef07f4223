//! From a session to DER, byte for byte as OpenSSL 3.0 and later write it.
//!
//! Invariant: the fields and their order stand in one place, `write_fields`; the length is found by
//! counting what it writes.

use der::asn1::OctetStringRef;
use der::{Encode, EncodeValue, Header, Length, SliceWriter, Tag, TagNumber, Tagged, Writer};
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, ErrorKind, Expected, Found};
use crate::session::SslSession;

impl SslSession<'_> {
    /// Returns how many bytes the session takes up in DER.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CipherMissing`] without a cipher suite; [`ErrorKind::TooLong`] where DER of 4 GiB
    /// or more would come out.
    pub fn encoded_len(&self) -> Result<usize, Error> {
        let content = self.content_len()?;
        content.for_tlv(Tag::Sequence).map(to_usize).map_err(too_long)
    }

    /// Writes the session to the start of `out`, and returns how many bytes it takes up.
    ///
    /// # Errors
    ///
    /// As [`encoded_len`](SslSession::encoded_len), and [`ErrorKind::BufferTooSmall`] when `out` is too
    /// small; nothing is written then.
    pub fn encode_to_slice(&self, out: &mut [u8]) -> Result<usize, Error> {
        let content = self.content_len()?;
        let length = content.for_tlv(Tag::Sequence).map(to_usize).map_err(too_long)?;
        let available = out.len();
        let Some(out) = out.get_mut(..length) else {
            let (kind, found) = (ErrorKind::BufferTooSmall, Found::Bytes(available));
            let expected = Expected::Words("room for encoded_len() bytes");
            return Err(Error::of_value(kind, "buffer", expected, found));
        };
        let mut writer = SliceWriter::new(out);
        Header::new(Tag::Sequence, content)
            .encode(&mut writer)
            .and_then(|()| self.write_fields(&mut writer))
            .map_err(too_long)?;
        Ok(length)
    }

    /// Writes the session to `out`, in place of what is there.
    ///
    /// A vector that is used again grows only for a session longer than all before; what it held is
    /// wiped before its block goes back.
    ///
    /// # Errors
    ///
    /// As [`encoded_len`](SslSession::encoded_len); `out` is empty then.
    pub fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out[..].zeroize();
        out.clear();
        let length = self.encoded_len()?;
        out.reserve_exact(length);
        out.resize(length, 0);
        self.encode_to_slice(out).map(drop)
    }

    /// Returns the session in DER; the bytes are wiped when dropped.
    ///
    /// # Errors
    ///
    /// As [`encoded_len`](SslSession::encoded_len).
    pub fn to_der(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut der = Zeroizing::new(Vec::new());
        self.encode_into(&mut der)?;
        Ok(der)
    }

    fn content_len(&self) -> Result<Length, Error> {
        if self.cipher.is_none() {
            let expected = Expected::Words("one, or the session cannot be encoded");
            let (kind, found) = (ErrorKind::CipherMissing, Found::Nothing);
            return Err(Error::of_value(kind, "cipher suite", expected, found));
        }
        let mut count = Count(Length::ZERO);
        self.write_fields(&mut count).map_err(too_long)?;
        Ok(count.0)
    }

    /// The one list of fields: numbers that are 0 are left out, but for the group; the id context and the
    /// group are always there.
    fn write_fields(&self, to: &mut impl Writer) -> der::Result<()> {
        1u8.encode(to)?;
        self.version.0.encode(to)?;
        octets(&self.cipher.map_or(0, |cipher| cipher.0).to_be_bytes())?.encode(to)?;
        octets(self.id.as_bytes())?.encode(to)?;
        octets(self.master_key.as_bytes())?.encode(to)?;
        number(to, 1, self.time.0)?;
        number(to, 2, self.timeout.0)?;
        raw(to, 3, self.peer.as_ref().map(|peer| peer.as_bytes()))?;
        string(to, 4, Some(self.id_context.as_bytes()))?;
        number(to, 5, self.verify_result)?;
        string(to, 6, self.hostname.as_ref().map(|text| text.as_bytes()))?;
        string(to, 7, self.psk_identity_hint.as_ref().map(|text| text.as_bytes()))?;
        string(to, 8, self.psk_identity.as_ref().map(|text| text.as_bytes()))?;
        number(to, 9, self.ticket_lifetime_hint_seconds)?;
        string(to, 10, self.ticket.as_ref().map(|bytes| bytes.as_bytes()))?;
        let compression = [self.compression];
        string(to, 11, (self.compression != 0).then_some(&compression[..]))?;
        string(to, 12, self.srp_username.as_ref().map(|text| text.as_bytes()))?;
        number(to, 13, self.flags)?;
        number(to, 14, self.ticket_age_add)?;
        number(to, 15, self.max_early_data_bytes)?;
        string(to, 16, self.alpn.as_ref().map(|bytes| bytes.as_bytes()))?;
        number(to, 17, self.max_fragment_length_mode)?;
        string(to, 18, self.ticket_application_data.as_ref().map(|bytes| bytes.as_bytes()))?;
        explicit(to, 19, &self.key_exchange_group)?;
        string(to, 20, self.peer_public_key.as_ref().map(|key| key.as_bytes()))
    }
}

fn number<T>(to: &mut impl Writer, tag: u32, value: T) -> der::Result<()>
where
    T: EncodeValue + Tagged + Default + PartialEq,
{
    if value == T::default() { Ok(()) } else { explicit(to, tag, &value) }
}

fn string(to: &mut impl Writer, tag: u32, bytes: Option<&[u8]>) -> der::Result<()> {
    bytes.map_or(Ok(()), |bytes| explicit(to, tag, &octets(bytes)?))
}

/// Writes bytes that are DER already.
fn raw(to: &mut impl Writer, tag: u32, der: Option<&[u8]>) -> der::Result<()> {
    let Some(der) = der else { return Ok(()) };
    Header::new(context(tag), Length::try_from(der.len())?).encode(to)?;
    to.write(der)
}

fn explicit<T>(to: &mut impl Writer, tag: u32, value: &T) -> der::Result<()>
where
    T: EncodeValue + Tagged + ?Sized,
{
    Header::new(context(tag), value.encoded_len()?).encode(to)?;
    value.encode(to)
}

fn octets(bytes: &[u8]) -> der::Result<&OctetStringRef> {
    OctetStringRef::new(bytes)
}

fn context(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

fn to_usize(length: Length) -> usize {
    u32::from(length) as usize
}

/// Of all that the library below can refuse, only sums over 32 bits can come up here.
fn too_long(_: der::Error) -> Error {
    let (kind, expected) = (ErrorKind::TooLong, Expected::Words("less than 4 GiB of DER"));
    Error::of_value(kind, "session", expected, Found::Nothing)
}

/// Counts what is written.
struct Count(Length);

impl Writer for Count {
    fn write(&mut self, bytes: &[u8]) -> der::Result<()> {
        self.0 = (self.0 + bytes.len())?;
        Ok(())
    }
}
