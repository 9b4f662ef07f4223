//! Many threads at once: one winner, counts that balance, a limit that holds.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use session_cache::{CacheMode, GetHook, Seconds, SessionCache, Settings, Statistics, UnixTime};

use crate::scene::{Scene, VERSION, id, session};

const THREADS: u64 = 4;

/// Steps through numbers that look like chance and are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn throw(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }
}

pub(crate) fn left(statistics: &Statistics) -> u64 {
    statistics.replaced
        + statistics.expired
        + statistics.taken
        + statistics.removed
        + statistics.cache_full
        + statistics.flushed
}

/// Ends what the other threads do, also when this one fails: or a failure would be a test without end.
#[derive(Default)]
struct Stop(AtomicBool);

struct AtTheEnd<'a>(&'a Stop);

impl Stop {
    fn at_the_end(&self) -> AtTheEnd<'_> {
        AtTheEnd(self)
    }
}

impl Drop for AtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// How much is played, with what.
#[derive(Clone, Copy)]
struct Play {
    sessions_max: usize,
    ids: u64,
    /// Timeouts are shorter than this, in seconds.
    timeouts: u64,
    rounds: u64,
    /// What each thread does in a round.
    steps: u64,
}

/// What the threads did, by their own account.
#[derive(Default)]
struct Account {
    stored: AtomicU64,
    taken: AtomicU64,
    removed: AtomicU64,
    asked: AtomicU64,
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

fn hammer(scene: &Scene, dice: &mut Dice, play: Play, account: &Account) {
    let view = scene.view();
    for _ in 0..play.steps {
        let number = dice.throw(play.ids);
        match dice.throw(512) {
            0 => assert!(scene.cache.flush_expired() <= scene.cache.sessions_max()),
            1..64 => scene.clock.advance(Seconds(1)),
            _ => {}
        }
        match dice.throw(16) {
            0..8 => {
                view.insert(session(number).with_timeout(Seconds(dice.throw(play.timeouts))))
                    .expect("nothing stalls");
                add(&account.stored, 1);
            }
            8..11 => {
                add(&account.asked, 1);
                add(&account.taken, u64::from(view.take(VERSION, &id(number)).is_some()));
            }
            11 => add(&account.removed, u64::from(view.remove(VERSION, &id(number)))),
            _ => {
                add(&account.asked, 1);
                view.lookup(VERSION, &id(number));
            }
        }
        assert!(scene.cache.len() <= scene.cache.sessions_max());
    }
}

/// Nobody is inside: what is found, what is counted and what was done are the same number of sessions.
fn check_balance(scene: &Scene, ids: u64, account: &Account) {
    let statistics = scene.cache.statistics();
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    assert_eq!(statistics.stored, load(&account.stored));
    assert_eq!(statistics.taken, load(&account.taken));
    assert_eq!(statistics.removed, load(&account.removed));
    assert_eq!(statistics.stored - left(&statistics), statistics.number, "\n{statistics}");
    let now = scene.cache.now();
    scene.clock.set(UnixTime(0));
    let found = (0..ids).filter(|&number| scene.finds(number)).count();
    add(&account.asked, ids);
    scene.clock.set(now);
    assert_eq!(found, scene.cache.len());
    assert!(found <= scene.cache.sessions_max(), "{found} sessions");
}

fn hammer_and_balance(play: Play) {
    // Or those that expire would be cleared before anybody has to leave for want of room.
    let mode = CacheMode::SERVER | CacheMode::NO_AUTO_CLEAR;
    let scene = &Scene::new(|builder| builder.sessions_max(play.sessions_max).mode(mode));
    let account = &Account::default();
    for round in 0..play.rounds {
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let mut dice = Dice(1 + round * THREADS + thread);
                scope.spawn(move || hammer(scene, &mut dice, play, account));
            }
        });
        check_balance(scene, play.ids, account);
    }
    let statistics = scene.cache.statistics();
    for way in [statistics.cache_full, statistics.replaced, statistics.expired, statistics.flushed]
    {
        assert!(way > 0, "a way to leave that nobody went:\n{statistics}");
    }
    let answers = statistics.hits + statistics.misses + statistics.single_use_lost;
    // An expired session may also have been found by a remove.
    assert!(answers <= account.asked.load(Ordering::Relaxed));
    assert!(answers + statistics.expired >= account.asked.load(Ordering::Relaxed));
}

#[test]
fn small_cache_balances_after_every_round() {
    hammer_and_balance(Play { sessions_max: 8, ids: 24, timeouts: 4, rounds: 60, steps: 500 });
}

#[test]
fn sharded_cache_balances_after_every_round() {
    let play = Play { sessions_max: 1_024, ids: 3_000, timeouts: 400, rounds: 10, steps: 5_000 };
    hammer_and_balance(play);
}

