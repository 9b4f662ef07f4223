//! Random operations on caches and connections, and on a model that is nothing but lists.
//!
//! After each step both must show the same: what was answered, which hooks were called in which order, what
//! is inside, every figure, and all of each session and connection that can be seen.

mod connection;
mod model;
mod operation;
mod real;

use std::sync::Once;

use model::Model;
use operation::{Operation, SLOTS, Step, steps};
use proptest::prelude::*;
use real::{Meant, Real};
use session_cache::{Rules, Seconds, UnixTime};

/// Does one step on both and compares all that can be seen.
fn step(real: &mut Real, model: &mut Model, step: &Step) -> Result<(), TestCaseError> {
    model.script = step.script.iter().cloned().collect();
    *real.book.script.lock().unwrap() = model.script.clone();
    let (expected, outcome) = match &step.operation {
        Operation::Cache(slot, operation) => {
            (model.on_cache(model.slots[*slot], operation), real.on_slot(*slot, operation))
        }
        Operation::Hand(hand, operation) => {
            (model.on_hand(*hand, operation), real.on_hand(*hand, operation))
        }
        Operation::Connection(at, operation) => {
            (model.on_connection(*at, operation), real.on_connection(*at, operation))
        }
        Operation::RemoveIf { slot, odd } => {
            let (removed, order) = real.remove_if_odd(*slot, *odd);
            (model.remove_if_odd(model.slots[*slot], *odd, &order), removed)
        }
        Operation::ReplaceCache { slot, sessions_max } => {
            let new = model.new_cache(*sessions_max);
            let old = std::mem::replace(&mut model.slots[*slot], new);
            model.end_if_unheld(old);
            real.replace_cache(*slot, *sessions_max);
            Default::default()
        }
        Operation::Advance(seconds) => {
            model.now = model.now.saturating_add(*seconds);
            real.clock.advance(Seconds(*seconds));
            Default::default()
        }
        Operation::SetTime(now) => {
            model.now = *now;
            real.clock.set(UnixTime(*now));
            Default::default()
        }
    };
    let calls = std::mem::take(&mut *real.book.log.lock().unwrap());
    prop_assert_eq!(calls, std::mem::take(&mut model.log), "hooks of {:?}", step);
    prop_assert_eq!(outcome, expected, "answer of {:?}", step);
    let (seen, expected) = (real.view(), model.view());
    let differs = seen.iter().zip(&expected).find(|(seen, expected)| seen != expected);
    prop_assert_eq!(differs, None, "after {:?}", step);
    prop_assert_eq!(seen.len(), expected.len(), "after {:?}", step);
    Ok(())
}

/// Panics that are meant are not printed.
fn hide_meant_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !panic.payload().is::<Meant>() {
                before(panic);
            }
        }));
    });
}

fn play(rules: Rules, sizes: [usize; SLOTS], steps: &[Step]) -> Result<(), TestCaseError> {
    hide_meant_panics();
    let mut real = Real::new(rules, sizes);
    let mut model = Model::new(rules == Rules::DOCUMENTED, sizes);
    for one in steps {
        step(&mut real, &mut model, one)?;
    }
    Ok(())
}

fn sizes() -> impl Strategy<Value = [usize; SLOTS]> {
    [1..5usize, 1..5usize]
}

proptest! {
    #![proptest_config(ProptestConfig {
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn cache_and_model_agree_under_documented_rules(sizes in sizes(), steps in steps()) {
        play(Rules::DOCUMENTED, sizes, &steps)?;
    }

    #[test]
    fn cache_and_model_agree_under_openssl_rules(sizes in sizes(), steps in steps()) {
        play(Rules::OPENSSL, sizes, &steps)?;
    }
}
