//! Rows run a round at a time, so that rows that are compared can be run by turns.
//!
//! The speed of a machine wanders: of two rows that were measured one after the other the later may look twice
//! as fast. Rounds of both, by turns, meet the same weather.

use std::time::Duration;

use crate::events::{Event, tell};
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

    /// Runs one round.
    pub fn run(&mut self) -> Nanos {
        let elapsed = self.row.run(self.operations);
        // What one thread does alone takes as long as it is at work: time that the system gives to
        // others says nothing. Several threads wait for each other too.
        let counted = if self.row.threads == 1 { elapsed.processor } else { elapsed.wall };
        let of = |time: Duration| time.as_nanos() as f64 / self.operations as f64;
        Nanos { counted: of(counted), wall: of(elapsed.wall) }
    }
}

/// Nanoseconds that an operation took in one round.
#[derive(Clone, Copy)]
pub struct Nanos {
    /// What the row is judged by: of one thread by the processor's time, of several by the clock.
    pub counted: f64,
    /// By the clock: what rows of different numbers of threads are compared by.
    pub wall: f64,
}

/// Runs so many rounds of each row, by turns, and says how long an operation took in each.
///
/// It tells of a step for each round, and of one for each row that is filled.
pub fn by_turns(rows: Vec<Row>, rounds: usize, mut told: impl FnMut(&Row, Vec<Nanos>)) {
    let fill = |row: Row| {
        tell(&Event::Begin(&row.name()));
        Rounds::of(row)
    };
    let mut rows: Vec<Rounds> = rows.into_iter().map(fill).collect();
    let mut nanos = vec![Vec::with_capacity(rounds); rows.len()];
    for round in 0..rounds {
        // To and fro: what drifts steadily touches all alike.
        let to: Box<dyn Iterator<Item = usize>> =
            if round % 2 == 0 { Box::new(0..rows.len()) } else { Box::new((0..rows.len()).rev()) };
        for index in to {
            let row = &mut rows[index];
            tell(&Event::Begin(&format!("{} round {}", row.row().name(), round + 1)));
            row.warm_up();
            nanos[index].push(row.run());
        }
    }
    for (row, nanos) in rows.iter().zip(nanos) {
        told(row.row(), nanos);
    }
}
