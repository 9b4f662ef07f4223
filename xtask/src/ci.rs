//! All that a change must pass, in one run, with one table at the end.
//!
//! A step that fails does not stop the others: one run tells all that is to be mended. One that was left out, in
//! whole or in part, because the machine lacks something for it is `not here`, and no failure.

use std::time::{Duration, Instant};

use crate::bench;
use crate::c;
use crate::c_example;
use crate::clock;
use crate::conformance;
use crate::demo;
use crate::failure::{Failure, NotHere};
use crate::layers;
use crate::loom;
use crate::msrv;
use crate::parity;
use crate::program;
use crate::system_packages;
use crate::test;
use crate::weaken;
use crate::workspace::Workspace;

type Step = (&'static str, fn(&Workspace) -> Result<NotHere, Failure>);

/// Cheapest first, so that what is quickly mended is quickly known.
const STEPS: &[Step] = &[
    ("fmt", |workspace| all(fmt(workspace))),
    ("layers", |workspace| all(layers::run(workspace))),
    ("clippy", |workspace| all(clippy(workspace))),
    ("docs", |workspace| all(docs(workspace))),
    ("test", |workspace| all(test::run(workspace, &[]))),
    ("parity", parity_quickly),
    ("conformance", |workspace| all(conformance::run(workspace, conformance::Request::Check))),
    ("c", c::run),
    ("c-example", |workspace| all(c_example::run(workspace))),
    ("loom", |workspace| all(loom::run(workspace, &loom::Request::default()))),
    ("weaken", |workspace| all(weaken::run(workspace, &weaken::Request::Quick))),
    ("bench", bench::check_instructions),
    ("msrv", msrv::run_where_possible),
    ("demo", |workspace| all(demo::check_json(workspace, DEMO_ARGUMENTS))),
];

/// Of a step that leaves nothing out.
fn all(outcome: Result<(), Failure>) -> Result<NotHere, Failure> {
    outcome.map(|()| None)
}

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
        match &outcome {
            Ok(None) => {}
            Ok(Some(reason)) => eprintln!("{name}: not here: {reason}"),
            Err(failure) => eprintln!("xtask: {}", line(failure)),
        }
        outcomes.push((*name, outcome, start.elapsed()));
    }
    report(&outcomes)
}

type Outcome = (&'static str, Result<NotHere, Failure>, Duration);

fn report(outcomes: &[Outcome]) -> Result<(), Failure> {
    print!("{}", table(outcomes));
    // Once more, at the end: above it stands between a thousand lines of those that went well.
    for (name, outcome, _) in outcomes {
        let Err(failure) = outcome else { continue };
        println!("\n{name}: {}", line(failure));
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

fn table(outcomes: &[Outcome]) -> String {
    let mut table = format!("{:<11}  {:<8}  {:>12}\n", "step", "result", "time");
    for (name, outcome, elapsed) in outcomes {
        let (result, why) = match outcome {
            Ok(None) => ("ok", ""),
            Ok(Some(reason)) => ("not here", reason.as_str()),
            Err(_) => ("FAILED", ""),
        };
        let row = format!("{name:<11}  {result:<8}  {:>12}  {why}", clock::shown(*elapsed));
        table.push_str(row.trim_end());
        table.push('\n');
    }
    table
}

fn line(failure: &Failure) -> &str {
    failure.line().unwrap_or("failed; its own words are above")
}

fn parity_quickly(workspace: &Workspace) -> Result<NotHere, Failure> {
    if !cfg!(target_os = "linux") {
        return Ok(Some("it needs the libssl of a Linux system".to_string()));
    }
    all(parity::run(workspace, &["--quick".to_string(), "--check".to_string()]))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_that_was_left_out_is_not_ok_and_says_why_and_fails_nothing() {
        let left_out = Ok(Some("no Rust 1.85 here".to_string()));
        let mut outcomes =
            vec![("fmt", Ok(None), Duration::ZERO), ("msrv", left_out, Duration::ZERO)];
        let shown = table(&outcomes);
        let [_, fmt, msrv] = shown.lines().collect::<Vec<_>>()[..] else { panic!("{shown}") };
        assert!(fmt.contains("  ok  "), "{shown}");
        assert!(msrv.contains("  not here  ") && msrv.ends_with("no Rust 1.85 here"), "{shown}");
        assert!(report(&outcomes).is_ok());
        outcomes.push(("demo", Err(Failure::failed("no")), Duration::ZERO));
        assert_eq!(report(&outcomes).unwrap_err().line(), Some("ci failed: demo"));
    }
}
