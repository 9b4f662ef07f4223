//! Fuzzing with libFuzzer and the address sanitizer, by cargo-fuzz, with the stable toolchain.
//!
//! What it finds worth keeping goes to `fuzz/corpus` and is where the next run begins; an input that
//! fails goes to `fuzz/artifacts`. Neither is committed.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::program;
use crate::workspace::Workspace;

/// Where `fuzz/` was made for; cargo-fuzz is installed in this version if none is there.
const CARGO_FUZZ_VERSION: &str = "0.13.2";

/// Where a target finds inputs to begin with, beside what it found before.
const SEEDS: &[(&str, &str)] = &[("codec_bytes", "session-codec/corpus")];

/// Runs `TARGET` for `SECONDS`, then says how many inputs were tried and what they covered.
///
/// # Errors
/// When the target fails on an input, or anything that it takes cannot be had.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    let targets = targets(workspace)?;
    let (target, seconds) = parse(arguments, &targets)?;
    if !program::succeeds(workspace.cargo().args(["fuzz", "--version"])) {
        eprintln!("xtask: no cargo-fuzz here; installing it takes a minute");
        let mut install = workspace.cargo();
        install.args(["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ_VERSION]);
        program::run(&mut install, "fuzz", "install cargo-fuzz by hand")?;
    }
    let mut command = workspace.cargo();
    // The sanitizer needs unstable flags of the compiler. A target folder of its own, because cargo
    // remembers by folder what the compiler can do.
    command.env("RUSTC_BOOTSTRAP", "1").args(["fuzz", "run", target, "--target-dir"]);
    command.arg(workspace.target_folder().join("fuzz"));
    if let Some((_, seeds)) = SEEDS.iter().find(|(seeded, _)| *seeded == target) {
        // The first folder is where finds go; cargo-fuzz makes it only when it is the only one.
        let finds = workspace.root().join("fuzz/corpus").join(target);
        std::fs::create_dir_all(&finds).map_err(|error| {
            Failure::failed(format!("cannot make {}: {error}", finds.display()))
        })?;
        command.arg(finds).arg(workspace.root().join(seeds));
    }
    command.args(["--", &format!("-max_total_time={seconds}"), "-print_final_stats=1"]);
    let report = watch(&mut command, target)?;
    println!("{target}: {} executions, {} edges covered", report.executions, report.edges);
    Ok(())
}

/// The names of the targets, which are those of the files.
fn targets(workspace: &Workspace) -> Result<Vec<String>, Failure> {
    let folder = workspace.root().join("fuzz/fuzz_targets");
    let unreadable = |error| Failure::failed(format!("cannot read {}: {error}", folder.display()));
    let files = std::fs::read_dir(&folder).map_err(unreadable)?;
    let mut names = Vec::new();
    for file in files {
        let path = file.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

fn parse<'a>(arguments: &'a [String], targets: &[String]) -> Result<(&'a str, u32), Failure> {
    let list = targets.join(", ");
    let [target, seconds] = arguments else {
        return Err(Failure::usage(format!("fuzz takes TARGET SECONDS; targets: {list}")));
    };
    if !targets.contains(target) {
        return Err(Failure::usage(format!("no fuzz target `{target}`; there are: {list}")));
    }
    match seconds.parse() {
        // Zero would be for ever.
        Ok(seconds @ 1..) => Ok((target, seconds)),
        _ => Err(Failure::usage(format!("`{seconds}` is not a number of seconds, at least 1"))),
    }
}

/// What libFuzzer said last.
#[derive(Debug, Default, PartialEq, Eq)]
struct Report {
    executions: u64,
    edges: u64,
}

impl Report {
    fn read(&mut self, line: &str) {
        let number = |word: Option<&str>| word.and_then(|word| word.parse().ok());
        let mut words = line.split_whitespace();
        if let Some(executions) = line.strip_prefix("stat::number_of_executed_units:") {
            self.executions = number(Some(executions.trim())).unwrap_or(self.executions);
        } else if words.any(|word| word == "cov:") {
            self.edges = number(words.next()).unwrap_or(self.edges);
        }
    }
}

/// Shows what libFuzzer prints as it comes, and remembers its figures.
fn watch(command: &mut Command, target: &str) -> Result<Report, Failure> {
    program::show(command);
    let mut child = command
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| program::cannot_start(command, "fuzz", &error))?;
    let mut report = Report::default();
    let stderr = child.stderr.take().expect("it was asked for");
    for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        eprintln!("{line}");
        report.read(&line);
    }
    let status =
        child.wait().map_err(|error| Failure::failed(format!("fuzz lost its program: {error}")))?;
    if !status.success() {
        return Err(Failure::failed(format!(
            "{target} failed ({status}): if it failed on an input, that is in \
             fuzz/artifacts/{target}, and the words above say how to repeat it"
        )));
    }
    if report.executions == 0 {
        return Err(Failure::failed(format!("{target} ran no input: libFuzzer told no figures")));
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &[&str]) -> Result<u32, (u8, String)> {
        let arguments: Vec<String> = line.iter().map(ToString::to_string).collect();
        parse(&arguments, &["table_ops".to_string()]).map(|(_, seconds)| seconds).map_err(
            |failure| (failure.exit_status(), failure.line().unwrap_or_default().to_string()),
        )
    }

    #[test]
    fn target_and_seconds_are_checked_before_anything_runs() {
        assert_eq!(parsed(&["table_ops", "300"]), Ok(300));
        let lines: [&[&str]; 5] =
            [&[], &["table_ops"], &["tables", "5"], &["table_ops", "0"], &["table_ops", "long"]];
        for line in lines {
            assert_eq!(parsed(line).expect_err("the line is wrong").0, 2, "{line:?}");
        }
        let (_, words) = parsed(&["tables", "5"]).unwrap_err();
        assert!(words.contains("`tables`") && words.contains("table_ops"), "{words}");
    }

    #[test]
    fn figures_are_the_last_that_libfuzzer_told() {
        let mut report = Report::default();
        report.read("#2\tINITED cov: 61 ft: 61 corp: 1/1b exec/s: 0 rss: 43Mb");
        report.read("#4096\tpulse  cov: 712 ft: 2405 corp: 88/1203b lim: 43 exec/s: 2048");
        report.read("stat::number_of_executed_units: 123456");
        report.read("stat::new_units_added: 7");
        assert_eq!(report, Report { executions: 123_456, edges: 712 });
    }
}
