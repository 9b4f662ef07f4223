//! A cache in front of a store, by its hooks: what leaves here and there at once, and what comes back.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use session_cache::{
    Added, Builder, CacheMode, Connection, Departure, IdContext, Inquiry, Keep, NewSession,
    Payload, Role, Session, SessionCache, Wanted,
};

use crate::scene::{Scene, VERSION, id, session};

/// Keeps payloads by id; forgets what the remove hook names.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<HashMap<Vec<u8>, Vec<u8>>>>);

impl Store {
    fn keep(&self, session: &Session) {
        let (id, payload) = (session.id().as_bytes().to_vec(), session.payload().to_vec());
        self.0.lock().unwrap().insert(id, payload);
    }

    /// What is wanted once is given up in the same step.
    fn answer(&self, inquiry: &Inquiry<'_>) -> Option<Session> {
        let (mut kept, id) = (self.0.lock().unwrap(), inquiry.id.as_bytes());
        let payload = match inquiry.wanted {
            Wanted::Take => kept.remove(id)?,
            Wanted::Lookup => kept.get(id)?.clone(),
        };
        let new = NewSession::new(inquiry.version, *inquiry.id, Payload::from(payload));
        Some(new.build(*inquiry.id_context, inquiry.cache.now()))
    }

    fn forget(&self, session: &Session) {
        self.0.lock().unwrap().remove(session.id().as_bytes());
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Lets a cache keep its sessions here; `before` is called when one is to be forgotten.
    fn serve(&self, builder: Builder, before: impl Fn() + Send + Sync + 'static) -> Builder {
        let (keeps, answers, forgets) = (self.clone(), self.clone(), self.clone());
        builder
            .new_hook(move |_, session| {
                keeps.keep(&session);
                Keep::Yes
            })
            .get_hook(move |inquiry| answers.answer(&inquiry))
            .remove_hook(move |left| {
                before();
                forgets.forget(left.session);
            })
    }
}

/// Stops who comes by, once, until it is told to let go.
struct Gate {
    arrived: Receiver<()>,
    opens: Sender<()>,
}

impl Gate {
    fn new() -> (Gate, impl Fn() + Send + Sync + 'static) {
        let (arrives, arrived) = channel();
        let (opens, opened) = channel();
        let once = Mutex::new(Some((arrives, opened)));
        let pass = move || {
            let first = once.lock().unwrap().take();
            if let Some((arrives, opened)) = first {
                arrives.send(()).unwrap();
                opened.recv().unwrap();
            }
        };
        (Gate { arrived, opens }, pass)
    }

