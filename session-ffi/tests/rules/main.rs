//! The rules that are the C ABI's own, each by its number, and what the ABI promises beyond them.
#![cfg(all(unix, target_pointer_width = "64"))]
#![allow(non_camel_case_types, non_snake_case)]
// Every call of a test is one into the ABI with what the test has just made.
#![allow(clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]

mod attributes;
mod boundary;
mod cache;
mod connections;
mod encoding;
mod ex_data;
mod hooks;
mod plain;
mod scene;
