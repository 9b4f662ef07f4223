//! Ours alone, a round at a time, as asked on stdin: `cargo xtask bench --against` runs two builds of
//! this side by side.
//!
//! `rows SIZE_MAX` lists the rows; `round ROW` runs one round of it, tens of milliseconds, and answers
//! with nanoseconds an operation.

use std::collections::HashMap;
use std::io::{BufRead as _, Write as _};

use session_bench::questions::{Row, Selection, rows};
use session_bench::rounds::Rounds;

/// A row is filled when it is asked for.
enum Asked {
    NotYet(Row),
    Before(Rounds),
}

impl Asked {
    fn row(&self) -> &Row {
        match self {
            Asked::NotYet(row) => row,
            Asked::Before(rounds) => rounds.row(),
        }
    }
}

fn main() {
    let selection = Selection {
        name_contains: String::new(),
        only_ours: true,
        size_max: usize::MAX,
        crowds: vec![2],
    };
    let mut rows: HashMap<String, Asked> =
        rows(&selection).into_iter().map(|row| (row.name(), Asked::NotYet(row))).collect();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("lines of the one that asks");
        let answer = match line.split_once(' ') {
            Some(("rows", size_max)) => listed(&rows, size_max.parse().expect("a size")),
            Some(("round", name)) => {
                let mut rounds = match rows.remove(name).expect("a row that was listed") {
                    Asked::NotYet(row) => Rounds::of(row),
                    Asked::Before(rounds) => rounds,
                };
                let nanos = rounds.run().counted;
                rows.insert(name.to_string(), Asked::Before(rounds));
                nanos.to_string()
            }
            _ => panic!("not understood: {line}"),
        };
        writeln!(out, "{answer}").and_then(|()| out.flush()).expect("the one that asks listens");
    }
}

fn listed(rows: &HashMap<String, Asked>, size_max: usize) -> String {
    let listed = rows.values().map(Asked::row).filter(|row| row.size <= size_max);
    let mut names: Vec<_> = listed.map(Row::name).collect();
    names.sort();
    names.join("\t")
}
