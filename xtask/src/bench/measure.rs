//! One run of everything: builds, measures part by part, shows and keeps what came out.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use super::figures::{Figure, Run};
use super::goals;
use super::machine::{self, Machine};
use super::programs::Build;
use super::progress::{Part, Progress};
use super::request::{Request, What};
use super::{disturbance, document, page, saved, table};
use crate::failure::Failure;
use crate::program;
use crate::system_packages;
use crate::workspace::Workspace;

/// The programs, in the order in which they run: what can be refused (a trace) comes first. The second
/// is how many milliseconds a row takes, at a guess: quick, and else.
const PARTS: [(&str, [u64; 2]); 6] = [
    ("hit_ratio", [1_000, 1_000]),
    ("rounds", [50, 50]),
    (CRITERION, [500, 4_000]),
    ("stalls", [4_000, 16_000]),
    ("memory", [1_000, 1_000]),
    (HANDSHAKES, [60, 60]),
];

/// There are none without peers.
const HANDSHAKES: &str = "handshakes";

/// Its pages are kept; the figures are those of `rounds`, which runs what is compared by turns.
const CRITERION: &str = "speed";

/// Measures, and returns the run that it has written everywhere.
///
/// # Errors
/// When a program cannot be built or fails, when no row has the name that was asked for, and when a
/// trace cannot be read.
pub(crate) fn run(workspace: &Workspace, request: &Request) -> Result<Run, Failure> {
    if request.peers {
        system_packages::provide_for_peers()?;
    }
    let names = PARTS.iter().map(|(name, _)| *name);
    let names: Vec<_> = names.filter(|name| request.peers || *name != HANDSHAKES).collect();
    let programs = Build {
        cargo: workspace.cargo(),
        features: if request.peers { &["criterion", "peers"] } else { &["criterion"] },
        programs: &names,
    };
    let programs = programs.run()?;
    let parts = parts(&programs, request)?;
    let mut figures = Vec::new();
    let mut progress = Progress::new(parts);
    for (name, _) in PARTS {
        if progress.begin_part(name) {
            figures.extend(part(workspace, request, name, &programs[name], &mut progress)?);
        }
    }
    progress.end();
    let run = Run {
        machine: Machine::here(workspace),
        commit: machine::commit(workspace),
        command: command_line(request),
        date: machine::date(),
        figures,
    };
    show(workspace, request, &run)?;
    Ok(run)
}

/// Asks each program for its rows.
fn parts(programs: &HashMap<String, PathBuf>, request: &Request) -> Result<Vec<Part>, Failure> {
    let mut parts = Vec::new();
    for (name, millis) in PARTS {
        let Some(program) = programs.get(name) else { continue };
        let mut command = program_of(program, request);
        let listed = command.env("SESSION_BENCH_LIST", "1").stderr(Stdio::inherit()).output();
        let listed = listed.map_err(|error| program::cannot_start(&command, name, &error))?;
        if !listed.status.success() {
            // Its line says which file, and which line of it.
            return Err(Failure::passed_on(exit_status(listed.status.code())));
        }
        let rows = String::from_utf8_lossy(&listed.stdout).lines().count();
        let a_row = Duration::from_millis(millis[usize::from(!request.quick)]);
        if rows != 0 {
            parts.push(Part { name, rows, a_row });
        }
    }
    if parts.is_empty() {
        let hint = if request.peers { "" } else { "; there are more with `--peers`" };
        return Err(Failure::usage(format!("no row's name contains `{}`{hint}", request.rows)));
    }
    Ok(parts)
}

fn program_of(path: &Path, request: &Request) -> Command {
    let mut command = Command::new(path);
    command.env("SESSION_BENCH_ROWS", &request.rows);
    let is = |name| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name));
    // A round of a stall takes seconds, one of the others milliseconds. Handshakes are compared to the per cent.
    let rounds = if is("stalls") {
        ["5", "9"]
    } else if is(HANDSHAKES) {
        ["21", "61"]
    } else {
        ["7", "15"]
    };
    command.env("SESSION_BENCH_ROUNDS", rounds[usize::from(!request.quick)]);
    if is("hit_ratio") {
        command.args(&request.traces);
    }
    command
}

/// What the programs tell, one line each.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Event {
    /// Known already, from the list.
    Plan(serde::de::IgnoredAny),
    Begin(String),
    Figure(Figure),
}

const MARK: &str = "@bench ";

