//! `SESS_CTX`: a counted session cache with its callbacks, and what an application does to it as a whole.
//!
//! Invariant: the cache's hooks look at the context through its address. They can run as long as the
//! context lives: the last reference empties the cache, takes the hooks out, and only then frees it.

use std::ffi::{c_char, c_int, c_long, c_uchar, c_uint, c_void};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};

use session_cache::{Added, IdContext, Rules, Seconds, Session, SessionCache, UnixTime};

use crate::ex_data::{self, Class, SESS_EX_DATA, SESS_EX_dup, SESS_EX_free, SESS_EX_new};
use crate::fault::{
    Fault, SESS_R_INTERNAL_ERROR, SESS_R_NOT_STORED, SESS_R_OTHER_CONTEXT,
    SESS_R_SSL_SESSION_ID_CONTEXT_TOO_LONG, entry,
};
use crate::hooks::Callbacks;
use crate::memory;
use crate::session::SESS_SESSION;

/// A session cache with its settings and callbacks, as OpenSSL's SSL_CTX as far as sessions go: counted, and
/// shared by all threads.
pub struct SESS_CTX {
    references: AtomicUsize,
    pub(crate) cache: Arc<SessionCache>,
    pub(crate) callbacks: Callbacks,
    pub(crate) tickets: AtomicUsize,
    lifetimes_max: [Seconds; 2],
    /// The id context of plain entries: that of the cache's settings, but read with one load.
    pub(crate) id_context: CurrentIdContext,
    ex_data: SESS_EX_DATA,
}

/// Holds what changes rarely, and is read on every call.
///
/// Invariant: what was ever current stays until the context ends, so that readers need not say when they are
/// done.
pub(crate) struct CurrentIdContext {
    current: AtomicPtr<IdContext>,
    all: Mutex<Vec<NonNull<IdContext>>>,
}

// SAFETY: the pointers are to immutable values, which this owns.
unsafe impl Send for CurrentIdContext {}
// SAFETY: as above.
unsafe impl Sync for CurrentIdContext {}

impl CurrentIdContext {
    fn new() -> CurrentIdContext {
        let first = NonNull::from(Box::leak(Box::new(IdContext::EMPTY)));
        let (current, all) = (AtomicPtr::new(first.as_ptr()), Mutex::new(vec![first]));
        CurrentIdContext { current, all }
    }

    #[inline]
    pub(crate) fn get(&self) -> &IdContext {
        // Acquire: the value was written before its pointer; pairs with the Release in `follow`.
        let current = self.current.load(Ordering::Acquire);
        // SAFETY: never null, and kept until `self` ends.
        unsafe { &*current }
    }

    /// Follows the settings, of which the lock's holder asks `newest`: of two that set at once the last one's stays.
    fn follow(&self, newest: impl FnOnce() -> IdContext) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let id_context = newest();
        // SAFETY: kept until `self` ends.
        let known = all.iter().find(|kept| *unsafe { kept.as_ref() } == id_context).copied();
        let next = known.unwrap_or_else(|| {
            let next = NonNull::from(Box::leak(Box::new(id_context)));
            all.push(next);
            next
        });
        // Release: pairs with the Acquire in `get`.
        self.current.store(next.as_ptr(), Ordering::Release);
    }
}

impl Drop for CurrentIdContext {
    fn drop(&mut self) {
        for kept in self.all.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // SAFETY: boxed by `new` or `follow`, once in the list, and nobody reads any more.
            drop(unsafe { Box::from_raw(kept.as_ptr()) });
        }
    }
}

impl SESS_CTX {
    /// For the bench, which puts the calls of C beside those of Rust to the same cache.
    #[doc(hidden)]
    pub fn cache(&self) -> &SessionCache {
        &self.cache
    }

