//! What each operation does and answers, and all that can be seen afterwards.

use session_cache::{Added, CacheMode, Departure, NotStored, Wanted};

use super::{Cache, Facts, Model, shown};
use crate::connection::Slot;
use crate::operation::{CacheOperation, HandOperation};

impl Model {
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

    pub(super) fn keep(&mut self, session: Option<usize>, hand: Option<usize>) {
        if let (Some(session), Some(hand)) = (session, hand) {
            self.hands[hand] = Some(session);
        }
    }

    pub(super) fn with_session(
        &mut self,
        cache: usize,
        session: usize,
        operation: &CacheOperation,
    ) -> String {
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

    pub(super) fn on_settings(&mut self, cache: usize, operation: &CacheOperation) -> String {
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

    pub(super) fn shown(&self, session: usize) -> String {
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
