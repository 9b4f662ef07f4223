//! How often a key is there when it is asked for, and is stored when it is not: by the caches
//! themselves, and by policies that are too simple to have one.

use std::collections::{BTreeSet, VecDeque};

use session_cache::{Eviction, ManualClock, Seconds, UnixTime};

use crate::ids::Series;
use crate::peers::our_cache::OurCache;
use crate::peers::{Peer, Work};
use crate::trace::Trace;

/// A policy by name, and how often it finds a key of a trace at a capacity.
pub struct Policy {
    /// Its name in tables.
    pub name: &'static str,
    /// Counts the hits.
    pub hits: fn(&Trace, usize) -> u64,
}

/// Ours in both its orders, then what it is compared with.
pub const POLICIES: &[Policy] = &[
    Policy {
        name: "session-cache",
        hits: |trace, size| ours(trace, size, Eviction::EarliestExpiry),
    },
    Policy {
        name: "session-cache, S3-FIFO",
        hits: |trace, size| ours(trace, size, Eviction::S3Fifo),
    },
    Policy { name: "LRU", hits: lru },
    Policy { name: "FIFO", hits: fifo },
    #[cfg(feature = "moka")]
    Policy { name: "moka", hits: of_cache::<crate::peers::moka::Moka> },
    #[cfg(feature = "quick_cache")]
    Policy { name: "quick_cache", hits: of_cache::<crate::peers::quick_cache::QuickCache> },
    #[cfg(feature = "rustls")]
    Policy { name: "rustls", hits: of_cache::<crate::peers::rustls::Rustls> },
    Policy { name: "OPT", hits: optimal },
];

/// Capacities worth asking about: shares of the different keys of a trace.
pub fn capacities(trace: &Trace) -> [usize; 3] {
    [0.01, 0.05, 0.20].map(|share| ((trace.distinct as f64 * share) as usize).max(16))
}

/// Ours, where so many requests come in a second.
fn ours(trace: &Trace, capacity: usize, eviction: Eviction) -> u64 {
    const REQUESTS_A_SECOND: usize = 100;
    let clock = ManualClock::new(UnixTime(1_000_000));
    let cache = OurCache::with(capacity, clock.clone(), eviction);
    asked(&cache, trace, |number| {
        if number % REQUESTS_A_SECOND == 0 {
            clock.advance(Seconds(1));
        }
    })
}

#[cfg(any(feature = "moka", feature = "quick_cache", feature = "rustls"))]
fn of_cache<P: Peer>(trace: &Trace, capacity: usize) -> u64 {
    asked(&P::new(capacity), trace, |_| ())
}

/// Asks a real cache; `before` is told the number of each request.
fn asked(cache: &impl Peer, trace: &Trace, before: impl Fn(usize)) -> u64 {
    const SERIES: Series = Series::Random(0);
    let mut hits = 0;
    for (number, key) in trace.keys.iter().enumerate() {
        before(number);
        let id = SERIES.id(u64::from(*key));
        let mut asked = Some(id);
        let is_there = Work::lookups_while(cache, &mut |next| {
            asked.take().inspect(|id| *next = *id).is_some()
        });
        hits += is_there;
        if is_there == 0 {
            Peer::put(cache, &id);
        }
    }
    hits
}

/// Who was asked for least recently goes: exact, by a list threaded through two arrays.
fn lru(trace: &Trace, capacity: usize) -> u64 {
    const NONE: u32 = u32::MAX;
    // Towards the most recent, and towards the least; the one past the keys stands for both ends.
    let end = trace.distinct;
    let (mut newer, mut older) = (vec![NONE; end + 1], vec![NONE; end + 1]);
    (newer[end], older[end]) = (end as u32, end as u32);
    let (mut held, mut hits) = (0, 0);
    for key in &trace.keys {
        let key = *key as usize;
        if newer[key] != NONE {
            hits += 1;
        } else if held == capacity {
            let victim = newer[end] as usize;
            unlink(&mut newer, &mut older, victim);
            newer[victim] = NONE;
        } else {
            held += 1;
        }
        if newer[key] != NONE {
            unlink(&mut newer, &mut older, key);
        }
        let newest = older[end] as usize;
        (newer[key], older[key]) = (end as u32, newest as u32);
        (newer[newest], older[end]) = (key as u32, key as u32);
    }
    hits
}

