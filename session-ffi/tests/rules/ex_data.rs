//! R10 and R167: application data and its callbacks.

use std::ffi::{c_int, c_long, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use session::*;

use crate::scene::session;

struct Calls {
    new: AtomicUsize,
    dup: AtomicUsize,
    free: AtomicUsize,
}

impl Calls {
    const fn new() -> Calls {
        Calls { new: AtomicUsize::new(0), dup: AtomicUsize::new(0), free: AtomicUsize::new(0) }
    }
}

fn calls<'a>(argp: *mut c_void) -> &'a Calls {
    unsafe { &*argp.cast::<Calls>() }
}

unsafe extern "C" fn made(
    parent: *mut c_void,
    value: *mut c_void,
    data: *mut SESS_EX_DATA,
    idx: c_int,
    argl: c_long,
    argp: *mut c_void,
) {
    assert!(!parent.is_null() && value.is_null() && argl == 7);
    calls(argp).new.fetch_add(1, Relaxed);
    // Refused where another test has just given the index back.
    unsafe { SESS_EX_DATA_set(data, idx, 0x10 as *mut c_void) };
}

unsafe extern "C" fn duplicated(
    _: *mut SESS_EX_DATA,
    _: *const SESS_EX_DATA,
    value: *mut *mut c_void,
    _: c_int,
    _: c_long,
    argp: *mut c_void,
) -> c_int {
    let calls = calls(argp);
    calls.dup.fetch_add(1, Relaxed);
    unsafe { *value = (*value).cast::<u8>().wrapping_add(1).cast() };
    // A value of 0x30 does not let itself be copied.
    c_int::from(unsafe { *value } as usize != 0x31)
}

unsafe extern "C" fn ended(
    _: *mut c_void,
    value: *mut c_void,
    _: *mut SESS_EX_DATA,
    _: c_int,
    _: c_long,
    argp: *mut c_void,
) {
    // Objects of other tests that were made before the index was handed out end with nothing.
    if value.is_null() {
        return;
    }
    calls(argp).free.fetch_add(1, Relaxed);
}

#[test]
fn r10_dup_and_free_callbacks_run_once_each() {
    // For ever: sessions of other tests meet the callbacks too, as long as the index is registered.
    static CALLS: Calls = Calls::new();
    let calls = &CALLS;
    let argp = std::ptr::from_ref(calls).cast_mut().cast();
    let idx = SESS_SESSION_get_ex_new_index(7, argp, None, Some(duplicated), None);
    assert!(idx > 0);
    unsafe {
        let session = session(1);
        assert!(SESS_SESSION_get_ex_data(session, idx).is_null());
        assert_eq!(SESS_SESSION_set_ex_data(session, idx, 0x20 as *mut c_void), 1);
        let before = calls.dup.load(Relaxed);
        let copy = SESS_SESSION_dup(session);
        assert_eq!(SESS_SESSION_get_ex_data(copy, idx) as usize, 0x21);
        assert_eq!(SESS_SESSION_get_ex_data(session, idx) as usize, 0x20);
        assert!(calls.dup.load(Relaxed) > before);
        SESS_SESSION_set_ex_data(session, idx, 0x30 as *mut c_void);
        assert!(SESS_SESSION_dup(session).is_null());
        assert_eq!(SESS_last_error_code(), SESS_R_CALLBACK_FAILED);
        assert_eq!(SESS_SESSION_free_ex_index(idx), 1);
        assert!(SESS_SESSION_get_ex_data(session, idx).is_null());
        assert_eq!(SESS_SESSION_set_ex_data(session, idx, null_mut()), 0);
        SESS_SESSION_free(session);
        SESS_SESSION_free(copy);
    }
}

#[test]
fn dup_callback_that_answers_null_leaves_nothing_of_what_new_has_set() {
    unsafe extern "C" fn sets(
        _: *mut c_void,
        _: *mut c_void,
        data: *mut SESS_EX_DATA,
        idx: c_int,
        _: c_long,
        _: *mut c_void,
    ) {
        unsafe { SESS_EX_DATA_set(data, idx, 0x10 as *mut c_void) };
    }
    unsafe extern "C" fn copies_nothing(
        _: *mut SESS_EX_DATA,
        _: *const SESS_EX_DATA,
        value: *mut *mut c_void,
        _: c_int,
        _: c_long,
        _: *mut c_void,
    ) -> c_int {
        unsafe { *value = null_mut() };
        1
    }
    unsafe {
        let idx =
            SESS_SESSION_get_ex_new_index(0, null_mut(), Some(sets), Some(copies_nothing), None);
        let session = session(1);
        assert_eq!(SESS_SESSION_get_ex_data(session, idx) as usize, 0x10);
        let copy = SESS_SESSION_dup(session);
        assert!(SESS_SESSION_get_ex_data(copy, idx).is_null());
        assert_eq!(SESS_SESSION_get_ex_data(session, idx) as usize, 0x10);
        assert_eq!(SESS_SESSION_free_ex_index(idx), 1);
        SESS_SESSION_free(session);
        SESS_SESSION_free(copy);
    }
}

#[test]
fn r167_application_data_of_a_context_is_there_until_its_last_session_was_reported() {
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    static INDEX: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C" fn removed(ctx: *mut SESS_CTX, _: *mut SESS_SESSION) {
        let value = unsafe { SESS_CTX_get_ex_data(ctx, INDEX.load(Relaxed) as c_int) };
        SEEN.store(value as usize, Relaxed);
    }
    static CALLS: Calls = Calls::new();
    let calls = &CALLS;
    let argp = std::ptr::from_ref(calls).cast_mut().cast();
    let idx = SESS_CTX_get_ex_new_index(7, argp, Some(made), None, Some(ended));
    INDEX.store(idx as usize, Relaxed);
    unsafe {
        let ctx = SESS_CTX_new();
        assert_eq!(SESS_CTX_get_ex_data(ctx, idx) as usize, 0x10);
        SESS_CTX_set_ex_data(ctx, idx, 0x40 as *mut c_void);
        SESS_CTX_sess_set_remove_cb(ctx, Some(removed));
        let session = session(1);
        SESS_CTX_add_session(ctx, session);
        SESS_SESSION_free(session);
        SESS_CTX_free(ctx);
        assert_eq!(SEEN.load(Relaxed), 0x40);
        assert!(calls.free.load(Relaxed) >= 1);
        assert_eq!(SESS_CTX_free_ex_index(idx), 1);
    }
}