    /// Does one thing while somebody stands at the gate, and lets him go.
    fn meanwhile<T>(&self, work: impl FnOnce() -> T) -> T {
        self.arrived.recv().unwrap();
        let result = work();
        self.opens.send(()).unwrap();
        result
    }
}

#[test]
fn session_that_was_taken_is_not_given_out_again_by_a_store_that_has_not_heard_of_it() {
    let (store, (gate, pass)) = (Store::default(), Gate::new());
    let scene = Scene::new(|builder| store.serve(builder, pass));
    scene.insert(1, 100);
    let take = || scene.view().take(VERSION, &id(1)).is_some();
    thread::scope(|scope| {
        let first = scope.spawn(take);
        assert!(!gate.meanwhile(take));
        assert!(first.join().unwrap());
    });
    assert_eq!((store.len(), scene.cache.len()), (0, 0));
}

#[test]
fn session_that_was_removed_is_not_brought_back_by_a_store_that_has_not_heard_of_it() {
    for is_inside in [true, false] {
        let (store, (gate, pass)) = (Store::default(), Gate::new());
        let scene = Scene::new(|builder| store.serve(builder, pass));
        let stored = scene.view().insert(session(1)).expect("nothing stalls");
        if !is_inside {
            scene.cache.set_mode(CacheMode::SERVER | CacheMode::NO_INTERNAL);
        }
        thread::scope(|scope| {
            let first = scope.spawn(|| scene.cache.remove(&stored));
            assert!(!gate.meanwhile(|| scene.finds(1)));
            first.join().unwrap();
        });
        assert!(!scene.finds(1));
    }
}

#[test]
fn answer_that_comes_after_its_session_was_removed_counts_no_more() {
    for wanted in [Wanted::Lookup, Wanted::Take] {
        let (store, (gate, pass)) = (Store::default(), Gate::new());
        let answers = store.clone();
        let scene = Scene::new(|builder| {
            store.serve(builder, || {}).get_hook(move |inquiry| {
                let answer = answers.answer(&inquiry);
                pass();
                answer
            })
        });
        let view = scene.view();
        let kept = view.session(session(1));
        store.keep(&kept);
        thread::scope(|scope| {
            let ask = scope.spawn(|| match wanted {
                Wanted::Lookup => scene.finds(1),
                Wanted::Take => scene.view().take(VERSION, &id(1)).is_some(),
            });
            gate.meanwhile(|| scene.cache.remove(&kept));
            assert!(!ask.join().unwrap());
        });
        assert!(scene.cache.is_empty() && !scene.finds(1));
        assert_eq!(store.len(), 0);
        // Another one under the id is as good as any.
        scene.insert(1, 100);
        assert!(scene.finds(1));
    }
}

#[test]
fn session_that_a_store_gives_up_once_is_found_by_nobody_else() {
    for copies_first in [false, true] {
        let (store, (gate, pass)) = (Store::default(), Gate::new());
        let answers = store.clone();
        let scene = Scene::new(|builder| {
            store.serve(builder, || {}).get_hook(move |inquiry| {
                let answer = answers.answer(&inquiry);
                // Who wants it once stands there with it; or who looks it up, while the other comes by.
                if copies_first == (inquiry.wanted == Wanted::Take) {
                    pass();
                }
                answer
            })
        });
        store.keep(&scene.view().session(session(1)));
        // Who is about to take it has it, who looks it up has seen it: in either order one of them goes on alone.
        let copy = scene.view().session(session(1));
        let take = || scene.view().take(VERSION, &id(1)).is_some();
        thread::scope(|scope| {
            if copies_first {
                let taker = scope.spawn(take);
                gate.meanwhile(|| assert_eq!(scene.cache.add(&copy), Ok(Added::New)));
                assert!(taker.join().unwrap());
            } else {
                let asker = scope.spawn(|| scene.finds(1));
                assert!(gate.meanwhile(take));
                assert!(!asker.join().unwrap());
            }
        });
        assert!(scene.cache.is_empty() && !take());
    }
}

#[test]
fn store_that_is_the_cache_hears_of_what_the_cache_would_not_take() {
    let store = Store::default();
    let scene = Scene::new(|builder| {
        let mode = CacheMode::SERVER | CacheMode::NO_INTERNAL;
        store.serve(builder, || {}).mode(mode).session_bytes_max(1_000)
    });
    let large = session(1).with_payload(Payload::from(vec![7; 2_000]));
    assert!(scene.view().insert(large).is_ok());
    assert!(scene.finds(1));
}

#[test]
fn copy_of_an_answer_replaces_nothing() {
    let store = Store::default();
    let scene = Scene::new(|builder| store.serve(builder, || {}));
    scene.cache.set_mode(CacheMode::SERVER | CacheMode::NO_INTERNAL_LOOKUP);
    scene.insert(1, 100);
    for _ in 0..3 {
        assert!(scene.finds(1));
    }
    // The store was not told that the one before it left, which is the same to it.
    assert_eq!((store.len(), scene.cache.len()), (1, 1));
    assert_eq!(scene.cache.statistics().replaced, 0);
    assert_eq!(scene.cache.statistics().id_collisions, 0);
}

#[test]
fn two_that_bring_a_session_back_at_once_leave_it_in_the_store() {
    let (store, both) = (Store::default(), Arc::new(Barrier::new(2)));
    let answers = store.clone();
    let scene = Scene::new(|builder| {
        store.serve(builder, || {}).get_hook(move |inquiry| {
            let answer = answers.answer(&inquiry);
            both.wait();
            answer
        })
    });
    store.keep(&scene.view().session(session(1)));
    thread::scope(|scope| {
        for found in [0, 1].map(|_| scope.spawn(|| scene.finds(1))) {
            assert!(found.join().unwrap());
        }
    });
    assert_eq!((store.len(), scene.cache.len()), (1, 1));
}

#[test]
fn session_of_another_cache_is_no_answer() {
    let home = Scene::new(|builder| builder);
    let at_home = home.view().insert(session(1)).expect("nothing stalls");
    let answer = at_home.clone();
    let cache = SessionCache::builder().get_hook(move |_| Some(answer.clone())).build().unwrap();
    let cache = Arc::new(cache);
    assert!(cache.context(IdContext::EMPTY).lookup(VERSION, &id(1)).is_none());
    let mut connection = Connection::new(&cache, Role::Server);
    connection.begin(VERSION);
    assert_eq!(connection.resume(&id(1)), Ok(false));
    connection.finish();
    drop(connection);
    assert!(at_home.is_resumable() && home.finds(1));
}

#[test]
fn remove_hook_may_remove_what_it_is_told_of() {
    let told = Arc::new(Mutex::new(0));
    let tells = Arc::clone(&told);
    let scene = Scene::new(|builder| {
        builder.remove_hook(move |left| {
            *tells.lock().unwrap() += 1;
            assert!(!left.cache.remove(left.session));
            let view = left.cache.context(left.session.id_context());
            assert!(!view.drop_bad(left.session.version(), &left.session.id()));
        })
    });
    scene.insert(1, 100);
    assert_eq!(scene.cache.flush(session_cache::UnixTime(0)), 1);
    assert_eq!(*told.lock().unwrap(), 1);
    scene.insert(1, 100);
    let stored = scene.view().lookup(VERSION, &id(1)).unwrap();
    assert!(scene.cache.remove(&stored));
    assert_eq!(*told.lock().unwrap(), 2, "told of the next one again");
}

#[test]
fn what_a_remove_hook_has_put_off_it_is_told_of_with_the_reason_and_once() {
    /// While the caller holds its lock the hook notes what it hears; else it does its work.
    #[derive(Default)]
    struct Log {
        is_locked: bool,
        put_off: Vec<(Session, Departure)>,
        told: Vec<(session_cache::SessionId, Departure)>,
    }

    let log = Arc::new(Mutex::new(Log::default()));
    let notes = Arc::clone(&log);
    let scene = Scene::new(|builder| {
        builder.remove_hook(move |left| {
            let mut log = notes.lock().unwrap();
            if log.is_locked {
                return log.put_off.push((left.session.clone(), left.why));
            }
            log.told.push((left.session.id(), left.why));
            drop(log);
            assert!(!left.cache.remove(left.session), "it is out already");
        })
    });
    scene.insert(1, 100);
    scene.insert(2, 100);
    log.lock().unwrap().is_locked = true;
    let taken = scene.view().take(VERSION, &id(1)).unwrap();
    assert_eq!(scene.cache.flush(session_cache::UnixTime(0)), 1);
    log.lock().unwrap().is_locked = false;
    let put_off = std::mem::take(&mut log.lock().unwrap().put_off);
    for (session, why) in put_off {
        scene.cache.report_put_off(&session, why);
    }
    let expected = [(id(1), Departure::Taken), (id(2), Departure::Flushed)];
    assert_eq!(log.lock().unwrap().told, expected);
    drop(taken);
}
