//! The cache's own functions: random sequences of calls, on a real `SSL_CTX` and on ours.

mod c_program;
mod libssl_side;
mod observed;
mod operation;
mod our_side;
pub(crate) mod outcome;
mod run;
mod shrink;

pub(crate) use our_side::counters;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use outcome::Coverage;
use run::{Difference, Skips, Tally, run};

use crate::libssl::Version;

/// What a run has shown.
pub(crate) struct Report {
    pub(crate) sequences: u64,
    pub(crate) operations: u64,
    pub(crate) coverage: Coverage,
    /// In words, with a C program, for the first sequence that differs.
    pub(crate) difference: Option<String>,
    /// Sessions of ours that were never wiped.
    pub(crate) left_over: usize,
}

/// Runs so many sequences, numbered from 0; each is drawn from the seed and its number alone.
pub(crate) fn compare(seed: u64, sequences: u64, version: Version) -> Report {
    let skips = Skips::of(version);
    let (next, operations) = (AtomicU64::new(0), AtomicU64::new(0));
    let is_over = AtomicBool::new(false);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let outcomes: Vec<_> = thread::scope(|scope| {
        let work = || worker(seed, sequences, skips, &next, &operations, &is_over);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        show_progress(sequences, &next, &is_over, &workers);
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect()
    });
    let mut report = Report {
        sequences: next.into_inner().min(sequences),
        operations: operations.into_inner(),
        coverage: Coverage::default(),
        difference: None,
        left_over: 0,
    };
    for (tally, difference) in outcomes {
        report.coverage.add(&tally.coverage);
        report.difference = report.difference.or(difference);
        report.left_over += wait_until_wiped(&tally);
    }
    report
}

/// Whether an outcome is not met with this version, because what leads to it is skipped.
pub(crate) fn is_skipped(version: Version, outcome: &str) -> bool {
    Skips::of(version).again && outcome.ends_with("is in already")
}

fn worker(
    seed: u64,
    sequences: u64,
    skips: Skips,
    next: &AtomicU64,
    operations: &AtomicU64,
    is_over: &AtomicBool,
) -> (Tally, Option<String>) {
    let mut tally = Tally::default();
    // Relaxed, all: numbers to draw and figures to show; the join publishes the rest.
    while !is_over.load(Ordering::Relaxed) {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= sequences {
            break;
        }
        let sequence = operation::sequence(&mut random_of(seed, number));
        operations.fetch_add(sequence.len() as u64, Ordering::Relaxed);
        if let Err(difference) = run(&sequence, skips, &mut tally) {
            is_over.store(true, Ordering::Relaxed);
            let words = explain(seed, number, sequence, skips, &difference);
            return (tally, Some(words));
        }
    }
    (tally, None)
}

/// The random numbers of one sequence.
fn random_of(seed: u64, number: u64) -> fastrand::Rng {
    fastrand::Rng::with_seed(seed.rotate_left(32) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Shrinks a sequence that differs, and says how.
fn explain(
    seed: u64,
    number: u64,
    sequence: Vec<operation::Operation>,
    skips: Skips,
    first: &Difference,
) -> String {
    let length = sequence.len();
    let mut tally = Tally::default();
    let fails = |some: &[_]| run(some, skips, &mut Tally::default()).is_err();
    let shrunk = shrink::shrink(sequence, fails);
    match run(&shrunk, skips, &mut tally) {
        Ok(()) => format!(
            "sequence {number} of seed {seed} differed once, and not again, after operation {}:\n  {}",
            first.step + 1,
            first.lines.join("\n  ")
        ),
        Err(Difference { step, lines }) => {
            let operations: Vec<_> =
                shrunk.iter().map(|operation| format!("  {operation:?}")).collect();
            format!(
                "sequence {number} of seed {seed} differs; {length} operations, shrunk to {}:\n{}\n\
                 after operation {}:\n  {}\n\nThe same on libssl alone, in C:\n\n{}",
                shrunk.len(),
                operations.join("\n"),
                step + 1,
                lines.join("\n  "),
                c_program::write(&shrunk),
            )
        }
    }
}

fn show_progress<T>(
    sequences: u64,
    next: &AtomicU64,
    is_over: &AtomicBool,
    workers: &[thread::ScopedJoinHandle<'_, T>],
) {
    let start = Instant::now();
    let mut shown = Instant::now();
    while !workers.iter().all(thread::ScopedJoinHandle::is_finished) {
        thread::sleep(Duration::from_millis(20));
        if shown.elapsed() >= Duration::from_secs(5) && !is_over.load(Ordering::Relaxed) {
            shown = Instant::now();
            let done = next.load(Ordering::Relaxed).min(sequences);
            eprintln!("  {done} of {sequences} sequences, {} s", start.elapsed().as_secs());
        }
    }
}

/// Sessions are wiped when no thread can look at them any more; by then all must be.
fn wait_until_wiped(tally: &Tally) -> usize {
    for _ in 0..2_000 {
        session_core::reclaim();
        if tally.alive.load(Ordering::Acquire) == 0 {
            return 0;
        }
        thread::sleep(Duration::from_millis(5));
    }
    tally.alive.load(Ordering::Acquire)
}

#[cfg(test)]
mod tests {
    use session_core::{Key, KeyHasher, Table};

    use super::*;
    use crate::libssl;

    #[test]
    fn sequences_wait_for_a_thread_that_is_not_run() {
        // As the system may do at any moment to the thread of another sequence.
        let guard = session_core::pin();
        let table = Table::with_capacity(1, KeyHasher::folded([1, 2]));
        let key = Key::new(0, &[1]).expect("one byte is enough");
        while table.replace(key, ()).is_ok() {}
        let report = thread::scope(|scope| {
            let sequences = scope.spawn(|| compare(1, 20, libssl::version()));
            thread::sleep(Duration::from_millis(200));
            assert!(!sequences.is_finished(), "all add something");
            drop(guard);
            sequences.join().expect("no worker panics")
        });
        assert_eq!((report.difference, report.left_over), (None, 0));
    }
}
