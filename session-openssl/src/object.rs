//! libssl's objects as its callbacks lend them: a connection (`SSL`) and a session (`SSL_SESSION`).
//!
//! When the peers of a session last proved who they are is carried in its application data, as a number in
//! the place of a pointer: libssl copies that when it makes a session out of another (a further ticket, or one
//! that is given out after a resumption), and leaves it out of what it encodes.

use std::ffi::{c_int, c_long, c_uint, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::OnceLock;

use openssl_sys::{SSL, SSL_CTX, SSL_SESSION};
use session_cache::{IdContext, ProtocolVersion, Seconds, SessionId, UnixTime};

use crate::retry::RANDOM_BYTES;
use crate::sys;

/// Is a connection that libssl lends for the time of a callback.
#[derive(Clone, Copy)]
pub(crate) struct Connection<'a>(NonNull<SSL>, PhantomData<&'a SSL>);

impl<'a> Connection<'a> {
    /// # Safety
    ///
    /// * `ssl` is a live connection for `'a`, in which no other thread is.
    pub(crate) unsafe fn new(ssl: *mut SSL) -> Option<Connection<'a>> {
        Some(Connection(NonNull::new(ssl)?, PhantomData))
    }

    /// The version that was agreed on.
    pub(crate) fn version(self) -> ProtocolVersion {
        // SAFETY: live, by `new`.
        numbered(unsafe { openssl_sys::SSL_version(self.0.as_ptr()) })
    }

    pub(crate) fn is_server(self) -> bool {
        // SAFETY: live, by `new`.
        unsafe { openssl_sys::SSL_is_server(self.0.as_ptr()) == 1 }
    }

    /// Whether libssl accepts a TLS 1.3 session only if it can remove it from its own cache, so that early data
    /// is accepted once.
    pub(crate) fn has_replay_protection(self) -> bool {
        // SAFETY: live, by `new`.
        let early_data_max = unsafe { openssl_sys::SSL_get_max_early_data(self.0.as_ptr()) };
        early_data_max > 0 && self.options() & sys::SSL_OP_NO_ANTI_REPLAY == 0
    }

    /// Whether a TLS 1.3 ticket is an id under which the server keeps the session, rather than the session.
    pub(crate) fn has_stateful_tickets(self) -> bool {
        self.options() & NO_TICKET != 0 || self.has_replay_protection()
    }

    fn options(self) -> u64 {
        // SAFETY: live, by `new`.
        unsafe { sys::SSL_get_options(self.0.as_ptr()) }
    }

    /// Whether it asks its peer for a certificate.
    pub(crate) fn verifies(self) -> bool {
        self.verify_mode() & openssl_sys::SSL_VERIFY_PEER != 0
    }

    /// Whether it turns a peer away that shows none in the handshake.
    pub(crate) fn requires_certificate(self) -> bool {
        let mode = self.verify_mode();
        let asks_later = mode & openssl_sys::SSL_VERIFY_POST_HANDSHAKE != 0;
        let asks_later = asks_later && self.version().is_tls13();
        self.verifies() && mode & openssl_sys::SSL_VERIFY_FAIL_IF_NO_PEER_CERT != 0 && !asks_later
    }

    fn verify_mode(self) -> c_int {
        // SAFETY: live, by `new`.
        unsafe { openssl_sys::SSL_get_verify_mode(self.0.as_ptr()) }
    }

    /// What became of the peer's certificate, as an `X509_V_` number.
    pub(crate) fn verify_result(self) -> i32 {
        // SAFETY: live, by `new`.
        let result = unsafe { openssl_sys::SSL_get_verify_result(self.0.as_ptr()) };
        i32::try_from(result).unwrap_or(1)
    }

    /// The server's random value; all zeros until libssl has looked at the first ClientHello of a handshake.
    pub(crate) fn server_random(self) -> [u8; RANDOM_BYTES] {
        let mut random = [0; RANDOM_BYTES];
        let at = random.as_mut_ptr();
        // SAFETY: live, by `new`; so many bytes are there to be written.
        let _ = unsafe { openssl_sys::SSL_get_server_random(self.0.as_ptr(), at, RANDOM_BYTES) };
        random
    }

    /// The client's random value, of the ClientHello that libssl looks at.
    pub(crate) fn client_random(self) -> [u8; RANDOM_BYTES] {
        let mut random = [0; RANDOM_BYTES];
        let at = random.as_mut_ptr();
        // SAFETY: live, by `new`; so many bytes are there to be written.
        let _ = unsafe { openssl_sys::SSL_get_client_random(self.0.as_ptr(), at, RANDOM_BYTES) };
        random
    }

    /// What stands in its application data under an index of connections.
    pub(crate) fn application_data(self, at: c_int) -> *mut c_void {
        // SAFETY: live, by `new`.
        unsafe { openssl_sys::SSL_get_ex_data(self.0.as_ptr(), at) }
    }

    /// Puts something there, and says whether libssl had memory for it. What stood there is nobody's from then on.
    pub(crate) fn set_application_data(self, at: c_int, data: *mut c_void) -> bool {
        // SAFETY: live, and in no other thread, by `new`.
        unsafe { openssl_sys::SSL_set_ex_data(self.0.as_ptr(), at, data) == 1 }
    }

    /// The context that it is of now, which is not the one that it began with when a server name has led to
    /// another. The connection holds it.
    pub(crate) fn context(self) -> *mut SSL_CTX {
        // SAFETY: live, by `new`.
        unsafe { openssl_sys::SSL_get_SSL_CTX(self.0.as_ptr()) }
    }
}

