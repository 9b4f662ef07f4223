//! What the tests play on.

use std::ffi::{CStr, c_int, c_long, c_uint};

use session::*;

/// A session with an id of 32 equal bytes, of TLS 1.2, good for an hour.
pub(crate) fn session(number: u8) -> *mut SESS_SESSION {
    session_of(0x0303, &[number; 32])
}

pub(crate) fn session_of(version: c_int, id: &[u8]) -> *mut SESS_SESSION {
    let session = SESS_SESSION_new();
    unsafe {
        assert_eq!(SESS_SESSION_set_protocol_version(session, version), 1);
        assert_eq!(SESS_SESSION_set1_id(session, id.as_ptr(), id.len() as c_uint), 1);
        assert_eq!(SESS_SESSION_set_timeout(session, 3_600), 1);
    }
    session
}

pub(crate) fn references(session: *const SESS_SESSION) -> c_uint {
    unsafe { SESS_SESSION_references(session) }
}

pub(crate) fn number(ctx: *const SESS_CTX) -> c_long {
    unsafe { SESS_CTX_sess_number(ctx) }
}

pub(crate) fn figures(ctx: *const SESS_CTX) -> SESS_STATISTICS {
    let mut figures = SESS_STATISTICS::default();
    let size = size_of::<SESS_STATISTICS>();
    assert_eq!(unsafe { SESS_CTX_statistics(ctx, &mut figures, size) }, 1);
    figures
}

pub(crate) fn now() -> c_long {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    since.as_secs() as c_long
}

pub(crate) fn id(session: *const SESS_SESSION) -> Vec<u8> {
    let mut len = 99;
    let pointer = unsafe { SESS_SESSION_get_id(session, &mut len) };
    unsafe { std::slice::from_raw_parts(pointer, len as usize) }.to_vec()
}

pub(crate) fn last_error() -> (u64, String) {
    let words = unsafe { CStr::from_ptr(SESS_last_error()) };
    (SESS_last_error_code(), words.to_str().unwrap().to_string())
}

/// A server's full handshake of TLS 1.2 that ends with the session of this id being stored.
pub(crate) fn handshake(ctx: *mut SESS_CTX, id: &[u8]) -> *mut SESS_CONN {
    unsafe {
        let conn = SESS_new(ctx);
        assert_eq!(SESS_CONN_begin(conn, 0x0303), 1);
        let new = session_of(0x0303, id);
        assert_eq!(SESS_CONN_new_session(conn, new), 1);
        SESS_SESSION_free(new);
        assert_eq!(SESS_CONN_established(conn, SESS_TICKETS_NONE), 1);
        assert_eq!(SESS_CONN_finish(conn), 1);
        conn
    }
}

/// Closes a connection cleanly and frees it.
pub(crate) fn close(conn: *mut SESS_CONN) {
    unsafe {
        SESS_set_shutdown(conn, SESS_SENT_SHUTDOWN);
        SESS_free(conn);
    }
}
