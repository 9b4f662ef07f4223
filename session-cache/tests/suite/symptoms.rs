//! What once went wrong: each test is named after its symptom, and after the rule that it broke.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use session_cache::{
    Added, CacheMode, Connection, Departure, IdContext, NewSession, NotStored, Payload,
    ProtocolVersion, Role, Rules, Seconds, Session, SessionCache, SessionId, Shutdown, Tickets,
    UnixTime, Wanted,
};

use crate::scene::{START, Scene, VERSION, id, id_context, session};

const BOTH: [Rules; 2] = [Rules::DOCUMENTED, Rules::OPENSSL];

fn made(number: u64, timeout: u64) -> Session {
    session(number).with_timeout(Seconds(timeout)).build(IdContext::EMPTY, UnixTime(START))
}

fn of_bytes(number: u64, bytes: usize, timeout: u64) -> Session {
    let new = NewSession::new(VERSION, id(number), Payload::from(vec![0; bytes]));
    new.with_timeout(Seconds(timeout)).build(IdContext::EMPTY, UnixTime(START))
}

fn shared(scene: Scene) -> Arc<SessionCache> {
    Arc::new(scene.cache)
}

#[test]
fn r102_empty_id_is_no_question() {
    for rules in BOTH {
        let asked = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&asked);
        let scene = Scene::new(|builder| {
            builder.rules(rules).get_hook(move |_| {
                counts.fetch_add(1, Ordering::Relaxed);
                None
            })
        });
        assert!(scene.view().lookup(VERSION, &SessionId::EMPTY).is_none());
        assert!(scene.view().take(VERSION, &SessionId::EMPTY).is_none());
        assert_eq!((asked.load(Ordering::Relaxed), scene.cache.statistics().misses), (0, 0));
    }
}

#[test]
fn r46_session_of_another_cache_is_not_changed() {
    for rules in BOTH {
        let (home, other) = (
            Scene::new(|builder| builder.rules(rules)),
            Scene::new(|builder| {
                builder.rules(rules).mode(CacheMode::BOTH | CacheMode::UPDATE_TIME)
            }),
        );
        let session = made(1, 10);
        home.cache.add(&session).unwrap();
        assert!(!other.cache.set_created(&session, UnixTime(START + 50)));
        assert!(!other.cache.set_timeout_of(&session, Seconds(99)));
        other.clock.advance(Seconds(5));
        assert_eq!(other.cache.add(&session), Err(NotStored::OtherCache));
        assert_eq!((session.created(), session.timeout()), (UnixTime(START), Seconds(10)));
        assert!(home.cache.set_timeout_of(&session, Seconds(20)));
        assert_eq!(home.cache.flush(UnixTime(START + 21)), 1);
    }
}

#[test]
fn r46_session_that_is_refused_makes_nobody_leave() {
    for rules in BOTH {
        let (home, full) = (
            Scene::new(|builder| builder.rules(rules)),
            Scene::new(|builder| builder.rules(rules).sessions_max(1)),
        );
        let (foreign, own) = (made(1, 10), made(2, 10));
        home.cache.add(&foreign).unwrap();
        full.cache.add(&own).unwrap();
        assert_eq!(full.cache.add(&foreign), Err(NotStored::OtherCache));
        assert_eq!((full.cache.len(), full.cache.statistics().cache_full), (1, 0));
        assert!(own.is_resumable());
    }
}

