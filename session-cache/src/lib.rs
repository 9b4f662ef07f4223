#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod builder;
mod cache;
mod config;
mod context;
mod error;
mod id;
mod order;
mod payload;
mod queue;
mod session;
mod statistics;
mod time;

pub use builder::Builder;
pub use cache::SessionCache;
pub use context::ContextView;
pub use error::{Error, ErrorKind};
pub use id::{IdContext, SessionId};
pub use payload::Payload;
pub use session::{NotStored, ProtocolVersion, Session, SessionHandle};
pub use statistics::Statistics;
pub use time::{Clock, ManualClock, Seconds, SystemClock, UnixTime};
