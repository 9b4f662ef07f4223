//! What can be done to caches and connections, as the model and the cache both do it.
//!
//! Few ids, contexts, hands and seconds, so that operations meet.

use proptest::prelude::*;
use session_cache::{CacheMode, Keep, Tickets};

/// When every run begins.
pub(crate) const START: u64 = 1_000;
pub(crate) const SLOTS: usize = 2;
pub(crate) const HANDS: usize = 5;
pub(crate) const CONNECTIONS: usize = 3;
pub(crate) const CONTEXTS: [&str; 2] = ["", "b"];

/// Under what a session is found; no id for the empty one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Name {
    pub(crate) version: u16,
    pub(crate) id: Option<u8>,
}

/// What a new session is made of.
#[derive(Clone, Debug)]
pub(crate) struct Making {
    pub(crate) name: Name,
    pub(crate) payload_bytes: usize,
    pub(crate) timeout: Option<u64>,
    pub(crate) created: Option<u64>,
    pub(crate) authenticated: Option<u64>,
    /// The lifetime hint, of one that has a ticket.
    pub(crate) ticket: Option<u64>,
    pub(crate) verify_result: i32,
}

/// What a new hook does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewPlan {
    /// None: it panics.
    pub(crate) keep: Option<Keep>,
    pub(crate) hand: Option<usize>,
}

/// What a remove hook does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RemovePlan {
    pub(crate) panics: bool,
    pub(crate) hand: Option<usize>,
}

/// What a get hook answers.
#[derive(Clone, Debug)]
pub(crate) enum GetPlan {
    Panic,
    Nothing,
    /// A clone of what is in a hand (`copy = 1`).
    Clone(usize),
    /// What is in a hand, which is empty then (`copy = 0`).
    Give(usize),
    /// A new session, right but for what is told here.
    Fresh {
        version_off: bool,
        id_off: bool,
        context_off: bool,
        age: u64,
        timeout: u64,
        marked: bool,
    },
}

impl GetPlan {
    /// What the fresh answer is made of, and its context.
    pub(crate) fn fresh(&self, asked: Name, context: usize, now: u64) -> (Making, usize) {
        let &GetPlan::Fresh { version_off, id_off, context_off, age, timeout, .. } = self else {
            panic!("{self:?} makes none");
        };
        let version = if version_off { asked.version ^ 7 } else { asked.version };
        let id = if id_off { asked.id.map(|id| (id + 1) % 3) } else { asked.id };
        let making = Making {
            name: Name { version, id },
            payload_bytes: 40,
            timeout: Some(timeout),
            created: Some(now.saturating_sub(age)),
            authenticated: None,
            ticket: None,
            verify_result: 3,
        };
        (making, if context_off { 1 - context } else { context })
    }
}

/// What a generator of ids makes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum GeneratorPlan {
    Panic,
    Nothing,
    Id(Option<u8>),
    /// The first that is not taken.
    FirstFree,
}

/// What is done to one cache, from outside or by one of its own hooks.
#[derive(Clone, Debug)]
pub(crate) enum CacheOperation {
    Make { context: usize, making: Making, hand: usize },
    Insert { context: usize, making: Making, hand: Option<usize> },
    Lookup { context: usize, name: Name, at: Option<u64>, hand: Option<usize> },
    Take { context: usize, name: Name, hand: Option<usize> },
    RemoveNamed { context: usize, name: Name },
    Add(usize),
    Remove(usize),
    Flush(u64),
    FlushExpired,
    ForEach,
    SetCreated { hand: usize, created: u64 },
    SetTimeoutOf { hand: usize, timeout: u64 },
    ExpiresHere(usize),
    SetMode(u32),
    SetSessionsMax(usize),
    SetBytesMax(usize),
    SetSessionBytesMax(usize),
    SetTimeout(u64),
    SetIdContext(usize),
    SetNewHook(Option<NewPlan>),
    SetRemoveHook(Option<RemovePlan>),
    SetGetHook(Option<GetPlan>),
    SetGenerator(Option<GeneratorPlan>),
}

