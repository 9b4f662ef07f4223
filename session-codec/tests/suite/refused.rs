//! What `d2i_SSL_SESSION` refuses and so do we, row by row; and the few forms that only we refuse.

use session_codec::{CipherSuite, Decoder, ErrorKind};

use crate::scene::{NOW, decode, refused, replaced, sequence, stricter, tagged, tlv, with};

#[test]
fn r222_structure_version_other_than_1_is_refused() {
    let version = "structure version";
    assert_eq!(refused(&replaced(0, &[2, 1, 2])), (ErrorKind::StructureVersion, version));
    assert_eq!(refused(&replaced(0, &[2, 1, 0])), (ErrorKind::StructureVersion, version));
    assert_eq!(refused(&replaced(0, &[2, 1, 0xff])), (ErrorKind::StructureVersion, version));
    let wide = [2, 5, 1, 0, 0, 0, 1];
    assert_eq!(refused(&replaced(0, &wide)), (ErrorKind::StructureVersion, version));
}

#[test]
fn r222_protocol_version_of_no_known_family_is_refused() {
    for version in
        [&[2, 2, 1, 1][..], &[2, 2, 2, 0], &[2, 2, 4, 0], &[2, 1, 3], &[2, 2, 0xfe, 0xff]]
    {
        let (kind, field) = refused(&replaced(1, version));
        assert_eq!((kind, field), (ErrorKind::ProtocolVersion, "protocol version"), "{version:x?}");
    }
    let low_bytes_of_tls12 = [2, 3, 1, 3, 3];
    assert_eq!(refused(&replaced(1, &low_bytes_of_tls12)).0, ErrorKind::ProtocolVersion);
    assert_eq!(refused(&replaced(1, &[2, 5, 1, 0, 0, 3, 3])).0, ErrorKind::Range);
}

#[test]
fn r222_cipher_of_other_than_two_bytes_is_refused() {
    for cipher in [&[4, 0][..], &[4, 1, 0x2f], &[4, 3, 0, 0xc0, 0x2c]] {
        assert_eq!(refused(&replaced(2, cipher)), (ErrorKind::CipherLength, "cipher suite"));
    }
}

#[test]
fn r222_unknown_cipher_is_refused_unless_any_is_allowed() {
    let der = replaced(2, &[4, 2, 0x0a, 0x0a]);
    assert_eq!(refused(&der), (ErrorKind::CipherUnknown, "cipher suite"));
    let (session, _) = Decoder::new(NOW).any_cipher().decode(&der).unwrap();
    assert_eq!(session.cipher, Some(CipherSuite(0x0a0a)));
    // Any value, not any length.
    let error = Decoder::new(NOW).any_cipher().decode(&replaced(2, &[4, 1, 0])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CipherLength);
}

#[test]
fn r222_id_context_and_key_that_are_too_long_are_refused() {
    let id = refused(&replaced(3, &tlv(4, &[7; 33])));
    assert_eq!(id, (ErrorKind::TooLong, "session id"));
    let key = refused(&replaced(4, &tlv(4, &[7; 513])));
    assert_eq!(key, (ErrorKind::TooLong, "master key"));
    let context = refused(&tagged(4, &tlv(4, &[7; 33])));
    assert_eq!(context, (ErrorKind::TooLong, "session id context"));
}

#[test]
fn r222_number_out_of_range_is_refused() {
    let two_to = |bits: u32| tlv(2, &(1u128 << bits).to_be_bytes()[15 - bits as usize / 8..]);
    for (tag, field, number) in [
        (1, "time", tlv(2, &[0, 0x80, 0, 0, 0, 0, 0, 0, 0])),
        (2, "timeout", tlv(2, &[0, 0x80, 0, 0, 0, 0, 0, 0, 0])),
        (5, "verify result", tlv(2, &[0, 0x80, 0, 0, 0])),
        (5, "verify result", tlv(2, &[0xff, 0x7f, 0xff, 0xff, 0xff])),
        (9, "ticket lifetime hint", two_to(64)),
        (13, "flags", two_to(64)),
        (14, "ticket age addend", two_to(32)),
        (15, "maximum early data", two_to(32)),
        (17, "maximum fragment length", two_to(32)),
        (19, "key exchange group", two_to(32)),
    ] {
        assert_eq!(refused(&tagged(tag, &number)), (ErrorKind::Range, field), "{number:x?}");
    }
}

