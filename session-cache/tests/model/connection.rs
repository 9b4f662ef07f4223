//! The model of a connection: a slot for one session.

use session_cache::{CacheMode, Departure, Fatal, OfOtherCache, Tickets, Wanted};

use crate::model::{Model, Settings};
use crate::operation::{ConnectionOperation, GeneratorPlan, Making, Name};

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Before,
    During,
    Established,
    Failed,
}

#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// None once it is let go.
    pub(crate) cache: Option<usize>,
    pub(crate) current: Option<usize>,
    is_server: bool,
    state: State,
    version: u16,
    context: usize,
    generator: Option<GeneratorPlan>,
    verify_peer: bool,
    verify_result: i32,
    pub(crate) session: Option<usize>,
    reused: bool,
    /// Where this handshake counts as begun, as long as that may still change.
    counted_in: Option<usize>,
    sent: bool,
    received: bool,
}

impl Slot {
    pub(crate) fn shown(&self) -> String {
        format!(
            "connection: {:?} {} {} {} {} {}",
            self.session, self.reused, self.verify_result, self.context, self.sent, self.received
        )
    }
}

impl Model {
    /// Where the sessions of the connection are.
    fn cache_of(&self, at: usize) -> usize {
        self.slot(at).cache.expect("it is open")
    }

    fn slot(&self, at: usize) -> &Slot {
        self.connections[at].as_ref().expect("it is open")
    }

    fn slot_mut(&mut self, at: usize) -> &mut Slot {
        self.connections[at].as_mut().expect("it is open")
    }

    pub(crate) fn on_connection(&mut self, at: usize, operation: &ConnectionOperation) -> String {
        if let ConnectionOperation::Open { slot, is_server } = *operation {
            return self.open(at, self.slots[slot], is_server);
        }
        if self.connections[at].is_none() {
            return "closed".to_string();
        }
        match operation {
            ConnectionOperation::Drop => {
                let old = self.connections[at].take();
                self.let_go(at, old);
            }
            ConnectionOperation::SetIdContext(context) => self.slot_mut(at).context = *context,
            ConnectionOperation::SetVerifyPeer(verify) => self.slot_mut(at).verify_peer = *verify,
            ConnectionOperation::SetGenerator(plan) => self.slot_mut(at).generator = *plan,
            ConnectionOperation::SetSession(hand) => {
                return self.set_session(at, hand.and_then(|hand| self.hands[hand]));
            }
            ConnectionOperation::OwnSession(hand) => self.hands[*hand] = self.slot(at).session,
            ConnectionOperation::HasMatchingId(id) => {
                let name = Name { version: self.slot(at).version, id: *id };
                return format!("{}", self.at(self.cache_of(at), name).is_some());
            }
            ConnectionOperation::Begin(version) => self.begin(at, *version),
            ConnectionOperation::SetVersion(version) => self.slot_mut(at).version = *version,
            ConnectionOperation::NewSession(making) => {
                self.new_session(at, making);
            }
            ConnectionOperation::Attach(making) => self.attach(at, making),
            ConnectionOperation::AttachNext(id) => self.attach_next(at, *id),
            ConnectionOperation::Established(tickets) => self.established(at, *tickets),
            ConnectionOperation::Finish => self.finish(at),
            ConnectionOperation::SetShutdown { sent, received } => {
                (self.slot_mut(at).sent, self.slot_mut(at).received) = (*sent, *received);
            }
            ConnectionOperation::FatalAlertSent => {
                if !self.slot(at).sent {
                    self.fail(at);
                }
                self.slot_mut(at).state = State::Failed;
            }
            ConnectionOperation::FatalAlertReceived => {
                self.slot_mut(at).received = true;
                self.fail(at);
                self.slot_mut(at).state = State::Failed;
            }
            ConnectionOperation::Clear => self.clear(at),
            ConnectionOperation::SwitchCache(slot) => self.switch_cache(at, self.slots[*slot]),
            ConnectionOperation::Offer { disabled, hand } => {
                let offered = self.offer(at, *disabled);
                if let (Some(_), Some(hand)) = (offered, hand) {
                    self.hands[*hand] = offered;
                }
                return format!("{offered:?}");
            }
            ConnectionOperation::Accepted => return format!("{:?}", self.accepted(at)),
            ConnectionOperation::Declined => self.declined(at),
            ConnectionOperation::Resume(id) => return format!("{:?}", self.resume(at, *id)),
            ConnectionOperation::ResumeOnce(id) => {
                return format!("{:?}", self.resume_once(at, *id));
            }
            ConnectionOperation::ResumeTicket(hand) => {
                let Some(session) = self.hands[*hand] else { return "empty".to_string() };
                self.detach(at);
                return format!(
                    "{:?}",
                    self.accept(at, &self.settings(self.cache_of(at)), session, false)
                );
            }
            ConnectionOperation::NewId => return self.new_id(at),
            ConnectionOperation::Handshakes(count) => {
                for _ in 0..*count {
                    self.begin(at, 0x0303);
                    self.finish(at);
                }
            }
            ConnectionOperation::Open { .. } => unreachable!("done above"),
        }
        "done".to_string()
    }

