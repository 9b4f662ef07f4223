//! Threads that start together and are timed each by its own clock.

use std::ops::{Add, Sub};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;

/// How long a thread took, on average over a crew.
#[derive(Clone, Copy, Debug, Default)]
pub struct Elapsed {
    /// By the clock: what a user waits.
    pub wall: Duration,
    /// On a processor: without the time in which the system ran something else, or the thread slept.
    pub processor: Duration,
}

impl Add for Elapsed {
    type Output = Elapsed;

    fn add(self, later: Elapsed) -> Elapsed {
        Elapsed { wall: self.wall + later.wall, processor: self.processor + later.processor }
    }
}

/// Of what takes no longer than the other nothing is left.
impl Sub for Elapsed {
    type Output = Elapsed;

    fn sub(self, other: Elapsed) -> Elapsed {
        Elapsed {
            wall: self.wall.saturating_sub(other.wall),
            processor: self.processor.saturating_sub(other.processor),
        }
    }
}

/// Has `threads` threads do `work`, and returns the time that one took.
///
/// Each is told its number. `prepare` is done before the start; what it returns is handed to the work.
/// One thread is this one.
pub fn timed<T>(
    threads: usize,
    prepare: impl Fn(usize) -> T + Sync,
    work: impl Fn(usize, &mut T) + Sync,
) -> Elapsed {
    let arrived = AtomicUsize::new(0);
    let one = |thread: usize| {
        let mut prepared = prepare(thread);
        arrived.fetch_add(1, Ordering::AcqRel);
        let mut turns = 0_u32;
        while arrived.load(Ordering::Acquire) < threads {
            std::hint::spin_loop();
            turns += 1;
            // Where there are fewer cores than threads, the others need this one to arrive.
            if turns % 1_024 == 0 {
                std::thread::yield_now();
            }
        }
        let (start, processor_start) = (Instant::now(), ThreadTime::now());
        work(thread, &mut prepared);
        (start.elapsed(), processor_start.elapsed())
    };
    let all: Vec<(Duration, Duration)> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|thread| scope.spawn(move || one(thread))).collect();
        let own = one(0);
        let others = others.into_iter().map(|other| other.join().expect("a row does not panic"));
        [own].into_iter().chain(others).collect()
    });
    let threads = u32::try_from(threads).expect("threads are few");
    let average =
        |of: fn(&(Duration, Duration)) -> Duration| all.iter().map(of).sum::<Duration>() / threads;
    Elapsed { wall: average(|one| one.0), processor: average(|one| one.1) }
}
