//! Random sequences of every operation, against a map that does one thing after another.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::collection::vec;
use proptest::prelude::*;
use session_core::{Guard, Handle, Key, KeyHasher, Table, pin, reclaim};

#[derive(Clone, Copy, Debug)]
enum Operation {
    Insert(u8),
    Replace(u8),
    Get(u8),
    Hold(u8),
    LetGo,
    Take(u8),
    Remove(u8),
    RemoveHeld,
    Iterate,
    Pin,
    Unpin,
    Reclaim,
}

fn operation() -> impl Strategy<Value = Operation> {
    let name = 0..12_u8;
    prop_oneof![
        4 => name.clone().prop_map(Operation::Insert),
        4 => name.clone().prop_map(Operation::Replace),
        4 => name.clone().prop_map(Operation::Get),
        2 => name.clone().prop_map(Operation::Hold),
        1 => Just(Operation::LetGo),
        3 => name.clone().prop_map(Operation::Take),
        2 => name.prop_map(Operation::Remove),
        2 => Just(Operation::RemoveHeld),
        1 => Just(Operation::Iterate),
        1 => Just(Operation::Pin),
        1 => Just(Operation::Unpin),
        1 => Just(Operation::Reclaim),
    ]
}

/// Twelve keys: two versions, and ids that are prefixes of each other or differ in zeros only.
fn key(name: u8) -> Key {
    let ids: [&[u8]; 6] = [b"", b"a", b"ab", b"ab\0", b"ab\0\0", &[b'x'; 32]];
    let version = u16::from(name / 6);
    Key::new(version, ids[usize::from(name % 6)]).expect("at most 32 bytes")
}

struct Value {
    number: u64,
    dropped: Arc<AtomicUsize>,
}

impl Drop for Value {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// The table, the naive map beside it, and what the test holds.
struct Both {
    table: Table<Value>,
    naive: HashMap<u8, u64>,
    /// A handle with its name and number; its entry may have left the table.
    held: Option<(Handle<Value>, u8, u64)>,
    guard: Option<Guard>,
    made: usize,
    dropped: Arc<AtomicUsize>,
}

impl Both {
    fn new(entries: usize, hasher: KeyHasher) -> Both {
        Both {
            table: Table::with_capacity(entries, hasher),
            naive: HashMap::new(),
            held: None,
            guard: None,
            made: 0,
            dropped: Arc::default(),
        }
    }

    fn value(&mut self) -> Value {
        self.made += 1;
        Value { number: self.made as u64, dropped: self.dropped.clone() }
    }

    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Insert(name) => self.insert(name),
            Operation::Replace(name) => {
                let value = self.value();
                let number = value.number;
                let (new, old) = self.table.replace(key(name), value).expect("nothing stalls");
                assert_eq!(new.number, number);
                assert_eq!(old.map(|old| old.number), self.naive.insert(name, number));
            }
            Operation::Get(name) => {
                let guard = pin();
                let found = self.table.get(&key(name), &guard);
                assert_eq!(found.map(|found| found.number), self.naive.get(&name).copied());
                assert!(found.is_none_or(|found| *found.key() == key(name)));
            }
            Operation::Hold(name) => {
                let found = self.table.handle(&key(name));
                assert_eq!(
                    found.as_ref().map(|found| found.number),
                    self.naive.get(&name).copied()
                );
                self.held = found.map(|found| (found, name, self.naive[&name]));
            }
            Operation::LetGo => self.held = None,
            Operation::Take(name) => {
                let taken = self.table.take(&key(name));
                assert_eq!(taken.map(|taken| taken.number), self.naive.remove(&name));
            }
            Operation::Remove(name) => {
                assert_eq!(self.table.remove(&key(name)), self.naive.remove(&name).is_some());
            }
            Operation::RemoveHeld => self.remove_held(),
            Operation::Iterate => {
                let guard = pin();
                let mut met: Vec<_> = self.table.iter(&guard).map(|entry| entry.number).collect();
                let mut all: Vec<_> = self.naive.values().copied().collect();
                met.sort_unstable();
                all.sort_unstable();
                assert_eq!(met, all);
            }
            Operation::Pin => self.guard = Some(pin()),
            Operation::Unpin => self.guard = None,
            Operation::Reclaim => reclaim(),
        }
        assert_eq!(self.table.len(), self.naive.len());
        if let Some((held, _, number)) = &self.held {
            assert_eq!(held.number, *number, "a handle stays readable");
        }
    }

    fn insert(&mut self, name: u8) {
        let value = self.value();
        let number = value.number;
        match (self.table.insert(key(name), value), self.naive.get(&name)) {
            (Ok(new), None) => {
                assert_eq!(new.number, number);
                self.naive.insert(name, number);
            }
            (Err(refused), Some(there)) => {
                assert_eq!(refused.existing().map(|there| there.number), Some(*there));
                assert_eq!(refused.value.number, number, "the value comes back");
            }
            (inserted, there) => panic!("inserted: {}, there: {there:?}", inserted.is_ok()),
        }
    }

    fn remove_held(&mut self) {
        let Some((held, name, number)) = &self.held else { return };
        let live = self.naive.get(name) == Some(number);
        assert_eq!(self.table.remove_exact(held), live);
        if live {
            self.naive.remove(name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn table_does_what_a_map_does(
        entries in prop_oneof![Just(0_usize), Just(2), Just(100)],
        slow_hash in any::<bool>(),
        operations in vec(operation(), 1..200),
    ) {
        let hasher = if slow_hash { KeyHasher::siphash([3, 4]) } else { KeyHasher::folded([3, 4]) };
        let mut both = Both::new(entries, hasher);
        for operation in operations {
            both.apply(operation);
        }
        let (made, dropped) = (both.made, both.dropped.clone());
        drop(both);
        for _ in 0..100_000 {
            if dropped.load(Ordering::SeqCst) == made {
                break;
            }
            reclaim();
        }
        prop_assert_eq!(dropped.load(Ordering::SeqCst), made, "every value is dropped, and once");
    }
}
