//! The session that a connection was answered with, for as long as its client may be asked for a second ClientHello.
//!
//! In TLS 1.3 libssl looks up anew when it has answered a ClientHello with a HelloRetryRequest, and by then the session
//! was taken. So what was taken stays with the connection until the second lookup, or until libssl announces the
//! sessions that come of the handshake.
//!
//! Invariant: a session is given out anew to the connection that has taken it, once, and in the handshake in which it did
//! so: the first lookup of a handshake forgets what was kept before. libssl makes the server's random value after the
//! first ClientHello was looked at, and keeps it for the second; it is all zeros before, and again once the connection
//! was cleared (`SSL_clear`). The second ClientHello has the client's random value of the first (RFC 8446, section 4.1.2).
//!
//! Hard case: a connection that is cleared before its handshake is done, or that sends no tickets, keeps its session for
//! longer. A client that has the session's secret, the random value of before, and names the session in its second
//! ClientHello alone, is answered by it: on that connection, once, and without early data.

use std::ffi::{c_int, c_long, c_void};
use std::ptr;
use std::sync::OnceLock;

use openssl_sys::CRYPTO_EX_DATA;
use session_cache::{IdContext, Session, SessionId};

use crate::object::Connection;
use crate::sys;
use crate::unwind::caught;

/// Is what a connection was answered with, and to what.
struct Answer {
    id: SessionId,
    id_context: IdContext,
    client_random: [u8; RANDOM_BYTES],
    session: Session,
}

/// Forgets what was kept in an earlier handshake, if a lookup is of the first ClientHello of one.
pub(crate) fn begin(connection: Connection<'_>) {
    if connection.server_random() == [0; RANDOM_BYTES] {
        forget(connection);
    }
}

/// Returns the session that this connection has taken already in this handshake, if the lookup is its second for that.
pub(crate) fn answered(
    connection: Connection<'_>,
    id: SessionId,
    id_context: IdContext,
) -> Option<Session> {
    // SAFETY: what stands there is an answer that `keep` has boxed, and the connection is in no other thread.
    let kept = unsafe { connection.application_data(index()?).cast::<Answer>().as_ref() }?;
    let is_second = kept.id == id
        && kept.id_context == id_context
        && kept.client_random == connection.client_random();
    if !is_second {
        return None;
    }
    let session = kept.session.clone();
    forget(connection);
    Some(session)
}

/// Keeps a session that this connection has taken, in the place of another.
pub(crate) fn keep(
    connection: Connection<'_>,
    id: SessionId,
    id_context: IdContext,
    session: Session,
) {
    forget(connection);
    let Some(at) = index() else { return };
    let client_random = connection.client_random();
    let kept = Box::into_raw(Box::new(Answer { id, id_context, client_random, session }));
    if !connection.set_application_data(at, kept.cast()) {
        // SAFETY: from `into_raw` above, and nobody else's.
        drop(unsafe { Box::from_raw(kept) });
    }
}

/// Forgets what was kept, if anything.
pub(crate) fn forget(connection: Connection<'_>) {
    let Some(at) = index() else { return };
    let kept = connection.application_data(at).cast::<Answer>();
    if !kept.is_null() && connection.set_application_data(at, ptr::null_mut()) {
        // SAFETY: boxed in `keep`; the connection has let go of it.
        drop(unsafe { Box::from_raw(kept) });
    }
}

/// Is called when a connection is copied (`SSL_dup`), with a place that holds what the copy gets.
unsafe extern "C" fn copy(
    _to: *mut CRYPTO_EX_DATA,
    _from: *const CRYPTO_EX_DATA,
    kept: *mut *mut c_void,
    _at: c_int,
    _number: c_long,
    _pointer: *mut c_void,
) -> c_int {
    // The answer is the first connection's.
    // SAFETY: libcrypto gives a place for a pointer.
    unsafe { *kept = ptr::null_mut() };
    1
}

/// Is called when a connection is freed, with what stands in its application data.
unsafe extern "C" fn free(
    _parent: *mut c_void,
    kept: *mut c_void,
    _data: *mut CRYPTO_EX_DATA,
    _at: c_int,
    _number: c_long,
    _pointer: *mut c_void,
) {
    if kept.is_null() {
        return;
    }
    // SAFETY: boxed in `keep`; the connection gives it up, once.
    let kept = unsafe { Box::from_raw(kept.cast::<Answer>()) };
    // With the session what others have put into it may go.
    let _ = caught(|| drop(kept));
}

/// Where connections keep their answers; none when libcrypto gave no place.
fn index() -> Option<c_int> {
    static INDEX: OnceLock<c_int> = OnceLock::new();
    let index = *INDEX.get_or_init(|| {
        // SAFETY: `copy` and `free` take what is stored under this index, which is an answer or nothing.
        unsafe {
            sys::CRYPTO_get_ex_new_index(
                openssl_sys::CRYPTO_EX_INDEX_SSL,
                0,
                ptr::null_mut(),
                None,
                Some(copy),
                Some(free),
            )
        }
    });
    (index >= 0).then_some(index)
}

/// How long a random value of either side is (`SSL3_RANDOM_SIZE`).
pub(crate) const RANDOM_BYTES: usize = 32;
