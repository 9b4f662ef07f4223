//! Ours and the peers, each by its best call for the job: one file a peer.
//!
//! Same ids, same payload; an owned value is made of what is found, and dropped. A peer that takes a
//! hasher gets [`HASHER`].

use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::ids::{Id, PAYLOAD, Series, Walk};

#[cfg(feature = "dashmap")]
mod dashmap;
pub mod locked;
#[cfg(feature = "moka")]
pub(crate) mod moka;
#[cfg(feature = "openssl")]
pub mod openssl;
pub mod our_cache;
pub mod our_table;
#[cfg(feature = "papaya")]
mod papaya;
#[cfg(feature = "quick_cache")]
pub(crate) mod quick_cache;
#[cfg(feature = "rustls")]
pub(crate) mod rustls;
#[cfg(feature = "scc")]
mod scc;

/// The hasher of every peer that takes one, with the same seed.
pub const HASHER: FixedState = FixedState::with_seed(0x5e55_1011);

/// What a peer stores that does not copy bytes itself.
pub type Value = Arc<[u8; PAYLOAD.len()]>;

/// Makes a value, as whoever stores a session does.
#[inline]
pub fn value() -> Value {
    Arc::new(PAYLOAD)
}

/// A store of sessions.
pub trait Peer: Send + Sync + Sized + 'static {
    /// Its name in tables.
    const NAME: &'static str;
    /// Whether it drops something by a policy of its own when it is full.
    const IS_BOUNDED: bool = false;
    /// Whether it takes sessions out as fast as it looks them up.
    const TAKES: bool = true;
    /// Whether lookups can go on under a guard that is held over many.
    const LENDS: bool = false;
    /// Whether its lookups show what they find.
    const READS: bool = true;

    /// What it stores of a session, besides the id.
    const PAYLOAD_BYTES: usize = PAYLOAD.len();

    /// Makes one for `size` sessions; one with a bound has it there.
    fn new(size: usize) -> Self;

    /// Makes one in which `size` sessions have their place for certain, and a few that come and go.
    fn roomy(size: usize) -> Self {
        Self::new(size + 64)
    }

    /// Stores a session, in the place of one of the same id.
    fn put(&self, id: &Id);

    /// Removes a session and says whether it was there.
    fn take(&self, id: &Id) -> bool;

    /// Stores a session and takes it again.
    fn put_and_take(&self, id: &Id) -> bool {
        self.put(id);
        self.take(id)
    }

    /// Looks up one id after the other for as long as `next` gives one, and shows `seen` the payloads; counts those
    /// found.
    ///
    /// Each lookup makes something owned, under a guard of its own, as a server's do.
    fn lookups(&self, next: impl FnMut(&mut Id) -> bool, seen: impl FnMut(&[u8])) -> u64;

    /// The same with borrows, under one guard. Of a peer that [lends](Peer::LENDS).
    fn lookups_held(&self, next: impl FnMut(&mut Id) -> bool) -> u64 {
        self.lookups(next, unread)
    }
}

/// Which ids a row looks up.
#[derive(Clone, Copy)]
pub enum Asked {
    /// Any of the first `stored` of a series.
    Any(Series, u64),
    /// The same one each time.
    One(Series),
    /// As [`Any`](Asked::Any), but none is begun before the one before it is done.
    Apart(Series, u64),
    /// As [`Apart`](Asked::Apart), and what is found is read.
    Read(Series, u64),
}

/// A peer whose type is forgotten: the loops are compiled for each, the choice is made once a loop.
pub trait Work: Send + Sync {
    /// Stores numbers `from` to `to` of a series.
    fn put(&self, series: Series, from: u64, to: u64);
    /// Looks up `count` ids; counts those found, and read if they were to be.
    fn lookups(&self, asked: Asked, walk: &mut Walk, count: u64) -> u64;
    /// The same with borrows under one guard.
    fn lookups_held(&self, asked: Asked, walk: &mut Walk, count: u64) -> u64;
    /// Stores and takes numbers `from` to `to` of a series; counts those taken.
    fn puts_and_takes(&self, series: Series, from: u64, to: u64) -> u64;
    /// Looks up ids for as long as `next` gives one.
    fn lookups_while(&self, next: &mut dyn FnMut(&mut Id) -> bool) -> u64;
}

