//! The demo: a TLS server whose sessions live in our cache, and real clients that come back.
//!
//! Each run starts a rustls server on a free loopback port and drives it over TCP: first every
//! client once, with a full handshake, then all of them again and again, resuming. The same work is
//! done on rustls' own store, at the same capacity. Then come those that must not resume. The exit
//! status is 1 if any connection did other than it had to.

mod client;
mod identity;
mod memory;
mod options;
mod refusals;
mod report;
mod runs;
mod server;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::identity::Identity;
use crate::options::Options;
use crate::report::Report;
use crate::runs::Store;

#[global_allocator]
static ALLOCATOR: memory::Counted = memory::Counted;

fn main() -> ExitCode {
    let options = match Options::from_command_line() {
        Ok(options) => options,
        Err(status) => return status,
    };
    let report = match run(&options) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("demo: {error}");
            return ExitCode::FAILURE;
        }
    };
    let text = if options.json { report.json() } else { report.table() };
    if let Err(error) = io::stdout().write_all(text.as_bytes()) {
        eprintln!("demo: the report could not be written: {error}");
        return ExitCode::FAILURE;
    }
    for complaint in &report.complaints {
        eprintln!("demo: {complaint}");
    }
    if report.complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Does all of the work: for each version the two stores, then what must not resume.
fn run(options: &Options) -> Result<Report, Box<dyn std::error::Error>> {
    let identity = Identity::new()?;
    let bar = progress(options);
    let mut report = Report::new(options);
    for version in options.tls.versions() {
        for store in [Store::SessionCache, Store::Rustls] {
            bar.set_message(format!("TLS {version} on {store}"));
            report.add_run(runs::run(&identity, options, *version, store, &bar)?);
        }
    }
    bar.set_message("what must not resume");
    for refusal in refusals::run_all(&identity, options, &bar)? {
        report.add_refusal(refusal);
    }
    bar.finish_and_clear();
    Ok(report)
}

/// A bar on stderr that counts connections, or nothing where nobody looks.
fn progress(options: &Options) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let runs = 2 * options.tls.versions().len();
    let connections = runs * (options.sessions + options.connections);
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} % {eta:>4} {msg}")
        .expect("the template is well formed");
    let target = ProgressDrawTarget::stderr();
    ProgressBar::with_draw_target(Some(connections as u64), target).with_style(style)
}