#[test]
fn connections_have_new_and_free_callbacks() {
    static CALLS: Calls = Calls::new();
    let calls = &CALLS;
    let argp = std::ptr::from_ref(calls).cast_mut().cast();
    unsafe {
        let ctx = SESS_CTX_new();
        let idx = SESS_get_ex_new_index(7, argp, Some(made), None, Some(ended));
        let conn = SESS_new(ctx);
        assert_eq!(SESS_get_ex_data(conn, idx) as usize, 0x10);
        let before = calls.free.load(Relaxed);
        SESS_free(conn);
        assert!(calls.free.load(Relaxed) > before);
        assert_eq!(SESS_free_ex_index(idx), 1);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn new_callback_of_a_plain_entry_may_look_at_it_and_nobody_waits_for_it() {
    use std::sync::atomic::AtomicPtr;
    static CTX: AtomicPtr<SESS_CTX> = AtomicPtr::new(null_mut());
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C" fn visit(_: *mut SESS_SESSION, _: *mut c_void) -> c_int {
        1
    }
    fn each() -> usize {
        unsafe { SESS_CTX_each(CTX.load(Relaxed), Some(visit), null_mut()) }
    }
    unsafe extern "C" fn looks(
        parent: *mut c_void,
        _: *mut c_void,
        _: *mut SESS_EX_DATA,
        _: c_int,
        _: c_long,
        _: *mut c_void,
    ) {
        // Sessions of other tests begin meanwhile.
        let (mut data, mut len) = (std::ptr::null(), 0);
        unsafe { SESS_SESSION_get0_data(parent.cast(), &mut data, &mut len) };
        if len != 0 && unsafe { std::slice::from_raw_parts(data, len) } == b"looked at" {
            CALLS.fetch_add(1, Relaxed);
            assert_eq!(each(), 1);
            assert_eq!(std::thread::spawn(each).join().unwrap(), 1);
        }
    }
    unsafe {
        let ctx = SESS_CTX_new();
        CTX.store(ctx, Relaxed);
        let idx = SESS_SESSION_get_ex_new_index(0, null_mut(), Some(looks), None, None);
        assert_eq!(SESS_CTX_put(ctx, b"id".as_ptr(), 2, b"looked at".as_ptr(), 9, 60), 1);
        assert_eq!(each(), 1);
        assert_eq!(CALLS.load(Relaxed), 1);
        assert_eq!(SESS_SESSION_free_ex_index(idx), 1);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn free_callback_of_a_session_may_look_at_the_one_that_takes_its_place() {
    unsafe extern "C" fn looks(
        _: *mut c_void,
        value: *mut c_void,
        _: *mut SESS_EX_DATA,
        _: c_int,
        _: c_long,
        _: *mut c_void,
    ) {
        if !value.is_null() {
            let new = value.cast::<SESS_SESSION>();
            assert_eq!(unsafe { SESS_SESSION_get_timeout(new) }, 300);
            unsafe { SESS_SESSION_free(new) };
        }
    }
    unsafe {
        let ctx = SESS_CTX_new();
        let idx = SESS_SESSION_get_ex_new_index(0, null_mut(), None, None, Some(looks));
        let conn = SESS_new(ctx);
        SESS_CONN_begin(conn, 0x0303);
        let (old, new) = (session(1), session(2));
        SESS_SESSION_up_ref(new);
        SESS_SESSION_set_ex_data(old, idx, new.cast());
        SESS_CONN_new_session(conn, old);
        SESS_SESSION_free(old);
        assert_eq!(SESS_CONN_new_session(conn, new), 1);
        // The old one has ended, and gave its reference up.
        assert_eq!(crate::scene::references(new), 2);
        SESS_SESSION_free(new);
        SESS_free(conn);
        SESS_SESSION_free_ex_index(idx);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn index_0_is_everybodys_and_unknown_ones_are_refused() {
    let session = session(1);
    unsafe {
        assert_eq!(SESS_SESSION_set_app_data(session, 0x50 as *mut c_void), 1);
        assert_eq!(SESS_SESSION_get_app_data(session) as usize, 0x50);
        assert_eq!(SESS_SESSION_free_ex_index(0), 0);
        for idx in [-1, 900, c_int::MAX] {
            assert_eq!(SESS_SESSION_set_ex_data(session, idx, 0x50 as *mut c_void), 0);
            assert!(SESS_SESSION_get_ex_data(session, idx).is_null());
            assert_eq!(SESS_SESSION_free_ex_index(idx), 0);
        }
        SESS_SESSION_free(session);
    }
}
