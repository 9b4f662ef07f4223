//! The cache as one would write it if nothing else mattered: sessions in lists in the order in which they
//! came, one thread, no sharing. Written from the rules; what is found by whom, who leaves and who is told
//! is here in the open.

mod found;
mod operations;

use std::collections::VecDeque;

use session_cache::{Added, CacheMode, Departure, Keep, NotStored, Statistics};

use crate::connection::Slot;
use crate::operation::{
    CONNECTIONS, CONTEXTS, CacheOperation, GeneratorPlan, GetPlan, HANDS, Making, Name, NewPlan,
    RemovePlan, SLOTS, START,
};

/// The caps on lifetimes of every cache under the documented rules.
pub(crate) const LIFETIME_MAX: u64 = 20;
pub(crate) const LIFETIME_MAX_TLS13: u64 = 30;
/// After so many connections expired sessions are cleared (S4).
const CLEARED_EVERY: u64 = 255;

/// A session, by its number: all that are alive, or ever were.
pub(crate) struct Facts {
    pub(crate) name: Name,
    pub(crate) context: usize,
    pub(crate) payload_bytes: usize,
    pub(crate) created: u64,
    pub(crate) timeout: u64,
    pub(crate) authenticated: u64,
    pub(crate) ticket: Option<u64>,
    pub(crate) verify_result: i32,
    pub(crate) marked: bool,
}

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) mode: CacheMode,
    pub(crate) timeout: u64,
    pub(crate) sessions_max: usize,
    pub(crate) bytes_max: usize,
    pub(crate) session_bytes_max: usize,
    pub(crate) context: usize,
    pub(crate) new_hook: Option<NewPlan>,
    pub(crate) remove_hook: Option<RemovePlan>,
    pub(crate) get_hook: Option<GetPlan>,
    pub(crate) generator: Option<GeneratorPlan>,
}

pub(crate) struct Cache {
    /// In the order in which they came, or got another time.
    pub(crate) list: Vec<usize>,
    pub(crate) settings: Settings,
    pub(crate) figures: Statistics,
    /// Handshakes of connections that began here.
    pub(crate) completed: u64,
    pub(crate) next_clearing: u64,
    pub(crate) is_over: bool,
}

pub(crate) struct Model {
    /// Whose word counts: the manual's or the library's.
    pub(crate) documented: bool,
    pub(crate) now: u64,
    pub(crate) sessions: Vec<Facts>,
    /// Those that are over, too.
    pub(crate) caches: Vec<Cache>,
    pub(crate) slots: [usize; SLOTS],
    pub(crate) hands: [Option<usize>; HANDS],
    pub(crate) connections: [Option<Slot>; CONNECTIONS],
    /// The calls of hooks, and what they did.
    pub(crate) log: Vec<String>,
    pub(crate) script: VecDeque<CacheOperation>,
    /// Of whom remove hooks are just being told.
    told: Vec<(usize, Name)>,
    /// What leaves at this moment, where a get hook could bring it back.
    leaving: Vec<(usize, Name)>,
    /// What get hooks are being asked for, and whether their answer still counts.
    asked: Vec<(usize, Name, bool)>,
}

pub(crate) fn id_bytes(id: Option<u8>) -> usize {
    id.map_or(0, |id| 4 + 9 * usize::from(id))
}

/// What was counted at all.
pub(crate) fn shown(figures: &Statistics) -> String {
    let counted = figures.figures().filter(|(_, figure)| *figure != 0);
    counted.map(|(name, figure)| format!("{name} {figure}, ")).collect()
}

fn unlimited_if_0(limit: usize) -> usize {
    if limit == 0 { usize::MAX } else { limit }
}

impl Model {
    pub(crate) fn new(documented: bool, sizes: [usize; SLOTS]) -> Model {
        let mut model = Model {
            documented,
            now: START,
            sessions: Vec::new(),
            caches: Vec::new(),
            slots: [0; SLOTS],
            hands: [None; HANDS],
            connections: [const { None }; CONNECTIONS],
            log: Vec::new(),
            script: VecDeque::new(),
            told: Vec::new(),
            leaving: Vec::new(),
            asked: Vec::new(),
        };
        for (slot, sessions_max) in sizes.into_iter().enumerate() {
            model.slots[slot] = model.new_cache(sessions_max);
        }
        model
    }

