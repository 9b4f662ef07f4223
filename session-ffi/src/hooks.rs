//! The three callbacks by which an application keeps an outside cache in step, the one that makes ids, and
//! the one that says which sessions are not to be resumed.
//!
//! Invariant: a callback runs with no lock held, and may call anything of this library; the connection that
//! it is given can be asked, but not driven, until it returns.
//!
//! Source: the manual page `SSL_CTX_sess_set_get_cb(3)`.

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_uchar, c_uint};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use session_cache::{
    Departure, Generator, GetHook, Inquiry, Keep, Left, Negotiated, NewHook, RemoveHook, Session,
    SessionCache, SessionId, Settings, Wanted,
};

use crate::connection::SESS_CONN;
use crate::context::{SESS_CTX, context};
use crate::fault::{Fault, entry};
use crate::session::SESS_SESSION;

/// Is called when a session was negotiated, after it was stored inside. The session comes with a reference for
/// the application: 1 keeps it, and SESS_SESSION_free() has to be called for it later; 0 gives it back, and
/// under the rules of SESS_CTX_new() the session leaves the cache at once. conn is NULL for SESS_CTX_put().
pub type SESS_new_session_cb =
    Option<unsafe extern "C" fn(conn: *mut SESS_CONN, session: *mut SESS_SESSION) -> c_int>;

/// Is called when a session has left the cache, or was dropped as bad. The session is borrowed for the call, and
/// marked not resumable unless it was taken or replaced. A connection that drops it cannot be asked meanwhile.
pub type SESS_remove_session_cb =
    Option<unsafe extern "C" fn(ctx: *mut SESS_CTX, session: *mut SESS_SESSION)>;

/// Is called when a client comes back with a session that is not inside: len bytes of id at data. Returns the
/// session, or NULL. *copy is 1: the library takes a reference of its own, and the application keeps its; with
/// 0 the application's goes over to the library. conn is NULL for SESS_CTX_fetch().
pub type SESS_get_session_cb = Option<
    unsafe extern "C" fn(
        conn: *mut SESS_CONN,
        data: *const c_uchar,
        len: c_int,
        copy: *mut c_int,
    ) -> *mut SESS_SESSION,
>;

/// Makes a session id: id has room for *id_len (32) bytes, all 0; may make *id_len smaller, not 0. Returns 1, or
/// 0 to fail the handshake (OpenSSL's GEN_SESSION_CB).
pub type SESS_generate_session_id_cb = Option<
    unsafe extern "C" fn(conn: *mut SESS_CONN, id: *mut c_uchar, id_len: *mut c_uint) -> c_int,
>;

/// Is asked on a full handshake whether the session is not to be resumed: 1, or 0 when it may be.
pub type SESS_not_resumable_session_cb =
    Option<unsafe extern "C" fn(conn: *mut SESS_CONN, is_forward_secure: c_int) -> c_int>;

/// The callbacks that are set, as the addresses of functions.
#[derive(Default)]
pub(crate) struct Callbacks {
    new: AtomicPtr<()>,
    remove: AtomicPtr<()>,
    get: AtomicPtr<()>,
    generate: AtomicPtr<()>,
    not_resumable: AtomicPtr<()>,
}

/// A context's address in its cache's hooks.
#[derive(Clone, Copy)]
struct Address(*const SESS_CTX);

// SAFETY: a context is shared by all threads.
unsafe impl Send for Address {}
// SAFETY: as above.
unsafe impl Sync for Address {}

impl Address {
    fn context(&self) -> &SESS_CTX {
        // SAFETY: hooks are in a cache for as long as its context lives (see context.rs).
        unsafe { &*self.0 }
    }
}

/// Stores and loads one kind of callback.
macro_rules! callback {
    ($store:ident, $load:ident, $field:ident, $kind:ty) => {
        fn $store(&self, callback: $kind) {
            let address = callback.map_or(std::ptr::null_mut(), |callback| callback as *mut ());
            // Release: what the application set up before it set the callback is there when the callback runs;
            // pairs with the Acquire below.
            self.$field.store(address, Ordering::Release);
        }

        pub(crate) fn $load(&self) -> $kind {
            // Acquire: pairs with the Release above.
            let address = self.$field.load(Ordering::Acquire);
            // SAFETY: null, which is None, or what `store` made of a function of this very type.
            unsafe { std::mem::transmute::<*mut (), $kind>(address) }
        }
    };
}

impl Callbacks {
    callback!(store_new, new_session, new, SESS_new_session_cb);
    callback!(store_remove, remove_session, remove, SESS_remove_session_cb);
    callback!(store_get, get_session, get, SESS_get_session_cb);
    callback!(store_generate, generate_id, generate, SESS_generate_session_id_cb);
    callback!(store_not_resumable, not_resumable, not_resumable, SESS_not_resumable_session_cb);

    /// Makes the cache forget the context, which is about to go.
    pub(crate) fn take_out(&self, cache: &SessionCache) {
        let _ = cache.change(|settings| {
            settings.new_hook = None;
            settings.remove_hook = None;
            settings.get_hook = None;
            settings.generator = None;
        });
    }
}

