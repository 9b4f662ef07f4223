//! The programs say what our eyes on libssl see.

use std::fmt::Write as _;
use std::process::Command;

use super::*;
use crate::functions::libssl_side::LibsslSide;
use crate::functions::observed::Observed;
use crate::functions::operation;
use crate::functions::run::known_refusal;
use crate::libssl::clock;

/// Runs what libssl can stand of a sequence, and writes down what the program has to print.
fn run(sequence: &[Operation]) -> (Vec<Operation>, String) {
    let mut libssl = LibsslSide::new();
    let mut now = libssl.observe(0).unwrap();
    let (mut done, mut text) = (Vec::new(), String::new());
    for operation in sequence {
        let is_empty = operation.needs().is_some_and(|slot| libssl.session(slot).is_none());
        if is_empty || known_refusal(operation, &now).is_some() {
            continue;
        }
        now = libssl.apply(operation).unwrap();
        done.push(operation.clone());
        if !matches!(operation, Operation::Advance { .. }) {
            show(&now, &mut text);
        }
    }
    (done, text)
}

fn show(now: &Observed, text: &mut String) {
    let _ = writeln!(text, ": {}", now.result);
    for (at, context) in now.contexts.iter().enumerate() {
        let (number, full) = (context.counters[0], context.counters[11]);
        let _ = writeln!(text, "  context {at}: number {number}, cache_full {full}");
    }
    for (at, slot) in now.slots.iter().enumerate() {
        let Some(session) = slot else { continue };
        let time = session.created as i64 - clock::BEGIN;
        let (timeout, resumable) = (session.timeout, u8::from(session.resumable));
        let line = format!("time base{time:+}, timeout {timeout}, resumable {resumable}");
        let _ = writeln!(text, "  slot {at}: {line}");
    }
}

#[test]
fn programs_print_what_the_sequences_show() {
    // A library that was built along with this test is not the compiler's.
    if cfg!(feature = "vendored") {
        return;
    }
    let folder = std::env::temp_dir().join(format!("session-parity-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for seed in 0..3 {
        let sequence = operation::sequence(&mut fastrand::Rng::with_seed(seed));
        let (done, expected) = run(&sequence);
        let source = folder.join("show.c");
        std::fs::write(&source, write(&done)).unwrap();
        let mut compiler = Command::new("cc");
        compiler.arg(&source).arg("-o").arg(folder.join("show")).args(["-lssl", "-lcrypto"]);
        assert!(compiler.status().unwrap().success());
        let output = Command::new(folder.join("show")).output().unwrap();
        assert!(output.status.success());
        let mut printed = String::new();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            match line.split_once(": ") {
                Some((name, _)) if name.starts_with("  hook") => {}
                Some((name, result)) if !name.starts_with(' ') => {
                    let _ = writeln!(printed, ": {result}");
                }
                _ => {
                    let _ = writeln!(printed, "{line}");
                }
            }
        }
        assert_eq!(printed, expected, "seed {seed}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
