//! The cache mode: who stores, where is looked, and what renews the time of a session.

use crate::engine::{asks, client, close, comes_back, full, full_13, resumes, server};
use crate::scene::{BOTH, START, Scene, TLS12, TLS13, id, new_session, number_of};
use session_cache::{
    Added, CacheMode, Connection, Keep, NotStored, Role, Rules, Seconds, SessionCache, UnixTime,
};

#[test]
fn r52_setting_the_mode_returns_the_previous_one() {
    for rules in BOTH {
        let cache = SessionCache::builder().rules(rules).build().unwrap();
        assert_eq!(cache.set_mode(CacheMode::CLIENT), CacheMode::SERVER);
        assert_eq!(cache.mode(), CacheMode::CLIENT);
        assert_eq!(cache.set_mode(CacheMode::OFF), CacheMode::CLIENT);
        assert_eq!(cache.mode(), CacheMode::OFF);
    }
}

#[test]
fn r53_default_mode_is_server() {
    for rules in BOTH {
        let cache = SessionCache::builder().rules(rules).build().unwrap();
        assert_eq!(cache.mode(), CacheMode::SERVER);
        assert_eq!(CacheMode::default(), CacheMode::SERVER);
    }
}

#[test]
fn r54_r55_modes_have_openssls_values() {
    let bits = |mode: CacheMode| mode.bits();
    assert_eq!((bits(CacheMode::OFF), bits(CacheMode::CLIENT), bits(CacheMode::SERVER)), (0, 1, 2));
    assert_eq!(CacheMode::BOTH, CacheMode::CLIENT | CacheMode::SERVER);
    assert_eq!((bits(CacheMode::NO_AUTO_CLEAR), bits(CacheMode::UPDATE_TIME)), (0x80, 0x400));
    let no_internal = CacheMode::NO_INTERNAL_LOOKUP | CacheMode::NO_INTERNAL_STORE;
    assert_eq!((CacheMode::NO_INTERNAL, bits(no_internal)), (no_internal, 0x300));
    assert_eq!(bits(CacheMode::NO_INTERNAL_LOOKUP), 0x100);
}

#[test]
fn r56_bits_without_a_meaning_are_kept() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        for bits in [0xffff, 0x8000_0000, 0x7000_0802] {
            scene.cache.set_mode(CacheMode::from_bits(bits));
            assert_eq!(scene.cache.mode().bits(), bits);
            assert_eq!(scene.cache.set_mode(CacheMode::from_bits(bits)).bits(), bits);
        }
    }
}

#[test]
fn r58_session_of_one_cache_is_not_found_through_another() {
    for rules in BOTH {
        let (one, other) = (Scene::new(rules), Scene::new(rules));
        one.add(1, 50);
        assert!(!asks(&mut server(&other), 1));
        assert!(other.view().lookup(TLS12, &id(1)).is_none());
        assert!(asks(&mut server(&one), 1));
    }
}

#[test]
fn r59_off_stores_no_negotiated_session_and_calls_no_new_hook() {
    for rules in BOTH {
        let scene = Scene::in_mode(rules, CacheMode::OFF);
        let announced = scene.announce(Keep::Yes);
        for mut connection in [server(&scene), client(&scene)] {
            full(&mut connection, 1);
            close(connection);
        }
        for mut connection in [server(&scene), client(&scene)] {
            full_13(&mut connection, &[2, 3]);
            close(connection);
        }
        assert!(matches!(scene.view().insert(new_session(4)), Err(NotStored::Mode)));
        assert!(scene.cache.is_empty());
        assert!(announced.take().is_empty());
        // The other side's bit does not help.
        for (mode, role) in [(CacheMode::CLIENT, Role::Server), (CacheMode::SERVER, Role::Client)] {
            scene.cache.set_mode(mode);
            let mut connection = Connection::new(&scene.cache, role);
            full(&mut connection, 1);
            close(connection);
            assert!(scene.cache.is_empty() && announced.take().is_empty(), "{role:?} in {mode:?}");
        }
    }
}

