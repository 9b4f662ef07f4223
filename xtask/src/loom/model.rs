//! What a model says of itself, and whether that is enough.
//!
//! Each model ends with one line on stderr:
//! `MODEL bound=<n> interleavings=<n> ms=<n>`.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use super::process::Ended;
use crate::clock;

/// How much of a failed model's output is shown: loom's own words come last.
const TAIL_LINES: usize = 60;

/// What a model explored.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exploration {
    /// Preemptions allowed, as the model words it (`3`, `none`).
    pub(super) bound: String,
    pub(super) interleavings: u64,
    pub(super) duration: Duration,
}

/// Why a model has not passed, with the end of its output.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    /// It found an interleaving that breaks what it asserts.
    Broken(String),
    /// It, or the machine, did not get far enough to tell.
    Undecided(String),
}

impl Defect {
    /// Says where the whole output is.
    pub(super) fn with_log(self, log: &Path) -> Defect {
        let with = |reason| format!("{reason}\n(all of it: {})", log.display());
        match self {
            Defect::Broken(reason) => Defect::Broken(with(reason)),
            Defect::Undecided(reason) => Defect::Undecided(with(reason)),
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Defect::Broken(reason) | Defect::Undecided(reason)) = self;
        f.write_str(reason)
    }
}

/// Decides whether a model that has ended has passed.
///
/// # Errors
/// The reason why not, with the end of its output.
pub(super) fn judge(ended: &Ended, interleavings_min: u64) -> Result<Exploration, Defect> {
    match ended.status {
        None => {
            let timeout = clock::shown(ended.timeout);
            let reason = format!("it ran past its {timeout}{}", tail(&ended.output));
            Err(Defect::Undecided(reason))
        }
        Some(status) if !status.success() => {
            Err(Defect::Broken(format!("{status}{}", tail(&ended.output))))
        }
        Some(_) => judge_output(&ended.output, interleavings_min).map_err(Defect::Undecided),
    }
}

fn judge_output(output: &str, interleavings_min: u64) -> Result<Exploration, String> {
    // Anywhere in a line: libtest leaves `test path ... ` unfinished in front of it.
    let Some((_, words)) = output.lines().find_map(|line| line.split_once("MODEL ")) else {
        return Err(format!("it printed no MODEL line{}", tail(output)));
    };
    let exploration =
        parse(words).ok_or_else(|| format!("its line `MODEL {words}` cannot be read"))?;
    if exploration.interleavings < interleavings_min {
        return Err(format!(
            "it explored {} interleavings; fewer than {interleavings_min} test nothing",
            exploration.interleavings
        ));
    }
    Ok(exploration)
}

fn parse(words: &str) -> Option<Exploration> {
    let fields: HashMap<_, _> =
        words.split_whitespace().filter_map(|word| word.split_once('=')).collect();
    Some(Exploration {
        bound: fields.get("bound")?.to_string(),
        interleavings: fields.get("interleavings")?.parse().ok()?,
        duration: Duration::from_millis(fields.get("ms")?.parse().ok()?),
    })
}

fn tail(output: &str) -> String {
    let lines: Vec<_> = output.lines().collect();
    let skipped = lines.len().saturating_sub(TAIL_LINES);
    format!("; the end of its output:\n{}", lines[skipped..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_line_is_found_behind_libtest_and_among_others() {
        let output = "running 1 test\n\
                      test models::take_with_take ... MODEL bound=3 \
                      interleavings=186 ms=20\n\
                      ok\n";
        let wanted = Exploration {
            bound: "3".to_string(),
            interleavings: 186,
            duration: Duration::from_millis(20),
        };
        assert_eq!(judge_output(output, 10), Ok(wanted));
    }

    #[test]
    fn model_that_says_nothing_has_failed() {
        let output = "running 0 tests\ntest result: ok. 0 passed; 0 failed\n";
        assert!(judge_output(output, 10).unwrap_err().contains("no MODEL line"));
    }

    #[test]
    fn model_that_explored_9_interleavings_has_failed() {
        let output = |many| format!("MODEL bound=2 interleavings={many} ms=1\n");
        assert!(judge_output(&output(9), 10).unwrap_err().contains("explored 9"));
        assert!(judge_output(&output(10), 10).is_ok());
    }

    #[test]
    fn model_line_without_its_figures_has_failed() {
        let reason = judge_output("MODEL bound=2 ms=1\n", 10).unwrap_err();
        assert!(reason.contains("cannot be read"), "{reason}");
    }

    #[test]
    fn tail_shows_the_last_60_lines() {
        let output: String = (1..=100).map(|line| format!("line {line}\n")).collect();
        let tail = tail(&output);
        assert!(tail.contains("line 41\n") && !tail.contains("line 40\n"), "{tail}");
        assert!(tail.ends_with("line 100"));
    }
}
