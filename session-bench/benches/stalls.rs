//! The longest lookups while a flush, growth or eviction goes on. Run by `cargo xtask bench`.
//!
//! `SESSION_BENCH_ROUNDS` says how often each is played; the middle counts.

use session_bench::events::{Event, tell, tell_middle};
use session_bench::stalls::scenes;

fn main() {
    let only = std::env::var("SESSION_BENCH_ROWS").unwrap_or_default();
    let rounds: usize =
        std::env::var("SESSION_BENCH_ROUNDS").map_or(9, |rounds| rounds.parse().expect("a number"));
    let mut scenes = scenes(true);
    let name = |question: &str, size: usize, peer: &str| format!("{question}/{size}/2/{peer}");
    scenes.retain(|scene| name(scene.question, scene.size, scene.peer).contains(&only));
    if std::env::var_os("SESSION_BENCH_LIST").is_some() {
        scenes.iter().for_each(|s| println!("{}", name(s.question, s.size, s.peer)));
        return;
    }
    tell(&Event::Plan(scenes.len()));
    for scene in scenes {
        tell(&Event::Begin(&name(scene.question, scene.size, scene.peer)));
        let pairs: Vec<_> = (0..rounds).map(|_| scene.play()).collect();
        let say = |part: &str, values: Vec<f64>| {
            let question = format!("{}.{part}", scene.question);
            tell_middle((&question, scene.peer, scene.size, 2), values, None, "ns");
        };
        let of = |get: fn(&session_bench::stalls::Pair) -> u64| -> Vec<f64> {
            pairs.iter().map(|pair| get(pair) as f64).collect()
        };
        say("longest", of(|pair| pair.with.longest));
        say("longest_without", of(|pair| pair.without.longest));
        say("p9999", of(|pair| pair.with.p9999));
        say("p9999_without", of(|pair| pair.without.p9999));
        let excess =
            pairs.iter().map(|pair| pair.with.longest as f64 - pair.without.longest as f64);
        say("excess", excess.collect());
    }
}
