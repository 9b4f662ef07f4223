//! Who leaves when there is no room, and that the limit is one.

use session_cache::{
    Added, ErrorKind, Eviction, IdContext, NewSession, NotStored, Payload, ProtocolVersion, Rules,
    Seconds, UnixTime,
};

use crate::scene::{START, Scene, VERSION, id, id_context, session};

#[test]
fn first_to_expire_leaves_first_and_equals_in_order_of_arrival() {
    let scene = Scene::of_size(4);
    for (number, timeout_seconds) in [(0, 40), (1, 20), (2, 30), (3, 20)] {
        scene.insert(number, timeout_seconds);
    }
    for (newcomer, left) in [(10, vec![0, 2, 3, 10]), (11, vec![0, 2, 10, 11])] {
        scene.insert(newcomer, 100);
        assert_eq!(scene.present(), left);
    }
    scene.insert(12, 100);
    assert_eq!(scene.present(), [0, 10, 11, 12]);
    assert_eq!(scene.cache.statistics().cache_full, 3);
}

#[test]
fn large_session_makes_those_leave_that_expire_first_in_whatever_shards() {
    const SIZE: u64 = 1_024;
    let scene = Scene::new(|builder| builder.sessions_max(2 * SIZE as usize));
    let timeout = |number: u64| 1_000 + number * 613 % SIZE;
    for number in 0..SIZE {
        scene.insert(number, timeout(number));
    }
    let each = scene.cache.bytes() / SIZE as usize;
    scene.cache.set_bytes_max(scene.cache.bytes());
    // It needs the room of twenty and some bytes: 21 leave.
    let large = NewSession::new(VERSION, id(SIZE), Payload::from(vec![7; 20 * each]));
    scene.view().insert(large.with_timeout(Seconds(100_000))).expect("there is room for one more");
    let gone: Vec<u64> = (0..SIZE).filter(|number| !scene.finds(*number)).map(timeout).collect();
    let first = 1_000..1_000 + gone.len() as u64;
    assert!(gone.len() > 19 && gone.iter().all(|timeout| first.contains(timeout)), "{gone:?}");
}

/// A large cache keeps order within its shards alone; of sessions that expire together those leave that came early,
/// not those that happen to lie in one shard.
#[test]
fn of_equals_in_a_large_cache_those_leave_that_came_early() {
    const SIZE: u64 = 1_024;
    const SCENES: u64 = 10;
    let (free, kept) = (SIZE / 2 - SIZE / 32, SIZE / 32);
    let early = || {
        let scene = Scene::of_size(SIZE as usize);
        for number in 0..SIZE {
            scene.insert(number, 100);
        }
        // Of the first half a few are left, some early and some late in each shard.
        let is_kept = |number: &u64| number % 16 == 0;
        for number in (0..SIZE / 2).filter(|number| !is_kept(number)) {
            assert!(scene.view().remove(VERSION, &id(number)));
        }
        for number in SIZE..SIZE + free + kept {
            scene.insert(number, 200);
        }
        assert_eq!(scene.cache.statistics().cache_full, kept);
        let gone = |numbers: std::ops::Range<u64>| {
            numbers.filter(|number| !scene.finds(*number)).count() as u64
        };
        assert_eq!(gone(SIZE * 3 / 4..SIZE), 0);
        gone(0..SIZE / 2) - free
    };
    // Which shard is whose depends on the table's secret: a single scene tells little.
    let early: u64 = (0..SCENES).map(|_| early()).sum();
    assert!(early >= kept * SCENES * 8 / 10, "{early} of {}", kept * SCENES);
}

#[test]
fn newcomer_is_never_the_victim_though_it_expires_first() {
    let scene = Scene::of_size(1);
    for number in 0..20 {
        scene.insert(number, 50 - number);
        assert_eq!(scene.present(), [number]);
    }
    assert_eq!(scene.cache.statistics().cache_full, 19);
}

#[test]
fn lookup_does_not_save_a_session_from_eviction() {
    let scene = Scene::of_size(2);
    scene.insert(1, 10);
    scene.insert(2, 20);
    assert!(scene.finds(1));
    scene.insert(3, 30);
    assert_eq!(scene.present(), [2, 3]);
}

#[test]
fn replacement_at_the_limit_evicts_nobody() {
    let scene = Scene::of_size(3);
    for number in 0..3 {
        scene.insert(number, 10 + number);
    }
    scene.insert(1, 99);
    assert_eq!(scene.present(), [0, 1, 2]);
    let statistics = scene.cache.statistics();
    assert_eq!((statistics.replaced, statistics.cache_full, statistics.number), (1, 0, 3));
    // It has the place of the new one in the order, and that of the old one is gone.
    scene.insert(3, 50);
    scene.insert(4, 60);
    assert_eq!(scene.present(), [1, 3, 4]);
}

