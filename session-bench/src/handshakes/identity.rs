//! The server's certificate, made on the spot: no resumed connection looks at it.

use rcgen::{CertifiedKey, KeyPair};

/// The name that it is for.
pub(super) const NAME: &str = "localhost";

/// As DER.
pub(super) struct Identity {
    pub(super) certificate: Vec<u8>,
    /// In PKCS #8.
    pub(super) key: Vec<u8>,
}

impl Identity {
    pub(super) fn new() -> Identity {
        let made: CertifiedKey<KeyPair> =
            rcgen::generate_simple_self_signed([NAME.to_string()]).expect("a name is enough");
        Identity { certificate: made.cert.der().to_vec(), key: made.signing_key.serialize_der() }
    }
}
