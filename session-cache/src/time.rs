//! Time in whole seconds, and the clocks it comes from.
//!
//! Invariant: arithmetic saturates. A time that cannot be told apart from the end of time never passes,
//! so what expires then never expires.
//!
//! Hard case: the wall clock is set while sessions live. [`SystemClock`] lets it shorten a life and never
//! lengthen one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Is a span of time in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seconds(pub u64);

/// Is a point in time: seconds since 1970-01-01 00:00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// Returns the time that lies `span` later, or the end of time.
    ///
    /// # Examples
    ///
    /// ```
    /// use session_cache::{Seconds, UnixTime};
    ///
    /// assert_eq!(UnixTime(10).saturating_add(Seconds(5)), UnixTime(15));
    /// assert_eq!(UnixTime(10).saturating_add(Seconds(u64::MAX)), UnixTime(u64::MAX));
    /// ```
    #[must_use]
    pub fn saturating_add(self, span: Seconds) -> UnixTime {
        UnixTime(self.0.saturating_add(span.0))
    }
}

/// Tells the time. The cache calls it with no lock and no guard held.
pub trait Clock: Send + Sync + 'static {
    /// Returns the present time in seconds since 1970.
    fn now(&self) -> UnixTime;
}

/// Follows the monotonic clock, and the wall clock only when that runs ahead.
///
/// A wall clock that is set back is not followed; one that is set forward is, and stays followed when it
/// is set back again. Either way no session lives longer than its timeout. The wall clock is looked at
/// once a second: a jump is followed a second later at most.
///
/// On Linux both are read as the kernel left them at its last tick, 1 to 10 ms ago (`CLOCK_MONOTONIC_COARSE`,
/// `clock_gettime(2)`), which takes a quarter of the time.
#[derive(Debug)]
pub struct SystemClock {
    /// Nanoseconds from the monotonic clock's zero to 1970; written by whoever sees the wall clock ahead, and
    /// never lowered.
    offset_nanos: AtomicU64,
    /// The second of the monotonic clock, counted from 1, in which the wall clock was last looked at.
    looked_at: AtomicU64,
}

impl SystemClock {
    /// Starts from the wall clock as it stands. A wall clock before 1970 counts as 1970.
    pub fn new() -> SystemClock {
        let clock = SystemClock::before_the_first_look();
        clock.now();
        clock
    }

    fn before_the_first_look() -> SystemClock {
        let (offset_nanos, looked_at) = (AtomicU64::new(0), AtomicU64::new(0));
        SystemClock { offset_nanos, looked_at }
    }

    /// Returns the time when the clocks show `wall` since 1970 and `monotonic` since its zero.
    fn at(&self, wall: Duration, monotonic: Duration) -> UnixTime {
        let (wall, monotonic) = (saturating_nanos(wall), saturating_nanos(monotonic));
        let ahead = wall.saturating_sub(monotonic);
        // Relaxed: the offset stands for itself, nothing else is published with it.
        let mut offset = self.offset_nanos.load(Ordering::Relaxed);
        if ahead > offset {
            // Relaxed: as above; a maximum is the same in whatever order it is built up. Written only
            // when it grows, so that the readers of a quiet clock share its cache line.
            offset = self.offset_nanos.fetch_max(ahead, Ordering::Relaxed).max(ahead);
        }
        UnixTime(monotonic.saturating_add(offset) / NANOS_PER_SECOND)
    }

    /// Looks at the wall clock too.
    #[cold]
    fn look(&self) -> UnixTime {
        // The wall clock first: a thread that is interrupted between the two then sees the wall clock
        // too far behind, which changes nothing, and never too far ahead, which would stay for ever.
        let wall = system::wall();
        self.at(wall, system::monotonic())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        let monotonic = system::monotonic();
        // Counted from 1, so that the first second is looked at too.
        let second = monotonic.as_secs() + 1;
        // Relaxed, both: whoever comes first in a second looks; that two do harms nobody.
        if self.looked_at.load(Ordering::Relaxed) != second {
            self.looked_at.store(second, Ordering::Relaxed);
            return self.look();
        }
        // Relaxed: as in `at`.
        let offset = self.offset_nanos.load(Ordering::Relaxed);
        UnixTime(saturating_nanos(monotonic).saturating_add(offset) / NANOS_PER_SECOND)
    }
}

impl Default for SystemClock {
    fn default() -> SystemClock {
        SystemClock::new()
    }
}

/// Shows what it was last set to; clones show the same.
///
/// # Examples
///
/// ```
/// use session_cache::{Clock, ManualClock, Seconds, UnixTime};
///
/// let clock = ManualClock::new(UnixTime(1_000));
/// let same = clock.clone();
/// clock.advance(Seconds(1));
/// assert_eq!(same.now(), UnixTime(1_001));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// Creates a clock that shows `now` until it is told otherwise.
    pub fn new(now: UnixTime) -> ManualClock {
        ManualClock(Arc::new(AtomicU64::new(now.0)))
    }

    /// Sets the time, forward or back.
    pub fn set(&self, now: UnixTime) {
        // Relaxed: the time stands for itself.
        self.0.store(now.0, Ordering::Relaxed);
    }

    /// Moves the time forward by `span`, at most to the end of time.
    pub fn advance(&self, span: Seconds) {
        // Relaxed: the time stands for itself.
        let mut now = self.0.load(Ordering::Relaxed);
        while let Err(seen) = self.0.compare_exchange_weak(
            now,
            now.saturating_add(span.0),
            Ordering::Relaxed, // as above
            Ordering::Relaxed, // as above
        ) {
            now = seen;
        }
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixTime {
        // Relaxed: the time stands for itself.
        UnixTime(self.0.load(Ordering::Relaxed))
    }
}

