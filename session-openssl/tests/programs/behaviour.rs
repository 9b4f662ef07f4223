//! What the server does with those that break off or speak no TLS, with its flags, and at its end.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::tls_server::{Files, TlsServer, reused};

const GET: &str = "GET / HTTP/1.0\r\n\r\n";

/// Says something, and waits for the server to close.
fn say(server: &TlsServer, bytes: &[u8]) {
    let mut socket = TcpStream::connect(server.address).unwrap();
    // It may have closed already.
    let _ = socket.write_all(bytes);
    let _ = socket.shutdown(Shutdown::Write);
    let _ = socket.read_to_end(&mut Vec::new());
}

#[test]
fn server_goes_on_after_garbage_while_others_say_nothing() {
    let files = Files::new("garbage");
    let server = TlsServer::start(&files, "--no-ticket --early-data");
    let silent: Vec<_> = (0..3).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    for round in 0..20_u8 {
        say(&server, &[]);
        say(&server, &vec![round.wrapping_mul(13); 20_000]);
        say(&server, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        // The head of a ClientHello of 512 bytes, and no more.
        say(&server, &[22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);
        // A fatal alert.
        say(&server, &[21, 3, 3, 0, 2, 2, 40]);
    }
    let words = format!("s_client -connect {} -tls1_2 -ign_eof", server.address);
    let printed = files.run("openssl", &words, "this is no request\r\n\r\n");
    assert!(printed.contains("400 Bad Request"), "{printed}");
    let printed =
        files.run("curl", &format!("-sk --data 0123456789 https://{}/", server.address), "");
    assert_eq!(reused(&printed), [false], "a body is not read, and does no harm: {printed}");
    drop(silent);
    assert!(server.end()["statistics"]["stored"].as_u64().unwrap() > 0);
}

#[test]
fn server_ends_when_it_is_told_to_though_nobody_reads_what_it_says() {
    let files = Files::new("unread");
    let server = TlsServer::start(&files, "");
    assert!(server.end_unread().success());
}

/// Connects twice with `openssl s_client`, and says whether it was resumed.
fn comes_back(files: &Files, server: &TlsServer, options: &str) -> bool {
    let visit = |session: &str| {
        let address = server.address;
        let words = format!("s_client -connect {address} -ign_eof {options} {session} session.pem");
        reused(&files.run("openssl", &words, GET)).pop().expect("the server answers")
    };
    assert!(!visit("-sess_out"));
    visit("-sess_in")
}

#[test]
fn wiring_says_whose_sessions_come_back() {
    let files = Files::new("wiring");
    for version in ["-tls1_2 -no_ticket", "-tls1_3"] {
        for (wiring, hits, stored) in
            [("external", 1, true), ("observe", 0, true), ("none", 1, false)]
        {
            let server = TlsServer::start(&files, &format!("--no-ticket --wiring {wiring}"));
            let more = server.hits_of(|| assert!(comes_back(&files, &server, version)));
            assert_eq!(more, hits, "{wiring}, {version}");
            assert_eq!(server.figure("stored") > 0, stored, "{wiring}");
            server.empty_the_cache();
            assert!(!reused(&visit_again(&files, &server, version)).pop().unwrap(), "{wiring}");
        }
    }
}

fn visit_again(files: &Files, server: &TlsServer, options: &str) -> String {
    let words =
        format!("s_client -connect {} -ign_eof {options} -sess_in session.pem", server.address);
    files.run("openssl", &words, GET)
}

#[test]
fn size_of_the_cache_is_kept() {
    let files = Files::new("size");
    let server = TlsServer::start(&files, "--no-ticket --cache-size 3 --tls 1.2");
    for _ in 0..10 {
        server.ask("/");
    }
    let figures = server.end();
    assert_eq!(
        (&figures["statistics"]["number"], &figures["statistics"]["cache_full"]),
        (&3.into(), &7.into())
    );
}

#[test]
fn timeout_is_what_clients_are_told() {
    let files = Files::new("timeout");
    for wiring in ["external", "observe", "none"] {
        let flags = format!("--no-ticket --timeout-seconds 1234 --tls 1.3 --wiring {wiring}");
        let server = TlsServer::start(&files, &flags);
        let words = format!("s_client -connect {} -ign_eof -sess_out s.pem", server.address);
        files.run("openssl", &words, GET);
        let text = files.run("openssl", "sess_id -in s.pem -noout -text", "");
        assert!(text.contains("lifetime hint: 1234 (seconds)"), "{text}");
    }
}

#[test]
fn versions_suites_threads_and_single_use_are_as_the_flags_say() {
    let files = Files::new("flags");
    let flags =
        "--no-ticket --tls 1.2 --threads 1 --single-use --ciphers ECDHE-ECDSA-AES256-GCM-SHA384";
    let server = TlsServer::start(&files, flags);
    assert_eq!(server.ask("/")["version"], "TLSv1.2");
    let printed = visit_of(&files, &server, "-tls1_3");
    assert!(reused(&printed).is_empty(), "{printed}");
    let printed = visit_of(&files, &server, "");
    assert!(printed.contains("Cipher is ECDHE-ECDSA-AES256-GCM-SHA384"), "{printed}");
    assert!(comes_back(&files, &server, "-no_ticket"));
    assert!(!reused(&visit_again(&files, &server, "-no_ticket")).pop().unwrap(), "it was used");

    let server = TlsServer::start(&files, "--tls 1.3 --ciphers TLS_CHACHA20_POLY1305_SHA256");
    assert_eq!(server.ask("/")["version"], "TLSv1.3");
    let printed = visit_of(&files, &server, "");
    assert!(printed.contains("Cipher is TLS_CHACHA20_POLY1305_SHA256"), "{printed}");
}

fn visit_of(files: &Files, server: &TlsServer, options: &str) -> String {
    let words = format!("s_client -connect {} -ign_eof {options}", server.address);
    files.run("openssl", &words, GET)
}
