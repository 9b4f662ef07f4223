//! R30 to R42 and the rules of ids, contexts and ends, through the functions that C calls.

use std::cell::Cell;
use std::ffi::{c_int, c_uchar, c_uint};
use std::ptr::{null, null_mut};

use session::*;

use crate::scene::{close, figures, handshake, id, last_error, number, references, session};

const ID: [u8; 32] = [1; 32];

#[test]
fn r30_r31_r032_set_session_takes_a_reference_and_releases_the_one_before() {
    unsafe {
        let ctx = SESS_CTX_new();
        let conn = SESS_new(ctx);
        let (first, second) = (session(1), session(2));
        assert_eq!(SESS_set_session(conn, first), 1);
        assert_eq!(references(first), 2);
        assert_eq!(SESS_set_session(conn, first), 1);
        assert_eq!(references(first), 2);
        assert_eq!(SESS_set_session(conn, second), 1);
        assert_eq!((references(first), references(second)), (1, 2));
        assert_eq!(SESS_set_session(null_mut(), first), 0);
        SESS_free(conn);
        assert_eq!(references(second), 1);
        SESS_SESSION_free(first);
        SESS_SESSION_free(second);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r34_r36_null_detaches_and_an_idle_connection_marks_nothing() {
    unsafe {
        let ctx = SESS_CTX_new();
        let conn = SESS_new(ctx);
        let session = session(1);
        SESS_CTX_add_session(ctx, session);
        SESS_set_session(conn, session);
        assert_eq!(references(session), 3);
        assert_eq!(SESS_set_session(conn, null_mut()), 1);
        assert!(SESS_get_session(conn).is_null());
        assert_eq!((references(session), number(ctx)), (2, 1));
        assert_eq!(SESS_SESSION_is_resumable(session), 1);
        SESS_free(conn);
        SESS_SESSION_free(session);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r35_set_session_on_an_open_connection_drops_the_old_one_as_bad() {
    unsafe {
        let ctx = SESS_CTX_new();
        let conn = handshake(ctx, &ID);
        let old = SESS_get1_session(conn);
        let new = session(2);
        assert_eq!(SESS_set_session(conn, new), 1);
        assert_eq!((number(ctx), references(old)), (0, 1));
        assert_eq!(SESS_SESSION_is_resumable(old), 0);
        SESS_SESSION_free(old);
        SESS_SESSION_free(new);
        close(conn);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r37_set_session_copies_the_verify_result() {
    unsafe {
        let ctx = SESS_CTX_new();
        let conn = SESS_new(ctx);
        assert_eq!(SESS_get_verify_result(conn), 0);
        let session = session(1);
        SESS_SESSION_set_verify_result(session, 10);
        SESS_set_session(conn, session);
        assert_eq!(SESS_get_verify_result(conn), 10);
        assert_eq!(SESS_SESSION_set_verify_result(session, 0), 0);
        SESS_free(conn);
        SESS_SESSION_free(session);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r38_r120_resumption_is_told_with_what_verifying_came_to() {
    unsafe {
        let ctx = SESS_CTX_new();
        let conn = SESS_new(ctx);
        SESS_CONN_begin(conn, 0x0303);
        let new = session(1);
        SESS_SESSION_set_verify_result(new, 18);
        assert_eq!(SESS_CONN_new_session(conn, new), 1);
        SESS_CONN_established(conn, SESS_TICKETS_NONE);
        SESS_CONN_finish(conn);
        assert_eq!(SESS_session_reused(conn), 0);
        close(conn);
        let conn = SESS_new(ctx);
        SESS_CONN_begin(conn, 0x0303);
        assert_eq!(SESS_CONN_resume(conn, ID.as_ptr(), 32), 1);
        assert_eq!(SESS_session_reused(conn), 1);
        assert_eq!(SESS_get_verify_result(conn), 18);
        assert_eq!(SESS_get_session(conn), new);
        SESS_CONN_finish(conn);
        close(conn);
        SESS_SESSION_free(new);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r39_r40_get0_borrows_and_get1_takes_a_reference() {
    unsafe {
        let ctx = SESS_CTX_new();
        let conn = SESS_new(ctx);
        assert!(SESS_get_session(conn).is_null());
        assert!(SESS_get1_session(conn).is_null());
        let session = session(1);
        SESS_set_session(conn, session);
        assert_eq!(SESS_get_session(conn), session);
        assert_eq!(SESS_get0_session(conn), session);
        assert_eq!(references(session), 2);
        assert_eq!(SESS_get1_session(conn), session);
        assert_eq!(references(session), 3);
        SESS_SESSION_free(session);
        SESS_free(conn);
        SESS_SESSION_free(session);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r41_get1_outlives_clear_flush_and_all() {
    unsafe {
        let ctx = SESS_CTX_new();
        let conn = handshake(ctx, &ID);
        let mine = SESS_get1_session(conn);
        assert_eq!(references(mine), 3);
        assert_eq!(SESS_clear(conn), 1);
        assert_eq!(references(mine), 1);
        SESS_free(conn);
        SESS_CTX_flush_sessions(ctx, 0);
        SESS_CTX_free(ctx);
        assert_eq!((id(mine), references(mine)), (ID.to_vec(), 1));
        SESS_SESSION_free(mine);
    }
}

#[test]
fn r84_r85_connections_begin_in_the_context_of_their_creation() {
    unsafe {
        let ctx = SESS_CTX_new();
        assert_eq!(SESS_CTX_set_session_id_context(ctx, b"one".as_ptr(), 3), 1);
        let before = SESS_new(ctx);
        assert_eq!(SESS_CTX_set_session_id_context(ctx, [0; 33].as_ptr(), 33), 0);
        assert_eq!(SESS_last_error_code(), 273);
        assert_eq!(SESS_CTX_set_session_id_context(ctx, b"two".as_ptr(), 3), 1);
        let after = SESS_new(ctx);
        for (conn, context) in [(before, b"one"), (after, b"two")] {
            SESS_CONN_begin(conn, 0x0303);
            let new = session(1);
            SESS_CONN_new_session(conn, new);
            let mut len = 0;
            let made = SESS_SESSION_get0_id_context(new, &mut len);
            assert_eq!(std::slice::from_raw_parts(made, len as usize), context);
            SESS_SESSION_free(new);
        }
        assert_eq!(SESS_set_session_id_context(after, [0; 33].as_ptr(), 33), 0);
        assert_eq!(SESS_set_session_id_context(after, null(), 0), 1);
        SESS_free(before);
        SESS_free(after);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r87_r89_other_context_is_not_resumed_and_none_with_a_verified_peer_is_fatal() {
    unsafe {
        let ctx = SESS_CTX_new();
        close(handshake(ctx, &ID));
        let conn = SESS_new(ctx);
        SESS_CONN_begin(conn, 0x0303);
        SESS_set_session_id_context(conn, b"other".as_ptr(), 5);
        assert_eq!(SESS_CONN_resume(conn, ID.as_ptr(), 32), 0);
        assert_eq!((number(ctx), figures(ctx).wrong_context), (1, 1));
        SESS_set_session_id_context(conn, null(), 0);
        SESS_set_verify(conn, SESS_VERIFY_PEER);
        assert_eq!(SESS_CONN_resume(conn, ID.as_ptr(), 32), -1);
        assert_eq!(SESS_last_error_code(), 277);
        SESS_free(conn);
        SESS_CTX_free(ctx);
    }
}

unsafe extern "C" fn fixed(_: *mut SESS_CONN, id: *mut c_uchar, len: *mut c_uint) -> c_int {
    unsafe {
        assert_eq!((std::slice::from_raw_parts(id, 32), *len), (&[0; 32][..], 32));
        id.write_bytes(7, 4);
        *len = 4;
    }
    1
}

unsafe extern "C" fn asking(conn: *mut SESS_CONN, id: *mut c_uchar, len: *mut c_uint) -> c_int {
    unsafe {
        *len = 4;
        id.write_bytes(7, 4);
        while SESS_has_matching_session_id(conn, id, *len) == 1 {
            *id += 1;
        }
        // It may ask the connection and not drive it.
        assert!(SESS_get_session(conn).is_null());
        assert_eq!(SESS_set_session(conn, null_mut()), 0);
        assert_eq!(SESS_last_error_code(), SESS_R_CONNECTION_IN_USE);
    }
    1
}

unsafe extern "C" fn failing(_: *mut SESS_CONN, _: *mut c_uchar, _: *mut c_uint) -> c_int {
    0
}

unsafe extern "C" fn too_long(_: *mut SESS_CONN, _: *mut c_uchar, len: *mut c_uint) -> c_int {
    unsafe { *len = 33 };
    1
}

unsafe extern "C" fn too_short(_: *mut SESS_CONN, _: *mut c_uchar, len: *mut c_uint) -> c_int {
    unsafe { *len = 0 };
    1
}

fn generated(conn: *mut SESS_CONN) -> Option<Vec<u8>> {
    let (mut id, mut len) = ([0; 32], 99);
    let done = unsafe { SESS_CONN_generate_session_id(conn, id.as_mut_ptr(), &mut len) };
    assert!(done == 1 || len == 0);
    (done == 1).then(|| id[..len as usize].to_vec())
}

#[test]
fn r92_r93_r094_generators_make_ids_and_null_restores_random_ones() {
    unsafe {
        let ctx = SESS_CTX_new();
        assert_eq!(SESS_CTX_set_generate_session_id(ctx, Some(failing)), 1);
        let conn = SESS_new(ctx);
        assert_eq!(SESS_set_generate_session_id(conn, Some(fixed)), 1);
        assert_eq!(generated(conn).unwrap(), [7; 4]);
        SESS_set_generate_session_id(conn, None);
        assert!(generated(conn).is_none());
        SESS_CTX_set_generate_session_id(ctx, None);
        let (one, other) = (generated(conn).unwrap(), generated(conn).unwrap());
        assert_eq!((one.len(), other.len()), (32, 32));
        assert_ne!(one, other);
        SESS_free(conn);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r95_r96_bad_ids_end_the_handshake_with_openssls_reasons() {
    unsafe {
        let ctx = SESS_CTX_new();
        let conn = SESS_new(ctx);
        let callbacks: [(SESS_generate_session_id_cb, _); 3] =
            [(Some(failing), 301), (Some(too_short), 303), (Some(too_long), 303)];
        for (callback, reason) in callbacks {
            SESS_set_generate_session_id(conn, callback);
            assert!(generated(conn).is_none());
            assert_eq!(SESS_last_error_code(), reason);
        }
        close(handshake(ctx, &[7; 4]));
        SESS_CONN_begin(conn, 0x0303);
        SESS_set_generate_session_id(conn, Some(fixed));
        assert!(generated(conn).is_none());
        assert_eq!(SESS_last_error_code(), 302);
        SESS_set_generate_session_id(conn, Some(asking));
        assert_eq!(generated(conn).unwrap(), [8, 7, 7, 7]);
        SESS_free(conn);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r97_matching_ids_are_of_this_version_and_at_most_32_bytes() {
    unsafe {
        let ctx = SESS_CTX_new();
        close(handshake(ctx, &ID));
        let conn = SESS_new(ctx);
        assert_eq!(SESS_has_matching_session_id(conn, ID.as_ptr(), 32), 0);
        SESS_CONN_begin(conn, 0x0304);
        assert_eq!(SESS_has_matching_session_id(conn, ID.as_ptr(), 32), 0);
        SESS_CONN_set_version(conn, 0x0303);
        assert_eq!(SESS_has_matching_session_id(conn, ID.as_ptr(), 32), 1);
        assert_eq!(SESS_has_matching_session_id(conn, [1; 33].as_ptr(), 33), 0);
        assert_eq!(SESS_has_matching_session_id(conn, null(), 32), 0);
        SESS_free(conn);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r179_r180_r181_r182_a_session_survives_only_a_close_notify_that_was_sent() {
    unsafe {
        let ctx = SESS_CTX_new();
        for (shutdown, stays) in [(0, 0), (2, 0), (1, 1), (3, 1)] {
            let conn = handshake(ctx, &[shutdown as u8 + 1; 32]);
            let session = SESS_get1_session(conn);
            SESS_set_shutdown(conn, shutdown);
            assert_eq!(SESS_get_shutdown(conn), shutdown);
            SESS_free(conn);
            assert_eq!(SESS_SESSION_is_resumable(session), stays, "{shutdown}");
            SESS_SESSION_free(session);
        }
        assert_eq!(number(ctx), 2);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r184_clear_keeps_the_session_after_a_clean_close() {
    unsafe {
        let ctx = SESS_CTX_new();
        let conn = handshake(ctx, &ID);
        SESS_set_shutdown(conn, SESS_SENT_SHUTDOWN);
        SESS_clear(conn);
        assert!(!SESS_get_session(conn).is_null());
        assert_eq!((SESS_get_shutdown(conn), number(ctx)), (0, 1));
        SESS_free(conn);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r185_fatal_alerts_drop_the_session() {
    unsafe {
        let ctx = SESS_CTX_new();
        let alerts: [(unsafe extern "C" fn(*mut SESS_CONN), c_int, i64); 4] = [
            (SESS_CONN_fatal_alert_sent, 0, 0),
            // Nothing is sent after a close_notify.
            (SESS_CONN_fatal_alert_sent, SESS_SENT_SHUTDOWN, 1),
            (SESS_CONN_fatal_alert_received, 0, 0),
            (SESS_CONN_fatal_alert_received, SESS_SENT_SHUTDOWN, 0),
        ];
        for (alert, shutdown, left) in alerts {
            let conn = handshake(ctx, &ID);
            SESS_set_shutdown(conn, shutdown);
            alert(conn);
            assert_eq!(number(ctx), left);
            SESS_free(conn);
            assert_eq!(number(ctx), left);
            SESS_CTX_flush_sessions(ctx, 0);
        }
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r195_r235_session_for_one_use_is_resumed_once() {
    unsafe {
        let ctx = SESS_CTX_new();
        close(handshake(ctx, &ID));
        let mut won = 0;
        for _ in 0..3 {
            let conn = SESS_new(ctx);
            SESS_CONN_begin(conn, 0x0303);
            won += SESS_CONN_resume_once(conn, ID.as_ptr(), 32);
            SESS_CONN_finish(conn);
            close(conn);
        }
        assert_eq!((won, number(ctx), SESS_CTX_sess_hits(ctx)), (1, 0, 1));
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r45_each_further_ticket_has_a_session_of_its_own() {
    unsafe {
        let ctx = SESS_CTX_new();
        let conn = SESS_new(ctx);
        assert_eq!(SESS_get_num_tickets(conn), 2);
        SESS_CONN_begin(conn, 0x0304);
        let first = crate::scene::session_of(0x0304, &[1; 32]);
        SESS_CONN_new_session(conn, first);
        SESS_CONN_finish(conn);
        SESS_CONN_established(conn, SESS_TICKETS_STATEFUL);
        let second = SESS_SESSION_dup(first);
        assert_eq!(SESS_CONN_attach_session(conn, first), 0);
        SESS_SESSION_set1_id(second, [2; 32].as_ptr(), 32);
        assert_eq!(SESS_CONN_attach_session(conn, second), 1);
        SESS_CONN_established(conn, SESS_TICKETS_STATEFUL);
        assert_eq!(SESS_get_session(conn), second);
        assert_eq!((number(ctx), id(first), id(second)), (2, vec![1; 32], vec![2; 32]));
        assert_eq!(SESS_SESSION_get_timeout(first), SESS_SESSION_get_timeout(second));
        SESS_SESSION_free(first);
        SESS_SESSION_free(second);
        close(conn);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn client_offers_its_session_and_is_told_what_became_of_it() {
    unsafe {
        let ctx = SESS_CTX_new();
        let conn = SESS_new(ctx);
        SESS_set_connect_state(conn);
        let session = session(1);
        SESS_set_session(conn, session);
        SESS_CONN_begin(conn, 0x0304);
        assert_eq!(SESS_CONN_offer(conn, 0x0301, 0x0304), session);
        assert_eq!(SESS_CONN_accepted(conn), 1);
        assert_eq!(SESS_session_reused(conn), 1);
        SESS_CONN_finish(conn);
        assert_eq!((SESS_CTX_sess_connect(ctx), SESS_CTX_sess_connect_good(ctx)), (1, 1));
        assert_eq!(SESS_CTX_sess_hits(ctx), 1);
        SESS_CONN_declined(conn);
        assert_eq!((SESS_session_reused(conn), references(session)), (0, 1));
        SESS_set_shutdown(conn, 1);
        SESS_clear(conn);
        SESS_set_session(conn, session);
        assert!(SESS_CONN_offer(conn, 0x0304, 0x0304).is_null());
        assert_eq!(references(session), 1);
        SESS_SESSION_free(session);
        SESS_free(conn);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn copy_of_a_session_id_takes_session_and_context() {
    unsafe {
        let ctx = SESS_CTX_new();
        let (from, to) = (SESS_new(ctx), SESS_new(ctx));
        let session = session(1);
        SESS_set_session(from, session);
        assert_eq!(SESS_copy_session_id(to, from), 1);
        assert_eq!((SESS_get_session(to), references(session)), (session, 3));
        assert_eq!(SESS_copy_session_id(to, null()), 0);
        SESS_free(from);
        SESS_free(to);
        SESS_SESSION_free(session);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r86_r121_server_name_switches_what_counts_and_not_whose_sessions_they_are() {
    unsafe {
        let (ctx, other) = (SESS_CTX_new(), SESS_CTX_new());
        SESS_CTX_set_session_id_context(other, b"other".as_ptr(), 5);
        let conn = SESS_new(ctx);
        SESS_CONN_begin(conn, 0x0303);
        assert_eq!(SESS_set_SESS_CTX(conn, other), other);
        assert_eq!(SESS_get_SESS_CTX(conn), other);
        // The connection keeps both alive.
        SESS_CTX_free(other);
        let new = session(1);
        SESS_CONN_new_session(conn, new);
        SESS_CONN_established(conn, SESS_TICKETS_NONE);
        SESS_CONN_finish(conn);
        assert_eq!((number(ctx), number(other)), (1, 0));
        assert_eq!((SESS_CTX_sess_accept_good(ctx), SESS_CTX_sess_accept_good(other)), (0, 1));
        SESS_SESSION_free(new);
        assert_eq!(SESS_set_SESS_CTX(conn, null_mut()), ctx);
        close(conn);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r204_callback_can_say_that_a_session_is_not_to_be_resumed() {
    unsafe extern "C" fn refuses(conn: *mut SESS_CONN, is_forward_secure: c_int) -> c_int {
        assert!(!unsafe { SESS_get_session(conn) }.is_null());
        c_int::from(is_forward_secure == 0)
    }
    unsafe {
        let ctx = SESS_CTX_new();
        SESS_CTX_set_not_resumable_session_callback(ctx, Some(refuses));
        for (secure, stored) in [(1, 1), (0, 1)] {
            let conn = SESS_new(ctx);
            SESS_CONN_begin(conn, 0x0303);
            let new = session(secure as u8);
            SESS_CONN_new_session(conn, new);
            assert_eq!(SESS_CONN_is_not_resumable(conn, secure), 1 - secure);
            SESS_CONN_established(conn, SESS_TICKETS_NONE);
            SESS_CONN_finish(conn);
            assert_eq!((number(ctx), SESS_SESSION_is_resumable(new)), (stored, secure));
            SESS_SESSION_free(new);
            close(conn);
        }
        SESS_CTX_free(ctx);
    }
}

/// Says of each session that it is not to be resumed.
unsafe extern "C" fn refuses_all(_: *mut SESS_CONN, _: c_int) -> c_int {
    1
}

#[test]
fn word_that_a_session_is_not_to_be_resumed_may_come_before_the_session() {
    unsafe {
        let ctx = SESS_CTX_new();
        SESS_CTX_set_not_resumable_session_callback(ctx, Some(refuses_all));
        type Attach = unsafe extern "C" fn(*mut SESS_CONN, *mut SESS_SESSION) -> c_int;
        for attach in [SESS_CONN_new_session as Attach, SESS_CONN_attach_session] {
            let conn = SESS_new(ctx);
            SESS_CONN_begin(conn, 0x0303);
            assert_eq!(SESS_CONN_resume(conn, ID.as_ptr(), 32), 0);
            assert_eq!(SESS_CONN_is_not_resumable(conn, 1), 1);
            let new = session(1);
            assert_eq!(attach(conn, new), 1);
            assert_eq!(SESS_SESSION_is_resumable(new), 0);
            SESS_CONN_established(conn, SESS_TICKETS_NONE);
            SESS_CONN_finish(conn);
            assert_eq!(number(ctx), 0);
            SESS_SESSION_free(new);
            close(conn);
        }
        SESS_CTX_free(ctx);
    }
}

#[test]
fn word_that_the_new_session_is_not_to_be_resumed_marks_none_from_before() {
    unsafe {
        let ctx = SESS_CTX_new();
        let before: [&dyn Fn(*mut SESS_CONN, *mut SESS_SESSION); 3] = [
            // The session of a connection that is used again.
            &|conn, old| {
                SESS_set_session(conn, old);
                SESS_CONN_begin(conn, 0x0303);
                assert_eq!(SESS_CONN_resume(conn, b"other".as_ptr(), 5), 0);
            },
            // One that has come back.
            &|conn, old| {
                SESS_CONN_begin(conn, 0x0303);
                assert_eq!(SESS_CONN_resume(conn, id(old).as_ptr(), 32), 1);
            },
            // Another connection's, in the place of one that this handshake has made.
            &|conn, old| {
                let from = SESS_new(ctx);
                SESS_set_session(from, old);
                SESS_CONN_begin(conn, 0x0303);
                let new = session(9);
                SESS_CONN_new_session(conn, new);
                SESS_SESSION_free(new);
                assert_eq!(SESS_copy_session_id(conn, from), 1);
                SESS_free(from);
            },
        ];
        for (at, before) in before.into_iter().enumerate() {
            let old = session(at as u8 + 1);
            assert_eq!(SESS_CTX_add_session(ctx, old), 1);
            let conn = SESS_new(ctx);
            SESS_set_not_resumable_session_callback(conn, Some(refuses_all));
            before(conn, old);
            assert_eq!(SESS_get_session(conn), old);
            assert_eq!(SESS_CONN_is_not_resumable(conn, 1), 1);
            assert_eq!(SESS_SESSION_is_resumable(old), 1, "{at}");
            let new = session(at as u8 + 11);
            assert_eq!(SESS_CONN_new_session(conn, new), 1);
            assert_eq!(SESS_SESSION_is_resumable(new), 0, "{at}");
            SESS_SESSION_free(old);
            SESS_SESSION_free(new);
            SESS_free(conn);
        }
        assert_eq!(number(ctx), 3);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn word_that_a_session_is_not_to_be_resumed_is_for_one_session_of_one_handshake() {
    unsafe {
        let ctx = SESS_CTX_new();
        let begins_again: [&dyn Fn(*mut SESS_CONN); 3] = [
            &|conn| assert_eq!(SESS_CONN_begin(conn, 0x0303), 1),
            &|conn| assert_eq!(SESS_clear(conn), 1),
            &|conn| {
                let refused = session(1);
                assert_eq!(SESS_CONN_new_session(conn, refused), 1);
                assert_eq!(SESS_SESSION_is_resumable(refused), 0);
                SESS_SESSION_free(refused);
            },
        ];
        for begins_again in begins_again {
            let conn = SESS_new(ctx);
            SESS_set_not_resumable_session_callback(conn, Some(refuses_all));
            SESS_CONN_begin(conn, 0x0303);
            assert_eq!(SESS_CONN_is_not_resumable(conn, 1), 1);
            begins_again(conn);
            let new = session(2);
            assert_eq!(SESS_CONN_new_session(conn, new), 1);
            assert_eq!(SESS_SESSION_is_resumable(new), 1);
            SESS_SESSION_free(new);
            SESS_free(conn);
        }
        SESS_CTX_free(ctx);
    }
}

#[test]
fn remove_callback_cannot_ask_the_connection_that_drops_the_session() {
    thread_local! {
        static DROPS: Cell<*mut SESS_CONN> = const { Cell::new(null_mut()) };
    }
    unsafe extern "C" fn asks(_: *mut SESS_CTX, _: *mut SESS_SESSION) {
        unsafe {
            SESS_clear_error();
            assert!(SESS_get_session(DROPS.take()).is_null());
            assert_eq!(SESS_last_error_code(), SESS_R_CONNECTION_IN_USE);
        }
    }
    unsafe {
        let ctx = SESS_CTX_new();
        SESS_CTX_sess_set_remove_cb(ctx, Some(asks));
        let conn = handshake(ctx, &ID);
        DROPS.set(conn);
        SESS_CONN_fatal_alert_received(conn);
        assert!(DROPS.get().is_null());
        SESS_free(conn);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn second_thread_is_refused_while_a_connection_is_in_use() {
    unsafe extern "C" fn waits(conn: *mut SESS_CONN, id: *mut c_uchar, _: *mut c_uint) -> c_int {
        let conn = conn as usize;
        let other = std::thread::spawn(move || unsafe {
            let conn = conn as *mut SESS_CONN;
            assert_eq!(SESS_session_reused(conn), 0);
            assert_eq!(SESS_last_error_code(), SESS_R_CONNECTION_IN_USE);
            SESS_clear(conn)
        });
        assert_eq!(other.join().unwrap(), 0);
        unsafe { *id = 1 };
        1
    }
    unsafe {
        let ctx = SESS_CTX_new();
        let conn = SESS_new(ctx);
        SESS_set_generate_session_id(conn, Some(waits));
        assert!(generated(conn).is_some(), "{}", last_error().1);
        SESS_free(conn);
        SESS_CTX_free(ctx);
    }
}
