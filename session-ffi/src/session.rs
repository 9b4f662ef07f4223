//! `SESS_SESSION`: one object for C, whether it is still being put together or already in a cache.
//!
//! States: a *draft* is counted by itself, and everything about it can be set. It is *fixed* when it is
//! first added to a cache or attached to a connection: from then on it lies inside the payload of a
//! session of session-cache, every reference that C holds is one counted handle of that session, and its
//! version, id and id context stay. Time, timeout and the mark are that session's from then on.
//!
//! Invariant: the address of the object never changes, so hooks, lookups and connections show C the
//! pointer that it put in.
//!
//! Hard case: C does something to a draft while another thread fixes it. A draft is fixed under the object's
//! lock, in one step, so that others find it before or after; a fixed one is never unfixed, so without the lock
//! nothing is missed. Nothing of C's runs under the lock.

use std::ffi::{CString, c_char, c_int, c_uint};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use session_cache::{
    IdContext, NewSession, Payload, PayloadObject, ProtocolVersion, Seconds, Session, SessionCache,
    SessionId, UnixTime,
};
use session_codec::{Octets, SslSession, Text};

use crate::ex_data::{Class, SESS_EX_DATA};
use crate::fault::{Fault, SESS_R_OTHER_CONTEXT, SESS_R_SESSION_IS_FIXED, entry};
use crate::memory;
use crate::plain;

/// A TLS session, as OpenSSL's SSL_SESSION: counted, shared by everybody who holds it.
///
/// It may be read from many threads at once. Whoever sets its fields is alone with it, but for time and
/// timeout, which may be set at any time. Once it was added to a context or attached to a connection its
/// protocol version, id and id context stay: SESS_SESSION_dup() makes one that can be changed.
pub struct SESS_SESSION {
    /// The session whose payload this lies in: a copy of a handle, for which no count stands. Whoever has
    /// this object has it through a count of his own.
    fixed: OnceLock<ManuallyDrop<Session>>,
    /// The bytes of a plain entry that was put together as a draft; see plain.rs for those that were not.
    data: OnceLock<Payload<'static>>,
    state: Mutex<State>,
    pub(crate) ex_data: SESS_EX_DATA,
}

struct State {
    /// How many references C holds to a draft.
    references: usize,
    /// None of a plain entry, until somebody asks.
    fields: Option<Box<SslSession<'static>>>,
    /// The mark of a draft.
    not_resumable: bool,
    /// Whether anybody said what verifying the peer came to.
    is_verified: bool,
    /// Of a duplicate: when the peers of its original last proved who they are.
    authenticated: Option<UnixTime>,
    /// The caches that it may be in. Whoever puts it into one names that one first; it is in one at a time, and
    /// which one the caches know.
    caches: Vec<Weak<SessionCache>>,
    /// The host name as C reads it; made when C asks for it.
    hostname: Option<CString>,
}

impl State {
    fn draft(&self) -> Result<&SslSession<'static>, Fault> {
        self.fields.as_deref().ok_or_else(|| Fault::invalid("no draft"))
    }

    /// Begins the session that a draft becomes.
    fn to_new(
        &self,
        payload: impl FnOnce() -> Payload<'static>,
    ) -> Result<NewSession<'static>, Fault> {
        let fields = self.draft()?;
        let version = u16::try_from(fields.version.0).map_err(|_| {
            Fault::invalid(format!("protocol version {} is not 0 to 65535", fields.version.0))
        })?;
        let id = match fields.id.as_bytes() {
            [] => SessionId::EMPTY,
            id => SessionId::new(id).map_err(|error| Fault::invalid(error.to_string()))?,
        };
        let mut new = NewSession::new(ProtocolVersion(version), id, payload());
        if self.is_verified {
            new = new.with_verify_result(fields.verify_result);
        }
        if let Some(authenticated) = self.authenticated {
            new = new.with_authenticated(authenticated);
        }
        if fields.ticket.as_ref().is_some_and(|ticket| !ticket.as_bytes().is_empty()) {
            new = new.with_ticket(Seconds(fields.ticket_lifetime_hint_seconds));
        }
        Ok(new)
    }
}

/// Owns the object on behalf of the session whose payload it is.
struct Owner {
    object: NonNull<SESS_SESSION>,
    size_bytes: usize,
}

