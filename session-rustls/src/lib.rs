#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod client;
mod error;
mod server;

pub use client::{ClientSessions, ClientSessionsBuilder, ClientStatistics, LIFETIME_MAX};
pub use error::ClientError;
pub use server::{ServerSessions, TLS_LIFETIME};
