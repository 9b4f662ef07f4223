//! What is done when libssl has negotiated a session, looks for one, or drops one.
//!
//! Invariant: nothing unwinds into libssl: it would end the process. What panics is counted, and answered as
//! if nothing had been stored.
//! Invariant: no lock of libssl's is taken here, but for [`Wire::give_back_to_libssl`], since it may hold one
//! when it drops a session.

use std::ffi::{c_int, c_uint};
use std::ptr;

use openssl_sys::{SSL, SSL_CTX, SSL_SESSION};
use session_cache::{IdContext, NewSession, Payload, Seconds, Session, SessionId};

use crate::attachment::Wiring;
use crate::object::{self, Connection, Decoded, Object};
use crate::retry;
use crate::template;
use crate::unwind::caught;
use crate::wire::Wire;

/// # Safety
///
/// * Both are live for the time of the call, and the connection is in no other thread.
pub(crate) unsafe fn new_session(wire: &Wire, ssl: *mut SSL, session: *mut SSL_SESSION) {
    guarded(wire, (), || {
        // SAFETY: passed on from the caller.
        let connection = unsafe { Connection::new(ssl) };
        // SAFETY: as above; it is only read.
        let session = unsafe { Object::new(session) };
        if let (Some(connection), Some(session)) = (connection, session) {
            wire.store(connection, session);
        }
    });
}

/// # Safety
///
/// * `ssl` is live for the time of the call, and in no other thread.
/// * `id` points to `length` readable bytes.
pub(crate) unsafe fn get_session(
    wire: &Wire,
    ssl: *mut SSL,
    id: *const u8,
    length: c_int,
) -> *mut SSL_SESSION {
    guarded(wire, ptr::null_mut(), || {
        // SAFETY: passed on from the caller.
        let connection = unsafe { Connection::new(ssl) };
        let length = c_uint::try_from(length).unwrap_or(0);
        // SAFETY: as above.
        let id = unsafe { object::bytes(id, length) };
        let found = connection.and_then(|connection| wire.find(connection, id));
        found.map_or(ptr::null_mut(), Decoded::into_raw)
    })
}

/// Is set as libssl's remove callback, which is told the context.
///
/// # Safety
///
/// * libssl calls it.
pub(crate) unsafe extern "C" fn remove_session(ctx: *mut SSL_CTX, session: *mut SSL_SESSION) {
    // SAFETY: libssl lends the context, and so the wire, for the time of the call.
    let Some(wire) = (unsafe { Wire::of(ctx) }) else { return };
    guarded(wire, (), || {
        // SAFETY: libssl lends it for the time of the call; it is only read.
        if let Some(session) = unsafe { Object::new(session) } {
            wire.drop_bad(session);
        }
    });
}

fn guarded<T>(wire: &Wire, otherwise: T, work: impl FnOnce() -> T) -> T {
    caught(work).unwrap_or_else(|| {
        wire.counters.panics.add(1);
        otherwise
    })
}

impl Wire {
    /// Stores a session that was negotiated, unless the client has it.
    fn store(&self, connection: Connection<'_>, session: Object<'_>) {
        // Nothing is looked up any more in this handshake.
        retry::forget(connection);
        let Some(id) = session.id().filter(|_| connection.is_server()) else { return };
        self.counters.negotiated.add(1);
        let version = session.version();
        if version.is_tls13() && !connection.has_stateful_tickets() {
            self.counters.in_tickets.add(1);
            return;
        }
        let id_context = session.id_context();
        if self.id_context_of(connection) != Some(id_context) {
            self.counters.other_context.add(1);
            return;
        }
        let Some(der) = session.der() else {
            self.counters.undecodable.add(1);
            return;
        };
        let der = Payload::borrowed(der.as_bytes());
        // For the sessions that libssl makes of it; before TLS 1.3 it makes none.
        let authenticated = session.authenticated().unwrap_or_else(|| {
            let now = self.cache.now();
            if version.is_tls13() {
                session.set_authenticated(now);
            }
            now
        });
        // One that is taken before TLS 1.3 would be decoded once in any case.
        let keeps_decoded = self.keeps_decoded && (version.is_tls13() || !self.single_use);
        let payload = if self.wiring == Wiring::ObserveOnly {
            template::observed(der)
        } else if keeps_decoded {
            template::beside(der, session)
        } else {
            der
        };
        let new = NewSession::new(version, id, payload)
            .with_timeout(session.timeout())
            .with_verify_result(connection.verify_result())
            .with_authenticated(authenticated);
        // One that cannot be stored costs a full handshake; the cache has counted it.
        let _ = self.cache.context(id_context).insert_absent(new);
    }

