//! Adding a session by hand, and removing it.

use crate::scene::{BOTH, Notes, START, Scene, TLS13, id, nameless};
use session_cache::{
    Added, CacheMode, Departure, NewSession, NotStored, Payload, Rules, Seconds, Session, UnixTime,
};

#[test]
fn r150_adding_a_new_key_takes_one_reference() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.session(1);
        assert_eq!(session.references(), 1);
        assert_eq!(scene.cache.add(&session), Ok(Added::New));
        assert_eq!(session.references(), 2);
        assert!(scene.holds(&session));
    }
}

#[test]
fn r151_adding_the_very_same_session_again_takes_no_reference() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.add(1, 50);
        assert_eq!(scene.cache.add(&session), Ok(Added::Identical));
        assert_eq!((session.references(), scene.cache.len()), (2, 1));
        assert!(scene.heard().is_empty());
    }
}

#[test]
fn r152_session_of_the_same_key_takes_the_place_of_the_old_one() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let old = scene.add(1, 50);
        let new = scene.session(1);
        assert_eq!(scene.cache.add(&new), Ok(Added::Replaced));
        assert_eq!((old.references(), new.references()), (1, 2));
        assert!(scene.holds(&new) && !scene.holds(&old));
        assert_eq!((scene.cache.len(), scene.cache.statistics().number), (1, 1));
        assert!(old.is_resumable());
    }
}

#[test]
fn r153_add_checks_neither_expiry_nor_mark() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let expired = scene.add(1, 10);
        scene.clock.advance(Seconds(11));
        let late = scene.add(2, 10);
        assert!(scene.cache.now() > late.expires());
        let marked = scene.session(3);
        marked.mark_not_resumable();
        assert_eq!(scene.cache.add(&marked), Ok(Added::New));
        for session in [&expired, &late, &marked] {
            assert!(scene.holds(session));
        }
        let nameless = scene.view().session(nameless(TLS13));
        assert_eq!(scene.cache.add(&nameless), Err(NotStored::NoId));
        assert_eq!((nameless.references(), scene.cache.len()), (1, 3));
    }
}

#[test]
fn r154_one_id_under_two_versions_is_two_sessions() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let older = scene.add(1, 50);
        let payload = Payload::borrowed(b"newer");
        let newer = scene.view().session(NewSession::new(TLS13, id(1), payload));
        assert_eq!(scene.cache.add(&newer), Ok(Added::New));
        assert_eq!(scene.cache.len(), 2);
        assert!(scene.holds(&older) && scene.holds(&newer));
        assert!(scene.cache.remove(&older));
        assert!(scene.holds(&newer));
    }
}

#[test]
fn r156_remove_says_whether_it_was_there_and_releases_it() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.add(1, 50);
        let other = scene.add(2, 50);
        assert!(scene.cache.remove(&session));
        assert_eq!(session.references(), 1);
        assert!(!scene.holds(&session) && scene.holds(&other));
        assert!(!scene.cache.remove(&session));
    }
}

#[test]
fn r157_remove_marks_what_was_given_even_if_nothing_was_there() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let absent = scene.session(1);
        assert!(absent.is_resumable());
        assert!(!scene.cache.remove(&absent));
        assert!(!absent.is_resumable());
        let cached = scene.add(2, 50);
        assert!(scene.cache.remove(&cached));
        assert!(!cached.is_resumable());
    }
}

#[test]
fn r158_removing_a_session_without_an_id_does_nothing() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        scene.add(1, 50);
        let nameless = scene.view().session(nameless(TLS13).with_ticket(Seconds(9)));
        assert!(!scene.cache.remove(&nameless));
        assert!(nameless.is_resumable(), "not marked");
        assert!(scene.heard().is_empty());
        assert_eq!(scene.inside(), [1]);
    }
}

#[test]
fn r159_documented_removing_through_a_duplicate_marks_both() {
    let scene = Scene::new(Rules::DOCUMENTED);
    let cached = scene.add(1, 50);
    let copy = cached.duplicate();
    assert!(scene.cache.remove(&copy));
    assert!(scene.cache.is_empty());
    assert!(!cached.is_resumable() && !copy.is_resumable());
}

