//! The plain cache, as its words say.

use std::cell::RefCell;
use std::ffi::{c_int, c_long, c_void};
use std::ptr::{null, null_mut};

use session::*;

use crate::scene::{figures, last_error, number};

const ID: [u8; 5] = *b"an id";

fn put(ctx: *mut SESS_CTX, data: &[u8], lifetime: i64) -> c_int {
    unsafe { SESS_CTX_put(ctx, ID.as_ptr(), ID.len(), data.as_ptr(), data.len(), lifetime) }
}

type Read =
    unsafe extern "C" fn(*mut SESS_CTX, *const u8, usize, *mut u8, usize, *mut usize) -> c_int;

fn read(read: Read, ctx: *mut SESS_CTX, capacity: usize) -> (c_int, usize, Vec<u8>) {
    let (mut out, mut len) = ([b'-'; 16], 99);
    let found = unsafe { read(ctx, ID.as_ptr(), ID.len(), out.as_mut_ptr(), capacity, &mut len) };
    (found, len, out.to_vec())
}

#[test]
fn entry_is_put_fetched_replaced_taken_and_discarded() {
    unsafe {
        let ctx = SESS_CTX_new();
        assert_eq!(put(ctx, b"first", 60), 1);
        assert_eq!(read(SESS_CTX_fetch, ctx, 16), (1, 5, b"first-----------".to_vec()));
        assert_eq!(put(ctx, b"second", 60), 1);
        assert_eq!((number(ctx), figures(ctx).replaced), (1, 1));
        assert_eq!(read(SESS_CTX_take, ctx, 16), (1, 6, b"second----------".to_vec()));
        assert_eq!(read(SESS_CTX_take, ctx, 16), (0, 0, b"----------------".to_vec()));
        assert_eq!(read(SESS_CTX_fetch, ctx, 16), (0, 0, b"----------------".to_vec()));
        assert_eq!(put(ctx, b"", 60), 1);
        assert_eq!(read(SESS_CTX_fetch, ctx, 0), (1, 0, b"----------------".to_vec()));
        assert_eq!(SESS_CTX_discard(ctx, ID.as_ptr(), ID.len()), 1);
        assert_eq!(SESS_CTX_discard(ctx, ID.as_ptr(), ID.len()), 0);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn too_small_tells_the_size_writes_nothing_else_and_takes_nothing() {
    unsafe {
        let ctx = SESS_CTX_new();
        put(ctx, b"content", 60);
        for function in [SESS_CTX_fetch as Read, SESS_CTX_take] {
            assert_eq!(read(function, ctx, 6), (0, 7, b"----------------".to_vec()));
            assert_eq!(SESS_last_error_code(), SESS_R_BUFFER_TOO_SMALL);
            let mut len = 99;
            assert_eq!(function(ctx, ID.as_ptr(), ID.len(), null_mut(), 0, &mut len), 0);
            assert_eq!(len, 7);
            assert_eq!(function(ctx, ID.as_ptr(), ID.len(), null_mut(), 9, &mut len), 0);
            assert_eq!((len, last_error().1.as_str()), (0, "out is NULL"));
        }
        assert_eq!((number(ctx), figures(ctx).taken), (1, 0));
        let mut out = [0; 7];
        let got = SESS_CTX_take(ctx, ID.as_ptr(), ID.len(), out.as_mut_ptr(), 7, null_mut());
        assert_eq!((got, &out), (1, b"content"));
        SESS_CTX_free(ctx);
    }
}

#[test]
fn lifetime_is_cut_to_the_cap_and_0_or_less_stores_nothing() {
    unsafe extern "C" fn timeout(session: *mut SESS_SESSION, arg: *mut c_void) -> c_int {
        unsafe { *arg.cast::<c_long>() = SESS_SESSION_get_timeout(session) };
        1
    }
    unsafe {
        let ctx = SESS_CTX_new();
        for lifetime in [0, -1, i64::MIN] {
            assert_eq!(put(ctx, b"data", lifetime), 0);
            assert!(last_error().1.contains(&lifetime.to_string()));
        }
        assert_eq!(number(ctx), 0);
        for (lifetime, expected) in [(7, 7), (86_401, 86_400), (i64::MAX, 86_400)] {
            assert_eq!(put(ctx, b"data", lifetime), 1);
            let mut seconds: c_long = 0;
            SESS_CTX_each(ctx, Some(timeout), std::ptr::from_mut(&mut seconds).cast());
            assert_eq!(seconds, expected);
        }
        SESS_CTX_free(ctx);
    }
}

#[test]
fn entry_belongs_to_the_id_context_of_its_context() {
    unsafe {
        let ctx = SESS_CTX_new();
        SESS_CTX_set_session_id_context(ctx, b"one".as_ptr(), 3);
        put(ctx, b"data", 60);
        SESS_CTX_set_session_id_context(ctx, b"two".as_ptr(), 3);
        assert_eq!(read(SESS_CTX_fetch, ctx, 16).0, 0);
        assert_eq!(read(SESS_CTX_take, ctx, 16).0, 0);
        assert_eq!(SESS_CTX_discard(ctx, ID.as_ptr(), ID.len()), 0);
        assert_eq!(figures(ctx).wrong_context, 3);
        SESS_CTX_set_session_id_context(ctx, b"one".as_ptr(), 3);
        assert_eq!(read(SESS_CTX_take, ctx, 16).0, 1);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn entries_and_connections_agree_on_the_id_context_when_two_threads_have_set_one() {
    thread_local! {
        /// That of the session that was stored last.
        static STORED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    unsafe extern "C" fn stored(_: *mut SESS_CONN, session: *mut SESS_SESSION) -> c_int {
        STORED.set(unsafe { id_context(session) });
        0
    }
    unsafe fn id_context(session: *const SESS_SESSION) -> Vec<u8> {
        let mut len = 0;
        let id_context = unsafe { SESS_SESSION_get0_id_context(session, &mut len) };
        unsafe { std::slice::from_raw_parts(id_context, len as usize) }.to_vec()
    }
    let ctx = SESS_CTX_new();
    unsafe { SESS_CTX_sess_set_new_cb(ctx, Some(stored)) };
    let address = ctx as usize;
    let both = std::sync::Barrier::new(3);
    std::thread::scope(|scope| {
        const ROUNDS: usize = 3_000;
        for name in [b"A", b"B"] {
            let both = &both;
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    both.wait();
                    let ctx = address as *mut SESS_CTX;
                    unsafe { SESS_CTX_set_session_id_context(ctx, name.as_ptr(), 1) };
                    both.wait();
                }
            });
        }
        let mut apart = 0;
        for _ in 0..ROUNDS {
            both.wait();
            both.wait();
            unsafe {
                let conn = SESS_new(ctx);
                SESS_CONN_begin(conn, 0x0303);
                let new = crate::scene::session(1);
                SESS_CONN_new_session(conn, new);
                put(ctx, b"data", 60);
                apart += usize::from(STORED.take() != id_context(new));
                SESS_SESSION_free(new);
                SESS_free(conn);
            }
        }
        assert_eq!(apart, 0);
    });
    unsafe { SESS_CTX_free(ctx) };
}

#[test]
fn impossible_arguments_are_refused_and_leave_the_size_0() {
    unsafe {
        let ctx = SESS_CTX_new();
        for len in [0, 33, usize::MAX] {
            assert_eq!(SESS_CTX_put(ctx, ID.as_ptr(), len, ID.as_ptr(), 5, 60), 0);
            let mut size = 99;
            assert_eq!(SESS_CTX_fetch(ctx, ID.as_ptr(), len, null_mut(), 0, &mut size), 0);
            assert_eq!(size, 0);
            assert_eq!(SESS_CTX_discard(ctx, ID.as_ptr(), len), 0);
        }
        assert_eq!(SESS_CTX_put(ctx, null(), 5, ID.as_ptr(), 5, 60), 0);
        assert_eq!(SESS_CTX_put(ctx, ID.as_ptr(), 5, null(), 5, 60), 0);
        assert_eq!(SESS_CTX_put(ctx, ID.as_ptr(), 5, ID.as_ptr(), usize::MAX, 60), 0);
        assert_eq!(SESS_CTX_put(null_mut(), ID.as_ptr(), 5, ID.as_ptr(), 5, 60), 0);
        assert_eq!(put(ctx, &[0; 1 << 15], 60), 0);
        assert_eq!(SESS_last_error_code(), SESS_R_NOT_STORED);
        SESS_CTX_set_session_cache_mode(ctx, SESS_SESS_CACHE_OFF);
        assert_eq!(put(ctx, b"data", 60), 0);
        SESS_CTX_set_session_cache_mode(ctx, SESS_SESS_CACHE_SERVER | SESS_SESS_CACHE_NO_INTERNAL);
        assert_eq!(put(ctx, b"data", 60), 0);
        assert_eq!(number(ctx), 0);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn plain_entry_is_a_session_of_version_0() {
    unsafe extern "C" fn look(session: *mut SESS_SESSION, arg: *mut c_void) -> c_int {
        unsafe {
            let (mut data, mut len) = (null(), 0);
            assert_eq!(SESS_SESSION_get0_data(session, &mut data, &mut len), 1);
            assert_eq!(std::slice::from_raw_parts(data, len), b"data");
            assert_eq!(SESS_SESSION_get_protocol_version(session), 0);
            assert_eq!(crate::scene::id(session), ID);
            assert_eq!(SESS_SESSION_get_timeout(session), 60);
            assert_eq!(crate::scene::references(session), 2);
            SESS_SESSION_up_ref(session);
            *arg.cast::<*mut SESS_SESSION>() = session;
        }
        0
    }
    unsafe {
        let ctx = SESS_CTX_new();
        put(ctx, b"data", 60);
        let mut kept: *mut SESS_SESSION = null_mut();
        assert_eq!(SESS_CTX_each(ctx, Some(look), std::ptr::from_mut(&mut kept).cast()), 1);
        assert_eq!(crate::scene::references(kept), 2);
        assert_eq!(SESS_CTX_remove_session(ctx, kept), 1);
        assert_eq!((number(ctx), crate::scene::references(kept)), (0, 1));
        SESS_CTX_free(ctx);
        SESS_SESSION_free(kept);
    }
}

#[test]
fn take_has_one_winner_among_threads() {
    unsafe {
        let ctx = SESS_CTX_new();
        let address = ctx as usize;
        for _ in 0..200 {
            assert_eq!(put(ctx, b"once", 60), 1);
            let winners: c_int = std::thread::scope(|scope| {
                let take = || read(SESS_CTX_take, address as *mut SESS_CTX, 16).0;
                let threads = [scope.spawn(take), scope.spawn(take), scope.spawn(take)];
                threads.map(|thread| thread.join().unwrap()).iter().sum()
            });
            assert_eq!(winners, 1);
        }
        SESS_CTX_free(ctx);
    }
}

#[test]
fn entry_of_any_size_comes_back_and_is_one_session_for_all_threads() {
    unsafe extern "C" fn look(session: *mut SESS_SESSION, arg: *mut c_void) -> c_int {
        unsafe {
            let (mut data, mut len) = (null(), 0);
            assert_eq!(SESS_SESSION_get0_data(session, &mut data, &mut len), 1);
            assert!(std::slice::from_raw_parts(data, len).iter().all(|byte| *byte == 3));
            *arg.cast::<*mut SESS_SESSION>() = session;
        }
        1
    }
    unsafe {
        for size in [0, 1, 143, 144, 145, 1_000, 10_000] {
            let ctx = SESS_CTX_new();
            assert_eq!(put(ctx, &vec![3; size], 60), 1);
            let (mut out, mut len) = (vec![0; size], 0);
            let out = out.as_mut_ptr();
            assert_eq!(SESS_CTX_fetch(ctx, ID.as_ptr(), ID.len(), out, size, &mut len), 1);
            assert_eq!(std::slice::from_raw_parts(out, len), vec![3; size]);
            let address = ctx as usize;
            let seen = std::thread::scope(|scope| {
                let each = || {
                    let mut seen: *mut SESS_SESSION = null_mut();
                    let arg = std::ptr::from_mut(&mut seen).cast();
                    assert_eq!(SESS_CTX_each(address as *mut SESS_CTX, Some(look), arg), 1);
                    seen as usize
                };
                [scope.spawn(each), scope.spawn(each), scope.spawn(each)]
                    .map(|thread| thread.join().unwrap())
            });
            assert!(seen.iter().all(|session| *session == seen[0] && *session != 0));
            SESS_CTX_free(ctx);
        }
    }
}
