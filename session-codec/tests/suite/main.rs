//! The codec beside OpenSSL: real sessions, the rules one by one, and arbitrary ones.

mod ciphers;
mod corpus;
#[path = "../fields/mod.rs"]
mod fields;
mod forms;
mod pem;
mod property;
mod refused;
mod scene;
mod taken;
mod text;

// Linux alone: elsewhere the library has another name, and `openssl` is often LibreSSL.
#[cfg(target_os = "linux")]
#[path = "../libssl/mod.rs"]
mod libssl;
#[cfg(target_os = "linux")]
mod tool;
