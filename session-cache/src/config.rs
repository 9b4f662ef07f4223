//! What may be changed while the cache is in use and is read together: one immutable snapshot.
//!
//! Invariant: a snapshot is never changed, only replaced whole; whoever loads it once sees one state of
//! all its fields. The limit on the number of sessions is not here: it is enforced in the order's
//! critical sections and lives there.

use crate::time::{Seconds, UnixTime};

/// Is one state of the cache's settings; read by inserts, never by lookups.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    /// For sessions that bring none of their own.
    pub(crate) timeout: Seconds,
    /// Cuts every timeout.
    pub(crate) lifetime_max: Seconds,
}

impl Config {
    /// Returns the last time at which a session is valid.
    pub(crate) fn expires(&self, created: UnixTime, own_timeout: Option<Seconds>) -> UnixTime {
        created.saturating_add(own_timeout.unwrap_or(self.timeout).min(self.lifetime_max))
    }
}

/// OpenSSL's `SSL_SESSION_CACHE_MAX_SIZE_DEFAULT`: 1024 * 20.
pub(crate) const SESSIONS_MAX_DEFAULT: usize = 20_480;

/// Keeps the numbers of places within 32 bits and a mistyped limit within a machine's memory.
pub(crate) const SESSIONS_MAX_LIMIT: usize = 16_777_216;

/// The manual's word (`SSL_CTX_set_timeout(3)`).
// Divergence: late OpenSSL has 7200 s (R205); the manual is the specification.
pub(crate) const TIMEOUT_DEFAULT: Seconds = Seconds(300);

/// The 24 hours that RFC 5246, section F.1.4, suggests as the upper limit for a session id.
pub(crate) const LIFETIME_MAX_DEFAULT: Seconds = Seconds(86_400);
