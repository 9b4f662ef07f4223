//! Those that break off, that never speak TLS, and that say nothing at all: nobody else minds.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::server::Server;

fn connect(server: &Server) -> TcpStream {
    let socket = TcpStream::connect(server.address()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket
}

/// Says something and waits until the server closes.
fn say(server: &Server, bytes: &[u8]) {
    let mut socket = connect(server);
    socket.write_all(bytes).unwrap();
    let _ = socket.shutdown(Shutdown::Write);
    let _ = socket.read_to_end(&mut Vec::new());
}

#[test]
fn server_goes_on_after_garbage_and_broken_handshakes_and_serves_while_others_wait() {
    let mut server = Server::start(&["--threads", "1"]);
    let started = Instant::now();
    let silent: Vec<_> = (0..20).map(|_| connect(&server)).collect();
    say(&server, b"");
    say(&server, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    say(&server, &[0xff; 70_000]);
    // The head of a ClientHello of 512 bytes, and no more.
    say(&server, &[22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);
    // A fatal alert.
    say(&server, &[21, 3, 3, 0, 2, 2, 40]);

    let address = server.address().to_string();
    let connect = ["s_client", "-connect", &address, "-ign_eof", "-tls1_2"];
    let garbage = [&connect[..], &["-sess_out", "session.pem"]].concat();
    let printed = server.run("openssl", &garbage, "no request\r\n\r\n");
    assert!(printed.contains("400 Bad Request"), "{printed}");
    let refused = [&connect[..4], &["-tls1_3", "-groups", "brainpoolP256r1"]].concat();
    server.run("openssl", &refused, "");

    let again = [&connect[..], &["-sess_in", "session.pem"]].concat();
    let printed = server.run("openssl", &again, "GET / HTTP/1.0\r\n\r\n");
    assert!(server.answers(&printed)[0].reused());
    // One after the other, the silent ones would have been waited for: 10 seconds each.
    assert!(started.elapsed() < Duration::from_secs(150), "{:?}", started.elapsed());
    drop(silent);
    server.end();
}