#[test]
fn r159_openssl_removing_through_a_duplicate_marks_only_that() {
    let scene = Scene::new(Rules::OPENSSL);
    let cached = scene.add(1, 50);
    let copy = cached.duplicate();
    assert!(scene.cache.remove(&copy));
    assert!(scene.cache.is_empty());
    assert!(cached.is_resumable() && !copy.is_resumable());
}

#[test]
fn r160_removed_session_can_be_added_again() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.add(1, 50);
        for _ in 0..3 {
            assert!(scene.cache.remove(&session));
            assert_eq!(session.references(), 1);
            assert_eq!(scene.cache.add(&session), Ok(Added::New));
            assert_eq!(session.references(), 2);
            assert!(scene.holds(&session));
        }
        assert_eq!(scene.cache.len(), 1);
    }
}

#[test]
fn r46_r240_session_of_one_cache_is_refused_by_another() {
    for rules in BOTH {
        let (one, other) = (Scene::new(rules), Scene::new(rules));
        let session = one.add(1, 50);
        let kept = session.clone();
        assert_eq!(other.cache.add(&session), Err(NotStored::OtherCache));
        assert!(other.cache.is_empty() && other.heard().is_empty());
        assert_eq!(session.references(), 3, "the cache's, and the two here");
        assert!(one.holds(&session) && session.is_resumable());
        // Once it has left, it is nobody's.
        assert!(one.cache.remove(&kept));
        assert_eq!(other.cache.add(&session), Ok(Added::New));
        assert!(other.holds(&session));
        assert_eq!(one.cache.add(&session), Err(NotStored::OtherCache));
    }
}

#[test]
fn r46_session_of_another_cache_is_left_as_it_is_by_one_that_refuses_it() {
    for rules in BOTH {
        let (one, other) = (Scene::new(rules), Scene::new(rules));
        other.add_to_mode(CacheMode::UPDATE_TIME);
        let session = one.add(1, 50);
        other.clock.advance(Seconds(500));
        assert_eq!(other.cache.add(&session), Err(NotStored::OtherCache));
        assert_eq!(session.created(), UnixTime(START));
        one.cache.flush(UnixTime(START + 51));
        assert_eq!(one.heard(), [1]);
        // Nor does one that does not have it make it change its place.
        let (late, early) = (one.add(2, 90), one.add(3, 80));
        other.cache.set_timeout_of(&late, Seconds(1));
        one.cache.flush(UnixTime(START + 100));
        assert_eq!(one.heard(), [3, 2], "{early:?} {late:?}");
    }
}

/// Whom the remove hook hears of when this duplicate of a cached session is removed, and again.
fn heard_when_removed_through(scene: &Scene, copy: &Session) -> Vec<Session> {
    let heard = Notes::new();
    let written = heard.clone();
    scene.set_remove_hook(move |left| {
        assert_eq!(left.why, Departure::Removed);
        written.add(left.session.clone());
    });
    assert!(scene.cache.remove(copy));
    assert!(!scene.cache.remove(copy));
    heard.take()
}

#[test]
fn r147_documented_removal_through_a_duplicate_reports_the_cached_session() {
    let scene = Scene::new(Rules::DOCUMENTED);
    let cached = scene.add(1, 50);
    let copy = cached.duplicate();
    let heard = heard_when_removed_through(&scene, &copy);
    assert_eq!(heard.len(), 2);
    // The second time there is none, and it is the one that was given.
    assert!(heard[0].is_same(&cached) && heard[1].is_same(&copy));
}

#[test]
fn r147_openssl_removal_through_a_duplicate_reports_the_duplicate() {
    let scene = Scene::new(Rules::OPENSSL);
    let cached = scene.add(1, 50);
    let copy = cached.duplicate();
    let heard = heard_when_removed_through(&scene, &copy);
    assert_eq!(heard.len(), 2);
    assert!(heard[0].is_same(&copy) && heard[1].is_same(&copy));
    assert!(!scene.holds(&cached));
}
