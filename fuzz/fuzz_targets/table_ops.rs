//! Sequences of every operation that the fuzzer thinks of, against a map that does one thing after
//! another: the operations and the map are those of session-core's property test.

#![no_main]

use libfuzzer_sys::fuzz_target;
use session_core::KeyHasher;

use naive::{Both, Operation};

#[path = "../../session-core/tests/naive/mod.rs"]
mod naive;

#[derive(Debug, arbitrary::Arbitrary)]
struct Case {
    entries: Entries,
    slow_hash: bool,
    operations: Vec<Operation>,
}

/// What the table is made for: some sizes share buckets among all keys, some among none.
#[derive(Clone, Copy, Debug, arbitrary::Arbitrary)]
enum Entries {
    None,
    Few,
    Many,
    /// So many that the table has a sieve.
    Large,
}

fuzz_target!(|case: Case| {
    let entries = match case.entries {
        Entries::None => 0,
        Entries::Few => 2,
        Entries::Many => 100,
        Entries::Large => 100_000,
    };
    let hasher =
        if case.slow_hash { KeyHasher::siphash([3, 4]) } else { KeyHasher::folded([3, 4]) };
    let mut both = Both::new(entries, hasher);
    case.operations.into_iter().for_each(|operation| both.apply(operation));
    both.finish();
});