// SAFETY: the object is shared between threads as it is, and may end on any.
unsafe impl Send for Owner {}
// SAFETY: as above.
unsafe impl Sync for Owner {}

impl PayloadObject for Owner {
    fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    fn duplicate(&self) -> Box<dyn PayloadObject> {
        // SAFETY: owned, so alive.
        let object = unsafe { self.object.as_ref() };
        // The `dup` callbacks belong to SESS_SESSION_dup, which does not come this way.
        let copy = object.copy();
        copy.lock().references = 0;
        Box::new(Owner { object: SESS_SESSION::boxed(copy), size_bytes: self.size_bytes })
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // SAFETY: it was boxed, and is owned here alone: the last handle of its session is gone.
        drop(unsafe { Box::from_raw(self.object.as_ptr()) });
    }
}

/// Stands for a draft where the cache needs a session, for the time of a call.
struct StandIn(NonNull<SESS_SESSION>);

// SAFETY: as above.
unsafe impl Send for StandIn {}
// SAFETY: as above.
unsafe impl Sync for StandIn {}

impl PayloadObject for StandIn {
    fn size_bytes(&self) -> usize {
        0
    }

    fn duplicate(&self) -> Box<dyn PayloadObject> {
        Box::new(StandIn(self.0))
    }
}

impl Drop for SESS_SESSION {
    fn drop(&mut self) {
        self.ex_data.end(std::ptr::from_ref(self).cast());
    }
}

impl SESS_SESSION {
    /// Makes a draft of which C holds one reference.
    pub(crate) fn draft(fields: SslSession<'static>) -> SESS_SESSION {
        SESS_SESSION {
            fixed: OnceLock::new(),
            data: OnceLock::new(),
            state: Mutex::new(State {
                references: 1,
                fields: Some(Box::new(fields)),
                not_resumable: false,
                is_verified: false,
                authenticated: None,
                caches: Vec::new(),
                hostname: None,
            }),
            ex_data: SESS_EX_DATA::new(Class::Session),
        }
    }

    /// Makes a draft of which all is known.
    pub(crate) fn decoded(fields: SslSession<'static>) -> SESS_SESSION {
        let draft = SESS_SESSION::draft(fields);
        draft.lock().is_verified = true;
        draft
    }

    /// Makes the object of a plain entry, which nobody has put together.
    pub(crate) fn of_plain() -> SESS_SESSION {
        let object = SESS_SESSION::draft(SslSession::new(session_codec::UnixTime(0)));
        let mut state = object.lock();
        state.references = 0;
        state.fields = None;
        drop(state);
        object
    }

    /// Gives it an address for life.
    pub(crate) fn boxed(object: SESS_SESSION) -> NonNull<SESS_SESSION> {
        NonNull::from(Box::leak(Box::new(object)))
    }

    /// Hands C its one reference to a draft.
    pub(crate) fn into_c(object: SESS_SESSION) -> *mut SESS_SESSION {
        let object = SESS_SESSION::boxed(object);
        // SAFETY: just boxed.
        let shared = unsafe { object.as_ref() };
        shared.ex_data.begin(object.as_ptr().cast());
        object.as_ptr()
    }

    /// Finds the object in the payload of a session that `cache` shows to C; borrowed for as long as `session` is.
    pub(crate) fn of(
        session: &Session,
        cache: &Arc<SessionCache>,
    ) -> Option<NonNull<SESS_SESSION>> {
        if let Some(stand_in) = session.payload_object::<StandIn>() {
            return Some(stand_in.0);
        }
        let address = match session.payload_object::<Owner>() {
            Some(owner) => owner.object,
            None => plain::object_of(session)?,
        };
        // SAFETY: owned by the payload, which `session` keeps.
        let object = unsafe { address.as_ref() };
        if object.fixed().is_none() {
            // A plain entry: of others each cache is named when they are put into it.
            object.may_be_in(cache);
            object.adopt(&mut object.lock(), session);
        }
        object.ex_data.begin(address.as_ptr().cast());
        Some(address)
    }

