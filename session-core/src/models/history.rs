//! What threads did to one key and when, and whether some order of one after another explains it.
//!
//! The judge is the algorithm of Wing and Gong as extended by Lowe, in the implementation of the
//! crate `todc-utils`; here is only what it must be told. A history of several keys is linearizable
//! when that of each key is (Herlihy and Wing, "Linearizability", theorem 1), so each is judged alone.
//!
//! Invariant: no two operations of a history store the same number, so that a number names its entry.

use todc_utils::linearizability::WGLChecker;
use todc_utils::linearizability::history::{Action, History};
use todc_utils::specifications::Specification;

/// An operation on the key, with what it stored and what it returned.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    Get { found: Option<u64> },
    Insert { number: u64, in_the_way: Option<u64> },
    Replace { number: u64, old: Option<u64> },
    Take { taken: Option<u64> },
    Remove { removed: bool },
    RemoveExact { number: u64, removed: bool },
}

/// An operation of one thread, from call to return.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) thread: usize,
    /// Of any clock that all threads share; equal times count as overlapping.
    pub(crate) called: u64,
    pub(crate) returned: u64,
    pub(crate) operation: Operation,
}

/// Whether an order of the operations explains all their outcomes: one that begins without an entry,
/// and in which what returned before another was called comes first.
pub(crate) fn is_linearizable(events: &[Event]) -> bool {
    if events.is_empty() {
        return true;
    }
    let mut actions: Vec<_> = events
        .iter()
        .flat_map(|event| {
            let call = (event.called, false, event.thread, Action::Call(event.operation));
            let response = (event.returned, true, event.thread, Action::Response(event.operation));
            [call, response]
        })
        .collect();
    actions.sort_by_key(|&(time, is_response, ..)| (time, is_response));
    let actions = actions.into_iter().map(|(_, _, thread, action)| (thread, action)).collect();
    WGLChecker::<OneKey>::is_linearizable(History::from_actions(actions))
}

/// A key as one thread alone would see it: the number of its entry, if it has one.
struct OneKey;

impl Specification for OneKey {
    type State = Option<u64>;
    type Operation = Operation;

    fn init() -> Option<u64> {
        None
    }

    fn apply(operation: &Operation, state: &Option<u64>) -> (bool, Option<u64>) {
        let live = *state;
        match *operation {
            Operation::Get { found } => (found == live, live),
            Operation::Insert { number, in_the_way } => (in_the_way == live, live.or(Some(number))),
            Operation::Replace { number, old } => (old == live, Some(number)),
            Operation::Take { taken } => (taken == live, None),
            Operation::Remove { removed } => (removed == live.is_some(), None),
            Operation::RemoveExact { number, removed } => {
                let is_live = live == Some(number);
                (removed == is_live, if is_live { None } else { live })
            }
        }
    }
}