    fn open(&mut self, at: usize, cache: usize, is_server: bool) -> String {
        let slot = Slot {
            cache: Some(cache),
            current: Some(cache),
            is_server,
            state: State::Before,
            version: 0,
            context: self.caches[cache].settings.context,
            generator: None,
            verify_peer: false,
            verify_result: 0,
            session: None,
            reused: false,
            counted_in: None,
            sent: false,
            received: false,
        };
        let old = self.connections[at].replace(slot);
        self.let_go(at, old);
        "done".to_string()
    }

    /// `SSL_free`.
    fn let_go(&mut self, at: usize, old: Option<Slot>) {
        let Some(old) = old else { return };
        // What stands in its place, if something does, waits.
        let new = self.connections[at].replace(old);
        self.drop_if_unclean(at);
        let cache = self.slot_mut(at).cache.take().expect("it is open");
        let new_holds =
            |slot: &Slot, cache| slot.cache == Some(cache) || slot.current == Some(cache);
        if !new.as_ref().is_some_and(|new| new_holds(new, cache)) {
            self.end_if_unheld(cache);
        }
        let current = self.slot_mut(at).current.take().expect("it is open");
        if !new.as_ref().is_some_and(|new| new_holds(new, current)) {
            self.end_if_unheld(current);
        }
        self.connections[at] = new;
    }

    fn fail(&mut self, at: usize) {
        // C4: it is dropped as bad once.
        if self.slot(at).state == State::Failed {
            return;
        }
        if let Some(session) = self.slot(at).session {
            let cache = self.cache_of(at);
            self.remove(cache, &self.settings(cache), session, Departure::Removed);
        }
    }

    /// Section "bad session": R35, R36, R179 to R184.
    fn drop_if_unclean(&mut self, at: usize) -> bool {
        let is_unclean = self.slot(at).state == State::Established && !self.slot(at).sent;
        if is_unclean {
            self.fail(at);
        }
        is_unclean
    }

    fn set_session(&mut self, at: usize, session: Option<usize>) -> String {
        if session.is_some_and(|session| !self.may_have(self.cache_of(at), session)) {
            return format!("{:?}", Err::<(), _>(OfOtherCache));
        }
        self.drop_if_unclean(at);
        if let Some(session) = session {
            self.slot_mut(at).verify_result = self.sessions[session].verify_result;
        }
        self.slot_mut(at).session = session;
        format!("{:?}", Ok::<_, OfOtherCache>(()))
    }

    fn clear(&mut self, at: usize) {
        if self.drop_if_unclean(at) {
            self.slot_mut(at).session = None;
        }
        let slot = self.slot_mut(at);
        (slot.state, slot.reused, slot.counted_in) = (State::Before, false, None);
        (slot.sent, slot.received) = (false, false);
    }

