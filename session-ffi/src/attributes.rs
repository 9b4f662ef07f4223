//! What a session is found by, when it was made, and what else it holds: OpenSSL's getters and setters.
//!
//! Invariant: a setter copies its input before it changes anything, so that a part of the session itself
//! may be its input; one that fails changes nothing.

use std::ffi::{CStr, c_char, c_int, c_long, c_uchar, c_uint, c_ulong, c_void};

use session_cache::{Seconds, UnixTime};
use session_codec::{CipherSuite, Octets, ProtocolVersion, SslSession, Text};
use zeroize::Zeroizing;

use crate::ex_data::{self, Class, SESS_EX_dup, SESS_EX_free, SESS_EX_new};
use crate::fault::{
    Fault, SESS_R_SSL_SESSION_ID_CONTEXT_TOO_LONG, SESS_R_SSL_SESSION_ID_TOO_LONG, entry,
};
use crate::memory;
use crate::session::{SESS_SESSION, unsigned};

/// The most bytes of a session id.
pub const SESS_MAX_SSL_SESSION_ID_LENGTH: c_int = 32;
/// The most bytes of a session id context.
pub const SESS_MAX_SID_CTX_LENGTH: c_int = 32;
/// The most bytes of a master key or resumption PSK.
pub const SESS_MAX_MASTER_KEY_LENGTH: c_int = 512;

type Fields = SslSession<'static>;

/// # Safety
///
/// * `session` is NULL or a live session, for as long as the result is used.
unsafe fn object<'a>(session: *const SESS_SESSION) -> Result<&'a SESS_SESSION, Fault> {
    // SAFETY: passed on from the caller.
    unsafe { memory::required(session, "session") }
}

/// # Safety
///
/// * `session` is NULL or a live session.
unsafe fn get<T>(session: *const SESS_SESSION, failure: T, read: impl FnOnce(&Fields) -> T) -> T {
    // SAFETY: passed on from the caller.
    entry(failure, || Ok(unsafe { object(session) }?.read(read)))
}

/// # Safety
///
/// * `session` is NULL or a live session.
unsafe fn set(session: *const SESS_SESSION, change: impl FnOnce(&mut Fields)) -> c_int {
    // SAFETY: passed on from the caller.
    entry(0, || unsafe { object(session) }.map(|object| object.change(change)).map(|()| 1))
}

/// Hands out bytes of a session that stay where they are until they are set anew.
///
/// # Safety
///
/// * `session` is NULL or a live session; `out` and `len` are NULL or point to places for their values.
unsafe fn lend(
    session: *const SESS_SESSION,
    out: *mut *const c_uchar,
    len: *mut usize,
    which: impl FnOnce(&Fields) -> Option<(*const c_uchar, usize)>,
) -> c_int {
    // SAFETY: passed on from the caller.
    let found = unsafe { get(session, None, which) };
    let (pointer, length) = found.unwrap_or((std::ptr::null(), 0));
    // SAFETY: passed on from the caller.
    unsafe { memory::store(out, pointer) };
    // SAFETY: passed on from the caller.
    unsafe { memory::store(len, length) };
    c_int::from(found.is_some())
}

fn place(bytes: &[u8]) -> (*const c_uchar, usize) {
    (bytes.as_ptr(), bytes.len())
}

/// Copies what C gives, so that it may be the session's own.
///
/// # Safety
///
/// * `pointer` is NULL or points to `len` readable bytes.
unsafe fn copied(
    pointer: *const c_uchar,
    len: usize,
    name: &str,
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    // SAFETY: passed on from the caller.
    Ok(Zeroizing::new(unsafe { memory::bytes(pointer, len, name) }?.to_vec()))
}

/// None when there is nothing, which clears a field.
///
/// # Safety
///
/// * `pointer` is NULL or points to `len` readable bytes.
unsafe fn optional(pointer: *const c_uchar, len: usize) -> Result<Option<Octets<'static>>, Fault> {
    if pointer.is_null() || len == 0 {
        return Ok(None);
    }
    // SAFETY: passed on from the caller.
    let bytes = unsafe { memory::bytes(pointer, len, "data") }?;
    Ok(Some(Octets::from(bytes).into_owned()))
}

