//! `SSL_SESSION` as a struct: every field that OpenSSL writes.
//!
//! Not here, because OpenSSL does not write them either: the mark "not resumable", the peer's chain,
//! application data of the object, and whether it is in a cache.

use crate::certificate::{Certificate, PublicKey};
use crate::cipher::CipherSuite;
use crate::octets::{Octets, Text};
use crate::time::{Seconds, UnixTime};
use crate::version::ProtocolVersion;

/// Holds a session as OpenSSL's `SSL_SESSION` does.
///
/// [`Decoder::decode`](crate::Decoder::decode) borrows what it finds and allocates nothing;
/// [`into_owned`](SslSession::into_owned) makes a session that stands alone. What is owned is wiped when
/// dropped, the peer's public material excepted. `Debug` shows lengths in place of bytes.
///
/// Source: the manual pages `d2i_SSL_SESSION(3)` and `SSL_SESSION_get_protocol_version(3)` with its
/// siblings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SslSession<'a> {
    /// The protocol version; 0 before a handshake has settled it.
    pub version: ProtocolVersion,
    /// The cipher suite. Without one a session cannot be encoded.
    pub cipher: Option<CipherSuite>,
    /// The session id; empty in a client's TLS 1.2 session that came with a ticket only.
    pub id: Octets<'a, { SslSession::ID_BYTES_MAX }>,
    /// The master key up to TLS 1.2, the resumption PSK in TLS 1.3.
    pub master_key: Octets<'a, { SslSession::MASTER_KEY_BYTES_MAX }>,
    /// The session id context: who may come back with this session.
    pub id_context: Octets<'a, { SslSession::ID_CONTEXT_BYTES_MAX }>,
    /// When the session was made. 0 is encoded as absent, and what is absent is decoded as now.
    pub time: UnixTime,
    /// How long it may be resumed after that. 0 is encoded as absent, which is decoded as 3 seconds.
    pub timeout: Seconds,
    /// The peer's certificate.
    pub peer: Option<Certificate<'a>>,
    /// The peer's public key, where no certificate was asked for (OpenSSL 3.2 and later).
    pub peer_public_key: Option<PublicKey<'a>>,
    /// What verifying the peer's certificate came to: an `X509_V_` code, 0 when it was good.
    pub verify_result: i32,
    /// The server's name that the client asked for.
    pub hostname: Option<Text<'a>>,
    /// The hint that came with the server's PSK (RFC 4279).
    pub psk_identity_hint: Option<Text<'a>>,
    /// The client's PSK identity (RFC 4279).
    pub psk_identity: Option<Text<'a>>,
    /// The client's name in SRP (RFC 5054).
    pub srp_username: Option<Text<'a>>,
    /// How long the server said that the ticket lasts, in seconds; 0 when it did not say.
    pub ticket_lifetime_hint_seconds: u64,
    /// The ticket.
    pub ticket: Option<Octets<'a>>,
    /// What is added to the age of the ticket to hide it (RFC 8446, section 4.2.11.1).
    pub ticket_age_add: u32,
    /// What the application put into the ticket.
    pub ticket_application_data: Option<Octets<'a>>,
    /// The compression method; 0 is none.
    pub compression: u8,
    /// OpenSSL's flags; the one that is told outside is [`SslSession::FLAG_EXTENDED_MASTER_SECRET`].
    pub flags: u32,
    /// How many bytes of early data the ticket allows.
    pub max_early_data_bytes: u32,
    /// The protocol that ALPN chose.
    pub alpn: Option<Octets<'a>>,
    /// The mode of RFC 6066, section 4, that was agreed on; 0 is none, and
    /// [`SslSession::MAX_FRAGMENT_UNSPECIFIED`] says that it never came to it.
    pub max_fragment_length_mode: u8,
    /// The group of the key exchange, by its number in TLS; 0 is unknown. Always encoded (OpenSSL 3.0 and
    /// later), which OpenSSL 1.1.1 refuses.
    pub key_exchange_group: u32,
}

