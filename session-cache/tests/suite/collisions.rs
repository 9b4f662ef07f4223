//! An id that is taken stays whose it is, where the newcomer asks for that.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use session_cache::{CacheMode, NewSession, NotStored, Payload, ProtocolVersion, Rules, Seconds};

use crate::scene::{Scene, VERSION, id, id_context, session};

fn other_of_the_same_id(number: u64) -> NewSession<'static> {
    NewSession::new(VERSION, id(number), Payload::borrowed(b"another"))
}

#[test]
fn who_comes_second_to_an_id_is_refused_and_counted() {
    for rules in [Rules::DOCUMENTED, Rules::OPENSSL] {
        let scene = Scene::new(|builder| builder.rules(rules));
        scene.view().insert_absent(session(1)).expect("the id is free");
        for context in ["", "b"] {
            let view = scene.cache.context(id_context(context));
            let refused = view.insert_absent(other_of_the_same_id(1)).map(|_| ());
            assert_eq!(refused, Err(NotStored::IdTaken));
        }
        let first = scene.view().lookup(VERSION, &id(1)).expect("it stays");
        assert_eq!(first.payload(), 1u64.to_be_bytes());
        let figures = scene.cache.statistics();
        assert_eq!((figures.id_collisions, figures.stored, figures.replaced), (2, 1, 0));
        assert_eq!((figures.not_stored, figures.number), (0, 1));
    }
}

#[test]
fn id_under_another_version_is_another_id() {
    let scene = Scene::of_size(4);
    scene.view().insert_absent(session(1)).expect("the id is free");
    let tls13 = NewSession::new(ProtocolVersion::TLS13, id(1), Payload::empty());
    scene.view().insert_absent(tls13).expect("free under this version");
    assert_eq!(scene.cache.len(), 2);
}

#[test]
fn id_is_free_again_when_its_session_has_left_or_expired() {
    let scene = Scene::of_size(4);
    scene.view().insert_absent(session(1).with_timeout(Seconds(10))).expect("the id is free");
    scene.clock.advance(Seconds(10));
    let refused = scene.view().insert_absent(session(1)).map(|_| ());
    assert_eq!(refused, Err(NotStored::IdTaken), "it lives to the end of its last second");
    scene.clock.advance(Seconds(1));
    scene.view().insert_absent(session(1)).expect("who had it has expired");
    assert!(scene.view().take(VERSION, &id(1)).is_some());
    scene.view().insert_absent(session(1)).expect("who had it was taken");
    assert_eq!(scene.cache.statistics().id_collisions, 1);
}

#[test]
fn nobody_is_evicted_for_one_that_is_refused() {
    let scene = Scene::of_size(2);
    scene.insert(1, 10);
    scene.insert(2, 20);
    assert!(scene.view().insert_absent(other_of_the_same_id(2)).is_err());
    assert!(scene.finds(1) && scene.finds(2));
    assert_eq!(scene.cache.statistics().cache_full, 0);
}

#[test]
fn refused_one_is_not_announced() {
    let announced = std::sync::Arc::new(AtomicUsize::new(0));
    let counts = announced.clone();
    let scene = Scene::new(|builder| {
        builder.new_hook(move |_, _| {
            counts.fetch_add(1, Ordering::Relaxed);
            session_cache::Keep::Yes
        })
    });
    assert!(scene.view().insert_absent(session(1)).is_ok());
    assert!(scene.view().insert_absent(session(1)).is_err());
    assert_eq!(announced.load(Ordering::Relaxed), 1);
    scene.cache.set_mode(CacheMode::OFF);
    assert_eq!(scene.view().insert_absent(session(3)).map(|_| ()), Err(NotStored::Mode));
}

#[test]
fn of_many_that_insert_one_id_at_once_one_stores() {
    const THREADS: usize = 4;
    const ROUNDS: u64 = 500;
    let scene = Scene::of_size(10_000);
    let (start, stored) = (Barrier::new(THREADS), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for number in 0..ROUNDS {
                    start.wait();
                    let is_stored = scene.view().insert_absent(session(number)).is_ok();
                    stored.fetch_add(usize::from(is_stored), Ordering::Relaxed);
                }
            });
        }
    });
    let figures = scene.cache.statistics();
    assert_eq!((stored.load(Ordering::Relaxed) as u64, figures.stored), (ROUNDS, ROUNDS));
    assert_eq!(figures.id_collisions, (THREADS as u64 - 1) * ROUNDS);
}
