//! OpenSSL's own cache, through libssl's public functions.
//!
//! `SSL_has_matching_session_id` is the only public lookup that needs no handshake; it takes no
//! reference, so OpenSSL is asked for less here than the others are.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_long, c_uchar, c_uint};
use std::ptr::NonNull;

use openssl_sys as ffi;

use super::Peer;
use crate::ids::{Id, PAYLOAD};

// What openssl-sys does not declare; `ssl.h` of OpenSSL 3.0.
unsafe extern "C" {
    fn SSL_SESSION_new() -> *mut ffi::SSL_SESSION;
    fn SSL_SESSION_set1_id(
        session: *mut ffi::SSL_SESSION,
        id: *const c_uchar,
        id_bytes: c_uint,
    ) -> c_int;
    fn SSL_SESSION_set1_master_key(
        session: *mut ffi::SSL_SESSION,
        key: *const c_uchar,
        key_bytes: usize,
    ) -> c_int;
    fn SSL_SESSION_set_protocol_version(session: *mut ffi::SSL_SESSION, version: c_int) -> c_int;
    fn SSL_SESSION_set_time(session: *mut ffi::SSL_SESSION, seconds: c_long) -> c_long;
    fn SSL_SESSION_set_timeout(session: *mut ffi::SSL_SESSION, seconds: c_long) -> c_long;
    fn SSL_CTX_flush_sessions(context: *mut ffi::SSL_CTX, seconds: c_long);
    fn SSL_has_matching_session_id(
        connection: *const ffi::SSL,
        id: *const c_uchar,
        id_bytes: c_uint,
    ) -> c_int;
}

/// One `SSL_CTX`.
pub struct OpenSsl {
    context: NonNull<ffi::SSL_CTX>,
}

// SAFETY: OpenSSL locks the session cache of an SSL_CTX itself.
unsafe impl Send for OpenSsl {}
// SAFETY: as above.
unsafe impl Sync for OpenSsl {}

/// When a session was made and for how long it is valid; None: now, for a day.
type Times = Option<(c_long, c_long)>;

/// A master key of TLS 1.2.
const KEY_BYTES: usize = 48;

struct OwnedSession(NonNull<ffi::SSL_SESSION>);

impl Drop for OwnedSession {
    fn drop(&mut self) {
        // SAFETY: the reference is this one's own.
        unsafe { ffi::SSL_SESSION_free(self.0.as_ptr()) };
    }
}

fn session(id: &Id, times: Times) -> OwnedSession {
    // SAFETY: no precondition.
    let session = NonNull::new(unsafe { SSL_SESSION_new() }).expect("memory for a session");
    let owned = OwnedSession(session);
    let session = session.as_ptr();
    let (time, timeout) = times.unwrap_or((0, 86_400));
    // SAFETY: the session is there, and the id is 32 bytes, as it says.
    let id_set = unsafe { SSL_SESSION_set1_id(session, id.0.as_ptr(), 32) };
    // SAFETY: the session is there, and the payload is longer than the key.
    let key_set = unsafe { SSL_SESSION_set1_master_key(session, PAYLOAD.as_ptr(), KEY_BYTES) };
    // SAFETY: the session is there.
    let version_set = unsafe { SSL_SESSION_set_protocol_version(session, ffi::TLS1_3_VERSION) };
    assert_eq!((id_set, key_set, version_set), (1, 1, 1), "OpenSSL refuses a session");
    // SAFETY: the session is there.
    unsafe { SSL_SESSION_set_timeout(session, timeout) };
    if times.is_some() {
        // SAFETY: the session is there.
        unsafe { SSL_SESSION_set_time(session, time) };
    }
    owned
}

impl OpenSsl {
    fn add(&self, session: &OwnedSession) {
        // SAFETY: both are there; the cache takes a reference of its own.
        let added = unsafe { ffi::SSL_CTX_add_session(self.context.as_ptr(), session.0.as_ptr()) };
        assert_eq!(added, 1, "OpenSSL does not store a session");
    }

    fn remove(&self, session: &OwnedSession) -> bool {
        let context = self.context.as_ptr();
        // SAFETY: both are there; the cache gives up its own reference.
        unsafe { ffi::SSL_CTX_remove_session(context, session.0.as_ptr()) == 1 }
    }

    /// Stores a session made at `time` and valid for `timeout`, in seconds.
    pub fn put_with_times(&self, id: &Id, time: u64, timeout: u64) {
        self.add(&session(id, Some((time as c_long, timeout as c_long))));
    }

    /// Removes what expired before a time in seconds.
    pub fn flush(&self, time: u64) {
        // SAFETY: the context is there.
        unsafe { SSL_CTX_flush_sessions(self.context.as_ptr(), time as c_long) };
    }
}

impl Peer for OpenSsl {
    const NAME: &'static str = "OpenSSL";
    const IS_BOUNDED: bool = true;
    /// Its lookup says whether, and lends nothing.
    const READS: bool = false;
    const PAYLOAD_BYTES: usize = KEY_BYTES;

    fn new(size: usize) -> OpenSsl {
        openssl_sys::init();
        // SAFETY: a static table; no precondition.
        let method = unsafe { ffi::TLS_server_method() };
        // SAFETY: the method is one.
        let context = NonNull::new(unsafe { ffi::SSL_CTX_new(method) }).expect("an SSL_CTX");
        let size = c_long::try_from(size).expect("the sizes of the benches are in range");
        // SAFETY: the context is there.
        unsafe { ffi::SSL_CTX_sess_set_cache_size(context.as_ptr(), size + 1) };
        OpenSsl { context }
    }

    fn put(&self, id: &Id) {
        self.add(&session(id, None));
    }

    /// Finds the stored session by a new one of the same id: there is no removal by id alone.
    fn take(&self, id: &Id) -> bool {
        self.remove(&session(id, None))
    }

    /// Removes by the session itself, which a server has at hand.
    fn put_and_take(&self, id: &Id) -> bool {
        let session = session(id, None);
        self.add(&session);
        self.remove(&session)
    }

    #[inline]
    fn lookups(&self, mut next: impl FnMut(&mut Id) -> bool, _: impl FnMut(&[u8])) -> u64 {
        // SAFETY: the context is there.
        let connection = unsafe { ffi::SSL_new(self.context.as_ptr()) };
        assert!(!connection.is_null(), "OpenSSL makes no connection");
        let (mut id, mut found) = (Id::default(), 0);
        while next(&mut id) {
            // SAFETY: the connection is there and this thread's own; the id is 32 bytes, as it says.
            let is_there = unsafe { SSL_has_matching_session_id(connection, id.0.as_ptr(), 32) };
            found += u64::from(is_there == 1);
        }
        // SAFETY: the connection is this one's own.
        unsafe { ffi::SSL_free(connection) };
        found
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        // SAFETY: the reference is this one's own.
        unsafe { ffi::SSL_CTX_free(self.context.as_ptr()) };
    }
}
