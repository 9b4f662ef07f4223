//! How a call fails: the failure value of its function, and words and a number that the thread keeps.
//!
//! Invariant: no panic crosses into C, and a call that succeeds leaves the last failure as it is.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_ulong};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Why a call failed: OpenSSL's reason number, and words that name the value and the limit.
#[derive(Debug)]
pub(crate) struct Fault {
    code: c_ulong,
    words: String,
}

impl Fault {
    pub(crate) fn new(code: c_ulong, words: impl Into<String>) -> Fault {
        Fault { code, words: words.into() }
    }

    #[cold]
    pub(crate) fn null(name: &str) -> Fault {
        Fault::new(SESS_R_PASSED_NULL_PARAMETER, format!("{name} is NULL"))
    }

    #[cold]
    pub(crate) fn invalid(words: impl Into<String>) -> Fault {
        Fault::new(SESS_R_PASSED_INVALID_ARGUMENT, words)
    }

    /// Keeps it as the thread's last failure.
    #[cold]
    pub(crate) fn record(self) {
        let words = CString::new(self.words.replace('\0', " ")).unwrap_or_default();
        // A thread that is ending has nobody left to tell.
        let _ = LAST.try_with(|last| *last.borrow_mut() = Some(Last { code: self.code, words }));
    }
}

/// Runs the body of a function of the ABI; `failure` is what it returns when the body fails or panics.
// Inlined, as arguments that the body borrows would go through memory otherwise.
#[inline(always)]
pub(crate) fn entry<T>(failure: T, body: impl FnOnce() -> Result<T, Fault>) -> T {
    // Unwind safe: what bodies share is behind locks that ignore poison, and atomics; a step that is half
    // done is of one object, and stays within it.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => value,
        Ok(Err(fault)) => {
            fault.record();
            failure
        }
        Err(panic) => {
            record_panic(&*panic);
            failure
        }
    }
}

#[cold]
fn record_panic(panic: &(dyn Any + Send)) {
    let words = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no words");
    Fault::new(SESS_R_INTERNAL_ERROR, format!("internal error: {words}")).record();
}

/// `None` before the first failure of a thread.
struct Last {
    code: c_ulong,
    words: CString,
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// Tells why the last call that failed on this thread did so: one line, never NULL, "" before the first.
///
/// It never has a key, a ticket or a session id in it. A call that succeeds changes nothing.
/// Valid until the next call that fails on this thread, or SESS_clear_error().
/// Threads: any; each has its own.
#[unsafe(no_mangle)]
pub extern "C" fn SESS_last_error() -> *const c_char {
    const NOTHING: &CStr = c"";
    let words = LAST.try_with(|last| match &*last.borrow() {
        Some(last) => last.words.as_ptr(),
        None => NOTHING.as_ptr(),
    });
    words.unwrap_or(NOTHING.as_ptr())
}

/// Returns the number of the reason for the last failure on this thread: OpenSSL's where it has one (the
/// SESS_R_ constants), 0 before the first.
///
/// Threads: any; each has its own.
#[unsafe(no_mangle)]
pub extern "C" fn SESS_last_error_code() -> c_ulong {
    LAST.try_with(|last| last.borrow().as_ref().map_or(0, |last| last.code)).unwrap_or(0)
}

/// Forgets the last failure on this thread, so that the next can be told from none.
///
/// Threads: any; each has its own.
#[unsafe(no_mangle)]
pub extern "C" fn SESS_clear_error() {
    let _ = LAST.try_with(|last| *last.borrow_mut() = None);
}

/// A cipher suite is not two bytes long.
pub const SESS_R_CIPHER_CODE_WRONG_LENGTH: c_ulong = 137;
/// The version of the serialised structure is not 1.
pub const SESS_R_UNKNOWN_SSL_VERSION: c_ulong = 254;
/// The protocol version is of no known family.
pub const SESS_R_UNSUPPORTED_SSL_VERSION: c_ulong = 259;
/// A field of the serialised structure has a wrong length.
pub const SESS_R_BAD_LENGTH: c_ulong = 271;
/// The session belongs to another session id context.
pub const SESS_R_ATTEMPT_TO_REUSE_SESSION_IN_DIFFERENT_CONTEXT: c_ulong = 272;
/// A session id context has more than 32 bytes.
pub const SESS_R_SSL_SESSION_ID_CONTEXT_TOO_LONG: c_ulong = 273;
/// The peer is verified, and no session id context is set.
pub const SESS_R_SESSION_ID_CONTEXT_UNINITIALIZED: c_ulong = 277;
/// The generator of session ids failed.
pub const SESS_R_SSL_SESSION_ID_CALLBACK_FAILED: c_ulong = 301;
/// The generator of session ids made one that is taken.
pub const SESS_R_SSL_SESSION_ID_CONFLICT: c_ulong = 302;
/// The generator of session ids made one of no bytes, or of more than 32.
pub const SESS_R_SSL_SESSION_ID_HAS_BAD_LENGTH: c_ulong = 303;
/// A session id has more than 32 bytes.
pub const SESS_R_SSL_SESSION_ID_TOO_LONG: c_ulong = 408;
/// A pointer that must not be NULL is.
pub const SESS_R_PASSED_NULL_PARAMETER: c_ulong = 786_690;
/// There was no memory for a block that C is handed, or something that cannot happen did.
pub const SESS_R_INTERNAL_ERROR: c_ulong = 786_691;
/// A value is outside of what is allowed; SESS_last_error() names both.
pub const SESS_R_PASSED_INVALID_ARGUMENT: c_ulong = 524_550;
/// A session was not stored, SESS_last_error() says why.
pub const SESS_R_NOT_STORED: c_ulong = 10_001;
/// A session is in a cache or attached to a connection, so that its id, version and id context stay.
pub const SESS_R_SESSION_IS_FIXED: c_ulong = 10_002;
/// A session is in the cache of another context.
pub const SESS_R_OTHER_CONTEXT: c_ulong = 10_003;
/// The connection is in use: by another thread, or by the call that called this callback.
pub const SESS_R_CONNECTION_IN_USE: c_ulong = 10_004;
/// A buffer is too small.
pub const SESS_R_BUFFER_TOO_SMALL: c_ulong = 10_005;
/// A callback of the application failed.
pub const SESS_R_CALLBACK_FAILED: c_ulong = 10_006;
/// A PEM block is missing, broken, or encrypted.
pub const SESS_R_PEM: c_ulong = 10_007;
