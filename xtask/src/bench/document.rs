//! `docs/performance.md`: the figures that are in the repository, written by this and by nobody else.

use std::fs;

use super::disturbance;
use super::figures::Run;
use super::goals::Verdict;
use super::measure::cannot;
use super::table;
use crate::failure::Failure;
use crate::workspace::Workspace;

/// Relative to the root.
pub(crate) const PATH: &str = "docs/performance.md";

/// Writes it anew.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(workspace: &Workspace, run: &Run, verdicts: &[Verdict]) -> Result<(), Failure> {
    let path = workspace.root().join(PATH);
    fs::write(&path, text(run, verdicts)).map_err(|error| cannot("write", &path, &error))
}

/// What a reader has to know of a run before he compares.
pub(crate) fn facts(run: &Run) -> Vec<(&'static str, String)> {
    let machine = &run.machine;
    let mut facts = vec![
        ("command", run.command.clone()),
        ("commit", run.commit.clone()),
        ("date", run.date.clone()),
        ("processor", format!("{}, {} cores", machine.processor, machine.cores)),
        ("memory", machine.memory.clone()),
        ("system", machine.system.clone()),
        ("compiler", machine.rustc.clone()),
    ];
    facts.extend(machine.openssl.clone().map(|version| ("OpenSSL", version)));
    facts
}

fn text(run: &Run, verdicts: &[Verdict]) -> String {
    let mut text = HEAD.to_string();
    for (name, value) in facts(run) {
        text.push_str(&format!("* {name}: {}\n", code(&value)));
    }
    if let Some(disturbance) = disturbance::of(run) {
        text.push_str(&format!("\n{}\n", escaped(&disturbance)));
    }
    text.push_str("\n## Floors and goals\n\n");
    text.push_str(FLOORS);
    text.push_str(&escaped(&table::of_verdicts(verdicts).markdown()));
    for table in table::tables(run) {
        text.push_str(&format!("\n## {}\n\n{}\n\n", table.title, about(&table.title)));
        text.push_str(&escaped(&table.markdown()));
        if let Some(caveat) = caveat(&table.title) {
            text.push_str(&format!("\n{caveat}\n"));
        }
    }
    text
}

const HEAD: &str = "\
<!-- Written by `cargo xtask bench --peers`; changes made by hand are lost. -->

# Performance

Ours beside what a server could use instead: one process, the same ids of 32 bytes, the same payload of 134
bytes (OpenSSL: a master key of 48), the same seeded hasher where a peer takes one, each by its best call for the
job. Ratios are what counts: another machine has other nanoseconds. Rows of one thread count the processor's time,
rows of several the clock's: columns of different numbers of threads are not to be divided by each other.
Before lookups, puts and inserts at capacity a peer is filled, and then has most sessions stored anew in no order, as in
a server that runs for a while: what was allocated side by side does not stay so. (Where ids have a prefix in common,
it is filled alone.) Of lookups the loop's own time is taken off, to make an id and to wait until the lookup before is
done: it is measured in each round.
`session-core` is the bare table, to be compared with maps; `session-cache` does what a server needs, expiry, limit,
id context and statistics included, which the maps leave to their user.

Made by:

";

const FLOORS: &str = "\
`measured` is how many times as fast ours is as what it is measured against, or bytes or nanoseconds, of which
less is better, or percentage points. A floor has to be reached, a goal should be. What two threads do of what one
does is by the clock on both sides; where it is above 2.1 others had the machine, and it is not measurable.

";

