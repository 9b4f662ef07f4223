//! When values are dropped, where, and what a value's `drop` may do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::thread;

use session_core::{Handle, Key, KeyHasher, LinkRefused, Table, pin, reclaim};

/// Guards hold the whole process back, so these tests run one at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(name: u32) -> Key {
    Key::new(1, &name.to_be_bytes()).expect("four bytes are few enough")
}

fn table<V: Send + Sync>() -> Table<V> {
    Table::with_capacity(1_000, KeyHasher::folded([11, 12]))
}

/// Reclaims until `done`: the collector may need another attempt while a thread comes or goes.
fn reclaim_until(done: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if done() {
            return;
        }
        reclaim();
        thread::yield_now();
    }
}

#[derive(Clone, Default)]
struct Drops(Arc<AtomicUsize>);

impl Drops {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A value that does something when it is dropped.
struct Doing<F: Fn() + Send + Sync>(F);

/// What values of one table do, each its own.
type Deed = Box<dyn Fn() + Send + Sync>;

impl<F: Fn() + Send + Sync> Drop for Doing<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl Drops {
    fn value(&self) -> Doing<impl Fn() + Send + Sync + use<>> {
        let drops = self.0.clone();
        Doing(move || _ = drops.fetch_add(1, Ordering::SeqCst))
    }
}

#[test]
fn removed_value_is_dropped_by_reclaim() {
    let _alone = alone();
    let (table, drops) = (table(), Drops::default());
    table.replace(key(1), drops.value()).expect("nothing stalls");
    assert!(table.remove(&key(1)));
    reclaim_until(|| drops.count() == 1);
    assert_eq!(drops.count(), 1);
}

#[test]
fn removed_value_stays_readable_while_borrowed() {
    let _alone = alone();
    let table = table();
    table.replace(key(1), String::from("secret")).expect("nothing stalls");
    let guard = pin();
    let borrow = table.get(&key(1), &guard).expect("just stored");
    thread::scope(|scope| {
        scope.spawn(|| {
            assert!(table.remove(&key(1)));
            reclaim();
        });
    });
    reclaim();
    assert_eq!(*borrow, "secret");
    let handle = borrow.to_handle();
    drop(guard);
    reclaim_until(|| !handle.is_held_by_table());
    assert_eq!(*handle, "secret");
    assert_eq!((handle.handles(), handle.is_held_by_table()), (1, false));
}

#[test]
fn values_of_a_dropped_table_are_dropped_with_it() {
    let _alone = alone();
    let (table, drops) = (table(), Drops::default());
    (0..100)
        .for_each(|name| drop(table.replace(key(name), drops.value()).expect("nothing stalls")));
    let kept = table.handle(&key(7)).expect("just stored");
    drop(table);
    assert_eq!(drops.count(), 99);
    drop(kept);
    assert_eq!(drops.count(), 100);
}

#[test]
fn removals_drop_values_without_anybody_asking() {
    let _alone = alone();
    let (table, drops) = (table(), Drops::default());
    for name in 0..1_000 {
        table.replace(key(name), drops.value()).expect("nothing stalls");
        assert!(table.remove(&key(name)));
    }
    assert!(drops.count() >= 1_000 - 4 * 64, "only {} of 1,000 were dropped", drops.count());
}

#[test]
fn readers_that_happen_to_collect_keep_nothing() {
    let _alone = alone();
    let (table, drops) = (Arc::new(table()), Drops::default());
    table.replace(key(0), drops.value()).expect("nothing stalls");
    const TURNS: usize = if cfg!(miri) { 4 } else { 200 };
    // Turns, so that the readers' guards hold nothing back: they collect what the writer retired.
    let (to_reader, turns) = mpsc::sync_channel::<()>(0);
    let (to_writer, read) = mpsc::sync_channel::<()>(0);
    let theirs = table.clone();
    let reader = thread::spawn(move || {
        while turns.recv().is_ok() {
            for _ in 0..512 {
                assert!(theirs.handle(&key(0)).is_some());
            }
            to_writer.send(()).expect("the writer waits");
        }
    });
    for _ in 0..TURNS {
        for _ in 0..64 {
            table.replace(key(0), drops.value()).expect("nothing stalls");
        }
        to_reader.send(()).expect("the reader waits");
        read.recv().expect("the reader answers");
    }
    drop(to_reader);
    reader.join().expect("the reader does not panic");
    let waiting = TURNS * 64 - drops.count();
    assert!(waiting <= 6 * 64, "{waiting} values wait to be dropped");
}

#[test]
fn handle_of_another_table_removes_nothing() {
    let _alone = alone();
    let (one, other) = (table(), table());
    let (handle, _) = one.replace(key(1), 1).expect("nothing stalls");
    other.replace(key(1), 2).expect("nothing stalls");
    assert!(!other.remove_exact(&handle));
    assert_eq!((one.len(), other.len()), (1, 1));
    assert!(one.remove_exact(&handle));
}

#[test]
fn what_a_thread_has_removed_is_dropped_after_it_ended() {
    let _alone = alone();
    let (table, drops) = (Arc::new(table()), Drops::default());
    let (theirs, values) = (table.clone(), drops.clone());
    let remover = thread::spawn(move || {
        for name in 0..10 {
            theirs.replace(key(name), values.value()).expect("nothing stalls");
            theirs.remove(&key(name));
        }
    });
    remover.join().expect("the remover does not panic");
    reclaim_until(|| drops.count() == 10);
    assert_eq!(drops.count(), 10);
}

#[test]
fn value_is_not_dropped_under_a_guard_of_its_thread() {
    let _alone = alone();
    let (table, drops) = (table(), Drops::default());
    table.replace(key(1), drops.value()).expect("nothing stalls");
    let handle = table.take(&key(1)).expect("just stored");
    reclaim_until(|| !handle.is_held_by_table());
    assert!(!handle.is_held_by_table(), "the table has let go");
    let guard = pin();
    drop(handle);
    assert_eq!(drops.count(), 0);
    drop(guard);
    table.remove(&key(2));
    assert_eq!(drops.count(), 1, "the next call that may change the table ends with it");
}

#[test]
fn drop_of_a_value_may_use_the_table() {
    let _alone = alone();
    let table: Arc<Table<Doing<Deed>>> = Arc::new(table());
    let quiet = || Doing(Box::new(|| ()) as Deed);
    let again = table.clone();
    let busy = Doing(Box::new(move || {
        again.replace(key(2), Doing(Box::new(|| ()))).expect("nothing stalls");
        assert!(again.remove(&key(3)));
        drop(pin());
        reclaim();
    }) as Deed);
    table.replace(key(1), busy).expect("nothing stalls");
    table.replace(key(3), quiet()).expect("nothing stalls");
    assert!(table.remove(&key(1)));
    reclaim_until(|| table.handle(&key(2)).is_some());
    assert!(table.handle(&key(2)).is_some());
    assert!(table.handle(&key(3)).is_none());
}

/// Of a chain of values: its `drop` removes the next and reclaims.
struct Chained {
    table: Weak<Table<Chained>>,
    name: u32,
}

impl Drop for Chained {
    fn drop(&mut self) {
        let Some(table) = self.table.upgrade() else { return };
        if table.remove(&key(self.name + 1)) {
            reclaim();
        }
    }
}

#[test]
fn values_of_which_each_removes_the_next_need_no_deep_stack() {
    const VALUES: u32 = if cfg!(miri) { 200 } else { 100_000 };
    let _alone = alone();
    let work = || {
        let table: Arc<Table<Chained>> = Arc::new(table());
        for name in 0..VALUES {
            let value = Chained { table: Arc::downgrade(&table), name };
            table.insert(key(name), value).map(drop).expect("each key is new");
        }
        assert!(table.remove(&key(0)));
        reclaim_until(|| table.is_empty());
        assert_eq!(table.len(), 0);
    };
    let thread = thread::Builder::new().stack_size(2 << 20).spawn(work);
    thread.expect("there is memory for a thread").join().expect("the stack suffices");
}

/// A table of twenty values that count their drops, of which the tenth panics.
fn twenty_of_which_one_panics() -> (Table<Doing<Deed>>, Drops) {
    let (table, drops) = (table::<Doing<Deed>>(), Drops::default());
    for name in 0..20 {
        let count = drops.0.clone();
        let value = move || {
            count.fetch_add(1, Ordering::SeqCst);
            assert_ne!(name, 10, "planted");
        };
        table.replace(key(name), Doing(Box::new(value))).expect("nothing stalls");
    }
    (table, drops)
}

#[test]
fn panic_in_the_drop_of_a_value_loses_no_other_value() {
    let _alone = alone();
    let (table, drops) = twenty_of_which_one_panics();
    assert!((0..20).all(|name| table.remove(&key(name))));
    let panicked = std::cell::Cell::new(false);
    reclaim_until(|| {
        panicked.set(panicked.get() || catch_unwind(AssertUnwindSafe(reclaim)).is_err());
        panicked.get()
    });
    assert!(panicked.get(), "the panic reaches whoever reclaims");
    assert!(drops.count() < 20);
    reclaim_until(|| drops.count() == 20);
    assert_eq!(drops.count(), 20);

    table.replace(key(1), Doing(Box::new(|| ()))).expect("nothing stalls");
    assert_eq!(table.len(), 1, "the table goes on");
}

#[test]
fn panic_in_the_drop_of_a_value_loses_no_other_value_of_a_dropped_table() {
    let _alone = alone();
    let (table, drops) = twenty_of_which_one_panics();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(table))).is_err());
    reclaim_until(|| drops.count() == 20);
    assert_eq!(drops.count(), 20);
}

