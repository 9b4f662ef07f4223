//! The remove hook: whom it hears of, and in which state the cache is then.

use std::sync::Arc;

use crate::engine::{asks, close, full, server};
use crate::scene::{BOTH, Gone, Notes, START, Scene, TLS12, id, is_marked, number_of};
use session_cache::{Added, Departure, Rules, Seconds, UnixTime};

#[test]
fn r136_r146_whatever_way_a_session_leaves_the_hook_hears_of_it_out_of_the_cache_and_marked() {
    for rules in BOTH {
        let scene = Scene::of_size(rules, 10);
        let gone = |number, why| Gone { number, why, was_marked: true, was_inside: false };

        let session = scene.add(1, 50);
        scene.cache.remove(&session);
        assert_eq!(scene.gone(), [gone(1, Departure::Removed)]);

        scene.add(2, 50);
        assert!(scene.view().remove(TLS12, &id(2)));
        assert_eq!(scene.gone(), [gone(2, Departure::Removed)]);

        scene.add(3, 50);
        assert_eq!(scene.cache.remove_if(|session| number_of(session) == 3), 1);
        assert_eq!(scene.gone(), [gone(3, Departure::Removed)]);

        scene.add(4, 50);
        scene.clock.advance(Seconds(51));
        assert!(scene.view().lookup(TLS12, &id(4)).is_none());
        assert_eq!(scene.gone(), [gone(4, Departure::Expired)]);

        scene.add(5, 10);
        scene.cache.flush_expired();
        assert_eq!(scene.gone(), [gone(5, Departure::Flushed)]);

        for number in 6..=16 {
            scene.add(number, 1_000 + number);
        }
        assert_eq!(scene.gone()[0], gone(6, Departure::Evicted));

        let mut connection = server(&scene);
        full(&mut connection, 17);
        scene.gone();
        drop(connection);
        assert_eq!(scene.gone(), [gone(17, Departure::Removed)]);
    }
}

#[test]
fn r136_taken_session_is_reported_and_not_marked() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.add(1, 50);
        assert!(scene.view().take(TLS12, &id(1)).is_some());
        let why = Departure::Taken;
        assert_eq!(scene.gone(), [Gone { number: 1, why, was_marked: false, was_inside: false }]);
        assert!(!is_marked(&session));
    }
}

#[test]
fn r137_connection_that_is_not_closed_cleanly_is_a_reason() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        for closes in [true, false] {
            let mut connection = server(&scene);
            full(&mut connection, 1);
            if closes {
                close(connection);
            } else {
                drop(connection);
            }
            assert_eq!(scene.heard(), if closes { vec![] } else { vec![1] });
            scene.cache.flush(UnixTime(0));
            scene.gone();
        }
    }
}

#[test]
fn r138_cache_that_goes_reports_every_session_once() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        for number in 1..=300 {
            scene.add(number, number % 7 + 10);
        }
        let left = scene.left();
        drop(scene);
        let mut numbers: Vec<u64> = left.take().iter().map(|gone| gone.number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=300).collect::<Vec<_>>());
    }
}

#[test]
fn r139_r144_hook_is_given_the_cache_and_a_session_that_is_alive() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let seen = Notes::new();
        let written = seen.clone();
        let cache = Arc::as_ptr(&scene.cache) as usize;
        scene.set_remove_hook(move |left| {
            assert_eq!(std::ptr::from_ref(left.cache) as usize, cache);
            written.add((left.session.payload().to_vec(), left.session.references() > 0));
        });
        // Nobody else holds it.
        drop(scene.add(1, 50));
        scene.cache.flush(UnixTime(0));
        assert_eq!(seen.take(), [(1u64.to_be_bytes().to_vec(), true)]);
    }
}

#[test]
fn r140_session_that_is_removed_and_was_not_inside_is_reported_too() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let gone = Gone { number: 1, why: Departure::Removed, was_marked: true, was_inside: false };
        let session = scene.session(1);
        assert!(!scene.cache.remove(&session));
        assert_eq!(scene.gone(), std::slice::from_ref(&gone));
        assert!(!scene.cache.remove(&session));
        assert_eq!(scene.gone(), std::slice::from_ref(&gone));
        // Not stored, and bad in the end.
        scene.add_to_mode(session_cache::CacheMode::NO_INTERNAL_STORE);
        let mut connection = server(&scene);
        full(&mut connection, 1);
        assert!(scene.cache.is_empty() && scene.heard().is_empty());
        drop(connection);
        assert_eq!(scene.gone(), [gone]);
    }
}