/// What is done to a session in a hand.
#[derive(Clone, Debug)]
pub(crate) enum HandOperation {
    Build { making: Making, context: usize },
    CloneTo(usize),
    DuplicateTo(usize),
    Drop,
    Mark,
    SetCreated(u64),
    SetTimeout(u64),
}

/// What is done to one connection.
#[derive(Clone, Debug)]
pub(crate) enum ConnectionOperation {
    Open {
        slot: usize,
        is_server: bool,
    },
    Drop,
    SetIdContext(usize),
    SetVerifyPeer(bool),
    SetGenerator(Option<GeneratorPlan>),
    SetSession(Option<usize>),
    OwnSession(usize),
    HasMatchingId(Option<u8>),
    Begin(u16),
    SetVersion(u16),
    NewSession(Making),
    Attach(Making),
    /// A further ticket's, made of the one in use.
    AttachNext(Option<u8>),
    Established(Tickets),
    Finish,
    SetShutdown {
        sent: bool,
        received: bool,
    },
    FatalAlertSent,
    FatalAlertReceived,
    Clear,
    SwitchCache(usize),
    /// Which version is not enabled.
    Offer {
        disabled: Option<u16>,
        hand: Option<usize>,
    },
    Accepted,
    Declined,
    Resume(Option<u8>),
    ResumeOnce(Option<u8>),
    ResumeTicket(usize),
    NewId,
    /// So many handshakes without a session.
    Handshakes(u16),
}

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Cache(usize, CacheOperation),
    Hand(usize, HandOperation),
    Connection(usize, ConnectionOperation),
    /// Removes by a predicate.
    RemoveIf {
        slot: usize,
        odd: bool,
    },
    /// Lets go of a cache, which ends unless a connection holds it, and makes another.
    ReplaceCache {
        slot: usize,
        sessions_max: usize,
    },
    Advance(u64),
    SetTime(u64),
}

/// An operation, and what hooks do in the course of it: each call does the next one.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) operation: Operation,
    pub(crate) script: Vec<CacheOperation>,
}

fn versions() -> impl Strategy<Value = u16> {
    prop_oneof![4 => Just(0x0303), 4 => Just(0x0304), 1 => Just(0)]
}

fn ids() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![12 => (0..3u8).prop_map(Some), 1 => Just(None)]
}

fn names() -> impl Strategy<Value = Name> {
    (versions(), ids()).prop_map(|(version, id)| Name { version, id })
}

fn contexts() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(1usize), 2 => Just(0usize)]
}

fn hands() -> impl Strategy<Value = usize> {
    0..HANDS
}

fn times() -> impl Strategy<Value = u64> {
    prop_oneof![
        8 => START - 20..START + 40,
        1 => prop::sample::select(vec![0, 1, u64::MAX - 3, u64::MAX]),
    ]
}

fn timeouts() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..14u64, 2 => 25..45u64, 1 => Just(u64::MAX)]
}

fn makings() -> BoxedStrategy<Making> {
    let times = (
        prop::option::weighted(0.6, timeouts()),
        prop::option::weighted(0.2, times()),
        prop::option::weighted(0.2, times()),
    );
    let payloads = prop::sample::select(vec![0, 40, 40, 40, 200]);
    let tickets = prop::option::weighted(0.4, prop_oneof![0..20u64, Just(u64::MAX)]);
    (names(), payloads, times, tickets, 0..3i32)
        .prop_map(
            |(name, payload_bytes, (timeout, created, authenticated), ticket, verify_result)| {
                Making {
                    name,
                    payload_bytes,
                    timeout,
                    created,
                    authenticated,
                    ticket,
                    verify_result,
                }
            },
        )
        .boxed()
}

fn new_plans() -> BoxedStrategy<Option<NewPlan>> {
    let keeps = prop_oneof![3 => Just(Some(Keep::Yes)), 3 => Just(Some(Keep::No)), 1 => Just(None)];
    let plan = (keeps, prop::option::of(hands())).prop_map(|(keep, hand)| NewPlan { keep, hand });
    prop::option::weighted(0.8, plan).boxed()
}

