//! A plain cache of bytes by session id, for TLS stacks that have such hooks: Mbed TLS, GnuTLS, s2n-tls, wolfSSL,
//! Apache's socache.
//!
//! A plain entry is a session of version 0 that holds the bytes, in the id context of its context.

use std::ffi::{c_int, c_uchar};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, Ordering};

use session_cache::{
    ContextView, NewSession, Payload, PayloadObject, ProtocolVersion, Rules, Seconds, Session,
    SessionId,
};

use crate::context::{SESS_CTX, context};
use crate::fault::{
    Fault, SESS_R_BUFFER_TOO_SMALL, SESS_R_NOT_STORED, SESS_R_PASSED_INVALID_ARGUMENT, entry,
};
use crate::hooks;
use crate::memory;
use crate::session::SESS_SESSION;

/// Is what the session of a plain entry holds beside its bytes: the object that C is shown of it, which it owns. Null until
/// C is first shown the session.
struct Shown(AtomicPtr<SESS_SESSION>);

impl Shown {
    const fn not_yet() -> Shown {
        Shown(AtomicPtr::new(std::ptr::null_mut()))
    }

    fn object(&self) -> NonNull<SESS_SESSION> {
        // Acquire: the object was made before its pointer; pairs with the Release below.
        if let Some(object) = NonNull::new(self.0.load(Ordering::Acquire)) {
            return object;
        }
        let made = SESS_SESSION::boxed(SESS_SESSION::of_plain());
        // Release: pairs with the Acquire above. Acquire: another thread's object is looked at.
        let (none, ours) = (std::ptr::null_mut(), made.as_ptr());
        match self.0.compare_exchange(none, ours, Ordering::Release, Ordering::Acquire) {
            Ok(_) => made,
            Err(theirs) => {
                // SAFETY: boxed above, and nobody has seen it.
                drop(unsafe { Box::from_raw(ours) });
                NonNull::new(theirs).unwrap_or(made)
            }
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(object) = NonNull::new(*self.0.get_mut()) {
            // SAFETY: it was boxed, and is owned here alone: the last handle of its session is gone.
            drop(unsafe { Box::from_raw(object.as_ptr()) });
        }
    }
}

impl PayloadObject for Shown {
    fn size_bytes(&self) -> usize {
        size_of::<Shown>()
    }

    fn duplicate(&self) -> Box<dyn PayloadObject> {
        Box::new(Shown::not_yet())
    }
}

/// Makes the payload of a plain entry.
fn payload(data: &[u8]) -> Payload<'_> {
    Payload::borrowed(data).with_object(Box::new(Shown::not_yet()))
}

/// The object that C is shown of a plain entry, none of another session.
pub(crate) fn object_of(session: &Session) -> Option<NonNull<SESS_SESSION>> {
    session.payload_object().map(Shown::object)
}

/// The bytes of a plain entry, none of another session.
pub(crate) fn data_of(session: &Session) -> Option<&[u8]> {
    session.payload_object::<Shown>().map(|_| session.payload())
}

#[inline]
fn view(context: &SESS_CTX) -> ContextView<'_> {
    context.cache.context(*context.id_context.get())
}

#[cold]
fn wrong_length(id_len: usize) -> Fault {
    let words = format!("session id is {id_len} bytes long; it must be 1 to 32 bytes");
    Fault::new(SESS_R_PASSED_INVALID_ARGUMENT, words)
}

/// Stores a copy of data_len bytes under id for lifetime_seconds, in the place of what was there. 1 stored; 0 not:
/// an id that is not 1 to 32 bytes long, a lifetime of 0 or less, too many bytes, a mode that stores nothing inside.
///
/// A lifetime over the cap is cut to it. Without room the entries that expire first leave, never the new one.
/// May call the new callback (with conn NULL) and the remove callback. Threads: any. NULL: ctx, id: 0; data: allowed
/// if data_len is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_put(
    ctx: *mut SESS_CTX,
    id: *const c_uchar,
    id_len: usize,
    data: *const c_uchar,
    data_len: usize,
    lifetime_seconds: i64,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live context.
        let context = unsafe { context(ctx) }?;
        // SAFETY: C says that so many bytes can be read there.
        let id = unsafe { memory::bytes(id, id_len, "id") }?;
        let Ok(id) = SessionId::new(id) else { return Err(wrong_length(id_len)) };
        // SAFETY: as above.
        let data = unsafe { memory::bytes(data, data_len, "data") }?;
        let lifetime = u64::try_from(lifetime_seconds).unwrap_or(0);
        if lifetime == 0 {
            return Err(Fault::invalid(format!(
                "lifetime {lifetime_seconds} is not over 0 seconds"
            )));
        }
        if context.cache.mode().contains(session_cache::CacheMode::NO_INTERNAL_STORE) {
            return Err(Fault::new(SESS_R_NOT_STORED, "the mode stores nothing inside"));
        }
        let new = NewSession::new(ProtocolVersion::UNKNOWN, id, payload(data));
        let refused = hooks::refused(|| view(context).insert(new.with_timeout(Seconds(lifetime))));
        let (stored, was_refused) = refused;
        stored.map_err(|why| Fault::new(SESS_R_NOT_STORED, why.to_string()))?;
        if was_refused && context.cache.rules() == Rules::DOCUMENTED {
            return Err(Fault::new(SESS_R_NOT_STORED, "the new callback refused it"));
        }
        Ok(1)
    })
}