#[test]
fn r60_documented_off_finds_nothing_inside_and_stores_no_answer() {
    let scene = Scene::new(Rules::DOCUMENTED);
    let inside = scene.add(1, 50);
    scene.cache.set_mode(CacheMode::OFF);
    assert!(!asks(&mut server(&scene), 1));
    assert!(scene.view().lookup(TLS12, &id(1)).is_none());
    assert_eq!(scene.cache.add(&scene.session(2)), Err(NotStored::Mode));
    let asked = scene.answer(&scene.session(3));
    let mut connection = server(&scene);
    assert!(asks(&mut connection, 3));
    assert_eq!((asked.take().len(), connection.session().map(number_of)), (1, Some(3)));
    assert_eq!(scene.inside(), [1]);
    // Caching comes back, and with it what is inside.
    scene.cache.set_mode(CacheMode::SERVER);
    assert!(asks(&mut server(&scene), 1));
    assert!(scene.holds(&inside));
}

#[test]
fn r61_openssl_off_still_resumes_what_is_inside() {
    for mode in [CacheMode::OFF, CacheMode::CLIENT] {
        let scene = Scene::new(Rules::OPENSSL);
        scene.add(1, 50);
        scene.cache.set_mode(mode);
        assert!(asks(&mut server(&scene), 1));
        assert_eq!(scene.cache.add(&scene.session(2)), Ok(Added::New));
        assert!(asks(&mut server(&scene), 2));
    }
}

#[test]
fn r62_r241_off_still_asks_the_get_hook_and_resumes_its_answer() {
    for rules in BOTH {
        let scene = Scene::in_mode(rules, CacheMode::OFF);
        let asked = scene.answer(&scene.session(1));
        let mut connection = server(&scene);
        assert!(comes_back(&mut connection, 1));
        assert!(connection.is_reused());
        assert_eq!(asked.take().len(), 1);
    }
}

#[test]
fn r63_openssl_off_copies_the_get_hooks_answer_inside() {
    let scene = Scene::in_mode(Rules::OPENSSL, CacheMode::OFF);
    let session = scene.session(1);
    scene.answer(&session);
    assert!(asks(&mut server(&scene), 1));
    assert!(scene.holds(&session));
    let scene = Scene::in_mode(Rules::OPENSSL, CacheMode::NO_INTERNAL_STORE);
    let session = scene.session(1);
    scene.answer(&session);
    assert!(asks(&mut server(&scene), 1));
    assert!(!scene.holds(&session));
}

#[test]
fn r64_without_server_a_full_handshake_gives_the_client_no_id() {
    for rules in BOTH {
        for mode in [CacheMode::OFF, CacheMode::CLIENT, CacheMode::NO_INTERNAL] {
            let mut connection = server(&Scene::in_mode(rules, mode));
            connection.begin(TLS12);
            assert!(connection.new_id().unwrap().is_empty(), "{mode:?}");
            // TLS 1.3 names each ticket, whatever the mode.
            connection.set_version(TLS13);
            assert_eq!(connection.new_id().unwrap().as_bytes().len(), 32, "{mode:?}");
        }
        for mode in [CacheMode::SERVER, CacheMode::BOTH] {
            let mut connection = server(&Scene::in_mode(rules, mode));
            connection.begin(TLS12);
            assert_eq!(connection.new_id().unwrap().as_bytes().len(), 32, "{mode:?}");
        }
    }
}

#[test]
fn r66_client_stores_the_sessions_of_clients_and_is_not_on_by_default() {
    for rules in BOTH {
        let scene = Scene::in_mode(rules, CacheMode::default());
        for (mode, stored) in [(CacheMode::default(), vec![]), (CacheMode::CLIENT, vec![1, 2])] {
            scene.cache.set_mode(mode);
            for number in [1, 2] {
                let mut connection = client(&scene);
                match number {
                    1 => full(&mut connection, 1),
                    _ => full_13(&mut connection, &[2]),
                }
                close(connection);
            }
            assert_eq!(scene.inside(), stored, "{mode:?}");
        }
    }
}

#[test]
fn r67_no_session_is_chosen_for_a_client() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.add(1, 50);
        let asked = scene.answer(&session);
        let mut connection = client(&scene);
        connection.begin(TLS12);
        assert!(connection.offer(|_| true).is_none());
        assert!(asked.take().is_empty());
        let mut connection = client(&scene);
        connection.set_session(Some(session.clone())).unwrap();
        connection.begin(TLS12);
        assert!(connection.offer(|_| true).is_some_and(|offered| offered.is_same(&session)));
    }
}

