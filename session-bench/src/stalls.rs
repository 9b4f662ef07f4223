//! What a lookup waits at worst while something else goes on: a flush, growth, eviction.
//!
//! Beside each window in which it goes on stands one of the same length in which the other thread only
//! spins: what the machine itself does to the longest lookup shows there, and is subtracted.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use session_cache::{Eviction, ManualClock, Seconds, UnixTime};

use crate::ids::{Id, Series, Walk};
use crate::peers::locked::LockedTimes;
use crate::peers::our_cache::OurCache;
use crate::peers::{Candidate, OURS, PEERS, Peer as _};

/// One kind of disturbance, done to one peer.
pub struct Scene {
    /// The question's name.
    pub question: &'static str,
    /// Who is asked.
    pub peer: &'static str,
    /// How many sessions it is about.
    pub size: usize,
    play: Box<dyn Fn() -> Pair>,
}

/// A window with the disturbance, and one without.
pub struct Pair {
    /// With.
    pub with: Waits,
    /// Without.
    pub without: Waits,
}

/// How long lookups took, in nanoseconds.
#[derive(Clone, Copy)]
pub struct Waits {
    /// The longest.
    pub longest: u64,
    /// One in 10,000 takes longer than this.
    pub p9999: u64,
}

impl Scene {
    /// Plays it once, on a peer of its own.
    pub fn play(&self) -> Pair {
        (self.play)()
    }
}

/// Lists the scenes: nothing is filled until one is played.
pub fn scenes(with_peers: bool) -> Vec<Scene> {
    let peers = if with_peers { PEERS } else { &PEERS[..2] };
    let mut scenes = flushes(with_peers);
    let all = || OURS.iter().chain(peers).copied();
    scenes.extend(all().filter(|peer| peer.is_bounded).map(eviction));
    scenes.extend(all().filter(|peer| !peer.is_bounded).map(growth));
    scenes
}

const FLUSHED: usize = 1_000_000;
/// Live ones, which are looked up.
const KEPT: u64 = 1_000;
const LIVE: Series = Series::Random(0);
const OTHERS: Series = Series::Random(1);

fn flushes(with_peers: bool) -> Vec<Scene> {
    let flush = |peer, play| Scene { question: "stall_flush", peer, size: FLUSHED, play };
    #[cfg_attr(not(feature = "openssl"), allow(unused_mut))]
    let mut scenes = vec![
        flush(OurCache::NAME, Box::new(flush_ours) as Box<dyn Fn() -> Pair>),
        flush("Mutex<HashMap>", Box::new(flush_locked)),
    ];
    #[cfg(feature = "openssl")]
    if with_peers {
        scenes.push(flush(crate::peers::openssl::OpenSsl::NAME, Box::new(flush_openssl)));
    }
    let _ = with_peers;
    scenes
}

fn flush_ours() -> Pair {
    let clock = ManualClock::new(UnixTime(1_000_000));
    let cache = OurCache::with(FLUSHED + KEPT as usize, clock.clone(), Eviction::default());
    (0..FLUSHED as u64).for_each(|index| cache.put_for(&OTHERS.id(index), Seconds(300)));
    clock.advance(Seconds(1_000));
    (0..KEPT).for_each(|index| cache.put(&LIVE.id(index)));
    both_windows(&|next| cache.lookups(next, |_| ()), || assert_eq!(cache.flush_expired(), FLUSHED))
}

fn flush_locked() -> Pair {
    let map = LockedTimes::new(FLUSHED + KEPT as usize);
    let now = Instant::now();
    (0..FLUSHED as u64).for_each(|index| map.put_until(&OTHERS.id(index), now));
    (0..KEPT).for_each(|index| map.put_until(&LIVE.id(index), now + Duration::from_secs(86_400)));
    both_windows(&|next| map.lookups(next), || assert_eq!(map.flush_expired(), FLUSHED))
}

#[cfg(feature = "openssl")]
fn flush_openssl() -> Pair {
    let cache = crate::peers::openssl::OpenSsl::new(FLUSHED + KEPT as usize);
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |now| now.as_secs());
    (0..FLUSHED as u64).for_each(|index| cache.put_with_times(&OTHERS.id(index), now - 1_000, 300));
    (0..KEPT).for_each(|index| cache.put(&LIVE.id(index)));
    let pair = both_windows(&|next| cache.lookups(next, |_| ()), || cache.flush(now));
    let mut probe = Some(OTHERS.id(0));
    let found = cache.lookups(|id| probe.take().inspect(|other| *id = *other).is_some(), |_| ());
    assert_eq!(found, 0, "OpenSSL has kept what expired");
    pair
}