fn unlink(newer: &mut [u32], older: &mut [u32], key: usize) {
    let (after, before) = (newer[key], older[key]);
    newer[before as usize] = after;
    older[after as usize] = before;
}

/// Who came first goes first.
fn fifo(trace: &Trace, capacity: usize) -> u64 {
    let (mut queue, mut is_there) =
        (VecDeque::with_capacity(capacity), vec![false; trace.distinct]);
    let mut hits = 0;
    for key in &trace.keys {
        if is_there[*key as usize] {
            hits += 1;
            continue;
        }
        if queue.len() == capacity {
            let oldest: u32 = queue.pop_front().expect("a capacity is at least one");
            is_there[oldest as usize] = false;
        }
        queue.push_back(*key);
        is_there[*key as usize] = true;
    }
    hits
}

/// Who will be asked for last goes, or does not even come in (Belady, IBM Systems Journal 5(2), 1966).
fn optimal(trace: &Trace, capacity: usize) -> u64 {
    const NEVER: usize = usize::MAX;
    let mut next_of = vec![NEVER; trace.keys.len()];
    let mut seen = vec![NEVER; trace.distinct];
    for (at, key) in trace.keys.iter().enumerate().rev() {
        next_of[at] = std::mem::replace(&mut seen[*key as usize], at);
    }
    // Of those that are held: when they are asked for next, and which they are.
    let (mut held, mut due) = (BTreeSet::<(usize, u32)>::new(), vec![NEVER; trace.distinct]);
    let mut hits = 0;
    for (at, key) in trace.keys.iter().enumerate() {
        hits += u64::from(held.remove(&(due[*key as usize], *key)));
        let next = next_of[at];
        due[*key as usize] = next;
        if next == NEVER {
            continue;
        }
        if held.len() == capacity {
            let last = *held.last().expect("a capacity is at least one");
            if last.0 < next {
                continue;
            }
            held.remove(&last);
        }
        held.insert((next, *key));
    }
    hits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Walk;

    /// Keys of which low ones are asked for more often.
    fn skewed() -> Trace {
        let mut walk = Walk::new(3);
        let keys: Vec<u32> = (0..20_000)
            .map(|_| {
                let bound = 1 + walk.below(500);
                walk.below(bound) as u32
            })
            .collect();
        Trace { name: String::new(), keys, distinct: 500 }
    }

    /// The same in the plainest way.
    fn plain(trace: &Trace, capacity: usize, moves_on_hit: bool) -> u64 {
        let (mut held, mut hits): (Vec<u32>, u64) = (Vec::new(), 0);
        for key in &trace.keys {
            if let Some(place) = held.iter().position(|held| held == key) {
                hits += 1;
                if moves_on_hit {
                    held.remove(place);
                    held.push(*key);
                }
            } else {
                if held.len() == capacity {
                    held.remove(0);
                }
                held.push(*key);
            }
        }
        hits
    }

    #[test]
    fn lru_and_fifo_are_exact() {
        let trace = skewed();
        for capacity in [1, 2, 16, 100, 499, 500, 600] {
            assert_eq!(lru(&trace, capacity), plain(&trace, capacity, true), "{capacity}");
            assert_eq!(fifo(&trace, capacity), plain(&trace, capacity, false), "{capacity}");
        }
    }

    #[test]
    fn none_beats_the_one_that_knows_the_future() {
        let trace = skewed();
        for capacity in [16, 100] {
            let best = optimal(&trace, capacity);
            for policy in POLICIES {
                let hits = (policy.hits)(&trace, capacity);
                assert!(hits <= best, "{} finds {hits}, {best} is the most", policy.name);
                assert!(hits > 0, "{} finds nothing", policy.name);
            }
        }
        // By hand: 0 1 2 0 1 at capacity 2 keeps 0 and 1, and lets 2 pass.
        let trace = Trace { name: String::new(), keys: vec![0, 1, 2, 0, 1], distinct: 3 };
        assert_eq!((optimal(&trace, 2), lru(&trace, 2), fifo(&trace, 2)), (2, 0, 0));
    }

    #[test]
    fn default_order_of_ours_is_first_in_first_out_when_all_live_as_long() {
        let trace = skewed();
        let ours = (POLICIES[0].hits)(&trace, 100);
        let fifo = fifo(&trace, 100);
        let apart = ours.abs_diff(fifo) as f64 / trace.keys.len() as f64;
        // Of those that came within one second any may go first.
        assert!(apart < 0.05, "{ours} hits, {fifo} by the plain order");
    }
}
