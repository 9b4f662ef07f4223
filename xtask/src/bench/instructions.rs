//! The gate that noise cannot touch: instructions an operation, counted by callgrind, against what was
//! accepted last.
//!
//! A count is a property of the program: of the compiler, the target, the dependencies, and the libraries
//! of the system that it calls. So an accepted count names all of these, and is compared with nothing else:
//! elsewhere there is no judgement. The file holds one set for each.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::measure::cannot;
use super::programs::Build;
use crate::failure::{Failure, NotHere};
use crate::program;
use crate::system_packages;
use crate::workspace::Workspace;

const PROGRAM: &str = "instructions";

/// Relative to the root.
const ACCEPTED: &str = "session-bench/instructions.json";

/// More than this share above what was accepted fails.
const EXCESS_ALLOWED: f64 = 0.03;

/// The difference of the two is what counts; long enough for many batches of reclamation.
const COUNTS: [u64; 2] = [2_000, 6_000];

/// What a count depends on, besides our own code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Surroundings {
    rustc: String,
    target: String,
    /// git's name of the content of Cargo.lock.
    cargo_lock: String,
    libc: String,
    valgrind: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Accepted {
    #[serde(flatten)]
    surroundings: Surroundings,
    instructions: BTreeMap<String, f64>,
}

/// Counts, and compares with what was accepted.
///
/// # Errors
/// When an operation takes more instructions than is allowed, when one has no accepted count, when one that has is not
/// counted any more, when nothing was accepted in these surroundings, and when callgrind is not there.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    match check_where_possible(workspace)? {
        None => Ok(()),
        Some(reason) => Err(Failure::failed(format!("instructions: {reason}"))),
    }
}

/// As `check`; but where nothing was accepted in these surroundings, says so and goes on.
///
/// # Errors
/// But for that as `check`.
pub(crate) fn check_where_possible(workspace: &Workspace) -> Result<NotHere, Failure> {
    if !cfg!(target_os = "linux") {
        return Ok(Some(LINUX_ALONE.to_string()));
    }
    let here = surroundings(workspace)?;
    let all = read(workspace)?;
    let Some(accepted) = all.iter().find(|accepted| accepted.surroundings == here) else {
        return Ok(Some(no_judgement(&all, &here)));
    };
    let counted = count(workspace)?;
    let (lines, complaints) = compare(&accepted.instructions, &counted);
    print!("{lines}");
    if complaints.is_empty() {
        return Ok(None);
    }
    let remedy = "if it has to be, `cargo xtask bench --instructions --accept`";
    Err(Failure::failed(format!("instructions: {}; {remedy}", complaints.join("; "))))
}

const LINUX_ALONE: &str = "instructions are counted by valgrind, on Linux";

/// Counts, and writes what comes out in the place of what was accepted here before.
///
/// # Errors
/// When callgrind is not there, or the file cannot be written.
pub(crate) fn accept(workspace: &Workspace) -> Result<(), Failure> {
    let surroundings = surroundings(workspace)?;
    let instructions = count(workspace)?;
    let mut all = read(workspace)?;
    // Of one target and libc the last is the one that is kept: a file that only grows helps nobody.
    all.retain(|other| {
        let other = &other.surroundings;
        (&other.target, &other.libc) != (&surroundings.target, &surroundings.libc)
    });
    all.push(Accepted { surroundings, instructions });
    let path = workspace.root().join(ACCEPTED);
    let text = serde_json::to_string_pretty(&all).expect("counts have a JSON form") + "\n";
    std::fs::write(&path, text).map_err(|error| cannot("write", &path, &error))?;
    eprintln!("written: {ACCEPTED}");
    Ok(())
}

fn read(workspace: &Workspace) -> Result<Vec<Accepted>, Failure> {
    let path = workspace.root().join(ACCEPTED);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(&path).map_err(|error| cannot("read", &path, &error))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("{ACCEPTED}, line {}: {error}", error.line())))
}

fn surroundings(workspace: &Workspace) -> Result<Surroundings, Failure> {
    if !cfg!(target_os = "linux") {
        return Err(Failure::failed(LINUX_ALONE));
    }
    system_packages::provide_valgrind()?;
    let of = |command: &mut Command| {
        let said = program::answer(command).unwrap_or_default();
        said.lines().next().unwrap_or_default().trim().to_string()
    };
    let mut verbose = workspace.command("rustc".into());
    let verbose = program::answer(verbose.arg("-vV")).unwrap_or_default();
    let host = verbose.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(Surroundings {
        rustc: verbose.lines().next().unwrap_or_default().to_string(),
        target: host.unwrap_or_default().to_string(),
        cargo_lock: of(workspace.command("git".into()).args(["hash-object", "Cargo.lock"])),
        libc: of(Command::new("ldd").arg("--version")),
        valgrind: of(Command::new("valgrind").arg("--version")),
    })
}

/// Says what is other here than where something was accepted.
fn no_judgement(all: &[Accepted], here: &Surroundings) -> String {
    let differences = |there: &Surroundings| {
        let pairs = [
            (&there.rustc, &here.rustc),
            (&there.target, &here.target),
            (&there.cargo_lock, &here.cargo_lock),
            (&there.libc, &here.libc),
            (&there.valgrind, &here.valgrind),
        ];
        let other: Vec<_> =
            std::iter::zip(["rustc", "target", "Cargo.lock", "libc", "valgrind"], pairs)
                .filter(|(_, (there, here))| there != here)
                .map(|(name, (there, here))| format!("{name} `{there}`, here `{here}`"))
                .collect();
        other
    };
    let nearest = all.iter().map(|accepted| differences(&accepted.surroundings));
    let why = match nearest.min_by_key(Vec::len) {
        Some(nearest) => format!("the nearest accepted counts are of {}", nearest.join("; of ")),
        None => "nothing was ever accepted".to_string(),
    };
    format!(
        "no judgement: {why}; `cargo xtask bench --instructions --accept` accepts those of \
         this place"
    )
}

