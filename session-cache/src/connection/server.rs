//! A server's side: finding what a client wants to come back with, and naming what is new.

use std::sync::Arc;

use crate::cache::SessionCache;
use crate::config::Settings;
use crate::connection::{Connection, Fatal, Role};
use crate::hooks::{Inquiry, Wanted};
use crate::id::SessionId;
use crate::mode::CacheMode;
use crate::session::{ProtocolVersion, Session, key};
use crate::statistics::{Departure, Event};

/// Where a session that a client wants to come back with was found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Cache,
    Ticket,
}

/// Ids are drawn so often before it is given up.
const ID_ATTEMPTS: usize = 10;

impl Connection {
    /// Looks for the session that a client proposes, inside and then by the get hook, and attaches it if it
    /// may come back here: of this version and id context, and not expired.
    ///
    /// False means a full handshake. An expired one leaves the cache (one of TLS 1.3 stays for a flush). A
    /// session may come back as often as it likes; where it may once, use
    /// [`resume_once`](Connection::resume_once).
    ///
    /// # Errors
    ///
    /// [`Fatal::IdContextUninitialized`].
    pub fn resume(&mut self, id: &SessionId) -> Result<bool, Fatal> {
        let cache = Arc::clone(&self.cache);
        let settings = cache.settings();
        self.detach_for_lookup();
        let Some(session) = self.fetch(&settings, id, Wanted::Lookup) else { return Ok(false) };
        let is_found = self.accept(&settings, session, Origin::Cache)?;
        if is_found {
            if let Some(session) = &self.session {
                let use_updates_time = settings.use_updates_time(&cache.rules());
                cache.refresh(use_updates_time, session, || cache.now());
            }
        }
        Ok(is_found)
    }

    /// Does as [`resume`](Connection::resume) for a session that may be used once: it leaves the cache, and
    /// of any number of connections that propose it one gets it.
    ///
    /// Under [`Rules::DOCUMENTED`](crate::Rules::DOCUMENTED) one that may not come back here is not consumed,
    /// and the winner's is not marked; the get hook is asked to give up the session, and its answer is never
    /// copied inside. Under [`Rules::OPENSSL`](crate::Rules::OPENSSL) it leaves first, marked, and an answer
    /// of the get hook counts only if it was copied inside (OpenSSL's replay protection of early data).
    ///
    /// # Errors
    ///
    /// [`Fatal::IdContextUninitialized`].
    pub fn resume_once(&mut self, id: &SessionId) -> Result<bool, Fatal> {
        let cache = Arc::clone(&self.cache);
        let settings = cache.settings();
        self.detach_for_lookup();
        if cache.rules().single_use_removes_first {
            let Some(session) = self.fetch(&settings, id, Wanted::Take) else { return Ok(false) };
            if !cache.remove_for(&settings, &session, Departure::Removed) {
                cache.count(Event::SingleUseLost);
                return Ok(false);
            }
            return self.accept(&settings, session, Origin::Ticket);
        }
        loop {
            let (session, is_inside) = match self.inside(&settings, id) {
                Some(session) => (session, true),
                None => match self.outside(&settings, id, Wanted::Take) {
                    Some(session) => (session, false),
                    None => return Ok(false),
                },
            };
            if !self.may_come_back(&settings, &session, Origin::Cache)? {
                return Ok(false);
            }
            if !is_inside || cache.take_out_exact(&settings, &session, Departure::Taken) {
                self.attach_resumed(session);
                cache.count(Event::Hit);
                return Ok(true);
            }
            if !cache.has_inside(self.version, id) {
                cache.count(Event::SingleUseLost);
                return Ok(false);
            }
        }
    }

    /// Attaches the session that a ticket held, if it may come back here. No cache is asked.
    ///
    /// # Errors
    ///
    /// [`Fatal::IdContextUninitialized`].
    pub fn resume_ticket(&mut self, session: Session) -> Result<bool, Fatal> {
        self.detach_for_lookup();
        let settings = self.cache.settings();
        self.accept(&settings, session, Origin::Ticket)
    }

    /// A TLS 1.3 server that looks for a session has none; up to TLS 1.2 the old one stays until there is
    /// another.
    fn detach_for_lookup(&mut self) {
        self.reused = false;
        if self.version.is_tls13() {
            self.session = None;
        }
    }

    /// Finds what is under an id, inside or outside, unchecked but for what the rules check before storing.
    fn fetch(&self, settings: &Settings, id: &SessionId, wanted: Wanted) -> Option<Session> {
        self.inside(settings, id).or_else(|| self.outside(settings, id, wanted))
    }

