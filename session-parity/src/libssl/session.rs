//! An `SSL_SESSION`: one reference to it.

use std::ffi::{c_int, c_long, c_uint, c_void};
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

use super::sys::{self, CRYPTO_EX_DATA, SSL_SESSION};
use super::trace::{self, Event};

/// Is one reference to a session; a clone is another one.
pub(crate) struct Session(NonNull<SSL_SESSION>);

impl Session {
    /// `SSL_SESSION_new`, and what its setters make of it.
    pub(crate) fn new(version: u16, id: &[u8]) -> Session {
        serial_index();
        let session = Session(NonNull::new(sys::SSL_SESSION_new()).expect("memory for a session"));
        // SAFETY: the session is alive, the id as long as is said.
        let set =
            unsafe { sys::SSL_SESSION_set1_id(session.as_ptr(), id.as_ptr(), id.len() as c_uint) };
        assert_eq!(set, 1, "an id of {} bytes", id.len());
        // SAFETY: the session is alive.
        unsafe { sys::SSL_SESSION_set_protocol_version(session.as_ptr(), version.into()) };
        session
    }

    /// Takes over a reference.
    ///
    /// # Safety
    ///
    /// The pointer is to a live session, and one reference to it is the caller's.
    pub(crate) unsafe fn from_raw(session: *mut SSL_SESSION) -> Session {
        Session(NonNull::new(session).expect("a session"))
    }

    /// Takes a reference of its own to a session that is alive.
    ///
    /// # Safety
    ///
    /// The pointer is to a live session.
    pub(crate) unsafe fn up_ref(session: *mut SSL_SESSION) -> Session {
        let session = NonNull::new(session).expect("a session");
        // SAFETY: the caller's promise.
        unsafe { sys::SSL_SESSION_up_ref(session.as_ptr()) };
        Session(session)
    }

    pub(crate) fn as_ptr(&self) -> *mut SSL_SESSION {
        self.0.as_ptr()
    }

    /// `SSL_SESSION_dup`.
    pub(crate) fn duplicate(&self) -> Session {
        // SAFETY: the session is alive.
        let copy = unsafe { sys::SSL_SESSION_dup(self.as_ptr()) };
        Session(NonNull::new(copy).expect("memory for a session"))
    }

    pub(crate) fn serial(&self) -> u64 {
        // SAFETY: the session is alive.
        unsafe { serial_of(self.as_ptr()) }
    }

    pub(crate) fn id(&self) -> Vec<u8> {
        let mut length = 0;
        // SAFETY: the session is alive, the length is ours.
        let id = unsafe { sys::SSL_SESSION_get_id(self.as_ptr(), &mut length) };
        // SAFETY: the library's answer: so many bytes, for as long as the session lives.
        unsafe { std::slice::from_raw_parts(id, length as usize) }.to_vec()
    }

    pub(crate) fn version(&self) -> u16 {
        // SAFETY: the session is alive.
        (unsafe { sys::SSL_SESSION_get_protocol_version(self.as_ptr()) }) as u16
    }

    pub(crate) fn time(&self) -> i64 {
        // SAFETY: the session is alive.
        unsafe { sys::SSL_SESSION_get_time(self.as_ptr()) }
    }

    pub(crate) fn set_time(&self, time: i64) -> i64 {
        // SAFETY: the session is alive.
        unsafe { sys::SSL_SESSION_set_time(self.as_ptr(), time) }
    }

    pub(crate) fn timeout(&self) -> i64 {
        // SAFETY: the session is alive.
        unsafe { sys::SSL_SESSION_get_timeout(self.as_ptr()) }
    }

    pub(crate) fn set_timeout(&self, seconds: i64) -> i64 {
        // SAFETY: the session is alive.
        unsafe { sys::SSL_SESSION_set_timeout(self.as_ptr(), seconds) }
    }

    pub(crate) fn set_application_data(&self, bytes: &[u8]) {
        let (data, length) = (bytes.as_ptr().cast(), bytes.len());
        // SAFETY: the session is alive, the bytes are there.
        unsafe { sys::SSL_SESSION_set1_ticket_appdata(self.as_ptr(), data, length) };
    }

    pub(crate) fn is_resumable(&self) -> bool {
        // SAFETY: the session is alive.
        (unsafe { sys::SSL_SESSION_is_resumable(self.as_ptr()) }) == 1
    }

    /// How many hold it; libssl has no getter, see [`super::references`].
    pub(crate) fn references(&self) -> u32 {
        // SAFETY: the session is alive.
        unsafe { super::references::read(self.as_ptr()) }
    }
}

impl Clone for Session {
    fn clone(&self) -> Session {
        // SAFETY: the session is alive.
        unsafe { Session::up_ref(self.as_ptr()) }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: the reference is ours.
        unsafe { sys::SSL_SESSION_free(self.as_ptr()) };
    }
}

/// The number that every session object gets when it comes to be, its copies another one.
///
/// # Safety
///
/// The session is alive.
pub(crate) unsafe fn serial_of(session: *const SSL_SESSION) -> u64 {
    // SAFETY: the caller's promise; the index is the class's.
    (unsafe { sys::SSL_SESSION_get_ex_data(session, serial_index()) }) as u64
}

/// Where in a session's ex_data its serial number stands: a number, not a pointer.
pub(super) fn serial_index() -> c_int {
    static INDEX: OnceLock<c_int> = OnceLock::new();
    *INDEX.get_or_init(|| {
        let (new, dup, free) = (Some(on_new as _), Some(on_dup as _), Some(on_free as _));
        // SAFETY: the callbacks are of the declared types and live for ever.
        let index = unsafe {
            sys::CRYPTO_get_ex_new_index(EX_CLASS_SSL_SESSION, 0, ptr::null_mut(), new, dup, free)
        };
        assert!(index >= 0, "memory for an index");
        index
    })
}

unsafe extern "C" fn on_new(
    _session: *mut c_void,
    _value: *mut c_void,
    data: *mut CRYPTO_EX_DATA,
    index: c_int,
    _number: c_long,
    _pointer: *mut c_void,
) {
    let serial = trace::next_serial();
    // SAFETY: the library's own pointers; the value is a number.
    unsafe { sys::CRYPTO_set_ex_data(data, index, serial as *mut c_void) };
    trace::push(Event::Created(serial));
}

unsafe extern "C" fn on_dup(
    to: *mut CRYPTO_EX_DATA,
    _from: *const CRYPTO_EX_DATA,
    value: *mut *mut c_void,
    index: c_int,
    _number: c_long,
    _pointer: *mut c_void,
) -> c_int {
    // SAFETY: the library's own pointers.
    let own = unsafe { sys::CRYPTO_get_ex_data(to, index) };
    // SAFETY: the library passes the place of the value: the source's, to be changed to the copy's.
    unsafe { *value = own };
    1
}

unsafe extern "C" fn on_free(
    _session: *mut c_void,
    value: *mut c_void,
    _data: *mut CRYPTO_EX_DATA,
    _index: c_int,
    _number: c_long,
    _pointer: *mut c_void,
) {
    trace::push(Event::Destroyed(value as u64));
}

/// `CRYPTO_EX_INDEX_SSL_SESSION`.
const EX_CLASS_SSL_SESSION: c_int = 2;