fn new_session(address: Address, from: Negotiated<'_>, session: Session) -> Keep {
    let context = address.context();
    let (Some(callback), Some(object)) =
        (context.callbacks.new_session(), SESS_SESSION::of(&session, &context.cache))
    else {
        return Keep::Yes;
    };
    let kept = SESS_CONN::lent(from.connection, Wanted::Lookup, |conn| {
        // SAFETY: C says that it is to be called so.
        unsafe { callback(conn, object.as_ptr()) }
    });
    if kept == 0 {
        REFUSED.set(true);
        return Keep::No;
    }
    // The reference that was counted before the call is the application's now.
    std::mem::forget(session);
    Keep::Yes
}

thread_local! {
    /// Whether the new callback refused a session.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

/// Stores something, and tells whether the new callback refused it.
pub(crate) fn refused<R>(store: impl FnOnce() -> R) -> (R, bool) {
    let outer = REFUSED.replace(false);
    let result = store();
    (result, REFUSED.replace(outer))
}

fn remove_session(address: Address, session: &Session, why: Departure) {
    if is_held_back(address, session, why) {
        return;
    }
    let context = address.context();
    let (Some(callback), Some(object)) =
        (context.callbacks.remove_session(), SESS_SESSION::of(session, &context.cache))
    else {
        return;
    };
    // SAFETY: C says that it is to be called so; `session` keeps the object meanwhile.
    unsafe { callback(address.0.cast_mut(), object.as_ptr()) };
}

/// What the remove callback is told of later.
type Later = Vec<(Address, Session, Departure)>;

thread_local! {
    /// What this thread holds back; none while it tells at once.
    static HELD_BACK: RefCell<Option<Later>> = const { RefCell::new(None) };
}

/// Holds this thread's remove callbacks back until it is dropped, for the time of a lock. Their contexts outlive it.
pub(crate) struct HeldBack;

impl HeldBack {
    pub(crate) fn begin() -> HeldBack {
        // A thread whose locals are gone tells at once.
        let _ = HELD_BACK.try_with(|held_back| held_back.replace(Some(Vec::new())));
        HeldBack
    }
}

impl Drop for HeldBack {
    fn drop(&mut self) {
        let held_back = HELD_BACK.try_with(RefCell::take).ok().flatten();
        for (address, session, why) in held_back.into_iter().flatten() {
            address.context().cache.report_put_off(&session, why);
        }
    }
}

fn is_held_back(address: Address, session: &Session, why: Departure) -> bool {
    let hold_back = |held_back: &RefCell<Option<Later>>| {
        let mut held_back = held_back.borrow_mut();
        held_back.as_mut().map(|later| later.push((address, session.clone(), why))).is_some()
    };
    HELD_BACK.try_with(hold_back).unwrap_or(false)
}

fn get_session(address: Address, inquiry: Inquiry<'_>) -> Option<Session> {
    let context = address.context();
    let callback = context.callbacks.get_session()?;
    if inquiry.wanted == Wanted::Take && inquiry.connection.is_none() {
        // Nobody could tell the callback that the session is to be given up.
        return None;
    }
    let id = inquiry.id.as_bytes();
    let mut copy: c_int = 1;
    let answer = SESS_CONN::lent(inquiry.connection, inquiry.wanted, |conn| {
        // SAFETY: C says that it is to be called so; id and copy outlive the call.
        unsafe { callback(conn, id.as_ptr(), id.len() as c_int, &mut copy) }
    });
    let object = NonNull::new(answer)?;
    // SAFETY: C says that it answers with a live session.
    let session = unsafe { SESS_SESSION::fix_as_is(object) };
    if session.is_ok() {
        // SAFETY: as above.
        unsafe { object.as_ref() }.may_be_in(&context.cache);
    }
    if copy == 0 {
        // SAFETY: C says so that it hands its reference over.
        unsafe { SESS_SESSION::release(object) };
    }
    session.map_err(Fault::record).ok()
}

/// Calls a generator for the connection that asks.
pub(crate) fn generate(callback: SESS_generate_session_id_cb) -> Option<Arc<Generator>> {
    let callback = callback?;
    Some(Arc::new(move |_: &dyn Fn(&SessionId) -> bool| {
        let mut id = [0; SessionId::BYTES_MAX];
        let mut len = id.len() as c_uint;
        let conn = SESS_CONN::current();
        // SAFETY: C says that it is to be called so; id and len outlive the call.
        if unsafe { callback(conn, id.as_mut_ptr(), &mut len) } == 0 {
            return None;
        }
        // One of a wrong length is refused as an empty one is: both are a bad length.
        let id = id.get(..len as usize).and_then(|id| SessionId::new(id).ok());
        Some(id.unwrap_or(SessionId::EMPTY))
    }))
}

/// # Safety
///
/// * `ctx` is NULL or a live context.
unsafe fn install(
    ctx: *mut SESS_CTX,
    store: impl FnOnce(&Callbacks),
    set: impl Fn(&mut Settings, &Callbacks, Address),
) {
    entry((), || {
        // SAFETY: passed on from the caller.
        let context = unsafe { context(ctx) }?;
        store(&context.callbacks);
        // It asks what is set now, so that of two that set at once the last one's stays.
        let changed =
            context.cache.change(|settings| set(settings, &context.callbacks, Address(ctx)));
        changed.map(|_| ()).map_err(|error| Fault::invalid(error.to_string()))
    });
}

/// Sets what is called when a session was negotiated; NULL for nothing.
///
/// It runs on the thread that negotiated, with no lock held, and may call anything.
/// Threads: any. NULL: ctx: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_set_new_cb(
    ctx: *mut SESS_CTX,
    new_session_cb: SESS_new_session_cb,
) {
    // SAFETY: C says that it is a live context.
    unsafe {
        install(
            ctx,
            |callbacks| callbacks.store_new(new_session_cb),
            |settings, callbacks, address| {
                settings.new_hook = callbacks.new_session().map(|_| {
                    let hook: Arc<NewHook> = Arc::new(move |from: Negotiated<'_>, session| {
                        new_session(address, from, session)
                    });
                    hook
                });
            },
        );
    }
}

