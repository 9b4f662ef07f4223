//! The one error of this crate: an opaque value that names what was refused.

use std::fmt;

use openssl::error::ErrorStack;

use crate::slots::ATTACHED_MAX;

/// Says why a context or a client was not attached.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use openssl::ssl::{SslContext, SslMethod};
/// use session_cache::{IdContext, SessionCache};
/// use session_openssl::{ErrorKind, Options, attach};
///
/// let cache = Arc::new(SessionCache::builder().build()?);
/// let mut builder = SslContext::builder(SslMethod::tls_server())?;
/// attach(&mut builder, Arc::clone(&cache), IdContext::new(b"www")?, Options::new())?;
///
/// let again = attach(&mut builder, cache, IdContext::new(b"www")?, Options::new()).unwrap_err();
/// assert_eq!(again.kind(), ErrorKind::AlreadyAttached);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Error(Cause);

/// Tells the causes of an [`Error`] apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The context has a cache already.
    AlreadyAttached,
    /// As many contexts are attached as can be ([`ATTACHED_MAX`]). Drop those that are
    /// no longer used, and what holds them (connections, acceptors), or let servers share one.
    AttachedMax,
    /// The context verifies its peers, and the id context is empty.
    EmptyIdContext,
    /// A connection is of another context than the store.
    OtherContext,
    /// A setting is out of its range.
    Setting,
    /// The cache underneath could not be made.
    Cache,
    /// libssl refused.
    OpenSsl,
}

impl Error {
    /// Returns what was refused.
    pub fn kind(&self) -> ErrorKind {
        match &self.0 {
            Cause::AlreadyAttached => ErrorKind::AlreadyAttached,
            Cause::AttachedMax => ErrorKind::AttachedMax,
            Cause::EmptyIdContext => ErrorKind::EmptyIdContext,
            Cause::OtherContext => ErrorKind::OtherContext,
            Cause::Setting { .. } => ErrorKind::Setting,
            Cause::Cache(_) => ErrorKind::Cache,
            Cause::OpenSsl(_) => ErrorKind::OpenSsl,
        }
    }

    pub(crate) fn already_attached() -> Error {
        Error(Cause::AlreadyAttached)
    }

    pub(crate) fn attached_max() -> Error {
        Error(Cause::AttachedMax)
    }

    pub(crate) fn empty_id_context() -> Error {
        Error(Cause::EmptyIdContext)
    }

    pub(crate) fn other_context() -> Error {
        Error(Cause::OtherContext)
    }

    pub(crate) fn setting(name: &'static str, asked: u64, least: u64, most: u64) -> Error {
        Error(Cause::Setting { name, asked, least, most })
    }

    pub(crate) fn cache(error: session_cache::Error) -> Error {
        Error(Cause::Cache(error))
    }

    /// Takes what libssl says from its queue.
    pub(crate) fn openssl() -> Error {
        Error::of_stack(ErrorStack::get())
    }

    pub(crate) fn of_stack(stack: ErrorStack) -> Error {
        Error(Cause::OpenSsl(stack))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::AlreadyAttached => f.write_str("the context is attached to a cache already"),
            Cause::AttachedMax => {
                write!(
                    f,
                    "{ATTACHED_MAX} contexts are attached; that is the most at a time: drop those that are no \
                     longer used, or let servers share one"
                )
            }
            Cause::EmptyIdContext => f.write_str(
                "the context verifies its peers, and the id context is 0 bytes long; it must be at least 1",
            ),
            Cause::OtherContext => {
                f.write_str("the connection is of another context than the one that the store is for")
            }
            Cause::Setting { name, asked, least, most } => {
                write!(f, "{name} is {asked}; it must be {least} to {most}")
            }
            Cause::Cache(error) => error.fmt(f),
            Cause::OpenSsl(stack) => write!(f, "libssl refused: {stack}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Cause::OpenSsl(stack) => Some(stack),
            Cause::Cache(error) => Some(error),
            _ => None,
        }
    }
}

#[derive(Debug)]
enum Cause {
    AlreadyAttached,
    AttachedMax,
    EmptyIdContext,
    OtherContext,
    Setting { name: &'static str, asked: u64, least: u64, most: u64 },
    Cache(session_cache::Error),
    OpenSsl(ErrorStack),
}
