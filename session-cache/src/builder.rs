//! Puts a cache together.

use std::fmt;

use std::sync::Arc;

use session_core::KeyHasher;

use crate::cache::{Caps, Parts, SessionCache};
use crate::config::{Generator, LIFETIME_MAX_DEFAULT, LIFETIME_MAX_TLS13_DEFAULT, Settings};
use crate::error::Error;
use crate::hooks::{Inquiry, Keep, Left, Negotiated};
use crate::id::{IdContext, SessionId};
use crate::mode::CacheMode;
use crate::rules::Rules;
use crate::session::Session;
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
    rules: Rules,
    /// But for the timeout, whose default depends on the rules.
    settings: Settings,
    timeout: Option<Seconds>,
    caps: Caps,
    eviction: Eviction,
    clock: Option<Box<dyn Clock>>,
    hasher: fn([u64; 2]) -> KeyHasher,
}

/// Says who leaves when there is no room for a newcomer, which never does itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Eviction {
    /// Who expires first, as in OpenSSL. Lookups make no difference. Of those that expire in the same second who came
    /// first: in a cache made for fewer than 1,024 sessions; in a larger one each of its shards keeps that order.
    #[default]
    EarliestExpiry,
    /// Who was used least, by S3-FIFO: it finds more of those that come back again and again, where more
    /// sessions are in use than there is room for. A lookup that finds its session then writes a mark into it.
    /// Costs 32 to 48 bytes more a session.
    S3Fifo,
}

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder {
            rules: Rules::DOCUMENTED,
            settings: Settings::new(&Rules::DOCUMENTED),
            timeout: None,
            caps: Caps {
                lifetime_max: LIFETIME_MAX_DEFAULT,
                lifetime_max_tls13: LIFETIME_MAX_TLS13_DEFAULT,
            },
            eviction: Eviction::EarliestExpiry,
            clock: None,
            hasher: KeyHasher::folded,
        }
    }

    /// Sets the rules, by default [`Rules::DOCUMENTED`]. They cannot be changed later.
    #[must_use]
    pub fn rules(mut self, rules: Rules) -> Builder {
        self.rules = rules;
        self
    }

    /// Sets the mode, by default [`CacheMode::SERVER`].
    #[must_use]
    pub fn mode(mut self, mode: CacheMode) -> Builder {
        self.settings.mode = mode;
        self
    }

    /// Sets the most sessions at any instant, up to 16,777,216, by default 20,480; 0 for no limit.
    ///
    /// The table is sized for it once; it grows when the limit is raised or there is none, at the price of a
    /// step more for each lookup.
    ///
    /// Of this and [`bytes_max`](Builder::bytes_max) the one that is reached first holds: 100,000 sessions that count
    /// for 1,300 bytes each, as with a peer's certificate of 1 KiB, need 130 MB, and at its default 51,000 fit.
    #[must_use]
    pub fn sessions_max(mut self, sessions_max: usize) -> Builder {
        self.settings.sessions_max = sessions_max;
        self
    }

    /// Sets the most bytes of all sessions together, by default 64 MiB; 0 for no limit. A session counts for
    /// its id, its id context, its payload, and 128 bytes more.
    #[must_use]
    pub fn bytes_max(mut self, bytes_max: usize) -> Builder {
        self.settings.bytes_max = bytes_max;
        self
    }

    /// Sets the most bytes that one session may count for, by default 16 KiB; 0 for no limit. A larger one is
    /// not stored.
    #[must_use]
    pub fn session_bytes_max(mut self, session_bytes_max: usize) -> Builder {
        self.settings.session_bytes_max = session_bytes_max;
        self
    }

    /// Sets the timeout of sessions that bring none of their own, by default 300 seconds (7,200 under
    /// [`Rules::OPENSSL`]); 0 stands for the default.
    #[must_use]
    pub fn timeout(mut self, timeout: Seconds) -> Builder {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the cap on lifetimes up to TLS 1.2, at least 1 second, by default 24 hours. Under rules without
    /// caps it has no effect.
    ///
    /// Source: RFC 5246, section F.1.4.
    #[must_use]
    pub fn lifetime_max(mut self, lifetime_max: Seconds) -> Builder {
        self.caps.lifetime_max = lifetime_max;
        self
    }

    /// Sets the cap on lifetimes for TLS 1.3, at least 1 second, by default 7 days. Under rules without caps
    /// it has no effect.
    ///
    /// Source: RFC 8446, section 4.6.1.
    #[must_use]
    pub fn lifetime_max_tls13(mut self, lifetime_max: Seconds) -> Builder {
        self.caps.lifetime_max_tls13 = lifetime_max;
        self
    }

    /// Sets the id context that new connections begin with, by default the empty one.
    #[must_use]
    pub fn id_context(mut self, id_context: IdContext) -> Builder {
        self.settings.id_context = id_context;
        self
    }

    /// Sets what is called when a session was negotiated.
    #[must_use]
    pub fn new_hook(
        mut self,
        hook: impl Fn(Negotiated<'_>, Session) -> Keep + Send + Sync + 'static,
    ) -> Builder {
        self.settings.new_hook = Some(Arc::new(hook));
        self
    }

    /// Sets what is called when a session has left.
    #[must_use]
    pub fn remove_hook(mut self, hook: impl Fn(Left<'_>) + Send + Sync + 'static) -> Builder {
        self.settings.remove_hook = Some(Arc::new(hook));
        self
    }

    /// Sets what is called for a session that is not inside.
    #[must_use]
    pub fn get_hook(
        mut self,
        hook: impl Fn(Inquiry<'_>) -> Option<Session> + Send + Sync + 'static,
    ) -> Builder {
        self.settings.get_hook = Some(Arc::new(hook));
        self
    }

    /// Sets what makes the ids of new sessions, in the place of 32 random bytes; see
    /// [`Settings::generator`].
    #[must_use]
    pub fn generator(
        mut self,
        generator: impl Fn(&dyn Fn(&SessionId) -> bool) -> Option<SessionId> + Send + Sync + 'static,
    ) -> Builder {
        let generator: Arc<Generator> = Arc::new(generator);
        self.settings.generator = Some(generator);
        self
    }

    /// Sets who leaves for want of room, by default who expires first.
    #[must_use]
    pub fn eviction(mut self, eviction: Eviction) -> Builder {
        self.eviction = eviction;
        self
    }

    /// Sets where the time comes from, by default a [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Builder {
        self.clock = Some(Box::new(clock));
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
    /// [`ErrorKind::LifetimeMax`](crate::ErrorKind::LifetimeMax) for a setting out of its range,
    /// [`ErrorKind::Entropy`](crate::ErrorKind::Entropy) when there are no random bytes.
    pub fn build(self) -> Result<SessionCache, Error> {
        let mut settings = self.settings;
        settings.timeout = self.timeout.unwrap_or(self.rules.timeout_default);
        settings.check()?;
        let caps = [
            ("lifetime_max", self.caps.lifetime_max),
            ("lifetime_max_tls13", self.caps.lifetime_max_tls13),
        ];
        for (name, cap) in caps {
            if cap == Seconds(0) {
                return Err(Error::lifetime_max_is_zero(name));
            }
        }
        let mut secret = [0; 2];
        for half in &mut secret {
            *half = getrandom::u64().map_err(Error::entropy)?;
        }
        Ok(SessionCache::new(Parts {
            rules: self.rules,
            settings,
            caps: self.caps,
            eviction: self.eviction,
            clock: self.clock.unwrap_or_else(|| Box::new(SystemClock::new())),
            hasher: (self.hasher)(secret),
        }))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("rules", &self.rules)
            .field("settings", &self.settings)
            .field("timeout", &self.timeout)
            .field("caps", &self.caps)
            .field("eviction", &self.eviction)
            .finish_non_exhaustive()
    }
}