#[test]
fn r68_server_stores_and_looks_inside_first_and_outside_then() {
    for rules in BOTH {
        let scene = Scene::in_mode(rules, CacheMode::SERVER);
        let mut connection = server(&scene);
        full(&mut connection, 1);
        close(connection);
        assert_eq!(scene.inside(), [1]);
        let outside = scene.session(2);
        let asked = scene.answer(&outside);
        assert!(asks(&mut server(&scene), 1));
        assert!(asked.take().is_empty(), "it was inside");
        assert!(asks(&mut server(&scene), 2));
        assert_eq!(asked.take().len(), 1);
    }
}

#[test]
fn r69_r71_no_internal_lookup_sends_every_lookup_of_a_server_outside() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        scene.add_to_mode(CacheMode::NO_INTERNAL_LOOKUP);
        let mut connection = server(&scene);
        full(&mut connection, 1);
        close(connection);
        assert_eq!(scene.inside(), [1], "it is stored all the same");
        assert!(!asks(&mut server(&scene), 1));
        assert!(scene.view().lookup(TLS12, &id(1)).is_none());
        let outside = scene.session(1);
        let asked = scene.answer(&outside);
        for times in 1..=3 {
            let mut connection = server(&scene);
            assert!(asks(&mut connection, 1));
            assert!(
                connection.session().unwrap().is_same(&outside),
                "the hook's, not the one inside"
            );
            assert_eq!(asked.take().len(), 1, "time {times}");
        }
    }
}

#[test]
fn r70_no_internal_lookup_means_nothing_to_clients() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        scene.add_to_mode(CacheMode::NO_INTERNAL_LOOKUP);
        let mut connection = client(&scene);
        full(&mut connection, 1);
        let session = connection.session_owned().unwrap();
        close(connection);
        assert_eq!(scene.inside(), [1]);
        let mut connection = client(&scene);
        resumes(&mut connection, &session);
        assert!(connection.is_reused());
    }
}

#[test]
fn r72_r75_no_internal_store_keeps_sessions_out_and_the_new_hook_hears_of_them() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        scene.add_to_mode(CacheMode::NO_INTERNAL_STORE);
        let announced = scene.announce(Keep::Yes);
        for (number, mut connection) in [(1, server(&scene)), (2, client(&scene))] {
            full(&mut connection, number);
            close(connection);
        }
        for (number, mut connection) in [(3, server(&scene)), (4, client(&scene))] {
            full_13(&mut connection, &[number]);
            close(connection);
        }
        scene.view().insert(new_session(5)).unwrap();
        assert!(scene.cache.is_empty());
        assert_eq!(announced.take(), [1, 2, 3, 4, 5]);
    }
}

#[test]
fn r73_no_internal_store_lets_sessions_be_added_by_hand() {
    for rules in BOTH {
        let scene = Scene::in_mode(rules, CacheMode::SERVER | CacheMode::NO_INTERNAL_STORE);
        let session = scene.add(1, 50);
        assert!(scene.holds(&session));
        let mut connection = server(&scene);
        assert!(asks(&mut connection, 1));
        assert!(connection.session().unwrap().is_same(&session));
    }
}

#[test]
fn r74_no_internal_store_keeps_answers_out_which_are_copied_inside_without_it() {
    for rules in BOTH {
        let scene = Scene::in_mode(rules, CacheMode::SERVER | CacheMode::NO_INTERNAL_STORE);
        let session = scene.session(1);
        let asked = scene.answer(&session);
        assert!(asks(&mut server(&scene), 1) && asks(&mut server(&scene), 1));
        assert_eq!(asked.take().len(), 2);
        assert!(scene.cache.is_empty());
        scene.cache.set_mode(CacheMode::SERVER);
        assert!(asks(&mut server(&scene), 1) && asks(&mut server(&scene), 1));
        assert_eq!(asked.take().len(), 1, "then it is inside");
        assert!(scene.holds(&session));
    }
}

#[test]
fn r81_documented_update_time_does_not_let_an_add_change_the_time() {
    let scene = Scene::new(Rules::DOCUMENTED);
    scene.add_to_mode(CacheMode::UPDATE_TIME);
    let session = scene.session(1);
    scene.clock.advance(Seconds(40));
    assert_eq!(scene.cache.add(&session), Ok(Added::New));
    assert_eq!(scene.cache.add(&session), Ok(Added::Identical));
    assert_eq!(session.created(), UnixTime(START));
}

