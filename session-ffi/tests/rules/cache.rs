//! Adding, removing and flushing; mode, size and timeout; what the counters say.

use std::cell::Cell;
use std::ffi::{CStr, c_int, c_long, c_void};
use std::ptr::{null, null_mut};

use session::*;

use crate::scene::{figures, last_error, now, number, references, session, session_of};

fn both(test: impl Fn(*mut SESS_CTX)) {
    for ctx in [SESS_CTX_new(), SESS_CTX_new_openssl()] {
        test(ctx);
        unsafe { SESS_CTX_free(ctx) };
    }
}

#[test]
fn r52_r53_mode_is_server_and_set_returns_the_one_before() {
    both(|ctx| unsafe {
        assert_eq!(SESS_CTX_get_session_cache_mode(ctx), SESS_SESS_CACHE_SERVER);
        let mode = SESS_SESS_CACHE_BOTH | SESS_SESS_CACHE_NO_AUTO_CLEAR;
        assert_eq!(SESS_CTX_set_session_cache_mode(ctx, mode), SESS_SESS_CACHE_SERVER);
        assert_eq!(SESS_CTX_set_session_cache_mode(ctx, SESS_SESS_CACHE_OFF), mode);
    });
}

#[test]
fn r54_r55_modes_have_openssls_values() {
    let modes = [
        SESS_SESS_CACHE_OFF,
        SESS_SESS_CACHE_CLIENT,
        SESS_SESS_CACHE_SERVER,
        SESS_SESS_CACHE_BOTH,
        SESS_SESS_CACHE_NO_AUTO_CLEAR,
        SESS_SESS_CACHE_NO_INTERNAL_LOOKUP,
        SESS_SESS_CACHE_NO_INTERNAL_STORE,
        SESS_SESS_CACHE_NO_INTERNAL,
        SESS_SESS_CACHE_UPDATE_TIME,
    ];
    assert_eq!(modes, [0, 1, 2, 3, 0x80, 0x100, 0x200, 0x300, 0x400]);
}

#[test]
fn r56_unknown_bits_are_kept_and_impossible_ones_refused() {
    both(|ctx| unsafe {
        SESS_CTX_set_session_cache_mode(ctx, 0xffff);
        assert_eq!(SESS_CTX_get_session_cache_mode(ctx), 0xffff);
        for impossible in [-1, 1 << 32] {
            assert_eq!(SESS_CTX_set_session_cache_mode(ctx, impossible), 0);
        }
        assert_eq!(SESS_CTX_get_session_cache_mode(ctx), 0xffff);
    });
}

#[test]
fn r57_r206_null_context_is_0_for_each_number() {
    let getters: &[unsafe extern "C" fn(*const SESS_CTX) -> c_long] = &[
        SESS_CTX_get_session_cache_mode,
        SESS_CTX_sess_get_cache_size,
        SESS_CTX_get_timeout,
        SESS_CTX_get_bytes_max,
        SESS_CTX_get_session_bytes_max,
        SESS_CTX_get_bytes,
        SESS_CTX_sess_number,
        SESS_CTX_sess_connect,
        SESS_CTX_sess_connect_good,
        SESS_CTX_sess_connect_renegotiate,
        SESS_CTX_sess_accept,
        SESS_CTX_sess_accept_good,
        SESS_CTX_sess_accept_renegotiate,
        SESS_CTX_sess_hits,
        SESS_CTX_sess_cb_hits,
        SESS_CTX_sess_misses,
        SESS_CTX_sess_timeouts,
        SESS_CTX_sess_cache_full,
    ];
    for getter in getters {
        assert_eq!(unsafe { getter(null()) }, 0);
    }
    let setters: &[unsafe extern "C" fn(*mut SESS_CTX, c_long) -> c_long] = &[
        SESS_CTX_set_session_cache_mode,
        SESS_CTX_sess_set_cache_size,
        SESS_CTX_set_timeout,
        SESS_CTX_set_bytes_max,
        SESS_CTX_set_session_bytes_max,
    ];
    for setter in setters {
        assert_eq!(unsafe { setter(null_mut(), 5) }, 0);
    }
    assert_eq!(last_error().1, "ctx is NULL");
}

