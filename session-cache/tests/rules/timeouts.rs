//! How long a session is good for.

use crate::scene::{BOTH, START, Scene, TLS12, id, new_session};
use session_cache::{Rules, Seconds, UnixTime};

#[test]
fn r205_documented_default_timeout_is_300_seconds() {
    let scene = Scene::new(Rules::DOCUMENTED);
    assert_eq!(scene.cache.timeout(), Seconds(300));
    assert_eq!(scene.session(1).timeout(), Seconds(300));
}

#[test]
fn r205_openssl_default_timeout_is_7200_seconds() {
    let scene = Scene::new(Rules::OPENSSL);
    assert_eq!(scene.cache.timeout(), Seconds(7_200));
    assert_eq!(scene.session(1).timeout(), Seconds(7_200));
}

#[test]
fn r206_setting_the_timeout_returns_the_previous_one() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let default = scene.cache.timeout();
        assert_eq!(scene.cache.set_timeout(Seconds(5)), default);
        assert_eq!(scene.cache.set_timeout(Seconds(0)), Seconds(5));
        assert_eq!(scene.cache.set_timeout(Seconds(9)), Seconds(0));
        assert_eq!(scene.cache.timeout(), Seconds(9));
    }
}

#[test]
fn r207_documented_timeout_of_0_is_300_seconds_for_new_sessions() {
    let scene = Scene::new(Rules::DOCUMENTED);
    scene.cache.set_timeout(Seconds(0));
    assert_eq!(scene.session(1).timeout(), Seconds(300));
}

#[test]
fn r207_openssl_timeout_of_0_is_7200_seconds_for_new_sessions() {
    let scene = Scene::new(Rules::OPENSSL);
    scene.cache.set_timeout(Seconds(0));
    assert_eq!(scene.session(1).timeout(), Seconds(7_200));
}

#[test]
fn r208_new_timeout_of_the_cache_leaves_sessions_as_they_are() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        scene.cache.set_timeout(Seconds(50));
        let (cached, free) = (scene.session(1), scene.session(2));
        scene.cache.add(&cached).unwrap();
        scene.cache.set_timeout(Seconds(10));
        assert_eq!((cached.timeout(), free.timeout()), (Seconds(50), Seconds(50)));
        assert_eq!(scene.session(3).timeout(), Seconds(10));
        scene.clock.advance(Seconds(50));
        assert!(scene.view().lookup(TLS12, &id(1)).is_some());
    }
}

#[test]
fn r209_sum_beyond_the_end_of_time_never_expires_and_comes_last() {
    for rules in BOTH {
        // No cap on lifetimes: the sum itself is meant.
        let scene = Scene::built(rules, |builder| builder.lifetime_max(Seconds(u64::MAX)));
        let never = scene.add(1, u64::MAX);
        scene.add(2, 10);
        let barely =
            scene.view().session(new_session(3).with_timeout(Seconds(u64::MAX - START - 1)));
        scene.cache.add(&barely).unwrap();
        assert_eq!(never.expires(), UnixTime(u64::MAX));
        scene.clock.set(UnixTime(u64::MAX));
        assert!(scene.view().lookup(TLS12, &id(1)).is_some());
        assert_eq!(scene.cache.flush(UnixTime(u64::MAX)), 2);
        assert_eq!(scene.heard(), [2, 3]);
        assert_eq!(scene.inside(), [1]);
    }
}

#[test]
fn r116_session_is_valid_up_to_and_including_creation_plus_timeout() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        scene.add(1, 100);
        scene.clock.set(UnixTime(START + 100));
        assert!(scene.view().lookup(TLS12, &id(1)).is_some());
        assert_eq!(scene.cache.flush_expired(), 0);
        scene.clock.set(UnixTime(START + 101));
        assert!(scene.view().lookup(TLS12, &id(1)).is_none());
        scene.add(2, 100);
        assert_eq!(scene.cache.flush_expired(), 1);
    }
}
