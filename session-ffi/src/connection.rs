//! `SESS_CONN`: the session slot of one connection, for the application that uses it.
//!
//! Invariant: one thread at a time is inside of a connection. Callbacks that it runs are inside too, and
//! find the connection lent: they can ask it, and are refused when they try to drive it.

use std::cell::{Cell, UnsafeCell};
use std::ffi::{c_int, c_long, c_uchar, c_uint, c_void};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use session_cache::{Connection, Fatal, OfOtherCache, Role, Session, SessionId, Wanted};

use crate::context::{SESS_CTX, context, id_context};
use crate::ex_data::{self, Class, SESS_EX_DATA, SESS_EX_dup, SESS_EX_free, SESS_EX_new};
use crate::fault::{
    Fault, SESS_R_ATTEMPT_TO_REUSE_SESSION_IN_DIFFERENT_CONTEXT, SESS_R_CONNECTION_IN_USE,
    SESS_R_INTERNAL_ERROR, SESS_R_OTHER_CONTEXT, SESS_R_SESSION_ID_CONTEXT_UNINITIALIZED,
    SESS_R_SSL_SESSION_ID_CALLBACK_FAILED, SESS_R_SSL_SESSION_ID_CONFLICT,
    SESS_R_SSL_SESSION_ID_HAS_BAD_LENGTH, entry,
};
use crate::hooks::{self, SESS_generate_session_id_cb, SESS_not_resumable_session_cb};
use crate::memory;
use crate::session::SESS_SESSION;

/// What one connection knows of sessions, as OpenSSL's SSL as far as they go. It belongs to one thread at a time;
/// a call from a second one at the same time fails.
///
/// The callbacks that it runs are those that are given it. In a remove callback, or a free callback of application
/// data, that runs while a function of the connection is at work its functions fail (SESS_R_CONNECTION_IN_USE).
pub struct SESS_CONN {
    /// Which thread is inside, 0 for none.
    holder: AtomicU64,
    /// Taken out when the connection ends, before its place does.
    connection: UnsafeCell<ManuallyDrop<Connection>>,
    /// What callbacks may ask while the holder is inside; his alone, as all cells here.
    lent: Cell<*const Connection>,
    /// Whether the get callback that runs is asked for a session that may be used once.
    wants_single_use: Cell<bool>,
    /// The connection that its thread was inside of before this one.
    outer: Cell<*const SESS_CONN>,
    /// What it was made from, and what it was switched to; a reference each.
    context: NonNull<SESS_CTX>,
    current_context: Cell<NonNull<SESS_CTX>>,
    not_resumable: Cell<SESS_not_resumable_session_cb>,
    /// Whether the attached session is a new one of this handshake, and none from before.
    has_new_session: Cell<bool>,
    /// Whether the new session that is still to come is not to be resumed.
    next_is_not_resumable: Cell<bool>,
    tickets: Cell<usize>,
    ex_data: SESS_EX_DATA,
}

thread_local! {
    static TOKEN: Cell<u64> = const { Cell::new(0) };
    /// The connection that this thread is inside of.
    static CURRENT: Cell<*const SESS_CONN> = const { Cell::new(std::ptr::null()) };
}

static TOKENS: AtomicU64 = AtomicU64::new(1);

fn this_thread() -> u64 {
    TOKEN.with(|token| {
        if token.get() == 0 {
            // Relaxed: each thread gets its own number, nothing else is told by it.
            token.set(TOKENS.fetch_add(1, Ordering::Relaxed));
        }
        token.get()
    })
}

/// Is inside of a connection until it is dropped.
struct Inside<'a>(&'a SESS_CONN);

