//! OpenSSL's figures.

use crate::engine::{asks, asks_13, client, close, comes_back, full, make, resumes, server};
use crate::scene::{BOTH, Scene, TLS12, TLS13, id, named, new_session, new_session_13};
use session_cache::{CacheMode, Rules, Seconds, Statistics, UnixTime};

/// OpenSSL's counters that are not 0, and the number apart.
fn counted(scene: &Scene) -> Vec<(&'static str, u64)> {
    const NAMES: [&str; 11] = [
        "connect",
        "connect_good",
        "connect_renegotiate",
        "accept",
        "accept_good",
        "accept_renegotiate",
        "hits",
        "cb_hits",
        "misses",
        "timeouts",
        "cache_full",
    ];
    let statistics: Statistics = scene.cache.statistics();
    let figures: Vec<_> = statistics.figures().filter(|(name, _)| NAMES.contains(name)).collect();
    assert_eq!(figures.len(), NAMES.len());
    figures.into_iter().filter(|(_, figure)| *figure != 0).collect()
}

#[test]
fn r210_full_handshake_counts_itself_and_nothing_else() {
    for rules in BOTH {
        let (one, other) = (Scene::new(rules), Scene::new(rules));
        let mut connection = server(&one);
        connection.begin(TLS12);
        assert_eq!(counted(&one), [("accept", 1)]);
        make(&mut connection, 1);
        close(connection);
        assert_eq!(counted(&one), [("accept", 1), ("accept_good", 1)]);
        let mut connection = client(&other);
        connection.begin(TLS12);
        assert_eq!(counted(&other), [("connect", 1)]);
        assert!(connection.offer(|_| true).is_none());
        connection.declined();
        make(&mut connection, 1);
        close(connection);
        assert_eq!(counted(&other), [("connect", 1), ("connect_good", 1)]);
    }
}

#[test]
fn r211_resumption_counts_a_hit_on_both_sides() {
    for rules in BOTH {
        for version in [TLS12, TLS13] {
            let (one, other) = (Scene::new(rules), Scene::new(rules));
            let new = |number| {
                if version == TLS13 { new_session_13(number) } else { new_session(number) }
            };
            one.add_new(new(1));
            let session = other.add_new(new(1));
            let mut connection = server(&one);
            connection.begin(version);
            assert_eq!(connection.resume(&id(1)), Ok(true));
            connection.finish();
            close(connection);
            assert_eq!(counted(&one), [("accept", 1), ("accept_good", 1), ("hits", 1)]);
            let mut connection = client(&other);
            resumes(&mut connection, &session);
            close(connection);
            assert_eq!(counted(&other), [("connect", 1), ("connect_good", 1), ("hits", 1)]);
        }
    }
}

#[test]
fn r212_unknown_id_counts_a_miss_where_it_was_looked_for_inside() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        assert!(!asks(&mut server(&scene), 1));
        assert!(!asks_13(&mut server(&scene), 1));
        assert!(scene.view().lookup(TLS12, &id(1)).is_none());
        assert_eq!(scene.cache.statistics().misses, 3);
        scene.add_to_mode(CacheMode::NO_INTERNAL_LOOKUP);
        assert!(!asks(&mut server(&scene), 1));
        assert!(scene.view().lookup(TLS12, &id(1)).is_none());
        assert_eq!(scene.cache.statistics().misses, 3);
    }
}

#[test]
fn r213_answer_of_the_get_hook_counts_in_cb_hits_and_as_a_miss_inside() {
    for rules in BOTH {
        let scene = Scene::in_mode(rules, CacheMode::SERVER | CacheMode::NO_INTERNAL_STORE);
        scene.answer(&scene.session(1));
        let mut connection = server(&scene);
        assert!(comes_back(&mut connection, 1));
        close(connection);
        let handshake = [("accept", 1), ("accept_good", 1)];
        let found = [("hits", 1), ("cb_hits", 1), ("misses", 1)];
        assert_eq!(counted(&scene), [&handshake[..], &found[..]].concat());
        scene.add_to_mode(CacheMode::NO_INTERNAL_LOOKUP);
        let mut connection = server(&scene);
        assert!(comes_back(&mut connection, 1));
        close(connection);
        let statistics = scene.cache.statistics();
        assert_eq!((statistics.hits, statistics.cb_hits, statistics.misses), (2, 2, 1));
    }
}