fn remove_plans() -> BoxedStrategy<Option<RemovePlan>> {
    let plan = (prop::bool::weighted(0.1), prop::option::weighted(0.3, hands()))
        .prop_map(|(panics, hand)| RemovePlan { panics, hand });
    prop::option::weighted(0.9, plan).boxed()
}

fn get_plans() -> BoxedStrategy<Option<GetPlan>> {
    let fresh = (
        (prop::bool::weighted(0.15), prop::bool::weighted(0.15), prop::bool::weighted(0.15)),
        (0..12u64, 0..20u64, prop::bool::weighted(0.15)),
    )
        .prop_map(|((version_off, id_off, context_off), (age, timeout, marked))| {
            GetPlan::Fresh { version_off, id_off, context_off, age, timeout, marked }
        });
    let plan = prop_oneof![
        1 => Just(GetPlan::Panic),
        1 => Just(GetPlan::Nothing),
        4 => hands().prop_map(GetPlan::Clone),
        3 => hands().prop_map(GetPlan::Give),
        8 => fresh,
    ];
    prop::option::weighted(0.8, plan).boxed()
}

fn generator_plans() -> impl Strategy<Value = Option<GeneratorPlan>> {
    let plan = prop_oneof![
        Just(GeneratorPlan::Panic),
        Just(GeneratorPlan::Nothing),
        ids().prop_map(GeneratorPlan::Id),
        Just(GeneratorPlan::FirstFree),
    ];
    prop::option::weighted(0.7, plan)
}

fn modes() -> impl Strategy<Value = u32> {
    let mode = |mode: CacheMode| Just(mode.bits());
    let side = prop_oneof![
        1 => mode(CacheMode::OFF),
        1 => mode(CacheMode::CLIENT),
        4 => mode(CacheMode::SERVER),
        4 => mode(CacheMode::BOTH),
    ];
    let bit = |mode: CacheMode| {
        prop::bool::weighted(0.25).prop_map(move |on| if on { mode.bits() } else { 0 })
    };
    (
        side,
        bit(CacheMode::NO_AUTO_CLEAR),
        bit(CacheMode::NO_INTERNAL_LOOKUP),
        bit(CacheMode::NO_INTERNAL_STORE),
        bit(CacheMode::UPDATE_TIME),
        bit(CacheMode::from_bits(0x8000_0000)),
    )
        .prop_map(|(a, b, c, d, e, f)| a | b | c | d | e | f)
}

fn storing() -> BoxedStrategy<CacheOperation> {
    prop_oneof![
        3 => (contexts(), makings(), hands())
            .prop_map(|(context, making, hand)| CacheOperation::Make { context, making, hand }),
        6 => (contexts(), makings(), prop::option::of(hands()))
            .prop_map(|(context, making, hand)| CacheOperation::Insert { context, making, hand }),
        6 => hands().prop_map(CacheOperation::Add),
    ]
    .boxed()
}

fn finding() -> BoxedStrategy<CacheOperation> {
    prop_oneof![
        4 => (contexts(), names(), prop::option::weighted(0.2, times()), prop::option::of(hands()))
            .prop_map(|(context, name, at, hand)| CacheOperation::Lookup { context, name, at, hand }),
        3 => (contexts(), names(), prop::option::of(hands()))
            .prop_map(|(context, name, hand)| CacheOperation::Take { context, name, hand }),
        2 => (contexts(), names())
            .prop_map(|(context, name)| CacheOperation::RemoveNamed { context, name }),
        2 => hands().prop_map(CacheOperation::Remove),
        1 => prop_oneof![4 => times(), 1 => Just(0)].prop_map(CacheOperation::Flush),
        1 => Just(CacheOperation::FlushExpired),
        1 => Just(CacheOperation::ForEach),
    ]
    .boxed()
}