#[test]
fn r152_session_that_gives_way_to_a_larger_one_is_replaced_and_not_evicted() {
    for rules in BOTH {
        let scene = Scene::new(|builder| builder.rules(rules).bytes_max(500));
        // Two of 166 bytes, and one of 326 in the place of that which expires first.
        let (old, neighbour, large) =
            (of_bytes(1, 30, 5), of_bytes(2, 30, 50), of_bytes(1, 190, 90));
        scene.cache.add(&old).unwrap();
        scene.cache.add(&neighbour).unwrap();
        assert_eq!(scene.cache.add(&large), Ok(Added::Replaced));
        let statistics = scene.cache.statistics();
        assert_eq!((statistics.replaced, statistics.cache_full, statistics.number), (1, 0, 2));
        assert!(old.is_resumable());
        // A larger one still, for which the neighbour has to leave.
        let larger = of_bytes(1, 350, 1);
        assert_eq!(scene.cache.add(&larger), Ok(Added::Replaced));
        assert!(!neighbour.is_resumable() && large.is_resumable());
        assert_eq!((scene.cache.statistics().cache_full, scene.cache.bytes()), (1, 486));
    }
}

#[test]
fn answer_that_came_while_its_hook_lowered_the_bytes_is_refused_and_not_tried_for_ever() {
    for rules in BOTH {
        let scene = Scene::new(|builder| {
            builder.rules(rules).get_hook(|inquiry| {
                inquiry.cache.set_bytes_max(150);
                Some(of_bytes(1, 100, 50))
            })
        });
        scene.insert(2, 50);
        assert!(scene.view().lookup(VERSION, &id(1)).is_some());
        let statistics = scene.cache.statistics();
        assert_eq!((statistics.not_stored, statistics.number), (1, 1));
    }
}

#[test]
fn answer_that_was_taken_is_not_found_again() {
    for rules in BOTH {
        let scene = Scene::new(|builder| {
            let given = AtomicUsize::new(0);
            builder.rules(rules).get_hook(move |inquiry| {
                assert_eq!(inquiry.wanted, Wanted::Take);
                (given.fetch_add(1, Ordering::Relaxed) == 0).then(|| made(1, 50))
            })
        });
        assert!(scene.view().take(VERSION, &id(1)).is_some());
        assert!(scene.cache.is_empty());
        assert!(scene.view().take(VERSION, &id(1)).is_none());
    }
}

type Reports = Arc<Mutex<Vec<(u64, Departure)>>>;

fn reporting(builder: session_cache::Builder, reports: &Reports) -> session_cache::Builder {
    let reports = Arc::clone(reports);
    builder.remove_hook(move |left| {
        let number = u64::from_be_bytes(left.session.id().as_bytes().try_into().unwrap());
        reports.lock().unwrap().push((number, left.why));
    })
}

#[test]
fn r137_expired_answer_that_is_inside_leaves_and_is_told_of_once() {
    let reports = Reports::default();
    let inside = made(1, 10);
    let answer = inside.clone();
    let scene = Scene::new(|builder| {
        reporting(builder, &reports)
            .mode(CacheMode::SERVER | CacheMode::NO_INTERNAL_LOOKUP)
            .get_hook(move |_| Some(answer.clone()))
    });
    scene.cache.add(&inside).unwrap();
    scene.clock.advance(Seconds(11));
    assert!(scene.view().lookup(VERSION, &id(1)).is_none());
    assert!(scene.cache.is_empty());
    scene.cache.flush(UnixTime(0));
    assert_eq!(*reports.lock().unwrap(), [(1, Departure::Expired)]);
}

#[test]
fn r114_session_that_a_server_finds_too_old_leaves_as_expired() {
    for rules in BOTH {
        let reports = Reports::default();
        let scene = Scene::new(|builder| reporting(builder, &reports).rules(rules));
        let clock = scene.clock.clone();
        scene.insert(1, 10);
        let cache = shared(scene);
        clock.advance(Seconds(11));
        let mut server = Connection::new(&cache, Role::Server);
        server.begin(VERSION);
        assert_eq!(server.resume(&id(1)), Ok(false));
        assert_eq!(*reports.lock().unwrap(), [(1, Departure::Expired)]);
        let statistics = cache.statistics();
        assert_eq!((statistics.expired, statistics.removed, statistics.timeouts), (1, 0, 1));
    }
}

