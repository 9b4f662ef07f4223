//! rustls on ring, without a ticketer: the server keeps the sessions, in TLS 1.3 too.

use std::collections::VecDeque;
use std::io;
use std::ops::DerefMut;
use std::sync::{Arc, Mutex, OnceLock};

use rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ServerSessionMemoryCache, StoresServerSessions};
use rustls::{
    ClientConfig, ClientConnection, ConnectionCommon, HandshakeKind, NamedGroup, RootCertStore,
    ServerConfig, ServerConnection, SideData, SupportedProtocolVersion,
};
use session_cache::{IdContext, SessionCache};
use session_rustls::ServerSessions;

use super::identity::{Identity, NAME};
use super::wire::Wire;
use super::{End, Store, Version, batch, locked};
use crate::ids::Series;

struct Server {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    /// A session as rustls stores it.
    sample: Vec<u8>,
}

/// Makes a server whose cache holds `size` sessions.
pub(super) fn server(version: Version, store: Store, size: usize) -> Box<dyn super::Server> {
    let sessions: Arc<dyn StoresServerSessions> = match store {
        Store::Ours => {
            let cache = SessionCache::builder().sessions_max(size).bytes_max(0).build();
            let cache = Arc::new(cache.expect("the sizes of the benches are in range"));
            let id_context = IdContext::new(b"bench").expect("five bytes");
            Arc::new(ServerSessions::new(cache, id_context))
        }
        // It holds one less than it is told.
        Store::Own => ServerSessionMemoryCache::new(size + 1),
    };
    let sampler = Arc::new(Sampler::default());
    batch(&Server::new(version, Arc::clone(&sampler) as _), 1, 1, false);
    let sample = sampler.0.get().expect("rustls stores the session of a full handshake").clone();
    Box::new(Server { sample, ..Server::new(version, sessions) })
}

impl Server {
    fn new(version: Version, sessions: Arc<dyn StoresServerSessions>) -> Server {
        let identity = Identity::new();
        let certificate = CertificateDer::from(identity.certificate);
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).expect("a certificate");
        let versions: &[&SupportedProtocolVersion] = match version {
            Version::Tls12 => &[&rustls::version::TLS12],
            Version::Tls13 => &[&rustls::version::TLS13],
        };
        let provider = Arc::new(ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(identity.key.into());
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .expect("versions that ring has")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("a key and its certificate");
        server.session_storage = sessions;
        // Of two that a connection is given by default one would be left over.
        server.send_tls13_tickets = 1;
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions that ring has")
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.resumption = Resumption::store(Arc::new(Clients::default()));
        Server { server: Arc::new(server), client: Arc::new(client), sample: Vec::new() }
    }
}

impl super::Server for Server {
    fn accept(&self, wire: Wire) -> Box<dyn End> {
        let connection = ServerConnection::new(Arc::clone(&self.server)).expect("a connection");
        Box::new(ServerEnd { connection, wire })
    }

    fn connect(&self, wire: Wire) -> Box<dyn End> {
        let name = ServerName::try_from(NAME).expect("a name");
        let connection = ClientConnection::new(Arc::clone(&self.client), name);
        Box::new(ClientEnd { connection: connection.expect("a connection"), wire })
    }

    fn store_copies(&self, ids: Series, count: u64) {
        for index in 0..count {
            let id = ids.id(index).0.to_vec();
            let is_stored = self.server.session_storage.put(id, self.sample.clone());
            assert!(is_stored, "a session is not stored");
        }
    }
}

struct ServerEnd {
    connection: ServerConnection,
    wire: Wire,
}

impl End for ServerEnd {
    fn step(&mut self) -> bool {
        receive(&mut self.connection, &mut self.wire);
        let is_done = !self.connection.is_handshaking();
        if is_done {
            self.connection.send_close_notify();
        }
        send(&mut self.connection, &mut self.wire);
        is_done
    }

    fn is_resumed(&self) -> bool {
        self.connection.handshake_kind() == Some(HandshakeKind::Resumed)
    }
}

struct ClientEnd {
    connection: ClientConnection,
    wire: Wire,
}

impl End for ClientEnd {
    fn step(&mut self) -> bool {
        let is_told_goodbye = receive(&mut self.connection, &mut self.wire);
        if is_told_goodbye {
            self.connection.send_close_notify();
        }
        send(&mut self.connection, &mut self.wire);
        is_told_goodbye
    }

    fn is_resumed(&self) -> bool {
        self.connection.handshake_kind() == Some(HandshakeKind::Resumed)
    }
}

/// Reads what is there, if anything is, and says whether the other side has closed.
fn receive<D: SideData>(
    connection: &mut impl DerefMut<Target = ConnectionCommon<D>>,
    wire: &mut Wire,
) -> bool {
    match connection.read_tls(wire) {
        Ok(0) => panic!("a wire ends without a goodbye"),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
        Err(error) => panic!("a wire breaks: {error}"),
    }
    connection.process_new_packets().expect("the other side keeps to TLS").peer_has_closed()
}

fn send<D: SideData>(
    connection: &mut impl DerefMut<Target = ConnectionCommon<D>>,
    wire: &mut Wire,
) {
    while connection.wants_write() {
        connection.write_tls(wire).expect("a flight fits the wire");
    }
}

/// Keeps the first session that it is given.
#[derive(Debug, Default)]
struct Sampler(OnceLock<Vec<u8>>);

impl StoresServerSessions for Sampler {
    fn put(&self, _: Vec<u8>, value: Vec<u8>) -> bool {
        self.0.set(value).is_ok()
    }

    fn get(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn take(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn can_cache(&self) -> bool {
        true
    }
}

/// The sessions of all clients; the next one's first.
#[derive(Debug, Default)]
struct Clients {
    tls12: Mutex<VecDeque<Tls12ClientSessionValue>>,
    tls13: Mutex<VecDeque<Tls13ClientSessionValue>>,
}

impl ClientSessionStore for Clients {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    /// None: the server takes what clients offer first.
    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        locked(&self.tls12).push_back(value);
    }

    /// It is put back by the connection that resumes with it.
    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        locked(&self.tls12).pop_front()
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        locked(&self.tls13).push_back(value);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        locked(&self.tls13).pop_front()
    }
}