#[test]
fn replacement_takes_the_new_context_timeout_and_payload() {
    let scene = Scene::of_size(3);
    let old = scene.cache.context(id_context("old"));
    let new = scene.cache.context(id_context("new"));
    old.insert(session(1)).expect("nothing stalls");
    new.insert(NewSession::new(VERSION, id(1), Payload::borrowed(b"new"))).expect("nothing stalls");
    assert!(old.lookup(VERSION, &id(1)).is_none());
    assert_eq!(new.lookup(VERSION, &id(1)).unwrap().payload(), b"new");
    assert_eq!(scene.cache.len(), 1);
}

#[test]
fn one_id_under_two_versions_is_two_sessions() {
    let scene = Scene::of_size(3);
    let versions = [ProtocolVersion::UNKNOWN, ProtocolVersion::TLS12, ProtocolVersion::TLS13];
    for version in versions {
        scene
            .view()
            .insert(NewSession::new(version, id(1), Payload::borrowed(&version.0.to_be_bytes())))
            .expect("nothing stalls");
    }
    for version in versions {
        let found = scene.view().take(version, &id(1)).unwrap();
        assert_eq!(found.payload(), version.0.to_be_bytes());
        assert_eq!(found.version(), version);
    }
    assert!(scene.cache.is_empty());
}

#[test]
fn taken_and_removed_sessions_leave_room() {
    let scene = Scene::of_size(2);
    scene.insert(1, 10);
    scene.insert(2, 20);
    assert!(scene.view().take(VERSION, &id(1)).is_some());
    scene.insert(3, 30);
    assert!(scene.view().remove(VERSION, &id(2)));
    assert!(!scene.view().remove(VERSION, &id(2)));
    scene.insert(4, 40);
    assert_eq!(scene.present(), [3, 4]);
    assert_eq!(scene.cache.statistics().cache_full, 0);
}

#[test]
fn expired_session_leaves_room_once_it_was_found_out() {
    let scene = Scene::of_size(2);
    scene.insert(1, 10);
    scene.insert(2, 20);
    scene.clock.set(UnixTime(START + 21));
    assert!(!scene.finds(2));
    scene.insert(3, 30);
    assert_eq!(scene.present(), [1, 3]);
    assert_eq!(scene.cache.statistics().cache_full, 0);
}

#[test]
fn smaller_limit_takes_effect_at_once_and_a_larger_one_with_the_next_insert() {
    let scene = Scene::of_size(10);
    for number in 0..10 {
        scene.insert(number, 100 - number);
    }
    assert_eq!(scene.cache.set_sessions_max(4).unwrap(), 10);
    assert_eq!(scene.cache.sessions_max(), 4);
    assert_eq!(scene.present(), [0, 1, 2, 3]);
    assert_eq!(scene.cache.statistics().cache_full, 6);
    assert_eq!(scene.cache.set_sessions_max(5).unwrap(), 4);
    scene.insert(20, 1);
    assert_eq!(scene.present(), [0, 1, 2, 3, 20]);
}

#[test]
fn refused_limit_changes_nothing() {
    let scene = Scene::of_size(2);
    scene.insert(1, 10);
    let error = scene.cache.set_sessions_max(16_777_217).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionsMax);
    assert_eq!(scene.cache.sessions_max(), 2);
    assert_eq!(scene.present(), [1]);
}

#[test]
fn first_to_expire_leaves_first_from_many_shards_too() {
    let scene = Scene::of_size(2_000);
    // Each second once, in an order that is none.
    for number in 0..2_000 {
        scene.insert(number, 1 + number * 787 % 2_000);
    }
    for newcomer in 0..500 {
        scene.insert(10_000 + newcomer, 5_000);
    }
    let found: Vec<u64> = (0..2_000).filter(|&number| !scene.finds(number)).collect();
    let expected: Vec<u64> = (0..2_000).filter(|number| number * 787 % 2_000 < 500).collect();
    assert_eq!(found, expected);
}

fn s3_fifo(sessions_max: usize) -> Scene {
    Scene::new(|builder| builder.sessions_max(sessions_max).eviction(Eviction::S3Fifo))
}

#[test]
fn with_s3_fifo_sessions_that_come_back_outlive_those_that_never_do() {
    for sessions_max in [20, 2_000] {
        let scene = s3_fifo(sessions_max);
        let regulars = sessions_max as u64 / 4;
        (0..regulars).for_each(|number| scene.insert(number, 100));
        for crowd in 0..20 {
            assert!((0..regulars).all(|number| scene.finds(number)), "crowd {crowd}");
            (0..sessions_max as u64 / 2)
                .for_each(|number| scene.insert(1_000_000 * (crowd + 1) + number, 500));
            assert_eq!(scene.cache.len(), sessions_max.min(scene.cache.len()));
        }
        assert_eq!(scene.cache.len(), sessions_max);
    }
}

