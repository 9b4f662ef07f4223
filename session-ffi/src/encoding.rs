//! Sessions as DER, as PEM and as text, with OpenSSL's rules for pointers.
//!
//! Source: the manual pages `d2i_SSL_SESSION(3)`, `PEM_read_SSL_SESSION(3)` and `SSL_SESSION_print(3)`.

use std::ffi::{c_char, c_int, c_long, c_uchar, c_void};
use std::io;

use libc::FILE;
use session_codec::{Decoder, ErrorKind, SslSession};
use zeroize::Zeroizing;

use crate::fault::{
    Fault, SESS_R_BAD_LENGTH, SESS_R_CIPHER_CODE_WRONG_LENGTH, SESS_R_INTERNAL_ERROR,
    SESS_R_PASSED_INVALID_ARGUMENT, SESS_R_PEM, SESS_R_UNKNOWN_SSL_VERSION,
    SESS_R_UNSUPPORTED_SSL_VERSION, entry,
};
use crate::memory;
use crate::session::{SESS_SESSION, now};

/// The version of the structure that i2d_SESS_SESSION() writes.
pub const SESS_SESSION_ASN1_VERSION: c_int = 1;

/// Is called with what a function writes, piece by piece; returns 1 to go on, 0 to stop.
pub type SESS_write_cb =
    Option<unsafe extern "C" fn(arg: *mut c_void, bytes: *const c_char, len: usize) -> c_int>;

/// OpenSSL's pem_password_cb. No password is ever asked for: an encrypted session is refused.
pub type SESS_pem_password_cb = Option<
    unsafe extern "C" fn(buf: *mut c_char, size: c_int, rwflag: c_int, u: *mut c_void) -> c_int,
>;

/// Encodes a session as DER and returns the number of bytes; 0 when it has no cipher suite.
///
/// pp NULL: nothing is written. *pp NULL: a block is allocated, *pp points to it, and the caller frees it with
/// SESS_mem_free(). Else the bytes are written to *pp, which has room for them, and *pp moves behind them.
/// **The master key is among them.**
/// Threads: any. NULL: session: 0; pp: the length alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn i2d_SESS_SESSION(
    session: *const SESS_SESSION,
    pp: *mut *mut c_uchar,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live session.
        let object = unsafe { memory::required(session, "session") }?;
        if pp.is_null() {
            let length = object.read(|fields| fields.encoded_len()).map_err(fault)?;
            return length_for_c(length);
        }
        let der = object.read(|fields| fields.to_der()).map_err(fault)?;
        let length = length_for_c(der.len())?;
        // SAFETY: not NULL; C says that it is a place for a pointer that holds one.
        let out = unsafe { *pp };
        if out.is_null() {
            let block = memory::allocate(&der)?.as_ptr();
            // SAFETY: as above.
            unsafe { *pp = block };
            return Ok(length);
        }
        // SAFETY: C says that there is room for them, and it is no part of the session.
        unsafe { out.copy_from_nonoverlapping(der.as_ptr(), der.len()) };
        // SAFETY: the sum is the end of that room at most.
        let end = unsafe { out.add(der.len()) };
        // SAFETY: a place for a pointer, as above.
        unsafe { *pp = end };
        Ok(length)
    })
}

fn length_for_c(length: usize) -> Result<c_int, Fault> {
    c_int::try_from(length)
        .map_err(|_| Fault::invalid(format!("{length} bytes are more than an int holds")))
}

/// Decodes the session at the start of length bytes at *pp, and moves *pp behind it; what follows is not
/// looked at. NULL, and *pp as it was, for what is no session.
///
/// a NULL or *a NULL: a session is made, of which the caller owns one reference, and stored in *a too. Else
/// *a is given the content, which must be a session that was in no context and no connection; it is as it was
/// when this fails. A session without a time is made now, one without a timeout good for 3 seconds.
/// Threads: any. NULL: pp, *pp: NULL; a: allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d2i_SESS_SESSION(
    a: *mut *mut SESS_SESSION,
    pp: *mut *const c_uchar,
    length: c_long,
) -> *mut SESS_SESSION {
    entry(std::ptr::null_mut(), || {
        // SAFETY: C says that it is a place for a pointer that holds one.
        let start = *unsafe { memory::required(pp, "pp") }?;
        let length = usize::try_from(length)
            .map_err(|_| Fault::invalid(format!("length {length} is negative")))?;
        if start.is_null() {
            return Err(Fault::null("*pp"));
        }
        // SAFETY: C says that so many bytes can be read there.
        let der = unsafe { memory::bytes(start, length, "*pp") }?;
        let (session, used) = Decoder::new(now()).decode(der).map_err(fault)?;
        // SAFETY: C says so of `a`.
        let made = unsafe { place_in(a, session.into_owned()) }?;
        // SAFETY: within what C says can be read.
        let end = unsafe { start.add(used) };
        // SAFETY: not NULL, as was checked, and a place for a pointer.
        unsafe { *pp = end };
        Ok(made)
    })
}

