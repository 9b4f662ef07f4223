//! Whether a row has lost, told from the noise.
//!
//! Two builds are run by turns. In a *generation* each side is a fresh process, whose pages and tables
//! lie where they happen to lie: that alone makes a row some per cent faster or slower for as long as
//! the process lives. So the generations are what is counted, not the rounds in them. A row whose middle
//! generation has lost is asked once more, with generations of its own, beside the *controls*: rows of a map
//! that no change of ours touches. It has lost when the middle says so again, hardly a generation says that it
//! has not, and no control has lost as much: what a control loses is noise.

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

    fn is_loss(&self) -> bool {
        let seen = self.generations.iter().filter(|ratio| **ratio > 1.0 + LOSS_SEEN).count();
        self.seems_lost() && seen as f64 >= SHARE_THAT_SEES * self.generations.len() as f64
    }
}

/// Runs all rows on both sides by turns. `sides` starts a generation: old and new.
///
/// # Errors
/// When a side cannot be started or has ended.
pub(crate) fn compare<S: Side>(
    rows: &[String],
    effort: Effort,
    sides: &mut impl FnMut() -> Result<[S; 2], Failure>,
    told: &mut impl FnMut(usize, usize),
) -> Result<BTreeMap<String, Ratios>, Failure> {
    let mut found: BTreeMap<String, Ratios> = BTreeMap::new();
    for generation in 0..effort.generations {
        let [mut old, mut new] = sides()?;
        let mut pairs: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for pair in 0..effort.pairs {
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
                pairs.entry(row).or_default().push(times[1] / times[0]);
                let entry = found.entry(row.clone()).or_default();
                for (fastest, time) in entry.fastest.iter_mut().zip(times) {
                    *fastest = if *fastest == 0.0 { time } else { fastest.min(time) };
                }
            }
            told(generation * effort.pairs + pair + 1, effort.generations * effort.pairs);
        }
        for (row, mut ratios) in pairs {
            found.entry(row.to_string()).or_default().generations.push(median(&mut ratios));
        }
    }
    Ok(found)
}

/// What came of a comparison.
pub(crate) struct Outcome {
    /// What the first look says of every row.
    pub(crate) all: BTreeMap<String, Ratios>,
    /// What the second look says of the rows that have lost.
    pub(crate) lost: BTreeMap<String, Ratios>,
    /// How many times as long the worst control takes in the second look; 1 where there was none.
    pub(crate) noise: f64,
}

/// Finds the rows that have lost.
///
/// # Errors
/// As [`compare`].
pub(crate) fn losses<S: Side>(
    rows: &[String],
    effort: Effort,
    sides: &mut impl FnMut() -> Result<[S; 2], Failure>,
    told: &mut impl FnMut(usize, usize),
) -> Result<Outcome, Failure> {
    let all = compare(rows, effort, sides, told)?;
    let is_suspect = |row: &&String| all[*row].seems_lost() && !is_control(row);
    let suspects: Vec<_> = rows.iter().filter(is_suspect).collect();
    if suspects.is_empty() {
        return Ok(Outcome { all, lost: BTreeMap::new(), noise: 1.0 });
    }
    // Several threads that contend are noisier than one that is alone: each is compared with its like.
    let controls = rows.iter().filter(|row| {
        is_control(row) && suspects.iter().any(|suspect| threads(suspect) == threads(row))
    });
    let rows: Vec<String> = suspects.iter().copied().chain(controls).cloned().collect();
    let effort = Effort { generations: effort.generations + 2, pairs: effort.pairs + 4 };
    let mut lost = compare(&rows, effort, sides, told)?;
    let controls: Vec<(String, f64)> = lost
        .iter()
        .filter(|(row, _)| is_control(row))
        .map(|(row, ratios)| (row.clone(), ratios.middle()))
        .collect();
    let noise_of = |row: &str| {
        let alike = controls.iter().filter(|(control, _)| threads(control) == threads(row));
        alike.map(|(_, middle)| *middle).fold(1.0, f64::max)
    };
    lost.retain(|row, ratios| {
        let is_beyond_noise = ratios.middle() > noise_of(row) * (1.0 + LOSS_SEEN);
        !is_control(row) && ratios.is_loss() && is_beyond_noise
    });
    let noise = controls.iter().map(|(_, middle)| *middle).fold(1.0, f64::max);
    Ok(Outcome { all, lost, noise })
}

/// How many threads a row has, by its name: `question/size/threads/peer`.
fn threads(row: &str) -> Option<&str> {
    row.rsplit('/').nth(1)
}

/// Whether no change of ours touches what a row measures.
fn is_control(row: &str) -> bool {
    row.rsplit('/').next().is_some_and(|peer| peer.starts_with("Mutex<"))
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

    fn lost(new: fn(&str) -> u64) -> Vec<String> {
        let rows = ["hit/1/ours", "miss/1/ours", "hit/1/Mutex<HashMap>", "hit/2/Mutex<HashMap>"];
        let rows = rows.map(str::to_string);
        let old: fn(&str) -> u64 = |_| 50_000;
        let mut sides = || Ok([Computes { steps: old }, Computes { steps: new }]);
        let outcome = losses(&rows, EFFORT, &mut sides, &mut |_, _| {}).unwrap();
        assert_eq!(outcome.all.len(), 4);
        outcome.lost.into_keys().collect()
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

    #[test]
    fn loss_that_a_control_shares_is_noise() {
        assert_eq!(lost(|row| if row.contains("Mutex") { 90_000 } else { 70_000 }), [""; 0]);
    }

    #[test]
    fn noise_of_two_threads_does_not_hide_what_one_loses() {
        let new = |row: &str| match row {
            "hit/2/Mutex<HashMap>" => 150_000,
            "miss/1/ours" => 70_000,
            _ => 50_000,
        };
        assert_eq!(lost(new), ["miss/1/ours"]);
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
