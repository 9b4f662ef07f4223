//! Whether something else was at work on the machine, as far as a run itself can tell.
//!
//! In a loop a processor begins one lookup while another waits for memory; of lookups that are done one after the
//! other each waits for itself. So a lookup in the loop takes no longer, whoever is asked. One peer for which it
//! did may have been unlucky; several say that the run was.

use super::figures::{Figure, Run, shown};

/// A lookup in the loop, and one after the other.
const PAIRS: [(&str, &str); 2] =
    [("lookup_hit", "lookup_hit_apart"), ("lookup_miss", "lookup_miss_apart")];

/// A twentieth is what two rows of the same thing differ by.
const LONGER: f64 = 1.05;

/// Of so many peers the loop has to take longer.
const PEERS: usize = 2;

/// What is to be said before the figures of a run that was disturbed.
pub(crate) fn of(run: &Run) -> Option<String> {
    let odd: Vec<(&Figure, f64)> =
        run.figures.iter().filter_map(|figure| Some((figure, odd(run, figure)?))).collect();
    let mut peers: Vec<&str> = odd.iter().map(|(figure, _)| figure.peer.as_str()).collect();
    peers.sort_unstable();
    peers.dedup();
    if peers.len() < PEERS {
        return None;
    }
    let named = odd.iter().map(|(figure, apart)| {
        let [own, apart] = [figure.value, *apart].map(|value| shown(value, &figure.unit));
        format!("`{}` ({own}, apart {apart})", figure.name())
    });
    Some(format!(
        "This run was disturbed. In a loop a lookup takes no longer than one after the other (`_apart`), and yet it \
         did in these rows: {}. Take no ratio of this run for more than a hint: another machine or hour gives others.",
        named.collect::<Vec<_>>().join(", ")
    ))
}

/// The time of the same lookup one after the other, where that in the loop took longer.
fn odd(run: &Run, figure: &Figure) -> Option<f64> {
    let (_, apart) = PAIRS.iter().find(|(question, _)| *question == figure.question)?;
    let apart = run.value(apart, &figure.peer, figure.size, figure.threads)?;
    (figure.value > LONGER * apart).then_some(apart)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::machine::Machine;

    /// Of each peer the lookup in a loop, and that one after the other.
    fn run(rows: &[(&str, f64, f64)]) -> Run {
        let figures = rows.iter().flat_map(|(peer, in_loop, apart)| {
            [("lookup_hit", *in_loop), ("lookup_hit_apart", *apart)].map(|(question, value)| {
                Figure {
                    question: question.into(),
                    peer: (*peer).into(),
                    size: 20_480,
                    threads: 1,
                    value,
                    low: value,
                    high: value,
                    wall: None,
                    unit: "ns".into(),
                }
            })
        });
        let figures = figures.collect();
        let (commit, command, date) = Default::default();
        Run { machine: Machine::unknown(), commit, command, date, figures }
    }

    #[test]
    fn loop_that_takes_longer_for_two_peers_names_their_rows() {
        let said = of(&run(&[
            ("session-cache", 205.0, 168.0),
            ("moka", 1_105.0, 1_006.0),
            ("papaya", 48.0, 115.0),
        ]));
        let said = said.unwrap();
        assert!(
            said.contains("`lookup_hit/20480/1/session-cache` (205 ns, apart 168 ns)"),
            "{said}"
        );
        assert!(said.contains("`lookup_hit/20480/1/moka`") && !said.contains("papaya"), "{said}");
    }

    #[test]
    fn one_peer_alone_and_a_twentieth_are_no_disturbance() {
        assert_eq!(of(&run(&[("session-cache", 205.0, 168.0), ("papaya", 48.0, 115.0)])), None);
        assert_eq!(of(&run(&[("moka", 1_020.0, 1_000.0), ("OpenSSL", 476.0, 473.0)])), None);
    }
}
