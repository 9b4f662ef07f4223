//! Sessions as PEM.

use session_codec::{Decoder, ErrorKind, SslSession};

use crate::scene::{self, NOW};

fn decode_pem(pem: &str) -> Result<(SslSession<'static>, usize), session_codec::Error> {
    Decoder::new(NOW).decode_pem(pem.as_bytes())
}

#[test]
fn r227_label_is_ssl_session_parameters_and_it_comes_back() {
    for (name, der) in scene::corpus() {
        let pem = scene::decode(&der).unwrap().to_pem().unwrap();
        assert!(pem.starts_with("-----BEGIN SSL SESSION PARAMETERS-----\n"), "{name}");
        assert!(pem.ends_with("\n-----END SSL SESSION PARAMETERS-----\n"), "{name}");
        let (session, length) = decode_pem(&pem).unwrap();
        assert_eq!((&**session.to_der().unwrap(), length), (&der[..], pem.len()), "{name}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn r227_pem_is_what_openssl_writes() {
    for (name, der) in scene::corpus() {
        let theirs = crate::tool::openssl(&["sess_id", "-inform", "DER"], &der);
        let ours = scene::decode(&der).unwrap().to_pem().unwrap();
        assert_eq!(ours.as_bytes(), theirs, "{name}");
    }
}

#[test]
fn sessions_one_after_another_and_words_between_them_are_read() {
    let files = scene::corpus();
    let pem = |index: usize| scene::decode(&files[index].1).unwrap().to_pem().unwrap();
    let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let text = format!("SSL-Session:\n{certificate}{}and\r\n{}", *pem(0), *pem(1));
    let (first, length) = decode_pem(&text).unwrap();
    assert_eq!(**first.to_der().unwrap(), files[0].1);
    assert!(text[length..].starts_with("and"));
    let (second, second_length) = decode_pem(&text[length..]).unwrap();
    assert_eq!(**second.to_der().unwrap(), files[1].1);
    assert_eq!(length + second_length, text.len());
    assert_eq!(decode_pem("").unwrap_err().kind(), ErrorKind::Pem);
}

#[test]
fn other_line_ends_and_line_lengths_are_read() {
    let (_, der) = &scene::corpus()[0];
    let pem = scene::decode(der).unwrap().to_pem().unwrap();
    let (_, length) = decode_pem(&pem.replace('\n', "\r\n")).unwrap();
    assert_eq!(length, pem.len() + pem.lines().count());
    let (session, _) = decode_pem(pem.trim_end()).unwrap();
    assert_eq!(**session.to_der().unwrap(), *der);
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let lines = base64.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap());
    let lines = lines.collect::<Vec<_>>().join("\n");
    let (first, last) = (pem.lines().next().unwrap(), pem.lines().last().unwrap());
    let (session, _) = decode_pem(&format!("{first}\n{lines}\n{last}\n")).unwrap();
    assert_eq!(**session.to_der().unwrap(), *der);
}

#[test]
fn encrypted_pem_is_refused_by_name() {
    let pem = "-----BEGIN SSL SESSION PARAMETERS-----\n\
               Proc-Type: 4,ENCRYPTED\n\
               DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\
               \n\
               AAAA\n\
               -----END SSL SESSION PARAMETERS-----\n";
    let error = decode_pem(pem).unwrap_err();
    assert_eq!((error.kind(), error.offset()), (ErrorKind::PemEncrypted, Some(0)));
    assert!(error.to_string().contains("encrypted"), "{error}");
}

#[test]
fn pem_that_is_not_well_made_is_refused() {
    let (_, der) = &scene::corpus()[0];
    let pem = scene::decode(der).unwrap().to_pem().unwrap();
    let without_end = pem.lines().next().unwrap();
    let other_label = pem.replace("SSL SESSION PARAMETERS", "X509 CRL");
    let not_base64 = pem.replacen("\nM", "\n!", 1);
    let header = pem.replacen("\nM", "\nName: value\n\nM", 1);
    let blanks = pem.replace('\n', " \n");
    for (pem, what) in [
        (without_end, "no end"),
        (&other_label, "another label"),
        (&not_base64, "not base64"),
        (&header, "a header"),
        (&blanks, "blanks at the ends of lines, which OpenSSL takes"),
    ] {
        let error = decode_pem(pem).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Pem, "PEM"), "{what}: {error}");
    }
    // Well made, and empty.
    let empty = "-----BEGIN SSL SESSION PARAMETERS-----\n-----END SSL SESSION PARAMETERS-----\n";
    assert!(decode_pem(empty).is_err());
}
