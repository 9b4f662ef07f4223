//! What resumes: TLS 1.2 by session id again and again, TLS 1.3 by ticket once for each ticket.

use std::sync::{Arc, Barrier};
use std::thread;

use crate::peers::{FULL, Identity, RESUMED, TLS12, TLS13, connect, hear, shuttle, start};
use rustls::ServerConnection;
use session_cache::{IdContext, SessionCache};
use session_rustls::ServerSessions;

fn cache() -> Arc<SessionCache> {
    Arc::new(SessionCache::builder().build().unwrap())
}

fn sessions(cache: &Arc<SessionCache>) -> Arc<ServerSessions> {
    Arc::new(ServerSessions::new(Arc::clone(cache), IdContext::EMPTY))
}

#[test]
fn tls12_session_resumes_by_its_id_again_and_again() {
    let (identity, cache) = (Identity::new(), cache());
    let server = identity.server(sessions(&cache));
    let client = identity.client(&TLS12);
    assert_eq!(connect(&client, &server), FULL);
    for _ in 0..5 {
        assert_eq!(connect(&client, &server), RESUMED);
    }
    let statistics = cache.statistics();
    assert_eq!((cache.len(), statistics.stored, statistics.hits), (1, 1, 5));
}

#[test]
fn tls13_session_resumes_by_ticket_and_uses_it_up() {
    let (identity, cache) = (Identity::new(), cache());
    let server = identity.server(sessions(&cache));
    let client = identity.client(&TLS13);
    assert_eq!(connect(&client, &server), FULL);
    assert_eq!(cache.len(), 2, "rustls sends two tickets with a handshake");
    for resumptions in 1..=5 {
        assert_eq!(connect(&client, &server), RESUMED);
        assert_eq!(cache.len(), 2 + resumptions, "one is used up, two are new");
    }
    assert_eq!(cache.statistics().taken, 5);
}

#[test]
fn replayed_tls13_ticket_gets_a_full_handshake() {
    let (identity, cache) = (Identity::new(), cache());
    let server = identity.server(sessions(&cache));
    let client = identity.client(&TLS13);
    assert_eq!(connect(&client, &server), FULL);

    let mut resuming = start(&client);
    let mut hello = Vec::new();
    resuming.write_tls(&mut hello).unwrap();
    let mut first = ServerConnection::new(Arc::clone(&server)).unwrap();
    hear(&mut first, &hello);
    shuttle(&mut resuming, &mut first);
    assert_eq!(resuming.handshake_kind(), RESUMED);

    for _ in 0..3 {
        let mut again = ServerConnection::new(Arc::clone(&server)).unwrap();
        hear(&mut again, &hello);
        assert_eq!(again.handshake_kind(), FULL);
    }
    assert_eq!(cache.statistics().taken, 1);
}

#[test]
fn ticket_presented_on_many_threads_at_once_resumes_one_of_them() {
    let (identity, cache) = (Identity::new(), cache());
    let server = identity.server(sessions(&cache));
    for _ in 0..20 {
        let client = identity.client(&TLS13);
        assert_eq!(connect(&client, &server), FULL);
        let mut hello = Vec::new();
        start(&client).write_tls(&mut hello).unwrap();
        let barrier = Barrier::new(4);
        let present = || {
            let mut one = ServerConnection::new(Arc::clone(&server)).unwrap();
            barrier.wait();
            hear(&mut one, &hello);
            one.handshake_kind() == RESUMED
        };
        let winners = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(present)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|won| *won).count()
        });
        assert_eq!(winners, 1);
    }
}
