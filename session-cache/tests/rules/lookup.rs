//! A server looks for the session that a client comes back with.

use std::sync::Mutex;

use crate::engine::{asks, asks_13, client, close, comes_back, full, make, resumes, server};
use crate::scene::{
    BOTH, Gone, START, Scene, TLS12, TLS13, id, is_marked, new_session, new_session_13, number_of,
};
use session_cache::{
    Departure, NewSession, Payload, ProtocolVersion, Rules, Seconds, SessionId, UnixTime, Wanted,
};

#[test]
fn r99_r101_get_hook_is_given_the_id_that_is_not_inside() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        scene.add(1, 50);
        let asked = scene.answer_nothing();
        assert!(asks(&mut server(&scene), 1));
        assert!(asked.take().is_empty());
        assert!(!asks(&mut server(&scene), 2));
        assert_eq!(asked.take(), [(id(2), Wanted::Lookup)]);
        for length in [1, 5, 31, 32] {
            let id = SessionId::new(&[length; 32][..length as usize]).unwrap();
            let mut connection = server(&scene);
            connection.begin(TLS12);
            assert_eq!(connection.resume(&id), Ok(false));
            assert_eq!(asked.take(), [(id, Wanted::Lookup)]);
        }
    }
}

#[test]
fn r100_get_hook_is_not_called_for_clients() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.add(1, 50);
        let asked = scene.answer(&session);
        let mut connection = client(&scene);
        resumes(&mut connection, &session);
        close(connection);
        let mut connection = client(&scene);
        full(&mut connection, 2);
        close(connection);
        let mut connection = client(&scene);
        connection.begin(TLS12);
        assert!(connection.offer(|_| true).is_none());
        connection.declined();
        make(&mut connection, 3);
        assert!(asked.take().is_empty());
    }
}

#[test]
fn r102_get_hook_is_not_called_without_an_id_nor_for_a_ticket_that_carries_the_session() {
    for rules in BOTH {
        for version in [TLS12, TLS13] {
            let scene = Scene::new(rules);
            let session = scene.session(1);
            let asked = scene.answer(&session);
            let mut connection = server(&scene);
            connection.begin(version);
            assert_eq!(connection.resume(&SessionId::EMPTY), Ok(false));
            assert_eq!(connection.resume_once(&SessionId::EMPTY), Ok(false));
            let ticket = NewSession::new(version, id(2), Payload::empty()).with_ticket(Seconds(50));
            let held = scene.view().session(ticket);
            assert_eq!(connection.resume_ticket(held.duplicate()), Ok(true));
            scene.clock.advance(Seconds(100_000));
            assert_eq!(connection.resume_ticket(held), Ok(false), "it has expired");
            assert!(asked.take().is_empty());
        }
    }
}

#[test]
fn r103_get_hook_is_called_for_stateful_tickets_with_their_32_bytes() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let asked = scene.answer_nothing();
        let ticket = SessionId::random().unwrap();
        let mut connection = server(&scene);
        connection.begin(TLS13);
        assert_eq!(connection.resume(&ticket), Ok(false));
        assert_eq!(connection.resume_once(&ticket), Ok(false));
        assert_eq!(asked.take(), [(ticket, Wanted::Lookup), (ticket, Wanted::Take)]);
    }
}

#[test]
fn r104_answer_that_is_shared_gains_one_reference() {
    for rules in BOTH {
        let scene = Scene::in_mode(rules, session_cache::CacheMode::NO_INTERNAL);
        let session = scene.session(1);
        let hooks_own = session.clone();
        scene.answer_with(move || Some(hooks_own.clone()));
        assert_eq!(session.references(), 2);
        let mut connection = server(&scene);
        assert!(asks(&mut connection, 1));
        assert_eq!(session.references(), 3, "the connection's too");
        drop(connection);
        assert_eq!(session.references(), 2);
    }
}

#[test]
fn r105_answer_that_is_given_away_gains_no_reference() {
    for rules in BOTH {
        let scene = Scene::in_mode(rules, session_cache::CacheMode::NO_INTERNAL);
        let session = scene.session(1);
        let hooks_own = Mutex::new(Some(session.clone()));
        scene.answer_with(move || hooks_own.lock().unwrap().take());
        assert_eq!(session.references(), 2);
        let mut connection = server(&scene);
        assert!(asks(&mut connection, 1));
        assert_eq!(session.references(), 2, "the connection's in the place of the hook's");
        drop(connection);
        assert_eq!(session.references(), 1);
    }
}