impl<'a> Inside<'a> {
    fn enter(conn: &'a SESS_CONN) -> Option<Inside<'a>> {
        // Acquire: what the last holder did has been done; pairs with the Release in `drop`. Relaxed: who does
        // not get in looks at nothing.
        conn.holder
            .compare_exchange(0, this_thread(), Ordering::Acquire, Ordering::Relaxed)
            .ok()?;
        conn.outer.set(CURRENT.replace(conn));
        Some(Inside(conn))
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        CURRENT.set(self.0.outer.get());
        // Release: pairs with the Acquire in `enter`.
        self.0.holder.store(0, Ordering::Release);
    }
}

impl SESS_CONN {
    pub(crate) fn create(ctx: *mut SESS_CTX) -> Result<*mut SESS_CONN, Fault> {
        let address = NonNull::new(ctx).ok_or_else(|| Fault::null("ctx"))?;
        // SAFETY: C says that it is a live context.
        let context = unsafe { address.as_ref() };
        context.up_ref();
        context.up_ref();
        let connection = Connection::new(&context.cache, Role::Server);
        let conn = Box::new(SESS_CONN {
            holder: AtomicU64::new(0),
            connection: UnsafeCell::new(ManuallyDrop::new(connection)),
            lent: Cell::new(std::ptr::null()),
            wants_single_use: Cell::new(false),
            outer: Cell::new(std::ptr::null()),
            context: address,
            current_context: Cell::new(address),
            not_resumable: Cell::new(context.callbacks.not_resumable()),
            has_new_session: Cell::new(false),
            next_is_not_resumable: Cell::new(false),
            // Relaxed: a number that stands for itself.
            tickets: Cell::new(context.tickets.load(Ordering::Relaxed)),
            ex_data: SESS_EX_DATA::new(Class::Connection),
        });
        let conn = NonNull::from(Box::leak(conn));
        // SAFETY: just made.
        unsafe { conn.as_ref() }.ex_data.begin(conn.as_ptr().cast());
        Ok(conn.as_ptr())
    }

    /// # Safety
    ///
    /// * `conn` is alive, and is not used any more.
    pub(crate) unsafe fn destroy(conn: NonNull<SESS_CONN>) -> Result<(), Fault> {
        // SAFETY: passed on from the caller.
        let shared = unsafe { conn.as_ref() };
        // Nobody leaves any more: neither another thread nor a callback of its own may be inside.
        let inside = Inside::enter(shared).ok_or_else(in_use)?;
        let contexts = [shared.context, shared.current_context.get()];
        // SAFETY: this thread is inside, alone.
        let place = unsafe { &mut *shared.connection.get() };
        // SAFETY: what is in the place is not used after this.
        let connection = unsafe { ManuallyDrop::take(place) };
        // Outlives the connection, so that nothing of it ends half-way through.
        let session = connection.session_owned();
        drop(connection);
        drop(session);
        session_core::settle();
        shared.ex_data.end(conn.as_ptr().cast());
        drop(inside);
        // SAFETY: boxed by `create`, and given up by the caller.
        drop(unsafe { Box::from_raw(conn.as_ptr()) });
        for context in contexts {
            // SAFETY: each is one of the references that `create` and `switch` took.
            unsafe { SESS_CTX::release(context) };
        }
        Ok(())
    }

    pub(crate) fn context(&self) -> &SESS_CTX {
        // SAFETY: the connection has a reference to it.
        unsafe { self.context.as_ref() }
    }

    /// Drives the connection.
    pub(crate) fn drive<R>(&self, drive: impl FnOnce(&mut Connection) -> R) -> Result<R, Fault> {
        let _inside = Inside::enter(self).ok_or_else(in_use)?;
        // SAFETY: this thread alone is inside, and not from within itself.
        Ok(drive(unsafe { &mut *self.connection.get() }))
    }

    /// Asks the connection; a callback that it runs may too.
    pub(crate) fn ask<R>(&self, ask: impl FnOnce(&Connection) -> R) -> Result<R, Fault> {
        if let Some(_inside) = Inside::enter(self) {
            // SAFETY: this thread alone is inside, and not from within itself.
            let connection = unsafe { &*self.connection.get() };
            return Ok(self.lend(connection, Wanted::Lookup, || ask(connection)));
        }
        // Relaxed: it is this thread's own number or another's, and only its own comes from this thread.
        let is_own = self.holder.load(Ordering::Relaxed) == this_thread();
        if !is_own || self.lent.get().is_null() {
            return Err(in_use());
        }
        // SAFETY: lent by a caller further up on this thread, who looks at it only until this returns.
        Ok(ask(unsafe { &*self.lent.get() }))
    }