/// Copies what is stored under id to out, and its size to *out_len. 1 found. 0 not found, or expired, or of another
/// id context: *out_len is 0. 0 too small (out_capacity): *out_len is the size, and nothing else was written.
///
/// Asks the get callback (with conn NULL) for what is not inside. Threads: any. Waits for no lock, but to store what that
/// callback answers, and to set the time of its use (SESS_SESS_CACHE_UPDATE_TIME under the rules of SESS_CTX_new()).
/// NULL: ctx, id: 0; out: allowed if out_capacity is 0; out_len: the size is not told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_fetch(
    ctx: *mut SESS_CTX,
    id: *const c_uchar,
    id_len: usize,
    out: *mut c_uchar,
    out_capacity: usize,
    out_len: *mut usize,
) -> c_int {
    // SAFETY: C says that it is NULL or a place for a size.
    unsafe { memory::store(out_len, 0) };
    entry(0, || {
        // SAFETY: C says that it is a live context.
        let context = unsafe { context(ctx) }?;
        // SAFETY: C says that so many bytes can be read there.
        let id = unsafe { memory::bytes(id, id_len, "id") }?;
        let Ok(id) = SessionId::new(id) else { return Err(wrong_length(id_len)) };
        if out.is_null() && out_capacity != 0 {
            return Err(Fault::null("out"));
        }
        let Some(found) = view(context).lookup(ProtocolVersion::UNKNOWN, &id) else { return Ok(0) };
        let data = SESS_SESSION::data_of(&found);
        // SAFETY: as above.
        unsafe { memory::store(out_len, data.len()) };
        if data.len() > out_capacity {
            return Err(too_small(data.len(), out_capacity));
        }
        // SAFETY: C says that there is room for out_capacity bytes, and an entry is not where C writes.
        unsafe { copy(data, out) };
        Ok(1)
    })
}

/// As SESS_CTX_fetch(), and removes it: of any number of calls one gets it. Too small takes nothing.
///
/// The get callback is not asked: it could not give up what it has. Calls the remove callback. Threads: any. NULL: as
/// SESS_CTX_fetch().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_take(
    ctx: *mut SESS_CTX,
    id: *const c_uchar,
    id_len: usize,
    out: *mut c_uchar,
    out_capacity: usize,
    out_len: *mut usize,
) -> c_int {
    // SAFETY: C says that it is NULL or a place for a size.
    unsafe { memory::store(out_len, 0) };
    entry(0, || {
        // SAFETY: C says that it is a live context.
        let context = unsafe { context(ctx) }?;
        // SAFETY: C says that so many bytes can be read there.
        let id = unsafe { memory::bytes(id, id_len, "id") }?;
        let Ok(id) = SessionId::new(id) else { return Err(wrong_length(id_len)) };
        if out.is_null() && out_capacity != 0 {
            return Err(Fault::null("out"));
        }
        let mut needed = None;
        let taken = view(context).take_if(ProtocolVersion::UNKNOWN, &id, |found| {
            let size = SESS_SESSION::data_of(found).len();
            needed = (size > out_capacity).then_some(size);
            needed.is_none()
        });
        let Some(taken) = taken else {
            let Some(size) = needed else { return Ok(0) };
            // SAFETY: as above.
            unsafe { memory::store(out_len, size) };
            return Err(too_small(size, out_capacity));
        };
        let data = SESS_SESSION::data_of(&taken);
        // SAFETY: as above.
        unsafe { memory::store(out_len, data.len()) };
        // SAFETY: C says that there is room for out_capacity bytes, and an entry is not where C writes.
        unsafe { copy(data, out) };
        Ok(1)
    })
}

/// Removes what is stored under id. 1 when this call removed it; 0 when it was not there, or expired, or of another id
/// context.
///
/// Calls the remove callback. Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_CTX_discard(
    ctx: *mut SESS_CTX,
    id: *const c_uchar,
    id_len: usize,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live context.
        let context = unsafe { context(ctx) }?;
        // SAFETY: C says that so many bytes can be read there.
        let id = unsafe { memory::bytes(id, id_len, "id") }?;
        let Ok(id) = SessionId::new(id) else { return Err(wrong_length(id_len)) };
        Ok(c_int::from(view(context).remove(ProtocolVersion::UNKNOWN, &id)))
    })
}

#[cold]
fn too_small(size: usize, capacity: usize) -> Fault {
    let words = format!("the entry has {size} bytes, out has room for {capacity}");
    Fault::new(SESS_R_BUFFER_TOO_SMALL, words)
}

/// # Safety
///
/// * `out` has room for the data, or there is none.
unsafe fn copy(data: &[u8], out: *mut c_uchar) {
    if !data.is_empty() {
        // SAFETY: passed on from the caller.
        unsafe { out.copy_from_nonoverlapping(data.as_ptr(), data.len()) };
    }
}
