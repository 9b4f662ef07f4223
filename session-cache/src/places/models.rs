//! Loom on the places: sessions that come and go by threads that no lock orders.

use loom::sync::Arc;
use loom::sync::atomic::AtomicBool;
use loom::thread;

use super::*;
use crate::sync::explored;

/// Stands for a session in the table: published and removed with no order but what the places give.
struct Live(AtomicBool);

impl Live {
    fn new(live: bool) -> Live {
        Live(AtomicBool::new(live))
    }

    fn set(&self, live: bool) {
        self.0.store(live, Ordering::Relaxed);
    }

    fn is_seen(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

const BYTES: usize = 100;

/// Another thread takes a session out, and then gives back its place.
fn leaves(session: &Arc<Live>, places: &Arc<Places>) -> thread::JoinHandle<()> {
    let (session, places) = (session.clone(), places.clone());
    thread::spawn(move || {
        session.set(false);
        places.give_back(BYTES);
    })
}

#[test]
fn who_takes_the_place_of_another_sees_that_it_has_left() {
    explored(|| {
        let places = Arc::new(Places::new(1, usize::MAX));
        assert!(places.take(BYTES, None));
        let old = Arc::new(Live::new(true));
        let leaving = leaves(&old, &places);
        if places.take(BYTES, None) || places.take(BYTES, None) {
            assert!(!old.is_seen(), "two sessions in a cache for one");
        }
        leaving.join().expect("it does not panic");
    });
}

#[test]
fn who_takes_the_bytes_of_another_sees_that_it_has_left() {
    explored(|| {
        let places = Arc::new(Places::new(usize::MAX, BYTES));
        assert!(places.take(BYTES, None));
        let old = Arc::new(Live::new(true));
        let leaving = leaves(&old, &places);
        if places.take(BYTES, None) || places.take(BYTES, None) {
            assert!(!old.is_seen(), "{} bytes in a cache for {BYTES}", 2 * BYTES);
        }
        leaving.join().expect("it does not panic");
        assert!(places.bytes() <= BYTES);
    });
}

#[test]
fn one_who_gets_a_place_and_no_bytes_hands_on_what_it_saw() {
    explored(|| {
        let places = Arc::new(Places::new(1, BYTES));
        assert!(places.take(BYTES, None));
        let old = Arc::new(Live::new(true));
        let leaving = leaves(&old, &places);
        let too_large = {
            let places = places.clone();
            thread::spawn(move || assert!(!places.take(BYTES + 1, None)))
        };
        if places.take(BYTES, None) {
            assert!(!old.is_seen(), "two sessions in a cache for one");
        }
        leaving.join().expect("it does not panic");
        too_large.join().expect("it does not panic");
        assert!(places.sessions() <= 1 && places.bytes() <= BYTES);
    });
}

#[test]
fn who_takes_over_a_place_and_needs_the_bytes_of_another_sees_that_it_has_left() {
    explored(|| {
        let places = Arc::new(Places::new(2, 3 * BYTES));
        assert!(places.take(BYTES, None) && places.take(BYTES, None));
        let old = Arc::new(Live::new(true));
        let leaving = leaves(&old, &places);
        if places.take_over(3 * BYTES, BYTES) || places.take_over(3 * BYTES, BYTES) {
            assert!(!old.is_seen(), "{} bytes in a cache for {}", 4 * BYTES, 3 * BYTES);
        }
        leaving.join().expect("it does not panic");
        assert!(places.bytes() <= 3 * BYTES);
    });
}

#[test]
fn of_two_that_come_to_the_last_place_one_gets_it() {
    explored(|| {
        let places = Arc::new(Places::new(3, 3 * BYTES));
        let twice = |places: &Places| {
            usize::from(places.take(BYTES, None)) + usize::from(places.take(BYTES, None))
        };
        let other = {
            let places = places.clone();
            thread::spawn(move || twice(&places))
        };
        let first = twice(&places);
        let second = other.join().expect("it does not panic");
        assert_eq!(first + second, 3, "{first} and {second}");
        assert_eq!((places.sessions(), places.bytes()), (3, 3 * BYTES));
    });
}
