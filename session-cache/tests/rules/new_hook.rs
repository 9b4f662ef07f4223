//! The new hook: when it is called, with what, and what its answer does.

use std::sync::{Arc, Mutex};

use crate::engine::{client, close, comes_back, full, full_13, resumes, server, ticket};
use crate::scene::{
    BOTH, Notes, Scene, TLS12, TLS13, id, is_marked, nameless, new_session, new_session_13,
    number_of,
};
use session_cache::{Added, CacheMode, Keep, NotStored, Role, Rules, Seconds, Session, Tickets};

#[test]
fn r122_new_hook_is_called_for_every_new_session_of_a_side_that_caches() {
    for rules in BOTH {
        let modes = [
            (CacheMode::OFF, vec![]),
            (CacheMode::CLIENT, vec![2, 4]),
            (CacheMode::SERVER, vec![1, 3]),
            (CacheMode::BOTH, vec![1, 2, 3, 4]),
        ];
        for (mode, expected) in modes {
            let scene = Scene::in_mode(rules, mode);
            let announced = scene.announce(Keep::Yes);
            for (number, mut connection) in [(1, server(&scene)), (2, client(&scene))] {
                full(&mut connection, number);
                close(connection);
            }
            for (number, mut connection) in [(3, server(&scene)), (4, client(&scene))] {
                full_13(&mut connection, &[number]);
                close(connection);
            }
            assert_eq!(announced.take(), expected, "{mode:?}");
        }
    }
}

#[test]
fn r123_new_hook_is_given_the_connection_and_a_reference_of_its_own() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let roles = Notes::new();
        let written = roles.clone();
        let kept = Arc::new(Mutex::new(None));
        let keeps = kept.clone();
        scene
            .cache
            .change(|settings| {
                let (written, keeps) = (written.clone(), keeps.clone());
                settings.new_hook = Some(Arc::new(move |from, session| {
                    let connection = from.connection.expect("it was negotiated by one");
                    assert!(connection.session().unwrap().is_same(&session));
                    written.add(connection.role());
                    *keeps.lock().unwrap() = Some(session);
                    Keep::Yes
                }));
            })
            .unwrap();
        let mut connection = client(&scene);
        full(&mut connection, 1);
        assert_eq!(roles.take(), [Role::Client]);
        let session = connection.session_owned().unwrap();
        assert_eq!(
            session.references(),
            4,
            "the cache's, the connection's, the hook's, and this one"
        );
        *kept.lock().unwrap() = None;
        assert_eq!(session.references(), 3);
    }
}

#[test]
fn r124_r242_hook_that_says_yes_keeps_its_reference_until_it_gives_it_back() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let kept: Arc<Mutex<Vec<Session>>> = Arc::default();
        let keeps = kept.clone();
        scene.set_new_hook(move |session| {
            keeps.lock().unwrap().push(session);
            Keep::Yes
        });
        let mut connection = server(&scene);
        full(&mut connection, 1);
        close(connection);
        scene.cache.flush(session_cache::UnixTime(0));
        // What the application keeps, it alone keeps: one reference, to be given back once.
        let mut kept = kept.lock().unwrap();
        assert_eq!(kept.len(), 1);
        let last = kept.pop().unwrap();
        assert_eq!((number_of(&last), last.references()), (1, 1));
    }
}

/// What becomes of a session when a hook says no that lets go of it.
fn refused(scene: &Scene, fill: impl Fn(&Scene) -> session_cache::Connection) -> Session {
    let announced = scene.announce(Keep::No);
    let connection = fill(scene);
    let session = connection.session_owned().unwrap();
    close(connection);
    assert_eq!(announced.take(), [number_of(&session)]);
    session
}

fn served(scene: &Scene) -> session_cache::Connection {
    let mut connection = server(scene);
    full(&mut connection, 1);
    connection
}

fn served_13(scene: &Scene) -> session_cache::Connection {
    let mut connection = server(scene);
    full_13(&mut connection, &[1]);
    connection
}

fn visited(scene: &Scene) -> session_cache::Connection {
    let mut connection = client(scene);
    full(&mut connection, 1);
    connection
}