    /// Finds the session that a client wants to come back with.
    fn find(&self, connection: Connection<'_>, id: &[u8]) -> Option<Decoded> {
        self.counters.asked.add(1);
        retry::begin(connection);
        if self.wiring == Wiring::ObserveOnly {
            return None;
        }
        // A client may send anything: in TLS 1.3 up to 65,535 bytes.
        let id = SessionId::new(id).ok()?;
        // Who may come back to a context that is not attached, nobody here knows.
        let id_context = self.id_context_of(connection)?;
        if id_context.is_empty() && connection.verifies() {
            // libssl would take a session for a mistake, and end the handshake.
            return None;
        }
        let version = connection.version();
        // After a HelloRetryRequest libssl asks once more for what this connection has taken.
        let again = retry::answered(connection, id, id_context);
        let is_again = again.is_some();
        let found = again.or_else(|| self.look_up(connection, id, id_context))?;
        let Some(decoded) = template::decoded(&found) else {
            self.counters.undecodable.add(1);
            return None;
        };
        if connection.requires_certificate() && !decoded.object().has_peer_certificate() {
            return None;
        }
        let decoded = if version.is_tls13() {
            // One that was handed back has had it since it was stored, and may be in use by the connection that it
            // comes from: only what is fresh is changed.
            if decoded.object().authenticated().is_none() {
                decoded.object().set_authenticated(found.authenticated());
            }
            let given = self.give_back_to_libssl(connection, decoded)?;
            if !is_again {
                retry::keep(connection, id, id_context, found);
            }
            given
        } else {
            self.renew(&decoded, &found);
            decoded
        };
        self.counters.answered.add(1);
        Some(decoded)
    }

    /// Looks a session up, and takes it where it is for a single use: but not one that could be resumed elsewhere too, nor
    /// one of a client without a certificate for a connection that turns such clients away.
    fn look_up(
        &self,
        connection: Connection<'_>,
        id: SessionId,
        id_context: IdContext,
    ) -> Option<Session> {
        let (version, view) = (connection.version(), self.cache.context(id_context));
        if !version.is_tls13() && !self.single_use {
            return view.lookup(version, &id);
        }
        let requires_certificate = connection.requires_certificate();
        view.take_if(version, &id, |found| {
            let is_enough = !requires_certificate || template::has_peer_certificate(found);
            is_enough && !template::is_observed(found)
        })
    }

    /// Puts a session that this thread has taken into libssl's own cache, if its replay protection looks there: it
    /// accepts early data only if it removes the session from there, which it does next.
    fn give_back_to_libssl(&self, connection: Connection<'_>, decoded: Decoded) -> Option<Decoded> {
        if !connection.has_replay_protection() {
            return Some(decoded);
        }
        // A session can be in one context only, and this one may be in that of the connection that it comes from.
        let own = decoded.object().duplicate()?;
        if !own.object().is_resumable() {
            // The connection that it comes from has just broken, and the copy has the mark: libssl would turn it down, and
            // leave it in its cache.
            return None;
        }
        // SAFETY: the connection holds the context that it began with; the session is fresh, and so in no
        // other context.
        let _ = unsafe { openssl_sys::SSL_CTX_add_session(self.ctx.as_ptr(), own.as_ptr()) };
        Some(own)
    }

    /// Tells libssl what the cache says of the session's age and timeout: what is encoded is what was true
    /// when it was stored. Not in TLS 1.3, where early data is accepted by that age, to the second.
    fn renew(&self, decoded: &Decoded, found: &Session) {
        let age = self.cache.now().0.saturating_sub(found.created().0);
        // libssl counts fractions of a second from 3.2 on: it would find one too old that is in its last second.
        let age = age.min(found.timeout().0.saturating_sub(1));
        decoded.object().set_age(Seconds(age));
        decoded.object().set_timeout(found.timeout());
    }

    /// Removes a session that libssl drops: a connection with it broke, or it was too old. It may have its id from its
    /// client, where a ticket holds it: of sessions of another id context nothing is touched.
    fn drop_bad(&self, session: Object<'_>) {
        let Some(id) = session.id() else { return };
        // Whoever keeps sessions outside hears of one that is not inside.
        let _ = self.cache.context(session.id_context()).drop_bad(session.version(), &id);
    }
}