#[test]
fn hook_that_is_set_in_the_middle_of_an_operation_waits_for_the_next() {
    let reports = Reports::default();
    let told = Arc::clone(&reports);
    let scene = Scene::new(|builder| {
        builder.rules(Rules::OPENSSL).get_hook(move |inquiry| {
            let reports = Arc::clone(&told);
            let change = |settings: &mut session_cache::Settings| {
                let reports = Arc::clone(&reports);
                settings.remove_hook = Some(Arc::new(move |left: session_cache::Left<'_>| {
                    reports.lock().unwrap().push((0, left.why));
                }));
            };
            inquiry.cache.change(change).unwrap();
            Some(made(1, 0))
        })
    });
    scene.clock.advance(Seconds(1));
    assert!(scene.view().lookup(VERSION, &id(1)).is_none());
    assert_eq!(*reports.lock().unwrap(), []);
}

#[test]
fn r146_all_that_leave_together_are_marked_and_counted_before_the_first_is_told_of() {
    let together = [made(1, 10), made(2, 20), made(3, 30)];
    let seen = together.clone();
    let scene = Scene::new(|builder| {
        builder.remove_hook(move |left| {
            assert_eq!(seen.iter().filter(|session| session.is_resumable()).count(), 0);
            assert_eq!(left.cache.statistics().flushed, 3);
        })
    });
    for session in &together {
        scene.cache.add(session).unwrap();
    }
    assert_eq!(scene.cache.flush(UnixTime(0)), 3);
    // A panic of the hook would have been caught, and counted.
    assert_eq!(scene.cache.statistics().hook_panics, 0);
}

#[test]
fn r20_session_that_came_in_while_its_cache_ended_is_free_afterwards() {
    let late = made(2, 10);
    let comes_in = late.clone();
    let scene = Scene::new(|builder| {
        builder.remove_hook(move |left| {
            if !left.session.is_same(&comes_in) {
                left.cache.add(&comes_in).unwrap();
            }
        })
    });
    scene.insert(1, 10);
    drop(scene);
    assert!(late.set_timeout(Seconds(5)));
    assert_eq!(late.references(), 1);
    assert!(Scene::new(|builder| builder).cache.add(&late).is_ok());
}

#[test]
fn r121_renegotiation_of_a_client_counts_where_it_began() {
    let (first, second) = (shared(Scene::of_size(4)), shared(Scene::of_size(4)));
    let mut client = Connection::new(&first, Role::Client);
    client.begin(VERSION);
    client.finish();
    client.switch_cache(&second);
    client.begin(VERSION);
    assert_eq!(first.statistics().connect_renegotiate, 1);
    assert_eq!(second.statistics().connect_renegotiate, 0);
}

#[test]
fn accept_moves_from_where_it_was_counted_and_never_below_zero() {
    let caches = [(); 3].map(|()| shared(Scene::of_size(4)));
    let mut server = Connection::new(&caches[0], Role::Server);
    server.switch_cache(&caches[1]);
    server.begin(VERSION);
    for (switched_to, accepts) in [(2, [0, 0, 1]), (1, [0, 1, 0])] {
        server.switch_cache(&caches[switched_to]);
        assert_eq!([0, 1, 2].map(|at| caches[at].statistics().accept), accepts);
    }
    // Neither what is over moves, nor what a client does.
    server.finish();
    let mut client = Connection::new(&caches[0], Role::Client);
    client.begin(VERSION);
    for connection in [&mut server, &mut client] {
        connection.switch_cache(&caches[2]);
        assert_eq!([0, 1, 2].map(|at| caches[at].statistics().accept), [0, 1, 0]);
    }
    let connects = [0, 1, 2].map(|at| caches[at].statistics().connect);
    assert_eq!(connects, [1, 0, 0]);
}

