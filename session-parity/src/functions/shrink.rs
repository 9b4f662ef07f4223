//! Makes a failing sequence as short as it gets: whatever can be left out is.

use super::operation::Operation;

/// Leaves out operations for as long as `fails`.
pub(crate) fn shrink(
    mut operations: Vec<Operation>,
    mut fails: impl FnMut(&[Operation]) -> bool,
) -> Vec<Operation> {
    let mut chunk = operations.len().div_ceil(2);
    while chunk > 0 {
        let mut at = 0;
        let mut any_left_out = false;
        while at < operations.len() {
            let end = (at + chunk).min(operations.len());
            let mut shorter = operations.clone();
            shorter.drain(at..end);
            if fails(&shorter) {
                operations = shorter;
                any_left_out = true;
            } else {
                at = end;
            }
        }
        if chunk > 1 || !any_left_out {
            chunk /= 2;
        }
    }
    operations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_that_fail_together_are_all_that_is_left() {
        let operations: Vec<_> = (0..50).map(|slot| Operation::Free { slot }).collect();
        let needed = [Operation::Free { slot: 7 }, Operation::Free { slot: 31 }];
        let shrunk = shrink(operations, |some| needed.iter().all(|one| some.contains(one)));
        assert_eq!(shrunk, needed);
    }
}