    /// The bytes of a plain entry in a session's payload.
    #[inline]
    pub(crate) fn data_of(session: &Session) -> &[u8] {
        // Those of a plain entry are the session's own; no other has such.
        let own = session.payload();
        if !own.is_empty() {
            return own;
        }
        let Some(owner) = session.payload_object::<Owner>() else { return &[] };
        // SAFETY: owned by the payload, which `session` keeps.
        let object = unsafe { owner.object.as_ref() };
        object.data.get().map_or(&[], Payload::as_bytes)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session that it is, once it is fixed.
    pub(crate) fn fixed(&self) -> Option<&Session> {
        self.fixed.get().map(|session| &**session)
    }

    /// Fixes a draft and returns the session that it is, as a handle of its own; refused of what is fixed. `build`
    /// makes that session from what it is given and the draft's timeout, and runs nothing of C's.
    ///
    /// # Safety
    ///
    /// * `object` is alive, and boxed.
    pub(crate) unsafe fn fix(
        object: NonNull<SESS_SESSION>,
        build: impl FnOnce(NewSession<'static>, Seconds) -> Session,
    ) -> Result<Session, Fault> {
        // SAFETY: passed on from the caller.
        let mut state = unsafe { object.as_ref() }.lock();
        // SAFETY: passed on from the caller.
        if unsafe { object.as_ref() }.fixed().is_some() {
            let words = "the session was added to a context or attached to a connection before";
            return Err(Fault::new(SESS_R_SESSION_IS_FIXED, words));
        }
        // SAFETY: passed on from the caller.
        unsafe { SESS_SESSION::fix_locked(object, &mut state, build) }
    }

    /// Fixes a draft as it is, and returns the session that it is; also of one that is fixed.
    ///
    /// # Safety
    ///
    /// * `object` is alive, and boxed.
    pub(crate) unsafe fn fix_as_is(object: NonNull<SESS_SESSION>) -> Result<Session, Fault> {
        // SAFETY: passed on from the caller.
        let shared = unsafe { object.as_ref() };
        if let Some(session) = shared.fixed() {
            return Ok(session.clone());
        }
        let mut state = shared.lock();
        if let Some(session) = shared.fixed() {
            return Ok(session.clone());
        }
        let fields = state.draft()?;
        let created = UnixTime(unsigned(fields.time.0));
        let id_context = IdContext::new(fields.id_context.as_bytes())
            .map_err(|error| Fault::invalid(error.to_string()))?;
        let build = |new: NewSession<'static>, timeout: Seconds| {
            new.with_timeout(timeout).build(id_context, created)
        };
        // SAFETY: passed on from the caller.
        unsafe { SESS_SESSION::fix_locked(object, &mut state, build) }
    }

    /// Returns what the cache finds the session by that is to be removed. A draft stays one, and is marked.
    ///
    /// # Safety
    ///
    /// * `object` is alive, and outlives the result.
    pub(crate) unsafe fn to_remove(object: NonNull<SESS_SESSION>) -> Result<Session, Fault> {
        // SAFETY: passed on from the caller.
        let shared = unsafe { object.as_ref() };
        let mut state = shared.lock();
        if let Some(session) = shared.fixed() {
            return Ok(session.clone());
        }
        let new = state.to_new(|| Payload::object(StandIn(object)))?;
        state.not_resumable = true;
        Ok(new.build(IdContext::EMPTY, UnixTime(0)))
    }

    /// # Safety
    ///
    /// * `object` is alive, boxed and a draft; `state` is its own.
    unsafe fn fix_locked(
        object: NonNull<SESS_SESSION>,
        state: &mut State,
        build: impl FnOnce(NewSession<'static>, Seconds) -> Session,
    ) -> Result<Session, Fault> {
        // SAFETY: passed on from the caller.
        let shared = unsafe { object.as_ref() };
        let fields = state.draft()?;
        let timeout = Seconds(unsigned(fields.timeout.0));
        let new = state.to_new(|| {
            let data_bytes = shared.data.get().map_or(0, Payload::size_bytes);
            let fields_bytes = size_of::<SslSession<'_>>() + heap_bytes(fields);
            let size_bytes = size_of::<SESS_SESSION>() + fields_bytes + data_bytes;
            Payload::object(Owner { object, size_bytes })
        })?;
        let session = build(new, timeout);
        shared.adopt(state, &session);
        Ok(session)
    }

    /// Becomes part of the session whose payload it lies in, if it is not yet: each reference that C holds is
    /// a handle from here on.
    fn adopt(&self, state: &mut State, session: &Session) {
        if self.fixed().is_some() {
            return;
        }
        if state.not_resumable {
            session.mark_not_resumable();
        }
        for _ in 0..state.references {
            std::mem::forget(session.clone());
        }
        if let Some(fields) = &mut state.fields {
            take_over(fields, session);
            fields.verify_result = session.verify_result();
            // One that stays keeps its place: C may have been lent it.
            let id_context = session.id_context();
            if fields.id_context.as_bytes() != id_context.as_bytes() {
                if let Ok(id_context) = Octets::new(id_context.as_bytes()) {
                    fields.id_context = id_context.into_owned();
                }
            }
        }
        let _ = self.fixed.set(uncounted(session));
    }

    /// Forgets the mark of a draft: what an engine sends a new ticket for can be resumed.
    pub(crate) fn forget_mark(&self) {
        self.lock().not_resumable = false;
    }

    /// Names a cache that it may be in from now on.
    pub(crate) fn may_be_in(&self, cache: &Arc<SessionCache>) {
        let mut state = self.lock();
        let is_known = |known: &Weak<SessionCache>| std::ptr::eq(known.as_ptr(), &**cache);
        if !state.caches.iter().any(is_known) {
            state.caches.retain(|known| known.strong_count() != 0);
            state.caches.push(Arc::downgrade(cache));
        }
    }

    /// Takes one more reference for C.
    pub(crate) fn up_ref(&self) {
        if self.fixed().is_none() {
            let mut state = self.lock();
            if self.fixed().is_none() {
                state.references += 1;
                return;
            }
        }
        if let Some(session) = self.fixed() {
            std::mem::forget(session.clone());
        }
    }

    /// Gives up one of C's references.
    ///
    /// # Safety
    ///
    /// * `object` is alive, and C holds the reference that it gives up.
    pub(crate) unsafe fn release(object: NonNull<SESS_SESSION>) {
        // SAFETY: passed on from the caller.
        let handle = unsafe { object.as_ref() }.fixed.get().map(|session| {
            // SAFETY: the count of C's reference becomes this handle's.
            unsafe { std::ptr::read(&**session) }
        });
        // No borrow of the object is left: it may end here.
        if let Some(handle) = handle {
            drop(handle);
            session_core::settle();
            return;
        }
        // SAFETY: as above.
        let shared = unsafe { object.as_ref() };
        let mut state = shared.lock();
        if shared.fixed().is_some() {
            drop(state);
            // SAFETY: as above; now it is fixed, and stays so.
            return unsafe { SESS_SESSION::release(object) };
        }
        state.references = state.references.saturating_sub(1);
        let is_last = state.references == 0;
        drop(state);
        if is_last {
            // SAFETY: it was boxed, and nobody holds it any more.
            drop(unsafe { Box::from_raw(object.as_ptr()) });
        }
    }

    fn references(&self) -> usize {
        let state = self.lock();
        self.fixed().map_or(state.references, |session| session.references() as usize)
    }

    /// Reads the fields, with the times as they stand.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&SslSession<'static>) -> R) -> R {
        let mut state = self.lock();
        read(self.fields(&mut state))
    }

    /// Changes fields that have no part in finding the session.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut SslSession<'static>) -> R) -> R {
        let mut state = self.lock();
        change(self.fields(&mut state))
    }

