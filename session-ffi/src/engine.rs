//! What a TLS engine calls: it tells a connection what happens on the wire, and is told what may be resumed.
//!
//! The order of calls is in docs/c-abi.md.

use std::ffi::{c_int, c_long, c_uchar, c_uint, c_ulong};
use std::ptr::NonNull;

use session_cache::{
    Connection, Fatal, ProtocolVersion, Role, Seconds, SessionId, Shutdown, Tickets,
};
use session_codec::{Certificate, Octets, PublicKey};

use crate::connection::{SESS_CONN, connection, fatal};
use crate::context::SESS_CTX;
use crate::fault::{Fault, entry};
use crate::hooks::HeldBack;
use crate::memory;
use crate::session::SESS_SESSION;

/// A close_notify was sent, or is taken to have been.
pub const SESS_SENT_SHUTDOWN: c_int = 1;
/// A close_notify was received.
pub const SESS_RECEIVED_SHUTDOWN: c_int = 2;
/// The peer has no certificate to show.
pub const SESS_VERIFY_NONE: c_int = 0;
/// The peer is verified.
pub const SESS_VERIFY_PEER: c_int = 1;
/// No ticket is sent: up to TLS 1.2, a session that is found by its id.
pub const SESS_TICKETS_NONE: c_int = 0;
/// TLS 1.3: the ticket is the session's id.
pub const SESS_TICKETS_STATEFUL: c_int = 1;
/// TLS 1.3: the ticket holds the session.
pub const SESS_TICKETS_STATELESS: c_int = 2;

/// # Safety
///
/// * `conn` is NULL or a live connection.
unsafe fn drive<T>(
    conn: *mut SESS_CONN,
    failure: T,
    drive: impl FnOnce(&mut Connection) -> Result<T, Fault>,
) -> T {
    // SAFETY: passed on from the caller.
    entry(failure, || unsafe { connection(conn) }?.drive(drive)?)
}

fn version(number: c_int) -> Result<ProtocolVersion, Fault> {
    u16::try_from(number)
        .map(ProtocolVersion)
        .map_err(|_| Fault::invalid(format!("protocol version {number} is not 0 to 65535")))
}

/// # Safety
///
/// * `id` is NULL or points to `len` readable bytes.
unsafe fn session_id(id: *const c_uchar, len: usize) -> Result<SessionId, Fault> {
    // SAFETY: passed on from the caller.
    match unsafe { memory::bytes(id, len, "id") }? {
        [] => Ok(SessionId::EMPTY),
        id => SessionId::new(id).map_err(|error| Fault::invalid(error.to_string())),
    }
}

/// Makes a connection without a session, in the id context that the context has now: a server's, unless
/// SESS_set_connect_state() says otherwise.
///
/// The caller owns it, and frees it with SESS_free(). It takes references to the context.
/// Threads: any. NULL: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_new(ctx: *mut SESS_CTX) -> *mut SESS_CONN {
    entry(std::ptr::null_mut(), || SESS_CONN::create(ctx))
}

/// Frees a connection. If it was established and not closed cleanly its session leaves the cache and is marked not
/// resumable. Within a callback that the connection runs nothing happens.
///
/// May call the remove callback. Threads: no other is inside of it. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_free(conn: *mut SESS_CONN) {
    entry((), || match NonNull::new(conn) {
        // SAFETY: C says that it is a live connection, and gives it up.
        Some(conn) => unsafe { SESS_CONN::destroy(conn) },
        None => Ok(()),
    });
}

/// Makes a connection ready for another handshake. After a clean close the session stays attached; else it leaves
/// the cache, is marked not resumable and detached. 1 done.
///
/// May call the remove callback. Threads: one at a time for a connection. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_clear(conn: *mut SESS_CONN) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live connection.
        let conn = unsafe { connection(conn) }?;
        conn.drive(|connection| {
            conn.begins_anew();
            connection.clear();
        })?;
        Ok(1)
    })
}