impl<P: Peer> Work for P {
    fn put(&self, series: Series, from: u64, to: u64) {
        (from..to).for_each(|index| Peer::put(self, &series.id(index)));
    }

    fn lookups(&self, asked: Asked, walk: &mut Walk, count: u64) -> u64 {
        match asked {
            Asked::Any(series, stored) => {
                Peer::lookups(self, counted(count, || series.id(walk.below(stored))), unread)
            }
            Asked::One(series) => {
                let one = std::hint::black_box(series.id(0));
                Peer::lookups(self, counted(count, || one), unread)
            }
            Asked::Apart(series, stored) => {
                Peer::lookups(self, counted(count, apart(series, stored, walk)), unread)
            }
            Asked::Read(series, stored) => {
                let next = counted(count, apart(series, stored, walk));
                let mut whole = 0;
                Peer::lookups(self, next, |payload| whole += u64::from(read(payload)));
                whole
            }
        }
    }

    fn lookups_held(&self, asked: Asked, walk: &mut Walk, count: u64) -> u64 {
        match asked {
            Asked::Apart(series, stored) | Asked::Read(series, stored) => {
                Peer::lookups_held(self, counted(count, apart(series, stored, walk)))
            }
            Asked::Any(series, stored) => {
                Peer::lookups_held(self, counted(count, || series.id(walk.below(stored))))
            }
            Asked::One(series) => {
                let one = std::hint::black_box(series.id(0));
                Peer::lookups_held(self, counted(count, || one))
            }
        }
    }

    fn puts_and_takes(&self, series: Series, from: u64, to: u64) -> u64 {
        (from..to).filter(|index| self.put_and_take(&series.id(*index))).count() as u64
    }

    fn lookups_while(&self, next: &mut dyn FnMut(&mut Id) -> bool) -> u64 {
        Peer::lookups(self, next, unread)
    }
}

/// Looks nothing up: what the loop takes by itself.
pub(crate) struct Nothing;

impl Peer for Nothing {
    const NAME: &'static str = "nothing";

    fn new(_: usize) -> Nothing {
        Nothing
    }

    fn put(&self, _: &Id) {}

    fn take(&self, _: &Id) -> bool {
        false
    }

    #[inline]
    fn lookups(&self, mut next: impl FnMut(&mut Id) -> bool, _: impl FnMut(&[u8])) -> u64 {
        let (mut id, mut count) = (Id::default(), 0);
        while next(&mut id) {
            std::hint::black_box(&id);
            count += 1;
        }
        count
    }
}

/// Leaves a payload where it is.
fn unread(_: &[u8]) {}

/// Reads a payload to the end, as who resumes the session does; whether it is whole.
#[inline]
fn read(payload: &[u8]) -> bool {
    let payload: Result<[u8; PAYLOAD.len()], _> = payload.try_into();
    payload.is_ok_and(|payload| std::hint::black_box(payload)[0] == PAYLOAD[0])
}

/// Gives an id when the lookup before is done: a processor works ahead, and begins one lookup while another waits for
/// memory, but no server's follow each other so closely. Ids it makes ahead still.
#[inline]
fn apart(series: Series, stored: u64, walk: &mut Walk) -> impl FnMut() -> Id {
    move || {
        let id = std::hint::black_box(series.id(walk.below(stored)));
        barrier::wait();
        id
    }
}

mod barrier {
    #![allow(unsafe_code)]

