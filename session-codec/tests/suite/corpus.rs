//! What real OpenSSL wrote.

use session_codec::{Decoder, ErrorKind, ProtocolVersion};

use crate::scene::{self, NOW};

#[test]
fn r220_r221_what_openssl_wrote_encodes_to_the_same_bytes() {
    for (name, der) in scene::corpus() {
        let (session, length) = Decoder::new(NOW).decode(&der).unwrap_or_else(|error| {
            panic!("{name}: {error}");
        });
        assert_eq!(length, der.len(), "{name}");
        assert_eq!(session.encoded_len(), Ok(der.len()), "{name}");
        assert_eq!(*session.to_der().unwrap(), der, "{name}");
        assert_eq!(*session.into_owned().to_der().unwrap(), der, "{name}");
    }
}

#[test]
fn corpus_has_every_field_that_a_handshake_fills() {
    let files = scene::corpus();
    let sessions: Vec<_> = files.iter().map(|(_, der)| scene::decode(der).unwrap()).collect();
    let any = |is: &dyn Fn(&session_codec::SslSession<'_>) -> bool| sessions.iter().any(is);
    for version in [
        ProtocolVersion::TLS_1_0,
        ProtocolVersion::TLS_1_1,
        ProtocolVersion::TLS_1_2,
        ProtocolVersion::TLS_1_3,
        ProtocolVersion::DTLS_1_0,
        ProtocolVersion::DTLS_1_2,
    ] {
        assert!(any(&|session| session.version == version), "{version:?}");
    }
    assert!(any(&|session| session.peer.is_some()) && any(&|session| session.peer.is_none()));
    assert!(any(&|session| session.id.as_bytes().len() == 32));
    assert!(any(&|session| !session.id_context.as_bytes().is_empty()));
    assert!(any(&|session| session.verify_result == 0) && any(&|s| s.verify_result != 0));
    assert!(any(&|session| session.hostname.is_some()));
    assert!(any(&|session| session.psk_identity.is_some()));
    assert!(any(&|session| session.psk_identity_hint.is_some()));
    assert!(any(&|session| session.ticket.is_some() && session.ticket_lifetime_hint_seconds > 0));
    assert!(any(&|session| session.ticket_age_add != 0 && session.max_early_data_bytes == 16_384));
    assert!(any(&|session| session.alpn.is_some()));
    assert!(any(&|session| matches!(session.max_fragment_length_mode, 1..=4)));
    assert!(any(&|session| session.extended_master_secret()));
    assert!(any(&|session| !session.extended_master_secret()));
    assert!(any(&|session| session.key_exchange_group == 29));
}

#[test]
fn r222_r224_no_session_can_be_cut_short_and_what_follows_is_not_looked_at() {
    for (name, der) in scene::corpus() {
        for end in 0..der.len() {
            let error = scene::decode(&der[..end]).expect_err("cut short");
            let kind = error.kind();
            assert!(kind == ErrorKind::Truncated, "{name} cut at {end}: {error}");
            assert!(error.offset().unwrap() <= end, "{name} cut at {end}: {error}");
        }
        let followed = [&der[..], &[0xff; 40]].concat();
        let (_, length) = Decoder::new(NOW).decode(&followed).unwrap();
        assert_eq!(length, der.len(), "{name}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn openssl_reads_what_we_write() {
    for (name, der) in scene::corpus() {
        let session = scene::decode(&der).unwrap();
        let arguments = ["sess_id", "-inform", "DER", "-outform", "DER"];
        let again = crate::tool::openssl(&arguments, &session.to_der().unwrap());
        assert_eq!(again, der, "{name} as DER");
        let again = crate::tool::openssl(
            &["sess_id", "-inform", "PEM", "-outform", "DER"],
            session.to_pem().unwrap().as_bytes(),
        );
        assert_eq!(again, der, "{name} as PEM");
    }
}
