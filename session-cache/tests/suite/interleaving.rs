//! What happens between finding a session and acting on it, made to happen by a clock: the cache asks it
//! at exactly that point, and it uses the cache itself. That it can shows that no lock is held there.

use std::sync::{Arc, Mutex, OnceLock, Weak};

use session_cache::{
    Clock, Connection, Departure, IdContext, Left, NewSession, Payload, Role, Seconds,
    SessionCache, UnixTime,
};

use crate::scene::{START, VERSION, id, session};

type Interruption = Box<dyn FnOnce(&SessionCache) + Send>;

/// Shows the start, and does once what it is told, when it is asked for the time.
#[derive(Clone, Default)]
struct Interrupter {
    cache: Arc<OnceLock<Weak<SessionCache>>>,
    next: Arc<Mutex<Option<Interruption>>>,
}

impl Clock for Interrupter {
    fn now(&self) -> UnixTime {
        let next = self.next.lock().unwrap().take();
        if let Some(interruption) = next {
            interruption(&self.cache.get().unwrap().upgrade().unwrap());
        }
        UnixTime(START)
    }
}

impl Interrupter {
    fn at_next_question(&self, interruption: impl FnOnce(&SessionCache) + Send + 'static) {
        *self.next.lock().unwrap() = Some(Box::new(interruption));
    }
}

fn interrupted_cache() -> (Arc<SessionCache>, Interrupter) {
    let clock = Interrupter::default();
    let builder = SessionCache::builder().sessions_max(2).clock(clock.clone());
    let cache = Arc::new(builder.build().unwrap());
    clock.cache.set(Arc::downgrade(&cache)).unwrap();
    (cache, clock)
}

/// A session that needs no clock when it is inserted.
fn made_at_the_start(number: u64) -> NewSession<'static> {
    session(number).with_created(UnixTime(START)).with_timeout(Seconds(10))
}

#[test]
fn take_that_comes_second_is_lost_and_no_miss() {
    let (cache, clock) = interrupted_cache();
    let view = cache.context(IdContext::EMPTY);
    view.insert(made_at_the_start(1)).expect("nothing stalls");
    clock.at_next_question(|cache| {
        assert!(cache.context(IdContext::EMPTY).take(VERSION, &id(1)).is_some());
    });
    assert!(view.take(VERSION, &id(1)).is_none());
    let statistics = cache.statistics();
    assert_eq!((statistics.taken, statistics.single_use_lost, statistics.misses), (1, 1, 0));
}

#[test]
fn take_gets_what_came_in_place_of_what_it_found() {
    let (cache, clock) = interrupted_cache();
    let view = cache.context(IdContext::EMPTY);
    view.insert(made_at_the_start(1)).expect("nothing stalls");
    clock.at_next_question(|cache| {
        let newer = NewSession::new(VERSION, id(1), Payload::borrowed(b"newer"));
        cache.context(IdContext::EMPTY).insert(newer).expect("nothing stalls");
    });
    assert_eq!(view.take(VERSION, &id(1)).unwrap().payload(), b"newer");
    let statistics = cache.statistics();
    assert_eq!((statistics.taken, statistics.replaced, statistics.number), (1, 1, 0));
    assert_eq!((statistics.hits, statistics.single_use_lost), (1, 0));
}

#[test]
fn take_leaves_what_another_context_put_in_place_of_what_it_found() {
    let (cache, clock) = interrupted_cache();
    let view = cache.context(IdContext::EMPTY);
    view.insert(made_at_the_start(1)).expect("nothing stalls");
    clock.at_next_question(|cache| {
        cache
            .context(IdContext::new(b"other").unwrap())
            .insert(made_at_the_start(1))
            .expect("nothing stalls");
    });
    assert!(view.take(VERSION, &id(1)).is_none());
    let statistics = cache.statistics();
    assert_eq!((statistics.taken, statistics.wrong_context, statistics.number), (0, 1, 1));
}

#[test]
fn remove_that_comes_second_removes_nothing() {
    let (cache, clock) = interrupted_cache();
    let view = cache.context(IdContext::EMPTY);
    view.insert(made_at_the_start(1)).expect("nothing stalls");
    clock.at_next_question(|cache| assert_eq!(cache.flush(UnixTime(0)), 1));
    assert!(!view.remove(VERSION, &id(1)));
    let statistics = cache.statistics();
    assert_eq!((statistics.removed, statistics.flushed, statistics.number), (0, 1, 0));
}

