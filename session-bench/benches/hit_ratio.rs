//! How often a key is there, by policy, over the traces that are named and one that is made up. Run by
//! `cargo xtask bench`.

use std::path::Path;
use std::process::ExitCode;

use session_bench::events::{Event, Figure, tell};
use session_bench::policies::{POLICIES, capacities};
use session_bench::trace::Trace;

fn main() -> ExitCode {
    let only = std::env::var("SESSION_BENCH_ROWS").unwrap_or_default();
    let mut traces = vec![Trace::made_up()];
    for path in std::env::args().skip(1).filter(|word| word != "--bench") {
        match Trace::read(Path::new(&path)) {
            Ok(trace) => traces.push(trace),
            Err(line) => {
                eprintln!("{line}");
                return ExitCode::from(2);
            }
        }
    }
    let rows = traces.iter().flat_map(|trace| {
        let of_trace = capacities(trace)
            .into_iter()
            .flat_map(move |capacity| POLICIES.iter().map(move |policy| (trace, capacity, policy)));
        of_trace.map(|(trace, capacity, policy)| {
            let question = format!("hit_ratio {}", trace.name);
            (format!("{question}/{capacity}/1/{}", policy.name), question, trace, capacity, policy)
        })
    });
    let rows: Vec<_> = rows.filter(|(name, ..)| name.contains(&only)).collect();
    if std::env::var_os("SESSION_BENCH_LIST").is_some() {
        rows.iter().for_each(|(name, ..)| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    tell(&Event::Plan(rows.len()));
    for (name, question, trace, size, policy) in rows {
        tell(&Event::Begin(&name));
        let hits = (policy.hits)(trace, size);
        let value = 100.0 * hits as f64 / trace.keys.len() as f64;
        let (question, peer, threads) = (&question, policy.name, 1);
        let (low, high, wall, unit) = (value, value, None, "%");
        let figure = Figure { question, peer, size, threads, value, low, high, wall, unit };
        tell(&Event::Figure(figure));
    }
    ExitCode::SUCCESS
}
