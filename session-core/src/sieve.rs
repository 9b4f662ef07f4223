//! What is surely not in a large table, told by two bytes for each entry that the table was made for.
//!
//! With every full handshake of TLS 1.3 a server is asked for an id that was never stored. The buckets of a
//! large table are more than a processor keeps at hand, and each such lookup would wait for one. The words of
//! the sieve are few enough, and decide nearly all of them.
//!
//! A word stands for a range of hashes. It is a multiset: seven *marks*, each eight bits of a hash, and a
//! count of entries that found no room for theirs. An entry is added before it is linked, and taken away
//! after it was marked gone; so at any moment the mark of a live entry is there, or it is counted.
//!
//! Invariant: a word has as many marks, and counted ones, as entries were added and not taken away; and of
//! each mark not more than entries have it. Or the count is full: then it stays so, and excludes nothing.

use crate::memory;
use crate::prefetch;
use crate::sync::{Acquire, AtomicU64, Relaxed, Release};

/// Tables made for more entries than this have a sieve; the buckets of others are at hand.
const ENTRIES_MIN: usize = 1 << 16;

/// How many entries share a word, at most, of a table that is as full as it was made for: on average, so that
/// one word in twenty has more than seven.
const ENTRIES_A_WORD: usize = 4;

/// One in each byte that holds a mark.
const ONES: u64 = 0x0001_0101_0101_0101;
/// The highest bit of each.
const TOPS: u64 = ONES << 7;

const COUNT_SHIFT: u32 = 56;
const COUNT_ONE: u64 = 1 << COUNT_SHIFT;
const COUNT_FULL: u64 = 0xff << COUNT_SHIFT;

pub(crate) struct Sieve {
    /// Their number is a power of two and never changes.
    words: Box<[AtomicU64]>,
    bits: u32,
}

impl Sieve {
    /// Makes one for a table of so many entries, if it is a large one.
    pub(crate) fn for_entries(entries: usize) -> Option<Sieve> {
        let count = entries.next_power_of_two() / ENTRIES_A_WORD;
        (entries > ENTRIES_MIN).then(|| Sieve::of_words(count))
    }

    pub(crate) fn of_words(count: usize) -> Sieve {
        // SAFETY: zero bits are a word with nothing in it.
        let words = unsafe { memory::zeroed(count, || AtomicU64::new(0)) };
        Sieve { words, bits: count.trailing_zeros() }
    }

    /// The word of a hash, and its mark there: the bits of the hash that follow those which choose the word.
    #[inline]
    fn word(&self, hash: u64) -> (&AtomicU64, u64) {
        let turned = hash.rotate_left(self.bits);
        let word = &self.words[turned as usize & (self.words.len() - 1)];
        // No mark is zero: that is an empty place.
        (word, (turned >> COUNT_SHIFT).max(1))
    }

    /// Begins to fetch the word of a hash.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        prefetch::line(self.word(hash).0);
    }

    /// Whether no live entry has this hash. If not, one may have it.
    #[inline]
    pub(crate) fn excludes(&self, hash: u64) -> bool {
        let (word, mark) = self.word(hash);
        // Acquire: who misses a removed key sees what its remover did before.
        let now = word.load(Acquire);
        places_of(mark, now) == 0 && now < COUNT_ONE
    }

    /// Adds an entry that is about to be linked.
    #[inline]
    pub(crate) fn add(&self, hash: u64) {
        let (word, mark) = self.word(hash);
        // Relaxed, both: published with the entry; who has not seen that may miss it.
        let _ = word.fetch_update(Relaxed, Relaxed, |now| match places_of(0, now) {
            0 => (now < COUNT_FULL).then(|| now + COUNT_ONE),
            empty => Some(now | mark << shift_of_first(empty)),
        });
    }

    /// Takes an entry away that has left the table, or was not linked after all.
    #[inline]
    pub(crate) fn take_away(&self, hash: u64) {
        let (word, mark) = self.word(hash);
        // Release: publishes what the remover did before to who misses because of this; whoever changes the
        // word later continues the release. Relaxed to read: nothing is read on its account.
        let _ = word.fetch_update(Release, Relaxed, |now| match places_of(mark, now) {
            0 => (now < COUNT_FULL).then(|| now - COUNT_ONE),
            places => Some(now & !(0xff << shift_of_first(places))),
        });
    }
}