#[test]
fn r222_negative_number_without_sign_is_refused() {
    for tag in [9, 13, 14, 15, 17, 19] {
        assert_eq!(refused(&tagged(tag, &[2, 1, 0xff])).0, ErrorKind::Range, "[{tag}]");
    }
}

#[test]
fn r222_compression_of_other_than_one_byte_is_refused() {
    for compression in [&[4, 0][..], &[4, 2, 1, 1]] {
        let reason = refused(&tagged(11, compression));
        assert_eq!(reason, (ErrorKind::CompressionLength, "compression"));
    }
}

#[test]
fn r222_certificate_that_cannot_be_parsed_is_refused() {
    let kind = (ErrorKind::Certificate, "peer certificate");
    for certificate in [&[0x30, 0][..], &[4, 0], &[0x30, 2, 0x30, 0], &[0x30, 1]] {
        assert_eq!(refused(&tagged(3, certificate)), kind, "{certificate:x?}");
    }
}

#[test]
fn r222_certificate_of_the_corpus_is_refused_in_every_piece() {
    let (_, der) = crate::scene::corpus()
        .into_iter()
        .find(|(name, _)| name == "made_tls12_ec_id.der")
        .expect("it is in the corpus");
    let certificate =
        decode(&der).unwrap().peer.expect("a server's certificate").as_bytes().to_vec();
    crate::scene::taken(&tagged(3, &certificate));
    // The outermost content loses its last element, then one more, and so on.
    let parts = elements(&certificate);
    let to_be_signed = elements(&parts[0]);
    for end in 0..parts.len() {
        assert_eq!(
            refused(&tagged(3, &tlv(0x30, &parts[..end].concat()))).0,
            ErrorKind::Certificate
        );
    }
    // Without its last three fields (extensions among them) it may be another certificate, so up to
    // the public key.
    for end in 0..to_be_signed.len() - 1 {
        let cut = [tlv(0x30, &to_be_signed[..end].concat()), parts[1].clone(), parts[2].clone()];
        let (kind, _) = refused(&tagged(3, &tlv(0x30, &cut.concat())));
        assert_eq!(kind, ErrorKind::Certificate, "cut after {end} fields");
    }
}

/// The elements inside of one, whose lengths are below 65,536.
fn elements(der: &[u8]) -> Vec<Vec<u8>> {
    let split = |der: &[u8]| match der[1] {
        0x81 => (3, usize::from(der[2])),
        0x82 => (4, usize::from(der[2]) << 8 | usize::from(der[3])),
        short => (2, usize::from(short)),
    };
    let (start, _) = split(der);
    let (mut rest, mut found) = (&der[start..], Vec::new());
    while !rest.is_empty() {
        let (header, content) = split(rest);
        found.push(rest[..header + content].to_vec());
        rest = &rest[header + content..];
    }
    found
}

#[test]
fn r222_public_key_that_cannot_be_parsed_is_refused() {
    for key in [&[0x30, 0][..], &[3, 1, 0], &[0x30, 2, 0x30, 0]] {
        let reason = refused(&with(&[&[0xb3, 3, 2, 1, 0], &tlv(0xb4, &tlv(4, key))]));
        assert_eq!(reason, (ErrorKind::PublicKey, "peer public key"), "{key:x?}");
    }
}

#[test]
fn public_key_that_is_in_no_octet_string_is_refused() {
    let key = [0x30, 8, 0x30, 3, 6, 1, 42, 3, 1, 0];
    let field = |inner: &[u8]| refused(&with(&[&[0xb3, 3, 2, 1, 0], &tlv(0xb4, inner)]));
    assert_eq!(field(&key), (ErrorKind::Malformed, "peer public key"));
    assert_eq!(field(&[4, 0]), (ErrorKind::PublicKey, "peer public key"));
    assert_eq!(field(&[4, 9, 0x30]), (ErrorKind::Truncated, "peer public key"));
}

#[test]
fn r222_unknown_field_is_refused() {
    let unknown = (ErrorKind::Malformed, "further field");
    for field in
        [&[0xb5, 3, 2, 1, 0][..], &[5, 0], &[2, 1, 1], &[0xbf, 0x1f, 2, 5, 0], &[0x81, 1, 1]]
    {
        assert_eq!(refused(&with(&[field])), unknown, "{field:x?}");
    }
}

