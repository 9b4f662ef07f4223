//! From DER to a session: accepts what OpenSSL's `d2i_SSL_SESSION` accepts, but for the few forms that
//! are BER and not DER.
//!
//! Invariant: nothing is allocated, and no byte is looked at more than a few times, whatever is given.

use der::asn1::OctetStringRef;
use der::{Decode, Header, Reader, SliceReader, Tag};

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
            let session = reader
                .sequence(|reader| self.body(&mut Input { reader, der, place: &mut place }))?;
            Ok((session, position(&reader)))
        };
        let read: Result<_, Cause> = read();
        read.map_err(|cause| cause.at(place))
    }

    fn body<'a>(&self, from: &mut Input<'_, 'a>) -> Result<SslSession<'a>, Cause> {
        from.enter("structure version", "INTEGER 1");
        let structure_version = integer(from.reader)?;
        if structure_version != STRUCTURE_VERSION {
            return Err(refused(ErrorKind::StructureVersion, Found::Number(structure_version)));
        }
        let mut session = SslSession { timeout: TIMEOUT_IF_ABSENT, ..SslSession::blank(self.now) };
        from.enter("protocol version", "INTEGER 0x0300 to 0x03ff, 0xfe00 to 0xfeff or 0x0100");
        session.version = ProtocolVersion(number(from.reader)?);
        if !session.version.is_of_a_known_family() {
            let found = Found::Code(session.version.0.into());
            return Err(refused(ErrorKind::ProtocolVersion, found));
        }
        from.enter("cipher suite", "OCTET STRING of 2 bytes, known to OpenSSL 3.0");
        session.cipher = Some(self.cipher(from.reader)?);
        from.enter("session id", OCTETS_32);
        session.id = bounded(from.reader)?;
        from.enter("master key", "OCTET STRING of at most 512 bytes");
        session.master_key = bounded(from.reader)?;
        let mut last = None;
        while let Some(tag) = from.reader.peek_byte() {
            from.enter("further field", "a known one, each once and in order");
            // Each has a tag of one byte, so that the order of the tags' low bits is that of the fields.
            if last >= Some(tag & TAG_NUMBER) {
                return Err(refused(ErrorKind::Malformed, Found::Tag(tag)));
            }
            last = Some(tag & TAG_NUMBER);
            tagged(from, tag, &mut session)?;
        }
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

/// Reads one field that has a tag of its own. A number of 0 is one that is absent.
fn tagged<'a>(from: &mut Input<'_, 'a>, tag: u8, to: &mut SslSession<'a>) -> Result<(), Cause> {
    match tag {
        0x80 => from.key_argument()?,
        0xa1 => match from.explicit("time", INT_64, number)? {
            0 => {}
            time => to.time = UnixTime(time),
        },
        0xa2 => match from.explicit("timeout", INT_64, number)? {
            0 => {}
            timeout => to.timeout = Seconds(timeout),
        },
        0xa3 => to.peer = Some(from.certificate()?),
        0xa4 => to.id_context = from.explicit("session id context", OCTETS_32, bounded)?,
        0xa5 => to.verify_result = from.explicit("verify result", "INTEGER of 32 bits", number)?,
        0xa6 => to.hostname = Some(from.explicit("hostname", OCTETS, text)?),
        0xa7 => to.psk_identity_hint = Some(from.explicit("PSK identity hint", OCTETS, text)?),
        0xa8 => to.psk_identity = Some(from.explicit("PSK identity", OCTETS, text)?),
        0xa9 => {
            to.ticket_lifetime_hint_seconds =
                from.explicit("ticket lifetime hint", UINT_64, number)?;
        }
        0xaa => to.ticket = Some(from.explicit("ticket", OCTETS, bounded)?),
        0xab => {
            let one = "OCTET STRING of 1 byte";
            to.compression = from.explicit("compression", one, compression)?;
        }
        0xac => to.srp_username = Some(from.explicit("SRP user name", OCTETS, text)?),
        // The upper half is dropped, as OpenSSL does.
        0xad => to.flags = from.explicit("flags", UINT_64, number::<u64>)? as u32,
        0xae => to.ticket_age_add = from.explicit("ticket age addend", UINT_32, number)?,
        0xaf => to.max_early_data_bytes = from.explicit("maximum early data", UINT_32, number)?,
        0xb0 => to.alpn = Some(from.explicit("ALPN protocol", OCTETS, bounded)?),
        0xb1 => {
            // The upper bits are dropped, as OpenSSL does.
            to.max_fragment_length_mode =
                from.explicit("maximum fragment length", UINT_32, number::<u32>)? as u8;
        }
        0xb2 => {
            let data = from.explicit("ticket application data", OCTETS, bounded)?;
            to.ticket_application_data = Some(data);
        }
        0xb3 => to.key_exchange_group = from.explicit("key exchange group", UINT_32, number)?,
        0xb4 => to.peer_public_key = Some(from.public_key()?),
        unknown => return Err(refused(ErrorKind::Malformed, Found::Tag(unknown))),
    }
    Ok(())
}

