//! The list's own races: who wins, what readers may see, what is never lost.

use std::sync::atomic::Ordering::{self, SeqCst};

use super::stage::{Actor, Arc, Stage, both, key, scenario, three};
use crate::{Handle, LinkRefused};

#[cfg(session_loom)]
use loom::sync::atomic::AtomicUsize;
#[cfg(not(session_loom))]
use std::sync::atomic::AtomicUsize;

#[test]
fn insert_with_insert_of_one_key_has_one_winner() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        let (first, second) =
            both(move || a.insert(key(1, 0), 10), move || b.insert(key(1, 0), 20));
        let winner = match (first, second) {
            (Ok(()), Err(10)) => 10,
            (Err(20), Ok(())) => 20,
            other => panic!("one wins and the other finds it: {other:?}"),
        };
        assert_eq!(stage.actor().all(), [winner]);
        assert_eq!(stage.actor().table.len(), 1);
        2
    });
}

#[test]
fn take_with_take_has_one_winner() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 10).expect("the table is empty");
        let (first, second) = both(move || a.take(key(1, 0)), move || b.take(key(1, 0)));
        assert!(first.is_some() ^ second.is_some(), "{first:?} and {second:?}");
        assert_eq!(first.or(second), Some(10));
        assert_eq!(stage.actor().get(key(1, 0)), None);
        assert_eq!(stage.actor().table.len(), 0);
        1
    });
}

#[test]
fn link_with_link_of_one_entry_has_one_winner() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        let entry = Handle::new(key(1, 0), a.value(10));
        let same = entry.clone();
        let (first, second) = both(move || a.link(&entry), move || b.link(&same));
        match (first, second) {
            (Ok(None), Err(LinkRefused::LinkedBefore))
            | (Err(LinkRefused::LinkedBefore), Ok(None)) => {}
            other => panic!("one links it, and the other learns that it was: {other:?}"),
        }
        assert_eq!(stage.actor().all(), [10]);
        1
    });
}

#[test]
fn who_is_told_that_an_entry_was_linked_before_may_not_find_it_yet() {
    // The claim decides who links, and comes before the linking: what the loser is promised ends there.
    let (missed, stayed) = (Seen::default(), Seen::default());
    let (has_missed, has_stayed) = (missed.clone(), stayed.clone());
    scenario(2, move |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        let entry = Handle::new(key(1, 0), a.value(10));
        let same = entry.clone();
        let first = move || (a.link(&entry), a.peek(key(1, 0)));
        let second = move || (b.link(&same), b.peek(key(1, 0)), b.remove_exact(&same));
        let (first, (linked, found, removed)) = both(first, second);
        match (first.0, linked) {
            (Ok(None), Err(LinkRefused::LinkedBefore)) => {
                assert!(removed || found.is_none(), "what was found is there to be removed");
                assert!(first.1 == Some(10) || removed, "who has linked it finds it");
                has_missed.fetch_or(found.is_none(), SeqCst);
                has_stayed.fetch_or(!removed, SeqCst);
            }
            (Err(LinkRefused::LinkedBefore), Ok(None)) => {
                assert_eq!((found, removed), (Some(10), true))
            }
            other => panic!("one links it, and the other learns that it was: {other:?}"),
        }
        assert_eq!(stage.actor().all().len(), usize::from(!removed));
        1
    });
    if cfg!(all(session_loom, not(session_shuttle))) {
        assert!(missed.load(SeqCst) && stayed.load(SeqCst), "no exception need be made for it");
    }
}

/// Whether something was seen in any interleaving.
type Seen = std::sync::Arc<std::sync::atomic::AtomicBool>;

#[test]
fn linked_entry_is_whole_to_who_finds_it_and_leaves_once() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 10).expect("the table is empty");
        let entry = Handle::new(key(1, 0), a.value(11));
        let work = move || {
            let replaced = a.link(&entry).expect("never linked");
            (replaced, a.remove_exact(&entry))
        };
        match both(work, move || b.take(key(1, 0))) {
            ((None, true), Some(10)) | ((Some(10), false), Some(11)) | ((Some(10), true), None) => {
            }
            other => panic!("each of the two leaves once: {other:?}"),
        }
        assert!(stage.actor().all().is_empty());
        2
    });
}

#[test]
fn replace_with_get_never_shows_a_gap() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 10).expect("the table is empty");
        let (old, seen) = both(move || a.replace(key(1, 0), 11), move || b.get(key(1, 0)));
        assert_eq!(old, Some(10));
        assert!(matches!(seen, Some(10 | 11)), "there is always one: {seen:?}");
        assert_eq!(stage.actor().all(), [11]);
        2
    });
}

#[test]
fn replace_twice_with_get_never_shows_a_gap() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 10).expect("the table is empty");
        let work = move || {
            assert_eq!(a.replace(key(1, 0), 11), Some(10));
            assert_eq!(a.replace(key(1, 0), 12), Some(11));
        };
        let ((), seen) = both(work, move || b.peek(key(1, 0)));
        assert!(matches!(seen, Some(10..=12)), "there is always one: {seen:?}");
        3
    });
}