/// What a question asks.
pub(crate) fn about(question: &str) -> &'static str {
    match question {
        "lookup_hit_apart" => {
            "A stored session is looked up, made the caller's own (a handle, a cloned `Arc`, a copy), and \
             let go of; each lookup takes its own guard, and begins when the one before is done, as a server's \
             does: the time that one takes. OpenSSL's public lookup takes no reference. Nanoseconds an operation \
             a thread, as everywhere below."
        }
        "lookup_miss_apart" => {
            "An id that was never stored: a TLS 1.3 client sends a random one with every full handshake. One \
             after the other."
        }
        "lookup_hit" => {
            "The same in a loop without a pause: how many a thread gets done. While one lookup waits for memory the \
             processor begins the next, as far as it looks ahead: the shorter the code, the more of that."
        }
        "lookup_miss" => {
            "Unknown ids in a loop without a pause. Where sessions come and go by the million beside 20,480 that \
             stay, ours takes up to twice as long: the mark of one that went stays with its bucket until that is empty."
        }
        "lookup_read" => {
            "As `lookup_hit_apart`, and the payload is read to the end, as it has to be to resume the session. Ours stands \
             behind what it is found by, and begins to come with that; behind an `Arc` it is found after."
        }
        "lookup_hot_key" => "All threads look up the same session. Rare in TLS.",
        "lookup_guard_held" => {
            "Borrows under a guard that is held over many lookups, which no server does: a bound."
        }
        "lookup_guard_held_apart" => "The same, one after the other.",
        "hot_key_guard_held" => {
            "All threads borrow the same session, each under a guard that it holds."
        }
        "put_and_take" => "A new session is stored and taken again, at so many stored ones.",
        "insert_at_capacity" => {
            "One in, one out, by each one's own policy; expiries in order. Those without a bound are left out."
        }
        "insert_out_of_order" => {
            "As before, but the newcomer expires anywhere among those that are there."
        }
        "lookup_common_prefix" => {
            "Ids whose first 28 bytes are the same, as a client can choose them."
        }
        "lookup_random_prefix" => {
            "Their twins, whose first 28 bytes look random: made with the same work, and stored by turns with them."
        }
        "stall_flush" => {
            "The longest lookup while 1,000,000 expired sessions are flushed by another thread, that in a window \
             of the same length in which the other thread only computes, and the difference; and what one \
             lookup in 10,000 takes longer than. Middle of several rounds; a difference below zero is noise."
        }
        "stall_eviction" => {
            "The same while another thread inserts at capacity, at 20,480 sessions."
        }
        "stall_growth" => {
            "The same while another thread fills a table that was made for 1,000 sessions with a million. Those \
             with a bound do not grow."
        }
        "memory_a_session" => {
            "Bytes of the allocator, its rounding included, a session beyond its id and payload (of OpenSSL its master \
             key)."
        }
        "memory_waiting" => {
            "Bytes that are held after 10,000 sessions have come and gone, beyond those of the 100,000 that \
             stayed: what waits to be freed."
        }
        _ if question.starts_with("handshakes") && question.ends_with("sockets") => {
            "Resumed handshakes over loopback TCP, with so many sessions in the server's cache, 800 of which come back \
             in turn: whole connections, from `connect` to `close`. Each thread is a server and its clients by \
             turns, and the clients' work is counted too. Connections a second, of all threads together: \
             more is better. Most of each is cryptography and the kernel's. What a cache outside of OpenSSL costs is \
             explained with the figures in memory."
        }
        _ if question.starts_with("handshakes OpenSSL") => {
            "The same with buffers in place of sockets, and nothing counted but the server's work: the share of the \
             cache shows. OpenSSL's own cache keeps its session objects, and hands them out. One outside keeps DER, as \
             whatever shares sessions has to: some 1.5 us to encode a session (`i2d_SSL_SESSION`), in TLS 1.3 with \
             each connection, and 1.7 us to decode one and free it. Ours keeps the decoded session beside its DER: in \
             TLS 1.3, where it comes back once, it is handed back, before that copied in 0.2 us; \
             `Options::keep_decoded` says whether. What is left of that is what ours is slower by on one thread. \
             Threads of OpenSSL's own wait for each other, those of ours do not."
        }
        _ if question.starts_with("handshakes") => {
            "The same with buffers in place of sockets, and nothing counted but the server's work: the share of the \
             cache shows. In TLS 1.2 a session is looked up, and stays. In TLS 1.3 it is taken and a new one stored: \
             to take one rustls' own cache walks through all that it has, while the other threads wait."
        }
        _ if question.starts_with("hit_ratio") => {
            "How often a key that is asked for is there, at so many sessions (1, 5 and 20 % of the different \
             keys); it is stored when it is not. Ours sees 100 requests a second. `OPT` knows the future. \
             `resumptions` is made up: six sessions in ten never come back, the others twice on average, soon."
        }
        _ => "",
    }
}

/// What stands under a question's table.
pub(crate) fn caveat(question: &str) -> Option<&'static str> {
    question.starts_with("stall_").then_some(
        "A lookup that waits is one sample, however long: p99.99 says nothing of those that would have come \
         meanwhile.",
    )
}

fn code(value: &str) -> String {
    format!("`{value}`")
}

/// Angle brackets would be tags.
fn escaped(markdown: &str) -> String {
    markdown.replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(figures: &[(&str, &str, f64)]) -> String {
        let figures = figures.iter().map(|(question, peer, value)| super::super::figures::Figure {
            question: (*question).into(),
            peer: (*peer).into(),
            size: 20_480,
            threads: 1,
            value: *value,
            low: *value,
            high: *value,
            wall: None,
            unit: "ns".into(),
        });
        let figures = figures.collect();
        let machine = super::super::machine::Machine::unknown();
        let (commit, command, date) = Default::default();
        text(&Run { machine, commit, command, date, figures }, &[])
    }

    #[test]
    fn page_of_a_disturbed_run_says_so_before_any_figure() {
        let figures = [
            ("lookup_hit", "moka", 300.0),
            ("lookup_hit_apart", "moka", 200.0),
            ("lookup_hit", "rustls", 300.0),
            ("lookup_hit_apart", "rustls", 200.0),
        ];
        let text = text_of(&figures);
        let (before, _) = text.split_once("## Floors").unwrap();
        assert!(before.contains("This run was disturbed."), "{text}");
        assert!(!text_of(&figures[..2]).contains("disturbed"));
    }

    #[test]
    fn tail_of_a_stall_has_its_caveat_under_the_table() {
        let text = text_of(&[("stall_flush.p9999", "OpenSSL", 892.0)]);
        let (_, under) = text.split_once("| OpenSSL |").unwrap();
        assert!(under.contains("A lookup that waits is one sample"), "{text}");
    }

    #[test]
    fn every_question_of_speed_is_explained() {
        for question in [
            "lookup_hit",
            "lookup_hit_apart",
            "lookup_read",
            "lookup_common_prefix",
            "lookup_random_prefix",
            "put_and_take",
            "stall_growth",
            "hit_ratio OLTP",
            "handshakes OpenSSL, TLS 1.2, sockets",
            "handshakes OpenSSL, TLS 1.3, in memory",
            "handshakes rustls, TLS 1.3, in memory",
        ] {
            assert!(!about(question).is_empty(), "{question}");
        }
    }
}
