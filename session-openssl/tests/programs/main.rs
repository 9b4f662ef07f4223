//! The example server, and the clients that people point at it.
//!
//! A resumption counts only if the cache's hit counter rose by one for it; and nobody resumes when the cache
//! is emptied before he comes back.
#![cfg(target_os = "linux")]

mod behaviour;
mod clients;
mod early_data;
mod flags;
mod tls_server;