#[test]
fn r169_size_is_20480_and_a_negative_one_changes_nothing() {
    both(|ctx| unsafe {
        assert_eq!(SESS_CTX_sess_get_cache_size(ctx), SESS_SESSION_CACHE_MAX_SIZE_DEFAULT);
        assert_eq!(SESS_CTX_sess_set_cache_size(ctx, 0), 20_480);
        assert_eq!(SESS_CTX_sess_set_cache_size(ctx, 5), 0);
        assert_eq!(SESS_CTX_sess_set_cache_size(ctx, -1), 0);
        assert_eq!(SESS_CTX_sess_set_cache_size(ctx, c_long::MAX), 0);
        assert_eq!(SESS_CTX_sess_get_cache_size(ctx), 5);
    });
}

#[test]
fn r206_timeout_is_7200_or_300_and_set_returns_the_one_before() {
    unsafe {
        for (ctx, timeout) in [(SESS_CTX_new(), 300), (SESS_CTX_new_openssl(), 7_200)] {
            assert_eq!(SESS_CTX_get_timeout(ctx), timeout);
            let conn = SESS_new(ctx);
            assert_eq!(SESS_get_default_timeout(conn), timeout);
            SESS_free(conn);
            assert_eq!(SESS_CTX_set_timeout(ctx, 60), timeout);
            assert_eq!(SESS_CTX_set_timeout(ctx, -1), 0);
            assert_eq!(SESS_CTX_set_timeout(ctx, c_long::MAX), 60);
            assert_eq!(SESS_CTX_get_timeout(ctx), c_long::MAX);
            SESS_CTX_free(ctx);
        }
    }
}

#[test]
fn r150_r151_add_takes_one_reference_and_the_same_again_none() {
    both(|ctx| unsafe {
        let session = session(1);
        assert_eq!(SESS_CTX_add_session(ctx, session), 1);
        assert_eq!((references(session), number(ctx)), (2, 1));
        assert_eq!(SESS_CTX_add_session(ctx, session), 0);
        assert_eq!((references(session), number(ctx)), (2, 1));
        SESS_SESSION_free(session);
    });
}

#[test]
fn add_is_refused_in_mode_off_and_for_no_lifetime_under_the_manuals_rules() {
    unsafe {
        for (ctx, added) in [(SESS_CTX_new(), 0), (SESS_CTX_new_openssl(), 1)] {
            let (bare, over) = (session(1), session_of(0x0304, &[2; 32]));
            SESS_SESSION_set_timeout(over, 0);
            assert_eq!(SESS_CTX_add_session(ctx, over), added);
            SESS_CTX_set_session_cache_mode(ctx, SESS_SESS_CACHE_OFF);
            assert_eq!(SESS_CTX_add_session(ctx, bare), added);
            // Fixed in any case.
            assert_eq!(SESS_SESSION_set1_id(bare, [3; 32].as_ptr(), 32), 0);
            SESS_SESSION_free(bare);
            SESS_SESSION_free(over);
            SESS_CTX_free(ctx);
        }
    }
}

#[test]
fn r152_another_session_of_the_same_key_takes_the_place() {
    both(|ctx| unsafe {
        let (old, new) = (session(1), session(1));
        SESS_CTX_add_session(ctx, old);
        assert_eq!(SESS_CTX_add_session(ctx, new), 1);
        assert_eq!((references(old), references(new), number(ctx)), (1, 2, 1));
        assert_eq!(SESS_SESSION_is_resumable(old), 1);
        SESS_SESSION_free(old);
        SESS_SESSION_free(new);
    });
}

#[test]
fn r154_one_id_under_two_versions_is_two_sessions() {
    both(|ctx| unsafe {
        let (one, other) = (session_of(0x0303, b"same"), session_of(0x0304, b"same"));
        assert_eq!(SESS_CTX_add_session(ctx, one), 1);
        assert_eq!(SESS_CTX_add_session(ctx, other), 1);
        assert_eq!(number(ctx), 2);
        SESS_SESSION_free(one);
        SESS_SESSION_free(other);
    });
}

