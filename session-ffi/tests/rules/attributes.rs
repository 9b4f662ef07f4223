//! R1 to R29: sessions and their attributes.

use std::ffi::{CStr, c_int, c_long, c_void};
use std::ptr::{null, null_mut};

use session::*;

use crate::scene::{id, last_error, now, references, session, session_of};

#[test]
fn r1_new_session_is_empty_and_good_for_304_seconds() {
    let before = now();
    let session = SESS_SESSION_new();
    unsafe {
        assert_eq!(references(session), 1);
        assert!(id(session).is_empty());
        let mut len = 99;
        assert!(!SESS_SESSION_get0_id_context(session, &mut len).is_null());
        assert_eq!(len, 0);
        assert_eq!(SESS_SESSION_get_protocol_version(session), 0);
        assert_eq!(SESS_SESSION_get_timeout(session), 304);
        assert!((before..=now()).contains(&SESS_SESSION_get_time(session)));
        assert_eq!(SESS_SESSION_has_ticket(session), 0);
        assert_eq!(SESS_SESSION_is_resumable(session), 0);
        assert_eq!(SESS_SESSION_get0_cipher(session), 0);
        SESS_SESSION_free(session);
    }
}

#[test]
fn r2_up_ref_asks_for_one_more_free() {
    let session = session(1);
    unsafe {
        assert_eq!(SESS_SESSION_up_ref(session), 1);
        assert_eq!(references(session), 2);
        SESS_SESSION_free(session);
        assert_eq!(references(session), 1);
        SESS_SESSION_free(session);
        assert_eq!(SESS_SESSION_up_ref(null_mut()), 0);
        SESS_SESSION_free(null_mut());
    }
}

#[test]
fn r3_last_free_ends_the_session_and_free_of_null_nothing() {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C" fn ended(
        _: *mut c_void,
        value: *mut c_void,
        _: *mut SESS_EX_DATA,
        _: c_int,
        _: c_long,
        _: *mut c_void,
    ) {
        ENDED.fetch_add(usize::from(!value.is_null()), Relaxed);
    }
    unsafe {
        let idx = SESS_SESSION_get_ex_new_index(0, null_mut(), None, None, Some(ended));
        let ctx = SESS_CTX_new();
        for is_fixed in [false, true] {
            let session = session(1);
            SESS_SESSION_set_ex_data(session, idx, 0x10 as *mut c_void);
            SESS_SESSION_up_ref(session);
            if is_fixed {
                SESS_CTX_add_session(ctx, session);
                SESS_CTX_remove_session(ctx, session);
            }
            let before = ENDED.load(Relaxed);
            SESS_SESSION_free(session);
            SESS_reclaim();
            assert_eq!(ENDED.load(Relaxed), before);
            SESS_SESSION_free(session);
            // Of one that was in a cache the table lets go when no thread can still be reading it.
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
            while ENDED.load(Relaxed) == before && std::time::Instant::now() < deadline {
                SESS_reclaim();
            }
            assert_eq!(ENDED.load(Relaxed), before + 1, "fixed: {is_fixed}");
        }
        SESS_SESSION_free(null_mut());
        SESS_CTX_free(ctx);
        SESS_SESSION_free_ex_index(idx);
    }
}

#[test]
fn r5_duplicate_is_equal_in_everything() {
    let original = full_session();
    unsafe {
        let copy = SESS_SESSION_dup(original);
        assert_eq!(references(copy), 1);
        assert_eq!(der(copy), der(original));
        assert_eq!(SESS_SESSION_get_time(copy), SESS_SESSION_get_time(original));
        assert_eq!(SESS_SESSION_get_timeout(copy), 3_600);
        SESS_SESSION_free(copy);
        SESS_SESSION_free(original);
    }
}