/// Makes it a client's connection, before it has begun a handshake; later nothing changes.
///
/// Threads: one at a time for a connection. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_set_connect_state(conn: *mut SESS_CONN) {
    // SAFETY: C says that it is a live connection.
    unsafe {
        drive(conn, (), |connection| {
            connection.set_role(Role::Client);
            Ok(())
        })
    };
}

/// Makes it a server's connection, before it has begun a handshake; later nothing changes.
///
/// Threads: one at a time for a connection. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_set_accept_state(conn: *mut SESS_CONN) {
    // SAFETY: C says that it is a live connection.
    unsafe {
        drive(conn, (), |connection| {
            connection.set_role(Role::Server);
            Ok(())
        })
    };
}

/// Says whether the peer is verified (SESS_VERIFY_PEER among the bits of mode). A server without an id context then
/// caches nothing, and fails a handshake in which a session of the empty context would come back.
///
/// Threads: one at a time for a connection. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_set_verify(conn: *mut SESS_CONN, mode: c_int) {
    // SAFETY: C says that it is a live connection.
    unsafe {
        drive(conn, (), |connection| {
            connection.set_verify_peer(mode & SESS_VERIFY_PEER != 0);
            Ok(())
        })
    };
}

/// Says in which directions the connection was closed: SESS_SENT_SHUTDOWN and SESS_RECEIVED_SHUTDOWN added up. Once
/// sent, the session stays.
///
/// Threads: one at a time for a connection. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_set_shutdown(conn: *mut SESS_CONN, mode: c_int) {
    let sent = mode & SESS_SENT_SHUTDOWN != 0;
    let received = mode & SESS_RECEIVED_SHUTDOWN != 0;
    // SAFETY: C says that it is a live connection.
    unsafe {
        drive(conn, (), |connection| {
            connection.set_shutdown(Shutdown { sent, received });
            Ok(())
        })
    };
}

/// Returns in which directions the connection was closed.
///
/// Threads: one at a time for a connection; callbacks that it runs too. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_get_shutdown(conn: *const SESS_CONN) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live connection.
        let shutdown = unsafe { connection(conn) }?.ask(Connection::shutdown)?;
        let sent = if shutdown.sent { SESS_SENT_SHUTDOWN } else { 0 };
        let received = if shutdown.received { SESS_RECEIVED_SHUTDOWN } else { 0 };
        Ok(sent | received)
    })
}

/// Says that a handshake begins, the first or a renegotiation, with the protocol version that is agreed on or hoped
/// for. It is counted. 1 done; 0 unless protocol_version is 0 to 65535.
///
/// Threads: one at a time for a connection. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CONN_begin(conn: *mut SESS_CONN, protocol_version: c_int) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live connection.
        let conn = unsafe { connection(conn) }?;
        let version = version(protocol_version)?;
        conn.drive(|connection| {
            conn.begins_anew();
            connection.begin(version);
        })?;
        Ok(1)
    })
}

/// Says which protocol version was agreed on, when it is another than was said at the beginning. 1 done.
///
/// Threads: one at a time for a connection. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CONN_set_version(
    conn: *mut SESS_CONN,
    protocol_version: c_int,
) -> c_int {
    // SAFETY: C says that it is a live connection.
    unsafe {
        drive(conn, 0, |connection| {
            connection.set_version(version(protocol_version)?);
            Ok(1)
        })
    }
}

/// Looks for the session that a client proposes, inside and then by the get callback, and attaches it if it may come
/// back here. 1 resumed; 0 full handshake, as for more than 32 bytes; -1 end the handshake with a fatal alert.
///
/// May call the get and remove callbacks. Threads: one at a time for a connection. NULL: conn: -1, but 0 for more than
/// 32 bytes; id: allowed if len is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CONN_resume(
    conn: *mut SESS_CONN,
    id: *const c_uchar,
    len: usize,
) -> c_int {
    // SAFETY: C says so of both.
    unsafe { resume(conn, id, len, Connection::resume) }
}