    fn create(rules: Rules, lifetimes_max: Option<[Seconds; 2]>) -> Result<*mut SESS_CTX, Fault> {
        let mut builder = SessionCache::builder().rules(rules);
        if let Some([lifetime_max, lifetime_max_tls13]) = lifetimes_max {
            builder = builder.lifetime_max(lifetime_max).lifetime_max_tls13(lifetime_max_tls13);
        }
        let cache = builder
            .build()
            .map_err(|error| Fault::new(SESS_R_INTERNAL_ERROR, error.to_string()))?;
        let unlimited = [Seconds(u64::MAX); 2];
        let defaults = if rules == Rules::OPENSSL { unlimited } else { LIFETIMES_MAX_DEFAULT };
        let context = Box::new(SESS_CTX {
            references: AtomicUsize::new(1),
            cache: Arc::new(cache),
            callbacks: Callbacks::default(),
            tickets: AtomicUsize::new(TICKETS_DEFAULT),
            lifetimes_max: lifetimes_max.unwrap_or(defaults),
            id_context: CurrentIdContext::new(),
            ex_data: SESS_EX_DATA::new(Class::Context),
        });
        let context = NonNull::from(Box::leak(context));
        // SAFETY: just made.
        unsafe { context.as_ref() }.ex_data.begin(context.as_ptr().cast());
        Ok(context.as_ptr())
    }

    pub(crate) fn up_ref(&self) {
        // Relaxed: who takes a reference has one.
        self.references.fetch_add(1, Ordering::Relaxed);
    }

    /// # Safety
    ///
    /// * `context` is alive, and the caller has the reference that he gives up.
    pub(crate) unsafe fn release(context: NonNull<SESS_CTX>) {
        // SAFETY: passed on from the caller.
        let shared = unsafe { context.as_ref() };
        // Release: what was done through this reference comes before the end; pairs with the fence.
        if shared.references.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        // Acquire: all that was done through the other references has been done.
        fence(Ordering::Acquire);
        // Callbacks from here on may take references and give them up again: none of those is the last one.
        // Relaxed: nobody else has one.
        shared.references.store(REFERENCES_AT_THE_END, Ordering::Relaxed);
        shared.cache.flush(UnixTime(0));
        shared.callbacks.take_out(&shared.cache);
        shared.ex_data.end(context.as_ptr().cast());
        // SAFETY: boxed by `create`, and nobody has a reference any more.
        drop(unsafe { Box::from_raw(context.as_ptr()) });
    }

    pub(crate) fn timeout_default(&self) -> c_long {
        seconds_for_c(self.cache.rules().timeout_default())
    }
}

/// More than callbacks give up.
const REFERENCES_AT_THE_END: usize = usize::MAX / 2;

/// The manual's 24 hours, and TLS 1.3's 7 days: what session-cache begins with.
const LIFETIMES_MAX_DEFAULT: [Seconds; 2] = [Seconds(86_400), Seconds(604_800)];

/// OpenSSL's number.
const TICKETS_DEFAULT: usize = 2;

pub(crate) fn seconds_for_c(seconds: Seconds) -> c_long {
    c_long::try_from(seconds.0).unwrap_or(c_long::MAX)
}

/// # Safety
///
/// * `ctx` is NULL or a live context, for as long as the result is used.
pub(crate) unsafe fn context<'a>(ctx: *const SESS_CTX) -> Result<&'a SESS_CTX, Fault> {
    // SAFETY: passed on from the caller.
    unsafe { memory::required(ctx, "ctx") }
}

/// Copies an id context that C gives.
///
/// # Safety
///
/// * `sid_ctx` is NULL or points to `len` readable bytes.
pub(crate) unsafe fn id_context(sid_ctx: *const c_uchar, len: c_uint) -> Result<IdContext, Fault> {
    if len as usize > IdContext::BYTES_MAX {
        let words = format!("the id context has {len} bytes; {} is the most", IdContext::BYTES_MAX);
        return Err(Fault::new(SESS_R_SSL_SESSION_ID_CONTEXT_TOO_LONG, words));
    }
    // SAFETY: passed on from the caller.
    let bytes = unsafe { memory::bytes(sid_ctx, len as usize, "sid_ctx") }?;
    IdContext::new(bytes).map_err(|error| Fault::invalid(error.to_string()))
}

