//! What the figures have to be: for each question a floor, which must hold, and a goal, which should.
//!
//! A score is a ratio, or a number of percentage points, of which more is better for us, or a number of
//! bytes or nanoseconds, of which less is.

use serde::Serialize;

use super::figures::Run;

/// One floor, and what came out.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Verdict {
    pub(crate) what: String,
    pub(crate) ours: &'static str,
    /// Against whom: the best of the peers by name, or what the question names.
    pub(crate) against: String,
    pub(crate) score: f64,
    pub(crate) floor: Option<f64>,
    pub(crate) goal: Option<f64>,
    pub(crate) unit: Unit,
    /// Whether the score is one that can be.
    pub(crate) is_measurable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// So many times faster: more is better.
    Times,
    /// Less is better.
    Bytes,
    /// Less is better.
    Nanoseconds,
    /// Percentage points by which more is found: more is better.
    Points,
}

impl Verdict {
    pub(crate) fn is_floor_met(&self) -> bool {
        self.floor.is_none_or(|floor| self.reaches(floor))
    }

    pub(crate) fn is_goal_met(&self) -> bool {
        self.is_measurable && self.goal.is_some_and(|goal| self.reaches(goal))
    }

    fn reaches(&self, line: f64) -> bool {
        match self.unit {
            Unit::Times | Unit::Points => self.score >= line,
            Unit::Bytes | Unit::Nanoseconds => self.score <= line,
        }
    }
}

/// All of ours: none of them is a peer.
pub(crate) const OURS: [&str; 3] = [TABLE, CACHE, TOLD];
/// Those that have floors against peers.
const JUDGED: [&str; 2] = [TABLE, CACHE];
const TABLE: &str = "session-core";
const CACHE: &str = "session-cache";
/// The cache whose caller tells the time.
const TOLD: &str = "session-cache, told the time";
const OPENSSL: &str = "OpenSSL";
const RUSTLS: &str = "rustls";

/// Two threads do no more than twice what one does; a twentieth is what two rows of the same thing differ by.
const TWICE: f64 = 2.1;

const SMALL: usize = 20_480;
const LARGE: usize = 1_000_000;

/// Judges what was measured; what was not is left out.
pub(crate) fn judge(run: &Run) -> Vec<Verdict> {
    let mut judge = Judge { run, verdicts: Vec::new() };
    judge.lookups();
    judge.two_threads();
    judge.hot_key();
    judge.inserts();
    judge.rest();
    judge.handshakes();
    judge.hit_ratios();
    judge.verdicts
}

struct Judge<'a> {
    run: &'a Run,
    verdicts: Vec<Verdict>,
}

