//! A QUIC server on quinn, and a client that comes back to it, at last with data in its first packet: both keep
//! their sessions in the cache.
//!
//! Each ticket is taken once, so that early data is accepted once, too.
//!
//! ```console
//! $ cargo run -p session-rustls --example quic
//! ```

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{Connection, Endpoint};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use session_cache::{IdContext, SessionCache};
use session_rustls::{ClientSessions, ServerSessions};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

pub(crate) fn main() -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run())
}

async fn run() -> Result<()> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_string()])?;
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());

    let cache = Arc::new(SessionCache::builder().build()?);
    let server = server(&cache, certificate.clone(), key)?;
    let address = server.local_addr()?;
    tokio::spawn(serve(server));

    let (client, sessions) = client(certificate)?;
    for resumptions in 0..3 {
        let connection = client.connect(address, "localhost")?.await?;
        println!("{}", ask(&connection).await?);
        connection.close(0_u8.into(), b"");
        assert_eq!(cache.statistics().taken, resumptions, "the first is a full handshake");
    }
    let (answer, accepted) = ask_early(&client, address).await?;
    println!("{answer}, early data accepted: {accepted}");
    assert!(accepted);

    println!("\nthe server's\n{}", cache.statistics());
    println!("\nthe client's\n{}", sessions.statistics());
    assert_eq!((cache.statistics().taken, sessions.statistics().hits), (3, 3));
    Ok(())
}

/// A server whose sessions live in the cache.
fn server(
    cache: &Arc<SessionCache>,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> Result<Endpoint> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.session_storage =
        Arc::new(ServerSessions::new(Arc::clone(cache), IdContext::new(b"quic")?));
    // In QUIC it is all or nothing (RFC 9001, section 4.6.1); quinn limits early data by its streams.
    config.max_early_data_size = u32::MAX;
    let config = quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(config)?));
    Ok(Endpoint::server(config, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?)
}

/// A client that keeps its sessions.
fn client(root: CertificateDer<'static>) -> Result<(Endpoint, ClientSessions)> {
    let mut roots = RootCertStore::empty();
    roots.add(root)?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.enable_early_data = true;
    let sessions = ClientSessions::builder().attach(&mut config)?;

    let mut endpoint = Endpoint::client(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(config)?));
    endpoint.set_default_client_config(config);
    Ok((endpoint, sessions))
}

/// Answers each stream with what it says.
async fn serve(endpoint: Endpoint) {
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(async move {
            let Ok(connection) = incoming.await else { return };
            while let Ok((mut send, mut receive)) = connection.accept_bi().await {
                let Ok(question) = receive.read_to_end(QUESTION_BYTES_MAX).await else { return };
                let _ = send.write_all(&question).await;
                let _ = send.finish();
            }
        });
    }
}

async fn ask(connection: &Connection) -> Result<String> {
    let (mut send, mut receive) = connection.open_bi().await?;
    send.write_all(b"hello").await?;
    send.finish()?;
    Ok(String::from_utf8(receive.read_to_end(QUESTION_BYTES_MAX).await?)?)
}

/// Asks before the handshake has ended; whoever does that must not mind if the question is asked twice.
async fn ask_early(client: &Endpoint, address: SocketAddr) -> Result<(String, bool)> {
    let connecting = client.connect(address, "localhost")?;
    let (connection, accepted) =
        connecting.into_0rtt().map_err(|_| "there is no ticket for early data")?;
    let answer = ask(&connection).await?;
    let accepted = accepted.await;
    connection.close(0_u8.into(), b"");
    Ok((answer, accepted))
}

const QUESTION_BYTES_MAX: usize = 1_024;
