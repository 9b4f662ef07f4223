#![doc = include_str!("../README.md")]

mod attachment;
mod callbacks;
mod client;
mod error;
mod object;
mod retry;
mod slots;
mod statistics;
mod sys;
mod template;
mod unwind;
mod wire;

pub use attachment::{Attachment, Options, Wiring, attach, attach_raw};
pub use client::{ClientSessions, ClientSessionsBuilder, ClientStatistics, LIFETIME_MAX};
pub use error::{Error, ErrorKind};
pub use slots::ATTACHED_MAX;
pub use statistics::AttachmentStatistics;
