//! A session made of arbitrary values, for a property test and a fuzz target.

use arbitrary::Arbitrary;
use session_codec::{
    Certificate, CipherSuite, Octets, ProtocolVersion, PublicKey, Seconds, SslSession, Text,
    UnixTime,
};

/// One value for each field; [`Fields::session`] makes them fit.
#[derive(Clone, Debug, Arbitrary)]
pub(crate) struct Fields {
    version: Version,
    cipher: u16,
    id: Vec<u8>,
    master_key: Vec<u8>,
    id_context: Vec<u8>,
    time: i64,
    timeout: i64,
    peer: Option<Outline>,
    peer_public_key: Option<Outline>,
    verify_result: i32,
    hostname: Option<Vec<u8>>,
    psk_identity_hint: Option<Vec<u8>>,
    psk_identity: Option<Vec<u8>>,
    srp_username: Option<Vec<u8>>,
    ticket_lifetime_hint_seconds: u64,
    ticket: Option<Vec<u8>>,
    ticket_age_add: u32,
    ticket_application_data: Option<Vec<u8>>,
    compression: u8,
    flags: u32,
    max_early_data_bytes: u32,
    alpn: Option<Vec<u8>>,
    max_fragment_length_mode: u8,
    key_exchange_group: u32,
}

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Version {
    Tls(u8),
    Dtls(u8),
    EarlyDtls,
}

/// A certificate or key whose only content is a serial number or bits.
#[derive(Clone, Debug, Arbitrary)]
struct Outline(Vec<u8>);

impl Fields {
    /// Returns a session that can be encoded, and that comes out of decoding as it went in.
    pub(crate) fn session(&self) -> SslSession<'static> {
        let mut session = SslSession::new(UnixTime(nonzero(self.time)));
        session.timeout = Seconds(nonzero(self.timeout));
        session.version = ProtocolVersion(match self.version {
            Version::Tls(minor) => 0x0300 + i32::from(minor),
            Version::Dtls(minor) => 0xfe00 + i32::from(minor),
            Version::EarlyDtls => 0x0100,
        });
        session.cipher = Some(CipherSuite(self.cipher));
        session.id = bounded(&self.id);
        session.master_key = bounded(&self.master_key);
        session.id_context = bounded(&self.id_context);
        session.peer = self.peer.as_ref().map(Outline::certificate);
        session.peer_public_key = self.peer_public_key.as_ref().map(Outline::public_key);
        session.verify_result = self.verify_result;
        session.hostname = self.hostname.as_deref().map(text);
        session.psk_identity_hint = self.psk_identity_hint.as_deref().map(text);
        session.psk_identity = self.psk_identity.as_deref().map(text);
        session.srp_username = self.srp_username.as_deref().map(text);
        session.ticket_lifetime_hint_seconds = self.ticket_lifetime_hint_seconds;
        session.ticket = self.ticket.as_deref().map(bounded);
        session.ticket_age_add = self.ticket_age_add;
        session.ticket_application_data = self.ticket_application_data.as_deref().map(bounded);
        session.compression = self.compression;
        session.flags = self.flags;
        session.max_early_data_bytes = self.max_early_data_bytes;
        session.alpn = self.alpn.as_deref().map(bounded);
        session.max_fragment_length_mode = self.max_fragment_length_mode;
        session.key_exchange_group = self.key_exchange_group;
        session
    }
}

impl Outline {
    fn certificate(&self) -> Certificate<'static> {
        let serial = [&[1], &self.0[..]].concat();
        let algorithm = tlv(0x30, &[6, 1, 42]);
        let time = tlv(0x17, b"260101000000Z");
        let empty = tlv(0x30, &[]);
        let to_be_signed = [
            tlv(0x02, &serial),
            algorithm.clone(),
            empty.clone(),
            tlv(0x30, &[time.clone(), time].concat()),
            empty,
            self.key(),
        ];
        let outer = [tlv(0x30, &to_be_signed.concat()), algorithm, tlv(0x03, &[0])];
        Certificate::new(&tlv(0x30, &outer.concat())).expect("a certificate").into_owned()
    }

    fn public_key(&self) -> PublicKey<'static> {
        PublicKey::new(&self.key()).expect("a public key").into_owned()
    }

    fn key(&self) -> Vec<u8> {
        let bits = tlv(0x03, &[&[0], &self.0[..]].concat());
        tlv(0x30, &[tlv(0x30, &[6, 1, 42]), bits].concat())
    }
}

/// An element of DER.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let header: &[u8] = match length {
        0..0x80 => &[tag, length as u8],
        0x80..0x100 => &[tag, 0x81, length as u8],
        0x100..0x1_0000 => &[tag, 0x82, (length >> 8) as u8, length as u8],
        _ => &[tag, 0x83, (length >> 16) as u8, (length >> 8) as u8, length as u8],
    };
    [header, content].concat()
}

/// 0 would come back as now, or as 3 seconds.
fn nonzero(number: i64) -> i64 {
    if number == 0 { 1 } else { number }
}

fn bounded<const MAX: usize>(bytes: &[u8]) -> Octets<'static, MAX> {
    Octets::new(&bytes[..bytes.len().min(MAX)]).expect("cut").into_owned()
}

fn text(bytes: &[u8]) -> Text<'static> {
    let bytes: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    Text::new(&bytes).expect("no 0").into_owned()
}