#[test]
fn take_has_one_winner() {
    let scene = &Scene::of_size(100);
    let barrier = &Barrier::new(THREADS as usize);
    let rounds = 2_000;
    let winners: u64 = thread::scope(|scope| {
        let takers: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    let mut won = 0;
                    for round in 0..rounds {
                        if round % THREADS == thread {
                            scene.view().insert(session(round)).expect("nothing stalls");
                        }
                        barrier.wait();
                        won += u64::from(scene.view().take(VERSION, &id(round)).is_some());
                        barrier.wait();
                    }
                    won
                })
            })
            .collect();
        takers.into_iter().map(|taker| taker.join().unwrap()).sum()
    });
    assert_eq!(winners, rounds);
    let statistics = scene.cache.statistics();
    assert_eq!((statistics.taken, statistics.hits, statistics.number), (rounds, rounds, 0));
    assert_eq!(statistics.misses + statistics.single_use_lost, rounds * (THREADS - 1));
}

#[test]
fn limit_holds_from_the_moment_a_smaller_one_is_set() {
    let scene = &Scene::of_size(2_000);
    let stop = &Stop::default();
    thread::scope(|scope| {
        let _at_the_end = stop.at_the_end();
        for thread in 0..THREADS - 1 {
            scope.spawn(move || {
                let mut number = thread << 32;
                while !stop.0.load(Ordering::Relaxed) {
                    scene.view().insert(session(number)).expect("nothing stalls");
                    number += 1;
                }
            });
        }
        let mut dice = Dice(5);
        for _ in 0..300 {
            let limit = 1 + dice.throw(2_000) as usize;
            scene.cache.set_sessions_max(limit).unwrap();
            for _ in 0..20 {
                let length = scene.cache.len();
                assert!(length <= limit, "{length} sessions, the limit is {limit}");
            }
        }
    });
    let statistics = scene.cache.statistics();
    assert_eq!(statistics.stored - left(&statistics), statistics.number);
}

#[test]
fn flush_of_everything_leaves_nothing_that_was_there_before() {
    let scene = &Scene::of_size(4_096);
    let stop = &Stop::default();
    thread::scope(|scope| {
        let _at_the_end = stop.at_the_end();
        scope.spawn(move || {
            let mut number = 1 << 32;
            while !stop.0.load(Ordering::Relaxed) {
                scene.insert(number, number % 7);
                number += 1;
            }
        });
        for round in 0..100 {
            let own = round * 20..round * 20 + 20;
            own.clone().for_each(|number| scene.insert(number, 200));
            scene.cache.flush(UnixTime(0));
            let survivors: Vec<u64> = own.filter(|&number| scene.finds(number)).collect();
            assert_eq!(survivors, [], "round {round}");
        }
    });
}

#[test]
fn settings_change_while_others_work() {
    fn timeouts(cache: &SessionCache) -> [Seconds; 2] {
        [cache.set_timeout(Seconds(50)), cache.set_timeout(Seconds(300))]
    }
    let scene = &Scene::of_size(64);
    thread::scope(|scope| {
        for thread in 0..2 {
            scope.spawn(move || {
                for number in 0..5_000 {
                    let stored =
                        scene.view().insert(session(number * 2 + thread)).expect("nothing stalls");
                    let life = stored.expires().0 - stored.created().0;
                    assert!([50, 300].contains(&life), "a life of {life} seconds");
                }
            });
        }
        for _ in 0..500 {
            assert_eq!(timeouts(&scene.cache), [Seconds(300), Seconds(50)]);
        }
    });
}

/// Either the cache is all there is and misses, or the hook is: no lookup sees some of both.
#[test]
fn mode_and_hook_that_change_together_are_seen_together() {
    const LOOKUPS: u64 = 20_000;

    let scene = &Scene::of_size(64);
    let asked = Arc::new(AtomicU64::new(0));
    let counts = Arc::clone(&asked);
    let hook: Arc<GetHook> = Arc::new(move |_| {
        counts.fetch_add(1, Ordering::Relaxed);
        None
    });
    let stop = &Stop::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            let change = |mode: CacheMode, hook: Option<&Arc<GetHook>>| {
                let change = |settings: &mut Settings| {
                    (settings.mode, settings.get_hook) = (mode, hook.cloned());
                };
                scene.cache.change(change).expect("the sizes stay");
            };
            while !stop.0.load(Ordering::Relaxed) {
                change(CacheMode::SERVER | CacheMode::NO_INTERNAL_LOOKUP, Some(&hook));
                change(CacheMode::SERVER, None);
            }
        });
        let _end = stop.at_the_end();
        (0..LOOKUPS).for_each(|number| assert!(!scene.finds(number)));
    });
    let (asked, missed) = (asked.load(Ordering::Relaxed), scene.cache.statistics().misses);
    assert_eq!(asked + missed, LOOKUPS, "{asked} asked the hook, {missed} missed");
}