#[test]
fn r156_r157_remove_tells_whether_there_was_one_and_marks_in_any_case() {
    both(|ctx| unsafe {
        let session = session(1);
        assert_eq!(SESS_CTX_remove_session(ctx, session), 0);
        assert_eq!(SESS_SESSION_is_resumable(session), 0);
        SESS_CTX_add_session(ctx, session);
        assert_eq!(SESS_CTX_remove_session(ctx, session), 1);
        assert_eq!((references(session), number(ctx)), (1, 0));
        SESS_SESSION_free(session);
    });
}

#[test]
fn r158_remove_of_null_or_without_id_does_nothing() {
    both(|ctx| unsafe {
        assert_eq!(SESS_CTX_remove_session(ctx, null_mut()), 0);
        let session = SESS_SESSION_new();
        SESS_SESSION_set1_ticket(session, b"t".as_ptr(), 1, 1, 1);
        assert_eq!(SESS_CTX_remove_session(ctx, session), 0);
        assert_eq!(SESS_SESSION_is_resumable(session), 1);
        SESS_SESSION_free(session);
    });
}

#[test]
fn r8_remove_by_a_duplicate_removes_the_original() {
    unsafe {
        for (ctx, original_is_resumable) in [(SESS_CTX_new(), 0), (SESS_CTX_new_openssl(), 1)] {
            let original = session(1);
            SESS_CTX_add_session(ctx, original);
            let copy = SESS_SESSION_dup(original);
            assert_eq!((references(original), references(copy)), (2, 1));
            assert_eq!(SESS_CTX_remove_session(ctx, copy), 1);
            assert_eq!((references(original), number(ctx)), (1, 0));
            assert_eq!(SESS_SESSION_is_resumable(copy), 0);
            assert_eq!(SESS_SESSION_is_resumable(original), original_is_resumable);
            SESS_SESSION_free(original);
            SESS_SESSION_free(copy);
            SESS_CTX_free(ctx);
        }
    }
}

#[test]
fn draft_removes_one_session_after_the_other() {
    both(|ctx| unsafe {
        for number in 1..=3 {
            let session = session(number);
            SESS_CTX_add_session(ctx, session);
            SESS_SESSION_free(session);
        }
        let draft = SESS_SESSION_new();
        SESS_SESSION_set_protocol_version(draft, 0x0303);
        for left in (0..3).rev() {
            assert_eq!(SESS_SESSION_set1_id(draft, [left as u8 + 1; 32].as_ptr(), 32), 1);
            assert_eq!(SESS_CTX_remove_session(ctx, draft), 1);
            assert_eq!((number(ctx), references(draft)), (left, 1));
            assert_eq!(SESS_SESSION_is_resumable(draft), 0);
        }
        assert_eq!(SESS_SESSION_set1_id_context(draft, b"other".as_ptr(), 5), 1);
        assert_eq!(SESS_SESSION_set_verify_result(draft, 7), 1);
        assert_eq!(SESS_CTX_add_session(ctx, draft), 1);
        assert_eq!(SESS_SESSION_is_resumable(draft), 0);
        SESS_SESSION_free(draft);
    });
}

#[test]
fn r160_removed_session_can_be_added_again_with_the_same_pointer() {
    unsafe extern "C" fn visit(session: *mut SESS_SESSION, arg: *mut c_void) -> c_int {
        unsafe { *arg.cast::<*mut SESS_SESSION>() = session };
        1
    }
    both(|ctx| unsafe {
        let session = session(1);
        for _ in 0..3 {
            assert_eq!(SESS_CTX_add_session(ctx, session), 1);
            let mut seen: *mut SESS_SESSION = null_mut();
            let arg = std::ptr::from_mut(&mut seen).cast();
            assert_eq!(SESS_CTX_each(ctx, Some(visit), arg), 1);
            assert_eq!((seen, references(session)), (session, 2));
            assert_eq!(SESS_CTX_remove_session(ctx, session), 1);
            assert_eq!(references(session), 1);
        }
        SESS_SESSION_free(session);
    });
}