/// Returns the session's id, and its length in *len; never NULL, also when it is empty.
///
/// Borrowed: valid until it is set anew or the session is destroyed.
/// Threads: any. NULL: session: NULL; len: no length is told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get_id(
    session: *const SESS_SESSION,
    len: *mut c_uint,
) -> *const c_uchar {
    // SAFETY: C says that it is a live session.
    let (pointer, length) =
        unsafe { get(session, (std::ptr::null(), 0), |fields| place(fields.id.as_bytes())) };
    // SAFETY: C says that it is NULL or a place for a length.
    unsafe { memory::store(len, length as c_uint) };
    pointer
}

/// Sets the session's id to a copy of len bytes at sid, which may be the session's own. 1 done; 0 for
/// more than 32 bytes, and of a session that was added to a context or attached to a connection.
///
/// Threads: one, as all setters. NULL: session: 0; sid: allowed if len is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set1_id(
    session: *mut SESS_SESSION,
    sid: *const c_uchar,
    len: c_uint,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live session.
        let object = unsafe { object(session) }?;
        let too_long = |_| {
            Fault::new(
                SESS_R_SSL_SESSION_ID_TOO_LONG,
                format!("the id has {len} bytes; 32 is the most"),
            )
        };
        if len > SESS_MAX_SSL_SESSION_ID_LENGTH as c_uint {
            return Err(too_long(()));
        }
        // SAFETY: C says that so many bytes can be read there.
        let bytes = unsafe { copied(sid, len as usize, "sid") }?;
        if object.read(|fields| fields.id.as_bytes() == &**bytes) {
            return Ok(1);
        }
        let octets = Octets::new(&bytes).map_err(|_| too_long(()))?.into_owned();
        object.change_draft("id", |fields| fields.id = octets)?;
        Ok(1)
    })
}

/// Returns the session's id context, and its length in *len; never NULL, also when it is empty.
///
/// Borrowed: valid until it is set anew or the session is destroyed.
/// Threads: any. NULL: session: NULL; len: no length is told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get0_id_context(
    session: *const SESS_SESSION,
    len: *mut c_uint,
) -> *const c_uchar {
    // SAFETY: C says that it is a live session.
    let (pointer, length) = unsafe {
        get(session, (std::ptr::null(), 0), |fields| place(fields.id_context.as_bytes()))
    };
    // SAFETY: C says that it is NULL or a place for a length.
    unsafe { memory::store(len, length as c_uint) };
    pointer
}

/// Sets the session's id context to a copy of len bytes at sid_ctx, which may be the session's own. 1 done; 0 for
/// more than 32 bytes, and of a session that was added to a context or attached to a connection.
///
/// Threads: one, as all setters. NULL: session: 0; sid_ctx: allowed if len is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set1_id_context(
    session: *mut SESS_SESSION,
    sid_ctx: *const c_uchar,
    len: c_uint,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live session.
        let object = unsafe { object(session) }?;
        let too_long = |_| {
            Fault::new(
                SESS_R_SSL_SESSION_ID_CONTEXT_TOO_LONG,
                format!("the id context has {len} bytes; 32 is the most"),
            )
        };
        if len > SESS_MAX_SSL_SESSION_ID_LENGTH as c_uint {
            return Err(too_long(()));
        }
        // SAFETY: C says that so many bytes can be read there.
        let bytes = unsafe { copied(sid_ctx, len as usize, "sid_ctx") }?;
        if object.read(|fields| fields.id_context.as_bytes() == &**bytes) {
            return Ok(1);
        }
        let octets = Octets::new(&bytes).map_err(|_| too_long(()))?.into_owned();
        object.change_draft("id context", |fields| fields.id_context = octets)?;
        Ok(1)
    })
}

/// Returns when the session was made, in seconds since 1970.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get_time(session: *const SESS_SESSION) -> c_long {
    // SAFETY: C says that it is a live session.
    unsafe { get(session, 0, |fields| fields.time.0) as c_long }
}

/// As SESS_SESSION_get_time(), in the type that C has for times.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get_time_ex(session: *const SESS_SESSION) -> libc::time_t {
    // SAFETY: C says that it is a live session.
    unsafe { get(session, 0, |fields| fields.time.0) as libc::time_t }
}

/// Sets when the session was made, and returns it. The timeout counts from there; in a cache, the session
/// takes its new place in the order of expiry at once. A time before 1970 is refused: 0.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set_time(session: *mut SESS_SESSION, t: c_long) -> c_long {
    // SAFETY: C says that it is a live session.
    if unsafe { set_time(session, t) } { t } else { 0 }
}

