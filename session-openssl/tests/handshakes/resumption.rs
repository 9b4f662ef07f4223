//! Who comes back, how often, and with what.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use openssl::ssl::{ClientHelloResponse, Ssl, SslContext, SslOptions, SslVerifyMode, SslVersion};
use session_cache::{ProtocolVersion, UnixTime};
use session_openssl::Options;

use crate::peers::{Client, Identity, Pair, Scene, TLS12, TLS13, copied};

#[test]
fn tls12_session_comes_back_by_its_id_as_often_as_it_likes() {
    let scene = Scene::new();
    let (server, attachment) = scene.server_of("www", Options::new(), |_| {});
    let client = Client::new(TLS12);
    let first = client.visit(&server, None);
    assert!(!first.reused);
    assert_eq!((first.sessions.len(), scene.cache.len()), (1, 1));
    assert_eq!(scene.sessions()[0].version(), ProtocolVersion::TLS12);
    for hits in 1..=3 {
        assert!(client.returns(&server, &first.sessions[0]));
        assert_eq!(scene.statistics().hits, hits);
    }
    scene.cache.flush(UnixTime(0));
    assert!(!client.returns(&server, &first.sessions[0]), "the cache was emptied");
    assert_eq!(scene.statistics().hits, 3);
    let figures = attachment.statistics();
    assert_eq!((figures.negotiated, figures.asked, figures.answered), (2, 4, 3));
}

#[test]
fn tls13_ticket_comes_back_once() {
    let scene = Scene::new();
    let server = scene.server();
    let client = Client::new(TLS13);
    let first = client.visit(&server, None);
    assert_eq!((first.sessions.len(), scene.cache.len()), (2, 2));
    for session in &first.sessions {
        assert!(client.returns(&server, session));
        assert!(!client.returns(&server, session), "it was used");
    }
    assert_eq!((scene.statistics().hits, scene.statistics().taken), (2, 2));
}

#[test]
fn resumed_tls13_connection_brings_a_ticket_that_comes_back() {
    let scene = Scene::new();
    let server = scene.server();
    let client = Client::new(TLS13);
    let mut session = client.visit(&server, None).sessions.pop().unwrap();
    for hits in 1..=5 {
        let mut visit = client.visit(&server, Some(&session));
        assert!(visit.reused);
        assert_eq!(scene.statistics().hits, hits);
        session = visit.sessions.pop().unwrap();
    }
}

