//! Several contexts on one cache.

use session_cache::IdContext;
use session_openssl::{ErrorKind, Options, attach};
use std::sync::Arc;

use openssl::ssl::{SslContext, SslMethod, SslVerifyMode};

use crate::peers::{Client, Scene, TLS12, TLS13, context};

#[test]
fn session_of_another_id_context_does_not_come_back_and_is_not_used_up() {
    let scene = Scene::new();
    let (staff, _) = scene.server_of("staff", Options::new(), |_| {});
    let (public, _) = scene.server_of("public", Options::new(), |_| {});
    let (public_too, _) = scene.server_of("public", Options::new(), |_| {});
    for version in [TLS12, TLS13] {
        let client = Client::new(version);
        let session = client.visit(&public, None).sessions.pop().unwrap();
        let before = scene.statistics();
        assert!(!client.returns(&staff, &session));
        assert_eq!(scene.statistics().wrong_context, before.wrong_context + 1);
        assert!(client.returns(&public_too, &session));
    }
}

#[test]
fn id_context_is_written_into_the_session_too() {
    let scene = Scene::new();
    let (server, _) = scene.server_of("staff", Options::new(), |_| {});
    Client::new(TLS12).visit(&server, None);
    let stored = scene.sessions().pop().unwrap();
    assert_eq!(stored.id_context(), context("staff"));
    let decoder = session_codec::Decoder::new(session_codec::UnixTime(0));
    let (session, length) = decoder.decode(stored.payload()).unwrap();
    assert_eq!((session.id_context.as_bytes(), length), (&b"staff"[..], stored.payload().len()));
    assert_eq!(session.id.as_bytes(), stored.id().as_bytes());
}

#[test]
fn empty_id_context_will_do_where_nobody_is_verified_and_nowhere_else() {
    let scene = Scene::new();
    let (server, _) = scene.server_of("", Options::new(), |_| {});
    let client = Client::new(TLS13);
    let session = client.visit(&server, None).sessions.pop().unwrap();
    assert!(client.returns(&server, &session));

    let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
    builder.set_verify(SslVerifyMode::PEER);
    let refused = attach(&mut builder, Arc::clone(&scene.cache), IdContext::EMPTY, Options::new())
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::EmptyIdContext);
    assert!(refused.to_string().contains("0 bytes long; it must be at least 1"), "{refused}");
}
