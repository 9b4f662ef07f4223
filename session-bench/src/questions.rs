//! The questions about the speed of single operations, as rows that can be run any number of times.
//!
//! Peers are filled when the first row that needs them is run, and freed when the last one is gone: a
//! list of rows costs nothing.

use std::cell::{Cell, LazyCell};
use std::rc::Rc;
use std::sync::Arc;

use session_cache::Seconds;

use crate::crew::{self, Elapsed};
use crate::ids::{Series, Walk};
use crate::peers::our_cache::OurCache;
use crate::peers::{Asked, Candidate, Nothing, OURS, PEERS, Peer as _, Work};

/// OpenSSL's default, which fits the second cache level or nearly, and a size that fits none.
pub const SIZES: [usize; 2] = [20_480, 1_000_000];

/// One question, put to one peer.
pub struct Row {
    /// The question's name; criterion's group.
    pub question: &'static str,
    /// Who is asked.
    pub peer: &'static str,
    /// How many sessions are stored.
    pub size: usize,
    /// How many threads ask at once.
    pub threads: usize,
    pub(crate) run: Box<dyn FnMut(u64) -> Elapsed>,
}

impl Row {
    /// Has every thread do `operations`, and returns the time that one took.
    pub fn run(&mut self, operations: u64) -> Elapsed {
        (self.run)(operations)
    }

    /// The row's name: what `cargo xtask bench NAME` compares with.
    pub fn name(&self) -> String {
        let Row { question, peer, size, threads, .. } = self;
        format!("{question}/{size}/{threads}/{peer}")
    }
}

/// What to ask.
pub struct Selection {
    /// Rows whose name contains this.
    pub name_contains: String,
    /// Ours alone.
    pub only_ours: bool,
    /// The most sessions.
    pub size_max: usize,
    /// How many threads, besides one.
    pub crowds: Vec<usize>,
}

impl Selection {
    /// Numbers of threads for a machine: two, and what more there are cores for.
    pub fn crowds_for(cores: usize) -> Vec<usize> {
        [2, 4, 8, 16].into_iter().filter(|threads| *threads == 2 || *threads <= cores).collect()
    }
}

/// A peer that is filled when it is first used.
type Lazy = Rc<LazyCell<Arc<dyn Work>, Box<dyn FnOnce() -> Arc<dyn Work>>>>;

const STORED: Series = Series::Random(0);
/// Never stored.
const UNKNOWN: Series = Series::Random(1);
/// The first series of newcomers; each thread has its own.
const NEWCOMERS: u32 = 2;

/// Lists the rows, question by question, the peers of one beside each other.
pub fn rows(selection: &Selection) -> Vec<Row> {
    let mut all = lookups(selection);
    all.extend(common_prefix(selection));
    all.extend(puts_and_takes(selection));
    all.extend(inserts_at_capacity(selection));
    all.extend(inserts_out_of_order(selection));
    all.retain(|row| {
        row.name().contains(&selection.name_contains) && row.size <= selection.size_max
    });
    all
}

fn candidates(selection: &Selection) -> impl Iterator<Item = Candidate> {
    let peers = if selection.only_ours { &[] } else { PEERS };
    OURS.iter().chain(peers).copied()
}

/// Rows that change nothing, and so can share what is stored.
fn lookups(selection: &Selection) -> Vec<Row> {
    let one_and_more: Vec<usize> = [1].into_iter().chain(selection.crowds.clone()).collect();
    let sizes = SIZES.map(|size| (size, full(selection, size)));
    let mut rows = Vec::new();
    for (apart, question, series, is_hit) in [
        ("lookup_hit_apart", "lookup_hit", STORED, true),
        ("lookup_miss_apart", "lookup_miss", UNKNOWN, false),
    ] {
        for (size, peers) in &sizes {
            for (candidate, peer) in peers {
                let asked = Asked::Apart(series, *size as u64);
                rows.push(row(apart, candidate, *size, 1, lookup(peer, asked, 1, is_hit)));
            }
        }
        for (size, peers) in &sizes {
            for threads in &one_and_more {
                for (candidate, peer) in peers {
                    let asked = Asked::Any(series, *size as u64);
                    let run = lookup(peer, asked, *threads, is_hit);
                    rows.push(row(question, candidate, *size, *threads, run));
                }
            }
        }
    }
    for (size, peers) in &sizes {
        for (candidate, peer) in peers.iter().filter(|(candidate, _)| candidate.reads) {
            let run = lookup(peer, Asked::Read(STORED, *size as u64), 1, true);
            rows.push(row("lookup_read", candidate, *size, 1, run));
        }
    }
    for threads in &selection.crowds {
        for (candidate, peer) in &sizes[0].1 {
            let run = lookup(peer, Asked::One(STORED), *threads, true);
            rows.push(row("lookup_hot_key", candidate, SIZES[0], *threads, run));
        }
    }
    for (size, peers) in &sizes {
        for threads in &one_and_more {
            for (candidate, peer) in peers.iter().filter(|(candidate, _)| candidate.lends) {
                let run = held(peer, Asked::Any(STORED, *size as u64), *threads);
                rows.push(row("lookup_guard_held", candidate, *size, *threads, run));
            }
        }
    }
    for (size, peers) in &sizes {
        for (candidate, peer) in peers.iter().filter(|(candidate, _)| candidate.lends) {
            let run = held(peer, Asked::Apart(STORED, *size as u64), 1);
            rows.push(row("lookup_guard_held_apart", candidate, *size, 1, run));
        }
    }
    for threads in &selection.crowds {
        for (candidate, peer) in sizes[0].1.iter().filter(|(candidate, _)| candidate.lends) {
            let run = held(peer, Asked::One(STORED), *threads);
            rows.push(row("hot_key_guard_held", candidate, SIZES[0], *threads, run));
        }
    }
    rows
}

