//! Runs that were kept under a name, and the comparison of a later run with one.
//!
//! The two were made at different times, and so perhaps at different speeds of the machine: what others, which no
//! change here touches, have lost or gained is taken out first. For nanoseconds that is the map behind one lock, for
//! handshakes a second the caches of the TLS stacks. Bytes are the same on any machine.

use std::fs;
use std::path::PathBuf;

use super::figures::{Figure, Run, shown};
use super::judge::{LOSS_ALLOWED, median};
use super::measure::cannot;
use crate::failure::Failure;
use crate::workspace::Workspace;

/// Whose nanoseconds stand for the machine's speed.
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
    let [in_nanos, in_rates] = compared.machine;
    eprintln!(
        "against `{name}` ({}, {}): the machine is {in_nanos:.2} times as slow as then, in handshakes \
         {in_rates:.2}, and ratios are without that; `--against REVISION` runs both by turns instead",
        before.commit, before.date
    );
    for row in &compared.rows {
        let unit = &row.now.unit;
        let (old, new) = (shown(row.before.value, unit), shown(row.now.value, unit));
        eprintln!("{:<50} {old:>12} -> {new:>12}  {:>6.2}x", row.now.name(), row.ratio);
    }
    let lost: Vec<_> = compared.rows.iter().filter(|row| row.has_lost()).collect();
    if lost.is_empty() {
        return Ok(());
    }
    let names = lost.iter().map(|row| format!("{} takes {:.2}x", row.now.name(), row.ratio));
    Err(Failure::failed(format!("slower: {}", names.collect::<Vec<_>>().join("; "))))
}

struct Compared<'a> {
    /// How much slower the machine has become, by nanoseconds and by handshakes a second.
    machine: [f64; 2],
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    before: &'a Figure,
    now: &'a Figure,
    /// How many times as much it takes now, without what the machine did.
    ratio: f64,
    /// The same of the quarters that lie nearest to each other.
    ratio_at_least: f64,
}

impl Row<'_> {
    fn has_lost(&self) -> bool {
        self.ratio > 1.0 + LOSS_ALLOWED && self.ratio_at_least > 1.0
    }
}

/// Of handshakes fewer a second are more time for each.
fn is_rate(figure: &Figure) -> bool {
    figure.unit == "/s"
}

fn compare<'a>(before: &'a Run, now: &'a Run) -> Compared<'a> {
    let pairs = now.figures.iter().filter_map(|figure| {
        let is_same = |other: &&Figure| other.name() == figure.name() && other.unit == figure.unit;
        Some((before.figures.iter().find(is_same)?, figure))
    });
    let pairs: Vec<_> =
        pairs.filter(|(before, now)| before.value > 0.0 && now.value > 0.0).collect();
    let ratio = |(before, now): &(&Figure, &Figure)| {
        if is_rate(now) { before.value / now.value } else { now.value / before.value }
    };
    let of_speed = |figure: &Figure| figure.unit == "ns" && !figure.question.contains("stall");
    let is_ours = |figure: &Figure| super::goals::OURS.contains(&figure.peer.as_str());
    let slower = |is_control: &dyn Fn(&Figure) -> bool| {
        let control = pairs.iter().filter(|(_, now)| is_control(now));
        let mut control: Vec<f64> = control.map(ratio).collect();
        if control.is_empty() { 1.0 } else { median(&mut control) }
    };
    let in_nanos = slower(&|figure| figure.peer == CONTROL && of_speed(figure));
    let in_rates = slower(&|figure| is_rate(figure) && !is_ours(figure));
    // Longest waits vary tenfold from run to run: they have floors, and are not compared. A hit ratio
    // that falls is no loss of speed.
    let is_compared = |now: &Figure| of_speed(now) || is_rate(now) || now.unit == "B";
    let ours = pairs.iter().filter(|(_, now)| is_ours(now) && is_compared(now));
    let rows = ours.map(|(before, now)| {
        let (machine, nearest) = match now.unit.as_str() {
            "ns" => (in_nanos, now.low / before.high),
            "/s" => (in_rates, before.low / now.high),
            _ => (1.0, now.low / before.high),
        };
        let (ratio, ratio_at_least) = (ratio(&(before, now)) / machine, nearest / machine);
        Row { before, now, ratio, ratio_at_least }
    });
    Compared { machine: [in_nanos, in_rates], rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::machine::Machine;

    fn run(figures: &[(&str, f64)]) -> Run {
        run_of("lookup_hit", "ns", figures)
    }

    fn run_of(question: &str, unit: &str, figures: &[(&str, f64)]) -> Run {
        let machine = Machine::unknown();
        let figures = figures.iter().map(|(peer, value)| Figure {
            question: question.into(),
            peer: (*peer).into(),
            size: 20_480,
            threads: 1,
            value: *value,
            low: value * 0.98,
            high: value * 1.02,
            wall: None,
            unit: unit.into(),
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
    fn slower_machine_excuses_no_bytes() {
        let with_bytes = |nanos, bytes| {
            let mut run = run(&[(CONTROL, nanos), ("session-cache", nanos)]);
            let memory = run_of("memory_a_session", "B", &[("session-cache", bytes)]);
            run.figures.extend(memory.figures);
            run
        };
        let before = with_bytes(50.0, 200.0);
        assert!(judge("x", &before, &with_bytes(75.0, 200.0)).is_ok());
        let failure = judge("x", &before, &with_bytes(75.0, 240.0)).unwrap_err();
        let line = failure.line().unwrap();
        assert_eq!(line, "slower: memory_a_session/20480/1/session-cache takes 1.20x");
    }

    #[test]
    fn fewer_handshakes_a_second_are_a_loss_and_a_slower_machine_is_none() {
        let handshakes = |figures| run_of("handshakes OpenSSL, TLS 1.2, sockets", "/s", figures);
        let before = handshakes(&[("session-cache", 3_000.0), ("OpenSSL", 3_000.0)]);
        let slower_machine = handshakes(&[("session-cache", 2_000.0), ("OpenSSL", 2_000.0)]);
        assert!(judge("x", &before, &slower_machine).is_ok());
        let more = handshakes(&[("session-cache", 4_000.0), ("OpenSSL", 3_000.0)]);
        assert!(judge("x", &before, &more).is_ok());
        let fewer = handshakes(&[("session-cache", 2_400.0), ("OpenSSL", 3_000.0)]);
        let failure = judge("x", &before, &fewer).unwrap_err();
        let line = failure.line().unwrap();
        assert!(line.contains("sockets/20480/1/session-cache takes 1.25x"), "{line}");
    }

    #[test]
    fn run_without_common_rows_is_not_understood() {
        let failure = judge("x", &run(&[("session-core", 40.0)]), &run(&[])).unwrap_err();
        assert_eq!(failure.exit_status(), 2);
    }
}
