#![doc = include_str!("../README.md")]
// Each set of models leaves out a part: the collector, or the ghost that stands for it.
#![cfg_attr(session_loom, allow(dead_code, unused_imports))]

// Both have the same modules, so that the models need only one name.
#[cfg(session_shuttle)]
extern crate shuttle as loom;

mod blocks;
mod buckets;
mod chain;
mod chunks;
mod counter;
mod entry;
mod handle;
mod hash;
mod key;
mod link;
mod memory;
mod prefetch;
mod reclaim;
mod sieve;
mod stripe;
mod sync;
mod table;

#[cfg(test)]
mod models;

pub use counter::Counter;
pub use handle::{Borrow, Handle, LinkRefused, Refusal, Refused};
pub use hash::KeyHasher;
pub use key::{ID_BYTES_MAX, Key};
pub use reclaim::{Guard, after_fork, pin, reclaim, settle, waiting};
pub use table::{CAPACITY_MAX, Replaced, Table, WAITING_MAX};
