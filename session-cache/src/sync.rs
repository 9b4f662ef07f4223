//! The one door through which the atomics of [`crate::places`] enter: the standard library's, or loom's when
//! a model runs.

#[cfg(not(session_loom))]
pub(crate) use std::sync::atomic::AtomicUsize;

#[cfg(session_loom)]
pub(crate) use loom::sync::atomic::AtomicUsize;

pub(crate) use std::sync::atomic::Ordering;
