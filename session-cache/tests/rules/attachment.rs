//! The session of a connection: attached, looked at, offered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::engine::{asks, client, close, full, full_13, resumes, server, ticket};
use crate::scene::{
    BOTH, START, Scene, TLS12, TLS13, id, is_marked, named, nameless, new_session, new_session_13,
    number_of,
};
use session_cache::{
    Fatal, NewSession, OfOtherCache, Payload, PayloadObject, ProtocolVersion, Rules, Seconds,
    Tickets, UnixTime,
};

#[test]
fn r30_r31_attaching_takes_one_reference_and_says_whether_it_succeeded() {
    for rules in BOTH {
        let (scene, other) = (Scene::new(rules), Scene::new(rules));
        let mut connection = client(&scene);
        let session = scene.session(1);
        assert_eq!(connection.set_session(Some(session.clone())), Ok(()));
        assert_eq!(session.references(), 2);
        // The very same again is no second one.
        assert_eq!(connection.set_session(Some(session.clone())), Ok(()));
        assert_eq!(session.references(), 2);
        let foreign = other.add(2, 50);
        assert_eq!(connection.set_session(Some(foreign.clone())), Err(OfOtherCache));
        assert_eq!(foreign.references(), 2, "the other cache's, and the one here");
        assert!(connection.session().is_some_and(|attached| attached.is_same(&session)));
    }
}

#[test]
fn r32_attaching_releases_what_was_attached_before() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let mut connection = client(&scene);
        let (first, second) = (scene.session(1), scene.session(2));
        connection.set_session(Some(first.clone())).unwrap();
        connection.set_session(Some(second.clone())).unwrap();
        assert_eq!((first.references(), second.references()), (1, 2));
    }
}

#[test]
fn r33_session_that_was_not_resumed_is_released_during_the_handshake() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let mut connection = client(&scene);
        let session = scene.session(1);
        connection.set_session(Some(session.clone())).unwrap();
        connection.begin(TLS12);
        drop(connection.offer(|_| true).expect("it may be offered"));
        assert_eq!(session.references(), 2);
        connection.declined();
        connection.new_session(new_session(2));
        assert_eq!(session.references(), 1);
        connection.established(Tickets::None);
        connection.finish();
        assert_eq!(connection.session().map(number_of), Some(2));
        assert!(!is_marked(&session), "it was declined, and is none the worse for it");
    }
}

#[test]
fn r34_attaching_none_detaches() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let mut connection = client(&scene);
        let session = scene.session(1);
        connection.set_session(Some(session.clone())).unwrap();
        assert_eq!(connection.set_session(None), Ok(()));
        assert!(connection.session().is_none());
        assert_eq!(session.references(), 1);
        assert_eq!(connection.set_session(None), Ok(()));
    }
}

#[test]
fn r35_attaching_to_an_open_connection_removes_and_marks_its_session() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        for next in [Some(scene.session(2)), None] {
            let mut connection = client(&scene);
            full(&mut connection, 1);
            let old = connection.session_owned().unwrap();
            assert!(scene.holds(&old) && !is_marked(&old));
            connection.set_session(next).unwrap();
            assert!(!scene.holds(&old) && is_marked(&old));
            assert_eq!(scene.heard(), [1]);
            close(connection);
        }
    }
}

#[test]
fn r36_attaching_before_a_handshake_leaves_the_old_session_as_it_is() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let old = scene.add(1, 50);
        let mut connection = client(&scene);
        connection.set_session(Some(old.clone())).unwrap();
        connection.set_session(Some(scene.session(2))).unwrap();
        assert!(scene.holds(&old) && !is_marked(&old));
        assert!(scene.heard().is_empty());
    }
}

#[test]
fn r37_connection_takes_over_the_verification_result() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let mut connection = client(&scene);
        assert_eq!(connection.verify_result(), 0);
        let session = scene.view().session(new_session(1).with_verify_result(18));
        connection.set_session(Some(session)).unwrap();
        assert_eq!(connection.verify_result(), 18);
        connection.set_session(Some(scene.session(2))).unwrap();
        assert_eq!(connection.verify_result(), 1, "that of a session of which nothing is known");
    }
}