/// The clocks as the kernel keeps them at hand between two ticks: whole seconds are wanted, and to read the
/// counter behind them takes several times as long.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use nix::time::ClockId;

    use super::Duration;

    pub(super) fn monotonic() -> Duration {
        shown_by(ClockId::CLOCK_MONOTONIC_COARSE)
    }

    /// Since 1970, or none before.
    pub(super) fn wall() -> Duration {
        shown_by(ClockId::CLOCK_REALTIME_COARSE)
    }

    fn shown_by(clock: ClockId) -> Duration {
        // Linux has both since 2.6.32, and nothing else can be wrong.
        let time = clock.now().expect("the clock is one of the system's");
        let seconds = time.tv_sec().try_into().unwrap_or(0);
        Duration::new(seconds, time.tv_nsec() as u32)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::sync::LazyLock;
    use std::time::{Instant, SystemTime};

    use super::Duration;

    pub(super) fn monotonic() -> Duration {
        static ZERO: LazyLock<Instant> = LazyLock::new(Instant::now);
        ZERO.elapsed()
    }

    /// Since 1970, or none before.
    pub(super) fn wall() -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }
}

/// Holds out until the year 2554.
fn saturating_nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn clock_created_at(wall_seconds: u64) -> SystemClock {
        let clock = SystemClock::before_the_first_look();
        assert_eq!(at(&clock, wall_seconds, 0), wall_seconds);
        clock
    }

    fn at(clock: &SystemClock, wall_seconds: u64, monotonic_seconds: u64) -> u64 {
        clock.at(Duration::from_secs(wall_seconds), Duration::from_secs(monotonic_seconds)).0
    }

    #[test]
    fn wall_clock_set_back_is_not_followed() {
        let clock = clock_created_at(1_000);
        assert_eq!(at(&clock, 400, 10), 1_010);
        assert_eq!(at(&clock, 0, 20), 1_020);
    }

    #[test]
    fn wall_clock_set_forward_is_followed_and_stays_followed() {
        let clock = clock_created_at(1_000);
        assert_eq!(at(&clock, 5_000, 10), 5_000);
        assert_eq!(at(&clock, 1_020, 20), 5_010);
        assert_eq!(at(&clock, 5_020, 30), 5_020);
    }

    #[test]
    fn time_never_runs_back_or_behind_the_monotonic_clock() {
        let clock = clock_created_at(1_000);
        let mut before = 1_000;
        for (second, wall) in [900, 1_300, 0, 1_301, 50_000, 7, 50_001].into_iter().enumerate() {
            let now = at(&clock, wall, second as u64 + 1);
            assert!(now > before, "{now} after {before}");
            before = now;
        }
    }

    #[test]
    fn seconds_are_cut_once_after_adding_up() {
        let clock = clock_created_at(0);
        let (wall, monotonic) = (Duration::from_millis(1_700), Duration::from_millis(600));
        assert_eq!(clock.at(wall, monotonic).0, 1);
        assert_eq!(clock.at(Duration::ZERO, Duration::from_millis(900)).0, 2);
    }

    #[test]
    fn wall_clock_is_looked_at_once_a_second() {
        let clock = SystemClock::new();
        let offset = clock.offset_nanos.load(Ordering::Relaxed);
        // As if the wall clock had been an hour behind at the last look: not noticed in this second,
        // noticed in the next.
        clock.offset_nanos.store(offset - 3_600 * NANOS_PER_SECOND, Ordering::Relaxed);
        let (before, second) = (clock.now().0, clock.looked_at.load(Ordering::Relaxed));
        clock.looked_at.store(0, Ordering::Relaxed);
        let after = clock.now().0;
        assert!(after >= before + 3_600 || second > 1, "{after} after {before}");
        assert!(clock.looked_at.load(Ordering::Relaxed) >= second);
    }

    #[test]
    fn system_clock_starts_with_the_wall_clock() {
        let wall = system::wall().as_secs();
        let now = SystemClock::new().now().0;
        assert!((wall..=wall + 60).contains(&now), "{now}, wall clock {wall}");
    }

    #[test]
    fn end_of_time_saturates() {
        let clock = ManualClock::new(UnixTime(u64::MAX - 1));
        clock.advance(Seconds(5));
        assert_eq!(clock.now(), UnixTime(u64::MAX));
        let clock = clock_created_at(1);
        assert!(clock.at(Duration::MAX, Duration::MAX).0 > 18_000_000_000);
    }
}