#[test]
fn lookup_of_an_expired_session_finds_what_came_in_its_place() {
    let (cache, clock) = interrupted_cache();
    let view = cache.context(IdContext::EMPTY);
    view.insert(made_at_the_start(1).with_created(UnixTime(0))).expect("nothing stalls");
    clock.at_next_question(|cache| {
        let newer = NewSession::new(VERSION, id(1), Payload::borrowed(b"newer"));
        cache.context(IdContext::EMPTY).insert(newer).expect("nothing stalls");
    });
    assert_eq!(view.lookup(VERSION, &id(1)).unwrap().payload(), b"newer");
    let statistics = cache.statistics();
    assert_eq!((statistics.expired, statistics.replaced, statistics.hits), (0, 1, 1));
}

#[test]
fn expired_session_leaves_once_though_two_find_it() {
    let (cache, clock) = interrupted_cache();
    let view = cache.context(IdContext::EMPTY);
    view.insert(made_at_the_start(1).with_created(UnixTime(0))).expect("nothing stalls");
    clock.at_next_question(|cache| {
        assert!(cache.context(IdContext::EMPTY).lookup(VERSION, &id(1)).is_none());
    });
    assert!(view.lookup(VERSION, &id(1)).is_none());
    let statistics = cache.statistics();
    assert_eq!((statistics.expired, statistics.misses, statistics.number), (1, 1, 0));
}

#[test]
fn lookup_returns_what_it_found_though_it_leaves_at_that_moment() {
    let (cache, clock) = interrupted_cache();
    let view = cache.context(IdContext::EMPTY);
    view.insert(made_at_the_start(1)).expect("nothing stalls");
    clock.at_next_question(|cache| assert_eq!(cache.flush(UnixTime(0)), 1));
    assert_eq!(view.lookup(VERSION, &id(1)).unwrap().payload(), 1u64.to_be_bytes());
    assert!(view.lookup(VERSION, &id(1)).is_none());
}

#[test]
fn connection_that_finds_a_session_expired_leaves_what_came_in_its_place() {
    let (cache, clock) = interrupted_cache();
    let view = cache.context(IdContext::EMPTY);
    let old = view.insert(made_at_the_start(1).with_created(UnixTime(0)));
    let old = old.expect("nothing stalls");
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    cache
        .change(|settings| {
            let hears = Arc::clone(&hears);
            let hook = move |left: Left<'_>| hears.lock().unwrap().push(left.why);
            settings.remove_hook = Some(Arc::new(hook));
        })
        .unwrap();
    let mut connection = Connection::new(&cache, Role::Server);
    connection.begin(VERSION);
    clock.at_next_question(|cache| {
        let newer = made_at_the_start(1).with_payload(Payload::borrowed(b"newer"));
        cache.context(IdContext::EMPTY).insert(newer).expect("nothing stalls");
    });
    assert_eq!(connection.resume(&id(1)), Ok(false));
    assert!(!old.is_resumable());
    assert_eq!(view.lookup(VERSION, &id(1)).unwrap().payload(), b"newer");
    // A store that forgets by id would lose the newer one.
    assert_eq!(*told.lock().unwrap(), [Departure::Replaced]);
}

#[test]
fn answer_whose_session_is_removed_while_it_is_stored_does_not_stay() {
    let (cache, clock) = interrupted_cache();
    let answer = || made_at_the_start(1).build(IdContext::EMPTY, UnixTime(START));
    cache.change(|settings| settings.get_hook = Some(Arc::new(move |_| Some(answer())))).unwrap();
    // When its age is looked at, which is after the hook has answered and before it is inside.
    clock.at_next_question(move |cache| assert!(!cache.remove(&answer())));
    assert!(cache.context(IdContext::EMPTY).lookup(VERSION, &id(1)).is_none());
    assert!(cache.is_empty());
    assert!(cache.context(IdContext::EMPTY).lookup(VERSION, &id(1)).is_some(), "asked anew");
}
