//! What the rules are played on: a cache under one rule set, with a clock that stands still and hooks
//! that write down what they hear.

use std::sync::{Arc, Mutex};

use session_cache::{
    Builder, CacheMode, ContextView, Departure, IdContext, Keep, Left, ManualClock, NewSession,
    Payload, ProtocolVersion, Rules, Seconds, Session, SessionCache, SessionId, UnixTime, Wanted,
};

/// Under each of these a rule that holds in both sets is played.
pub(crate) const BOTH: [Rules; 2] = [Rules::DOCUMENTED, Rules::OPENSSL];

pub(crate) const TLS12: ProtocolVersion = ProtocolVersion::TLS12;
pub(crate) const TLS13: ProtocolVersion = ProtocolVersion::TLS13;

/// When every scene begins.
pub(crate) const START: u64 = 1_000_000;

/// More than any test puts in, and few enough that looking through them all is quick.
const SESSIONS_MAX: usize = 1_000;

pub(crate) struct Scene {
    pub(crate) cache: Arc<SessionCache>,
    pub(crate) clock: ManualClock,
    left: Notes<Gone>,
}

/// What the remove hook hears; it keeps no reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gone {
    pub(crate) number: u64,
    pub(crate) why: Departure,
    /// When the hook was called.
    pub(crate) was_marked: bool,
    pub(crate) was_inside: bool,
}

/// A list that hooks write and tests take.
pub(crate) struct Notes<T>(Arc<Mutex<Vec<T>>>);

impl<T> Notes<T> {
    pub(crate) fn new() -> Notes<T> {
        Notes(Arc::default())
    }

    pub(crate) fn add(&self, note: T) {
        self.0.lock().unwrap().push(note);
    }

    /// What was written since the last time.
    pub(crate) fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl<T> Clone for Notes<T> {
    fn clone(&self) -> Notes<T> {
        Notes(self.0.clone())
    }
}

impl Scene {
    /// A cache for both sides whose remove hook writes down who leaves.
    pub(crate) fn new(rules: Rules) -> Scene {
        Scene::of_size(rules, SESSIONS_MAX)
    }

    pub(crate) fn of_size(rules: Rules, sessions_max: usize) -> Scene {
        Scene::built(rules, |builder| builder.sessions_max(sessions_max))
    }

    pub(crate) fn built(rules: Rules, change: impl FnOnce(Builder) -> Builder) -> Scene {
        // Shown where a test fails: under which rules.
        println!("under {rules:?}");
        let clock = ManualClock::new(UnixTime(START));
        let left = Notes::new();
        let written = left.clone();
        let builder = SessionCache::builder()
            .rules(rules)
            .mode(CacheMode::BOTH)
            .id_context(id_context())
            .remove_hook(move |left| written.add(Gone::of(&left)));
        let cache = change(builder).clock(clock.clone()).build().unwrap();
        Scene { cache: Arc::new(cache), clock, left }
    }

    /// The same in another mode.
    pub(crate) fn in_mode(rules: Rules, mode: CacheMode) -> Scene {
        Scene::built(rules, |builder| builder.sessions_max(SESSIONS_MAX).mode(mode))
    }

    pub(crate) fn view(&self) -> ContextView<'_> {
        self.cache.context(id_context())
    }

    /// A session of this cache's making, which is not in it yet.
    pub(crate) fn session(&self, number: u64) -> Session {
        self.view().session(new_session(number))
    }

    pub(crate) fn session_13(&self, number: u64) -> Session {
        self.view().session(new_session_13(number))
    }

    /// Adds a session that expires so many seconds after the beginning.
    pub(crate) fn add(&self, number: u64, timeout_seconds: u64) -> Session {
        self.add_new(new_session(number).with_timeout(Seconds(timeout_seconds)))
    }

    pub(crate) fn add_new(&self, new: NewSession) -> Session {
        let session = self.view().session(new.with_created(UnixTime(START)));
        self.cache.add(&session).expect("it can be stored");
        session
    }

    /// Which sessions are inside, by number: whatever the mode, expired or not.
    pub(crate) fn inside(&self) -> Vec<u64> {
        let mut numbers = Vec::new();
        self.cache.for_each(|session| numbers.push(number_of(session)));
        numbers.sort_unstable();
        numbers
    }

    /// Whether this very session is inside.
    pub(crate) fn holds(&self, wanted: &Session) -> bool {
        holds(&self.cache, wanted)
    }

    /// Who has left since the last time, by number.
    pub(crate) fn heard(&self) -> Vec<u64> {
        self.gone().iter().map(|gone| gone.number).collect()
    }

