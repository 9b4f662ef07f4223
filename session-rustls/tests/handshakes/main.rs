//! Real handshakes of rustls clients and servers, whose sessions live in the cache.

mod peers;
mod refusals;
mod resumption;
