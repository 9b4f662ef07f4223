//! Sessions of TLS 1.3: tickets, and single use.

use crate::engine::{asks_13, client, close, full_13, resumes, server, ticket};
use crate::scene::{BOTH, Gone, Scene, TLS13, id, is_marked, nameless, new_session_13, number_of};
use session_cache::{
    CacheMode, Connection, Departure, Rules, Seconds, Session, SessionId, Tickets, Wanted,
};

/// A server that protects itself against replay is asked for a ticket.
fn asks_once(server: &mut Connection, number: u64) -> bool {
    server.begin(TLS13);
    server.resume_once(&id(number)).expect("no reason for an alert")
}

#[test]
fn r190_session_that_is_removed_after_use_is_used_once() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        scene.add_new(new_session_13(1));
        let mut connection = server(&scene);
        assert!(asks_13(&mut connection, 1));
        assert!(scene.cache.remove(connection.session().unwrap()));
        close(connection);
        assert!(!asks_13(&mut server(&scene), 1));
        // In one step, for callers without a connection.
        scene.add_new(new_session_13(2));
        assert!(scene.view().take(TLS13, &id(2)).is_some());
        assert!(scene.view().take(TLS13, &id(2)).is_none());
    }
}

#[test]
fn r191_client_that_caches_removes_the_session_it_resumed() {
    for rules in BOTH {
        for (mode, is_removed) in [(CacheMode::BOTH, true), (CacheMode::SERVER, false)] {
            let scene = Scene::in_mode(rules, mode);
            let session = scene.add_new(new_session_13(1));
            let mut connection = client(&scene);
            resumes(&mut connection, &session);
            assert_eq!(scene.holds(&session), !is_removed);
            let heard = scene.heard();
            assert_eq!(heard, if is_removed { vec![1] } else { vec![] });
            close(connection);
            assert!(scene.heard().is_empty(), "once");
        }
        // A full handshake has nothing to remove.
        let scene = Scene::new(rules);
        let session = scene.add_new(new_session_13(1));
        let mut connection = client(&scene);
        full_13(&mut connection, &[2]);
        assert!(scene.holds(&session) && scene.heard().is_empty());
        close(connection);
    }
}

#[test]
fn r193_stateful_ticket_is_the_id_of_a_session_inside() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        // Without a remove hook too: it is looked up there.
        scene.cache.change(|settings| settings.remove_hook = None).unwrap();
        let mut connection = server(&scene);
        connection.begin(TLS13);
        connection.new_session(nameless(TLS13));
        connection.finish();
        let name = connection.new_id().unwrap();
        assert_eq!(name.as_bytes().len(), 32);
        connection.attach(new_session_13(0).with_id(name));
        connection.established(Tickets::Stateful);
        let session = connection.session_owned().unwrap();
        assert!(scene.holds(&session));
        close(connection);
        let mut connection = server(&scene);
        connection.begin(TLS13);
        let ticket = SessionId::new(name.as_bytes()).unwrap();
        assert_eq!(connection.resume(&ticket), Ok(true));
        assert!(connection.session().unwrap().is_same(&session));
    }
}

#[test]
fn r194_stateful_ticket_resumes_again_and_again() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.add_new(new_session_13(1));
        for _ in 0..5 {
            let mut connection = server(&scene);
            assert!(asks_13(&mut connection, 1));
            connection.finish();
            close(connection);
        }
        assert!(scene.holds(&session) && !is_marked(&session));
        assert_eq!(scene.cache.statistics().hits, 5);
    }
}

#[test]
fn r195_protected_ticket_resumes_once_and_then_gives_a_full_handshake() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        scene.add_new(new_session_13(1));
        scene.add_new(new_session_13(2));
        let mut connection = server(&scene);
        assert!(asks_once(&mut connection, 1));
        assert!(connection.is_reused());
        assert_eq!(connection.session().map(number_of), Some(1));
        assert_eq!(scene.inside(), [2]);
        assert_eq!(scene.heard(), [1]);
        for _ in 0..3 {
            let mut connection = server(&scene);
            assert!(!asks_once(&mut connection, 1));
            assert!(!connection.is_reused() && connection.session().is_none());
        }
        assert_eq!(scene.cache.statistics().hits, 1);
    }
}

#[test]
fn r196_documented_answer_that_was_given_up_for_one_use_resumes_and_is_not_copied_inside() {
    for no_store in [CacheMode::OFF, CacheMode::NO_INTERNAL_STORE] {
        let scene = Scene::in_mode(Rules::DOCUMENTED, CacheMode::SERVER | no_store);
        let outside = std::sync::Mutex::new(Some(scene.session_13(1)));
        let asked = scene.answer_with(move || outside.lock().unwrap().take());
        assert!(asks_once(&mut server(&scene), 1));
        assert!(scene.cache.is_empty());
        assert!(!asks_once(&mut server(&scene), 1));
        assert_eq!(asked.take(), [(id(1), Wanted::Take), (id(1), Wanted::Take)]);
    }
}

