//! Early data of real clients, accepted once.

use crate::tls_server::{Files, TlsServer, one_by_one, told};

const GET: &str = "GET / HTTP/1.0\r\n\r\n";

#[test]
fn early_data_of_s_client_is_accepted_once() {
    let files = Files::new("early");
    let server = TlsServer::start(&files, "--early-data");
    std::fs::write(files.folder.join("early.txt"), GET).unwrap();
    let visit = |options: &str, request: &str| {
        let words = format!("s_client -connect {} -tls1_3 -ign_eof {options}", server.address);
        files.run("openssl", &words, request)
    };
    visit("-sess_out session.pem", GET);
    let early = "-sess_in session.pem -early_data early.txt";
    let printed = visit(early, "");
    let answer = told(&printed).pop().expect("the early data is the request");
    assert_eq!((&answer["reused"], &answer["early_data_bytes"]), (&true.into(), &GET.len().into()));
    assert!(printed.contains("Early data was accepted"), "{printed}");
    // The same again is a replay; the client then sends the request once more, as it should.
    let printed = visit(early, GET);
    let answer = told(&printed).pop().expect("the request came after the handshake");
    assert_eq!((&answer["reused"], &answer["early_data_bytes"]), (&false.into(), &0.into()));
    assert!(printed.contains("Early data was rejected"), "{printed}");
    assert_eq!(server.end()["statistics"]["hits"], 1);
}

#[test]
fn early_data_of_gnutls_is_accepted() {
    let files = Files::new("early-gnutls");
    let server = TlsServer::start(&files, "--early-data");
    std::fs::write(files.folder.join("early.txt"), GET).unwrap();
    let words = format!(
        "--insecure --resume --waitresumption --earlydata early.txt --priority NORMAL:-VERS-ALL:+VERS-TLS1.3 -p {} \
         127.0.0.1",
        one_by_one(server.address).port()
    );
    let printed = files.run("gnutls-cli", &words, "");
    let answer = told(&printed).pop().expect("the early data is the request");
    assert_eq!((&answer["reused"], &answer["early_data_bytes"]), (&true.into(), &GET.len().into()));
}

#[test]
fn early_data_is_refused_unless_it_is_switched_on() {
    let files = Files::new("no-early");
    let server = TlsServer::start(&files, "--no-ticket");
    let words = format!("s_client -connect {} -tls1_3 -ign_eof -sess_out s.pem", server.address);
    files.run("openssl", &words, GET);
    let text = files.run("openssl", "sess_id -in s.pem -noout -text", "");
    assert!(text.contains("Max Early Data: 0"), "{text}");
}
