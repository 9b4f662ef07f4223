//! libssl's functions that `openssl-sys` does not declare, as their manual pages do, and what both lack: a
//! name for a bit.

use std::ffi::{c_char, c_int, c_long, c_uchar, c_uint, c_ulong, c_void};

use openssl_sys::{
    CRYPTO_EX_DATA, CRYPTO_EX_free, CRYPTO_EX_new, SSL, SSL_CTX, SSL_SESSION, X509, X509_STORE_CTX,
    X509_VERIFY_PARAM,
};

/// What is asked about each certificate of a peer, if anything.
pub(crate) type VerifyCallback = Option<unsafe extern "C" fn(c_int, *mut X509_STORE_CTX) -> c_int>;

/// What is called when an object is copied. OpenSSL 1.1.1 declares the place of the pointer as a pointer to anything.
pub(crate) type CopyData = unsafe extern "C" fn(
    to: *mut CRYPTO_EX_DATA,
    from: *const CRYPTO_EX_DATA,
    data: *mut *mut c_void,
    at: c_int,
    number: c_long,
    pointer: *mut c_void,
) -> c_int;

unsafe extern "C" {
    pub(crate) safe fn ERR_set_mark() -> c_int;
    pub(crate) safe fn ERR_pop_to_mark() -> c_int;
    pub(crate) fn CRYPTO_get_ex_new_index(
        class: c_int,
        number: c_long,
        pointer: *mut c_void,
        new: Option<CRYPTO_EX_new>,
        copy: Option<CopyData>,
        free: Option<CRYPTO_EX_free>,
    ) -> c_int;
    pub(crate) fn CRYPTO_clear_free(
        block: *mut c_void,
        size: usize,
        file: *const c_char,
        line: c_int,
    );
    pub(crate) fn SSL_CTX_set_timeout(ctx: *mut SSL_CTX, seconds: c_long) -> c_long;
    pub(crate) fn SSL_SESSION_get0_id_context(
        session: *const SSL_SESSION,
        length: *mut c_uint,
    ) -> *const c_uchar;
    pub(crate) fn SSL_SESSION_get0_peer(session: *mut SSL_SESSION) -> *mut X509;
    pub(crate) fn SSL_SESSION_dup(session: *const SSL_SESSION) -> *mut SSL_SESSION;
    pub(crate) fn SSL_SESSION_set_time(session: *mut SSL_SESSION, time: c_long) -> c_long;
    pub(crate) fn SSL_SESSION_set_timeout(session: *mut SSL_SESSION, seconds: c_long) -> c_long;
    pub(crate) fn SSL_SESSION_get_ticket_lifetime_hint(session: *const SSL_SESSION) -> c_ulong;
    pub(crate) fn SSL_SESSION_is_resumable(session: *const SSL_SESSION) -> c_int;
    pub(crate) fn SSL_SESSION_set_ex_data(
        session: *mut SSL_SESSION,
        at: c_int,
        data: *mut c_void,
    ) -> c_int;
    pub(crate) fn SSL_SESSION_get_ex_data(session: *const SSL_SESSION, at: c_int) -> *mut c_void;
    pub(crate) fn SSL_in_before(ssl: *const SSL) -> c_int;
    pub(crate) fn SSL_get_options(ssl: *const SSL) -> u64;
    pub(crate) fn SSL_get_verify_callback(ssl: *const SSL) -> VerifyCallback;
    pub(crate) fn SSL_CTX_get_verify_callback(ctx: *const SSL_CTX) -> VerifyCallback;
    pub(crate) fn X509_VERIFY_PARAM_get_depth(param: *const X509_VERIFY_PARAM) -> c_int;
}

/// `SSL_CTRL_GET_VERIFY_CERT_STORE`, of `SSL_ctrl` and `SSL_CTX_ctrl`; unknown to OpenSSL 1.1.1, which answers nothing.
pub(crate) const GET_VERIFY_CERT_STORE: c_int = 137;

/// `SSL_OP_NO_ANTI_REPLAY`: early data may be replayed, as far as libssl is concerned.
pub(crate) const SSL_OP_NO_ANTI_REPLAY: u64 = 1 << 24;

/// `CRYPTO_EX_INDEX_SSL_SESSION`.
pub(crate) const CRYPTO_EX_INDEX_SSL_SESSION: c_int = 2;