    /// R121, and the table of statistics: which context counts what.
    fn begin(&mut self, at: usize, version: u16) {
        let slot = self.slot_mut(at);
        let renegotiates = slot.state == State::Established;
        (slot.state, slot.version) = (State::During, version);
        let (cache, current) = (slot.cache.unwrap(), slot.current.unwrap());
        slot.counted_in = (!renegotiates).then_some(cache);
        match (slot.is_server, renegotiates) {
            (false, false) => self.caches[cache].figures.connect += 1,
            (false, true) => self.caches[cache].figures.connect_renegotiate += 1,
            (true, false) => self.caches[cache].figures.accept += 1,
            (true, true) => self.caches[current].figures.accept_renegotiate += 1,
        }
    }

    fn switch_cache(&mut self, at: usize, other: usize) {
        let old = self.slot(at).current.unwrap();
        if self.slot(at).context == self.caches[old].settings.context {
            self.slot_mut(at).context = self.caches[other].settings.context;
        }
        let slot = self.slot_mut(at);
        slot.current = Some(other);
        if slot.is_server && slot.state == State::During {
            if let Some(counted_in) = slot.counted_in.replace(other) {
                self.caches[counted_in].figures.accept -= 1;
                self.caches[other].figures.accept += 1;
            } else {
                slot.counted_in = None;
            }
        }
        self.end_if_unheld(old);
    }

    fn new_session(&mut self, at: usize, making: &Making) {
        let session = self.make(self.cache_of(at), making, self.slot(at).context);
        let verify_result = making.verify_result;
        let slot = self.slot_mut(at);
        (slot.session, slot.reused, slot.verify_result) = (Some(session), false, verify_result);
    }

    fn attach(&mut self, at: usize, making: &Making) {
        let in_use = self.slot(at).session;
        let context = in_use.map_or(self.slot(at).context, |old| self.sessions[old].context);
        let session = self.make(self.cache_of(at), making, context);
        self.takes_its_place(at, session);
    }

    fn attach_next(&mut self, at: usize, id: Option<u8>) {
        let Some(session) = self.slot(at).session else { return };
        let next = self.duplicate(session);
        let cap = self.cap(self.sessions[next].name.version);
        let facts = &mut self.sessions[next];
        (facts.name.id, facts.marked) = (id, false);
        facts.timeout = facts.timeout.min(cap);
        self.takes_its_place(at, next);
    }

    /// A renewed ticket: R133.
    fn takes_its_place(&mut self, at: usize, session: usize) {
        let (slot, cache) = (self.slot(at).clone(), self.cache_of(at));
        let settings = &self.settings(cache);
        if !slot.is_server && settings.mode.contains(CacheMode::CLIENT) {
            let old = slot.session.filter(|&old| self.sessions[old].name.version != 0x0304);
            if let Some(old) = old {
                self.remove(cache, settings, old, Departure::Removed);
            }
        }
        self.slot_mut(at).session = Some(session);
    }

    /// Section "the update step": R59, R72 to R75, R90, R122 to R135, R197.
    fn established(&mut self, at: usize, tickets: Tickets) {
        let (slot, cache) = (self.slot(at).clone(), self.cache_of(at));
        let settings = &self.settings(cache);
        let Some(session) = slot.session else { return };
        let facts = &self.sessions[session];
        if facts.name.id.is_none() || facts.marked {
            return;
        }
        if slot.is_server && slot.verify_peer && facts.context == 0 {
            return;
        }
        let side = if slot.is_server { CacheMode::SERVER } else { CacheMode::CLIENT };
        if !settings.mode.contains(side) {
            return;
        }
        if !slot.reused || facts.name.version == 0x0304 {
            let wanted =
                tickets != Tickets::Stateless || !slot.is_server || settings.remove_hook.is_some();
            if wanted && !settings.mode.contains(CacheMode::NO_INTERNAL_STORE) {
                let _ = self.add(cache, settings, session);
            }
            let by = format!("{:?} {}", slot.session, slot.reused);
            self.announce(cache, settings, session, &by);
        }
        self.clear_by_counter(cache, settings, slot.is_server);
    }