    /// Takes what is asked for aside while the connection is driven no further.
    fn lend<R>(&self, connection: &Connection, wanted: Wanted, call: impl FnOnce() -> R) -> R {
        let lent = self.lent.replace(connection);
        let wants = self.wants_single_use.replace(wanted == Wanted::Take);
        let result = call();
        self.wants_single_use.set(wants);
        self.lent.set(lent);
        result
    }

    /// Runs a callback of the cache with the connection that it is about; NULL for none.
    pub(crate) fn lent<R>(
        connection: Option<&Connection>,
        wanted: Wanted,
        call: impl FnOnce(*mut SESS_CONN) -> R,
    ) -> R {
        let current = SESS_CONN::current();
        // SAFETY: a connection is current for as long as its thread is inside of it.
        let conn = unsafe { current.as_ref() };
        match (connection, conn) {
            (Some(connection), Some(conn))
                if std::ptr::eq(conn.connection.get().cast(), connection) =>
            {
                conn.lend(connection, wanted, || call(current))
            }
            _ => call(std::ptr::null_mut()),
        }
    }

    /// The connection that this thread is inside of, NULL for none.
    pub(crate) fn current() -> *mut SESS_CONN {
        CURRENT.get().cast_mut()
    }

    pub(crate) fn switch(&self, ctx: *mut SESS_CTX) -> Result<(), Fault> {
        let other = NonNull::new(ctx).ok_or_else(|| Fault::null("ctx"))?;
        // SAFETY: C says that it is a live context.
        let shared = unsafe { other.as_ref() };
        let before = self.drive(|connection| {
            shared.up_ref();
            connection.switch_cache(&shared.cache);
            self.current_context.replace(other)
        })?;
        // SAFETY: the reference that was taken for what is not current any more.
        unsafe { SESS_CTX::release(before) };
        Ok(())
    }

    pub(crate) fn is_not_resumable(
        &self,
        conn: *mut SESS_CONN,
        is_forward_secure: c_int,
    ) -> Result<bool, Fault> {
        self.ask(|connection| {
            let Some(callback) = self.not_resumable.get() else { return false };
            // SAFETY: C says that it is to be called so.
            let is_not_resumable = unsafe { callback(conn, is_forward_secure) } != 0;
            match connection.session().filter(|_| self.has_new_session.get()) {
                Some(session) if is_not_resumable => session.mark_not_resumable(),
                Some(_) => {}
                None => self.next_is_not_resumable.set(is_not_resumable),
            }
            is_not_resumable
        })
    }

    /// Another handshake is to come: what is attached is from before it.
    pub(crate) fn begins_anew(&self) {
        self.has_new_session.set(false);
        self.next_is_not_resumable.set(false);
    }

    /// What is attached now is from before this handshake.
    pub(crate) fn has_older_session(&self) {
        self.has_new_session.set(false);
    }

