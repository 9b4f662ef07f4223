//! Handshakes in memory, by scripts: (a) OpenSSL with its own cache, (b) OpenSSL attached to ours by
//! session-openssl, and (c) two of our connections over our caches, driven by what happened in (a).

mod attached;
mod engine;
mod message;
mod replay;
mod script;
mod scripts;
mod seen;

pub(crate) use attached::{Met, TABLE as OTHERWISE};
pub(crate) use script::GENERATED;

use engine::{Engine, Identity};
use replay::Replay;
use script::{Script, Setup, Step, TLS13};
use seen::Told;

use crate::libssl::Version;
use crate::libssl::trace::{Event, What};

/// What the scripts have shown.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) scripts: usize,
    pub(crate) steps: usize,
    pub(crate) resumptions: u64,
    /// Of run (b).
    pub(crate) attached: Met,
    /// Names, and why.
    pub(crate) skipped: Vec<(String, &'static str)>,
    pub(crate) differences: Vec<String>,
}

/// Runs every script that is the same with this version.
pub(crate) fn compare(version: Version) -> Report {
    let identity = Identity::new();
    let mut report = Report::default();
    for script in scripts::all() {
        if let Some(why) = script.differs_with(version) {
            report.skipped.push((script.name, why));
            continue;
        }
        report.scripts += 1;
        report.steps += script.steps.len();
        match run(&script, &identity) {
            Ok(resumptions) => report.resumptions += resumptions,
            Err(difference) => report.differences.push(difference),
        }
        if attached::can_run(&script) {
            let outcome = attached::run(&script, &identity, &mut report.attached);
            report.differences.extend(outcome.err());
        }
    }
    report
}

/// Names every script.
pub(crate) fn names() -> Vec<String> {
    scripts::all().into_iter().map(|script| script.name).collect()
}

/// Runs a script up to the first difference, and counts how often libssl resumed.
fn run(script: &Script, identity: &Identity) -> Result<u64, String> {
    let mut engine = Engine::new(&script.setup, identity);
    let mut replay = Replay::new(&script.setup);
    let mut hits = 0;
    for (at, step) in script.steps.iter().enumerate() {
        let events = engine.apply(step);
        let mut seen = engine.seen();
        seen.told = events.iter().filter_map(told).collect();
        replay.apply(step, &events, &engine.inputs(), &seen);
        let (ours, complaints) = replay.seen();
        let mut lines = complaints;
        lines.extend(seen.differences(&ours));
        if !lines.is_empty() {
            let steps = &script.steps[..=at];
            return Err(format!(
                "script \"{}\", after {steps:?}:\n    {}",
                script.name,
                lines.join("\n    ")
            ));
        }
        hits = seen.counters.iter().map(|counters| counters[HITS]).sum();
    }
    Ok(hits)
}

/// The session of a libssl server of TLS 1.3: when its handshake is done, and when it has sent a ticket.
pub(crate) fn serials_around_the_first_ticket() -> Result<(u64, u64), String> {
    let mut engine = Engine::new(&Setup::new(TLS13), &Identity::new());
    let events = engine.apply(&Step::Connect(None));
    let server = |wanted: fn(&What) -> bool| {
        let attached = events.iter().find_map(|event| match event {
            Event::Connection { peer, attached, what } if peer.is_server && wanted(what) => {
                attached.clone()
            }
            _ => None,
        });
        attached.map(|attached| attached.serial).ok_or("libssl's handshake was not seen")
    };
    let done = server(|what| matches!(what, What::Done))?;
    let ticket = server(|what| match what {
        What::Message { sent, message } => *sent && message[0] == message::NEW_SESSION_TICKET,
        _ => false,
    })?;
    Ok((done, ticket))
}

fn told(event: &Event) -> Option<Told> {
    match event {
        Event::New { peer, serial, resumable } => {
            let context = usize::from(!peer.is_server);
            Some(Told::New { context, serial: *serial, resumable: *resumable })
        }
        Event::Removed { context, serial, resumable } => {
            Some(Told::Removed { context: *context, serial: *serial, resumable: *resumable })
        }
        Event::Asked { id, answer, .. } => Some(Told::Asked { id: id.clone(), answer: *answer }),
        _ => None,
    }
}

/// Where in the counters the hits are.
const HITS: usize = 7;