/// Returns what SESS_CTX_sess_set_new_cb() set.
///
/// Threads: any. NULL: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_get_new_cb(ctx: *const SESS_CTX) -> SESS_new_session_cb {
    // SAFETY: C says that it is a live context.
    entry(None, || Ok(unsafe { context(ctx) }?.callbacks.new_session()))
}

/// Sets what is called when a session has left the cache, or was dropped as bad; NULL for nothing, which is how
/// an outside cache survives SESS_CTX_free().
///
/// It runs on the thread that made the session leave, with no lock held, and may call anything.
/// Threads: any. NULL: ctx: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_set_remove_cb(
    ctx: *mut SESS_CTX,
    remove_session_cb: SESS_remove_session_cb,
) {
    // SAFETY: C says that it is a live context.
    unsafe {
        install(
            ctx,
            |callbacks| callbacks.store_remove(remove_session_cb),
            |settings, callbacks, address| {
                settings.remove_hook = callbacks.remove_session().map(|_| {
                    let hook: Arc<RemoveHook> = Arc::new(move |left: Left<'_>| {
                        remove_session(address, left.session, left.why)
                    });
                    hook
                });
            },
        );
    }
}

/// Returns what SESS_CTX_sess_set_remove_cb() set.
///
/// Threads: any. NULL: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_get_remove_cb(
    ctx: *const SESS_CTX,
) -> SESS_remove_session_cb {
    // SAFETY: C says that it is a live context.
    entry(None, || Ok(unsafe { context(ctx) }?.callbacks.remove_session()))
}

/// Sets what is called when a client comes back with a session that is not inside; NULL for nothing.
///
/// It runs on the thread that looks, with no lock held, and may call anything.
/// Threads: any. NULL: ctx: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_set_get_cb(
    ctx: *mut SESS_CTX,
    get_session_cb: SESS_get_session_cb,
) {
    // SAFETY: C says that it is a live context.
    unsafe {
        install(
            ctx,
            |callbacks| callbacks.store_get(get_session_cb),
            |settings, callbacks, address| {
                settings.get_hook = callbacks.get_session().map(|_| {
                    let hook: Arc<GetHook> =
                        Arc::new(move |inquiry: Inquiry<'_>| get_session(address, inquiry));
                    hook
                });
            },
        );
    }
}

/// Returns what SESS_CTX_sess_set_get_cb() set.
///
/// Threads: any. NULL: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_get_get_cb(ctx: *const SESS_CTX) -> SESS_get_session_cb {
    // SAFETY: C says that it is a live context.
    entry(None, || Ok(unsafe { context(ctx) }?.callbacks.get_session()))
}

/// Sets what makes the ids of new sessions; NULL for 32 random bytes. 1 done.
///
/// It runs on the thread that needs an id, with no lock held, and may call SESS_has_matching_session_id().
/// Threads: any. NULL: ctx: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_set_generate_session_id(
    ctx: *mut SESS_CTX,
    cb: SESS_generate_session_id_cb,
) -> c_int {
    // SAFETY: C says that it is a live context.
    unsafe {
        install(
            ctx,
            |callbacks| callbacks.store_generate(cb),
            |settings, callbacks, _| {
                settings.generator = generate(callbacks.generate_id());
            },
        );
    }
    c_int::from(!ctx.is_null())
}

/// Sets what says which sessions are not to be resumed; NULL for nothing. Connections that are made later
/// ask it.
///
/// Threads: any. NULL: ctx: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_set_not_resumable_session_callback(
    ctx: *mut SESS_CTX,
    cb: SESS_not_resumable_session_cb,
) {
    entry((), || {
        // SAFETY: C says that it is a live context.
        unsafe { context(ctx) }?.callbacks.store_not_resumable(cb);
        Ok(())
    });
}
