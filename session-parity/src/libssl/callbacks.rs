//! What libssl's callbacks see of handshakes, and what they keep outside.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{c_int, c_uchar, c_void};
use std::ptr;

use super::session::serial_of;
use super::sys::{self, SSL, SSL_CTX, SSL_SESSION};
use super::trace::{self, Attached, Event, Peer, What};
use super::{Context, Session};

thread_local! {
    /// What new callbacks kept outside, by id.
    static OUTSIDE: RefCell<HashMap<Vec<u8>, Session>> = RefCell::new(HashMap::new());
}

/// Gives back what is kept outside.
pub(crate) fn forget_outside() {
    let outside = OUTSIDE.take();
    drop(outside);
}

impl Context {
    /// Has handshakes traced.
    pub(crate) fn trace(&self) {
        let context = self.as_ptr();
        // SAFETY: the context is alive, the callback lives for ever.
        unsafe { sys::SSL_CTX_set_info_callback(context, Some(on_info)) };
        // SAFETY: as above.
        unsafe { sys::SSL_CTX_set_msg_callback(context, Some(on_message)) };
        // SAFETY: as above; it asks for no argument.
        unsafe {
            sys::SSL_CTX_set_session_ticket_cb(context, None, Some(on_ticket), ptr::null_mut())
        };
    }

    /// Has a new callback, which keeps nothing, or all of it outside.
    pub(crate) fn set_new_hook(&self, keeps: bool) {
        let callback: sys::NewCallback = if keeps { on_new_keeping } else { on_new };
        // SAFETY: the context is alive, the callback lives for ever.
        unsafe { sys::SSL_CTX_sess_set_new_cb(self.as_ptr(), Some(callback)) };
    }

    /// Has a get callback, which knows what is kept outside, and a remove callback that forgets it.
    pub(crate) fn set_outside_hooks(&self) {
        // SAFETY: the context is alive, the callback lives for ever.
        unsafe { sys::SSL_CTX_sess_set_get_cb(self.as_ptr(), Some(on_get)) };
        // SAFETY: as above.
        unsafe { sys::SSL_CTX_sess_set_remove_cb(self.as_ptr(), Some(on_remove_outside)) };
    }

    /// Has server names lead to another context, which lives longer.
    pub(crate) fn set_name_switch(&self, other: &Context) {
        // SAFETY: a callback of this type is what the command takes.
        let callback = unsafe {
            std::mem::transmute::<sys::NameCallback, unsafe extern "C" fn()>(on_server_name)
        };
        // SAFETY: the context is alive, the callback lives for ever.
        unsafe { sys::SSL_CTX_callback_ctrl(self.as_ptr(), SET_NAME_CALLBACK, Some(callback)) };
        // SAFETY: the context is alive, the argument as long as both are used.
        unsafe { sys::SSL_CTX_ctrl(self.as_ptr(), SET_NAME_ARGUMENT, 0, other.as_ptr().cast()) };
    }
}

/// Which end of which connection this is.
///
/// # Safety
///
/// The connection is alive.
unsafe fn peer_of(ssl: *const SSL) -> Peer {
    // SAFETY: the caller's promise.
    let name = unsafe { sys::SSL_get_ex_data(ssl, 0) } as usize - 1;
    Peer { connection: name / 2, is_server: name % 2 == 1 }
}

/// # Safety
///
/// The connection is alive.
unsafe fn push(ssl: *const SSL, what: What) {
    // SAFETY: the caller's promise.
    let peer = unsafe { peer_of(ssl) };
    // SAFETY: as above.
    let session = unsafe { sys::SSL_get_session(ssl) };
    let attached = (!session.is_null()).then(|| {
        // SAFETY: the connection's, which is alive.
        let session = unsafe { Session::up_ref(session) };
        Attached { serial: session.serial(), id: session.id() }
    });
    trace::push(Event::Connection { peer, attached, what });
}

unsafe extern "C" fn on_info(ssl: *const SSL, place: c_int, value: c_int) {
    let fatal = value >> 8 == 2;
    let what = match place {
        HANDSHAKE_START => What::Started,
        HANDSHAKE_DONE => What::Done,
        READ_ALERT => What::Alert { sent: false, fatal },
        WRITE_ALERT => What::Alert { sent: true, fatal },
        _ => return,
    };
    // SAFETY: the library passes a live connection.
    unsafe { push(ssl, what) };
}

