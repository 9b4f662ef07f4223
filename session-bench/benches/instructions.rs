//! The hot operations, to be counted instruction by instruction under callgrind. Run by
//! `cargo xtask bench --instructions`.
//!
//! `OPERATION COUNT` does one operation so many times. The caller runs it with two counts and divides
//! the difference: what it costs to start and to fill is in both. Without arguments it lists them.
//!
//! Few sessions are stored, so that hardly two share a list: the cache hashes under a secret of its own
//! each time, and two in one list would cost a comparison more than in another run.

use session_cache::{Eviction, ManualClock, UnixTime};

use session_bench::ids::{Series, Walk};
use session_bench::peers::{Asked, Peer, Work, our_cache::OurCache, our_table::OurTable};

const STORED: Series = Series::Random(0);
const OTHERS: Series = Series::Random(1);
const SESSIONS: u64 = 64;
/// Buckets for far more than that.
const ROOM: usize = 20_480;

type Operation = fn(u64);

const OPERATIONS: [(&str, Operation); 9] = [
    ("session-core lookup, hit", |count| hit(&filled::<OurTable>(ROOM), count)),
    ("session-core lookup, miss", |count| miss(&filled::<OurTable>(ROOM), count)),
    ("session-core lookup, guard held", |count| {
        let asked = Asked::Any(STORED, SESSIONS);
        Work::lookups_held(&filled::<OurTable>(ROOM), asked, &mut Walk::new(0), count);
    }),
    ("session-core replace", |count| replace(&filled::<OurTable>(ROOM), count)),
    ("session-core put and take", |count| put_and_take(&filled::<OurTable>(ROOM), count)),
    ("session-cache lookup, hit", |count| hit(&filled::<OurCache>(ROOM), count)),
    ("session-cache lookup, miss", |count| miss(&filled::<OurCache>(ROOM), count)),
    ("session-cache put and take", |count| put_and_take(&at_one_second(ROOM), count)),
    ("session-cache insert at capacity", |count| {
        Work::put(&at_one_second(SESSIONS as usize), OTHERS, 0, count);
    }),
];

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [name, count] = &arguments[..] else {
        OPERATIONS.iter().for_each(|(name, _)| println!("{name}"));
        return;
    };
    let operation = OPERATIONS.iter().find(|(known, _)| known == name);
    let (_, operation) = operation.expect("an operation that was listed");
    operation(count.parse().expect("a number"));
}

/// A cache whose clock stands still: where the second changes meanwhile, the order has one list more to make and drop
/// with each session.
fn at_one_second(room: usize) -> OurCache {
    let clock = ManualClock::new(UnixTime(1_000));
    fill(OurCache::with(room, clock, Eviction::EarliestExpiry))
}

fn filled<P: Peer>(room: usize) -> P {
    fill(P::new(room))
}

fn fill<P: Peer>(peer: P) -> P {
    (0..SESSIONS).for_each(|index| Peer::put(&peer, &STORED.id(index)));
    peer
}

fn hit(peer: &impl Work, count: u64) {
    peer.lookups(Asked::Any(STORED, SESSIONS), &mut Walk::new(0), count);
}

fn miss(peer: &impl Work, count: u64) {
    peer.lookups(Asked::Any(OTHERS, SESSIONS), &mut Walk::new(0), count);
}

fn replace(peer: &impl Work, count: u64) {
    (0..count).for_each(|turn| peer.put(STORED, turn % SESSIONS, turn % SESSIONS + 1));
}

fn put_and_take(peer: &impl Work, count: u64) {
    peer.puts_and_takes(OTHERS, 0, count);
}
