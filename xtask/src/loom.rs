//! The loom models of session-core and session-cache: all interleavings of two or three threads, explored.
//!
//! Models are the unit tests whose path contains `models::`. Those of session-core are built twice:
//! over the ghost reclaimer (all algorithms), and over the real crossbeam-epoch (a few); those of
//! session-cache, which reclaims nothing itself, once. Each runs
//! in a process of its own, because a model that fails inside a cell access aborts its process.
//!
//! Invariant: a model that did not say how many interleavings it explored has failed, and so has
//! one that explored so few that it tested nothing.

mod build;
mod model;
mod process;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::clock;
use crate::failure::Failure;
use crate::program;
use crate::workspace::Workspace;
use build::Build;
pub(crate) use model::Defect;
use model::Exploration;

/// Fewer interleavings than this, and the threads of the model never met.
const INTERLEAVINGS_MIN: u64 = 10;
const PROCESSES_MAX: usize = 2;
const MODEL_TIMEOUT: Duration = Duration::from_secs(10 * 60);
const DEEP_MODEL_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Read by the models: when set, their bounds are higher.
const DEEP_VARIABLE: &str = "SESSION_LOOM_DEEP";

/// What over which the models run, in the order in which they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reclaimer {
    Ghost,
    CrossbeamEpoch,
    /// None: the models of session-cache.
    None,
}

impl Reclaimer {
    /// Those of session-core's models.
    pub(crate) const ALL: [Reclaimer; 2] = [Reclaimer::Ghost, Reclaimer::CrossbeamEpoch];

    fn package(self) -> &'static str {
        match self {
            Reclaimer::Ghost | Reclaimer::CrossbeamEpoch => "session-core",
            Reclaimer::None => "session-cache",
        }
    }

    fn rust_flags(self) -> &'static str {
        match self {
            Reclaimer::Ghost | Reclaimer::None => "--cfg session_loom",
            Reclaimer::CrossbeamEpoch => "--cfg session_loom --cfg crossbeam_loom",
        }
    }

    /// Flags differ, so everything is built twice; a folder each keeps both builds warm.
    fn target_folder_name(self) -> &'static str {
        match self {
            Reclaimer::Ghost | Reclaimer::None => "loom-ghost",
            Reclaimer::CrossbeamEpoch => "loom-epoch",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Reclaimer::Ghost => "ghost",
            Reclaimer::CrossbeamEpoch => "crossbeam-epoch",
            Reclaimer::None => "none",
        }
    }
}

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// A part of the model's path; None: all.
    name: Option<String>,
    deep: bool,
}

impl Request {
    /// Reads `[NAME] [--deep]`.
    ///
    /// # Errors
    /// On any other option, or a second name.
    pub(crate) fn parse(arguments: &[String]) -> Result<Request, Failure> {
        let mut request = Request::default();
        for argument in arguments {
            if argument == "--deep" {
                request.deep = true;
            } else if argument.starts_with('-') {
                let line = format!("loom does not know `{argument}`; it takes [NAME] [--deep]");
                return Err(Failure::usage(line));
            } else if request.name.replace(argument.clone()).is_some() {
                return Err(Failure::usage(format!(
                    "loom takes one name; `{argument}` is another"
                )));
            }
        }
        Ok(request)
    }
}

/// Cargo with the flags under which the models are built, once for each reclaimer.
pub(crate) fn cargo_of_each_reclaimer(workspace: &Workspace) -> impl Iterator<Item = Command> {
    Reclaimer::ALL.into_iter().map(|reclaimer| build::cargo(workspace, reclaimer))
}

/// A model to run: where it is, what it is called there.
pub(crate) struct Job {
    reclaimer: Reclaimer,
    binary: PathBuf,
    path: String,
}

impl Job {
    /// The test's own name, which says what must hold.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit("::").next().unwrap_or(&self.path)
    }
}

/// What came of a model: what it explored, or why it failed.
pub(crate) type Outcome = Result<Exploration, Defect>;

/// How models are run.
struct Manner<'a> {
    /// Where each leaves its output.
    log_folder: &'a Path,
    deep: bool,
    timeout: Duration,
    /// Nothing is said of those that pass.
    is_quiet: bool,
}

/// Builds the models and runs those asked for.
///
/// # Errors
/// When one fails, or when there was none to run; the reasons are printed first.
pub(crate) fn run(workspace: &Workspace, request: &Request) -> Result<(), Failure> {
    let start = Instant::now();
    let mut jobs = Vec::new();
    for reclaimer in Reclaimer::ALL.into_iter().chain([Reclaimer::None]) {
        let built = Build::of(workspace, reclaimer)?;
        jobs.extend(jobs_of(&built, reclaimer, request.name.as_deref())?);
    }
    if jobs.is_empty() {
        let name = request.name.as_deref().unwrap_or_default();
        return Err(Failure::failed(format!("loom: no model's path contains `{name}`")));
    }
    let timeout = if request.deep { DEEP_MODEL_TIMEOUT } else { MODEL_TIMEOUT };
    let log_folder = workspace.target_folder().join("loom-models");
    let manner = Manner { log_folder: &log_folder, deep: request.deep, timeout, is_quiet: false };
    let outcomes = run_all(&jobs, &manner);
    report(&jobs, &outcomes, start.elapsed())
}

