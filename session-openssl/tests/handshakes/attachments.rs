//! What can be attached, and what becomes of it.

use std::sync::Arc;

use foreign_types::ForeignType;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslOptions, SslSessionCacheMode};
use session_openssl::{ErrorKind, Options, Wiring, attach, attach_raw};

use crate::peers::{Client, Identity, Pair, Scene, TLS12, TLS13, context};

#[test]
fn context_is_attached_once() {
    let scene = Scene::new();
    let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
    let cache = || Arc::clone(&scene.cache);
    attach(&mut builder, cache(), context("www"), Options::new()).unwrap();
    let refused = attach(&mut builder, cache(), context("www"), Options::new()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyAttached);
    // SAFETY: null is allowed.
    let nothing =
        unsafe { attach_raw(std::ptr::null_mut(), cache(), context("www"), Options::new()) };
    assert_eq!(nothing.unwrap_err().kind(), ErrorKind::OpenSsl);
}

#[test]
fn context_that_libssl_itself_made_is_attached() {
    for version in [TLS12, TLS13] {
        let scene = Scene::new();
        let cache = Arc::clone(&scene.cache);
        // SAFETY: it takes nothing.
        let method = unsafe { openssl_sys::TLS_server_method() };
        // SAFETY: the method is libssl's own.
        let ctx = unsafe { openssl_sys::SSL_CTX_new(method) };
        // SAFETY: just made, and nobody else's.
        unsafe { attach_raw(ctx, cache, context("www"), Options::new()) }.unwrap();
        let Identity { certificate, key } = &scene.identity;
        // SAFETY: both are live.
        let shown = unsafe { openssl_sys::SSL_CTX_use_certificate(ctx, certificate.as_ptr()) };
        // SAFETY: both are live.
        let signed = unsafe { openssl_sys::SSL_CTX_use_PrivateKey(ctx, key.as_ptr()) };
        assert_eq!((shown, signed), (1, 1));
        // SAFETY: live.
        unsafe { openssl_sys::SSL_CTX_set_options(ctx, SslOptions::NO_TICKET.bits()) };
        // Connections too are made by libssl itself, and not through a wrapper of the context.
        let connection = || {
            // SAFETY: the context is live.
            let ssl = unsafe { openssl_sys::SSL_new(ctx) };
            // SAFETY: just made, and handed over.
            unsafe { Ssl::from_ptr(ssl) }
        };
        let client = Client::new(version);
        let mut first = Pair::new(client.connection(None), connection());
        first.shake_hands().unwrap();
        let session = first.visit(&client).sessions.pop().unwrap();
        first.close();
        let mut second = Pair::new(client.connection(Some(&session)), connection());
        second.shake_hands().unwrap();
        assert!(second.visit(&client).reused);
        second.close();
        assert_eq!(scene.statistics().hits, 1);
        // SAFETY: the last reference, once.
        unsafe { openssl_sys::SSL_CTX_free(ctx) };
        assert_eq!(Arc::strong_count(&scene.cache), 1);
    }
}

#[test]
fn context_that_goes_lets_go_of_the_cache() {
    let scene = Scene::new();
    let (server, attachment) = scene.server_of("www", Options::new(), |_| {});
    let client = Client::new(TLS13);
    let pair = client.meet(&server, None);
    drop((server, attachment));
    assert_eq!(Arc::strong_count(&scene.cache), 2, "a connection holds it still");
    drop(pair);
    assert_eq!(Arc::strong_count(&scene.cache), 1);
}

#[test]
fn client_side_of_an_attached_context_stores_nothing() {
    for wiring in [Wiring::External, Wiring::ObserveOnly] {
        let scene = Scene::new();
        let mut builder = SslContext::builder(SslMethod::tls()).unwrap();
        scene.identity.show(&mut builder);
        builder.set_options(SslOptions::NO_TICKET);
        builder.set_session_cache_mode(SslSessionCacheMode::BOTH);
        let (cache, options) = (Arc::clone(&scene.cache), Options::new().wiring(wiring));
        let attachment = attach(&mut builder, cache, context("www"), options).unwrap();
        let both = builder.build();
        let mut pair = Pair::new(Ssl::new(&both).unwrap(), Ssl::new(&both).unwrap());
        pair.shake_hands().unwrap();
        pair.talk();
        pair.close();
        assert_eq!(attachment.statistics().negotiated, 2, "the server's two tickets");
        assert!(format!("{attachment:?}").contains(&format!("{wiring:?}")));
    }
}

#[test]
fn figures_are_shown_in_a_line_each() {
    let scene = Scene::new();
    let (server, attachment) = scene.server_of("www", Options::new(), |_| {});
    Client::new(TLS12).visit(&server, None);
    let shown = attachment.statistics().to_string();
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines[0], "negotiated                      1");
    assert_eq!(lines.len(), 7);
    assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{shown}");
    assert!(Arc::ptr_eq(attachment.cache(), &scene.cache));
    assert_eq!(attachment.id_context(), context("www"));
}
