//! The promises of the cache, one module for each kind.

mod collisions;
mod contexts;
mod crowd;
mod eviction;
mod expiry;
mod figures;
mod flushing;
mod history;
mod interleaving;
mod outside;
mod ownership;
mod scene;
mod sides;
mod symptoms;
mod threads;
mod tickets;
mod values;
