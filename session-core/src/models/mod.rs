//! Scenarios of two and three threads, each run by three engines.
//!
//! * `--cfg session_loom`: loom explores the interleavings, with the ghost reclaimer, which frees at
//!   the earliest moment and watches every touch. `cargo xtask loom` runs these.
//! * `--cfg session_loom --cfg crossbeam_loom`: the same on the real crossbeam-epoch, for the few
//!   scenarios of `reclamation`.
//! * Without either: real threads, each scenario many times over. `cargo test` runs these.

#[cfg(not(crossbeam_loom))]
mod growth;
#[cfg(not(crossbeam_loom))]
mod lists;
mod reclamation;
pub(crate) mod stage;