#[test]
fn r19_r161_flush_removes_what_expired_before_also_after_set_time() {
    both(|ctx| unsafe {
        let sessions = [1, 2, 3].map(session);
        for session in sessions {
            SESS_SESSION_set_time(session, 1_000);
            SESS_SESSION_set_timeout(session, 100);
            SESS_CTX_add_session(ctx, session);
        }
        SESS_SESSION_set_timeout(sessions[1], 50);
        SESS_SESSION_set_time(sessions[2], 2_000);
        SESS_CTX_flush_sessions(ctx, 1_050);
        assert_eq!(number(ctx), 3);
        SESS_CTX_flush_sessions(ctx, 1_051);
        assert_eq!((number(ctx), SESS_SESSION_is_resumable(sessions[1])), (2, 0));
        SESS_CTX_flush_sessions_ex(ctx, 1_101);
        assert_eq!((number(ctx), SESS_SESSION_is_resumable(sessions[0])), (1, 0));
        SESS_CTX_flush_sessions(ctx, -1);
        assert_eq!(number(ctx), 1);
        SESS_CTX_flush_sessions(ctx, 0);
        assert_eq!((number(ctx), SESS_SESSION_is_resumable(sessions[2])), (0, 0));
        assert_eq!(figures(ctx).flushed, 3);
        sessions.iter().for_each(|session| SESS_SESSION_free(*session));
    });
}

#[test]
fn r9_r20_session_outlives_its_context_and_takes_new_times() {
    unsafe {
        let ctx = SESS_CTX_new();
        let session = session(1);
        SESS_CTX_add_session(ctx, session);
        SESS_CTX_free(ctx);
        assert_eq!(references(session), 1);
        assert_eq!(SESS_SESSION_set_time(session, 77), 77);
        assert_eq!(SESS_SESSION_set_timeout(session, 88), 1);
        assert_eq!((SESS_SESSION_get_time(session), SESS_SESSION_get_timeout(session)), (77, 88));
        assert_eq!(SESS_SESSION_is_resumable(session), 0);
        SESS_SESSION_free(session);
    }
}

/// Sets when a cached session was made and for how long it is good: it takes its new place in the order of expiry.
unsafe fn moves_in_the_order(ctx: *mut SESS_CTX, session: *mut SESS_SESSION) {
    unsafe {
        assert_eq!(SESS_SESSION_set_time(session, 1_000), 1_000, "{}", last_error().1);
        assert_eq!(SESS_SESSION_set_timeout(session, 100), 1, "{}", last_error().1);
        let others = number(ctx) - 1;
        SESS_CTX_flush_sessions(ctx, 1_100);
        assert_eq!(number(ctx), others + 1);
        SESS_CTX_flush_sessions(ctx, 1_101);
        assert_eq!(number(ctx), others);
    }
}

#[test]
fn plain_entry_takes_new_times_wherever_it_is_shown() {
    unsafe extern "C" fn visit(session: *mut SESS_SESSION, ctx: *mut c_void) -> c_int {
        unsafe { moves_in_the_order(ctx.cast(), session) };
        1
    }
    both(|ctx| unsafe {
        let id = [1; 32];
        assert_eq!(SESS_CTX_put(ctx, id.as_ptr(), 32, b"data".as_ptr(), 4, 3_600), 1);
        assert_eq!(SESS_CTX_each(ctx, Some(visit), ctx.cast()), 1);
        // A connection of version 0 finds it.
        assert_eq!(SESS_CTX_put(ctx, id.as_ptr(), 32, b"data".as_ptr(), 4, 3_600), 1);
        let conn = SESS_new(ctx);
        SESS_CONN_begin(conn, 0);
        assert_eq!(SESS_CONN_resume(conn, id.as_ptr(), 32), 1);
        moves_in_the_order(ctx, SESS_get_session(conn));
        SESS_free(conn);
    });
}

#[test]
fn session_that_left_a_cache_takes_new_times_when_it_is_reported() {
    unsafe extern "C" fn removed(_: *mut SESS_CTX, session: *mut SESS_SESSION) {
        unsafe {
            assert_eq!(SESS_SESSION_set_time(session, 1_000), 1_000);
            assert_eq!(SESS_SESSION_set_timeout(session, 100), 1);
        }
    }
    both(|ctx| unsafe {
        SESS_CTX_sess_set_remove_cb(ctx, Some(removed));
        SESS_CTX_put(ctx, b"plain".as_ptr(), 5, b"data".as_ptr(), 4, 3_600);
        let session = session(1);
        SESS_CTX_add_session(ctx, session);
        SESS_CTX_flush_sessions(ctx, 0);
        assert_eq!(
            (SESS_SESSION_get_time(session), SESS_SESSION_get_timeout(session)),
            (1_000, 100)
        );
        SESS_SESSION_free(session);
    });
}

