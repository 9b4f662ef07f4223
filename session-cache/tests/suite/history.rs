//! The limit at every instant, proved on recorded histories rather than by asking the cache.
//!
//! A session is known to have been inside from the end of its insertion to the beginning of the last
//! lookup that found it: ids are used once. No instant may lie in more such spans than the limit allows.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use session_cache::Seconds;

use crate::scene::{Scene, VERSION, id, session};

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
