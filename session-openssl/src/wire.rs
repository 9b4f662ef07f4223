//! What an attached context leads to: the cache, and what the callbacks have to know.

use std::ffi::{c_int, c_long, c_uint, c_void};
use std::ptr::{self, NonNull};
use std::sync::{Arc, OnceLock};

use openssl_sys::{CRYPTO_EX_DATA, SSL_CTX};
use session_cache::{IdContext, SessionCache};

use crate::attachment::{Options, Wiring};
use crate::error::Error;
use crate::object::Connection;
use crate::slots::Slot;
use crate::statistics::Counters;
use crate::unwind::caught;

/// Leads from a context to its cache. The context owns a count of it, in its application data.
pub(crate) struct Wire {
    pub(crate) cache: Arc<SessionCache>,
    pub(crate) id_context: IdContext,
    pub(crate) wiring: Wiring,
    pub(crate) single_use: bool,
    /// Whether sessions are kept decoded too.
    pub(crate) keeps_decoded: bool,
    pub(crate) counters: Counters,
    /// Whose wire it is; to be used only while something holds that context.
    pub(crate) ctx: NonNull<SSL_CTX>,
    slot: OnceLock<Slot>,
}

// SAFETY: the pointer is followed only by libssl, which locks what it changes through it.
unsafe impl Send for Wire {}
// SAFETY: as above.
unsafe impl Sync for Wire {}

impl Wire {
    /// Makes a wire, claims a slot for it, gives the context its id context and puts the wire into its application data.
    /// The context stays as it was if there is no slot.
    ///
    /// # Safety
    ///
    /// * `ctx` is a live context that no other thread uses.
    pub(crate) unsafe fn fix(
        ctx: NonNull<SSL_CTX>,
        cache: Arc<SessionCache>,
        id_context: IdContext,
        options: &Options,
    ) -> Result<(Arc<Wire>, Slot), Error> {
        let at = index()?;
        let wire = Arc::new(Wire {
            cache,
            id_context,
            wiring: options.wiring,
            single_use: options.single_use,
            keeps_decoded: options.keep_decoded,
            counters: Counters::default(),
            ctx,
            slot: OnceLock::new(),
        });
        let owned = Arc::into_raw(Arc::clone(&wire)).cast_mut();
        let Some(slot) = Slot::claim(owned) else {
            // SAFETY: from `into_raw` above, and handed to nobody.
            drop(unsafe { Arc::from_raw(owned) });
            return Err(Error::attached_max());
        };
        let _ = wire.slot.set(slot);
        // SAFETY: live, by the caller.
        let is_named = unsafe { name(ctx, id_context) };
        // SAFETY: live, by the caller; the index is one of contexts.
        let is_set = is_named
            && unsafe { openssl_sys::SSL_CTX_set_ex_data(ctx.as_ptr(), at, owned.cast()) } == 1;
        if !is_set {
            slot.release();
            // SAFETY: from `into_raw` above; the slot is free, and no callback was set.
            drop(unsafe { Arc::from_raw(owned) });
            return Err(Error::openssl());
        }
        Ok((wire, slot))
    }

    /// Returns the wire of a context, if it is attached.
    ///
    /// # Safety
    ///
    /// * `ctx` is null, or a live context for `'a`.
    pub(crate) unsafe fn of<'a>(ctx: *mut SSL_CTX) -> Option<&'a Wire> {
        let at = index().ok()?;
        let ctx = NonNull::new(ctx)?;
        // SAFETY: live, by the caller; the index is one of contexts.
        let wire = unsafe { openssl_sys::SSL_CTX_get_ex_data(ctx.as_ptr(), at) }.cast::<Wire>();
        // SAFETY: what stands there is a wire, which the context owns.
        unsafe { wire.as_ref() }
    }

    /// The id context in which a connection's sessions are: of the context that it is of now; none if that one is not
    /// attached. libssl lets nobody ask the connection or the context.
    pub(crate) fn id_context_of(&self, connection: Connection<'_>) -> Option<IdContext> {
        let now = connection.context();
        if ptr::eq(now, self.ctx.as_ptr()) {
            return Some(self.id_context);
        }
        // SAFETY: the connection holds it.
        unsafe { Wire::of(now) }.map(|other| other.id_context)
    }
}

/// Gives a context its id context, and says whether libssl took it.
///
/// # Safety
///
/// * `ctx` is a live context that no other thread uses.
unsafe fn name(ctx: NonNull<SSL_CTX>, id_context: IdContext) -> bool {
    let name = id_context.as_bytes();
    let (first, length) = (name.as_ptr(), name.len() as c_uint);
    // SAFETY: live, by the caller; libssl copies so many bytes.
    unsafe { openssl_sys::SSL_CTX_set_session_id_context(ctx.as_ptr(), first, length) == 1 }
}

/// Is called when a context is freed, after the last callback, with what stands in its application data.
unsafe extern "C" fn free(
    _parent: *mut c_void,
    wire: *mut c_void,
    _data: *mut CRYPTO_EX_DATA,
    _at: c_int,
    _number: c_long,
    _pointer: *mut c_void,
) {
    if wire.is_null() {
        return;
    }
    // SAFETY: from `into_raw` in `fix`; the context gives up its count, once.
    let wire = unsafe { Arc::from_raw(wire.cast::<Wire>()) };
    if let Some(slot) = wire.slot.get() {
        slot.release();
    }
    // With the last wire the cache may go, and with it what others have put into it.
    let _ = caught(|| drop(wire));
}

/// Where contexts keep their wires.
fn index() -> Result<c_int, Error> {
    static INDEX: OnceLock<c_int> = OnceLock::new();
    let index = *INDEX.get_or_init(|| {
        openssl_sys::init();
        // SAFETY: `free` takes what is stored under this index, which is a wire or nothing.
        unsafe {
            openssl_sys::CRYPTO_get_ex_new_index(
                openssl_sys::CRYPTO_EX_INDEX_SSL_CTX,
                0,
                ptr::null_mut(),
                None,
                None,
                Some(free),
            )
        }
    });
    if index < 0 { Err(Error::openssl()) } else { Ok(index) }
}
