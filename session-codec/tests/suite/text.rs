//! Sessions as text, byte for byte as OpenSSL prints them.

use session_codec::{CipherSuite, Octets, ProtocolVersion, SslSession};

use crate::scene::NOW;

fn text(session: &SslSession<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    session.write_text(&mut text).unwrap();
    text
}

#[cfg(target_os = "linux")]
#[test]
fn text_is_what_openssl_sess_id_prints() {
    for (name, der) in crate::scene::corpus() {
        let arguments = ["sess_id", "-inform", "DER", "-text", "-noout"];
        let theirs = crate::tool::openssl(&arguments, &der);
        let ours = text(&crate::scene::decode(&der).unwrap());
        assert_eq!(String::from_utf8_lossy(&ours), String::from_utf8_lossy(&theirs), "{name}");
        assert_eq!(ours, theirs, "{name}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn words_for_every_verify_result_are_openssls() {
    let library = crate::libssl::LibSsl::get();
    // What came after 3.0 has other words there.
    let codes = if library.is_3_0() { -2..200 } else { 0..60 };
    for code in codes {
        let mut session = SslSession::new(NOW);
        session.version = ProtocolVersion::TLS_1_2;
        session.cipher = Some(CipherSuite(0xc02c));
        session.verify_result = code;
        let (theirs, _) = library.decode(&session.to_der().unwrap()).unwrap();
        let (ours, theirs) = (text(&session), theirs.text());
        assert_eq!(String::from_utf8_lossy(&ours), String::from_utf8_lossy(&theirs));
    }
}

#[test]
fn cipher_without_name_is_shown_as_four_digits() {
    let mut session = SslSession::new(NOW);
    session.cipher = Some(CipherSuite(0x0a1b));
    let shown = String::from_utf8(text(&session)).unwrap();
    assert!(shown.contains("\n    Protocol  : unknown\n    Cipher    : 0A1B\n"), "{shown}");
}

#[test]
fn r29_keylog_needs_an_id_and_a_key() {
    let keylog = |session: &SslSession<'_>| {
        let mut line = Vec::new();
        let written = session.write_keylog(&mut line).unwrap();
        assert_eq!(written, !line.is_empty());
        String::from_utf8(line).unwrap()
    };
    let mut session = SslSession::new(NOW);
    session.version = ProtocolVersion::TLS_1_2;
    session.cipher = Some(CipherSuite(0xc02c));
    assert_eq!(keylog(&session), "");
    session.id = Octets::new(&[0x1a; 2]).unwrap();
    assert_eq!(keylog(&session), "");
    session.master_key = Octets::new(&[0xb2; 3]).unwrap();
    assert_eq!(keylog(&session), "RSA Session-ID:1A1A Master-Key:B2B2B2\n");
    #[cfg(target_os = "linux")]
    {
        let (theirs, _) = crate::libssl::LibSsl::get().decode(&session.to_der().unwrap()).unwrap();
        assert_eq!(keylog(&session).as_bytes(), theirs.keylog());
    }
}
