//! Both sides do what the rows of the table say.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex};

use session_cache::{
    Added, Clock as _, Connection, ErrorKind, IdContext, ManualClock, NewSession, NotStored,
    Payload, ProtocolVersion, Role, Rules, Seconds, SessionCache, SessionId, SystemClock, Tickets,
    UnixTime,
};

use crate::handshakes;
use crate::libssl::trace::{self, Event};
use crate::libssl::{Context, HookKind, Session, clock};

type Check = Result<(), String>;

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Check {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, not {expected:?}")) }
}

/// One that expires so many seconds after the beginning.
fn theirs(id: &[u8], timeout: i64) -> Session {
    clock::set(clock::BEGIN);
    let session = Session::new(0x0303, id);
    session.set_time(clock::BEGIN);
    session.set_timeout(timeout);
    session
}

fn ours(id: &[u8], timeout: u64) -> session_cache::Session {
    let id = SessionId::new(id).unwrap_or(SessionId::EMPTY);
    NewSession::new(ProtocolVersion::TLS12, id, Payload::empty())
        .with_timeout(Seconds(timeout))
        .build(IdContext::EMPTY, UnixTime(clock::BEGIN as u64))
}

fn cache() -> session_cache::Builder {
    let clock = ManualClock::new(UnixTime(clock::BEGIN as u64));
    SessionCache::builder().rules(Rules::OPENSSL).clock(clock)
}

fn built(builder: session_cache::Builder) -> Result<SessionCache, String> {
    builder.build().map_err(|error| error.to_string())
}

pub(super) fn one_session_in_two_caches() -> Check {
    let (owner, other) = (Context::new(0), Context::new(1));
    // Between two others, so that what breaks is a list and not memory.
    let [first, shared, last] = [10, 20, 30].map(|timeout| theirs(&[timeout as u8], timeout));
    for session in [&first, &shared, &last] {
        owner.add(session);
    }
    expect("libssl's second cache takes it", other.add(&shared), true)?;
    expect("libssl's numbers", (owner.counters()[0], other.counters()[0]), (3, 1))?;
    owner.flush(0);
    expect("libssl's first cache after a flush of all", owner.counters()[0], 1)?;
    expect("it is not marked", shared.is_resumable(), true)?;
    // In this order the lists come right again.
    other.remove(&shared);
    owner.remove(&shared);

    let (owner, other) = (built(cache())?, built(cache())?);
    let shared = ours(&[1], 20);
    expect("our first cache", owner.add(&shared), Ok(Added::New))?;
    expect("our second cache", other.add(&shared), Err(NotStored::OtherCache))?;
    expect("our numbers", (owner.len(), other.len()), (1, 0))?;
    expect("our flush of all", owner.flush(UnixTime(0)), 1)
}

thread_local! {
    /// What libssl's hook adds to the context that calls it, and what came of it.
    static NESTED: RefCell<Option<Session>> = const { RefCell::new(None) };
    static NESTED_RESULT: Cell<Option<bool>> = const { Cell::new(None) };
}

pub(super) fn hooks_under_the_lock() -> Check {
    let context = Context::new(0);
    NESTED.set(Some(theirs(&[9], 50)));
    NESTED_RESULT.set(None);
    context.add(&theirs(&[1], 10));
    context.add(&theirs(&[2], 20));
    context.set_remove_callback(|context| {
        let nested = NESTED.with_borrow(Clone::clone);
        let result = nested.is_some_and(|nested| context.add(&nested));
        NESTED_RESULT.set(NESTED_RESULT.get().or(Some(result)));
    });
    context.flush(clock::BEGIN + 100);
    context.set_remove_hook(HookKind::Off);
    drop(NESTED.take());
    expect("libssl's nested add", NESTED_RESULT.get(), Some(false))?;

    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let nested = ours(&[9], 50);
    let cache = built(cache().remove_hook(move |left| {
        let number = left.cache.len();
        log.lock().unwrap_or_else(|log| log.into_inner()).push((number, left.cache.add(&nested)));
    }))?;
    for (id, timeout) in [(1, 10), (2, 20)] {
        let _ = cache.add(&ours(&[id], timeout));
    }
    cache.flush(UnixTime(clock::BEGIN as u64 + 100));
    let seen = seen.lock().unwrap_or_else(|seen| seen.into_inner()).clone();
    expect("our nested adds", seen, vec![(0, Ok(Added::New)), (1, Ok(Added::Identical))])
}

pub(super) fn empty_ids() -> Check {
    let context = Context::new(0);
    expect("libssl stores one", context.add(&theirs(&[], 1)), true)?;
    context.set_size(2);
    for id in 1..=5 {
        context.add(&theirs(&[id], 10));
    }
    expect("libssl's number, of 2 at most", context.counters()[0], 6)?;
    let cache = built(cache())?;
    expect("ours", cache.add(&ours(&[], 1)), Err(NotStored::NoId))
}

