//! How long a session lives, and what a duplicate of it is.

use crate::scene::{BOTH, START, Scene, id, id_context, new_session, number_of};
use session_cache::{
    Added, IdContext, NewSession, Payload, ProtocolVersion, Seconds, SessionId, UnixTime,
};

#[test]
fn r1_new_session_has_nothing_and_cannot_be_resumed() {
    let nothing = NewSession::new(ProtocolVersion::UNKNOWN, SessionId::EMPTY, Payload::empty());
    let session = nothing.build(IdContext::EMPTY, UnixTime(START));
    assert_eq!(session.references(), 1);
    assert!(session.id().is_empty());
    assert_eq!(session.id_context(), IdContext::EMPTY);
    assert_eq!(session.version(), ProtocolVersion(0));
    assert_eq!((session.created(), session.timeout()), (UnixTime(START), Seconds(304)));
    assert_eq!(session.verify_result(), 1);
    assert!(!session.has_ticket());
    assert!(!session.is_resumable());
}

#[test]
fn r2_r3_each_reference_counts_until_it_is_given_back() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.session(1);
        assert_eq!(session.references(), 1);
        let second = session.clone();
        let third = second.clone();
        assert_eq!((session.references(), third.references()), (3, 3));
        drop(session);
        assert_eq!(third.references(), 2);
        drop(third);
        assert_eq!(second.references(), 1);
        assert_eq!(second.payload(), 1u64.to_be_bytes());
    }
}

#[test]
fn r5_duplicate_is_equal_and_has_a_reference_of_its_own() {
    let source = NewSession::new(ProtocolVersion(0x0302), id(7), Payload::borrowed(b"secret"))
        .with_created(UnixTime(77))
        .with_timeout(Seconds(11))
        .with_authenticated(UnixTime(55))
        .with_verify_result(20)
        .with_ticket(Seconds(33))
        .build(id_context(), UnixTime(START));
    let copy = source.duplicate();
    assert!(!copy.is_same(&source));
    assert_eq!((source.references(), copy.references()), (1, 1));
    assert_eq!((copy.id(), copy.id_context()), (id(7), id_context()));
    assert_eq!((copy.created(), copy.timeout()), (UnixTime(77), Seconds(11)));
    assert_eq!((copy.version(), copy.verify_result()), (ProtocolVersion(0x0302), 20));
    assert_eq!((copy.has_ticket(), copy.lifetime_hint()), (true, Seconds(33)));
    assert_eq!((copy.payload(), copy.authenticated()), (&b"secret"[..], UnixTime(55)));
}

#[test]
fn r6_change_to_a_duplicate_does_not_show_in_its_source_nor_back() {
    let source = new_session(1).build(id_context(), UnixTime(START));
    let copy = source.duplicate();
    assert!(copy.set_created(UnixTime(1)) && copy.set_timeout(Seconds(2)));
    assert_eq!((source.created(), source.timeout()), (UnixTime(START), Seconds(304)));
    assert!(source.set_created(UnixTime(3)) && source.set_timeout(Seconds(4)));
    assert_eq!((copy.created(), copy.timeout()), (UnixTime(1), Seconds(2)));
    copy.mark_not_resumable();
    assert!(source.is_resumable() && !copy.is_resumable());
    let (source, copy) = (copy.to_new().build(id_context(), UnixTime(9)), source);
    assert!(copy.is_resumable() && !source.is_resumable());
}

#[test]
fn r7_duplicate_of_a_marked_session_is_marked() {
    let source = new_session(1).build(id_context(), UnixTime(START));
    assert!(source.duplicate().is_resumable());
    source.mark_not_resumable();
    assert!(!source.duplicate().is_resumable());
}

#[test]
fn r8_duplicate_of_a_cached_session_is_in_no_cache_and_replaces_it_when_added() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let cached = scene.add(1, 50);
        let copy = cached.duplicate();
        // In no cache: it can be set freely, which a cached one cannot.
        assert!(copy.set_timeout(Seconds(60)) && !cached.set_timeout(Seconds(60)));
        assert!(scene.holds(&cached) && !scene.holds(&copy));
        assert_eq!(scene.cache.add(&copy), Ok(Added::Replaced));
        assert!(!scene.holds(&cached) && scene.holds(&copy));
        assert_eq!(scene.cache.len(), 1);
    }
}

#[test]
fn r9_session_outlives_its_cache() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        let session = scene.add(1, 50);
        assert_eq!(session.references(), 2);
        drop(scene);
        assert_eq!(session.references(), 1);
        assert_eq!((number_of(&session), session.payload()), (1, &1u64.to_be_bytes()[..]));
        assert_eq!(session.timeout(), Seconds(50));
    }
}
