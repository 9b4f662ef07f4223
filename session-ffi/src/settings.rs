//! Mode, size, timeout and figures of a context: OpenSSL's macros over `SSL_CTX_ctrl`, as functions.

use std::ffi::{c_int, c_long};
use std::sync::atomic::Ordering;

use session_cache::{CacheMode, Seconds, Statistics};

use crate::context::{SESS_CTX, context, seconds_for_c};
use crate::fault::{Fault, entry};
use crate::memory;

/// No session is cached.
pub const SESS_SESS_CACHE_OFF: c_long = 0x0000;
/// Sessions of clients are stored.
pub const SESS_SESS_CACHE_CLIENT: c_long = 0x0001;
/// Sessions of servers are stored and looked up.
pub const SESS_SESS_CACHE_SERVER: c_long = 0x0002;
/// Both.
pub const SESS_SESS_CACHE_BOTH: c_long = 0x0003;
/// Expired sessions are not cleared of themselves.
pub const SESS_SESS_CACHE_NO_AUTO_CLEAR: c_long = 0x0080;
/// Servers do not look inside; every lookup goes to the get callback.
pub const SESS_SESS_CACHE_NO_INTERNAL_LOOKUP: c_long = 0x0100;
/// Negotiated sessions and answers of the get callback are not stored inside.
pub const SESS_SESS_CACHE_NO_INTERNAL_STORE: c_long = 0x0200;
/// Neither.
pub const SESS_SESS_CACHE_NO_INTERNAL: c_long = 0x0300;
/// A session's time is that of its last use.
pub const SESS_SESS_CACHE_UPDATE_TIME: c_long = 0x0400;
/// How many sessions a new context holds.
pub const SESS_SESSION_CACHE_MAX_SIZE_DEFAULT: c_long = 20_480;

/// # Safety
///
/// * `ctx` is NULL or a live context.
unsafe fn number(
    ctx: *const SESS_CTX,
    body: impl FnOnce(&SESS_CTX) -> Result<c_long, Fault>,
) -> c_long {
    // SAFETY: passed on from the caller.
    entry(0, || body(unsafe { context(ctx) }?))
}

/// # Safety
///
/// * `ctx` is NULL or a live context.
unsafe fn figure(ctx: *const SESS_CTX, which: impl FnOnce(&Statistics) -> u64) -> c_long {
    // SAFETY: passed on from the caller.
    unsafe { number(ctx, |context| Ok(for_c(which(&context.cache.statistics())))) }
}

fn for_c(count: u64) -> c_long {
    c_long::try_from(count).unwrap_or(c_long::MAX)
}

fn limit(name: &str, value: c_long) -> Result<usize, Fault> {
    usize::try_from(value).map_err(|_| Fault::invalid(format!("{name} {value} is negative")))
}

/// Sets the mode, SESS_SESS_CACHE_ constants added up, and returns the previous one. Bits without a meaning are
/// kept. 0, and nothing changes, when mode is negative or needs more than 32 bits.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_set_session_cache_mode(
    ctx: *mut SESS_CTX,
    mode: c_long,
) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe {
        number(ctx, |context| {
            let bits = u32::try_from(mode)
                .map_err(|_| Fault::invalid(format!("mode {mode} is not 0 to {}", u32::MAX)))?;
            Ok(context.cache.set_mode(CacheMode::from_bits(bits)).bits().into())
        })
    }
}

/// Returns the mode.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_get_session_cache_mode(ctx: *const SESS_CTX) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe { number(ctx, |context| Ok(context.cache.mode().bits().into())) }
}

/// Sets how many sessions the cache holds at most, 0 for no limit, and returns the previous limit. 0, and nothing
/// changes, when t is negative or more than 16,777,216.
///
/// Calls the remove callback for sessions that have no room any more. Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_set_cache_size(ctx: *mut SESS_CTX, t: c_long) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe {
        number(ctx, |context| {
            let before = context.cache.set_sessions_max(limit("cache size", t)?);
            Ok(for_c(before.map_err(|error| Fault::invalid(error.to_string()))? as u64))
        })
    }
}

/// Returns how many sessions the cache holds at most, 0 for no limit.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_get_cache_size(ctx: *const SESS_CTX) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe { number(ctx, |context| Ok(for_c(context.cache.sessions_max() as u64))) }
}

