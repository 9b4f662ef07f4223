//! Random operations on the cache and on a model that is nothing but a list in order of arrival.

use proptest::prelude::*;
use session_cache::{NewSession, Payload, ProtocolVersion, Seconds, Session, Statistics, UnixTime};

use crate::scene::{START, Scene, id, id_context};

const TIMEOUT_DEFAULT: u64 = 4;
const LIFETIME_MAX: u64 = 9;

/// Which version, id and context: few, so that operations meet.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Name {
    version: u16,
    number: u64,
    context: &'static str,
}

#[derive(Clone, Debug)]
enum Operation {
    Insert { name: Name, timeout: Option<u64>, created: Option<u64> },
    Lookup(Name),
    Take(Name),
    Remove(Name),
    Flush(u64),
    FlushExpired,
    Advance(u64),
    SetTime(u64),
    SetTimeout(u64),
    SetSessionsMax(usize),
}

#[derive(Clone, Debug, PartialEq)]
struct Listed {
    name: Name,
    created: u64,
    expires: u64,
    payload: u64,
}

/// The cache as one would write it if nothing else mattered.
struct Model {
    /// In order of arrival.
    list: Vec<Listed>,
    now: u64,
    timeout: u64,
    sessions_max: usize,
    statistics: Statistics,
}

impl Model {
    fn insert(
        &mut self,
        name: Name,
        timeout: Option<u64>,
        created: Option<u64>,
        payload: u64,
    ) -> Listed {
        let created = created.unwrap_or(self.now);
        let default = if self.timeout == 0 { 300 } else { self.timeout };
        let expires = created.saturating_add(timeout.unwrap_or(default).min(LIFETIME_MAX));
        if let Some(old) = self.position(name) {
            self.list.remove(old);
            self.statistics.replaced += 1;
        }
        self.evict_down_to(self.sessions_max - 1);
        self.statistics.stored += 1;
        self.list.push(Listed { name, created, expires, payload });
        self.list[self.list.len() - 1].clone()
    }

    fn evict_down_to(&mut self, count: usize) {
        while self.list.len() > count {
            let earliest = self.list.iter().map(|listed| listed.expires).min().unwrap();
            let victim = self.list.iter().position(|listed| listed.expires == earliest).unwrap();
            self.list.remove(victim);
            self.statistics.cache_full += 1;
        }
    }

    fn find(&mut self, name: Name) -> Result<usize, bool> {
        let found = self.position(name).ok_or(true)?;
        if self.list[found].name.context != name.context {
            self.statistics.wrong_context += 1;
            return Err(false);
        }
        if self.list[found].expires < self.now {
            self.list.remove(found);
            self.statistics.expired += 1;
            self.statistics.timeouts += 1;
            return Err(false);
        }
        Ok(found)
    }

    fn lookup(&mut self, name: Name) -> Option<usize> {
        match self.find(name) {
            Ok(found) => {
                self.statistics.hits += 1;
                Some(found)
            }
            Err(missing) => {
                self.statistics.misses += u64::from(missing);
                None
            }
        }
    }

    fn take(&mut self, name: Name) -> Option<Listed> {
        let found = self.lookup(name)?;
        self.statistics.taken += 1;
        Some(self.list.remove(found))
    }

    fn remove(&mut self, name: Name) -> bool {
        let Ok(found) = self.find(name) else { return false };
        self.list.remove(found);
        self.statistics.removed += 1;
        true
    }

    fn flush_if(&mut self, goes: impl Fn(&Listed) -> bool) -> usize {
        let before = self.list.len();
        self.list.retain(|listed| !goes(listed));
        let flushed = before - self.list.len();
        self.statistics.flushed += flushed as u64;
        flushed
    }

    fn statistics(&self) -> Statistics {
        let mut statistics = self.statistics;
        statistics.number = self.list.len() as u64;
        statistics
    }

    fn position(&self, name: Name) -> Option<usize> {
        let key = (name.version, name.number);
        self.list.iter().position(|listed| (listed.name.version, listed.name.number) == key)
    }
}

fn listed(handle: Session, context: &'static str) -> Listed {
    assert_eq!(handle.id_context(), id_context(context));
    Listed {
        name: Name {
            version: handle.version().0,
            number: u64::from_be_bytes(handle.id().as_bytes().try_into().unwrap()),
            context,
        },
        created: handle.created().0,
        expires: handle.expires().0,
        payload: u64::from_be_bytes(handle.payload().try_into().unwrap()),
    }
}

