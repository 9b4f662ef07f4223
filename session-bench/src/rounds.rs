//! Rows run a round at a time, so that rows that are compared can be run by turns.
//!
//! The speed of a machine wanders: of two rows that were measured one after the other the later may look twice
//! as fast. Rounds of both, by turns, meet the same weather.

use std::time::Duration;

use crate::questions::Row;

/// Long enough that a clock's grain and a start of threads do not show.
const ROUND: Duration = Duration::from_millis(20);

/// A row, and how many operations take a round.
pub struct Rounds {
    row: Row,
    operations: u64,
}

impl Rounds {
    /// Finds how many operations take a round, and warms the row up.
    pub fn of(mut row: Row) -> Rounds {
        row.run(1);
        let mut operations = 64;
        loop {
            let elapsed = row.run(operations).processor;
            if elapsed > ROUND / 4 {
                let scale = ROUND.as_secs_f64() / elapsed.as_secs_f64();
                let operations = ((operations as f64 * scale) as u64).max(1);
                return Rounds { row, operations };
            }
            operations *= 2;
        }
    }

    /// The row.
    pub fn row(&self) -> &Row {
        &self.row
    }

    /// Brings what the row walks through back into the processor's caches, where others have been since.
    pub fn warm_up(&mut self) {
        self.row.run((self.operations / 4).max(1));
    }

    /// Runs one round, and returns nanoseconds an operation.
    pub fn run(&mut self) -> f64 {
        let elapsed = self.row.run(self.operations);
        // What one thread does alone takes as long as it is at work: time that the system gives to
        // others says nothing. Several threads wait for each other too.
        let counted = if self.row.threads == 1 { elapsed.processor } else { elapsed.wall };
        counted.as_nanos() as f64 / self.operations as f64
    }
}
