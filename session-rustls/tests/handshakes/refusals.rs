//! What must not resume: sessions of another context, and those removed, expired or evicted.

use std::sync::{Arc, Mutex};

use crate::peers::{FULL, Identity, RESUMED, TLS12, TLS13, connect, hear, start};
use rustls::ServerConnection;
use rustls::server::StoresServerSessions;
use session_cache::{
    IdContext, ManualClock, ProtocolVersion, Seconds, SessionCache, SessionId, UnixTime,
};
use session_rustls::{ServerSessions, TLS_LIFETIME};

/// Notes under which keys rustls stores, so that a test can remove them.
#[derive(Debug)]
struct Noted {
    sessions: ServerSessions,
    keys: Mutex<Vec<SessionId>>,
}

impl StoresServerSessions for Noted {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.keys.lock().unwrap().push(SessionId::new(&key).unwrap());
        self.sessions.put(key, value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.sessions.get(key)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.sessions.take(key)
    }

    fn can_cache(&self) -> bool {
        self.sessions.can_cache()
    }
}

fn context(name: &str) -> IdContext {
    IdContext::new(name.as_bytes()).unwrap()
}

#[test]
fn session_of_another_configuration_neither_resumes_there_nor_is_used_up() {
    let identity = Identity::new();
    for version in [&TLS12, &TLS13] {
        let cache = Arc::new(SessionCache::builder().build().unwrap());
        let sessions = |name| Arc::new(ServerSessions::new(Arc::clone(&cache), context(name)));
        let lax = identity.server(sessions("anybody"));
        let strict = identity.strict_server(sessions("staff"));
        for (home, away) in [(&lax, &strict), (&strict, &lax)] {
            let client = identity.client(version);
            assert_eq!(connect(&client, home), FULL);
            // The same offer, first away and then at home.
            let mut hello = Vec::new();
            start(&client).write_tls(&mut hello).unwrap();
            let refused = cache.statistics().wrong_context;
            let mut server = ServerConnection::new(Arc::clone(away)).unwrap();
            hear(&mut server, &hello);
            assert_eq!(server.handshake_kind(), FULL);
            assert_eq!(cache.statistics().wrong_context, refused + 1);

            let mut server = ServerConnection::new(Arc::clone(home)).unwrap();
            hear(&mut server, &hello);
            assert_eq!(server.handshake_kind(), RESUMED);
        }
    }
}

#[test]
fn strict_server_asks_a_client_of_the_lax_one_for_its_certificate() {
    let identity = Identity::new();
    for version in [&TLS12, &TLS13] {
        let cache = Arc::new(SessionCache::builder().build().unwrap());
        let sessions = |name| Arc::new(ServerSessions::new(Arc::clone(&cache), context(name)));
        let client = identity.client(version);
        assert_eq!(connect(&client, &identity.server(sessions("anybody"))), FULL);
        let strict = identity.strict_server(sessions("staff"));
        assert_eq!(connect(&client, &strict), FULL);
        assert_eq!(connect(&client, &strict), RESUMED);
    }
}

#[test]
fn removed_session_gets_a_full_handshake() {
    let identity = Identity::new();
    for version in [&TLS12, &TLS13] {
        let cache = Arc::new(SessionCache::builder().build().unwrap());
        let sessions = ServerSessions::new(Arc::clone(&cache), IdContext::EMPTY);
        let noted = Arc::new(Noted { sessions, keys: Mutex::default() });
        let server = identity.server(Arc::clone(&noted) as _);
        let client = identity.client(version);
        assert_eq!(connect(&client, &server), FULL);
        assert_eq!(connect(&client, &server), RESUMED);
        let keys = std::mem::take(&mut *noted.keys.lock().unwrap());
        let remove = |id| cache.context(IdContext::EMPTY).remove(ProtocolVersion::UNKNOWN, id);
        assert_ne!(keys.iter().filter(|id| remove(id)).count(), 0);
        assert_eq!(connect(&client, &server), FULL);
    }
}

#[test]
fn session_resumes_to_its_last_second_and_not_after() {
    let identity = Identity::new();
    for (lifetime_max, lifetime) in
        [(Seconds(600), Seconds(600)), (Seconds(1_000_000), TLS_LIFETIME)]
    {
        for version in [&TLS12, &TLS13] {
            let clock = ManualClock::new(UnixTime(1_000_000));
            let builder = SessionCache::builder().lifetime_max(lifetime_max).clock(clock.clone());
            let cache = Arc::new(builder.build().unwrap());
            let sessions = ServerSessions::new(Arc::clone(&cache), IdContext::EMPTY);
            let server = identity.server(Arc::new(sessions));
            let (early, late) = (identity.client(version), identity.client(version));
            assert_eq!(connect(&early, &server), FULL);
            assert_eq!(connect(&late, &server), FULL);
            clock.advance(lifetime);
            assert_eq!(connect(&early, &server), RESUMED);
            clock.advance(Seconds(1));
            assert_eq!(connect(&late, &server), FULL);
            assert_eq!(cache.statistics().expired, 1);
        }
    }
}

#[test]
fn evicted_session_gets_a_full_handshake() {
    let identity = Identity::new();
    for version in [&TLS12, &TLS13] {
        let clock = ManualClock::new(UnixTime(1_000_000));
        let builder = SessionCache::builder().sessions_max(4).clock(clock.clone());
        let cache = Arc::new(builder.build().unwrap());
        let sessions = ServerSessions::new(Arc::clone(&cache), IdContext::EMPTY);
        let server = identity.server(Arc::new(sessions));
        let client = identity.client(version);
        assert_eq!(connect(&client, &server), FULL);
        clock.advance(Seconds(1));
        let newcomers: Vec<_> = (0..4).map(|_| identity.client(version)).collect();
        for newcomer in &newcomers {
            assert_eq!(connect(newcomer, &server), FULL);
        }
        assert_eq!(cache.len(), 4);
        assert_eq!(connect(&client, &server), FULL);
        assert_eq!(connect(&newcomers[3], &server), RESUMED);
    }
}