    fn inside(&self, settings: &Settings, id: &SessionId) -> Option<Session> {
        if id.is_empty() || !settings.looks_inside(&self.cache.rules()) {
            return None;
        }
        let found = self.cache.table.handle(&key(self.version, id)).map(Session::of);
        if found.is_none() {
            self.cache.count(Event::Miss);
        }
        found
    }

    fn outside(&self, settings: &Settings, id: &SessionId, wanted: Wanted) -> Option<Session> {
        let inquiry = Inquiry {
            cache: &self.cache,
            connection: Some(self),
            version: self.version,
            id,
            id_context: &self.id_context,
            wanted,
        };
        self.cache.outside(settings, inquiry)
    }

    fn accept(
        &mut self,
        settings: &Settings,
        session: Session,
        origin: Origin,
    ) -> Result<bool, Fatal> {
        let may = self.may_come_back(settings, &session, origin);
        if may.is_err() && self.version.is_tls13() && self.cache.rules().failing_is_bad {
            self.cache.remove_for(settings, &session, Departure::Removed);
        }
        if !may? {
            return Ok(false);
        }
        self.attach_resumed(session);
        if origin == Origin::Cache || !self.cache.rules().counts_cache_only {
            self.cache.count(Event::Hit);
        }
        Ok(true)
    }

    fn attach_resumed(&mut self, session: Session) {
        self.verify_result = session.verify_result();
        self.session = Some(session);
        self.reused = true;
    }

    /// Checks version, id context and age, in this order.
    fn may_come_back(
        &self,
        settings: &Settings,
        session: &Session,
        origin: Origin,
    ) -> Result<bool, Fatal> {
        let cache = &self.cache;
        if session.version() != self.version {
            return Ok(false);
        }
        if session.id_context() != self.id_context {
            cache.count(Event::WrongContext);
            return Ok(false);
        }
        if self.verify_peer && self.id_context.is_empty() {
            return Err(Fatal::IdContextUninitialized);
        }
        if cache.is_expired(session, cache.now()) {
            cache.count(Event::Timeout);
            if origin == Origin::Cache && !session.version().is_tls13() {
                cache.drop_expired(settings, session);
            }
            return Ok(false);
        }
        Ok(true)
    }

    /// Makes an id for a new session: the generator's, or 32 random bytes, and in any case one that this
    /// cache does not hold under the connection's version. The outside cache is not asked.
    ///
    /// A server's up to TLS 1.2 is empty in a mode without [`CacheMode::SERVER`]: the client is given nothing to
    /// come back with (R64).
    ///
    /// # Errors
    ///
    /// [`Fatal::NoId`], [`Fatal::EmptyId`] and [`Fatal::IdTaken`] for what the generator made,
    /// [`Fatal::Entropy`] when there is no random one.
    ///
    /// Source: `SSL_CTX_set_generate_session_id(3)`.
    pub fn new_id(&self) -> Result<SessionId, Fatal> {
        // The library asks the context that the server name led to, here alone.
        let stores = self.current.settings_ref().mode.contains(CacheMode::SERVER);
        if self.role == Role::Server && !stores && !self.version.is_tls13() {
            return Ok(SessionId::EMPTY);
        }
        let is_taken = |id: &SessionId| self.has_matching_id(id);
        let generator =
            self.generator.clone().or_else(|| self.cache.settings_ref().generator.clone());
        if let Some(generator) = generator {
            let made = crate::hooks::run(&self.cache, || generator(&is_taken));
            let id = made.flatten().ok_or(Fatal::NoId)?;
            return match id {
                id if id.is_empty() => Err(Fatal::EmptyId),
                id if is_taken(&id) => Err(Fatal::IdTaken),
                id => Ok(id),
            };
        }
        for _ in 0..ID_ATTEMPTS {
            let id = SessionId::random().map_err(|_| Fatal::Entropy)?;
            if !is_taken(&id) {
                return Ok(id);
            }
        }
        Err(Fatal::Entropy)
    }
}

impl SessionCache {
    /// Whether a session of this version and id is in the cache, expired or not.
    pub(crate) fn has_inside(&self, version: ProtocolVersion, id: &SessionId) -> bool {
        !id.is_empty() && self.table.get(&key(version, id), &session_core::pin()).is_some()
    }

    /// Whether a session is in this cache or in none.
    pub(crate) fn may_have(&self, session: &Session) -> bool {
        if session.is_in_no_cache() {
            return true;
        }
        let is_inside = || {
            let entry = self.table.handle(session.key());
            entry.is_some_and(|entry| Session::of(entry).is_same(session))
        };
        if is_inside() {
            return true;
        }
        // It may have left, and its node not; or be on its way in, which ends before this passes the lock.
        self.order.unlink_dead(&self.table, session);
        session.is_in_no_cache() || is_inside()
    }
}
