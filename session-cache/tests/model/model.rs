//! The cache as one would write it if nothing else mattered: sessions in lists in the order in which they
//! came, one thread, no sharing. Written from the rules; what is found by whom, who leaves and who is told
//! is here in the open.

use std::collections::VecDeque;

use session_cache::{Added, CacheMode, Departure, Keep, NotStored, Statistics, Wanted};

use crate::connection::Slot;
use crate::operation::{
    CONNECTIONS, CONTEXTS, CacheOperation, GeneratorPlan, GetPlan, HANDS, HandOperation, Making,
    Name, NewPlan, RemovePlan, SLOTS, START,
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

    // Who is found.

    fn looks_inside(&self, settings: &Settings) -> bool {
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
    fn take_copies(&mut self, cache: usize, settings: &Settings, answer: usize) {
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
    fn counts(&self) -> bool {
        self.asked.last().is_some_and(|asked| asked.2)
    }

    fn asks(
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

    fn answer(
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
    fn find(
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

    fn view_finds(
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

    // The operations.

    pub(crate) fn on_cache(&mut self, cache: usize, operation: &CacheOperation) -> String {
        match operation {
            CacheOperation::Make { context, making, hand } => {
                let session = self.make(cache, making, *context);
                self.hands[*hand] = Some(session);
                format!("{session}")
            }
            CacheOperation::Insert { context, making, hand } => {
                let inserted = self.insert(cache, *context, making);
                self.keep(inserted.ok(), *hand);
                format!("{inserted:?}")
            }
            CacheOperation::Lookup { context, name, at, hand } => {
                let asked = (*name, *context, Wanted::Lookup);
                let found = self.view_finds(cache, asked, at.unwrap_or(self.now));
                self.keep(found, *hand);
                format!("{found:?}")
            }
            CacheOperation::Take { context, name, hand } => {
                let taken = self.view_finds(cache, (*name, *context, Wanted::Take), self.now);
                self.keep(taken, *hand);
                format!("{taken:?}")
            }
            CacheOperation::RemoveNamed { context, name } => {
                let settings = &self.settings(cache);
                let found = self.find(cache, settings, *name, *context, self.now);
                if let Ok(found) = found {
                    self.leaves_and_is_reported(cache, settings, found, Departure::Removed);
                }
                format!("{}", found.is_ok())
            }
            CacheOperation::Flush(at) => {
                format!("{}", self.flush(cache, if *at == 0 { None } else { Some(*at) }))
            }
            CacheOperation::FlushExpired => format!("{}", self.flush(cache, Some(self.now))),
            CacheOperation::ForEach => {
                let mut all = self.caches[cache].list.clone();
                all.sort_unstable();
                format!("{all:?}")
            }
            CacheOperation::Add(hand)
            | CacheOperation::Remove(hand)
            | CacheOperation::ExpiresHere(hand)
            | CacheOperation::SetCreated { hand, .. }
            | CacheOperation::SetTimeoutOf { hand, .. } => match self.hands[*hand] {
                Some(session) => self.with_session(cache, session, operation),
                None => "empty".to_string(),
            },
            setting => self.on_settings(cache, setting),
        }
    }

    fn keep(&mut self, session: Option<usize>, hand: Option<usize>) {
        if let (Some(session), Some(hand)) = (session, hand) {
            self.hands[hand] = Some(session);
        }
    }

    fn with_session(&mut self, cache: usize, session: usize, operation: &CacheOperation) -> String {
        let settings = &self.settings(cache);
        match *operation {
            CacheOperation::Add(_) => {
                let sides = [CacheMode::CLIENT, CacheMode::SERVER];
                // C2.
                if self.documented && !sides.iter().any(|&side| settings.mode.contains(side)) {
                    return format!("{:?}", Err::<Added, _>(NotStored::Mode));
                }
                format!("{:?}", self.add(cache, settings, session))
            }
            CacheOperation::Remove(_) => {
                format!("{}", self.remove(cache, settings, session, Departure::Removed))
            }
            CacheOperation::ExpiresHere(_) => format!("{}", self.expires(session)),
            CacheOperation::SetCreated { created, .. } => {
                format!("{}", self.set_created(cache, session, created))
            }
            CacheOperation::SetTimeoutOf { timeout, .. } => {
                format!("{}", self.set_timeout_of(cache, session, timeout))
            }
            _ => unreachable!("it is not about one session"),
        }
    }

    fn on_settings(&mut self, cache: usize, operation: &CacheOperation) -> String {
        let before = self.settings(cache);
        match operation.clone() {
            CacheOperation::SetMode(bits) => {
                self.change(cache, |settings| settings.mode = CacheMode::from_bits(bits));
                format!("{:#x}", before.mode.bits())
            }
            CacheOperation::SetSessionsMax(sessions_max) => {
                if sessions_max > 16_777_216 {
                    return "refused".to_string();
                }
                self.change(cache, |settings| settings.sessions_max = sessions_max);
                format!("{}", before.sessions_max)
            }
            CacheOperation::SetBytesMax(bytes_max) => {
                self.change(cache, |settings| settings.bytes_max = bytes_max);
                format!("{}", before.bytes_max)
            }
            CacheOperation::SetSessionBytesMax(bytes_max) => {
                self.change(cache, |settings| settings.session_bytes_max = bytes_max);
                format!("{}", before.session_bytes_max)
            }
            CacheOperation::SetTimeout(timeout) => {
                self.change(cache, |settings| settings.timeout = timeout);
                format!("{}", before.timeout)
            }
            CacheOperation::SetIdContext(context) => {
                self.change(cache, |settings| settings.context = context);
                format!("{}", before.context)
            }
            CacheOperation::SetNewHook(plan) => {
                self.change(cache, |settings| settings.new_hook = plan);
                format!("{}", before.new_hook.is_some())
            }
            CacheOperation::SetRemoveHook(plan) => {
                self.change(cache, |settings| settings.remove_hook = plan);
                format!("{}", before.remove_hook.is_some())
            }
            CacheOperation::SetGetHook(plan) => {
                self.change(cache, |settings| settings.get_hook = plan);
                format!("{}", before.get_hook.is_some())
            }
            CacheOperation::SetGenerator(plan) => {
                self.change(cache, |settings| settings.generator = plan);
                format!("{}", before.generator.is_some())
            }
            _ => unreachable!("it is no setting"),
        }
    }

    pub(crate) fn on_hand(&mut self, hand: usize, operation: &HandOperation) -> String {
        if let HandOperation::Build { making, context } = operation {
            // R1.
            let timeout = making.timeout.unwrap_or(304);
            let session = self.build(making, *context, self.now, timeout);
            self.hands[hand] = Some(session);
            return format!("{session}");
        }
        let Some(session) = self.hands[hand] else { return "empty".to_string() };
        let is_free = self.home(session).is_none();
        match *operation {
            HandOperation::CloneTo(other) => self.hands[other] = Some(session),
            HandOperation::DuplicateTo(other) => self.hands[other] = Some(self.duplicate(session)),
            HandOperation::Drop => self.hands[hand] = None,
            HandOperation::Mark => self.sessions[session].marked = true,
            HandOperation::SetCreated(created) => {
                if is_free {
                    self.sessions[session].created = created;
                }
                return format!("{is_free}");
            }
            HandOperation::SetTimeout(timeout) => {
                if is_free {
                    self.sessions[session].timeout = timeout;
                }
                return format!("{is_free}");
            }
            HandOperation::Build { .. } => unreachable!("done above"),
        }
        "done".to_string()
    }

    fn shown(&self, session: usize) -> String {
        let Facts { created, timeout, .. } = self.sessions[session];
        format!("{session}: {} {created} {timeout}", self.is_resumable(session))
    }

    /// All that can be seen of it.
    pub(crate) fn view(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for &cache in &self.slots {
            let Cache { list, settings, .. } = &self.caches[cache];
            let mode = settings.mode.bits();
            lines.push(format!("{cache}: {} {} {mode:#x}", list.len(), self.bytes(cache)));
            lines.push(shown(&self.figures(cache)));
            let mut inside = list.clone();
            inside.sort_unstable();
            lines.extend(inside.into_iter().map(|session| self.shown(session)));
        }
        for session in self.hands.iter().flatten().copied() {
            let Facts { authenticated, verify_result, .. } = self.sessions[session];
            let references = self.references(session);
            let shown = self.shown(session);
            lines.push(format!("{shown} {references} {authenticated} {verify_result}"));
        }
        lines.extend(self.connections.iter().flatten().map(Slot::shown));
        lines
    }
}
