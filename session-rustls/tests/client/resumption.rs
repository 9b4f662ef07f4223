//! What resumes, and what is used up by it.

use std::sync::{Arc, Barrier};
use std::thread;

use rustls::{HandshakeKind, NamedGroup};
use session_cache::{IdContext, ManualClock, Seconds, SessionCache, UnixTime};
use session_rustls::{ClientSessions, ServerSessions};

use crate::peers::{Identity, NAME, TLS12, TLS13, connect, server_sessions};

#[test]
fn client_resumes_tls12_and_tls13_again_and_again() {
    let identity = Identity::new();
    for version in [&TLS12, &TLS13] {
        let server = identity.server(version, &server_sessions(), 2);
        let client = identity.client(ClientSessions::builder());
        assert_eq!(client.connect(&server), HandshakeKind::Full);
        for _ in 0..5 {
            assert_eq!(client.connect(&server), HandshakeKind::Resumed);
        }
        let statistics = client.sessions.statistics();
        assert_eq!((statistics.servers, statistics.hits, statistics.misses), (1, 5, 1));
    }
}

#[test]
fn each_of_several_tickets_is_used_once() {
    let identity = Identity::new();
    let sessions = server_sessions();
    let generous = identity.server(&TLS13, &sessions, 4);
    let mean = identity.server(&TLS13, &sessions, 0);
    let client = identity.client(ClientSessions::builder());
    assert_eq!(client.connect(&generous), HandshakeKind::Full);
    assert_eq!(client.sessions.statistics().stored, 4);
    for _ in 0..4 {
        assert_eq!(client.connect(&mean), HandshakeKind::Resumed);
    }
    assert_eq!(client.connect(&mean), HandshakeKind::Full);
    let statistics = client.sessions.statistics();
    assert_eq!((statistics.hits, statistics.misses), (4, 2));
}

#[test]
fn connections_made_at_once_use_each_ticket_once() {
    let identity = Identity::new();
    let sessions = server_sessions();
    let generous = identity.server(&TLS13, &sessions, 4);
    let mean = identity.server(&TLS13, &sessions, 0);
    for _ in 0..5 {
        let client = identity.client(ClientSessions::builder());
        client.connect(&generous);
        let barrier = Barrier::new(8);
        let resumed = thread::scope(|scope| {
            let come_back = || {
                barrier.wait();
                client.connect(&mean) == HandshakeKind::Resumed
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(come_back)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|won| *won).count()
        });
        assert_eq!(resumed, 4);
    }
}

#[test]
fn newest_ticket_is_used_first() {
    let identity = Identity::new();
    // It has forgotten all tickets but the last.
    let cache = SessionCache::builder().sessions_max(1).build().unwrap();
    let forgetful = Arc::new(ServerSessions::new(Arc::new(cache), IdContext::EMPTY));
    let server = identity.server(&TLS13, &forgetful, 4);
    let client = identity.client(ClientSessions::builder());
    assert_eq!(client.connect(&server), HandshakeKind::Full);
    assert_eq!(client.connect(&server), HandshakeKind::Resumed);
}

#[test]
fn session_is_of_one_server_name() {
    let identity = Identity::new();
    for version in [&TLS12, &TLS13] {
        let server = identity.server(version, &server_sessions(), 2);
        let client = identity.client(ClientSessions::builder());
        assert_eq!(client.connect_as(&server, "one"), HandshakeKind::Full);
        assert_eq!(client.connect_as(&server, "two"), HandshakeKind::Full);
        assert_eq!(client.connect_as(&server, "One"), HandshakeKind::Resumed);
        assert_eq!(client.sessions.statistics().servers, 2);
    }
}

#[test]
fn key_exchange_group_of_a_server_is_remembered() {
    let identity = Identity::new();
    let server = identity.server_of_group(NamedGroup::secp384r1, 0);
    let client = identity.client(ClientSessions::builder());
    assert_eq!(client.connect(&server), HandshakeKind::FullWithHelloRetryRequest);
    assert_eq!(client.connect(&server), HandshakeKind::Full);
    client.sessions.clear();
    assert_eq!(client.connect(&server), HandshakeKind::FullWithHelloRetryRequest);
}

#[test]
fn tls12_session_is_forgotten_when_the_server_speaks_tls13() {
    let identity = Identity::new();
    let old = identity.server(&TLS12, &server_sessions(), 0);
    let new = identity.server(&TLS13, &server_sessions(), 0);
    let client = identity.client(ClientSessions::builder());
    assert_eq!(client.connect(&old), HandshakeKind::Full);
    assert_eq!(client.connect(&old), HandshakeKind::Resumed);
    assert_eq!(client.connect(&new), HandshakeKind::Full);
    assert_eq!(client.connect(&old), HandshakeKind::Full);
}

#[test]
fn forgotten_servers_get_a_full_handshake() {
    let identity = Identity::new();
    for version in [&TLS12, &TLS13] {
        let server = identity.server(version, &server_sessions(), 2);
        let clock = ManualClock::new(UnixTime(1_000_000));
        let client = identity.client(ClientSessions::builder().clock(clock.clone()));
        client.connect_as(&server, "one");
        client.connect_as(&server, "two");
        assert_eq!(client.sessions.clear(), 2);
        assert_eq!(client.connect_as(&server, "one"), HandshakeKind::Full);
        assert_eq!(client.sessions.flush_expired(), 0);
        clock.advance(Seconds(86_401));
        assert_eq!(client.sessions.flush_expired(), 1);
        let statistics = client.sessions.statistics();
        assert_eq!((statistics.servers, statistics.servers_expired), (0, 1));
    }
}

#[test]
fn two_clients_share_nothing() {
    let identity = Identity::new();
    let server = identity.server(&TLS13, &server_sessions(), 2);
    let [one, two] = [0, 1].map(|_| identity.client(ClientSessions::builder()));
    assert_eq!(one.connect(&server), HandshakeKind::Full);
    assert_eq!(two.connect(&server), HandshakeKind::Full);
    assert_eq!(connect(&one.config, &server, NAME).unwrap(), HandshakeKind::Resumed);
}
