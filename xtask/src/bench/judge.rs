//! Whether a row has lost, told from the noise.
//!
//! Two builds are run by turns. In a *generation* each side is a fresh process, whose pages and tables
//! lie where they happen to lie: that alone makes a row some per cent faster or slower for as long as
//! the process lives. So the generations are what is counted, not the rounds in them. A row whose middle
//! generation has lost is asked once more, with generations of its own, in which the old build runs beside itself
//! too: what it seems to lose there is the noise of this very row. The row has lost when the middle says so again,
//! hardly a generation says that it has not, and the noise does not explain it.

use std::collections::BTreeMap;

use crate::failure::Failure;

/// More than this share of its time a row must not lose.
pub(crate) const LOSS_ALLOWED: f64 = 0.10;

/// Below this a generation says that nothing was lost.
const LOSS_SEEN: f64 = 0.04;
/// So many generations have to see a loss: all of three, four of five.
const SHARE_THAT_SEES: f64 = 0.8;

/// Runs rounds of rows, and answers with nanoseconds an operation.
pub(crate) trait Side {
    /// Runs one round.
    ///
    /// # Errors
    /// When the program behind it has ended.
    fn round(&mut self, row: &str) -> Result<f64, Failure>;
}

/// Whose process is started.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Old,
    New,
}

/// How often.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) generations: usize,
    /// Pairs of rounds in each generation.
    pub(crate) pairs: usize,
}

/// What came out of one row: how many times the old one's time the new one takes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ratios {
    /// The middle of each generation.
    pub(crate) generations: Vec<f64>,
    /// The fastest round of either side, in nanoseconds an operation.
    pub(crate) fastest: [f64; 2],
}

impl Ratios {
    pub(crate) fn middle(&self) -> f64 {
        median(&mut self.generations.clone())
    }

    /// The lowest and the highest generation.
    pub(crate) fn spread(&self) -> [f64; 2] {
        let fold = |pick: fn(f64, f64) -> f64| {
            self.generations.iter().copied().reduce(pick).unwrap_or(f64::NAN)
        };
        [fold(f64::min), fold(f64::max)]
    }

    fn seems_lost(&self) -> bool {
        self.middle() > 1.0 + LOSS_ALLOWED
    }

    /// What all but the worst generations stay within, of two processes of the same build: as many times
    /// longer or shorter.
    fn noise(&self) -> f64 {
        let mut swings: Vec<f64> =
            self.generations.iter().map(|ratio| ratio.max(1.0 / ratio)).collect();
        swings.sort_by(f64::total_cmp);
        let within = (SHARE_THAT_SEES * swings.len() as f64).ceil() as usize;
        swings[within.saturating_sub(1)]
    }

    fn is_loss(&self) -> bool {
        let seen = self.generations.iter().filter(|ratio| **ratio > 1.0 + LOSS_SEEN).count();
        self.seems_lost() && seen as f64 >= SHARE_THAT_SEES * self.generations.len() as f64
    }
}

/// What was found of each row.
pub(crate) type Found = BTreeMap<String, Ratios>;

/// Finds the rows that have lost. `start` starts a process, `told` hears how many of how many turns are done.
pub(crate) struct Trial<Start, Told> {
    pub(crate) start: Start,
    pub(crate) told: Told,
}

