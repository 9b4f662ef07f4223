//! What the programs tell the one that runs them: one line of JSON each on stdout, behind a mark, so
//! that the words of criterion can stand between them.

use serde::Serialize;

/// Begins every line that is an event.
pub const MARK: &str = "@bench ";

/// What there is to tell.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event<'a> {
    /// So many rows are to come.
    Plan(usize),
    /// This row begins.
    Begin(&'a str),
    /// A figure that no other file holds.
    Figure(Figure<'a>),
}

/// One number of one row.
#[derive(Serialize)]
pub struct Figure<'a> {
    /// The question.
    pub question: &'a str,
    /// Who was asked.
    pub peer: &'a str,
    /// Sessions, or what the question counts.
    pub size: usize,
    /// Threads.
    pub threads: usize,
    /// The number, in `unit`.
    pub value: f64,
    /// How far the quarter below and the quarter above lie; equal to `value` where there is but one.
    pub low: f64,
    /// See `low`.
    pub high: f64,
    /// The middle by the clock, where `value` may be the processor's time.
    pub wall: Option<f64>,
    /// `ns`, `B`, `%`, `/s`.
    pub unit: &'a str,
}

/// Writes one event.
pub fn tell(event: &Event<'_>) {
    let line = serde_json::to_string(event).expect("names and numbers have a JSON form");
    println!("{MARK}{line}");
}

/// Writes the middle of several measurements of one row, and that of what the clock said meanwhile.
pub fn tell_middle(
    (question, peer, size, threads): (&str, &str, usize, usize),
    mut values: Vec<f64>,
    walls: Option<Vec<f64>>,
    unit: &str,
) {
    let [low, value, high] = quarters(&mut values);
    let wall = walls.map(|mut walls| quarters(&mut walls)[1]);
    let figure = Figure { question, peer, size, threads, value, low, high, wall, unit };
    tell(&Event::Figure(figure));
}

fn quarters(values: &mut [f64]) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [0.25, 0.5, 0.75].map(|share| values[((values.len() - 1) as f64 * share).round() as usize])
}
