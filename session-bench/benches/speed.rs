//! The speed of single operations, by criterion: a group for each question, whose pages `cargo xtask bench` keeps.
//!
//! Criterion is done with one row before it begins the next. What compares rows is `rounds`.
//!
//! `SESSION_BENCH_ROWS` keeps the rows whose name contains it; `SESSION_BENCH_LIST=1` only lists them.

use criterion::{BenchmarkId, Criterion};
use session_bench::events::{Event, tell};
use session_bench::questions::{Selection, rows};

fn main() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let selection = Selection {
        name_contains: std::env::var("SESSION_BENCH_ROWS").unwrap_or_default(),
        only_ours: false,
        size_max: usize::MAX,
        crowds: Selection::crowds_for(cores),
    };
    let mut rows = rows(&selection);
    if std::env::var_os("SESSION_BENCH_LIST").is_some() {
        rows.iter().for_each(|row| println!("{}", row.name()));
        return;
    }
    tell(&Event::Plan(rows.len()));
    let mut criterion = Criterion::default().configure_from_args();
    while !rows.is_empty() {
        let question = rows[0].question;
        let end = rows.iter().position(|row| row.question != question).unwrap_or(rows.len());
        let mut group = criterion.benchmark_group(question);
        // Each row is let go of when it is done, and its peer with the last of them.
        for mut row in rows.drain(..end) {
            tell(&Event::Begin(&row.name()));
            row.run(1);
            let value = format!("{} sessions, {} threads", row.size, row.threads);
            group.bench_function(BenchmarkId::new(row.peer, value), |bencher| {
                bencher.iter_custom(|operations| row.run(operations).wall);
            });
        }
        group.finish();
    }
    criterion.final_summary();
}
