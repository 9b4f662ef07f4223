//! What the benches of the session cache measure, and what they compare it with.
//!
//! A *question* is what a person would ask ("how long does a lookup that finds take?"), a *peer* is
//! something that could be used instead of ours, a *row* is one question put to one peer at one size
//! and on so many threads. The programs in `benches/` put the rows; `cargo xtask bench` runs them and
//! judges. Peers other than a map behind a lock stand behind features.

#![deny(unsafe_code)]

pub mod crew;
pub mod events;
#[cfg(feature = "handshakes")]
pub mod handshakes;
pub mod ids;
pub mod peers;
pub mod policies;
pub mod questions;
pub mod rounds;
pub mod stalls;
pub mod trace;
