//! libssl's functions, as its manual pages declare them.
//!
//! The `openssl-sys` crate finds and links the library; its declarations lack half of what is needed here.

use std::ffi::{c_char, c_int, c_long, c_uchar, c_uint, c_ulong, c_void};

// Links libssl and libcrypto.
use openssl_sys as _;

macro_rules! opaque {
    ($($name:ident),* $(,)?) => {
        $(
            #[allow(clippy::upper_case_acronyms, reason = "libssl's names")]
            #[repr(C)]
            pub(crate) struct $name {
                _private: [u8; 0],
            }
        )*
    };
}

opaque!(SSL_CTX, SSL, SSL_SESSION, SSL_METHOD, BIO, LHASH, CRYPTO_EX_DATA);

pub(crate) type RemoveCallback = unsafe extern "C" fn(*mut SSL_CTX, *mut SSL_SESSION);
pub(crate) type NewCallback = unsafe extern "C" fn(*mut SSL, *mut SSL_SESSION) -> c_int;
pub(crate) type GetCallback =
    unsafe extern "C" fn(*mut SSL, *const c_uchar, c_int, *mut c_int) -> *mut SSL_SESSION;
pub(crate) type ExNew =
    unsafe extern "C" fn(*mut c_void, *mut c_void, *mut CRYPTO_EX_DATA, c_int, c_long, *mut c_void);
pub(crate) type ExDup = unsafe extern "C" fn(
    *mut CRYPTO_EX_DATA,
    *const CRYPTO_EX_DATA,
    *mut *mut c_void,
    c_int,
    c_long,
    *mut c_void,
) -> c_int;
pub(crate) type InfoCallback = unsafe extern "C" fn(*const SSL, c_int, c_int);
pub(crate) type MessageCallback =
    unsafe extern "C" fn(c_int, c_int, c_int, *const c_void, usize, *mut SSL, *mut c_void);
pub(crate) type TicketMake = unsafe extern "C" fn(*mut SSL, *mut c_void) -> c_int;
pub(crate) type TicketOpened = unsafe extern "C" fn(
    *mut SSL,
    *mut SSL_SESSION,
    *const c_uchar,
    usize,
    c_int,
    *mut c_void,
) -> c_int;
pub(crate) type VerifyCallback = unsafe extern "C" fn(c_int, *mut c_void) -> c_int;
pub(crate) type GenerateId = unsafe extern "C" fn(*mut SSL, *mut c_uchar, *mut c_uint) -> c_int;
pub(crate) type NameCallback = unsafe extern "C" fn(*mut SSL, *mut c_int, *mut c_void) -> c_int;
pub(crate) type NotResumableCallback = unsafe extern "C" fn(*mut SSL, c_int) -> c_int;

