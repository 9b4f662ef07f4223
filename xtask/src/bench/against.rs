//! This tree beside a revision: both built, both run, round by round, by turns.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use super::figures::shown;
use super::judge::{self, Effort, Found, Ratios, Side, Suspect, Trial, Version};
use super::programs::Build;
use super::request::Request;
use crate::clock;
use crate::failure::Failure;
use crate::program;
use crate::workspace::Workspace;

const PROGRAM: &str = "ours";

/// Judges this tree against a revision.
///
/// # Errors
/// When there is no such revision, when one of the two cannot be built, and when a row has lost.
pub(crate) fn run(workspace: &Workspace, request: &Request, revision: &str) -> Result<(), Failure> {
    refuse_what_measures_alone(request)?;
    let commit = commit(workspace, revision)?;
    let old = {
        let tree = Worktree::add(workspace, &commit)?;
        tree.build(workspace, revision)?
    };
    let new = Build { cargo: workspace.cargo(), features: &[], programs: &[PROGRAM] };
    let new = path_in(new.run()?);
    warn_if_benches_differ(workspace, &commit);
    let rows = rows(&old, &new, revision, request)?;
    let effort = if request.quick {
        Effort { generations: 3, pairs: 7 }
    } else {
        Effort { generations: 5, pairs: 15 }
    };
    eprintln!("{} rows, {revision} and this tree by turns", rows.len());
    let start = |version| {
        let path = if version == Version::Old { &old } else { &new };
        Program::start(path)
    };
    let outcome = Trial { start, told: progress() }.run(&rows, effort)?;
    report(revision, &outcome.all);
    for Suspect { row, noise, .. } in outcome.suspects.iter().filter(|suspect| suspect.is_noisy()) {
        eprintln!(
            "xtask: {row} is too noisy here to judge a loss below {noise:.2}x: {revision} beside \
             itself swings as far"
        );
    }
    let lost: Vec<_> = outcome.suspects.iter().filter(|suspect| suspect.has_lost()).collect();
    if lost.is_empty() {
        println!("no row has lost more than {:.0} %", 100.0 * judge::LOSS_ALLOWED);
        return Ok(());
    }
    let named: Vec<_> = lost.iter().map(|suspect| blame(&suspect.row, &suspect.new)).collect();
    Err(Failure::failed(format!("slower than {revision}: {}", named.join("; "))))
}

fn refuse_what_measures_alone(request: &Request) -> Result<(), Failure> {
    let Request { peers, json, traces, save, .. } = request;
    let given = [
        (*peers, "--peers"),
        (*json, "--json"),
        (!traces.is_empty(), "--trace"),
        (save.is_some(), "--save"),
    ];
    match given.iter().find(|(is_given, _)| *is_given) {
        None => Ok(()),
        Some((_, option)) => {
            Err(Failure::usage(format!("`{option}` does not go with `--against REVISION`")))
        }
    }
}

fn commit(workspace: &Workspace, revision: &str) -> Result<String, Failure> {
    let mut git = workspace.command("git".into());
    let name = format!("{revision}^{{commit}}");
    let answer = program::answer(git.args(["rev-parse", "--verify", "--end-of-options", &name]));
    answer.map(|commit| commit.trim().to_string()).ok_or_else(|| {
        Failure::usage(format!("`{revision}` is neither a run that was saved nor a revision here"))
    })
}

/// A checkout of another revision, there for as long as it takes to build.
struct Worktree<'a> {
    workspace: &'a Workspace,
    folder: PathBuf,
}

impl<'a> Worktree<'a> {
    fn add(workspace: &'a Workspace, commit: &str) -> Result<Worktree<'a>, Failure> {
        let folder = super::folder(workspace).join("against").join("tree");
        let tree = Worktree { workspace, folder };
        // What a run that was killed has left.
        tree.remove();
        let mut git = workspace.command("git".into());
        git.args(["worktree", "add", "--quiet", "--force", "--detach"]).arg(&tree.folder);
        program::run(git.arg(commit), "git worktree", "git's own words are above")?;
        Ok(tree)
    }

    fn build(&self, workspace: &Workspace, revision: &str) -> Result<PathBuf, Failure> {
        let source = format!("session-bench/benches/{PROGRAM}.rs");
        if !self.folder.join(&source).is_file() {
            let line = format!("`{revision}` has no {source}, and so cannot be run by turns");
            return Err(Failure::usage(line));
        }
        let mut cargo = workspace.cargo();
        cargo.current_dir(&self.folder);
        // A folder of its own, kept: the next revision needs the same dependencies.
        cargo.env("CARGO_TARGET_DIR", super::folder(workspace).join("against").join("target"));
        Ok(path_in(Build { cargo, features: &[], programs: &[PROGRAM] }.run()?))
    }

    fn remove(&self) {
        let mut git = self.workspace.command("git".into());
        program::succeeds(git.args(["worktree", "remove", "--force"]).arg(&self.folder));
        let _ = fs::remove_dir_all(&self.folder);
        program::succeeds(self.workspace.command("git".into()).args(["worktree", "prune"]));
    }
}

impl Drop for Worktree<'_> {
    fn drop(&mut self) {
        self.remove();
    }
}

