//! Many threads at once.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use crate::engine::{full, server};
use crate::scene::{
    BOTH, START, Scene, TLS12, TLS13, id, is_marked, new_session, new_session_13, number_of,
};
use session_cache::{Keep, Rules, Seconds, Session, SessionId, UnixTime};

const THREADS: usize = 4;

/// Runs a part of each thread, all from the same moment on.
fn together<T: Send>(part: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(THREADS);
    let (part, start) = (&part, &start);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    start.wait();
                    part(thread)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Where each thread's numbers come from.
fn numbers(thread: usize, count: u64) -> impl Iterator<Item = u64> {
    // A multiplicative generator: well mixed, and the same every time.
    let mut state = 0x9e37_79b9_7f4a_7c15u64.wrapping_mul(thread as u64 + 1);
    std::iter::repeat_with(move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    })
    .take(count as usize)
}

#[test]
fn r229_adds_removes_flushes_lookups_and_counters_are_safe_at_once() {
    for rules in BOTH {
        let scene = Scene::of_size(rules, 64);
        let came = AtomicU64::new(0);
        together(|thread| {
            for number in numbers(thread, 3_000) {
                let key = number % 100;
                match number / 100 % 6 {
                    0 | 1 => {
                        let new = new_session(key).with_timeout(Seconds(number % 50));
                        scene.cache.add(&scene.view().session(new)).unwrap();
                        came.fetch_add(1, Ordering::Relaxed);
                    }
                    2 => drop(scene.view().lookup(TLS12, &id(key))),
                    3 => drop(scene.view().take(TLS12, &id(key))),
                    4 => drop(scene.cache.remove(&scene.session(key))),
                    _ => drop(scene.cache.flush(UnixTime(START + key))),
                }
                assert!(scene.cache.statistics().number <= 64);
            }
        });
        let statistics = scene.cache.statistics();
        assert_eq!(statistics.stored, came.into_inner());
        let left = statistics.replaced
            + statistics.expired
            + statistics.taken
            + statistics.removed
            + statistics.cache_full
            + statistics.flushed
            + statistics.refused;
        assert_eq!(statistics.stored, statistics.number + left);
        assert_eq!(statistics.number, scene.inside().len() as u64);
        scene.cache.flush(UnixTime(0));
        assert!(scene.cache.is_empty());
    }
}

#[test]
fn r230_session_that_was_found_stays_alive_though_another_thread_removes_it() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        scene.hear_nothing();
        let found = AtomicUsize::new(0);
        together(|thread| {
            for number in 0..3_000 {
                let key = number % 8;
                if thread % 2 == 0 {
                    scene.add(key, 50);
                    scene.cache.flush(UnixTime(0));
                } else if let Some(session) = scene.view().lookup(TLS12, &id(key)) {
                    found.fetch_add(1, Ordering::Relaxed);
                    thread::yield_now();
                    assert_eq!(session.payload(), key.to_be_bytes());
                    assert!(session.references() >= 1);
                }
            }
        });
        println!("found {} times", found.into_inner());
    }
}

#[test]
fn r231_of_sessions_of_one_key_that_are_added_at_once_one_is_left() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        for round in 0..300 {
            let sessions: Vec<Session> = together(|_| {
                let session = scene.session(round);
                scene.cache.add(&session).unwrap();
                session
            });
            let held: Vec<&Session> =
                sessions.iter().filter(|session| scene.holds(session)).collect();
            assert_eq!(held.len(), 1);
            for session in &sessions {
                assert_eq!(session.references(), 1 + u32::from(session.is_same(held[0])));
            }
            assert_eq!(scene.cache.len(), round as usize + 1);
        }
        // The very same one, added by all.
        let session = scene.session(1_000);
        together(|_| scene.cache.add(&session).unwrap());
        assert_eq!(session.references(), 2);
    }
}

#[test]
fn r232_hooks_and_generators_run_under_no_lock_and_may_use_the_cache() {
    for rules in BOTH {
        let scene = Scene::of_size(rules, 10);
        let work = |cache: &session_cache::SessionCache, session: &Session| {
            cache.add(session).unwrap();
            cache.set_timeout_of(session, Seconds(40));
            cache.set_timeout(Seconds(100));
            cache.set_sessions_max(20).unwrap();
            cache.remove(session);
            cache.flush_expired();
            cache.statistics()
        };
        let calls = Arc::new(AtomicUsize::new(0));
        let spares = Arc::new([1, 2, 3].map(|number| scene.session(900 + number)));
        scene
            .cache
            .change(|settings| {
                let (counted, spare) = (calls.clone(), spares.clone());
                settings.new_hook = Some(Arc::new(move |from, _| {
                    counted.fetch_add(1, Ordering::Relaxed);
                    work(from.cache, &spare[0]);
                    Keep::Yes
                }));
                let (counted, spare) = (calls.clone(), spares.clone());
                settings.get_hook = Some(Arc::new(move |inquiry| {
                    counted.fetch_add(1, Ordering::Relaxed);
                    work(inquiry.cache, &spare[1]);
                    None
                }));
                let (counted, spare) = (calls.clone(), spares.clone());
                let cache = Arc::downgrade(&scene.cache);
                settings.generator = Some(Arc::new(move |is_taken| {
                    // The number before is nobody else's.
                    let id = id(10_000 + counted.fetch_add(1, Ordering::Relaxed) as u64);
                    work(&cache.upgrade().unwrap(), &spare[2]);
                    assert!(!is_taken(&id));
                    Some(id)
                }));
            })
            .unwrap();
        together(|thread| {
            for number in 0..20 {
                let mut connection = server(&scene);
                connection.begin(TLS12);
                assert_eq!(connection.resume(&id(500 + thread as u64)), Ok(false));
                let id = connection.new_id().unwrap();
                connection.new_session(new_session(number).with_id(id));
                connection.established(session_cache::Tickets::None);
                connection.finish();
            }
        });
        assert_eq!(calls.load(Ordering::Relaxed), 3 * 20 * THREADS);
    }
}