/// As SESS_SESSION_set_time(), in the type that C has for times.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set_time_ex(
    session: *mut SESS_SESSION,
    t: libc::time_t,
) -> libc::time_t {
    // SAFETY: C says that it is a live session.
    if unsafe { set_time(session, t) } { t } else { 0 }
}

/// # Safety
///
/// * `session` is NULL or a live session.
unsafe fn set_time(session: *const SESS_SESSION, seconds: i64) -> bool {
    entry(false, || {
        // SAFETY: passed on from the caller.
        let object = unsafe { object(session) }?;
        if seconds < 0 {
            return Err(Fault::invalid(format!("time {seconds} is before 1970")));
        }
        let created = UnixTime(unsigned(seconds));
        object.set_times(
            |fields| fields.time = session_codec::UnixTime(seconds),
            |cache, session| cache.set_created(session, created),
            |session| session.set_created(created),
        )?;
        Ok(true)
    })
}

/// Returns for how many seconds the session is good.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get_timeout(session: *const SESS_SESSION) -> c_long {
    // SAFETY: C says that it is a live session.
    unsafe { get(session, 0, |fields| fields.timeout.0) as c_long }
}

/// Sets for how many seconds the session is good; in a cache it takes its new place in the order of expiry
/// at once. 1 done; 0, and nothing changed, for less than 0.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set_timeout(session: *mut SESS_SESSION, t: c_long) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live session.
        let object = unsafe { object(session) }?;
        if t < 0 {
            return Err(Fault::invalid(format!("timeout {t} is negative")));
        }
        let timeout = Seconds(unsigned(t));
        object.set_times(
            |fields| fields.timeout = session_codec::Seconds(t),
            |cache, session| cache.set_timeout_of(session, timeout),
            |session| session.set_timeout(timeout),
        )?;
        Ok(1)
    })
}

/// Returns the protocol version as TLS writes it, 0x0303 for TLS 1.2; 0 before it is set.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get_protocol_version(session: *const SESS_SESSION) -> c_int {
    // SAFETY: C says that it is a live session.
    unsafe { get(session, 0, |fields| fields.version.0) }
}

/// Sets the protocol version. 1 done; 0 unless it is 0 to 65535, and of a session that was added to a
/// context or attached to a connection.
///
/// Threads: one, as all setters. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set_protocol_version(
    session: *mut SESS_SESSION,
    version: c_int,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live session.
        let object = unsafe { object(session) }?;
        if u16::try_from(version).is_err() {
            return Err(Fault::invalid(format!("protocol version {version} is not 0 to 65535")));
        }
        if object.read(|fields| fields.version.0 == version) {
            return Ok(1);
        }
        let version = ProtocolVersion(version);
        object.change_draft("protocol version", |fields| fields.version = version)?;
        Ok(1)
    })
}

/// Returns the cipher suite by its two bytes in TLS, 0x1301 for TLS_AES_128_GCM_SHA256; 0 when there is
/// none. (OpenSSL returns an object; this library has no table of them.)
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get0_cipher(session: *const SESS_SESSION) -> u16 {
    // SAFETY: C says that it is a live session.
    unsafe { get(session, 0, |fields| fields.cipher.map_or(0, |cipher| cipher.0)) }
}

/// Sets the cipher suite by its two bytes in TLS; 0 for none. 1 done.
///
/// Any is taken, and encoded; d2i_SESS_SESSION() and PEM_read_SESS_SESSION() refuse one that OpenSSL 3.0 does not know.
/// Threads: one, as all setters. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set_cipher(session: *mut SESS_SESSION, cipher: u16) -> c_int {
    let cipher = (cipher != 0).then_some(CipherSuite(cipher));
    // SAFETY: C says that it is a live session.
    unsafe { set(session, |fields| fields.cipher = cipher) }
}

/// Returns the server's name that the client asked for, NULL when there is none.
///
/// Borrowed: valid until it is set anew or the session is destroyed.
/// Threads: any. NULL: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get0_hostname(session: *const SESS_SESSION) -> *const c_char {
    // SAFETY: C says that it is a live session.
    entry(std::ptr::null(), || Ok(unsafe { object(session) }?.hostname()))
}

