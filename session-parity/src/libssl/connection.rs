//! An `SSL`, over a pipe in memory.

use std::ffi::{c_int, c_void};
use std::ptr::{self, NonNull};

use super::sys::{self, BIO, SSL};
use super::{Context, Session};

/// Is one end of a connection, over a pipe in memory.
pub(crate) struct Connection(NonNull<SSL>);

/// How far a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Done,
    /// The other end is to move first.
    Waits,
    /// Over: an error, or the peer's close.
    Over,
}

/// What became of early data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EarlyData {
    NotSent,
    Refused,
    Accepted,
}

impl Connection {
    /// Both ends of a new connection: client and server.
    pub(crate) fn pair(client: &Context, server: &Context, number: usize) -> [Connection; 2] {
        let ends = [(client, false), (server, true)].map(|(context, is_server)| {
            // SAFETY: the context is alive.
            let ssl = unsafe { sys::SSL_new(context.as_ptr()) };
            let connection = Connection(NonNull::new(ssl).expect("memory for a connection"));
            // From 1, so that it is no null pointer.
            let name = 1 + 2 * number + usize::from(is_server);
            // SAFETY: the connection is alive; the value is a number.
            unsafe { sys::SSL_set_ex_data(ssl, 0, name as *mut c_void) };
            connection
        });
        Connection::join(&ends);
        ends
    }

    /// Puts a new pipe between the ends, and begins a handshake.
    pub(crate) fn join(ends: &[Connection; 2]) {
        let (mut one, mut other): (*mut BIO, *mut BIO) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: the places are ours.
        let made = unsafe { sys::BIO_new_bio_pair(&mut one, 0, &mut other, 0) };
        assert_eq!(made, 1, "memory for a pipe");
        let [client, server] = ends;
        // SAFETY: the connection is alive, and takes the pipe's end over.
        unsafe { sys::SSL_set_bio(client.as_ptr(), one, one) };
        // SAFETY: as above.
        unsafe { sys::SSL_set_bio(server.as_ptr(), other, other) };
        // SAFETY: the connection is alive.
        unsafe { sys::SSL_set_connect_state(client.as_ptr()) };
        // SAFETY: as above.
        unsafe { sys::SSL_set_accept_state(server.as_ptr()) };
    }

    fn as_ptr(&self) -> *mut SSL {
        self.0.as_ptr()
    }

    /// What became of a call that returned `result`.
    fn progress(&self, result: c_int) -> Progress {
        // SAFETY: the connection is alive.
        let error = unsafe { sys::SSL_get_error(self.as_ptr(), result) };
        sys::ERR_clear_error();
        match error {
            NONE => Progress::Done,
            WANT_READ | WANT_WRITE => Progress::Waits,
            _ => Progress::Over,
        }
    }

    pub(crate) fn handshake(&self) -> Progress {
        // SAFETY: the connection is alive.
        self.progress(unsafe { sys::SSL_do_handshake(self.as_ptr()) })
    }

    pub(crate) fn is_established(&self) -> bool {
        // SAFETY: the connection is alive.
        (unsafe { sys::SSL_is_init_finished(self.as_ptr()) }) == 1
    }

    /// Reads a byte, and before it what the peer sent after its handshake.
    pub(crate) fn read(&self) -> Progress {
        let mut byte = 0u8;
        // SAFETY: the connection is alive, one byte is ours.
        self.progress(unsafe { sys::SSL_read(self.as_ptr(), (&raw mut byte).cast(), 1) })
    }

    pub(crate) fn write(&self) -> Progress {
        // SAFETY: the connection is alive, the bytes are there.
        self.progress(unsafe { sys::SSL_write(self.as_ptr(), c"x".as_ptr().cast(), 1) })
    }

    /// The client begins the handshake with a byte of early data, if its session allows any.
    pub(crate) fn write_early_data(&self) -> bool {
        let allows = |session: Session| {
            // SAFETY: the session is alive.
            let bytes_max = unsafe { sys::SSL_SESSION_get_max_early_data(session.as_ptr()) };
            // One that was offered already is not offered again.
            bytes_max > 0 && session.is_resumable()
        };
        if !self.session().is_some_and(allows) {
            return false;
        }
        let mut written = 0;
        // SAFETY: the connection is alive, the byte is there, the place is ours.
        let result = unsafe {
            sys::SSL_write_early_data(self.as_ptr(), c"e".as_ptr().cast(), 1, &mut written)
        };
        self.progress(result) == Progress::Done && result == 1
    }

