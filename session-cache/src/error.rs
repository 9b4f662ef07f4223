//! The one error of this crate: an opaque value that names what was refused and the limit it broke.

use std::fmt;

use crate::config::SESSIONS_MAX_LIMIT;
use crate::id::{IdContext, SessionId};

/// Says why a value was refused. It names the value and the limit, and never the bytes of an id.
///
/// # Examples
///
/// ```
/// use session_cache::{ErrorKind, SessionCache};
///
/// let error = SessionCache::builder().sessions_max(20_000_000).build().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::SessionsMax);
/// assert_eq!(error.to_string(), "sessions_max is 20000000; it must be 0 to 16777216");
/// ```
#[derive(Debug)]
pub struct Error(Cause);

/// Tells the causes of an [`Error`] apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A session id is not 1 to 32 bytes long.
    IdLength,
    /// An id context is longer than 32 bytes.
    IdContextLength,
    /// A limit on the number of sessions is too large.
    SessionsMax,
    /// A cap on lifetimes is 0.
    LifetimeMax,
    /// The operating system gave no random bytes.
    Entropy,
}

impl Error {
    /// Returns what kind of value was refused.
    pub fn kind(&self) -> ErrorKind {
        match self.0 {
            Cause::IdLength(_) => ErrorKind::IdLength,
            Cause::IdContextLength(_) => ErrorKind::IdContextLength,
            Cause::SessionsMax(_) => ErrorKind::SessionsMax,
            Cause::LifetimeMaxIsZero(_) => ErrorKind::LifetimeMax,
            Cause::Entropy(_) => ErrorKind::Entropy,
        }
    }

    pub(crate) fn id_length(length: usize) -> Error {
        Error(Cause::IdLength(length))
    }

    pub(crate) fn id_context_length(length: usize) -> Error {
        Error(Cause::IdContextLength(length))
    }

    pub(crate) fn sessions_max(asked: usize) -> Error {
        Error(Cause::SessionsMax(asked))
    }

    /// `name` is that of the setting which is 0.
    pub(crate) fn lifetime_max_is_zero(name: &'static str) -> Error {
        Error(Cause::LifetimeMaxIsZero(name))
    }

    pub(crate) fn entropy(source: getrandom::Error) -> Error {
        Error(Cause::Entropy(source))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::IdLength(length) => write!(
                f,
                "session id is {length} bytes long; it must be 1 to {} bytes",
                SessionId::BYTES_MAX
            ),
            Cause::IdContextLength(length) => write!(
                f,
                "id context is {length} bytes long; it must be at most {} bytes",
                IdContext::BYTES_MAX
            ),
            Cause::SessionsMax(asked) => {
                write!(f, "sessions_max is {asked}; it must be 0 to {SESSIONS_MAX_LIMIT}")
            }
            Cause::LifetimeMaxIsZero(name) => {
                write!(f, "{name} is 0 seconds; it must be at least 1 second")
            }
            Cause::Entropy(source) => {
                write!(f, "no random bytes from the operating system: {source}")
            }
        }
    }
}

impl std::error::Error for Error {}

#[derive(Debug)]
enum Cause {
    IdLength(usize),
    IdContextLength(usize),
    SessionsMax(usize),
    LifetimeMaxIsZero(&'static str),
    Entropy(getrandom::Error),
}