/// A row without its peer.
#[derive(Clone, Copy)]
struct Cell(&'static str, usize, usize);

impl Judge<'_> {
    fn lookups(&mut self) {
        for size in [SMALL, LARGE] {
            let hit = Cell("lookup_hit_apart", size, 1);
            for ours in JUDGED {
                self.best(format!("lookup, hit, {size}"), ours, hit, hit, [1.25, 1.6]);
            }
            for ours in JUDGED {
                let goal = if size == SMALL { 2.0 } else { 1.5 };
                let miss = Cell("lookup_miss_apart", size, 1);
                self.best(format!("lookup, unknown id, {size}"), ours, miss, miss, [1.2, goal]);
            }
            let over = self.of(TOLD, hit).zip(self.of(TABLE, hit)).map(|(told, bare)| told - bare);
            // Where each lookup takes half a microsecond, two rows of the same thing differ by more than that.
            let floor = if size == SMALL { 30.0 } else { f64::NAN };
            let what = format!("lookup through the whole policy, over the table's, {size}");
            self.add(what, TOLD, TABLE, over, [floor, f64::NAN], Unit::Nanoseconds);
            let held = Cell("lookup_guard_held_apart", size, 1);
            let what = format!("borrow under a held guard, {size}, against owned");
            self.best(what, TABLE, held, hit, [2.0, f64::NAN]);
        }
    }

    fn two_threads(&mut self) {
        for size in [SMALL, LARGE] {
            let (one, two) = (Cell("lookup_hit", size, 1), Cell("lookup_hit", size, 2));
            for ours in JUDGED {
                self.best(
                    format!("lookup, hit, 2 threads, {size}"),
                    ours,
                    two,
                    two,
                    [1.0, f64::NAN],
                );
                let what = format!("lookup, hit, 2 threads, {size}");
                self.peer(what, ours, two, OPENSSL, two, [4.0, f64::NAN]);
                // By the clock on both sides: the processor's time of one thread leaves out what two wait for.
                let own = self.wall(ours, one).zip(self.wall(ours, two));
                if let Some((one, two)) = own {
                    let score = 2.0 * one / two;
                    self.verdicts.push(Verdict {
                        what: format!("2 threads do of what 1 does, {size}"),
                        ours,
                        against: "1 thread".to_string(),
                        score,
                        floor: None,
                        goal: Some(1.9),
                        unit: Unit::Times,
                        is_measurable: score <= TWICE,
                    });
                }
            }
        }
    }

    fn hot_key(&mut self) {
        let hot = Cell("lookup_hot_key", SMALL, 2);
        for ours in JUDGED {
            // At most half as long again as the best peer.
            let what = "one hot key, 2 threads (rare in TLS)".to_string();
            self.best(what, ours, hot, hot, [1.0 / 1.5, 5.0]);
        }
        let held = Cell("hot_key_guard_held", SMALL, 2);
        let what = "one hot key, 2 threads, borrow against owned".to_string();
        self.best(what, TABLE, held, hot, [1.0, f64::NAN]);
    }

    fn inserts(&mut self) {
        for size in [SMALL, LARGE] {
            for threads in [1, 2] {
                let row = Cell("insert_at_capacity", size, threads);
                let what =
                    |than: &str| format!("insert at capacity, {threads} threads, {size}{than}");
                let bars = if threads == 1 { [0.8, 1.0] } else { [1.0, f64::NAN] };
                self.best(what(""), CACHE, row, row, bars);
                self.peer(what(""), CACHE, row, OPENSSL, row, [3.0, f64::NAN]);
            }
            let row = Cell("insert_out_of_order", size, 1);
            let what = format!("insert, expiries out of order, {size}");
            self.peer(what, CACHE, row, OPENSSL, row, [500.0, f64::NAN]);
        }
    }

    fn rest(&mut self) {
        let flush = Cell("stall_flush.excess", LARGE, 2);
        let what = "longest lookup during a flush, over that without".to_string();
        // Below a microsecond it is the clock's grain.
        let ours = self.of(CACHE, flush).map(|ours| ours.max(1_000.0));
        let score = self.of(OPENSSL, flush).zip(ours).map(|(openssl, ours)| openssl / ours);
        self.add(what, CACHE, OPENSSL, score, [100.0, f64::NAN], Unit::Times);
        for ours in JUDGED {
            let take = Cell("put_and_take", 100_000, 1);
            let what = "put and take, 100000".to_string();
            self.peer(what, ours, take, RUSTLS, take, [100.0, f64::NAN]);
        }
        for ours in JUDGED {
            let (prefix, random) =
                (Cell("lookup_common_prefix", SMALL, 1), Cell("lookup_random_prefix", SMALL, 1));
            let score = self.of(ours, random).zip(self.of(ours, prefix)).map(|(a, b)| a / b);
            let what = "ids with a common prefix, against random ones".to_string();
            // A tenth is what two rows of the same thing differ by.
            self.add(what, ours, "itself", score, [0.9, f64::NAN], Unit::Times);
        }
        for ours in JUDGED {
            let bytes = self.of(ours, Cell("memory_a_session", 100_000, 1));
            let what = "memory a session beyond id and payload".to_string();
            self.add(what, ours, "", bytes, [128.0, 96.0], Unit::Bytes);
        }
    }

    fn handshakes(&mut self) {
        for stack in [OPENSSL, RUSTLS] {
            for version in ["1.2", "1.3"] {
                for way in [SOCKETS, MEMORY] {
                    let question = format!("handshakes {stack}, TLS {version}, {way}");
                    for size in [1_000, 100_000] {
                        for threads in [1, 2] {
                            let bars = handshake_bars(stack, version, way, size, threads);
                            self.handshake(&question, stack, (size, threads), bars);
                        }
                    }
                }
            }
        }
    }

    /// Of handshakes more a second are better.
    fn handshake(
        &mut self,
        question: &str,
        stack: &str,
        (size, threads): (usize, usize),
        bars: [f64; 2],
    ) {
        let of = |peer| self.run.value(question, peer, size, threads);
        let score = of(CACHE).zip(of(stack)).map(|(ours, own)| ours / own);
        let what = format!("{question}, {threads} threads, {size} sessions");
        self.add(what, CACHE, stack, score, bars, Unit::Times);
    }

    /// Over the capacities of all traces that were recorded; the one that is made up is shown, and proves
    /// nothing.
    fn hit_ratios(&mut self) {
        const OPT_IN: &str = "session-cache, S3-FIFO";
        let ours = self.run.figures.iter().filter(|figure| {
            figure.question.starts_with("hit_ratio ")
                && figure.question != "hit_ratio resumptions"
                && figure.peer == OPT_IN
        });
        let points = ours.filter_map(|figure| {
            let lru = self.run.value(&figure.question, "LRU", figure.size, figure.threads)?;
            Some(figure.value - lru)
        });
        let mut points: Vec<f64> = points.collect();
        if points.is_empty() {
            return;
        }
        let what =
            |which: &str| format!("hit ratio of the order by option, points over LRU, {which}");
        let middle = super::judge::median(&mut points);
        let bars = [3.0, f64::NAN];
        self.add(what("middle"), OPT_IN, "LRU", Some(middle), bars, Unit::Points);
        let worst = points.first().copied();
        self.add(what("worst"), OPT_IN, "LRU", worst, [-1.5, f64::NAN], Unit::Points);
    }

    fn of(&self, peer: &str, Cell(question, size, threads): Cell) -> Option<f64> {
        self.run.value(question, peer, size, threads)
    }

    fn wall(&self, peer: &str, Cell(question, size, threads): Cell) -> Option<f64> {
        self.run.figure(question, peer, size, threads)?.wall
    }

    /// Against the fastest peer in `theirs`.
    fn best(&mut self, what: String, ours: &'static str, row: Cell, theirs: Cell, bars: [f64; 2]) {
        let Cell(question, size, threads) = theirs;
        let peers = self.run.figures.iter().filter(|figure| {
            figure.question == question
                && figure.size == size
                && figure.threads == threads
                && !OURS.contains(&figure.peer.as_str())
        });
        let Some(best) = peers.min_by(|a, b| a.value.total_cmp(&b.value)) else { return };
        let (name, value) = (best.peer.clone(), best.value);
        let score = self.of(ours, row).map(|ours| value / ours);
        self.add(what, ours, &name, score, bars, Unit::Times);
    }

    /// Against one peer.
    fn peer(
        &mut self,
        what: String,
        ours: &'static str,
        row: Cell,
        peer: &str,
        theirs: Cell,
        bars: [f64; 2],
    ) {
        let score = self.of(peer, theirs).zip(self.of(ours, row)).map(|(a, b)| a / b);
        self.add(what, ours, peer, score, bars, Unit::Times);
    }

    /// `bars` are floor and goal; there is none where it is not a number.
    fn add(
        &mut self,
        what: String,
        ours: &'static str,
        against: &str,
        score: Option<f64>,
        [floor, goal]: [f64; 2],
        unit: Unit,
    ) {
        let Some(score) = score else { return };
        let bar = |bar: f64| (!bar.is_nan()).then_some(bar);
        let (against, floor, goal) = (against.to_string(), bar(floor), bar(goal));
        let is_measurable = true;
        let verdict = Verdict { what, ours, against, score, floor, goal, unit, is_measurable };
        self.verdicts.push(verdict);
    }
}

