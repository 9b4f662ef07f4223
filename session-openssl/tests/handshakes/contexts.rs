//! Several contexts on one cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use openssl::ssl::{
    ClientHelloResponse, SslContext, SslMethod, SslOptions, SslSession, SslVerifyMode,
};
use session_cache::IdContext;
use session_openssl::{ErrorKind, Options, attach};

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

/// The same session under another id.
fn with_id(session: &SslSession, id: &[u8]) -> SslSession {
    let der = session.to_der().unwrap();
    let decoder = session_codec::Decoder::new(session_codec::UnixTime(0));
    let (mut fields, _) = decoder.decode(&der).unwrap();
    fields.id = session_codec::Octets::new(id).unwrap();
    SslSession::from_der(&fields.to_der().unwrap()).unwrap()
}

#[test]
fn connection_that_breaks_takes_no_session_of_another_id_context_with_it() {
    let told = Arc::new(AtomicUsize::new(0));
    let hears = Arc::clone(&told);
    let scene = Scene::of(|builder| {
        builder.remove_hook(move |_| {
            hears.fetch_add(1, Ordering::Relaxed);
        })
    });
    let (staff, _) = scene.server_of("staff", Options::new(), |_| {});
    let (public, _) = scene.server_of("public", Options::new(), |builder| {
        builder.clear_options(SslOptions::NO_TICKET);
    });
    let client = Client::new(TLS12);
    let session = client.visit(&staff, None).sessions.pop().unwrap();
    // A ticket holds its session; under which id, its client says.
    let stranger = Client::new(TLS12);
    let ticket = stranger.visit(&public, None).sessions.pop().unwrap();
    let pair = stranger.meet(&public, Some(&with_id(&ticket, session.id())));
    assert!(pair.server.ssl().session_reused());
    assert_eq!(pair.server.ssl().session().unwrap().id(), session.id());
    drop(pair);
    assert_eq!((scene.cache.len(), told.load(Ordering::Relaxed)), (1, 0));
    assert_eq!((scene.statistics().wrong_context, scene.statistics().removed), (1, 0));
    assert!(client.returns(&staff, &session));
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

#[test]
fn connection_that_verifies_under_an_empty_id_context_shakes_hands_anew() {
    for (version, single_use) in [(TLS12, false), (TLS12, true), (TLS13, false)] {
        let scene = Scene::new();
        let strict = Arc::new(AtomicBool::new(false));
        let is_strict = Arc::clone(&strict);
        let options = Options::new().single_use(single_use);
        let (server, attachment) = scene.server_of("", options, |builder| {
            builder.set_client_hello_callback(move |ssl, _| {
                if is_strict.load(Ordering::Relaxed) {
                    ssl.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
                }
                Ok(ClientHelloResponse::SUCCESS)
            });
        });
        let client = Client::new(version);
        let session = client.visit(&server, None).sessions.pop().unwrap();
        strict.store(true, Ordering::Relaxed);
        assert!(!client.returns(&server, &session));
        assert_eq!(attachment.statistics().answered, 0);
        strict.store(false, Ordering::Relaxed);
        assert!(client.returns(&server, &session), "the attempt did not use it up");
    }
}