/// Creates a cache with the rules of OpenSSL's manual: 20,480 sessions, 64 MiB, sessions good for 300 seconds
/// and for 24 hours (TLS 1.3: 7 days) at most, mode SESS_SESS_CACHE_SERVER. docs/rules.md tells where manual
/// and library differ.
///
/// The caller owns one reference, and gives it up with SESS_CTX_free(). NULL when the operating system gives
/// no random bytes.
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn SESS_CTX_new() -> *mut SESS_CTX {
    entry(std::ptr::null_mut(), || SESS_CTX::create(Rules::DOCUMENTED, None))
}

/// Creates a cache that does what late OpenSSL 3.0 does, where its manual says something else: sessions good
/// for 7200 seconds, one session less than its size, no caps on lifetimes.
///
/// As SESS_CTX_new() in everything else.
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn SESS_CTX_new_openssl() -> *mut SESS_CTX {
    entry(std::ptr::null_mut(), || SESS_CTX::create(Rules::OPENSSL, None))
}

/// As SESS_CTX_new(), with other caps on lifetimes, in seconds: of sessions up to TLS 1.2 and plain entries,
/// and of TLS 1.3. NULL when one is less than 1.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn SESS_CTX_new_with_lifetime_max(
    lifetime_max: c_long,
    lifetime_max_tls13: c_long,
) -> *mut SESS_CTX {
    entry(std::ptr::null_mut(), || {
        let cap = |name: &str, seconds: c_long| match u64::try_from(seconds) {
            Ok(seconds) if seconds > 0 => Ok(Seconds(seconds)),
            _ => Err(Fault::invalid(format!("{name} is {seconds} seconds; 1 is the least"))),
        };
        let lifetimes_max =
            [cap("lifetime_max", lifetime_max)?, cap("lifetime_max_tls13", lifetime_max_tls13)?];
        SESS_CTX::create(Rules::DOCUMENTED, Some(lifetimes_max))
    })
}

/// Takes one more reference, which has to be given up with SESS_CTX_free(). 1 done.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_up_ref(ctx: *mut SESS_CTX) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live context.
        unsafe { context(ctx) }?.up_ref();
        Ok(1)
    })
}

/// Gives up one reference. With the last one every session in the cache is marked not resumable and reported
/// to the remove callback, then the context is freed; sessions that others hold stay. Connections hold
/// references too. The remove callback may use the context, take references and make connections meanwhile; none of
/// them keeps it, so they have to be given up before this returns.
///
/// Threads: any. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_free(ctx: *mut SESS_CTX) {
    entry((), || {
        if let Some(context) = NonNull::new(ctx) {
            // SAFETY: C says that it holds the reference that it gives up.
            unsafe { SESS_CTX::release(context) };
        }
        Ok(())
    });
}

/// Adds a session to the cache, in the place of another one of its protocol version and id if there is one.
/// 1 added; 0, and the cache stays as it is, when it is in already, has no id, is in another context's cache, is too
/// large, or too much that has left waits to be freed. Under the rules of SESS_CTX_new() also in a mode that stores
/// neither clients' nor servers' sessions, and of TLS 1.3 with a timeout of 0.
///
/// The cache takes a reference of its own. Without room the sessions that expire first leave. One that has expired, or
/// is marked not resumable, is stored too. The session's version, id and id context stay from now on, in any case.
/// May call the remove callback. Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_add_session(
    ctx: *mut SESS_CTX,
    session: *mut SESS_SESSION,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live context.
        let context = unsafe { context(ctx) }?;
        let object = NonNull::new(session).ok_or_else(|| Fault::null("session"))?;
        // SAFETY: C says that it is a live session.
        let session = unsafe { SESS_SESSION::fix_as_is(object) }?;
        // SAFETY: as above.
        unsafe { object.as_ref() }.may_be_in(&context.cache);
        match context.cache.add(&session) {
            Ok(Added::Identical) => Ok(0),
            Ok(_) => Ok(1),
            Err(why @ session_cache::NotStored::OtherCache) => {
                Err(Fault::new(SESS_R_OTHER_CONTEXT, why.to_string()))
            }
            Err(why) => Err(Fault::new(SESS_R_NOT_STORED, why.to_string())),
        }
    })
}