pub(super) fn equals_in_a_large_cache() -> Check {
    let ids: Vec<u8> = (1..=64).collect();
    let context = Context::new(0);
    context.set_remove_hook(HookKind::Told);
    let sessions: Vec<_> = ids.iter().map(|id| theirs(&[*id], 10)).collect();
    for session in &sessions {
        context.add(session);
    }
    trace::take();
    context.flush(0);
    let told = trace::take().into_iter().filter_map(|event| match event {
        Event::Removed { serial, .. } => Some(serial),
        _ => None,
    });
    let arrival: Vec<u64> = sessions.iter().map(Session::serial).collect();
    expect("libssl's order", told.collect(), arrival)?;

    for (sessions_max, is_in_order) in [(1_023, true), (20_480, false)] {
        let told = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&told);
        let cache = built(cache().sessions_max(sessions_max).remove_hook(move |left| {
            let id = left.session.id().as_bytes()[0];
            log.lock().unwrap_or_else(|log| log.into_inner()).push(id);
        }))?;
        for id in &ids {
            let _ = cache.add(&ours(&[*id], 10));
        }
        cache.flush(UnixTime(0));
        let mut told = told.lock().unwrap_or_else(|told| told.into_inner()).clone();
        // That 64 sessions come out in order from several shards by chance does not happen.
        expect("ours are in order", told == ids, is_in_order)?;
        told.sort_unstable();
        expect("ours", told, ids.clone())?;
    }
    Ok(())
}

pub(super) fn clock_set_back() -> Check {
    let context = Context::new(0);
    context.add(&theirs(&[1], 10));
    clock::set(clock::BEGIN - 3_600);
    expect("libssl's time follows", Session::new(0x0303, &[2]).time(), clock::BEGIN - 3_600)?;
    context.flush(clock::now());
    expect("libssl's number after a flush of an hour ago", context.counters()[0], 1)?;
    clock::set(clock::BEGIN);
    let clock = SystemClock::new();
    let mut before = clock.now();
    for _ in 0..1_000 {
        let now = clock.now();
        if now < before {
            return Err(format!("our clock went back from {before:?} to {now:?}"));
        }
        before = now;
    }
    Ok(())
}

pub(super) fn negative_numbers() -> Check {
    let session = theirs(&[1], 10);
    session.set_time(-5);
    expect("libssl's time", session.time(), -5)?;
    expect("libssl's timeout", (session.set_timeout(-1), session.timeout()), (0, 10))?;
    let context = Context::new(0);
    let size = context.size();
    expect("libssl's size", (context.set_size(-1), context.size()), (0, size))
}

pub(super) fn limits() -> Check {
    let context = Context::new(0);
    context.set_size(16_777_217);
    expect("libssl's size", context.size(), 16_777_217)?;
    let large = theirs(&[1], 10);
    large.set_application_data(&[0; 17 << 10]);
    expect("libssl stores 17 KiB", context.add(&large), true)?;

    let cache = built(cache())?;
    let refused = cache.set_sessions_max(16_777_217).map_err(|error| error.kind());
    expect("our size", refused, Err(ErrorKind::SessionsMax))?;
    let id = SessionId::new(&[1]).map_err(|error| error.to_string())?;
    let large = NewSession::new(ProtocolVersion::TLS12, id, Payload::borrowed(&[0; 17 << 10]))
        .build(IdContext::EMPTY, UnixTime(clock::BEGIN as u64));
    let is_refused = matches!(cache.add(&large), Err(NotStored::TooLarge { .. }));
    expect("ours refuses 17 KiB", is_refused, true)?;
    let lifted = cache.change(|settings| settings.session_bytes_max = 0);
    lifted.map_err(|error| error.to_string())?;
    expect("ours stores it when asked to", cache.add(&large), Ok(Added::New))
}

pub(super) fn ids_that_change() -> Check {
    let (finished, ticket) = handshakes::serials_around_the_first_ticket()?;
    expect("libssl's session before and after its first ticket", ticket, finished)?;

    let cache = Arc::new(built(cache())?);
    let mut server = Connection::new(&cache, Role::Server);
    server.begin(ProtocolVersion::TLS13);
    let first = NewSession::new(ProtocolVersion::TLS13, SessionId::EMPTY, Payload::empty());
    let before = server.new_session(first).clone();
    server.finish();
    let id = SessionId::new(&[1; 32]).map_err(|error| error.to_string())?;
    server.attach(before.to_new().with_id(id));
    server.established(Tickets::Stateful);
    let after = server.session().ok_or("our server has no session")?;
    expect("ours are the same", after.is_same(&before), false)?;
    expect("ours before it", before.id(), SessionId::EMPTY)
}