/// What a question about handshakes ends with.
const SOCKETS: &str = "sockets";
const MEMORY: &str = "in memory";

fn handshake_bars(stack: &str, version: &str, way: &str, size: usize, threads: usize) -> [f64; 2] {
    match (stack, way) {
        (OPENSSL, SOCKETS) => [0.97, f64::NAN],
        // Of the server's work alone DER is a larger share than of a connection: it is shown. Threads of OpenSSL's
        // own cache wait for each other.
        (OPENSSL, _) => [f64::NAN, if threads == 1 { f64::NAN } else { 1.0 }],
        // A session of TLS 1.3 is taken, for which rustls' own cache walks through all that it has.
        _ if version == "1.3" && size == 100_000 => [1.0, f64::NAN],
        // A twentieth is what two runs of the same thing differ by.
        _ => [0.95, f64::NAN],
    }
}

#[cfg(test)]
mod tests {
    use super::super::figures::Figure;
    use super::super::machine::Machine;
    use super::*;

    fn run(rows: &[(&str, &str, f64)]) -> Run {
        let machine = Machine::unknown();
        let figures = rows.iter().map(|(row, peer, value)| {
            let mut parts = row.split('/');
            Figure {
                question: parts.next().unwrap().to_string(),
                peer: (*peer).to_string(),
                size: parts.next().unwrap().parse().unwrap(),
                threads: parts.next().unwrap().parse().unwrap(),
                value: *value,
                low: *value,
                high: *value,
                wall: None,
                unit: "ns".to_string(),
            }
        });
        let figures = figures.collect();
        let (commit, command, date) = Default::default();
        Run { machine, commit, command, date, figures }
    }

