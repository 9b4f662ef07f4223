//! What a client keeps, for how long, and how often it offers it.

use std::ffi::c_long;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use foreign_types::ForeignTypeRef;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslVersion};
use session_cache::Seconds;
use session_openssl::{ClientSessions, ClientSessionsBuilder, ErrorKind, Options};

use crate::peers::{Pair, Scene, TLS12, TLS13};
use crate::traveller::{HOST, Traveller};

const VERSIONS: [SslVersion; 2] = [TLS12, TLS13];

#[test]
fn client_comes_back_to_a_server_again_and_again() {
    for version in VERSIONS {
        let scene = Scene::new();
        let server = scene.server();
        let client = Traveller::new(version);
        assert!(!client.visits(&server));
        for hits in 1..=5 {
            assert!(client.visits(&server));
            let figures = client.sessions.statistics();
            assert_eq!((figures.hits, figures.misses, figures.servers), (hits, 1, 1));
            assert_eq!(scene.statistics().hits, hits);
        }
    }
}

#[test]
fn each_ticket_is_offered_once_and_an_earlier_session_always() {
    let scene = Scene::new();
    let server = scene.server();
    let client = Traveller::new(TLS13);
    client.visits(&server);
    let offered = [(); 3].map(|()| client.is_offered(HOST, 443));
    assert_eq!(offered, [true, true, false], "there were two tickets");

    let client = Traveller::new(TLS12);
    client.visits(&server);
    assert!((0..10).all(|_| client.is_offered(HOST, 443)));
}

