//! Run (b): the scripts of run (a) once more, with the server's contexts attached to a cache of ours by
//! session-openssl. Who resumes, and what the client sees, must be the same, but for what an external cache
//! does otherwise: each of these is a row of [`TABLE`], and happens where it says.

use std::collections::BTreeMap;
use std::sync::Arc;

use session_cache::{IdContext, ManualClock, Rules, SessionCache, UnixTime};
use session_openssl::{Options, attach_raw};

use super::engine::{Engine, Identity};
use super::script::{Of, SERVER, Script, Setup, Step, TLS13};
use crate::libssl::{Context, EarlyData, clock};

/// What contexts are attached to.
pub(super) struct Attached {
    pub(super) cache: Arc<SessionCache>,
    pub(super) clock: ManualClock,
}

impl Attached {
    pub(super) fn new(setup: &Setup, servers: [&Context; 2]) -> Attached {
        let clock = ManualClock::new(UnixTime(clock::now() as u64));
        let cache = SessionCache::builder().rules(Rules::OPENSSL).clock(clock.clone());
        let cache = Arc::new(cache.build().expect("random bytes for its hash"));
        let id_context = IdContext::new(setup.id_context).expect("of 32 bytes at most");
        for server in servers {
            let (cache, options) = (Arc::clone(&cache), Options::new());
            // SAFETY: the context is alive, this thread's, and has no connection yet.
            let attachment =
                unsafe { attach_raw(server.as_ptr().cast(), cache, id_context, options) };
            attachment.expect("contexts of scripts that can be attached");
        }
        Attached { cache, clock }
    }
}

/// What an external cache does otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Otherwise {
    UsedBefore,
    IdTaken,
    NoIdContext,
}

/// Name, what libssl's own cache does, what ours does behind it, and why.
pub(crate) const TABLE: &[(Otherwise, [&str; 4])] = &[
    (
        Otherwise::UsedBefore,
        [
            "a TLS 1.3 ticket that was used, offered again by who kept a copy",
            "resumes again, where there is no early data",
            "was taken by who offered it first; the handshake is a full one",
            "a ticket is to be used once (RFC 8446, appendix C.4), and servers that share a cache can tell by \
             taking alone",
        ],
    ),
    (
        Otherwise::IdTaken,
        [
            "a generator makes an id that is taken",
            "the handshake fails",
            "the handshake succeeds; the session is not stored, and counted as a collision",
            "libssl looks for the id in its own cache, where there is none; whose id it is keeps it",
        ],
    ),
    (
        Otherwise::NoIdContext,
        [
            "a session is offered to a connection that verifies its peer, without an id context",
            "the handshake fails",
            "the session is not looked up; the handshake is a full one",
            "nobody can tell who may come back there; no client is turned away for what the server lacks",
        ],
    ),
];

/// Whether a script can be run attached: mode and hooks are the wiring's own there, and who verifies needs an id
/// context.
pub(super) fn can_run(script: &Script) -> bool {
    let setup = &script.setup;
    let changes_mode = |step: &Step| matches!(step, Step::Mode(Of::Server, _));
    setup.server_mode == SERVER
        && !setup.outside
        && !script.steps.iter().any(changes_mode)
        && (!setup.verify_peer || !setup.id_context.is_empty())
}

/// What is compared: of each end whether it resumed; what became of early data; and the client's counters.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    reused: Vec<Option<bool>>,
    early_data: Vec<EarlyData>,
    client: [u64; 12],
}

fn outcome(engine: &Engine) -> Outcome {
    let seen = engine.seen();
    let reused = seen.peers.iter().map(|peer| peer.as_ref().map(|peer| peer.reused)).collect();
    let early_data = engine.early_data.clone();
    Outcome { reused, early_data, client: seen.counters[Of::Client as usize] }
}

/// What scripts have met, attached.
#[derive(Default)]
pub(crate) struct Met {
    pub(crate) scripts: u64,
    pub(crate) resumptions: u64,
    pub(crate) early_data_accepted: u64,
    pub(crate) otherwise: BTreeMap<Otherwise, u64>,
}

impl Met {
    /// What should have been met, and was not: nothing was shown of it.
    pub(crate) fn lacks(&self) -> Vec<String> {
        let rows = TABLE.iter().filter(|(otherwise, _)| !self.otherwise.contains_key(otherwise));
        let rows = rows.map(|(_, [what, ..])| (*what).to_string());
        let early_data = (self.early_data_accepted == 0).then(|| "accepted early data".to_string());
        rows.chain(early_data).collect()
    }
}

/// Runs a script with libssl's own cache and attached to ours, up to the first difference.
pub(super) fn run(script: &Script, identity: &Identity, met: &mut Met) -> Result<(), String> {
    met.scripts += 1;
    let mut own = Engine::new(&script.setup, identity);
    let mut expected = Vec::new();
    for step in &script.steps {
        own.apply(step);
        expected.push(outcome(&own));
    }
    drop(own);
    let mut attached = Engine::attached(&script.setup, identity);
    // Of each saved session: the number of its ticket. And which of these were used.
    let (mut tickets, mut used) = (Vec::new(), Vec::new());
    let mut verifies = script.setup.verify_peer;
    for (at, step) in script.steps.iter().enumerate() {
        attached.apply(step);
        let (seen, wanted) = (outcome(&attached), &expected[at]);
        let differs = seen != *wanted;
        let mut otherwise = None;
        match *step {
            Step::Save => tickets.push(at),
            Step::Copy(saved) => tickets.push(tickets[saved]),
            Step::VerifyPeer(verify) => verifies = verify,
            Step::Connect(Some(offer)) => {
                let resumed = seen.reused.ends_with(&[Some(true); 2]);
                met.resumptions += u64::from(resumed);
                let is_accepted = seen.early_data.last() == Some(&EarlyData::Accepted);
                met.early_data_accepted += u64::from(is_accepted);
                let is_by_ticket = script.setup.version == TLS13;
                if is_by_ticket && !resumed && used.contains(&tickets[offer]) {
                    otherwise = Some(Otherwise::UsedBefore);
                } else if verifies && script.setup.id_context.is_empty() {
                    otherwise = Some(Otherwise::NoIdContext);
                } else if resumed {
                    used.push(tickets[offer]);
                }
            }
            Step::Connect(None) if script.setup.generator => otherwise = Some(Otherwise::IdTaken),
            _ => {}
        }
        if let (true, Some(otherwise)) = (differs, otherwise) {
            *met.otherwise.entry(otherwise).or_default() += 1;
            // From here on the two have other sessions.
            return Ok(());
        }
        if differs {
            let steps = &script.steps[..=at];
            return Err(format!(
                "script \"{}\", attached, after {steps:?}:\n    libssl's own cache {wanted:?}\n    \
                 attached to ours   {seen:?}",
                script.name
            ));
        }
    }
    Ok(())
}