#[test]
fn r125_reference_of_a_hook_that_says_no_is_given_back() {
    for rules in BOTH {
        for fill in [served, served_13, visited] {
            let scene = Scene::new(rules);
            let session = refused(&scene, fill);
            assert_eq!(session.references(), 1 + u32::from(scene.holds(&session)));
        }
    }
}

#[test]
fn r126_documented_session_that_the_hook_refuses_leaves_the_cache_at_once() {
    for fill in [served, served_13, visited] {
        let scene = Scene::new(Rules::DOCUMENTED);
        let session = refused(&scene, fill);
        assert!(scene.cache.is_empty());
        assert_eq!(session.references(), 1);
        // It is not bad, and whoever has it may bring it back.
        assert!(!is_marked(&session) && scene.heard().is_empty());
        assert_eq!(scene.cache.add(&session), Ok(Added::New));
    }
    let scene = Scene::new(Rules::DOCUMENTED);
    scene.announce(Keep::No);
    let session = scene.view().insert(new_session(1)).unwrap();
    assert!(!scene.holds(&session));
}

#[test]
fn r126_documented_refusal_removes_that_session_and_no_other() {
    let scene = Scene::new(Rules::DOCUMENTED);
    scene.add(2, 50);
    // While the hook runs, another one takes its place.
    let cache = Arc::downgrade(&scene.cache);
    let newer = scene.session(1);
    let comes = newer.clone();
    scene.set_new_hook(move |_| {
        cache.upgrade().unwrap().add(&comes).unwrap();
        Keep::No
    });
    let mut connection = server(&scene);
    full(&mut connection, 1);
    close(connection);
    assert!(scene.holds(&newer));
    assert_eq!(scene.inside(), [1, 2]);
}

#[test]
fn r127_openssl_session_that_the_hook_refuses_stays_in_the_cache() {
    for fill in [served, served_13, visited] {
        let scene = Scene::new(Rules::OPENSSL);
        let session = refused(&scene, fill);
        assert!(scene.holds(&session) && !is_marked(&session));
        assert_eq!(session.references(), 2);
    }
}

#[test]
fn r128_new_hook_is_called_during_the_handshake_and_in_tls_13_after_it() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        // How many handshakes had been completed at the call.
        let completed = Notes::new();
        let written = completed.clone();
        scene
            .cache
            .change(|settings| {
                let written = written.clone();
                settings.new_hook = Some(Arc::new(move |from, _| {
                    let statistics = from.cache.statistics();
                    written.add(statistics.accept_good + statistics.connect_good);
                    Keep::Yes
                }));
            })
            .unwrap();
        let mut connection = server(&scene);
        full(&mut connection, 1);
        close(connection);
        assert_eq!(completed.take(), [0]);
        let mut connection = client(&scene);
        full(&mut connection, 2);
        close(connection);
        assert_eq!(completed.take(), [1]);
        let mut connection = server(&scene);
        full_13(&mut connection, &[3, 4]);
        close(connection);
        assert_eq!(completed.take(), [3, 3]);
    }
}

#[test]
fn r129_r130_new_hook_is_called_for_each_ticket() {
    for rules in BOTH {
        for make in [server, client] {
            let scene = Scene::new(rules);
            let announced = scene.announce(Keep::Yes);
            let mut connection = make(&scene);
            full_13(&mut connection, &[1, 2]);
            assert_eq!(announced.take(), [1, 2]);
            // And for one that comes much later.
            ticket(&mut connection, 3, Tickets::Stateless);
            assert_eq!(announced.take(), [3]);
            close(connection);

            // A resumption with one new ticket.
            let mut connection = make(&scene);
            match connection.role() {
                Role::Server => {
                    connection.begin(TLS13);
                    assert_eq!(connection.resume(&id(1)), Ok(true));
                    connection.finish();
                }
                Role::Client => {
                    let session = scene.session_13(9);
                    resumes(&mut connection, &session);
                }
            }
            assert!(announced.take().is_empty());
            ticket(&mut connection, 4, Tickets::Stateful);
            assert!(connection.is_reused());
            assert_eq!(announced.take(), [4]);
            close(connection);
        }
    }
}

