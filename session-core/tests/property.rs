//! Random sequences of every operation, against a map that does one thing after another.

use proptest::collection::vec;
use proptest::prelude::*;
use session_core::KeyHasher;

use naive::{Both, Name, Operation};

mod naive;

fn operation() -> impl Strategy<Value = Operation> {
    let name = (0..Name::COUNT).prop_map(Name);
    prop_oneof![
        4 => name.clone().prop_map(Operation::Insert),
        4 => name.clone().prop_map(Operation::Replace),
        4 => name.clone().prop_map(Operation::Get),
        2 => name.clone().prop_map(Operation::Hold),
        1 => Just(Operation::LetGo),
        3 => name.clone().prop_map(Operation::Take),
        2 => name.prop_map(Operation::Remove),
        2 => Just(Operation::RemoveHeld),
        1 => Just(Operation::Fill),
        1 => Just(Operation::Clear),
        1 => Just(Operation::Iterate),
        1 => Just(Operation::Pin),
        1 => Just(Operation::Unpin),
        1 => Just(Operation::Reclaim),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn table_does_what_a_map_does(
        entries in prop_oneof![Just(0_usize), Just(2), Just(100), Just(100_000)],
        slow_hash in any::<bool>(),
        operations in vec(operation(), 1..200),
    ) {
        let hasher = if slow_hash { KeyHasher::siphash([3, 4]) } else { KeyHasher::folded([3, 4]) };
        let mut both = Both::new(entries, hasher);
        for operation in operations {
            both.apply(operation);
        }
        both.finish();
    }
}