#[test]
fn session_of_a_ticket_or_of_another_connection_takes_new_times_once_it_is_stored() {
    both(|ctx| unsafe {
        let ticket = session_of(0x0304, &[1; 32]);
        let conn = SESS_new(ctx);
        SESS_CONN_begin(conn, 0x0304);
        assert_eq!(SESS_CONN_resume_ticket(conn, ticket), 1);
        SESS_CONN_finish(conn);
        SESS_CONN_established(conn, SESS_TICKETS_STATEFUL);
        assert_eq!(number(ctx), 1);
        moves_in_the_order(ctx, ticket);
        SESS_SESSION_free(ticket);
        SESS_free(conn);

        let other = SESS_CTX_new();
        let (from, to) = (SESS_new(other), SESS_new(ctx));
        let copied = session(2);
        assert_eq!(SESS_set_session(from, copied), 1);
        assert_eq!(SESS_copy_session_id(to, from), 1);
        SESS_CONN_begin(to, 0x0303);
        SESS_CONN_established(to, SESS_TICKETS_NONE);
        assert_eq!((number(ctx), number(other)), (1, 0));
        moves_in_the_order(ctx, copied);
        SESS_SESSION_free(copied);
        SESS_free(to);
        SESS_free(from);
        SESS_CTX_free(other);
    });
}

#[test]
fn session_that_another_context_was_shown_takes_new_times_where_it_is() {
    thread_local! {
        static ANSWER: Cell<*mut SESS_SESSION> = const { Cell::new(null_mut()) };
    }
    unsafe extern "C" fn get(
        _: *mut SESS_CONN,
        _: *const u8,
        _: c_int,
        _: *mut c_int,
    ) -> *mut SESS_SESSION {
        ANSWER.get()
    }
    both(|ctx| unsafe {
        // By the manual's rules a session of another context is no answer.
        let other = SESS_CTX_new_openssl();
        SESS_CTX_sess_set_get_cb(other, Some(get));
        let session = session(1);
        SESS_CTX_add_session(ctx, session);
        ANSWER.set(session);
        let conn = SESS_new(other);
        SESS_CONN_begin(conn, 0x0303);
        assert_eq!(SESS_CONN_resume(conn, [1; 32].as_ptr(), 32), 1);
        SESS_free(conn);
        assert_eq!(SESS_CTX_add_session(other, session), 0);
        moves_in_the_order(ctx, session);
        // And then in the other one.
        SESS_SESSION_set_time(session, now());
        assert_eq!(SESS_CTX_add_session(other, session), 1);
        moves_in_the_order(other, session);
        SESS_SESSION_free(session);
        SESS_CTX_free(other);
    });
}

#[test]
fn r46_session_of_another_context_is_refused() {
    both(|ctx| unsafe {
        let other = SESS_CTX_new();
        let session = session(1);
        SESS_CTX_add_session(other, session);
        assert_eq!(SESS_CTX_add_session(ctx, session), 0);
        assert_eq!(SESS_last_error_code(), SESS_R_OTHER_CONTEXT);
        assert_eq!((number(ctx), number(other), references(session)), (0, 1, 2));
        let conn = SESS_new(ctx);
        assert_eq!(SESS_set_session(conn, session), 0);
        SESS_free(conn);
        SESS_SESSION_free(session);
        SESS_CTX_free(other);
    });
}

#[test]
fn r172_r175_size_is_never_exceeded_and_who_expires_first_leaves() {
    unsafe {
        for (ctx, kept) in [(SESS_CTX_new(), 3), (SESS_CTX_new_openssl(), 2)] {
            SESS_CTX_sess_set_cache_size(ctx, 3);
            let sessions: Vec<_> = (0..6).map(session).collect();
            for (at, session) in sessions.iter().enumerate() {
                SESS_SESSION_set_timeout(*session, 1_000 - at as c_long);
                SESS_CTX_add_session(ctx, *session);
                assert!(number(ctx) <= 3);
            }
            assert_eq!(number(ctx), kept);
            assert_eq!(SESS_CTX_sess_cache_full(ctx), 6 - kept);
            assert_eq!(SESS_SESSION_is_resumable(sessions[0]), 1);
            assert_eq!(SESS_SESSION_is_resumable(sessions[5]), 1);
            assert_eq!(SESS_SESSION_is_resumable(sessions[4]), 0);
            sessions.iter().for_each(|session| SESS_SESSION_free(*session));
            SESS_CTX_free(ctx);
        }
    }
}

