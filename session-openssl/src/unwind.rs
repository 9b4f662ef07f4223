//! Where panics end: one that went on into libssl would end the process.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Does some work; none if it panicked.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    // Unwind safe: what is shared is behind locks and atomics, and no step of ours is half done.
    let panic = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => return Some(done),
        Err(panic) => panic,
    };
    // What it was thrown with may panic too, and is not let go of then.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::caught;

    struct Again;

    impl Drop for Again {
        fn drop(&mut self) {
            panic!("and another thing");
        }
    }

    #[test]
    fn nothing_gets_out_of_it() {
        assert_eq!(caught(|| 7), Some(7));
        assert_eq!(caught(|| panic!("no")), None::<()>);
        assert_eq!(caught(|| std::panic::panic_any(Again)), None::<()>);
    }
}
