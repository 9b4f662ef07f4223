//! Keys that no server ever stored: any length, any content, any call.

use std::sync::Arc;

use rustls::server::StoresServerSessions;
use session_cache::{IdContext, SessionCache};
use session_rustls::ServerSessions;

fn sessions() -> (Arc<SessionCache>, ServerSessions) {
    let cache = Arc::new(SessionCache::builder().build().unwrap());
    (Arc::clone(&cache), ServerSessions::new(cache, IdContext::EMPTY))
}

#[test]
fn key_that_is_no_session_id_is_a_miss() {
    let (cache, sessions) = sessions();
    assert!(sessions.put(vec![b'k'; 32], b"value".to_vec()));
    for bytes in [0, 33, 64, 65_535] {
        let key = vec![b'k'; bytes];
        assert_eq!(sessions.get(&key), None, "{bytes} bytes");
        assert_eq!(sessions.take(&key), None, "{bytes} bytes");
    }
    assert_eq!(cache.len(), 1);
    assert_eq!(sessions.get(&[b'k'; 32]).as_deref(), Some(b"value".as_slice()));
}

#[test]
fn key_that_is_no_session_id_is_not_stored() {
    let (cache, sessions) = sessions();
    for bytes in [0, 33, 65_535] {
        assert!(!sessions.put(vec![b'k'; bytes], b"value".to_vec()), "{bytes} bytes");
    }
    assert!(cache.is_empty());
}

#[test]
fn keys_that_differ_in_length_only_are_different_sessions() {
    let (_, sessions) = sessions();
    for bytes in 1..=32 {
        assert!(sessions.put(vec![0; bytes], vec![bytes as u8]));
    }
    for bytes in 1..=32 {
        assert_eq!(sessions.take(&vec![0; bytes]), Some(vec![bytes as u8]));
    }
}

#[test]
fn second_value_of_a_key_takes_the_place_of_the_first() {
    let (cache, sessions) = sessions();
    assert!(sessions.put(vec![1; 32], b"first".to_vec()));
    assert!(sessions.put(vec![1; 32], b"second".to_vec()));
    assert_eq!(cache.len(), 1);
    assert_eq!(sessions.get(&[1; 32]).as_deref(), Some(b"second".as_slice()));
}

#[test]
fn debug_shows_neither_key_nor_value_nor_context() {
    let cache = Arc::new(SessionCache::builder().build().unwrap());
    let sessions = ServerSessions::new(cache, IdContext::new(b"context-secret").unwrap());
    assert!(sessions.put(b"key-secret".to_vec(), b"value-secret".to_vec()));
    let shown = format!("{sessions:?}");
    assert_eq!(shown, "ServerSessions { sessions: 1, sessions_max: 20480, .. }");
}