    /// What is attached now was made in this handshake.
    pub(crate) fn has_new_session(&self, session: &Session) {
        self.has_new_session.set(true);
        if self.next_is_not_resumable.take() {
            session.mark_not_resumable();
        }
    }
}

fn in_use() -> Fault {
    let words =
        "the connection is in use: by another thread, or by the call that called this callback";
    Fault::new(SESS_R_CONNECTION_IN_USE, words)
}

pub(crate) fn fatal(why: Fatal) -> Fault {
    let code = match why {
        Fatal::IdContextUninitialized => SESS_R_SESSION_ID_CONTEXT_UNINITIALIZED,
        Fatal::DifferentIdContext => SESS_R_ATTEMPT_TO_REUSE_SESSION_IN_DIFFERENT_CONTEXT,
        Fatal::NoId => SESS_R_SSL_SESSION_ID_CALLBACK_FAILED,
        Fatal::EmptyId => SESS_R_SSL_SESSION_ID_HAS_BAD_LENGTH,
        Fatal::IdTaken => SESS_R_SSL_SESSION_ID_CONFLICT,
        _ => SESS_R_INTERNAL_ERROR,
    };
    Fault::new(code, why.to_string())
}

/// # Safety
///
/// * `conn` is NULL or a live connection, for as long as the result is used.
pub(crate) unsafe fn connection<'a>(conn: *const SESS_CONN) -> Result<&'a SESS_CONN, Fault> {
    // SAFETY: passed on from the caller.
    unsafe { memory::required(conn, "conn") }
}

/// The object of the attached session, NULL for none; borrowed from the connection.
fn attached(connection: &Connection) -> *mut SESS_SESSION {
    let session = connection.session();
    let object = session.and_then(|session| SESS_SESSION::of(session, connection.cache()));
    object.map_or(std::ptr::null_mut(), NonNull::as_ptr)
}

/// Attaches a session to be offered to the server, in the place of the one that is attached; NULL detaches that
/// one. 1 done; 0 when it is in another context's cache, and then nothing changes.
///
/// The connection takes a reference of its own, and releases that of the one before. If the connection was
/// established and not closed cleanly, the one before leaves its cache and is marked not resumable. The
/// session's version, id and id context stay from now on.
/// May call the remove callback. Threads: one at a time for a connection. NULL: conn: 0; session: detaches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_set_session(
    conn: *mut SESS_CONN,
    session: *mut SESS_SESSION,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live connection.
        let conn = unsafe { connection(conn) }?;
        let object = NonNull::new(session);
        // SAFETY: C says that it is a live session.
        let session =
            object.map(|object| unsafe { SESS_SESSION::fix_as_is(object) }).transpose()?;
        // SAFETY: as above.
        if let Some(object) = object.map(|object| unsafe { object.as_ref() }) {
            object.may_be_in(&conn.context().cache);
        }
        conn.drive(|connection| {
            connection.set_session(session).map(|()| conn.has_older_session())
        })?
        .map_err(|why| Fault::new(SESS_R_OTHER_CONTEXT, why.to_string()))?;
        Ok(1)
    })
}

/// Returns the session in use, NULL before there is one. No reference is taken.
///
/// Borrowed: valid until another is attached or this one detached: by SESS_clear(), SESS_free(), SESS_CONN_declined(), a
/// SESS_CONN_offer() that returns NULL, or, in TLS 1.3, the next call of the SESS_CONN_resume() family.
/// Threads: one at a time for a connection; callbacks that it runs too. NULL: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_get_session(conn: *const SESS_CONN) -> *mut SESS_SESSION {
    // SAFETY: C says that it is a live connection.
    entry(std::ptr::null_mut(), || unsafe { connection(conn) }?.ask(attached))
}

/// As SESS_get_session(), which OpenSSL calls so too.
///
/// Threads: one at a time for a connection; callbacks that it runs too. NULL: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_get0_session(conn: *const SESS_CONN) -> *mut SESS_SESSION {
    // SAFETY: passed on.
    unsafe { SESS_get_session(conn) }
}

/// Returns the session in use with a reference for the caller, who gives it up with SESS_SESSION_free(): it stays
/// valid whatever becomes of connection and cache. NULL before there is one.
///
/// Threads: one at a time for a connection; callbacks that it runs too. NULL: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_get1_session(conn: *mut SESS_CONN) -> *mut SESS_SESSION {
    entry(std::ptr::null_mut(), || {
        // SAFETY: C says that it is a live connection.
        unsafe { connection(conn) }?.ask(|connection| {
            let session = attached(connection);
            // SAFETY: NULL, or kept by the connection.
            if let Some(object) = unsafe { session.as_ref() } {
                object.up_ref();
            }
            session
        })
    })
}

/// Whether the session in use was resumed: 1 or 0.
///
/// Threads: one at a time for a connection; callbacks that it runs too. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_session_reused(conn: *const SESS_CONN) -> c_int {
    // SAFETY: C says that it is a live connection.
    entry(0, || unsafe { connection(conn) }?.ask(|connection| c_int::from(connection.is_reused())))
}

