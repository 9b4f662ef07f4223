#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod builder;
mod cache;
mod config;
mod connection;
mod context;
mod error;
mod fifo;
mod glance;
mod hooks;
mod id;
mod mode;
mod order;
mod outside;
mod payload;
mod places;
mod queue;
mod rules;
mod session;
mod shard;
mod statistics;
mod sync;
mod time;
mod trace;

pub use builder::{Builder, Eviction};
pub use cache::{Added, SessionCache};
pub use config::{Generator, Settings};
pub use connection::{Connection, Fatal, OfOtherCache, Role, Shutdown, Tickets};
pub use context::ContextView;
pub use error::{Error, ErrorKind};
pub use hooks::{GetHook, Inquiry, Keep, Left, Negotiated, NewHook, RemoveHook, Wanted};
pub use id::{IdContext, SessionId};
pub use mode::CacheMode;
pub use payload::{AsAny, Payload, PayloadObject};
pub use rules::Rules;
pub use session::{NewSession, NotStored, ProtocolVersion, Session};
pub use statistics::{Departure, Statistics};
pub use time::{Clock, ManualClock, Seconds, SystemClock, UnixTime};
