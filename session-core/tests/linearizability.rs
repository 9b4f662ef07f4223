//! Histories of real threads on few keys, while the table grows, judged by a published checker.
//!
//! A run checks 200,000 operations. For a million:
//!
//! ```text
//! SESSION_LINEARIZABILITY_OPERATIONS=1000000 \
//!     cargo test --release -p session-core --test linearizability -- --nocapture
//! ```
//!
//! It prints its seed; `SESSION_LINEARIZABILITY_SEED` sets it. The seed chooses the operations, the
//! machine their interleaving: a failure may need several runs to show again.
//!
//! Each thread notes times in a log of its own, so that recording orders nothing and writes nothing
//! that is shared. What that costs: two looks at the clock an operation, which widen it; equal times pass as overlapping; and the clock must be one for all processors, as
//! `Instant` promises. A shared counter would be exact, and would order every operation itself.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use history::{Event, Operation, is_linearizable};
use session_core::{Handle, Key, KeyHasher, Table, pin};

#[path = "../src/models/history.rs"]
mod history;

const THREADS: usize = 4;
/// Fresh ones for each round.
const KEYS: usize = 3;
const ROUNDS_A_TABLE: usize = if cfg!(miri) { 2 } else { 8 };
/// Of one thread.
const OPERATIONS_A_ROUND: usize = if cfg!(miri) { 6 } else { 100 };
/// What one more thread stores during a round; a table that is made for none doubles and doubles.
const GROWTH_A_ROUND: usize = 256;

#[test]
fn every_history_of_real_threads_is_linearizable() {
    let operations = number_from("SESSION_LINEARIZABILITY_OPERATIONS").unwrap_or(if cfg!(miri) {
        96
    } else {
        200_000
    });
    let seed = number_from("SESSION_LINEARIZABILITY_SEED")
        .unwrap_or_else(|| RandomState::new().hash_one("seed"));
    eprintln!("SESSION_LINEARIZABILITY_SEED={seed}");
    let (mut checked, mut overlapping) = (0, 0);
    for table in 0.. {
        if checked >= operations {
            break;
        }
        for history in histories(Dice::new(seed, table), Taking::AtOnce) {
            assert!(is_linearizable(&history), "seed {seed}, no order explains {history:#?}");
            checked += history.len() as u64;
            overlapping += history.iter().filter(|event| overlaps(event, &history)).count() as u64;
        }
    }
    eprintln!("{checked} operations checked, of which {overlapping} overlapped on their key");
    assert!(overlapping > 0 || cfg!(miri), "what never overlaps is linearizable anyhow");
}

#[test]
fn take_in_two_steps_is_found_out() {
    let seed = RandomState::new().hash_one("seed");
    let found = (0..1_000).any(|table| {
        let histories = histories(Dice::new(seed, table), Taking::InTwoSteps);
        histories.iter().any(|history| !is_linearizable(history))
    });
    assert!(found, "seed {seed}: two threads were to take one entry");
}

#[test]
fn checker_knows_right_from_wrong() {
    let event = |thread, called, returned, operation| Event { thread, called, returned, operation };
    let stored = event(0, 0, 10, Operation::Insert { number: 1, in_the_way: None });
    let take = |thread, called, returned, taken| {
        event(thread, called, returned, Operation::Take { taken })
    };
    let get = |called, returned, found| event(3, called, returned, Operation::Get { found });
    let replaced = event(1, 20, 30, Operation::Replace { number: 2, old: Some(1) });
    let exactly = |removed| event(2, 40, 50, Operation::RemoveExact { number: 1, removed });

    assert!(is_linearizable(&[stored, take(1, 20, 40, Some(1)), take(2, 30, 50, None)]));
    assert!(!is_linearizable(&[stored, take(1, 20, 40, Some(1)), take(2, 30, 50, Some(1))]));
    assert!(!is_linearizable(&[stored, take(1, 20, 40, None), take(2, 30, 50, None)]));
    assert!(is_linearizable(&[stored, replaced, get(25, 35, Some(1))]));
    assert!(is_linearizable(&[stored, replaced, get(25, 35, Some(2))]));
    assert!(!is_linearizable(&[stored, replaced, get(25, 35, None)]), "never a gap");
    assert!(!is_linearizable(&[stored, replaced, get(35, 45, Some(1))]), "stale");
    assert!(is_linearizable(&[stored, replaced, exactly(false)]));
    assert!(
        !is_linearizable(&[stored, replaced, exactly(true)]),
        "another entry than the handle's"
    );
}

/// How the threads take.
#[derive(Clone, Copy)]
enum Taking {
    AtOnce,
    /// Looks, then removes without asking who won: wrong, to see that the checker sees it.
    InTwoSteps,
}

