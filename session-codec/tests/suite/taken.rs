//! What `d2i_SSL_SESSION` takes and so do we, row by row, and what both make of it.

use session_codec::{CipherSuite, Decoder, ProtocolVersion, Seconds, SslSession, UnixTime};

use crate::scene::{self, FIRST_FIVE, NOW, decode, replaced, tagged, taken, tlv, with};

#[test]
fn r222_every_minor_version_of_a_known_family_is_taken() {
    for version in [0x0300, 0x0303, 0x0304, 0x03ff, 0x0100, 0xfe00, 0xfefd, 0xfeff] {
        let mut element = vec![2, 2, (version >> 8) as u8, version as u8];
        if version > 0x7fff {
            element.splice(1..2, [3, 0]);
        }
        let der = replaced(1, &element);
        assert_eq!(taken(&der).version, ProtocolVersion(version));
    }
}

#[test]
fn r222_empty_id_and_empty_master_key_are_taken() {
    let der = with(&[]);
    let session = taken(&der);
    assert!(session.id.as_bytes().is_empty() && session.master_key.as_bytes().is_empty());
}

#[test]
fn r222_id_context_and_key_of_the_greatest_length_are_taken() {
    let (id, key) = (tlv(4, &[1; 32]), tlv(4, &[2; 512]));
    let der = scene::sequence(&[
        FIRST_FIVE[0],
        FIRST_FIVE[1],
        FIRST_FIVE[2],
        &id,
        &key,
        &tlv(0xa1, &[2, 1, 9]),
        &tlv(0xa4, &tlv(4, &[3; 32])),
    ]);
    let session = taken(&der);
    assert_eq!(session.id.as_bytes(), [1; 32]);
    assert_eq!(session.master_key.as_bytes(), [2; 512]);
    assert_eq!(session.id_context.as_bytes(), [3; 32]);
}

#[test]
fn r223_missing_time_is_now_and_missing_timeout_is_3_seconds() {
    let (missing, zero) = (with(&[]), with(&[&[0xa1, 3, 2, 1, 0], &[0xa2, 3, 2, 1, 0]]));
    for der in [missing, zero] {
        let session = taken(&der);
        assert_eq!((session.time, session.timeout), (NOW, Seconds(3)));
    }
    #[cfg(target_os = "linux")]
    {
        let (session, _) = crate::libssl::LibSsl::get().decode(&with(&[])).unwrap();
        let der = session.encode();
        let theirs = decode(&der).unwrap();
        assert_eq!(theirs.timeout, Seconds(3));
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
        assert!((now - 60..=now).contains(&theirs.time.0), "{:?}", theirs.time);
    }
}

#[test]
fn r222_negative_time_and_timeout_are_taken_and_kept() {
    let der = with(&[&[0xa1, 3, 2, 1, 0xff], &[0xa2, 3, 2, 1, 0x80]]);
    // OpenSSL 3.2 and later count in another unit, and cannot hold them.
    let session = decode(&der).unwrap();
    assert_eq!((session.time, session.timeout), (UnixTime(-1), Seconds(-128)));
    #[cfg(target_os = "linux")]
    if crate::libssl::LibSsl::get().is_3_0() {
        taken(&der);
    }
}

#[test]
fn r222_numbers_at_the_end_of_their_range_are_taken() {
    let der = with(&[
        &tlv(0xa1, &tlv(2, &i64::MAX.to_be_bytes())),
        &tlv(0xa5, &tlv(2, &i32::MIN.to_be_bytes())),
        &tlv(0xa9, &tlv(2, &[0, 255, 255, 255, 255, 255, 255, 255, 255])),
        &tlv(0xae, &tlv(2, &[0, 255, 255, 255, 255])),
        &tlv(0xaf, &tlv(2, &[0, 255, 255, 255, 255])),
        &tlv(0xb3, &tlv(2, &[0, 255, 255, 255, 255])),
    ]);
    let session = decode(&der).unwrap();
    assert_eq!((session.time, session.verify_result), (UnixTime(i64::MAX), i32::MIN));
    assert_eq!(session.ticket_lifetime_hint_seconds, u64::MAX);
    assert_eq!((session.ticket_age_add, session.max_early_data_bytes), (u32::MAX, u32::MAX));
    assert_eq!(session.key_exchange_group, u32::MAX);
    #[cfg(target_os = "linux")]
    if crate::libssl::LibSsl::get().is_3_0() {
        taken(&der);
    }
}

#[test]
fn r222_flags_over_32_bits_lose_their_upper_half() {
    let der = with(&[&[0xa1, 3, 2, 1, 9], &tlv(0xad, &[2, 5, 0x7f, 0, 0, 0, 1])]);
    let session = taken(&der);
    assert_eq!(session.flags, 1);
    assert!(session.extended_master_secret());
}