/// One in, one out, for a quarter of a second.
fn eviction(candidate: Candidate) -> Scene {
    const SIZE: u64 = 20_480;
    let play = move || {
        let peer = (candidate.new)(SIZE as usize);
        peer.put(OTHERS, 0, SIZE);
        let latest = AtomicU64::new(SIZE);
        let mut walk = Walk::new(0);
        // Newcomers of late: whatever the policy, most of them are still there.
        let ask = |id: &mut Id, walk: &mut Walk| {
            // Relaxed: a number that is a little old names a session that is a little older.
            *id = OTHERS.id(latest.load(Ordering::Relaxed) - 1 - walk.below(SIZE / 4));
        };
        let with = window(&|next| peer.lookups_while(next), &mut |id| ask(id, &mut walk), || {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(250) {
                let from = latest.load(Ordering::Relaxed);
                peer.put(OTHERS, from, from + 64);
                latest.store(from + 64, Ordering::Relaxed);
            }
        });
        let without =
            window(&|next| peer.lookups_while(next), &mut |id| ask(id, &mut walk), || {
                spin(Duration::from_millis(250));
            });
        Pair { with, without }
    };
    let size = SIZE as usize;
    Scene { question: "stall_eviction", peer: candidate.name, size, play: Box::new(play) }
}

/// From a thousand sessions to a million, in a table that was sized for a thousand.
fn growth(candidate: Candidate) -> Scene {
    let play = move || {
        let peer = (candidate.new)(KEPT as usize);
        peer.put(LIVE, 0, KEPT);
        both_windows(&|next| peer.lookups_while(next), || peer.put(OTHERS, 0, FLUSHED as u64))
    };
    Scene { question: "stall_growth", peer: candidate.name, size: FLUSHED, play: Box::new(play) }
}

type Lookups<'a> = &'a (dyn Fn(&mut dyn FnMut(&mut Id) -> bool) -> u64 + Sync);

/// Looks up live sessions during `disturb`, and then for as long again without.
fn both_windows(lookups: Lookups<'_>, disturb: impl FnOnce()) -> Pair {
    let mut walk = Walk::new(0);
    let mut ask = |id: &mut Id| *id = LIVE.id(walk.below(KEPT));
    let start = Instant::now();
    let with = window(lookups, &mut ask, disturb);
    let length = start.elapsed();
    let without = window(lookups, &mut ask, || spin(length));
    Pair { with, without }
}

/// Ends the lookups, also when what is done meanwhile fails: or a failure would never be seen.
struct EndAtDrop<'a>(&'a AtomicBool);

impl Drop for EndAtDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Looks up all the while, and notes how long each lookup took.
fn window(
    lookups: Lookups<'_>,
    ask: &mut (dyn FnMut(&mut Id) + Send),
    meanwhile: impl FnOnce(),
) -> Waits {
    let (started, ended) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut waits =
        Histogram::<u64>::new_with_bounds(1, LONGEST_NANOS, 3).expect("these bounds are allowed");
    std::thread::scope(|scope| {
        let looker = scope.spawn(|| {
            let mut before = None;
            lookups(&mut |id| {
                let now = Instant::now();
                if let Some(before) = before {
                    waits.saturating_record(nanos(now - before));
                }
                started.store(true, Ordering::Release);
                ask(id);
                before = Some(Instant::now());
                !ended.load(Ordering::Acquire)
            })
        });
        while !started.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
        let end = EndAtDrop(&ended);
        meanwhile();
        drop(end);
        looker.join().expect("lookups do not panic");
    });
    Waits { longest: waits.max(), p9999: waits.value_at_quantile(0.9999) }
}

/// Longer waits count as this.
const LONGEST_NANOS: u64 = 600_000_000_000;

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

fn spin(length: Duration) {
    let start = Instant::now();
    let mut turns = 0_u64;
    while start.elapsed() < length {
        turns = black_box(turns + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stall_shows_in_its_window_and_not_in_the_other() {
        let (lock, is_awaited) = (std::sync::Mutex::new(0_u64), AtomicBool::new(false));
        let lookups = |next: &mut dyn FnMut(&mut Id) -> bool| {
            let mut id = Id::default();
            while next(&mut id) {
                if lock.try_lock().is_err() {
                    is_awaited.store(true, Ordering::SeqCst);
                    *lock.lock().unwrap() += 1;
                }
            }
            0
        };
        let disturb = || {
            let _held = lock.lock().unwrap();
            // Only who does not get the lock says so, and nobody but us has it for longer than a look.
            while !is_awaited.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            spin(Duration::from_millis(60));
        };
        let pair = both_windows(&lookups, disturb);
        assert!(pair.with.longest > 40_000_000, "{} ns", pair.with.longest);
        // How long without is the machine's affair; that it was looked at is ours.
        assert!(pair.without.longest > 0);
    }
}
