//! A process that forks before it starts threads, as servers with worker processes do.

// Miri has no processes.
#![cfg(all(unix, not(miri)))]

use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use session_core::{Key, KeyHasher, Table, after_fork, pin, reclaim, settle, waiting};

/// No other test is inside when one forks, nor drops what waits for it.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn key(name: usize) -> Key {
    Key::new(0, &name.to_be_bytes()).expect("eight bytes are few enough")
}

/// Runs `child` in a process forked off here; returns its exit status.
fn forked(child: impl FnOnce() -> bool) -> i32 {
    // SAFETY: the child uses nothing that another thread of this process may hold locked, but for
    // the allocator, which glibc and macOS make usable after a fork.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork failed");
    if pid == 0 {
        let fine = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child)).unwrap_or(false);
        // SAFETY: ends the child at once, without running the parent's destructors in it.
        unsafe { libc::_exit(if fine { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: `pid` is our child, and `status` lives over the call.
    let waited = unsafe { libc::waitpid(pid, &mut status, 0) };
    assert_eq!(waited, pid);
    libc::WEXITSTATUS(status) | libc::WTERMSIG(status) << 8
}

#[test]
fn child_reclaims_although_a_thread_of_the_parent_held_a_guard() {
    let _alone = alone();
    let dropped = Arc::new(AtomicUsize::new(0));
    let table = Table::with_capacity(100, KeyHasher::folded([21, 22]));
    for name in 0..10 {
        let value = Counted(dropped.clone());
        table.insert(key(name), value).expect("nothing waits yet");
    }
    let (pinned, is_pinned) = mpsc::sync_channel(1);
    let (let_go, waits) = mpsc::sync_channel::<()>(0);
    let reader = thread::spawn(move || {
        let _guard = pin();
        pinned.send(()).expect("the test waits");
        let _ = waits.recv();
    });
    is_pinned.recv().expect("the reader takes its guard");

    let work = || {
        // What the parent stored is there, and leaves.
        assert!((0..10).all(|name| table.remove(&key(name))));
        for round in 0..1_000 {
            table.replace(key(round % 7), Counted(dropped.clone())).expect("nothing stalls");
        }
        (0..100).for_each(|_| reclaim());
        dropped.load(Ordering::SeqCst)
    };
    let all = 10 + 1_000 - 7;
    assert_eq!(forked(|| work() == 0), 0, "without after_fork the parent's reader holds all back");
    let anew = || {
        // SAFETY: just forked off, with this one thread.
        unsafe { after_fork() };
        waiting() == 0 && work() == all
    };
    assert_eq!(forked(anew), 0, "with it nothing does");

    // The parent is as it was.
    assert_eq!(table.len(), 10);
    drop(let_go);
    reader.join().expect("the reader does not panic");
    assert!((0..10).all(|name| table.remove(&key(name))));
    (0..100).for_each(|_| reclaim());
    assert_eq!(dropped.load(Ordering::SeqCst), 10);
}

#[test]
fn what_waited_for_a_guard_of_the_forking_thread_is_not_dropped_in_the_child() {
    let _alone = alone();
    let dropped = Arc::new(AtomicUsize::new(0));
    let table = Table::with_capacity(10, KeyHasher::folded([23, 24]));
    table.insert(key(0), Counted(dropped.clone())).map(drop).expect("nothing waits yet");
    let last = table.take(&key(0)).expect("just stored");
    while last.is_held_by_table() {
        reclaim();
    }
    let guard = pin();
    drop(last);
    drop(guard);
    let anew = || {
        // SAFETY: just forked off, with this one thread.
        unsafe { after_fork() };
        (0..10).for_each(|_| reclaim());
        assert_eq!(dropped.load(Ordering::SeqCst), 0, "it is the parent's");
        table.insert(key(1), Counted(dropped.clone())).map(drop).expect("nothing waits here");
        assert!(table.remove(&key(1)));
        (0..10).for_each(|_| reclaim());
        dropped.load(Ordering::SeqCst) == 1
    };
    assert_eq!(forked(anew), 0);
    settle();
    assert_eq!(dropped.load(Ordering::SeqCst), 1, "the parent drops its own");
}

#[test]
fn after_fork_under_a_guard_is_refused() {
    let _alone = alone();
    let under_a_guard = || {
        std::panic::set_hook(Box::new(|_| ()));
        let _guard = pin();
        // SAFETY: just forked off, with this one thread.
        std::panic::catch_unwind(|| unsafe { after_fork() }).is_err()
    };
    assert_eq!(forked(under_a_guard), 0);
}

/// An id, and two hashes of a key, each under a secret, drawn from the system here and now.
fn drawn() -> Vec<u8> {
    let word = || getrandom::u64().expect("the system has random bytes");
    let hash = |hasher| Table::<()>::with_capacity(1, hasher).hash(&key(1)).to_ne_bytes();
    let mut id = [0; 32];
    getrandom::fill(&mut id).expect("the system has random bytes");
    let folded = hash(KeyHasher::folded([word(), word()]));
    [&id[..], &folded, &hash(KeyHasher::siphash([word(), word()]))].concat()
}

#[test]
fn ids_and_hash_secrets_drawn_after_a_fork_differ() {
    let _alone = alone();
    // What a generator might keep between draws is there before the fork, and so in both processes.
    let mut all = vec![drawn()];
    for _ in 0..2 {
        let (mut from_child, mut to_parent) = std::io::pipe().expect("there are descriptors left");
        let draw = || {
            // SAFETY: just forked off, with this one thread.
            unsafe { after_fork() };
            to_parent.write_all(&drawn()).is_ok()
        };
        assert_eq!(forked(draw), 0);
        drop(to_parent);
        let mut theirs = vec![];
        from_child.read_to_end(&mut theirs).expect("the child wrote to it");
        all.extend([theirs, drawn()]);
    }
    for (index, one) in all.iter().enumerate() {
        assert_eq!(one.len(), 48);
        for other in &all[..index] {
            for part in [0..32, 32..40, 40..48] {
                assert_ne!(one[part.clone()], other[part], "drawn twice");
            }
        }
    }
}
