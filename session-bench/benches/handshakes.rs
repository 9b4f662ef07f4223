//! Whole handshakes, resumed: ours and the stack's own cache by turns. Run by `cargo xtask bench --peers`.
//!
//! `SESSION_BENCH_ROWS` keeps the rows whose name contains it, `SESSION_BENCH_ROUNDS` says how many rounds;
//! `SESSION_BENCH_LIST=1` only lists the steps: each row once for every round, and once to be filled.

use session_bench::events::{Event, tell, tell_middle};
use session_bench::handshakes::families;
use session_bench::rounds::{Nanos, by_turns};

fn main() {
    let only = std::env::var("SESSION_BENCH_ROWS").unwrap_or_default();
    let rounds: usize =
        std::env::var("SESSION_BENCH_ROUNDS").map_or(9, |rounds| rounds.parse().expect("a number"));
    let families = families(&only);
    if std::env::var_os("SESSION_BENCH_LIST").is_some() {
        for row in families.iter().flatten() {
            (0..=rounds).for_each(|step| println!("{} {step}", row.name()));
        }
        return;
    }
    tell(&Event::Plan(families.iter().flatten().count() * (rounds + 1)));
    for rows in families {
        by_turns(rows, rounds, |row, nanos| {
            // Each thread does as many.
            let a_second = |nanos: Nanos| row.threads as f64 * 1e9 / nanos.counted;
            let values = nanos.into_iter().map(a_second).collect();
            tell_middle((row.question, row.peer, row.size, row.threads), values, None, "/s");
        });
    }
}
