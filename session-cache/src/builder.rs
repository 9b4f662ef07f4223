//! Puts a cache together.

use std::fmt;

use session_core::KeyHasher;

use crate::cache::{SessionCache, Settings};
use crate::config::{
    Config, LIFETIME_MAX_DEFAULT, SESSIONS_MAX_DEFAULT, SESSIONS_MAX_LIMIT, TIMEOUT_DEFAULT,
};
use crate::error::Error;
use crate::time::{Clock, Seconds, SystemClock};

/// Collects the settings of a [`SessionCache`].
///
/// # Examples
///
/// ```
/// use session_cache::{Seconds, SessionCache};
///
/// let cache = SessionCache::builder().sessions_max(100_000).timeout(Seconds(7_200)).build()?;
/// assert_eq!(cache.sessions_max(), 100_000);
/// # Ok::<(), session_cache::Error>(())
/// ```
pub struct Builder {
    sessions_max: usize,
    timeout: Seconds,
    lifetime_max: Seconds,
    clock: Option<Box<dyn Clock>>,
    statistics: bool,
    hasher: fn([u64; 2]) -> KeyHasher,
}

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder {
            sessions_max: SESSIONS_MAX_DEFAULT,
            timeout: TIMEOUT_DEFAULT,
            lifetime_max: LIFETIME_MAX_DEFAULT,
            clock: None,
            statistics: true,
            hasher: KeyHasher::folded,
        }
    }

    /// Sets the most sessions at any instant: 1 to 16,777,216, by default 20,480.
    ///
    /// The table is sized for it once; [`SessionCache::set_sessions_max`] can raise the limit later, at the
    /// price of longer chains.
    #[must_use]
    pub fn sessions_max(mut self, sessions_max: usize) -> Builder {
        self.sessions_max = sessions_max;
        self
    }

    /// Sets the timeout of sessions that bring none of their own: at least 1 second, by default 300.
    #[must_use]
    pub fn timeout(mut self, timeout: Seconds) -> Builder {
        self.timeout = timeout;
        self
    }

    /// Sets the cap to which every timeout is cut: at least 1 second, by default 24 hours.
    #[must_use]
    pub fn lifetime_max(mut self, lifetime_max: Seconds) -> Builder {
        self.lifetime_max = lifetime_max;
        self
    }

    /// Sets where the time comes from, by default a [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Builder {
        self.clock = Some(Box::new(clock));
        self
    }

    /// Says whether to count, by default yes. [`Statistics::number`](crate::Statistics::number) is there
    /// either way.
    #[must_use]
    pub fn statistics(mut self, on: bool) -> Builder {
        self.statistics = on;
        self
    }

    /// Hashes ids with SipHash instead of a keyed folded multiply.
    ///
    /// For caches whose stored ids others choose. Ids that are only looked up can do no harm either way.
    #[must_use]
    pub fn siphash(mut self) -> Builder {
        self.hasher = KeyHasher::siphash;
        self
    }

    /// Builds the cache, with a hash secret drawn from the operating system.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SessionsMax`](crate::ErrorKind::SessionsMax) and
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) for a setting out of its range,
    /// [`ErrorKind::Entropy`](crate::ErrorKind::Entropy) when there are no random bytes.
    pub fn build(self) -> Result<SessionCache, Error> {
        check_sessions_max(self.sessions_max)?;
        for (name, span) in [("timeout", self.timeout), ("lifetime_max", self.lifetime_max)] {
            if span == Seconds(0) {
                return Err(Error::timeout_is_zero(name));
            }
        }
        let mut secret = [0; 2];
        for half in &mut secret {
            *half = getrandom::u64().map_err(Error::entropy)?;
        }
        Ok(SessionCache::new(Settings {
            sessions_max: self.sessions_max,
            config: Config { timeout: self.timeout, lifetime_max: self.lifetime_max },
            clock: self.clock.unwrap_or_else(|| Box::new(SystemClock::new())),
            statistics: self.statistics,
            hasher: (self.hasher)(secret),
        }))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("sessions_max", &self.sessions_max)
            .field("timeout", &self.timeout)
            .field("lifetime_max", &self.lifetime_max)
            .field("statistics", &self.statistics)
            .finish_non_exhaustive()
    }
}

/// Refuses a limit that is none, or more than any machine holds.
pub(crate) fn check_sessions_max(sessions_max: usize) -> Result<(), Error> {
    if (1..=SESSIONS_MAX_LIMIT).contains(&sessions_max) {
        Ok(())
    } else {
        Err(Error::sessions_max(sessions_max))
    }
}
