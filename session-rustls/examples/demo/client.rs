//! A TLS client with a memory of its own, whose first flight somebody else may copy.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, NamedGroup, Stream};

use crate::identity::{Identity, SERVER_NAME};
use crate::options::Version;
use crate::server;

/// TLS 1.3 tickets that a client keeps: what a rustls server sends with a handshake.
const TICKETS_MAX: usize = 2;

pub(crate) struct Client {
    config: Arc<ClientConfig>,
}

/// What the client saw of one connection.
pub(crate) struct Seen {
    pub(crate) kind: HandshakeKind,
    /// From before the ClientHello is made until the client may send data.
    pub(crate) handshake: Duration,
}

impl Client {
    pub(crate) fn new(identity: &Identity, version: Version) -> Result<Client, rustls::Error> {
        let resumption = Resumption::store(Arc::new(Memory::default()));
        Ok(Client { config: identity.client(version, resumption)? })
    }

    /// Connects, sends a byte, has it back, and closes.
    pub(crate) fn connect(&self, address: SocketAddr) -> io::Result<Seen> {
        let socket = server::reach(address)?;
        let started = Instant::now();
        let (connection, hello) = self.open()?;
        finish(connection, &hello, socket, started)
    }

    /// Connects as `connect` does, with a ClientHello that somebody else has presented at `before`.
    pub(crate) fn connect_copied(
        &self,
        before: SocketAddr,
        address: SocketAddr,
    ) -> io::Result<Seen> {
        let (connection, hello) = self.open()?;
        {
            let mut copier = server::reach(before)?;
            copier.write_all(&hello)?;
            // By the time the server answers it has looked for the session.
            copier.read_exact(&mut [0])?;
        }
        finish(connection, &hello, server::reach(address)?, Instant::now())
    }

    /// Makes a connection, and its first flight.
    fn open(&self) -> io::Result<(ClientConnection, Vec<u8>)> {
        let name = ServerName::try_from(SERVER_NAME).map_err(io::Error::other)?;
        let mut connection =
            ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        let mut hello = Vec::new();
        connection.write_tls(&mut hello)?;
        Ok((connection, hello))
    }
}

fn finish(
    mut connection: ClientConnection,
    hello: &[u8],
    mut socket: TcpStream,
    started: Instant,
) -> io::Result<Seen> {
    socket.write_all(hello)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket)?;
    }
    let handshake = started.elapsed();

    // TLS 1.3 tickets come with the answer.
    let mut stream = Stream::new(&mut connection, &mut socket);
    let mut byte = [b'?'];
    stream.write_all(&byte)?;
    stream.flush()?;
    stream.read_exact(&mut byte)?;
    let kind = connection.handshake_kind().ok_or_else(|| io::Error::other("no handshake"))?;

    connection.send_close_notify();
    connection.complete_io(&mut socket)?;
    // Zero bytes is the server's close_notify.
    match Stream::new(&mut connection, &mut socket).read(&mut byte)? {
        0 => Ok(Seen { kind, handshake }),
        _ => Err(io::Error::other("the server sent more than it was asked for")),
    }
}

/// What one client remembers of its one server.
#[derive(Debug, Default)]
struct Memory(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    group: Option<NamedGroup>,
    tls12: Option<Tls12ClientSessionValue>,
    /// Newest last, which is the one to be used next.
    tickets: Vec<Tls13ClientSessionValue>,
}

impl Memory {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().expect("nothing panics while it holds the memory")
    }
}

impl ClientSessionStore for Memory {
    fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
        self.held().group = Some(group);
    }

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        self.held().group
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.held().tls12 = Some(value);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.held().tls12.clone()
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        self.held().tls12 = None;
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        let mut held = self.held();
        if held.tickets.len() == TICKETS_MAX {
            held.tickets.remove(0);
        }
        held.tickets.push(value);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.held().tickets.pop()
    }
}
