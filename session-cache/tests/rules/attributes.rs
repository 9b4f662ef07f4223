//! What a session says of itself.

use crate::scene::{BOTH, START, Scene, TLS13, id, id_context, nameless, new_session};
use session_cache::{ErrorKind, IdContext, Seconds, SessionId, UnixTime};

#[test]
fn r11_id_has_up_to_32_bytes() {
    let bytes = [7; 40];
    for length in 1..=32 {
        assert_eq!(SessionId::new(&bytes[..length]).unwrap().as_bytes(), &bytes[..length]);
    }
    assert!(SessionId::EMPTY.as_bytes().is_empty());
    for length in [33, 34, 40] {
        let error = SessionId::new(&bytes[..length]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IdLength, "{error}");
    }
}

#[test]
fn r13_r84_id_context_has_up_to_32_bytes() {
    let bytes = [7; 40];
    for length in 0..=32 {
        assert_eq!(IdContext::new(&bytes[..length]).unwrap().as_bytes(), &bytes[..length]);
    }
    for length in [33, 34, 40] {
        let error = IdContext::new(&bytes[..length]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IdContextLength, "{error}");
    }
}

#[test]
fn r15_creation_time_is_stored_as_it_is_set() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.session(1);
        assert!(session.set_created(UnixTime(5)));
        assert_eq!(session.created(), UnixTime(5));
        scene.cache.add(&session).unwrap();
        scene.cache.set_created(&session, UnixTime(6));
        assert_eq!(session.created(), UnixTime(6));
        assert!(!session.set_created(UnixTime(7)));
        assert_eq!(session.created(), UnixTime(6));
    }
}

#[test]
fn r17_timeout_below_2_to_the_33rd_is_read_back_as_it_was_set() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        for timeout in [0, 1, 304, 7_200, u64::from(u32::MAX), (1 << 33) - 1] {
            let free = new_session(1).with_timeout(Seconds(timeout));
            let free = free.build(id_context(), UnixTime(START));
            assert_eq!(free.timeout(), Seconds(timeout));
            let session = scene.session(2);
            assert!(session.set_timeout(Seconds(timeout)));
            assert_eq!(session.timeout(), Seconds(timeout));
            let cached = scene.add(3, 50);
            scene.cache.set_timeout_of(&cached, Seconds(timeout));
            assert_eq!(cached.timeout(), Seconds(timeout));
        }
    }
}

#[test]
fn r19_new_time_or_timeout_moves_a_cached_session_in_the_order() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let sessions: Vec<_> = (1..=4).map(|number| scene.add(number, number * 100)).collect();
        scene.cache.set_timeout_of(&sessions[0], Seconds(350));
        scene.cache.set_created(&sessions[3], UnixTime(START - 300));
        // Now they expire, after the beginning: 350, 200, 300, 100.
        scene.cache.flush(UnixTime(START + 101));
        assert_eq!(scene.heard(), [4]);
        scene.cache.flush(UnixTime(START + 1_000));
        assert_eq!(scene.heard(), [2, 3, 1]);
    }
}

#[test]
fn r20_times_can_be_set_when_the_cache_has_gone() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.add(1, 50);
        assert!(!session.set_timeout(Seconds(60)), "it is in a cache");
        drop(scene);
        assert!(session.set_timeout(Seconds(70)) && session.set_created(UnixTime(8)));
        assert_eq!((session.timeout(), session.created()), (Seconds(70), UnixTime(8)));
    }
}

#[test]
fn r21_resumable_is_unmarked_with_an_id_or_a_ticket() {
    let at = UnixTime(START);
    let sessions = [
        (new_session(1), true),
        (new_session(1).with_ticket(Seconds(1)), true),
        (nameless(TLS13).with_ticket(Seconds(1)), true),
        (nameless(TLS13), false),
    ];
    for (new, is_resumable) in sessions {
        let session = new.build(id_context(), at);
        assert_eq!(session.is_resumable(), is_resumable, "{session:?}");
        session.mark_not_resumable();
        assert!(!session.is_resumable(), "{session:?}");
    }
}

#[test]
fn r22_expired_session_is_called_resumable() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.add(1, 10);
        scene.clock.advance(Seconds(1_000));
        assert!(scene.cache.now() > session.expires());
        assert!(session.is_resumable());
        assert_eq!(session.id(), id(1));
    }
}
