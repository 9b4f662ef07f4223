//! The figures as text: for the terminal, and with other rules between cells for documents.

use super::figures::{Run, shown, three_digits};
use super::goals::{Unit, Verdict};

/// One table: a head, and rows as long as the head.
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// One table a question: the peers down, sizes and threads across; or what was asked of a stall.
pub(crate) fn tables(run: &Run) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for question in run.questions() {
        let is_part = |part: &str| OF_STALL.iter().any(|(name, _)| *name == part);
        match question.split_once('.').filter(|(_, part)| is_part(part)) {
            None => tables.push(of_question(run, question)),
            Some((stall, _)) if tables.iter().any(|table| table.title == stall) => {}
            Some((stall, _)) => tables.push(of_stall(run, stall)),
        }
    }
    tables
}

/// The parts of a stall's question, and what stands over their columns.
const OF_STALL: [(&str, &str); 5] = [
    ("excess", "longer by"),
    ("longest", "longest"),
    ("longest_without", "without it"),
    ("p9999", "p99.99"),
    ("p9999_without", "without it"),
];

fn of_stall(run: &Run, stall: &str) -> Table {
    let mut peers: Vec<&str> = Vec::new();
    let of_it = |question: &str| question.split_once('.').is_some_and(|(it, _)| it == stall);
    for figure in run.figures.iter().filter(|figure| of_it(&figure.question)) {
        if !peers.contains(&figure.peer.as_str()) {
            peers.push(figure.peer.as_str());
        }
    }
    let rows = peers.iter().map(|peer| {
        let cells = OF_STALL.iter().map(|(part, _)| {
            let question = format!("{stall}.{part}");
            let is_it = |figure: &&super::figures::Figure| {
                figure.question == question && figure.peer == *peer
            };
            let found = run.figures.iter().find(is_it);
            found.map_or_else(String::new, |figure| shown(figure.value, &figure.unit))
        });
        std::iter::once((*peer).to_string()).chain(cells).collect()
    });
    let rows = rows.collect();
    let head = OF_STALL.iter().map(|(_, over)| (*over).to_string());
    let head = std::iter::once(String::new()).chain(head).collect();
    Table { title: stall.to_string(), head, rows }
}

fn of_question(run: &Run, question: &str) -> Table {
    let figures = || run.figures.iter().filter(|figure| figure.question == question);
    let (mut columns, mut peers) = (Vec::new(), Vec::new());
    for figure in figures() {
        let column = (figure.size, figure.threads);
        if !columns.contains(&column) {
            columns.push(column);
        }
        if !peers.contains(&figure.peer.as_str()) {
            peers.push(figure.peer.as_str());
        }
    }
    columns.sort_unstable();
    let first = |peer: &str| super::goals::OURS.iter().position(|ours| *ours == peer);
    peers.sort_by_key(|peer| (first(peer).unwrap_or(usize::MAX), peer.to_string()));
    let title = |(size, threads): &(usize, usize)| match threads {
        1 => format!("{size}"),
        _ => format!("{size}, {threads} threads"),
    };
    let head = std::iter::once(String::new()).chain(columns.iter().map(title)).collect();
    let cell = |peer: &str, (size, threads): (usize, usize)| {
        let found = figures()
            .find(|figure| figure.peer == peer && figure.size == size && figure.threads == threads);
        found.map_or_else(String::new, |figure| shown(figure.value, &figure.unit))
    };
    let rows = peers.iter().map(|peer| {
        let cells = columns.iter().map(|column| cell(peer, *column));
        std::iter::once(peer.to_string()).chain(cells).collect()
    });
    Table { title: question.to_string(), head, rows: rows.collect() }
}