/// Builds the models of a copy of the workspace over one reclaimer: all of them.
pub(crate) fn build_copy(
    root: &Path,
    workspace: &Workspace,
    reclaimer: Reclaimer,
) -> Result<Vec<Job>, Failure> {
    jobs_of(&Build::at(root, workspace, reclaimer)?, reclaimer, None)
}

/// Runs models without a word, each for no longer than `timeout`.
pub(crate) fn run_in_silence(jobs: &[Job], log_folder: &Path, timeout: Duration) -> Vec<Outcome> {
    run_all(jobs, &Manner { log_folder, deep: false, timeout, is_quiet: true })
}

fn jobs_of(built: &Build, reclaimer: Reclaimer, name: Option<&str>) -> Result<Vec<Job>, Failure> {
    let models = built.models(name)?;
    if models.is_empty() && name.is_none() {
        return Err(Failure::failed(format!(
            "loom: {} has no test with `models::` in its path over the {} reclaimer",
            reclaimer.package(),
            reclaimer.name()
        )));
    }
    let binary = built.binary();
    let job = |path| Job { reclaimer, binary: binary.to_path_buf(), path };
    Ok(models.into_iter().map(job).collect())
}

/// Runs the jobs, two at a time, and returns their outcomes in the jobs' order.
fn run_all(jobs: &[Job], manner: &Manner<'_>) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes: Vec<Mutex<Option<Outcome>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    thread::scope(|scope| {
        for _ in 0..PROCESSES_MAX {
            scope.spawn(|| {
                // Relaxed: the scope's end publishes the outcomes; the counter only deals jobs.
                while let Some((index, job)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    jobs.get(index).map(|job| (index, job))
                } {
                    let outcome = run_one(job, manner);
                    let place = &outcomes[index];
                    *place.lock().expect("no job panics while it holds its place") = Some(outcome);
                }
            });
        }
    });
    let outcome = |place: Mutex<Option<Outcome>>| {
        place.into_inner().ok().flatten().expect("every job has left its outcome")
    };
    outcomes.into_iter().map(outcome).collect()
}

fn run_one(job: &Job, manner: &Manner<'_>) -> Outcome {
    let mut command = Command::new(&job.binary);
    command.args(["--exact", &job.path, "--nocapture", "--test-threads=1"]);
    // A backtrace through loom's scheduler would push loom's own words out of the tail.
    command.env("RUST_BACKTRACE", "0");
    if manner.deep {
        command.env(DEEP_VARIABLE, "1");
    } else {
        command.env_remove(DEEP_VARIABLE);
    }
    if !manner.is_quiet {
        program::show(&command);
    }
    let name = format!("{}.{}.log", job.reclaimer.name(), job.path.replace("::", "."));
    let log = manner.log_folder.join(name);
    let start = Instant::now();
    let outcome = process::run(&mut command, &log, manner.timeout)
        .map_err(|error| Defect::Undecided(format!("could not run: {error}")))
        .and_then(|ended| model::judge(&ended, INTERLEAVINGS_MIN))
        .map_err(|defect| defect.with_log(&log));
    if !manner.is_quiet {
        let word = if outcome.is_ok() { "passed" } else { "FAILED" };
        let (reclaimer, elapsed) = (job.reclaimer.name(), clock::shown(start.elapsed()));
        eprintln!("  {} ({reclaimer}): {word}, {elapsed}", job.path);
    }
    outcome
}

fn report(jobs: &[Job], outcomes: &[Outcome], elapsed: Duration) -> Result<(), Failure> {
    let width = jobs.iter().map(|job| job.name().len()).max().unwrap_or(0).max("model".len());
    println!(
        "{:<width$}  {:<15}  {:>5}  {:>13}  {:>12}",
        "model", "reclaimer", "bound", "interleavings", "time"
    );
    for (job, outcome) in jobs.iter().zip(outcomes) {
        let Ok(model) = outcome else { continue };
        println!(
            "{:<width$}  {:<15}  {:>5}  {:>13}  {:>12}",
            job.name(),
            job.reclaimer.name(),
            model.bound,
            model.interleavings,
            clock::shown(model.duration)
        );
    }
    let mut failed = Vec::new();
    for (job, outcome) in jobs.iter().zip(outcomes) {
        if let Err(reason) = outcome {
            let name = format!("{} ({})", job.path, job.reclaimer.name());
            eprintln!("xtask: model {name} failed: {reason}");
            failed.push(name);
        }
    }
    eprintln!("  loom: {}", clock::shown(elapsed));
    println!("{} models passed, {} failed", jobs.len() - failed.len(), failed.len());
    if failed.is_empty() {
        Ok(())
    } else {
        let names = failed.join(", ");
        Err(Failure::failed(format!("loom failed: {names}; the reasons are printed above")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &[&str]) -> Result<Request, Failure> {
        Request::parse(&line.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn name_and_depth_come_in_any_order() {
        let wanted = Request { name: Some("take".to_string()), deep: true };
        assert_eq!(parse(&["take", "--deep"]).unwrap(), wanted);
        assert_eq!(parse(&["--deep", "take"]).unwrap(), wanted);
        assert_eq!(parse(&[]).unwrap(), Request::default());
    }

    #[test]
    fn second_name_and_unknown_option_are_usage_errors() {
        assert_eq!(parse(&["take", "get"]).unwrap_err().exit_status(), 2);
        assert_eq!(parse(&["--depp"]).unwrap_err().exit_status(), 2);
    }
}