/// Removes the session of this one's protocol version and id from the cache, and marks this one not resumable
/// in any case. 1 when there was one, 0 when not.
///
/// The cache's reference is released. This session's fields can be set afterwards as before. A session without an id:
/// 0, and nothing happens.
/// Calls the remove callback. Threads: any. NULL: 0, and nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_remove_session(
    ctx: *mut SESS_CTX,
    session: *mut SESS_SESSION,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live context.
        let context = unsafe { context(ctx) }?;
        let object = NonNull::new(session).ok_or_else(|| Fault::null("session"))?;
        // SAFETY: C says that it is a live session.
        if unsafe { object.as_ref() }.read(|fields| fields.id.as_bytes().is_empty()) {
            return Ok(0);
        }
        // SAFETY: as above; it is C's until this returns.
        let session = unsafe { SESS_SESSION::to_remove(object) }?;
        Ok(c_int::from(context.cache.remove(&session)))
    })
}

/// Removes the sessions that expired before tm, in seconds since 1970; all of them for 0. Nothing happens for
/// a time before 1970.
///
/// They are marked not resumable. Calls the remove callback for each, in the order in which they expire.
/// Threads: any; lookups of others go on undisturbed. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_flush_sessions(ctx: *mut SESS_CTX, tm: c_long) {
    entry((), || {
        let at =
            u64::try_from(tm).map_err(|_| Fault::invalid(format!("time {tm} is before 1970")))?;
        // SAFETY: C says that it is a live context.
        unsafe { context(ctx) }?.cache.flush(UnixTime(at));
        Ok(())
    });
}

/// As SESS_CTX_flush_sessions(), in the type that C has for times.
///
/// Threads: any. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_flush_sessions_ex(ctx: *mut SESS_CTX, tm: libc::time_t) {
    // SAFETY: passed on.
    unsafe { SESS_CTX_flush_sessions(ctx, tm) };
}

/// Is called by SESS_CTX_each() for a session; returns 1 to go on, 0 to stop.
pub type SESS_each_cb =
    Option<unsafe extern "C" fn(session: *mut SESS_SESSION, arg: *mut c_void) -> c_int>;

/// Calls visit for every session in the cache, in no order, and returns how often (SSL_CTX_sessions()).
///
/// The session is borrowed for the call; SESS_SESSION_up_ref() keeps it. One that is there from beginning to
/// end is met once, one that comes or goes meanwhile may be met. visit may call anything.
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_each(
    ctx: *mut SESS_CTX,
    visit: SESS_each_cb,
    arg: *mut c_void,
) -> usize {
    entry(0, || {
        // SAFETY: C says that it is a live context.
        let context = unsafe { context(ctx) }?;
        let visit = visit.ok_or_else(|| Fault::null("visit"))?;
        let (mut count, mut goes_on) = (0, true);
        context.cache.for_each(|session: &Session| {
            if !goes_on {
                return;
            }
            if let Some(object) = SESS_SESSION::of(session, &context.cache) {
                count += 1;
                // SAFETY: C says that it is to be called so; `session` keeps the object meanwhile.
                goes_on = unsafe { visit(object.as_ptr(), arg) } != 0;
            }
        });
        Ok(count)
    })
}

/// Sets the id context that new connections begin with, and that plain entries belong to: a copy of
/// sid_ctx_len bytes. 1 done; 0 for more than 32.
///
/// A server that may not resume another one's sessions needs one of its own; see docs/c-abi.md.
/// Threads: any. NULL: ctx: 0; sid_ctx: allowed if sid_ctx_len is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_set_session_id_context(
    ctx: *mut SESS_CTX,
    sid_ctx: *const c_uchar,
    sid_ctx_len: c_uint,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live context.
        let context = unsafe { context(ctx) }?;
        // SAFETY: C says that so many bytes can be read there.
        let id_context = unsafe { id_context(sid_ctx, sid_ctx_len) }?;
        let changed = context.cache.change(|settings| settings.id_context = id_context);
        changed.map_err(|error| Fault::invalid(error.to_string()))?;
        context.id_context.follow(|| context.cache.settings().id_context);
        Ok(1)
    })
}