    pub(crate) fn gone(&self) -> Vec<Gone> {
        self.left.take()
    }

    /// The notes of the remove hook, for when the scene has gone.
    pub(crate) fn left(&self) -> Notes<Gone> {
        self.left.clone()
    }

    /// Puts a new hook that answers so, and writes down the numbers of the sessions that it is given.
    pub(crate) fn announce(&self, keep: Keep) -> Notes<u64> {
        let notes = Notes::new();
        let written = notes.clone();
        self.set_new_hook(move |session| {
            written.add(number_of(&session));
            keep
        });
        notes
    }

    pub(crate) fn set_new_hook(&self, hook: impl Fn(Session) -> Keep + Send + Sync + 'static) {
        let hook = Arc::new(hook);
        self.cache
            .change(|settings| {
                let hook = hook.clone();
                settings.new_hook = Some(Arc::new(move |_, session| hook(session)));
            })
            .unwrap();
    }

    pub(crate) fn set_remove_hook(&self, hook: impl Fn(Left<'_>) + Send + Sync + 'static) {
        let hook = Arc::new(hook);
        self.cache
            .change(|settings| {
                let hook = hook.clone();
                settings.remove_hook = Some(Arc::new(move |left| hook(left)));
            })
            .unwrap();
    }

    /// Puts a get hook that shares this session, whatever it is asked for, and writes down what it is.
    pub(crate) fn answer(&self, answer: &Session) -> Notes<Asked> {
        let answer = answer.clone();
        self.answer_with(move || Some(answer.clone()))
    }

    /// Puts a get hook that knows nothing.
    pub(crate) fn answer_nothing(&self) -> Notes<Asked> {
        self.answer_with(|| None)
    }

    pub(crate) fn answer_with(
        &self,
        answer: impl Fn() -> Option<Session> + Send + Sync + 'static,
    ) -> Notes<Asked> {
        let notes = Notes::new();
        let (written, answer) = (notes.clone(), Arc::new(answer));
        self.cache
            .change(|settings| {
                let (written, answer) = (written.clone(), answer.clone());
                settings.get_hook = Some(Arc::new(move |inquiry| {
                    written.add((*inquiry.id, inquiry.wanted));
                    answer()
                }));
            })
            .unwrap();
        notes
    }

    /// For very many sessions: the usual hook looks through them all for each that leaves.
    pub(crate) fn hear_nothing(&self) {
        self.cache.change(|settings| settings.remove_hook = None).unwrap();
    }

    pub(crate) fn add_to_mode(&self, bits: CacheMode) {
        self.cache.set_mode(self.cache.mode() | bits);
    }
}

/// What a get hook was asked for.
pub(crate) type Asked = (SessionId, Wanted);

impl Gone {
    pub(crate) fn of(left: &Left<'_>) -> Gone {
        Gone {
            number: number_of(left.session),
            why: left.why,
            was_marked: is_marked(left.session),
            was_inside: holds(left.cache, left.session),
        }
    }
}

fn holds(cache: &SessionCache, wanted: &Session) -> bool {
    let mut holds = false;
    cache.for_each(|session| holds |= session.is_same(wanted));
    holds
}

/// Of a session that has an id: without one it could not be resumed in any case.
pub(crate) fn is_marked(session: &Session) -> bool {
    assert!(!session.id().is_empty() || session.has_ticket());
    !session.is_resumable()
}

/// The id context of every scene, and of its connections.
pub(crate) fn id_context() -> IdContext {
    named("the rules")
}

pub(crate) fn named(name: &str) -> IdContext {
    IdContext::new(name.as_bytes()).unwrap()
}

pub(crate) fn id(number: u64) -> SessionId {
    SessionId::new(&number.to_be_bytes()).unwrap()
}

pub(crate) fn number_of(session: &Session) -> u64 {
    u64::from_be_bytes(session.id().as_bytes().try_into().expect("the scene made the id"))
}

pub(crate) fn new_session(number: u64) -> NewSession<'static> {
    NewSession::new(TLS12, id(number), payload(number))
}

/// A session of TLS 1.3, whose ticket is good for long.
pub(crate) fn new_session_13(number: u64) -> NewSession<'static> {
    NewSession::new(TLS13, id(number), payload(number)).with_ticket(Seconds(100_000))
}

/// A session without an id, as a TLS 1.3 connection has before its first ticket.
pub(crate) fn nameless(version: ProtocolVersion) -> NewSession<'static> {
    NewSession::new(version, SessionId::EMPTY, Payload::empty())
}

fn payload(number: u64) -> Payload<'static> {
    Payload::copy_from(&number.to_be_bytes())
}
