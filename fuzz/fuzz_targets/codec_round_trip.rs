//! Any session, through DER and PEM and back; and cut short, which is always noticed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use session_codec::{Decoder, ErrorKind, UnixTime};

use fields::Fields;

#[path = "../../session-codec/tests/fields/mod.rs"]
mod fields;

#[derive(Debug, arbitrary::Arbitrary)]
struct Case {
    fields: Fields,
    cut: u16,
    after: Vec<u8>,
}

fuzz_target!(|case: Case| {
    let session = case.fields.session();
    let decoder = Decoder::new(UnixTime(1_800_000_000)).any_cipher();
    let der = session.to_der().expect("it has a cipher suite");
    assert_eq!(session.encoded_len(), Ok(der.len()));

    let followed = [&der[..], &case.after[..]].concat();
    let (decoded, length) = decoder.decode(&followed).expect("we wrote it");
    assert_eq!((&decoded, length), (&session, der.len()));
    assert_eq!(decoded.into_owned().to_der().expect("it was decoded"), der);

    let cut = usize::from(case.cut) % der.len();
    let error = decoder.decode(&der[..cut]).expect_err("cut short");
    assert_eq!(error.kind(), ErrorKind::Truncated);

    let pem = session.to_pem().expect("it has a cipher suite");
    let (decoded, length) = decoder.decode_pem(pem.as_bytes()).expect("we wrote it");
    assert_eq!((decoded, length), (session, pem.len()));
});