fn changing() -> BoxedStrategy<CacheOperation> {
    let limits = prop_oneof![8 => 0..6usize, 1 => Just(16_777_217)];
    let bytes = prop::sample::select(vec![0, 180, 400, 700, 1_000, 4_000]);
    prop_oneof![
        2 => (hands(), times()).prop_map(|(hand, created)| CacheOperation::SetCreated { hand, created }),
        2 => (hands(), timeouts()).prop_map(|(hand, timeout)| CacheOperation::SetTimeoutOf { hand, timeout }),
        1 => hands().prop_map(CacheOperation::ExpiresHere),
        3 => modes().prop_map(CacheOperation::SetMode),
        2 => limits.prop_map(CacheOperation::SetSessionsMax),
        1 => bytes.clone().prop_map(CacheOperation::SetBytesMax),
        1 => bytes.prop_map(CacheOperation::SetSessionBytesMax),
        1 => timeouts().prop_map(CacheOperation::SetTimeout),
        1 => contexts().prop_map(CacheOperation::SetIdContext),
        2 => new_plans().prop_map(CacheOperation::SetNewHook),
        2 => remove_plans().prop_map(CacheOperation::SetRemoveHook),
        3 => get_plans().prop_map(CacheOperation::SetGetHook),
        1 => generator_plans().prop_map(CacheOperation::SetGenerator),
    ]
    .boxed()
}

fn cache_operations() -> BoxedStrategy<CacheOperation> {
    prop_oneof![5 => storing(), 5 => finding(), 3 => changing()].boxed()
}

fn hand_operations() -> BoxedStrategy<HandOperation> {
    prop_oneof![
        1 => (makings(), contexts()).prop_map(|(making, context)| HandOperation::Build { making, context }),
        2 => hands().prop_map(HandOperation::CloneTo),
        2 => hands().prop_map(HandOperation::DuplicateTo),
        2 => Just(HandOperation::Drop),
        1 => Just(HandOperation::Mark),
        1 => times().prop_map(HandOperation::SetCreated),
        1 => timeouts().prop_map(HandOperation::SetTimeout),
    ]
    .boxed()
}

fn tickets() -> impl Strategy<Value = Tickets> {
    prop::sample::select(vec![Tickets::None, Tickets::Stateful, Tickets::Stateless])
}

fn opening() -> BoxedStrategy<ConnectionOperation> {
    prop_oneof![
        4 => (0..SLOTS, any::<bool>()).prop_map(|(slot, is_server)| ConnectionOperation::Open { slot, is_server }),
        1 => contexts().prop_map(ConnectionOperation::SetIdContext),
        1 => any::<bool>().prop_map(ConnectionOperation::SetVerifyPeer),
        1 => generator_plans().prop_map(ConnectionOperation::SetGenerator),
        2 => prop::option::weighted(0.9, hands()).prop_map(ConnectionOperation::SetSession),
        6 => versions().prop_map(ConnectionOperation::Begin),
        1 => versions().prop_map(ConnectionOperation::SetVersion),
        1 => (0..SLOTS).prop_map(ConnectionOperation::SwitchCache),
    ]
    .boxed()
}

fn shaking_hands() -> BoxedStrategy<ConnectionOperation> {
    prop_oneof![
        2 => (prop::option::weighted(0.2, versions()), prop::option::of(hands()))
            .prop_map(|(disabled, hand)| ConnectionOperation::Offer { disabled, hand }),
        3 => Just(ConnectionOperation::Accepted),
        1 => Just(ConnectionOperation::Declined),
        4 => ids().prop_map(ConnectionOperation::Resume),
        3 => ids().prop_map(ConnectionOperation::ResumeOnce),
        2 => hands().prop_map(ConnectionOperation::ResumeTicket),
        1 => Just(ConnectionOperation::NewId),
        1 => ids().prop_map(ConnectionOperation::HasMatchingId),
        3 => makings().prop_map(ConnectionOperation::NewSession),
        1 => makings().prop_map(ConnectionOperation::Attach),
        2 => ids().prop_map(ConnectionOperation::AttachNext),
        6 => tickets().prop_map(ConnectionOperation::Established),
        5 => Just(ConnectionOperation::Finish),
    ]
    .boxed()
}