/// As SESS_CONN_resume(), of a session that may be used once: it leaves the cache, and of any number of connections
/// that propose it one gets it.
///
/// May call the get and remove callbacks. Threads: one at a time for a connection. NULL: as SESS_CONN_resume().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CONN_resume_once(
    conn: *mut SESS_CONN,
    id: *const c_uchar,
    len: usize,
) -> c_int {
    // SAFETY: C says so of both.
    unsafe { resume(conn, id, len, Connection::resume_once) }
}

/// # Safety
///
/// * `conn` is NULL or a live connection; `id` is NULL or points to `len` readable bytes.
unsafe fn resume(
    conn: *mut SESS_CONN,
    id: *const c_uchar,
    len: usize,
    how: impl FnOnce(&mut Connection, &SessionId) -> Result<bool, Fatal>,
) -> c_int {
    entry(-1, || {
        if len > SessionId::BYTES_MAX {
            // No session has such an id.
            return Ok(0);
        }
        // SAFETY: passed on from the caller.
        let id = unsafe { session_id(id, len) }?;
        // SAFETY: as above.
        let conn = unsafe { connection(conn) }?;
        resumed(conn, |connection| how(connection, &id))
    })
}

/// Attaches the session that a ticket held, if it may come back here; no cache is asked. 1 resumed; 0 full handshake;
/// -1 end the handshake with a fatal alert.
///
/// The connection takes a reference of its own. Threads: one at a time for a connection. NULL: -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CONN_resume_ticket(
    conn: *mut SESS_CONN,
    session: *mut SESS_SESSION,
) -> c_int {
    entry(-1, || {
        // SAFETY: C says that it is a live connection.
        let conn = unsafe { connection(conn) }?;
        let object = NonNull::new(session).ok_or_else(|| Fault::null("session"))?;
        // SAFETY: C says that it is a live session.
        let session = unsafe { SESS_SESSION::fix_as_is(object) }?;
        // SAFETY: as above.
        unsafe { object.as_ref() }.may_be_in(&conn.context().cache);
        resumed(conn, |connection| connection.resume_ticket(session))
    })
}

/// Looks for a session, and tells C what came of it.
fn resumed(
    conn: &SESS_CONN,
    look: impl FnOnce(&mut Connection) -> Result<bool, Fatal>,
) -> Result<c_int, Fault> {
    let found = conn.drive(|connection| {
        let found = look(connection)?;
        if found {
            conn.has_older_session();
        }
        Ok(found)
    })?;
    found.map(c_int::from).map_err(fatal)
}

/// Makes an id for a new session: what the generator makes, else 32 random bytes, and none that the cache has. 1
/// done; 0 end the handshake with a fatal alert, *id_len is 0 then.
///
/// id has room for 32 bytes. May call the generator. Threads: one at a time for a connection. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CONN_generate_session_id(
    conn: *const SESS_CONN,
    id: *mut c_uchar,
    id_len: *mut c_uint,
) -> c_int {
    // SAFETY: C says that it is NULL or a place for a length.
    unsafe { memory::store(id_len, 0) };
    entry(0, || {
        // SAFETY: C says that it is a live connection.
        let conn = unsafe { connection(conn) }?;
        if id.is_null() || id_len.is_null() {
            return Err(Fault::null(if id.is_null() { "id" } else { "id_len" }));
        }
        let made = conn.ask(Connection::new_id)?.map_err(fatal)?;
        let bytes = made.as_bytes();
        // SAFETY: an id has at most 32 bytes, for which C says there is room.
        unsafe { id.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        // SAFETY: not NULL; C says that it is a place for a length.
        unsafe { memory::store(id_len, bytes.len() as c_uint) };
        Ok(1)
    })
}

/// Attaches the session of a full handshake: made with SESS_SESSION_new(), given its version, id, keys and what
/// verifying the peer came to. It takes the connection's id context and the context's timeout, and is made now. 1
/// done; 0 when it was attached or added before.
///
/// An id context that it did not have yet is set anew: what SESS_SESSION_get0_id_context() lent before is gone.
/// The connection takes a reference of its own. Threads: one at a time for a connection. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CONN_new_session(
    conn: *mut SESS_CONN,
    session: *mut SESS_SESSION,
) -> c_int {
    // SAFETY: C says so of both.
    unsafe { attach(conn, session, |connection, new, _| connection.new_session(new).clone()) }
}