#[test]
fn r107_shared_answer_has_as_many_references_in_the_end_and_one_given_away_has_one_less() {
    for rules in BOTH {
        for is_shared in [true, false] {
            let scene = Scene::new(rules);
            let session = scene.session(1);
            let hooks_own = Mutex::new(Some(session.clone()));
            // What the hook shares it holds on to, beyond the cache's end.
            let kept = session.clone();
            scene.answer_with(move || {
                let mut own = hooks_own.lock().unwrap();
                if is_shared { own.clone() } else { own.take() }
            });
            let before = session.references();
            assert_eq!(before, 3);
            let mut connection = server(&scene);
            assert!(comes_back(&mut connection, 1));
            close(connection);
            // The hook itself stays: only the cache's and the connection's references go.
            scene.cache.flush(UnixTime(0));
            assert_eq!(session.references(), if is_shared { before } else { before - 1 });
            drop(scene);
            assert_eq!(kept.references(), 2, "the hook has gone with its own");
        }
    }
}

#[test]
fn r108_marked_answer_is_ignored_and_released() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.session(1);
        session.mark_not_resumable();
        let given_away = Mutex::new(Some(session.clone()));
        scene.answer_with(move || given_away.lock().unwrap().take());
        let mut connection = server(&scene);
        assert!(!asks(&mut connection, 1));
        assert!(connection.session().is_none());
        assert_eq!(session.references(), 1);
        assert!(scene.cache.is_empty());
        make(&mut connection, 2);
        let statistics = scene.cache.statistics();
        assert_eq!((statistics.cb_hits, statistics.hits, statistics.accept_good), (0, 0, 1));
    }
}

#[test]
fn r109_internal_lookup_goes_by_version_and_id() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.add(1, 50);
        for version in [TLS13, ProtocolVersion(0x0302), ProtocolVersion::UNKNOWN] {
            let mut connection = server(&scene);
            connection.begin(version);
            assert_eq!(connection.resume(&id(1)), Ok(false));
        }
        assert_eq!(scene.cache.statistics().misses, 3);
        assert!(scene.holds(&session));
        assert!(asks(&mut server(&scene), 1));
        // Both are found, each under its own.
        scene.add_new(new_session_13(1));
        let mut connection = server(&scene);
        assert!(asks_13(&mut connection, 1));
        assert_eq!(connection.session().map(|session| session.version()), Some(TLS13));
    }
}

#[test]
fn r110_marked_session_that_is_added_again_is_resumed() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.add(1, 50);
        assert!(scene.cache.remove(&session) && is_marked(&session));
        assert!(!asks(&mut server(&scene), 1));
        scene.cache.add(&session).unwrap();
        let mut connection = server(&scene);
        assert!(asks(&mut connection, 1));
        assert!(connection.session().unwrap().is_same(&session));
    }
}

#[test]
fn r111_what_is_found_inside_does_not_call_the_get_hook() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        scene.add(1, 50);
        let asked = scene.answer(&scene.session(1));
        for _ in 0..3 {
            assert!(asks(&mut server(&scene), 1));
        }
        // Nor what is found and may not be resumed.
        scene.clock.advance(Seconds(51));
        assert!(!asks(&mut server(&scene), 1));
        assert!(asked.take().is_empty());
    }
}

/// A server of TLS 1.2 whose get hook answers with a session of TLS 1.3.
fn answer_of_another_version(scene: &Scene) {
    scene.answer(&scene.session_13(1));
    let mut connection = server(scene);
    assert!(!asks(&mut connection, 1));
    assert!(connection.session().is_none() && !connection.is_reused());
    assert_eq!(scene.cache.statistics().cb_hits, 1);
    assert_eq!(scene.cache.statistics().hits, 0);
}

#[test]
fn r112_documented_answer_of_another_version_is_neither_resumed_nor_stored() {
    let scene = Scene::new(Rules::DOCUMENTED);
    answer_of_another_version(&scene);
    assert!(scene.cache.is_empty());
}

#[test]
fn r112_openssl_answer_of_another_version_is_not_resumed_and_stored() {
    let scene = Scene::new(Rules::OPENSSL);
    answer_of_another_version(&scene);
    assert_eq!(scene.inside(), [1]);
    assert!(asks_13(&mut server(&scene), 1));
}

#[test]
fn r113_documented_answer_of_another_id_is_not_resumed() {
    let scene = Scene::new(Rules::DOCUMENTED);
    scene.answer(&scene.session(1));
    let mut connection = server(&scene);
    assert!(!asks(&mut connection, 2));
    assert!(connection.session().is_none());
    assert_eq!(scene.cache.statistics().hits, 0);
    assert!(scene.cache.is_empty());
}

