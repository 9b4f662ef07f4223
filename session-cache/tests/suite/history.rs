//! The limit at every instant, proved on recorded histories rather than by asking the cache.
//!
//! A session is known to have been inside from the end of its insertion to the beginning of the last
//! lookup that found it: ids are used once. No instant may lie in more such spans than the limit allows.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use session_cache::{NewSession, Payload, Seconds, UnixTime};

use crate::scene::{START, Scene, VERSION, id, session};
use crate::threads::Dice;

const THREADS: u64 = 4;
const INSERTS: u64 = 6_000;

#[derive(Clone, Copy)]
struct Span {
    inserted: u64,
    seen: u64,
}

/// Orders what happens in different threads; nothing can be between two ticks that is not before or after.
struct Ticks(AtomicU64);

impl Ticks {
    fn next(&self) -> u64 {
        // SeqCst: a tick lies between the calls that surround it, for all threads alike.
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// Inserts, takes now and then, and keeps asking for what it inserted last.
fn record(scene: &Scene, ticks: &Ticks, thread: u64) -> HashMap<u64, Span> {
    let view = scene.view();
    let mut spans: HashMap<u64, Span> = HashMap::new();
    for at in 0..INSERTS {
        let number = thread << 32 | at;
        let timeout = Seconds(1 + number.wrapping_mul(0x9e37_79b9) % 60);
        view.insert(session(number).with_timeout(timeout)).expect("nothing stalls");
        let inserted = ticks.next();
        spans.insert(number, Span { inserted, seen: inserted });
        for back in 0..at.min(8) {
            let asked = thread << 32 | (at - back);
            let seen = ticks.next();
            if view.lookup(VERSION, &id(asked)).is_some() {
                spans.get_mut(&asked).unwrap().seen = seen;
            }
        }
        if at % 5 == 0 {
            view.take(VERSION, &id(thread << 32 | at.saturating_sub(3)));
        }
    }
    spans
}

fn most_at_once(spans: impl Iterator<Item = Span>) -> i64 {
    let mut changes: Vec<(u64, bool)> = Vec::new();
    // One that was never found may have left before its insertion returned.
    for span in spans.filter(|span| span.inserted < span.seen) {
        changes.push((span.inserted, false));
        changes.push((span.seen, true));
    }
    changes.sort_unstable();
    let mut inside = 0;
    let counts = changes.iter().map(|&(_, leaves)| {
        inside += if leaves { -1 } else { 1 };
        inside
    });
    counts.max().unwrap()
}

#[test]
fn limit_holds_at_every_instant_of_a_recorded_history() {
    for sessions_max in [1, 3, 12] {
        let scene = &Scene::of_size(sessions_max);
        let ticks = &Ticks(AtomicU64::new(0));
        let spans: Vec<Span> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| scope.spawn(move || record(scene, ticks, thread)))
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap().into_values()).collect()
        });
        let most = most_at_once(spans.into_iter());
        assert!(most <= sessions_max as i64, "{most} at once, the limit is {sessions_max}");
        // Had it been far from full, nothing would have been shown.
        assert!(most >= (sessions_max as i64).min(2), "{most} at once");
    }
}

/// A limit that was set, between two ticks: for so long the old one may still hold.
struct Set {
    asked: u64,
    done: u64,
    limit: i64,
}

/// What holds something from one tick to another.
struct Holding {
    from: u64,
    to: u64,
    amount: i64,
}

/// Finds an instant at which more was held than the limits allow.
fn excess(holdings: &[Holding], first: i64, sets: &[Set]) -> Option<String> {
    // (tick, held more, limit from here on); at most one thing happens at a tick.
    let mut changes: Vec<(u64, i64, Option<i64>)> = Vec::new();
    for holding in holdings.iter().filter(|holding| holding.from < holding.to) {
        changes.push((holding.from, holding.amount, None));
        changes.push((holding.to, -holding.amount, None));
    }
    let mut before = first;
    for set in sets {
        changes.push((set.asked, 0, Some(before.max(set.limit))));
        changes.push((set.done, 0, Some(set.limit)));
        before = set.limit;
    }
    changes.sort_unstable();
    let (mut held, mut limit) = (0, first);
    changes.into_iter().find_map(|(tick, more, new_limit)| {
        held += more;
        limit = new_limit.unwrap_or(limit);
        (held > limit).then(|| format!("{held} at {tick}, the limit is {limit}"))
    })
}

