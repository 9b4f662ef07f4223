//! Growth's races: nobody waits, nothing is lost or seen twice while buckets are added.
//!
//! The table begins with one bucket. Doubled once, places from 128 on belong to a later one, which
//! the first insert there links.

use super::stage::{both, key, scenario, three};

#[test]
fn inserts_on_both_sides_of_a_doubling_are_found() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        let double = move || {
            a.table.double();
            (a.insert(key(200, 0), 1), a.peek(key(200, 0)))
        };
        let insert = move || (b.insert(key(201, 0), 2), b.peek(key(201, 0)));
        let (first, second) = both(double, insert);
        assert_eq!((first, second), ((Ok(()), Some(1)), (Ok(()), Some(2))));
        assert_eq!(stage.actor().all(), [1, 2]);
        assert_eq!(stage.actor().peek(key(200, 0)), Some(1));
        2
    });
}

#[test]
fn entry_stays_found_while_its_bucket_is_split_off() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(100, 0), 1).expect("the table is empty");
        a.insert(key(201, 0), 2).expect("the place is free");
        let split = move || {
            a.table.double();
            a.insert(key(200, 0), 3)
        };
        let (inserted, seen) = both(split, move || (b.peek(key(201, 0)), b.peek(key(100, 0))));
        assert_eq!(inserted, Ok(()));
        assert_eq!(seen, (Some(2), Some(1)));
        assert_eq!(stage.actor().all(), [1, 3, 2]);
        3
    });
}

#[test]
fn bucket_that_two_want_to_link_is_linked_once() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.table.double();
        let (first, second) = both(
            move || (a.insert(key(200, 0), 1), a.peek(key(200, 0))),
            move || (b.insert(key(201, 0), 2), b.peek(key(201, 0))),
        );
        assert_eq!((first, second), ((Ok(()), Some(1)), (Ok(()), Some(2))));
        assert_eq!(stage.actor().all(), [1, 2]);
        2
    });
}

#[test]
fn bucket_is_linked_behind_an_entry_that_is_removed() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(100, 0), 1).expect("the table is empty");
        a.insert(key(210, 0), 2).expect("the place is free");
        a.table.double();
        let (inserted, taken) = both(move || a.insert(key(200, 0), 3), move || b.take(key(100, 0)));
        assert_eq!((inserted, taken), (Ok(()), Some(1)));
        let look = stage.actor();
        assert_eq!(look.all(), [3, 2]);
        assert_eq!((look.peek(key(200, 0)), look.peek(key(210, 0))), (Some(3), Some(2)));
        3
    });
}

#[test]
fn bucket_is_linked_in_front_of_an_entry_that_is_removed() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(200, 0), 1).expect("the table is empty");
        a.insert(key(210, 0), 2).expect("the place is free");
        a.table.double();
        let (inserted, taken) = both(move || a.insert(key(220, 0), 3), move || b.take(key(200, 0)));
        assert_eq!((inserted, taken), (Ok(()), Some(1)));
        let look = stage.actor();
        assert_eq!(look.all(), [2, 3]);
        assert_eq!((look.peek(key(210, 0)), look.peek(key(220, 0))), (Some(2), Some(3)));
        3
    });
}

#[test]
fn replacement_while_its_bucket_is_split_off_shows_no_gap() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(200, 0), 10).expect("the table is empty");
        let replace = move || {
            a.table.double();
            a.replace(key(200, 0), 11)
        };
        let (old, seen) = both(replace, move || b.peek(key(200, 0)));
        assert_eq!(old, Some(10));
        assert!(matches!(seen, Some(10 | 11)), "there is always one: {seen:?}");
        2
    });
}

#[test]
fn two_that_double_at_once_lose_no_array() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(200, 0), 1).expect("the table is empty");
        let double = move || {
            a.table.double();
            a.insert(key(100, 0), 2)
        };
        let again = move || {
            b.table.double();
            b.insert(key(250, 0), 3)
        };
        assert_eq!(both(double, again), (Ok(()), Ok(())));
        assert_eq!(stage.actor().all(), [2, 1, 3]);
        3
    });
}

#[test]
fn array_of_another_that_doubles_is_whole_to_who_uses_it() {
    // All under one guard each: taking another would publish the array too.
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        let double = move || a.under(|_| a.table.double());
        let double_and_look = move || {
            b.under(|guard| {
                b.table.double();
                b.table.get(&key(200, 0), guard).is_none()
            })
        };
        assert_eq!(both(double, double_and_look), ((), true));
        0
    });
}

#[test]
fn removal_through_a_bucket_that_is_being_linked_meets_what_is_published() {
    // The bucket is linked and not yet ready when the remover asks, which so comes to it by the first
    // one. The second entry is made after the link was published, which therefore does not publish it.
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.table.double();
        let insert = move || (a.insert(key(200, 0), 1), a.insert(key(190, 0), 2));
        let (inserted, taken) = both(insert, move || b.take(key(190, 0)));
        assert_eq!(inserted, (Ok(()), Ok(())));
        assert!(matches!(taken, None | Some(2)), "{taken:?}");
        assert_eq!(stage.actor().all().len(), if taken.is_some() { 1 } else { 2 });
        2
    });
}

#[test]
fn one_key_inserted_by_way_of_two_buckets_has_one_winner() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        let by_the_later = move || {
            a.table.double();
            a.insert(key(200, 0), 10)
        };
        let (first, second) = both(by_the_later, move || b.insert(key(200, 0), 20));
        assert!(first.is_ok() ^ second.is_ok(), "{first:?} and {second:?}");
        assert_eq!(stage.actor().all().len(), 1);
        2
    });
}

#[test]
fn iteration_through_a_later_bucket_meets_what_is_published() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.table.double();
        a.insert(key(200, 0), 1).expect("the table is empty");
        let (inserted, met) = both(move || a.insert(key(190, 0), 2), move || b.all());
        assert_eq!(inserted, Ok(()));
        assert!(met == [1] || met == [2, 1], "{met:?}");
        2
    });
}

#[test]
fn doubling_with_take_with_get() {
    scenario(3, |stage| {
        let (a, b, c) = (stage.actor(), stage.actor(), stage.actor());
        a.insert(key(100, 0), 1).expect("the table is empty");
        a.insert(key(210, 0), 2).expect("the place is free");
        let grow = move || {
            a.table.double();
            a.insert(key(200, 0), 3)
        };
        let (inserted, taken, seen) =
            three(grow, move || b.take(key(100, 0)), move || c.peek(key(210, 0)));
        assert_eq!((inserted, taken, seen), (Ok(()), Some(1), Some(2)));
        assert_eq!(stage.actor().all(), [3, 2]);
        3
    });
}
