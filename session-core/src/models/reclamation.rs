//! Reclamation's races: nothing is touched after it was freed, nothing is freed twice or never.

use super::stage::{key, scenario, thread};

#[cfg(crossbeam_loom)]
use super::stage::Actor;

/// On the real collector: hand over and move on, until what was retired is freed.
#[cfg(crossbeam_loom)]
fn flush(actor: &Actor) {
    for _ in 0..3 {
        actor.under(|guard| guard.0.flush());
    }
}

#[cfg(not(crossbeam_loom))]
fn flush(_: &super::stage::Actor) {}

#[test]
fn borrow_of_a_taken_entry_is_never_touched_after_it_was_freed() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 10).expect("the table is empty");
        let reader = thread::spawn(move || b.peek(key(1, 0)));
        assert_eq!(a.take(key(1, 0)), Some(10));
        flush(&a);
        let seen = reader.join().expect("the reader does not panic");
        assert!(matches!(seen, None | Some(10)));
        1
    });
}

#[test]
fn handle_of_a_replaced_entry_is_never_touched_after_it_was_freed() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 10).expect("the table is empty");
        let reader = thread::spawn(move || b.get(key(1, 0)));
        assert_eq!(a.replace(key(1, 0), 11), Some(10));
        flush(&a);
        let seen = reader.join().expect("the reader does not panic");
        assert!(matches!(seen, Some(10 | 11)));
        2
    });
}

#[test]
fn reader_on_an_unlinked_entry_is_led_on_to_one_that_is_alive() {
    // The reader may stand on the first entry when both it and the second leave, in either order.
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 1).expect("the table is empty");
        a.insert(key(2, 0), 2).expect("the place is free");
        let reader = thread::spawn(move || b.peek(key(2, 0)));
        assert_eq!(a.take(key(1, 0)), Some(1));
        assert_eq!(a.take(key(2, 0)), Some(2));
        flush(&a);
        let seen = reader.join().expect("the reader does not panic");
        assert!(matches!(seen, None | Some(2)));
        2
    });
}

#[test]
fn handle_outlives_the_table() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 10).expect("the table is empty");
        let handle = a.handle(key(1, 0)).expect("just inserted");
        let other = handle.clone();
        let reader = thread::spawn(move || {
            drop(b);
            assert_eq!(other.number, 10);
        });
        drop(a);
        assert_eq!(handle.number, 10);
        drop(handle);
        reader.join().expect("the reader does not panic");
        1
    });
}

#[test]
fn last_handle_dropped_by_either_thread_frees_once() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 10).expect("the table is empty");
        let handle = a.handle(key(1, 0)).expect("just inserted");
        let other = handle.clone();
        assert_eq!(a.take(key(1, 0)), Some(10));
        flush(&a);
        let dropper = thread::spawn(move || {
            let another = other.clone();
            drop(other);
            assert_eq!(another.number, 10);
            drop(another);
            drop(b);
        });
        let another = handle.clone();
        drop(handle);
        assert_eq!(another.number, 10);
        drop(another);
        dropper.join().expect("the other thread does not panic");
        1
    });
}

#[cfg(all(session_loom, not(crossbeam_loom)))]
mod ghost {
    use super::*;
    use crate::entry;
    use crate::reclaim::Graveyard;

    #[test]
    fn graveyard_frees_each_entry_once() {
        scenario(3, |stage| {
            let yard = loom::sync::Arc::new(Graveyard::new());
            let dig = |number| {
                let (actor, yard) = (stage.actor(), yard.clone());
                move || {
                    let made = entry::make(key(number, 0), actor.value(u64::from(number)), &[]);
                    // SAFETY: just made, and known to nobody.
                    assert!(unsafe { entry::Header::release(made, entry::Share::Handle) });
                    // SAFETY: the last reference was just released.
                    unsafe { yard.bury(made) };
                    yard.empty(|_| ());
                }
            };
            let (first, second) = (thread::spawn(dig(1)), thread::spawn(dig(2)));
            yard.empty(|_| ());
            first.join().expect("the first thread does not panic");
            second.join().expect("the second thread does not panic");
            yard.empty(|_| ());
            2
        });
    }
}
