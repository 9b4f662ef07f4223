//! session-core under Miri: undefined behaviour that neither loom nor the tests can see.

use crate::failure::Failure;
use crate::program;
use crate::workspace::Workspace;

/// crossbeam-epoch is not compatible with Stacked Borrows (crossbeam issue 545), and its global
/// collector keeps garbage to the end (issue 579). Isolation is off for proptest, which looks for
/// its regression files.
const DEFAULT_FLAGS: &str = "-Zmiri-tree-borrows -Zmiri-ignore-leaks -Zmiri-disable-isolation";

/// Runs session-core's tests under Miri of the nightly toolchain; MIRIFLAGS, where set, wins.
///
/// # Errors
/// When there is no such toolchain, or Miri finds something.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    if !program::succeeds(workspace.cargo_of_toolchain("nightly").args(["miri", "--version"])) {
        return Err(Failure::failed(
            "no Miri here: `rustup toolchain install nightly --component miri,rust-src` first",
        ));
    }
    let mut command = workspace.cargo_of_toolchain("nightly");
    if std::env::var_os("MIRIFLAGS").is_none() {
        command.env("MIRIFLAGS", DEFAULT_FLAGS);
    }
    command.args(["miri", "test", "-p", "session-core"]).args(arguments);
    program::run(&mut command, "miri", "Miri's report above names the line")
}
