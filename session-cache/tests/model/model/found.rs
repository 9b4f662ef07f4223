//! Who is found, inside and by the get hook.

use session_cache::{CacheMode, Departure, Wanted};

use super::{Model, Settings};
use crate::operation::{GetPlan, Name};

impl Model {
    pub(super) fn looks_inside(&self, settings: &Settings) -> bool {
        !settings.mode.contains(CacheMode::NO_INTERNAL_LOOKUP)
            && (!self.documented || settings.mode.contains(CacheMode::SERVER))
    }

    pub(crate) fn inside(
        &mut self,
        cache: usize,
        settings: &Settings,
        name: Name,
    ) -> Option<usize> {
        if name.id.is_none() || !self.looks_inside(settings) {
            return None;
        }
        let found = self.at(cache, name);
        self.caches[cache].figures.misses += u64::from(found.is_none());
        found
    }

    /// The get hook's answer: R99 to R113.
    pub(crate) fn outside(
        &mut self,
        cache: usize,
        settings: &Settings,
        (name, context, wanted): (Name, usize, Wanted),
        by_connection: bool,
    ) -> Option<usize> {
        let (plan, id) = (settings.get_hook.as_ref()?, name.id?);
        if self.leaving.contains(&(cache, name)) {
            return None;
        }
        self.asked.push((cache, name, true));
        let answer = self.asks(cache, settings, (name, context, wanted), by_connection, (plan, id));
        self.asked.pop();
        answer
    }

    /// What was given up for a single use is found nowhere else.
    pub(super) fn take_copies(&mut self, cache: usize, settings: &Settings, answer: usize) {
        let why = Departure::Taken;
        self.leave(cache, settings, answer, why);
        let inside = self.at(cache, self.sessions[answer].name);
        let context = self.sessions[answer].context;
        if let Some(copy) = inside.filter(|&copy| self.sessions[copy].context == context) {
            self.leaves_and_is_reported(cache, settings, copy, why);
        }
        self.has_left(cache, settings, answer, why);
    }

    /// Whether nobody has left under the name that the latest question is for.
    pub(super) fn counts(&self) -> bool {
        self.asked.last().is_some_and(|asked| asked.2)
    }

    pub(super) fn asks(
        &mut self,
        cache: usize,
        settings: &Settings,
        (name, context, wanted): (Name, usize, Wanted),
        by_connection: bool,
        (plan, id): (&GetPlan, u8),
    ) -> Option<usize> {
        let wants = format!("{:#x} {id} {context} {wanted:?} {by_connection}", name.version);
        self.log.push(format!("get hook {cache}: {wants}"));
        self.act(cache);
        let answer = self.answer(cache, plan, name, context)?;
        if !self.counts() {
            return None;
        }
        if self.sessions[answer].marked {
            self.caches[cache].figures.not_resumable += 1;
            return None;
        }
        self.caches[cache].figures.cb_hits += 1;
        if self.documented {
            if self.sessions[answer].name != name || !self.may_have(cache, answer) {
                return None;
            }
            if self.sessions[answer].context != context {
                self.caches[cache].figures.wrong_context += 1;
                return None;
            }
            if self.is_expired(answer, self.now) {
                self.caches[cache].figures.timeouts += 1;
                self.drop_expired(cache, settings, answer);
                return None;
            }
        }
        // One that is taken is not copied inside, but by the library's protection against replays.
        let is_copied = wanted == Wanted::Lookup || (by_connection && !self.documented);
        let stores = !settings.mode.contains(CacheMode::NO_INTERNAL_STORE)
            && (!self.documented || settings.mode.contains(CacheMode::SERVER));
        if !is_copied && self.documented {
            self.take_copies(cache, settings, answer);
        }
        if is_copied && stores {
            // What came in meanwhile stays.
            let inside = self.at(cache, name).filter(|_| self.documented);
            let is_free = inside.is_none_or(|inside| self.is_expired(inside, self.now));
            if is_free || inside == Some(answer) {
                let _ = self.add(cache, settings, answer);
            }
            if !self.counts() {
                return None;
            }
        }
        Some(answer)
    }

    pub(super) fn answer(
        &mut self,
        cache: usize,
        plan: &GetPlan,
        name: Name,
        context: usize,
    ) -> Option<usize> {
        match *plan {
            GetPlan::Panic => {
                self.caches[cache].figures.hook_panics += 1;
                None
            }
            GetPlan::Nothing => None,
            GetPlan::Clone(hand) => self.hands[hand],
            GetPlan::Give(hand) => self.hands[hand].take(),
            GetPlan::Fresh { timeout, marked, .. } => {
                let (making, context) = plan.fresh(name, context, self.now);
                let answer = self.build(&making, context, self.now, timeout);
                self.sessions[answer].marked = marked;
                Some(answer)
            }
        }
    }

    /// Looks for a session of one context inside; false where the get hook may be asked.
    pub(super) fn find(
        &mut self,
        cache: usize,
        settings: &Settings,
        name: Name,
        context: usize,
        now: u64,
    ) -> Result<usize, bool> {
        let found = self.at(cache, name).ok_or(false)?;
        if self.sessions[found].context != context {
            self.caches[cache].figures.wrong_context += 1;
            return Err(true);
        }
        if self.is_expired(found, now) {
            self.leaves_and_is_reported(cache, settings, found, Departure::Expired);
            self.caches[cache].figures.timeouts += 1;
            return Err(true);
        }
        Ok(found)
    }

    pub(super) fn view_finds(
        &mut self,
        cache: usize,
        (name, context, wanted): (Name, usize, Wanted),
        now: u64,
    ) -> Option<usize> {
        name.id?;
        let settings = &self.settings(cache);
        if self.looks_inside(settings) {
            match self.find(cache, settings, name, context, now) {
                Ok(found) => {
                    self.caches[cache].figures.hits += 1;
                    if wanted == Wanted::Take {
                        self.leaves_and_is_reported(cache, settings, found, Departure::Taken);
                    } else {
                        self.used(cache, settings, found, now);
                    }
                    return Some(found);
                }
                Err(true) => return None,
                Err(false) => self.caches[cache].figures.misses += 1,
            }
        }
        let answer = self.outside(cache, settings, (name, context, wanted), false)?;
        if self.sessions[answer].name.version != name.version {
            return None;
        }
        if self.sessions[answer].context != context {
            self.caches[cache].figures.wrong_context += 1;
            return None;
        }
        if self.is_expired(answer, self.now) {
            self.caches[cache].figures.timeouts += 1;
            self.drop_expired(cache, settings, answer);
            return None;
        }
        self.caches[cache].figures.hits += 1;
        if wanted == Wanted::Lookup {
            self.used(cache, settings, answer, self.now);
        }
        Some(answer)
    }
}
