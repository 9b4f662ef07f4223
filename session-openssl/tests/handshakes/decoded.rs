//! Sessions that are kept as libssl's objects beside their DER, and those that are not.

use openssl::ssl::{SslContext, SslSession, SslVerifyMode};
use session_cache::Seconds;
use session_codec::{Decoder, UnixTime};
use session_openssl::Options;

use crate::peers::{Client, Identity, Scene, TLS12, TLS13};

/// What a session with its object counts for beyond one without.
const DECODED_BYTES: usize = 1_024;

fn keeping(scene: &Scene, keep_decoded: bool) -> SslContext {
    scene.server_of("www", Options::new().keep_decoded(keep_decoded), |_| {}).0
}

/// A session's DER but for the time, which libssl is told anew each time it gets the session.
fn timeless(der: &[u8]) -> Vec<u8> {
    let (mut session, length) = Decoder::new(UnixTime(0)).decode(der).unwrap();
    assert_eq!(length, der.len());
    session.time = UnixTime(1);
    session.to_der().unwrap().to_vec()
}

/// What the server's libssl works with when a session has come back.
fn resumed(client: &Client, server: &SslContext, session: &SslSession) -> Vec<u8> {
    let pair = client.meet(server, Some(session));
    assert!(pair.server.ssl().session_reused());
    let resumed = pair.server.ssl().session().unwrap().to_der().unwrap();
    pair.close();
    timeless(&resumed)
}

#[test]
fn libssl_gets_what_the_der_says_each_time() {
    for keep_decoded in [true, false] {
        let scene = Scene::new();
        let server = keeping(&scene, keep_decoded);
        let client = Client::new(TLS12);
        let session = client.visit(&server, None).sessions.pop().unwrap();
        let stored = timeless(scene.sessions()[0].payload());
        for _ in 0..3 {
            assert_eq!(resumed(&client, &server, &session), stored);
        }
        assert_eq!(scene.statistics().hits, 3);
    }
}

#[test]
fn each_connection_has_a_session_of_its_own() {
    for keep_decoded in [true, false] {
        let scene = Scene::new();
        let server = keeping(&scene, keep_decoded);
        let client = Client::new(TLS12);
        let session = client.visit(&server, None).sessions.pop().unwrap();
        assert!(client.returns(&server, &session), "it is decoded from here on");
        let first = client.meet(&server, Some(&session));
        let time = || first.server.ssl().session().unwrap().time();
        let before = time();
        // libssl is told an age that is greater by as much.
        scene.clock.advance(Seconds(100));
        let second = client.meet(&server, Some(&session));
        assert!(second.server.ssl().session_reused());
        assert!(second.server.ssl().session().unwrap().time() < before - 50);
        assert_eq!(time(), before, "that of the first connection is not touched");
        first.close();
        second.close();
    }
}

#[test]
fn ticket_of_tls13_comes_back_once_in_either_form() {
    for keep_decoded in [true, false] {
        let scene = Scene::new();
        let server = keeping(&scene, keep_decoded);
        let client = Client::new(TLS13);
        let mut session = client.visit(&server, None).sessions.pop().unwrap();
        for _ in 0..3 {
            let mut visit = client.visit(&server, Some(&session));
            assert!(visit.reused);
            assert!(!client.returns(&server, &session), "it was used");
            session = visit.sessions.pop().unwrap();
        }
    }
}

#[test]
fn session_that_was_handed_back_and_stored_again_comes_back_by_its_der() {
    let scene = Scene::new();
    let server = keeping(&scene, true);
    let client = Client::new(TLS13);
    let session = client.visit(&server, None).sessions.pop().unwrap();
    let stored = scene.sessions();
    for _ in 0..2 {
        assert!(client.returns(&server, &session));
        assert!(!client.returns(&server, &session), "it was used");
        for session in &stored {
            scene.cache.add(session).unwrap();
        }
    }
}

#[test]
fn object_counts_where_bytes_are_limited() {
    for version in [TLS12, TLS13] {
        let [with, without] = [true, false].map(|keep_decoded| {
            let scene = Scene::new();
            let client = Client::new(version);
            client.visit(&keeping(&scene, keep_decoded), None);
            scene.cache.bytes() / scene.cache.len()
        });
        assert!(
            (DECODED_BYTES..DECODED_BYTES + 64).contains(&(with - without)),
            "{with} {without}"
        );
    }
}

#[test]
fn session_with_a_certificate_of_the_client_is_kept_as_der_alone() {
    let identity = Identity::new();
    let [with, without] = [true, false].map(|keep_decoded| {
        let scene = Scene::new();
        let options = Options::new().keep_decoded(keep_decoded);
        let (server, _) = scene.server_of("staff", options, |builder| {
            builder.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
        });
        let client = Client::of(TLS12, |builder| identity.show(builder));
        let session = client.visit(&server, None).sessions.pop().unwrap();
        assert!(client.returns(&server, &session));
        scene.cache.bytes()
    });
    assert!(
        with.abs_diff(without) < 64,
        "{with} {without}: times and signatures have a few lengths"
    );
}
