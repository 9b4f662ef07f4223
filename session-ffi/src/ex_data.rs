//! Application data at sessions, contexts and connections, under indices that the process hands out.
//!
//! Invariant: callbacks run with no lock held. A value belongs to one registration of its index: when an
//! index is given back and handed out again, values from before read as NULL.
//!
//! Source: the manual page `CRYPTO_get_ex_new_index(3)`.

use std::ffi::{c_int, c_long, c_void};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use slab::Slab;

use crate::fault::{Fault, entry};
use crate::memory;

/// Is called when an object is made, for each index (OpenSSL's CRYPTO_EX_new); for a plain entry when it is first
/// shown, and who else is shown it meanwhile does not wait.
pub type SESS_EX_new = Option<
    unsafe extern "C" fn(
        parent: *mut c_void,
        ptr: *mut c_void,
        ad: *mut SESS_EX_DATA,
        idx: c_int,
        argl: c_long,
        argp: *mut c_void,
    ),
>;

/// Is called when an object ends, for each index, also where nothing was set (OpenSSL's CRYPTO_EX_free).
/// parent is the address of the object, which is not to be used any more.
pub type SESS_EX_free = Option<
    unsafe extern "C" fn(
        parent: *mut c_void,
        ptr: *mut c_void,
        ad: *mut SESS_EX_DATA,
        idx: c_int,
        argl: c_long,
        argp: *mut c_void,
    ),
>;

/// Is called when an object is duplicated, for each index (OpenSSL's CRYPTO_EX_dup): *from_d is the value,
/// and may be replaced by a copy. 0 makes the duplication fail.
pub type SESS_EX_dup = Option<
    unsafe extern "C" fn(
        to: *mut SESS_EX_DATA,
        from: *const SESS_EX_DATA,
        from_d: *mut *mut c_void,
        idx: c_int,
        argl: c_long,
        argp: *mut c_void,
    ) -> c_int,
>;

/// Holds the values of one object.
pub struct SESS_EX_DATA {
    class: Class,
    /// How far the `new` callbacks have come; unless all have run none of the `free` callbacks does.
    begun: AtomicU8,
    values: Mutex<Vec<Value>>,
}

/// What has application data.
#[derive(Clone, Copy)]
pub(crate) enum Class {
    Session,
    Context,
    Connection,
}

/// What `begun` can be.
const NOT_BEGUN: u8 = 0;
const BEGINNING: u8 = 1;
const BEGUN: u8 = 2;

#[derive(Clone, Copy)]
struct Value {
    registration: u64,
    pointer: *mut c_void,
}

// SAFETY: a pointer that is kept for C and never followed.
unsafe impl Send for Value {}

#[derive(Clone, Copy)]
struct Registered {
    registration: u64,
    argl: c_long,
    argp: *mut c_void,
    new: SESS_EX_new,
    dup: SESS_EX_dup,
    free: SESS_EX_free,
}

// SAFETY: a pointer that is handed back to C and never followed.
unsafe impl Send for Registered {}

struct Registry {
    slots: Slab<Registered>,
    registrations: u64,
}

static REGISTRIES: LazyLock<[Mutex<Registry>; 3]> = LazyLock::new(|| {
    [(); 3].map(|()| {
        let mut registry = Registry { slots: Slab::new(), registrations: 0 };
        // The index of "application data", which nobody has to register.
        registry.register(0, std::ptr::null_mut(), None, None, None);
        Mutex::new(registry)
    })
});

/// No program needs so many, and each object has a value for each.
const INDICES_MAX: usize = 1_024;

impl Registry {
    fn of(class: Class) -> MutexGuard<'static, Registry> {
        REGISTRIES[class as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(
        &mut self,
        argl: c_long,
        argp: *mut c_void,
        new: SESS_EX_new,
        dup: SESS_EX_dup,
        free: SESS_EX_free,
    ) -> usize {
        self.registrations += 1;
        let registration = self.registrations;
        self.slots.insert(Registered { registration, argl, argp, new, dup, free })
    }

    /// Those of which `is_wanted` says so, to be called when the lock is gone.
    fn those(&self, is_wanted: impl Fn(&Registered) -> bool) -> Vec<(usize, Registered)> {
        let registered = self.slots.iter().map(|(index, registered)| (index, *registered));
        registered.filter(|(_, registered)| is_wanted(registered)).collect()
    }
}

impl SESS_EX_DATA {
    pub(crate) fn new(class: Class) -> SESS_EX_DATA {
        SESS_EX_DATA { class, begun: AtomicU8::new(NOT_BEGUN), values: Mutex::new(Vec::new()) }
    }

    /// Calls the `new` callbacks, once. Nobody waits for them, since they are C's: who comes meanwhile, from one of
    /// them or on another thread, goes on.
    pub(crate) fn begin(&self, parent: *const c_void) {
        // Relaxed, all: decides who calls them; what they set has a lock of its own.
        if self.begun.load(Ordering::Relaxed) != NOT_BEGUN {
            return;
        }
        let (none, ours) = (NOT_BEGUN, BEGINNING);
        let is_ours = self
            .begun
            .compare_exchange(none, ours, Ordering::Relaxed, Ordering::Relaxed) // as above
            .is_ok();
        if !is_ours {
            return;
        }
        let called = Registry::of(self.class).those(|registered| registered.new.is_some());
        for (index, registered) in called {
            let Some(new) = registered.new else { continue };
            let value = self.get(index);
            let data = std::ptr::from_ref(self).cast_mut();
            let (argl, argp) = (registered.argl, registered.argp);
            // SAFETY: C registered it to be called so.
            unsafe { new(parent.cast_mut(), value, data, index as c_int, argl, argp) };
        }
        self.begun.store(BEGUN, Ordering::Relaxed); // as above
    }