#[test]
fn r90_session_made_before_the_id_context_was_set_is_not_cached() {
    let cache = shared(Scene::of_size(4));
    let mut server = Connection::new(&cache, Role::Server);
    server.set_verify_peer(true);
    server.begin(VERSION);
    server.new_session(session(1));
    server.set_id_context(id_context("late"));
    server.established(Tickets::None);
    assert!(cache.is_empty());
    cache.context(IdContext::EMPTY).insert(session(2)).unwrap();
    assert!(!cache.is_empty());
}

#[test]
fn r191_only_a_session_that_was_resumed_is_used_up() {
    let clients = CacheMode::BOTH;
    let cache = shared(Scene::new(|builder| builder.mode(clients)));
    let new = |number| NewSession::new(ProtocolVersion::TLS13, id(number), Payload::empty());
    let mut client = Connection::new(&cache, Role::Client);
    client.begin(ProtocolVersion::TLS13);
    let made = client.new_session(new(1)).clone();
    client.established(Tickets::None);
    client.finish();
    assert!(made.is_resumable());
    client.set_shutdown(Shutdown::SENT);
    client.clear();
    client.begin(ProtocolVersion::TLS13);
    client.accepted().unwrap();
    client.finish();
    assert!(!made.is_resumable());
    assert!(cache.is_empty());
}

#[test]
fn r185_connection_that_failed_twice_is_told_of_once() {
    let reports = Reports::default();
    let cache = shared(Scene::new(|builder| reporting(builder, &reports)));
    let mut server = Connection::new(&cache, Role::Server);
    server.begin(VERSION);
    server.new_session(session(1));
    server.fatal_alert_sent();
    server.fatal_alert_received();
    drop(server);
    assert_eq!(*reports.lock().unwrap(), [(1, Departure::Removed)]);
}

#[test]
fn r77_connections_of_clients_and_servers_count_together() {
    let scene = Scene::new(|builder| builder.mode(CacheMode::BOTH));
    let clock = scene.clock.clone();
    scene.insert(1, 10);
    clock.advance(Seconds(11));
    let cache = shared(scene);
    for number in 0..255 {
        assert_eq!(cache.len(), 1, "after {number} connections");
        let role = if number % 2 == 0 { Role::Client } else { Role::Server };
        let mut connection = Connection::new(&cache, role);
        connection.begin(VERSION);
        connection.finish();
    }
    assert!(cache.is_empty());
}

/// In a sharded cache the one that is spared may be alone in its shard.
#[test]
fn r171_limit_that_was_lowered_lazily_is_kept_when_a_session_is_replaced() {
    let scene = Scene::new(|builder| builder.rules(Rules::OPENSSL).sessions_max(4_000));
    for number in 0..100 {
        scene.insert(number, 1_000 + number);
    }
    scene.cache.set_sessions_max(3).unwrap();
    scene.insert(7, 1);
    assert_eq!(scene.cache.len(), 2);
    assert!(scene.finds(7) && scene.finds(99));
}

#[test]
fn r89_hook_set_while_a_handshake_fails_waits_for_the_next_operation() {
    let told = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&told);
    let scene = Scene::new(|builder| {
        builder.rules(Rules::OPENSSL).get_hook(move |inquiry| {
            let counts = Arc::clone(&counts);
            let change = |settings: &mut session_cache::Settings| {
                let counts = Arc::clone(&counts);
                settings.remove_hook = Some(Arc::new(move |_: session_cache::Left<'_>| {
                    counts.fetch_add(1, Ordering::Relaxed);
                }));
            };
            inquiry.cache.change(change).unwrap();
            let new = NewSession::new(ProtocolVersion::TLS13, id(1), Payload::empty());
            Some(new.build(IdContext::EMPTY, UnixTime(START)))
        })
    });
    let cache = shared(scene);
    let mut server = Connection::new(&cache, Role::Server);
    server.set_verify_peer(true);
    server.begin(ProtocolVersion::TLS13);
    assert!(server.resume(&id(1)).is_err());
    assert_eq!((told.load(Ordering::Relaxed), cache.len()), (0, 0));
}
