//! A session belongs to the id context in which it was stored.

use std::sync::{Arc, Mutex};

use crate::scene::{Scene, VERSION, id, id_context, session};
use session_cache::{
    Connection, Departure, IdContext, NewSession, Payload, ProtocolVersion, Role, Seconds,
    SessionCache, SessionId, Shutdown, Tickets,
};

#[test]
fn other_context_finds_nothing_and_changes_nothing() {
    let scene = Scene::of_size(2);
    scene.cache.context(id_context("a")).insert(session(1)).expect("nothing stalls");
    for name in ["b", "A", "a\0", ""] {
        let other = scene.cache.context(id_context(name));
        assert!(other.lookup(VERSION, &id(1)).is_none());
        assert!(other.take(VERSION, &id(1)).is_none());
        assert!(!other.remove(VERSION, &id(1)));
    }
    let statistics = scene.cache.statistics();
    assert_eq!((statistics.wrong_context, statistics.misses, statistics.number), (12, 0, 1));
    let found = scene.cache.context(id_context("a")).take(VERSION, &id(1)).unwrap();
    assert_eq!(found.payload(), 1u64.to_be_bytes());
}

#[test]
fn other_context_does_not_make_an_expired_session_leave() {
    let scene = Scene::of_size(2);
    scene.insert(1, 10);
    scene.clock.advance(Seconds(11));
    assert!(scene.cache.context(id_context("b")).take(VERSION, &id(1)).is_none());
    let statistics = scene.cache.statistics();
    assert_eq!((statistics.wrong_context, statistics.expired, statistics.number), (1, 0, 1));
}

#[test]
fn empty_context_matches_itself_only() {
    let scene = Scene::of_size(2);
    scene.cache.context(IdContext::EMPTY).insert(session(1)).expect("nothing stalls");
    assert!(scene.cache.context(id_context("\0")).lookup(VERSION, &id(1)).is_none());
    assert!(scene.cache.context(IdContext::EMPTY).lookup(VERSION, &id(1)).is_some());
}

#[test]
fn take_of_an_unwanted_session_leaves_it_and_counts_nothing() {
    let scene = Scene::of_size(2);
    scene.insert(1, 10);
    let before = scene.cache.statistics();
    assert!(scene.view().take_if(VERSION, &id(1), |found| found.payload().len() < 8).is_none());
    assert_eq!(scene.cache.statistics(), before);
    assert!(scene.view().take_if(VERSION, &id(1), |found| found.payload().len() <= 8).is_some());
    assert_eq!((scene.cache.statistics().taken, scene.cache.len()), (1, 0));
}

#[test]
fn ticket_that_is_made_of_a_session_stays_in_its_id_context() {
    let (lax, strict) = (id_context("lax"), id_context("strict"));
    let cache = Arc::new(SessionCache::builder().id_context(lax).build().unwrap());
    let version = ProtocolVersion::TLS13;
    let first = NewSession::new(version, id(1), Payload::borrowed(b"secret"));
    cache.context(lax).insert(first).expect("nothing stalls");
    let mut connection = Connection::new(&cache, Role::Server);
    connection.begin(version);
    assert_eq!(connection.resume(&id(1)), Ok(true));
    // A server name that is heard too late: nobody was asked what the other context asks.
    connection.set_id_context(strict);
    connection.finish();
    connection.attach(connection.session().unwrap().to_new().with_id(id(2)));
    connection.established(Tickets::Stateful);
    connection.set_shutdown(Shutdown::SENT);
    assert!(cache.context(strict).lookup(version, &id(2)).is_none());
    assert!(cache.context(lax).lookup(version, &id(2)).is_some());
}

/// What a remove hook was told of: the id and its context, how long the payload was, why, and whether the session was
/// marked.
type Told = (SessionId, IdContext, usize, Departure, bool);

fn hears(told: &Arc<Mutex<Vec<Told>>>) -> Scene {
    let told = Arc::clone(told);
    Scene::new(|builder| {
        builder.remove_hook(move |left| {
            let session = left.session;
            let is_marked = session.is_marked_not_resumable();
            let bytes = session.payload().len();
            told.lock().unwrap().push((
                session.id(),
                session.id_context(),
                bytes,
                left.why,
                is_marked,
            ));
        })
    })
}

#[test]
fn bad_session_is_removed_and_told_of_once() {
    let told = Arc::default();
    let scene = hears(&told);
    scene.insert(1, 10);
    assert!(scene.view().drop_bad(VERSION, &id(1)));
    let expected = (id(1), IdContext::EMPTY, 8, Departure::Removed, true);
    assert_eq!(*told.lock().unwrap(), [expected]);
    let statistics = scene.cache.statistics();
    assert_eq!((statistics.removed, statistics.number), (1, 0));
}

#[test]
fn bad_session_that_is_not_inside_is_told_of_in_its_context() {
    let told = Arc::default();
    let scene = hears(&told);
    scene.insert(2, 10);
    let before = scene.cache.statistics();
    assert!(!scene.cache.context(id_context("a")).drop_bad(VERSION, &id(1)));
    let expected = (id(1), id_context("a"), 0, Departure::Removed, true);
    assert_eq!(*told.lock().unwrap(), [expected]);
    // Nobody has an id that is none.
    assert!(!scene.view().drop_bad(VERSION, &SessionId::EMPTY));
    assert_eq!(told.lock().unwrap().len(), 1);
    assert_eq!(scene.cache.statistics(), before);
    // And without a hook nobody hears of it.
    assert!(!Scene::of_size(2).view().drop_bad(VERSION, &id(1)));
}

#[test]
fn bad_session_has_nothing_to_do_with_one_of_another_context() {
    let told = Arc::default();
    let scene = hears(&told);
    scene.cache.context(id_context("a")).insert(session(1)).expect("nothing stalls");
    for name in ["b", "A", ""] {
        assert!(!scene.cache.context(id_context(name)).drop_bad(VERSION, &id(1)));
    }
    assert!(told.lock().unwrap().is_empty());
    let statistics = scene.cache.statistics();
    assert_eq!((statistics.wrong_context, statistics.removed, statistics.number), (3, 0, 1));
    assert!(scene.cache.context(id_context("a")).lookup(VERSION, &id(1)).unwrap().is_resumable());
}

#[test]
fn bad_session_that_has_expired_is_told_of_as_expired() {
    let told = Arc::default();
    let scene = hears(&told);
    scene.insert(1, 10);
    scene.clock.advance(Seconds(11));
    assert!(!scene.view().drop_bad(VERSION, &id(1)));
    let expected = (id(1), IdContext::EMPTY, 8, Departure::Expired, true);
    assert_eq!(*told.lock().unwrap(), [expected]);
    assert_eq!(scene.cache.len(), 0);
}
