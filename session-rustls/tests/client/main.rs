//! Real handshakes over loopback sockets, whose clients keep their sessions in our store.

mod bounds;
mod configurations;
mod lifetime;
mod peers;
mod resumption;
