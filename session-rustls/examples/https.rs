//! An HTTPS server on hyper and a client on tokio-rustls, which comes back to it: both keep their sessions in the
//! cache.
//!
//! ```console
//! $ cargo run -p session-rustls --example https
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::future::ready;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore, ServerConfig};
use session_cache::{IdContext, SessionCache};
use session_rustls::{ClientSessions, ServerSessions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

pub(crate) fn main() -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run())
}

async fn run() -> Result<()> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_string()])?;
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());

    let cache = Arc::new(SessionCache::builder().sessions_max(100_000).build()?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let acceptor = server(&cache, certificate.clone(), key)?;
    tokio::spawn(serve(listener, acceptor));

    let (config, sessions) = client(certificate)?;
    let connector = TlsConnector::from(Arc::new(config));
    for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
        let (kind, text) = fetch(&connector, address).await?;
        println!("{kind:?}: {text}");
        assert_eq!(kind, expected);
    }
    println!("\nthe server's\n{}", cache.statistics());
    println!("\nthe client's\n{}", sessions.statistics());
    assert_eq!((cache.statistics().hits, sessions.statistics().hits), (2, 2));
    Ok(())
}

/// A server whose sessions live in the cache: the one line is `session_storage`.
fn server(
    cache: &Arc<SessionCache>,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> Result<TlsAcceptor> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.session_storage =
        Arc::new(ServerSessions::new(Arc::clone(cache), IdContext::new(b"https")?));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A client that keeps its sessions: the one line is `attach`.
fn client(root: CertificateDer<'static>) -> Result<(ClientConfig, ClientSessions)> {
    let mut roots = RootCertStore::empty();
    roots.add(root)?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let sessions = ClientSessions::builder().servers_max(1_000).attach(&mut config)?;
    Ok((config, sessions))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((socket, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // Who breaks off is not served.
            let Ok(stream) = acceptor.accept(socket).await else { return };
            let hello = |_: Request<Incoming>| {
                ready(Ok::<_, Infallible>(Response::new("hello".to_string())))
            };
            let io = TokioIo::new(stream);
            let _ = http1::Builder::new().serve_connection(io, service_fn(hello)).await;
        });
    }
}

/// Fetches a page on a connection of its own, and tells of the handshake and the page's last line.
async fn fetch(connector: &TlsConnector, address: SocketAddr) -> Result<(HandshakeKind, String)> {
    let socket = TcpStream::connect(address).await?;
    let mut stream = connector.connect(ServerName::try_from("localhost")?, socket).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let kind = stream.get_ref().1.handshake_kind().ok_or("no handshake")?;
    Ok((kind, answer.lines().last().unwrap_or_default().to_string()))
}