/// Inserts sessions of many sizes while others resize, and keeps asking for what it inserted last.
fn record_sizes(scene: &Scene, ticks: &Ticks, thread: u64) -> Vec<(Holding, Holding)> {
    let mut dice = Dice(11 + thread);
    let mut spans: Vec<(Span, i64)> = Vec::new();
    for at in 0..3_000 {
        let number = thread << 32 | at;
        let payload = Payload::from(vec![0; dice.throw(200) as usize]);
        let bytes = (128 + 8 + payload.size_bytes()) as i64;
        let timeout = Seconds(1 + dice.throw(60));
        let new = NewSession::new(VERSION, id(number), payload).with_timeout(timeout);
        // One that is too large for the bytes of the moment is refused.
        let is_in = scene.view().insert(new).is_ok();
        let inserted = ticks.next();
        spans.push((Span { inserted, seen: inserted }, bytes));
        for back in 0..at.min(8) {
            let seen = ticks.next();
            if scene.view().lookup(VERSION, &id(number - back)).is_some() {
                assert!(is_in || back > 0);
                spans[(at - back) as usize].0.seen = seen;
            }
        }
        match dice.throw(40) {
            0 => drop(scene.cache.flush(UnixTime(START + dice.throw(30)))),
            1..5 => drop(scene.view().remove(VERSION, &id(number - at.min(2)))),
            _ => {}
        }
    }
    let holding = |span: Span, amount| Holding { from: span.inserted, to: span.seen, amount };
    spans.into_iter().map(|(span, bytes)| (holding(span, 1), holding(span, bytes))).collect()
}

#[test]
fn limits_that_change_hold_at_every_instant_of_a_recorded_history() {
    let (sessions_max, bytes_max) = (12, 2_000);
    let scene = &Scene::new(|builder| builder.sessions_max(sessions_max).bytes_max(bytes_max));
    let ticks = &Ticks(AtomicU64::new(0));
    let (holdings, sets): (Vec<_>, Vec<_>) = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS - 1)
            .map(|thread| scope.spawn(move || record_sizes(scene, ticks, thread)))
            .collect();
        let mut dice = Dice(7);
        let mut sets = Vec::new();
        while threads.iter().any(|thread| !thread.is_finished()) {
            let (sessions, bytes) = (1 + dice.throw(12), 140 + dice.throw(2_500));
            let asked = ticks.next();
            scene.cache.set_sessions_max(sessions as usize).unwrap();
            let between = ticks.next();
            scene.cache.set_bytes_max(bytes as usize);
            let done = ticks.next();
            let limit = |asked, done, limit| Set { asked, done, limit: limit as i64 };
            sets.push((limit(asked, between, sessions), limit(between, done, bytes)));
            thread::yield_now();
        }
        (threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect(), sets)
    });
    let (sessions, bytes): (Vec<_>, Vec<_>) = holdings.into_iter().unzip();
    let (session_sets, byte_sets): (Vec<_>, Vec<_>) = sets.into_iter().unzip();
    assert_eq!(excess(&sessions, sessions_max as i64, &session_sets), None, "sessions");
    assert_eq!(excess(&bytes, bytes_max as i64, &byte_sets), None, "bytes");
    // Had the limits never been near, nothing would have been shown.
    let tighter = |sets: Vec<Set>| -> Vec<Set> {
        sets.into_iter().map(|set| Set { limit: set.limit / 2, ..set }).collect()
    };
    assert!(excess(&sessions, sessions_max as i64, &tighter(session_sets)).is_some());
    assert!(excess(&bytes, bytes_max as i64, &tighter(byte_sets)).is_some());
}
