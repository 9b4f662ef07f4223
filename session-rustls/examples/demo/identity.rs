//! A certificate made on the spot, and the configurations that both sides make of it.

use std::error::Error;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::StoresServerSessions;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::options::Version;

/// The name that the certificate is for.
pub(crate) const SERVER_NAME: &str = "localhost";

pub(crate) struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl Identity {
    pub(crate) fn new() -> Result<Identity, Box<dyn Error>> {
        let made = rcgen::generate_simple_self_signed([SERVER_NAME.to_string()])?;
        let certificate = made.cert.der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone())?;
        Ok(Identity {
            certificate,
            key: PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into()),
            roots: Arc::new(roots),
            provider: Arc::new(ring::default_provider()),
        })
    }

    /// A server whose sessions live in `sessions`: the one line that the crate is about.
    pub(crate) fn server(
        &self,
        sessions: Arc<dyn StoresServerSessions>,
    ) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())?;
        config.session_storage = sessions;
        Ok(Arc::new(config))
    }

    /// A client that speaks one version and remembers its sessions as `resumption` says.
    pub(crate) fn client(
        &self,
        version: Version,
        resumption: Resumption,
    ) -> Result<Arc<ClientConfig>, rustls::Error> {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[version.rustls()])?
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        config.resumption = resumption;
        Ok(Arc::new(config))
    }
}
