//! Whose sessions a client offers to whom.

use openssl::ssl::{Ssl, SslContext, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;
use session_openssl::{ErrorKind, Options};

use crate::peers::{Identity, Pair, Scene, TLS12, TLS13};
use crate::traveller::{HOST, Traveller};

const VERSIONS: [SslVersion; 2] = [TLS12, TLS13];

#[test]
fn connection_of_another_context_is_refused() {
    let client = Traveller::new(TLS13);
    let other = Traveller::new(TLS13);
    let bare = SslContext::builder(SslMethod::tls_client()).unwrap().build();
    for ssl in [&mut other.ssl(), &mut Ssl::new(&bare).unwrap()] {
        let refused = client.sessions.offer(ssl, HOST, 443).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::OtherContext);
        assert!(refused.to_string().contains("another context"), "{refused}");
    }
}

#[test]
fn sessions_of_one_client_are_not_seen_by_another() {
    let scene = Scene::new();
    let server = scene.server();
    let client = Traveller::new(TLS13);
    client.visits(&server);
    assert!(!Traveller::new(TLS13).visits(&server));
    assert!(client.visits(&server));
}

#[test]
fn session_of_a_connection_that_did_not_verify_is_not_kept() {
    for version in VERSIONS {
        let scene = Scene::new();
        let server = scene.server();
        let client = Traveller::careful(version, &scene);
        let lax = |ssl: &mut Ssl| ssl.set_verify(SslVerifyMode::NONE);
        client.visits_as(&server, HOST, 443, lax);
        assert!(client.sessions.statistics().untrusted > 0);
        assert!(!client.is_offered(HOST, 443));
        assert!(!client.visits(&server));
        assert!(client.visits(&server), "that one has verified");
    }
}

/// How a single connection of a client that knows a server comes to accept other certificates than its context does.
const OWN_WAYS: [fn(&mut Ssl, &Identity); 6] = [
    lets_everybody_in,
    |ssl, known| {
        let mut store = X509StoreBuilder::new().unwrap();
        store.add_cert(known.certificate.clone()).unwrap();
        ssl.set_verify_cert_store(store.build()).unwrap();
    },
    |ssl, _| ssl.param_mut().set_depth(7),
    |ssl, _| ssl.param_mut().set_flags(X509VerifyFlags::PARTIAL_CHAIN).unwrap(),
    |ssl, _| ssl.param_mut().set_auth_level(0),
    |ssl, _| ssl.set_security_level(0),
];

fn lets_everybody_in(ssl: &mut Ssl, _: &Identity) {
    ssl.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
}

#[test]
fn impostor_whom_a_connection_let_in_by_its_own_callback_is_not_known_to_others() {
    for version in VERSIONS {
        let (scene, impostor) = (Scene::new(), Scene::new());
        let client = Traveller::careful(version, &scene);
        let refused = |client: &Traveller| {
            let mut ssl = client.ssl();
            let offered = client.sessions.offer(&mut ssl, HOST, 443).unwrap();
            let refused = Pair::new(ssl, Ssl::new(&impostor.server()).unwrap()).shake_hands();
            !offered && refused.is_err()
        };
        assert!(refused(&client), "it has another key than the server that the client knows");
        let server = impostor.server();
        client.visits_as(&server, HOST, 443, |ssl| lets_everybody_in(ssl, &impostor.identity));
        assert!(client.sessions.statistics().untrusted > 0);
        assert!(!client.is_offered(HOST, 443));
        assert!(refused(&client), "as before");
    }
}

#[test]
fn connection_that_verifies_in_its_own_way_is_offered_nothing() {
    for version in VERSIONS {
        let scene = Scene::new();
        let server = scene.server();
        let client = Traveller::careful(version, &scene);
        client.visits(&server);
        for (at, own_way) in OWN_WAYS.into_iter().enumerate() {
            let mut strict = client.ssl();
            own_way(&mut strict, &scene.identity);
            assert!(!client.sessions.offer(&mut strict, HOST, 443).unwrap(), "way {at}");
        }
        assert!(client.visits(&server), "those that are as their context are");
    }
}

