//! Our side of a sequence: two caches under `Rules::OPENSSL`.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use session_cache::{
    Added, CacheMode, Connection, IdContext, Left, ManualClock, NewSession, NotStored, Payload,
    PayloadObject, ProtocolVersion, Role, Rules, Seconds, Session, SessionCache, SessionId,
    UnixTime,
};

use super::observed::{ContextState, Observed, SessionState, Told};
use super::operation::{CONTEXTS, Operation, SLOTS, id_bytes};
use crate::libssl::{HookKind, clock};

pub(crate) struct OurSide {
    base: u64,
    clock: ManualClock,
    slots: Vec<Option<Session>>,
    caches: Vec<Arc<SessionCache>>,
    log: Arc<Log>,
}

/// What hooks were told and kept, and how many sessions there are.
#[derive(Default)]
struct Log {
    told: Mutex<Vec<Told>>,
    kept: Mutex<Vec<Session>>,
    alive: Arc<AtomicUsize>,
}

/// A session's payload: the serial number of its twin. It counts how many there are.
struct Tag {
    serial: AtomicU64,
    alive: Arc<AtomicUsize>,
}

/// Rule 169: 1024 * 20.
const SIZE_DEFAULT: usize = 20_480;

/// Why a session was not added, as a number that libssl never returns.
pub(crate) const NO_ID: i64 = -1;
pub(crate) const OTHER_CACHE: i64 = -2;

/// How long a thread that is not run may hold memory back.
const STALL_MAX: Duration = Duration::from_secs(60);

impl OurSide {
    /// `alive` counts the sessions of all sequences.
    pub(crate) fn new(alive: &Arc<AtomicUsize>) -> OurSide {
        let base = clock::BEGIN as u64;
        let clock = ManualClock::new(UnixTime(base));
        let log = Log { alive: Arc::clone(alive), ..Log::default() };
        OurSide {
            base,
            slots: (0..SLOTS).map(|_| None).collect(),
            caches: (0..CONTEXTS).map(|_| new_cache(&clock)).collect(),
            clock,
            log: Arc::new(log),
        }
    }

    fn held(&self, slot: usize) -> &Session {
        self.slots[slot].as_ref().expect("both sides hold the same")
    }

    /// Names what the last operation put into a slot.
    pub(crate) fn set_serial(&self, slot: usize, serial: u64) {
        tag(self.held(slot)).serial.store(serial, Ordering::Relaxed);
    }

    pub(crate) fn apply(&mut self, operation: &Operation) -> i64 {
        match *operation {
            Operation::New { slot, id, version, created, timeout } => {
                let id = id.map_or(SessionId::EMPTY, session_id);
                let payload = Payload::object(Tag::new(&self.log.alive));
                let session = NewSession::new(ProtocolVersion(version), id, payload)
                    .with_created(self.time(created))
                    .with_timeout(Seconds(timeout as u64))
                    .build(IdContext::EMPTY, UnixTime(self.base));
                self.slots[slot] = Some(session);
                1
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
            Operation::Add { context, slot } => self.add(context, slot),
            Operation::Remove { context, slot } => {
                self.caches[context].remove(self.held(slot)).into()
            }
            Operation::Flush { context, at } => {
                self.caches[context].flush(at.map_or(UnixTime(0), |at| self.time(at)));
                0
            }
            Operation::SetTime { slot, created } => {
                let (session, time) = (self.held(slot), self.time(created));
                if !session.set_created(time) {
                    self.owner(session).set_created(session, time);
                }
                created
            }
            Operation::SetTimeout { slot, timeout } => {
                let (session, timeout) = (self.held(slot), Seconds(timeout as u64));
                if !session.set_timeout(timeout) {
                    self.owner(session).set_timeout_of(session, timeout);
                }
                1
            }
            Operation::SetMode { context, bits } => {
                self.caches[context].set_mode(CacheMode::from_bits(bits)).bits().into()
            }
            Operation::SetSize { context, sessions } => {
                let previous = self.caches[context].set_sessions_max(sessions as usize);
                previous.expect("sequences stay below the most sessions") as i64
            }
            Operation::SetContextTimeout { context, timeout } => {
                self.caches[context].set_timeout(Seconds(timeout as u64)).0 as i64
            }
            Operation::SetHook { context, kind } => {
                self.set_hook(context, kind);
                0
            }
            Operation::Release => std::mem::take(&mut *lock(&self.log.kept)).len() as i64,
            Operation::Renew { context } => {
                self.caches[context] = new_cache(&self.clock);
                0
            }
            Operation::Advance { seconds } => {
                self.clock.advance(Seconds(seconds as u64));
                0
            }
            Operation::Has { context, id, version } => {
                let mut connection = Connection::new(&self.caches[context], Role::Server);
                connection.set_version(ProtocolVersion(version));
                connection.has_matching_id(&session_id(id)).into()
            }
        }
    }

    fn add(&self, context: usize, slot: usize) -> i64 {
        let began = Instant::now();
        loop {
            return match self.caches[context].add(self.held(slot)) {
                Ok(Added::New | Added::Replaced) => 1,
                Ok(Added::Identical) => 0,
                Err(NotStored::NoId) => NO_ID,
                Err(NotStored::OtherCache) => OTHER_CACHE,
                // The thread of another sequence was stopped under a guard, by who shares the machine.
                Err(NotStored::Stalled) if began.elapsed() < STALL_MAX => {
                    thread::yield_now();
                    continue;
                }
                other => panic!("nothing else can happen to a small session: {other:?}"),
            };
        }
    }

    fn set_hook(&self, context: usize, kind: HookKind) {
        let log = Arc::clone(&self.log);
        let hook = move |left: Left<'_>| {
            let serial = tag(left.session).serial.load(Ordering::Relaxed);
            let resumable = left.session.is_resumable();
            lock(&log.told).push(Told { context, serial, resumable });
            if kind == HookKind::Keeping {
                lock(&log.kept).push(left.session.clone());
            }
        };
        let hook: Option<Arc<session_cache::RemoveHook>> =
            (kind != HookKind::Off).then(|| Arc::new(hook) as _);
        self.caches[context]
            .change(|settings| settings.remove_hook.clone_from(&hook))
            .expect("no limit is changed");
    }

