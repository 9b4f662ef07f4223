//! What goes wrong costs a full handshake, is counted, and nothing else.

use std::ffi::{c_int, c_uchar, c_uint};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use openssl::ssl::{SslContextBuilder, SslSession};
use openssl_sys::{SSL, SSL_CTX};
use session_cache::{Clock, Payload, SessionCache, UnixTime};
use session_openssl::Options;

use crate::peers::{Client, Scene, TLS12, TLS13, context};

type GenerateId = unsafe extern "C" fn(*const SSL, *mut c_uchar, *mut c_uint) -> c_int;

unsafe extern "C" {
    fn SSL_CTX_set_generate_session_id(ctx: *mut SSL_CTX, generate: Option<GenerateId>) -> c_int;
}

/// Gives every session the same id.
unsafe extern "C" fn always_the_same(
    _: *const SSL,
    id: *mut c_uchar,
    length: *mut c_uint,
) -> c_int {
    // SAFETY: libssl gives the place and its length.
    let length = unsafe { *length };
    // SAFETY: as above.
    unsafe { id.write_bytes(7, length as usize) };
    1
}

fn names_all_alike(builder: &mut SslContextBuilder) {
    // SAFETY: the context is live, and the callback writes what it may.
    let set = unsafe { SSL_CTX_set_generate_session_id(builder.as_ptr(), Some(always_the_same)) };
    assert_eq!(set, 1);
}

#[test]
fn who_comes_second_to_an_id_is_counted_and_not_stored() {
    let scene = Scene::new();
    let (server, _) = scene.server_of("www", Options::new(), names_all_alike);
    let client = Client::new(TLS12);
    let first = client.visit(&server, None).sessions.pop().unwrap();
    let second = client.visit(&server, None).sessions.pop().unwrap();
    assert_eq!(first.id(), second.id());
    let figures = scene.statistics();
    assert_eq!((figures.id_collisions, figures.stored, figures.replaced), (1, 1, 0));
    assert!(client.returns(&server, &first), "the first one's session is still its own");
}

/// A clock that panics when it is told to.
struct Bomb(Arc<AtomicBool>);

impl Clock for Bomb {
    fn now(&self) -> UnixTime {
        assert!(!self.0.load(Ordering::Relaxed), "the clock has gone off");
        UnixTime(1_000)
    }
}

#[test]
fn panic_under_a_callback_costs_a_full_handshake() {
    let fuse = Arc::new(AtomicBool::new(false));
    let mut scene = Scene::new();
    scene.cache = Arc::new(SessionCache::builder().clock(Bomb(Arc::clone(&fuse))).build().unwrap());
    for (version, panics) in [(TLS12, 2), (TLS13, 3)] {
        let (server, attachment) = scene.server_of("www", Options::new(), |_| {});
        let client = Client::new(version);
        let session = client.visit(&server, None).sessions.pop().unwrap();
        fuse.store(true, Ordering::Relaxed);
        // The lookup, and each session that is to be stored.
        assert!(!client.returns(&server, &session));
        assert_eq!(attachment.statistics().panics, panics);
        // The third callback.
        drop(client.meet(&server, None));
        assert!(attachment.statistics().panics > panics);
        fuse.store(false, Ordering::Relaxed);
        let session = client.visit(&server, None).sessions.pop().unwrap();
        assert!(client.returns(&server, &session), "all is as it was");
    }
}

#[test]
fn payload_that_is_no_session_is_counted_and_not_resumed() {
    for version in [TLS12, TLS13] {
        let scene = Scene::new();
        let (server, attachment) = scene.server_of("www", Options::new(), |_| {});
        let client = Client::new(version);
        let session = client.visit(&server, None).sessions.pop().unwrap();
        for stored in scene.sessions() {
            let changed = stored.to_new().with_payload(Payload::borrowed(b"no session"));
            scene.cache.context(context("www")).insert(changed).unwrap();
        }
        assert!(!client.returns(&server, &session));
        assert_eq!(attachment.statistics().undecodable, 1);
    }
}

/// The same TLS 1.3 session with another ticket.
fn with_ticket(session: &SslSession, ticket: &[u8]) -> SslSession {
    let der = session.to_der().unwrap();
    let decoder = session_codec::Decoder::new(session_codec::UnixTime(0));
    let (mut fields, _) = decoder.decode(&der).unwrap();
    fields.ticket = Some(ticket.into());
    SslSession::from_der(&fields.to_der().unwrap()).unwrap()
}

#[test]
fn ticket_of_any_length_is_a_miss() {
    let scene = Scene::new();
    let (server, attachment) = scene.server_of("www", Options::new(), |_| {});
    let client = Client::new(TLS13);
    let session = client.visit(&server, None).sessions.pop().unwrap();
    for length in [1, 31, 32, 33, 64, 1_000, 10_000] {
        assert!(!client.visit(&server, Some(&with_ticket(&session, &vec![7; length]))).reused);
    }
    // libssl asks for those alone that can be ids of tickets.
    assert_eq!(attachment.statistics().asked, 1);
    assert_eq!((attachment.statistics().panics, scene.statistics().hits), (0, 0));
    assert!(client.returns(&server, &session));
}

#[test]
fn broken_handshakes_change_nothing() {
    let scene = Scene::new();
    let (server, attachment) = scene.server_of("www", Options::new(), |_| {});
    let stranger = Client::of(TLS12, |builder| {
        builder.set_verify(openssl::ssl::SslVerifyMode::PEER);
    });
    let mut pair = crate::peers::Pair::new(
        stranger.connection(None),
        openssl::ssl::Ssl::new(&server).unwrap(),
    );
    assert!(pair.shake_hands().is_err(), "it does not know the certificate");
    drop(pair);
    assert_eq!((scene.cache.len(), attachment.statistics().negotiated), (0, 0));
}