fn closing() -> BoxedStrategy<ConnectionOperation> {
    prop_oneof![
        2 => hands().prop_map(ConnectionOperation::OwnSession),
        3 => (any::<bool>(), any::<bool>())
            .prop_map(|(sent, received)| ConnectionOperation::SetShutdown { sent, received }),
        1 => Just(ConnectionOperation::FatalAlertSent),
        1 => Just(ConnectionOperation::FatalAlertReceived),
        2 => Just(ConnectionOperation::Clear),
        3 => Just(ConnectionOperation::Drop),
    ]
    .boxed()
}

fn connection_operations() -> BoxedStrategy<ConnectionOperation> {
    prop_oneof![
        4 => opening(),
        7 => shaking_hands(),
        3 => closing(),
        1 => prop::sample::select(vec![1, 60, 127, 254, 255, 256]).prop_map(ConnectionOperation::Handshakes),
    ]
    .boxed()
}

fn single_operations() -> BoxedStrategy<Operation> {
    prop_oneof![
        20 => (0..SLOTS, cache_operations()).prop_map(|(slot, operation)| Operation::Cache(slot, operation)),
        6 => (hands(), hand_operations()).prop_map(|(hand, operation)| Operation::Hand(hand, operation)),
        18 => (0..CONNECTIONS, connection_operations())
            .prop_map(|(at, operation)| Operation::Connection(at, operation)),
        1 => (0..SLOTS, any::<bool>()).prop_map(|(slot, odd)| Operation::RemoveIf { slot, odd }),
        1 => (0..SLOTS, 1..6usize)
            .prop_map(|(slot, sessions_max)| Operation::ReplaceCache { slot, sessions_max }),
        4 => (1..8u64).prop_map(Operation::Advance),
        1 => times().prop_map(Operation::SetTime),
    ]
    .boxed()
}

/// One server's handshake as an engine drives it, or a client's.
fn whole_handshakes() -> BoxedStrategy<Vec<Operation>> {
    use ConnectionOperation as Do;
    let oddities = prop_oneof![
        4 => Just(Vec::new()),
        1 => Just(vec![Do::SetVerifyPeer(true)]),
        1 => contexts().prop_map(|context| vec![Do::SetVerifyPeer(true), Do::SetIdContext(context)]),
        1 => generator_plans().prop_map(|plan| vec![Do::SetGenerator(plan), Do::NewId]),
        1 => (0..SLOTS, 0..SLOTS).prop_map(|(a, b)| vec![Do::SwitchCache(a), Do::SwitchCache(b)]),
        1 => Just(vec![Do::Finish, Do::Begin(0x0303)]),
    ];
    let alerts = prop_oneof![
        3 => Just(Vec::new()),
        1 => Just(vec![Do::FatalAlertSent]),
        1 => Just(vec![Do::FatalAlertReceived]),
        1 => Just(vec![Do::FatalAlertSent, Do::FatalAlertReceived]),
    ];
    let odd = (oddities, alerts);
    let server = (0..SLOTS, versions(), ids(), makings(), tickets(), odd, 0..4u8).prop_map(
        |(slot, version, id, making, tickets, (oddities, alerts), close)| {
            let making = Making { name: Name { version, id }, ..making };
            let mut all = vec![Do::Open { slot, is_server: true }, Do::Begin(version)];
            all.extend(oddities);
            all.push(if close == 1 { Do::ResumeOnce(id) } else { Do::Resume(id) });
            all.push(Do::NewSession(making));
            all.extend([Do::Established(tickets), Do::Finish]);
            all.push(Do::AttachNext(id.map(|id| (id + 1) % 3)));
            all.push(Do::Established(tickets));
            all.push(Do::SetShutdown { sent: close != 0, received: close == 2 });
            all.extend(alerts);
            all.push(Do::Drop);
            all
        },
    );
    let client = (0..SLOTS, versions(), hands(), ids(), 0..4u8).prop_map(
        |(slot, version, hand, id, close)| {
            let mut all = vec![Do::Open { slot, is_server: false }, Do::SetSession(Some(hand))];
            all.extend([Do::Begin(version), Do::Offer { disabled: None, hand: None }]);
            all.push(if close == 1 { Do::Declined } else { Do::Accepted });
            all.extend([Do::Finish, Do::AttachNext(id), Do::Established(Tickets::None)]);
            all.push(Do::SetShutdown { sent: close != 0, received: false });
            all.push(if close == 2 { Do::Clear } else { Do::Drop });
            all
        },
    );
    (0..CONNECTIONS, prop_oneof![server, client])
        .prop_map(|(at, all)| {
            all.into_iter().map(|operation| Operation::Connection(at, operation)).collect()
        })
        .boxed()
}