    /// Changes fields of a draft; refused of what is fixed.
    pub(crate) fn change_draft<R>(
        &self,
        what: &str,
        change: impl FnOnce(&mut SslSession<'static>) -> R,
    ) -> Result<R, Fault> {
        let mut state = self.lock();
        if self.fixed().is_some() {
            let words = format!(
                "the session was added to a context or attached to a connection, so its {what} stays; \
                 change a duplicate"
            );
            return Err(Fault::new(SESS_R_SESSION_IS_FIXED, words));
        }
        Ok(change(self.fields(&mut state)))
    }

    fn fields<'a>(&self, state: &'a mut State) -> &'a mut SslSession<'static> {
        let fields = state.fields.get_or_insert_with(|| Box::new(blank_of(self.fixed())));
        if let Some(session) = self.fixed() {
            take_over(fields, session);
        }
        fields
    }

    /// Sets the time, or the timeout: in the cache, where it is in one.
    pub(crate) fn set_times(
        &self,
        in_draft: impl FnOnce(&mut SslSession<'static>),
        in_cache: impl Fn(&SessionCache, &Session) -> bool,
        in_none: impl FnOnce(&Session) -> bool,
    ) -> Result<(), Fault> {
        let mut state = self.lock();
        let Some(session) = self.fixed() else {
            in_draft(self.fields(&mut state));
            return Ok(());
        };
        let caches: Vec<_> = state.caches.iter().filter_map(Weak::upgrade).collect();
        let is_set = if caches.is_empty() {
            in_none(session)
        } else {
            caches.iter().any(|cache| in_cache(cache, session))
        };
        // Only now: a cache that ends with its handle here ends sessions.
        drop(state);
        if is_set {
            return Ok(());
        }
        let words = "the session is in the cache of another context, or on its way into one";
        Err(Fault::new(SESS_R_OTHER_CONTEXT, words))
    }

    pub(crate) fn is_resumable(&self) -> bool {
        let mut state = self.lock();
        let marked = match self.fixed() {
            Some(session) => session.is_marked_not_resumable(),
            None => state.not_resumable,
        };
        let fields = self.fields(&mut state);
        let has_ticket = fields.ticket.as_ref().is_some_and(|ticket| !ticket.as_bytes().is_empty());
        !marked && (has_ticket || !fields.id.as_bytes().is_empty())
    }

    /// The host name as C reads it: stays where it is until it is set anew.
    pub(crate) fn hostname(&self) -> *const c_char {
        let mut state = self.lock();
        if state.hostname.is_none() {
            let text =
                self.fields(&mut state).hostname.as_ref().map(|text| text.as_bytes().to_vec());
            state.hostname = text.and_then(|text| CString::new(text).ok());
        }
        state.hostname.as_ref().map_or(std::ptr::null(), |hostname| hostname.as_ptr())
    }

    pub(crate) fn set_hostname(&self, hostname: Option<Text<'static>>) {
        let mut state = self.lock();
        self.fields(&mut state).hostname = hostname;
        state.hostname = None;
    }

    /// Puts other fields in the place of a draft's.
    pub(crate) fn replace_fields(&self, new: SslSession<'static>) -> Result<(), Fault> {
        self.change_draft("content", |fields| *fields = new)?;
        let mut state = self.lock();
        state.hostname = None;
        state.is_verified = true;
        Ok(())
    }

    pub(crate) fn set_verify_result(&self, verify_result: i32) -> Result<(), Fault> {
        self.change_draft("verify result", |fields| fields.verify_result = verify_result)?;
        self.lock().is_verified = true;
        Ok(())
    }

    pub(crate) fn data(&self) -> Option<&[u8]> {
        if let Some(data) = self.data.get() {
            return Some(data.as_bytes());
        }
        plain::data_of(self.fixed()?)
    }

    /// Gives a draft the bytes of a plain entry, once.
    pub(crate) fn set_data(&self, data: &[u8]) -> Result<(), Fault> {
        self.change_draft("data", |_| self.data.set(Payload::copy_from(data)))?.map_err(|_| {
            Fault::new(SESS_R_SESSION_IS_FIXED, "the session has data; it can be set once")
        })
    }

    /// Copies all but the application's data, as a draft of which C holds one reference.
    fn copy(&self) -> SESS_SESSION {
        let (fields, not_resumable, authenticated) = {
            let mut state = self.lock();
            let marked = self.fixed().map(Session::is_marked_not_resumable);
            let not_resumable = marked.unwrap_or(state.not_resumable);
            let authenticated = self.fixed().map(Session::authenticated).or(state.authenticated);
            (self.fields(&mut state).clone(), not_resumable, authenticated)
        };
        let copy = SESS_SESSION::draft(fields);
        let mut state = copy.lock();
        state.not_resumable = not_resumable;
        state.is_verified = true;
        state.authenticated = authenticated;
        drop(state);
        if let Some(data) = self.data() {
            let _ = copy.data.set(Payload::copy_from(data));
        }
        copy
    }
}

fn uncounted(session: &Session) -> ManuallyDrop<Session> {
    // SAFETY: the copy is never dropped; it is used where the object it stands in is alive, which is as
    // long as its session is.
    ManuallyDrop::new(unsafe { std::ptr::read(session) })
}

/// The fields of a session that came in as a plain entry.
fn blank_of(session: Option<&Session>) -> SslSession<'static> {
    let mut fields = SslSession::new(session_codec::UnixTime(0));
    if let Some(session) = session {
        fields.version = session_codec::ProtocolVersion(session.version().0.into());
        fields.verify_result = session.verify_result();
        if let Ok(id) = Octets::new(session.id().as_bytes()) {
            fields.id = id.into_owned();
        }
        if let Ok(id_context) = Octets::new(session.id_context().as_bytes()) {
            fields.id_context = id_context.into_owned();
        }
    }
    fields
}