    /// Calls the `free` callbacks, if the object ever began.
    pub(crate) fn end(&self, parent: *const c_void) {
        // Relaxed: whoever ends it has it alone.
        if self.begun.load(Ordering::Relaxed) != BEGUN {
            return;
        }
        let called = Registry::of(self.class).those(|registered| registered.free.is_some());
        for (index, registered) in called {
            let Some(free) = registered.free else { continue };
            let value = self.get(index);
            let data = std::ptr::from_ref(self).cast_mut();
            let (argl, argp) = (registered.argl, registered.argp);
            // SAFETY: C registered it to be called so.
            unsafe { free(parent.cast_mut(), value, data, index as c_int, argl, argp) };
        }
    }

    /// Copies the values of `from`, each through its `dup` callback.
    pub(crate) fn copy_from(&self, from: &SESS_EX_DATA) -> Result<(), Fault> {
        // Of its own: the lock would be held for as long as the loop.
        let called = Registry::of(self.class).those(|_| true);
        for (index, registered) in called {
            let mut value = from.get(index);
            if let Some(dup) = registered.dup {
                let to = std::ptr::from_ref(self).cast_mut();
                let (argl, argp) = (registered.argl, registered.argp);
                // SAFETY: C registered it to be called so.
                let done = unsafe { dup(to, from, &mut value, index as c_int, argl, argp) };
                if done == 0 {
                    let words = format!("the dup callback of ex_data index {index} returned 0");
                    return Err(Fault::new(crate::fault::SESS_R_CALLBACK_FAILED, words));
                }
            }
            // Also NULL, where a callback says so: `new` may have set something.
            if registered.dup.is_some() || !value.is_null() {
                self.put(index, Value { registration: registered.registration, pointer: value });
            }
        }
        Ok(())
    }

    pub(crate) fn set(&self, index: c_int, pointer: *mut c_void) -> Result<(), Fault> {
        let registration = usize::try_from(index)
            .ok()
            .and_then(|index| Registry::of(self.class).slots.get(index).map(|at| at.registration))
            .ok_or_else(|| Fault::invalid(format!("ex_data index {index} is not registered")))?;
        self.put(index as usize, Value { registration, pointer });
        Ok(())
    }

    fn put(&self, index: usize, value: Value) {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if values.len() <= index {
            values.resize(index + 1, Value { registration: 0, pointer: std::ptr::null_mut() });
        }
        values[index] = value;
    }

    fn get(&self, index: usize) -> *mut c_void {
        let value = {
            let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
            values.get(index).copied()
        };
        let registry = Registry::of(self.class);
        let now = registry.slots.get(index).map(|registered| registered.registration);
        match value {
            Some(value) if Some(value.registration) == now => value.pointer,
            _ => std::ptr::null_mut(),
        }
    }

    pub(crate) fn get_for_c(&self, index: c_int) -> *mut c_void {
        usize::try_from(index).map_or(std::ptr::null_mut(), |index| self.get(index))
    }
}

pub(crate) fn new_index(
    class: Class,
    argl: c_long,
    argp: *mut c_void,
    callbacks: (SESS_EX_new, SESS_EX_dup, SESS_EX_free),
) -> c_int {
    entry(-1, || {
        let mut registry = Registry::of(class);
        if registry.slots.len() >= INDICES_MAX {
            return Err(Fault::invalid(format!("{INDICES_MAX} ex_data indices are the most")));
        }
        let (new, dup, free) = callbacks;
        Ok(registry.register(argl, argp, new, dup, free) as c_int)
    })
}

pub(crate) fn free_index(class: Class, index: c_int) -> c_int {
    entry(0, || {
        let mut registry = Registry::of(class);
        let taken = usize::try_from(index)
            .ok()
            .filter(|index| *index != 0)
            .and_then(|index| registry.slots.try_remove(index));
        taken.map(|_| 1).ok_or_else(|| {
            Fault::invalid(format!("ex_data index {index} is not registered, or is 0"))
        })
    })
}

/// Sets a value from within a callback that was given ad; as SESS_SESSION_set_ex_data().
///
/// The value stays the application's. 1 done, 0 when idx is not registered.
/// Threads: any. NULL: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_EX_DATA_set(
    ad: *mut SESS_EX_DATA,
    idx: c_int,
    value: *mut c_void,
) -> c_int {
    entry(0, || {
        // SAFETY: C says that it is what a callback was given.
        let data = unsafe { memory::required(ad, "ad") }?;
        data.set(idx, value).map(|()| 1)
    })
}

/// Returns a value from within a callback that was given ad; NULL when nothing was set.
///
/// Threads: any. NULL: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SESS_EX_DATA_get(ad: *const SESS_EX_DATA, idx: c_int) -> *mut c_void {
    entry(std::ptr::null_mut(), || {
        // SAFETY: C says that it is what a callback was given.
        let data = unsafe { memory::required(ad, "ad") }?;
        Ok(data.get_for_c(idx))
    })
}
