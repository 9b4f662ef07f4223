//! The models on shuttle: random schedules where loom, which tries them all, would take for ever.

use std::process::Command;

use crate::failure::Failure;
use crate::program;
use crate::workspace::Workspace;

/// The ghost and the small twins of constants are those of the models on loom.
const FLAGS: &str = "--cfg session_loom --cfg session_shuttle";

/// Runs the models whose path contains a name, or all; `SESSION_SHUTTLE_SCHEDULES` says how many
/// schedules each tries of either kind, `SHUTTLE_RANDOM_SEED` repeats those of a failure.
///
/// # Errors
/// When a model fails; shuttle has then printed the seed.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    let name = match arguments {
        [] => "",
        [name] if !name.starts_with('-') => name,
        _ => return Err(Failure::usage("shuttle takes one NAME at most, and no options")),
    };
    let list = program::answer(cargo(workspace, name).arg("--list"));
    if list.is_some_and(|list| !list.lines().any(|line| line.ends_with(": test"))) {
        return Err(Failure::usage(format!("no model's path contains `{name}`")));
    }
    let remedy = "SHUTTLE_RANDOM_SEED=SEED, with the seed named above, repeats the schedule";
    program::run(&mut cargo(workspace, name), "shuttle", remedy)
}

fn cargo(workspace: &Workspace, name: &str) -> Command {
    let mut command = workspace.cargo();
    command.env("RUSTFLAGS", FLAGS).args(["test", "--release", "-p", "session-core", "--lib"]);
    // A target folder of its own: the flags differ, and everything would be built anew each time.
    command.arg("--target-dir").arg(workspace.target_folder().join("shuttle"));
    // One after another: the ghost's books are one for the process.
    command.args(["--", "--test-threads=1", "--skip", "::tests::", name]);
    command
}
