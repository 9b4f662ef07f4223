//! The command line, and what is printed.

use std::process::ExitCode;

use clap::Parser;

use crate::{differences, functions, handshakes, libssl};

/// Compares the cache with the libssl that is linked.
#[derive(Parser)]
#[command(name = "parity")]
struct Options {
    /// 10,000 sequences in the place of 100,000.
    #[arg(long)]
    quick: bool,
    /// From what sequences are drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many sequences.
    #[arg(long)]
    sequences: Option<u64>,
}

pub(crate) fn main() -> ExitCode {
    let options = Options::parse();
    let sequences = options.sequences.unwrap_or(if options.quick { 10_000 } else { 100_000 });
    println!("parity with {}", libssl::name());
    if !libssl::references_are_readable() {
        eprintln!("parity: no word of a session counts its references; nothing was compared");
        return ExitCode::FAILURE;
    }
    if !libssl::clock::is_asked() {
        eprintln!("parity: libssl asks another clock than parity's; nothing was compared");
        return ExitCode::FAILURE;
    }
    let (wrong, _) = differences::check(libssl::version());
    println!("{wrong:?}");
    let scripts = handshakes::compare();
    for difference in &scripts.differences {
        println!("{difference}");
    }
    let count = scripts.scripts.len();
    println!(
        "{count} scripts, {} resumptions, {} differ",
        scripts.resumptions,
        scripts.differences.len()
    );
    let report = functions::compare(options.seed, sequences);
    for ((operation, outcome), count) in report.coverage.counts() {
        println!("  {operation:<16} {outcome:<48} {count:>10}");
    }
    println!("{} sequences, {} operations", report.sequences, report.operations);
    if report.left_over > 0 {
        println!("{} sessions never wiped", report.left_over);
    }
    if let Some(words) = report.difference {
        println!("{words}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