#[test]
fn bytes_are_limited_and_counted() {
    unsafe {
        let ctx = SESS_CTX_new();
        let session = session(1);
        SESS_CTX_add_session(ctx, session);
        let each = SESS_CTX_get_bytes(ctx);
        assert!(each > 128 + 32, "{each}");
        assert_eq!(SESS_CTX_set_bytes_max(ctx, 2 * each), 64 << 20);
        for number in 2..10 {
            let more = crate::scene::session(number);
            SESS_SESSION_set_timeout(more, 7_200);
            assert_eq!(SESS_CTX_add_session(ctx, more), 1);
            SESS_SESSION_free(more);
        }
        assert_eq!((number(ctx), SESS_CTX_get_bytes(ctx)), (2, 2 * each));
        assert_eq!(SESS_CTX_set_session_bytes_max(ctx, each - 1), 16 << 10);
        let large = crate::scene::session(99);
        assert_eq!(SESS_CTX_add_session(ctx, large), 0);
        assert_eq!(SESS_last_error_code(), SESS_R_NOT_STORED);
        assert!(last_error().1.contains(&format!("{}", each - 1)), "{}", last_error().1);
        assert_eq!(SESS_CTX_set_bytes_max(ctx, -1), 0);
        SESS_SESSION_free(large);
        SESS_SESSION_free(session);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn caps_on_lifetimes_are_told_and_kept() {
    unsafe {
        let mut tls13 = 0;
        let ctx = SESS_CTX_new();
        assert_eq!(SESS_CTX_get_lifetime_max(ctx, &mut tls13), 86_400);
        assert_eq!(tls13, 604_800);
        SESS_CTX_free(ctx);
        let ctx = SESS_CTX_new_openssl();
        assert_eq!(SESS_CTX_get_lifetime_max(ctx, null_mut()), c_long::MAX);
        SESS_CTX_free(ctx);
        assert!(SESS_CTX_new_with_lifetime_max(0, 1).is_null());
        assert_eq!(last_error().1, "lifetime_max is 0 seconds; 1 is the least");
        assert!(SESS_CTX_new_with_lifetime_max(1, -1).is_null());
        let ctx = SESS_CTX_new_with_lifetime_max(10, 20);
        let session = session(1);
        SESS_SESSION_set_time(session, now() - 11);
        SESS_CTX_add_session(ctx, session);
        let conn = SESS_new(ctx);
        SESS_CONN_begin(conn, 0x0303);
        assert_eq!(SESS_CONN_resume(conn, [1; 32].as_ptr(), 32), 0);
        assert_eq!(SESS_CTX_sess_timeouts(ctx), 1);
        SESS_free(conn);
        SESS_SESSION_free(session);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn status_and_figures_agree_and_a_program_may_know_fewer_or_more() {
    unsafe {
        let ctx = SESS_CTX_new();
        let session = session(1);
        SESS_CTX_add_session(ctx, session);
        SESS_SESSION_free(session);
        let status = SESS_CTX_status(ctx);
        let text = CStr::from_ptr(status).to_str().unwrap();
        assert!(text.contains("number                          1\n"), "{text}");
        SESS_mem_free(status.cast());
        assert_eq!((figures(ctx).number, figures(ctx).stored), (1, 1));
        let mut some = [9_u64; 40];
        let out = some.as_mut_ptr().cast();
        assert_eq!(SESS_CTX_statistics(ctx, out, 8), 1);
        assert_eq!(some[..2], [1, 9]);
        assert_eq!(SESS_CTX_statistics(ctx, out, size_of_val(&some)), 1);
        assert_eq!((some[0], some[39]), (1, 0));
        assert_eq!(SESS_CTX_statistics(ctx, out, 0), 0);
        assert_eq!(SESS_CTX_statistics(ctx, out, 9), 0);
        assert!(SESS_CTX_status(null()).is_null());
        SESS_CTX_free(ctx);
    }
}
