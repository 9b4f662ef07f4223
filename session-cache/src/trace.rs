//! What is told to the `tracing` crate, where that feature is on: figures and reasons, never an id, never a
//! payload.

use crate::session::NotStored;
use crate::statistics::Departure;

/// A session has left.
#[inline]
pub(crate) fn left(why: Departure) {
    #[cfg(feature = "tracing")]
    tracing::trace!(target: "session_cache", ?why, "session left");
    let _ = why;
}

/// A session was not stored, for a reason that is not the caller's.
#[inline]
pub(crate) fn not_stored(why: &NotStored) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "session_cache", reason = %why, "session not stored");
    let _ = why;
}

/// Expired sessions were cleared of themselves.
#[inline]
pub(crate) fn cleared(sessions: usize, all: bool) {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: "session_cache", sessions, all, "expired sessions cleared");
    let _ = (sessions, all);
}

/// A hook panicked.
#[inline]
pub(crate) fn hook_panicked() {
    #[cfg(feature = "tracing")]
    tracing::error!(target: "session_cache", "a hook panicked; the cache goes on without its answer");
}
