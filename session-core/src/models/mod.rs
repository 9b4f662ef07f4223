//! Scenarios of two and three threads, each run by several engines, and crowds of more for one.
//!
//! * `--cfg session_loom`: loom explores the interleavings, with the ghost reclaimer, which frees at
//!   the earliest moment and watches every touch. `cargo xtask loom` runs these.
//! * `--cfg session_loom --cfg crossbeam_loom`: the same on the real crossbeam-epoch, for the few
//!   scenarios of `reclamation`.
//! * `--cfg session_loom --cfg session_shuttle`: shuttle tries random schedules, with the ghost. It
//!   takes any number of threads, so `crowd` is for it alone; it knows no weak memory.
//!   `cargo xtask shuttle` runs these.
//! * Without any: real threads, each scenario many times over. `cargo test` runs these.

#[cfg(session_shuttle)]
mod crowd;
#[cfg(not(crossbeam_loom))]
mod filter;
#[cfg(not(crossbeam_loom))]
mod growth;
#[cfg(session_shuttle)]
mod history;
#[cfg(not(crossbeam_loom))]
mod lists;
mod reclamation;
#[cfg(not(crossbeam_loom))]
mod sieve;
pub(crate) mod stage;
