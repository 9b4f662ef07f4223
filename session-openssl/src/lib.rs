#![doc = include_str!("../README.md")]

mod attach;
mod callbacks;
mod error;
mod object;
mod slots;
mod statistics;
mod sys;
mod wire;

pub use attach::{Attachment, Options, Wiring, attach, attach_raw};
pub use error::{Error, ErrorKind};
pub use slots::ATTACHED_MAX;
pub use statistics::AttachmentStatistics;
