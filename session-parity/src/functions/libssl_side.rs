//! The real library's side of a sequence.

use super::observed::{ContextState, Observed, SessionState, Told};
use super::operation::{CONTEXTS, Operation, SLOTS, id_bytes};
use crate::libssl::trace::{self, Event};
use crate::libssl::{self, Context, Session, clock};

pub(crate) struct LibsslSide {
    slots: Vec<Option<Session>>,
    contexts: Vec<Context>,
    /// Serial numbers of sessions that were made and not freed.
    alive: Vec<u64>,
}

impl LibsslSide {
    pub(crate) fn new() -> LibsslSide {
        trace::begin();
        clock::set(clock::BEGIN);
        let slots = (0..SLOTS).map(|_| None).collect();
        LibsslSide { slots, contexts: (0..CONTEXTS).map(Context::new).collect(), alive: vec![] }
    }

    pub(crate) fn session(&self, slot: usize) -> Option<&Session> {
        self.slots[slot].as_ref()
    }

    fn held(&self, slot: usize) -> &Session {
        self.session(slot).expect("asked for before")
    }

    /// The serial number of what the last operation put into a slot.
    pub(crate) fn serial(&self, slot: usize) -> u64 {
        self.held(slot).serial()
    }

    pub(crate) fn apply(&mut self, operation: &Operation) -> Result<Observed, String> {
        let result = self.call(operation);
        self.observe(result)
    }

    fn call(&mut self, operation: &Operation) -> i64 {
        match *operation {
            Operation::New { slot, id, version, created, timeout } => {
                let session = Session::new(version, &id.map(id_bytes).unwrap_or_default());
                session.set_time(clock::BEGIN + created);
                let result = session.set_timeout(timeout);
                self.slots[slot] = Some(session);
                result
            }
            Operation::Duplicate { from, to } => {
                self.slots[to] = Some(self.held(from).duplicate());
                1
            }
            Operation::UpRef { from, to } => {
                self.slots[to] = Some(self.held(from).clone());
                1
            }
            Operation::Free { slot } => {
                self.slots[slot] = None;
                1
            }
            Operation::Add { context, slot } => self.contexts[context].add(self.held(slot)).into(),
            Operation::Remove { context, slot } => {
                self.contexts[context].remove(self.held(slot)).into()
            }
            Operation::Flush { context, at } => {
                self.contexts[context].flush(at.map_or(0, |at| clock::BEGIN + at));
                0
            }
            Operation::SetTime { slot, created } => {
                self.held(slot).set_time(clock::BEGIN + created) - clock::BEGIN
            }
            Operation::SetTimeout { slot, timeout } => self.held(slot).set_timeout(timeout),
            Operation::SetMode { context, bits } => self.contexts[context].set_mode(bits),
            Operation::SetSize { context, sessions } => self.contexts[context].set_size(sessions),
            Operation::SetContextTimeout { context, timeout } => {
                self.contexts[context].set_timeout(timeout)
            }
            Operation::SetHook { context, kind } => {
                self.contexts[context].set_remove_hook(kind);
                0
            }
            Operation::Release => libssl::release_kept() as i64,
            Operation::Renew { context } => {
                let new = Context::new(context);
                self.contexts[context] = new;
                0
            }
            Operation::Advance { seconds } => {
                clock::set(clock::now() + seconds);
                0
            }
            Operation::Has { context, id, version } => {
                self.contexts[context].has(version, &id_bytes(id)).into()
            }
        }
    }

    /// Looks at everything, and checks that exactly those sessions are freed that nobody holds any more.
    pub(crate) fn observe(&mut self, result: i64) -> Result<Observed, String> {
        let mut told = Vec::new();
        for event in trace::take() {
            match event {
                Event::Created(serial) => self.alive.push(serial),
                Event::Destroyed(serial) => self.alive.retain(|&alive| alive != serial),
                Event::Removed { context, serial, resumable } => {
                    told.push(Told { context, serial, resumable });
                }
                _ => {}
            }
        }
        let contexts: Vec<ContextState> = self.contexts.iter().map(context_state).collect();
        let slots: Vec<Option<SessionState>> = self
            .slots
            .iter()
            .map(|slot| slot.as_ref().map(|held| session_state(held, 0)))
            .collect();
        // Each is a clone while it is looked at, and so is every other one of the same session.
        let kept = libssl::kept();
        let twice = |serial| kept.iter().filter(|kept| kept.serial() == serial).count() as u32;
        let kept = kept.iter().map(|kept| session_state(kept, twice(kept.serial()))).collect();
        let observed = Observed { result, told, contexts, slots, kept };
        self.check_alive(&observed)?;
        Ok(observed)
    }

    fn check_alive(&self, observed: &Observed) -> Result<(), String> {
        let inside = observed.contexts.iter().flat_map(|context| &context.inside);
        let mut held: Vec<u64> = inside
            .chain(observed.slots.iter().flatten())
            .chain(&observed.kept)
            .map(|session| session.serial)
            .collect();
        held.sort_unstable();
        held.dedup();
        let mut alive = self.alive.clone();
        alive.sort_unstable();
        if held == alive {
            Ok(())
        } else {
            Err(format!("libssl keeps {alive:?}, held are {held:?}"))
        }
    }
}

impl Drop for LibsslSide {
    fn drop(&mut self) {
        // The contexts first: their hooks may keep what is in them.
        self.contexts.clear();
        libssl::release_kept();
    }
}

fn context_state(context: &Context) -> ContextState {
    let sessions = context.sessions();
    let mut inside: Vec<_> = sessions.iter().map(|session| session_state(session, 1)).collect();
    inside.sort_by_key(|session| session.serial);
    ContextState {
        counters: context.counters(),
        mode: context.mode() as u32,
        size: context.size() as u64,
        timeout: context.timeout() as u64,
        has_hook: context.has_remove_hook(),
        inside,
    }
}

/// `looking` of its references are those of whoever looks.
fn session_state(session: &Session, looking: u32) -> SessionState {
    SessionState {
        serial: session.serial(),
        version: session.version(),
        id: session.id(),
        created: session.time() as u64,
        timeout: session.timeout() as u64,
        resumable: session.is_resumable(),
        references: session.references() - looking,
    }
}
