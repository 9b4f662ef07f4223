//! The real library, in Rust's clothes: contexts and sessions that count their references, and a trace of
//! what its callbacks saw.
//!
//! Invariant: each thread plays with contexts and sessions of its own; serial numbers and the trace are the
//! thread's.

pub(crate) mod clock;
mod connection;
mod context;
mod references;
mod session;
pub(crate) mod sys;
pub(crate) mod trace;

pub(crate) use connection::{Connection, Progress, forget_outside, sha256};
pub(crate) use context::{Context, HookKind, kept, release_kept};
pub(crate) use references::references_are_readable;
pub(crate) use session::Session;

use std::ffi::CStr;

/// Names the library that is linked, as it names itself.
pub(crate) fn version() -> String {
    // SAFETY: 0 is OPENSSL_VERSION.
    let name = unsafe { sys::OpenSSL_version(0) };
    // SAFETY: the library returns a string constant.
    unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
}

/// Whether it is a late release of 3.0, whose rules `Rules::OPENSSL` follows: 3.0.14 or later.
pub(crate) fn is_late_3_0() -> bool {
    let number = sys::OpenSSL_version_num();
    // 0xMNN00PP0
    let (major, minor, patch) = (number >> 28, number >> 20 & 0xff, number >> 4 & 0xff);
    major == 3 && minor == 0 && patch >= 14
}
