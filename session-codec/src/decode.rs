//! From DER to a session: accepts what OpenSSL's `d2i_SSL_SESSION` accepts, but for the few forms that
//! are BER and not DER.
//!
//! Invariant: nothing is allocated, and no byte is looked at more than a few times, whatever is given.

use der::asn1::OctetStringRef;
use der::{Decode, Header, Reader, SliceReader};

use crate::certificate::{self, Certificate, PublicKey};
use crate::cipher::CipherSuite;
use crate::error::{Error, ErrorKind, Expected, Found};
use crate::octets::{Octets, Text};
use crate::session::SslSession;
use crate::time::{Seconds, UnixTime};
use crate::version::ProtocolVersion;

/// Decodes sessions.
///
/// # Examples
///
/// ```
/// use session_codec::{CipherSuite, Decoder, SslSession, UnixTime};
///
/// let now = UnixTime(1_700_000_000);
/// let mut session = SslSession::new(now);
/// session.cipher = Some(CipherSuite(0x1301));
/// session.version = session_codec::ProtocolVersion::TLS_1_3;
/// let der = session.to_der()?;
///
/// let (decoded, length) = Decoder::new(now).decode(&der)?;
/// assert_eq!((decoded, length), (session, der.len()));
/// # Ok::<(), session_codec::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Decoder {
    now: UnixTime,
    any_cipher: bool,
}

impl Decoder {
    /// Creates a decoder that refuses cipher suites which OpenSSL 3.0 does not know, as OpenSSL does.
    ///
    /// `now` is the time of a session that does not say when it was made.
    pub fn new(now: UnixTime) -> Decoder {
        Decoder { now, any_cipher: false }
    }

    /// Takes any cipher suite.
    #[must_use]
    pub fn any_cipher(self) -> Decoder {
        Decoder { any_cipher: true, ..self }
    }

    /// Decodes the session at the start of `der`, and returns it with the number of bytes that it takes
    /// up; what follows is not looked at.
    ///
    /// The session borrows from `der`; nothing is allocated.
    ///
    /// # Errors
    ///
    /// When the bytes are not a session. The table in the crate's documentation lists what is taken and
    /// what is refused.
    pub fn decode<'a>(&self, der: &'a [u8]) -> Result<(SslSession<'a>, usize), Error> {
        // The library below counts in 32 bits; more than that no session can take up.
        let der = &der[..der.len().min(u32::MAX as usize)];
        let mut place =
            Place { field: "session", offset: 0, expected: Expected::Words("SEQUENCE") };
        let mut read = || {
            let mut reader = SliceReader::new(der)?;
            let session = reader.sequence(|reader| self.body(reader, der, &mut place))?;
            Ok((session, position(&reader)))
        };
        let read: Result<_, Cause> = read();
        read.map_err(|cause| cause.at(place))
    }

    fn body<'a>(
        &self,
        reader: &mut SliceReader<'a>,
        der: &'a [u8],
        place: &mut Place,
    ) -> Result<SslSession<'a>, Cause> {
        place.enter(reader, "structure version", "INTEGER 1");
        let structure_version = integer(reader)?;
        if structure_version != STRUCTURE_VERSION {
            return Err(refused(ErrorKind::StructureVersion, Found::Number(structure_version)));
        }
        let mut session: SslSession<'a> = SslSession::blank(self.now);
        session.timeout = TIMEOUT_IF_ABSENT;
        place.enter(
            reader,
            "protocol version",
            "INTEGER 0x0300 to 0x03ff, 0xfe00 to 0xfeff or 0x0100",
        );
        session.version = ProtocolVersion(number(reader)?);
        if !session.version.is_of_a_known_family() {
            let found = Found::Code(session.version.0.into());
            return Err(refused(ErrorKind::ProtocolVersion, found));
        }
        place.enter(reader, "cipher suite", "OCTET STRING of 2 bytes, known to OpenSSL 3.0");
        session.cipher = Some(self.cipher(reader)?);
        place.enter(reader, "session id", "OCTET STRING of at most 32 bytes");
        session.id = bounded(reader)?;
        place.enter(reader, "master key", "OCTET STRING of at most 512 bytes");
        session.master_key = bounded(reader)?;
        let mut last = None;
        while let Some(tag) = reader.peek_byte() {
            place.enter(reader, "further field", "a known one, each once and in order");
            // Each has a tag of one byte, so that the order of the tags' low bits is that of the fields.
            if last >= Some(tag & TAG_NUMBER) {
                return Err(refused(ErrorKind::Malformed, Found::Tag(tag)));
            }
            last = Some(tag & TAG_NUMBER);
            tagged(reader, tag, &mut session, der, place)?;
        }
        place.enter(reader, "end of the session", "nothing more");
        Ok(session)
    }

    fn cipher(&self, reader: &mut SliceReader<'_>) -> Result<CipherSuite, Cause> {
        let bytes = octets(reader)?;
        let code: [u8; 2] = bytes
            .try_into()
            .map_err(|_| refused(ErrorKind::CipherLength, Found::Bytes(bytes.len())))?;
        let cipher = CipherSuite(u16::from_be_bytes(code));
        if !self.any_cipher && !cipher.is_known() {
            return Err(refused(ErrorKind::CipherUnknown, Found::Code(cipher.0.into())));
        }
        Ok(cipher)
    }
}

