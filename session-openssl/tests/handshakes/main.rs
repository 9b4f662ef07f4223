//! Real handshakes of a real OpenSSL client and server, in memory and over sockets.

mod attachments;
mod clients;
mod contexts;
mod decoded;
mod early_data;
mod faults;
mod lifetimes;
mod names;
mod peers;
mod resumption;
mod retries;
mod sockets;
mod traveller;
mod trust;
mod wirings;
