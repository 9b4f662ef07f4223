//! R29, R219 to R228 as far as pointers go: DER, PEM and text.

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};

use session::*;

use crate::attributes::{der, full_session};
use crate::scene::{id, last_error, now, references, session};

#[test]
fn r219_i2d_returns_0_without_a_cipher_and_the_length_without_a_buffer() {
    unsafe {
        let bare = session(1);
        assert_eq!(i2d_SESS_SESSION(bare, null_mut()), 0);
        assert_eq!(i2d_SESS_SESSION(null(), null_mut()), 0);
        let session = full_session();
        let length = i2d_SESS_SESSION(session, null_mut());
        assert_eq!(length as usize, der(session).len());
        SESS_SESSION_free(bare);
        SESS_SESSION_free(session);
    }
}

#[test]
fn i2d_writes_to_a_given_buffer_and_moves_the_pointer_behind() {
    let session = full_session();
    let mut buffer = [0xee; 1_024];
    let mut out = buffer.as_mut_ptr();
    unsafe {
        let length = i2d_SESS_SESSION(session, &mut out) as usize;
        assert_eq!(out, buffer.as_mut_ptr().add(length));
        assert_eq!(buffer[..length], der(session));
        assert_eq!(buffer[length], 0xee);
        SESS_SESSION_free(session);
    }
}

#[test]
fn r220_r225_decoded_session_encodes_to_the_same_bytes_and_is_in_no_cache() {
    unsafe {
        let (ctx, other) = (SESS_CTX_new(), SESS_CTX_new());
        let session = full_session();
        let before = der(session);
        SESS_CTX_add_session(ctx, session);
        assert_eq!(der(session), before);
        SESS_CTX_remove_session(ctx, session);
        SESS_CTX_add_session(ctx, session);
        let encoded = der(session);
        assert_eq!(encoded, before);
        let mut input = encoded.as_ptr();
        let decoded = d2i_SESS_SESSION(null_mut(), &mut input, encoded.len() as i64);
        assert_eq!(der(decoded), encoded);
        assert_eq!(references(decoded), 1);
        assert_eq!(SESS_SESSION_is_resumable(session), 0);
        assert_eq!(SESS_SESSION_is_resumable(decoded), 1);
        // The original is in a cache, and what was decoded from it in none.
        assert_eq!(SESS_CTX_add_session(other, session), 0);
        assert_eq!(SESS_CTX_add_session(other, decoded), 1);
        SESS_SESSION_free(decoded);
        SESS_SESSION_free(session);
        SESS_CTX_free(ctx);
        SESS_CTX_free(other);
    }
}

#[test]
fn r224_d2i_moves_behind_the_session_and_not_at_all_when_it_fails() {
    let session = full_session();
    let mut bytes = der(session);
    let length = bytes.len();
    bytes.extend([1, 2, 3]);
    unsafe {
        let mut input = bytes.as_ptr();
        let decoded = d2i_SESS_SESSION(null_mut(), &mut input, bytes.len() as i64);
        assert!(!decoded.is_null());
        assert_eq!(input, bytes.as_ptr().add(length));
        SESS_SESSION_free(decoded);
        for shorter in [0, 1, length - 1] {
            let mut input = bytes.as_ptr();
            assert!(d2i_SESS_SESSION(null_mut(), &mut input, shorter as i64).is_null());
            assert_eq!(input, bytes.as_ptr());
        }
        let mut input = bytes.as_ptr();
        assert!(d2i_SESS_SESSION(null_mut(), &mut input, -1).is_null());
        assert!(d2i_SESS_SESSION(null_mut(), null_mut(), 5).is_null());
        let mut nothing = null();
        assert!(d2i_SESS_SESSION(null_mut(), &mut nothing, 5).is_null());
        SESS_SESSION_free(session);
    }
}

#[test]
fn r222_reasons_of_the_decoder_are_openssls() {
    for (der, code) in [
        (&b"\x30\x03\x02\x01\x02"[..], SESS_R_UNKNOWN_SSL_VERSION),
        (b"\x30\x07\x02\x01\x01\x02\x02\x05\x05", SESS_R_UNSUPPORTED_SSL_VERSION),
        (b"\x30\x0a\x02\x01\x01\x02\x02\x03\x03\x04\x01\x01", SESS_R_CIPHER_CODE_WRONG_LENGTH),
    ] {
        let mut input = der.as_ptr();
        let session = unsafe { d2i_SESS_SESSION(null_mut(), &mut input, der.len() as i64) };
        assert!(session.is_null());
        assert_eq!(SESS_last_error_code(), code, "{}", last_error().1);
    }
}

#[test]
fn r226_decoding_into_a_session_leaves_nothing_of_what_it_was() {
    unsafe {
        let source = session(2);
        SESS_SESSION_set_cipher(source, 0xc02f);
        let bytes = der(source);
        let mut target = full_session();
        let before = target;
        let mut input = bytes.as_ptr();
        assert_eq!(d2i_SESS_SESSION(&mut target, &mut input, bytes.len() as i64), before);
        assert_eq!(der(target), bytes);
        assert_eq!(SESS_SESSION_has_ticket(target), 0);
        assert!(SESS_SESSION_get0_hostname(target).is_null());
        // One that is in a cache is left as it is.
        let ctx = SESS_CTX_new();
        SESS_CTX_add_session(ctx, target);
        input = bytes.as_ptr();
        assert!(d2i_SESS_SESSION(&mut target, &mut input, bytes.len() as i64).is_null());
        assert_eq!((target, input), (before, bytes.as_ptr()));
        let mut made = null_mut();
        let result = d2i_SESS_SESSION(&mut made, &mut input, bytes.len() as i64);
        assert_eq!(result, made);
        for session in [made, source, target] {
            SESS_SESSION_free(session);
        }
        SESS_CTX_free(ctx);
    }
}

