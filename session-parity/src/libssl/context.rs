//! An `SSL_CTX`, as far as sessions go.

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_long, c_void};
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

use super::Session;
use super::session::{serial_index, serial_of};
use super::sys::{self, SSL, SSL_CTX, SSL_SESSION};
use super::trace::{self, Event};
use crate::handshakes::GENERATED;

/// Is one context.
pub(crate) struct Context(NonNull<SSL_CTX>);

/// What a remove callback does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HookKind {
    Off,
    /// Is told.
    Told,
    /// Is told, and keeps a reference.
    Keeping,
}

thread_local! {
    /// What [`Context::set_remove_callback`] was given last.
    static CALLBACK: Cell<Option<fn(&Context)>> = const { Cell::new(None) };
    /// What remove callbacks kept.
    static KEPT: RefCell<Vec<Session>> = const { RefCell::new(Vec::new()) };
}

impl Context {
    /// `SSL_CTX_new`; the number names it in the trace.
    pub(crate) fn new(number: usize) -> Context {
        serial_index();
        // SAFETY: the method is a constant of the library's.
        let context = unsafe { sys::SSL_CTX_new(sys::TLS_method()) };
        let context = Context(NonNull::new(context).expect("memory for a context"));
        // SAFETY: the context is alive; index 0 is the application's.
        unsafe { sys::SSL_CTX_set_ex_data(context.as_ptr(), 0, number as *mut c_void) };
        context
    }

    pub(crate) fn as_ptr(&self) -> *mut SSL_CTX {
        self.0.as_ptr()
    }

    fn control(&self, command: c_int, number: c_long) -> i64 {
        // SAFETY: the context is alive, and these commands take numbers.
        unsafe { sys::SSL_CTX_ctrl(self.as_ptr(), command, number, ptr::null_mut()) }
    }

    pub(crate) fn add(&self, session: &Session) -> bool {
        // SAFETY: both are alive.
        (unsafe { sys::SSL_CTX_add_session(self.as_ptr(), session.as_ptr()) }) == 1
    }

    pub(crate) fn remove(&self, session: &Session) -> bool {
        // SAFETY: both are alive.
        (unsafe { sys::SSL_CTX_remove_session(self.as_ptr(), session.as_ptr()) }) == 1
    }

    pub(crate) fn flush(&self, at: i64) {
        // SAFETY: the context is alive.
        unsafe { sys::SSL_CTX_flush_sessions(self.as_ptr(), at) };
    }

    /// The sessions in the cache, in no order.
    pub(crate) fn sessions(&self) -> Vec<Session> {
        unsafe extern "C" fn visit(session: *mut c_void, sessions: *mut c_void) {
            // SAFETY: what `doall_arg` was given below.
            let sessions = unsafe { &mut *sessions.cast::<Vec<Session>>() };
            // SAFETY: what is in the table is alive.
            sessions.push(unsafe { Session::up_ref(session.cast()) });
        }
        let mut sessions: Vec<Session> = Vec::new();
        // SAFETY: the context is alive.
        let table = unsafe { sys::SSL_CTX_sessions(self.as_ptr()) };
        // SAFETY: the table is the context's, which nobody changes meanwhile.
        unsafe { sys::OPENSSL_LH_doall_arg(table, visit, (&raw mut sessions).cast()) };
        sessions
    }

    pub(crate) fn set_timeout(&self, seconds: i64) -> i64 {
        // SAFETY: the context is alive.
        unsafe { sys::SSL_CTX_set_timeout(self.as_ptr(), seconds) }
    }

    pub(crate) fn timeout(&self) -> i64 {
        // SAFETY: the context is alive.
        unsafe { sys::SSL_CTX_get_timeout(self.as_ptr()) }
    }

    pub(crate) fn set_size(&self, sessions: i64) -> i64 {
        self.control(SET_CACHE_SIZE, sessions)
    }

    pub(crate) fn size(&self) -> i64 {
        self.control(GET_CACHE_SIZE, 0)
    }

    pub(crate) fn set_mode(&self, bits: u32) -> i64 {
        self.control(SET_CACHE_MODE, bits.into())
    }

