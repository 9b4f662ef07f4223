//! Whole TLS handshakes, resumed: the demo is what makes them, over real sockets, on our cache and on the
//! store that rustls comes with.

use std::process::Stdio;

use serde::Deserialize;

use super::figures::Figure;
use super::progress::Progress;
use super::request::Request;
use crate::failure::Failure;
use crate::program;
use crate::workspace::Workspace;

pub(crate) const QUESTION: &str = "handshakes_resumed";

#[derive(Deserialize)]
struct Demo {
    runs: Vec<OfStore>,
}

#[derive(Deserialize)]
struct OfStore {
    store: String,
    tls: String,
    resumed_per_second: f64,
}

/// Names the rows that were asked for, and how many sessions each is about.
pub(crate) fn rows(request: &Request) -> Vec<(String, usize)> {
    // Every client of a run makes a full handshake first, on each store and version.
    let sizes: &[usize] = if request.quick { &[1_000] } else { &[1_000, 100_000] };
    let named =
        sizes.iter().map(|size| (format!("{QUESTION}/{size}/2/rustls, session-cache"), *size));
    named.filter(|(name, _)| name.contains(&request.rows)).collect()
}

/// Runs the demo for each row.
///
/// # Errors
/// When it fails, or says something else than it used to.
pub(crate) fn measure(
    workspace: &Workspace,
    request: &Request,
    progress: &mut Progress,
) -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    for (name, size) in rows(request) {
        progress.begin_row(&name);
        let mut command = workspace.cargo();
        command.args(["run", "--quiet", "--release", "-p", "session-rustls", "--example", "demo"]);
        let connections = if request.quick { 4_000 } else { 20_000 }.to_string();
        let sessions = size.to_string();
        command.args(["--", "--json", "--threads", "2", "--connections", &connections]);
        command.args(["--sessions", &sessions, "--timeout-seconds", "86400"]);
        let output = command.stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| program::cannot_start(&command, "demo", &error))?;
        let demo: Demo = serde_json::from_slice(&output.stdout).map_err(|error| {
            Failure::failed(format!("the demo ({}) printed no figures: {error}", output.status))
        })?;
        figures.extend(demo.runs.into_iter().map(|run| Figure {
            question: format!("{QUESTION}, TLS {}", run.tls.trim_start_matches("TLS ")),
            peer: run.store,
            size,
            threads: 2,
            value: run.resumed_per_second,
            low: run.resumed_per_second,
            high: run.resumed_per_second,
            unit: "/s".to_string(),
        }));
    }
    Ok(figures)
}
