//! What else the four manual pages promise, from end to end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::engine::{asks, client, close, comes_back, full, full_13, server, ticket};
use crate::scene::{BOTH, Scene, TLS12, id, named, new_session, number_of};
use session_cache::{CacheMode, Keep, Session, SessionId, Tickets};

#[test]
fn r236_client_offers_one_id_and_the_server_resumes_or_makes_a_new_session() {
    for rules in BOTH {
        let (scene, there) = (Scene::new(rules), Scene::new(rules));
        let known = scene.add(1, 50);
        scene.add(2, 50);
        there.add(1, 50);
        for is_known in [true, false] {
            let mut here = client(&scene);
            here.set_session(Some(known.clone())).unwrap();
            here.begin(TLS12);
            let offered = here.offer(|_| true).expect("the one that was attached");
            assert!(offered.is_same(&known), "exactly one, and not the other");
            let mut peer = server(&there);
            peer.begin(TLS12);
            let resumed = peer.resume(&offered.id()).unwrap();
            assert_eq!(resumed, is_known);
            if resumed {
                here.accepted().unwrap();
                assert_eq!(peer.session().map(|session| session.id()), Some(offered.id()));
            } else {
                here.declined();
                let id = peer.new_id().unwrap();
                peer.new_session(new_session(0).with_id(id));
                here.new_session(new_session(0).with_id(id));
                assert_ne!(here.session().map(|session| session.id()), Some(offered.id()));
            }
            for mut connection in [peer, here] {
                connection.established(Tickets::None);
                connection.finish();
                assert_eq!(connection.is_reused(), is_known);
                close(connection);
            }
            there.cache.remove(&there.session(1));
        }
    }
}

#[test]
fn r237_server_asks_outside_where_it_is_not_inside_or_does_not_look() {
    for rules in BOTH {
        let scene = Scene::in_mode(rules, CacheMode::SERVER | CacheMode::NO_INTERNAL_STORE);
        scene.add(1, 50);
        let outside: Arc<HashMap<SessionId, Session>> =
            Arc::new([1, 2].map(|number| (id(number), scene.session(number))).into());
        let store = outside.clone();
        scene
            .cache
            .change(|settings| {
                let store = store.clone();
                settings.get_hook = Some(Arc::new(move |inquiry| store.get(inquiry.id).cloned()));
            })
            .unwrap();
        let found = |number| {
            let mut connection = server(&scene);
            asks(&mut connection, number).then(|| {
                let session = connection.session().unwrap();
                outside.get(&session.id()).is_some_and(|outside| outside.is_same(session))
            })
        };
        // The answer: whether it was the one from outside.
        assert_eq!([found(1), found(2), found(3)], [Some(false), Some(true), None]);
        scene.add_to_mode(CacheMode::NO_INTERNAL_LOOKUP);
        assert_eq!([found(1), found(2), found(3)], [Some(true), Some(true), None]);
    }
}

#[test]
fn r238_id_context_keeps_the_sessions_of_one_server_from_another_on_the_same_cache() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let mut strict = server(&scene);
        strict.set_id_context(named("strict"));
        full(&mut strict, 1);
        close(strict);
        let mut lax = server(&scene);
        lax.set_id_context(named("lax"));
        assert!(!asks(&mut lax, 1));
        let mut strict = server(&scene);
        strict.set_id_context(named("strict"));
        assert!(comes_back(&mut strict, 1));
    }
}

#[test]
fn r239_new_hook_is_called_only_where_a_session_can_be_resumed_and_for_every_one() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let resumable = Arc::new(Mutex::new(Vec::new()));
        let written = resumable.clone();
        scene.set_new_hook(move |session| {
            written.lock().unwrap().push((number_of(&session), session.is_resumable()));
            Keep::Yes
        });
        let mut connection = client(&scene);
        full_13(&mut connection, &[]);
        assert!(resumable.lock().unwrap().is_empty(), "nothing to come back with yet");
        // An engine that says so too early changes nothing.
        connection.established(Tickets::Stateless);
        assert!(resumable.lock().unwrap().is_empty());
        for number in [1, 2, 3] {
            ticket(&mut connection, number, Tickets::Stateless);
        }
        assert_eq!(*resumable.lock().unwrap(), [(1, true), (2, true), (3, true)]);
        assert_eq!(
            connection.session().map(number_of),
            Some(3),
            "the connection shows the last only"
        );
        close(connection);
    }
}