    pub(crate) fn mode(&self) -> i64 {
        self.control(GET_CACHE_MODE, 0)
    }

    /// The number, and the eleven counters in the order of their commands.
    pub(crate) fn counters(&self) -> [u64; 12] {
        std::array::from_fn(|at| self.control(SESS_NUMBER + at as c_int, 0) as u64)
    }

    pub(crate) fn set_remove_hook(&self, kind: HookKind) {
        let callback: Option<sys::RemoveCallback> = match kind {
            HookKind::Off => None,
            HookKind::Told => Some(on_remove),
            HookKind::Keeping => Some(on_remove_keeping),
        };
        // SAFETY: the context is alive, the callback lives for ever.
        unsafe { sys::SSL_CTX_sess_set_remove_cb(self.as_ptr(), callback) };
    }

    /// Has another remove callback, which is given this context.
    pub(crate) fn set_remove_callback(&self, callback: fn(&Context)) {
        CALLBACK.set(Some(callback));
        // SAFETY: the context is alive, the callback lives for ever.
        unsafe { sys::SSL_CTX_sess_set_remove_cb(self.as_ptr(), Some(on_remove_call)) };
    }

    pub(crate) fn has_remove_hook(&self) -> bool {
        // SAFETY: the context is alive.
        unsafe { sys::SSL_CTX_sess_get_remove_cb(self.as_ptr()) }.is_some()
    }

    pub(crate) fn set_version_max(&self, version: u16) {
        self.control(SET_VERSION_MAX, version.into());
    }

    pub(crate) fn set_options(&self, options: u64, on: bool) {
        let set = if on { sys::SSL_CTX_set_options } else { sys::SSL_CTX_clear_options };
        // SAFETY: the context is alive.
        unsafe { set(self.as_ptr(), options) };
    }

    pub(crate) fn set_id_context(&self, id_context: &[u8]) {
        let length = id_context.len() as u32;
        // SAFETY: the context is alive, the bytes are there.
        unsafe { sys::SSL_CTX_set_session_id_context(self.as_ptr(), id_context.as_ptr(), length) };
    }

    pub(crate) fn set_tickets(&self, tickets: usize) {
        // SAFETY: the context is alive.
        unsafe { sys::SSL_CTX_set_num_tickets(self.as_ptr(), tickets) };
    }

    pub(crate) fn set_early_data_max(&self, bytes: u32) {
        // SAFETY: the context is alive.
        unsafe { sys::SSL_CTX_set_max_early_data(self.as_ptr(), bytes) };
    }

    /// Verifies the peer's certificate, and takes any.
    pub(crate) fn set_verify_peer(&self, verify: bool) {
        // SAFETY: the context is alive, the callback lives for ever.
        unsafe { sys::SSL_CTX_set_verify(self.as_ptr(), verify.into(), Some(on_verify)) };
    }

    /// Uses a certificate and its key, an elliptic curve's, both in DER.
    pub(crate) fn set_identity(&self, certificate: &[u8], key: &[u8]) {
        let (length, der) = (certificate.len() as c_int, certificate.as_ptr());
        // SAFETY: the context is alive, the bytes are there.
        let is_set = unsafe { sys::SSL_CTX_use_certificate_ASN1(self.as_ptr(), length, der) };
        assert_eq!(is_set, 1, "a certificate in DER");
        let (length, der) = (key.len() as c_long, key.as_ptr());
        // SAFETY: as above.
        let is_set =
            unsafe { sys::SSL_CTX_use_PrivateKey_ASN1(EVP_PKEY_EC, self.as_ptr(), der, length) };
        assert_eq!(is_set, 1, "a key in DER");
    }

    /// Has ids made by a generator that makes the same one every time, or by the library.
    pub(crate) fn set_generator(&self, on: bool) {
        let callback: Option<sys::GenerateId> = if on { Some(on_generate) } else { None };
        // SAFETY: the context is alive, the callback lives for ever.
        unsafe { sys::SSL_CTX_set_generate_session_id(self.as_ptr(), callback) };
    }

