//! The real library, in Rust's clothes: contexts and sessions that count their references, and a trace of
//! what its callbacks saw.
//!
//! Invariant: each thread plays with contexts and sessions of its own; serial numbers and the trace are the
//! thread's.

mod callbacks;
pub(crate) mod clock;
mod connection;
mod context;
mod references;
mod session;
pub(crate) mod sys;
pub(crate) mod trace;

pub(crate) use callbacks::forget_outside;
pub(crate) use connection::{Connection, EarlyData, Progress, sha256};
pub(crate) use context::{Context, HookKind, kept, release_kept};
pub(crate) use references::references_are_readable;
pub(crate) use session::Session;

use std::ffi::CStr;
use std::fmt;

/// A release: major, minor, patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u8, pub(crate) u8, pub(crate) u8);

impl Version {
    /// Whether it is a late release of 3.0, whose rules `Rules::OPENSSL` follows.
    pub(crate) fn is_late_3_0(self) -> bool {
        (self.0, self.1) == (3, 0) && self.2 >= 14
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// Returns the version of the library that is linked.
pub(crate) fn version() -> Version {
    // 0xMNN00PP0
    let number = sys::OpenSSL_version_num();
    Version((number >> 28) as u8 & 0xf, (number >> 20) as u8, (number >> 4) as u8)
}

/// Names the library that is linked, as it names itself.
pub(crate) fn name() -> String {
    // SAFETY: 0 is OPENSSL_VERSION.
    let name = unsafe { sys::OpenSSL_version(0) };
    // SAFETY: the library returns a string constant.
    unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
}
