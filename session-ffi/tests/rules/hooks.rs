//! The three callbacks, by counts of references.

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_uchar};
use std::ptr::null_mut;

use session::*;

use crate::scene::{close, figures, handshake, id, number, references, session};

const ID: [u8; 32] = [1; 32];

thread_local! {
    /// What the new callback answers.
    static KEEPS: Cell<c_int> = const { Cell::new(0) };
    /// What the get callback answers with, and what it writes to `copy`.
    static ANSWER: Cell<(*mut SESS_SESSION, Option<c_int>)> = const { Cell::new((null_mut(), None)) };
    static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn see(what: impl Into<String>) {
    SEEN.with_borrow_mut(|seen| seen.push(what.into()));
}

fn seen() -> Vec<String> {
    SEEN.take()
}

unsafe extern "C" fn new_session(conn: *mut SESS_CONN, session: *mut SESS_SESSION) -> c_int {
    unsafe {
        if !conn.is_null() {
            assert_eq!(SESS_get_session(conn), session);
        }
        see(format!("new of {} references", references(session)));
    }
    KEEPS.get()
}

unsafe extern "C" fn remove_session(ctx: *mut SESS_CTX, session: *mut SESS_SESSION) {
    unsafe {
        let resumable = SESS_SESSION_is_resumable(session);
        // It may come back in: the session is out already.
        see(format!("removed {}, resumable {resumable}, {} left", id(session)[0], number(ctx)));
    }
}

unsafe extern "C" fn get_session(
    conn: *mut SESS_CONN,
    id: *const c_uchar,
    len: c_int,
    copy: *mut c_int,
) -> *mut SESS_SESSION {
    unsafe {
        assert_eq!(*copy, 1);
        let id = std::slice::from_raw_parts(id, len as usize);
        see(format!("asked for {} of {len}, once {}", id[0], SESS_wants_single_use(conn)));
        let (answer, written) = ANSWER.get();
        if let Some(written) = written {
            *copy = written;
        }
        answer
    }
}

fn context(openssl: bool) -> *mut SESS_CTX {
    let ctx = if openssl { SESS_CTX_new_openssl() } else { SESS_CTX_new() };
    unsafe {
        SESS_CTX_sess_set_new_cb(ctx, Some(new_session));
        SESS_CTX_sess_set_remove_cb(ctx, Some(remove_session));
        SESS_CTX_sess_set_get_cb(ctx, Some(get_session));
    }
    ctx
}

#[test]
fn r148_r149_getters_return_what_was_set() {
    unsafe {
        let ctx = SESS_CTX_new();
        assert!(SESS_CTX_sess_get_new_cb(ctx).is_none());
        assert!(SESS_CTX_sess_get_remove_cb(ctx).is_none());
        assert!(SESS_CTX_sess_get_get_cb(ctx).is_none());
        SESS_CTX_free(ctx);
        let ctx = context(false);
        assert_eq!(
            SESS_CTX_sess_get_new_cb(ctx).unwrap() as usize,
            new_session as *const () as usize
        );
        assert_eq!(
            SESS_CTX_sess_get_remove_cb(ctx).unwrap() as usize,
            remove_session as *const () as usize
        );
        assert_eq!(
            SESS_CTX_sess_get_get_cb(ctx).unwrap() as usize,
            get_session as *const () as usize
        );
        SESS_CTX_sess_set_remove_cb(ctx, None);
        assert!(SESS_CTX_sess_get_remove_cb(ctx).is_none());
        let session = session(1);
        SESS_CTX_add_session(ctx, session);
        SESS_SESSION_free(session);
        // R149: an outside cache survives this.
        SESS_CTX_free(ctx);
        assert!(seen().is_empty());
    }
}

#[test]
fn r123_r124_new_callback_that_says_1_keeps_a_reference() {
    for openssl in [false, true] {
        unsafe {
            let ctx = context(openssl);
            KEEPS.set(1);
            let conn = handshake(ctx, &ID);
            // The cache's, the connection's, the callback's.
            assert_eq!(seen(), ["new of 3 references"]);
            let session = SESS_get_session(conn);
            assert_eq!(references(session), 3);
            close(conn);
            SESS_CTX_free(ctx);
            assert_eq!(references(session), 1);
            SESS_SESSION_free(session);
            seen();
        }
    }
}

#[test]
fn r125_new_callback_that_says_0_gives_its_reference_back() {
    for openssl in [false, true] {
        unsafe {
            let ctx = context(openssl);
            KEEPS.set(0);
            let conn = handshake(ctx, &ID);
            assert_eq!(seen(), ["new of 3 references"]);
            // R126: the manual's word; R127: the library's deed.
            assert_eq!(number(ctx), i64::from(openssl));
            assert_eq!(references(SESS_get_session(conn)), 1 + u32::from(openssl));
            assert_eq!(SESS_SESSION_is_resumable(SESS_get_session(conn)), 1);
            close(conn);
            SESS_CTX_free(ctx);
            seen();
        }
    }
}

#[test]
fn r138_r146_free_reports_every_session_out_and_marked() {
    unsafe {
        let ctx = context(false);
        for number in [1, 2] {
            let session = session(number);
            SESS_SESSION_set_timeout(session, 1_000 + i64::from(number));
            SESS_CTX_add_session(ctx, session);
            SESS_SESSION_free(session);
        }
        SESS_CTX_up_ref(ctx);
        SESS_CTX_free(ctx);
        assert!(seen().is_empty());
        SESS_CTX_free(ctx);
        let expected = ["removed 1, resumable 0, 0 left", "removed 2, resumable 0, 0 left"];
        assert_eq!(seen(), expected);
    }
}

#[test]
fn remove_callback_may_take_references_to_the_context_that_is_being_freed() {
    unsafe extern "C" fn uses(ctx: *mut SESS_CTX, session: *mut SESS_SESSION) {
        unsafe {
            assert_eq!(SESS_CTX_up_ref(ctx), 1);
            let conn = SESS_new(ctx);
            assert!(!conn.is_null());
            SESS_free(conn);
            see(format!("removed {}, {} left", id(session)[0], number(ctx)));
            SESS_CTX_free(ctx);
        }
    }
    unsafe {
        let ctx = SESS_CTX_new();
        SESS_CTX_sess_set_remove_cb(ctx, Some(uses));
        for number in [1, 2] {
            let session = session(number);
            SESS_CTX_add_session(ctx, session);
            SESS_SESSION_free(session);
        }
        SESS_CTX_free(ctx);
        let mut seen = seen();
        seen.sort();
        assert_eq!(seen, ["removed 1, 0 left", "removed 2, 0 left"]);
    }
}

#[test]
fn r140_explicit_removal_reports_the_argument() {
    for openssl in [false, true] {
        unsafe {
            let ctx = context(openssl);
            let session = session(1);
            SESS_CTX_remove_session(ctx, session);
            assert_eq!(seen(), ["removed 1, resumable 0, 0 left"]);
            SESS_SESSION_free(session);
            SESS_CTX_free(ctx);
        }
    }
}

#[test]
fn draft_that_removes_a_session_is_reported_where_the_argument_is() {
    thread_local! {
        static REPORTED: Cell<*mut SESS_SESSION> = const { Cell::new(null_mut()) };
    }
    unsafe extern "C" fn keeps(_: *mut SESS_CTX, session: *mut SESS_SESSION) {
        unsafe { SESS_SESSION_up_ref(session) };
        REPORTED.set(session);
    }
    for openssl in [false, true] {
        unsafe {
            let ctx = context(openssl);
            SESS_CTX_sess_set_remove_cb(ctx, Some(keeps));
            let (cached, draft) = (session(1), session(1));
            SESS_CTX_add_session(ctx, cached);
            assert_eq!(SESS_CTX_remove_session(ctx, draft), 1);
            assert_eq!(REPORTED.get(), if openssl { draft } else { cached });
            SESS_SESSION_free(REPORTED.get());
            assert_eq!(SESS_CTX_remove_session(ctx, draft), 0);
            assert_eq!(REPORTED.get(), draft);
            SESS_SESSION_free(REPORTED.get());
            assert_eq!((references(cached), references(draft)), (1, 1));
            SESS_SESSION_free(cached);
            SESS_SESSION_free(draft);
            SESS_CTX_free(ctx);
        }
    }
}

#[test]
fn remove_callback_may_remove_the_draft_that_it_is_told_of() {
    thread_local! {
        static CALLS: Cell<u32> = const { Cell::new(0) };
    }
    unsafe extern "C" fn removes(ctx: *mut SESS_CTX, session: *mut SESS_SESSION) {
        CALLS.set(CALLS.get() + 1);
        assert_eq!(unsafe { SESS_CTX_remove_session(ctx, session) }, 0);
    }
    for openssl in [false, true] {
        for is_inside in [false, true] {
            unsafe {
                let ctx = context(openssl);
                SESS_CTX_sess_set_remove_cb(ctx, Some(removes));
                let (cached, draft) = (session(1), session(1));
                if is_inside {
                    SESS_CTX_add_session(ctx, cached);
                }
                assert_eq!(SESS_CTX_remove_session(ctx, draft), c_int::from(is_inside));
                assert_eq!(CALLS.replace(0), 1);
                SESS_SESSION_free(cached);
                SESS_SESSION_free(draft);
                SESS_CTX_free(ctx);
            }
        }
    }
}

/// Comes back with the id that the get callback has an answer for.
fn resume(ctx: *mut SESS_CTX, once: bool) -> c_int {
    unsafe {
        let conn = SESS_new(ctx);
        SESS_CONN_begin(conn, 0x0303);
        let resume = if once { SESS_CONN_resume_once } else { SESS_CONN_resume };
        let resumed = resume(conn, ID.as_ptr(), 32);
        if resumed == 1 {
            assert_eq!(SESS_get_session(conn), ANSWER.get().0);
        }
        SESS_CONN_finish(conn);
        close(conn);
        resumed
    }
}

/// The four rows: what the callback writes to `copy`, and what the application has left of its two references
/// when connection and context are gone.
const TRUTH_TABLE: [(Option<c_int>, u32); 4] =
    [(None, 2), (Some(1), 2), (Some(0), 1), (Some(-7), 2)];

#[test]
fn r104_r105_r106_r107_copy_begins_as_1_and_0_hands_the_reference_over() {
    for openssl in [false, true] {
        for mode in [SESS_SESS_CACHE_SERVER, SESS_SESS_CACHE_SERVER | SESS_SESS_CACHE_NO_INTERNAL] {
            for (written, left) in TRUTH_TABLE {
                unsafe {
                    let ctx = context(openssl);
                    SESS_CTX_set_session_cache_mode(ctx, mode);
                    let session = session(1);
                    SESS_SESSION_up_ref(session);
                    ANSWER.set((session, written));
                    assert_eq!(resume(ctx, false), 1);
                    SESS_CTX_free(ctx);
                    assert_eq!(references(session), left, "copy {written:?}, mode {mode:#x}");
                    (0..left).for_each(|_| SESS_SESSION_free(session));
                    assert_eq!(seen()[0], "asked for 1 of 32, once 0");
                }
            }
        }
    }
}

#[test]
fn r108_answer_that_is_not_resumable_is_ignored_and_released_if_handed_over() {
    for openssl in [false, true] {
        for (written, left) in [(None, 2), (Some(0), 1)] {
            unsafe {
                let ctx = context(openssl);
                let session = session(1);
                SESS_SESSION_up_ref(session);
                SESS_CTX_remove_session(ctx, session);
                ANSWER.set((session, written));
                assert_eq!(resume(ctx, false), 0);
                assert_eq!(SESS_CTX_sess_cb_hits(ctx), 0);
                SESS_CTX_free(ctx);
                assert_eq!(references(session), left);
                (0..left).for_each(|_| SESS_SESSION_free(session));
                seen();
            }
        }
    }
}

#[test]
fn r99_r111_r237_get_callback_is_asked_for_what_is_not_inside() {
    unsafe {
        let ctx = context(false);
        KEEPS.set(1);
        let conn = handshake(ctx, &ID);
        let session = SESS_get_session(conn);
        close(conn);
        seen();
        ANSWER.set((session, None));
        assert_eq!(resume(ctx, false), 1);
        assert!(seen().is_empty());
        SESS_CTX_set_session_cache_mode(
            ctx,
            SESS_SESS_CACHE_SERVER | SESS_SESS_CACHE_NO_INTERNAL_LOOKUP,
        );
        assert_eq!(resume(ctx, false), 1);
        assert_eq!(seen(), ["asked for 1 of 32, once 0"]);
        SESS_SESSION_free(session);
        SESS_CTX_free(ctx);
        seen();
    }
}

#[test]
fn get_callback_hears_that_a_session_is_for_one_use() {
    unsafe {
        let ctx = context(false);
        let session = session(1);
        ANSWER.set((session, None));
        assert_eq!(resume(ctx, true), 1);
        assert_eq!(seen(), ["asked for 1 of 32, once 1"]);
        assert_eq!((number(ctx), references(session)), (0, 1));
        SESS_SESSION_free(session);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r145_r232_callbacks_may_come_back_in() {
    unsafe extern "C" fn adds_another(conn: *mut SESS_CONN, _: *mut SESS_SESSION) -> c_int {
        unsafe {
            let ctx = SESS_get_SESS_CTX(conn);
            let another = session(9);
            SESS_CTX_add_session(ctx, another);
            SESS_SESSION_free(another);
            SESS_CTX_flush_sessions(ctx, 1);
            SESS_CTX_sess_set_new_cb(ctx, None);
        }
        0
    }
    unsafe extern "C" fn flushes(ctx: *mut SESS_CTX, session: *mut SESS_SESSION) {
        unsafe {
            see(format!("removed {}", id(session)[0]));
            SESS_CTX_flush_sessions(ctx, 0);
        }
    }
    unsafe {
        let ctx = SESS_CTX_new_openssl();
        SESS_CTX_sess_set_new_cb(ctx, Some(adds_another));
        SESS_CTX_sess_set_remove_cb(ctx, Some(flushes));
        close(handshake(ctx, &ID));
        assert_eq!(number(ctx), 2);
        SESS_CTX_sess_set_cache_size(ctx, 1);
        let third = session(3);
        SESS_CTX_add_session(ctx, third);
        SESS_SESSION_free(third);
        SESS_CTX_free(ctx);
        let mut seen = seen();
        seen.sort();
        assert_eq!(seen, ["removed 1", "removed 3", "removed 9"]);
        assert_eq!(KEEPS.get(), 0);
    }
}

#[test]
fn plain_entries_are_seen_by_the_callbacks_without_a_connection() {
    unsafe {
        let ctx = context(false);
        KEEPS.set(0);
        assert_eq!(SESS_CTX_put(ctx, ID.as_ptr(), 32, b"data".as_ptr(), 4, 60), 0);
        assert_eq!(SESS_last_error_code(), SESS_R_NOT_STORED);
        assert_eq!((seen().len(), number(ctx)), (1, 0));
        ANSWER.set((null_mut(), None));
        let (mut out, mut len) = ([0; 8], 9);
        assert_eq!(SESS_CTX_fetch(ctx, ID.as_ptr(), 32, out.as_mut_ptr(), 8, &mut len), 0);
        assert_eq!(seen(), ["asked for 1 of 32, once 0"]);
        // An answer that is a plain entry.
        let answer = crate::scene::session_of(0, &ID);
        assert_eq!(SESS_SESSION_set1_data(answer, b"outside".as_ptr(), 7), 1);
        ANSWER.set((answer, Some(0)));
        assert_eq!(SESS_CTX_fetch(ctx, ID.as_ptr(), 32, out.as_mut_ptr(), 8, &mut len), 1);
        assert_eq!((&out[..len], number(ctx)), (&b"outside"[..], 1));
        seen();
        assert_eq!(SESS_CTX_take(ctx, ID.as_ptr(), 32, out.as_mut_ptr(), 8, &mut len), 1);
        assert_eq!(seen(), ["removed 1, resumable 1, 0 left"]);
        assert_eq!(SESS_CTX_take(ctx, ID.as_ptr(), 32, out.as_mut_ptr(), 8, &mut len), 0);
        assert!(seen().is_empty());
        assert_eq!(figures(ctx).taken, 1);
        SESS_CTX_free(ctx);
    }
}

/// A client up to TLS 1.2 that is connected with `first`, and is about to attach `second`, with a new ticket, in its
/// place.
struct Renewed {
    ctx: *mut SESS_CTX,
    conn: *mut SESS_CONN,
    first: *mut SESS_SESSION,
    second: *mut SESS_SESSION,
}

unsafe fn renewed(remove: unsafe extern "C" fn(*mut SESS_CTX, *mut SESS_SESSION)) -> Renewed {
    unsafe {
        let ctx = SESS_CTX_new();
        SESS_CTX_set_session_cache_mode(ctx, SESS_SESS_CACHE_CLIENT);
        SESS_CTX_sess_set_remove_cb(ctx, Some(remove));
        let conn = SESS_new(ctx);
        SESS_set_connect_state(conn);
        SESS_CONN_begin(conn, 0x0303);
        let first = session(1);
        SESS_CONN_new_session(conn, first);
        SESS_CONN_established(conn, SESS_TICKETS_NONE);
        let second = SESS_SESSION_dup(first);
        SESS_SESSION_set1_id(second, [2; 32].as_ptr(), 32);
        Renewed { ctx, conn, first, second }
    }
}

#[test]
fn remove_callback_may_look_at_a_session_that_is_just_being_attached() {
    thread_local! {
        static ATTACHED: Cell<*mut SESS_SESSION> = const { Cell::new(null_mut()) };
    }
    unsafe extern "C" fn looks(_: *mut SESS_CTX, _: *mut SESS_SESSION) {
        let session = ATTACHED.get();
        unsafe {
            assert_eq!(id(session), [2; 32]);
            SESS_SESSION_up_ref(session);
            SESS_SESSION_free(session);
        }
        see("looked");
    }
    unsafe {
        let Renewed { ctx, conn, first, second } = renewed(looks);
        ATTACHED.set(second);
        assert_eq!(SESS_CONN_attach_session(conn, second), 1);
        assert_eq!(seen(), ["looked"]);
        assert_eq!((references(first), references(second)), (1, 2));
        assert_eq!((SESS_SESSION_is_resumable(first), SESS_SESSION_is_resumable(second)), (0, 1));
        SESS_SESSION_free(first);
        SESS_SESSION_free(second);
        close(conn);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn session_that_makes_room_for_a_ticket_is_reported_when_that_one_is_attached() {
    thread_local! {
        static ATTACHED: Cell<*mut SESS_SESSION> = const { Cell::new(null_mut()) };
    }
    unsafe extern "C" fn uses(ctx: *mut SESS_CTX, session: *mut SESS_SESSION) {
        let (ctx, attached) = (ctx as usize, ATTACHED.get() as usize);
        // Nothing is locked: another thread can do with it what it likes.
        let other = std::thread::spawn(move || unsafe {
            let attached = attached as *mut SESS_SESSION;
            assert_eq!(SESS_SESSION_set_timeout(attached, 777), 1);
            let conn = SESS_new(ctx as *mut SESS_CTX);
            assert_eq!(SESS_set_session(conn, attached), 1);
            SESS_free(conn);
        });
        other.join().unwrap();
        see(format!("removed {} of {}", id(session)[0], references(session)));
    }
    unsafe {
        let Renewed { ctx, conn, first, second } = renewed(uses);
        // The connection's reference is the last one.
        SESS_SESSION_free(first);
        ATTACHED.set(second);
        assert_eq!(SESS_CONN_attach_session(conn, second), 1);
        assert_eq!(seen(), ["removed 1 of 1"]);
        assert_eq!((SESS_SESSION_get_timeout(second), references(second)), (777, 2));
        SESS_SESSION_free(second);
        close(conn);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn remove_callback_that_removes_what_it_is_told_of_is_told_of_it_once() {
    unsafe extern "C" fn removes(ctx: *mut SESS_CTX, session: *mut SESS_SESSION) {
        see(format!("removed {}", id(session)[0]));
        assert_eq!(unsafe { SESS_CTX_remove_session(ctx, session) }, 0);
    }
    unsafe {
        let Renewed { ctx, conn, first, second } = renewed(removes);
        // The first makes room, while the second is locked.
        assert_eq!(SESS_CONN_attach_session(conn, second), 1);
        assert_eq!(seen(), ["removed 1"]);
        SESS_CTX_add_session(ctx, second);
        assert_eq!(SESS_CTX_remove_session(ctx, second), 1);
        assert_eq!(seen(), ["removed 2"]);
        SESS_SESSION_free(first);
        SESS_SESSION_free(second);
        close(conn);
        SESS_CTX_free(ctx);
    }
}

thread_local! {
    /// An outside store of one session.
    static STORED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

#[test]
fn r228_hooks_encode_sessions_for_outside_and_bring_them_back() {
    unsafe extern "C" fn stores(_: *mut SESS_CONN, session: *mut SESS_SESSION) -> c_int {
        unsafe { SESS_SESSION_set_cipher(session, 0xc02f) };
        STORED.set(crate::attributes::der(session));
        0
    }
    unsafe extern "C" fn brings(
        _: *mut SESS_CONN,
        _: *const c_uchar,
        _: c_int,
        copy: *mut c_int,
    ) -> *mut SESS_SESSION {
        STORED.with_borrow(|der| unsafe {
            *copy = 0;
            let mut input = der.as_ptr();
            d2i_SESS_SESSION(null_mut(), &mut input, der.len() as i64)
        })
    }
    for ctx in [SESS_CTX_new(), SESS_CTX_new_openssl()] {
        unsafe {
            let mode = SESS_SESS_CACHE_SERVER | SESS_SESS_CACHE_NO_INTERNAL;
            SESS_CTX_set_session_cache_mode(ctx, mode);
            SESS_CTX_sess_set_new_cb(ctx, Some(stores));
            SESS_CTX_sess_set_get_cb(ctx, Some(brings));
            close(handshake(ctx, &ID));
            let conn = SESS_new(ctx);
            SESS_CONN_begin(conn, 0x0303);
            assert_eq!(SESS_CONN_resume(conn, ID.as_ptr(), 32), 1);
            assert_eq!(references(SESS_get_session(conn)), 1);
            assert_eq!(SESS_SESSION_get0_cipher(SESS_get_session(conn)), 0xc02f);
            SESS_CONN_finish(conn);
            close(conn);
            SESS_CTX_free(ctx);
        }
    }
}