    pub(crate) fn new_cache(&mut self, sessions_max: usize) -> usize {
        let settings = Settings {
            mode: CacheMode::SERVER,
            timeout: self.timeout_default(),
            sessions_max,
            bytes_max: 64 << 20,
            session_bytes_max: 16 << 10,
            context: 0,
            new_hook: None,
            remove_hook: None,
            get_hook: None,
            generator: None,
        };
        let figures = Statistics::default();
        let list = Vec::new();
        self.caches.push(Cache {
            list,
            settings,
            figures,
            completed: 0,
            next_clearing: CLEARED_EVERY,
            is_over: false,
        });
        self.caches.len() - 1
    }

    /// C7.
    fn timeout_default(&self) -> u64 {
        if self.documented { 300 } else { 7_200 }
    }

    pub(crate) fn cap(&self, version: u16) -> u64 {
        match (self.documented, version) {
            (false, _) => u64::MAX,
            (true, 0x0304) => LIFETIME_MAX_TLS13,
            (true, _) => LIFETIME_MAX,
        }
    }

    pub(crate) fn expires(&self, session: usize) -> u64 {
        let facts = &self.sessions[session];
        let own = facts.created.saturating_add(facts.timeout);
        own.min(facts.authenticated.saturating_add(self.cap(facts.name.version)))
    }

    pub(crate) fn is_expired(&self, session: usize, now: u64) -> bool {
        now > self.expires(session)
    }

    fn cost(&self, session: usize) -> usize {
        let facts = &self.sessions[session];
        128 + id_bytes(facts.name.id) + CONTEXTS[facts.context].len() + facts.payload_bytes
    }

    fn bytes(&self, cache: usize) -> usize {
        self.caches[cache].list.iter().map(|&session| self.cost(session)).sum()
    }

    pub(crate) fn is_resumable(&self, session: usize) -> bool {
        let facts = &self.sessions[session];
        !facts.marked && (facts.name.id.is_some() || facts.ticket.is_some())
    }

    /// Which cache a session is in.
    fn home(&self, session: usize) -> Option<usize> {
        self.caches.iter().position(|cache| cache.list.contains(&session))
    }

    pub(crate) fn may_have(&self, cache: usize, session: usize) -> bool {
        self.home(session).is_none_or(|home| home == cache)
    }

    pub(crate) fn at(&self, cache: usize, name: Name) -> Option<usize> {
        let list = &self.caches[cache].list;
        name.id
            .and_then(|_| list.iter().copied().find(|&session| self.sessions[session].name == name))
    }

    pub(crate) fn settings(&self, cache: usize) -> Settings {
        self.caches[cache].settings.clone()
    }

    pub(crate) fn references(&self, session: usize) -> u32 {
        let in_hands = self.hands.iter().filter(|hand| **hand == Some(session)).count();
        let connections = self.connections.iter().flatten();
        let attached = connections.filter(|slot| slot.session == Some(session)).count();
        (in_hands + attached) as u32 + u32::from(self.home(session).is_some())
    }

    pub(crate) fn figures(&self, cache: usize) -> Statistics {
        let mut figures = self.caches[cache].figures;
        figures.number = self.caches[cache].list.len() as u64;
        figures
    }

    pub(crate) fn make(&mut self, cache: usize, making: &Making, context: usize) -> usize {
        let set = self.caches[cache].settings.timeout;
        let default = if set == 0 { self.timeout_default() } else { set };
        let timeout = making.timeout.unwrap_or(default).min(self.cap(making.name.version));
        self.build(making, context, self.now, timeout)
    }

    fn build(&mut self, making: &Making, context: usize, now: u64, timeout: u64) -> usize {
        let created = making.created.unwrap_or(now);
        self.sessions.push(Facts {
            name: making.name,
            context,
            payload_bytes: making.payload_bytes,
            created,
            timeout,
            authenticated: making.authenticated.unwrap_or(created),
            ticket: making.ticket,
            verify_result: making.verify_result,
            marked: false,
        });
        self.sessions.len() - 1
    }

    pub(crate) fn duplicate(&mut self, session: usize) -> usize {
        let facts = &self.sessions[session];
        self.sessions.push(Facts { ..*facts });
        self.sessions.len() - 1
    }

    // Who comes in.