fn path_in(mut programs: HashMap<String, PathBuf>) -> PathBuf {
    programs.remove(PROGRAM).expect("a build without it has failed")
}

/// A bench that has changed compares two things.
fn warn_if_benches_differ(workspace: &Workspace, commit: &str) {
    let mut git = workspace.command("git".into());
    let same = git.args(["diff", "--quiet", commit, "--", "session-bench"]);
    if !program::succeeds(same) {
        eprintln!("xtask: session-bench itself differs: a row that it changes is not comparable");
    }
}

/// The rows that both have.
fn rows(old: &Path, new: &Path, revision: &str, request: &Request) -> Result<Vec<String>, Failure> {
    let size_max = if request.quick { 20_480 } else { usize::MAX };
    let [old, new] = [old, new].map(|path| {
        let mut rows = Program::start(path)?.rows(size_max)?;
        rows.retain(|row| row.contains(&request.rows));
        Ok::<_, Failure>(rows)
    });
    let (common, alone) = compare_rows(&old?, &new?, revision);
    alone.iter().for_each(|line| eprintln!("xtask: {line}"));
    if common.is_empty() {
        let rows = &request.rows;
        return Err(Failure::usage(format!("no row that both have contains `{rows}` in its name")));
    }
    Ok(common)
}

/// The rows that both have, and a line for each that one of them has alone: nobody judges it.
fn compare_rows(old: &[String], new: &[String], revision: &str) -> (Vec<String>, Vec<String>) {
    let (common, added): (Vec<_>, Vec<_>) = new.iter().cloned().partition(|row| old.contains(row));
    let added = added.iter().map(|row| format!("only this tree has the row {row}"));
    let gone = old.iter().filter(|row| !new.contains(row));
    let gone = gone.map(|row| format!("only {revision} has the row {row}"));
    (common, added.chain(gone).collect())
}

/// A build of ours that runs rounds as it is told.
struct Program {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Program {
    fn start(path: &Path) -> Result<Program, Failure> {
        let mut command = Command::new(path);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child =
            command.spawn().map_err(|error| program::cannot_start(&command, "bench", &error))?;
        let stdin = child.stdin.take().expect("stdin is piped");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        Ok(Program { child, stdin, stdout })
    }

    fn ask(&mut self, line: &str) -> Result<String, Failure> {
        let mut answer = String::new();
        let ended = |why: String| Failure::failed(format!("a build of ours has ended: {why}"));
        writeln!(self.stdin, "{line}").map_err(|error| ended(error.to_string()))?;
        match self.stdout.read_line(&mut answer) {
            Ok(0) => Err(ended(format!("at `{line}`"))),
            Ok(_) => Ok(answer.trim_end().to_string()),
            Err(error) => Err(ended(error.to_string())),
        }
    }

    fn rows(&mut self, size_max: usize) -> Result<Vec<String>, Failure> {
        let answer = self.ask(&format!("rows {size_max}"))?;
        Ok(answer.split('\t').map(str::to_string).collect())
    }
}

impl Side for Program {
    fn round(&mut self, row: &str) -> Result<f64, Failure> {
        let answer = self.ask(&format!("round {row}"))?;
        answer.parse().map_err(|_| Failure::failed(format!("{row}: `{answer}` is no time")))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn progress() -> impl FnMut(usize, usize) {
    let (mut start, mut last) = (Instant::now(), Instant::now());
    let is_terminal = std::io::stderr().is_terminal();
    move |done, of| {
        if done == 1 {
            start = Instant::now();
        }
        let a_turn = start.elapsed() / u32::try_from(done.max(2) - 1).unwrap_or(u32::MAX);
        let left = clock::shown(a_turn * u32::try_from(of - done).unwrap_or(u32::MAX));
        if is_terminal {
            eprint!("\r\x1b[K{done}/{of} turns, about {left} left");
            if done == of {
                eprintln!();
            }
        } else if done == of || last.elapsed().as_secs() >= 10 {
            eprintln!("{done}/{of} turns, about {left} left");
            last = Instant::now();
        }
    }
}

fn report(revision: &str, all: &Found) {
    println!("{:<50} {revision:>12.12} {:>12} {:>8}  spread", "row", "here", "ratio");
    for (row, ratios) in all {
        let [old, new] = ratios.fastest.map(|nanos| shown(nanos, "ns"));
        let [low, high] = ratios.spread();
        let middle = ratios.middle();
        println!("{row:<50} {old:>12} {new:>12} {middle:>7.2}x  {low:.2} to {high:.2}");
    }
}

fn blame(row: &str, ratios: &Ratios) -> String {
    let [low, high] = ratios.spread();
    format!("{row} takes {:.2} times as long ({low:.2} to {high:.2})", ratios.middle())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_that_one_side_has_alone_is_named() {
        let rows =
            |rows: &[&str]| -> Vec<String> { rows.iter().map(ToString::to_string).collect() };
        let (common, alone) =
            compare_rows(&rows(&["hit", "miss"]), &rows(&["hit", "take"]), "main");
        assert_eq!(common, ["hit"]);
        assert_eq!(alone, ["only this tree has the row take", "only main has the row miss"]);
    }
}
