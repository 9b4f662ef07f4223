//! What may be changed while the cache is in use: one immutable snapshot.
//!
//! Invariant: a snapshot is never changed, only replaced whole; an operation loads it once and sees one
//! state of all its fields. The limits are enforced in the order's critical sections, which have copies.

use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::hooks::{GetHook, NewHook, RemoveHook};
use crate::id::{IdContext, SessionId};
use crate::mode::CacheMode;
use crate::rules::Rules;
use crate::time::Seconds;

/// Makes ids for new sessions; see [`Settings::generator`].
pub type Generator = dyn Fn(&dyn Fn(&SessionId) -> bool) -> Option<SessionId> + Send + Sync;

/// Is one state of all that can be changed in a cache while it is used.
///
/// [`SessionCache::change`](crate::SessionCache::change) replaces it as a whole: whoever uses the cache
/// meanwhile sees the old state or the new one, and no mixture.
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Which sessions are stored, and where is looked; by default
    /// [`CacheMode::SERVER`].
    pub mode: CacheMode,
    /// The timeout of sessions that bring none of their own. With 0 it is the rules' default.
    pub timeout: Seconds,
    /// The most sessions; 0 for no limit. By default 20,480.
    pub sessions_max: usize,
    /// The most bytes of id, id context, payload and 128 more a session, of all together; 0 for no limit. By
    /// default 64 MiB.
    pub bytes_max: usize,
    /// The most bytes that one session may count for; 0 for no limit. By default 16 KiB.
    pub session_bytes_max: usize,
    /// The id context that new connections begin with; by default the empty one.
    pub id_context: IdContext,
    /// Is called when a session was negotiated.
    pub new_hook: Option<Arc<NewHook>>,
    /// Is called when a session has left.
    pub remove_hook: Option<Arc<RemoveHook>>,
    /// Is called for a session that is not inside.
    pub get_hook: Option<Arc<GetHook>>,
    /// Makes the ids of new sessions, in the place of 32 random bytes; it is given a way to ask whether an id
    /// is taken inside. None of its answer, or one that is taken, fails the handshake.
    pub generator: Option<Arc<Generator>>,
    /// How many changes came before.
    pub(crate) version: u64,
}

impl Settings {
    pub(crate) fn new(rules: &Rules) -> Settings {
        Settings {
            mode: CacheMode::SERVER,
            timeout: rules.timeout_default,
            sessions_max: SESSIONS_MAX_DEFAULT,
            bytes_max: BYTES_MAX_DEFAULT,
            session_bytes_max: SESSION_BYTES_MAX_DEFAULT,
            id_context: IdContext::EMPTY,
            new_hook: None,
            remove_hook: None,
            get_hook: None,
            generator: None,
            version: 0,
        }
    }

    /// Refuses limits that no machine holds.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.sessions_max > SESSIONS_MAX_LIMIT {
            return Err(Error::sessions_max(self.sessions_max));
        }
        Ok(())
    }

    pub(crate) fn timeout_for_new(&self, rules: &Rules) -> Seconds {
        if self.timeout == Seconds(0) { rules.timeout_default } else { self.timeout }
    }

    /// The most bytes that a session may count for, by whichever limit.
    pub(crate) fn session_bytes_limit(&self) -> usize {
        unlimited_if_0(self.session_bytes_max).min(unlimited_if_0(self.bytes_max))
    }

    /// Whether a server looks inside.
    #[inline]
    pub(crate) fn looks_inside(&self, rules: &Rules) -> bool {
        !self.mode.contains(CacheMode::NO_INTERNAL_LOOKUP)
            && (!rules.off_is_off || self.mode.contains(CacheMode::SERVER))
    }

    /// Whether a session's time becomes that of its use.
    #[inline]
    pub(crate) fn use_updates_time(&self, rules: &Rules) -> bool {
        self.mode.contains(CacheMode::UPDATE_TIME) && rules.use_updates_time
    }

    /// Whether an answer of the get hook is stored.
    pub(crate) fn stores_answers(&self, rules: &Rules) -> bool {
        !self.mode.contains(CacheMode::NO_INTERNAL_STORE)
            && (!rules.off_is_off || self.mode.contains(CacheMode::SERVER))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("mode", &self.mode)
            .field("timeout", &self.timeout)
            .field("sessions_max", &self.sessions_max)
            .field("bytes_max", &self.bytes_max)
            .field("session_bytes_max", &self.session_bytes_max)
            .field("id_context", &self.id_context)
            .field("new_hook", &self.new_hook.is_some())
            .field("remove_hook", &self.remove_hook.is_some())
            .field("get_hook", &self.get_hook.is_some())
            .field("generator", &self.generator.is_some())
            .finish()
    }
}

pub(crate) fn unlimited_if_0(limit: usize) -> usize {
    if limit == 0 { usize::MAX } else { limit }
}

/// OpenSSL's `SSL_SESSION_CACHE_MAX_SIZE_DEFAULT`: 1024 * 20.
pub(crate) const SESSIONS_MAX_DEFAULT: usize = 20_480;
pub(crate) const BYTES_MAX_DEFAULT: usize = 64 << 20;
pub(crate) const SESSION_BYTES_MAX_DEFAULT: usize = 16 << 10;

/// Keeps the numbers of places within 32 bits and a mistyped limit within a machine's memory.
pub(crate) const SESSIONS_MAX_LIMIT: usize = 16_777_216;

/// The 24 hours that RFC 5246, section F.1.4, suggests as the upper limit for a session id.
pub(crate) const LIFETIME_MAX_DEFAULT: Seconds = Seconds(86_400);

/// The 7 days that RFC 8446, section 4.6.1, sets as the upper limit for a ticket.
pub(crate) const LIFETIME_MAX_TLS13_DEFAULT: Seconds = Seconds(604_800);