    #[test]
    fn floor_is_judged_against_the_best_of_the_peers() {
        let verdicts = judge(&run(&[
            ("lookup_hit_apart/20480/1", "session-core", 40.0),
            ("lookup_hit_apart/20480/1", "session-cache", 41.0),
            ("lookup_hit_apart/20480/1", "dashmap", 62.0),
            ("lookup_hit_apart/20480/1", "scc HashIndex", 50.0),
        ]));
        let [core, cache] = &verdicts[..] else { panic!("{verdicts:?}") };
        assert_eq!((core.against.as_str(), core.score), ("scc HashIndex", 1.25));
        assert!(core.is_floor_met() && !core.is_goal_met());
        assert!(!cache.is_floor_met());
    }

    #[test]
    fn two_threads_are_compared_with_one_by_the_clock_and_no_more_than_twice_is_believed() {
        let of_two_threads = |walls: [f64; 2]| {
            // The processor's time of one thread is a third of what the clock says.
            let mut run = run(&[
                ("lookup_hit/20480/1", "session-core", walls[0] / 3.0),
                ("lookup_hit/20480/2", "session-core", walls[1]),
            ]);
            for (figure, wall) in std::iter::zip(&mut run.figures, walls) {
                figure.wall = Some(wall);
            }
            let mut verdicts = judge(&run);
            verdicts.pop().unwrap()
        };
        let good = of_two_threads([60.0, 60.0]);
        assert_eq!(good.score, 2.0);
        assert!(good.is_measurable && good.is_goal_met());
        let too_good = of_two_threads([66.0, 60.0]);
        assert!(!too_good.is_measurable && !too_good.is_goal_met());
    }

    #[test]
    fn ids_that_begin_alike_are_compared_with_their_twins() {
        let verdicts = judge(&run(&[
            ("lookup_common_prefix/20480/1", "session-core", 50.0),
            ("lookup_random_prefix/20480/1", "session-core", 40.0),
            ("lookup_hit/20480/1", "session-core", 90.0),
        ]));
        let [verdict] = &verdicts[..] else { panic!("{verdicts:?}") };
        assert_eq!(verdict.score, 0.8);
        assert!(!verdict.is_floor_met());
    }

    #[test]
    fn fewer_bytes_are_better() {
        let verdicts = judge(&run(&[("memory_a_session/100000/1", "session-cache", 100.0)]));
        assert!(verdicts[0].is_floor_met() && !verdicts[0].is_goal_met());
    }

    #[test]
    fn handshakes_are_judged_by_how_many_there_are_a_second() {
        let rows = [
            ("handshakes OpenSSL, TLS 1.2, sockets/1000/1", "session-cache", 960.0),
            ("handshakes OpenSSL, TLS 1.2, sockets/1000/1", "OpenSSL", 1_000.0),
            ("handshakes OpenSSL, TLS 1.2, in memory/1000/1", "session-cache", 900.0),
            ("handshakes OpenSSL, TLS 1.2, in memory/1000/1", "OpenSSL", 1_000.0),
            ("handshakes rustls, TLS 1.3, in memory/100000/2", "session-cache", 3_000.0),
            ("handshakes rustls, TLS 1.3, in memory/100000/2", "rustls", 1_000.0),
        ];
        let verdicts = judge(&run(&rows));
        let [sockets, memory, rustls] = &verdicts[..] else { panic!("{verdicts:?}") };
        assert_eq!((sockets.score, sockets.floor), (0.96, Some(0.97)));
        assert!(!sockets.is_floor_met());
        assert_eq!((memory.score, memory.floor), (0.9, None));
        assert_eq!((rustls.score, rustls.floor), (3.0, Some(1.0)));
        assert_eq!((rustls.ours, rustls.against.as_str()), ("session-cache", "rustls"));
    }

    #[test]
    fn order_by_option_is_judged_over_recorded_traces() {
        let ours = "session-cache, S3-FIFO";
        let rows = [
            ("hit_ratio a/10/1", ours, 50.0),
            ("hit_ratio a/10/1", "LRU", 46.0),
            ("hit_ratio b/10/1", ours, 30.0),
            ("hit_ratio b/10/1", "LRU", 32.0),
        ];
        let verdicts = judge(&run(&rows));
        let [middle, worst] = &verdicts[..] else { panic!("{verdicts:?}") };
        assert_eq!((middle.score, worst.score), (1.0, -2.0));
        assert!(!middle.is_floor_met() && !worst.is_floor_met());
        let made_up =
            [("hit_ratio resumptions/10/1", ours, 3.0), ("hit_ratio resumptions/10/1", "LRU", 9.0)];
        assert_eq!(judge(&run(&made_up)), []);
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        assert_eq!(judge(&run(&[("lookup_hit/20480/1", "dashmap", 62.0)])), []);
    }
}
