//! Everything that proves the project by running it: unit, integration and property tests, doc
//! tests.

use crate::failure::Failure;
use crate::program;
use crate::system_packages;
use crate::workspace::Workspace;

const REMEDY: &str = "the runner's words above name the test";

/// Features of the libraries that are off by default and have tests.
pub(crate) const FEATURES: &str =
    "--features=session-cache/metrics,session-cache/serde,session-cache/tracing";

/// Crates that cannot be built here, as cargo is told: Windows has no libssl for session-openssl to link.
const LEFT_OUT: &[&str] = if cfg!(windows) { &["--exclude=session-openssl"] } else { &[] };

/// Runs all tests; arguments narrow the run and go to the runner.
///
/// # Errors
/// When a test fails, or when a system package that some need is missing: then the rest has run.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    let arguments = match arguments.split_first() {
        Some((first, rest)) if first == "--" => rest,
        _ => arguments,
    };
    let missing = system_packages::provide();
    for left_out in LEFT_OUT {
        eprintln!("test: {left_out}: it cannot be built here");
    }
    let outcomes = if program::succeeds(workspace.cargo().args(["nextest", "--version"])) {
        run_with_nextest(workspace, arguments)
    } else {
        run_with_libtest(workspace, arguments)
    };
    for package in &missing {
        eprintln!("xtask: missing: {package}");
    }
    outcomes.into_iter().collect::<Result<(), Failure>>()?;
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = missing.iter().map(|package| package.program).collect();
    let names = names.join(", ");
    Err(Failure::failed(format!(
        "test is not complete without {names}; install what is named above"
    )))
}

fn run_with_nextest(workspace: &Workspace, arguments: &[String]) -> Vec<Result<(), Failure>> {
    let mut tests = workspace.cargo();
    tests.args(["nextest", "run", "--workspace", "--no-fail-fast", FEATURES]);
    tests.args(LEFT_OUT).args(arguments);
    let tests = program::run(&mut tests, "test", REMEDY);
    if !arguments.is_empty() {
        eprintln!("xtask: doc tests were not run: the arguments are cargo-nextest's");
        return vec![tests];
    }
    // nextest does not run doc tests.
    let mut doc_tests = workspace.cargo();
    doc_tests.args(["test", "--doc", "--workspace", "--no-fail-fast", FEATURES]).args(LEFT_OUT);
    vec![tests, program::run(&mut doc_tests, "doc test", REMEDY)]
}

fn run_with_libtest(workspace: &Workspace, arguments: &[String]) -> Vec<Result<(), Failure>> {
    let mut command = workspace.cargo();
    command.args(["test", "--workspace", "--no-fail-fast", FEATURES]);
    command.args(LEFT_OUT).args(arguments);
    vec![program::run(&mut command, "test", REMEDY)]
}
