//! What is being measured, how far it is, and how long it still takes.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::clock;

/// A stretch of rows that take about as long as each other.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) rows: usize,
    /// A guess at how long one takes, until some have been measured.
    pub(crate) a_row: Duration,
}

pub(crate) struct Progress {
    parts: Vec<Part>,
    /// The part at work, when it began, and how many of its rows are done.
    at_work: Option<(usize, Instant, usize)>,
    before: usize,
    last_line: Option<Instant>,
    is_terminal: bool,
}

impl Progress {
    pub(crate) fn new(parts: Vec<Part>) -> Progress {
        let is_terminal = std::io::stderr().is_terminal();
        Progress { parts, at_work: None, before: 0, last_line: None, is_terminal }
    }

    /// Says whether the part has any rows.
    pub(crate) fn begin_part(&mut self, name: &str) -> bool {
        let Some(index) = self.parts.iter().position(|part| part.name == name) else {
            return false;
        };
        self.before = self.parts[..index].iter().map(|part| part.rows).sum();
        self.at_work = Some((index, Instant::now(), 0));
        true
    }

    /// A row begins; the one before it has ended.
    pub(crate) fn begin_row(&mut self, row: &str) {
        let Some((index, start, begun)) = self.at_work else { return };
        self.at_work = Some((index, start, begun + 1));
        let left = self.left(index, start.elapsed(), begun);
        let total: usize = self.parts.iter().map(|part| part.rows).sum();
        let number = self.before + begun + 1;
        let line = format!("{number}/{total}  {row}  about {} left", clock::shown(left));
        if self.is_terminal {
            eprint!("\r\x1b[K{line}");
            let _ = std::io::stderr().flush();
        } else if self.last_line.is_none_or(|last| last.elapsed() > LINE_EVERY) {
            eprintln!("{line}");
            self.last_line = Some(Instant::now());
        }
    }

    pub(crate) fn end(&mut self) {
        if self.is_terminal {
            eprint!("\r\x1b[K");
        }
    }

    /// What the rows of this part took tells of its rest; the parts to come are guessed.
    fn left(&self, index: usize, elapsed: Duration, done: usize) -> Duration {
        let part = &self.parts[index];
        let a_row =
            if done < 3 { part.a_row } else { elapsed / u32::try_from(done).unwrap_or(u32::MAX) };
        let own = a_row * u32::try_from(part.rows.saturating_sub(done)).unwrap_or(u32::MAX);
        let later = self.parts[index + 1..].iter();
        own + later.map(|part| part.a_row * u32::try_from(part.rows).unwrap_or(0)).sum::<Duration>()
    }
}

/// Without a terminal the lines end up in a log.
const LINE_EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_follows_what_was_measured() {
        let part = |name, rows, seconds| Part { name, rows, a_row: Duration::from_secs(seconds) };
        let progress = Progress::new(vec![part("speed", 10, 1), part("stalls", 2, 5)]);
        assert_eq!(progress.left(0, Duration::ZERO, 0).as_secs(), 20);
        assert_eq!(progress.left(0, Duration::from_secs(12), 4).as_secs(), 18 + 10);
        assert_eq!(progress.left(1, Duration::from_secs(5), 1).as_secs(), 5);
    }
}
