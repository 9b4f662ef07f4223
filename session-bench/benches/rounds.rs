//! The speed of single operations, all peers by turns. Run by `cargo xtask bench`, whose tables show it.
//!
//! `SESSION_BENCH_ROWS` keeps the rows whose name contains it, `SESSION_BENCH_ROUNDS` says how many rounds;
//! `SESSION_BENCH_LIST=1` only lists the steps: each row once for every round, and once to be filled.

use session_bench::events::{Event, tell, tell_middle};
use session_bench::questions::{Row, Selection, rows};
use session_bench::rounds::by_turns;

fn main() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let selection = Selection {
        name_contains: std::env::var("SESSION_BENCH_ROWS").unwrap_or_default(),
        only_ours: false,
        size_max: usize::MAX,
        crowds: Selection::crowds_for(cores),
    };
    let rounds = std::env::var("SESSION_BENCH_ROUNDS");
    let rounds = rounds.ok().and_then(|number| number.parse().ok()).unwrap_or(9);
    let mut rows = rows(&selection);
    if std::env::var_os("SESSION_BENCH_LIST").is_some() {
        for step in 0..=rounds {
            rows.iter().for_each(|row| println!("{} {step}", row.name()));
        }
        return;
    }
    tell(&Event::Plan(rows.len() * (rounds + 1)));
    while !rows.is_empty() {
        let family = family(&rows[0]);
        let end = rows.iter().position(|row| self::family(row) != family).unwrap_or(rows.len());
        by_turns(rows.drain(..end).collect(), rounds, |row, nanos| {
            let walls = nanos.iter().map(|nanos| nanos.wall).collect();
            let counted = nanos.iter().map(|nanos| nanos.counted).collect();
            let row = (row.question, row.peer, row.size, row.threads);
            tell_middle(row, counted, Some(walls), "ns");
        });
    }
}

/// Rows of one family are compared with each other, and stand beside each other in the list.
fn family(row: &Row) -> (&'static str, usize) {
    // Lookups share their peers.
    let changes = row.question.starts_with("insert") || row.question == "put_and_take";
    if changes { (row.question, row.size) } else { ("", 0) }
}