/// The session's times are what counts.
fn take_over(fields: &mut SslSession<'static>, session: &Session) {
    fields.time = session_codec::UnixTime(signed(session.created().0));
    fields.timeout = session_codec::Seconds(signed(session.timeout().0));
}

pub(crate) fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// The end of C's time is the end of time.
pub(crate) fn unsigned(seconds: i64) -> u64 {
    if seconds == i64::MAX { u64::MAX } else { u64::try_from(seconds).unwrap_or(0) }
}

/// What the fields hold outside of the structure.
fn heap_bytes(fields: &SslSession<'_>) -> usize {
    let octets = |field: &Option<Octets<'_>>| field.as_ref().map_or(0, |it| it.as_bytes().len());
    let texts =
        [&fields.hostname, &fields.psk_identity, &fields.psk_identity_hint, &fields.srp_username];
    octets(&fields.ticket)
        + octets(&fields.ticket_application_data)
        + octets(&fields.alpn)
        + fields.master_key.as_bytes().len()
        + texts
            .iter()
            .filter_map(|text| text.as_ref())
            .map(|text| text.as_bytes().len())
            .sum::<usize>()
        + fields.peer.as_ref().map_or(0, |peer| peer.as_bytes().len())
        + fields.peer_public_key.as_ref().map_or(0, |key| key.as_bytes().len())
}