#[test]
fn r6_duplicate_and_source_are_changed_apart() {
    let original = full_session();
    unsafe {
        let copy = SESS_SESSION_dup(original);
        SESS_SESSION_set1_hostname(copy, c"other.example".as_ptr());
        SESS_SESSION_set_time(copy, 7);
        SESS_SESSION_set_timeout(original, 9);
        assert_eq!(CStr::from_ptr(SESS_SESSION_get0_hostname(original)), c"example.org");
        assert_ne!(SESS_SESSION_get_time(original), 7);
        assert_eq!(SESS_SESSION_get_timeout(copy), 3_600);
        SESS_SESSION_free(original);
        assert_eq!(CStr::from_ptr(SESS_SESSION_get0_hostname(copy)), c"other.example");
        SESS_SESSION_free(copy);
    }
}

#[test]
fn r7_duplicate_keeps_the_mark() {
    unsafe {
        let ctx = SESS_CTX_new();
        let original = session(1);
        SESS_CTX_remove_session(ctx, original);
        let copy = SESS_SESSION_dup(original);
        assert_eq!(SESS_SESSION_is_resumable(original), 0);
        assert_eq!(SESS_SESSION_is_resumable(copy), 0);
        // Of a draft too, and still when it has become fixed.
        let again = SESS_SESSION_dup(copy);
        SESS_CTX_add_session(ctx, again);
        assert_eq!(SESS_SESSION_is_resumable(again), 0);
        for session in [original, copy, again] {
            SESS_SESSION_free(session);
        }
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r11_id_of_33_bytes_is_refused_with_openssls_reason() {
    let session = session(1);
    unsafe {
        for len in [0, 1, 32] {
            assert_eq!(SESS_SESSION_set1_id(session, [7; 32].as_ptr(), len), 1);
            assert_eq!(id(session), vec![7; len as usize]);
        }
        assert_eq!(SESS_SESSION_set1_id(session, [9; 33].as_ptr(), 33), 0);
        assert_eq!(last_error(), (408, "the id has 33 bytes; 32 is the most".to_string()));
        assert_eq!(id(session), [7; 32]);
        assert_eq!(SESS_SESSION_set1_id(session, null(), 0), 1);
        assert_eq!(SESS_SESSION_set1_id(session, null(), 1), 0);
        SESS_SESSION_free(session);
    }
}

#[test]
fn r12_length_of_the_id_may_be_left_out() {
    let session = SESS_SESSION_new();
    unsafe {
        assert!(!SESS_SESSION_get_id(session, null_mut()).is_null());
        SESS_SESSION_free(session);
    }
}

#[test]
fn r13_id_context_of_33_bytes_is_refused_with_openssls_reason() {
    let session = session(1);
    unsafe {
        assert_eq!(SESS_SESSION_set1_id_context(session, [5; 32].as_ptr(), 32), 1);
        assert_eq!(SESS_SESSION_set1_id_context(session, [9; 33].as_ptr(), 33), 0);
        assert_eq!(SESS_last_error_code(), 273);
        let mut len = 0;
        let context = SESS_SESSION_get0_id_context(session, &mut len);
        assert_eq!(std::slice::from_raw_parts(context, len as usize), [5; 32]);
        SESS_SESSION_free(session);
    }
}

#[test]
fn id_context_that_was_lent_stays_where_it_is_when_the_session_is_added_or_attached() {
    unsafe {
        let ctx = SESS_CTX_new();
        assert_eq!(SESS_CTX_set_session_id_context(ctx, b"web-shop".as_ptr(), 8), 1);
        let conn = SESS_new(ctx);
        SESS_CONN_begin(conn, 0x0303);
        let [added, set, new, attached] = [1, 2, 3, 4].map(session);
        let fix: [&dyn Fn() -> c_int; 4] = [
            &|| SESS_CTX_add_session(ctx, added),
            &|| SESS_set_session(conn, set),
            &|| SESS_CONN_new_session(conn, new),
            &|| SESS_CONN_attach_session(conn, attached),
        ];
        for (session, fix) in [added, set, new, attached].into_iter().zip(fix) {
            SESS_SESSION_set1_id_context(session, b"web-shop".as_ptr(), 8);
            let mut len = 0;
            let lent = SESS_SESSION_get0_id_context(session, &mut len);
            assert_eq!(fix(), 1);
            assert_eq!(SESS_SESSION_get0_id_context(session, &mut len), lent);
            assert_eq!(std::slice::from_raw_parts(lent, len as usize), b"web-shop");
        }
        [added, set, new, attached].into_iter().for_each(|session| SESS_SESSION_free(session));
        SESS_free(conn);
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r14_own_buffer_may_be_the_source() {
    let session = session_of(0x0303, b"0123456789");
    unsafe {
        let own = SESS_SESSION_get_id(session, null_mut());
        assert_eq!(SESS_SESSION_set1_id(session, own.add(2), 4), 1);
        assert_eq!(id(session), b"2345");
        SESS_SESSION_free(session);
    }
}

#[test]
fn r15_set_time_returns_the_time() {
    let session = session(1);
    unsafe {
        assert_eq!(SESS_SESSION_set_time(session, 1_000), 1_000);
        assert_eq!(SESS_SESSION_get_time(session), 1_000);
        assert_eq!(SESS_SESSION_set_time_ex(session, 2_000), 2_000);
        assert_eq!(SESS_SESSION_get_time_ex(session), 2_000);
        assert_eq!(SESS_SESSION_set_time(session, 0), 0);
        assert_eq!(SESS_SESSION_get_time(session), 0);
        assert_eq!(SESS_SESSION_set_time(null_mut(), 5), 0);
        SESS_SESSION_free(session);
    }
}

#[test]
fn r16_times_of_null_are_0() {
    unsafe {
        assert_eq!(SESS_SESSION_get_time(null()), 0);
        assert_eq!(SESS_SESSION_get_time_ex(null()), 0);
        assert_eq!(SESS_SESSION_get_timeout(null()), 0);
        assert_eq!(SESS_SESSION_set_timeout(null_mut(), 5), 0);
    }
}

#[test]
fn r17_timeouts_are_read_back() {
    let ctx = SESS_CTX_new_openssl();
    unsafe {
        for in_cache in [false, true] {
            let session = session(1);
            if in_cache {
                assert_eq!(SESS_CTX_add_session(ctx, session), 1);
            }
            for timeout in [0, 1, 1 << 31, 1 << 33, c_long::MAX] {
                assert_eq!(SESS_SESSION_set_timeout(session, timeout), 1);
                assert_eq!(SESS_SESSION_get_timeout(session), timeout);
            }
            SESS_SESSION_free(session);
        }
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r18_negative_timeout_changes_nothing() {
    let session = session(1);
    unsafe {
        assert_eq!(SESS_SESSION_set_timeout(session, -1), 0);
        assert_eq!(SESS_SESSION_get_timeout(session), 3_600);
        assert_eq!(SESS_SESSION_set_time(session, -5), 0);
        assert!(SESS_SESSION_get_time(session) > 0);
        SESS_SESSION_free(session);
    }
}

#[test]
fn r21_r22_resumable_is_who_has_an_id_or_a_ticket_whatever_its_age() {
    unsafe {
        let session = session(1);
        SESS_SESSION_set_time(session, 0);
        assert_eq!(SESS_SESSION_is_resumable(session), 1);
        SESS_SESSION_set1_id(session, null(), 0);
        assert_eq!(SESS_SESSION_is_resumable(session), 0);
        assert_eq!(SESS_SESSION_set1_ticket(session, b"t".as_ptr(), 1, 10, 3), 1);
        assert_eq!(SESS_SESSION_is_resumable(session), 1);
        assert_eq!(SESS_SESSION_is_resumable(null()), 0);
        SESS_SESSION_free(session);
    }
}

#[test]
fn r24_setters_copy_and_clear() {
    let session = session(1);
    unsafe {
        let mut name = *b"name\0";
        assert_eq!(SESS_SESSION_set1_hostname(session, name.as_ptr().cast()), 1);
        name.fill(0);
        assert_eq!(CStr::from_ptr(SESS_SESSION_get0_hostname(session)), c"name");
        assert_eq!(SESS_SESSION_set1_hostname(session, null()), 1);
        assert!(SESS_SESSION_get0_hostname(session).is_null());

        let (mut bytes, mut len) = (null(), 9);
        assert_eq!(SESS_SESSION_set1_alpn_selected(session, b"h2".as_ptr(), 2), 1);
        SESS_SESSION_get0_alpn_selected(session, &mut bytes, &mut len);
        assert_eq!(std::slice::from_raw_parts(bytes, len), b"h2");
        assert_eq!(SESS_SESSION_set1_alpn_selected(session, b"h2".as_ptr(), 0), 1);
        SESS_SESSION_get0_alpn_selected(session, &mut bytes, &mut len);
        assert_eq!((bytes, len), (null(), 0));

        let mut data: *mut c_void = null_mut();
        assert_eq!(SESS_SESSION_set1_ticket_appdata(session, b"data".as_ptr().cast(), 4), 1);
        assert_eq!(SESS_SESSION_get0_ticket_appdata(session, &mut data, &mut len), 1);
        assert_eq!(std::slice::from_raw_parts(data.cast::<u8>(), len), b"data");
        assert_eq!(SESS_SESSION_set1_ticket_appdata(session, null(), 4), 1);
        assert_eq!(SESS_SESSION_get0_ticket_appdata(session, &mut data, &mut len), 1);
        assert_eq!((data, len), (null_mut(), 0));
        SESS_SESSION_free(session);
    }
}

#[test]
fn r25_has_ticket_is_1_for_a_ticket_with_bytes() {
    let session = session(1);
    unsafe {
        let (mut ticket, mut len) = (null(), 9);
        assert_eq!(SESS_SESSION_set1_ticket(session, b"".as_ptr(), 0, 0, 0), 1);
        assert_eq!(SESS_SESSION_has_ticket(session), 0);
        assert_eq!(SESS_SESSION_set1_ticket(session, b"abc".as_ptr(), 3, 60, 5), 1);
        assert_eq!(SESS_SESSION_has_ticket(session), 1);
        SESS_SESSION_get0_ticket(session, null_mut(), &mut len);
        assert_eq!(len, 3);
        SESS_SESSION_get0_ticket(session, &mut ticket, &mut len);
        assert_eq!(std::slice::from_raw_parts(ticket, len), b"abc");
        assert_eq!(SESS_SESSION_get_ticket_lifetime_hint(session), 60);
        assert_eq!(SESS_SESSION_get_ticket_age_add(session), 5);
        SESS_SESSION_free(session);
    }
}

#[test]
fn r26_master_key_is_copied_as_far_as_there_is_room() {
    let session = session(1);
    unsafe {
        assert_eq!(SESS_SESSION_set1_master_key(session, b"master".as_ptr(), 6), 1);
        assert_eq!(SESS_SESSION_get_master_key(session, null_mut(), 0), 6);
        let mut out = [b'-'; 8];
        assert_eq!(SESS_SESSION_get_master_key(session, out.as_mut_ptr(), 3), 3);
        assert_eq!(&out, b"mas-----");
        assert_eq!(SESS_SESSION_get_master_key(session, out.as_mut_ptr(), 8), 6);
        assert_eq!(&out, b"master--");
        SESS_SESSION_free(session);
    }
}

#[test]
fn r27_master_key_of_513_bytes_is_refused() {
    let session = session(1);
    unsafe {
        assert_eq!(SESS_SESSION_set1_master_key(session, [1; 512].as_ptr(), 512), 1);
        assert_eq!(SESS_SESSION_set1_master_key(session, [1; 513].as_ptr(), 513), 0);
        assert_eq!(SESS_SESSION_get_master_key(session, null_mut(), 0), 512);
        SESS_SESSION_free(session);
    }
}

#[test]
fn r28_fragment_length_that_was_never_settled_is_0() {
    let session = session(1);
    unsafe {
        assert_eq!(SESS_SESSION_get_max_fragment_length(session), 0);
        SESS_SESSION_free(session);
    }
}

#[test]
fn plain_attributes_are_read_back() {
    let session = session(1);
    unsafe {
        assert_eq!(SESS_SESSION_set_cipher(session, 0x1301), 1);
        assert_eq!(SESS_SESSION_get0_cipher(session), 0x1301);
        assert_eq!(SESS_SESSION_set_max_early_data(session, u32::MAX), 1);
        assert_eq!(SESS_SESSION_get_max_early_data(session), u32::MAX);
        assert_eq!(SESS_SESSION_set_flags(session, 1), 1);
        assert_eq!(SESS_SESSION_get_flags(session), 1);
        assert_eq!(SESS_SESSION_get_compress_id(session), 0);
        assert_eq!(SESS_SESSION_set_protocol_version(session, 65_536), 0);
        assert_eq!(SESS_SESSION_set_protocol_version(session, -1), 0);
        let (mut der, mut len) = (null(), 9);
        assert_eq!(SESS_SESSION_get0_peer(session, &mut der, &mut len), 0);
        assert_eq!((der, len), (null(), 0));
        assert_eq!(SESS_SESSION_set1_peer(session, b"no certificate".as_ptr(), 14), 0);
        SESS_SESSION_free(session);
    }
}

#[test]
fn what_a_session_is_found_by_stays_once_it_was_in_a_cache() {
    unsafe {
        let ctx = SESS_CTX_new();
        let session = session(1);
        SESS_CTX_add_session(ctx, session);
        assert_eq!(SESS_SESSION_set1_id(session, [2; 32].as_ptr(), 32), 0);
        assert_eq!(SESS_last_error_code(), SESS_R_SESSION_IS_FIXED);
        assert_eq!(SESS_SESSION_set1_id_context(session, [2; 32].as_ptr(), 32), 0);
        assert_eq!(SESS_SESSION_set_protocol_version(session, 0x0304), 0);
        // What it has already is no change.
        assert_eq!(SESS_SESSION_set1_id(session, [1; 32].as_ptr(), 32), 1);
        assert_eq!(SESS_SESSION_set_protocol_version(session, 0x0303), 1);
        // Other attributes go on.
        assert_eq!(SESS_SESSION_set1_hostname(session, c"name".as_ptr()), 1);
        let copy = SESS_SESSION_dup(session);
        assert_eq!(SESS_SESSION_set1_id(copy, [2; 32].as_ptr(), 32), 1);
        SESS_SESSION_free(copy);
        SESS_SESSION_free(session);
        SESS_CTX_free(ctx);
    }
}

pub(crate) fn full_session() -> *mut SESS_SESSION {
    let session = session(1);
    unsafe {
        SESS_SESSION_set_cipher(session, 0x1301);
        SESS_SESSION_set1_id_context(session, b"context".as_ptr(), 7);
        SESS_SESSION_set1_master_key(session, [3; 48].as_ptr(), 48);
        SESS_SESSION_set1_hostname(session, c"example.org".as_ptr());
        SESS_SESSION_set1_alpn_selected(session, b"h2".as_ptr(), 2);
        SESS_SESSION_set1_ticket(session, b"ticket".as_ptr(), 6, 60, 5);
        SESS_SESSION_set1_ticket_appdata(session, b"app".as_ptr().cast(), 3);
        SESS_SESSION_set_max_early_data(session, 16_384);
        SESS_SESSION_set_flags(session, 1);
    }
    session
}

pub(crate) fn der(session: *const SESS_SESSION) -> Vec<u8> {
    let mut block = null_mut();
    let len = unsafe { i2d_SESS_SESSION(session, &mut block) };
    assert!(len > 0, "{}", last_error().1);
    let der = unsafe { std::slice::from_raw_parts(block, len as usize) }.to_vec();
    unsafe { SESS_mem_free(block.cast()) };
    der
}