/// Sets how many bytes all sessions together count for at most, 0 for no limit, and returns the previous limit:
/// 128 for each session, and what it holds. 0, and nothing changes, when bytes is negative.
///
/// Calls the remove callback for sessions that have no room any more. Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_set_bytes_max(ctx: *mut SESS_CTX, bytes: c_long) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe {
        number(ctx, |context| {
            Ok(for_c(context.cache.set_bytes_max(limit("byte limit", bytes)?) as u64))
        })
    }
}

/// Returns how many bytes all sessions together count for at most, 0 for no limit.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_get_bytes_max(ctx: *const SESS_CTX) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe { number(ctx, |context| Ok(for_c(context.cache.settings().bytes_max as u64))) }
}

/// Sets how many bytes one session counts for at most, 0 for no limit, and returns the previous limit. 0, and
/// nothing changes, when bytes is negative.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_set_session_bytes_max(
    ctx: *mut SESS_CTX,
    bytes: c_long,
) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe {
        number(ctx, |context| {
            let bytes = limit("byte limit", bytes)?;
            let before = context.cache.change(|settings| settings.session_bytes_max = bytes);
            let before = before.map_err(|error| Fault::invalid(error.to_string()))?;
            Ok(for_c(before.session_bytes_max as u64))
        })
    }
}

/// Returns how many bytes one session counts for at most, 0 for no limit.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_get_session_bytes_max(ctx: *const SESS_CTX) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe { number(ctx, |context| Ok(for_c(context.cache.settings().session_bytes_max as u64))) }
}

/// Returns for how many bytes the sessions in the cache count now.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_get_bytes(ctx: *const SESS_CTX) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe { number(ctx, |context| Ok(for_c(context.cache.bytes() as u64))) }
}

/// Sets for how many seconds new sessions are good, and returns the previous timeout. With 0 new sessions have the
/// default again. 0, and nothing changes, when t is negative. Sessions that exist keep theirs.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_set_timeout(ctx: *mut SESS_CTX, t: c_long) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe {
        number(ctx, |context| {
            let seconds =
                u64::try_from(t).map_err(|_| Fault::invalid(format!("timeout {t} is negative")))?;
            Ok(seconds_for_c(context.cache.set_timeout(Seconds(seconds))))
        })
    }
}

/// Returns for how many seconds new sessions are good.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_get_timeout(ctx: *const SESS_CTX) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe { number(ctx, |context| Ok(seconds_for_c(context.cache.timeout()))) }
}

/// Sets how many tickets a TLS 1.3 server is to send after a full handshake; kept for the engine. 1 done.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_set_num_tickets(ctx: *mut SESS_CTX, num_tickets: usize) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live context.
        let context = unsafe { context(ctx) }?;
        // Relaxed: a number that stands for itself.
        context.tickets.store(num_tickets, Ordering::Relaxed);
        Ok(1)
    })
}

/// Returns how many tickets a TLS 1.3 server is to send after a full handshake: 2 unless it was set.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_get_num_tickets(ctx: *const SESS_CTX) -> usize {
    // SAFETY: C says that it is a live context.
    // Relaxed: as above.
    entry(0, || Ok(unsafe { context(ctx) }?.tickets.load(Ordering::Relaxed)))
}

/// Returns how many sessions are in the cache.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_number(ctx: *const SESS_CTX) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe { figure(ctx, |figures| figures.number) }
}

/// Returns how many first handshakes clients began.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_connect(ctx: *const SESS_CTX) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe { figure(ctx, |figures| figures.connect) }
}

/// Returns how many handshakes clients ended.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_connect_good(ctx: *const SESS_CTX) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe { figure(ctx, |figures| figures.connect_good) }
}

/// Returns how many renegotiations clients began.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_connect_renegotiate(ctx: *const SESS_CTX) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe { figure(ctx, |figures| figures.connect_renegotiate) }
}

/// Returns how many first handshakes servers began.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_accept(ctx: *const SESS_CTX) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe { figure(ctx, |figures| figures.accept) }
}

/// Returns how many handshakes servers ended.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_accept_good(ctx: *const SESS_CTX) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe { figure(ctx, |figures| figures.accept_good) }
}

/// Returns how many renegotiations servers began.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_accept_renegotiate(ctx: *const SESS_CTX) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe { figure(ctx, |figures| figures.accept_renegotiate) }
}

/// Returns how many sessions came back.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_hits(ctx: *const SESS_CTX) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe { figure(ctx, |figures| figures.hits) }
}

