//! Arbitrary sessions, and arbitrary changes to what OpenSSL wrote.

use arbitrary::{Arbitrary, Unstructured};
use proptest::collection::vec;
use proptest::prelude::*;
use session_codec::Decoder;

use crate::fields::{Fields, tlv};
use crate::scene::{self, NOW};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn r220_any_session_comes_back_as_it_was(bytes in vec(any::<u8>(), 0..2_000)) {
        let fields = Fields::arbitrary(&mut Unstructured::new(&bytes)).unwrap();
        let session = fields.session();
        let der = session.to_der().unwrap();
        let (decoded, length) = Decoder::new(NOW).any_cipher().decode(&der).unwrap();
        prop_assert_eq!(&decoded, &session);
        prop_assert_eq!(length, der.len());
        prop_assert_eq!(decoded.into_owned().to_der().unwrap(), der);
    }
}

#[cfg(target_os = "linux")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn r222_changed_sessions_are_taken_by_both_or_refused_by_both(
        file in any::<prop::sample::Index>(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let der = &without_peer()[file.index(without_peer().len())];
        let mut changed = der.clone();
        for (index, byte) in changes {
            let index = index.index(changed.len());
            changed[index] = byte;
        }
        both(&changed)?;
    }

    #[test]
    fn r222_arbitrary_fields_are_taken_by_both_or_refused_by_both(
        fields in vec((prop::sample::select(TAGS), element()), 0..6),
        sorted in prop::bool::weighted(0.9),
    ) {
        let mut fields = fields;
        if sorted {
            fields.sort_by_key(|(tag, _)| *tag & 0x1f);
        }
        let fields: Vec<_> = fields.iter().map(|(tag, inner)| tlv(*tag, inner)).collect();
        let fields: Vec<_> = fields.iter().map(Vec::as_slice).collect();
        both(&scene::with(&fields))?;
    }

    #[test]
    fn text_of_any_session_is_libssls(bytes in vec(any::<u8>(), 0..2_000)) {
        let fields = Fields::arbitrary(&mut Unstructured::new(&bytes)).unwrap();
        let mut session = fields.session();
        // It has no certificate with such an outline, it stops at an empty ticket or name, and later
        // versions have other times.
        session.peer = None;
        session.peer_public_key = None;
        session.ticket = session.ticket.filter(|ticket| !ticket.as_bytes().is_empty());
        for name in
            [&mut session.psk_identity, &mut session.psk_identity_hint, &mut session.srp_username]
        {
            *name = name.take().filter(|name| !name.as_bytes().is_empty());
        }
        session.cipher = Some(session_codec::CipherSuite(0x1301));
        session.time = session_codec::UnixTime(session.time.0 & 0xffff_ffff | 1);
        session.timeout = session_codec::Seconds(session.timeout.0 & 0xffff_ffff | 1);
        let library = crate::libssl::LibSsl::get();
        let der = session.to_der().unwrap();
        let (theirs, _) = library.decode(&der).expect("both take it");
        prop_assert_eq!(&theirs.encode(), &*der);
        // Words of later codes are later words.
        if library.is_3_0() {
            let mut ours = Vec::new();
            session.write_text(&mut ours).unwrap();
            let theirs = theirs.text();
            prop_assert_eq!(
                String::from_utf8_lossy(&ours), String::from_utf8_lossy(&theirs)
            );
        }
    }
}

/// The tags of all fields but those of the peer, and some that are none.
#[cfg(target_os = "linux")]
const TAGS: &[u8] = &[
    0x80, 0xa1, 0xa2, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf, 0xb0,
    0xb1, 0xb2, 0xb3, 0xa0, 0xb5, 0x81, 0x02,
];

/// An element of a right or wrong kind, with lengths around the limits.
#[cfg(target_os = "linux")]
fn element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => vec(any::<u8>(), 1..11).prop_map(|content| tlv(2, &content)),
        4 => vec(any::<u8>(), 0..40).prop_map(|content| tlv(4, &content)),
        1 => vec(any::<u8>(), 0..12),
    ]
}

#[cfg(target_os = "linux")]
fn without_peer() -> &'static [Vec<u8>] {
    static SESSIONS: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    SESSIONS.get_or_init(|| {
        let bare = |(_, der): (String, Vec<u8>)| {
            let mut session = scene::decode(&der).unwrap();
            session.peer = None;
            session.to_der().unwrap().to_vec()
        };
        scene::corpus().into_iter().map(bare).collect()
    })
}

/// Both take it and mean the same, or both refuse it, or it is BER and not DER and we refuse it.
#[cfg(target_os = "linux")]
fn both(der: &[u8]) -> Result<(), TestCaseError> {
    let library = crate::libssl::LibSsl::get();
    let decoded = Decoder::new(NOW).decode(der);
    match (decoded, library.decode(der)) {
        (Ok((ours, our_length)), Some((theirs, their_length))) => {
            prop_assert_eq!(our_length, their_length);
            let theirs = theirs.encode();
            // A session that names no time gets the present one.
            if ours.time != NOW && (library.is_3_0() || ours.time.0.min(ours.timeout.0) >= 0) {
                prop_assert_eq!(&*ours.to_der().unwrap(), &theirs);
            }
        }
        (Err(_), None) => {}
        (Ok((ours, _)), None) => {
            let known_to_few = !ours.cipher.is_some_and(is_everywhere);
            let has_raw_key = ours.peer_public_key.is_some();
            prop_assert!(known_to_few || has_raw_key, "we take what libssl refuses: {:?}", ours);
        }
        (Err(error), Some((theirs, _))) => {
            let theirs = theirs.encode();
            prop_assert!(scene::decode(&theirs).is_ok(), "{}", error);
            prop_assert_ne!(&theirs, der, "it is DER: {}", error);
        }
    }
    Ok(())
}

/// Tells whether every build of OpenSSL has it; the corpus and the scenes use no other.
#[cfg(target_os = "linux")]
fn is_everywhere(cipher: session_codec::CipherSuite) -> bool {
    matches!(cipher.0 >> 8, 0x13 | 0xc0 | 0xcc)
}
