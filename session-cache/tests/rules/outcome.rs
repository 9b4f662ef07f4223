//! How a connection ends, and what becomes of its session.

use crate::engine::{asks, client, close, full, full_13, resumes, server};
use crate::scene::{BOTH, Scene, TLS12, is_marked, new_session, number_of};
use session_cache::{CacheMode, Connection, Session, Shutdown, Tickets};

/// A server's established connection, and its session.
fn established(scene: &Scene) -> (Connection, Session) {
    let mut connection = server(scene);
    full(&mut connection, 1);
    let session = connection.session_owned().unwrap();
    assert!(scene.holds(&session) && !is_marked(&session));
    (connection, session)
}

#[track_caller]
fn assert_lost(scene: &Scene, session: &Session) {
    assert!(!scene.holds(session) && is_marked(session));
    assert_eq!(scene.heard(), [number_of(session)]);
}

#[track_caller]
fn assert_kept(scene: &Scene, session: &Session) {
    assert!(scene.holds(session) && !is_marked(session));
    assert!(scene.heard().is_empty());
}

#[test]
fn r179_fatal_error_removes_and_marks_the_session() {
    for rules in BOTH {
        for role in [server, client] {
            let scene = Scene::new(rules);
            let mut connection = role(&scene);
            full(&mut connection, 1);
            let session = connection.session_owned().unwrap();
            connection.fatal_alert_sent();
            assert_lost(&scene, &session);
            // Once: dropping it then tells nobody anything new.
            drop(connection);
            assert!(scene.heard().is_empty());
        }
    }
}

#[test]
fn r180_connection_dropped_without_a_shutdown_removes_and_marks_its_session() {
    for rules in BOTH {
        for role in [server, client] {
            let scene = Scene::new(rules);
            let mut connection = role(&scene);
            full(&mut connection, 1);
            let session = connection.session_owned().unwrap();
            drop(connection);
            assert_lost(&scene, &session);
        }
    }
}

#[test]
fn r180_resumed_session_is_lost_to_all_who_share_it() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let (first, session) = established(&scene);
        close(first);
        let mut second = server(&scene);
        assert!(asks(&mut second, 1));
        second.established(Tickets::None);
        second.finish();
        drop(second);
        assert_lost(&scene, &session);
        assert!(!asks(&mut server(&scene), 1));
    }
}

#[test]
fn r181_shutdown_that_was_sent_keeps_the_session() {
    for rules in BOTH {
        for shutdown in [Shutdown::SENT, Shutdown::BOTH] {
            let scene = Scene::new(rules);
            let (mut connection, session) = established(&scene);
            connection.set_shutdown(shutdown);
            drop(connection);
            assert_kept(&scene, &session);
        }
    }
}

#[test]
fn r182_shutdown_that_was_only_received_does_not() {
    for rules in BOTH {
        for shutdown in [Shutdown::RECEIVED, Shutdown::default()] {
            let scene = Scene::new(rules);
            let (mut connection, session) = established(&scene);
            connection.set_shutdown(shutdown);
            drop(connection);
            assert_lost(&scene, &session);
        }
    }
}

#[test]
fn r183_connection_dropped_before_or_during_its_handshake_keeps_the_session() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.add(1, 50);
        let mut connection = client(&scene);
        connection.set_session(Some(session.clone())).unwrap();
        drop(connection);
        assert_kept(&scene, &session);

        let mut connection = client(&scene);
        connection.set_session(Some(session.clone())).unwrap();
        connection.begin(TLS12);
        assert!(connection.offer(|_| true).is_some());
        connection.accepted().unwrap();
        drop(connection);
        assert_kept(&scene, &session);

        let mut connection = server(&scene);
        assert!(asks(&mut connection, 1));
        drop(connection);
        assert_kept(&scene, &session);

        // A renegotiation is a handshake too.
        let mut connection = server(&scene);
        full(&mut connection, 1);
        let session = connection.session_owned().unwrap();
        scene.heard();
        connection.begin(TLS12);
        drop(connection);
        assert_kept(&scene, &session);
    }
}