/// Attaches the session of a further ticket: a duplicate of the one in use with an id of its own. It is made now, and not
/// marked; its timeout, and when the peers last proved who they are, stay. A client up to TLS 1.2 that stores sessions
/// gets it in the place of the one in use, which leaves the cache. 1 done; 0 when it was attached or added before.
///
/// It takes the id context of the session in use, or the connection's where there is none.
/// The connection takes a reference of its own. May call the remove callback. Threads: one at a time for a connection.
/// NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CONN_attach_session(
    conn: *mut SESS_CONN,
    session: *mut SESS_SESSION,
) -> c_int {
    // SAFETY: C says that it is a live session.
    if let Some(session) = unsafe { session.as_ref() } {
        session.forget_mark();
    }
    // SAFETY: C says so of both.
    unsafe {
        attach(conn, session, |connection, new, timeout| {
            connection.attach(new.with_timeout(timeout)).clone()
        })
    }
}

/// # Safety
///
/// * `conn` is NULL or a live connection; `session` is NULL or a live session.
unsafe fn attach(
    conn: *mut SESS_CONN,
    session: *mut SESS_SESSION,
    how: impl FnOnce(
        &mut Connection,
        session_cache::NewSession<'static>,
        Seconds,
    ) -> session_cache::Session,
) -> c_int {
    entry(0, || {
        // SAFETY: passed on from the caller.
        let conn = unsafe { connection(conn) }?;
        let object = NonNull::new(session).ok_or_else(|| Fault::null("session"))?;
        conn.drive(|connection| {
            // The session's lock is held while it is attached. The one that makes room is reported, and ends,
            // after that.
            let held_back = HeldBack::begin();
            let guard = session_core::pin();
            let fixed =
                // SAFETY: passed on from the caller.
                unsafe { SESS_SESSION::fix(object, |new, timeout| how(connection, new, timeout)) };
            drop(guard);
            session_core::settle();
            let fixed = fixed.map(|session| conn.has_new_session(&session));
            drop(held_back);
            fixed
        })??;
        // SAFETY: passed on from the caller.
        unsafe { object.as_ref() }.may_be_in(&conn.context().cache);
        Ok(1)
    })
}

/// Says that the attached session can be resumed from now on (SESS_TICKETS_ constants: how): it is stored, and the new
/// callback called, as the mode says. Up to TLS 1.2 once, before SESS_CONN_finish(); in TLS 1.3 after it, for each
/// ticket that was sent or received. 1 done; 0 for an unknown value of tickets.
///
/// May call the new and remove callbacks. Threads: one at a time for a connection. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CONN_established(conn: *mut SESS_CONN, tickets: c_int) -> c_int {
    // SAFETY: C says that it is a live connection.
    unsafe {
        drive(conn, 0, |connection| {
            let tickets = match tickets {
                SESS_TICKETS_NONE => Tickets::None,
                SESS_TICKETS_STATEFUL => Tickets::Stateful,
                SESS_TICKETS_STATELESS => Tickets::Stateless,
                other => {
                    return Err(Fault::invalid(format!("tickets is {other}; 0, 1 or 2 it is")));
                }
            };
            connection.established(tickets);
            Ok(1)
        })
    }
}