/// Sets the server's name to a copy; NULL clears it. 1 done.
///
/// Threads: one, as all setters. NULL: session: 0; hostname: cleared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set1_hostname(
    session: *mut SESS_SESSION,
    hostname: *const c_char,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live session.
        let object = unsafe { object(session) }?;
        let text = if hostname.is_null() {
            None
        } else {
            // SAFETY: not NULL; C says that it is a string that ends.
            let bytes = unsafe { CStr::from_ptr(hostname) }.to_bytes();
            let text = Text::new(bytes).map_err(|error| Fault::invalid(error.to_string()))?;
            Some(text.into_owned())
        };
        object.set_hostname(text);
        Ok(1)
    })
}

/// Tells the protocol that ALPN chose; *alpn NULL and *len 0 when there is none.
///
/// Borrowed: valid until it is set anew or the session is destroyed.
/// Threads: any. NULL: session: as when there is none; alpn, len: not told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get0_alpn_selected(
    session: *const SESS_SESSION,
    alpn: *mut *const c_uchar,
    len: *mut usize,
) {
    // SAFETY: C says so of all three.
    unsafe {
        lend(session, alpn, len, |fields| fields.alpn.as_ref().map(|it| place(it.as_bytes())))
    };
}

/// Sets the protocol that ALPN chose to a copy of len bytes; NULL or 0 bytes clear it. 1 done.
///
/// Threads: one, as all setters. NULL: session: 0; alpn: cleared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set1_alpn_selected(
    session: *mut SESS_SESSION,
    alpn: *const c_uchar,
    len: usize,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that so many bytes can be read there.
        let alpn = unsafe { optional(alpn, len) }?;
        // SAFETY: C says that it is a live session.
        unsafe { object(session) }?.change(|fields| fields.alpn = alpn);
        Ok(1)
    })
}

/// Whether the session has a ticket: 1 or 0.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_has_ticket(session: *const SESS_SESSION) -> c_int {
    // SAFETY: C says that it is a live session.
    unsafe { get(session, 0, |fields| c_int::from(ticket(fields).is_some())) }
}

fn ticket(fields: &Fields) -> Option<&[u8]> {
    fields.ticket.as_ref().map(Octets::as_bytes).filter(|ticket| !ticket.is_empty())
}

/// Returns for how many seconds the server said that the ticket is good; 0 when it did not say.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get_ticket_lifetime_hint(
    session: *const SESS_SESSION,
) -> c_ulong {
    // SAFETY: C says that it is a live session.
    unsafe { get(session, 0, |fields| fields.ticket_lifetime_hint_seconds) as c_ulong }
}

/// Tells the ticket; *tick NULL and *len 0 when there is none.
///
/// Borrowed: valid until it is set anew or the session is destroyed.
/// Threads: any. NULL: session: as when there is none; tick, len: not told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get0_ticket(
    session: *const SESS_SESSION,
    tick: *mut *const c_uchar,
    len: *mut usize,
) {
    // SAFETY: C says so of all three.
    unsafe { lend(session, tick, len, |fields| ticket(fields).map(place)) };
}

/// Sets what the application puts into the ticket to a copy of len bytes; NULL or 0 bytes clear it. 1 done.
///
/// Threads: one, as all setters. NULL: session: 0; data: cleared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set1_ticket_appdata(
    session: *mut SESS_SESSION,
    data: *const c_void,
    len: usize,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that so many bytes can be read there.
        let data = unsafe { optional(data.cast(), len) }?;
        // SAFETY: C says that it is a live session.
        unsafe { object(session) }?.change(|fields| fields.ticket_application_data = data);
        Ok(1)
    })
}

/// Tells what the application put into the ticket, *data NULL and *len 0 when nothing. 1 in both cases.
///
/// Borrowed: valid until it is set anew or the session is destroyed.
/// Threads: any. NULL: session: 0; data, len: not told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get0_ticket_appdata(
    session: *const SESS_SESSION,
    data: *mut *mut c_void,
    len: *mut usize,
) -> c_int {
    let mut found = std::ptr::null();
    // SAFETY: C says so of session and len.
    unsafe {
        lend(session, &mut found, len, |fields| {
            fields.ticket_application_data.as_ref().map(|data| place(data.as_bytes()))
        })
    };
    // SAFETY: C says that it is NULL or a place for a pointer.
    unsafe { memory::store(data, found.cast_mut().cast()) };
    c_int::from(!session.is_null())
}