    fn time(&self, offset: i64) -> UnixTime {
        UnixTime(self.base.saturating_add_signed(offset))
    }

    /// The cache that a session is in.
    fn owner(&self, session: &Session) -> &SessionCache {
        let is_in = |cache: &&Arc<SessionCache>| {
            let mut found = false;
            cache.for_each(|other| found |= other.is_same(session));
            found
        };
        self.caches.iter().find(is_in).expect("one that is in a cache is in one of these")
    }

    pub(crate) fn observe(&self, result: i64) -> Observed {
        let told = std::mem::take(&mut *lock(&self.log.told));
        let contexts = self.caches.iter().map(|cache| context_state(cache)).collect();
        let slots = self.slots.iter();
        let slots = slots.map(|slot| slot.as_ref().map(|held| session_state(held, 0))).collect();
        let kept = lock(&self.log.kept).iter().map(|kept| session_state(kept, 0)).collect();
        Observed { result, told, contexts, slots, kept }
    }
}

impl Tag {
    fn new(alive: &Arc<AtomicUsize>) -> Tag {
        alive.fetch_add(1, Ordering::Relaxed);
        Tag { serial: AtomicU64::new(0), alive: Arc::clone(alive) }
    }
}

impl PayloadObject for Tag {
    fn size_bytes(&self) -> usize {
        0
    }

    fn duplicate(&self) -> Box<dyn PayloadObject> {
        Box::new(Tag::new(&self.alive))
    }
}

impl Drop for Tag {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

fn tag(session: &Session) -> &Tag {
    session.payload_object().expect("every session here has one")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn new_cache(clock: &ManualClock) -> Arc<SessionCache> {
    // Built for few sessions it has one shard, and keeps even those in order that expire in the same second.
    let cache = SessionCache::builder().rules(Rules::OPENSSL).sessions_max(16);
    let cache = cache.clock(clock.clone()).build().expect("random bytes for its hash");
    cache.set_sessions_max(SIZE_DEFAULT).expect("below the most");
    Arc::new(cache)
}

fn session_id(id: u8) -> SessionId {
    SessionId::new(&id_bytes(id)).expect("of 1 to 32 bytes")
}

fn context_state(cache: &SessionCache) -> ContextState {
    let mut inside = Vec::new();
    cache.for_each(|session| inside.push(session.clone()));
    // One clone here, and `for_each` has let go of its own.
    let mut inside: Vec<_> = inside.iter().map(|session| session_state(session, 1)).collect();
    inside.sort_by_key(|session| session.serial);
    ContextState {
        counters: counters(cache),
        mode: cache.mode().bits(),
        size: cache.sessions_max() as u64,
        timeout: cache.timeout().0,
        has_hook: cache.settings().remove_hook.is_some(),
        inside,
    }
}

/// The number and the eleven counters that OpenSSL has, in the order of its commands.
pub(crate) fn counters(cache: &SessionCache) -> [u64; 12] {
    let all = cache.statistics();
    [
        all.number,
        all.connect,
        all.connect_good,
        all.connect_renegotiate,
        all.accept,
        all.accept_good,
        all.accept_renegotiate,
        all.hits,
        all.cb_hits,
        all.misses,
        all.timeouts,
        all.cache_full,
    ]
}

fn session_state(session: &Session, looking: u32) -> SessionState {
    SessionState {
        serial: tag(session).serial.load(Ordering::Relaxed),
        version: session.version().0,
        id: session.id().as_bytes().to_vec(),
        created: session.created().0,
        timeout: session.timeout().0,
        resumable: session.is_resumable(),
        references: session.references().saturating_sub(looking),
    }
}
