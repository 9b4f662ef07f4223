//! Payloads whose end panics: it may be met by any thread that changes a table, so this file has one test.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use session_cache::{
    IdContext, Left, NewSession, Payload, PayloadObject, ProtocolVersion, Seconds, SessionCache,
    SessionId, UnixTime,
};

/// A payload that panics when it goes, if it is the one to.
struct Bomb(bool);

impl PayloadObject for Bomb {
    fn size_bytes(&self) -> usize {
        0
    }

    fn duplicate(&self) -> Box<dyn PayloadObject> {
        Box::new(Bomb(false))
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.0, "a foreign value");
    }
}

#[test]
fn panic_at_the_end_of_a_payload_keeps_no_hook_from_hearing_of_the_others() {
    const SESSIONS: u64 = 2_000;
    let told = Arc::new(AtomicU64::new(0));
    let tells = Arc::clone(&told);
    let hook = move |_: Left<'_>| {
        tells.fetch_add(1, Ordering::Relaxed);
    };
    let cache = SessionCache::builder().sessions_max(0).remove_hook(hook).build().unwrap();
    let view = cache.context(IdContext::EMPTY);
    for number in 0..SESSIONS {
        let id = SessionId::new(&number.to_be_bytes()).unwrap();
        let payload = Payload::object(Bomb(number == 10));
        let new = NewSession::new(ProtocolVersion::TLS12, id, payload);
        view.insert(new.with_timeout(Seconds(100 + number))).expect("nothing stalls");
    }
    let ended = catch_unwind(AssertUnwindSafe(|| cache.flush(UnixTime(0))));
    // At once, or when the table has let go of it.
    let later = catch_unwind(AssertUnwindSafe(|| {
        (0..100).for_each(|_| session_core::reclaim());
    }));
    assert!(ended.is_err() || later.is_err(), "the payload did not end");
    assert_eq!(told.load(Ordering::Relaxed), SESSIONS);
    let statistics = cache.statistics();
    assert_eq!((statistics.flushed, statistics.number), (SESSIONS, 0));
}