/// Returns how many bytes of early data the ticket allows.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get_max_early_data(session: *const SESS_SESSION) -> u32 {
    // SAFETY: C says that it is a live session.
    unsafe { get(session, 0, |fields| fields.max_early_data_bytes) }
}

/// Sets how many bytes of early data the ticket allows. 1 done.
///
/// Threads: one, as all setters. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set_max_early_data(
    session: *mut SESS_SESSION,
    max_early_data: u32,
) -> c_int {
    // SAFETY: C says that it is a live session.
    unsafe { set(session, |fields| fields.max_early_data_bytes = max_early_data) }
}

/// Returns the mode of the maximum fragment length that was agreed on (RFC 6066), 0 for none.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get_max_fragment_length(session: *const SESS_SESSION) -> u8 {
    // SAFETY: C says that it is a live session.
    unsafe { get(session, 0, Fields::negotiated_max_fragment_length_mode) }
}

/// Returns the compression method, 0 for none.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get_compress_id(session: *const SESS_SESSION) -> c_uint {
    // SAFETY: C says that it is a live session.
    unsafe { get(session, 0, |fields| fields.compression.into()) }
}

/// Tells the peer's certificate as DER; *der NULL and *len 0 when there is none. 1 there is one, 0 not.
/// (OpenSSL returns an object.)
///
/// Borrowed: valid until it is set anew or the session is destroyed.
/// Threads: any. NULL: session: 0; der, len: not told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get0_peer(
    session: *const SESS_SESSION,
    der: *mut *const c_uchar,
    len: *mut usize,
) -> c_int {
    // SAFETY: C says so of all three.
    unsafe { lend(session, der, len, |fields| fields.peer.as_ref().map(|it| place(it.as_bytes()))) }
}

/// Tells the peer's raw public key as DER (SubjectPublicKeyInfo); *der NULL and *len 0 when there is none. 1
/// there is one, 0 not.
///
/// Borrowed: valid until it is set anew or the session is destroyed.
/// Threads: any. NULL: session: 0; der, len: not told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get0_peer_rpk(
    session: *const SESS_SESSION,
    der: *mut *const c_uchar,
    len: *mut usize,
) -> c_int {
    // SAFETY: C says so of all three.
    unsafe {
        lend(session, der, len, |fields| {
            fields.peer_public_key.as_ref().map(|key| place(key.as_bytes()))
        })
    }
}

/// Copies the master key (the resumption PSK in TLS 1.3) to out, as much of it as fits into outlen bytes, and
/// returns how many bytes that were; with outlen 0, how many there are.
///
/// Threads: any. NULL: session: 0; out: allowed if outlen is 0, else 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get_master_key(
    session: *const SESS_SESSION,
    out: *mut c_uchar,
    outlen: usize,
) -> usize {
    entry(0, || {
        // SAFETY: C says that it is a live session.
        let object = unsafe { object(session) }?;
        if outlen != 0 && out.is_null() {
            return Err(Fault::null("out"));
        }
        object.read(|fields| {
            let key = fields.master_key.as_bytes();
            if outlen == 0 {
                return Ok(key.len());
            }
            let length = key.len().min(outlen);
            // SAFETY: the key has so many bytes, and C says that out has room for them; a key inside of the
            // session is not where C writes.
            unsafe { out.copy_from_nonoverlapping(key.as_ptr(), length) };
            Ok(length)
        })
    })
}

/// Sets the master key (the resumption PSK in TLS 1.3) to a copy of len bytes. 1 done; 0 for more than 512.
///
/// Threads: one, as all setters. NULL: session: 0; key: allowed if len is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set1_master_key(
    session: *mut SESS_SESSION,
    key: *const c_uchar,
    len: usize,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live session.
        let object = unsafe { object(session) }?;
        if len > SESS_MAX_MASTER_KEY_LENGTH as usize {
            let words =
                format!("the master key has {len} bytes; {SESS_MAX_MASTER_KEY_LENGTH} is the most");
            return Err(Fault::invalid(words));
        }
        // SAFETY: C says that so many bytes can be read there.
        let bytes = unsafe { memory::bytes(key, len, "key") }?;
        let key =
            Octets::new(bytes).map_err(|error| Fault::invalid(error.to_string()))?.into_owned();
        object.change(|fields| fields.master_key = key);
        Ok(1)
    })
}