#[test]
fn replace_with_replace_hands_each_old_entry_to_one() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 10).expect("the table is empty");
        let (first, second) =
            both(move || a.replace(key(1, 0), 11), move || b.replace(key(1, 0), 12));
        let left = stage.actor().all();
        match (first, second) {
            (Some(10), Some(11)) => assert_eq!(left, [12]),
            (Some(12), Some(10)) => assert_eq!(left, [11]),
            other => panic!("each old entry goes to one: {other:?}"),
        }
        3
    });
}

#[test]
fn replace_with_take_hands_each_entry_to_one() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 10).expect("the table is empty");
        let (old, taken) = both(move || a.replace(key(1, 0), 11), move || b.take(key(1, 0)));
        let left = stage.actor().all();
        match (old, taken) {
            (Some(10), Some(11)) => assert!(left.is_empty(), "{left:?}"),
            (None, Some(10)) => assert_eq!(left, [11]),
            other => panic!("a key that is always there is taken: {other:?}"),
        }
        assert_eq!(stage.actor().table.len(), left.len());
        2
    });
}

#[test]
fn replace_with_removal_of_exactly_the_old_entry_has_one_winner() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 10).expect("the table is empty");
        let handle = a.handle(key(1, 0)).expect("just inserted");
        let (old, removed) =
            both(move || a.replace(key(1, 0), 11), move || b.remove_exact(&handle));
        assert_eq!(old.is_some(), !removed);
        assert_eq!(stage.actor().all(), [11], "what replaced it stays");
        2
    });
}

#[test]
fn removal_of_neighbours_loses_neither_nor_what_follows() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        for place in 1..=3 {
            a.insert(key(place, 0), u64::from(place)).expect("each place is free");
        }
        let (first, second) = both(move || a.take(key(1, 0)), move || b.take(key(2, 0)));
        assert_eq!((first, second), (Some(1), Some(2)));
        assert_eq!(stage.actor().all(), [3]);
        3
    });
}

#[test]
fn insert_behind_an_entry_that_is_removed_is_not_lost() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 1).expect("the table is empty");
        let (taken, inserted) = both(move || a.take(key(1, 0)), move || b.insert(key(2, 0), 2));
        assert_eq!((taken, inserted), (Some(1), Ok(())));
        assert_eq!(stage.actor().all(), [2]);
        2
    });
}

#[test]
fn insert_behind_an_entry_that_is_replaced_is_not_lost() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 10).expect("the table is empty");
        let (old, inserted) =
            both(move || a.replace(key(1, 0), 11), move || b.insert(key(2, 0), 2));
        assert_eq!((old, inserted), (Some(10), Ok(())));
        assert_eq!(stage.actor().all(), [11, 2]);
        3
    });
}

#[test]
fn entry_reached_past_one_that_was_unlinked_is_published() {
    // The reader may come to the second entry by the word that led to the first, which the second's
    // inserter never wrote: the unlinking has to publish it.
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 1).expect("the table is empty");
        let work = move || {
            a.insert(key(2, 0), 2).expect("the place is free");
            assert_eq!(a.take(key(1, 0)), Some(1));
        };
        let ((), seen) = both(work, move || b.peek(key(2, 0)));
        assert!(matches!(seen, None | Some(2)));
        2
    });
}

#[test]
fn entries_of_equal_hash_do_not_hide_each_other() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        let (first, second) = both(
            move || (a.insert(key(1, 1), 1), a.peek(key(1, 1))),
            move || (b.insert(key(1, 2), 2), b.peek(key(1, 2))),
        );
        assert_eq!((first, second), ((Ok(()), Some(1)), (Ok(()), Some(2))));
        assert_eq!(stage.actor().all().len(), 2);
        2
    });
}

#[test]
fn insert_of_one_key_twice_behind_a_collision_that_leaves_has_one_winner() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 1), 1).expect("the table is empty");
        let work = move || (a.take(key(1, 1)), a.insert(key(1, 2), 10));
        let ((taken, first), second) = both(work, move || b.insert(key(1, 2), 20));
        assert_eq!(taken, Some(1));
        assert!(first.is_ok() ^ second.is_ok(), "{first:?} and {second:?}");
        assert_eq!(stage.actor().all().len(), 1);
        3
    });
}

#[test]
fn who_misses_a_removed_entry_sees_what_its_remover_did_before() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 1).expect("the table is empty");
        a.insert(key(2, 0), 2).expect("the place is free");
        let (note, read) = note();
        // Under the guard, so that taking it is not what publishes the note.
        let work = move || {
            a.under(|guard| {
                note.store(1, Ordering::Relaxed);
                a.table.take_under(guard, a.table.hash(&key(1, 0)), &key(1, 0)).is_some()
            })
        };
        let look = move || b.peek(key(1, 0)).is_some() || read.load(Ordering::Relaxed) == 1;
        assert_eq!(both(work, look), (true, true));
        2
    });
}

