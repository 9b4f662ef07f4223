//! Id contexts: who may come back with a session.

use std::sync::Arc;

use crate::engine::{asks, asks_13, close, full, full_13, server};
use crate::scene::{BOTH, START, Scene, TLS12, id, id_context, is_marked, named, new_session};
use session_cache::{Connection, Fatal, IdContext, Keep, Role, Seconds, Tickets, UnixTime};

#[test]
fn r85_connection_has_the_id_context_that_the_cache_had_when_it_was_made() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let before = server(&scene);
        scene.cache.change(|settings| settings.id_context = named("later")).unwrap();
        assert_eq!(before.id_context(), id_context());
        assert_eq!(server(&scene).id_context(), named("later"));
        let mut own = server(&scene);
        own.set_id_context(named("own"));
        scene.cache.change(|settings| settings.id_context = named("last")).unwrap();
        assert_eq!(own.id_context(), named("own"));
    }
}

#[test]
fn r86_moved_connection_takes_the_id_context_over_only_if_it_had_the_old_caches() {
    for rules in BOTH {
        let (scene, other, third) = (Scene::new(rules), Scene::new(rules), Scene::new(rules));
        other.cache.change(|settings| settings.id_context = named("other")).unwrap();
        third.cache.change(|settings| settings.id_context = named("third")).unwrap();
        let mut connection = server(&scene);
        connection.switch_cache(&other.cache);
        assert_eq!(connection.id_context(), named("other"));
        connection.switch_cache(&third.cache);
        assert_eq!(connection.id_context(), named("third"));
        let mut connection = server(&scene);
        connection.set_id_context(named("own"));
        connection.switch_cache(&other.cache);
        assert_eq!(connection.id_context(), named("own"));
    }
}

#[test]
fn r87_r88_r238_session_of_another_id_context_is_not_resumed_and_nothing_else_happens() {
    for rules in BOTH {
        for context in [named("another"), named("the rule"), named("the rules\0"), IdContext::EMPTY]
        {
            let scene = Scene::new(rules);
            let session = scene.cache.context(context).session(new_session(1));
            scene.cache.add(&session).unwrap();
            let before = scene.cache.statistics();
            let mut connection = server(&scene);
            assert!(!asks(&mut connection, 1));
            assert!(connection.session().is_none() && !connection.is_reused());
            assert!(scene.view().lookup(TLS12, &id(1)).is_none());
            assert!(scene.holds(&session) && !is_marked(&session));
            assert!(scene.heard().is_empty());
            let after = scene.cache.statistics();
            assert_eq!((after.accept, after.wrong_context), (before.accept + 1, 2));
            for (name, figure) in after.figures().filter(|(name, _)| is_openssls(name)) {
                assert_eq!(
                    Some(figure),
                    before.figures().find(|other| other.0 == name).map(|f| f.1)
                );
            }
            // A full handshake follows.
            connection.new_session(new_session(2));
            connection.established(Tickets::None);
            connection.finish();
            assert_eq!(connection.session().unwrap().id_context(), id_context());
            assert_eq!(scene.inside(), [1, 2]);
        }
    }
}

/// OpenSSL's counters, but for those that every handshake counts in.
fn is_openssls(name: &str) -> bool {
    ["number", "hits", "cb_hits", "misses", "timeouts", "cache_full"].contains(&name)
}

#[test]
fn r88_expired_session_of_another_id_context_stays_too() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let context = scene.cache.context(named("another"));
        let session = context.session(new_session(1).with_timeout(Seconds(10)));
        scene.cache.add(&session).unwrap();
        scene.clock.set(UnixTime(START + 11));
        assert!(!asks(&mut server(&scene), 1));
        assert!(scene.holds(&session) && !is_marked(&session));
        assert_eq!(scene.cache.statistics().timeouts, 0);
    }
}

/// A scene without an id context, and a server on it that verifies its peer.
fn verifying(scene: &Scene) -> Connection {
    scene.cache.change(|settings| settings.id_context = IdContext::EMPTY).unwrap();
    let mut connection = server(scene);
    connection.set_verify_peer(true);
    connection
}

#[test]
fn r89_verifying_server_without_an_id_context_aborts_where_it_would_resume() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.cache.context(IdContext::EMPTY).session(new_session(1));
        scene.cache.add(&session).unwrap();
        let mut connection = verifying(&scene);
        connection.begin(TLS12);
        assert_eq!(connection.resume(&id(1)), Err(Fatal::IdContextUninitialized));
        assert!(!connection.is_reused() && connection.session().is_none());
        let mut connection = verifying(&scene);
        connection.begin(TLS12);
        assert_eq!(
            connection.resume_ticket(session.duplicate()),
            Err(Fatal::IdContextUninitialized)
        );
        // Nothing to resume is no reason to abort; nor is another context, or no verification.
        let mut connection = verifying(&scene);
        connection.begin(TLS12);
        assert_eq!(connection.resume(&id(2)), Ok(false));
        scene.add(3, 50);
        assert_eq!(connection.resume(&id(3)), Ok(false));
        connection.set_verify_peer(false);
        assert_eq!(connection.resume(&id(1)), Ok(true));
    }
}

#[test]
fn r89_single_use_aborts_too_and_the_outcome_is_not_a_resumption() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.cache.context(IdContext::EMPTY).session(new_session(1));
        scene.cache.add(&session).unwrap();
        let mut connection = verifying(&scene);
        connection.begin(TLS12);
        assert_eq!(connection.resume_once(&id(1)), Err(Fatal::IdContextUninitialized));
        assert!(!connection.is_reused());
    }
}

#[test]
fn r90_verifying_server_without_an_id_context_caches_nothing() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let announced = scene.announce(Keep::Yes);
        let mut connection = verifying(&scene);
        full(&mut connection, 1);
        close(connection);
        let mut connection = verifying(&scene);
        full_13(&mut connection, &[2, 3]);
        assert_eq!(scene.cache.statistics().accept_good, 2, "the handshakes are good");
        close(connection);
        assert!(scene.cache.is_empty() && announced.take().is_empty());
        // With a context, or without verification, or as a client, it does.
        let mut connection = verifying(&scene);
        connection.set_id_context(named("set"));
        full(&mut connection, 4);
        close(connection);
        let mut connection = verifying(&scene);
        connection.set_verify_peer(false);
        full(&mut connection, 5);
        close(connection);
        let mut connection = Connection::new(&Arc::clone(&scene.cache), Role::Client);
        connection.set_verify_peer(true);
        full(&mut connection, 6);
        close(connection);
        assert_eq!(announced.take(), [4, 5, 6]);
    }
}

#[test]
fn r87_stateful_ticket_of_another_id_context_is_not_resumed() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session =
            scene.cache.context(named("another")).session(crate::scene::new_session_13(1));
        scene.cache.add(&session).unwrap();
        assert!(!asks_13(&mut server(&scene), 1));
        assert!(scene.holds(&session));
    }
}