/// The places of a word that hold a mark, by their highest bits: the first is right, and those above it are
/// right if none is below.
#[inline]
fn places_of(mark: u64, word: u64) -> u64 {
    let differences = word ^ (mark * ONES);
    // A byte of zero borrows from the one above, and sets its own highest bit, which it had not.
    differences.wrapping_sub(ONES) & !differences & TOPS
}

#[inline]
fn shift_of_first(places: u64) -> u32 {
    places.trailing_zeros() - 7
}

#[cfg(all(test, not(session_loom)))]
mod tests {
    use super::*;
    use crate::{Key, KeyHasher};

    /// A hash with this mark, in the only word.
    fn hash(mark: u8) -> u64 {
        u64::from(mark) << COUNT_SHIFT
    }

    proptest::proptest! {
        /// Few marks, so that some are there several times; up to 20 entries, for seven places.
        #[test]
        fn what_was_added_is_not_excluded_until_it_is_taken_away(
            steps in proptest::collection::vec((0..=9_u8, 0..20_usize), 1..1_000),
        ) {
            let sieve = Sieve::of_words(1);
            let mut there: Vec<u8> = Vec::new();
            for (mark, position) in steps {
                if position < there.len() {
                    sieve.take_away(hash(there.swap_remove(position)));
                } else {
                    sieve.add(hash(mark));
                    there.push(mark);
                }
                for mark in &there {
                    assert!(!sieve.excludes(hash(*mark)), "{mark} of {there:?}");
                }
            }
            for mark in there {
                sieve.take_away(hash(mark));
            }
            assert_eq!(sieve.words[0].load(Relaxed), 0, "nothing is left behind");
        }
    }

    #[test]
    fn every_mark_that_is_not_there_is_excluded() {
        for there in 1..=255 {
            let sieve = Sieve::of_words(1);
            for _ in 0..7 {
                sieve.add(hash(there));
            }
            assert!((1..=255).all(|mark| sieve.excludes(hash(mark)) == (mark != there)), "{there}");
        }
    }

    #[test]
    fn word_that_more_came_to_than_it_can_count_excludes_nothing_from_then_on() {
        let sieve = Sieve::of_words(1);
        let many = || (0..=255).chain(0..=255);
        many().for_each(|mark| sieve.add(hash(mark)));
        many().for_each(|mark| sieve.take_away(hash(mark)));
        assert!((0..=255).all(|mark| !sieve.excludes(hash(mark))));
    }

    #[test]
    fn table_as_full_as_it_was_made_for_looks_for_few_keys_in_vain() {
        const ENTRIES: u64 = 1 << 16;
        let sieve = Sieve::of_words(ENTRIES as usize / ENTRIES_A_WORD);
        let hasher = KeyHasher::folded([1, 2]);
        let hash = |number: u64| {
            hasher.hash(&Key::new(0, &number.to_be_bytes()).expect("eight bytes are few enough"))
        };
        let percent_in_vain = || {
            let others = ENTRIES * 10..ENTRIES * 11;
            others.filter(|number| !sieve.excludes(hash(*number))).count() as u64 * 100 / ENTRIES
        };
        (0..ENTRIES).for_each(|number| sieve.add(hash(number)));
        assert!(percent_in_vain() <= 8, "{}", percent_in_vain());
        // Those that were counted stay counted until they leave, although there is room by then.
        for number in 0..ENTRIES * 4 {
            sieve.take_away(hash(number));
            sieve.add(hash(number + ENTRIES));
        }
        assert!(percent_in_vain() <= 20, "{}", percent_in_vain());
    }
}
