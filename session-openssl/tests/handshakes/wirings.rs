//! Whose sessions are resumed.

use openssl::ssl::{SslOptions, SslVersion};
use session_cache::UnixTime;
use session_openssl::{Options, Wiring};

use crate::early_data::{DATA, flight, plays, takes_early_data};
use crate::peers::{Client, Scene, TLS12, TLS13, context};

const VERSIONS: [SslVersion; 2] = [TLS12, TLS13];

fn observe() -> Options {
    Options::new().wiring(Wiring::ObserveOnly)
}

#[test]
fn observed_server_resumes_from_its_own_cache_and_tells_this_one() {
    for version in VERSIONS {
        let scene = Scene::new();
        let (server, attachment) = scene.server_of("www", observe(), |_| {});
        let client = Client::new(version);
        let session = client.visit(&server, None).sessions.pop().unwrap();
        let negotiated = attachment.statistics().negotiated;
        assert!(negotiated > 0);
        assert_eq!((scene.statistics().stored, scene.cache.len() as u64), (negotiated, negotiated));
        assert!(client.returns(&server, &session));
        scene.cache.flush(UnixTime(0));
        assert!(client.returns(&server, &session), "its own cache has it still");
        assert_eq!((scene.statistics().hits, attachment.statistics().answered), (0, 0));
    }
}

#[test]
fn observed_server_is_given_nothing() {
    for version in VERSIONS {
        let scene = Scene::new();
        let (server, _) = scene.server_of("www", observe(), |_| {});
        let (other, attachment) = scene.server_of("www", observe(), |_| {});
        let client = Client::new(version);
        let session = client.visit(&server, None).sessions.pop().unwrap();
        assert!(!client.returns(&other, &session));
        assert_eq!((attachment.statistics().asked, attachment.statistics().answered), (1, 0));
        assert!(client.returns(&server, &session), "the attempt did not use it up");
    }
}

#[test]
fn session_of_an_observed_server_is_taken_by_no_other() {
    for (version, options) in [(TLS13, Options::new()), (TLS12, Options::new().single_use(true))] {
        let scene = Scene::new();
        let (server, _) = scene.server_of("www", observe(), |_| {});
        let (taker, attachment) = scene.server_of("www", options, |_| {});
        let client = Client::new(version);
        let session = client.visit(&server, None).sessions.pop().unwrap();
        // Nor when it was stored anew.
        for _ in 0..2 {
            let before = scene.cache.len();
            assert!(!client.returns(&taker, &session));
            assert_eq!(attachment.statistics().answered, 0);
            assert!(scene.cache.len() >= before);
            for stored in scene.sessions() {
                scene.cache.context(context("www")).insert(stored.to_new()).unwrap();
            }
        }
        assert!(client.returns(&server, &session), "the attempts did not use it up");
        let session = client.visit(&taker, None).sessions.pop().unwrap();
        assert!(client.returns(&taker, &session), "what is its own it does take");
    }
}

#[test]
fn early_data_for_an_observed_server_is_accepted_by_no_other() {
    let scene = Scene::new();
    let (server, _) = scene.server_of("www", observe(), takes_early_data);
    let (other, _) = scene.server_of("www", Options::new(), takes_early_data);
    let client = Client::new(TLS13);
    let session = client.visit(&server, None).sessions.pop().unwrap();
    let flight = flight(&client, &session);
    let refused = (Vec::new(), false);
    assert_eq!(plays(&other, &flight), refused);
    assert_eq!(plays(&server, &flight), (DATA.to_vec(), true));
    assert_eq!([plays(&other, &flight), plays(&server, &flight)], [refused.clone(), refused]);
}

#[test]
fn earlier_session_of_an_observed_server_may_be_found_by_others() {
    let scene = Scene::new();
    let (server, _) = scene.server_of("www", observe(), |_| {});
    let client = Client::new(TLS12);
    let session = client.visit(&server, None).sessions.pop().unwrap();
    assert!(client.returns(&scene.server(), &session));
    assert!(client.returns(&server, &session));
}

#[test]
fn what_leaves_an_observed_server_leaves_this_cache_too() {
    let scene = Scene::new();
    let (server, _) = scene.server_of("www", observe(), |_| {});
    let client = Client::new(TLS12);
    drop(client.meet(&server, None));
    assert_eq!((scene.statistics().removed, scene.cache.len()), (1, 0), "an unclean close");
    client.visit(&server, None);
    assert_eq!(scene.cache.len(), 1);
    drop(server);
    assert_eq!(scene.cache.len(), 0, "its cache is gone");
}

#[test]
fn external_server_that_goes_leaves_its_sessions_here() {
    let scene = Scene::new();
    let server = scene.server();
    let client = Client::new(TLS12);
    let session = client.visit(&server, None).sessions.pop().unwrap();
    drop(server);
    assert_eq!(scene.cache.len(), 1);
    assert!(client.returns(&scene.server(), &session));
}

#[test]
fn observed_tickets_that_hold_their_session_are_counted_and_not_stored() {
    let scene = Scene::new();
    let (server, attachment) = scene.server_of("www", observe(), |builder| {
        builder.clear_options(SslOptions::NO_TICKET);
    });
    Client::new(TLS13).visit(&server, None);
    assert_eq!((attachment.statistics().in_tickets, scene.cache.len()), (2, 0));
}
