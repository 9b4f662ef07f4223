//! Durations as a person reads them in a report.

use std::time::Duration;

/// Writes a duration with the precision that matters at its size: `8 ms`, `3.2 s`, `4 min 05 s`.
pub(crate) fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1.0 {
        format!("{} ms", duration.as_millis())
    } else if seconds < 100.0 {
        format!("{seconds:.1} s")
    } else {
        let whole = duration.as_secs();
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_change_unit_where_a_person_would() {
        assert_eq!(shown(Duration::from_millis(8)), "8 ms");
        assert_eq!(shown(Duration::from_millis(3_249)), "3.2 s");
        assert_eq!(shown(Duration::from_secs(245)), "4 min 05 s");
    }
}