/// Is a session that somebody else holds.
#[derive(Clone, Copy)]
pub(crate) struct Object<'a>(NonNull<SSL_SESSION>, PhantomData<&'a SSL_SESSION>);

impl<'a> Object<'a> {
    /// # Safety
    ///
    /// * `session` is a live session for `'a`. If it is changed, no other thread uses it.
    pub(crate) unsafe fn new(session: *mut SSL_SESSION) -> Option<Object<'a>> {
        Some(Object(NonNull::new(session)?, PhantomData))
    }

    /// The id; none for a session that has none.
    pub(crate) fn id(self) -> Option<SessionId> {
        let mut length: c_uint = 0;
        // SAFETY: live, by `new`; the length is ours.
        let id = unsafe { openssl_sys::SSL_SESSION_get_id(self.0.as_ptr(), &mut length) };
        // SAFETY: it points into the session, which has so many bytes there.
        SessionId::new(unsafe { bytes(id, length) }).ok()
    }

    pub(crate) fn id_context(self) -> IdContext {
        let mut length: c_uint = 0;
        // SAFETY: live, by `new`; the length is ours.
        let context = unsafe { sys::SSL_SESSION_get0_id_context(self.0.as_ptr(), &mut length) };
        // SAFETY: it points into the session, which has so many bytes there.
        IdContext::new(unsafe { bytes(context, length) }).unwrap_or(IdContext::EMPTY)
    }

    pub(crate) fn version(self) -> ProtocolVersion {
        // SAFETY: live, by `new`.
        let version = unsafe { openssl_sys::SSL_SESSION_get_protocol_version(self.0.as_ptr()) };
        u16::try_from(version).map_or(ProtocolVersion::UNKNOWN, ProtocolVersion)
    }

    pub(crate) fn timeout(self) -> Seconds {
        // SAFETY: live, by `new`.
        let timeout = unsafe { openssl_sys::SSL_SESSION_get_timeout(self.0.as_ptr()) };
        Seconds(u64::try_from(timeout).unwrap_or(0))
    }

    pub(crate) fn set_timeout(self, timeout: Seconds) {
        // SAFETY: live, and no other thread's, by `new`.
        let _ = unsafe { sys::SSL_SESSION_set_timeout(self.0.as_ptr(), long(timeout.0)) };
    }

    /// Makes it as old as `age` says, by libssl's clock.
    pub(crate) fn set_age(self, age: Seconds) {
        // SAFETY: asks for no pointer to be written through.
        let now = unsafe { libc::time(ptr::null_mut()) };
        let time = u64::try_from(now).unwrap_or(0).saturating_sub(age.0);
        // SAFETY: live, and no other thread's, by `new`.
        let _ = unsafe { sys::SSL_SESSION_set_time(self.0.as_ptr(), long(time)) };
    }

    /// For how long the server said that the ticket would be good; 0 when it did not say, or, in TLS 1.3, that
    /// it must not be used.
    pub(crate) fn lifetime_hint(self) -> Seconds {
        // SAFETY: live, by `new`.
        let hint = unsafe { sys::SSL_SESSION_get_ticket_lifetime_hint(self.0.as_ptr()) };
        #[allow(clippy::useless_conversion, reason = "its type depends on the platform")]
        Seconds(u64::from(hint))
    }

    /// Whether libssl would offer it.
    pub(crate) fn is_resumable(self) -> bool {
        // SAFETY: live, by `new`.
        unsafe { sys::SSL_SESSION_is_resumable(self.0.as_ptr()) == 1 }
    }

    /// When its peers last proved who they are, if somebody has said so.
    pub(crate) fn authenticated(self) -> Option<UnixTime> {
        let at = authenticated_index()?;
        // SAFETY: live, by `new`; the index is one of sessions.
        let seconds = unsafe { sys::SSL_SESSION_get_ex_data(self.0.as_ptr(), at) }.addr();
        (seconds != 0).then_some(UnixTime(seconds as u64))
    }

    /// Says when its peers last proved who they are.
    pub(crate) fn set_authenticated(self, time: UnixTime) {
        let Some(at) = authenticated_index() else { return };
        let seconds = ptr::without_provenance_mut::<c_void>(time.0 as usize);
        // SAFETY: live, and no other thread's, by `new`; the index is one of sessions, and nobody follows
        // what is stored there.
        let _ = unsafe { sys::SSL_SESSION_set_ex_data(self.0.as_ptr(), at, seconds) };
    }

    /// Whether the peer has shown a certificate.
    pub(crate) fn has_peer_certificate(self) -> bool {
        // SAFETY: live, by `new`.
        !unsafe { sys::SSL_SESSION_get0_peer(self.0.as_ptr()) }.is_null()
    }

    /// Takes a reference to it.
    pub(crate) fn share(self) -> Decoded {
        // SAFETY: live, by `new`.
        let _ = unsafe { openssl_sys::SSL_SESSION_up_ref(self.0.as_ptr()) };
        Decoded(self.0)
    }

    /// Copies it; none when libssl has no memory for that.
    pub(crate) fn duplicate(self) -> Option<Decoded> {
        // SAFETY: live, by `new`; it is only read.
        NonNull::new(unsafe { sys::SSL_SESSION_dup(self.0.as_ptr()) }).map(Decoded)
    }

    /// Encodes it; none when libssl cannot, for want of memory or a cipher.
    pub(crate) fn der(self) -> Option<Der> {
        let mut der = ptr::null_mut();
        // SAFETY: live, by `new`; libssl allocates where a null pointer says so.
        let length = unsafe { openssl_sys::i2d_SSL_SESSION(self.0.as_ptr(), &mut der) };
        let length = usize::try_from(length).ok()?;
        Some(Der { first: NonNull::new(der)?, length })
    }
}