/// # Safety
///
/// * `a` is NULL or a place that holds NULL or a live session.
unsafe fn place_in(
    a: *mut *mut SESS_SESSION,
    fields: SslSession<'static>,
) -> Result<*mut SESS_SESSION, Fault> {
    // SAFETY: passed on from the caller.
    let given = unsafe { a.as_ref() }.copied().unwrap_or(std::ptr::null_mut());
    // SAFETY: passed on from the caller.
    if let Some(object) = unsafe { given.as_ref() } {
        object.replace_fields(fields)?;
        return Ok(given);
    }
    let made = SESS_SESSION::into_c(SESS_SESSION::decoded(fields));
    // SAFETY: passed on from the caller.
    unsafe { memory::store(a, made) };
    Ok(made)
}

/// Writes a session as PEM ("SSL SESSION PARAMETERS"), unencrypted: **the master key is in it.** 1 done.
///
/// Threads: any; fp is written by this call alone. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PEM_write_SESS_SESSION(fp: *mut FILE, x: *const SESS_SESSION) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live session.
        let object = unsafe { memory::required(x, "x") }?;
        let pem = object.read(|fields| fields.to_pem()).map_err(fault)?;
        // SAFETY: C says that it is an open file.
        let mut file = unsafe { File::new(fp) }?;
        io::Write::write_all(&mut file, pem.as_bytes()).map_err(|error| not_written(&error))?;
        Ok(1)
    })
}

/// Reads the next session that stands in a file as PEM, and leaves the file behind it; other blocks before it
/// are passed over. NULL when there is none, or it is encrypted.
///
/// x: as a of d2i_SESS_SESSION(). cb and u are not used.
/// Threads: any; fp is read by this call alone. NULL: fp: NULL; x: allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PEM_read_SESS_SESSION(
    fp: *mut FILE,
    x: *mut *mut SESS_SESSION,
    _cb: SESS_pem_password_cb,
    _u: *mut c_void,
) -> *mut SESS_SESSION {
    entry(std::ptr::null_mut(), || {
        // SAFETY: C says that it is an open file.
        let mut file = unsafe { File::new(fp) }?;
        let block = read_block(&mut file)?;
        let (session, _) = Decoder::new(now()).decode_pem(&block).map_err(fault)?;
        // SAFETY: C says so of `x`.
        unsafe { place_in(x, session) }
    })
}

/// Writes what a session holds as text for people, as `openssl sess_id -text` shows it: **the master key is
/// among it.** 1 done; 0 when write says 0.
///
/// Threads: any; write is called on this one, and may not use the session. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_print(
    write: SESS_write_cb,
    arg: *mut c_void,
    session: *const SESS_SESSION,
) -> c_int {
    entry(0, || {
        let write = write.ok_or_else(|| Fault::null("write"))?;
        // SAFETY: C says that it is a live session.
        let text = unsafe { text(session) }?;
        // SAFETY: C says that it is to be called so; the bytes are readable.
        if unsafe { write(arg, text.as_ptr().cast(), text.len()) } == 0 {
            return Err(Fault::new(crate::fault::SESS_R_CALLBACK_FAILED, "write returned 0"));
        }
        Ok(1)
    })
}

/// As SESS_SESSION_print(), to a file.
///
/// Threads: any; fp is written by this call alone. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_print_fp(
    fp: *mut FILE,
    session: *const SESS_SESSION,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live session.
        let text = unsafe { text(session) }?;
        // SAFETY: C says that it is an open file.
        let mut file = unsafe { File::new(fp) }?;
        io::Write::write_all(&mut file, &text).map_err(|error| not_written(&error))?;
        Ok(1)
    })
}

