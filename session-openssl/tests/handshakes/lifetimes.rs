//! How long a session is good, by whose word, and when it leaves before that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use openssl::ssl::{ShutdownState, SslVersion};
use session_cache::{CacheMode, Departure, Seconds, UnixTime};
use session_openssl::Options;

use crate::peers::{Client, START, Scene, TLS12, TLS13};

const VERSIONS: [SslVersion; 2] = [TLS12, TLS13];

fn hour() -> Options {
    Options::new().timeout(Seconds(3_600))
}

#[test]
fn lifetime_is_the_one_that_libssl_gave_the_session() {
    for (options, timeout) in [(Options::new(), 7_200), (hour(), 3_600)] {
        for version in VERSIONS {
            let scene = Scene::new();
            let (server, _) = scene.server_of("www", options.clone(), |_| {});
            let client = Client::new(version);
            let session = client.visit(&server, None).sessions.pop().unwrap();
            for stored in scene.sessions() {
                assert_eq!(stored.timeout(), Seconds(timeout));
                assert_eq!(stored.created(), UnixTime(START));
            }
            scene.clock.advance(Seconds(timeout));
            assert!(client.returns(&server, &session), "good to the last second");
            let session = client.visit(&server, None).sessions.pop().unwrap();
            scene.clock.advance(Seconds(timeout + 1));
            assert!(!client.returns(&server, &session));
            assert_eq!(scene.statistics().timeouts, 1);
        }
    }
}

#[test]
fn flushed_session_does_not_come_back() {
    for version in VERSIONS {
        let scene = Scene::new();
        let server = scene.server();
        let client = Client::new(version);
        let session = client.visit(&server, None).sessions.pop().unwrap();
        assert!(scene.cache.flush(UnixTime(0)) > 0);
        assert!(!client.returns(&server, &session));
    }
}

/// What the server's libssl believes of the session that it has resumed.
fn believed(
    client: &Client,
    server: &openssl::ssl::SslContext,
    session: &openssl::ssl::SslSession,
) -> (u64, i64) {
    let pair = client.meet(server, Some(session));
    assert!(pair.server.ssl().session_reused());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let resumed = pair.server.ssl().session().unwrap();
    let believed = (now - resumed.time() as u64, resumed.timeout());
    pair.close();
    believed
}

#[test]
fn use_renews_a_session_in_the_mode_by_which_it_does() {
    for (mode, renews) in
        [(CacheMode::SERVER, false), (CacheMode::SERVER | CacheMode::UPDATE_TIME, true)]
    {
        let scene = Scene::of(|builder| builder.mode(mode));
        let (server, _) = scene.server_of("www", Options::new().timeout(Seconds(300)), |_| {});
        let client = Client::new(TLS12);
        let session = client.visit(&server, None).sessions.pop().unwrap();
        scene.clock.advance(Seconds(200));
        let (age, timeout) = believed(&client, &server, &session);
        let expected = if renews { 0 } else { 200 };
        assert!((expected..expected + 60).contains(&age), "{age}: libssl hears of it too");
        assert_eq!(timeout, 300);
        scene.clock.advance(Seconds(200));
        assert_eq!(client.returns(&server, &session), renews);
    }
}

#[test]
fn timeout_that_was_set_in_the_cache_is_what_libssl_hears() {
    let scene = Scene::new();
    let server = scene.server();
    let client = Client::new(TLS12);
    let session = client.visit(&server, None).sessions.pop().unwrap();
    scene.cache.set_timeout_of(&scene.sessions()[0], Seconds(50_000));
    scene.clock.advance(Seconds(20_000));
    let (age, timeout) = believed(&client, &server, &session);
    assert!((20_000..20_060).contains(&age), "{age}");
    assert_eq!(timeout, 50_000);
}

#[test]
fn age_of_the_authentication_is_carried_through_resumptions() {
    let scene = Scene::of(|builder| builder.lifetime_max_tls13(Seconds(150)));
    let server = scene.server();
    let client = Client::new(TLS13);
    let mut session = client.visit(&server, None).sessions.pop().unwrap();
    for _ in 0..2 {
        scene.clock.advance(Seconds(70));
        let mut visit = client.visit(&server, Some(&session));
        assert!(visit.reused);
        session = visit.sessions.pop().unwrap();
    }
    let newest = scene.sessions().into_iter().max_by_key(|session| session.created()).unwrap();
    assert_eq!(newest.created(), UnixTime(START + 140));
    assert_eq!(newest.authenticated(), UnixTime(START));
    scene.clock.advance(Seconds(11));
    assert!(!client.returns(&server, &session), "151 seconds after the peers proved who they are");
    let session = client.visit(&server, None).sessions.pop().unwrap();
    scene.clock.advance(Seconds(150));
    assert!(client.returns(&server, &session), "a full handshake begins anew");
}

#[test]
fn session_of_an_unclean_close_is_removed() {
    for version in VERSIONS {
        let told = Arc::new(AtomicUsize::new(0));
        let hears = Arc::clone(&told);
        let scene = Scene::of(|builder| {
            builder.remove_hook(move |left| {
                hears.fetch_add(usize::from(left.why == Departure::Removed), Ordering::Relaxed);
            })
        });
        let server = scene.server();
        let client = Client::new(version);
        let mut pair = client.meet(&server, None);
        let session = pair.visit(&client).sessions.pop().unwrap();
        let before = scene.cache.len();
        drop(pair);
        assert_eq!((scene.cache.len(), scene.statistics().removed), (before - 1, 1));
        assert_eq!(told.load(Ordering::Relaxed), 1);
        assert!(!client.returns(&server, &session));
    }
}

#[test]
fn session_of_a_close_that_counts_as_clean_stays() {
    for version in VERSIONS {
        let scene = Scene::new();
        let server = scene.server();
        let client = Client::new(version);
        let mut pair = client.meet(&server, None);
        let session = pair.visit(&client).sessions.pop().unwrap();
        pair.server.set_shutdown(ShutdownState::SENT | ShutdownState::RECEIVED);
        drop(pair);
        assert_eq!(scene.statistics().removed, 0);
        assert!(client.returns(&server, &session));
    }
}

#[test]
fn store_outside_hears_of_a_session_that_is_only_there() {
    let told = Arc::new(AtomicUsize::new(0));
    let hears = Arc::clone(&told);
    let scene = Scene::of(|builder| {
        builder.mode(CacheMode::SERVER | CacheMode::NO_INTERNAL).remove_hook(move |left| {
            assert_eq!(left.session.id_context(), crate::peers::context("www"));
            hears.fetch_add(1, Ordering::Relaxed);
        })
    });
    let server = scene.server();
    let client = Client::new(TLS12);
    drop(client.meet(&server, None));
    assert_eq!((told.load(Ordering::Relaxed), scene.cache.len()), (1, 0));
}