/// So many handshakes, over a session that is too old, that the cache clears itself where it may.
fn busy_times() -> BoxedStrategy<Vec<Operation>> {
    let counts = prop::sample::select(vec![254, 255, 256]);
    (0..SLOTS, modes(), makings(), any::<bool>(), counts)
        .prop_map(|(slot, mode, making, is_server, count)| {
            let making = Making { name: Name { version: 0x0303, id: Some(0) }, ..making };
            let making = Making { payload_bytes: 0, timeout: Some(1), created: None, ..making };
            let on_cache = |operation| Operation::Cache(slot, operation);
            let on_connection = |operation| Operation::Connection(0, operation);
            vec![
                on_cache(CacheOperation::Make { context: 0, making, hand: 0 }),
                on_cache(CacheOperation::Add(0)),
                Operation::Advance(9),
                on_cache(CacheOperation::SetMode(mode)),
                on_connection(ConnectionOperation::Open { slot, is_server }),
                on_connection(ConnectionOperation::Handshakes(count)),
                on_connection(ConnectionOperation::NewSession(Making {
                    name: Name { version: 0x0303, id: Some(1) },
                    payload_bytes: 0,
                    timeout: None,
                    created: None,
                    authenticated: None,
                    ticket: None,
                    verify_result: 0,
                })),
                on_connection(ConnectionOperation::Established(Tickets::None)),
            ]
        })
        .boxed()
}

/// What a cache is set to at first.
fn beginnings(slot: usize) -> BoxedStrategy<Vec<Operation>> {
    use CacheOperation as Do;
    (modes(), new_plans(), remove_plans(), get_plans(), any::<bool>())
        .prop_map(move |(mode, new, remove, get, is_set)| {
            let settings = vec![
                Do::SetMode(mode),
                Do::SetNewHook(new),
                Do::SetRemoveHook(remove),
                Do::SetGetHook(get),
            ];
            let set = |setting| Operation::Cache(slot, setting);
            settings.into_iter().filter(|_| is_set).map(set).collect()
        })
        .boxed()
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let first = (beginnings(0), beginnings(1)).prop_map(|(one, other)| {
        let step = |operation| Step { operation, script: Vec::new() };
        one.into_iter().chain(other).map(step).collect::<Vec<_>>()
    });
    let operations = prop_oneof![
        40 => single_operations().prop_map(|operation| vec![operation]),
        5 => whole_handshakes(),
        1 => busy_times(),
    ];
    let scripts = prop_oneof![
        3 => Just(Vec::new()),
        1 => prop::collection::vec(cache_operations(), 1..4),
    ];
    let step = (operations, scripts).prop_map(|(operations, script)| {
        let step = |operation| Step { operation, script: script.clone() };
        operations.into_iter().map(step).collect::<Vec<_>>()
    });
    (first, prop::collection::vec(step, 0..70))
        .prop_map(|(first, steps)| first.into_iter().chain(steps.into_iter().flatten()).collect())
}