/// Rows that leave the stored sessions as they are, but may leave traces of those that came and went: tombstones, marks
/// in filters.
fn puts_and_takes(selection: &Selection) -> Vec<Row> {
    let mut rows = Vec::new();
    for size in [SIZES[0], 100_000, SIZES[1]] {
        let crowds = if SIZES.contains(&size) { &selection.crowds[..] } else { &[] };
        let peers = full(selection, size);
        for threads in [1].iter().chain(crowds) {
            for (candidate, peer) in &peers {
                rows.push(row("put_and_take", candidate, size, *threads, take(peer, *threads)));
            }
        }
    }
    rows
}

/// The peers that can take a session back, with so many stored.
fn full(selection: &Selection, size: usize) -> Vec<(Candidate, Lazy)> {
    candidates(selection)
        .filter(|candidate| candidate.takes)
        .map(|peer| (peer, filled(peer.roomy, size, STORED)))
        .collect()
}

fn inserts_at_capacity(selection: &Selection) -> Vec<Row> {
    let one_and_more: Vec<usize> = [1].into_iter().chain(selection.crowds.clone()).collect();
    let candidates: Vec<_> =
        candidates(selection).filter(|candidate| candidate.is_bounded).collect();
    let mut rows = Vec::new();
    for size in SIZES {
        let peers: Vec<_> = candidates
            .iter()
            .map(|peer| (*peer, filled(peer.new, size, STORED), Rc::new(Cell::new(0))))
            .collect();
        for threads in &one_and_more {
            for (candidate, peer, serial) in &peers {
                let (peer, serial, threads) = (Rc::clone(peer), Rc::clone(serial), *threads);
                let run = move |operations| {
                    let (from, peer) = (next_numbers(&serial, operations), &**peer);
                    crew::timed(
                        threads,
                        |_| (),
                        |thread, ()| {
                            peer.put(newcomers(thread), from, from + operations);
                        },
                    )
                };
                rows.push(row("insert_at_capacity", candidate, size, threads, Box::new(run)));
            }
        }
    }
    rows
}

/// Newcomers expire anywhere among those that are there.
fn inserts_out_of_order(selection: &Selection) -> Vec<Row> {
    const SPAN_SECONDS: u64 = 3_600;
    let mut rows = Vec::new();
    for size in SIZES {
        let in_span = move |index: u64| SPAN_SECONDS + index * SPAN_SECONDS / size as u64;
        let ours = move || {
            let cache = OurCache::new(size);
            (0..size as u64)
                .for_each(|index| cache.put_for(&STORED.id(index), Seconds(in_span(index))));
            move |id: &_, random: u64| cache.put_for(id, Seconds(in_span(random)))
        };
        rows.push(out_of_order(OurCache::NAME, size, ours));
        #[cfg(feature = "openssl")]
        if !selection.only_ours {
            use crate::peers::openssl::OpenSsl;
            let now = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |now| now.as_secs());
            let openssl = move || {
                let cache = OpenSsl::new(size);
                (0..size as u64).for_each(|index| {
                    cache.put_with_times(&STORED.id(index), now, in_span(index));
                });
                move |id: &_, random: u64| cache.put_with_times(id, now, in_span(random))
            };
            rows.push(out_of_order(OpenSsl::NAME, size, openssl));
        }
    }
    let _ = selection;
    rows
}

