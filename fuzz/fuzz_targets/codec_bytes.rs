//! Any bytes as DER and as PEM: refused with a reason, or a session that comes back as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use session_codec::{Decoder, Error, SslSession, UnixTime};

const NOW: UnixTime = UnixTime(1_800_000_000);

fuzz_target!(|bytes: &[u8]| {
    let known = Decoder::new(NOW);
    match known.decode(bytes) {
        Ok((session, length)) => {
            assert!(session.cipher.is_some_and(|cipher| cipher.is_known()));
            check(&session, &bytes[..length]);
        }
        Err(error) => describe(&error, bytes.len()),
    }
    if let Ok((session, length)) = known.any_cipher().decode(bytes) {
        check(&session, &bytes[..length]);
    }
    match known.decode_pem(bytes) {
        Ok((session, length)) => {
            assert!(length <= bytes.len());
            check(&session, &session.to_der().expect("it was decoded"));
        }
        // Its offsets may be into the DER, which is shorter.
        Err(error) => describe(&error, bytes.len()),
    }
});

/// What was decoded can be encoded, printed and decoded again, and takes no more room than it did.
fn check(session: &SslSession<'_>, der: &[u8]) {
    let again = session.to_der().expect("it was decoded");
    let (decoded, length) = Decoder::new(NOW).any_cipher().decode(&again).expect("we wrote it");
    assert_eq!((&decoded, length), (session, again.len()));
    assert_eq!(decoded.to_der().expect("it was decoded"), again);
    // What can be missing and is then written: time, timeout, id context and group.
    assert!(again.len() <= der.len() + 24, "{} from {} bytes", again.len(), der.len());
    let mut text = Vec::new();
    session.write_text(&mut text).expect("a vector takes all");
    session.write_keylog(&mut text).expect("a vector takes all");
    let _ = format!("{session:?}");
    assert_eq!(session.clone().into_owned(), *session);
}

fn describe(error: &Error, length: usize) {
    assert!(!error.to_string().is_empty());
    assert!(error.offset().is_none_or(|offset| offset <= length), "{error} of {length} bytes");
}