    /// The server begins its handshake, and reads what early data there is.
    pub(crate) fn read_early_data(&self) {
        const SUCCESS: c_int = 1;
        let (mut byte, mut read) = (0u8, 0);
        loop {
            // SAFETY: the connection is alive, the byte and the place are ours.
            let result = unsafe {
                sys::SSL_read_early_data(self.as_ptr(), (&raw mut byte).cast(), 1, &mut read)
            };
            if result != SUCCESS {
                sys::ERR_clear_error();
                return;
            }
        }
    }

    /// The server's answer to early data.
    pub(crate) fn early_data(&self) -> EarlyData {
        // SAFETY: the connection is alive.
        match unsafe { sys::SSL_get_early_data_status(self.as_ptr()) } {
            2 => EarlyData::Accepted,
            1 => EarlyData::Refused,
            _ => EarlyData::NotSent,
        }
    }

    /// Puts bytes on the way to the other end that are no record of TLS's.
    pub(crate) fn send_garbage(&self) {
        let garbage = [0x17, 0x03, 0x03, 0x00, 0x20];
        let garbage: Vec<u8> = garbage.into_iter().chain([0x5a; 32]).collect();
        // SAFETY: the connection is alive and has a pipe.
        let bio = unsafe { sys::SSL_get_wbio(self.as_ptr()) };
        // SAFETY: the pipe is alive, the bytes are there.
        unsafe { sys::BIO_write(bio, garbage.as_ptr().cast(), garbage.len() as c_int) };
    }

    /// Ends the pipe to the other end, without a word.
    pub(crate) fn cut(&self) {
        // SAFETY: the connection is alive and has a pipe.
        let bio = unsafe { sys::SSL_get_wbio(self.as_ptr()) };
        // SAFETY: the pipe is alive; the command takes nothing.
        unsafe { sys::BIO_ctrl(bio, BIO_SHUTDOWN_WRITE, 0, ptr::null_mut()) };
    }

    pub(crate) fn renegotiate(&self) {
        // SAFETY: the connection is alive.
        unsafe { sys::SSL_renegotiate(self.as_ptr()) };
    }

    pub(crate) fn shutdown(&self) {
        // SAFETY: the connection is alive.
        let result = unsafe { sys::SSL_shutdown(self.as_ptr()) };
        self.progress(result);
    }

    /// In which directions it was closed: sent, received.
    pub(crate) fn shutdown_state(&self) -> (bool, bool) {
        // SAFETY: the connection is alive.
        let state = unsafe { sys::SSL_get_shutdown(self.as_ptr()) };
        (state & 1 != 0, state & 2 != 0)
    }

    pub(crate) fn clear(&self) {
        // SAFETY: the connection is alive.
        unsafe { sys::SSL_clear(self.as_ptr()) };
    }

    pub(crate) fn version(&self) -> u16 {
        // SAFETY: the connection is alive.
        (unsafe { sys::SSL_version(self.as_ptr()) }) as u16
    }

    pub(crate) fn session(&self) -> Option<Session> {
        // SAFETY: the connection is alive.
        let session = unsafe { sys::SSL_get_session(self.as_ptr()) };
        // SAFETY: the connection's, which is alive.
        (!session.is_null()).then(|| unsafe { Session::up_ref(session) })
    }

    pub(crate) fn set_session(&self, session: Option<&Session>) -> bool {
        let session = session.map_or(ptr::null_mut(), Session::as_ptr);
        // SAFETY: both are alive, or there is no session.
        (unsafe { sys::SSL_set_session(self.as_ptr(), session) }) == 1
    }

    pub(crate) fn set_server_name(&self) {
        // SAFETY: the connection is alive, the name a constant.
        unsafe {
            sys::SSL_ctrl(self.as_ptr(), SET_HOST_NAME, 0, c"other".as_ptr().cast_mut().cast())
        };
    }

    pub(crate) fn is_reused(&self) -> bool {
        // SAFETY: the connection is alive.
        (unsafe { sys::SSL_session_reused(self.as_ptr()) }) == 1
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { sys::SSL_free(self.as_ptr()) };
    }
}

/// The digest by which a client names a ticket's session.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    // SAFETY: the bytes are there, the digest has 32.
    unsafe { sys::SHA256(bytes.as_ptr(), bytes.len(), digest.as_mut_ptr()) };
    digest
}

const NONE: c_int = 0;
const WANT_READ: c_int = 2;
const WANT_WRITE: c_int = 3;
const SET_HOST_NAME: c_int = 55;
/// `BIO_C_SHUTDOWN_WR`.
const BIO_SHUTDOWN_WRITE: c_int = 142;
