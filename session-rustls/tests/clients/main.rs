//! The example server, and clients of all kinds that come back to it.
//!
//! A resumption counts only if the cache's hit counter rose by one for it; and where the cache was emptied
//! in between (a request of /flush), nobody must resume.
#![cfg(target_os = "linux")]

mod broken;
mod curl;
mod flags;
mod gnutls;
mod openssl;
mod server;