    fn check_storable(
        &mut self,
        cache: usize,
        settings: &Settings,
        session: usize,
    ) -> Result<(), NotStored> {
        let facts = &self.sessions[session];
        if facts.name.id.is_none() {
            return Err(NotStored::NoId);
        }
        let (version, timeout) = (facts.name.version, facts.timeout);
        let bytes = self.cost(session);
        let bytes_max =
            unlimited_if_0(settings.session_bytes_max).min(unlimited_if_0(settings.bytes_max));
        if bytes > bytes_max {
            self.caches[cache].figures.not_stored += 1;
            return Err(NotStored::TooLarge { bytes, bytes_max });
        }
        if self.documented && version == 0x0304 && timeout == 0 {
            return Err(NotStored::NeverValid);
        }
        Ok(())
    }

    /// R150 to R154, R169 to R178.
    pub(crate) fn add(
        &mut self,
        cache: usize,
        settings: &Settings,
        session: usize,
    ) -> Result<Added, NotStored> {
        self.check_storable(cache, settings, session)?;
        let bytes = self.cost(session);
        // A hook has lowered it since.
        let bytes_max = unlimited_if_0(self.caches[cache].settings.bytes_max);
        if bytes > bytes_max {
            self.caches[cache].figures.not_stored += 1;
            return Err(NotStored::TooLarge { bytes, bytes_max });
        }
        if !self.may_have(cache, session) {
            return Err(NotStored::OtherCache);
        }
        if !self.documented && settings.mode.contains(CacheMode::UPDATE_TIME) {
            self.set_created(cache, session, self.now);
        }
        if self.home(session).is_some() {
            // C16.
            if !self.documented {
                self.moves(session);
            }
            return Ok(Added::Identical);
        }
        let replaced = self.at(cache, self.sessions[session].name);
        if let Some(replaced) = replaced {
            self.leaves(cache, replaced, Departure::Replaced);
        }
        let evicted = self.evict(cache, 1, bytes);
        self.caches[cache].list.push(session);
        self.caches[cache].figures.stored += 1;
        if let Some(replaced) = replaced.filter(|_| self.documented) {
            self.report(cache, settings, replaced, Departure::Replaced);
        }
        for evicted in evicted {
            self.report(cache, settings, evicted, Departure::Evicted);
        }
        Ok(if replaced.is_some() { Added::Replaced } else { Added::New })
    }

    /// Makes room for so many more.
    fn evict(&mut self, cache: usize, more: usize, more_bytes: usize) -> Vec<usize> {
        let mut evicted = Vec::new();
        while self.has_too_many(cache, more, more_bytes) && !self.caches[cache].list.is_empty() {
            let list = &self.caches[cache].list;
            let victim = *list.iter().min_by_key(|&&session| self.expires(session)).unwrap();
            self.leaves(cache, victim, Departure::Evicted);
            evicted.push(victim);
        }
        evicted
    }

    fn has_too_many(&self, cache: usize, more: usize, more_bytes: usize) -> bool {
        let settings = &self.caches[cache].settings;
        let capacity = match settings.sessions_max {
            0 => usize::MAX,
            // C8.
            n if !self.documented => (n - 1).max(1),
            n => n,
        };
        self.caches[cache].list.len() + more > capacity
            || self.bytes(cache) + more_bytes > unlimited_if_0(settings.bytes_max)
    }

    // Who leaves, and who is told.

    fn leaves(&mut self, cache: usize, session: usize, why: Departure) {
        self.goes(cache, session, why);
        if !matches!(why, Departure::Replaced | Departure::Taken | Departure::Refused) {
            self.sessions[session].marked = true;
        }
    }

    fn goes(&mut self, cache: usize, session: usize, why: Departure) {
        let cache = &mut self.caches[cache];
        cache.list.retain(|&listed| listed != session);
        *match why {
            Departure::Replaced => &mut cache.figures.replaced,
            Departure::Expired => &mut cache.figures.expired,
            Departure::Taken => &mut cache.figures.taken,
            Departure::Removed => &mut cache.figures.removed,
            Departure::Evicted => &mut cache.figures.cache_full,
            Departure::Flushed => &mut cache.figures.flushed,
            Departure::Refused => &mut cache.figures.refused,
            _ => unreachable!("no other reason is known"),
        } += 1;
    }

    pub(crate) fn leaves_and_is_reported(
        &mut self,
        cache: usize,
        settings: &Settings,
        session: usize,
        why: Departure,
    ) {
        self.leave(cache, settings, session, why);
        self.leaves(cache, session, why);
        self.report(cache, settings, session, why);
        self.has_left(cache, settings, session, why);
    }

