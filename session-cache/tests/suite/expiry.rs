//! How long a session lives, to the second.

use session_cache::{CacheMode, Seconds, UnixTime};

use crate::scene::{START, Scene, VERSION, id, session};

#[test]
fn session_is_valid_at_its_last_second_and_gone_after_it() {
    let scene = Scene::new(|builder| builder);
    scene.insert(1, 10);
    scene.clock.set(UnixTime(START + 10));
    assert!(scene.finds(1));
    scene.clock.set(UnixTime(START + 11));
    assert!(!scene.finds(1));
    assert!(scene.cache.is_empty());
    assert_eq!(scene.cache.statistics().expired, 1);
    assert_eq!(scene.cache.statistics().misses, 0);
}

#[test]
fn expired_session_is_neither_taken_nor_removed() {
    let scene = Scene::new(|builder| builder);
    scene.insert(1, 10);
    scene.insert(2, 10);
    scene.clock.advance(Seconds(11));
    assert!(scene.view().take(VERSION, &id(1)).is_none());
    assert!(!scene.view().remove(VERSION, &id(2)));
    let statistics = scene.cache.statistics();
    assert_eq!((statistics.expired, statistics.taken, statistics.removed), (2, 0, 0));
    assert_eq!((statistics.number, statistics.hits, statistics.misses), (0, 0, 0));
}

#[test]
fn session_without_a_timeout_has_the_default_of_its_insertion() {
    let scene = Scene::new(|builder| builder.timeout(Seconds(50)));
    let before = scene.view().insert(session(1)).expect("nothing stalls");
    assert_eq!(scene.cache.set_timeout(Seconds(70)), Seconds(50));
    assert_eq!(scene.cache.timeout(), Seconds(70));
    let after = scene.view().insert(session(2)).expect("nothing stalls");
    assert_eq!(before.expires(), UnixTime(START + 50));
    assert_eq!(after.expires(), UnixTime(START + 70));
}

#[test]
fn every_timeout_is_cut_to_the_cap() {
    let scene = Scene::new(|builder| builder.timeout(Seconds(90)).lifetime_max(Seconds(60)));
    let own =
        scene.view().insert(session(1).with_timeout(Seconds(u64::MAX))).expect("nothing stalls");
    let default = scene.view().insert(session(2)).expect("nothing stalls");
    let short = scene.view().insert(session(3).with_timeout(Seconds(59))).expect("nothing stalls");
    assert_eq!(own.expires(), UnixTime(START + 60));
    assert_eq!(default.expires(), UnixTime(START + 60));
    assert_eq!(short.expires(), UnixTime(START + 59));
}

#[test]
fn life_counts_from_the_time_of_creation() {
    let scene = Scene::new(|builder| builder);
    let old = session(1).with_created(UnixTime(START - 100)).with_timeout(Seconds(100));
    scene.view().insert(old).expect("nothing stalls");
    assert!(scene.finds(1));
    scene.clock.advance(Seconds(1));
    assert!(!scene.finds(1));
}

#[test]
fn timeout_beyond_the_end_of_time_never_expires_and_still_leaves_room() {
    let forever = Seconds(u64::MAX);
    let scene = Scene::new(|builder| builder.sessions_max(2).lifetime_max(forever));
    let handle = scene.view().insert(session(1).with_timeout(forever)).expect("nothing stalls");
    assert_eq!(handle.expires(), UnixTime(u64::MAX));
    scene.insert(2, u64::MAX - 1);
    scene.clock.set(UnixTime(u64::MAX));
    assert!(scene.finds(1));
    assert_eq!(scene.cache.flush_expired(), 0);
    // Those that never expire can be evicted and flushed like all others.
    scene.insert(3, 10);
    assert_eq!(scene.present(), [2, 3]);
    assert_eq!(scene.cache.flush(UnixTime(0)), 2);
}

#[test]
fn clock_that_jumps_back_and_forth_is_taken_at_its_word() {
    let scene = Scene::new(|builder| builder);
    scene.insert(1, 10);
    scene.clock.set(UnixTime(0));
    assert!(scene.finds(1));
    scene.insert(2, 10);
    scene.clock.set(UnixTime(START));
    assert!(!scene.finds(2));
    assert!(scene.finds(1));
    scene.clock.set(UnixTime(u64::MAX));
    assert!(!scene.finds(1));
    scene.clock.set(UnixTime(START));
    assert!(!scene.finds(1), "an expired session came back to life");
}

#[test]
fn lookup_makes_a_sessions_time_that_of_its_use_in_the_mode_that_says_so() {
    let scene = Scene::of_size(10);
    scene.insert(1, 100);
    let created = |now: u64| {
        scene.clock.set(UnixTime(now));
        scene.view().lookup(VERSION, &id(1)).expect("not too old").created().0
    };
    assert_eq!(created(START + 50), START);
    scene.cache.set_mode(CacheMode::SERVER | CacheMode::UPDATE_TIME);
    assert_eq!(created(START + 60), START + 60);
    scene.cache.set_mode(CacheMode::SERVER);
    assert_eq!(created(START + 150), START + 60);
    assert_eq!(scene.cache.flush(UnixTime(START + 160)), 0);
    assert_eq!(scene.cache.flush(UnixTime(START + 161)), 1);
}

#[test]
fn time_that_a_caller_tells_revives_nobody() {
    let scene = Scene::new(|builder| builder.mode(CacheMode::SERVER | CacheMode::UPDATE_TIME));
    scene.insert(1, 10);
    scene.clock.advance(Seconds(50));
    // Valid at the time that he was told; renewed to that time, and so over by the cache's clock.
    assert!(scene.view().lookup_at(VERSION, &id(1), UnixTime(START + 10)).is_some());
    assert!(!scene.finds(1));
    // Nor does an earlier one take anything away.
    scene.insert(2, 10);
    scene.clock.advance(Seconds(8));
    assert!(scene.finds(2));
    let renewed = scene.view().lookup_at(VERSION, &id(2), UnixTime(START + 51)).unwrap();
    assert_eq!(renewed.expires(), UnixTime(START + 50 + 8 + 10));
}
