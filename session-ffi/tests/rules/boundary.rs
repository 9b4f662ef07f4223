//! What the boundary promises: failures have words, NULL is no crash, counts hold among threads.

use std::ffi::{CStr, c_int};
use std::ptr::null_mut;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicUsize};

use session::*;

use crate::scene::{last_error, references, session};

#[test]
fn last_failure_has_words_stays_over_success_and_is_each_threads_own() {
    SESS_clear_error();
    assert_eq!(last_error(), (0, String::new()));
    unsafe { SESS_CTX_add_session(null_mut(), null_mut()) };
    assert_eq!(last_error(), (SESS_R_PASSED_NULL_PARAMETER, "ctx is NULL".to_string()));
    let session = session(1);
    unsafe { SESS_SESSION_free(session) };
    assert_eq!(last_error().1, "ctx is NULL");
    std::thread::spawn(|| assert_eq!(last_error(), (0, String::new()))).join().unwrap();
    SESS_clear_error();
    assert_eq!(last_error().0, 0);
}

#[test]
fn null_connection_is_a_failure_everywhere() {
    unsafe {
        let conn: *mut SESS_CONN = null_mut();
        assert!(SESS_new(null_mut()).is_null());
        SESS_free(conn);
        SESS_CTX_free(null_mut());
        assert_eq!(SESS_clear(conn), 0);
        assert_eq!(SESS_session_reused(conn), 0);
        assert_eq!(SESS_CONN_begin(conn, 0x0303), 0);
        assert_eq!(SESS_CONN_resume(conn, null_mut(), 0), -1);
        assert_eq!(SESS_CONN_resume(conn, [0; 33].as_ptr(), 33), 0);
        assert_eq!(SESS_CONN_resume_ticket(conn, null_mut()), -1);
        assert_eq!(SESS_CONN_established(conn, 0), 0);
        assert_eq!(SESS_CONN_finish(conn), 0);
        assert_eq!(SESS_get_verify_result(conn), 1);
        assert!(SESS_get_SESS_CTX(conn).is_null());
        assert!(SESS_CONN_offer(conn, 0, 9).is_null());
        SESS_set_shutdown(conn, 1);
        SESS_CONN_declined(conn);
        assert_eq!(last_error().1, "conn is NULL");
        SESS_mem_free(null_mut());
    }
}

#[test]
fn numbers_out_of_range_are_refused_by_name() {
    unsafe {
        let ctx = SESS_CTX_new();
        let conn = SESS_new(ctx);
        for version in [-1, 65_536] {
            assert_eq!(SESS_CONN_begin(conn, version), 0);
            assert!(last_error().1.contains(&version.to_string()));
        }
        assert_eq!(SESS_CONN_established(conn, 3), 0);
        assert_eq!(last_error().1, "tickets is 3; 0, 1 or 2 it is");
        assert_eq!(SESS_CONN_resume(conn, [0; 33].as_ptr(), 33), 0);
        SESS_free(conn);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn references_hold_while_a_draft_is_fixed_by_another_thread() {
    const ROUNDS: usize = 300;
    for _ in 0..ROUNDS {
        let ctx = SESS_CTX_new();
        let session = session(1);
        let (shared, context) = (session as usize, ctx as usize);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(move || unsafe {
                    let session = shared as *mut SESS_SESSION;
                    for _ in 0..50 {
                        SESS_SESSION_up_ref(session);
                        SESS_SESSION_free(session);
                    }
                    SESS_SESSION_up_ref(session);
                });
            }
            scope.spawn(move || unsafe {
                SESS_CTX_add_session(context as *mut SESS_CTX, shared as *mut SESS_SESSION)
            });
        });
        assert_eq!(references(session), 4);
        unsafe {
            SESS_CTX_free(ctx);
            assert_eq!(references(session), 3);
            (0..3).for_each(|_| SESS_SESSION_free(session));
        }
    }
}