    /// Has every new session marked not resumable, or none.
    pub(crate) fn set_not_resumable(&self, on: bool) {
        let callback: Option<sys::NotResumableCallback> =
            if on { Some(on_not_resumable) } else { None };
        // SAFETY: the context is alive, the callback lives for ever.
        unsafe { sys::SSL_CTX_set_not_resumable_session_callback(self.as_ptr(), callback) };
    }

    /// `SSL_has_matching_session_id` of a connection of this version, which is TLS 1.2 or 1.3.
    pub(crate) fn has(&self, version: u16, id: &[u8]) -> bool {
        let ssl = self.fresh_connection(version);
        // SAFETY: the connection is alive, the id as long as is said.
        let has =
            unsafe { sys::SSL_has_matching_session_id(ssl, id.as_ptr(), id.len() as u32) } == 1;
        // SAFETY: ours.
        unsafe { sys::SSL_free(ssl) };
        has
    }

    fn fresh_connection(&self, version: u16) -> *mut SSL {
        // SAFETY: the context is alive.
        let ssl = unsafe { sys::SSL_new(self.as_ptr()) };
        assert!(!ssl.is_null(), "memory for a connection");
        // One of `TLS_method` has the highest version before its handshake.
        if version == 0x0303 {
            // SAFETY: the connection is alive, the method a constant of the library's.
            unsafe { sys::SSL_set_ssl_method(ssl, sys::TLSv1_2_method()) };
        }
        ssl
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { sys::SSL_CTX_free(self.as_ptr()) };
    }
}

/// What the remove callbacks of this thread kept.
pub(crate) fn kept() -> Vec<Session> {
    KEPT.with_borrow(Clone::clone)
}

/// Gives back what they kept, and says how many that were.
pub(crate) fn release_kept() -> usize {
    let kept = KEPT.take();
    kept.len()
}

pub(super) unsafe extern "C" fn on_remove(context: *mut SSL_CTX, session: *mut SSL_SESSION) {
    // SAFETY: the library passes a live context, its ex_data included.
    let number = unsafe { sys::SSL_CTX_get_ex_data(context, 0) } as usize;
    // SAFETY: the library passes a live session.
    let serial = unsafe { serial_of(session) };
    // SAFETY: as above.
    let resumable = unsafe { sys::SSL_SESSION_is_resumable(session) } == 1;
    trace::push(Event::Removed { context: number, serial, resumable });
}

unsafe extern "C" fn on_remove_keeping(context: *mut SSL_CTX, session: *mut SSL_SESSION) {
    // SAFETY: as the library passed it.
    unsafe { on_remove(context, session) };
    // SAFETY: the library passes a live session.
    let kept = unsafe { Session::up_ref(session) };
    KEPT.with_borrow_mut(|all| all.push(kept));
}

unsafe extern "C" fn on_remove_call(context: *mut SSL_CTX, _session: *mut SSL_SESSION) {
    let Some(context) = NonNull::new(context) else { return };
    // The library's reference, which is not ours to drop.
    let context = ManuallyDrop::new(Context(context));
    if let Some(callback) = CALLBACK.get() {
        callback(&context);
    }
}

unsafe extern "C" fn on_verify(_is_good: c_int, _store: *mut c_void) -> c_int {
    1
}

unsafe extern "C" fn on_generate(_ssl: *mut SSL, id: *mut u8, length: *mut u32) -> c_int {
    // SAFETY: the library passes 32 bytes.
    unsafe { ptr::copy_nonoverlapping(GENERATED.as_ptr(), id, GENERATED.len()) };
    // SAFETY: and the place of their number.
    unsafe { *length = GENERATED.len() as u32 };
    1
}

unsafe extern "C" fn on_not_resumable(_ssl: *mut SSL, _is_forward_secure: c_int) -> c_int {
    1
}

/// `EVP_PKEY_EC`.
const EVP_PKEY_EC: c_int = 408;
const SET_VERSION_MAX: c_int = 124;
const SESS_NUMBER: c_int = 20;
const SET_CACHE_SIZE: c_int = 42;
const GET_CACHE_SIZE: c_int = 43;
const SET_CACHE_MODE: c_int = 44;
const GET_CACHE_MODE: c_int = 45;
