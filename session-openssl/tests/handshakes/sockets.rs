//! Over real sockets, many connections at once.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use openssl::ssl::{Ssl, SslContext, SslStream};

use crate::peers::{Client, Scene, TLS12, TLS13};

const CLIENTS: usize = 4;
const ROUNDS: u64 = 20;

/// Serves one connection: a word each way, and a clean close.
fn serve(server: &SslContext, socket: TcpStream) -> bool {
    let mut stream = SslStream::new(Ssl::new(server).unwrap(), socket).unwrap();
    stream.accept().unwrap();
    let mut word = [0; 4];
    stream.read_exact(&mut word).unwrap();
    stream.write_all(&word).unwrap();
    let _ = stream.shutdown();
    stream.ssl().session_reused()
}

fn visit(
    client: &Client,
    address: std::net::SocketAddr,
    session: Option<&openssl::ssl::SslSession>,
) -> bool {
    let socket = TcpStream::connect(address).unwrap();
    let mut stream = SslStream::new(client.connection(session), socket).unwrap();
    stream.connect().unwrap();
    stream.write_all(b"ping").unwrap();
    let mut word = Vec::new();
    stream.read_to_end(&mut word).unwrap();
    assert_eq!(word, b"ping");
    let _ = stream.shutdown();
    stream.ssl().session_reused()
}

#[test]
fn clients_come_back_at_once() {
    let scene = Scene::new();
    // Two contexts, as after a reload.
    let servers = [scene.server(), scene.server()];
    for version in [TLS12, TLS13] {
        let hits_before = scene.statistics().hits;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let resumed = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    let client = Client::new(version);
                    assert!(!visit(&client, address, None));
                    for _ in 0..ROUNDS {
                        let session = client.sessions.lock().unwrap().pop();
                        // Up to TLS 1.2 it is the same session again and again, and not given out anew.
                        let session = session.expect("it was given one");
                        assert!(visit(&client, address, Some(&session)));
                        client.sessions.lock().unwrap().push(session);
                        if version == TLS13 {
                            // The one that was just used is not for another time.
                            client.sessions.lock().unwrap().pop();
                        }
                    }
                });
            }
            let (servers, resumed) = (&servers, &resumed);
            for (at, socket) in
                listener.incoming().take(CLIENTS * (1 + ROUNDS as usize)).enumerate()
            {
                let socket = socket.unwrap();
                scope.spawn(move || {
                    let is_resumed = serve(&servers[at % 2], socket);
                    resumed.fetch_add(u64::from(is_resumed), Ordering::Relaxed);
                });
            }
        });
        assert_eq!(resumed.load(Ordering::Relaxed), CLIENTS as u64 * ROUNDS);
        assert_eq!(scene.statistics().hits - hits_before, CLIENTS as u64 * ROUNDS);
    }
}
