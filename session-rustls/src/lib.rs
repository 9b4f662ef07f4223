#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod server;

pub use server::{ServerSessions, TLS_LIFETIME};