#[test]
fn r222_field_out_of_order_or_twice_is_refused() {
    let (time, timeout) = ([0xa1, 3, 2, 1, 9], [0xa2, 3, 2, 1, 9]);
    let reason = (ErrorKind::Malformed, "further field");
    assert_eq!(refused(&with(&[&timeout, &time])), reason);
    assert_eq!(refused(&with(&[&time, &time])), reason);
    assert_eq!(refused(&with(&[&[0x80, 0], &[0x80, 0]])), reason);
    assert_eq!(refused(&with(&[&time, &[0x80, 0]])), reason);
}

#[test]
fn r222_missing_field_of_the_first_five_is_refused() {
    for end in 0..5 {
        let (kind, _) = refused(&sequence(&crate::scene::FIRST_FIVE[..end]));
        assert_eq!(kind, ErrorKind::Truncated, "only {end} fields");
    }
}

#[test]
fn r222_number_that_is_not_minimal_is_refused() {
    assert_eq!(refused(&replaced(0, &[2, 2, 0, 1])).0, ErrorKind::Malformed);
    assert_eq!(refused(&replaced(1, &[2, 3, 0, 3, 3])).0, ErrorKind::Malformed);
    assert_eq!(refused(&tagged(1, &[2, 2, 0xff, 0xff])), (ErrorKind::Malformed, "time"));
    assert_eq!(refused(&tagged(9, &[2, 2, 0, 5])).0, ErrorKind::Malformed);
}

#[test]
fn r222_explicit_tag_around_other_than_one_element_is_refused() {
    let time = |content: &[u8]| refused(&with(&[&tlv(0xa1, content)]));
    assert_eq!(time(&[]).1, "time");
    assert_eq!(time(&[2, 1, 9, 0]), (ErrorKind::Malformed, "time"));
    assert_eq!(time(&[2, 1, 9, 2, 1, 9]), (ErrorKind::Malformed, "time"));
    assert_eq!(time(&[4, 1, 9]), (ErrorKind::Malformed, "time"));
}

#[test]
fn r222_element_that_is_longer_than_what_is_around_it_is_refused() {
    assert_eq!(refused(&with(&[&[0xa1, 3, 2, 2, 9]])), (ErrorKind::Truncated, "time"));
    assert_eq!(refused(&with(&[&[0xa1, 9, 2, 1, 9]])), (ErrorKind::Truncated, "time"));
    assert_eq!(refused(&replaced(4, &[4, 0x84, 0xff, 0xff, 0xff, 0xff])).0, ErrorKind::Truncated);
    assert_eq!(refused(&[]).0, ErrorKind::Truncated);
    assert_eq!(refused(&[4, 0]), (ErrorKind::Malformed, "session"));
}

#[test]
fn r222_stricter_length_that_is_not_minimal_or_is_indefinite_is_refused() {
    let content = crate::scene::FIRST_FIVE.concat();
    let long = [&[0x30, 0x81, content.len() as u8], &content[..]].concat();
    assert_eq!(stricter(&long), (ErrorKind::Malformed, "session"));
    let indefinite = [&[0x30, 0x80], &content[..], &[0, 0]].concat();
    assert_eq!(stricter(&indefinite), (ErrorKind::Malformed, "session"));
    assert_eq!(stricter(&replaced(3, &[4, 0x81, 1, 7])), (ErrorKind::Malformed, "session id"));
    assert_eq!(stricter(&with(&[&[0xa1, 0x81, 3, 2, 1, 9]])), (ErrorKind::Malformed, "time"));
    assert_eq!(stricter(&with(&[&[0xa1, 0x80, 2, 1, 9, 0, 0]])), (ErrorKind::Malformed, "time"));
}

#[test]
fn r222_stricter_string_in_pieces_is_refused() {
    let pieces = [0x24, 4, 4, 2, 0xc0, 0x2c];
    assert_eq!(stricter(&replaced(2, &pieces)), (ErrorKind::Malformed, "cipher suite"));
    assert_eq!(
        stricter(&tagged(4, &[0x24, 3, 4, 1, 7])),
        (ErrorKind::Malformed, "session id context")
    );
    // The key argument of SSL 2.0, which nothing reads.
    assert_eq!(stricter(&with(&[&[0xa0, 2, 4, 0]])), (ErrorKind::Malformed, "further field"));
}

#[test]
fn r222_stricter_number_without_content_is_refused() {
    assert_eq!(stricter(&tagged(1, &[2, 0])), (ErrorKind::Malformed, "time"));
    assert_eq!(stricter(&tagged(19, &[2, 0])), (ErrorKind::Malformed, "key exchange group"));
}
