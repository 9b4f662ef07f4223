//! A rustls server on a loopback port, and clients that connect to it under any name.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::StoresServerSessions;
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, NamedGroup, RootCertStore, ServerConfig,
    ServerConnection, Stream, SupportedProtocolVersion,
};
use session_cache::{IdContext, SessionCache};
use session_rustls::{ClientSessions, ClientSessionsBuilder, ServerSessions};

pub(crate) use rustls::version::{TLS12, TLS13};

pub(crate) const NAME: &str = "one";

/// Nothing on one machine takes this long.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// A certificate for any name under `example.org`.
    pub(crate) fn new() -> Identity {
        let made = rcgen::generate_simple_self_signed(["*.example.org".to_string()]).unwrap();
        Identity {
            certificate: made.cert.der().clone(),
            key: PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into()),
        }
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    /// A server of `version` that keeps its sessions in `sessions` and sends so many tickets with a handshake.
    pub(crate) fn server(
        &self,
        version: &'static SupportedProtocolVersion,
        sessions: &Arc<ServerSessions>,
        tickets: usize,
    ) -> Server {
        self.server_with(ring::default_provider(), version, sessions, tickets)
    }

    /// As [`server`](Identity::server), of a server that knows one key exchange group.
    pub(crate) fn server_of_group(&self, group: NamedGroup, tickets: usize) -> Server {
        let mut provider = ring::default_provider();
        provider.kx_groups.retain(|known| known.name() == group);
        self.server_with(provider, &TLS13, &server_sessions(), tickets)
    }

    fn server_with(
        &self,
        provider: CryptoProvider,
        version: &'static SupportedProtocolVersion,
        sessions: &Arc<ServerSessions>,
        tickets: usize,
    ) -> Server {
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .unwrap();
        config.session_storage = Arc::clone(sessions) as Arc<dyn StoresServerSessions>;
        config.send_tls13_tickets = tickets;
        Server::start(config)
    }

    /// A client of both versions, whose configuration is not attached to any store of ours.
    pub(crate) fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    }

    /// A client that checks certificates in this way.
    pub(crate) fn config_with(&self, verifier: Arc<dyn ServerCertVerifier>) -> ClientConfig {
        let mut config = self.config();
        config.dangerous().set_certificate_verifier(verifier);
        config
    }

    pub(crate) fn client(&self, sessions: ClientSessionsBuilder) -> Client {
        let mut config = self.config();
        let sessions = sessions.attach(&mut config).unwrap();
        Client { config: Arc::new(config), sessions }
    }
}

/// A client, and its store.
pub(crate) struct Client {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) sessions: ClientSessions,
}

impl Client {
    pub(crate) fn connect(&self, server: &Server) -> HandshakeKind {
        self.connect_as(server, NAME)
    }

    pub(crate) fn connect_as(&self, server: &Server, name: &str) -> HandshakeKind {
        connect(&self.config, server, name).unwrap()
    }
}

pub(crate) fn server_sessions() -> Arc<ServerSessions> {
    let cache = SessionCache::builder().build().unwrap();
    Arc::new(ServerSessions::new(Arc::new(cache), IdContext::EMPTY))
}

/// Connects to `name`.example.org, has a byte from the server, behind which all tickets have come, and closes.
pub(crate) fn connect(
    config: &Arc<ClientConfig>,
    server: &Server,
    name: &str,
) -> std::io::Result<HandshakeKind> {
    let name = ServerName::try_from(format!("{name}.example.org")).unwrap();
    let mut connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut socket = socket(TcpStream::connect_timeout(&server.address, PATIENCE)?);
    let mut stream = Stream::new(&mut connection, &mut socket);
    stream.write_all(b"?")?;
    stream.read_exact(&mut [0])?;
    connection.send_close_notify();
    connection.complete_io(&mut socket)?;
    Ok(connection.handshake_kind().unwrap())
}

fn socket(socket: TcpStream) -> TcpStream {
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Serves each connection on a thread of its own; stops when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(config: ServerConfig) -> Server {
        let (config, stopping) = (Arc::new(config), Arc::new(AtomicBool::new(false)));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::clone(&stopping);
        let thread = thread::spawn(move || {
            for connection in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let config = Arc::clone(&config);
                // What breaks is the client's to report.
                thread::spawn(move || serve(socket(connection.unwrap()), config));
            }
        });
        Server { address, stopping, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn serve(mut socket: TcpStream, config: Arc<ServerConfig>) -> std::io::Result<()> {
    let mut connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = Stream::new(&mut connection, &mut socket);
    stream.read_exact(&mut [0])?;
    stream.write_all(b"!")?;
    stream.flush()?;
    // Until the client closes.
    stream.read(&mut [0]).map(|_| ())
}
