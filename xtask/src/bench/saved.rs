//! Runs that were kept under a name, and the comparison of a later run with one.
//!
//! The two were made at different times, and so perhaps at different speeds of the machine: what the
//! map behind one lock, which no change here touches, has lost or gained is subtracted first.

use std::fs;
use std::path::PathBuf;

use super::figures::{Figure, Run, shown};
use super::judge::{LOSS_ALLOWED, median};
use super::measure::cannot;
use crate::failure::Failure;
use crate::workspace::Workspace;

/// Whose speed stands for the machine's.
const CONTROL: &str = "Mutex<HashMap>";

fn path(workspace: &Workspace, name: &str) -> PathBuf {
    super::folder(workspace).join("saved").join(format!("{name}.json"))
}

/// Keeps a run.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn keep(workspace: &Workspace, name: &str, run: &Run) -> Result<(), Failure> {
    let path = path(workspace, name);
    let folder = path.parent().expect("a file is in a folder");
    fs::create_dir_all(folder).map_err(|error| cannot("make", folder, &error))?;
    let text = serde_json::to_string_pretty(run).expect("a run has a JSON form");
    fs::write(&path, text).map_err(|error| cannot("write", &path, &error))
}

/// Finds a run that was kept.
///
/// # Errors
/// When there is one and it cannot be read.
pub(crate) fn find(workspace: &Workspace, name: &str) -> Result<Option<Run>, Failure> {
    // A revision may have slashes, and no file of ours does.
    let path = path(workspace, name);
    if name.contains(['/', '\\']) || !path.is_file() {
        return Ok(None);
    }
    let text = fs::read_to_string(&path).map_err(|error| cannot("read", &path, &error))?;
    let run = serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    Ok(Some(run))
}

/// Shows what ours has gained and lost since.
///
/// # Errors
/// When a row has lost more than is allowed, and the spread of the two does not explain it.
pub(crate) fn judge(name: &str, before: &Run, now: &Run) -> Result<(), Failure> {
    let compared = compare(before, now);
    if compared.rows.is_empty() {
        return Err(Failure::usage(format!("`{name}` has no row in common with this run")));
    }
    eprintln!(
        "against `{name}` ({}, {}): the machine is {:.2} times as slow as then, and ratios are \
         without that; `--against REVISION` runs both by turns instead",
        before.commit, before.date, compared.machine
    );
    for row in &compared.rows {
        let unit = &row.now.unit;
        let (old, new) = (shown(row.before.value, unit), shown(row.now.value, unit));
        eprintln!("{:<50} {old:>12} -> {new:>12}  {:>6.2}x", row.now.name(), row.ratio);
    }
    let lost: Vec<_> = compared.rows.iter().filter(|row| row.has_lost(compared.machine)).collect();
    if lost.is_empty() {
        return Ok(());
    }
    let names = lost.iter().map(|row| format!("{} takes {:.2}x", row.now.name(), row.ratio));
    Err(Failure::failed(format!("slower: {}", names.collect::<Vec<_>>().join("; "))))
}

struct Compared<'a> {
    /// How much slower the machine has become.
    machine: f64,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    before: &'a Figure,
    now: &'a Figure,
    /// Without what the machine did.
    ratio: f64,
}

impl Row<'_> {
    fn has_lost(&self, machine: f64) -> bool {
        self.ratio > 1.0 + LOSS_ALLOWED && self.now.low / machine > self.before.high
    }
}

fn compare<'a>(before: &'a Run, now: &'a Run) -> Compared<'a> {
    let pairs = now.figures.iter().filter_map(|figure| {
        let is_same = |other: &&Figure| other.name() == figure.name() && other.unit == figure.unit;
        Some((before.figures.iter().find(is_same)?, figure))
    });
    let pairs: Vec<_> = pairs.filter(|(before, _)| before.value > 0.0).collect();
    let ratio = |(before, now): &(&Figure, &Figure)| now.value / before.value;
    let of_speed = |figure: &Figure| figure.unit == "ns" && !figure.question.contains("stall");
    let mut control: Vec<f64> =
        pairs.iter().filter(|(_, now)| now.peer == CONTROL && of_speed(now)).map(ratio).collect();
    let machine = if control.is_empty() { 1.0 } else { median(&mut control) };
    let ours = pairs.iter().filter(|(_, now)| super::goals::OURS.contains(&now.peer.as_str()));
    // Longest waits vary tenfold from run to run: they have floors, and are not compared. A hit ratio
    // that falls is no loss of speed.
    let ours = ours.filter(|(_, now)| of_speed(now) || now.unit == "B");
    let rows = ours.map(|(before, now)| {
        let by_machine = if now.unit == "ns" { machine } else { 1.0 };
        Row { before, now, ratio: ratio(&(before, now)) / by_machine }
    });
    Compared { machine, rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::machine::Machine;

    fn run(figures: &[(&str, f64)]) -> Run {
        let machine = Machine::unknown();
        let figures = figures.iter().map(|(peer, value)| Figure {
            question: "lookup_hit".into(),
            peer: (*peer).into(),
            size: 20_480,
            threads: 1,
            value: *value,
            low: value * 0.98,
            high: value * 1.02,
            wall: None,
            unit: "ns".into(),
        });
        let figures = figures.collect();
        let (commit, command, date) = Default::default();
        Run { machine, commit, command, date, figures }
    }

    #[test]
    fn loss_is_named_and_a_slower_machine_is_none() {
        let before = run(&[(CONTROL, 50.0), ("session-core", 40.0), ("session-cache", 80.0)]);
        let slower_machine =
            run(&[(CONTROL, 75.0), ("session-core", 60.0), ("session-cache", 120.0)]);
        assert!(judge("x", &before, &slower_machine).is_ok());
        let slower_lookup =
            run(&[(CONTROL, 50.0), ("session-core", 40.0), ("session-cache", 92.0)]);
        let failure = judge("x", &before, &slower_lookup).unwrap_err();
        let line = failure.line().unwrap();
        assert!(line.contains("lookup_hit/20480/1/session-cache takes 1.15x"), "{line}");
        assert!(!line.contains("session-core"), "{line}");
    }

    #[test]
    fn run_without_common_rows_is_not_understood() {
        let failure = judge("x", &run(&[("session-core", 40.0)]), &run(&[])).unwrap_err();
        assert_eq!(failure.exit_status(), 2);
    }
}
