//! Flushing: who leaves, in which order, and what is told of it.

use crate::scene::{BOTH, Gone, START, Scene, is_marked};
use session_cache::{Departure, Seconds, UnixTime};

#[test]
fn r161_r168_flush_removes_exactly_what_expires_before_its_time() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        for number in 1..=5 {
            scene.add(number, number * 10);
        }
        // The time of the flush is its own: the clock still stands at the beginning.
        assert_eq!(scene.cache.flush(UnixTime(START + 10)), 0);
        assert_eq!(scene.inside(), [1, 2, 3, 4, 5]);
        assert_eq!(scene.cache.flush(UnixTime(START + 11)), 1);
        assert_eq!(scene.inside(), [2, 3, 4, 5]);
        assert_eq!(scene.cache.flush(UnixTime(START + 40)), 2);
        assert_eq!(scene.inside(), [4, 5]);
        assert_eq!(scene.heard(), [1, 2, 3]);
    }
}

#[test]
fn r162_flush_at_0_removes_all_even_what_never_expires() {
    for rules in BOTH {
        // No cap on lifetimes: one that never expires is meant.
        let scene = Scene::built(rules, |builder| builder.lifetime_max(Seconds(u64::MAX)));
        scene.add(1, 10);
        scene.add(2, u64::MAX);
        assert_eq!(scene.cache.flush(UnixTime(u64::MAX)), 1);
        assert_eq!(scene.inside(), [2]);
        scene.add(1, 10);
        scene.heard();
        assert_eq!(scene.cache.flush(UnixTime(0)), 2);
        assert!(scene.cache.is_empty());
        assert_eq!(scene.heard(), [1, 2]);
    }
}

#[test]
fn r163_r143_flush_marks_and_reports_each_session_that_it_removes() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let sessions = [scene.add(1, 10), scene.add(2, 20), scene.add(3, 30)];
        scene.cache.flush(UnixTime(START + 25));
        let gone =
            |number| Gone { number, why: Departure::Flushed, was_marked: true, was_inside: false };
        assert_eq!(scene.gone(), [gone(1), gone(2)]);
        assert_eq!(sessions.map(|session| is_marked(&session)), [true, true, false]);
    }
}

#[test]
fn r164_flush_changes_none_of_openssls_figures_but_the_number() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        for number in 1..=5 {
            scene.add(number, number * 10);
        }
        let before = scene.cache.statistics();
        scene.cache.flush(UnixTime(START + 25));
        let after = scene.cache.statistics();
        assert_eq!((before.number, after.number), (5, 3));
        let ours = ["flushed"];
        for ((name, before), (_, after)) in before.figures().zip(after.figures()) {
            assert!(before == after || name == "number" || ours.contains(&name), "{name}");
        }
        assert_eq!(after.flushed, 2);
    }
}

#[test]
fn r165_flush_reports_the_earliest_expiry_first() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let timeouts = [70, 10, 50, 300, 30, 90, 20, 250, 40];
        for (number, timeout) in (1..).zip(timeouts) {
            scene.add(number, timeout);
        }
        scene.cache.flush(UnixTime(START + 100));
        assert_eq!(scene.heard(), [2, 7, 5, 9, 3, 1, 6]);
        scene.cache.flush(UnixTime(0));
        assert_eq!(scene.heard(), [8, 4]);
    }
}

#[test]
fn r166_flush_ends_early_only_where_all_that_remain_are_valid() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let sessions: Vec<_> = (1..=200).map(|number| scene.add(number, 1_000 + number)).collect();
        // Those that were to expire last expire first now, in between and in every shard.
        for session in sessions.iter().skip(100) {
            scene.cache.set_timeout_of(session, Seconds(5));
        }
        for session in sessions.iter().take(50) {
            scene.cache.set_created(session, UnixTime(START - 1_000_000));
        }
        assert_eq!(scene.cache.flush(UnixTime(START + 100)), 150);
        assert_eq!(scene.inside(), (51..=100).collect::<Vec<_>>());
    }
}

#[test]
fn r167_r138_cache_that_goes_is_flushed_and_reports_every_session() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let sessions = [scene.add(1, 30), scene.add(2, u64::MAX), scene.add(3, 10)];
        let left = scene.left();
        assert!(left.take().is_empty());
        drop(scene);
        let gone = left.take();
        let numbers: Vec<u64> = gone.iter().map(|gone| gone.number).collect();
        assert_eq!(numbers, [3, 1, 2]);
        assert!(gone.iter().all(|gone| gone.was_marked && !gone.was_inside));
        assert!(sessions.iter().all(|session| is_marked(session) && session.references() == 1));
    }
}