/// Is a session's encoding, in memory of libcrypto's, which wipes it in the end.
pub(crate) struct Der {
    first: NonNull<u8>,
    length: usize,
}

impl Der {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        // SAFETY: libssl has written so many bytes there, and they are there until this is dropped.
        unsafe { slice::from_raw_parts(self.first.as_ptr(), self.length) }
    }
}

impl Drop for Der {
    fn drop(&mut self) {
        let first = self.first.as_ptr().cast();
        // SAFETY: allocated by libcrypto, of this size, and nobody else's.
        unsafe { sys::CRYPTO_clear_free(first, self.length, c"".as_ptr(), 0) };
    }
}

/// Is a reference to a session of libssl's, which gives it back when it goes.
pub(crate) struct Decoded(NonNull<SSL_SESSION>);

// SAFETY: libssl's sessions belong to no thread, and count their references with atomic steps.
unsafe impl Send for Decoded {}
// SAFETY: as above. What changes a session goes through `object`, in a connection's callback: of a session that is that
// connection's own, or a copy.
unsafe impl Sync for Decoded {}

impl Decoded {
    /// Decodes a session; none when the bytes are not one. libssl's error queue stays as it was.
    pub(crate) fn from_der(der: &[u8]) -> Option<Decoded> {
        let mut at = der.as_ptr();
        sys::ERR_set_mark();
        // SAFETY: reads at most the bytes of `der`.
        let session = unsafe {
            openssl_sys::d2i_SSL_SESSION(ptr::null_mut(), &mut at, long(der.len() as u64))
        };
        sys::ERR_pop_to_mark();
        NonNull::new(session).map(Decoded)
    }