#[test]
fn of_many_connections_at_once_each_is_offered_a_ticket_of_its_own() {
    const THREADS: usize = 4;
    let scene = Scene::new();
    let server = scene.server();
    let client = Traveller::of(TLS13, |sessions| sessions.tickets_max(100), |_| {});
    let tickets = gathered(&client, &server);
    let (start, offered) = (Barrier::new(THREADS), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                for _ in 0..tickets {
                    let is_offered = client.is_offered(HOST, 443);
                    offered.fetch_add(usize::from(is_offered), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(offered.load(Ordering::Relaxed), tickets);
}

/// Lets many connections be open at once before the first ticket comes, so that all are full ones; says how many tickets
/// came.
fn gathered(client: &Traveller, server: &SslContext) -> usize {
    let mut pairs: Vec<_> = (0..20)
        .map(|_| {
            let mut ssl = client.ssl();
            client.sessions.offer(&mut ssl, HOST, 443).unwrap();
            let mut pair = Pair::new(ssl, Ssl::new(server).unwrap());
            pair.shake_hands().unwrap();
            pair
        })
        .collect();
    pairs.iter_mut().for_each(Pair::talk);
    pairs.into_iter().for_each(Pair::close);
    40
}

#[test]
fn session_is_offered_to_its_own_host_and_port_alone() {
    for version in VERSIONS {
        let scene = Scene::new();
        let client = Traveller::new(version);
        client.visits(&scene.server());
        assert!(!client.is_offered("localhost.", 443));
        assert!(!client.is_offered("other", 443));
        assert!(!client.is_offered(HOST, 444));
        assert!(client.is_offered("LocalHost", 443), "names are compared without case");
    }
}

#[test]
fn connection_that_is_prepared_anew_offers_what_the_last_server_gave_or_nothing() {
    for version in VERSIONS {
        let scene = Scene::new();
        let server = scene.server();
        let client = Traveller::new(version);
        client.visits(&server);
        let mut ssl = client.ssl();
        assert!(client.sessions.offer(&mut ssl, HOST, 443).unwrap());
        assert!(!client.sessions.offer(&mut ssl, "fallback", 443).unwrap());
        let mut pair = Pair::new(ssl, Ssl::new(&server).unwrap());
        pair.shake_hands().unwrap();
        assert!(!pair.client.ssl().session_reused());
        pair.talk();
        pair.close();
        assert!(client.is_offered("fallback", 443), "what it was given is the fallback's");
        let mut ssl = client.ssl();
        assert!(!client.sessions.offer(&mut ssl, "other", 443).unwrap());
        assert!(client.sessions.offer(&mut ssl, HOST, 443).unwrap());
        let mut pair = Pair::new(ssl, Ssl::new(&server).unwrap());
        pair.shake_hands().unwrap();
        assert!(pair.client.ssl().session_reused());
        pair.close();
    }
}

unsafe extern "C" {
    fn SSL_SESSION_set_timeout(session: *mut openssl_sys::SSL_SESSION, seconds: c_long) -> c_long;
}

/// A server whose tickets say that they are good for so long.
fn server_of(scene: &Scene, timeout: u64) -> SslContext {
    scene.server_of("www", Options::new().timeout(Seconds(timeout)), |_| {}).0
}

#[test]
fn ticket_with_a_lifetime_of_0_is_never_kept() {
    let scene = Scene::new();
    let (server, _) = scene.server_of("www", Options::new(), |builder| {
        // It is called when the session is made and its tickets are not.
        builder.set_servername_callback(|ssl, _| {
            let session = ssl.session().expect("one was begun").as_ptr();
            // SAFETY: the session is its connection's, which is in this thread.
            assert_eq!(unsafe { SSL_SESSION_set_timeout(session, 0) }, 1);
            Ok(())
        });
    });
    let client = Traveller::new(TLS13);
    client.visits(&server);
    let figures = client.sessions.statistics();
    assert_eq!((figures.given, figures.too_old, figures.servers), (2, 2, 0));
    assert!(!client.is_offered(HOST, 443));
}

#[test]
fn session_is_offered_until_the_lifetime_that_its_server_said() {
    let scene = Scene::new();
    let client = Traveller::new(TLS13);
    let server = server_of(&scene, 100);
    for (wait, offered) in [(100, true), (101, false)] {
        client.sessions.clear();
        client.visits(&server);
        client.clock.advance(Seconds(wait));
        assert_eq!(client.is_offered(HOST, 443), offered, "after {wait} seconds");
    }
    // Before TLS 1.3 the client's own context says so.
    let client = Traveller::new(TLS12);
    let server = server_of(&scene, 100_000);
    for (wait, offered) in [(7_200, true), (7_201, false)] {
        client.sessions.clear();
        client.visits(&server);
        client.clock.advance(Seconds(wait));
        assert_eq!(client.is_offered(HOST, 443), offered, "after {wait} seconds");
    }
}

#[test]
fn no_ticket_is_offered_for_more_than_seven_days() {
    const DAY: u64 = 86_400;
    let scene = Scene::of(|builder| builder.lifetime_max_tls13(Seconds(30 * DAY)));
    let server = server_of(&scene, 30 * DAY);
    let client = Traveller::of(TLS13, |sessions| sessions.lifetime(Seconds(30 * DAY)), |_| {});
    for (wait, offered) in [(7 * DAY, true), (7 * DAY + 1, false)] {
        client.sessions.clear();
        client.visits(&server);
        client.clock.advance(Seconds(wait));
        assert_eq!(client.is_offered(HOST, 443), offered, "after {wait} seconds");
    }
    client.visits(&server);
    client.clock.advance(Seconds(5 * DAY));
    assert!(client.visits(&server), "which brings a new ticket");
    client.clock.advance(Seconds(2 * DAY + 1));
    assert!(!client.is_offered(HOST, 443), "the full handshake lies too far back all the same");
}

#[test]
fn server_is_kept_as_long_as_the_newest_of_its_sessions() {
    let scene = Scene::new();
    let server = scene.server();
    let client = Traveller::of(TLS13, |sessions| sessions.lifetime(Seconds(100)), |_| {});
    client.visits(&server);
    client.clock.advance(Seconds(60));
    assert!(client.is_offered(HOST, 443) && client.is_offered(HOST, 443), "both are used up");
    assert!(!client.visits(&server));
    client.clock.advance(Seconds(100));
    assert!(client.is_offered(HOST, 443));
}

#[test]
fn lifetime_counts_from_the_full_handshake_through_all_resumptions() {
    let scene = Scene::new();
    let server = scene.server();
    let client = Traveller::of(TLS13, |sessions| sessions.lifetime(Seconds(150)), |_| {});
    client.visits(&server);
    for _ in 0..2 {
        client.clock.advance(Seconds(70));
        assert!(client.visits(&server));
    }
    client.clock.advance(Seconds(10));
    assert!(client.visits(&server), "150 seconds after the full handshake");
    client.clock.advance(Seconds(1));
    assert!(!client.visits(&server));
    client.clock.advance(Seconds(150));
    assert!(client.visits(&server), "a full handshake begins anew");
}

#[test]
fn servers_and_tickets_are_bounded() {
    let scene = Scene::new();
    let server = scene.server();
    let settings = |sessions: ClientSessionsBuilder| sessions.servers_max(3).tickets_max(1);
    let client = Traveller::of(TLS13, settings, |_| {});
    for port in 1..=10 {
        client.visits_as(&server, HOST, port, |_| {});
    }
    let figures = client.sessions.statistics();
    assert_eq!((figures.servers, figures.servers_evicted, figures.tickets_evicted), (3, 7, 10));
    let offered = (1..=10).flat_map(|port| [port, port]).filter(|&at| client.is_offered(HOST, at));
    assert_eq!(offered.count(), 3, "one ticket for each of three servers");
    let none = Traveller::of(TLS13, |sessions| sessions.tickets_max(0), |_| {});
    none.visits(&server);
    assert!(!none.is_offered(HOST, 443));
}

#[test]
fn session_of_a_connection_that_broke_is_not_offered_again() {
    let scene = Scene::new();
    let server = scene.server();
    let client = Traveller::new(TLS12);
    client.visits(&server);
    let mut ssl = client.ssl();
    assert!(client.sessions.offer(&mut ssl, HOST, 443).unwrap());
    let mut pair = Pair::new(ssl, Ssl::new(&server).unwrap());
    pair.shake_hands().unwrap();
    assert!(client.is_offered(HOST, 443));
    drop(pair);
    assert!(!client.is_offered(HOST, 443));
}

#[test]
fn forgotten_and_expired_servers_are_gone() {
    let scene = Scene::new();
    let server = scene.server();
    let client = Traveller::of(TLS13, |sessions| sessions.lifetime(Seconds(100)), |_| {});
    client.visits(&server);
    assert_eq!(client.sessions.clear(), 1);
    assert!(!client.is_offered(HOST, 443));
    client.visits(&server);
    client.clock.advance(Seconds(60));
    client.visits_as(&server, HOST, 444, |_| {});
    client.clock.advance(Seconds(41));
    assert_eq!(client.sessions.flush_expired(), 1);
    assert_eq!(client.sessions.statistics().servers, 1);
    assert!(client.is_offered(HOST, 444));
}

#[test]
fn settings_out_of_range_are_named() {
    let attached = |settings: ClientSessionsBuilder| {
        let mut builder = SslContext::builder(SslMethod::tls_client()).unwrap();
        settings.attach(&mut builder).map(|_| ()).unwrap_err()
    };
    let none = attached(ClientSessions::builder().servers_max(0));
    assert_eq!(none.to_string(), "servers_max is 0; it must be 1 to 16777216");
    let many = attached(ClientSessions::builder().servers_max(20_000_000));
    assert_eq!(many.kind(), ErrorKind::Setting);
    let brief = attached(ClientSessions::builder().lifetime(Seconds(0)));
    assert_eq!(brief.to_string(), "lifetime in seconds is 0; it must be 1 to 604800");
}

#[test]
fn context_has_one_store_or_one_cache() {
    let scene = Scene::new();
    let mut builder = SslContext::builder(SslMethod::tls()).unwrap();
    ClientSessions::builder().attach(&mut builder).unwrap();
    let again = ClientSessions::builder().attach(&mut builder).map(|_| ()).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyAttached);
    let cache = std::sync::Arc::clone(&scene.cache);
    let id_context = crate::peers::context("www");
    let both = session_openssl::attach(&mut builder, cache, id_context, Options::new());
    assert_eq!(both.map(|_| ()).unwrap_err().kind(), ErrorKind::AlreadyAttached);
}

#[test]
fn neither_names_nor_sessions_are_shown() {
    let scene = Scene::new();
    let client = Traveller::new(TLS13);
    client.visits(&scene.server());
    let shown = format!("{:?}", client.sessions);
    assert!(shown.contains("servers: 1") && !shown.contains(HOST), "{shown}");
    let figures = client.sessions.statistics().to_string();
    assert!(figures.starts_with("servers                         1\ngiven"), "{figures}");
}