impl SslSession<'_> {
    /// The most bytes that a session id can have.
    pub const ID_BYTES_MAX: usize = 32;
    /// The most bytes that a session id context can have.
    pub const ID_CONTEXT_BYTES_MAX: usize = 32;
    /// The most bytes that a master key or resumption PSK can have (256 in OpenSSL 1.1.1).
    pub const MASTER_KEY_BYTES_MAX: usize = 512;
    /// The bit in `flags` that says that the extended master secret (RFC 7627) was used.
    pub const FLAG_EXTENDED_MASTER_SECRET: u32 = 1;
    /// The maximum fragment length of a session in which the extension was never settled.
    pub const MAX_FRAGMENT_UNSPECIFIED: u8 = 255;

    /// Creates what `SSL_SESSION_new` creates: empty, with a timeout of 304 seconds, and with a verify
    /// result that is deliberately not "good".
    pub fn new(now: UnixTime) -> SslSession<'static> {
        SslSession {
            timeout: Seconds(60 * 5 + 4),
            verify_result: 1,
            max_fragment_length_mode: SslSession::MAX_FRAGMENT_UNSPECIFIED,
            ..SslSession::blank(now)
        }
    }

    /// What remains of a session that says nothing about any field.
    pub(crate) fn blank(time: UnixTime) -> SslSession<'static> {
        SslSession {
            version: ProtocolVersion(0),
            cipher: None,
            id: Octets::default(),
            master_key: Octets::default(),
            id_context: Octets::default(),
            time,
            timeout: Seconds(0),
            peer: None,
            peer_public_key: None,
            verify_result: 0,
            hostname: None,
            psk_identity_hint: None,
            psk_identity: None,
            srp_username: None,
            ticket_lifetime_hint_seconds: 0,
            ticket: None,
            ticket_age_add: 0,
            ticket_application_data: None,
            compression: 0,
            flags: 0,
            max_early_data_bytes: 0,
            alpn: None,
            max_fragment_length_mode: 0,
            key_exchange_group: 0,
        }
    }

    /// Tells whether the extended master secret was used.
    pub fn extended_master_secret(&self) -> bool {
        self.flags & SslSession::FLAG_EXTENDED_MASTER_SECRET != 0
    }

    /// Returns the mode of the maximum fragment length as `SSL_SESSION_get_max_fragment_length` does: 0
    /// where it never came to one.
    pub fn negotiated_max_fragment_length_mode(&self) -> u8 {
        match self.max_fragment_length_mode {
            SslSession::MAX_FRAGMENT_UNSPECIFIED => 0,
            mode => mode,
        }
    }

    /// Makes all bytes its own, which copies those that are borrowed.
    pub fn into_owned(self) -> SslSession<'static> {
        SslSession {
            id: self.id.into_owned(),
            master_key: self.master_key.into_owned(),
            id_context: self.id_context.into_owned(),
            peer: self.peer.map(Certificate::into_owned),
            peer_public_key: self.peer_public_key.map(PublicKey::into_owned),
            hostname: self.hostname.map(Text::into_owned),
            psk_identity_hint: self.psk_identity_hint.map(Text::into_owned),
            psk_identity: self.psk_identity.map(Text::into_owned),
            srp_username: self.srp_username.map(Text::into_owned),
            ticket: self.ticket.map(Octets::into_owned),
            ticket_application_data: self.ticket_application_data.map(Octets::into_owned),
            alpn: self.alpn.map(Octets::into_owned),
            version: self.version,
            cipher: self.cipher,
            time: self.time,
            timeout: self.timeout,
            verify_result: self.verify_result,
            ticket_lifetime_hint_seconds: self.ticket_lifetime_hint_seconds,
            ticket_age_add: self.ticket_age_add,
            compression: self.compression,
            flags: self.flags,
            max_early_data_bytes: self.max_early_data_bytes,
            max_fragment_length_mode: self.max_fragment_length_mode,
            key_exchange_group: self.key_exchange_group,
        }
    }
}