#[test]
fn r196_openssl_protection_needs_the_session_inside_when_it_is_checked() {
    let scene = Scene::new(Rules::OPENSSL);
    let session = scene.session_13(1);
    scene.answer(&session);
    // Copied inside, and removed from there: it passes, each time that it is found outside again.
    assert!(asks_once(&mut server(&scene), 1));
    assert!(scene.cache.is_empty());
    scene.add_to_mode(CacheMode::NO_INTERNAL_STORE);
    scene.answer(&scene.session_13(2));
    assert!(!asks_once(&mut server(&scene), 2));
}

#[test]
fn r197_session_of_a_stateless_ticket_is_stored_only_where_a_remove_hook_waits_for_its_end() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let fill = |number| {
            let mut connection = server(&scene);
            full_13(&mut connection, &[]);
            ticket(&mut connection, number, Tickets::Stateless);
            close(connection);
        };
        fill(1);
        assert_eq!(scene.inside(), [1]);
        scene.cache.change(|settings| settings.remove_hook = None).unwrap();
        fill(2);
        assert_eq!(scene.inside(), [1]);
        // A client's is stored in any case.
        let mut connection = client(&scene);
        full_13(&mut connection, &[]);
        ticket(&mut connection, 3, Tickets::Stateless);
        close(connection);
        assert_eq!(scene.inside(), [1, 3]);
    }
}

#[test]
fn r198_without_a_lookup_inside_and_a_get_hook_no_stateful_ticket_resumes() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        scene.add_to_mode(CacheMode::NO_INTERNAL_LOOKUP);
        let mut connection = server(&scene);
        full_13(&mut connection, &[1, 2]);
        close(connection);
        assert_eq!(scene.inside(), [1, 2]);
        assert!(!asks_13(&mut server(&scene), 1));
        assert!(!asks_once(&mut server(&scene), 2));
        assert_eq!(scene.inside(), [1, 2]);
    }
}

#[test]
fn r202_session_of_a_client_has_the_timeout_of_its_own_cache() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        scene.cache.set_timeout(Seconds(77));
        let mut connection = client(&scene);
        full_13(&mut connection, &[]);
        for hint in [1, 100_000] {
            connection.attach(new_session_13(1).with_ticket(Seconds(hint)));
            let session = connection.session().unwrap();
            assert_eq!((session.timeout(), session.lifetime_hint()), (Seconds(77), Seconds(hint)));
        }
    }
}

#[test]
fn r204_session_that_is_declared_not_resumable_is_neither_stored_nor_announced() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let announced = scene.announce(session_cache::Keep::Yes);
        let mut connection = server(&scene);
        full_13(&mut connection, &[]);
        connection.attach(new_session_13(1)).mark_not_resumable();
        connection.established(Tickets::Stateful);
        assert!(announced.take().is_empty() && scene.cache.is_empty());
        ticket(&mut connection, 2, Tickets::Stateful);
        assert_eq!((announced.take(), scene.inside()), (vec![2], vec![2]));
        close(connection);
    }
}

/// A session of another id context, asked for by a server that protects itself against replay.
fn asked_for_from_another_context(scene: &Scene) -> Session {
    let session = scene.cache.context(crate::scene::named("another")).session(new_session_13(1));
    scene.cache.add(&session).unwrap();
    assert!(!asks_once(&mut server(scene), 1));
    session
}

#[test]
fn r195_documented_single_use_consumes_nothing_that_may_not_come_back_and_marks_nobody() {
    let scene = Scene::new(Rules::DOCUMENTED);
    let session = asked_for_from_another_context(&scene);
    assert!(scene.holds(&session) && !is_marked(&session) && scene.heard().is_empty());
    let own = scene.add_new(new_session_13(2));
    assert!(asks_once(&mut server(&scene), 2));
    let why = Departure::Taken;
    assert_eq!(scene.gone(), [Gone { number: 2, why, was_marked: false, was_inside: false }]);
    assert!(!is_marked(&own));
}

#[test]
fn r195_openssl_single_use_removes_before_it_looks_who_asks() {
    let scene = Scene::new(Rules::OPENSSL);
    let session = asked_for_from_another_context(&scene);
    assert!(!scene.holds(&session) && is_marked(&session));
    assert_eq!(scene.heard(), [1]);
}
