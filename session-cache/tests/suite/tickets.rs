//! What becomes of a connection's session when a ticket comes, and when a resumption fails.

use std::sync::{Arc, Mutex, OnceLock, Weak};

use session_cache::{
    CacheMode, Clock, Connection, Fatal, IdContext, Keep, NewSession, Payload, ProtocolVersion,
    Role, Rules, Seconds, Session, SessionCache, SessionId, Tickets, UnixTime,
};

use crate::scene::{START, id, id_context, session};

/// A cache under `Rules::OPENSSL`, and the ids that its hooks were told of: new, removed.
struct Told {
    cache: Arc<SessionCache>,
    new: Arc<Mutex<Vec<SessionId>>>,
    removed: Arc<Mutex<Vec<SessionId>>>,
}

fn told(mode: CacheMode, id_context: IdContext) -> Told {
    let (new, removed) = (Arc::default(), Arc::default());
    let (for_new, for_removed): (Arc<Mutex<Vec<_>>>, Arc<Mutex<Vec<_>>>) =
        (Arc::clone(&new), Arc::clone(&removed));
    let builder = SessionCache::builder().rules(Rules::OPENSSL).mode(mode).id_context(id_context);
    let cache = builder
        .new_hook(move |_, session| {
            for_new.lock().unwrap().push(session.id());
            Keep::No
        })
        .remove_hook(move |left| for_removed.lock().unwrap().push(left.session.id()))
        .build()
        .unwrap();
    Told { cache: Arc::new(cache), new, removed }
}

fn tls13(number: u64) -> NewSession<'static> {
    NewSession::new(ProtocolVersion::TLS13, id(number), Payload::empty())
}

/// A client that resumes a session, up to the end of the handshake.
fn resumed_client(cache: &Arc<SessionCache>, session: &Session) -> Connection {
    let mut client = Connection::new(cache, Role::Client);
    client.set_session(Some(session.clone())).unwrap();
    client.begin(session.version());
    assert!(client.offer(|_| true).is_some());
    client.accepted().unwrap();
    client.finish();
    client
}

#[test]
fn r191_ticket_after_a_resumption_is_resumable_though_the_used_session_is_marked() {
    let told = told(CacheMode::CLIENT, IdContext::EMPTY);
    let used = tls13(1).with_ticket(Seconds(7_200)).build(IdContext::EMPTY, told.cache.now());
    told.cache.add(&used).unwrap();
    let mut client = resumed_client(&told.cache, &used);
    assert!(!used.is_resumable());
    assert_eq!(*told.removed.lock().unwrap(), [id(1)]);
    client.attach(used.to_new().with_id(id(2)));
    client.established(Tickets::Stateless);
    assert!(client.session().unwrap().is_resumable());
    assert_eq!((told.cache.len(), told.new.lock().unwrap().clone()), (1, vec![id(2)]));
}

#[test]
fn r133_renewed_ticket_of_a_client_up_to_tls12_removes_the_old_session() {
    let told = told(CacheMode::CLIENT, IdContext::EMPTY);
    let old = session(1).with_ticket(Seconds(7_200)).build(IdContext::EMPTY, told.cache.now());
    told.cache.add(&old).unwrap();
    let mut client = Connection::new(&told.cache, Role::Client);
    client.set_session(Some(old.clone())).unwrap();
    client.begin(old.version());
    assert!(client.offer(|_| true).is_some());
    client.accepted().unwrap();
    client.attach(old.to_new().with_id(id(2)));
    client.established(Tickets::None);
    client.finish();
    assert!(!old.is_resumable() && client.session().unwrap().is_resumable());
    assert_eq!(*told.removed.lock().unwrap(), [id(1)]);
    assert!(told.cache.is_empty() && told.new.lock().unwrap().is_empty());
}

#[test]
fn r133_first_ticket_of_a_client_up_to_tls12_removes_nothing() {
    let told = told(CacheMode::CLIENT, IdContext::EMPTY);
    let mut client = Connection::new(&told.cache, Role::Client);
    client.begin(ProtocolVersion::TLS12);
    client.new_session(session(1).with_id(SessionId::EMPTY));
    let new = client.session().unwrap().to_new().with_id(id(2)).with_ticket(Seconds(7_200));
    client.attach(new);
    client.established(Tickets::None);
    client.finish();
    assert_eq!(*told.new.lock().unwrap(), [id(2)]);
    assert!(told.removed.lock().unwrap().is_empty());
}

#[test]
fn r50_client_that_fails_for_another_id_context_says_that_it_resumed() {
    let told = told(CacheMode::CLIENT, id_context("here"));
    let elsewhere = session(1).build(id_context("there"), UnixTime(START));
    let mut client = Connection::new(&told.cache, Role::Client);
    client.set_session(Some(elsewhere)).unwrap();
    client.begin(ProtocolVersion::TLS12);
    assert!(client.offer(|_| true).is_some());
    assert_eq!(client.accepted(), Err(Fatal::DifferentIdContext));
    assert!(client.is_reused());
}

#[test]
fn r89_session_that_fails_a_handshake_of_tls13_is_dropped_as_bad_and_of_tls12_is_not() {
    for (version, stays) in [(ProtocolVersion::TLS12, true), (ProtocolVersion::TLS13, false)] {
        let told = told(CacheMode::SERVER, IdContext::EMPTY);
        let new = NewSession::new(version, id(1), Payload::empty());
        let stored = new.build(IdContext::EMPTY, told.cache.now());
        told.cache.add(&stored).unwrap();
        let mut server = Connection::new(&told.cache, Role::Server);
        server.set_verify_peer(true);
        server.begin(version);
        assert_eq!(server.resume(&id(1)), Err(Fatal::IdContextUninitialized));
        server.fatal_alert_sent();
        assert_eq!((stored.is_resumable(), told.cache.len()), (stays, usize::from(stays)));
        assert_eq!(told.removed.lock().unwrap().len(), usize::from(!stays));
    }
}

/// Takes a session while somebody else who wants it looks at the time.
#[derive(Clone, Default)]
struct Thief(Arc<OnceLock<Weak<SessionCache>>>);

impl Clock for Thief {
    fn now(&self) -> UnixTime {
        if let Some(cache) = self.0.get().and_then(Weak::upgrade) {
            cache.remove_if(|_| true);
        }
        UnixTime(START)
    }
}

#[test]
fn who_is_second_to_take_a_session_is_counted_as_that() {
    let thief = Thief::default();
    let cache = Arc::new(SessionCache::builder().clock(thief.clone()).build().unwrap());
    cache.context(IdContext::EMPTY).insert(tls13(1)).unwrap();
    let mut server = Connection::new(&cache, Role::Server);
    server.begin(ProtocolVersion::TLS13);
    thief.0.set(Arc::downgrade(&cache)).unwrap();
    assert_eq!(server.resume_once(&id(1)), Ok(false));
    let statistics = cache.statistics();
    assert_eq!((statistics.single_use_lost, statistics.misses, statistics.number), (1, 0, 0));
}
