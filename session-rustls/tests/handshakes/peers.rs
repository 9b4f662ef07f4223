//! A rustls client and a rustls server that talk through memory.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{StoresServerSessions, WebPkiClientVerifier};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, ServerConfig, ServerConnection,
    SupportedProtocolVersion,
};

pub(crate) use rustls::version::{TLS12, TLS13};

pub(crate) const FULL: Option<HandshakeKind> = Some(HandshakeKind::Full);
pub(crate) const RESUMED: Option<HandshakeKind> = Some(HandshakeKind::Resumed);

/// One certificate for everybody: the server's, the client's, and the root of both.
pub(crate) struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl Identity {
    pub(crate) fn new() -> Identity {
        let made = rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap();
        Identity {
            certificate: made.cert.der().clone(),
            key: PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into()),
            provider: Arc::new(ring::default_provider()),
        }
    }

    /// A server that admits anybody.
    pub(crate) fn server(&self, sessions: Arc<dyn StoresServerSessions>) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth();
        let mut config =
            builder.with_single_cert(vec![self.certificate.clone()], self.key.clone_key()).unwrap();
        config.session_storage = sessions;
        Arc::new(config)
    }

    /// A server that admits only who shows a certificate.
    pub(crate) fn strict_server(
        &self,
        sessions: Arc<dyn StoresServerSessions>,
    ) -> Arc<ServerConfig> {
        let verifier = WebPkiClientVerifier::builder_with_provider(
            Arc::new(self.roots()),
            Arc::clone(&self.provider),
        );
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap());
        let mut config =
            builder.with_single_cert(vec![self.certificate.clone()], self.key.clone_key()).unwrap();
        config.session_storage = sessions;
        Arc::new(config)
    }

    /// A client with a certificate, which it shows to a server that asks, and with its own memory.
    pub(crate) fn client(&self, version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
        let config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(self.roots())
            .with_client_auth_cert(vec![self.certificate.clone()], self.key.clone_key())
            .unwrap();
        Arc::new(config)
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        roots
    }
}

/// Connects, moves a byte each way, and says how the handshake went; both sides must agree.
pub(crate) fn connect(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
) -> Option<HandshakeKind> {
    let (mut client, mut server) = (start(client), ServerConnection::new(server.clone()).unwrap());
    shuttle(&mut client, &mut server);
    client.writer().write_all(b"?").unwrap();
    shuttle(&mut client, &mut server);
    server.reader().read_exact(&mut [0]).unwrap();
    server.writer().write_all(b"!").unwrap();
    shuttle(&mut client, &mut server);
    client.reader().read_exact(&mut [0]).unwrap();
    assert_eq!(client.handshake_kind(), server.handshake_kind());
    client.handshake_kind()
}

/// A client that is about to speak.
pub(crate) fn start(client: &Arc<ClientConfig>) -> ClientConnection {
    ClientConnection::new(Arc::clone(client), ServerName::try_from("localhost").unwrap()).unwrap()
}

/// Moves everything that both have to say, until neither has any more.
pub(crate) fn shuttle(client: &mut ClientConnection, server: &mut ServerConnection) {
    while client.wants_write() || server.wants_write() {
        let mut flight = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut flight).unwrap();
        }
        hear(server, &flight);
        flight.clear();
        while server.wants_write() {
            server.write_tls(&mut flight).unwrap();
        }
        let mut rest = flight.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().unwrap();
        }
    }
}

/// Lets the server read what a client said.
pub(crate) fn hear(server: &mut ServerConnection, mut flight: &[u8]) {
    while !flight.is_empty() {
        server.read_tls(&mut flight).unwrap();
        server.process_new_packets().unwrap();
    }
}
