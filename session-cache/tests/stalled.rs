//! What becomes of a session for which there is no memory.
//!
//! A guard that somebody holds for too long concerns the whole process, so this file has one test.

use session_cache::{
    Added, CacheMode, IdContext, ManualClock, NewSession, NotStored, Payload, ProtocolVersion,
    Rules, Seconds, Session, SessionCache, SessionId, UnixTime,
};

const START: UnixTime = UnixTime(1_000);

fn session(number: u64, payload_bytes: usize) -> Session {
    let id = SessionId::new(&number.to_be_bytes()).unwrap();
    let payload = Payload::from(vec![1; payload_bytes]);
    NewSession::new(ProtocolVersion::TLS12, id, payload).build(IdContext::EMPTY, START)
}

/// Nothing has come of the attempt to add it.
fn assert_refused(cache: &SessionCache, refused: &Session, old: &Session) {
    assert_eq!((refused.references(), refused.created()), (1, START));
    assert!(refused.is_resumable() && refused.set_timeout(Seconds(304)), "it is in no cache");
    assert_eq!((old.references(), cache.len(), cache.statistics().not_stored), (2, 1, 1));
    assert_eq!(cache.flush(UnixTime(1)), 0);
}

#[test]
fn r155_add_for_which_there_is_no_memory_changes_nothing() {
    for rules in [Rules::DOCUMENTED, Rules::OPENSSL] {
        let clock = ManualClock::new(UnixTime(1_100));
        let builder = SessionCache::builder().rules(rules).clock(clock).session_bytes_max(1_000);
        let cache = builder.mode(CacheMode::SERVER | CacheMode::UPDATE_TIME).build().unwrap();
        let old = session(1, 10);
        assert_eq!(cache.add(&old), Ok(Added::New));

        let large = session(1, 1_000);
        let refused = cache.add(&large).unwrap_err();
        assert!(matches!(refused, NotStored::TooLarge { bytes_max: 1_000, .. }), "{refused}");
        assert_refused(&cache, &large, &old);
        drop(cache);

        let cache = SessionCache::builder().rules(rules).build().unwrap();
        let guard = session_core::pin();
        let mut old = session(1, 10);
        for _ in 0..session_core::WAITING_MAX * 2 {
            if cache.add(&old).is_err() {
                break;
            }
            old = session(1, 10);
        }
        let (next, stalled) = (old, session(2, 10));
        assert_eq!(cache.add(&stalled), Err(NotStored::Stalled));
        assert_eq!((next.references(), stalled.references(), cache.len()), (1, 1, 1));
        // What is there can still be found, and can leave.
        assert!(cache.remove(&next));
        assert!(cache.is_empty());
        drop(guard);
        while session_core::waiting() > 0 {
            session_core::reclaim();
        }
        assert_eq!(cache.add(&stalled), Ok(Added::New));
        assert_eq!(stalled.references(), 2);
        drop(cache);
        one_that_is_refused_after_another_has_left_for_it_takes_no_place(rules);
    }
}

/// What the newcomer evicts is what makes it one too many that wait.
fn one_that_is_refused_after_another_has_left_for_it_takes_no_place(rules: Rules) {
    let cache = SessionCache::builder().rules(rules).sessions_max(1).build().unwrap();
    let guard = session_core::pin();
    let mut number = 0;
    loop {
        number += 1;
        match cache.add(&session(number, 10)) {
            Ok(added) => assert_eq!((added, cache.len()), (Added::New, 1)),
            Err(refused) => break assert_eq!(refused, NotStored::Stalled),
        }
    }
    assert_eq!((cache.len(), cache.bytes()), (0, 0), "its victim has left, and it has not come in");
    drop(guard);
    while session_core::waiting() > 0 {
        session_core::reclaim();
    }
    assert_eq!(cache.add(&session(0, 10)), Ok(Added::New));
    assert_eq!(cache.len(), 1);
}
