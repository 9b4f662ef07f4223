//! What an operation met, for counting: a run in which something was hardly met has shown nothing of it.

use std::collections::BTreeMap;

use super::observed::{Observed, SessionState};
use super::operation::{CONTEXTS, Operation};
use crate::libssl::HookKind;

/// An operation and one thing that can come of it.
pub(crate) type Outcome = (&'static str, &'static str);

/// Everything that must be met.
pub(crate) const ALL: &[Outcome] = &[
    ("new", "with an id"),
    ("new", "without an id"),
    ("dup", "of a cached session"),
    ("dup", "of one in no cache"),
    ("dup", "of one that is not resumable"),
    ("up_ref", "counted"),
    ("free", "others hold it"),
    ("free", "the cache alone holds it"),
    ("free", "it was the last reference"),
    ("add", "new"),
    ("add", "replaces another object"),
    ("add", "is in already"),
    ("add", "evicts one"),
    ("add", "evicts several"),
    ("add", "evicts, and the hook is told"),
    ("add", "sets the time to now, new"),
    ("add", "sets the time to now, is in already"),
    ("add", "of one marked not resumable"),
    ("add", "into a cache that is full of equal expiries"),
    ("add", "one of the same id in another version is there"),
    ("add", "without an id (R178)"),
    ("add", "is in the other context (R46)"),
    ("remove", "this object"),
    ("remove", "an equal one, by a duplicate"),
    ("remove", "not there"),
    ("remove", "not there, the hook is told"),
    ("remove", "without an id"),
    ("remove", "is in the other context"),
    ("flush", "all"),
    ("flush", "those too old, some stay"),
    ("flush", "none is too old"),
    ("flush", "an empty cache"),
    ("flush", "several, and the hook is told"),
    ("set_time", "of a cached session"),
    ("set_time", "of one in no cache"),
    ("set_timeout", "of a cached session"),
    ("set_timeout", "of one in no cache"),
    ("set_mode", "with UPDATE_TIME"),
    ("set_mode", "without UPDATE_TIME"),
    ("set_size", "no limit"),
    ("set_size", "1"),
    ("set_size", "below the number"),
    ("set_size", "room for more"),
    ("ctx set_timeout", "0"),
    ("ctx set_timeout", "other"),
    ("hook", "off"),
    ("hook", "told"),
    ("hook", "keeps references"),
    ("hook", "references given back"),
    ("ctx free", "empty"),
    ("ctx free", "with sessions"),
    ("ctx free", "with sessions, the hook is told"),
    ("has", "there"),
    ("has", "not there"),
    ("has", "there in another version only"),
];

/// How often each outcome was met.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage(BTreeMap<Outcome, u64>);

impl Coverage {
    pub(crate) fn count(&mut self, outcome: Outcome) {
        debug_assert!(ALL.contains(&outcome), "{outcome:?} is not in the list");
        *self.0.entry(outcome).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Coverage) {
        for (&outcome, count) in &other.0 {
            *self.0.entry(outcome).or_default() += count;
        }
    }