#[test]
fn r141_documented_replaced_session_is_reported() {
    let scene = Scene::new(Rules::DOCUMENTED);
    let old = scene.add(1, 50);
    assert_eq!(scene.cache.add(&scene.session(1)), Ok(Added::Replaced));
    let why = Departure::Replaced;
    assert_eq!(scene.gone(), [Gone { number: 1, why, was_marked: false, was_inside: false }]);
    assert!(!is_marked(&old));
}

#[test]
fn r141_openssl_replaced_session_is_not_reported() {
    let scene = Scene::new(Rules::OPENSSL);
    let old = scene.add(1, 50);
    assert_eq!(scene.cache.add(&scene.session(1)), Ok(Added::Replaced));
    assert!(scene.gone().is_empty() && !is_marked(&old));
}

#[test]
fn r145_hook_may_call_anything_of_the_cache_itself_included() {
    for rules in BOTH {
        let scene = Scene::of_size(rules, 5);
        let depth = Notes::new();
        let written = depth.clone();
        let fresh = [101, 102, 103].map(|number| scene.session(number));
        scene.set_remove_hook(move |left| {
            let (cache, session) = (left.cache, left.session);
            written.add(number_of(session));
            match number_of(session) {
                // In the middle of a flush, of an eviction, of a removal: each leads to the next.
                1 => {
                    assert_eq!(cache.add(&fresh[0]), Ok(Added::New));
                    assert!(cache.remove(&fresh[0]));
                }
                101 => {
                    cache.flush(UnixTime(0));
                    cache.change(|settings| settings.sessions_max = 1).unwrap();
                    assert_eq!(cache.add(&fresh[1]), Ok(Added::New));
                    assert_eq!(cache.add(&fresh[2]), Ok(Added::New));
                }
                102 => {
                    let view = cache.context(session.id_context());
                    assert!(view.lookup(TLS12, &id(103)).is_some());
                    cache.set_created(&fresh[2], UnixTime(START + 5));
                    cache.set_timeout_of(&fresh[2], Seconds(7));
                    assert!(view.take(TLS12, &id(103)).is_some());
                }
                _ => {}
            }
        });
        scene.add(1, 10);
        scene.add(2, 20);
        scene.cache.flush(UnixTime(START + 15));
        assert_eq!(depth.take(), [1, 101, 2, 102, 103]);
        assert!(scene.cache.is_empty());
    }
}

#[test]
fn r148_hooks_that_are_set_can_be_asked_for() {
    for rules in BOTH {
        let cache = session_cache::SessionCache::builder().rules(rules).build().unwrap();
        let settings = cache.settings();
        assert!(settings.new_hook.is_none());
        assert!(settings.remove_hook.is_none() && settings.get_hook.is_none());
        let remove: Arc<session_cache::RemoveHook> = Arc::new(|_| {});
        let get: Arc<session_cache::GetHook> = Arc::new(|_| None);
        let new: Arc<session_cache::NewHook> = Arc::new(|_, _| session_cache::Keep::Yes);
        cache
            .change(|settings| {
                settings.remove_hook = Some(remove.clone());
                settings.get_hook = Some(get.clone());
                settings.new_hook = Some(new.clone());
            })
            .unwrap();
        let settings = cache.settings();
        assert!(settings.remove_hook.as_ref().is_some_and(|hook| Arc::ptr_eq(hook, &remove)));
        assert!(settings.get_hook.as_ref().is_some_and(|hook| Arc::ptr_eq(hook, &get)));
        assert!(settings.new_hook.as_ref().is_some_and(|hook| Arc::ptr_eq(hook, &new)));
    }
}

#[test]
fn r149_hooks_can_be_taken_away_also_just_before_the_cache_goes() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let announced = scene.announce(session_cache::Keep::Yes);
        let asked = scene.answer_nothing();
        scene.add(1, 50);
        scene
            .cache
            .change(|settings| {
                settings.new_hook = None;
                settings.get_hook = None;
                settings.remove_hook = None;
            })
            .unwrap();
        let mut connection = server(&scene);
        full(&mut connection, 2);
        drop(connection);
        assert!(!asks(&mut server(&scene), 3));
        let left = scene.left();
        drop(scene);
        assert!(announced.take().is_empty() && asked.take().is_empty() && left.take().is_empty());
    }
}
