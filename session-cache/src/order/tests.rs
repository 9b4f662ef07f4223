//! What can be seen only from inside: who holds a lock, and which nodes the dead leave behind.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use session_core::Handle;

use super::{Flushed, SHARDED_FROM};
use crate::session::{Entry, key};
use crate::{
    IdContext, ManualClock, NewSession, Payload, ProtocolVersion, Seconds, Session, SessionCache,
    SessionId, UnixTime,
};

const VERSION: ProtocolVersion = ProtocolVersion::TLS12;

fn id(number: u8) -> SessionId {
    SessionId::new(&[number; 4]).unwrap()
}

fn insert(cache: &SessionCache, number: u8, timeout_seconds: u64) {
    let session = NewSession::new(VERSION, id(number), Payload::copy_from(&[number]));
    cache
        .context(IdContext::EMPTY)
        .insert(session.with_timeout(Seconds(timeout_seconds)))
        .expect("nothing stalls");
}

fn finds(cache: &SessionCache, number: u8) -> bool {
    cache.context(IdContext::EMPTY).lookup(VERSION, &id(number)).is_some()
}

fn cache(sessions_max: usize) -> (Arc<SessionCache>, ManualClock) {
    let clock = ManualClock::new(UnixTime(1_000));
    let builder = SessionCache::builder().sessions_max(sessions_max).clock(clock.clone());
    (Arc::new(builder.build().unwrap()), clock)
}

/// Does something in another thread and fails if it waits for a lock of this one.
fn without_waiting<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(what()));
    receiver.recv_timeout(Duration::from_secs(20)).expect("it waits for a lock")
}

/// A session that a lookup found expired while its shard was locked: gone, its node still linked.
fn leave_a_dead_node(cache: &Arc<SessionCache>, number: u8) {
    let section = cache.order.section(0);
    let same = Arc::clone(cache);
    assert!(!without_waiting(move || finds(&same, number)));
    drop(section);
}

#[test]
fn lookup_never_waits_for_a_shard() {
    let (cache, clock) = cache(2);
    insert(&cache, 1, 10);
    insert(&cache, 2, 50);
    clock.advance(Seconds(11));
    leave_a_dead_node(&cache, 1);
    assert_eq!((cache.len(), cache.order.occupied()), (1, 2));
    assert_eq!(cache.statistics().expired, 1);
    let section = cache.order.section(0);
    let same = Arc::clone(&cache);
    assert!(without_waiting(move || finds(&same, 2)));
    drop(section);
}

#[test]
fn dead_node_makes_room_without_an_eviction() {
    let (cache, clock) = cache(2);
    insert(&cache, 1, 10);
    insert(&cache, 2, 50);
    clock.advance(Seconds(11));
    leave_a_dead_node(&cache, 1);
    insert(&cache, 3, 5);
    assert!(finds(&cache, 2) && finds(&cache, 3));
    assert_eq!((cache.statistics().cache_full, cache.order.occupied()), (0, 2));
}

#[test]
fn dead_node_is_flushed_without_being_counted() {
    let (cache, clock) = cache(2);
    insert(&cache, 1, 10);
    clock.advance(Seconds(11));
    leave_a_dead_node(&cache, 1);
    assert_eq!(cache.order.occupied(), 1);
    assert_eq!(cache.flush_expired(), 0);
    assert_eq!((cache.statistics().flushed, cache.order.occupied()), (0, 0));
}

#[test]
fn dead_node_is_not_mistaken_for_the_session_that_came_after_it() {
    let (cache, clock) = cache(3);
    insert(&cache, 1, 10);
    clock.advance(Seconds(11));
    leave_a_dead_node(&cache, 1);
    insert(&cache, 1, 10);
    assert_eq!((cache.len(), cache.order.occupied()), (1, 2));
    assert!(cache.context(IdContext::EMPTY).remove(VERSION, &id(1)));
    assert_eq!((cache.len(), cache.order.occupied()), (0, 1));
}

#[test]
fn session_that_left_a_dead_node_is_in_no_cache_to_who_attaches_it() {
    let (cache, clock) = cache(4);
    insert(&cache, 1, 10);
    let session = Session::of(cache.table.handle(&key(VERSION, &id(1))).unwrap());
    let mut connection = crate::Connection::new(&cache, crate::Role::Client);
    connection.set_session(Some(session.clone())).expect("it is in this cache");
    clock.advance(Seconds(11));
    leave_a_dead_node(&cache, 1);
    assert!(!session.is_in_no_cache(), "the test needs a dead node");
    connection.set_session(Some(session.clone())).expect("it is in no other cache");
    assert!(session.is_in_no_cache());
    assert_eq!(cache.order.occupied(), 0);
}

