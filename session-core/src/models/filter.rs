//! The filter of a bucket's head: it may let a lookup look in vain, and never keeps one from what is
//! there.
//!
//! The two first bits of a place are the order's, the next four choose the filter's bit: 4, 8 and 12
//! have a bit each.

use super::stage::{both, key, scenario, three};

#[test]
fn entry_behind_another_is_found_by_who_has_met_it_on_another_way() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(4, 0), 1).expect("the table is empty");
        let look = move || {
            let met = b.all().contains(&2);
            (met, b.peek(key(8, 0)))
        };
        let (inserted, (met, found)) = both(move || a.insert(key(8, 0), 2), look);
        assert_eq!(inserted, Ok(()));
        assert!(!met || found == Some(2), "an iteration met it, a lookup did not: {found:?}");
        assert_eq!(stage.actor().peek(key(8, 0)), Some(2));
        2
    });
}

#[test]
fn entry_behind_another_is_found_although_the_list_was_emptied_meanwhile() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(4, 0), 1).expect("the table is empty");
        let insert = move || (a.insert(key(8, 0), 2), a.peek(key(8, 0)));
        let refill = move || {
            assert_eq!(b.take(key(4, 0)), Some(1));
            (b.insert(key(12, 0), 3), b.peek(key(12, 0)))
        };
        let (first, second) = both(insert, refill);
        assert_eq!((first, second), ((Ok(()), Some(2)), (Ok(()), Some(3))));
        let look = stage.actor();
        assert_eq!((look.peek(key(8, 0)), look.peek(key(12, 0))), (Some(2), Some(3)));
        3
    });
}

#[test]
fn two_that_add_to_one_filter_are_both_found() {
    scenario(3, |stage| {
        let (a, b, c) = (stage.actor(), stage.actor(), stage.actor());
        a.insert(key(0, 0), 1).expect("the table is empty");
        let (first, second, taken) = three(
            move || (a.insert(key(4, 0), 2), a.peek(key(4, 0))),
            move || (b.insert(key(8, 0), 3), b.peek(key(8, 0))),
            move || c.take(key(0, 0)),
        );
        assert_eq!((first, second), ((Ok(()), Some(2)), (Ok(()), Some(3))));
        assert_eq!(taken, Some(1));
        3
    });
}

#[test]
fn who_began_before_the_table_grew_misses_nothing_that_was_there() {
    scenario(2, |stage| {
        let (a, b) = (stage.actor(), stage.actor());
        a.insert(key(4, 0), 1).expect("the table is empty");
        a.insert(key(8, 0), 2).expect("the place is free");
        let grow = move || {
            a.table.double();
            assert_eq!(a.take(key(4, 0)), Some(1));
            assert_eq!(a.replace(key(8, 0), 3), Some(2));
            a.insert(key(0, 0), 4)
        };
        let (inserted, seen) = both(grow, move || b.peek(key(8, 0)));
        assert_eq!(inserted, Ok(()));
        assert!(matches!(seen, Some(2 | 3)), "there is always one: {seen:?}");
        4
    });
}