fn out_of_order<F: Fn(&crate::ids::Id, u64) + Sync + 'static>(
    peer: &'static str,
    size: usize,
    fill: impl FnOnce() -> F + 'static,
) -> Row {
    let put = LazyCell::new(fill);
    let serial = Cell::new(0);
    let run = move |operations| {
        let (from, put) = (next_numbers(&serial, operations), &*put);
        crew::timed(
            1,
            |_| Walk::new(from as usize),
            |_, walk| {
                for index in from..from + operations {
                    put(&newcomers(0).id(index), walk.below(size as u64));
                }
            },
        )
    };
    Row { question: "insert_out_of_order", peer, size, threads: 1, run: Box::new(run) }
}

/// Ids that a client chose so that they begin alike, and their twins that begin at random.
fn common_prefix(selection: &Selection) -> Vec<Row> {
    let size = SIZES[0];
    let mut rows = Vec::new();
    for candidate in candidates(selection).filter(|candidate| candidate.takes) {
        for (question, series, peer) in twins(candidate.roomy, size) {
            let asked = Asked::Any(series, size as u64);
            rows.push(row(question, &candidate, size, 1, lookup(&peer, asked, 1, true)));
        }
    }
    // The peers of a question beside each other.
    rows.sort_by_key(|row| row.question);
    rows
}

