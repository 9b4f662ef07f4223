//! How many sessions there are, and who leaves for lack of room.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::scene::{BOTH, Gone, START, Scene, TLS12, TLS13, id, is_marked, nameless};
use session_cache::{Added, Departure, ErrorKind, NotStored, Rules, Seconds, UnixTime};

/// A size that holds so many sessions.
fn size_that_holds(rules: Rules, sessions: usize) -> usize {
    if rules == Rules::OPENSSL { sessions + 1 } else { sessions }
}

#[test]
fn r169_size_is_20480_by_default_0_is_no_limit_and_setting_returns_the_previous_one() {
    for rules in BOTH {
        let scene = Scene::built(rules, |builder| builder);
        assert_eq!(scene.cache.sessions_max(), 20_480);
        assert_eq!(scene.cache.set_sessions_max(2).unwrap(), 20_480);
        assert_eq!(scene.cache.set_sessions_max(0).unwrap(), 2);
        assert_eq!(scene.cache.sessions_max(), 0);
        scene.hear_nothing();
        for number in 0..30_000 {
            scene.add(number, 50);
        }
        assert_eq!(scene.cache.len(), 30_000);
        assert_eq!(scene.cache.statistics().cache_full, 0);
        // What cannot be a size is refused and changes nothing.
        let error = scene.cache.set_sessions_max(usize::MAX).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SessionsMax);
        assert_eq!((scene.cache.sessions_max(), scene.cache.len()), (0, 30_000));
    }
}

#[test]
fn r170_documented_smaller_size_takes_effect_at_once() {
    let scene = Scene::of_size(Rules::DOCUMENTED, 10);
    for number in 1..=10 {
        scene.add(number, number * 10);
    }
    scene.cache.set_sessions_max(4).unwrap();
    assert_eq!(scene.inside(), [7, 8, 9, 10]);
    assert_eq!(scene.heard(), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn r170_openssl_smaller_size_waits_for_the_next_new_key() {
    let scene = Scene::of_size(Rules::OPENSSL, 11);
    for number in 1..=10 {
        scene.add(number, number * 10);
    }
    scene.cache.set_sessions_max(5).unwrap();
    assert_eq!(scene.cache.len(), 10);
    assert!(scene.heard().is_empty());
    scene.add(11, 5);
    assert_eq!(scene.inside(), [8, 9, 10, 11]);
    assert_eq!(scene.heard(), [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn r171_documented_size_of_n_holds_n_sessions() {
    for size in 1..=6 {
        let scene = Scene::of_size(Rules::DOCUMENTED, size);
        for number in 0..20 {
            scene.add(number, 50 + number);
        }
        assert_eq!(scene.cache.len(), size);
    }
}

#[test]
fn r171_openssl_size_of_n_holds_one_less_from_2_on() {
    for (size, held) in [(1, 1), (2, 1), (3, 2), (4, 3), (5, 4), (6, 5)] {
        let scene = Scene::of_size(Rules::OPENSSL, size);
        for number in 0..20 {
            scene.add(number, 50 + number);
        }
        assert_eq!(scene.cache.len(), held, "of size {size}");
    }
}

#[test]
fn r172_never_more_sessions_than_the_size() {
    for rules in BOTH {
        let scene = Scene::of_size(rules, 7);
        // A hook sees the number in the middle of things.
        let most = Arc::new(AtomicUsize::new(0));
        let seen = most.clone();
        scene.set_remove_hook(move |left| {
            seen.fetch_max(left.cache.len(), Ordering::Relaxed);
        });
        for number in 0..500 {
            // In order, against it, and over one another.
            scene.add(number % 300, [number, 1_000 - number, 500][number as usize % 3]);
            assert!(scene.cache.len() <= 7);
        }
        assert!((1..=7).contains(&most.load(Ordering::Relaxed)));
    }
}

#[test]
fn r173_who_expires_first_leaves_first() {
    for rules in BOTH {
        let scene = Scene::of_size(rules, size_that_holds(rules, 5));
        for (number, timeout) in (1..).zip([40, 10, 50, 30, 20]) {
            scene.add(number, timeout);
        }
        for number in 6..=9 {
            scene.add(number, 100 + number);
        }
        assert_eq!(scene.heard(), [2, 5, 4, 1]);
        assert_eq!(scene.inside(), [3, 6, 7, 8, 9]);
    }
}

#[test]
fn r174_newcomer_is_never_the_victim() {
    for rules in BOTH {
        for size in [1, 2, 3] {
            let scene = Scene::of_size(rules, size_that_holds(rules, size));
            for number in 0..10 {
                let newcomer = scene.add(number, 1_000 - number);
                assert!(scene.holds(&newcomer), "{number} of size {size}");
            }
            // One that has expired already stays too.
            scene.clock.advance(Seconds(5_000));
            let newcomer = scene.add(10, 1);
            assert!(scene.holds(&newcomer));
            assert_eq!(scene.cache.len(), size);
        }
    }
}

#[test]
fn r175_r142_eviction_counts_marks_and_reports() {
    for rules in BOTH {
        let scene = Scene::of_size(rules, size_that_holds(rules, 2));
        let victim = scene.add(1, 10);
        scene.add(2, 20);
        assert_eq!(scene.cache.statistics().cache_full, 0);
        assert!(!is_marked(&victim));
        scene.add(3, 30);
        assert_eq!(scene.cache.statistics().cache_full, 1);
        assert!(is_marked(&victim));
        let why = Departure::Evicted;
        assert_eq!(scene.gone(), [Gone { number: 1, why, was_marked: true, was_inside: false }]);
    }
}

#[test]
fn r176_lookup_has_no_say_in_who_leaves() {
    for rules in BOTH {
        let scene = Scene::of_size(rules, size_that_holds(rules, 3));
        for number in 1..=3 {
            scene.add(number, number * 10);
        }
        for _ in 0..100 {
            assert!(scene.view().lookup(TLS12, &id(1)).is_some());
        }
        scene.add(4, 40);
        assert_eq!(scene.heard(), [1]);
    }
}

#[test]
fn r177_very_same_session_evicts_nobody() {
    for rules in BOTH {
        let scene = Scene::of_size(rules, size_that_holds(rules, 3));
        let sessions = [scene.add(1, 10), scene.add(2, 20), scene.add(3, 30)];
        for session in &sessions {
            assert_eq!(scene.cache.add(session), Ok(Added::Identical));
        }
        assert_eq!(scene.inside(), [1, 2, 3]);
        assert!(scene.heard().is_empty());
        assert_eq!(scene.cache.statistics().cache_full, 0);
    }
}

#[test]
fn r178_nothing_that_cannot_be_evicted_makes_the_cache_grow() {
    for rules in BOTH {
        let scene = Scene::of_size(rules, 5);
        for number in 0..100 {
            let session = scene.view().session(nameless(TLS13).with_timeout(Seconds(1)));
            assert_eq!(scene.cache.add(&session), Err(NotStored::NoId));
            // Nor those that never expire.
            scene.add(number, u64::MAX);
            assert!(scene.cache.len() <= 5);
        }
        assert_eq!(scene.cache.flush(UnixTime(START)), 0);
        assert_eq!(scene.cache.flush(UnixTime(0)), if rules == Rules::OPENSSL { 4 } else { 5 });
    }
}