    /// Waits until the processor is done with all that came before.
    #[inline]
    pub(super) fn wait() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the instruction touches no memory, and every processor of this kind has it.
        unsafe {
            core::arch::asm!("lfence", options(nostack, preserves_flags));
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: as above.
        unsafe {
            core::arch::asm!("dsb sy", "isb", options(nostack, preserves_flags));
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
    }
}

/// Gives `count` ids.
#[inline]
fn counted(count: u64, mut id: impl FnMut() -> Id) -> impl FnMut(&mut Id) -> bool {
    let mut left = count;
    move |next| {
        *next = id();
        let more = left != 0;
        left = left.wrapping_sub(1);
        more
    }
}

/// A peer as the questions see it.
#[derive(Clone, Copy)]
pub struct Candidate {
    /// Its name in tables.
    pub name: &'static str,
    /// See [`Peer::IS_BOUNDED`].
    pub is_bounded: bool,
    /// See [`Peer::TAKES`].
    pub takes: bool,
    /// See [`Peer::LENDS`].
    pub lends: bool,
    /// See [`Peer::READS`].
    pub reads: bool,
    /// See [`Peer::PAYLOAD_BYTES`].
    pub payload_bytes: usize,
    /// See [`Peer::new`].
    pub new: fn(usize) -> Box<dyn Work>,
    /// See [`Peer::roomy`].
    pub roomy: fn(usize) -> Box<dyn Work>,
}

impl Candidate {
    const fn of<P: Peer>() -> Candidate {
        Candidate {
            name: P::NAME,
            is_bounded: P::IS_BOUNDED,
            takes: P::TAKES,
            lends: P::LENDS,
            reads: P::READS,
            payload_bytes: P::PAYLOAD_BYTES,
            new: |size| Box::new(P::new(size)),
            roomy: |size| Box::new(P::roomy(size)),
        }
    }
}

/// Ours.
pub const OURS: [Candidate; 3] = [
    Candidate::of::<our_table::OurTable>(),
    Candidate::of::<our_cache::OurCache>(),
    Candidate::of::<our_cache::OurCacheTold>(),
];

/// What is compared with ours: those whose features are on.
pub const PEERS: &[Candidate] = &[
    Candidate::of::<locked::Locked>(),
    Candidate::of::<locked::LockedQueue>(),
    #[cfg(feature = "openssl")]
    Candidate::of::<openssl::OpenSsl>(),
    #[cfg(feature = "rustls")]
    Candidate::of::<rustls::Rustls>(),
    #[cfg(feature = "dashmap")]
    Candidate::of::<dashmap::Dashmap>(),
    #[cfg(feature = "papaya")]
    Candidate::of::<papaya::Papaya>(),
    #[cfg(feature = "scc")]
    Candidate::of::<scc::SccMap>(),
    #[cfg(feature = "scc")]
    Candidate::of::<scc::SccIndex>(),
    #[cfg(feature = "moka")]
    Candidate::of::<moka::Moka>(),
    #[cfg(feature = "quick_cache")]
    Candidate::of::<quick_cache::QuickCache>(),
];

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: u64 = 500;

    #[test]
    fn every_peer_finds_what_it_was_given_and_takes_it_once() {
        for candidate in OURS.iter().chain(PEERS) {
            let peer = (candidate.roomy)(1_000);
            let (ours, others) = (Series::Random(1), Series::Random(2));
            peer.put(ours, 0, STORED);
            let mut walk = Walk::new(0);
            let name = candidate.name;
            assert_eq!(peer.lookups(Asked::Any(ours, STORED), &mut walk, 2_000), 2_000, "{name}");
            assert_eq!(peer.lookups(Asked::One(ours), &mut walk, 10), 10, "{name}");
            let read = peer.lookups(Asked::Read(ours, STORED), &mut walk, 10);
            assert_eq!(read, if candidate.reads { 10 } else { 0 }, "{name}");
            assert_eq!(peer.lookups(Asked::Any(others, STORED), &mut walk, 2_000), 0, "{name}");
            let held = peer.lookups_held(Asked::Any(ours, STORED), &mut walk, 2_000);
            assert_eq!(held, 2_000, "{name}");
            assert_eq!(peer.puts_and_takes(others, 0, 5_000), 5_000, "{name}");
            assert_eq!(peer.lookups(Asked::Any(others, 5_000), &mut walk, 500), 0, "{name}");
            if candidate.takes {
                let found = peer.lookups(Asked::Any(ours, STORED), &mut walk, 2_000);
                assert_eq!(found, 2_000, "{name} has lost what others came and went beside");
            }
        }
    }

    #[test]
    fn every_bounded_peer_stays_near_its_bound() {
        for candidate in OURS.iter().chain(PEERS).filter(|candidate| candidate.is_bounded) {
            let peer = (candidate.new)(1_000);
            peer.put(Series::Random(1), 0, 20_000);
            let mut index = 0;
            let found = peer.lookups_while(&mut |id| {
                *id = Series::Random(1).id(index);
                index += 1;
                index <= 20_000
            });
            assert!((500..=1_100).contains(&found), "{} holds {found}", candidate.name);
        }
    }
}