/// Gives a connection another one's session and id context. 1 done; 0 as SESS_set_session().
///
/// May call the remove callback. Threads: one at a time for each connection. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_copy_session_id(to: *mut SESS_CONN, from: *const SESS_CONN) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live connection.
        let source = unsafe { connection(from) }?;
        let (session, id_context) =
            source.ask(|connection| (connection.session_owned(), connection.id_context()))?;
        // SAFETY: as above.
        let target = unsafe { connection(to) }?;
        let cache = &target.context().cache;
        if let Some(object) = session.as_ref().and_then(|session| SESS_SESSION::of(session, cache))
        {
            // SAFETY: `session` keeps the object.
            unsafe { object.as_ref() }.may_be_in(cache);
        }
        target
            .drive(|connection| {
                connection.set_session(session)?;
                target.has_older_session();
                connection.set_id_context(id_context);
                Ok(())
            })?
            .map_err(|why: OfOtherCache| Fault::new(SESS_R_OTHER_CONTEXT, why.to_string()))?;
        Ok(1)
    })
}

/// Sets the id context of one connection, for sessions that are made or resumed from now on: a copy of sid_ctx_len
/// bytes. 1 done; 0 for more than 32.
///
/// Threads: one at a time for a connection. NULL: conn: 0; sid_ctx: allowed if sid_ctx_len is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_set_session_id_context(
    conn: *mut SESS_CONN,
    sid_ctx: *const c_uchar,
    sid_ctx_len: c_uint,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live connection.
        let conn = unsafe { connection(conn) }?;
        // SAFETY: C says that so many bytes can be read there.
        let id_context = unsafe { id_context(sid_ctx, sid_ctx_len) }?;
        conn.drive(|connection| connection.set_id_context(id_context))?;
        Ok(1)
    })
}

/// Sets what makes the ids of this connection's sessions; NULL for what the context has. 1 done.
///
/// Threads: one at a time for a connection; the callback runs on it. NULL: conn: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_set_generate_session_id(
    conn: *mut SESS_CONN,
    cb: SESS_generate_session_id_cb,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live connection.
        let conn = unsafe { connection(conn) }?;
        conn.drive(|connection| connection.set_generator(hooks::generate(cb)))?;
        Ok(1)
    })
}

/// Whether the cache holds a session of this connection's protocol version under id: 1 or 0; 0 for more than 32
/// bytes. The get callback is not asked.
///
/// Threads: one at a time for a connection; callbacks that it runs too. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_has_matching_session_id(
    conn: *const SESS_CONN,
    id: *const c_uchar,
    id_len: c_uint,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live connection.
        let conn = unsafe { connection(conn) }?;
        // SAFETY: C says that so many bytes can be read there.
        let id = unsafe { memory::bytes(id, id_len as usize, "id") }?;
        let id = SessionId::new(id).map_err(|error| Fault::invalid(error.to_string()))?;
        conn.ask(|connection| c_int::from(connection.has_matching_id(&id)))
    })
}

/// Sets what says whether this connection's new session is not to be resumed; NULL for nothing.
///
/// Threads: one at a time for a connection; the callback runs on it. NULL: conn: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_set_not_resumable_session_callback(
    conn: *mut SESS_CONN,
    cb: SESS_not_resumable_session_cb,
) {
    entry((), || {
        // SAFETY: C says that it is a live connection.
        let conn = unsafe { connection(conn) }?;
        conn.drive(|_| conn.not_resumable.set(cb))
    });
}

/// Sets how many tickets this TLS 1.3 server is to send after a full handshake; kept for the engine. 1 done.
///
/// Threads: one at a time for a connection. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_set_num_tickets(conn: *mut SESS_CONN, num_tickets: usize) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live connection.
        let conn = unsafe { connection(conn) }?;
        conn.drive(|_| conn.tickets.set(num_tickets))?;
        Ok(1)
    })
}

/// Returns how many tickets this TLS 1.3 server is to send after a full handshake: its context's number unless it
/// was set.
///
/// Threads: one at a time for a connection; callbacks that it runs too. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_get_num_tickets(conn: *const SESS_CONN) -> usize {
    entry(0, || {
        // SAFETY: C says that it is a live connection.
        let conn = unsafe { connection(conn) }?;
        conn.ask(|_| conn.tickets.get())
    })
}