fn count(workspace: &Workspace) -> Result<BTreeMap<String, f64>, Failure> {
    let build = Build { cargo: workspace.cargo(), features: &[], programs: &[PROGRAM] };
    let path = build.run()?.remove(PROGRAM).expect("a build without it has failed");
    let listed = program::answer(&mut Command::new(&path))
        .ok_or_else(|| Failure::failed(format!("{} does not list its rows", path.display())))?;
    let mut counts = BTreeMap::new();
    for operation in listed.lines() {
        let [few, many] = COUNTS.map(|count| instructions(&path, operation, count));
        let each = (many? - few?) as f64 / (COUNTS[1] - COUNTS[0]) as f64;
        counts.insert(operation.to_string(), (each * 10.0).round() / 10.0);
    }
    Ok(counts)
}

/// Runs an operation under callgrind, and reads "Collected : 123".
fn instructions(path: &Path, operation: &str, count: u64) -> Result<u64, Failure> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(path);
    command.arg(operation).arg(count.to_string()).stdin(Stdio::null());
    let output =
        command.output().map_err(|error| program::cannot_start(&command, "callgrind", &error))?;
    let said = String::from_utf8_lossy(&output.stderr);
    collected(&said).filter(|_| output.status.success()).ok_or_else(|| {
        Failure::failed(format!(
            "callgrind did not count `{operation}` ({}): {said}",
            output.status
        ))
    })
}

fn collected(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

/// A line for each operation, and what is wrong.
fn compare(
    accepted: &BTreeMap<String, f64>,
    counted: &BTreeMap<String, f64>,
) -> (String, Vec<String>) {
    let (mut lines, mut complaints) = (String::new(), Vec::new());
    for (operation, now) in counted {
        let Some(before) = accepted.get(operation) else {
            complaints.push(format!("{operation} has no accepted count"));
            continue;
        };
        let percent = 100.0 * (now / before - 1.0);
        lines
            .push_str(&format!("{operation:<34} {before:>9.1} -> {now:>9.1}  {percent:>+6.1} %\n"));
        if *now > before * (1.0 + EXCESS_ALLOWED) {
            complaints.push(format!(
                "{operation} takes {now:.1} instructions, {percent:+.1} %; {:.0} % more than {before:.1} \
                 are allowed",
                100.0 * EXCESS_ALLOWED
            ));
        }
    }
    let gone = accepted.keys().filter(|operation| !counted.contains_key(*operation));
    complaints.extend(gone.map(|operation| format!("{operation} is not counted any more")));
    (lines, complaints)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(counts: &[(&str, f64)]) -> BTreeMap<String, f64> {
        counts.iter().map(|(name, count)| ((*name).to_string(), *count)).collect()
    }

    #[test]
    fn count_is_read_from_callgrinds_words() {
        assert_eq!(collected("==7== \n==7== Collected : 12345\n==7== \n"), Some(12_345));
        assert_eq!(collected("valgrind: not found"), None);
    }

    #[test]
    fn more_than_3_percent_is_too_much_and_fewer_are_welcome() {
        let accepted = counts(&[("hit", 200.0), ("miss", 100.0), ("take", 900.0)]);
        let (_, complaints) =
            compare(&accepted, &counts(&[("hit", 205.9), ("miss", 103.2), ("take", 700.0)]));
        let [complaint] = &complaints[..] else { panic!("{complaints:?}") };
        assert!(complaint.starts_with("miss takes 103.2 instructions, +3.2 %"), "{complaint}");
    }

    #[test]
    fn operation_without_accepted_count_is_no_pass() {
        let (_, complaints) = compare(&counts(&[]), &counts(&[("hit", 200.0)]));
        assert_eq!(complaints, ["hit has no accepted count"]);
    }

    #[test]
    fn accepted_operation_that_is_not_counted_is_no_pass() {
        let accepted = counts(&[("hit", 200.0), ("miss", 100.0)]);
        let (_, complaints) = compare(&accepted, &counts(&[("hit", 200.0)]));
        assert_eq!(complaints, ["miss is not counted any more"]);
    }

    #[test]
    fn elsewhere_there_is_no_judgement_and_the_difference_is_named() {
        let here = Surroundings {
            rustc: "rustc 1.95.0".into(),
            target: "x86_64-unknown-linux-gnu".into(),
            cargo_lock: "abc".into(),
            libc: "glibc 2.36".into(),
            valgrind: "valgrind-3.19.0".into(),
        };
        let there = Surroundings { rustc: "rustc 1.96.0".into(), ..here.clone() };
        let accepted = Accepted { surroundings: there, instructions: counts(&[]) };
        let line = no_judgement(&[accepted], &here);
        assert!(line.contains("no judgement"), "{line}");
        assert!(line.contains("rustc `rustc 1.96.0`, here `rustc 1.95.0`"), "{line}");
        assert!(!line.contains("target"), "{line}");
    }
}
