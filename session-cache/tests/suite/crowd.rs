//! Everything at once on real threads: sessions come, go and change their times, while limits, mode and hooks
//! change. Each session leaves as often as it came in, and is told of each time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use session_cache::{
    Added, CacheMode, IdContext, Left, NewSession, NotStored, Payload, PayloadObject, Rules,
    Seconds, Session, SessionCache, Settings, UnixTime,
};

use crate::scene::{START, Scene, VERSION, id};
use crate::threads::{Dice, left};

const THREADS: u64 = 4;
const IDS: u64 = 24;
const SESSIONS: usize = 96;
const STEPS: u64 = 1_500;
const ROUNDS: u64 = 12;
/// What a session counts for beside its payload: a fixed cost and an id of 8 bytes.
const BYTES_BESIDE_PAYLOAD: usize = 128 + 8;

/// What is known of a session by its own account.
#[derive(Default)]
struct Tally {
    bytes: usize,
    entered: AtomicU64,
    /// How often it was to be removed and was not there.
    absent: AtomicU64,
    told_of: AtomicU64,
}

impl PayloadObject for Tally {
    fn size_bytes(&self) -> usize {
        self.bytes
    }

    fn duplicate(&self) -> Box<dyn PayloadObject> {
        unreachable!("nobody duplicates these")
    }
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn tally(session: &Session) -> &Tally {
    session.payload_object().expect("every payload is a tally")
}

fn new_session(dice: &mut Dice) -> NewSession<'static> {
    let bytes = dice.throw(100) as usize;
    NewSession::new(
        VERSION,
        id(dice.throw(IDS)),
        Payload::object(Tally { bytes, ..Tally::default() }),
    )
    .with_timeout(Seconds(1 + dice.throw(60)))
}

/// One of two hooks that both count; the second uses the cache, too.
fn set_remove_hook(settings: &mut Settings, uses_cache: bool) {
    settings.remove_hook = Some(Arc::new(move |left: Left<'_>| {
        assert!(
            left.why == session_cache::Departure::Taken
                || left.why == session_cache::Departure::Replaced
                || !left.session.is_resumable()
        );
        add(&tally(left.session).told_of);
        if uses_cache {
            left.cache.context(IdContext::EMPTY).lookup(VERSION, &left.session.id());
            left.cache.flush_expired();
        }
    }));
}

struct Crowd {
    scene: Scene,
    /// All sessions there ever were: the newest are played with.
    sessions: Mutex<Vec<Session>>,
}

impl Crowd {
    fn new(rules: Rules) -> Crowd {
        let scene = Scene::new(|builder| builder.rules(rules).sessions_max(16));
        scene.cache.change(|settings| set_remove_hook(settings, false)).unwrap();
        Crowd { scene, sessions: Mutex::default() }
    }

    fn any(&self, dice: &mut Dice) -> Option<Session> {
        let sessions = self.sessions.lock().unwrap();
        let newest = sessions.len().min(SESSIONS);
        let back = dice.throw(newest.max(1) as u64) as usize;
        sessions.get(sessions.len().checked_sub(back + 1)?).cloned()
    }

    fn knows(&self, session: &Session) {
        self.sessions.lock().unwrap().push(session.clone());
    }

    fn play(&self, dice: &mut Dice) {
        for _ in 0..STEPS {
            let cache = &self.scene.cache;
            match dice.throw(100) {
                0..60 => self.comes_or_goes(cache, dice),
                60..70 => {
                    if let Some(session) = self.any(dice) {
                        assert!(cache.set_timeout_of(&session, Seconds(1 + dice.throw(60))));
                        assert!(cache.set_created(&session, UnixTime(START + dice.throw(30))));
                    }
                }
                70..85 => change(cache, dice),
                _ => {
                    cache.context(IdContext::EMPTY).lookup(VERSION, &id(dice.throw(IDS)));
                    self.scene.clock.set(UnixTime(START + dice.throw(40)));
                }
            }
        }
    }

    fn comes_or_goes(&self, cache: &SessionCache, dice: &mut Dice) {
        let view = cache.context(IdContext::EMPTY);
        match dice.throw(16) {
            0..5 => {
                let session = view.session(new_session(dice));
                self.knows(&session);
                add_to(cache, &session);
            }
            5..8 => match view.insert(new_session(dice)) {
                Ok(session) => {
                    add(&tally(&session).entered);
                    self.knows(&session);
                }
                Err(why) => check_refusal(why),
            },
            8..10 => {
                if let Some(session) = self.any(dice) {
                    add_to(cache, &session);
                }
            }
            10 => {
                view.take(VERSION, &id(dice.throw(IDS)));
            }
            11 => {
                view.remove(VERSION, &id(dice.throw(IDS)));
            }
            12..14 => {
                if let Some(session) = self.any(dice) {
                    if !cache.remove(&session) {
                        add(&tally(&session).absent);
                    }
                }
            }
            14 => {
                cache.flush(UnixTime(START + dice.throw(50)));
            }
            _ => {
                let bytes = dice.throw(100) as usize;
                cache.remove_if(|session| tally(session).bytes == bytes);
            }
        }
    }

