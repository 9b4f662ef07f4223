//! The small types: what they refuse, and what they never print.

use session_cache::{
    Builder, Connection, ContextView, Error, ErrorKind, IdContext, NewSession, NotStored, Payload,
    PayloadObject, ProtocolVersion, Seconds, Session, SessionCache, SessionId, Statistics,
    UnixTime,
};

use crate::scene::{Scene, VERSION, id, id_context};

#[test]
fn session_id_has_1_to_32_bytes_and_the_error_names_the_length() {
    for length in 0..100 {
        let bytes = vec![0xab; length];
        match SessionId::new(&bytes) {
            Ok(id) => {
                assert!((1..=32).contains(&length), "{length} bytes accepted");
                assert_eq!(id.as_bytes(), bytes);
            }
            Err(error) => {
                assert!(!(1..=32).contains(&length), "{length} bytes refused");
                assert_eq!(error.kind(), ErrorKind::IdLength);
                let text = format!("session id is {length} bytes long; it must be 1 to 32 bytes");
                assert_eq!(error.to_string(), text);
            }
        }
    }
}

#[test]
fn id_context_has_at_most_32_bytes_and_the_error_names_the_length() {
    for length in 0..=32 {
        let bytes = vec![0xab; length];
        assert_eq!(IdContext::new(&bytes).unwrap().as_bytes(), bytes);
    }
    let error = IdContext::new(&[0; 33]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IdContextLength);
    assert_eq!(error.to_string(), "id context is 33 bytes long; it must be at most 32 bytes");
    assert_eq!(IdContext::new(&[]).unwrap(), IdContext::EMPTY);
}

#[test]
fn trailing_zeros_tell_ids_and_contexts_apart() {
    assert_ne!(SessionId::new(&[1]).unwrap(), SessionId::new(&[1, 0]).unwrap());
    assert_ne!(IdContext::new(&[0]).unwrap(), IdContext::EMPTY);
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let refused = |builder: Builder| -> (ErrorKind, String) {
        let error: Error = builder.build().unwrap_err();
        (error.kind(), error.to_string())
    };
    let builder = SessionCache::builder;
    let sessions_max = "; it must be 0 to 16777216";
    assert_eq!(
        refused(builder().sessions_max(16_777_217)),
        (ErrorKind::SessionsMax, format!("sessions_max is 16777217{sessions_max}"))
    );
    let at_least = "is 0 seconds; it must be at least 1 second";
    assert_eq!(
        refused(builder().lifetime_max(Seconds(0))),
        (ErrorKind::LifetimeMax, format!("lifetime_max {at_least}"))
    );
    assert_eq!(
        refused(builder().lifetime_max_tls13(Seconds(0))),
        (ErrorKind::LifetimeMax, format!("lifetime_max_tls13 {at_least}"))
    );
}

#[test]
fn defaults_are_those_of_the_manual() {
    let cache = SessionCache::builder().build().unwrap();
    assert_eq!(cache.sessions_max(), 20_480);
    assert_eq!(cache.timeout(), Seconds(300));
    let life = |version: ProtocolVersion| {
        let id = SessionId::new(b"id").unwrap();
        let new = NewSession::new(version, id, Payload::empty()).with_timeout(Seconds(u64::MAX));
        let session = cache.context(IdContext::EMPTY).session(new);
        cache.expires_here(&session).0 - session.created().0
    };
    assert_eq!(life(ProtocolVersion::TLS12), 86_400);
    assert_eq!(life(ProtocolVersion::TLS13), 7 * 86_400);
    assert!(cache.is_empty());
}

#[test]
fn handle_tells_what_was_stored() {
    let scene = Scene::new(|builder| builder);
    let id = SessionId::new(&[9; 32]).unwrap();
    let session = NewSession::new(ProtocolVersion(0x0305), id, Payload::from(b"tell".to_vec()))
        .with_created(UnixTime(990))
        .with_timeout(Seconds(25));
    let view = scene.cache.context(id_context("there"));
    let stored = view.insert(session).expect("nothing stalls");
    let found = view.lookup(ProtocolVersion(0x0305), &id).unwrap();
    for handle in [stored, found] {
        assert_eq!(handle.version(), ProtocolVersion(0x0305));
        assert_eq!(handle.id(), id);
        assert_eq!(handle.id_context(), id_context("there"));
        assert_eq!(handle.created(), UnixTime(990));
        assert_eq!(handle.expires(), UnixTime(1_015));
        assert_eq!(handle.payload(), b"tell");
    }
}

#[test]
fn handle_outlives_removal_and_the_cache() {
    let scene = Scene::new(|builder| builder);
    let id = SessionId::new(b"id").unwrap();
    let handle = scene
        .view()
        .insert(NewSession::new(VERSION, id, Payload::borrowed(b"kept")))
        .expect("nothing stalls");
    let clone = handle.clone();
    assert!(scene.view().remove(VERSION, &id));
    drop(scene);
    drop(handle);
    assert_eq!(clone.payload(), b"kept");
}

#[test]
fn no_secret_is_ever_printed() {
    let scene = Scene::new(|builder| builder);
    // In decimal, hexadecimal and as text none of these bytes can be mistaken for anything else.
    let id = SessionId::new(b"QQQQ").unwrap();
    let context = id_context("WWWW");
    let session = NewSession::new(VERSION, id, Payload::borrowed(b"ZZZZ"));
    let mut printed = format!("{session:?} {id:?} {context:?}");
    let view = scene.cache.context(context);
    let handle = view.insert(session).expect("nothing stalls");
    printed += &format!("{handle:?} {view:?} {:?} {:?}", scene.cache, SessionCache::builder());
    printed += &format!("{:?} {:?}", handle.version(), Payload::borrowed(b"ZZZZ"));
    for byte in [b'Q', b'W', b'Z'] {
        for secret in [
            String::from_utf8(vec![byte; 4]).unwrap(),
            format!("{byte}, {byte}"),
            format!("{byte:x}{byte:x}"),
            format!("{byte:#x}"),
        ] {
            assert!(!printed.contains(&secret), "{secret} in {printed}");
        }
    }
    assert!(printed.contains("SessionId(4 bytes)") && printed.contains("Payload(4 bytes)"));
}

#[test]
fn what_is_shared_between_threads_may_be() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<SessionCache>();
    is_send_and_sync::<ContextView<'_>>();
    is_send_and_sync::<NewSession<'_>>();
    is_send_and_sync::<Session>();
    is_send_and_sync::<Connection>();
    is_send_and_sync::<Statistics>();
    is_send_and_sync::<Error>();
}

/// Says that it is as large as can be.
struct Boaster;

impl PayloadObject for Boaster {
    fn size_bytes(&self) -> usize {
        usize::MAX
    }

    fn duplicate(&self) -> Box<dyn PayloadObject> {
        Box::new(Boaster)
    }
}

#[test]
fn object_that_counts_for_more_than_there_is_is_too_large() {
    let scene = Scene::new(|builder| builder);
    let payload = Payload::borrowed(b"kept").with_object(Box::new(Boaster));
    let refused = scene.view().insert(NewSession::new(VERSION, id(1), payload)).unwrap_err();
    assert!(matches!(refused, NotStored::TooLarge { bytes_max: 16_384, .. }), "{refused}");
    assert_eq!(scene.cache.bytes(), 0);
}