#[test]
fn with_s3_fifo_the_newcomer_is_never_the_victim_and_flushes_find_everybody() {
    let scene = s3_fifo(3);
    for number in 0..50 {
        scene.insert(number, number);
        assert!(scene.finds(number), "{number}");
        assert!(scene.cache.len() <= 3);
    }
    scene.cache.set_sessions_max(1).unwrap();
    assert_eq!(scene.cache.len(), 1);
    scene.insert(100, 10);
    scene.clock.set(UnixTime(START + 11));
    assert_eq!(scene.cache.flush_expired(), 1);
    scene.insert(101, 10);
    assert_eq!(scene.cache.flush(UnixTime(0)), 1);
    assert!(scene.cache.is_empty());
}

#[test]
fn bytes_are_limited_at_every_instant_and_a_session_too() {
    let size = |payload: usize| 128 + 8 + payload;
    let scene = Scene::new(|builder| {
        builder.sessions_max(10).bytes_max(3 * size(100)).session_bytes_max(2 * size(100))
    });
    let insert = |number: u64, payload: usize| {
        scene.view().insert(NewSession::new(VERSION, id(number), Payload::from(vec![7; payload])))
    };
    for number in 0..3 {
        insert(number, 100).unwrap();
    }
    assert_eq!(scene.cache.bytes(), 3 * size(100));
    insert(3, 100).unwrap();
    assert_eq!((scene.present(), scene.cache.bytes()), (vec![1, 2, 3], 3 * size(100)));
    // One that is larger than two of them makes two leave, in the place of another or not.
    insert(4, 100 + size(100)).unwrap();
    assert_eq!(scene.present(), [3, 4]);
    insert(3, 100 + size(100)).unwrap();
    assert_eq!((scene.present(), scene.cache.bytes()), (vec![3], 2 * size(100)));
    let refused = insert(5, 101 + size(100)).unwrap_err();
    let bytes = 2 * size(100) + 1;
    assert_eq!(refused, NotStored::TooLarge { bytes, bytes_max: bytes - 1 });
    assert_eq!(scene.cache.set_bytes_max(size(100)), 3 * size(100));
    assert!(scene.cache.is_empty());
    assert_eq!(scene.cache.statistics().not_stored, 1);
}

#[test]
fn without_a_limit_nobody_leaves() {
    let scene = Scene::new(|builder| builder.sessions_max(0).bytes_max(0));
    (0..50_000).for_each(|number| scene.insert(number, 100));
    assert_eq!(scene.cache.len(), 50_000);
    assert!((0..50_000).all(|number| scene.finds(number)));
    assert_eq!(scene.cache.set_sessions_max(7).unwrap(), 0);
    assert_eq!(scene.cache.len(), 7);
}

#[test]
fn r171_replacing_session_makes_room_in_every_shard_and_spares_only_itself() {
    // Many shards: which one a session is in depends on a secret, so several are tried.
    for number in 0..25 {
        let scene = Scene::new(|builder| builder.rules(Rules::OPENSSL));
        let (replaced, longest) = (2 * number, 2 * number + 1);
        scene.insert(longest, 1_000);
        scene.insert(59, 500);
        scene.insert(replaced, 10);
        scene.cache.set_sessions_max(2).unwrap();
        scene.insert(replaced, 20);
        assert_eq!(scene.present(), [replaced], "all others had to leave");
        assert_eq!(scene.cache.statistics().cache_full, 2);
    }
}

#[test]
fn r173_victims_of_a_replacing_session_are_those_that_expire_first_in_all_shards() {
    for number in 0..25 {
        let scene = Scene::new(|builder| builder.rules(Rules::OPENSSL));
        scene.insert(number, 10);
        for later in 1..=4 {
            scene.insert(50 + later, 100 * later);
        }
        scene.cache.set_sessions_max(3).unwrap();
        scene.insert(number, 20);
        assert_eq!(scene.present(), [number, 54]);
    }
}

#[test]
fn c16_session_that_is_added_again_moves_behind_its_equals_as_in_libssl() {
    for (rules, size_of_two, stays) in [(Rules::OPENSSL, 3, 1), (Rules::DOCUMENTED, 2, 2)] {
        let scene = Scene::new(|builder| builder.rules(rules).sessions_max(size_of_two));
        let equals = [1, 2].map(|number| session(number).build(IdContext::EMPTY, UnixTime(START)));
        for session in &equals {
            scene.cache.add(session).unwrap();
        }
        assert_eq!(scene.cache.add(&equals[0]), Ok(Added::Identical));
        scene.insert(3, 10_000);
        assert_eq!(scene.present(), [stays, 3], "{rules:?}");
    }
}

#[test]
fn session_of_exactly_the_bytes_there_are_comes_in_alone() {
    let bytes = 128 + 8 + 8; // fixed, id, payload
    let scene = Scene::new(|builder| builder.bytes_max(bytes));
    scene.insert(1, 10);
    scene.insert(2, 10);
    assert_eq!((scene.present(), scene.cache.bytes()), (vec![2], bytes));
    scene.cache.set_bytes_max(bytes - 1);
    assert!(scene.view().insert(session(3)).is_err());
    assert_eq!((scene.cache.len(), scene.cache.bytes()), (0, 0));
}
