//! Whose sessions are resumed.

use openssl::ssl::{SslOptions, SslVersion};
use session_cache::UnixTime;
use session_openssl::{Options, Wiring};

use crate::peers::{Client, Scene, TLS12, TLS13};

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
