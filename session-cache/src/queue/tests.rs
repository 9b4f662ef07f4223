//! The queue against a sorted list, and the sweeps whose hard case is a newcomer.

use proptest::prelude::*;

use std::cell::Cell;

use super::*;

/// An item by its name, compared by that.
#[derive(Debug)]
struct Item<N>(N, Cell<UnixTime>);

impl<N> Expiring for Item<N> {
    fn expires(&self) -> UnixTime {
        self.1.get()
    }

    fn set_expires(&self, expires: UnixTime) {
        self.1.set(expires);
    }
}

fn link<N>(queue: &mut Queue<Item<N>>, name: N, expires: u64) -> u32 {
    queue.link(Item(name, Cell::new(UnixTime(expires))))
}

fn drained<N>(queue: &mut Queue<Item<N>>) -> Vec<N> {
    std::iter::from_fn(|| queue.first_but(None).map(|place| queue.unlink(place).0)).collect()
}

/// Sweeps in batches, and gives up when it takes more than any test here needs.
fn swept<N>(queue: &mut Queue<Item<N>>, mut sweep: Sweep, steps_max: usize) -> Vec<N> {
    let mut swept = Vec::new();
    for _ in 0..1_000 {
        if sweep.is_done() {
            return swept;
        }
        let batch = queue.sweep_on(&mut sweep, steps_max);
        assert!(batch.len() <= steps_max, "{} in a batch of {steps_max}", batch.len());
        swept.extend(batch.into_iter().map(|(_, _, item)| item.0));
    }
    panic!("the sweep does not end");
}

#[test]
fn first_to_expire_comes_first_and_equals_in_order_of_arrival() {
    let mut queue = Queue::new();
    for (item, expires) in [("d", 30), ("a", 10), ("b", 20), ("c", 20), ("e", 30)] {
        link(&mut queue, item, expires);
    }
    assert_eq!(queue.first().map(|(expires, _)| expires), Some(UnixTime(10)));
    assert_eq!(drained(&mut queue), ["a", "b", "c", "d", "e"]);
    assert_eq!(queue.first().map(|(expires, _)| expires), None);
}

#[test]
fn first_two_are_of_one_second_and_in_order() {
    let names = |queue: &Queue<Item<_>>| queue.first_two().map(|item| item.map(|item| item.0));
    let mut queue = Queue::new();
    assert_eq!(names(&queue), [None, None]);
    link(&mut queue, "b", 20);
    let place = link(&mut queue, "a", 10);
    assert_eq!(names(&queue), [Some("a"), None]);
    queue.unlink(place);
    link(&mut queue, "c", 20);
    assert_eq!(names(&queue), [Some("b"), Some("c")]);
}

#[test]
fn who_comes_first_after_the_sweep_began_stays() {
    let mut queue = Queue::new();
    link(&mut queue, "there before", 10);
    let sweep = queue.sweep(None);
    link(&mut queue, "newcomer", 20);
    assert_eq!(swept(&mut queue, sweep, 10), ["there before"]);
    assert_eq!(drained(&mut queue), ["newcomer"]);
}

#[test]
fn unlinked_item_leaves_its_neighbours_linked() {
    for gone in 0..4 {
        let mut queue = Queue::new();
        let places: Vec<u32> = (0..4).map(|item| link(&mut queue, item, 5)).collect();
        assert_eq!(queue.unlink(places[gone as usize]).0, gone);
        assert!(queue.item(places[gone as usize]).is_none());
        let rest: Vec<u32> = (0..4).filter(|&item| item != gone).collect();
        assert_eq!(drained(&mut queue), rest);
    }
}

#[test]
fn sweep_ends_strictly_before_its_end_and_without_one_at_the_last() {
    let mut queue = Queue::new();
    for expires in [0, 9, 10, 11, u64::MAX] {
        link(&mut queue, expires, expires);
    }
    let sweep = queue.sweep(Some(UnixTime(0)));
    assert!(swept(&mut queue, sweep, 2).is_empty());
    let sweep = queue.sweep(Some(UnixTime(10)));
    assert_eq!(swept(&mut queue, sweep, 2), [0, 9]);
    let sweep = queue.sweep(None);
    assert_eq!(swept(&mut queue, sweep, 2), [10, 11, u64::MAX]);
}

#[test]
fn sweep_takes_all_that_were_there_and_no_newcomer() {
    let mut queue = Queue::new();
    for item in 0..10 {
        link(&mut queue, item, 10 + item / 2);
    }
    let mut sweep = queue.sweep(None);
    let mut swept = Vec::new();
    let mut newcomers = 0;
    while !sweep.is_done() {
        swept.extend(queue.sweep_on(&mut sweep, 3).into_iter().map(|(_, _, item)| item.0));
        // Before, among and behind those that are being swept, faster than they leave.
        for expires in [0, 10, 12, 14, 99] {
            link(&mut queue, 1_000 + newcomers, expires);
            newcomers += 1;
        }
        assert!(newcomers < 100, "the sweep chases newcomers");
    }
    assert_eq!(swept, (0..10).collect::<Vec<_>>());
    assert_eq!(drained(&mut queue).len() as u64, newcomers);
}

#[derive(Clone, Debug)]
enum Step {
    Link(u64),
    Unlink(prop::sample::Index),
    Pop,
    Sweep(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..6u64).prop_map(Step::Link),
        2 => any::<prop::sample::Index>().prop_map(Step::Unlink),
        1 => Just(Step::Pop),
        1 => (0..7u64).prop_map(Step::Sweep),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    #[test]
    fn queue_agrees_with_a_sorted_list(steps in steps()) {
        let mut queue = Queue::new();
        // (expires, item, place), in order; items grow, so that the order of arrival is theirs.
        let mut list: Vec<(u64, usize, u32)> = Vec::new();
        for (item, step) in steps.into_iter().enumerate() {
            match step {
                Step::Link(expires) => {
                    let place = link(&mut queue, item, expires);
                    list.push((expires, item, place));
                    list.sort_unstable();
                }
                Step::Unlink(index) if !list.is_empty() => {
                    let (_, item, place) = list.remove(index.index(list.len()));
                    prop_assert_eq!(queue.unlink(place).0, item);
                }
                Step::Unlink(_) => {}
                Step::Pop => {
                    let first = (!list.is_empty()).then(|| list.remove(0).1);
                    let place = queue.first_but(None);
                    prop_assert_eq!(place.map(|place| queue.unlink(place).0), first);
                }
                Step::Sweep(end) => {
                    let sweep = queue.sweep(Some(UnixTime(end)));
                    let gone = list.partition_point(|&(expires, ..)| expires < end);
                    let gone: Vec<usize> = list.drain(..gone).map(|(_, item, _)| item).collect();
                    prop_assert_eq!(swept(&mut queue, sweep, 2), gone);
                }
            }
            prop_assert_eq!(queue.first().map(|(expires, _)| expires), list.first().map(|first| UnixTime(first.0)));
            for &(_, item, place) in &list {
                prop_assert_eq!(queue.item(place).map(|item| item.0), Some(item));
            }
        }
    }
}
