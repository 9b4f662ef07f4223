//! The figures of a run: what every part measures, and every report shows.

use serde::{Deserialize, Serialize};

use super::machine::Machine;

/// One number of one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) question: String,
    pub(crate) peer: String,
    /// Sessions, or what the question counts.
    pub(crate) size: usize,
    pub(crate) threads: usize,
    /// The middle of what was measured, in `unit`.
    pub(crate) value: f64,
    /// The first and the third quarter.
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// The middle by the clock, where it was told: `value` of one thread is the processor's time.
    #[serde(default)]
    pub(crate) wall: Option<f64>,
    /// `ns`: nanoseconds an operation a thread; `B`; `%`; `/s`.
    pub(crate) unit: String,
}

impl Figure {
    pub(crate) fn name(&self) -> String {
        let Figure { question, peer, size, threads, .. } = self;
        format!("{question}/{size}/{threads}/{peer}")
    }
}

/// Everything that one run says, and where and of what it was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) machine: Machine,
    /// With a word on what was not committed.
    pub(crate) commit: String,
    pub(crate) command: String,
    pub(crate) date: String,
    pub(crate) figures: Vec<Figure>,
}

impl Run {
    pub(crate) fn value(
        &self,
        question: &str,
        peer: &str,
        size: usize,
        threads: usize,
    ) -> Option<f64> {
        self.figure(question, peer, size, threads).map(|figure| figure.value)
    }

    pub(crate) fn figure(
        &self,
        question: &str,
        peer: &str,
        size: usize,
        threads: usize,
    ) -> Option<&Figure> {
        self.figures.iter().find(|figure| {
            figure.question == question
                && figure.peer == peer
                && figure.size == size
                && figure.threads == threads
        })
    }

    /// The questions in the order in which they were put.
    pub(crate) fn questions(&self) -> Vec<&str> {
        let mut questions = Vec::new();
        for figure in &self.figures {
            if !questions.contains(&figure.question.as_str()) {
                questions.push(figure.question.as_str());
            }
        }
        questions
    }
}

/// Writes a figure with the digits that its size deserves, in a unit that a person reads.
pub(crate) fn shown(value: f64, unit: &str) -> String {
    match unit {
        "ns" if value.abs() >= 1e6 => format!("{} ms", three_digits(value / 1e6)),
        "ns" if value.abs() >= 1e4 => format!("{} us", three_digits(value / 1e3)),
        "B" if value.abs() >= 1e6 => format!("{} MB", three_digits(value / 1e6)),
        "%" => format!("{value:.2} %"),
        _ => format!("{} {unit}", three_digits(value)),
    }
}

pub(crate) fn three_digits(value: f64) -> String {
    let decimals = match value.abs() {
        below_10 if below_10 < 9.995 => 2,
        below_100 if below_100 < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_change_unit_where_a_person_would() {
        assert_eq!(shown(51.25, "ns"), "51.2 ns");
        assert_eq!(shown(9_999.0, "ns"), "9999 ns");
        assert_eq!(shown(515_000.0, "ns"), "515 us");
        assert_eq!(shown(286e6, "ns"), "286 ms");
        assert_eq!(shown(95.96, "B"), "96.0 B");
        assert_eq!(shown(47.5, "%"), "47.50 %");
    }
}
