//! Which side a cache takes where OpenSSL's manual and OpenSSL's library disagree.
//!
//! The conflicts have numbers, C1 to C16; docs/rules.md tells both sides of each. Those that have one
//! sensible reading, or belong to a TLS engine, are not here.

use std::fmt;

use crate::time::Seconds;

/// Chooses between the manual's word and the library's deed, where the two differ.
///
/// A cache has one set for life, [`DOCUMENTED`](Rules::DOCUMENTED) unless it is told otherwise. Everything
/// on which manual and library agree is the same in both.
///
/// | | `DOCUMENTED` | `OPENSSL` (libssl 3.0, late) |
/// | --- | --- | --- |
/// | C1: the new hook refuses | the session leaves the cache at once, unmarked, without the remove hook | it stays |
/// | C2: mode `OFF` | nothing is stored, nothing found inside; the get hook's answer is used | what is inside is found, the get hook's answer is stored |
/// | C3: automatic flush | every 255 connections, in portions of 1,024 | when the low byte of the good counter is 255, whole |
/// | C4: remove hook | once for each session that leaves, by whatever way, or is dropped as bad | also for absent ones; not on replacement |
/// | C6: `UPDATE_TIME` | a resumption refreshes the time; none revives | adding does, also one that is expired |
/// | C7: default timeout | 300 s | 7,200 s |
/// | C8: a size of n | n sessions; a smaller size takes effect at once | n - 1 from 2 on; at the next insertion |
/// | C9: remove | marks the argument and the cached one, reports the cached one | marks and reports the argument |
/// | C10: hits, misses | what a client brought or a cache gave; what was not inside | tickets are hits too, and clients count misses |
/// | C15: id context | servers compare it | clients too |
/// | C16: adding the same again | changes nothing | with `UPDATE_TIME`, the time; it moves behind its equals |
/// | lifetime caps | 24 h, and 7 days for TLS 1.3 | none |
///
/// # Examples
///
/// ```
/// use session_cache::{Rules, Seconds, SessionCache};
///
/// let cache = SessionCache::builder().rules(Rules::OPENSSL).build()?;
/// assert_eq!(cache.timeout(), Seconds(7_200));
/// # Ok::<(), session_cache::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    name: &'static str,
    pub(crate) refusal_leaves: bool,
    pub(crate) off_is_off: bool,
    pub(crate) clears_every_255: bool,
    pub(crate) replacement_is_reported: bool,
    /// An answer of the get hook is checked before it is stored, and one that has expired reported.
    pub(crate) answers_are_checked_first: bool,
    pub(crate) use_updates_time: bool,
    pub(crate) timeout_default: Seconds,
    pub(crate) size_is_exact: bool,
    pub(crate) removal_marks_both: bool,
    pub(crate) counts_cache_only: bool,
    pub(crate) clients_compare_context: bool,
    pub(crate) identical_add_updates: bool,
    pub(crate) caps_lifetimes: bool,
    /// A single use removes before it checks who asks.
    pub(crate) single_use_removes_first: bool,
    /// In TLS 1.3 a session that fails its handshake for want of an id context is dropped as bad.
    pub(crate) failing_is_bad: bool,
}

impl Rules {
    /// The manual's word. The default.
    pub const DOCUMENTED: Rules = Rules {
        name: "DOCUMENTED",
        refusal_leaves: true,
        off_is_off: true,
        clears_every_255: true,
        replacement_is_reported: true,
        answers_are_checked_first: true,
        use_updates_time: true,
        timeout_default: Seconds(300),
        size_is_exact: true,
        removal_marks_both: true,
        counts_cache_only: true,
        clients_compare_context: false,
        identical_add_updates: false,
        caps_lifetimes: true,
        single_use_removes_first: false,
        failing_is_bad: false,
    };

    /// What libssl 3.0 does in its late releases (from 3.0.14 on).
    pub const OPENSSL: Rules = Rules {
        name: "OPENSSL",
        refusal_leaves: false,
        off_is_off: false,
        clears_every_255: false,
        replacement_is_reported: false,
        answers_are_checked_first: false,
        use_updates_time: false,
        timeout_default: Seconds(7_200),
        size_is_exact: false,
        removal_marks_both: false,
        counts_cache_only: false,
        clients_compare_context: true,
        identical_add_updates: true,
        caps_lifetimes: false,
        single_use_removes_first: true,
        failing_is_bad: true,
    };

    /// Returns the timeout of a cache that was given none (C7).
    pub const fn timeout_default(&self) -> Seconds {
        self.timeout_default
    }

    /// How many sessions a size of `sessions_max` holds; `usize::MAX` for 0, which is no limit.
    pub(crate) fn capacity(&self, sessions_max: usize) -> usize {
        match sessions_max {
            0 => usize::MAX,
            // libssl counts the newcomer before it makes room for it (R171).
            n if n >= 2 && !self.size_is_exact => n - 1,
            n => n,
        }
    }
}

impl Default for Rules {
    fn default() -> Rules {
        Rules::DOCUMENTED
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rules::{}", self.name)
    }
}
