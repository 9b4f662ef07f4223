//! Whose sessions a client offers to whom.

use openssl::ssl::{Ssl, SslContext, SslMethod, SslVerifyMode, SslVersion};
use session_openssl::{ErrorKind, Options};

use crate::peers::{Identity, Scene, TLS12, TLS13};
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

#[test]
fn session_of_a_server_with_another_name_is_not_kept() {
    for version in VERSIONS {
        let scene = Scene::new();
        let server = scene.server();
        let client = Traveller::careful(version, &scene);
        for host in ["other", "127.0.0.1", "::1"] {
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
