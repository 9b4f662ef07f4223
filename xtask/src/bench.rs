//! The benches of session-bench, run by criterion.

use cargo_metadata::TargetKind;

use crate::failure::Failure;
use crate::program;
use crate::workspace::Workspace;

/// Runs every bench; the arguments are criterion's.
///
/// # Errors
/// When there is no bench, or one fails.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    let targets = workspace
        .metadata
        .packages
        .iter()
        .filter(|package| package.name == "session-bench")
        .flat_map(|package| &package.targets);
    let names: Vec<&str> = targets
        .filter(|target| target.kind.contains(&TargetKind::Bench))
        .map(|target| target.name.as_str())
        .collect();
    if names.is_empty() {
        return Err(Failure::failed("session-bench has no benches"));
    }
    let mut command = workspace.cargo();
    command.args(["bench", "-p", "session-bench"]);
    // Each by name: `cargo bench` alone would also start the library's libtest harness, which
    // does not know criterion's options.
    for name in names {
        command.args(["--bench", name]);
    }
    command.arg("--").args(arguments);
    program::run(&mut command, "bench", "see the bench's own words above")
}