    pub(crate) fn object(&self) -> Object<'_> {
        Object(self.0, PhantomData)
    }

    pub(crate) fn as_ptr(&self) -> *mut SSL_SESSION {
        self.0.as_ptr()
    }

    /// Hands it over.
    pub(crate) fn into_raw(self) -> *mut SSL_SESSION {
        let session = self.0.as_ptr();
        std::mem::forget(self);
        session
    }
}

impl Drop for Decoded {
    fn drop(&mut self) {
        // SAFETY: the reference is ours.
        unsafe { openssl_sys::SSL_SESSION_free(self.0.as_ptr()) };
    }
}

/// The version of a connection's sessions, by libssl's number of the connection's.
fn numbered(version: c_int) -> ProtocolVersion {
    match u16::try_from(version) {
        Ok(version) if version != QUIC => ProtocolVersion(version),
        _ => ProtocolVersion::TLS13,
    }
}

/// `OSSL_QUIC1_VERSION`: libssl's number of QUIC, in which TLS is always 1.3.
const QUIC: u16 = 1;

/// Where sessions carry when their peers proved who they are; none when libcrypto gave no place.
fn authenticated_index() -> Option<c_int> {
    static INDEX: OnceLock<c_int> = OnceLock::new();
    let index = *INDEX.get_or_init(|| {
        // SAFETY: no functions are given: the value is copied and dropped as it is.
        unsafe {
            openssl_sys::CRYPTO_get_ex_new_index(
                sys::CRYPTO_EX_INDEX_SSL_SESSION,
                0,
                ptr::null_mut(),
                None,
                None,
                None,
            )
        }
    });
    (index >= 0).then_some(index)
}

/// # Safety
///
/// * `start` points to `length` readable bytes for `'a`, or `length` is 0.
pub(crate) unsafe fn bytes<'a>(start: *const u8, length: c_uint) -> &'a [u8] {
    if start.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: passed on from the caller.
    unsafe { slice::from_raw_parts(start, length as usize) }
}

/// As large as libssl's numbers get.
pub(crate) fn long(number: u64) -> c_long {
    c_long::try_from(number).unwrap_or(c_long::MAX)
}

#[allow(clippy::unnecessary_cast, reason = "its type depends on the version of OpenSSL")]
const NO_TICKET: u64 = openssl_sys::SSL_OP_NO_TICKET as u64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_over_quic_has_sessions_of_tls13() {
        assert_eq!(numbered(0x0303), ProtocolVersion::TLS12);
        for number in [0x0304, 1, -1, 0x1_0000] {
            assert_eq!(numbered(number), ProtocolVersion::TLS13);
        }
    }
}
