//! What the tests play on: a cache whose clock stands still until it is told, and sessions by number.

use session_cache::{
    Builder, ContextView, IdContext, ManualClock, NewSession, Payload, ProtocolVersion, Seconds,
    SessionCache, SessionId, UnixTime,
};

pub(crate) const VERSION: ProtocolVersion = ProtocolVersion::TLS12;

/// When every scene begins.
pub(crate) const START: u64 = 1_000;

pub(crate) struct Scene {
    pub(crate) cache: SessionCache,
    pub(crate) clock: ManualClock,
}

impl Scene {
    pub(crate) fn new(settings: impl FnOnce(Builder) -> Builder) -> Scene {
        let clock = ManualClock::new(UnixTime(START));
        let builder = settings(SessionCache::builder()).clock(clock.clone());
        Scene { cache: builder.build().unwrap(), clock }
    }

    pub(crate) fn of_size(sessions_max: usize) -> Scene {
        Scene::new(|builder| builder.sessions_max(sessions_max))
    }

    pub(crate) fn view(&self) -> ContextView<'_> {
        self.cache.context(IdContext::EMPTY)
    }

    pub(crate) fn insert(&self, number: u64, timeout_seconds: u64) {
        self.view()
            .insert(session(number).with_timeout(Seconds(timeout_seconds)))
            .expect("nothing stalls");
    }

    pub(crate) fn finds(&self, number: u64) -> bool {
        self.view().lookup(VERSION, &id(number)).is_some()
    }

    /// Which of the first sixty sessions are there, expired or not: asked for at the beginning of time.
    pub(crate) fn present(&self) -> Vec<u64> {
        let before = self.clock.clone();
        let now = self.cache.now();
        before.set(UnixTime(0));
        let present = (0..60).filter(|&number| self.finds(number)).collect();
        before.set(now);
        present
    }
}

pub(crate) fn id(number: u64) -> SessionId {
    SessionId::new(&number.to_be_bytes()).unwrap()
}

pub(crate) fn session(number: u64) -> NewSession<'static> {
    NewSession::new(VERSION, id(number), Payload::copy_from(&number.to_be_bytes()))
}

pub(crate) fn id_context(name: &str) -> IdContext {
    IdContext::new(name.as_bytes()).unwrap()
}
