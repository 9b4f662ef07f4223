//! The command line, and what is printed.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::functions::outcome::Coverage;
use crate::libssl::{self, Version, clock};
use crate::{differences, functions, handshakes, page};

/// Compares the cache with the libssl that is linked, and says where they differ.
#[derive(Parser)]
#[command(name = "parity")]
struct Options {
    /// Runs 10,000 sequences in the place of 100,000.
    #[arg(long)]
    quick: bool,
    /// From what sequences are drawn; the same seed draws the same.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many sequences.
    #[arg(long)]
    sequences: Option<u64>,
    /// Where to write the page that says what is compared.
    #[arg(long)]
    page: Option<PathBuf>,
}

pub(crate) fn main() -> ExitCode {
    let failures = run(&Options::parse());
    for failure in &failures {
        eprintln!("parity: {failure}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs all of it, and returns what is wrong.
fn run(options: &Options) -> Vec<String> {
    let sequences = options.sequences.unwrap_or(if options.quick { 10_000 } else { 100_000 });
    let version = libssl::version();
    println!("parity with {}", libssl::name());
    if !version.is_late_3_0() {
        println!("this is not late 3.0, whose rules are compared; skipped is what depends on that");
    }
    if !libssl::references_are_readable() {
        return vec!["no word of a session counts its references; nothing was compared".into()];
    }
    if !clock::is_asked() {
        return vec!["libssl asks another clock than parity's; nothing was compared".into()];
    }
    let mut failures = known_differences(version);
    failures.extend(scripts(version));
    failures.extend(random_sequences(options.seed, sequences, version));
    if let Some(path) = &options.page {
        if let Err(error) = std::fs::write(path, page::write()) {
            failures.push(format!("cannot write {}: {error}", path.display()));
        }
    }
    failures
}

fn known_differences(version: Version) -> Vec<String> {
    let (wrong, skipped) = differences::check(version);
    let all = differences::TABLE.len();
    let held = all - wrong.len() - skipped.len();
    println!("known differences: {all} rows, {held} are as the table says");
    for name in skipped {
        println!("  skipped with {version}: {name}");
    }
    wrong
}

fn scripts(version: Version) -> Vec<String> {
    let report = handshakes::compare(version);
    println!(
        "handshakes: {} scripts, {} steps, {} resumptions, {} scripts differ",
        report.scripts,
        report.steps,
        report.resumptions,
        report.differences.len()
    );
    let attached = &report.attached;
    println!(
        "attached to our cache: {} of them, {} resumptions, early data accepted {} times",
        attached.scripts, attached.resumptions, attached.early_data_accepted
    );
    for (otherwise, [what, ..]) in handshakes::OTHERWISE {
        println!("  otherwise {} times: {what}", attached.otherwise.get(otherwise).unwrap_or(&0));
    }
    for (name, why) in report.skipped {
        println!("  skipped with {version}: {name} ({why})");
    }
    let lacks = report.attached.lacks();
    let mut failures = report.differences;
    failures.extend(lacks.into_iter().map(|what| format!("attached, no script met: {what}")));
    failures
}

fn random_sequences(seed: u64, sequences: u64, version: Version) -> Vec<String> {
    eprintln!("{sequences} sequences, seed {seed}:");
    let report = functions::compare(seed, sequences, version);
    println!(
        "functions: {} sequences, {} operations, seed {seed}",
        report.sequences, report.operations
    );
    let mut failures: Vec<String> = report.difference.into_iter().collect();
    if report.left_over > 0 {
        failures.push(format!("{} sessions of ours were never wiped", report.left_over));
    }
    if failures.is_empty() {
        failures.extend(coverage(&report.coverage, sequences, version));
    }
    failures
}

/// Prints how often each outcome was met, and says which was hardly met.
fn coverage(coverage: &Coverage, sequences: u64, version: Version) -> Vec<String> {
    let at_least = sequences / 100;
    println!("{:<16} {:<48} {:>10}", "operation", "outcome", "met");
    let mut failures = Vec::new();
    for ((operation, outcome), count) in coverage.counts() {
        println!("{operation:<16} {outcome:<48} {count:>10}");
        let is_skipped = functions::is_skipped(version, outcome);
        if count < at_least && !is_skipped && sequences >= SEQUENCES_MIN {
            failures
                .push(format!("`{operation}: {outcome}` was met {count} times, not {at_least}"));
        }
    }
    failures
}

/// With fewer, outcomes that are rare are met or not by chance.
const SEQUENCES_MIN: u64 = 10_000;