#[test]
fn node_that_serves_another_session_is_left_alone() {
    let (cache, _clock) = cache(2);
    insert(&cache, 1, 10);
    let first = cache.table.handle(&key(VERSION, &id(1))).unwrap();
    assert!(cache.context(IdContext::EMPTY).remove(VERSION, &id(1)));
    insert(&cache, 2, 10);
    let second = cache.table.handle(&key(VERSION, &id(2))).unwrap();
    first.stored().set_place(second.stored().place());
    cache.order.unlink(&first);
    cache.order.try_unlink(&first);
    assert_eq!(cache.order.occupied(), 1);
}

#[test]
fn places_taken_are_the_sessions_inside_when_nobody_waits() {
    let (cache, clock) = cache(4);
    for number in 0..40 {
        insert(&cache, number % 9, u64::from(number % 5));
        if number % 3 == 0 {
            clock.advance(Seconds(1));
            finds(&cache, number / 2);
        }
        if number % 4 == 0 {
            cache.context(IdContext::EMPTY).take(VERSION, &id(number % 9));
        }
        assert_eq!(cache.len(), cache.order.occupied());
        assert_eq!(cache.table.len(), cache.order.occupied());
    }
}

#[test]
fn flush_returns_sessions_in_the_order_in_which_they_expire() {
    let (cache, _clock) = cache(5_000);
    assert!(cache.order.shards.len() > 1, "the test needs more than one shard");
    for number in 0..200u8 {
        insert(&cache, number, u64::from(number % 7));
    }
    let Flushed { entries, dead, all } = cache.order.flush(&cache.table, None, usize::MAX);
    let expires = |entry: &Handle<Entry>| Session::of(entry.clone()).expires().0;
    let expiries: Vec<u64> = entries.iter().map(expires).collect();
    assert!(all && dead.is_empty());
    assert_eq!(entries.len(), 200);
    assert!(expiries.is_sorted(), "{expiries:?}");
}

/// Lets another thread come to the lock that this one holds; if it is late, a test sees less.
fn let_others_come() {
    (0..500).for_each(|_| thread::yield_now());
}

#[test]
fn nobody_is_evicted_for_a_place_that_became_free_meanwhile() {
    for _ in 0..20 {
        let (cache, _clock) = cache(2);
        insert(&cache, 1, 10);
        insert(&cache, 2, 50);
        let mut section = cache.order.section(0);
        let same = Arc::clone(&cache);
        let waiting = thread::spawn(move || insert(&same, 3, 90));
        let_others_come();
        let second = cache.table.take(&key(VERSION, &id(2))).unwrap();
        let node = section.unlink(&second);
        drop(section);
        drop(node);
        waiting.join().unwrap();
        assert!(finds(&cache, 1) && finds(&cache, 3));
        assert_eq!(cache.statistics().cache_full, 0);
    }
}

#[test]
fn victim_is_chosen_again_when_the_first_has_gone_meanwhile() {
    for _ in 0..20 {
        let (cache, _clock) = cache(SHARDED_FROM);
        let hash = |number| cache.table.hash(&key(VERSION, &id(number)));
        let shard = |number| hash(number) as usize % cache.order.shards.len();
        let (first, other) = (0, (1..200).find(|&number| shard(number) != shard(0)).unwrap());
        let last = (1..200).find(|&number| shard(number) == shard(0)).unwrap();
        cache.set_sessions_max(3).unwrap();
        insert(&cache, first, 10);
        insert(&cache, other, 30);
        insert(&cache, last, 50);
        let mut section = cache.order.section(hash(first));
        let same = Arc::clone(&cache);
        let waiting = thread::spawn(move || insert(&same, 201, 90));
        let_others_come();
        let gone = cache.table.take(&key(VERSION, &id(first))).unwrap();
        let node = section.unlink(&gone);
        assert!(cache.order.places.take(200, None), "as if another session had come at once");
        drop(section);
        drop(node);
        waiting.join().unwrap();
        assert!(finds(&cache, last) && !finds(&cache, other));
    }
}

#[test]
fn smaller_limit_waits_for_whoever_may_have_read_the_old_one() {
    let (cache, _clock) = cache(5);
    let section = cache.order.section(0);
    let same = Arc::clone(&cache);
    let waiting = thread::spawn(move || same.set_sessions_max(2).unwrap());
    while cache.sessions_max() != 2 {
        thread::yield_now();
    }
    let_others_come();
    assert!(!waiting.is_finished(), "the new limit was taken to hold while a section was open");
    drop(section);
    assert_eq!(waiting.join().unwrap(), 5);
}