impl<S, Start, Told> Trial<Start, Told>
where
    S: Side,
    Start: FnMut(Version) -> Result<S, Failure>,
    Told: FnMut(usize, usize),
{
    /// Looks at all rows, and once more at those that seem to have lost.
    ///
    /// # Errors
    /// When a process cannot be started or has ended.
    pub(crate) fn run(&mut self, rows: &[String], effort: Effort) -> Result<Outcome, Failure> {
        let mut all = Found::new();
        let turns = effort.generations * effort.pairs;
        for generation in 0..effort.generations {
            let mut sides = [(self.start)(Version::Old)?, (self.start)(Version::New)?];
            let done = generation * effort.pairs;
            self.generation(rows, effort.pairs, &mut sides, &mut all, |turn| (done + turn, turns))?;
        }
        let seems_lost = |row: &&String| all[*row].seems_lost();
        let suspects: Vec<String> = rows.iter().filter(seems_lost).cloned().collect();
        if suspects.is_empty() {
            return Ok(Outcome { all, suspects: Vec::new() });
        }
        let suspects = self.second_look(&suspects, effort)?;
        Ok(Outcome { all, suspects })
    }

    fn second_look(&mut self, rows: &[String], effort: Effort) -> Result<Vec<Suspect>, Failure> {
        let Effort { generations, pairs } =
            Effort { generations: effort.generations + 2, pairs: effort.pairs + 4 };
        let (mut news, mut noises) = (Found::new(), Found::new());
        let turns = 2 * generations * pairs;
        for generation in 0..generations {
            let old = (self.start)(Version::Old)?;
            let mut sides = [old, (self.start)(Version::New)?];
            let done = 2 * generation * pairs;
            self.generation(rows, pairs, &mut sides, &mut news, |turn| (done + turn, turns))?;
            // The same old process stays: only the one beside it is another.
            sides[1] = (self.start)(Version::Old)?;
            let done = done + pairs;
            self.generation(rows, pairs, &mut sides, &mut noises, |turn| (done + turn, turns))?;
        }
        let suspect = |(row, new): (String, Ratios)| {
            let noise = noises.remove(&row).expect("both were asked for the same rows").noise();
            Suspect { row, new, noise }
        };
        Ok(news.into_iter().map(suspect).collect())
    }

    /// Runs rows on two processes by turns.
    fn generation(
        &mut self,
        rows: &[String],
        pairs: usize,
        [old, new]: &mut [S; 2],
        found: &mut Found,
        progress: impl Fn(usize) -> (usize, usize),
    ) -> Result<(), Failure> {
        let mut ratios: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for pair in 0..pairs {
            for row in rows {
                // One, the other twice, the one again: what drifts steadily touches both alike, and of
                // two rounds the faster is the one that was disturbed less.
                let times = if pair % 2 == 0 {
                    let (a, b) = (old.round(row)?, new.round(row)?);
                    let (c, d) = (new.round(row)?, old.round(row)?);
                    [a.min(d), b.min(c)]
                } else {
                    let (a, b) = (new.round(row)?, old.round(row)?);
                    let (c, d) = (old.round(row)?, new.round(row)?);
                    [b.min(c), a.min(d)]
                };
                ratios.entry(row).or_default().push(times[1] / times[0]);
                let entry = found.entry(row.clone()).or_default();
                for (fastest, time) in entry.fastest.iter_mut().zip(times) {
                    *fastest = if *fastest == 0.0 { time } else { fastest.min(time) };
                }
            }
            let (done, of) = progress(pair + 1);
            (self.told)(done, of);
        }
        for (row, mut ratios) in ratios {
            found.entry(row.to_string()).or_default().generations.push(median(&mut ratios));
        }
        Ok(())
    }
}

/// What came of a comparison.
pub(crate) struct Outcome {
    /// What the first look says of every row.
    pub(crate) all: Found,
    /// What the second look says of the rows that seemed to have lost.
    pub(crate) suspects: Vec<Suspect>,
}

/// A row that seemed to have lost, looked at again.
pub(crate) struct Suspect {
    pub(crate) row: String,
    /// The new build's time in the old one's.
    pub(crate) new: Ratios,
    /// Within how many times its own time the old build stays, nearly always.
    pub(crate) noise: f64,
}

impl Suspect {
    pub(crate) fn has_lost(&self) -> bool {
        self.new.is_loss() && self.new.middle() > self.noise
    }

    /// Whether the row swings so far by itself that a loss which counts elsewhere is not told from it.
    pub(crate) fn is_noisy(&self) -> bool {
        self.noise > 1.0 + LOSS_ALLOWED
    }
}

