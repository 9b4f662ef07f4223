//! What the tests share: sessions spelled out in DER, and both decoders asked at once.

use session_codec::{Decoder, Error, ErrorKind, SslSession, UnixTime};

pub(crate) use crate::fields::tlv;

pub(crate) const NOW: UnixTime = UnixTime(1_800_000_000);

/// The structure's version, TLS 1.2, a cipher suite, an empty id, an empty master key.
pub(crate) const FIRST_FIVE: [&[u8]; 5] =
    [&[2, 1, 1], &[2, 2, 3, 3], &[4, 2, 0xc0, 0x2c], &[4, 0], &[4, 0]];

/// A session of these elements.
pub(crate) fn sequence(elements: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &elements.concat())
}

/// The first five fields and these.
pub(crate) fn with(more: &[&[u8]]) -> Vec<u8> {
    sequence(&[&FIRST_FIVE[..], more].concat())
}

/// The first five fields, with one of them replaced.
pub(crate) fn replaced(index: usize, element: &[u8]) -> Vec<u8> {
    let mut elements = FIRST_FIVE;
    elements[index] = element;
    sequence(&elements)
}

/// The first five fields and one that holds one element.
pub(crate) fn tagged(number: u8, inner: &[u8]) -> Vec<u8> {
    with(&[&tlv(0xa0 | number, inner)])
}

pub(crate) fn decode(der: &[u8]) -> Result<SslSession<'_>, Error> {
    Decoder::new(NOW).decode(der).map(|(session, _)| session)
}

/// Decodes what both take, and says the same about.
#[track_caller]
pub(crate) fn taken(der: &[u8]) -> SslSession<'_> {
    let (session, length) = Decoder::new(NOW).decode(der).unwrap();
    #[cfg(target_os = "linux")]
    {
        let library = crate::libssl::LibSsl::get();
        let (theirs, their_length) = library.decode(der).expect("libssl takes it");
        assert_eq!(length, their_length, "bytes taken up");
        let (ours, theirs) = (session.to_der().unwrap(), theirs.encode());
        if session.time != NOW {
            assert_eq!(*ours, theirs, "both encode the same");
        }
    }
    let _ = length;
    session
}

/// Why we refuse what both refuse.
#[track_caller]
pub(crate) fn refused(der: &[u8]) -> (ErrorKind, &'static str) {
    #[cfg(target_os = "linux")]
    assert!(crate::libssl::LibSsl::get().decode(der).is_none(), "libssl takes it");
    let error = decode(der).expect_err("both refuse it");
    (error.kind(), error.field())
}

/// Why we refuse what libssl takes.
#[track_caller]
pub(crate) fn stricter(der: &[u8]) -> (ErrorKind, &'static str) {
    #[cfg(target_os = "linux")]
    assert!(crate::libssl::LibSsl::get().decode(der).is_some(), "libssl refuses it too");
    let error = decode(der).expect_err("stricter");
    (error.kind(), error.field())
}

/// Every session in the corpus, by its file's name.
pub(crate) fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "der") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            files.push((name, std::fs::read(path).unwrap()));
        }
    }
    files.sort();
    assert!(files.len() > 40, "the corpus has {} files", files.len());
    files
}