#[test]
fn of_many_that_present_one_ticket_at_once_one_resumes() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 30;
    let scene = Scene::new();
    // Two servers, as after a reload; all that they share is the cache.
    let servers = [scene.server(), scene.server()];
    let (start, resumed) = (Barrier::new(THREADS), AtomicUsize::new(0));
    let client = Client::new(TLS13);
    let tickets: Vec<_> =
        (0..ROUNDS).map(|_| client.visit(&servers[0], None).sessions.pop().unwrap()).collect();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (servers, tickets, start, resumed) = (&servers, &tickets, &start, &resumed);
            scope.spawn(move || {
                let client = Client::new(TLS13);
                for ticket in tickets {
                    let mine = copied(ticket);
                    start.wait();
                    let visit = client.visit(&servers[thread % 2], Some(&mine));
                    resumed.fetch_add(usize::from(visit.reused), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(resumed.load(Ordering::Relaxed), ROUNDS);
    assert_eq!(scene.statistics().taken, ROUNDS as u64);
}

#[test]
fn tls12_session_comes_back_once_where_that_is_asked_for() {
    let scene = Scene::new();
    let (server, _) = scene.server_of("www", Options::new().single_use(true), |_| {});
    let client = Client::new(TLS12);
    let session = client.visit(&server, None).sessions.pop().unwrap();
    assert!(client.returns(&server, &session));
    assert!(!client.returns(&server, &session));
}

#[test]
fn sessions_that_are_in_tickets_are_not_stored() {
    let scene = Scene::new();
    let (server, attachment) = scene.server_of("www", Options::new(), |builder| {
        builder.clear_options(SslOptions::NO_TICKET);
    });
    for (version, in_tickets) in [(TLS12, 0), (TLS13, 2)] {
        let client = Client::new(version);
        let session = client.visit(&server, None).sessions.pop().unwrap();
        assert_eq!(attachment.statistics().in_tickets, in_tickets);
        assert!(client.returns(&server, &session), "by its ticket");
    }
    assert_eq!((scene.statistics().stored, scene.cache.len()), (0, 0));
    // A client without tickets has an id all the same.
    let client = Client::of(TLS12, |builder| {
        builder.set_options(SslOptions::NO_TICKET);
    });
    let session = client.visit(&server, None).sessions.pop().unwrap();
    assert!(client.returns(&server, &session));
    assert_eq!((scene.statistics().stored, scene.statistics().hits), (1, 1));
}

#[test]
fn certificate_of_the_client_comes_back_with_the_session() {
    let scene = Scene::new();
    let (server, _) = scene.server_of("staff", Options::new(), |builder| {
        builder.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
    });
    let identity = Identity::new();
    for version in [TLS12, TLS13] {
        let client = Client::of(version, |builder| identity.show(builder));
        let session = client.visit(&server, None).sessions.pop().unwrap();
        let pair = client.meet(&server, Some(&session));
        assert!(pair.server.ssl().session_reused());
        let shown = pair.server.ssl().peer_certificate().expect("it was shown once");
        assert_eq!(shown.to_der().unwrap(), identity.certificate.to_der().unwrap());
    }
}

/// How a server is attached that may have to know whether a session has a certificate, with and without an object.
fn ways() -> impl Iterator<Item = (SslVersion, Options)> {
    [(TLS12, false), (TLS12, true), (TLS13, false)].into_iter().flat_map(|(version, single_use)| {
        let options = Options::new().single_use(single_use);
        [true, false].map(|keep_decoded| (version, options.clone().keep_decoded(keep_decoded)))
    })
}

/// A server that requires certificates, and is content with any, on the connections for which `strict` says so.
fn server_that_may_be_strict(
    scene: &Scene,
    options: Options,
    mode: SslVerifyMode,
    strict: &Arc<AtomicBool>,
) -> SslContext {
    let is_strict = Arc::clone(strict);
    let (server, _) = scene.server_of("www", options, |builder| {
        builder.set_client_hello_callback(move |ssl, _| {
            if is_strict.load(Ordering::Relaxed) {
                ssl.set_verify_callback(mode, |_, _| true);
            }
            Ok(ClientHelloResponse::SUCCESS)
        });
    });
    server
}

const REQUIRED: SslVerifyMode = SslVerifyMode::PEER.union(SslVerifyMode::FAIL_IF_NO_PEER_CERT);

#[test]
fn session_without_a_certificate_does_not_come_back_where_one_is_required() {
    for (version, options) in ways() {
        let (scene, strict) = (Scene::new(), Arc::new(AtomicBool::new(false)));
        let server = server_that_may_be_strict(&scene, options, REQUIRED, &strict);
        let client = Client::new(version);
        let session = client.visit(&server, None).sessions.pop().unwrap();
        strict.store(true, Ordering::Relaxed);
        let connection = client.connection(Some(&copied(&session)));
        let mut pair = Pair::new(connection, Ssl::new(&server).unwrap());
        assert!(pair.shake_hands().is_err(), "the client has none to show");
        assert!(!pair.server.ssl().session_reused());
        strict.store(false, Ordering::Relaxed);
        assert!(client.returns(&server, &session), "the attempt did not use it up");
    }
}

#[test]
fn session_with_a_certificate_comes_back_where_one_is_required() {
    let identity = Identity::new();
    for (version, options) in ways() {
        let (scene, strict) = (Scene::new(), Arc::new(AtomicBool::new(true)));
        let server = server_that_may_be_strict(&scene, options, REQUIRED, &strict);
        let client = Client::of(version, |builder| identity.show(builder));
        let session = client.visit(&server, None).sessions.pop().unwrap();
        assert!(client.returns(&server, &session));
    }
}

#[test]
fn session_comes_back_where_a_certificate_is_required_after_the_handshake() {
    let scene = Scene::new();
    let later = REQUIRED | SslVerifyMode::from_bits_retain(8);
    let strict = Arc::new(AtomicBool::new(true));
    let server = server_that_may_be_strict(&scene, Options::new(), later, &strict);
    let client = Client::new(TLS13);
    let session = client.visit(&server, None).sessions.pop().unwrap();
    assert!(client.returns(&server, &session));
}

#[test]
fn session_survives_a_reload_of_the_certificate() {
    let mut scene = Scene::new();
    let old = scene.server();
    for version in [TLS12, TLS13] {
        let client = Client::new(version);
        let session = client.visit(&old, None).sessions.pop().unwrap();
        scene.identity = Identity::new();
        let new = scene.server();
        assert!(client.returns(&new, &session));
    }
    drop(old);
    assert_eq!(
        scene.cache.len(),
        3,
        "one of TLS 1.2, and of TLS 1.3 one that is left and one that is new"
    );
}
