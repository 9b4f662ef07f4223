//! What a lookup has to know of the settings, in one word: so one that finds its session, or that nobody else
//! is to be asked about, reads no more of them.
//!
//! Invariant: a change of the settings is seen as one. Whoever has seen settings has raised the word to
//! theirs before he does anything else, so nobody looks up by older ones after that; and settings that are
//! read after a word are those of the word, or newer: who meets newer ones begins again.

use crate::config::Settings;
use crate::rules::Rules;
use crate::sync::{AtomicU64, Ordering};

/// Is what a lookup has to know of one state of the settings; those of two states are never equal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Glance(u64);

impl Glance {
    pub(crate) fn of(settings: &Settings, rules: &Rules) -> Glance {
        let bit = |on: bool, bit: u64| if on { bit } else { 0 };
        Glance(
            settings.version << VERSION_SHIFT
                | bit(settings.looks_inside(rules), LOOKS_INSIDE)
                | bit(settings.use_updates_time(rules), USE_UPDATES_TIME)
                | bit(settings.get_hook.is_some(), ASKS_OUTSIDE),
        )
    }

    /// Whether a server looks inside.
    #[inline]
    pub(crate) fn looks_inside(self) -> bool {
        self.0 & LOOKS_INSIDE != 0
    }

    /// Whether a session's time becomes that of its use.
    #[inline]
    pub(crate) fn use_updates_time(self) -> bool {
        self.0 & USE_UPDATES_TIME != 0
    }

    /// Whether there is a get hook.
    #[inline]
    pub(crate) fn asks_outside(self) -> bool {
        self.0 & ASKS_OUTSIDE != 0
    }
}

const LOOKS_INSIDE: u64 = 0b001;
const USE_UPDATES_TIME: u64 = 0b010;
const ASKS_OUTSIDE: u64 = 0b100;
/// The version stands above, so that the newest word is the greatest.
const VERSION_SHIFT: u32 = 3;

/// The word of the newest settings that anybody has seen.
pub(crate) struct Newest(AtomicU64);

impl Newest {
    pub(crate) fn new(glance: Glance) -> Newest {
        Newest(AtomicU64::new(glance.0))
    }

    #[inline]
    pub(crate) fn read(&self) -> Glance {
        // Acquire: pairs with the release in `raise`: settings that are read after this are as new, or newer.
        Glance(self.0.load(Ordering::Acquire))
    }

    /// Makes the word that of settings which were seen, unless it is one of newer ones already.
    #[inline]
    pub(crate) fn raise(&self, seen: Glance) {
        // Relaxed: a word only grows, so one that is as new was raised already.
        if self.0.load(Ordering::Relaxed) < seen.0 {
            // Release: publishes that the settings are there, to who reads the word.
            self.0.fetch_max(seen.0, Ordering::Release);
        }
    }
}

#[cfg(all(test, session_loom))]
mod models;