/// Returns for how many seconds sessions are good where nobody said anything: 300, or 7200 under the rules of
/// SESS_CTX_new_openssl().
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_get_default_timeout(conn: *const SESS_CONN) -> c_long {
    // SAFETY: C says that it is a live connection.
    entry(0, || Ok(unsafe { connection(conn) }?.context().timeout_default()))
}

/// Returns what became of the peer's certificate, 0 for good (X509_V_OK): of this connection, or of the one whose
/// session it resumes.
///
/// Threads: one at a time for a connection; callbacks that it runs too. NULL: 1, which is not good.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_get_verify_result(conn: *const SESS_CONN) -> c_long {
    // SAFETY: C says that it is a live connection.
    entry(1, || unsafe { connection(conn) }?.ask(|connection| connection.verify_result().into()))
}

/// Returns the context whose configuration counts now (SSL_get_SSL_CTX()); no reference is taken.
///
/// Borrowed: valid until the connection is switched to another or freed.
/// Threads: one at a time for a connection; callbacks that it runs too. NULL: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_get_SESS_CTX(conn: *const SESS_CONN) -> *mut SESS_CTX {
    entry(std::ptr::null_mut(), || {
        // SAFETY: C says that it is a live connection.
        let conn = unsafe { connection(conn) }?;
        conn.ask(|_| conn.current_context.get().as_ptr())
    })
}

/// Follows a server name to another context (SSL_set_SSL_CTX()) and returns it: handshakes count there from now on.
/// Sessions stay with the context that the connection was made from. NULL when it fails.
///
/// The connection takes a reference of its own. Threads: one at a time for a connection. NULL: conn: NULL; ctx: the
/// context that the connection was made from.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_set_SESS_CTX(
    conn: *mut SESS_CONN,
    ctx: *mut SESS_CTX,
) -> *mut SESS_CTX {
    entry(std::ptr::null_mut(), || {
        // SAFETY: C says that it is a live connection.
        let conn = unsafe { connection(conn) }?;
        let ctx = if ctx.is_null() { conn.context.as_ptr() } else { ctx };
        // SAFETY: C says that it is a live context.
        unsafe { context(ctx) }?;
        conn.switch(ctx)?;
        Ok(ctx)
    })
}

/// Says whether the get callback that runs is asked for a session that may be used once, so that an outside cache has
/// to give it up in the same step, to one of all that ask: 1 or 0.
///
/// Threads: the one on which the callback runs. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_wants_single_use(conn: *const SESS_CONN) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live connection.
        let conn = unsafe { connection(conn) }?;
        conn.ask(|_| c_int::from(conn.wants_single_use.get()))
    })
}

/// Hands out an index for application data at connections; as SESS_SESSION_get_ex_new_index().
///
/// Threads: any. NULL: allowed for each callback, and argp.
#[unsafe(no_mangle)]
pub extern "C" fn SESS_get_ex_new_index(
    argl: c_long,
    argp: *mut c_void,
    new_func: SESS_EX_new,
    dup_func: SESS_EX_dup,
    free_func: SESS_EX_free,
) -> c_int {
    ex_data::new_index(Class::Connection, argl, argp, (new_func, dup_func, free_func))
}

/// Gives an index back; as SESS_SESSION_free_ex_index().
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn SESS_free_ex_index(idx: c_int) -> c_int {
    ex_data::free_index(Class::Connection, idx)
}

/// Sets application data; it stays the application's. 1 done, 0 when idx was not handed out.
///
/// Threads: any, callbacks that the connection runs too. NULL: conn: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_set_ex_data(
    conn: *mut SESS_CONN,
    idx: c_int,
    data: *mut c_void,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live connection.
        unsafe { connection(conn) }?.ex_data.set(idx, data)?;
        Ok(1)
    })
}

/// Returns application data, NULL when none was set.
///
/// Threads: any, callbacks that the connection runs too. NULL: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_get_ex_data(conn: *const SESS_CONN, idx: c_int) -> *mut c_void {
    // SAFETY: C says that it is a live connection.
    entry(std::ptr::null_mut(), || Ok(unsafe { connection(conn) }?.ex_data.get_for_c(idx)))
}