#[test]
fn r113_openssl_answer_of_another_id_is_taken_for_the_one_that_was_asked_for() {
    let scene = Scene::new(Rules::OPENSSL);
    scene.answer(&scene.session(1));
    let mut connection = server(&scene);
    assert!(asks(&mut connection, 2));
    assert_eq!(connection.session().map(number_of), Some(1));
    assert_eq!(scene.cache.statistics().hits, 1);
}

#[test]
fn r114_r137_expired_session_leaves_marked_and_reported() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.add(1, 50);
        scene.clock.advance(Seconds(51));
        let mut connection = server(&scene);
        assert!(!asks(&mut connection, 1));
        assert!(connection.session().is_none());
        assert_eq!(scene.cache.statistics().timeouts, 1);
        assert!(!scene.holds(&session) && is_marked(&session));
        let why = Departure::Expired;
        assert_eq!(scene.gone(), [Gone { number: 1, why, was_marked: true, was_inside: false }]);
        assert!(!asks(&mut connection, 1));
        assert_eq!(scene.cache.statistics().timeouts, 1, "then it is only missing");
    }
}

#[test]
fn r114_expired_answer_of_the_get_hook_is_reported_and_marked() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.view().session(new_session(1).with_timeout(Seconds(50)));
        scene.answer(&session);
        scene.clock.advance(Seconds(51));
        assert!(!asks(&mut server(&scene), 1));
        assert_eq!(scene.cache.statistics().timeouts, 1);
        assert!(is_marked(&session) && scene.cache.is_empty());
        assert_eq!(scene.heard(), [1]);
    }
}

#[test]
fn r115_expired_stateful_ticket_is_not_resumed_and_stays() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.add_new(new_session_13(1).with_timeout(Seconds(50)));
        scene.clock.advance(Seconds(51));
        for timeouts in 1..=2 {
            assert!(!asks_13(&mut server(&scene), 1));
            assert_eq!(scene.cache.statistics().timeouts, timeouts);
        }
        assert!(scene.holds(&session) && !is_marked(&session));
        assert!(scene.heard().is_empty());
    }
}

#[test]
fn r116_connection_resumes_up_to_and_including_creation_plus_timeout() {
    for rules in BOTH {
        for version in [TLS12, TLS13] {
            let scene = Scene::new(rules);
            let new = NewSession::new(version, id(1), Payload::empty()).with_timeout(Seconds(50));
            scene.add_new(new);
            for (second, is_resumed) in [(0, true), (50, true), (51, false)] {
                scene.clock.set(UnixTime(START + second));
                let mut connection = server(&scene);
                connection.begin(version);
                assert_eq!(connection.resume(&id(1)), Ok(is_resumed), "second {second}");
            }
        }
    }
}

#[test]
fn r120_resumption_shows_on_both_peers_and_brings_the_verification_result() {
    for rules in BOTH {
        let (scene, other) = (Scene::new(rules), Scene::new(rules));
        scene.add_new(new_session(1).with_verify_result(9));
        let theirs = other.add_new(new_session(1).with_verify_result(10));
        let mut one = server(&scene);
        assert!(comes_back(&mut one, 1));
        assert!(one.is_reused());
        assert_eq!(one.verify_result(), 9);
        let mut peer = client(&other);
        resumes(&mut peer, &theirs);
        assert!(peer.is_reused());
        assert_eq!(peer.verify_result(), 10);
        // A full handshake has a result of its own.
        one.begin(TLS12);
        make(&mut one, 2);
        assert!(!one.is_reused());
        assert_eq!(one.verify_result(), 0);
    }
}

#[test]
fn r121_sessions_stay_with_the_cache_that_the_connection_was_made_with() {
    for rules in BOTH {
        let (scene, other) = (Scene::new(rules), Scene::new(rules));
        scene.add(1, 50);
        other.add(2, 50);
        let moved = || {
            let mut connection = server(&scene);
            connection.switch_cache(&other.cache);
            connection
        };
        assert!(asks(&mut moved(), 1));
        assert!(!asks(&mut moved(), 2));
        let mut connection = moved();
        full(&mut connection, 3);
        assert_eq!((scene.inside(), other.inside()), (vec![1, 3], vec![2]));
        // Not closed cleanly.
        drop(connection);
        assert_eq!((scene.heard(), other.heard()), (vec![3], vec![]));
        assert_eq!((scene.inside(), other.inside()), (vec![1], vec![2]));
    }
}
