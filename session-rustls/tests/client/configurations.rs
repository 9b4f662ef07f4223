//! Whose sessions they are: of the configuration that made them.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Tls12Resumption, WebPkiServerVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, HandshakeKind, SignatureScheme};
use session_rustls::ClientSessions;

use crate::peers::{Identity, NAME, TLS12, TLS13, connect, server_sessions};

/// Believes everything.
#[derive(Debug)]
struct Careless;

impl ServerCertVerifier for Careless {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Trusts a certificate that the server does not have.
fn strict() -> Arc<dyn ServerCertVerifier> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(Identity::new().certificate()).unwrap();
    let provider = Arc::new(ring::default_provider());
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap()
}

#[test]
fn session_of_a_careless_verifier_does_not_pass_a_strict_one_in_a_clone() {
    let identity = Identity::new();
    for version in [&TLS12, &TLS13] {
        let server = identity.server(version, &server_sessions(), 2);
        let mut careless = identity.config_with(Arc::new(Careless));
        let sessions = ClientSessions::builder().attach(&mut careless).unwrap();
        let mut changed = careless.clone();
        let (careless, same) = (Arc::new(careless.clone()), Arc::new(careless));
        assert_eq!(connect(&careless, &server, NAME).unwrap(), HandshakeKind::Full);
        assert_eq!(connect(&same, &server, NAME).unwrap(), HandshakeKind::Resumed);

        changed.dangerous().set_certificate_verifier(strict());
        let refused = connect(&Arc::new(changed), &server, NAME).unwrap_err();
        assert!(refused.to_string().contains("certificate"), "{refused}");
        assert_eq!(
            sessions.statistics().hits,
            2,
            "the clone was given one, and rustls did not use it"
        );
    }
}

#[test]
fn second_store_takes_the_place_of_the_first() {
    let identity = Identity::new();
    let server = identity.server(&TLS13, &server_sessions(), 2);
    let mut config = identity.config();
    let first = ClientSessions::builder().attach(&mut config).unwrap();
    let before = Arc::new(config.clone());
    let second = ClientSessions::builder().attach(&mut config).unwrap();
    let after = Arc::new(config);
    assert_eq!(connect(&before, &server, NAME).unwrap(), HandshakeKind::Full);
    assert_eq!(connect(&after, &server, NAME).unwrap(), HandshakeKind::Full);
    assert_eq!((first.statistics().stored, second.statistics().stored), (2, 2));
}

#[test]
fn tls12_resumes_only_as_it_may() {
    let identity = Identity::new();
    let server = identity.server(&TLS12, &server_sessions(), 0);
    for (tls12, second) in [
        (Tls12Resumption::Disabled, HandshakeKind::Full),
        (Tls12Resumption::SessionIdOnly, HandshakeKind::Resumed),
    ] {
        let client = identity.client(ClientSessions::builder().tls12(tls12));
        assert_eq!(client.connect(&server), HandshakeKind::Full);
        assert_eq!(client.connect(&server), second);
    }
}