#[test]
fn r233_times_that_are_set_at_once_leave_the_order_right() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let sessions: Vec<Session> = (0..200).map(|number| scene.add(number, 1_000)).collect();
        together(|thread| {
            for number in numbers(thread, 5_000) {
                let session = &sessions[number as usize % sessions.len()];
                let seconds = number / 256 % 500;
                if number % 2 == 0 {
                    scene.cache.set_timeout_of(session, Seconds(seconds));
                } else {
                    scene.cache.set_created(session, UnixTime(START + seconds));
                }
            }
        });
        // Whatever they were set to in the end, they leave at that time, neither earlier nor later.
        let mut at: Vec<UnixTime> = sessions.iter().map(|session| session.expires()).collect();
        at.sort_unstable();
        at.dedup();
        assert!(at.len() > 50, "{} times", at.len());
        for at in at {
            scene.cache.flush(at);
            let expected = sessions.iter().filter(|session| session.expires() >= at);
            assert_eq!(scene.cache.len(), expected.count());
            assert!(sessions.iter().all(|session| is_marked(session) == (session.expires() < at)));
        }
    }
}

struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn r234_cached_session_can_be_duplicated_while_others_come_and_go() {
    for rules in BOTH {
        let scene = Scene::of_size(rules, 30);
        let session = scene.add(1_000, 50_000);
        let done = AtomicBool::new(false);
        together(|thread| {
            if thread == 0 {
                // Also where it fails, or the others would go on for ever.
                let _done = Done(&done);
                for _ in 0..3_000 {
                    let copy = session.duplicate();
                    assert_eq!((number_of(&copy), copy.payload()), (1_000, session.payload()));
                    assert_eq!((copy.references(), copy.timeout()), (1, Seconds(50_000)));
                }
            }
            for number in numbers(thread, u64::from(u32::MAX)) {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                scene.add(number % 100, number % 1_000);
                scene.cache.set_timeout_of(&session, Seconds(50_000));
            }
        });
        assert!(scene.holds(&session));
        assert_eq!(session.references(), 2);
    }
}

#[test]
fn r235_of_many_who_use_one_ticket_at_once_one_gets_it() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        for round in 0..300 {
            scene.add_new(new_session_13(round));
            let got = together(|_| {
                let mut connection = server(&scene);
                connection.begin(TLS13);
                connection.resume_once(&id(round)).unwrap()
            });
            assert_eq!(got.iter().filter(|&&got| got).count(), 1);
            // The library tells of what somebody else removed, too.
            let heard = scene.heard();
            assert!(heard.iter().all(|&number| number == round));
            assert!(heard.len() == 1 || rules == Rules::OPENSSL && !heard.is_empty());
        }
        // And without connections.
        for round in 0..300 {
            scene.add_new(new_session_13(round));
            let got = together(|_| scene.view().take(TLS13, &id(round)).is_some());
            assert_eq!(got.iter().filter(|&&got| got).count(), 1);
        }
        assert_eq!(scene.cache.statistics().hits, 600);
    }
}

#[test]
fn r229_connections_of_many_threads_balance() {
    for rules in [Rules::DOCUMENTED, Rules::OPENSSL] {
        let scene = Scene::of_size(rules, 50);
        scene.hear_nothing();
        together(|_| {
            for _ in 0..300 {
                let mut connection = server(&scene);
                connection.begin(TLS12);
                let id: SessionId = connection.new_id().unwrap();
                connection.new_session(new_session(0).with_id(id));
                connection.established(session_cache::Tickets::None);
                connection.finish();
            }
        });
        let statistics = scene.cache.statistics();
        let all = 300 * THREADS as u64;
        assert_eq!((statistics.accept, statistics.accept_good, statistics.stored), (all, all, all));
        assert_eq!(statistics.number, 0, "none was closed cleanly");
        let mut connection = server(&scene);
        full(&mut connection, 1);
    }
}
