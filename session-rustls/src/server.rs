//! The session storage of a rustls server, on a view of a [`SessionCache`].
//!
//! rustls names neither version nor context in its calls, and hands over everything as `Vec`s.
//!
//! Invariant: what was stored under one id context is found under that one only, and asking for it
//! under another changes nothing.
//! Invariant: whatever way a call ends, the key and the value that it was given are wiped.
//! Invariant: a query allocates nothing unless it is answered.

use std::fmt;
use std::sync::Arc;

use rustls::server::StoresServerSessions;
use session_cache::{
    ContextView, IdContext, NewSession, Payload, ProtocolVersion, Seconds, Session, SessionCache,
    SessionId,
};
use zeroize::Zeroizing;

/// How long a session is stored at most: 24 hours, which is what rustls tells its clients in every
/// TLS 1.3 ticket, and what RFC 5246 F.1.4 suggests as the most for a TLS 1.2 session.
///
/// The cache cuts it to its own cap (`lifetime_max`) where that is shorter. The cache's `timeout`, which is for sessions
/// that bring none, has no effect.
pub const TLS_LIFETIME: Seconds = Seconds(86_400);

/// Stores the sessions of one rustls `ServerConfig`, or of several that admit the same clients, in
/// a [`SessionCache`].
///
/// It serves both ways in which a rustls server resumes from its own memory: TLS 1.2 session ids,
/// which may be used again and again, and TLS 1.3 tickets, each of which has one winner however
/// many connections present it at once. A lookup takes no lock.
///
/// # One context for each kind of client
///
/// A resumed handshake does not look at the client's certificate again. If two configurations that
/// differ in who may connect find each other's sessions, a client that was admitted by the lax one
/// resumes at the strict one. So give every `ServerConfig` that differs in this its own
/// [`IdContext`]: a session of another context does not resume, and is not used up by the attempt.
///
/// # Hostile keys
///
/// Keys of [`get`](StoresServerSessions::get) and [`take`](StoresServerSessions::take) come from
/// whoever connects: up to 65,535 bytes of anything. A key that is no session id is a miss, before
/// any memory is taken or any table looked at.
///
/// # Age
///
/// rustls never checks how old a session is. The cache does, by its own clock: a session is found
/// for [`TLS_LIFETIME`], or for the cache's `lifetime_max` if that is shorter.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use rustls::server::StoresServerSessions;
/// use session_cache::{IdContext, NewSession, SessionCache};
/// use session_rustls::ServerSessions;
///
/// let cache = Arc::new(SessionCache::builder().build()?);
/// let staff = ServerSessions::new(Arc::clone(&cache), IdContext::new(b"staff")?);
/// let public = ServerSessions::new(cache, IdContext::new(b"public")?);
///
/// assert!(public.put(vec![7; 32], b"session".to_vec()));
/// assert_eq!(staff.take(&[7; 32]), None);
/// assert_eq!(public.take(&[7; 32]), Some(b"session".to_vec()));
/// assert_eq!(public.take(&[7; 32]), None);
/// # Ok::<(), session_cache::Error>(())
/// ```
pub struct ServerSessions {
    cache: Arc<SessionCache>,
    id_context: IdContext,
}

impl ServerSessions {
    /// Stores in `cache`, under `id_context`.
    ///
    /// The cache may be shared by any number of configurations, with the same or other contexts.
    /// [`IdContext::EMPTY`] will do where there is but one kind of client.
    #[must_use]
    pub fn new(cache: Arc<SessionCache>, id_context: IdContext) -> ServerSessions {
        ServerSessions { cache, id_context }
    }

    fn view(&self) -> ContextView<'_> {
        self.cache.context(self.id_context)
    }
}

impl StoresServerSessions for ServerSessions {
    /// Stores `value`, in the place of what was stored under `key` before, and says whether it did: a
    /// key that is empty or longer than 32 bytes is refused, as is all while too much waits to be freed.
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        // Both wipe the whole block, spare capacity too: rustls encodes into a growing `Vec`.
        let key = Zeroizing::new(key);
        let payload = Payload::from(value);
        let Ok(id) = SessionId::new(&key) else {
            return false;
        };
        let session =
            NewSession::new(ProtocolVersion::UNKNOWN, id, payload).with_timeout(TLS_LIFETIME);
        self.view().insert(session).is_ok()
    }

    /// Finds what a TLS 1.2 client asks to resume, and leaves it stored.
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let id = SessionId::new(key).ok()?;
        self.view().lookup(ProtocolVersion::UNKNOWN, &id).map(copy)
    }

    /// Finds what a TLS 1.3 client asks to resume, and removes it: of any number of calls with one
    /// key, one has the answer.
    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        let id = SessionId::new(key).ok()?;
        self.view().take(ProtocolVersion::UNKNOWN, &id).map(copy)
    }

    /// Says `true`: a full cache makes room.
    fn can_cache(&self) -> bool {
        true
    }
}

/// Copies the payload into a block of just its length, which belongs to rustls from then on.
fn copy(handle: Session) -> Vec<u8> {
    handle.payload().to_vec()
}

/// Shows how full the cache is, and nothing of what it holds.
impl fmt::Debug for ServerSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSessions")
            .field("sessions", &self.cache.len())
            .field("sessions_max", &self.cache.sessions_max())
            .finish_non_exhaustive()
    }
}