#[test]
fn r81_openssl_update_time_renews_the_time_with_every_add() {
    let scene = Scene::new(Rules::OPENSSL);
    let unchanged = scene.session(1);
    scene.add_to_mode(CacheMode::UPDATE_TIME);
    let session = scene.session(2);
    scene.clock.advance(Seconds(40));
    assert_eq!(scene.cache.add(&session), Ok(Added::New));
    assert_eq!(session.created(), UnixTime(START + 40));
    scene.clock.advance(Seconds(30));
    assert_eq!(scene.cache.add(&session), Ok(Added::Identical));
    assert_eq!(session.created(), UnixTime(START + 70));
    // And its place in the order with it.
    scene.cache.add(&unchanged).unwrap();
    assert_eq!(scene.cache.flush(UnixTime(START + 70 + 7_200)), 0);
    scene.cache.set_mode(CacheMode::BOTH);
    scene.clock.advance(Seconds(5));
    assert_eq!(scene.cache.add(&session), Ok(Added::Identical));
    assert_eq!(session.created(), UnixTime(START + 70));
}

/// Resumes a session from the inside after 40 seconds, and returns it.
fn resumed_under_update_time(scene: &Scene, version_13: bool) -> session_cache::Session {
    scene.add_to_mode(CacheMode::UPDATE_TIME);
    let session = match version_13 {
        true => scene.session_13(1),
        false => scene.session(1),
    };
    session.set_timeout(Seconds(100));
    scene.cache.add(&session).unwrap();
    scene.clock.advance(Seconds(40));
    let mut connection = server(scene);
    connection.begin(session.version());
    assert!(connection.resume(&id(1)).unwrap());
    session
}

#[test]
fn r82_documented_update_time_renews_the_time_of_a_session_that_is_resumed() {
    for version_13 in [false, true] {
        let scene = Scene::new(Rules::DOCUMENTED);
        let session = resumed_under_update_time(&scene, version_13);
        assert_eq!(session.created(), UnixTime(START + 40));
        assert_eq!(scene.cache.flush(UnixTime(START + 140)), 0, "its place is a new one too");
        scene.clock.advance(Seconds(100));
        assert!(scene.view().lookup(session.version(), &id(1)).is_some());
        assert_eq!(scene.cache.flush(UnixTime(START + 241)), 1);
    }
    let scene = Scene::new(Rules::DOCUMENTED);
    let session = scene.add(1, 100);
    scene.clock.advance(Seconds(40));
    assert!(asks(&mut server(&scene), 1));
    assert_eq!(session.created(), UnixTime(START), "without the flag");
}

#[test]
fn r82_openssl_update_time_leaves_the_time_of_a_session_that_is_resumed() {
    for version_13 in [false, true] {
        let scene = Scene::new(Rules::OPENSSL);
        let session = resumed_under_update_time(&scene, version_13);
        assert_eq!(session.created(), UnixTime(START));
    }
}

/// Whether the get hook's answer, which has expired, is resumed.
fn expired_answer_is_resumed(scene: &Scene) -> bool {
    let session = scene.view().session(new_session(1).with_timeout(Seconds(10)));
    scene.answer(&session);
    scene.clock.advance(Seconds(11));
    let resumed = asks(&mut server(scene), 1);
    assert_eq!(scene.cache.statistics().timeouts, u64::from(!resumed));
    resumed
}

#[test]
fn r83_documented_expired_answer_is_never_revived() {
    for mode in [CacheMode::BOTH, CacheMode::BOTH | CacheMode::UPDATE_TIME] {
        let scene = Scene::in_mode(Rules::DOCUMENTED, mode);
        assert!(!expired_answer_is_resumed(&scene));
        assert!(scene.cache.is_empty());
    }
}

#[test]
fn r83_openssl_expired_answer_is_revived_where_update_time_copies_it_inside() {
    let update = CacheMode::BOTH | CacheMode::UPDATE_TIME;
    assert!(expired_answer_is_resumed(&Scene::in_mode(Rules::OPENSSL, update)));
    assert!(!expired_answer_is_resumed(&Scene::in_mode(Rules::OPENSSL, CacheMode::BOTH)));
    let not_copied = update | CacheMode::NO_INTERNAL_STORE;
    assert!(!expired_answer_is_resumed(&Scene::in_mode(Rules::OPENSSL, not_copied)));
}