/// Returns how many answers of the get callback could be used.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_cb_hits(ctx: *const SESS_CTX) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe { figure(ctx, |figures| figures.cb_hits) }
}

/// Returns how many lookups inside found nothing.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_misses(ctx: *const SESS_CTX) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe { figure(ctx, |figures| figures.misses) }
}

/// Returns how many sessions clients came back with too late.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_timeouts(ctx: *const SESS_CTX) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe { figure(ctx, |figures| figures.timeouts) }
}

/// Returns how many sessions left because there was no room.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_sess_cache_full(ctx: *const SESS_CTX) -> c_long {
    // SAFETY: C says that it is a live context.
    unsafe { figure(ctx, |figures| figures.cache_full) }
}

/// The figures of a cache, OpenSSL's twelve and those that say why. When nobody uses the cache, stored is
/// number + replaced + expired + taken + removed + cache_full + flushed + refused.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct SESS_STATISTICS {
    /// Sessions in the cache now.
    pub number: u64,
    /// First handshakes begun by clients.
    pub connect: u64,
    /// Handshakes ended by clients.
    pub connect_good: u64,
    /// Renegotiations begun by clients.
    pub connect_renegotiate: u64,
    /// First handshakes begun by servers.
    pub accept: u64,
    /// Handshakes ended by servers.
    pub accept_good: u64,
    /// Renegotiations begun by servers.
    pub accept_renegotiate: u64,
    /// Sessions that came back.
    pub hits: u64,
    /// Answers of the get callback that could be used.
    pub cb_hits: u64,
    /// Lookups inside that found nothing.
    pub misses: u64,
    /// Sessions that clients came back with too late.
    pub timeouts: u64,
    /// Sessions that left because there was no room.
    pub cache_full: u64,
    /// Sessions that came in.
    pub stored: u64,
    /// Sessions that left because another one came in under their version and id.
    pub replaced: u64,
    /// Sessions that left because somebody found them too old.
    pub expired: u64,
    /// Sessions that left by a take, or by being used once.
    pub taken: u64,
    /// Sessions that left because they were to be removed, or were dropped as bad.
    pub removed: u64,
    /// Sessions that left by a flush.
    pub flushed: u64,
    /// Sessions that left because the new callback refused them.
    pub refused: u64,
    /// Sessions that were found and belong to another id context.
    pub wrong_context: u64,
    /// Answers of the get callback that were marked not resumable.
    pub not_resumable: u64,
    /// Takes that found a session and came second.
    pub single_use_lost: u64,
    /// Sessions that were not stored: too large, or too much waited to be freed.
    pub not_stored: u64,
    /// Callbacks that failed inside of this library; always 0 for callbacks in C.
    pub hook_panics: u64,
}

/// Copies the figures to the first size bytes of out, which is sizeof(SESS_STATISTICS) where the program was
/// compiled: a later library has more figures, and tells those that the program knows. What out has beyond
/// those of this library is set to 0. 1 done; 0 when size is no multiple of 8, or 0.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_statistics(
    ctx: *const SESS_CTX,
    out: *mut SESS_STATISTICS,
    size: usize,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live context.
        let figures = unsafe { context(ctx) }?.cache.statistics();
        if out.is_null() {
            return Err(Fault::null("out"));
        }
        if size == 0 || size % size_of::<u64>() != 0 {
            return Err(Fault::invalid(format!("size {size} is not a multiple of 8, or is 0")));
        }
        let figures = [
            figures.number,
            figures.connect,
            figures.connect_good,
            figures.connect_renegotiate,
            figures.accept,
            figures.accept_good,
            figures.accept_renegotiate,
            figures.hits,
            figures.cb_hits,
            figures.misses,
            figures.timeouts,
            figures.cache_full,
            figures.stored,
            figures.replaced,
            figures.expired,
            figures.taken,
            figures.removed,
            figures.flushed,
            figures.refused,
            figures.wrong_context,
            figures.not_resumable,
            figures.single_use_lost,
            figures.not_stored,
            figures.hook_panics,
        ];
        for at in 0..size / size_of::<u64>() {
            let figure = figures.get(at).copied().unwrap_or(0);
            // SAFETY: C says that out has size bytes.
            let place = unsafe { out.cast::<u64>().add(at) };
            // SAFETY: as above.
            unsafe { memory::store(place, figure) };
        }
        Ok(1)
    })
}
