//! Ids for new sessions.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::engine::server;
use crate::scene::{BOTH, Scene, TLS12, TLS13, id, new_session_13};
use session_cache::{Connection, Fatal, Generator, SessionId};

fn generates(id: Option<SessionId>) -> Option<Arc<Generator>> {
    Some(Arc::new(move |_: &dyn Fn(&SessionId) -> bool| id))
}

fn begun(scene: &Scene) -> Connection {
    let mut connection = server(scene);
    connection.begin(TLS12);
    connection
}

fn set_generator(scene: &Scene, generator: Option<Arc<Generator>>) {
    scene.cache.change(|settings| settings.generator = generator.clone()).unwrap();
}

#[test]
fn r92_default_id_is_32_random_bytes_that_are_not_inside() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let connection = begun(&scene);
        let ids: Vec<SessionId> = (0..1_000).map(|_| connection.new_id().unwrap()).collect();
        assert!(ids.iter().all(|id| id.as_bytes().len() == 32 && !connection.has_matching_id(id)));
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 1_000);
        // Each place is filled: every byte of every place differs among so many.
        for place in 0..32 {
            let values: HashSet<u8> = ids.iter().map(|id| id.as_bytes()[place]).collect();
            assert!(values.len() > 200, "{} values in place {place}", values.len());
        }
    }
}

#[test]
fn r93_own_generator_goes_before_the_caches_and_none_brings_the_default_back() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        set_generator(&scene, generates(Some(id(1))));
        let mut connection = begun(&scene);
        assert_eq!(connection.new_id(), Ok(id(1)));
        connection.set_generator(generates(Some(id(2))));
        assert_eq!(connection.new_id(), Ok(id(2)));
        connection.set_generator(None);
        assert_eq!(connection.new_id(), Ok(id(1)));
        set_generator(&scene, None);
        assert_eq!(begun(&scene).new_id().unwrap().as_bytes().len(), 32);
    }
}

#[test]
fn r94_generator_may_use_from_1_to_32_bytes() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        for length in [1, 2, 31, 32] {
            let short = SessionId::new(&[9; 32][..length]).unwrap();
            set_generator(&scene, generates(Some(short)));
            assert_eq!(begun(&scene).new_id(), Ok(short));
        }
    }
}

#[test]
fn r95_generator_that_fails_or_makes_no_byte_ends_the_handshake() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        set_generator(&scene, generates(None));
        assert_eq!(begun(&scene).new_id(), Err(Fatal::NoId));
        set_generator(&scene, generates(Some(SessionId::EMPTY)));
        assert_eq!(begun(&scene).new_id(), Err(Fatal::EmptyId));
        // More than 32 bytes are no id at all.
        assert!(SessionId::new(&[1; 33]).is_err());
        let mut connection = begun(&scene);
        connection
            .set_generator(Some(Arc::new(|_: &dyn Fn(&SessionId) -> bool| panic!("out of ids"))));
        assert_eq!(connection.new_id(), Err(Fatal::NoId));
    }
}

#[test]
fn r96_generated_id_that_is_inside_already_ends_the_handshake() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        scene.add(1, 50);
        set_generator(&scene, generates(Some(id(1))));
        let mut connection = begun(&scene);
        assert_eq!(connection.new_id(), Err(Fatal::IdTaken));
        // Under another version it is free.
        connection.set_version(TLS13);
        assert_eq!(connection.new_id(), Ok(id(1)));
        // A generator can see it coming.
        let next = AtomicUsize::new(1);
        let careful = move |is_taken: &dyn Fn(&SessionId) -> bool| {
            (0..10)
                .map(|_| id(next.fetch_add(1, Ordering::Relaxed) as u64))
                .find(|candidate| !is_taken(candidate))
        };
        let mut connection = begun(&scene);
        connection.set_generator(Some(Arc::new(careful)));
        assert_eq!(connection.new_id(), Ok(id(2)));
    }
}

#[test]
fn r97_whether_an_id_is_taken_is_looked_up_inside_under_the_connections_version() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        scene.add(1, 50);
        scene.add_new(new_session_13(2));
        let asked = scene.answer(&scene.session(3));
        let mut connection = begun(&scene);
        let taken = |connection: &Connection| [1, 2, 3].map(|n| connection.has_matching_id(&id(n)));
        assert_eq!(taken(&connection), [true, false, false]);
        connection.set_version(TLS13);
        assert_eq!(taken(&connection), [false, true, false]);
        assert!(asked.take().is_empty(), "outside is not asked");
        assert!(!connection.has_matching_id(&SessionId::EMPTY));
    }
}
