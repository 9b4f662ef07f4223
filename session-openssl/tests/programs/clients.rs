//! Programs that come back with a session: curl, `openssl s_client` and `s_time`, `gnutls-cli`, NSS `strsclnt`, `sslyze`.

use std::net::SocketAddr;

use crate::tls_server::{Files, TlsServer, emptied, one_by_one, reused};

const GET: &str = "GET / HTTP/1.0\r\n\r\n";

/// A server whose sessions are all in the cache.
fn server(files: &Files) -> TlsServer {
    TlsServer::start(files, "--no-ticket")
}

#[test]
fn curl_fetches_a_second_url_with_the_session_of_the_first() {
    let files = Files::new("curl");
    let server = server(&files);
    for version in ["1.2", "1.3"] {
        let fetches = |address: SocketAddr| {
            let url = format!("https://{address}/");
            let close = "-H Connection:close";
            let words = format!("-sk --tlsv{version} --tls-max {version} {close} {url} {url}");
            reused(&files.run("curl", &words, ""))
        };
        let address = server.address;
        assert_eq!(server.hits_of(|| assert_eq!(fetches(address), [false, true])), 1);
        let control = emptied(server.address);
        assert_eq!(server.hits_of(|| assert_eq!(fetches(control), [false, false])), 0);
    }
}

/// Connects with `openssl s_client`, and says whether it was resumed.
fn s_client(files: &Files, address: SocketAddr, options: &str) -> bool {
    let words = format!("s_client -connect {address} -ign_eof {options}");
    let printed = files.run("openssl", &words, GET);
    let is_reused = reused(&printed).pop().expect("the server answers");
    let line = if is_reused { "Reused, " } else { "New, " };
    assert!(printed.contains(line), "the client believes the same: {printed}");
    is_reused
}

#[test]
fn s_client_comes_back_with_a_session_from_a_file() {
    let files = Files::new("s_client");
    let server = server(&files);
    for version in ["-tls1_2", "-tls1_3"] {
        let again = format!("{version} -sess_in session.pem");
        let anew = || s_client(&files, server.address, &format!("{version} -sess_out session.pem"));
        assert!(!anew());
        assert_eq!(server.hits_of(|| assert!(s_client(&files, server.address, &again))), 1);
        // A TLS 1.3 session was used up by that.
        let as_often = version == "-tls1_2";
        let more =
            server.hits_of(|| assert_eq!(s_client(&files, server.address, &again), as_often));
        assert_eq!(more, u64::from(as_often));
        assert!(!anew());
        server.empty_the_cache();
        assert_eq!(server.hits_of(|| assert!(!s_client(&files, server.address, &again))), 0);
    }
}

#[test]
fn s_client_reconnects_five_times() {
    let files = Files::new("reconnect");
    let server = server(&files);
    let reconnects = |address: SocketAddr| {
        let words = format!("s_client -connect {address} -reconnect -tls1_2 -no_ticket -ign_eof");
        let printed = files.run("openssl", &words, GET);
        printed.matches("Reused, TLSv1.2").count()
    };
    assert_eq!(server.hits_of(|| assert_eq!(reconnects(one_by_one(server.address)), 5)), 5);
    assert_eq!(server.hits_of(|| assert_eq!(reconnects(emptied(server.address)), 0)), 0);
}

#[test]
fn s_time_resumes_with_every_connection_but_the_first() {
    let files = Files::new("s_time");
    let server = server(&files);
    for version in ["-tls1_2", "-tls1_3"] {
        let connections = |how: &str| {
            let address = server.address;
            let words = format!("s_time -connect {address} {version} {how} -time 1 -www /");
            let printed = files.run("openssl", &words, "");
            let count = printed.lines().rev().find_map(|line| line.split_once(" connections in "));
            count.and_then(|(count, _)| count.parse::<u64>().ok()).expect("it counts")
        };
        let mut count = 0;
        let hits = server.hits_of(|| count = connections("-reuse"));
        assert!(count > 5, "{count} connections in a second");
        // The last one may have been begun when the second was over, and is not counted then.
        assert!((count..=count + 1).contains(&hits), "{hits} hits, {count} connections");
        assert_eq!(server.hits_of(|| assert!(connections("-new") > 5)), 0);
    }
}

#[test]
fn gnutls_comes_back_with_its_session() {
    let files = Files::new("gnutls");
    let server = server(&files);
    for version in ["1.2", "1.3"] {
        let resumes = |address: SocketAddr| {
            let words = format!(
                "--insecure --resume --waitresumption --priority NORMAL:-VERS-ALL:+VERS-TLS{version} -p {} 127.0.0.1",
                address.port()
            );
            let printed = files.run("gnutls-cli", &words, GET);
            let is_reused = reused(&printed).pop().expect("the server answers");
            assert_eq!(printed.contains("*** This is a resumed session"), is_reused);
            is_reused
        };
        assert_eq!(server.hits_of(|| assert!(resumes(one_by_one(server.address)))), 1);
        assert_eq!(server.hits_of(|| assert!(!resumes(emptied(server.address)))), 0);
    }
}

#[test]
#[ignore = "sslyze comes from PyPI: `cargo xtask sslyze` installs it and runs this"]
fn sslyze_comes_back_with_its_sessions() {
    let files = Files::new("sslyze");
    let server = server(&files);
    let says = |address: SocketAddr| {
        let words = format!("--resum --resum_attempts 5 {address}");
        let printed = files.run("sslyze", &words, "");
        let told = printed.lines().find_map(|line| line.trim().strip_prefix("With Session IDs:"));
        told.unwrap_or_else(|| panic!("it tells of ids: {printed}")).trim().to_string()
    };
    let all = "OK - Supported (5 successful resumptions out of 5 attempts).";
    assert_eq!(server.hits_of(|| assert_eq!(says(server.address), all)), 5);
    let none = "NOT SUPPORTED (0 successful resumptions out of 5 attempts).";
    assert_eq!(server.hits_of(|| assert_eq!(says(emptied(server.address)), none)), 0);
}

#[test]
fn nss_comes_back_with_its_sessions() {
    const CONNECTIONS: u64 = 20;
    let files = Files::new("nss");
    let server = server(&files);
    std::fs::create_dir(files.folder.join("nss")).unwrap();
    files.run("certutil", "-N -d sql:nss --empty-password", "");
    let hits_told = |address: SocketAddr| {
        let port = address.port();
        // With TLS 1.3 it opens its connections at once, and most of them before it has a ticket.
        let words = format!("-d sql:nss -p {port} -oo -c {CONNECTIONS} -V tls1.2:tls1.2 127.0.0.1");
        let printed = files.run("strsclnt", &words, "");
        // On stdout, which comes first here, of all connections; on stderr of the first one.
        let told = printed.lines().find_map(|line| line.split_once(" cache hits; "));
        let (hits, _) = told.unwrap_or_else(|| panic!("it counts: {printed}"));
        hits.trim_start_matches("strsclnt: ").parse::<u64>().unwrap()
    };
    let resumed = CONNECTIONS - 1;
    let address = server.address;
    assert_eq!(server.hits_of(|| assert_eq!(hits_told(address), resumed)), resumed);
    let control = emptied(server.address);
    assert_eq!(server.hits_of(|| assert_eq!(hits_told(control), 0)), 0);
}