/// Does one operation on both and compares the answers.
fn step(
    scene: &Scene,
    model: &mut Model,
    at: usize,
    operation: Operation,
) -> Result<(), TestCaseError> {
    let cache = &scene.cache;
    let view = |name: Name| cache.context(id_context(name.context));
    let key = |name: Name| (ProtocolVersion(name.version), id(name.number));
    match operation {
        Operation::Insert { name, timeout, created } => {
            let payload = at as u64;
            let (version, id) = key(name);
            let mut session =
                NewSession::new(version, id, Payload::copy_from(&payload.to_be_bytes()));
            if let Some(timeout) = timeout {
                session = session.with_timeout(Seconds(timeout));
            }
            if let Some(created) = created {
                session = session.with_created(UnixTime(created));
            }
            let expected = model.insert(name, timeout, created, payload);
            prop_assert_eq!(
                listed(view(name).insert(session).expect("nothing stalls"), name.context),
                expected
            );
        }
        Operation::Lookup(name) => {
            let (version, id) = key(name);
            let expected = model.lookup(name).map(|found| model.list[found].clone());
            let found = view(name).lookup(version, &id);
            prop_assert_eq!(found.map(|found| listed(found, name.context)), expected);
        }
        Operation::Take(name) => {
            let (version, id) = key(name);
            let taken = view(name).take(version, &id);
            prop_assert_eq!(taken.map(|taken| listed(taken, name.context)), model.take(name));
        }
        Operation::Remove(name) => {
            let (version, id) = key(name);
            prop_assert_eq!(view(name).remove(version, &id), model.remove(name));
        }
        Operation::Flush(at) => {
            let expected = model.flush_if(|listed| at == 0 || listed.expires < at);
            prop_assert_eq!(cache.flush(UnixTime(at)), expected);
        }
        Operation::FlushExpired => {
            let now = model.now;
            let expected = model.flush_if(|listed| listed.expires < now);
            prop_assert_eq!(cache.flush_expired(), expected);
        }
        Operation::Advance(seconds) => {
            scene.clock.advance(Seconds(seconds));
            model.now += seconds;
        }
        Operation::SetTime(now) => {
            scene.clock.set(UnixTime(now));
            model.now = now;
        }
        Operation::SetTimeout(timeout) => {
            let previous = std::mem::replace(&mut model.timeout, timeout);
            prop_assert_eq!(cache.set_timeout(Seconds(timeout)), Seconds(previous));
        }
        Operation::SetSessionsMax(sessions_max) => {
            let previous = std::mem::replace(&mut model.sessions_max, sessions_max);
            model.evict_down_to(sessions_max);
            prop_assert_eq!(cache.set_sessions_max(sessions_max).unwrap(), previous);
        }
    }
    prop_assert_eq!(cache.len(), model.list.len());
    prop_assert_eq!(cache.statistics(), model.statistics());
    Ok(())
}

fn names() -> impl Strategy<Value = Name> {
    (prop::sample::select(vec![0, 0x0303]), 0..6u64, prop::sample::select(vec!["", "b"]))
        .prop_map(|(version, number, context)| Name { version, number, context })
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let timeouts = prop::option::of(prop_oneof![6 => 0..12u64, 1 => Just(u64::MAX)]);
    let creations = prop_oneof![
        6 => Just(None),
        1 => (START - 20..START + 20).prop_map(Some),
        1 => prop::sample::select(vec![0, u64::MAX - 3, u64::MAX]).prop_map(Some),
    ];
    let inserts = (names(), timeouts, creations)
        .prop_map(|(name, timeout, created)| Operation::Insert { name, timeout, created });
    let operation = prop_oneof![
        12 => inserts,
        6 => names().prop_map(Operation::Lookup),
        4 => names().prop_map(Operation::Take),
        3 => names().prop_map(Operation::Remove),
        1 => prop_oneof![3 => START - 5..START + 40, 1 => Just(0)].prop_map(Operation::Flush),
        1 => Just(Operation::FlushExpired),
        3 => (1..6u64).prop_map(Operation::Advance),
        1 => prop_oneof![3 => START - 10..START + 40, 1 => Just(0)].prop_map(Operation::SetTime),
        1 => (0..12u64).prop_map(Operation::SetTimeout),
        1 => (1..7usize).prop_map(Operation::SetSessionsMax),
    ];
    prop::collection::vec(operation, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cache_agrees_with_a_list(sessions_max in 1..6usize, operations in operations()) {
        let scene = Scene::new(|builder| {
            builder
                .sessions_max(sessions_max)
                .timeout(Seconds(TIMEOUT_DEFAULT))
                .lifetime_max(Seconds(LIFETIME_MAX))
        });
        let mut model = Model {
            list: Vec::new(),
            now: START,
            timeout: TIMEOUT_DEFAULT,
            sessions_max,
            statistics: Statistics::default(),
        };
        for (at, operation) in operations.into_iter().enumerate() {
            step(&scene, &mut model, at, operation)?;
        }
    }
}
