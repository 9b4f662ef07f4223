//! `openssl s_client`, which keeps its session in a file, and `openssl s_time`.

use crate::server::{Answer, Server};

const GET: &str = "GET / HTTP/1.0\r\n\r\n";

fn s_client(server: &mut Server, options: &[&str], request: &str) -> Answer {
    let address = server.address().to_string();
    let arguments = [&["s_client", "-connect", &address, "-ign_eof"], options].concat();
    let printed = server.run("openssl", &arguments, request);
    let mut answers = server.answers(&printed);
    assert_eq!(answers.len(), 1, "{printed}");
    answers.remove(0)
}

#[test]
fn tls12_session_in_a_file_comes_back_as_often_as_it_likes() {
    let mut server = Server::start(&["--no-ticket"]);
    let full = s_client(&mut server, &["-tls1_2", "-sess_out", "session.pem"], GET);
    assert_eq!((full.version(), full.reused()), ("TLSv1.2", false));
    for _ in 0..3 {
        assert!(s_client(&mut server, &["-tls1_2", "-sess_in", "session.pem"], GET).reused());
    }
    server.end();
}

#[test]
fn tls13_session_in_a_file_comes_back_once() {
    let mut server = Server::start(&["--tls", "1.3", "--no-ticket", "--single-use"]);
    let full = s_client(&mut server, &["-sess_out", "session.pem"], GET);
    assert_eq!((full.version(), full.reused()), ("TLSv1.3", false));
    assert!(s_client(&mut server, &["-sess_in", "session.pem"], GET).reused());
    assert!(!s_client(&mut server, &["-sess_in", "session.pem"], GET).reused());
    server.end();
}

#[test]
fn session_does_not_come_back_when_the_cache_was_emptied_or_is_too_small() {
    for version in ["-tls1_2", "-tls1_3"] {
        let mut server = Server::start(&[]);
        let flush = "GET /flush HTTP/1.0\r\n\r\n";
        s_client(&mut server, &[version, "-sess_out", "session.pem"], flush);
        assert!(!s_client(&mut server, &[version, "-sess_in", "session.pem"], GET).reused());
        server.end();

        let mut server = Server::start(&["--cache-size", "1"]);
        s_client(&mut server, &[version, "-sess_out", "session.pem"], GET);
        s_client(&mut server, &[version, "-sess_out", "another.pem"], GET);
        assert!(!s_client(&mut server, &[version, "-sess_in", "session.pem"], GET).reused());
        server.end();
    }
}

#[test]
fn early_data_is_accepted_once() {
    let mut server = Server::start(&["--early-data"]);
    std::fs::write(server.folder().join("early.txt"), GET).unwrap();
    s_client(&mut server, &["-tls1_3", "-sess_out", "session.pem"], GET);
    let early = ["-tls1_3", "-sess_in", "session.pem", "-early_data", "early.txt"];
    // The request is the early data, and there is no other.
    let first = s_client(&mut server, &early, "");
    assert_eq!((first.reused(), first.early_data_bytes()), (true, GET.len() as u64));
    let replayed = s_client(&mut server, &early, GET);
    assert_eq!((replayed.reused(), replayed.early_data_bytes()), (false, 0));
    server.end();
}

#[test]
fn s_time_resumes_with_every_connection() {
    let server = Server::start(&["--tls", "1.2", "--no-ticket"]);
    let arguments = ["s_time", "-connect", server.address(), "-reuse", "-time", "1"];
    let printed = server.run("openssl", &arguments, "");
    // One letter for each connection: r for a session that was reused.
    let letters = |letter| printed.lines().flat_map(str::chars).filter(|c| *c == letter).count();
    let said = printed.lines().find_map(|line| line.split_once(" connections in"));
    let connections: u64 = said.unwrap_or_else(|| panic!("{printed}")).0.parse().unwrap();
    assert!(connections > 10, "{printed}");
    assert!(letters('r') as u64 >= connections, "{printed}");
    let last = server.end();
    assert_eq!(last["statistics"]["hits"].as_u64(), Some(connections));
    assert_eq!(last["statistics"]["stored"].as_u64(), Some(1));
}

#[test]
fn cache_of_rustls_resumes_too_and_counts_nothing_and_cannot_be_emptied() {
    let server = Server::start(&["--wiring", "none", "--tls", "1.2"]);
    let connect = ["s_client", "-connect", server.address(), "-ign_eof"];
    let printed = server.run("openssl", &[&connect[..], &["-sess_out", "s.pem"]].concat(), GET);
    assert!(!server.answers_without_hits(&printed)[0].reused());
    let with_session = [&connect[..], &["-sess_in", "s.pem"]].concat();
    let answers = server.answers_without_hits(&server.run("openssl", &with_session, GET));
    assert_eq!((answers[0].reused(), answers[0].figure("hits")), (true, 0));
    let refused = server.run("openssl", &with_session, "GET /flush HTTP/1.0\r\n\r\n");
    assert!(refused.contains("501") && refused.contains("cannot be emptied"), "{refused}");
    server.end();
}