/// Reads one field that has a tag of its own.
fn tagged<'a>(
    reader: &mut SliceReader<'a>,
    tag: u8,
    session: &mut SslSession<'a>,
    der: &'a [u8],
    place: &mut Place,
) -> Result<(), Cause> {
    let mut at = |reader: &SliceReader<'_>, field, expected| place.enter(reader, field, expected);
    match tag {
        // What SSL 2.0 needed; OpenSSL reads over it too.
        0x80 => {
            at(reader, "key argument", "[0] OCTET STRING");
            let header = Header::decode(reader)?;
            reader.read_slice(header.length())?;
        }
        0xa1 => {
            at(reader, "time", "[1] INTEGER of 64 bits");
            match explicit(reader, number)? {
                0 => {}
                time => session.time = UnixTime(time),
            }
        }
        0xa2 => {
            at(reader, "timeout", "[2] INTEGER of 64 bits");
            match explicit(reader, number)? {
                0 => {}
                timeout => session.timeout = Seconds(timeout),
            }
        }
        0xa3 => {
            at(reader, "peer certificate", certificate::CERTIFICATE);
            let read = certificate::read_certificate;
            let peer = outlined(reader, der, read, ErrorKind::Certificate)?;
            session.peer = Some(Certificate::that_was_read(peer));
        }
        0xa4 => {
            at(reader, "session id context", "[4] OCTET STRING of at most 32 bytes");
            session.id_context = explicit(reader, bounded)?;
        }
        0xa5 => {
            at(reader, "verify result", "[5] INTEGER of 32 bits");
            session.verify_result = explicit(reader, number)?;
        }
        0xa6 => {
            at(reader, "hostname", "[6] OCTET STRING");
            session.hostname = Some(explicit(reader, text)?);
        }
        0xa7 => {
            at(reader, "PSK identity hint", "[7] OCTET STRING");
            session.psk_identity_hint = Some(explicit(reader, text)?);
        }
        0xa8 => {
            at(reader, "PSK identity", "[8] OCTET STRING");
            session.psk_identity = Some(explicit(reader, text)?);
        }
        0xa9 => {
            at(reader, "ticket lifetime hint", "[9] INTEGER of 64 bits without sign");
            session.ticket_lifetime_hint_seconds = explicit(reader, number)?;
        }
        0xaa => {
            at(reader, "ticket", "[10] OCTET STRING");
            session.ticket = Some(explicit(reader, bounded)?);
        }
        0xab => {
            at(reader, "compression", "[11] OCTET STRING of 1 byte");
            session.compression = explicit(reader, compression)?;
        }
        0xac => {
            at(reader, "SRP user name", "[12] OCTET STRING");
            session.srp_username = Some(explicit(reader, text)?);
        }
        0xad => {
            at(reader, "flags", "[13] INTEGER of 64 bits without sign");
            let flags: u64 = explicit(reader, number)?;
            // The upper half is dropped, as OpenSSL does.
            session.flags = flags as u32;
        }
        0xae => {
            at(reader, "ticket age addend", "[14] INTEGER of 32 bits without sign");
            session.ticket_age_add = explicit(reader, number)?;
        }
        0xaf => {
            at(reader, "maximum early data", "[15] INTEGER of 32 bits without sign");
            session.max_early_data_bytes = explicit(reader, number)?;
        }
        0xb0 => {
            at(reader, "ALPN protocol", "[16] OCTET STRING");
            session.alpn = Some(explicit(reader, bounded)?);
        }
        0xb1 => {
            at(reader, "maximum fragment length", "[17] INTEGER of 32 bits without sign");
            let mode: u32 = explicit(reader, number)?;
            // The upper bits are dropped, as OpenSSL does.
            session.max_fragment_length_mode = mode as u8;
        }
        0xb2 => {
            at(reader, "ticket application data", "[18] OCTET STRING");
            session.ticket_application_data = Some(explicit(reader, bounded)?);
        }
        0xb3 => {
            at(reader, "key exchange group", "[19] INTEGER of 32 bits without sign");
            session.key_exchange_group = explicit(reader, number)?;
        }
        0xb4 => {
            at(reader, "peer public key", certificate::PUBLIC_KEY);
            let read = certificate::read_public_key;
            let key = outlined(reader, der, read, ErrorKind::PublicKey)?;
            session.peer_public_key = Some(PublicKey::that_was_read(key));
        }
        unknown => return Err(refused(ErrorKind::Malformed, Found::Tag(unknown))),
    }
    Ok(())
}

