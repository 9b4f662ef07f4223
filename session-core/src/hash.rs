//! The keyed hash that places a key in the table.

use core::fmt;
use core::hash::{BuildHasher, Hasher};
use std::hash::RandomState;

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;

use crate::key::Key;

/// Hashes whole keys with a secret of 128 bits.
///
/// The secret keeps whoever chooses ids from choosing buckets. Draw a fresh one from the operating
/// system for each table, and again in a child after a fork; this crate draws none itself.
///
/// [`folded`](KeyHasher::folded) is for tables whose *stored* ids are random bytes of our own: an id
/// that is only looked up cannot lengthen a chain. Where others choose the ids that are stored
/// (imports, clients), take [`siphash`](KeyHasher::siphash), which is slower and was made for that.
pub struct KeyHasher(Algorithm);

enum Algorithm {
    Folded {
        seed: u64,
        shared: SharedSeed,
    },
    /// The standard library's SipHash under a key of its own, with our secret hashed first: so two
    /// tables differ even where that key is the same (in a child after a fork).
    SipHash {
        state: RandomState,
        secret: [u64; 2],
    },
    /// The first eight bytes of the id: tests choose where a key goes, and collide at will.
    #[cfg(test)]
    Chosen,
}

impl KeyHasher {
    /// Makes a folded-multiply hash (of foldhash's steps) keyed by `secret`.
    ///
    /// The same secret gives the same hash on the same platform and version of this crate.
    pub fn folded(secret: [u64; 2]) -> KeyHasher {
        let shared = SharedSeed::from_u64(secret[1]);
        KeyHasher(Algorithm::Folded { seed: secret[0], shared })
    }

    /// Makes a SipHash-1-3 keyed by the operating system and by `secret`.
    pub fn siphash(secret: [u64; 2]) -> KeyHasher {
        KeyHasher(Algorithm::SipHash { state: RandomState::new(), secret })
    }

    #[cfg(test)]
    pub(crate) fn chosen() -> KeyHasher {
        KeyHasher(Algorithm::Chosen)
    }

    #[inline]
    pub(crate) fn hash(&self, key: &Key) -> u64 {
        match &self.0 {
            Algorithm::Folded { seed, shared } => {
                // The halves side by side, then their hashes together: two steps deep, where one after
                // the other would be four. The last step mixes as foldhash's quality variant would.
                let fold = |seed: u64, half: u128| {
                    let mut hasher = FoldHasher::with_seed(seed, shared);
                    hasher.write_u128(half);
                    hasher.finish()
                };
                let [first, second] = key.halves();
                let first = fold(*seed, first);
                let second = fold(seed.rotate_left(32), second);
                let shape = u64::from(key.shape());
                fold(*seed ^ shape, u128::from(first) << 64 | u128::from(second))
            }
            _ => self.hash_slowly(key),
        }
    }

    /// Apart, so that the other is small enough to be inlined.
    fn hash_slowly(&self, key: &Key) -> u64 {
        match &self.0 {
            Algorithm::Folded { .. } => unreachable!("hashed above"),
            Algorithm::SipHash { state, secret } => {
                let mut hasher = state.build_hasher();
                hasher.write_u64(secret[0]);
                hasher.write_u64(secret[1]);
                hasher.write(key.padded_id());
                hasher.write_u32(key.shape());
                hasher.finish()
            }
            #[cfg(test)]
            Algorithm::Chosen => {
                let (first, _) = key.padded_id().split_first_chunk().expect("32 bytes");
                u64::from_be_bytes(*first)
            }
        }
    }
}

impl fmt::Debug for KeyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Algorithm::Folded { .. } => "KeyHasher(folded)",
            Algorithm::SipHash { .. } => "KeyHasher(siphash)",
            #[cfg(test)]
            Algorithm::Chosen => "KeyHasher(chosen)",
        })
    }
}
