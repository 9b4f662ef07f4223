#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod certificate;
mod cipher;
mod decode;
mod encode;
mod error;
mod octets;
mod pem;
mod session;
mod text;
mod time;
mod verify;
mod version;

pub use certificate::{Certificate, PublicKey};
pub use cipher::CipherSuite;
pub use decode::Decoder;
pub use error::{Error, ErrorKind};
pub use octets::{Octets, Text};
pub use session::SslSession;
pub use time::{Seconds, UnixTime};
pub use version::ProtocolVersion;
