//! Session ids, made as they are needed: a few multiplications, and no memory that competes with the
//! cache under test for the processor's.

use std::hash::{Hash, Hasher};

/// A session id as TLS stacks draw them: 32 bytes.
///
/// Hashes as its bytes alone, without the length that an array would add.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Id(pub [u8; 32]);

impl Hash for Id {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

/// What a session weighs: the DER of one without a peer certificate.
pub const PAYLOAD: [u8; 134] = [0x5a; 134];

/// A series of ids: number `index` of it is always the same, and no two are equal.
#[derive(Clone, Copy)]
pub enum Series {
    /// As if drawn at random; series of different numbers have no id in common.
    Random(u32),
    /// The last 4 bytes are the number. Of the first 28 those bits look random that the mask has, the others are those
    /// of all ids: whatever the mask, an id is made with the same work.
    Numbered(u64),
}

impl Series {
    /// The first 28 bytes are those of all others.
    pub const COMMON_PREFIX: Series = Series::Numbered(0);
    /// Its twin for comparison: the first 28 bytes look random.
    pub const RANDOM_PREFIX: Series = Series::Numbered(u64::MAX);

    /// Makes one id.
    #[inline]
    pub fn id(self, index: u64) -> Id {
        let mut id = [0; 32];
        let words = match self {
            // One to one, so that ids differ as (number, index) does; the rest only looks random.
            Series::Random(number) => four(mixed(index | u64::from(number) << 40)),
            Series::Numbered(mask) => {
                let [first, second, third, fourth] = four(mixed(index));
                let fourth = fourth & mask & 0xffff_ffff | index << 32;
                [first & mask ^ ODD[0], second & mask ^ ODD[1], third & mask ^ ODD[2], fourth]
            }
        };
        for (part, word) in id.chunks_exact_mut(8).zip(words) {
            part.copy_from_slice(&word.to_le_bytes());
        }
        Id(id)
    }
}

/// Makes the words of an id of one that looks random.
#[inline]
fn four(word: u64) -> [u64; 4] {
    let (second, third) = (word.wrapping_mul(ODD[0]), word.wrapping_mul(ODD[1]));
    [word, second.rotate_left(31), third.rotate_left(29), second ^ third]
}

/// Numbers below a bound in an order that no prefetcher guesses.
pub struct Walk {
    state: u64,
}

impl Walk {
    /// Begins a walk of its own for each thread.
    pub fn new(thread: usize) -> Walk {
        Walk { state: mixed(88_172_645_463_325_252 + thread as u64) | 1 }
    }

    /// Steps on.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        ((u128::from(self.state) * u128::from(bound)) >> 64) as u64
    }
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014): the
/// finalizer, which is one to one.
#[inline]
fn mixed(word: u64) -> u64 {
    let word = word.wrapping_add(ODD[0]);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

const ODD: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93, 0xa076_1d64_78bd_642f];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_of_a_series_and_of_others_differ() {
        let mut seen = HashSet::new();
        let all =
            [Series::Random(1), Series::Random(2), Series::COMMON_PREFIX, Series::RANDOM_PREFIX];
        for series in all {
            for index in 0..10_000 {
                assert!(seen.insert(series.id(index).0), "{index} came twice");
            }
        }
    }

    #[test]
    fn common_prefix_is_28_bytes_long() {
        let [one, other] = [3, 4].map(|index| Series::COMMON_PREFIX.id(index).0);
        assert_eq!(one[..28], other[..28]);
        assert_ne!(one[28..], other[28..]);
        let [one, other] = [3, 4].map(|index| Series::RANDOM_PREFIX.id(index).0);
        for word in 0..7 {
            let bytes = 4 * word..4 * word + 4;
            assert_ne!(one[bytes.clone()], other[bytes], "word {word} of the twin");
        }
    }

    #[test]
    fn walk_stays_below_its_bound_and_reaches_everything() {
        let mut walk = Walk::new(0);
        let seen: HashSet<u64> = (0..1_000).map(|_| walk.below(10)).collect();
        assert_eq!(seen, (0..10).collect());
    }
}