#[test]
fn table_can_be_used_while_a_thread_ends() {
    let _alone = alone();
    thread_local! {
        static LAST: std::cell::RefCell<Option<Doing<Deed>>> =
            const { std::cell::RefCell::new(None) };
    }
    let table = Arc::new(table::<u32>());
    let (sender, receiver) = mpsc::sync_channel(1);
    let theirs = table.clone();
    let thread = thread::spawn(move || {
        // Set before the table is first used, so that it is destroyed after the table's own locals.
        LAST.set(Some(Doing(Box::new(move || {
            theirs.replace(key(1), 1).expect("nothing stalls");
            theirs.replace(key(2), 2).expect("nothing stalls");
            assert!(theirs.remove(&key(1)));
            assert_eq!(theirs.get(&key(2), &pin()).as_deref(), Some(&2));
            reclaim();
            sender.send(()).expect("the test waits");
        }))));
        drop(pin());
    });
    thread.join().expect("the thread ends well");
    receiver.recv().expect("the destructor ran to its end");
    assert_eq!(table.len(), 1);
}

#[test]
fn entry_is_linked_once_in_its_life() {
    let _alone = alone();
    let (table, other, drops) = (table(), table(), Drops::default());
    let entry = Handle::new(key(1), drops.value());
    assert!(!entry.is_held_by_table());
    assert!(!table.remove_exact(&entry), "it is in no table yet");
    assert!(table.link(&entry).expect("never linked").is_none());
    assert_eq!(table.link(&entry).err(), Some(LinkRefused::LinkedBefore));
    assert!(table.remove_exact(&entry));
    assert_eq!(table.link(&entry).err(), Some(LinkRefused::LinkedBefore));
    assert_eq!(other.link(&entry).err(), Some(LinkRefused::LinkedBefore));
    reclaim_until(|| !entry.is_held_by_table());
    assert_eq!(table.link(&entry).err(), Some(LinkRefused::LinkedBefore));
    assert!(!entry.is_held_by_table(), "a refusal takes no share");
    assert_eq!((entry.handles(), drops.count()), (1, 0));
    drop(entry);
    assert_eq!(drops.count(), 1);
}

#[test]
fn entry_that_is_never_linked_is_dropped_with_its_last_handle() {
    let _alone = alone();
    let drops = Drops::default();
    let entry = Handle::new(key(1), drops.value());
    let second = entry.clone();
    drop(entry);
    assert_eq!(drops.count(), 0);
    drop(second);
    assert_eq!(drops.count(), 1);
}

#[test]
fn linked_entry_replaces_the_one_of_its_key() {
    let _alone = alone();
    let table = table();
    let old = table.insert(key(1), String::from("old")).expect("the table is empty");
    let new = Handle::new(key(1), String::from("new"));
    let replaced = table.link(&new).expect("never linked").expect("there was one");
    assert!(replaced.ptr_eq(&old));
    assert!(table.handle(&key(1)).expect("just linked").ptr_eq(&new));
    assert_eq!(table.len(), 1);
}
