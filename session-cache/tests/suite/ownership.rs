//! A session is in one cache at a time, and another one that refuses it leaves everything as it was.

use session_cache::{
    CacheMode, IdContext, ManualClock, NotStored, Rules, Seconds, SessionCache, UnixTime,
};

use crate::scene::{START, session};

fn cache(clock: &ManualClock) -> SessionCache {
    SessionCache::builder().rules(Rules::OPENSSL).clock(clock.clone()).build().unwrap()
}

#[test]
fn r46_refused_session_keeps_its_time_and_its_place_in_the_order() {
    let clock = ManualClock::new(UnixTime(START));
    let (owner, other) = (cache(&clock), cache(&clock));
    other.set_mode(CacheMode::SERVER | CacheMode::UPDATE_TIME);
    let owned = session(1).with_timeout(Seconds(10)).build(IdContext::EMPTY, UnixTime(START));
    owner.add(&owned).unwrap();
    clock.advance(Seconds(5));
    assert_eq!(other.add(&owned), Err(NotStored::OtherCache));
    assert_eq!(owned.created(), UnixTime(START));
    assert_eq!(owner.flush(UnixTime(START + 11)), 1);
}

#[test]
fn r46_nobody_is_evicted_for_a_session_that_is_refused() {
    let clock = ManualClock::new(UnixTime(START));
    let (owner, other) = (cache(&clock), cache(&clock));
    other.set_sessions_max(1).unwrap();
    let resident = session(1).build(IdContext::EMPTY, UnixTime(START));
    let owned = session(2).build(IdContext::EMPTY, UnixTime(START));
    other.add(&resident).unwrap();
    owner.add(&owned).unwrap();
    assert_eq!(other.add(&owned), Err(NotStored::OtherCache));
    assert_eq!((other.len(), other.statistics().cache_full), (1, 0));
    assert!(resident.is_resumable());
}
