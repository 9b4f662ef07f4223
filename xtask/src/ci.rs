//! All that a change must pass, in one run, with one table at the end.
//!
//! A step that fails does not stop the others: one run tells all that is to be mended.

use std::time::{Duration, Instant};

use crate::bench;
use crate::c;
use crate::c_example;
use crate::clock;
use crate::conformance;
use crate::demo;
use crate::failure::Failure;
use crate::layers;
use crate::loom;
use crate::msrv;
use crate::parity;
use crate::program;
use crate::system_packages;
use crate::test;
use crate::weaken;
use crate::workspace::Workspace;

type Step = (&'static str, fn(&Workspace) -> Result<(), Failure>);

/// Cheapest first, so that what is quickly mended is quickly known.
const STEPS: &[Step] = &[
    ("fmt", fmt),
    ("layers", layers::run),
    ("clippy", clippy),
    ("docs", docs),
    ("test", |workspace| test::run(workspace, &[])),
    ("parity", parity_quickly),
    ("conformance", |workspace| conformance::run(workspace, conformance::Request::Check)),
    ("c", c::run),
    ("c-example", c_example::run),
    ("loom", |workspace| loom::run(workspace, &loom::Request::default())),
    ("weaken", |workspace| weaken::run(workspace, &weaken::Request::Quick)),
    ("bench", bench::check_instructions),
    ("msrv", msrv::run_where_possible),
    ("demo", |workspace| demo::check_json(workspace, DEMO_ARGUMENTS)),
];

/// Few connections: enough to resume and to be refused, not enough to measure.
const DEMO_ARGUMENTS: &[&str] = &["--connections", "200", "--sessions", "100"];

/// Runs every step.
///
/// # Errors
/// When one fails; the table says which.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    // What is compiled needs them too; `test` says what is missing still.
    system_packages::provide();
    let mut outcomes = Vec::new();
    for (name, step) in STEPS {
        eprintln!("== {name}");
        let start = Instant::now();
        let outcome = step(workspace);
        if let Err(failure) = &outcome {
            eprintln!("xtask: {}", failure.line().unwrap_or("failed; its own words are above"));
        }
        outcomes.push((*name, outcome, start.elapsed()));
    }
    report(&outcomes)
}

fn report(outcomes: &[(&str, Result<(), Failure>, Duration)]) -> Result<(), Failure> {
    println!("{:<11}  {:<6}  {:>12}", "step", "result", "time");
    for (name, outcome, elapsed) in outcomes {
        let result = if outcome.is_ok() { "ok" } else { "FAILED" };
        println!("{name:<11}  {result:<6}  {:>12}", clock::shown(*elapsed));
    }
    // Once more, at the end: above it stands between a thousand lines of those that went well.
    for (name, outcome, _) in outcomes {
        let Err(failure) = outcome else { continue };
        println!("\n{name}: {}", failure.line().unwrap_or("failed; its own words are above"));
        failure.last_words().iter().for_each(|line| println!("  {line}"));
    }
    let failed: Vec<_> =
        outcomes.iter().filter(|(_, outcome, _)| outcome.is_err()).map(|step| step.0).collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure::failed(format!("ci failed: {}", failed.join(", "))))
    }
}

fn parity_quickly(workspace: &Workspace) -> Result<(), Failure> {
    if !cfg!(target_os = "linux") {
        eprintln!("parity: not compared here: it needs the libssl of a Linux system");
        return Ok(());
    }
    parity::run(workspace, &["--quick".to_string()])
}

fn fmt(workspace: &Workspace) -> Result<(), Failure> {
    let mut command = workspace.cargo();
    program::run(command.args(["fmt", "--all", "--check"]), "fmt", "run `cargo fmt --all`")
}

fn clippy(workspace: &Workspace) -> Result<(), Failure> {
    const WARNINGS_ARE_ERRORS: [&str; 4] = ["--all-targets", "--", "-D", "warnings"];
    let remedy = "mend the warnings above";
    let mut command = workspace.cargo();
    command.args(["clippy", "--workspace", test::FEATURES]).args(WARNINGS_ARE_ERRORS);
    program::run(&mut command, "clippy", remedy)?;
    // The peers stand behind features, and are compiled here alone.
    let mut command = workspace.cargo();
    command.args(["clippy", "-p", "session-bench", "--all-features"]).args(WARNINGS_ARE_ERRORS);
    program::run(&mut command, "clippy of the peers", remedy)?;
    for mut command in loom::cargo_of_each_reclaimer(workspace) {
        command.args(["clippy", "-p", "session-core"]).args(WARNINGS_ARE_ERRORS);
        program::run(&mut command, "clippy under loom", remedy)?;
    }
    Ok(())
}

/// Twice: as users see the docs, where a link to a private item is an error, and as we read them,
/// where the links of private items are resolved at all.
fn docs(workspace: &Workspace) -> Result<(), Failure> {
    for private_items in [None, Some("--document-private-items")] {
        let mut command = workspace.cargo();
        command.env("RUSTDOCFLAGS", "-D warnings");
        command.args(["doc", "--workspace", "--no-deps", test::FEATURES]).args(private_items);
        program::run(&mut command, "docs", "mend the warnings above")?;
    }
    Ok(())
}