    /// C3.
    fn clear_by_counter(&mut self, cache: usize, settings: &Settings, is_server: bool) {
        let figures = &self.caches[cache].figures;
        let good = if is_server { figures.accept_good } else { figures.connect_good };
        let is_due = !self.documented && good % 256 == 255;
        if is_due && !settings.mode.contains(CacheMode::NO_AUTO_CLEAR) {
            self.flush(cache, Some(self.now));
        }
    }

    fn finish(&mut self, at: usize) {
        self.slot_mut(at).state = State::Established;
        let (slot, cache) = (self.slot(at).clone(), self.cache_of(at));
        let settings = &self.settings(cache);
        if slot.is_server {
            self.caches[slot.current.unwrap()].figures.accept_good += 1;
        } else {
            self.caches[cache].figures.connect_good += 1;
            self.caches[cache].figures.hits += u64::from(slot.reused);
            self.used_up(&slot, cache, settings);
        }
        if self.documented {
            self.clear_when_due(cache, settings);
        }
    }

    /// R191.
    fn used_up(&mut self, slot: &Slot, cache: usize, settings: &Settings) {
        let Some(session) = slot.session.filter(|_| slot.reused) else { return };
        if self.sessions[session].name.version == 0x0304
            && settings.mode.contains(CacheMode::CLIENT)
        {
            self.remove(cache, settings, session, Departure::Removed);
        }
    }

    /// R47 to R49.
    fn offer(&mut self, at: usize, disabled: Option<u16>) -> Option<usize> {
        let session = self.slot(at).session?;
        let facts = &self.sessions[session];
        let version = facts.name.version;
        if !self.is_resumable(session) || disabled == Some(version) {
            self.slot_mut(at).session = None;
            return None;
        }
        let age = self.now.saturating_sub(facts.created);
        let hint = facts.ticket.unwrap_or(0).min(u64::from(u32::MAX));
        let is_over = version == 0x0304 && age.saturating_sub(1) > hint;
        let is_past_cap = self.now > facts.authenticated.saturating_add(self.cap(version));
        (!is_over && !is_past_cap).then_some(session)
    }

    fn accepted(&mut self, at: usize) -> Result<(), Fatal> {
        let Some(session) = self.slot(at).session else { return Ok(()) };
        let facts = &self.sessions[session];
        self.connections[at].as_mut().expect("it is open").reused = true;
        // C15.
        if !self.documented && facts.context != self.slot(at).context {
            return Err(Fatal::DifferentIdContext);
        }
        self.slot_mut(at).verify_result = self.sessions[session].verify_result;
        Ok(())
    }

    fn declined(&mut self, at: usize) {
        self.slot_mut(at).reused = false;
        let Some(session) = self.slot_mut(at).session.take() else { return };
        // R215, C10.
        if self.sessions[session].name.id.is_some() && !self.documented {
            let cache = self.cache_of(at);
            self.caches[cache].figures.misses += 1;
        }
    }

    fn detach(&mut self, at: usize) {
        let slot = self.slot_mut(at);
        slot.reused = false;
        if slot.version == 0x0304 {
            slot.session = None;
        }
    }

    /// Section "server lookup path".
    fn resume(&mut self, at: usize, id: Option<u8>) -> Result<bool, Fatal> {
        let cache = self.cache_of(at);
        let settings = &self.settings(cache);
        self.detach(at);
        let name = Name { version: self.slot(at).version, id };
        let asked = (name, self.slot(at).context, Wanted::Lookup);
        let inside = self.inside(cache, settings, name);
        let found = inside.or_else(|| self.outside(cache, settings, asked, true));
        let Some(session) = found else { return Ok(false) };
        let is_resumed = self.accept(at, settings, session, true)?;
        if is_resumed {
            self.used(cache, settings, session, self.now);
        }
        Ok(is_resumed)
    }