/// Floors and goals beside what came out.
pub(crate) fn of_verdicts(verdicts: &[Verdict]) -> Table {
    let head = ["", "ours", "against", "measured", "floor", "goal", ""];
    let rows = verdicts.iter().map(|verdict| {
        let with_unit = |value: f64| match verdict.unit {
            Unit::Times => format!("{}x", three_digits(value)),
            Unit::Bytes => format!("{} B", three_digits(value)),
            Unit::Nanoseconds => format!("{value:.1} ns"),
            Unit::Points => format!("{value:+.2}"),
        };
        let bar = |bar: Option<f64>| bar.map_or_else(String::new, with_unit);
        let word = match (verdict.is_floor_met(), verdict.is_goal_met()) {
            _ if !verdict.is_measurable => "not measurable here",
            (false, _) => "MISSED",
            (true, true) => "goal",
            (true, false) if verdict.floor.is_some() => "floor",
            (true, false) => "",
        };
        vec![
            verdict.what.clone(),
            verdict.ours.to_string(),
            verdict.against.clone(),
            with_unit(verdict.score),
            bar(verdict.floor),
            bar(verdict.goal),
            word.to_string(),
        ]
    });
    let head = head.map(str::to_string).to_vec();
    Table { title: "floors and goals".to_string(), head, rows: rows.collect() }
}

impl Table {
    /// With columns that stand under each other.
    pub(crate) fn text(&self) -> String {
        let mut widths = vec![0; self.head.len()];
        for row in std::iter::once(&self.head).chain(&self.rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut text = format!("\n{}\n", self.title);
        for row in std::iter::once(&self.head).chain(&self.rows) {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
                if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }

    /// As Markdown.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule = self.head.iter().enumerate();
        let rule: Vec<_> =
            rule.map(|(column, _)| if column == 0 { "---" } else { "---:" }.to_string()).collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        line(&self.head) + &line(&rule) + &rows
    }
}

pub(crate) fn figures(run: &Run) -> String {
    tables(run).iter().map(Table::text).collect()
}

pub(crate) fn verdicts(verdicts: &[Verdict]) -> String {
    if verdicts.is_empty() { String::new() } else { of_verdicts(verdicts).text() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        let table = Table {
            title: "t".into(),
            head: words(&["", "20480"]),
            rows: vec![words(&["moka", "9 ns"]), words(&["a longer name", "100.5 ns"])],
        };
        let text = table.text();
        let ends: Vec<usize> = text.lines().skip(2).map(str::len).collect();
        assert_eq!(ends, [23, 23, 23], "{text}");
        assert!(table.markdown().starts_with("|  | 20480 |\n| --- | ---: |\n| moka | 9 ns |\n"));
    }

    #[test]
    fn score_that_cannot_be_is_neither_a_goal_nor_a_miss() {
        let word = |is_measurable| {
            let verdict = Verdict {
                what: "2 threads do of what 1 does".to_string(),
                ours: "session-core",
                against: "1 thread".to_string(),
                score: 2.3,
                floor: None,
                goal: Some(1.9),
                unit: Unit::Times,
                is_measurable,
            };
            of_verdicts(&[verdict]).rows[0].last().cloned()
        };
        assert_eq!(word(true).as_deref(), Some("goal"));
        assert_eq!(word(false).as_deref(), Some("not measurable here"));
    }

    #[test]
    fn parts_of_a_stall_are_one_table_and_other_names_may_have_dots() {
        let names = ["stall_flush.excess", "stall_flush.longest", "handshakes, TLS 1.2, in memory"];
        let figures = names.map(|question| super::super::figures::Figure {
            question: question.into(),
            peer: "session-cache".into(),
            size: 1_000,
            threads: 2,
            value: 5.0,
            low: 5.0,
            high: 5.0,
            wall: None,
            unit: "/s".into(),
        });
        let machine = super::super::machine::Machine::unknown();
        let (commit, command, date) = Default::default();
        let figures = figures.to_vec();
        let tables = tables(&Run { machine, commit, command, date, figures });
        let [stall, handshakes] = &tables[..] else { panic!("{} tables", tables.len()) };
        assert_eq!(stall.title, "stall_flush");
        assert_eq!(handshakes.title, names[2]);
        assert_eq!(handshakes.rows, [["session-cache", "5.00 /s"]]);
    }
}