pub(crate) fn now() -> session_codec::UnixTime {
    let since_1970 = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    session_codec::UnixTime(signed(since_1970.as_secs()))
}

/// Creates a session: empty, of protocol version 0, made now, with a timeout of 304 seconds, and not
/// resumable before it has an id or a ticket.
///
/// The caller owns one reference, and gives it up with SESS_SESSION_free().
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn SESS_SESSION_new() -> *mut SESS_SESSION {
    entry(std::ptr::null_mut(), || {
        Ok(SESS_SESSION::into_c(SESS_SESSION::draft(SslSession::new(now()))))
    })
}

/// Duplicates a session: equal in everything, the mark "not resumable" and the application's data
/// included, and in no cache.
///
/// The caller owns one reference to the copy. NULL when a dup callback of the application's data fails.
/// Threads: any; not while another thread sets fields of src. NULL: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_dup(src: *const SESS_SESSION) -> *mut SESS_SESSION {
    entry(std::ptr::null_mut(), || {
        // SAFETY: C says that it is a live session.
        let source = unsafe { memory::required(src, "src") }?;
        let copy = SESS_SESSION::into_c(source.copy());
        // SAFETY: just made.
        let shared = unsafe { memory::required(copy, "copy") }?;
        if let Err(fault) = shared.ex_data.copy_from(&source.ex_data) {
            // SAFETY: the one reference of what was just made.
            unsafe { SESS_SESSION_free(copy) };
            return Err(fault);
        }
        Ok(copy)
    })
}

/// Takes one more reference, which has to be given up with SESS_SESSION_free(). 1 done.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_up_ref(session: *mut SESS_SESSION) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is a live session.
        unsafe { memory::required(session, "session") }?.up_ref();
        Ok(1)
    })
}

/// Gives up one reference. With the last one the session is destroyed, its keys are wiped, and the free
/// callbacks of the application's data are called; a session that was in a cache may end a little later,
/// when no thread can still be reading it (SESS_reclaim()).
///
/// Threads: any. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_free(session: *mut SESS_SESSION) {
    entry((), || {
        if let Some(object) = NonNull::new(session) {
            // SAFETY: C says that it holds the reference that it gives up.
            unsafe { SESS_SESSION::release(object) };
        }
        Ok(())
    });
}

/// Returns how many references there are: the application's, the cache's and those of connections. A
/// figure for tests; other threads change it at any time.
///
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_SESSION_references(session: *const SESS_SESSION) -> c_uint {
    entry(0, || {
        // SAFETY: C says that it is a live session.
        let references = unsafe { memory::required(session, "session") }?.references();
        Ok(c_uint::try_from(references).unwrap_or(c_uint::MAX))
    })
}
