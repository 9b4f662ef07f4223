//! The protocol version of a session, and its name in text.

use std::fmt;

/// Names a version of SSL, TLS or DTLS by its number on the wire.
///
/// Any number can be held; a decoder takes those in which OpenSSL sees a family that it knows.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolVersion(pub i32);

impl ProtocolVersion {
    /// SSL 3.0 (RFC 6101).
    pub const SSL_3_0: ProtocolVersion = ProtocolVersion(0x0300);
    /// TLS 1.0 (RFC 2246).
    pub const TLS_1_0: ProtocolVersion = ProtocolVersion(0x0301);
    /// TLS 1.1 (RFC 4346).
    pub const TLS_1_1: ProtocolVersion = ProtocolVersion(0x0302);
    /// TLS 1.2 (RFC 5246).
    pub const TLS_1_2: ProtocolVersion = ProtocolVersion(0x0303);
    /// TLS 1.3 (RFC 8446).
    pub const TLS_1_3: ProtocolVersion = ProtocolVersion(0x0304);
    /// DTLS as OpenSSL 0.9.8 spoke it.
    pub const DTLS_0_9: ProtocolVersion = ProtocolVersion(0x0100);
    /// DTLS 1.0 (RFC 4347).
    pub const DTLS_1_0: ProtocolVersion = ProtocolVersion(0xfeff);
    /// DTLS 1.2 (RFC 6347).
    pub const DTLS_1_2: ProtocolVersion = ProtocolVersion(0xfefd);

    /// Returns the name that OpenSSL prints, if it has one.
    pub fn openssl_name(self) -> Option<&'static str> {
        Some(match self {
            ProtocolVersion::SSL_3_0 => "SSLv3",
            ProtocolVersion::TLS_1_0 => "TLSv1",
            ProtocolVersion::TLS_1_1 => "TLSv1.1",
            ProtocolVersion::TLS_1_2 => "TLSv1.2",
            ProtocolVersion::TLS_1_3 => "TLSv1.3",
            ProtocolVersion::DTLS_0_9 => "DTLSv0.9",
            ProtocolVersion::DTLS_1_0 => "DTLSv1",
            ProtocolVersion::DTLS_1_2 => "DTLSv1.2",
            _ => return None,
        })
    }

    /// Tells whether OpenSSL decodes a session of this version: the families of SSL 3.0 with TLS, of
    /// DTLS, and the one number of the early DTLS.
    pub(crate) fn is_of_a_known_family(self) -> bool {
        matches!(self.0, 0x0300..=0x03ff | 0xfe00..=0xfeff) || self == ProtocolVersion::DTLS_0_9
    }
}

impl fmt::Debug for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.openssl_name() {
            Some(name) => write!(f, "ProtocolVersion({name})"),
            None => write!(f, "ProtocolVersion({:#06x})", self.0),
        }
    }
}
