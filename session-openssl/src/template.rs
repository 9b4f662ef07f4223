//! A session in the form that libssl works with, kept beside its encoding for as long as it is in the cache.
//!
//! To decode a session costs libssl ten times what a copy of a decoded one does. One that comes back often is decoded
//! when it first does, and copied each time. One that comes back once, in TLS 1.3, is kept as libssl made it, and
//! handed back to whoever takes it: libssl's own cache shares it with the connection that it comes from too.
//!
//! Invariant: what is copied is never changed and never handed out; what is handed back is so once.

use std::sync::{Mutex, OnceLock};

use session_cache::{Payload, PayloadObject, Session};

use crate::object::{Decoded, Object};

enum Template {
    /// None until somebody has asked for it.
    Copied(OnceLock<Decoded>),
    /// None from when somebody has got it.
    HandedBack(Mutex<Option<Decoded>>),
}

/// What libssl allocates for a session without certificates: 1,010 bytes on a 64-bit system.
const DECODED_BYTES: usize = 1_024;

impl PayloadObject for Template {
    /// Counts the session as if it were decoded.
    fn size_bytes(&self) -> usize {
        size_of::<Template>() + DECODED_BYTES
    }

    fn duplicate(&self) -> Box<dyn PayloadObject> {
        Box::new(Template::Copied(OnceLock::new()))
    }
}

/// Lets a session's decoded form stand beside its encoding.
pub(crate) fn beside(der: Payload, session: Object<'_>) -> Payload {
    let template = if session.version().is_tls13() {
        Template::HandedBack(Mutex::new(Some(session.share())))
    } else {
        Template::Copied(OnceLock::new())
    };
    der.with_object(Box::new(template))
}

/// Returns a session for libssl of one that was found; none when it cannot be decoded.
pub(crate) fn decoded(found: &Session) -> Option<Decoded> {
    match found.payload_object() {
        Some(Template::Copied(template)) => {
            if let Some(template) = template.get() {
                return template.object().duplicate();
            }
            // Threads that come at once decode it each: none waits for another.
            let decoded = Decoded::from_der(found.payload())?;
            let copy = decoded.object().duplicate();
            let _ = template.set(decoded);
            copy
        }
        Some(Template::HandedBack(template)) => {
            // Locked by somebody else who has the session in hand: he gets it.
            let handed_back = template.try_lock().ok().and_then(|mut template| template.take());
            handed_back.or_else(|| Decoded::from_der(found.payload()))
        }
        None => Decoded::from_der(found.payload()),
    }
}