fn part(
    workspace: &Workspace,
    request: &Request,
    name: &str,
    path: &Path,
    progress: &mut Progress,
) -> Result<Vec<Figure>, Failure> {
    let folder = super::folder(workspace);
    let criterion_folder = folder.join("criterion");
    let log_path = folder.join(format!("{name}.log"));
    let mut command = program_of(path, request);
    if name == CRITERION {
        // Figures of another run are not to be taken for this one's.
        let _ = fs::remove_dir_all(&criterion_folder);
        command.env("CRITERION_HOME", &criterion_folder).arg("--bench");
        command.args(if request.quick { QUICK } else { THOROUGH });
    }
    fs::create_dir_all(&folder).map_err(|error| cannot("make", &folder, &error))?;
    let log = fs::File::create(&log_path).map_err(|error| cannot("write", &log_path, &error))?;
    let errors = log.try_clone().map_err(|error| cannot("write", &log_path, &error))?;
    let mut log = std::io::BufWriter::new(log);
    command.stdout(Stdio::piped()).stderr(errors);
    let mut child =
        command.spawn().map_err(|error| program::cannot_start(&command, name, &error))?;
    let mut figures = Vec::new();
    for line in BufReader::new(child.stdout.take().expect("stdout is piped")).lines() {
        let line = line.map_err(|error| Failure::failed(format!("{name}: {error}")))?;
        // A log that cannot be written any more is no reason to stop measuring.
        let _ = writeln!(log, "{line}");
        let event = line.strip_prefix(MARK).map(serde_json::from_str);
        match event.transpose().map_err(|error| Failure::failed(format!("{line}: {error}")))? {
            Some(Event::Begin(row)) => progress.begin_row(&row),
            Some(Event::Figure(figure)) => figures.push(figure),
            Some(Event::Plan(_)) | None => {}
        }
    }
    let status = child.wait().map_err(|error| Failure::failed(format!("{name}: {error}")))?;
    if !status.success() {
        let log = log_path.display();
        return Err(Failure::failed(format!("{name} failed ({status}); its words are in {log}")));
    }
    Ok(figures)
}

/// Criterion's: a row takes half a second. Fewer resamples make its plots ten times faster.
const QUICK: &[&str] = &[
    "--warm-up-time",
    "0.05",
    "--measurement-time",
    "0.2",
    "--sample-size",
    "10",
    "--nresamples",
    "1001",
];
const THOROUGH: &[&str] = &[
    "--warm-up-time",
    "0.5",
    "--measurement-time",
    "2",
    "--sample-size",
    "30",
    "--nresamples",
    "10000",
];

fn show(workspace: &Workspace, request: &Request, run: &Run) -> Result<(), Failure> {
    let verdicts = goals::judge(run);
    let json = page::json(run, &verdicts);
    let folder = super::folder(workspace);
    let path = folder.join("run.json");
    fs::write(&path, &json).map_err(|error| cannot("write", &path, &error))?;
    let page = page::write(&folder, run, &verdicts)?;
    if let Some(name) = &request.save {
        saved::keep(workspace, name, run)?;
    }
    if request.json {
        println!("{json}");
    } else {
        print!("{}", table::figures(run));
        print!("{}", table::verdicts(&verdicts));
    }
    if let Some(disturbance) = disturbance::of(run) {
        eprintln!("\n{disturbance}\n");
    }
    eprintln!("the report: {}", page.display());
    if request.peers && request.rows.is_empty() {
        document::write(workspace, run, &verdicts)?;
        eprintln!("written: {}", document::PATH);
    }
    let missed = verdicts.iter().filter(|verdict| !verdict.is_floor_met()).count();
    if missed != 0 {
        eprintln!("floors missed: {missed}");
    }
    Ok(())
}

/// As it can be typed again.
fn command_line(request: &Request) -> String {
    let Request { what, rows, quick, peers, json, traces, save } = request;
    let mut line = "cargo xtask bench".to_string();
    let mut add = |word: &str| {
        line.push(' ');
        line.push_str(word);
    };
    if !rows.is_empty() {
        add(rows);
    }
    for (is_on, word) in [(quick, "--quick"), (peers, "--peers"), (json, "--json")] {
        if *is_on {
            add(word);
        }
    }
    for trace in traces {
        // The folder is the machine's own business.
        add(&format!("--trace {}", trace.file_name().unwrap_or_default().to_string_lossy()));
    }
    if let Some(name) = save {
        add(&format!("--save {name}"));
    }
    if let What::Measure { against: Some(other) } = what {
        add(&format!("--against {other}"));
    }
    line
}

fn exit_status(code: Option<i32>) -> u8 {
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

pub(crate) fn cannot(act: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("cannot {act} {}: {error}", path.display()))
}