/// Writes the line by which a recording of the connection can be decrypted (up to TLS 1.2): **the master
/// key.** 1 done; 0 when the session has no id or no key.
///
/// Threads: any; write is called on this one, and may not use the session. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_print_keylog(
    write: SESS_write_cb,
    arg: *mut c_void,
    session: *const SESS_SESSION,
) -> c_int {
    entry(0, || {
        let write = write.ok_or_else(|| Fault::null("write"))?;
        // SAFETY: C says that it is a live session.
        let object = unsafe { memory::required(session, "session") }?;
        let mut line = Zeroizing::new(Vec::with_capacity(KEYLOG_BYTES_MAX));
        let written = object.read(|fields| fields.write_keylog(&mut *line));
        if !written.map_err(|error| not_written(&error))? {
            return Err(Fault::invalid("the session has no id or no master key"));
        }
        // SAFETY: C says that it is to be called so; the bytes are readable.
        if unsafe { write(arg, line.as_ptr().cast(), line.len()) } == 0 {
            return Err(Fault::new(crate::fault::SESS_R_CALLBACK_FAILED, "write returned 0"));
        }
        Ok(1)
    })
}

/// Room for the line whatever the session holds, so that it is never moved, which would leave a copy.
const KEYLOG_BYTES_MAX: usize = 32 + 2 * (32 + 512);

/// # Safety
///
/// * `session` is NULL or a live session.
unsafe fn text(session: *const SESS_SESSION) -> Result<Zeroizing<Vec<u8>>, Fault> {
    // SAFETY: passed on from the caller.
    let object = unsafe { memory::required(session, "session") }?;
    let mut text = Zeroizing::new(Vec::new());
    let written = object.read(|fields| {
        // Twice, so that the text with the key is never moved.
        let mut counter = Counter(0);
        fields.write_text(&mut counter)?;
        text.reserve_exact(counter.0);
        fields.write_text(&mut *text)
    });
    written.map_err(|error| not_written(&error))?;
    Ok(text)
}

struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An open file of C, for one call.
struct File(*mut FILE);

impl File {
    /// # Safety
    ///
    /// * `file` is NULL or an open file, for as long as the result is used.
    unsafe fn new(file: *mut FILE) -> Result<File, Fault> {
        if file.is_null() { Err(Fault::null("fp")) } else { Ok(File(file)) }
    }

    /// Reads one byte; none at the end.
    fn next(&mut self) -> Option<u8> {
        // SAFETY: open, by `new`.
        u8::try_from(unsafe { libc::fgetc(self.0) }).ok()
    }
}

impl io::Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // SAFETY: open, by `new`; the bytes are readable.
        match unsafe { libc::fwrite(bytes.as_ptr().cast(), 1, bytes.len(), self.0) } {
            0 if !bytes.is_empty() => Err(io::Error::last_os_error()),
            written => Ok(written),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads up to the end of the next session, and no further.
fn read_block(file: &mut File) -> Result<Zeroizing<Vec<u8>>, Fault> {
    // At once, so that the block with the key is never moved.
    let mut block = Zeroizing::new(Vec::with_capacity(PEM_BYTES_MAX));
    let mut is_inside = false;
    let mut line_start = 0;
    while let Some(byte) = file.next() {
        if block.len() == PEM_BYTES_MAX {
            let words = format!("a session as PEM is longer than {PEM_BYTES_MAX} bytes");
            return Err(Fault::new(SESS_R_PEM, words));
        }
        block.push(byte);
        if byte != b'\n' {
            continue;
        }
        let line = &block[line_start..];
        if line.starts_with(b"-----BEGIN SSL SESSION PARAMETERS-----") {
            is_inside = true;
        } else if is_inside && line.starts_with(b"-----END ") {
            return Ok(block);
        } else if !is_inside {
            block.clear();
        }
        line_start = block.len();
    }
    if is_inside {
        // The last line may lack its end; the decoder says what else is wrong.
        return Ok(block);
    }
    Err(Fault::new(SESS_R_PEM, "no SSL SESSION PARAMETERS in what is left of the file"))
}

/// More than the largest session: 512 bytes of key, 64 KiB each of ticket, data and certificate, in base64.
const PEM_BYTES_MAX: usize = 512 << 10;

fn not_written(error: &io::Error) -> Fault {
    Fault::new(SESS_R_INTERNAL_ERROR, format!("the session was not written: {error}"))
}

fn fault(error: session_codec::Error) -> Fault {
    let code = match error.kind() {
        ErrorKind::StructureVersion => SESS_R_UNKNOWN_SSL_VERSION,
        ErrorKind::ProtocolVersion => SESS_R_UNSUPPORTED_SSL_VERSION,
        ErrorKind::CipherLength => SESS_R_CIPHER_CODE_WRONG_LENGTH,
        ErrorKind::CompressionLength => SESS_R_BAD_LENGTH,
        ErrorKind::Pem | ErrorKind::PemEncrypted => SESS_R_PEM,
        _ => SESS_R_PASSED_INVALID_ARGUMENT,
    };
    Fault::new(code, error.to_string())
}