/// Two of one peer, filled by turns: what one has of the machine's memory the other has too.
fn twins(make: fn(usize) -> Box<dyn Work>, size: usize) -> [(&'static str, Series, Lazy); 2] {
    let series = [Series::COMMON_PREFIX, Series::RANDOM_PREFIX];
    let both = Rc::new(LazyCell::new(move || {
        let both: [Arc<dyn Work>; 2] = [make(size).into(), make(size).into()];
        for index in 0..size as u64 {
            std::iter::zip(&both, series)
                .for_each(|(peer, series)| peer.put(series, index, index + 1));
        }
        both
    }));
    let of = |which: usize| -> Lazy {
        let both = Rc::clone(&both);
        Rc::new(LazyCell::new(Box::new(move || Arc::clone(&both[which]))))
    };
    [("lookup_common_prefix", series[0], of(0)), ("lookup_random_prefix", series[1], of(1))]
}

fn row(
    question: &'static str,
    candidate: &Candidate,
    size: usize,
    threads: usize,
    run: Box<dyn FnMut(u64) -> Elapsed>,
) -> Row {
    Row { question, peer: candidate.name, size, threads, run }
}

/// Stores sessions anew, in no order, twice as often as there are any. What was filled just now has all that belongs to a
/// session side by side, as it was allocated; in a server that runs for a while it comes to lie anywhere.
fn run_in(peer: &dyn Work, series: Series, size: u64) {
    // No row's walk.
    let mut walk = Walk::new(usize::MAX / 2);
    for _ in 0..2 * size {
        let index = walk.below(size);
        peer.put(series, index, index + 1);
    }
}

fn filled(make: fn(usize) -> Box<dyn Work>, size: usize, series: Series) -> Lazy {
    Rc::new(LazyCell::new(Box::new(move || {
        let peer: Arc<dyn Work> = make(size).into();
        peer.put(series, 0, size as u64);
        run_in(&*peer, series, size as u64);
        peer
    })))
}

fn lookup(
    peer: &Lazy,
    asked: Asked,
    threads: usize,
    is_hit: bool,
) -> Box<dyn FnMut(u64) -> Elapsed> {
    let (peer, turn) = (Rc::clone(peer), Cell::new(0));
    Box::new(move |operations| {
        let (peer, walk) = (&**peer, next_walk(&turn, threads));
        let elapsed = crew::timed(threads, &walk, |_, walk| {
            let found = peer.lookups(asked, walk, operations);
            assert_eq!(found, if is_hit { operations } else { 0 }, "a lookup answers wrongly");
        });
        elapsed - loop_alone(asked, threads, walk, operations)
    })
}

fn held(peer: &Lazy, asked: Asked, threads: usize) -> Box<dyn FnMut(u64) -> Elapsed> {
    let (peer, turn) = (Rc::clone(peer), Cell::new(0));
    Box::new(move |operations| {
        let (peer, walk) = (&**peer, next_walk(&turn, threads));
        let elapsed = crew::timed(threads, &walk, |_, walk| {
            let found = peer.lookups_held(asked, walk, operations);
            assert_eq!(found, operations, "a lookup answers wrongly");
        });
        elapsed - loop_alone(asked, threads, walk, operations)
    })
}

/// What it takes to make so many ids, each when its turn comes, and look none of them up.
fn loop_alone(
    asked: Asked,
    threads: usize,
    walk: impl Fn(usize) -> Walk + Sync,
    operations: u64,
) -> Elapsed {
    crew::timed(threads, walk, |_, walk| {
        Work::lookups(&Nothing, asked, walk, operations);
    })
}

fn take(peer: &Lazy, threads: usize) -> Box<dyn FnMut(u64) -> Elapsed> {
    let (peer, serial) = (Rc::clone(peer), Cell::new(0));
    Box::new(move |operations| {
        let (from, peer) = (next_numbers(&serial, operations), &**peer);
        crew::timed(
            threads,
            |_| (),
            |thread, ()| {
                let taken = peer.puts_and_takes(newcomers(thread), from, from + operations);
                assert_eq!(taken, operations, "what was put is not there to be taken");
            },
        )
    })
}

/// Begins another walk for each thread in each round. One that was walked before leads past sessions that the
/// processor still has: of a million a round meets one in twenty.
fn next_walk(turn: &Cell<usize>, threads: usize) -> impl Fn(usize) -> Walk + Sync + use<> {
    let first = turn.replace(turn.get() + threads);
    move |thread| Walk::new(first + thread)
}

/// The series of a thread: no other's, so that each newcomer is new.
fn newcomers(thread: usize) -> Series {
    Series::Random(NEWCOMERS + u32::try_from(thread).expect("threads are few"))
}

/// Numbers that were never used before.
fn next_numbers(serial: &Cell<u64>, count: u64) -> u64 {
    serial.replace(serial.get() + count)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::sync::atomic::Ordering::Relaxed;

    use super::*;
    use crate::ids::Id;
    use crate::peers::Peer;

    #[test]
    fn every_row_of_ours_runs_and_has_a_name_of_its_own() {
        let selection = Selection {
            name_contains: "/20480/".into(),
            only_ours: true,
            size_max: usize::MAX,
            crowds: vec![2],
        };
        let mut names = std::collections::HashSet::new();
        for mut row in rows(&selection) {
            row.run(10);
            assert!(names.insert(row.name()), "{} is there twice", row.name());
        }
        assert!(names.len() > 20, "{names:?}");
    }

    #[test]
    fn what_one_lookup_takes_stands_before_how_many_get_done() {
        let selection = Selection {
            name_contains: String::new(),
            only_ours: true,
            size_max: SIZES[0],
            crowds: vec![2],
        };
        let mut questions: Vec<_> = rows(&selection).iter().map(|row| row.question).collect();
        questions.dedup();
        let firsts = ["lookup_hit_apart", "lookup_hit", "lookup_miss_apart", "lookup_miss"];
        assert_eq!(questions[..4], firsts);
        // Each question is one stretch: the report has one table of it.
        let number = questions.len();
        questions.sort_unstable();
        questions.dedup();
        assert_eq!(questions.len(), number);
    }

    /// Counts what it is told to store.
    struct Counts;

    static STORES: AtomicU64 = AtomicU64::new(0);

    impl Peer for Counts {
        const NAME: &'static str = "counts";

        fn new(_: usize) -> Counts {
            Counts
        }

        fn put(&self, _: &Id) {
            STORES.fetch_add(1, Relaxed);
        }

        fn take(&self, _: &Id) -> bool {
            false
        }

        fn lookups(&self, _: impl FnMut(&mut Id) -> bool, _: impl FnMut(&[u8])) -> u64 {
            0
        }
    }

    #[test]
    fn peer_is_filled_and_run_in() {
        let peer = filled(|_| Box::new(Counts), 100, STORED);
        LazyCell::force(&peer);
        assert_eq!(STORES.load(Relaxed), 100 + 200);
    }

    #[test]
    fn loop_that_looks_nothing_up_takes_no_time() {
        let asked = Asked::Apart(STORED, 1_000);
        let nothing: Lazy = Rc::new(LazyCell::new(Box::new(|| Arc::new(Nothing))));
        let mut looked_up = lookup(&nothing, asked, 1, true);
        // Of several rounds, since others use the machine too.
        let least = |one: &mut dyn FnMut() -> Elapsed| {
            (0..20).map(|_| one().processor).min().expect("some rounds")
        };
        let alone = least(&mut || loop_alone(asked, 1, Walk::new, 20_000));
        let left = least(&mut || looked_up(20_000));
        assert!(left < alone / 2, "{left:?} are left of {alone:?}");
    }

    #[test]
    fn crowds_are_two_and_what_there_are_cores_for() {
        assert_eq!(Selection::crowds_for(1), [2]);
        assert_eq!(Selection::crowds_for(2), [2]);
        assert_eq!(Selection::crowds_for(10), [2, 4, 8]);
    }
}
