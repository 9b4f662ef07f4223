//! A server name leads to another context.

use openssl::ssl::{
    ClientHelloResponse, NameType, Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions,
    SslVerifyMode, SslVersion,
};
use session_openssl::{Attachment, Options};

use crate::early_data::{DATA, flight, plays, takes_early_data};
use crate::peers::{Client, Pair, Scene, TLS12, TLS13};

const VERSIONS: [SslVersion; 2] = [TLS12, TLS13];

/// Leads every connection to `other` before anything else is looked at.
fn leads_at_once(builder: &mut SslContextBuilder, other: SslContext) {
    builder.set_client_hello_callback(move |ssl, _| {
        ssl.set_ssl_context(&other).unwrap();
        Ok(ClientHelloResponse::SUCCESS)
    });
}

/// Leads the connections that ask for `other` there, after the session was looked up.
fn leads_by_name(builder: &mut SslContextBuilder, other: SslContext) {
    builder.set_servername_callback(move |ssl, _| {
        if ssl.servername(NameType::HOST_NAME) == Some("other") {
            ssl.set_ssl_context(&other).unwrap();
        }
        Ok(())
    });
}

fn front(
    scene: &Scene,
    id_context: &str,
    other: &SslContext,
    leads: fn(&mut SslContextBuilder, SslContext),
) -> (SslContext, Attachment) {
    scene.server_of(id_context, Options::new(), |builder| leads(builder, other.clone()))
}

#[test]
fn session_is_in_the_id_context_of_the_context_that_the_hello_led_to() {
    for version in VERSIONS {
        let scene = Scene::new();
        let (strict, _) = scene.server_of("strict", Options::new(), |_| {});
        let (front, attachment) = front(&scene, "front", &strict, leads_at_once);
        let (lax, _) = scene.server_of("front", Options::new(), |_| {});
        let client = Client::new(version);
        let session = client.visit(&front, None).sessions.pop().unwrap();
        assert_eq!(attachment.statistics().other_context, 0);
        assert!(scene.sessions().iter().all(|s| s.id_context().as_bytes() == b"strict"));
        // Not where nothing leads there, and the attempt does not use it up.
        assert!(!client.returns(&lax, &session));
        assert!(client.returns(&front, &session));
        // Nor the other way.
        let session = client.visit(&lax, None).sessions.pop().unwrap();
        assert!(!client.returns(&front, &session));
        assert!(client.returns(&lax, &session));
    }
}

#[test]
fn early_data_is_accepted_once_where_the_hello_leads_to_another_context() {
    let scene = Scene::new();
    let (strict, _) = scene.server_of("strict", Options::new(), takes_early_data);
    let fronts = [0, 1].map(|_| {
        scene
            .server_of("front", Options::new(), |builder| {
                takes_early_data(builder);
                leads_at_once(builder, strict.clone());
            })
            .0
    });
    let client = Client::new(TLS13);
    let session = client.visit(&fronts[0], None).sessions.pop().unwrap();
    let flight = flight(&client, &session);
    assert_eq!(plays(&fronts[1], &flight), (DATA.to_vec(), true));
    for front in &fronts {
        assert_eq!(plays(front, &flight), (Vec::new(), false));
    }
}

#[test]
fn name_that_is_heard_after_the_lookup_leads_nobody_astray() {
    for version in VERSIONS {
        let scene = Scene::new();
        let (strict, _) = scene.server_of("strict", Options::new(), |_| {});
        let (front, attachment) = front(&scene, "front", &strict, leads_by_name);
        let client = Client::new(version).named("other");
        let session = client.visit(&front, None).sessions.pop().unwrap();
        // libssl would find it before it hears the name, for any name.
        assert!(attachment.statistics().other_context > 0);
        assert_eq!(scene.cache.len(), 0);
        assert!(!client.returns(&front, &session));
        let client = Client::new(version).named("front");
        let session = client.visit(&front, None).sessions.pop().unwrap();
        assert!(client.returns(&front, &session));
    }
}

#[test]
fn names_of_one_id_context_share_their_sessions() {
    for version in VERSIONS {
        let scene = Scene::new();
        let (other, _) = scene.server_of("www", Options::new(), |_| {});
        for leads in [leads_at_once, leads_by_name] {
            let (front, _) = front(&scene, "www", &other, leads);
            let client = Client::new(version).named("other");
            let session = client.visit(&front, None).sessions.pop().unwrap();
            let mut pair = client.meet(&front, Some(&session));
            assert!(pair.visit(&client).reused);
            assert!(is_of(pair.server.ssl(), &other));
            pair.close();
        }
    }
}

fn is_of(ssl: &openssl::ssl::SslRef, context: &SslContext) -> bool {
    use foreign_types::{ForeignType, ForeignTypeRef};
    ssl.ssl_context().as_ptr() == context.as_ptr()
}

/// A context that has nothing to do with the cache.
fn unattached(scene: &Scene, id_context: &str) -> SslContext {
    let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
    scene.identity.show(&mut builder);
    builder.set_options(SslOptions::NO_TICKET);
    builder.set_session_id_context(id_context.as_bytes()).unwrap();
    builder.build()
}

#[test]
fn who_is_led_to_a_context_that_is_not_attached_is_served_and_not_resumed() {
    for version in VERSIONS {
        // Whatever it is called: that cannot be asked.
        for id_context in ["www", "other"] {
            let scene = Scene::new();
            let (www, other) = (scene.server(), unattached(&scene, id_context));
            let (front, attachment) = front(&scene, "www", &other, leads_at_once);
            let client = Client::new(version);
            let session = client.visit(&front, None).sessions.pop().unwrap();
            let figures = attachment.statistics();
            assert_eq!((figures.other_context, scene.cache.len()), (figures.negotiated, 0));
            assert!(!client.returns(&front, &session));
            // What it offers of others is not used up either.
            let session = client.visit(&www, None).sessions.pop().unwrap();
            assert!(!client.returns(&front, &session));
            assert_eq!(attachment.statistics().answered, 0);
            assert!(client.returns(&www, &session));
        }
    }
}

#[test]
fn stranger_does_not_come_in_by_a_session_of_a_context_that_is_not_attached() {
    for version in VERSIONS {
        let scene = Scene::new();
        let other = unattached(&scene, "other");
        let (front, attachment) = scene.server_of("front", Options::new(), |builder| {
            verifies_clients(builder);
            builder.set_servername_callback(move |ssl, _| {
                if ssl.servername(NameType::HOST_NAME) == Some("other") {
                    ssl.set_ssl_context(&other).unwrap();
                    ssl.set_verify(SslVerifyMode::NONE);
                }
                Ok(())
            });
        });
        let stranger = Client::new(version).named("other");
        let session = stranger.visit(&front, None).sessions.pop().unwrap();
        assert!(attachment.statistics().other_context > 0);
        assert_eq!(scene.cache.len(), 0);
        let stranger = stranger.named("front");
        let mut pair = Pair::new(stranger.connection(Some(&session)), Ssl::new(&front).unwrap());
        assert!(pair.shake_hands().is_err(), "the stranger has no certificate");
        assert!(!pair.server.ssl().session_reused());
    }
}

/// Asks for a certificate, and is content with any.
fn verifies_clients(builder: &mut SslContextBuilder) {
    let required = SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT;
    builder.set_verify_callback(required, |_, _| true);
}