    /// What leaves by itself is not brought back from outside until the hooks were told.
    fn leave(&mut self, cache: usize, settings: &Settings, session: usize, why: Departure) {
        if self.may_be_brought_back(settings, why) {
            let name = self.sessions[session].name;
            self.leaving.push((cache, name));
            let asked = self.asked.iter_mut().filter(|asked| (asked.0, asked.1) == (cache, name));
            asked.for_each(|asked| asked.2 = false);
        }
    }

    fn has_left(&mut self, cache: usize, settings: &Settings, session: usize, why: Departure) {
        if self.may_be_brought_back(settings, why) {
            let name = self.sessions[session].name;
            let at = self.leaving.iter().position(|&left| left == (cache, name));
            self.leaving.remove(at.expect("it was put there"));
        }
    }

    fn may_be_brought_back(&self, settings: &Settings, why: Departure) -> bool {
        self.documented && settings.get_hook.is_some() && why != Departure::Evicted
    }

    /// One that is too old leaves, and is reported whether it was inside or not.
    pub(crate) fn drop_expired(&mut self, cache: usize, settings: &Settings, session: usize) {
        let why = Departure::Expired;
        if !self.documented {
            self.remove(cache, settings, session, why);
            return;
        }
        if self.caches[cache].list.contains(&session) {
            self.leaves_and_is_reported(cache, settings, session, why);
            return;
        }
        self.leave(cache, settings, session, why);
        let is_first = !std::mem::replace(&mut self.sessions[session].marked, true);
        // What is under its name is another one, here and outside.
        if is_first && self.at(cache, self.sessions[session].name).is_none() {
            self.report_absent(cache, settings, session, why);
        }
        self.has_left(cache, settings, session, why);
    }

    fn report(&mut self, cache: usize, settings: &Settings, session: usize, why: Departure) {
        let Some(plan) = settings.remove_hook else { return };
        let told = (cache, self.sessions[session].name);
        self.told.push(told);
        let (is_resumable, len) = (self.is_resumable(session), self.caches[cache].list.len());
        self.log.push(format!("remove hook {cache}: {session} {why:?} {is_resumable} of {len}"));
        if let Some(hand) = plan.hand {
            self.hands[hand] = Some(session);
        }
        self.act(cache);
        self.caches[cache].figures.hook_panics += u64::from(plan.panics);
        let at = self.told.iter().rposition(|&other| other == told);
        self.told.remove(at.expect("it was put there"));
    }

    /// A hook that drops what it is being told of is not told of that.
    fn report_absent(&mut self, cache: usize, settings: &Settings, session: usize, why: Departure) {
        if !self.told.contains(&(cache, self.sessions[session].name)) {
            self.report(cache, settings, session, why);
        }
    }

    /// What a hook does next.
    fn act(&mut self, cache: usize) {
        if let Some(operation) = self.script.pop_front() {
            let outcome = self.on_cache(cache, &operation);
            self.log.push(outcome);
        }
    }

    /// C9: what is under the session's name leaves.
    pub(crate) fn remove(
        &mut self,
        cache: usize,
        settings: &Settings,
        session: usize,
        why: Departure,
    ) -> bool {
        if self.sessions[session].name.id.is_none() {
            return false;
        }
        self.leave(cache, settings, session, why);
        let found = self.at(cache, self.sessions[session].name);
        self.sessions[session].marked = true;
        if let Some(found) = found {
            self.goes(cache, found, why);
            self.sessions[found].marked |= self.documented;
        }
        match found {
            Some(found) => {
                let told = if self.documented { found } else { session };
                self.report(cache, settings, told, why);
            }
            None => self.report_absent(cache, settings, session, why),
        }
        self.has_left(cache, settings, session, why);
        found.is_some()
    }

    /// All that expire before an end, or all.
    pub(crate) fn flush(&mut self, cache: usize, end: Option<u64>) -> usize {
        let settings = self.settings(cache);
        let mut flushed = self.caches[cache].list.clone();
        flushed.retain(|&session| end.is_none_or(|end| self.expires(session) < end));
        flushed.sort_by_key(|&session| self.expires(session));
        for &session in &flushed {
            self.leaves(cache, session, Departure::Flushed);
        }
        for &session in &flushed {
            self.report(cache, &settings, session, Departure::Flushed);
        }
        flushed.len()
    }