/// Reads what stands in an element whose tag has been looked at already.
fn explicit<'a, T>(
    reader: &mut SliceReader<'a>,
    read: impl FnOnce(&mut SliceReader<'a>) -> Result<T, Cause>,
) -> Result<T, Cause> {
    let header = Header::decode(reader)?;
    reader.read_nested(header.length(), read)
}

/// Reads an element that is kept as it is, once its outline is checked.
fn outlined<'a>(
    reader: &mut SliceReader<'a>,
    der: &'a [u8],
    read: fn(&mut SliceReader<'_>) -> der::Result<()>,
    kind: ErrorKind,
) -> Result<&'a [u8], Cause> {
    explicit(reader, |reader| {
        let start = position(reader);
        read(reader).map_err(|error| Cause { kind: Some(kind), ..Cause::from(error) })?;
        Ok(&der[start..position(reader)])
    })
}

fn integer(reader: &mut SliceReader<'_>) -> Result<i128, Cause> {
    Ok(i128::decode(reader)?)
}

fn number<T: TryFrom<i128>>(reader: &mut SliceReader<'_>) -> Result<T, Cause> {
    let wide = integer(reader)?;
    T::try_from(wide).map_err(|_| refused(ErrorKind::Range, Found::Number(wide)))
}

fn octets<'a>(reader: &mut SliceReader<'a>) -> Result<&'a [u8], Cause> {
    Ok(<&OctetStringRef>::decode(reader)?.as_bytes())
}

fn bounded<'a, const MAX: usize>(reader: &mut SliceReader<'a>) -> Result<Octets<'a, MAX>, Cause> {
    let bytes = octets(reader)?;
    Octets::new(bytes).map_err(|_| refused(ErrorKind::TooLong, Found::Bytes(bytes.len())))
}

fn text<'a>(reader: &mut SliceReader<'a>) -> Result<Text<'a>, Cause> {
    Ok(Text::until_nul(octets(reader)?))
}

fn compression(reader: &mut SliceReader<'_>) -> Result<u8, Cause> {
    match *octets(reader)? {
        [method] => Ok(method),
        ref other => Err(refused(ErrorKind::CompressionLength, Found::Bytes(other.len()))),
    }
}

fn position(reader: &SliceReader<'_>) -> usize {
    u32::from(reader.position()) as usize
}

const STRUCTURE_VERSION: i128 = 1;

/// What OpenSSL gives to a session that names no timeout.
const TIMEOUT_IF_ABSENT: Seconds = Seconds(3);

/// The low five bits of a tag: its number.
const TAG_NUMBER: u8 = 0x1f;

/// The field that is being read, for the words of an error.
struct Place {
    field: &'static str,
    offset: usize,
    expected: Expected,
}

impl Place {
    fn enter(&mut self, reader: &SliceReader<'_>, field: &'static str, expected: &'static str) {
        *self = Place { field, offset: position(reader), expected: Expected::Words(expected) };
    }
}

/// Why reading stopped, before it is known where.
struct Cause {
    /// None: to be told from what `der` says.
    kind: Option<ErrorKind>,
    /// None: where the field begins.
    offset: Option<usize>,
    found: Found,
}

fn refused(kind: ErrorKind, found: Found) -> Cause {
    Cause { kind: Some(kind), offset: None, found }
}

impl From<der::Error> for Cause {
    fn from(error: der::Error) -> Cause {
        let offset = error.position().map(|position| u32::from(position) as usize);
        Cause { kind: None, offset, found: Found::Der(error.kind()) }
    }
}

impl Cause {
    fn at(self, place: Place) -> Error {
        let kind = self.kind.unwrap_or(match self.found {
            Found::Der(der::ErrorKind::Incomplete { .. } | der::ErrorKind::Overflow) => {
                ErrorKind::Truncated
            }
            _ => ErrorKind::Malformed,
        });
        Error::of_value(kind, place.field, place.expected, self.found)
            .at(self.offset.unwrap_or(place.offset))
    }
}
