//! A session as PEM, which is how `openssl s_client -sess_out` keeps one.
//!
//! Invariant: the DER in between is wiped, and decoded into a block that never moves.

use pem_rfc7468::LineEnding;
use zeroize::Zeroizing;

use crate::decode::Decoder;
use crate::error::{Error, ErrorKind, Expected, Found};
use crate::session::SslSession;

const LABEL: &str = "SSL SESSION PARAMETERS";
const BEGIN: &[u8] = b"-----BEGIN SSL SESSION PARAMETERS-----";
const END: &[u8] = b"-----END SSL SESSION PARAMETERS-----";

impl SslSession<'_> {
    /// Returns the session as PEM, never encrypted; the text is wiped when dropped.
    ///
    /// # Errors
    ///
    /// As [`encoded_len`](SslSession::encoded_len).
    pub fn to_pem(&self) -> Result<Zeroizing<String>, Error> {
        let der = self.to_der()?;
        let length = pem_rfc7468::encapsulated_len(LABEL, LineEnding::LF, der.len());
        let mut pem = vec![0; length.map_err(|error| refused(Found::Pem(error)))?];
        pem_rfc7468::encode(LABEL, LineEnding::LF, &der, &mut pem)
            .map_err(|error| refused(Found::Pem(error)))?;
        // Takes the block over as it is.
        let pem = String::from_utf8(pem).expect("PEM is ASCII");
        Ok(Zeroizing::new(pem))
    }
}

impl Decoder {
    /// Decodes the first session in `pem`, and returns it with the number of bytes up to the end of its
    /// block, so that the next can be read from there.
    ///
    /// What stands before the block is read over, other PEM blocks too.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::PemEncrypted`] when the block is encrypted, [`ErrorKind::Pem`] when there is none
    /// or it is not well made; else as [`decode`](Decoder::decode), with offsets into the DER.
    pub fn decode_pem(&self, pem: &[u8]) -> Result<(SslSession<'static>, usize), Error> {
        let start = line_that_begins_with(BEGIN, pem).ok_or(refused(Found::Nothing))?;
        let block = &pem[start..];
        let unfinished = || refused(Found::Nothing).at(start);
        let length = line_that_begins_with(END, block).ok_or_else(unfinished)? + END.len();
        let block = &block[..length];
        if line_that_begins_with(b"Proc-Type:", block).is_some()
            && block.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED)
        {
            let expected = Expected::Words("a plain one; decrypt it first");
            let (kind, found) = (ErrorKind::PemEncrypted, Found::Nothing);
            return Err(Error::of_value(kind, "encrypted PEM block", expected, found).at(start));
        }
        let malformed = |error| refused(Found::Pem(error)).at(start);
        let mut decoder = pem_rfc7468::Decoder::new_detect_wrap(block).map_err(malformed)?;
        let mut der = Zeroizing::new(vec![0; decoder.remaining_len()]);
        decoder.decode(&mut der).map_err(malformed)?;
        let (session, _) = self.decode(&der)?;
        let rest = &pem[start + length..];
        let line_end =
            if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest.starts_with(b"\n")) };
        Ok((session.into_owned(), start + length + line_end))
    }
}

const ENCRYPTED: &[u8] = b"ENCRYPTED";

/// Finds the first line that begins so.
fn line_that_begins_with(words: &[u8], text: &[u8]) -> Option<usize> {
    let mut start = 0;
    loop {
        let line = text.get(start..)?;
        if line.starts_with(words) {
            return Some(start);
        }
        start += line.iter().position(|byte| *byte == b'\n')? + 1;
    }
}

fn refused(found: Found) -> Error {
    let expected = Expected::Words("a block with the label SSL SESSION PARAMETERS");
    Error::of_value(ErrorKind::Pem, "PEM", expected, found)
}