/// Says that the handshake is complete. It is counted, and expired sessions are cleared now and then. 1 done.
///
/// May call the remove callback. Threads: one at a time for a connection. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CONN_finish(conn: *mut SESS_CONN) -> c_int {
    // SAFETY: C says that it is a live connection.
    unsafe {
        drive(conn, 0, |connection| {
            connection.finish();
            Ok(1)
        })
    }
}

/// Asks whether the new session is not to be resumed, and marks it if so: 1, and the engine sends no ticket; else 0.
///
/// Comes after SESS_CONN_new_session(). Without a new session yet the answer is kept for the next one that this
/// handshake attaches; one from before this handshake is never marked.
/// Calls the callback of SESS_set_not_resumable_session_callback(). Threads: one at a time for a connection. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CONN_is_not_resumable(
    conn: *mut SESS_CONN,
    is_forward_secure: c_int,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live connection.
        let shared = unsafe { connection(conn) }?;
        shared.is_not_resumable(conn, is_forward_secure).map(c_int::from)
    })
}

/// Returns the session for a client to offer: the attached one, if it may be and its protocol version is
/// min_version to max_version; else NULL.
///
/// Borrowed: as SESS_get_session().
/// Threads: one at a time for a connection. NULL: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CONN_offer(
    conn: *mut SESS_CONN,
    min_version: c_int,
    max_version: c_int,
) -> *mut SESS_SESSION {
    // SAFETY: C says that it is a live connection.
    unsafe {
        drive(conn, std::ptr::null_mut(), |connection| {
            let versions = min_version..=max_version;
            let offered = connection.offer(|version| versions.contains(&c_int::from(version.0)));
            let object = offered.and_then(|offered| SESS_SESSION::of(&offered, connection.cache()));
            Ok(object.map_or(std::ptr::null_mut(), NonNull::as_ptr))
        })
    }
}

/// Says that the server resumes the session that was offered. 1 done; 0 end the handshake with a fatal alert.
///
/// Threads: one at a time for a connection. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CONN_accepted(conn: *mut SESS_CONN) -> c_int {
    // SAFETY: C says that it is a live connection.
    unsafe { drive(conn, 0, |connection| connection.accepted().map(|()| 1).map_err(fatal)) }
}

/// Says that the server does not resume the session that was offered: it is detached, and stays in the cache.
///
/// Threads: one at a time for a connection. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CONN_declined(conn: *mut SESS_CONN) {
    // SAFETY: C says that it is a live connection.
    unsafe {
        drive(conn, (), |connection| {
            connection.declined();
            Ok(())
        })
    };
}

/// Says that a fatal alert was sent: the session leaves the cache and is marked not resumable, unless the connection
/// was closed before.
///
/// May call the remove callback. Threads: one at a time for a connection. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CONN_fatal_alert_sent(conn: *mut SESS_CONN) {
    // SAFETY: C says that it is a live connection.
    unsafe {
        drive(conn, (), |connection| {
            connection.fatal_alert_sent();
            Ok(())
        })
    };
}

/// Says that a fatal alert was received: the session leaves the cache and is marked not resumable.
///
/// May call the remove callback. Threads: one at a time for a connection. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CONN_fatal_alert_received(conn: *mut SESS_CONN) {
    // SAFETY: C says that it is a live connection.
    unsafe {
        drive(conn, (), |connection| {
            connection.fatal_alert_received();
            Ok(())
        })
    };
}

/// # Safety
///
/// * `session` is NULL or a live session.
unsafe fn object<'a>(session: *mut SESS_SESSION) -> Result<&'a SESS_SESSION, Fault> {
    // SAFETY: passed on from the caller.
    unsafe { memory::required(session, "session") }
}