#[test]
fn session_of_a_connection_that_verified_in_its_own_way_is_not_kept() {
    for version in VERSIONS {
        for (at, own_way) in OWN_WAYS.into_iter().enumerate() {
            let scene = Scene::new();
            let client = Traveller::careful(version, &scene);
            client.visits_as(&scene.server(), HOST, 443, |ssl| own_way(ssl, &scene.identity));
            let figures = client.sessions.statistics();
            assert_eq!((figures.untrusted, figures.servers), (figures.given, 0), "way {at}");
        }
    }
}

#[test]
fn connection_that_does_not_verify_may_be_offered_what_others_verified() {
    for version in VERSIONS {
        let scene = Scene::new();
        let server = scene.server();
        let client = Traveller::careful(version, &scene);
        client.visits(&server);
        assert!(client.visits_as(&server, HOST, 443, |ssl| ssl.set_verify(SslVerifyMode::NONE)));
    }
}

#[test]
fn connection_that_checks_the_name_is_as_its_context_is() {
    for version in VERSIONS {
        let scene = Scene::new();
        let server = scene.server();
        // One whose own store has been set verifies by that, and so do all of its connections.
        let client = Traveller::of(
            version,
            |sessions| sessions,
            |builder| {
                let mut known = X509StoreBuilder::new().unwrap();
                known.add_cert(scene.identity.certificate.clone()).unwrap();
                builder.set_verify_cert_store(known.build()).unwrap();
                builder.set_verify_callback(SslVerifyMode::PEER, |is_good, _| is_good);
            },
        );
        let checks_name = |ssl: &mut Ssl| ssl.param_mut().set_host(HOST).unwrap();
        assert!(!client.visits_as(&server, HOST, 443, checks_name));
        assert!(client.visits_as(&server, HOST, 443, checks_name));
    }
}

#[test]
fn session_of_a_connection_that_was_led_to_another_context_is_not_kept() {
    for version in VERSIONS {
        let (scene, impostor) = (Scene::new(), Scene::new());
        let client = Traveller::careful(version, &scene);
        // It verifies nobody, and has a store of its own.
        let lax = Traveller::new(version);
        let mut ssl = client.ssl();
        client.sessions.offer(&mut ssl, HOST, 443).unwrap();
        ssl.set_ssl_context(&lax.context).unwrap();
        ssl.set_verify(SslVerifyMode::NONE);
        let mut pair = Pair::new(ssl, Ssl::new(&impostor.server()).unwrap());
        pair.shake_hands().unwrap();
        pair.talk();
        pair.close();
        assert!(client.sessions.statistics().untrusted > 0);
        assert!(!client.is_offered(HOST, 443));
    }
}

#[test]
fn session_of_a_server_with_another_name_is_not_kept() {
    for version in VERSIONS {
        let scene = Scene::new();
        let server = scene.server();
        let client = Traveller::careful(version, &scene);
        for host in ["other", "127.0.0.1", "::1", ""] {
            client.visits_as(&server, host, 443, |_| {});
            assert!(!client.is_offered(host, 443), "the certificate is not for {host}");
        }
        assert_eq!(client.sessions.statistics().servers, 0);
    }
}

#[test]
fn connection_that_verifies_is_offered_nothing_that_a_lax_context_kept() {
    let scene = Scene::new();
    let server = scene.server();
    let client = Traveller::new(TLS12);
    client.visits(&server);
    let mut strict = client.ssl();
    strict.set_verify(SslVerifyMode::PEER);
    assert!(!client.sessions.offer(&mut strict, HOST, 443).unwrap());
    assert!(client.is_offered(HOST, 443));
}

#[test]
fn connection_with_a_certificate_of_its_own_is_a_stranger() {
    let scene = Scene::new();
    let (server, _) = scene.server_of("staff", Options::new(), |builder| {
        builder.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
    });
    let (ours, own) = (Identity::new(), Identity::new());
    let client = Traveller::of(TLS12, |sessions| sessions, |builder| ours.show(builder));
    let shows_own = |ssl: &mut Ssl| {
        ssl.set_certificate(&own.certificate).unwrap();
        ssl.set_private_key(&own.key).unwrap();
    };
    client.visits_as(&server, HOST, 443, shows_own);
    assert!(!client.visits(&server), "what it was given stays its own");
    assert!(client.visits(&server));
    assert!(!client.visits_as(&server, HOST, 443, shows_own), "nor is it offered ours");
}
