//! The sieve in front of a large table: it may let a lookup look in vain, and never keeps one from what is
//! there.
//!
//! There is one word. A place is the mark of its keys; keys of one place share it.

use std::sync::atomic::Ordering;

use super::lists::{note, take_and_miss_without_a_guard};
use super::stage::{Arc, both, key, sieved, three};
use crate::sieve::Sieve;

#[test]
fn entry_is_not_sifted_out_for_who_has_met_it_on_another_way() {
    sieved(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(4, 0), 1).expect("the table is empty");
        let look = move || {
            let met = b.all().contains(&2);
            (met, b.peek(key(8, 0)))
        };
        let (old, (met, found)) = both(move || a.replace(key(8, 0), 2), look);
        assert_eq!(old, None);
        assert!(!met || found == Some(2), "an iteration met it, a lookup did not: {found:?}");
        assert_eq!(stage.actor().peek(key(8, 0)), Some(2));
        2
    });
}

#[test]
fn who_misses_by_the_sieve_sees_what_the_remover_did_before() {
    sieved(2, take_and_miss_without_a_guard);
}

/// On the sieve alone: a removal in a table ends with a fence of the reclaimer's, which publishes as much.
#[test]
fn who_reads_that_a_mark_was_taken_away_sees_what_came_before() {
    sieved(2, |_| {
        let hash = 1 << 56;
        let sieve = Arc::new(Sieve::of_words(1));
        sieve.add(hash);
        let (note, read) = note();
        let reader = sieve.clone();
        let take_away = move || {
            note.store(1, Ordering::Relaxed);
            sieve.take_away(hash);
        };
        // What comes after in the word continues what the remover published.
        let look = move || {
            reader.add(2 << 56);
            !reader.excludes(hash) || read.load(Ordering::Relaxed) == 1
        };
        assert_eq!(both(take_away, look), ((), true));
        0
    });
}

#[test]
fn who_misses_an_entry_does_not_meet_it_on_another_way_after_that() {
    sieved(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(4, 0), 1).expect("the table is empty");
        let look = move || (b.peek(key(4, 0)), b.all());
        let (taken, (found, met)) = both(move || a.take(key(4, 0)), look);
        assert_eq!(taken, Some(1));
        assert!(found.is_some() || met.is_empty(), "missed, and met after that");
        1
    });
}

#[test]
fn entry_stays_found_when_another_of_its_mark_leaves() {
    sieved(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 1), 1).expect("the table is empty");
        let (taken, inserted) =
            both(move || a.take(key(1, 1)), move || (b.insert(key(1, 2), 2), b.peek(key(1, 2))));
        assert_eq!((taken, inserted), (Some(1), (Ok(()), Some(2))));
        assert_eq!(stage.actor().peek(key(1, 2)), Some(2));
        2
    });
}

#[test]
fn who_loses_an_insert_leaves_the_winner_found() {
    sieved(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        let (first, second) = both(
            move || (a.insert(key(1, 0), 10), a.peek(key(1, 0))),
            move || (b.insert(key(1, 0), 20), b.peek(key(1, 0))),
        );
        match (first, second) {
            ((Ok(()), Some(10)), (Err(10), Some(10)))
            | ((Err(20), Some(20)), (Ok(()), Some(20))) => {}
            other => panic!("both find the winner's: {other:?}"),
        }
        2
    });
}

#[test]
fn replacement_is_found_whoever_takes_what_it_replaced() {
    sieved(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(1, 0), 10).expect("the table is empty");
        let (old, taken) = both(move || a.replace(key(1, 0), 11), move || b.take(key(1, 0)));
        let seen = stage.actor().peek(key(1, 0));
        match (old, taken) {
            (Some(10), Some(11)) => assert_eq!(seen, None),
            (None, Some(10)) => assert_eq!(seen, Some(11)),
            other => panic!("a key that is always there is taken: {other:?}"),
        }
        2
    });
}

#[test]
fn entries_that_find_no_room_are_found_while_others_come_and_go() {
    sieved(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        for place in 1..=7 {
            a.insert(key(place, 0), u64::from(place)).expect("each place is free");
        }
        let (first, second) = both(
            move || (a.insert(key(8, 0), 8), a.take(key(2, 0))),
            move || (b.take(key(3, 0)), b.insert(key(9, 0), 9)),
        );
        assert_eq!((first, second), ((Ok(()), Some(2)), (Some(3), Ok(()))));
        let look = stage.actor();
        for place in [1, 4, 5, 6, 7, 8, 9] {
            assert_eq!(look.peek(key(place, 0)), Some(u64::from(place)));
        }
        9
    });
}

#[test]
fn insert_with_take_with_get_of_one_mark() {
    sieved(3, |stage| {
        let (a, b, c) = (stage.actor(), stage.actor(), stage.actor());
        a.insert(key(1, 0), 1).expect("the table is empty");
        a.insert(key(1, 1), 2).expect("the place is free");
        let (inserted, taken, seen) = three(
            move || a.insert(key(1, 2), 3),
            move || b.take(key(1, 0)),
            move || c.peek(key(1, 1)),
        );
        assert_eq!((inserted, taken, seen), (Ok(()), Some(1), Some(2)));
        let look = stage.actor();
        assert_eq!((look.peek(key(1, 1)), look.peek(key(1, 2))), (Some(2), Some(3)));
        3
    });
}