#[test]
fn r184_clear_keeps_the_session_after_a_clean_close_and_drops_it_after_another() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let (mut connection, session) = established(&scene);
        connection.set_shutdown(Shutdown::SENT);
        connection.clear();
        assert!(connection.session().is_some_and(|attached| attached.is_same(&session)));
        assert_kept(&scene, &session);
        // It begins anew: nothing is sent, and nothing established.
        assert_eq!(connection.shutdown(), Shutdown::default());
        assert!(!connection.is_reused());
        drop(connection);
        assert_kept(&scene, &session);

        let (mut connection, session) = established(&scene);
        scene.heard();
        connection.clear();
        assert!(connection.session().is_none());
        assert_lost(&scene, &session);
    }
}

#[test]
fn r184_client_that_was_cleared_offers_its_session_again() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let mut connection = client(&scene);
        full(&mut connection, 1);
        let session = connection.session_owned().unwrap();
        connection.set_shutdown(Shutdown::BOTH);
        connection.clear();
        connection.begin(TLS12);
        assert!(connection.offer(|_| true).is_some_and(|offered| offered.is_same(&session)));
    }
}

#[test]
fn r185_fatal_alert_that_is_sent_after_a_shutdown_does_no_harm_and_one_received_does() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let (mut connection, session) = established(&scene);
        connection.set_shutdown(Shutdown::SENT);
        connection.fatal_alert_sent();
        drop(connection);
        assert_kept(&scene, &session);

        for shutdown in [Shutdown::default(), Shutdown::SENT, Shutdown::BOTH] {
            let scene = Scene::new(rules);
            let (mut connection, session) = established(&scene);
            connection.set_shutdown(shutdown);
            connection.fatal_alert_received();
            assert_lost(&scene, &session);
            drop(connection);
            assert!(scene.heard().is_empty());
        }

        for shutdown in [Shutdown::default(), Shutdown::RECEIVED] {
            let scene = Scene::new(rules);
            let (mut connection, session) = established(&scene);
            connection.set_shutdown(shutdown);
            connection.fatal_alert_sent();
            assert_lost(&scene, &session);
        }
    }
}

#[test]
fn r187_server_of_tls_13_that_does_not_close_cleanly_loses_the_last_session_it_sent() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let mut connection = server(&scene);
        full_13(&mut connection, &[1, 2, 3]);
        assert_eq!(scene.inside(), [1, 2, 3]);
        drop(connection);
        assert_eq!(scene.inside(), [1, 2]);
        assert_eq!(scene.heard(), [3]);
    }
}

#[test]
fn r188_client_whose_attempt_to_resume_fails_loses_the_session() {
    for rules in BOTH {
        for received in [true, false] {
            let scene = Scene::new(rules);
            let session = scene.add(1, 50);
            let mut connection = client(&scene);
            connection.set_session(Some(session.clone())).unwrap();
            connection.begin(TLS12);
            assert!(connection.offer(|_| true).is_some());
            match received {
                true => connection.fatal_alert_received(),
                false => connection.fatal_alert_sent(),
            }
            assert_lost(&scene, &session);
        }
    }
}

#[test]
fn r189_with_no_internal_store_an_unclean_close_marks_and_reports() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        scene.add_to_mode(CacheMode::NO_INTERNAL_STORE);
        let mut connection = server(&scene);
        full(&mut connection, 1);
        let session = connection.session_owned().unwrap();
        assert!(scene.cache.is_empty());
        drop(connection);
        assert_lost(&scene, &session);

        let mut connection = client(&scene);
        resumes(&mut connection, &scene.view().session(new_session(2)));
        let session = connection.session_owned().unwrap();
        connection.fatal_alert_received();
        assert_lost(&scene, &session);
    }
}