    /// Nobody is inside.
    fn check(&self, is_reported: bool) {
        let cache = &self.scene.cache;
        let statistics = cache.statistics();
        assert_eq!(statistics.stored - left(&statistics), statistics.number, "\n{statistics}");
        assert_eq!(statistics.hook_panics, 0, "\n{statistics}");
        let mut inside = Vec::new();
        cache.for_each(|session| inside.push(session.clone()));
        let bytes = inside.iter().map(|session| BYTES_BESIDE_PAYLOAD + tally(session).bytes).sum();
        assert_eq!((cache.len(), cache.bytes()), (inside.len(), bytes));
        self.check_order(inside.len());
        assert_eq!((cache.len(), cache.bytes(), cache.statistics().number), (0, 0, 0));
        drop(inside);
        for session in self.sessions.lock().unwrap().drain(..) {
            let Tally { entered, absent, told_of, .. } = tally(&session);
            let [entered, absent, told_of] =
                [entered, absent, told_of].map(|count| count.load(Ordering::Relaxed));
            assert_eq!(session.references(), 1, "{entered} times inside");
            if is_reported {
                assert_eq!(told_of, entered + absent, "{entered} times inside, {absent} absent");
            }
        }
    }

    /// Those that are left leave in the order in which they expire, whoever set their times (R233).
    fn check_order(&self, count: usize) {
        let cache = &self.scene.cache;
        let order = Arc::new(Mutex::new(Vec::new()));
        let sees = Arc::clone(&order);
        let hook = Arc::new(move |left: Left<'_>| {
            add(&tally(left.session).told_of);
            sees.lock().unwrap().push(left.cache.expires_here(left.session));
        });
        cache.change(|settings| settings.remove_hook = Some(hook.clone())).unwrap();
        assert_eq!(cache.flush(UnixTime(0)), count);
        let order = order.lock().unwrap();
        assert!(order.is_sorted() && order.len() == count, "{order:?}");
    }
}

fn add_to(cache: &SessionCache, session: &Session) {
    match cache.add(session) {
        Ok(Added::Identical) => {}
        Ok(_) => add(&tally(session).entered),
        Err(why) => check_refusal(why),
    }
}

fn check_refusal(why: NotStored) {
    // Stalled: where the system stops a thread under its guard for long.
    let is_expected =
        matches!(why, NotStored::Mode | NotStored::TooLarge { .. } | NotStored::Stalled);
    assert!(is_expected, "{why}");
}

fn change(cache: &SessionCache, dice: &mut Dice) {
    const MODES: [CacheMode; 5] = [
        CacheMode::SERVER,
        CacheMode::BOTH,
        CacheMode::OFF,
        CacheMode::from_bits(0x402), // SERVER | UPDATE_TIME
        CacheMode::from_bits(0x182), // SERVER | NO_AUTO_CLEAR | NO_INTERNAL_LOOKUP
    ];
    match dice.throw(5) {
        0 => drop(cache.set_sessions_max(dice.throw(20) as usize).unwrap()),
        1 => drop(cache.set_bytes_max([0, 150, 1_000, 3_000][dice.throw(4) as usize])),
        2 => drop(cache.set_mode(MODES[dice.throw(5) as usize])),
        3 => drop(cache.set_timeout(Seconds(dice.throw(100)))),
        _ => {
            let uses_cache = dice.throw(2) == 0;
            cache.change(|settings| set_remove_hook(settings, uses_cache)).unwrap();
        }
    }
}

fn play(rules: Rules) {
    let crowd = &Crowd::new(rules);
    for round in 0..ROUNDS {
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let mut dice = Dice(0x9e37_79b9 + round * THREADS + thread);
                scope.spawn(move || crowd.play(&mut dice));
            }
        });
        crowd.check(rules == Rules::DOCUMENTED);
        crowd.scene.cache.change(|settings| set_remove_hook(settings, false)).unwrap();
    }
    let statistics = crowd.scene.cache.statistics();
    let ways = [
        statistics.cache_full,
        statistics.replaced,
        statistics.expired,
        statistics.flushed,
        statistics.taken,
        statistics.removed,
    ];
    assert!(ways.iter().all(|&way| way > 0), "a way to leave that nobody went:\n{statistics}");
}

#[test]
fn every_session_leaves_as_often_as_it_came_in_and_is_told_of() {
    play(Rules::DOCUMENTED);
}

#[test]
fn counts_and_order_hold_under_openssl_rules() {
    play(Rules::OPENSSL);
}
