//! Ours alone, a round at a time, as asked on stdin: `cargo xtask bench --against` runs two builds of
//! this side by side.
//!
//! `rows SIZE_MAX` lists the rows; `round ROW` runs one round of it, tens of milliseconds, and answers
//! with nanoseconds an operation. A control stands among the rows: a map that no change of ours touches.

use std::collections::HashMap;
use std::io::{BufRead as _, Write as _};
use std::time::Duration;

use session_bench::questions::{Row, Selection, rows};

/// Long enough that a clock's grain and a start of threads do not show.
const ROUND: Duration = Duration::from_millis(20);

fn main() {
    let selection = Selection {
        name_contains: String::new(),
        only_ours: true,
        size_max: usize::MAX,
        crowds: vec![2],
    };
    let mut rows: HashMap<String, (Row, u64)> =
        rows(&selection).into_iter().map(|row| (row.name(), (row, 0))).collect();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("lines of the one that asks");
        let answer = match line.split_once(' ') {
            Some(("rows", size_max)) => listed(&rows, size_max.parse().expect("a size")),
            Some(("round", name)) => {
                let (row, operations) = rows.get_mut(name).expect("a row that was listed");
                if *operations == 0 {
                    *operations = calibrated(row);
                }
                let elapsed = row.run(*operations);
                // What one thread does alone takes as long as it is at work: time that the system gives
                // to others says nothing. Several threads wait for each other too.
                let counted = if row.threads == 1 { elapsed.processor } else { elapsed.wall };
                format!("{}", counted.as_nanos() as f64 / *operations as f64)
            }
            _ => panic!("not understood: {line}"),
        };
        writeln!(out, "{answer}").and_then(|()| out.flush()).expect("the one that asks listens");
    }
}

fn listed(rows: &HashMap<String, (Row, u64)>, size_max: usize) -> String {
    let listed = rows.values().filter(|(row, _)| row.size <= size_max);
    let mut names: Vec<_> = listed.map(|(row, _)| row.name()).collect();
    names.sort();
    names.join("\t")
}

/// Finds how many operations take a round, and warms the row up.
fn calibrated(row: &mut Row) -> u64 {
    row.run(1);
    let mut operations = 64;
    loop {
        let elapsed = row.run(operations).processor;
        if elapsed > ROUND / 4 {
            let scale = ROUND.as_secs_f64() / elapsed.as_secs_f64();
            return ((operations as f64 * scale) as u64).max(1);
        }
        operations *= 2;
    }
}
