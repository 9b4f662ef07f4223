//! What a flush removes, to the second.

use session_cache::{CacheMode, Rules, Seconds, UnixTime};

use crate::scene::{START, Scene};

#[test]
fn flush_removes_what_expired_strictly_before() {
    let scene = Scene::of_size(10);
    for number in 0..5 {
        scene.insert(number, 8 + number);
    }
    assert_eq!(scene.cache.flush(UnixTime(START + 10)), 2);
    assert_eq!(scene.present(), [2, 3, 4]);
    assert_eq!(scene.cache.flush(UnixTime(START + 10)), 0);
    assert_eq!(scene.cache.statistics().flushed, 2);
}

#[test]
fn flush_expired_keeps_those_in_their_last_second() {
    let scene = Scene::of_size(10);
    scene.insert(1, 9);
    scene.insert(2, 10);
    scene.clock.advance(Seconds(10));
    assert_eq!(scene.cache.flush_expired(), 1);
    assert_eq!(scene.present(), [2]);
}

#[test]
fn flush_at_zero_removes_all_but_flush_expired_at_zero_removes_none() {
    let scene = Scene::of_size(10);
    scene.clock.set(UnixTime(0));
    scene.insert(1, 0);
    scene.insert(2, 86_400);
    assert_eq!(scene.cache.flush_expired(), 0);
    assert_eq!(scene.cache.len(), 2);
    assert_eq!(scene.cache.flush(UnixTime(0)), 2);
    assert!(scene.cache.is_empty());
}

#[test]
fn flush_of_more_than_a_batch_in_every_shard_leaves_none() {
    let scene = Scene::of_size(20_000);
    for number in 0..20_000 {
        scene.insert(number, number % 97);
    }
    let expired = (0..20_000).filter(|number| number % 97 < 50).count();
    assert_eq!(scene.cache.flush(UnixTime(START + 50)), expired);
    let rest = scene.cache.len();
    assert_eq!(scene.cache.flush(UnixTime(0)), rest);
    assert_eq!(scene.cache.statistics().flushed, 20_000);
    // All places are free again: nobody has to leave.
    for number in 0..20_000 {
        scene.insert(number, 10);
    }
    assert_eq!(scene.cache.statistics().cache_full, 0);
}

#[test]
fn storing_255_through_views_clears_what_expired_where_the_rules_and_the_mode_say_so() {
    let no_clearing = CacheMode::SERVER | CacheMode::NO_AUTO_CLEAR;
    for (rules, mode, is_cleared) in [
        (Rules::DOCUMENTED, CacheMode::SERVER, true),
        (Rules::DOCUMENTED, no_clearing, false),
        (Rules::OPENSSL, CacheMode::SERVER, false),
    ] {
        let scene = Scene::new(|builder| builder.rules(rules).mode(mode).sessions_max(1_000));
        scene.insert(0, 1);
        scene.clock.advance(Seconds(2));
        (1..254).for_each(|number| scene.insert(number, 100));
        assert_eq!(scene.cache.len(), 254);
        scene.insert(254, 100);
        assert_eq!(scene.cache.len(), 255 - usize::from(is_cleared), "{rules:?} {mode:?}");
    }
}