#[test]
fn who_misses_at_the_bucket_alone_sees_what_the_remover_did_before() {
    scenario(2, take_and_miss_without_a_guard);
}

pub(super) fn take_and_miss_without_a_guard(stage: &Stage) -> usize {
    let (a, b) = (stage.actor(), stage.actor());
    a.insert(key(1, 0), 1).expect("the table is empty");
    let (note, read) = note();
    let work = move || {
        a.under(|guard| {
            note.store(1, Ordering::Relaxed);
            a.table.take_under(guard, a.table.hash(&key(1, 0)), &key(1, 0)).is_some()
        })
    };
    let look = move || b.table.handle(&key(1, 0)).is_some() || read.load(Ordering::Relaxed) == 1;
    assert_eq!(both(work, look), (true, true));
    1
}

#[test]
fn who_loses_a_removal_sees_what_the_winner_did_before() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 1).expect("the table is empty");
        let handle = a.handle(key(1, 0)).expect("just inserted");
        let (note, read) = note();
        let work = move || {
            a.under(|guard| {
                note.store(1, Ordering::Relaxed);
                a.table.take_under(guard, a.table.hash(&key(1, 0)), &key(1, 0)).is_some()
            })
        };
        let remove = move || (b.remove_exact(&handle), read.load(Ordering::Relaxed));
        let (taken, (removed, noted)) = both(work, remove);
        assert!(taken ^ removed);
        assert!(removed || noted == 1);
        1
    });
}

/// A word that is written and read without any order of its own.
pub(super) fn note() -> (Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let note = Arc::new(AtomicUsize::new(0));
    (note.clone(), note)
}

#[test]
fn place_that_is_taken_and_filled_again_shows_the_right_value() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 10).expect("the table is empty");
        let work = move || (a.take(key(1, 0)), a.insert(key(1, 0), 11));
        let ((taken, inserted), seen) = both(work, move || b.get(key(1, 0)));
        assert_eq!((taken, inserted), (Some(10), Ok(())));
        assert!(matches!(seen, None | Some(10 | 11)), "{seen:?}");
        2
    });
}

fn actors(stage: &Stage) -> (Actor, Actor, Actor) {
    (stage.actor(), stage.actor(), stage.actor())
}

#[test]
fn insert_with_take_with_get() {
    scenario(3, |stage| {
        let (a, b, c) = actors(stage);
        let (inserted, taken, seen) = three(
            move || a.insert(key(1, 0), 10),
            move || b.take(key(1, 0)),
            move || c.get(key(1, 0)),
        );
        assert_eq!(inserted, Ok(()));
        assert!(matches!(seen, None | Some(10)));
        assert_eq!(stage.actor().get(key(1, 0)).is_some(), taken.is_none());
        1
    });
}

#[test]
fn take_and_insert_with_insert_with_get() {
    // The losing insert's entry must never have been seen; the place is used again at once.
    scenario(3, |stage| {
        let (a, b, c) = actors(stage);
        a.insert(key(2, 0), 50).expect("the table is empty");
        let (first, second, seen) = three(
            move || (a.take(key(2, 0)), a.insert(key(1, 0), 10)).1,
            move || b.insert(key(1, 0), 20),
            move || c.get(key(1, 0)),
        );
        assert!(first.is_ok() ^ second.is_ok(), "{first:?} and {second:?}");
        assert!(matches!(seen, None | Some(10 | 20)));
        3
    });
}

#[test]
fn replace_with_take_with_get() {
    scenario(3, |stage| {
        let (a, b, c) = actors(stage);
        a.insert(key(1, 0), 10).expect("the table is empty");
        let (old, taken, seen) = three(
            move || a.replace(key(1, 0), 11),
            move || b.take(key(1, 0)),
            move || c.peek(key(1, 0)),
        );
        assert!(matches!((old, taken), (Some(10), Some(11)) | (None, Some(10))));
        assert!(matches!(seen, None | Some(10 | 11)));
        2
    });
}

#[test]
fn three_removals_of_neighbours() {
    scenario(3, |stage| {
        let (a, b, c) = actors(stage);
        for place in 1..=4 {
            a.insert(key(place, 0), u64::from(place)).expect("each place is free");
        }
        let taken =
            three(move || a.take(key(1, 0)), move || b.take(key(2, 0)), move || c.take(key(3, 0)));
        assert_eq!(taken, (Some(1), Some(2), Some(3)));
        assert_eq!(stage.actor().all(), [4]);
        4
    });
}

#[test]
fn iteration_meets_what_stays() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 1).expect("the table is empty");
        a.insert(key(2, 0), 2).expect("the place is free");
        let work = move || (a.take(key(1, 0)), a.insert(key(3, 0), 3), a.insert(key(0, 0), 4));
        let (_, met) = both(work, move || b.all());
        assert_eq!(met.iter().filter(|number| **number == 2).count(), 1, "{met:?}");
        4
    });
}
