//! A TLS server on a free loopback port: several threads that accept, and echo one byte.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, Stream};

/// How long either side waits for the other. Nothing on one machine takes this long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Stops when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(config: Arc<ServerConfig>, threads: usize) -> io::Result<Server> {
        let listener = Arc::new(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
        let mut server = Server {
            address: listener.local_addr()?,
            stopping: Arc::new(AtomicBool::new(false)),
            threads: Vec::new(),
        };
        for _ in 0..threads {
            let (listener, config) = (Arc::clone(&listener), Arc::clone(&config));
            let stopping = Arc::clone(&server.stopping);
            let accept = move || accept_until(&stopping, &listener, &config);
            server.threads.push(thread::Builder::new().spawn(accept)?);
        }
        Ok(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            // A thread that waits for a connection looks at `stopping` when it gets one.
            while !thread.is_finished() {
                let _ = TcpStream::connect_timeout(&self.address, PATIENCE);
                thread::yield_now();
            }
            let _ = thread.join();
        }
    }
}

fn accept_until(stopping: &AtomicBool, listener: &TcpListener, config: &Arc<ServerConfig>) {
    while !stopping.load(Ordering::SeqCst) {
        let Ok((mut socket, _)) = listener.accept() else {
            continue;
        };
        // A connection that breaks is its client's to report.
        let _ = serve(&mut socket, Arc::clone(config));
    }
}

/// Answers one byte, then waits for the client to close.
fn serve(socket: &mut TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    prepare(socket)?;
    let mut connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = Stream::new(&mut connection, socket);
    let mut byte = [0];
    stream.read_exact(&mut byte)?;
    stream.write_all(&byte)?;
    stream.flush()?;
    // Zero bytes is the client's close_notify.
    let rest = stream.read(&mut byte)?;
    debug_assert_eq!(rest, 0, "the client sends one byte");
    connection.send_close_notify();
    connection.complete_io(socket)?;
    Ok(())
}

/// Sets what both sides want of a socket: no waiting for more to send, and none for ever.
pub(crate) fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))
}

/// Connects as a client does.
pub(crate) fn reach(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpStream::connect_timeout(&address, PATIENCE)?;
    prepare(&socket)?;
    Ok(socket)
}