/// Returns the caps on lifetimes in seconds: of sessions up to TLS 1.2 and plain entries, and in *tls13 of
/// TLS 1.3. LONG_MAX under the rules without.
///
/// Threads: any. NULL: ctx: 0; tls13: not told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_get_lifetime_max(
    ctx: *const SESS_CTX,
    tls13: *mut c_long,
) -> c_long {
    entry(0, || {
        // SAFETY: C says that it is a live context.
        let [lifetime_max, lifetime_max_tls13] = unsafe { context(ctx) }?.lifetimes_max;
        // SAFETY: C says that it is NULL or a place for a number.
        unsafe { memory::store(tls13, seconds_for_c(lifetime_max_tls13)) };
        Ok(seconds_for_c(lifetime_max))
    })
}

/// Returns the figures of a cache as text, one aligned line for each, to be freed with SESS_mem_free().
///
/// Threads: any. NULL: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_status(ctx: *const SESS_CTX) -> *mut c_char {
    entry(std::ptr::null_mut(), || {
        // SAFETY: C says that it is a live context.
        let cache = &unsafe { context(ctx) }?.cache;
        let text = format!("{}\n{:<20} {:>12}\n\0", cache.statistics(), "bytes", cache.bytes());
        Ok(memory::allocate(text.as_bytes())?.as_ptr().cast())
    })
}

/// Hands out an index for application data at contexts; as SESS_SESSION_get_ex_new_index().
///
/// Threads: any. NULL: allowed for each callback, and argp.
#[unsafe(no_mangle)]
pub extern "C" fn SESS_CTX_get_ex_new_index(
    argl: c_long,
    argp: *mut c_void,
    new_func: SESS_EX_new,
    dup_func: SESS_EX_dup,
    free_func: SESS_EX_free,
) -> c_int {
    ex_data::new_index(Class::Context, argl, argp, (new_func, dup_func, free_func))
}

/// Gives an index back; as SESS_SESSION_free_ex_index().
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn SESS_CTX_free_ex_index(idx: c_int) -> c_int {
    ex_data::free_index(Class::Context, idx)
}

/// Sets application data; it stays the application's. 1 done, 0 when idx was not handed out.
///
/// Threads: any. NULL: ctx: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_set_ex_data(
    ctx: *mut SESS_CTX,
    idx: c_int,
    data: *mut c_void,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live context.
        unsafe { context(ctx) }?.ex_data.set(idx, data)?;
        Ok(1)
    })
}

/// Returns application data, NULL when none was set.
///
/// Threads: any. NULL: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_get_ex_data(ctx: *const SESS_CTX, idx: c_int) -> *mut c_void {
    // SAFETY: C says that it is a live context.
    entry(std::ptr::null_mut(), || Ok(unsafe { context(ctx) }?.ex_data.get_for_c(idx)))
}

/// Returns the version of this library, "0.1.0".
///
/// Valid as long as the program runs. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn SESS_version() -> *const c_char {
    VERSION.as_ptr().cast()
}

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");

/// Frees what this thread's removals left waiting, as far as no thread can still be reading it.
///
/// For programs that are about to idle and want keys wiped now, and for tests.
/// Threads: any. Calls the free callbacks of sessions that end.
#[unsafe(no_mangle)]
pub extern "C" fn SESS_reclaim() {
    entry((), || {
        session_core::reclaim();
        Ok(())
    });
}

/// Begins anew in a child process: to be called first thing after fork(), if any function of this library
/// was called before it. Fork where no other thread is inside of one. Contexts made before go on in the
/// child with copies of their sessions, and draw ids of their own.
///
/// Threads: the child's one thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_after_fork() {
    entry((), || {
        // SAFETY: C says that it has just forked, and has one thread.
        unsafe { session_core::after_fork() };
        Ok(())
    });
}