#[test]
fn r38_connection_says_whether_its_session_was_resumed() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.add(1, 50);
        let mut connection = client(&scene);
        assert!(!connection.is_reused());
        resumes(&mut connection, &session);
        assert!(connection.is_reused());
        close(connection);

        let mut connection = client(&scene);
        connection.set_session(Some(session)).unwrap();
        connection.begin(TLS12);
        connection.declined();
        assert!(!connection.is_reused());

        let mut connection = server(&scene);
        assert!(asks(&mut connection, 1));
        assert!(connection.is_reused());
        // A new handshake is a new question.
        assert!(!asks(&mut connection, 2));
        assert!(!connection.is_reused());
    }
}

#[test]
fn r39_r40_session_is_looked_at_for_nothing_and_held_for_one_reference() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let mut connection = client(&scene);
        assert!(connection.session().is_none() && connection.session_owned().is_none());
        let session = scene.session(1);
        connection.set_session(Some(session.clone())).unwrap();
        assert!(connection.session().unwrap().is_same(&session));
        assert_eq!(session.references(), 2);
        let owned = connection.session_owned().unwrap();
        assert!(owned.is_same(&session));
        assert_eq!(session.references(), 3);
    }
}

#[test]
fn r41_reference_outlives_drop_clear_and_flush() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let held: Vec<_> = (1..=3)
            .map(|number| {
                let mut connection = server(&scene);
                full(&mut connection, number);
                let held = connection.session_owned().unwrap();
                match number {
                    1 => drop(connection),
                    2 => connection.clear(),
                    _ => close(connection),
                }
                held
            })
            .collect();
        scene.cache.flush(UnixTime(0));
        for (number, session) in (1u64..).zip(&held) {
            assert_eq!(session.references(), 1);
            assert_eq!(
                (number_of(session), session.payload()),
                (number, &number.to_be_bytes()[..])
            );
        }
    }
}

/// Says when it is dropped.
struct Mourned(Arc<AtomicUsize>);

impl PayloadObject for Mourned {
    fn size_bytes(&self) -> usize {
        size_of::<Mourned>()
    }

    fn duplicate(&self) -> Box<dyn PayloadObject> {
        Box::new(Mourned(self.0.clone()))
    }
}

impl Drop for Mourned {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn r42_session_that_nobody_holds_goes_with_clear_drop_or_flush() {
    for rules in BOTH {
        let gone = Arc::new(AtomicUsize::new(0));
        let scene = Scene::new(rules);
        let mourned = |number| {
            let payload = Payload::object(Mourned(gone.clone()));
            NewSession::new(TLS12, id(number), payload)
        };
        let connections = [1, 2, 3].map(|number| {
            let mut connection = server(&scene);
            connection.begin(TLS12);
            connection.new_session(mourned(number));
            connection.established(Tickets::None);
            connection.finish();
            // Looked at, which holds nothing.
            assert!(connection.session().is_some_and(|session| session.is_resumable()));
            connection
        });
        let [mut cleared, dropped, mut flushed] = connections;
        let after = |expected| {
            // Other tests of this process hold guards for moments; what is not to go has time to.
            for _ in 0..1_000 {
                session_core::reclaim();
            }
            while gone.load(Ordering::Relaxed) < expected {
                session_core::reclaim();
                std::thread::yield_now();
            }
            assert_eq!(gone.load(Ordering::Relaxed), expected);
        };
        after(0);
        cleared.clear();
        assert!(cleared.session().is_none());
        after(1);
        drop(dropped);
        after(2);
        scene.cache.flush(UnixTime(0));
        after(2);
        flushed.set_session(None).unwrap();
        after(3);
    }
}

#[test]
fn r43_r45_session_of_a_client_is_the_one_of_the_last_ticket() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let mut connection = client(&scene);
        full_13(&mut connection, &[1]);
        let first = connection.session_owned().unwrap();
        assert_eq!(number_of(&first), 1);
        ticket(&mut connection, 2, Tickets::Stateless);
        let second = connection.session_owned().unwrap();
        ticket(&mut connection, 3, Tickets::Stateless);
        assert_eq!(connection.session().map(number_of), Some(3));
        // Each is a session of its own; what was held stays what it was.
        assert_eq!((number_of(&first), number_of(&second)), (1, 2));
        assert_eq!((first.references(), second.references()), (2, 2), "the cache's, and these");
        assert!(!is_marked(&first) && !is_marked(&second));
        assert_eq!(first.payload(), 1u64.to_be_bytes());
    }
}

