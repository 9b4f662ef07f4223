//! Values of other tables in the process: their ends are foreign code that may come back in and panic.
//!
//! Any thread that changes a table may be the one that meets such an end, so this file has one test.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use session_cache::{
    ContextView, IdContext, ManualClock, NewSession, Payload, ProtocolVersion, Seconds,
    SessionCache, SessionId, Statistics, UnixTime,
};
use session_core::{Key, KeyHasher, Table};

const VERSION: ProtocolVersion = ProtocolVersion::TLS12;
const START: u64 = 1_000;

fn cache_of_two() -> Arc<SessionCache> {
    let builder = SessionCache::builder().sessions_max(2).clock(ManualClock::new(UnixTime(START)));
    Arc::new(builder.build().unwrap())
}

fn id(number: u64) -> SessionId {
    SessionId::new(&number.to_be_bytes()).unwrap()
}

fn made_at_the_start(number: u64) -> NewSession<'static> {
    let session = NewSession::new(VERSION, id(number), Payload::borrowed(b"payload"));
    session.with_created(UnixTime(START)).with_timeout(Seconds(10))
}

/// A value of somebody else's table, whose end uses the cache and then panics.
struct Reentrant(Arc<SessionCache>);

impl Drop for Reentrant {
    fn drop(&mut self) {
        self.0.context(IdContext::EMPTY).insert(made_at_the_start(99)).expect("nothing stalls");
        panic!("a foreign value's end");
    }
}

/// Leaves a value to the next call in this thread that changes any table. Dropping its own is one.
fn leave_a_value(cache: &Arc<SessionCache>) -> Table<Reentrant> {
    let foreign = Table::with_capacity(1, KeyHasher::folded([1, 2]));
    let key = Key::new(0, b"foreign").unwrap();
    foreign.replace(key, Reentrant(Arc::clone(cache))).expect("nothing stalls");
    let last = foreign.take(&key).unwrap();
    while last.is_held_by_table() {
        session_core::reclaim();
    }
    let guard = session_core::pin();
    drop(last);
    drop(guard);
    foreign
}

type Change = fn(&SessionCache);

/// Every call that makes a session leave; both sessions that are there were just inserted or are old.
const CHANGES: [(&str, Change); 6] = [
    ("replaces", |cache| drop(view(cache).insert(made_at_the_start(1)).expect("nothing stalls"))),
    ("evicts", |cache| drop(view(cache).insert(made_at_the_start(3)).expect("nothing stalls"))),
    ("takes", |cache| drop(view(cache).take(VERSION, &id(1)))),
    ("finds expired", |cache| drop(view(cache).lookup(VERSION, &id(2)))),
    ("flushes", |cache| assert_eq!(cache.flush(UnixTime(0)), 2)),
    ("shrinks", |cache| assert!(cache.set_sessions_max(1).is_ok())),
];

fn view(cache: &SessionCache) -> ContextView<'_> {
    cache.context(IdContext::EMPTY)
}

#[test]
fn foreign_value_that_ends_during_a_change_finds_no_lock_and_spoils_nothing() {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for (change, make) in CHANGES {
            let cache = cache_of_two();
            view(&cache).insert(made_at_the_start(1)).expect("nothing stalls");
            view(&cache)
                .insert(made_at_the_start(2).with_created(UnixTime(0)))
                .expect("nothing stalls");
            let foreign = leave_a_value(&cache);
            let ended = catch_unwind(AssertUnwindSafe(|| make(&cache))).is_err();
            assert!(ended, "the foreign value did not end: {change}");
            assert!(view(&cache).lookup(VERSION, &id(99)).is_some(), "{change}");
            // All places are still there, and no more; and every session is accounted for.
            for number in 10..20 {
                view(&cache).insert(made_at_the_start(number)).expect("nothing stalls");
                assert!(cache.len() <= cache.sessions_max(), "{change}");
            }
            assert_eq!(cache.len(), cache.sessions_max(), "{change}");
            let Statistics {
                stored, number, replaced, expired, taken, cache_full, flushed, ..
            } = cache.statistics();
            let left = replaced + expired + taken + cache_full + flushed;
            assert_eq!(stored, number + left, "{change}\n{}", cache.statistics());
            drop(foreign);
        }
        sender.send(()).unwrap();
    });
    receiver.recv_timeout(Duration::from_secs(20)).expect("it failed, or waits for its own lock");
}
