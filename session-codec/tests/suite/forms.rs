//! Sessions that are made here, what encoding refuses, and what is shown of secrets.

use session_codec::{
    CipherSuite, ErrorKind, Octets, ProtocolVersion, Seconds, SslSession, UnixTime,
};

use crate::scene::{self, NOW, decode};

fn session() -> SslSession<'static> {
    let mut session = SslSession::new(NOW);
    session.version = ProtocolVersion::TLS_1_3;
    session.cipher = Some(CipherSuite(0x1302));
    session
}

#[test]
fn r1_new_session_is_empty_and_has_a_timeout_of_304_seconds() {
    let session = SslSession::new(NOW);
    assert_eq!((session.version, session.cipher), (ProtocolVersion(0), None));
    assert_eq!((session.time, session.timeout), (NOW, Seconds(304)));
    assert_eq!(session.verify_result, 1);
    assert!(session.id.as_bytes().is_empty() && session.id_context.as_bytes().is_empty());
    assert!(session.ticket.is_none());
    #[cfg(target_os = "linux")]
    {
        // As libssl's own new one: without a cipher suite neither can be encoded.
        let theirs = crate::libssl::LibSsl::get().fresh();
        assert!(theirs.encode().is_empty());
        assert_eq!(text_without_time(&session), without_time(&theirs.text()));
    }
}

#[cfg(target_os = "linux")]
fn text_without_time(session: &SslSession<'_>) -> Vec<String> {
    let mut text = Vec::new();
    session.write_text(&mut text).unwrap();
    without_time(&text)
}

#[cfg(target_os = "linux")]
fn without_time(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    text.lines().filter(|line| !line.contains("Start Time")).map(str::to_string).collect()
}

#[test]
fn r28_maximum_fragment_length_that_was_never_settled_is_told_as_0() {
    let mut session = SslSession::new(NOW);
    assert_eq!(session.max_fragment_length_mode, 255);
    assert_eq!(session.negotiated_max_fragment_length_mode(), 0);
    session.max_fragment_length_mode = 4;
    assert_eq!(session.negotiated_max_fragment_length_mode(), 4);
}

#[test]
fn r219_session_without_cipher_cannot_be_encoded() {
    let session = SslSession::new(NOW);
    let error = session.encoded_len().unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::CipherMissing, "cipher suite"));
    let mut out = vec![1, 2, 3];
    assert!(session.encode_into(&mut out).is_err() && out.is_empty());
    assert!(session.to_der().is_err() && session.to_pem().is_err());
}

#[test]
fn r219_length_is_told_before_anything_is_written() {
    for (name, der) in scene::corpus() {
        let session = decode(&der).unwrap();
        let length = session.encoded_len().unwrap();
        let mut room = vec![0xee; length + 3];
        assert_eq!(session.encode_to_slice(&mut room), Ok(length), "{name}");
        assert_eq!((&room[..length], &room[length..]), (&der[..], &[0xee; 3][..]), "{name}");
        let mut tight = vec![0xee; length - 1];
        let error = session.encode_to_slice(&mut tight).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BufferTooSmall);
        assert!(tight.iter().all(|byte| *byte == 0xee), "{name}: written though too small");
    }
}

#[test]
fn r221_context_and_group_are_always_written_and_zeros_are_not() {
    let mut session = session();
    session.time = UnixTime(0);
    session.timeout = Seconds(0);
    session.verify_result = 0;
    session.max_fragment_length_mode = 0;
    let der = session.to_der().unwrap();
    let expected: &[u8] = &[
        0x30, 24, 2, 1, 1, 2, 2, 3, 4, 4, 2, 0x13, 2, 4, 0, 4, 0, // the first five
        0xa4, 2, 4, 0, 0xb3, 3, 2, 1, 0,
    ];
    assert_eq!(*der, expected);
}

#[test]
fn r221_maximum_fragment_length_that_was_never_settled_is_written_as_255() {
    let der = session().to_der().unwrap();
    assert!(der.windows(6).any(|window| window == [0xb1, 4, 2, 2, 0, 0xff]));
}

#[test]
fn vector_that_is_used_again_holds_the_last_session_alone() {
    let (short, mut long) = (session(), session());
    let ticket = vec![9; 1_000];
    long.ticket = Some(Octets::from(&ticket[..]));
    let mut out = Vec::new();
    for session in [&short, &long, &short] {
        session.encode_into(&mut out).unwrap();
        assert_eq!(out, **session.to_der().unwrap());
    }
    let block = (out.as_ptr(), out.capacity());
    long.encode_into(&mut out).unwrap();
    assert_eq!((out.as_ptr(), out.capacity()), block, "it has been that long before");
}

#[test]
fn neither_debug_nor_errors_show_secrets() {
    let secret = [0x5e; 48];
    let mut session = session();
    session.id = Octets::new(&secret[..32]).unwrap();
    session.master_key = Octets::new(&secret).unwrap();
    session.ticket = Some(Octets::from(&secret[..]));
    let shown = format!("{session:?}");
    assert!(shown.contains("master_key: Octets(48 bytes)"), "{shown}");
    for secret in ["94, 94", "5e5e", "5E5E", "^^"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let too_long = scene::replaced(4, &scene::tlv(4, &[0x5e; 600]));
    let error = decode(&too_long).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(error.to_string().ends_with("of at most 512 bytes; found 600 bytes"), "{error}");
    assert!(!shown.contains("94, 94") && !shown.contains("5e5e"), "{shown}");
}

#[test]
fn error_names_field_offset_and_what_was_expected() {
    let error = decode(&scene::tagged(14, &[4, 0])).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Malformed, "ticket age addend"));
    assert_eq!(error.expected().to_string(), "INTEGER of 32 bits without sign");
    // 2 bytes of the sequence, 15 of the first five, 2 of the tag [14], one of the wrong tag.
    assert!((17..=20).contains(&error.offset().unwrap()), "{error}");
    assert!(error.to_string().contains("OCTET STRING"), "{error}");
}

#[test]
fn clone_shares_the_certificate_and_copies_the_rest() {
    let (_, der) = scene::corpus().into_iter().find(|(name, _)| name == "tls12_ec_id.der").unwrap();
    let session = decode(&der).unwrap().into_owned();
    let clone = session.clone();
    assert_eq!(session, clone);
    let address = |session: &SslSession<'_>| session.peer.as_ref().unwrap().as_bytes().as_ptr();
    assert_eq!(address(&session), address(&clone));
    let address = |session: &SslSession<'_>| session.master_key.as_bytes().as_ptr();
    assert_ne!(address(&session), address(&clone));
}