unsafe extern "C" {
    pub(crate) fn OpenSSL_version(which: c_int) -> *const c_char;
    pub(crate) safe fn OpenSSL_version_num() -> c_ulong;
    pub(crate) safe fn ERR_clear_error();

    pub(crate) safe fn TLS_method() -> *const SSL_METHOD;
    pub(crate) safe fn TLSv1_2_method() -> *const SSL_METHOD;
    pub(crate) fn SSL_CTX_new(method: *const SSL_METHOD) -> *mut SSL_CTX;
    pub(crate) fn SSL_CTX_free(ctx: *mut SSL_CTX);
    pub(crate) fn SSL_CTX_ctrl(
        ctx: *mut SSL_CTX,
        command: c_int,
        number: c_long,
        pointer: *mut c_void,
    ) -> c_long;
    pub(crate) fn SSL_CTX_callback_ctrl(
        ctx: *mut SSL_CTX,
        command: c_int,
        callback: Option<unsafe extern "C" fn()>,
    ) -> c_long;
    pub(crate) fn SSL_CTX_set_options(ctx: *mut SSL_CTX, options: u64) -> u64;
    pub(crate) fn SSL_CTX_clear_options(ctx: *mut SSL_CTX, options: u64) -> u64;
    pub(crate) fn SSL_CTX_set_ex_data(ctx: *mut SSL_CTX, at: c_int, data: *mut c_void) -> c_int;
    pub(crate) fn SSL_CTX_get_ex_data(ctx: *const SSL_CTX, at: c_int) -> *mut c_void;
    pub(crate) fn SSL_CTX_add_session(ctx: *mut SSL_CTX, session: *mut SSL_SESSION) -> c_int;
    pub(crate) fn SSL_CTX_remove_session(ctx: *mut SSL_CTX, session: *mut SSL_SESSION) -> c_int;
    pub(crate) fn SSL_CTX_flush_sessions(ctx: *mut SSL_CTX, at: c_long);
    pub(crate) fn SSL_CTX_sessions(ctx: *mut SSL_CTX) -> *mut LHASH;
    pub(crate) fn SSL_CTX_set_timeout(ctx: *mut SSL_CTX, seconds: c_long) -> c_long;
    pub(crate) fn SSL_CTX_get_timeout(ctx: *const SSL_CTX) -> c_long;
    pub(crate) fn SSL_CTX_sess_set_remove_cb(ctx: *mut SSL_CTX, callback: Option<RemoveCallback>);
    pub(crate) fn SSL_CTX_sess_get_remove_cb(ctx: *mut SSL_CTX) -> Option<RemoveCallback>;
    pub(crate) fn SSL_CTX_sess_set_new_cb(ctx: *mut SSL_CTX, callback: Option<NewCallback>);
    pub(crate) fn SSL_CTX_sess_set_get_cb(ctx: *mut SSL_CTX, callback: Option<GetCallback>);

    pub(crate) safe fn SSL_SESSION_new() -> *mut SSL_SESSION;
    pub(crate) fn SSL_SESSION_free(session: *mut SSL_SESSION);
    pub(crate) fn SSL_SESSION_up_ref(session: *mut SSL_SESSION) -> c_int;
    pub(crate) fn SSL_SESSION_dup(session: *const SSL_SESSION) -> *mut SSL_SESSION;
    pub(crate) fn SSL_SESSION_set1_id(
        session: *mut SSL_SESSION,
        id: *const c_uchar,
        length: c_uint,
    ) -> c_int;
    pub(crate) fn SSL_SESSION_get_id(
        session: *const SSL_SESSION,
        length: *mut c_uint,
    ) -> *const c_uchar;
    pub(crate) fn SSL_SESSION_set_protocol_version(session: *mut SSL_SESSION, v: c_int) -> c_int;
    pub(crate) fn SSL_SESSION_get_protocol_version(session: *const SSL_SESSION) -> c_int;
    pub(crate) fn SSL_SESSION_get_time(session: *const SSL_SESSION) -> c_long;
    pub(crate) fn SSL_SESSION_set_time(session: *mut SSL_SESSION, time: c_long) -> c_long;
    pub(crate) fn SSL_SESSION_get_timeout(session: *const SSL_SESSION) -> c_long;
    pub(crate) fn SSL_SESSION_set_timeout(session: *mut SSL_SESSION, seconds: c_long) -> c_long;
    pub(crate) fn SSL_SESSION_set1_ticket_appdata(
        session: *mut SSL_SESSION,
        bytes: *const c_void,
        length: usize,
    ) -> c_int;
    pub(crate) fn SSL_SESSION_is_resumable(session: *const SSL_SESSION) -> c_int;
    pub(crate) fn SSL_SESSION_get_ex_data(session: *const SSL_SESSION, at: c_int) -> *mut c_void;
    pub(crate) fn CRYPTO_get_ex_new_index(
        class: c_int,
        number: c_long,
        pointer: *mut c_void,
        new: Option<ExNew>,
        dup: Option<ExDup>,
        free: Option<ExNew>,
    ) -> c_int;
    pub(crate) fn CRYPTO_set_ex_data(
        data: *mut CRYPTO_EX_DATA,
        at: c_int,
        value: *mut c_void,
    ) -> c_int;
    pub(crate) fn CRYPTO_get_ex_data(data: *const CRYPTO_EX_DATA, at: c_int) -> *mut c_void;
    pub(crate) fn OPENSSL_LH_doall_arg(
        table: *mut LHASH,
        visit: unsafe extern "C" fn(*mut c_void, *mut c_void),
        argument: *mut c_void,
    );

    pub(crate) fn SSL_new(ctx: *mut SSL_CTX) -> *mut SSL;
    pub(crate) fn SSL_free(ssl: *mut SSL);
    pub(crate) fn SSL_set_ssl_method(ssl: *mut SSL, method: *const SSL_METHOD) -> c_int;
    pub(crate) fn SSL_has_matching_session_id(
        ssl: *const SSL,
        id: *const c_uchar,
        length: c_uint,
    ) -> c_int;

    pub(crate) fn SSL_CTX_set_info_callback(ctx: *mut SSL_CTX, callback: Option<InfoCallback>);
    pub(crate) fn SSL_CTX_set_msg_callback(ctx: *mut SSL_CTX, callback: Option<MessageCallback>);
    pub(crate) fn SSL_CTX_set_session_ticket_cb(
        ctx: *mut SSL_CTX,
        make: Option<TicketMake>,
        opened: Option<TicketOpened>,
        argument: *mut c_void,
    ) -> c_int;
    pub(crate) fn SSL_CTX_set_verify(
        ctx: *mut SSL_CTX,
        mode: c_int,
        callback: Option<VerifyCallback>,
    );
    pub(crate) fn SSL_CTX_use_certificate_ASN1(
        ctx: *mut SSL_CTX,
        length: c_int,
        der: *const c_uchar,
    ) -> c_int;
    pub(crate) fn SSL_CTX_use_PrivateKey_ASN1(
        kind: c_int,
        ctx: *mut SSL_CTX,
        der: *const c_uchar,
        length: c_long,
    ) -> c_int;
    pub(crate) fn SSL_CTX_set_session_id_context(
        ctx: *mut SSL_CTX,
        context: *const c_uchar,
        length: c_uint,
    ) -> c_int;
    pub(crate) fn SSL_CTX_set_generate_session_id(
        ctx: *mut SSL_CTX,
        callback: Option<GenerateId>,
    ) -> c_int;
    pub(crate) fn SSL_CTX_set_num_tickets(ctx: *mut SSL_CTX, tickets: usize) -> c_int;
    pub(crate) fn SSL_CTX_set_max_early_data(ctx: *mut SSL_CTX, bytes: u32) -> c_int;
    pub(crate) fn SSL_CTX_set_not_resumable_session_callback(
        ctx: *mut SSL_CTX,
        callback: Option<NotResumableCallback>,
    );

    pub(crate) fn BIO_new_bio_pair(
        one: *mut *mut BIO,
        one_bytes: usize,
        other: *mut *mut BIO,
        other_bytes: usize,
    ) -> c_int;
    pub(crate) fn BIO_write(bio: *mut BIO, bytes: *const c_void, length: c_int) -> c_int;
    pub(crate) fn BIO_ctrl(
        bio: *mut BIO,
        command: c_int,
        number: c_long,
        pointer: *mut c_void,
    ) -> c_long;
    pub(crate) fn SSL_set_bio(ssl: *mut SSL, read: *mut BIO, write: *mut BIO);
    pub(crate) fn SSL_get_wbio(ssl: *const SSL) -> *mut BIO;
    pub(crate) fn SSL_set_connect_state(ssl: *mut SSL);
    pub(crate) fn SSL_set_accept_state(ssl: *mut SSL);
    pub(crate) fn SSL_do_handshake(ssl: *mut SSL) -> c_int;
    pub(crate) fn SSL_is_init_finished(ssl: *const SSL) -> c_int;
    pub(crate) fn SSL_get_error(ssl: *const SSL, result: c_int) -> c_int;
    pub(crate) fn SSL_read(ssl: *mut SSL, bytes: *mut c_void, length: c_int) -> c_int;
    pub(crate) fn SSL_write_early_data(
        ssl: *mut SSL,
        bytes: *const c_void,
        length: usize,
        written: *mut usize,
    ) -> c_int;
    pub(crate) fn SSL_read_early_data(
        ssl: *mut SSL,
        bytes: *mut c_void,
        length: usize,
        read: *mut usize,
    ) -> c_int;
    pub(crate) fn SSL_get_early_data_status(ssl: *const SSL) -> c_int;
    pub(crate) fn SSL_SESSION_get_max_early_data(session: *const SSL_SESSION) -> u32;
    pub(crate) fn SSL_write(ssl: *mut SSL, bytes: *const c_void, length: c_int) -> c_int;
    pub(crate) fn SSL_renegotiate(ssl: *mut SSL) -> c_int;
    pub(crate) fn SSL_shutdown(ssl: *mut SSL) -> c_int;
    pub(crate) fn SSL_get_shutdown(ssl: *const SSL) -> c_int;
    pub(crate) fn SSL_clear(ssl: *mut SSL) -> c_int;
    pub(crate) fn SSL_version(ssl: *const SSL) -> c_int;
    pub(crate) fn SSL_get_session(ssl: *const SSL) -> *mut SSL_SESSION;
    pub(crate) fn SSL_set_session(ssl: *mut SSL, session: *mut SSL_SESSION) -> c_int;
    pub(crate) fn SSL_session_reused(ssl: *const SSL) -> c_int;
    pub(crate) fn SSL_set_ex_data(ssl: *mut SSL, at: c_int, data: *mut c_void) -> c_int;
    pub(crate) fn SSL_get_ex_data(ssl: *const SSL, at: c_int) -> *mut c_void;
    pub(crate) fn SSL_set_SSL_CTX(ssl: *mut SSL, ctx: *mut SSL_CTX) -> *mut SSL_CTX;
    pub(crate) fn SSL_ctrl(
        ssl: *mut SSL,
        command: c_int,
        number: c_long,
        pointer: *mut c_void,
    ) -> c_long;
    pub(crate) fn SHA256(
        bytes: *const c_uchar,
        length: usize,
        digest: *mut c_uchar,
    ) -> *mut c_uchar;
}