    /// Comes by the sessions in an order that is none: the cache's.
    pub(crate) fn remove_if_odd(&mut self, cache: usize, odd: bool, order: &[usize]) -> String {
        let settings = self.settings(cache);
        let (mut listed, mut met) = (self.caches[cache].list.clone(), order.to_vec());
        listed.sort_unstable();
        met.sort_unstable();
        assert_eq!(met, listed, "each is met once");
        let mut removed = 0;
        for &session in order.iter().filter(|&&session| (session % 2 == 1) == odd) {
            if self.caches[cache].list.contains(&session) {
                self.leaves_and_is_reported(cache, &settings, session, Departure::Removed);
                removed += 1;
            }
        }
        format!("{removed}")
    }

    /// C3.
    pub(crate) fn clear_when_due(&mut self, cache: usize, settings: &Settings) {
        self.caches[cache].completed += 1;
        let connections = self.caches[cache].completed;
        if !settings.mode.contains(CacheMode::NO_AUTO_CLEAR)
            && connections >= self.caches[cache].next_clearing
        {
            self.caches[cache].next_clearing = connections + CLEARED_EVERY;
            self.flush(cache, Some(self.now));
        }
    }

    /// R138, R167: when nobody holds it any more.
    pub(crate) fn end_if_unheld(&mut self, cache: usize) {
        let holds = |slot: &Slot| slot.cache == Some(cache) || slot.current == Some(cache);
        let is_held = self.slots.contains(&cache) || self.connections.iter().flatten().any(holds);
        if is_held || self.caches[cache].is_over {
            return;
        }
        self.caches[cache].is_over = true;
        self.flush(cache, None);
        // What its hooks put into it meanwhile.
        self.caches[cache].settings.remove_hook = None;
        self.flush(cache, None);
    }

    /// C6.
    pub(crate) fn used(&mut self, cache: usize, settings: &Settings, session: usize, now: u64) {
        if self.documented
            && settings.mode.contains(CacheMode::UPDATE_TIME)
            && !self.is_expired(session, now)
        {
            let now = now.max(self.sessions[session].created);
            self.set_created(cache, session, now);
        }
    }

    /// A session in another cache is not changed.
    fn set_created(&mut self, cache: usize, session: usize, created: u64) -> bool {
        let may = self.may_have(cache, session);
        if may {
            self.sessions[session].created = created;
            self.moves(session);
        }
        may
    }

    fn set_timeout_of(&mut self, cache: usize, session: usize, timeout: u64) -> bool {
        let may = self.may_have(cache, session);
        if may {
            self.sessions[session].timeout = timeout;
            self.moves(session);
        }
        may
    }

    /// It comes behind all that expire with it (R19).
    fn moves(&mut self, session: usize) {
        if let Some(home) = self.home(session) {
            let list = &mut self.caches[home].list;
            list.retain(|&listed| listed != session);
            list.push(session);
        }
    }

    fn insert(
        &mut self,
        cache: usize,
        context: usize,
        making: &Making,
    ) -> Result<usize, NotStored> {
        let settings = &self.settings(cache);
        let session = self.make(cache, making, context);
        if !settings.mode.contains(CacheMode::SERVER) {
            return Err(NotStored::Mode);
        }
        if settings.mode.contains(CacheMode::NO_INTERNAL_STORE) {
            self.sessions[session].name.id.ok_or(NotStored::NoId)?;
        } else {
            self.add(cache, settings, session)?;
        }
        // R135.
        if self.is_resumable(session) {
            self.announce(cache, settings, session, "view");
        }
        Ok(session)
    }

    /// The new hook: R122 to R127.
    pub(crate) fn announce(&mut self, cache: usize, settings: &Settings, session: usize, by: &str) {
        let Some(plan) = settings.new_hook else { return };
        let is_resumable = self.is_resumable(session);
        self.log.push(format!("new hook {cache}: {session} {is_resumable} by {by}"));
        if let Some(hand) = plan.hand {
            self.hands[hand] = Some(session);
        }
        self.act(cache);
        self.caches[cache].figures.hook_panics += u64::from(plan.keep.is_none());
        if plan.keep == Some(Keep::No)
            && self.documented
            && self.caches[cache].list.contains(&session)
        {
            self.leaves(cache, session, Departure::Refused);
        }
    }

    pub(crate) fn change(&mut self, cache: usize, change: impl FnOnce(&mut Settings)) {
        change(&mut self.caches[cache].settings);
        if self.documented {
            let settings = self.settings(cache);
            while self.has_too_many(cache, 0, 0) {
                let list = &self.caches[cache].list;
                let victim = *list.iter().min_by_key(|&&session| self.expires(session)).unwrap();
                self.leaves_and_is_reported(cache, &settings, victim, Departure::Evicted);
            }
        }
    }
}
