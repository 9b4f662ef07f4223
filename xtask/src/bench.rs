//! The benches, run by criterion: those of session-bench, and the codec's, which needs no peer but libssl.

use cargo_metadata::TargetKind;

use crate::failure::Failure;
use crate::program;
use crate::workspace::Workspace;

const PACKAGES: [&str; 2] = ["session-bench", "session-codec"];

/// Runs every bench; the arguments are criterion's.
///
/// # Errors
/// When there is no bench, or one fails.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    let targets = workspace
        .metadata
        .packages
        .iter()
        .filter(|package| PACKAGES.contains(&package.name.as_str()))
        .flat_map(|package| &package.targets);
    let names: Vec<&str> = targets
        .filter(|target| target.kind.contains(&TargetKind::Bench))
        .map(|target| target.name.as_str())
        .collect();
    if names.is_empty() {
        return Err(Failure::failed(format!("there is no bench in {}", PACKAGES.join(", "))));
    }
    let mut command = workspace.cargo();
    command.arg("bench");
    for package in PACKAGES {
        command.args(["-p", package]);
    }
    // Each by name: `cargo bench` alone would also start the library's libtest harness, which
    // does not know criterion's options.
    for name in names {
        command.args(["--bench", name]);
    }
    command.arg("--").args(arguments);
    program::run(&mut command, "bench", "see the bench's own words above")
}
