//! A client's side: which session is offered, and what becomes of it.

use crate::config::Settings;
use crate::connection::{Connection, Fatal};
use crate::mode::CacheMode;
use crate::session::{ProtocolVersion, Session};
use crate::statistics::{Departure, Event};

impl Connection {
    /// Returns the session to offer in the ClientHello: the attached one, if it may be.
    ///
    /// One that is marked not resumable, has neither id nor ticket, or is of a version that is not enabled is
    /// detached: a fresh one takes its place. A TLS 1.3 ticket that is older than the server said it would be
    /// good for is not offered, and stays attached; up to TLS 1.2 the age takes no part. Under rules with
    /// caps on lifetimes nothing is offered past them.
    pub fn offer(&mut self, is_enabled: impl Fn(ProtocolVersion) -> bool) -> Option<Session> {
        let session = self.session.as_ref()?;
        if !session.is_resumable() || !is_enabled(session.version()) {
            self.session = None;
            return None;
        }
        (!self.is_too_old(session)).then(|| session.clone())
    }

    fn is_too_old(&self, session: &Session) -> bool {
        let now = self.cache.now();
        let age = now.0.saturating_sub(session.created().0);
        // Counted in whole seconds, so it is offered for one more (R49).
        let is_ticket_over =
            session.version().is_tls13() && age.saturating_sub(1) > session.lifetime_hint().0;
        let cap = self.cache.lifetime_max()(session.version());
        is_ticket_over || now > session.authenticated().saturating_add(cap)
    }

    /// Says that the server resumes the session that was offered.
    ///
    /// # Errors
    ///
    /// [`Fatal::DifferentIdContext`] under [`Rules::OPENSSL`](crate::Rules::OPENSSL), where clients compare id
    /// contexts too.
    pub fn accepted(&mut self) -> Result<(), Fatal> {
        let Some(session) = &self.session else { return Ok(()) };
        // Also when it fails: libssl says so too.
        self.reused = true;
        if self.cache.rules().clients_compare_context && session.id_context() != self.id_context {
            return Err(Fatal::DifferentIdContext);
        }
        self.verify_result = session.verify_result();
        Ok(())
    }

    /// Says that the server does not resume the session that was offered: it is detached, and stays in its
    /// cache as it is.
    pub fn declined(&mut self) {
        self.reused = false;
        if let Some(session) = self.session.take() {
            if !session.id().is_empty() && !self.cache.rules().counts_cache_only {
                self.cache.count(Event::Miss);
            }
        }
    }

    /// A TLS 1.3 session that was resumed leaves the client's cache.
    pub(super) fn remove_if_used_up(&self, settings: &Settings) {
        let Some(session) = &self.session else { return };
        let uses_up = session.version().is_tls13() && settings.mode.contains(CacheMode::CLIENT);
        if self.reused && uses_up {
            self.cache.remove_for(settings, session, Departure::Removed);
        }
    }
}