#[test]
fn r222_maximum_fragment_length_over_255_loses_its_upper_bits() {
    let der = with(&[&[0xa1, 3, 2, 1, 9], &tlv(0xb1, &[2, 2, 1, 2])]);
    assert_eq!(taken(&der).max_fragment_length_mode, 2);
}

#[test]
fn r222_texts_end_at_the_first_nul() {
    let nul = tlv(4, b"a\0b");
    let der = with(&[
        &tlv(0xa1, &[2, 1, 9]),
        &tlv(0xa6, &nul),
        &tlv(0xa7, &nul),
        &tlv(0xa8, &nul),
        &tlv(0xac, &nul),
    ]);
    let session = taken(&der);
    for text in
        [session.hostname, session.psk_identity_hint, session.psk_identity, session.srp_username]
    {
        assert_eq!(text.expect("there").as_bytes(), b"a");
    }
}

#[test]
fn r222_empty_strings_are_there_and_empty() {
    let mut fields = vec![tlv(0xa1, &[2, 1, 9])];
    fields.extend([6, 7, 8, 10, 12, 16, 18].map(|number| tlv(0xa0 | number, &[4, 0])));
    let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
    let der = with(&fields);
    let session = taken(&der);
    assert_eq!(session.hostname.expect("there").as_bytes(), b"");
    assert_eq!(session.ticket.expect("there").as_bytes(), b"");
    assert_eq!(session.alpn.expect("there").as_bytes(), b"");
    assert_eq!(session.ticket_application_data.expect("there").as_bytes(), b"");
    assert!(session.psk_identity_hint.is_some() && session.psk_identity.is_some());
    assert!(session.srp_username.is_some());
}

#[test]
fn r222_key_argument_is_taken_and_forgotten() {
    for argument in [&[0x80, 0][..], &[0x80, 3, 1, 2, 3]] {
        let der = with(&[argument, &[0xa1, 3, 2, 1, 9]]);
        let session = taken(&der);
        assert_eq!(session.time, UnixTime(9));
    }
}

#[test]
fn r222_r226_what_is_absent_is_0_or_none_also_in_a_session_used_again() {
    let ticket = tagged(10, &[4, 2, 7, 7]);
    let mut session = decode(&ticket).unwrap();
    assert!(session.ticket.is_some());
    let bare = with(&[]);
    session = taken(&bare);
    assert_eq!(session.ticket, None);
    let mut expected = SslSession::new(NOW);
    expected.version = ProtocolVersion::TLS_1_2;
    expected.cipher = Some(CipherSuite(0xc02c));
    expected.timeout = Seconds(3);
    expected.verify_result = 0;
    expected.max_fragment_length_mode = 0;
    assert_eq!(session, expected);
}

#[test]
fn r224_bytes_after_the_session_are_not_looked_at() {
    let der = [&with(&[])[..], &[0xaa, 0xbb]].concat();
    let (_, length) = Decoder::new(NOW).decode(&der).unwrap();
    assert_eq!(length, der.len() - 2);
    taken(&der);
}

/// As OpenSSL 3.2 and later write an Ed25519 key, by the ASN.1 of `ssl/ssl_asn1.c` and RFC 8410:
///
/// ```text
/// b4 2e              peer_rpk [20] EXPLICIT
///    04 2c           OCTET STRING
///       30 2a        SubjectPublicKeyInfo
///          30 05     AlgorithmIdentifier
///             06 03  OBJECT IDENTIFIER 1.3.101.112
///          03 21 00  BIT STRING, of whole bytes
/// ```
const PEER_PUBLIC_KEY: [u8; 16] =
    [0xb4, 0x2e, 4, 0x2c, 0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

#[test]
fn peer_public_key_is_taken_and_written_back() {
    let field = [&PEER_PUBLIC_KEY[..], &[7; 32]].concat();
    let der = with(&[
        &[0xa1, 3, 2, 1, 9],
        &[0xa2, 3, 2, 1, 9],
        &[0xa4, 2, 4, 0],
        &[0xb3, 3, 2, 1, 0],
        &field,
    ]);
    let session = decode(&der).unwrap();
    assert_eq!(session.peer_public_key.as_ref().expect("there").as_bytes(), &field[4..]);
    assert_eq!(*session.to_der().unwrap(), der);
}

#[test]
fn bytes_after_the_peer_public_key_are_dropped() {
    let field = [&PEER_PUBLIC_KEY[..], &[7; 32]].concat();
    let longer = tlv(0xb4, &tlv(4, &[&field[4..], &[5, 0]].concat()));
    let der = with(&[&longer]);
    let session = decode(&der).unwrap();
    assert_eq!(session.peer_public_key.as_ref().expect("there").as_bytes(), &field[4..]);
    assert!(session.to_der().unwrap().ends_with(&field));
}
