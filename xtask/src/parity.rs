//! The cache beside a real libssl: session-parity, which links it.

use std::fs;

use crate::failure::Failure;
use crate::program;
use crate::system_packages;
use crate::workspace::Workspace;

/// What is compared, and what is known to differ: the same whichever libssl is linked.
const PAGE: &str = "docs/openssl-parity.md";

/// Runs the comparison; with the system's library it writes the page anew. Arguments are its own, but for `--vendored`,
/// which builds a newer OpenSSL first, and `--check`, which compares the page with what would be written.
///
/// # Errors
/// When there is a difference that is not in the table, when something needed is missing, and, for a check, when the
/// page is not what would be written.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    if !cfg!(target_os = "linux") {
        return Err(Failure::failed("parity compares with the libssl of a Linux system"));
    }
    for package in system_packages::provide() {
        eprintln!("xtask: missing: {package}");
    }
    let is_given = |option: &str| arguments.iter().any(|argument| argument == option);
    let (is_vendored, is_check) = (is_given("--vendored"), is_given("--check"));
    let is_own = |argument: &&String| !matches!(argument.as_str(), "--vendored" | "--check");
    let own = arguments.iter().filter(is_own);
    let mut command = workspace.cargo();
    command.args(["run", "--release", "-p", "session-parity"]);
    if is_vendored {
        // In a folder of its own: else either kind would undo the other's build.
        command.env("CARGO_TARGET_DIR", workspace.target_folder().join("vendored"));
        command.args(["--features", "vendored"]);
    }
    let page = workspace.root().join(PAGE);
    let written =
        if is_check { workspace.target_folder().join("openssl-parity.md") } else { page.clone() };
    command.arg("--");
    if is_check || !is_vendored {
        command.arg("--page").arg(&written);
    }
    program::run(command.args(own), "parity", "the differences are above")?;
    if !is_check {
        return Ok(());
    }
    let read = |path| {
        fs::read_to_string(path)
            .map_err(|error| Failure::failed(format!("parity: no page: {error}")))
    };
    check(&read(&page)?, &read(&written)?)
}

fn check(there: &str, written: &str) -> Result<(), Failure> {
    if there == written {
        return Ok(());
    }
    Err(Failure::failed(format!("parity: {PAGE} is out of date; `cargo xtask parity` writes it")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_that_is_not_what_would_be_written_is_out_of_date() {
        assert!(check("# Parity\n", "# Parity\n").is_ok());
        let failure = check("# Parity\n", "# Parity\n| a row |\n").unwrap_err();
        assert!(failure.line().is_some_and(|line| line.contains("is out of date")));
    }
}