/// Whether the session can be resumed: it is not marked otherwise, and has an id or a ticket. Its age takes
/// no part. 1 or 0.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_is_resumable(session: *const SESS_SESSION) -> c_int {
    // SAFETY: C says that it is a live session.
    entry(0, || Ok(c_int::from(unsafe { object(session) }?.is_resumable())))
}

/// Tells the bytes of a plain entry (SESS_CTX_put(), SESS_SESSION_set1_data()); *data NULL and *len 0 of any
/// other session. 1 it is one, 0 not.
///
/// Borrowed: valid until the session is destroyed.
/// Threads: any. NULL: session: 0; data, len: not told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get0_data(
    session: *const SESS_SESSION,
    data: *mut *const c_uchar,
    len: *mut usize,
) -> c_int {
    let found = entry(None, || {
        // SAFETY: C says that it is a live session.
        Ok(unsafe { object(session) }?.data().map(place))
    });
    let (pointer, length) = found.unwrap_or((std::ptr::null(), 0));
    // SAFETY: C says that it is NULL or a place for a pointer.
    unsafe { memory::store(data, pointer) };
    // SAFETY: C says that it is NULL or a place for a length.
    unsafe { memory::store(len, length) };
    c_int::from(found.is_some())
}

/// Gives a session the bytes of a plain entry, a copy, once: for a get callback that answers SESS_CTX_fetch().
/// 1 done; 0 when it has some, or was added to a context or attached to a connection.
///
/// Threads: one, as all setters. NULL: session: 0; data: allowed if len is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set1_data(
    session: *mut SESS_SESSION,
    data: *const c_uchar,
    len: usize,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live session.
        let object = unsafe { object(session) }?;
        // SAFETY: C says that so many bytes can be read there.
        object.set_data(unsafe { memory::bytes(data, len, "data") }?)?;
        Ok(1)
    })
}

/// Hands out an index for application data at sessions (CRYPTO_get_ex_new_index of class SSL_SESSION); -1
/// when there is none left. The callbacks may be NULL; argl and argp are handed to them as they are.
///
/// Threads: any; callbacks run on the thread that makes or ends a session, with no lock held.
#[unsafe(no_mangle)]
pub extern "C" fn SESS_SESSION_get_ex_new_index(
    argl: c_long,
    argp: *mut c_void,
    new_func: SESS_EX_new,
    dup_func: SESS_EX_dup,
    free_func: SESS_EX_free,
) -> c_int {
    ex_data::new_index(Class::Session, argl, argp, (new_func, dup_func, free_func))
}

/// Gives an index back: its callbacks are called for nothing that begins, ends or is duplicated from now on, its values
/// read as NULL. 1 done, 0 when it was not handed out.
///
/// Threads: any. One that is just making, ending or duplicating a session may still call them.
#[unsafe(no_mangle)]
pub extern "C" fn SESS_SESSION_free_ex_index(idx: c_int) -> c_int {
    ex_data::free_index(Class::Session, idx)
}

/// Sets application data; it stays the application's. 1 done, 0 when idx was not handed out.
///
/// Threads: any. NULL: session: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set_ex_data(
    session: *mut SESS_SESSION,
    idx: c_int,
    data: *mut c_void,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live session.
        unsafe { object(session) }?.ex_data.set(idx, data)?;
        Ok(1)
    })
}

/// Returns application data, NULL when none was set.
///
/// Threads: any. NULL: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get_ex_data(
    session: *const SESS_SESSION,
    idx: c_int,
) -> *mut c_void {
    // SAFETY: C says that it is a live session.
    entry(std::ptr::null_mut(), || Ok(unsafe { object(session) }?.ex_data.get_for_c(idx)))
}

/// Sets the application data at index 0, which nobody has to ask for. 1 done.
///
/// Threads: any. NULL: session: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set_app_data(
    session: *mut SESS_SESSION,
    data: *mut c_void,
) -> c_int {
    // SAFETY: passed on.
    unsafe { SESS_SESSION_set_ex_data(session, 0, data) }
}

/// Returns the application data at index 0.
///
/// Threads: any. NULL: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get_app_data(session: *const SESS_SESSION) -> *mut c_void {
    // SAFETY: passed on.
    unsafe { SESS_SESSION_get_ex_data(session, 0) }
}
