//! docs/conformance.md: every rule, and what proves it or whose it is.
//!
//! Invariant: the same book and the same answers of the tests give the same bytes; no time, no machine.

use std::fmt::Write as _;

use super::binaries::Test;
use super::book::{Book, Rule, Sets, Side};
use super::evidence::{Evidence, Finding, Standing};

const HEAD: &str = "\
# Conformance

Which test proves which rule of [rules.md](rules.md), and whose the others are. Written by `cargo xtask
conformance`, which runs the tests; what is changed by hand is overwritten.

A rule *with* a crate is that crate's, which is not in the workspace yet; one of the *engine* belongs to the
TLS stack above.
";

/// Writes the page.
pub(super) fn render(book: &Book, evidence: &Evidence) -> String {
    let mut page = format!("{HEAD}\n{}.\n", sums(book, evidence));
    let mut findings = evidence.findings.iter();
    for chapter in &book.chapters {
        let heading = &chapter.heading;
        // Writing to a string cannot fail.
        let _ = write!(page, "\n## {heading}\n\n| rule | statement | holds in | proof |\n");
        let _ = writeln!(page, "| --- | --- | --- | --- |");
        for (rule, finding) in chapter.rules.iter().zip(&mut findings) {
            let (number, short, sets) = (rule.number, short(rule), sets(rule));
            let _ = writeln!(page, "| R{number} | {short} | {sets} | {} |", proof(finding));
        }
    }
    page
}

/// How many rules stand how, in one line.
pub(super) fn sums(book: &Book, evidence: &Evidence) -> String {
    let all = || evidence.findings.iter();
    let is_unproved = |finding: &&Finding| {
        finding.owners.iter().any(|standing| matches!(standing, Standing::Unproved { .. }))
    };
    let is_proved = |finding: &&Finding| {
        finding.owners.iter().any(|standing| matches!(standing, Standing::Proved(_)))
            && !is_unproved(finding)
    };
    let waits = |finding: &&Finding| {
        finding.owners.iter().all(|standing| matches!(standing, Standing::With(_)))
    };
    let is_engine = |finding: &&Finding| finding.owners.contains(&Standing::Engine);
    format!(
        "{} rules: {} proved here, {} with crates that are not here yet, {} of the engine, {} without \
         proof",
        book.rules().count(),
        all().filter(is_proved).count(),
        all().filter(waits).count(),
        all().filter(is_engine).count(),
        all().filter(is_unproved).count(),
    )
}

/// The first sentence, unless that does not say what each rule set does.
fn short(rule: &Rule) -> &str {
    match rule.statement.split_once(". ") {
        Some((first, _)) if rule.sets != Sets::EachItsOwn => first,
        _ => rule.statement.trim_end_matches('.'),
    }
}

fn sets(rule: &Rule) -> String {
    let sets = match rule.sets {
        Sets::Both => "both",
        Sets::One(Side::Documented) => "DOCUMENTED",
        Sets::One(Side::OpenSsl) => "OPENSSL",
        Sets::EachItsOwn => "each its own",
    };
    match rule.conflict {
        None => sets.to_string(),
        Some(number) => format!("{sets} (C{number})"),
    }
}

fn proof(finding: &Finding) -> String {
    let owners = finding.owners.iter().map(|standing| match standing {
        Standing::Engine => "engine".to_string(),
        Standing::With(name) => format!("with {name}"),
        Standing::Proved(tests) => lines(tests),
        Standing::Unproved { tests, .. } if tests.is_empty() => "**no test**".to_string(),
        Standing::Unproved { tests, .. } => format!("**not proved**<br>{}", lines(tests)),
    });
    let elsewhere = (!finding.elsewhere.is_empty()).then(|| lines(&finding.elsewhere));
    owners.chain(elsewhere).collect::<Vec<_>>().join("<br>")
}

fn lines(tests: &[Test]) -> String {
    let line = |test: &Test| {
        let result = if test.passed { "passes" } else { "**does not pass**" };
        format!("{} `{}` {result}", test.package, test.path)
    };
    tests.iter().map(line).collect::<Vec<_>>().join("<br>")
}
