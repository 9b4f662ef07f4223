//! Crowds of four and eight threads, more than loom can explore: random operations on a few keys of
//! which all pass through one bucket, while the table doubles; the history must be linearizable.
//!
//! Shuttle runs one thread at a time, so a plain counter is a clock that is exact, and logging adds
//! no steps to schedule.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use shuttle::rand::{Rng, thread_rng};

use super::history::{Event, Operation, is_linearizable};
use super::stage::{Actor, Arc, Stage, key, scenario, sieved, thread};
use crate::Key;

/// Two that collide in all bits, and two on the far side of the first doubling.
const KEYS: [(u8, u8); 4] = [(100, 0), (100, 1), (200, 0), (201, 0)];

#[test]
fn four_threads_of_six_operations_are_linearizable() {
    crowd(4, 6, Taking::AtOnce);
}

#[test]
fn eight_threads_of_four_operations_are_linearizable() {
    crowd(8, 4, Taking::AtOnce);
}

#[test]
fn four_threads_of_six_operations_at_a_sieve_are_linearizable() {
    crowd_at_a_sieve(4, 6);
}

#[test]
fn eight_threads_of_four_operations_at_a_sieve_are_linearizable() {
    crowd_at_a_sieve(8, 4);
}

#[test]
#[should_panic(expected = "no order explains")]
fn take_in_two_steps_is_found_out() {
    crowd(4, 6, Taking::InTwoSteps);
}

#[derive(Clone, Copy)]
enum Taking {
    AtOnce,
    /// Looks, then removes without asking who won: wrong, to see that the crowd sees it.
    InTwoSteps,
}

fn crowd(threads: usize, operations: usize, taking: Taking) {
    scenario(threads, move |stage| play_on(stage, threads, operations, taking));
}

fn crowd_at_a_sieve(threads: usize, operations: usize) {
    sieved(threads, move |stage| play_on(stage, threads, operations, Taking::AtOnce));
}

fn play_on(stage: &Stage, threads: usize, operations: usize, taking: Taking) -> usize {
    let records: Arc<Records> = Arc::default();
    let workers: Vec<_> = (0..threads)
        .map(|thread| {
            let (actor, records) = (stage.actor(), records.clone());
            thread::spawn(move || {
                for _ in 0..operations {
                    records.play(thread, &actor, taking);
                }
            })
        })
        .collect();
    for worker in workers {
        worker.join().expect("no worker panics");
    }
    records.check();
    records.made.load(Ordering::Relaxed)
}

#[derive(Default)]
struct Records {
    /// Ticks once for each call and each return.
    clock: AtomicU64,
    made: AtomicUsize,
    histories: [Mutex<Vec<Event>>; KEYS.len()],
}

impl Records {
    /// Does a random operation and logs it, or doubles the table.
    fn play(&self, thread: usize, actor: &Actor, taking: Taking) {
        let (at, choice) = (thread_rng().gen_range(0..KEYS.len()), thread_rng().gen_range(0..10));
        if choice == 9 {
            return actor.table.double();
        }
        let (place, name) = KEYS[at];
        let called = self.now();
        let operation = self.operate(choice, key(place, name), actor, taking);
        let event = Event { thread, called, returned: self.now(), operation };
        self.histories[at].lock().expect("nobody panics while logging").push(event);
    }

    fn operate(&self, choice: u32, key: Key, actor: &Actor, taking: Taking) -> Operation {
        match choice {
            0 => Operation::Get { found: actor.get(key) },
            1 => Operation::Get { found: actor.peek(key) },
            2 | 3 => {
                let number = self.number();
                Operation::Insert { number, in_the_way: actor.insert(key, number).err() }
            }
            4 | 5 => {
                let number = self.number();
                Operation::Replace { number, old: actor.replace(key, number) }
            }
            6 => Operation::Take { taken: take(key, actor, taking) },
            7 => Operation::Remove { removed: actor.take(key).is_some() },
            // Two operations in one, but the first only finds out what to remove.
            _ => match actor.handle(key) {
                None => Operation::Get { found: None },
                Some(handle) => {
                    let number = handle.number;
                    Operation::RemoveExact { number, removed: actor.remove_exact(&handle) }
                }
            },
        }
    }

    fn number(&self) -> u64 {
        self.made.fetch_add(1, Ordering::Relaxed) as u64
    }

    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    fn check(&self) {
        for history in &self.histories {
            let history = history.lock().expect("nobody panics while logging");
            assert!(is_linearizable(&history), "no order explains {history:#?}");
        }
    }
}

fn take(key: Key, actor: &Actor, taking: Taking) -> Option<u64> {
    match taking {
        Taking::AtOnce => actor.take(key),
        Taking::InTwoSteps => {
            let seen = actor.peek(key);
            actor.take(key);
            seen
        }
    }
}