/// Makes a table, lets threads loose on it, and returns the history of each of their keys.
fn histories(dice: Dice, taking: Taking) -> Vec<Vec<Event>> {
    // Every other one is large from the beginning, and has a sieve.
    let entries = if dice.0 % 2 == 0 { 0 } else { 100_000 };
    let table = Table::with_capacity(entries, KeyHasher::folded([19, dice.0]));
    let start = Instant::now();
    let arrived = AtomicUsize::new(0);
    let mut histories = vec![vec![]; ROUNDS_A_TABLE * KEYS];
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..ROUNDS_A_TABLE {
                wait_for_all(&arrived, round);
                grow(&table, round);
            }
        });
        let workers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (table, arrived) = (&table, &arrived);
                let mut worker =
                    Worker { thread, table, start, taking, dice: Dice::new(dice.0, thread as u64) };
                scope.spawn(move || {
                    let mut log = Vec::with_capacity(ROUNDS_A_TABLE * OPERATIONS_A_ROUND);
                    for round in 0..ROUNDS_A_TABLE {
                        wait_for_all(arrived, round);
                        worker.play(round, &mut log);
                    }
                    log
                })
            })
            .collect();
        for worker in workers {
            for (name, event) in worker.join().expect("no worker panics") {
                histories[name].push(event);
            }
        }
    });
    histories
}

/// Lets all threads begin a round together, as far as there are processors. Waits without sleeping:
/// whoever is woken by the system comes when the round is over.
fn wait_for_all(arrived: &AtomicUsize, round: usize) {
    arrived.fetch_add(1, Ordering::AcqRel);
    while arrived.load(Ordering::Acquire) < (round + 1) * (THREADS + 1) {
        thread::yield_now();
    }
}

fn grow(table: &Table<u64>, round: usize) {
    for name in round * GROWTH_A_ROUND..(round + 1) * GROWTH_A_ROUND {
        let key = Key::new(1, &name.to_be_bytes()).expect("eight bytes are few enough");
        table.insert(key, 0).expect("each key is new");
    }
}

struct Worker<'a> {
    thread: usize,
    table: &'a Table<u64>,
    start: Instant,
    taking: Taking,
    dice: Dice,
}

impl Worker<'_> {
    /// Does random operations on this round's keys, and logs each with the name of its key.
    fn play(&mut self, round: usize, log: &mut Vec<(usize, Event)>) {
        let mut held: [Option<Handle<u64>>; KEYS] = Default::default();
        for _ in 0..OPERATIONS_A_ROUND {
            let at = self.dice.throw(KEYS);
            let name = round * KEYS + at;
            let key = Key::new(0, &name.to_be_bytes()).expect("eight bytes are few enough");
            let choice = self.dice.throw(12);
            // Of this thread and this operation alone.
            let number = (self.thread << 32 | log.len()) as u64;
            let called = self.now();
            let operation = self.operate(choice, &key, number, &mut held[at]);
            let event = Event { thread: self.thread, called, returned: self.now(), operation };
            log.push((name, event));
        }
    }

    fn operate(
        &self,
        choice: usize,
        key: &Key,
        number: u64,
        held: &mut Option<Handle<u64>>,
    ) -> Operation {
        let table = self.table;
        match choice {
            0 | 1 => Operation::Get { found: table.get(key, &pin()).as_deref().copied() },
            2 | 3 => {
                *held = table.handle(key);
                Operation::Get { found: held.as_deref().copied() }
            }
            4 | 5 => {
                let refused = table.insert(*key, number).err();
                let there = refused.map(|refused| **refused.existing().expect("nothing stalls"));
                Operation::Insert { number, in_the_way: there }
            }
            6 | 7 => {
                let (new, old) = table.replace(*key, number).expect("nothing stalls");
                *held = Some(new);
                Operation::Replace { number, old: old.as_deref().copied() }
            }
            8 => Operation::Remove { removed: table.remove(key) },
            9 if held.is_some() => {
                let handle = held.take().expect("just seen");
                Operation::RemoveExact { number: *handle, removed: table.remove_exact(&handle) }
            }
            _ => Operation::Take { taken: self.take(key) },
        }
    }

    fn take(&self, key: &Key) -> Option<u64> {
        match self.taking {
            Taking::AtOnce => self.table.take(key).as_deref().copied(),
            Taking::InTwoSteps => {
                let seen = self.table.handle(key).as_deref().copied();
                thread::yield_now();
                self.table.remove(key);
                seen
            }
        }
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }
}

/// Whether another thread was at work on the key between an operation's call and return.
fn overlaps(event: &Event, history: &[Event]) -> bool {
    history.iter().any(|other| {
        let is_other = other.thread != event.thread;
        is_other && other.called < event.returned && event.called < other.returned
    })
}

/// Pseudo-random numbers: splitmix64.
#[derive(Clone, Copy)]
struct Dice(u64);

impl Dice {
    fn new(seed: u64, stream: u64) -> Dice {
        let mut dice = Dice(seed ^ stream.wrapping_mul(0xd134_2543_de82_ef95));
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `sides`.
    fn throw(&mut self, sides: usize) -> usize {
        (self.next() % sides as u64) as usize
    }
}

fn number_from(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}
