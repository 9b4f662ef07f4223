//! Counts what happened: OpenSSL's twelve figures, and those that say why.
//!
//! Invariant: every session that came in leaves under one reason. When nobody is inside the cache,
//! `stored == number + replaced + expired + taken + removed + cache_full + flushed + refused`.

use std::fmt;

use session_core::Counter;

/// Names the figures once: their fields, what is counted under them, and how they are shown.
macro_rules! figures {
    ($($(#[$doc:meta])* $field:ident $event:ident $label:literal,)*) => {
        /// Is a snapshot of the figures of a cache.
        ///
        /// Counters are summed one after the other while others count on: the figures of one snapshot fit
        /// together when nobody uses the cache meanwhile. Then `stored == number + replaced + expired +
        /// taken + removed + cache_full + flushed + refused`.
        ///
        /// The first twelve have OpenSSL's names (`SSL_CTX_sess_number(3)`); what [`hits`](Statistics::hits)
        /// and [`misses`](Statistics::misses) count depends on the [`Rules`](crate::Rules). The others are
        /// the cache's own. None is ever reset.
        ///
        /// # Examples
        ///
        /// ```
        /// use session_cache::SessionCache;
        ///
        /// let statistics = SessionCache::builder().build()?.statistics();
        /// assert_eq!(statistics.number, 0);
        /// assert!(statistics.to_string().starts_with("number"));
        /// # Ok::<(), session_cache::Error>(())
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        #[non_exhaustive]
        pub struct Statistics {
            /// Sessions in the cache now: exact when nobody is at work, and never above the limit.
            pub number: u64,
            $($(#[$doc])* pub $field: u64,)*
        }

        impl Statistics {
            /// Returns every figure with its name.
            pub fn figures(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [(stringify!(number), self.number), $((stringify!($field), self.$field)),*].into_iter()
            }
        }

        #[cfg(feature = "metrics")]
        impl Statistics {
            /// Hands every figure to the recorder of the `metrics` crate: counters as
            /// `session_cache_..._total` and the number of sessions as the gauge `session_cache_sessions`, with
            /// the label `cache`.
            ///
            /// Call it when figures are collected; counting itself costs nothing more.
            pub fn publish(&self, cache: &str) {
                let cache = cache.to_string();
                metrics::gauge!("session_cache_sessions", "cache" => cache.clone())
                    .set(self.number as f64);
                $(metrics::counter!(
                    concat!("session_cache_", stringify!($field), "_total"),
                    "cache" => cache.clone()
                )
                .absolute(self.$field);)*
            }
        }

        impl fmt::Display for Statistics {
            /// Writes one aligned line for each figure.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let lines = [("number", self.number), $(($label, self.$field)),*];
                for (at, (name, figure)) in lines.into_iter().enumerate() {
                    let line_break = if at == 0 { "" } else { "\n" };
                    write!(f, "{line_break}{name:<20} {figure:>12}")?;
                }
                Ok(())
            }
        }

        /// Is what is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Event {
            $($event,)*
        }

        /// Holds the running counters; they are striped, so that counting shares no cache line.
        #[derive(Default)]
        pub(crate) struct Counters {
            $($field: Counter,)*
        }

        impl Counters {
            #[inline]
            fn counter(&self, event: Event) -> &Counter {
                match event {
                    $(Event::$event => &self.$field,)*
                }
            }

            pub(crate) fn snapshot(&self, number: usize) -> Statistics {
                Statistics {
                    number: number as u64,
                    $($field: self.$field.sum(),)*
                }
            }
        }
    };
}

figures! {
    /// First handshakes begun by clients.
    connect Connect "connect",
    /// Handshakes ended by clients.
    connect_good ConnectGood "connect good",
    /// Renegotiations begun by clients.
    connect_renegotiate ConnectRenegotiate "connect renegotiate",
    /// First handshakes begun by servers.
    accept Accept "accept",
    /// Handshakes ended by servers.
    accept_good AcceptGood "accept good",
    /// Renegotiations begun by servers.
    accept_renegotiate AcceptRenegotiate "accept renegotiate",
    /// Sessions that were found and came back; under `OPENSSL` those of tickets too.
    hits Hit "hits",
    /// Answers of the get hook, but for those that were not resumable.
    cb_hits CallbackHit "callback hits",
    /// Lookups inside that found nothing, also when the get hook then knew; under `OPENSSL` also sessions
    /// that a client offered and its server declined.
    misses Miss "misses",
    /// Sessions that clients came back with too late.
    timeouts Timeout "timeouts",
    /// Sessions that left because there was no room.
    cache_full Evicted "cache full",
    /// Sessions that came in.
    stored Stored "stored",
    /// Sessions that left because another one came in under their version and id.
    replaced Replaced "replaced",
    /// Sessions that left because somebody found them too old.
    expired Expired "expired",
    /// Sessions that left by a take, or by being used once.
    taken Taken "taken",
    /// Sessions that left because they were to be removed, or were dropped as bad.
    removed Removed "removed",
    /// Sessions that left by a flush, automatic ones too.
    flushed Flushed "flushed",
    /// Sessions that left because the new hook refused them.
    refused Refused "refused",
    /// Sessions that were found and belong to another id context; nothing was changed.
    wrong_context WrongContext "wrong context",
    /// Answers of the get hook that were marked not resumable.
    not_resumable NotResumable "not resumable",
    /// Takes that found a session and came second: another thread made it leave first.
    single_use_lost SingleUseLost "single use lost",
    /// Sessions that were not stored, because they were too large, or too much waited to be freed.
    not_stored NotStored "not stored",
    /// Hooks that panicked.
    hook_panics HookPanicked "hook panics",
    /// Sessions that were not stored, because another one was there under their version and id.
    id_collisions IdCollision "id collisions",
}

/// Says why a session is no longer in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Departure {
    /// Another session came in under its version and id.
    Replaced,
    /// Somebody found it too old.
    Expired,
    /// It was taken: used, and for once only.
    Taken,
    /// It was to be removed, or was dropped as bad.
    Removed,
    /// There was no room.
    Evicted,
    /// It left by a flush.
    Flushed,
    /// The new hook refused it.
    Refused,
}

impl Departure {
    pub(crate) fn event(self) -> Event {
        match self {
            Departure::Replaced => Event::Replaced,
            Departure::Expired => Event::Expired,
            Departure::Taken => Event::Taken,
            Departure::Removed => Event::Removed,
            Departure::Evicted => Event::Evicted,
            Departure::Flushed => Event::Flushed,
            Departure::Refused => Event::Refused,
        }
    }

    /// Whether the session is marked not resumable.
    pub(crate) fn marks(self) -> bool {
        !matches!(self, Departure::Replaced | Departure::Taken | Departure::Refused)
    }
}

impl Counters {
    #[inline]
    pub(crate) fn count(&self, event: Event) {
        self.counter(event).add(1);
    }

    /// Takes a count back: a server that changes its context takes the handshake along.
    pub(crate) fn uncount(&self, event: Event) {
        self.counter(event).subtract(1);
    }

    /// How often it was counted.
    pub(crate) fn sum(&self, event: Event) -> u64 {
        self.counter(event).sum()
    }
}
