//! The three hooks, by which an application keeps an outside cache in step with this one.
//!
//! A hook runs with no lock and no guard held, and may call anything, the cache that calls it included.
//! One that panics harms nobody else: the panic is caught and counted, and the call goes on as if the hook
//! had kept a session, known nothing, or looked on.
//!
//! Source: the manual page `SSL_CTX_sess_set_get_cb(3)`.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::cache::SessionCache;
use crate::connection::Connection;
use crate::id::{IdContext, SessionId};
use crate::session::{ProtocolVersion, Session};
use crate::statistics::{Departure, Event};
use crate::trace;

/// Is called when a session was negotiated, after it was stored inside (OpenSSL's `new_session_cb`).
///
/// The session is the hook's own reference, counted before the call: keep it or drop it. The answer says
/// whether the session may stay in the cache; see [`Keep`].
pub type NewHook = dyn Fn(Negotiated<'_>, Session) -> Keep + Send + Sync;

/// Is called when a session has left the cache, or was dropped as bad (OpenSSL's `remove_session_cb`).
///
/// The session is out of the cache, and marked not resumable unless it was taken or replaced.
pub type RemoveHook = dyn Fn(Left<'_>) + Send + Sync;

/// Is called when a client comes back with a session that is not inside (OpenSSL's `get_session_cb`).
///
/// The answer is handed over: a hook that keeps a reference of its own returns a clone (OpenSSL's
/// `copy = 1`), one that does not returns what it has (`copy = 0`). It is checked before it is used.
pub type GetHook = dyn Fn(Inquiry<'_>) -> Option<Session> + Send + Sync;

/// Tells a [`NewHook`] where a session comes from.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Negotiated<'a> {
    /// The cache that calls.
    pub cache: &'a SessionCache,
    /// The connection that negotiated it; none when it was inserted through a view.
    pub connection: Option<&'a Connection>,
}

/// Says whether a session that was negotiated may stay in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It stays (OpenSSL's 1).
    Yes,
    /// It leaves at once under [`Rules::DOCUMENTED`](crate::Rules::DOCUMENTED), and stays all the same under
    /// [`Rules::OPENSSL`](crate::Rules::OPENSSL) (OpenSSL's 0).
    No,
}

/// Tells a [`RemoveHook`] what left, and why.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Left<'a> {
    /// The cache that calls.
    pub cache: &'a SessionCache,
    /// The session.
    pub session: &'a Session,
    /// Why it left.
    pub why: Departure,
}

/// Asks a [`GetHook`] for a session.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Inquiry<'a> {
    /// The cache that calls.
    pub cache: &'a SessionCache,
    /// The connection that wants it; none when a view does.
    pub connection: Option<&'a Connection>,
    /// The protocol version that was agreed on.
    pub version: ProtocolVersion,
    /// The id that the client proposed.
    pub id: &'a SessionId,
    /// In which context it wants to come back. An answer of another one is not used.
    pub id_context: &'a IdContext,
    /// Whether it may come back again.
    pub wanted: Wanted,
}

/// Says how often a session that is asked for may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// As often as it likes: the outside cache keeps it.
    Lookup,
    /// Once: the outside cache gives it up in the same step, to one of all that ask. It is never copied
    /// inside.
    Take,
}

thread_local! {
    /// Under which keys this thread is telling remove hooks of sessions: the cache, and the hash there.
    static TOLD: RefCell<Vec<(usize, u64)>> = const { RefCell::new(Vec::new()) };
}

/// Is the time in which a remove hook is told of a session.
pub(crate) struct Telling((usize, u64));

impl Telling {
    pub(crate) fn begin(cache: &SessionCache, hash: u64) -> Telling {
        let told = (std::ptr::from_ref(cache).addr(), hash);
        // A thread whose locals are gone keeps no account.
        let _ = TOLD.try_with(|all| all.borrow_mut().push(told));
        Telling(told)
    }

    /// Whether this thread is telling of a session under this key: its hook may remove what it is told of, which is not
    /// there any more.
    pub(crate) fn goes_on(cache: &SessionCache, hash: u64) -> bool {
        let told = (std::ptr::from_ref(cache).addr(), hash);
        TOLD.try_with(|all| all.borrow().contains(&told)).unwrap_or(false)
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        let _ = TOLD.try_with(|all| {
            let mut all = all.borrow_mut();
            if let Some(at) = all.iter().rposition(|told| *told == self.0) {
                all.remove(at);
            }
        });
    }
}

/// Runs a hook; none if it panicked.
pub(crate) fn run<T>(cache: &SessionCache, hook: impl FnOnce() -> T) -> Option<T> {
    // Unwind safe: what the hook shares with us is behind the cache's own locks and atomics, and no step of
    // ours is half done.
    let result = catch_unwind(AssertUnwindSafe(hook));
    if result.is_err() {
        cache.count(Event::HookPanicked);
        trace::hook_panicked();
    }
    result.ok()
}
