//! The rules of docs/rules.md, one module for each of its groups. A test's name begins with the numbers
//! of what it proves, and then with the rule set where the two part.

mod add_remove;
mod attachment;
mod attributes;
mod automatic_flush;
mod concurrency;
mod engine;
mod flush;
mod id_context;
mod id_generation;
mod lifetime;
mod lookup;
mod modes;
mod new_hook;
mod outcome;
mod remove_hook;
mod scene;
mod seed;
mod size;
mod statistics;
mod timeouts;
mod tls13;