const INT_64: &str = "INTEGER of 64 bits";
const UINT_32: &str = "INTEGER of 32 bits without sign";
const UINT_64: &str = "INTEGER of 64 bits without sign";
const OCTETS: &str = "OCTET STRING";
const OCTETS_32: &str = "OCTET STRING of at most 32 bytes";

/// What is read from, and how far that has come.
struct Input<'r, 'a> {
    reader: &'r mut SliceReader<'a>,
    /// All that `reader` reads.
    der: &'a [u8],
    place: &'r mut Place,
}

impl<'a> Input<'_, 'a> {
    /// Says which field comes now.
    fn enter(&mut self, field: &'static str, expected: &'static str) {
        let (offset, expected) = (position(self.reader), Expected::Words(expected));
        *self.place = Place { field, offset, expected };
    }

    /// Reads what stands in a tag that has been looked at already.
    fn explicit<T>(
        &mut self,
        field: &'static str,
        expected: &'static str,
        read: impl FnOnce(&mut SliceReader<'a>) -> Result<T, Cause>,
    ) -> Result<T, Cause> {
        self.enter(field, expected);
        let header = Header::decode(self.reader)?;
        self.reader.read_nested(header.length(), read)
    }

    /// Reads over what SSL 2.0 needed, as OpenSSL does.
    fn key_argument(&mut self) -> Result<(), Cause> {
        self.enter("key argument", OCTETS);
        let header = Header::decode(self.reader)?;
        self.reader.read_slice(header.length())?;
        Ok(())
    }

    fn certificate(&mut self) -> Result<Certificate<'a>, Cause> {
        let (der, read) = (self.der, certificate::read_certificate);
        self.explicit("peer certificate", certificate::CERTIFICATE, |reader| {
            outlined(reader, der, read, ErrorKind::Certificate).map(Certificate::that_was_read)
        })
    }

    fn public_key(&mut self) -> Result<PublicKey<'a>, Cause> {
        let (der, read) = (self.der, certificate::read_public_key);
        self.explicit("peer public key", "OCTET STRING of a SubjectPublicKeyInfo", |reader| {
            let header = Header::decode(reader)?;
            header.tag().assert_eq(Tag::OctetString)?;
            reader.read_nested(header.length(), |reader| {
                let key = outlined(reader, der, read, ErrorKind::PublicKey)?;
                // What follows it is dropped, as OpenSSL does.
                reader.read_slice(reader.remaining_len())?;
                Ok(PublicKey::that_was_read(key))
            })
        })
    }
}

/// Reads an element that is kept as it is, once its outline is checked.
fn outlined<'a>(
    reader: &mut SliceReader<'_>,
    der: &'a [u8],
    read: fn(&mut SliceReader<'_>) -> der::Result<()>,
    kind: ErrorKind,
) -> Result<&'a [u8], Cause> {
    let start = position(reader);
    read(reader).map_err(|error| Cause { kind: Some(kind), ..Cause::from(error) })?;
    Ok(&der[start..position(reader)])
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