#[test]
fn r131_resumption_up_to_tls_12_calls_it_on_neither_side() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.add(1, 50);
        let announced = scene.announce(Keep::Yes);
        let mut connection = server(&scene);
        assert!(comes_back(&mut connection, 1));
        close(connection);
        let mut connection = client(&scene);
        resumes(&mut connection, &session);
        close(connection);
        assert!(announced.take().is_empty());
    }
}

#[test]
fn r132_ticket_up_to_tls_12_calls_it_on_the_client_only() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let announced = scene.announce(Keep::Yes);
        let mut connection = server(&scene);
        connection.begin(TLS12);
        connection.new_session(nameless(TLS12).with_ticket(Seconds(50)));
        connection.established(Tickets::Stateless);
        connection.finish();
        close(connection);
        assert!(announced.take().is_empty() && scene.cache.is_empty());
        // The client names its session after the ticket.
        let mut connection = client(&scene);
        connection.begin(TLS12);
        connection.new_session(new_session(1).with_ticket(Seconds(50)));
        connection.established(Tickets::Stateless);
        connection.finish();
        close(connection);
        assert_eq!(announced.take(), [1]);
    }
}

#[test]
fn r133_renewed_ticket_in_a_resumption_up_to_tls_12_does_not_call_it_on_the_client() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.add_new(new_session(1).with_ticket(Seconds(50)));
        let announced = scene.announce(Keep::Yes);
        let mut connection = client(&scene);
        connection.set_session(Some(session.clone())).unwrap();
        connection.begin(TLS12);
        assert!(connection.offer(|_| true).is_some());
        connection.accepted().unwrap();
        connection.attach(session.to_new().with_id(id(2)));
        connection.established(Tickets::Stateless);
        connection.finish();
        assert!(connection.is_reused());
        assert_eq!(connection.session().map(number_of), Some(2));
        close(connection);
        assert!(announced.take().is_empty());
        assert!(!scene.inside().contains(&2));
    }
}

#[test]
fn r134_new_hook_is_called_when_the_session_is_inside_and_under_no_lock() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let other = scene.session(9);
        let was_inside = Notes::new();
        let written = was_inside.clone();
        scene
            .cache
            .change(|settings| {
                let (written, other) = (written.clone(), other.clone());
                settings.new_hook = Some(Arc::new(move |from, session| {
                    let cache = from.cache;
                    let found = cache.context(session.id_context()).lookup(TLS12, &session.id());
                    written.add(found.is_some_and(|found| found.is_same(&session)));
                    // Each of these takes the locks there are.
                    assert_eq!(cache.add(&other), Ok(Added::New));
                    cache.set_timeout_of(&session, Seconds(70));
                    cache.set_sessions_max(50).unwrap();
                    assert!(cache.remove(&other));
                    cache.flush_expired();
                    Keep::Yes
                }));
            })
            .unwrap();
        let mut connection = server(&scene);
        full(&mut connection, 1);
        close(connection);
        assert_eq!(was_inside.take(), [true]);
        assert_eq!(scene.inside(), [1]);
    }
}

#[test]
fn r135_r204_new_hook_is_not_called_for_a_marked_session() {
    for rules in BOTH {
        for (make, version) in [(server as fn(&_) -> _, TLS12), (client, TLS12), (server, TLS13)] {
            let scene = Scene::new(rules);
            let announced = scene.announce(Keep::Yes);
            let mut connection: session_cache::Connection = make(&scene);
            connection.begin(version);
            let new = if version == TLS13 { new_session_13(1) } else { new_session(1) };
            connection.new_session(new).mark_not_resumable();
            connection.established(Tickets::Stateful);
            connection.finish();
            assert!(announced.take().is_empty() && scene.cache.is_empty());
            close(connection);
        }
    }
    // Nor where there is no connection; and one that nobody could ask for is not stored.
    for rules in BOTH {
        let scene = Scene::new(rules);
        let announced = scene.announce(Keep::Yes);
        let marked = scene.view().session(new_session(1));
        marked.mark_not_resumable();
        assert!(scene.view().insert(marked.to_new()).is_ok());
        scene.add_to_mode(CacheMode::NO_INTERNAL);
        assert_eq!(scene.view().insert(nameless(TLS12)).unwrap_err(), NotStored::NoId);
        assert!(announced.take().is_empty());
    }
}