    fn resume_once(&mut self, at: usize, id: Option<u8>) -> Result<bool, Fatal> {
        let cache = self.cache_of(at);
        let settings = &self.settings(cache);
        self.detach(at);
        let (slot, name) = (self.slot(at), Name { version: self.slot(at).version, id });
        let asked = (name, slot.context, Wanted::Take);
        let inside = self.inside(cache, settings, name);
        let found = inside.or_else(|| self.outside(cache, settings, asked, true));
        let Some(session) = found else { return Ok(false) };
        if !self.documented {
            // R196: only what is inside can be used up.
            if !self.remove(cache, settings, session, Departure::Removed) {
                self.caches[cache].figures.single_use_lost += 1;
                return Ok(false);
            }
            return self.accept(at, settings, session, false);
        }
        if !self.may_come_back(at, settings, session, true)? {
            return Ok(false);
        }
        if inside.is_some() {
            self.leaves_and_is_reported(cache, settings, session, Departure::Taken);
        }
        self.comes_back(at, session);
        self.caches[cache].figures.hits += 1;
        Ok(true)
    }

    fn accept(
        &mut self,
        at: usize,
        settings: &Settings,
        session: usize,
        is_of_cache: bool,
    ) -> Result<bool, Fatal> {
        let may = self.may_come_back(at, settings, session, is_of_cache);
        if may.is_err() && !self.documented && self.slot(at).version == 0x0304 {
            self.remove(self.cache_of(at), settings, session, Departure::Removed);
        }
        if !may? {
            return Ok(false);
        }
        self.comes_back(at, session);
        // C10.
        if is_of_cache || !self.documented {
            let cache = self.cache_of(at);
            self.caches[cache].figures.hits += 1;
        }
        Ok(true)
    }

    fn comes_back(&mut self, at: usize, session: usize) {
        let verify_result = self.sessions[session].verify_result;
        let slot = self.slot_mut(at);
        (slot.session, slot.reused, slot.verify_result) = (Some(session), true, verify_result);
    }

    fn may_come_back(
        &mut self,
        at: usize,
        settings: &Settings,
        session: usize,
        is_of_cache: bool,
    ) -> Result<bool, Fatal> {
        let (slot, cache) = (self.slot(at).clone(), self.cache_of(at));
        let facts = &self.sessions[session];
        let version = facts.name.version;
        if version != slot.version {
            return Ok(false);
        }
        if facts.context != slot.context {
            self.caches[cache].figures.wrong_context += 1;
            return Ok(false);
        }
        if slot.verify_peer && slot.context == 0 {
            return Err(Fatal::IdContextUninitialized);
        }
        if self.is_expired(session, self.now) {
            self.caches[cache].figures.timeouts += 1;
            // R114, R115.
            if is_of_cache && version != 0x0304 {
                self.drop_expired(cache, settings, session);
            }
            return Ok(false);
        }
        Ok(true)
    }

    /// R92 to R96.
    fn new_id(&mut self, at: usize) -> String {
        let (slot, cache) = (self.slot(at), self.cache_of(at));
        let version = slot.version;
        let stores = |cache: usize| self.caches[cache].settings.mode.contains(CacheMode::SERVER);
        // R64.
        if slot.is_server && !stores(slot.current.unwrap()) && version != 0x0304 {
            return "None".to_string();
        }
        let taken = |id| self.at(cache, Name { version, id }).is_some();
        let made = match slot.generator.or(self.caches[cache].settings.generator) {
            None => return "random".to_string(),
            Some(GeneratorPlan::Panic) => {
                self.caches[cache].figures.hook_panics += 1;
                return "NoId".to_string();
            }
            Some(GeneratorPlan::Nothing) => None,
            Some(GeneratorPlan::Id(id)) => Some(id),
            Some(GeneratorPlan::FirstFree) => (0..3).map(Some).find(|&id| !taken(id)),
        };
        match made {
            None => "NoId".to_string(),
            Some(None) => "EmptyId".to_string(),
            Some(id) if taken(id) => "IdTaken".to_string(),
            Some(id) => format!("{id:?}"),
        }
    }
}
