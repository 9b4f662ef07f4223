//! Every operation, done to the table and to a map that does one thing after another.
//!
//! A property test and a fuzz target bring the operations.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use session_core::{Guard, Handle, Key, KeyHasher, Table, pin, reclaim};

/// What is done to the table, the map and what is held.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub(crate) enum Operation {
    Insert(Name),
    Replace(Name),
    Get(Name),
    Hold(Name),
    LetGo,
    Take(Name),
    Remove(Name),
    RemoveHeld,
    Fill,
    Clear,
    Iterate,
    Pin,
    Unpin,
    Reclaim,
}

/// One of twelve keys: two versions, and ids that are prefixes of each other or differ in zeros only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name(pub(crate) u8);

impl Name {
    pub(crate) const COUNT: u8 = 12;

    fn key(self) -> Key {
        let ids: [&[u8]; 6] = [b"", b"a", b"ab", b"ab\0", b"ab\0\0", &[b'x'; 32]];
        let version = u16::from(self.0 / 6);
        Key::new(version, ids[usize::from(self.0 % 6)]).expect("at most 32 bytes")
    }
}

#[cfg(fuzzing)]
impl<'a> arbitrary::Arbitrary<'a> for Name {
    fn arbitrary(bytes: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Name> {
        Ok(Name(bytes.int_in_range(0..=Name::COUNT - 1)?))
    }
}

/// A key that has no [`Name`].
fn filling_key(name: usize) -> Key {
    Key::new(2, &name.to_be_bytes()).expect("eight bytes are few enough")
}

/// Enough for a table that was made for none to double four times.
const FILLING_MAX: usize = 320;

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
pub(crate) struct Both {
    table: Table<Value>,
    naive: HashMap<Name, u64>,
    /// The numbers of what `Fill` stored, by the names of its own keys.
    filling: Vec<u64>,
    /// A handle with its name and number; its entry may have left the table.
    held: Option<(Handle<Value>, Name, u64)>,
    guard: Option<Guard>,
    made: usize,
    dropped: Arc<AtomicUsize>,
}

impl Both {
    pub(crate) fn new(entries: usize, hasher: KeyHasher) -> Both {
        Both {
            table: Table::with_capacity(entries, hasher),
            naive: HashMap::new(),
            filling: vec![],
            held: None,
            guard: None,
            made: 0,
            dropped: Arc::default(),
        }
    }

    /// Lets go of everything, and waits until it is freed.
    pub(crate) fn finish(self) {
        let (made, dropped) = (self.made, self.dropped.clone());
        drop(self);
        for _ in 0..100_000 {
            if dropped.load(Ordering::SeqCst) == made {
                break;
            }
            reclaim();
        }
        assert_eq!(dropped.load(Ordering::SeqCst), made, "every value is dropped, and once");
    }

    fn value(&mut self) -> Value {
        self.made += 1;
        Value { number: self.made as u64, dropped: self.dropped.clone() }
    }

    pub(crate) fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Insert(name) => self.insert(name),
            Operation::Replace(name) => {
                let value = self.value();
                let number = value.number;
                let (new, old) = self.table.replace(name.key(), value).expect("nothing stalls");
                assert_eq!(new.number, number);
                assert_eq!(old.map(|old| old.number), self.naive.insert(name, number));
            }
            Operation::Get(name) => {
                let guard = pin();
                let found = self.table.get(&name.key(), &guard);
                assert_eq!(found.map(|found| found.number), self.naive.get(&name).copied());
                assert!(found.is_none_or(|found| *found.key() == name.key()));
            }
            Operation::Hold(name) => {
                let found = self.table.handle(&name.key());
                assert_eq!(
                    found.as_ref().map(|found| found.number),
                    self.naive.get(&name).copied()
                );
                self.held = found.map(|found| (found, name, self.naive[&name]));
            }
            Operation::LetGo => self.held = None,
            Operation::Take(name) => {
                let taken = self.table.take(&name.key());
                assert_eq!(taken.map(|taken| taken.number), self.naive.remove(&name));
            }
            Operation::Remove(name) => {
                assert_eq!(self.table.remove(&name.key()), self.naive.remove(&name).is_some());
            }
            Operation::RemoveHeld => self.remove_held(),
            Operation::Fill => self.fill(),
            Operation::Clear => self.clear(),
            Operation::Iterate => {
                let guard = pin();
                let mut met: Vec<_> = self.table.iter(&guard).map(|entry| entry.number).collect();
                let mut all: Vec<_> = self.naive.values().chain(&self.filling).copied().collect();
                met.sort_unstable();
                all.sort_unstable();
                assert_eq!(met, all);
            }
            Operation::Pin => self.guard = Some(pin()),
            Operation::Unpin => self.guard = None,
            Operation::Reclaim => reclaim(),
        }
        assert_eq!(self.table.len(), self.naive.len() + self.filling.len());
        if let Some((held, _, number)) = &self.held {
            assert_eq!(held.number, *number, "a handle stays readable");
        }
    }

    fn insert(&mut self, name: Name) {
        let value = self.value();
        let number = value.number;
        match (self.table.insert(name.key(), value), self.naive.get(&name)) {
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

    /// Makes the table grow: it looks once in 64 insertions whether it should.
    fn fill(&mut self) {
        if self.filling.len() >= FILLING_MAX {
            return;
        }
        for _ in 0..64 {
            let value = self.value();
            let key = filling_key(self.filling.len());
            self.filling.push(value.number);
            self.table.insert(key, value).expect("each key is new");
        }
    }

    fn clear(&mut self) {
        for (name, number) in std::mem::take(&mut self.filling).into_iter().enumerate() {
            let taken = self.table.take(&filling_key(name));
            assert_eq!(taken.map(|taken| taken.number), Some(number));
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