#[test]
fn r223_what_says_no_time_was_made_now_and_is_good_for_3_seconds() {
    let der =
        b"\x30\x13\x02\x01\x01\x02\x02\x03\x03\x04\x02\x13\x01\x04\x00\x04\x00\xa4\x02\x04\x00";
    let mut input = der.as_ptr();
    let before = now();
    unsafe {
        let session = d2i_SESS_SESSION(null_mut(), &mut input, der.len() as i64);
        assert!(!session.is_null(), "{}", last_error().1);
        assert!((before..=now()).contains(&SESS_SESSION_get_time(session)));
        assert_eq!(SESS_SESSION_get_timeout(session), 3);
        SESS_SESSION_free(session);
    }
}

#[test]
fn r227_pem_is_written_and_read_one_after_the_other() {
    unsafe {
        let file = libc::tmpfile();
        assert!(!file.is_null());
        let (first, second) = (full_session(), session(2));
        SESS_SESSION_set_cipher(second, 0xc02f);
        libc::fputs(c"a line before\n".as_ptr(), file);
        assert_eq!(PEM_write_SESS_SESSION(file, first), 1);
        assert_eq!(PEM_write_SESS_SESSION(file, second), 1);
        libc::rewind(file);
        let read = PEM_read_SESS_SESSION(file, null_mut(), None, null_mut());
        assert_eq!(der(read), der(first));
        let mut again = null_mut();
        PEM_read_SESS_SESSION(file, &mut again, None, null_mut());
        assert_eq!(der(again), der(second));
        assert!(PEM_read_SESS_SESSION(file, null_mut(), None, null_mut()).is_null());
        assert_eq!(SESS_last_error_code(), SESS_R_PEM);
        libc::fclose(file);
        for session in [first, second, read, again] {
            SESS_SESSION_free(session);
        }
        assert_eq!(PEM_write_SESS_SESSION(null_mut(), null()), 0);
        assert!(PEM_read_SESS_SESSION(null_mut(), null_mut(), None, null_mut()).is_null());
    }
}

unsafe extern "C" fn collect(arg: *mut c_void, bytes: *const c_char, len: usize) -> c_int {
    let text = unsafe { &mut *arg.cast::<Vec<u8>>() };
    text.extend(unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), len) });
    1
}

unsafe extern "C" fn refuse(_: *mut c_void, _: *const c_char, _: usize) -> c_int {
    0
}

#[test]
fn r29_printing_null_or_a_keylog_without_id_or_key_returns_0() {
    unsafe {
        let mut text = Vec::<u8>::new();
        let arg: *mut c_void = std::ptr::from_mut(&mut text).cast();
        assert_eq!(SESS_SESSION_print(Some(collect), arg, null()), 0);
        assert_eq!(SESS_SESSION_print_fp(null_mut(), null()), 0);
        let bare = session(1);
        assert_eq!(SESS_SESSION_print_keylog(Some(collect), arg, bare), 0);
        assert_eq!(SESS_SESSION_print_keylog(Some(collect), arg, null()), 0);
        assert!(text.is_empty());
        assert_eq!(SESS_SESSION_print(Some(refuse), null_mut(), bare), 0);
        assert_eq!(SESS_SESSION_print(None, null_mut(), bare), 0);
        let session = full_session();
        assert_eq!(SESS_SESSION_print(Some(collect), arg, session), 1);
        let printed = String::from_utf8(text.clone()).unwrap();
        assert!(printed.starts_with("SSL-Session:\n    Protocol  : TLSv1.2\n"), "{printed}");
        assert!(printed.contains(&format!("Session-ID: {}\n", "01".repeat(32))));
        text.clear();
        assert_eq!(SESS_SESSION_print_keylog(Some(collect), arg, session), 1);
        let line = format!("RSA Session-ID:{} Master-Key:{}\n", "01".repeat(32), "03".repeat(48));
        assert_eq!(String::from_utf8(text).unwrap(), line);
        SESS_SESSION_free(bare);
        SESS_SESSION_free(session);
    }
}

#[test]
fn hostname_with_bytes_of_any_value_is_kept() {
    let session = full_session();
    let name = CString::new([0xff, 0xfe]).unwrap();
    unsafe {
        SESS_SESSION_set1_hostname(session, name.as_ptr());
        let bytes = der(session);
        let mut input = bytes.as_ptr();
        let decoded = d2i_SESS_SESSION(null_mut(), &mut input, bytes.len() as i64);
        assert_eq!(std::ffi::CStr::from_ptr(SESS_SESSION_get0_hostname(decoded)), name.as_c_str());
        assert_eq!(id(decoded), [1; 32]);
        SESS_SESSION_free(decoded);
        SESS_SESSION_free(session);
    }
}
