//! The one door through which the atomics of [`crate::places`] and [`crate::glance`] enter: the standard
//! library's, or loom's when a model runs.

#[cfg(not(session_loom))]
pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize};

#[cfg(session_loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, AtomicUsize};

pub(crate) use std::sync::atomic::Ordering;

#[cfg(all(test, session_loom))]
/// Explores the interleavings, and prints how many there were, as the models of session-core do.
pub(crate) fn explored(body: impl Fn() + Send + Sync + 'static) {
    use std::sync::Arc as StdArc;
    use std::sync::atomic::AtomicUsize as StdAtomicUsize;

    let bound = 5 + usize::from(std::env::var_os("SESSION_LOOM_DEEP").is_some());
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(bound);
    let count = StdArc::new(StdAtomicUsize::new(0));
    let interleavings = StdArc::clone(&count);
    let start = std::time::Instant::now();
    builder.check(move || {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        body();
    });
    let interleavings = interleavings.load(std::sync::atomic::Ordering::SeqCst);
    let milliseconds = start.elapsed().as_millis();
    eprintln!("MODEL bound={bound} interleavings={interleavings} ms={milliseconds}");
    assert!(interleavings >= 10, "{interleavings} interleavings test nothing");
}
