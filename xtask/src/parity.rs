//! The cache beside a real libssl: session-parity, which links it.

use crate::failure::Failure;
use crate::program;
use crate::system_packages;
use crate::workspace::Workspace;

/// Written anew by every run with the system's library; the same whichever that is.
const PAGE: &str = "docs/openssl-parity.md";

/// Runs the comparison; arguments are its own, but for `--vendored`, which builds a newer OpenSSL first.
///
/// # Errors
/// When there is a difference that is not in the table, or something needed is missing.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    if !cfg!(target_os = "linux") {
        return Err(Failure::failed("parity compares with the libssl of a Linux system"));
    }
    for package in system_packages::provide() {
        eprintln!("xtask: missing: {package}");
    }
    let is_vendored = arguments.iter().any(|argument| argument == "--vendored");
    let own = arguments.iter().filter(|argument| *argument != "--vendored");
    let mut command = workspace.cargo();
    command.args(["run", "--release", "-p", "session-parity"]);
    if is_vendored {
        // In a folder of its own: else either kind would undo the other's build.
        command.env("CARGO_TARGET_DIR", workspace.target_folder().join("vendored"));
        command.args(["--features", "vendored", "--"]);
    } else {
        command.args(["--", "--page", PAGE]);
    }
    program::run(command.args(own), "parity", "the differences are above")
}