/// Counts of hits and misses after a ticket that carries its session has resumed.
fn hits_and_misses_of_a_ticket(rules: Rules) -> (u64, u64) {
    let scene = Scene::new(rules);
    for version in [TLS12, TLS13] {
        let mut connection = server(&scene);
        connection.begin(version);
        let new = if version == TLS13 { new_session_13(1) } else { new_session(1) };
        let held = scene.view().session(new.with_ticket(Seconds(50)));
        assert_eq!(connection.resume_ticket(held), Ok(true));
        connection.finish();
        close(connection);
    }
    let statistics = scene.cache.statistics();
    (statistics.hits, statistics.misses)
}

#[test]
fn r214_documented_ticket_that_carries_its_session_is_neither_hit_nor_miss() {
    assert_eq!(hits_and_misses_of_a_ticket(Rules::DOCUMENTED), (0, 0));
}

#[test]
fn r214_openssl_ticket_that_carries_its_session_is_a_hit() {
    assert_eq!(hits_and_misses_of_a_ticket(Rules::OPENSSL), (2, 0));
}

/// How many misses a client counts whose offers were declined: one with an id, one without.
fn misses_of_a_client(rules: Rules) -> u64 {
    let scene = Scene::new(rules);
    let named = scene.session(1);
    let nameless = scene.view().session(crate::scene::nameless(TLS12).with_ticket(Seconds(50)));
    for session in [named, nameless] {
        let mut connection = client(&scene);
        connection.set_session(Some(session)).unwrap();
        connection.begin(TLS12);
        assert!(connection.offer(|_| true).is_some());
        connection.declined();
        make(&mut connection, 2);
        close(connection);
    }
    assert_eq!(scene.cache.statistics().hits, 0);
    scene.cache.statistics().misses
}

#[test]
fn r215_documented_client_whose_session_is_declined_counts_nothing() {
    assert_eq!(misses_of_a_client(Rules::DOCUMENTED), 0);
}

#[test]
fn r215_openssl_client_whose_named_session_is_declined_counts_a_miss() {
    assert_eq!(misses_of_a_client(Rules::OPENSSL), 1);
}

#[test]
fn r216_renegotiation_counts_as_such_and_as_good() {
    for rules in BOTH {
        for make_one in [server, client] {
            let scene = Scene::new(rules);
            let mut connection = make_one(&scene);
            full(&mut connection, 1);
            full(&mut connection, 2);
            full(&mut connection, 3);
            close(connection);
            let expected = if counted(&scene)[0].0 == "accept" {
                [("accept", 1), ("accept_good", 3), ("accept_renegotiate", 2)]
            } else {
                [("connect", 1), ("connect_good", 3), ("connect_renegotiate", 2)]
            };
            assert_eq!(counted(&scene), expected);
        }
    }
}

#[test]
fn r217_number_is_that_of_the_keys_inside() {
    for rules in BOTH {
        let scene = Scene::of_size(rules, 100);
        let number = || {
            let number = scene.cache.statistics().number;
            assert_eq!(
                (scene.cache.len(), scene.inside().len()),
                (number as usize, number as usize)
            );
            number
        };
        assert_eq!(number(), 0);
        let session = scene.add(1, 10);
        scene.add(2, 20);
        scene.add_new(new_session_13(1));
        assert_eq!(number(), 3);
        scene.cache.add(&session).unwrap();
        scene.cache.add(&scene.session(2)).unwrap();
        assert_eq!(number(), 3);
        scene.cache.remove(&session);
        assert_eq!(number(), 2);
        scene.cache.flush(UnixTime(0));
        assert_eq!(number(), 0);
    }
}

#[test]
fn r218_server_counts_its_hit_when_it_has_found_the_session() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        scene.add(1, 50);
        let mut connection = server(&scene);
        assert!(asks(&mut connection, 1));
        assert_eq!(counted(&scene), [("accept", 1), ("hits", 1)]);
        connection.fatal_alert_sent();
        drop(connection);
        assert_eq!(counted(&scene), [("accept", 1), ("hits", 1)]);
        // What was found and may not come back is no hit.
        let context = scene.cache.context(named("another"));
        scene.cache.add(&context.session(new_session(2))).unwrap();
        assert!(!asks(&mut server(&scene), 2));
        assert_eq!(scene.cache.statistics().hits, 1);
    }
}