/// The middle of some numbers.
///
/// # Panics
/// When there is none.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::time::Instant;

    use super::*;

    /// Really computes, by the real clock, on whatever machine this is.
    struct Computes {
        /// Steps of each row.
        steps: fn(&str) -> u64,
    }

    impl Side for Computes {
        fn round(&mut self, row: &str) -> Result<f64, Failure> {
            let start = Instant::now();
            let mut word = black_box(7_u64);
            for _ in 0..(self.steps)(row) {
                word = black_box(word.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7));
            }
            black_box(word);
            Ok(start.elapsed().as_nanos() as f64)
        }
    }

    const EFFORT: Effort = Effort { generations: 3, pairs: 7 };

    fn outcome(mut steps: impl FnMut(Version) -> fn(&str) -> u64) -> Outcome {
        let rows = ["hit/1/ours", "miss/1/ours", "hit/2/ours"].map(str::to_string);
        let start = |version| Ok(Computes { steps: steps(version) });
        let outcome = Trial { start, told: |_, _| {} }.run(&rows, EFFORT).unwrap();
        assert_eq!(outcome.all.len(), 3);
        outcome
    }

    fn lost(new: fn(&str) -> u64) -> Vec<String> {
        let old: fn(&str) -> u64 = |_| 50_000;
        let outcome = outcome(|version| if version == Version::Old { old } else { new });
        outcome.suspects.into_iter().filter(Suspect::has_lost).map(|suspect| suspect.row).collect()
    }

    #[test]
    fn planted_slow_down_is_caught_and_named() {
        let planted = |row: &str| if row.starts_with("miss") { 70_000 } else { 50_000 };
        assert_eq!(lost(planted), ["miss/1/ours"]);
    }

    #[test]
    fn unchanged_rows_and_faster_ones_have_not_lost() {
        assert_eq!(lost(|_| 50_000), [""; 0]);
        assert_eq!(lost(|_| 30_000), [""; 0]);
    }

    /// A row of the old build that is fast in some processes and slow in others, as one is whose threads
    /// contend or do not.
    #[test]
    fn row_that_swings_by_itself_has_not_lost_and_hides_no_other_row() {
        const SWINGS: [fn(&str) -> u64; 2] =
            [|_| 50_000, |row| if row == "hit/2/ours" { 150_000 } else { 50_000 }];
        let mut started = 0;
        let outcome = outcome(|version| match version {
            // Of a generation of the second look, the first process of the old build is fast.
            Version::Old => {
                started += 1;
                SWINGS[usize::from(started > EFFORT.generations && started % 2 == 1)]
            }
            Version::New => |row| match row {
                "hit/2/ours" => 100_000,
                "miss/1/ours" => 70_000,
                _ => 50_000,
            },
        });
        let seen: Vec<_> = outcome
            .suspects
            .iter()
            .map(|suspect| (&*suspect.row, suspect.has_lost(), suspect.is_noisy()))
            .collect();
        assert_eq!(seen, [("hit/2/ours", false, true), ("miss/1/ours", true, false)]);
    }

    #[test]
    fn loss_that_many_generations_do_not_see_is_noise() {
        let ratios =
            |generations: &[f64]| Ratios { generations: generations.to_vec(), ..Ratios::default() };
        assert!(ratios(&[1.12, 1.18, 1.13]).is_loss());
        assert!(ratios(&[1.12, 1.18, 1.01, 1.13, 1.15]).is_loss());
        assert!(!ratios(&[1.12, 1.18, 1.01, 1.02, 1.15]).is_loss());
        assert!(!ratios(&[1.25, 1.02, 1.30]).is_loss());
        assert!(!ratios(&[1.09, 1.08, 1.05]).is_loss());
    }

    #[test]
    fn middle_of_an_even_number_lies_between() {
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
    }
}