#[test]
fn r44_r45_session_of_a_server_is_the_one_of_the_last_ticket_or_its_own() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let mut connection = server(&scene);
        full_13(&mut connection, &[]);
        let own = connection.session_owned().expect("its own, before any ticket");
        assert!(own.id().is_empty() && !own.is_resumable());
        ticket(&mut connection, 1, Tickets::Stateful);
        let first = connection.session_owned().unwrap();
        ticket(&mut connection, 2, Tickets::Stateful);
        assert_eq!(connection.session().map(number_of), Some(2));
        assert_eq!(number_of(&first), 1);
        assert!(own.id().is_empty() && own.references() == 1);
    }
}

#[test]
fn r23_session_of_a_client_before_its_first_ticket_is_there_and_not_resumable() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let mut connection = client(&scene);
        full_13(&mut connection, &[]);
        let before = connection.session_owned().expect("it is there");
        assert!(!before.is_resumable());
        ticket(&mut connection, 1, Tickets::Stateless);
        assert!(connection.session().is_some_and(|session| session.is_resumable()));
        assert!(!before.is_resumable());
    }
}

#[test]
fn r47_client_with_a_session_that_is_of_no_use_makes_a_full_handshake() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let marked = scene.session(1);
        marked.mark_not_resumable();
        let old_version =
            scene.view().session(NewSession::new(ProtocolVersion(0x0301), id(2), Payload::empty()));
        let nameless = scene.view().session(nameless(TLS12));
        for useless in [marked, old_version, nameless] {
            let mut connection = client(&scene);
            connection.set_session(Some(useless.clone())).unwrap();
            connection.begin(TLS12);
            assert!(connection.offer(|version| version == TLS12).is_none(), "{useless:?}");
            assert_eq!(useless.references(), 1, "a fresh one takes its place");
            connection.new_session(new_session(3));
            connection.established(Tickets::None);
            connection.finish();
            assert!(!connection.is_reused());
            assert_eq!(connection.session().map(number_of), Some(3));
            close(connection);
        }
    }
}

#[test]
fn r48_client_offers_a_session_that_has_expired() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.add(1, 10);
        scene.clock.advance(Seconds(1_000));
        let mut connection = client(&scene);
        connection.set_session(Some(session.clone())).unwrap();
        connection.begin(TLS12);
        assert!(connection.offer(|_| true).is_some_and(|offered| offered.is_same(&session)));
    }
}

#[test]
fn r49_client_does_not_offer_a_ticket_that_is_older_than_its_hint_by_more_than_a_second() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let ticket = new_session_13(1).with_ticket(Seconds(100)).with_timeout(Seconds(10));
        let session = scene.add_new(ticket);
        for (age, is_offered) in [(0, true), (100, true), (101, true), (102, false), (9_999, false)]
        {
            scene.clock.set(UnixTime(START + age));
            let mut connection = client(&scene);
            connection.set_session(Some(session.clone())).unwrap();
            connection.begin(TLS13);
            let offered = connection.offer(|_| true);
            assert_eq!(offered.is_some(), is_offered, "at the age of {age}");
        }
    }
}

/// A client that comes back with a session of another id context.
fn comes_back_from_another_context(rules: Rules) -> Result<(), Fatal> {
    let scene = Scene::new(rules);
    let session = scene.cache.context(named("another")).session(new_session(1));
    let mut connection = client(&scene);
    connection.set_session(Some(session)).unwrap();
    connection.begin(TLS12);
    assert!(connection.offer(|_| true).is_some());
    let accepted = connection.accepted();
    // libssl says so too when the handshake fails after that.
    assert!(connection.is_reused());
    accepted
}

#[test]
fn r50_documented_client_does_not_compare_id_contexts() {
    assert_eq!(comes_back_from_another_context(Rules::DOCUMENTED), Ok(()));
}

#[test]
fn r50_openssl_client_of_another_id_context_than_its_session_aborts() {
    let refused = comes_back_from_another_context(Rules::OPENSSL);
    assert_eq!(refused, Err(Fatal::DifferentIdContext));
}
