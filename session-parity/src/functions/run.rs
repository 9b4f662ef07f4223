//! Runs a sequence on both sides, and looks for the first step at which they differ.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread;
use std::time::Duration;

use super::libssl_side::LibsslSide;
use super::observed::Observed;
use super::operation::{CONTEXTS, Operation};
use super::our_side::{NO_ID, OTHER_CACHE, OurSide};
use super::outcome::Coverage;
use crate::libssl::Version;

/// Where a sequence shows a difference.
#[derive(Debug)]
pub(crate) struct Difference {
    /// Which operation was the last.
    pub(crate) step: usize,
    pub(crate) lines: Vec<String>,
}

/// What a version of libssl does otherwise than late 3.0, and is left out.
#[derive(Clone, Copy)]
pub(crate) struct Skips {
    /// Adding what is in already.
    pub(crate) again: bool,
    /// Timeouts that wrap.
    long_timeouts: bool,
    /// The order of several calls during one flush.
    flush_order: bool,
}

impl Skips {
    pub(crate) fn of(version: Version) -> Skips {
        Skips {
            again: version >= Version(3, 6, 3),
            long_timeouts: version >= Version(3, 2, 0),
            flush_order: version >= Version(4, 0, 3),
        }
    }

    /// The operation as it is done with this version; none if it is left out.
    fn adapted(self, operation: &Operation, now: &Observed) -> Option<Operation> {
        let mut adapted = operation.clone();
        match &mut adapted {
            Operation::Add { context, slot } if self.again => {
                let serial = now.slots[*slot].as_ref().map_or(0, |session| session.serial);
                if now.is_inside(*context, serial) {
                    return None;
                }
            }
            Operation::New { timeout, .. }
            | Operation::SetTimeout { timeout, .. }
            | Operation::SetContextTimeout { timeout, .. }
                if self.long_timeouts =>
            {
                *timeout = (*timeout).min(TIMEOUT_MAX);
            }
            _ => {}
        }
        Some(adapted)
    }
}

/// Counts what was met; the sessions of our side that are not wiped yet.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) coverage: Coverage,
    pub(crate) alive: Arc<AtomicUsize>,
}

/// Runs the operations up to the first difference.
pub(crate) fn run(
    operations: &[Operation],
    skips: Skips,
    tally: &mut Tally,
) -> Result<(), Difference> {
    let mut libssl = LibsslSide::new();
    let mut ours = OurSide::new(&tally.alive);
    let stop = |step: usize, lines: Vec<String>| Difference { step, lines };
    let mut before = libssl.observe(0).map_err(|line| stop(0, vec![line]))?;
    for (step, operation) in operations.iter().enumerate() {
        // After shrinking there may be nothing to do it with.
        if operation.needs().is_some_and(|slot| libssl.session(slot).is_none()) {
            continue;
        }
        let Some(operation) = &skips.adapted(operation, &before) else { continue };
        if let Some((expected, outcome)) = known_refusal(operation, &before) {
            let result = ours.apply(operation);
            if result != expected {
                return Err(stop(step, vec![format!("{}: returned {result}", outcome.1)]));
            }
            tally.coverage.count(outcome);
            let seen = ours.observe(before.result);
            let unchanged = Observed { told: vec![], ..before.clone() };
            compare(&unchanged, seen, &ours).map_err(|lines| stop(step, lines))?;
            continue;
        }
        let mut after = libssl.apply(operation).map_err(|line| stop(step, vec![line]))?;
        let result = ours.apply(operation);
        if let Operation::New { slot: to, .. } | Operation::Duplicate { to, .. } = *operation {
            ours.set_serial(to, libssl.serial(to));
        }
        let mut seen = ours.observe(result);
        if skips.flush_order
            && matches!(operation, Operation::Flush { .. } | Operation::Renew { .. })
        {
            for told in [&mut after.told, &mut seen.told] {
                told.sort_by_key(|told| told.serial);
            }
        }
        compare(&after, seen, &ours).map_err(|lines| stop(step, lines))?;
        tally.coverage.meet(operation, &before, &after);
        before = after;
    }
    Ok(())
}

/// The rows of the table of differences that a sequence can meet: what we refuse and libssl must not even be
/// asked for, because it would break it.
pub(super) fn known_refusal(
    operation: &Operation,
    now: &Observed,
) -> Option<(i64, super::outcome::Outcome)> {
    let Operation::Add { context, slot } = *operation else { return None };
    let session = now.slots[slot].as_ref()?;
    if session.id.is_empty() {
        return Some((NO_ID, ("add", "without an id (R178)")));
    }
    let is_elsewhere =
        (0..CONTEXTS).any(|other| other != context && now.is_inside(other, session.serial));
    is_elsewhere.then_some((OTHER_CACHE, ("add", "is in the other context (R46)")))
}

/// Below it nothing wraps.
const TIMEOUT_MAX: i64 = 1 << 33;

/// Compares what was seen. While another worker's thread frees what this one has dropped, a session's references are
/// one too many for a moment (`Session::references`), so our side is looked at again before the two differ.
fn compare(libssl: &Observed, mut seen: Observed, ours: &OurSide) -> Result<(), Vec<String>> {
    const LOOKS: usize = 50;
    for _ in 0..LOOKS {
        if *libssl == seen {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(1));
        seen = Observed { told: seen.told, ..ours.observe(seen.result) };
    }
    Err(libssl.differences(&seen))
}
