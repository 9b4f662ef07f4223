//! What came out, as a table for a person or as one JSON object.

use std::fmt::{self, Write};

use serde::Serialize;
use session_cache::Statistics;

use crate::memory;
use crate::options::Options;
use crate::refusals::Reason;
use crate::runs;

/// Names a connection that did other than it had to.
pub(crate) struct Complaint(pub(crate) String);

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The figures of one store under one version.
#[derive(Serialize)]
pub(crate) struct Run {
    pub(crate) store: &'static str,
    pub(crate) tls: &'static str,
    pub(crate) full: usize,
    pub(crate) resumed: usize,
    /// Connections that had to resume.
    pub(crate) expected: usize,
    /// Connections that did other than they had to.
    pub(crate) unexpected: usize,
    pub(crate) full_per_second: f64,
    pub(crate) resumed_per_second: f64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) bytes_per_session: u64,
    /// Our cache's own figures, where it was ours.
    #[serde(skip)]
    pub(crate) statistics: Option<Statistics>,
    #[serde(skip)]
    pub(crate) complaint: Option<Complaint>,
}

/// What became of the connections that must not resume for one reason.
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) attempts: usize,
    pub(crate) refused: usize,
    pub(crate) complaints: Vec<Complaint>,
}

/// How many were refused for each reason.
#[derive(Default, Serialize)]
struct Refused {
    replayed: usize,
    expired: usize,
    removed: usize,
    cache_full: usize,
    other_context: usize,
}

#[derive(Serialize)]
struct Json<'a> {
    runs: &'a [Run],
    refused: Refused,
}

pub(crate) struct Report {
    /// What was run, in one line.
    work: String,
    runs: Vec<Run>,
    refusals: Vec<Refusal>,
    pub(crate) complaints: Vec<Complaint>,
}

impl Report {
    pub(crate) fn new(options: &Options) -> Report {
        let Options { sessions, connections, threads, .. } = options;
        let capacity = runs::capacity(options);
        let work = format!(
            "{sessions} clients, {connections} resumptions a run, {threads} threads on each side, \
             room for {capacity} sessions"
        );
        Report { work, runs: Vec::new(), refusals: Vec::new(), complaints: Vec::new() }
    }

    pub(crate) fn add_run(&mut self, mut run: Run) {
        self.complaints.extend(run.complaint.take());
        self.runs.push(run);
    }

    pub(crate) fn add_refusal(&mut self, mut refusal: Refusal) {
        self.complaints.append(&mut refusal.complaints);
        self.refusals.push(refusal);
    }

    pub(crate) fn json(&self) -> String {
        let mut refused = Refused::default();
        for refusal in &self.refusals {
            let count = match refusal.reason {
                Reason::Replayed => &mut refused.replayed,
                Reason::Expired => &mut refused.expired,
                Reason::Removed => &mut refused.removed,
                Reason::Evicted => &mut refused.cache_full,
                Reason::OtherContext => &mut refused.other_context,
            };
            *count = refusal.refused;
        }
        let json = Json { runs: &self.runs, refused };
        let text = serde_json::to_string_pretty(&json).expect("numbers and names have a JSON form");
        text + "\n"
    }

    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        self.write_table(&mut text).expect("a String takes any text");
        text
    }

    fn write_table(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "{}\n", self.work)?;
        writeln!(
            text,
            "{:<13} {:>4} {:>9} {:>10} {:>9} {:>9} {:>8} {:>8} {:>10}",
            "store",
            "TLS",
            "full/s",
            "resumed/s",
            "resumed",
            "share",
            "p50 us",
            "p99 us",
            "B/session"
        )?;
        for run in &self.runs {
            let share = 100.0 * run.resumed as f64 / run.expected as f64;
            writeln!(
                text,
                "{:<13} {:>4} {:>9.0} {:>10.0} {:>9} {:>7.2} % {:>8} {:>8} {:>10}",
                run.store,
                run.tls,
                run.full_per_second,
                run.resumed_per_second,
                run.resumed,
                share,
                run.p50_us,
                run.p99_us,
                run.bytes_per_session
            )?;
        }
        self.write_refusals(text)?;
        self.write_statistics(text)?;
        self.write_footnotes(text)
    }

    fn write_refusals(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "\n{:<17} {:>9} {:>9}", "must not resume", "attempts", "refused")?;
        for refusal in &self.refusals {
            let Refusal { reason, attempts, refused, .. } = refusal;
            writeln!(text, "{:<17} {attempts:>9} {refused:>9}", reason.name())?;
        }
        Ok(())
    }

    /// The cache's own figures, a column for each version.
    fn write_statistics(&self, text: &mut String) -> fmt::Result {
        let columns: Vec<Vec<String>> = self.runs.iter().filter_map(column).collect();
        writeln!(text)?;
        for line in 0..columns.iter().map(Vec::len).max().unwrap_or(0) {
            let cells: Vec<_> = columns.iter().filter_map(|column| column.get(line)).collect();
            for (at, cell) in cells.iter().enumerate() {
                let gap = if at == 0 { "" } else { "    " };
                write!(text, "{gap}{cell:<COLUMN$}")?;
            }
            writeln!(text)?;
        }
        Ok(())
    }

    fn write_footnotes(&self, text: &mut String) -> fmt::Result {
        let sessions = memory::MEASURED_SESSIONS;
        writeln!(
            text,
            "\n\
             p50, p99: a resumed handshake as the client sees it, from its making the ClientHello\n\
             until it may send data. share: resumed, of those that had to.\n\
             B/session: heap bytes that a store for {sessions} sessions has asked for and not\n\
             given back once it is full of what rustls hands over, divided by {sessions}; counted\n\
             in the allocator, apart from the runs, with id, payload and all else of the store."
        )
    }
}

/// How wide the statistics print themselves.
const COLUMN: usize = 28;

fn column(run: &Run) -> Option<Vec<String>> {
    let statistics = run.statistics?.to_string();
    let head = format!("{}, TLS {}", run.store, run.tls);
    Some([head].into_iter().chain(statistics.lines().map(String::from)).collect())
}