/// Gives a session the ticket that came for it, a copy of len bytes, with what the server said about it. 1 done; 0
/// when the session was added to a context or attached to a connection.
///
/// Threads: one, as all setters. NULL: session: 0; ticket: allowed if len is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set1_ticket(
    session: *mut SESS_SESSION,
    ticket: *const c_uchar,
    len: usize,
    lifetime_hint: c_ulong,
    age_add: u32,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live session.
        let object = unsafe { object(session) }?;
        // SAFETY: C says that so many bytes can be read there.
        let bytes = unsafe { memory::bytes(ticket, len, "ticket") }?;
        let ticket = (!bytes.is_empty()).then(|| Octets::from(bytes).into_owned());
        object.change_draft("ticket", |fields| {
            fields.ticket = ticket;
            fields.ticket_lifetime_hint_seconds = lifetime_hint;
            fields.ticket_age_add = age_add;
        })?;
        Ok(1)
    })
}

/// Returns what is added to the age of the ticket to hide it.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get_ticket_age_add(session: *const SESS_SESSION) -> u32 {
    // SAFETY: C says that it is a live session.
    entry(0, || Ok(unsafe { object(session.cast_mut()) }?.read(|fields| fields.ticket_age_add)))
}

/// Gives a session the peer's certificate, a copy of len bytes of DER; 0 bytes clear it. 1 done; 0 when they are no
/// certificate.
///
/// Threads: one, as all setters. NULL: session: 0; der: allowed if len is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set1_peer(
    session: *mut SESS_SESSION,
    der: *const c_uchar,
    len: usize,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live session.
        let object = unsafe { object(session) }?;
        // SAFETY: C says that so many bytes can be read there.
        let bytes = unsafe { memory::bytes(der, len, "der") }?;
        let peer = if bytes.is_empty() { None } else { Some(Certificate::new(bytes)) };
        let peer = peer.transpose().map_err(|error| Fault::invalid(error.to_string()))?;
        object.change(|fields| fields.peer = peer.map(Certificate::into_owned));
        Ok(1)
    })
}

/// Gives a session the peer's raw public key, a copy of len bytes of DER; 0 bytes clear it. 1 done; 0 when they are
/// no public key.
///
/// Threads: one, as all setters. NULL: session: 0; der: allowed if len is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set1_peer_rpk(
    session: *mut SESS_SESSION,
    der: *const c_uchar,
    len: usize,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live session.
        let object = unsafe { object(session) }?;
        // SAFETY: C says that so many bytes can be read there.
        let bytes = unsafe { memory::bytes(der, len, "der") }?;
        let key = if bytes.is_empty() { None } else { Some(PublicKey::new(bytes)) };
        let key = key.transpose().map_err(|error| Fault::invalid(error.to_string()))?;
        object.change(|fields| fields.peer_public_key = key.map(PublicKey::into_owned));
        Ok(1)
    })
}

/// Says what verifying the peer came to, an X509_V_ number, 0 for good. 1 done; 0 when the session was added to a
/// context or attached to a connection.
///
/// Threads: one, as all setters. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set_verify_result(
    session: *mut SESS_SESSION,
    verify_result: c_long,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live session.
        let object = unsafe { object(session) }?;
        let verify_result = i32::try_from(verify_result)
            .map_err(|_| Fault::invalid(format!("verify result {verify_result} needs 32 bits")))?;
        object.set_verify_result(verify_result)?;
        Ok(1)
    })
}

/// Sets OpenSSL's flags; bit 0 says that the extended master secret was used. 1 done.
///
/// Threads: one, as all setters. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_set_flags(session: *mut SESS_SESSION, flags: u32) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live session.
        unsafe { object(session) }?.change(|fields| fields.flags = flags);
        Ok(1)
    })
}

/// Returns OpenSSL's flags; bit 0 says that the extended master secret was used.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_get_flags(session: *const SESS_SESSION) -> u32 {
    // SAFETY: C says that it is a live session.
    entry(0, || Ok(unsafe { object(session.cast_mut()) }?.read(|fields| fields.flags)))
}