unsafe extern "C" fn on_message(
    is_sent: c_int,
    _version: c_int,
    content_type: c_int,
    bytes: *const c_void,
    length: usize,
    ssl: *mut SSL,
    _argument: *mut c_void,
) {
    if content_type != HANDSHAKE {
        return;
    }
    // SAFETY: the library passes so many bytes.
    let message = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), length) }.to_vec();
    // SAFETY: the library passes a live connection.
    unsafe { push(ssl, What::Message { sent: is_sent == 1, message }) };
}

unsafe extern "C" fn on_ticket(
    ssl: *mut SSL,
    session: *mut SSL_SESSION,
    _key_name: *const c_uchar,
    _key_name_length: usize,
    status: c_int,
    _argument: *mut c_void,
) -> c_int {
    // SAFETY: the library passes a live session, or none.
    let serial = (!session.is_null()).then(|| unsafe { serial_of(session) });
    // SAFETY: the library passes a live connection.
    unsafe { push(ssl, What::TicketOpened(serial)) };
    // What would have been done without this callback.
    match status {
        TICKET_SUCCESS => TICKET_USE,
        TICKET_SUCCESS_RENEW => TICKET_USE_RENEW,
        _ => TICKET_IGNORE_RENEW,
    }
}

unsafe extern "C" fn on_new(ssl: *mut SSL, session: *mut SSL_SESSION) -> c_int {
    // SAFETY: the library passes a live connection.
    let peer = unsafe { peer_of(ssl) };
    // SAFETY: the library passes a live session.
    let serial = unsafe { serial_of(session) };
    // SAFETY: as above.
    let resumable = unsafe { sys::SSL_SESSION_is_resumable(session) } == 1;
    trace::push(Event::New { peer, serial, resumable });
    0
}

unsafe extern "C" fn on_new_keeping(ssl: *mut SSL, session: *mut SSL_SESSION) -> c_int {
    // SAFETY: as the library passed them.
    unsafe { on_new(ssl, session) };
    // SAFETY: the callback that returns 1 takes over the reference that was taken for it.
    let session = unsafe { Session::from_raw(session) };
    let replaced = OUTSIDE.with_borrow_mut(|outside| outside.insert(session.id(), session));
    drop(replaced);
    1
}

unsafe extern "C" fn on_get(
    ssl: *mut SSL,
    id: *const c_uchar,
    length: c_int,
    _copy: *mut c_int,
) -> *mut SSL_SESSION {
    // SAFETY: the library passes so many bytes.
    let id = unsafe { std::slice::from_raw_parts(id, length as usize) }.to_vec();
    // SAFETY: the library passes a live connection.
    let peer = unsafe { peer_of(ssl) };
    let found = OUTSIDE.with_borrow(|outside| outside.get(&id).cloned());
    let answer = found.as_ref().map_or(0, Session::serial);
    trace::push(Event::Asked { peer, id, answer });
    // `copy` stays 1: the library takes a reference of its own; the outside keeps its.
    found.as_ref().map_or(ptr::null_mut(), Session::as_ptr)
}

unsafe extern "C" fn on_remove_outside(context: *mut SSL_CTX, session: *mut SSL_SESSION) {
    // SAFETY: as the library passed them.
    unsafe { super::context::on_remove(context, session) };
    // SAFETY: the library passes a live session.
    let session = unsafe { Session::up_ref(session) };
    let forgotten = OUTSIDE.with_borrow_mut(|outside| outside.remove(&session.id()));
    drop(forgotten);
}

unsafe extern "C" fn on_server_name(
    ssl: *mut SSL,
    _alert: *mut c_int,
    other: *mut c_void,
) -> c_int {
    // SAFETY: the library passes a live connection, and what `set_name_switch` gave it.
    unsafe { sys::SSL_set_SSL_CTX(ssl, other.cast()) };
    // SAFETY: as above.
    unsafe { push(ssl, What::Switched) };
    0
}

const HANDSHAKE: c_int = 22;
const HANDSHAKE_START: c_int = 0x10;
const HANDSHAKE_DONE: c_int = 0x20;
const READ_ALERT: c_int = 0x4004;
const WRITE_ALERT: c_int = 0x4008;
const TICKET_SUCCESS: c_int = 5;
const TICKET_SUCCESS_RENEW: c_int = 6;
const TICKET_IGNORE_RENEW: c_int = 2;
const TICKET_USE: c_int = 3;
const TICKET_USE_RENEW: c_int = 4;
const SET_NAME_CALLBACK: c_int = 53;
const SET_NAME_ARGUMENT: c_int = 54;