    /// Every outcome, in the list's order.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (Outcome, u64)> + '_ {
        ALL.iter().map(|outcome| (*outcome, self.0.get(outcome).copied().unwrap_or(0)))
    }

    /// Counts what an operation met, by what libssl showed before and after it.
    pub(crate) fn meet(&mut self, operation: &Operation, before: &Observed, after: &Observed) {
        let is_cached = |slot: usize| {
            let serial = before.slots[slot].as_ref().map_or(0, |session| session.serial);
            (0..CONTEXTS).any(|context| before.is_inside(context, serial))
        };
        match *operation {
            Operation::New { id, .. } => {
                self.count(("new", if id.is_some() { "with an id" } else { "without an id" }));
            }
            Operation::Duplicate { from, to } => {
                let cached =
                    if is_cached(from) { "of a cached session" } else { "of one in no cache" };
                self.count(("dup", cached));
                let copy = after.slots[to].as_ref();
                if copy.is_some_and(|copy| !copy.resumable && !copy.id.is_empty()) {
                    self.count(("dup", "of one that is not resumable"));
                }
            }
            Operation::UpRef { .. } => self.count(("up_ref", "counted")),
            Operation::Free { slot } => self.meet_free(before, slot, is_cached(slot)),
            Operation::Add { context, slot } => self.meet_add(context, slot, before, after),
            Operation::Remove { context, slot } => self.meet_remove(context, slot, before, after),
            Operation::Flush { context, at } => self.meet_flush(context, at, before, after),
            Operation::SetTime { slot, .. } => {
                let cached =
                    if is_cached(slot) { "of a cached session" } else { "of one in no cache" };
                self.count(("set_time", cached));
            }
            Operation::SetTimeout { slot, .. } => {
                let cached =
                    if is_cached(slot) { "of a cached session" } else { "of one in no cache" };
                self.count(("set_timeout", cached));
            }
            Operation::SetMode { bits, .. } => {
                let updates = bits & 0x400 != 0;
                let what = if updates { "with UPDATE_TIME" } else { "without UPDATE_TIME" };
                self.count(("set_mode", what));
            }
            Operation::SetSize { context, sessions } => {
                let number = before.contexts[context].counters[0] as i64;
                self.count((
                    "set_size",
                    match sessions {
                        0 => "no limit",
                        1 => "1",
                        size if size < number => "below the number",
                        _ => "room for more",
                    },
                ));
            }
            Operation::SetContextTimeout { timeout, .. } => {
                self.count(("ctx set_timeout", if timeout == 0 { "0" } else { "other" }));
            }
            Operation::SetHook { kind, .. } => self.count((
                "hook",
                match kind {
                    HookKind::Off => "off",
                    HookKind::Told => "told",
                    HookKind::Keeping => "keeps references",
                },
            )),
            Operation::Release if after.result > 0 => self.count(("hook", "references given back")),
            Operation::Release | Operation::Advance { .. } => {}
            Operation::Renew { context } => {
                let was_empty = before.contexts[context].inside.is_empty();
                self.count(("ctx free", if was_empty { "empty" } else { "with sessions" }));
                if !after.told.is_empty() {
                    self.count(("ctx free", "with sessions, the hook is told"));
                }
            }
            Operation::Has { context, id, version } => {
                self.meet_has(context, id, version, before, after)
            }
        }
    }

    fn meet_free(&mut self, before: &Observed, slot: usize, is_cached: bool) {
        let references = before.slots[slot].as_ref().map_or(0, |session| session.references);
        self.count((
            "free",
            match references {
                1 => "it was the last reference",
                2 if is_cached => "the cache alone holds it",
                _ => "others hold it",
            },
        ));
    }

    fn meet_add(&mut self, context: usize, slot: usize, before: &Observed, after: &Observed) {
        let (Some(session), Some(session_after)) = (&before.slots[slot], &after.slots[slot]) else {
            return;
        };
        let was = &before.contexts[context];
        let is_same_key =
            |other: &&SessionState| other.id == session.id && other.version == session.version;
        let existing = was.inside.iter().find(is_same_key);
        let is_in_already = existing.is_some_and(|other| other.serial == session.serial);
        self.count((
            "add",
            match existing {
                _ if is_in_already => "is in already",
                Some(_) => "replaces another object",
                None => "new",
            },
        ));
        let evicted = after.contexts[context].counters[11] - was.counters[11];
        match evicted {
            0 => {}
            1 => self.count(("add", "evicts one")),
            _ => self.count(("add", "evicts several")),
        }
        if !after.told.is_empty() {
            self.count(("add", "evicts, and the hook is told"));
        }
        if evicted > 0 && was.inside.windows(2).any(|pair| expiry(&pair[0]) == expiry(&pair[1])) {
            self.count(("add", "into a cache that is full of equal expiries"));
        }
        if session_after.created != session.created {
            self.count((
                "add",
                if is_in_already {
                    "sets the time to now, is in already"
                } else {
                    "sets the time to now, new"
                },
            ));
        }
        if !session.resumable {
            self.count(("add", "of one marked not resumable"));
        }
        if was.inside.iter().any(|other| other.id == session.id && other.version != session.version)
        {
            self.count(("add", "one of the same id in another version is there"));
        }
    }

    fn meet_remove(&mut self, context: usize, slot: usize, before: &Observed, after: &Observed) {
        let Some(session) = &before.slots[slot] else { return };
        let was_this = before.is_inside(context, session.serial);
        self.count((
            "remove",
            match after.result {
                _ if session.id.is_empty() => "without an id",
                1 if was_this => "this object",
                1 => "an equal one, by a duplicate",
                _ => "not there",
            },
        ));
        if after.result == 0 && !after.told.is_empty() {
            self.count(("remove", "not there, the hook is told"));
        }
        if before.is_inside(1 - context, session.serial) {
            self.count(("remove", "is in the other context"));
        }
    }

    fn meet_flush(&mut self, context: usize, at: Option<i64>, before: &Observed, after: &Observed) {
        let (was, is) = (&before.contexts[context].inside, &after.contexts[context].inside);
        self.count((
            "flush",
            match (was.len(), is.len()) {
                (0, _) => "an empty cache",
                _ if at.is_none() => "all",
                (was, is) if is == was => "none is too old",
                _ => "those too old, some stay",
            },
        ));
        if after.told.len() > 1 {
            self.count(("flush", "several, and the hook is told"));
        }
    }

    fn meet_has(
        &mut self,
        context: usize,
        id: u8,
        version: u16,
        before: &Observed,
        after: &Observed,
    ) {
        let id = super::operation::id_bytes(id);
        let inside = &before.contexts[context].inside;
        let is_other = |session: &SessionState| session.id == id && session.version != version;
        self.count((
            "has",
            match after.result {
                1 => "there",
                _ if inside.iter().any(is_other) => "there in another version only",
                _ => "not there",
            },
        ));
    }
}

fn expiry(session: &SessionState) -> u64 {
    session.created.saturating_add(session.timeout)
}