/// Adds a draft to a context and does something else to it, each on a thread of its own and at the same moment, many
/// times over; counts how often one of both failed, or what came of it is not right.
fn failures_while_it_is_added(
    other: impl Fn(*mut SESS_CTX, *mut SESS_SESSION) -> c_int + Sync,
    is_right: impl Fn(*mut SESS_SESSION) -> bool,
) -> usize {
    const ROUNDS: usize = 20_000;
    let (turn, done, failures) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let is_at = |counter: &AtomicUsize, round: usize| {
        while counter.load(Acquire) < round {
            std::thread::yield_now();
        }
    };
    let ctx = SESS_CTX_new();
    let (context, shared) = (AtomicPtr::new(ctx), AtomicPtr::new(null_mut()));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=ROUNDS {
                is_at(&turn, round);
                let is_done = other(context.load(Relaxed), shared.load(Relaxed)) == 1;
                failures.fetch_add(usize::from(!is_done), Relaxed);
                done.store(round, Release);
            }
        });
        for round in 1..=ROUNDS {
            let session = session(1);
            shared.store(session, Relaxed);
            turn.store(round, Release);
            let is_added = unsafe { SESS_CTX_add_session(ctx, session) } == 1;
            is_at(&done, round);
            failures.fetch_add(usize::from(!is_added || !is_right(session)), Relaxed);
            unsafe { SESS_SESSION_free(session) };
        }
    });
    unsafe { SESS_CTX_free(ctx) };
    failures.into_inner()
}

#[test]
fn draft_that_one_thread_adds_can_be_attached_by_another() {
    let attach = |ctx: *mut SESS_CTX, session: *mut SESS_SESSION| unsafe {
        let conn = SESS_new(ctx);
        let attached = SESS_set_session(conn, session);
        SESS_free(conn);
        attached
    };
    assert_eq!(failures_while_it_is_added(attach, |_| true), 0);
}

#[test]
fn timeout_that_is_set_while_a_draft_is_added_is_not_lost() {
    let set = |_: *mut SESS_CTX, session: *mut SESS_SESSION| unsafe {
        SESS_SESSION_set_timeout(session, 777)
    };
    let is_right = |session: *mut SESS_SESSION| unsafe { SESS_SESSION_get_timeout(session) } == 777;
    assert_eq!(failures_while_it_is_added(set, is_right), 0);
}

#[test]
fn draft_that_is_removed_while_it_is_added_is_marked_in_any_case() {
    let remove = |ctx: *mut SESS_CTX, session: *mut SESS_SESSION| unsafe {
        SESS_CTX_remove_session(ctx, session);
        1
    };
    let is_right = |session: *mut SESS_SESSION| unsafe { SESS_SESSION_is_resumable(session) } == 0;
    assert_eq!(failures_while_it_is_added(remove, is_right), 0);
}

#[test]
fn version_is_the_crates() {
    let version = unsafe { CStr::from_ptr(SESS_version()) };
    assert_eq!(version.to_str().unwrap(), env!("CARGO_PKG_VERSION"));
}

#[test]
fn connection_frees_nothing_from_within_its_own_callback() {
    use std::ffi::{c_uchar, c_uint};
    unsafe extern "C" fn frees(conn: *mut SESS_CONN, id: *mut c_uchar, _: *mut c_uint) -> c_int {
        unsafe {
            SESS_free(conn);
            assert_eq!(SESS_last_error_code(), SESS_R_CONNECTION_IN_USE);
            *id = 1;
        }
        1
    }
    unsafe {
        let ctx = SESS_CTX_new();
        let conn = SESS_new(ctx);
        SESS_set_generate_session_id(conn, Some(frees));
        let (mut id, mut len) = ([0; 32], 0);
        assert_eq!(SESS_CONN_generate_session_id(conn, id.as_mut_ptr(), &mut len), 1);
        SESS_free(conn);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn connection_stays_while_it_asks_whether_its_session_is_not_to_be_resumed() {
    unsafe extern "C" fn frees(conn: *mut SESS_CONN, _: c_int) -> c_int {
        unsafe {
            SESS_free(conn);
            assert_eq!(SESS_last_error_code(), SESS_R_CONNECTION_IN_USE);
            assert_eq!(SESS_clear(conn), 0);
            assert!(!SESS_get_session(conn).is_null());
        }
        1
    }
    unsafe {
        let ctx = SESS_CTX_new();
        let conn = SESS_new(ctx);
        SESS_set_not_resumable_session_callback(conn, Some(frees));
        SESS_CONN_begin(conn, 0x0303);
        let new = session(1);
        assert_eq!(SESS_CONN_new_session(conn, new), 1);
        assert_eq!(SESS_CONN_is_not_resumable(conn, 1), 1);
        assert_eq!(SESS_SESSION_is_resumable(new), 0);
        SESS_SESSION_free(new);
        SESS_free(conn);
        SESS_CTX_free(ctx);
    }
}
