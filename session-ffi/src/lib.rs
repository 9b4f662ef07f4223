#![doc = include_str!("../README.md")]
// C's `long` is what OpenSSL's functions count in: 64 bits here, as on every 64-bit Unix. Elsewhere the crate is empty.
#![cfg(all(unix, target_pointer_width = "64"))]
// The names are C's, as OpenSSL forms them.
#![allow(non_camel_case_types, non_snake_case)]
// Each function says in C's words what its pointers are; the rules for all are in docs/c-abi.md.
#![allow(clippy::missing_safety_doc)]

mod attributes;
mod connection;
mod context;
mod encoding;
mod engine;
mod ex_data;
mod fault;
mod hooks;
mod memory;
mod plain;
mod session;
mod settings;

pub use attributes::*;
pub use connection::*;
pub use context::*;
pub use encoding::*;
pub use engine::*;
pub use ex_data::*;
pub use fault::*;
pub use hooks::*;
pub use memory::*;
pub use plain::*;
pub use session::*;
pub use settings::*;
