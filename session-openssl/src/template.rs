//! A session in the form that libssl works with, kept beside its encoding for as long as it is in the cache.
//!
//! To decode a session costs libssl ten times what a copy of a decoded one does. What libssl gets is the same either
//! way: a session of its own, with what the encoding says.
//!
//! Invariant: a template is never changed and never handed out, only copied.

use std::sync::OnceLock;

use session_cache::{Payload, PayloadObject, Session};

use crate::object::{Decoded, Object};

/// Is a session's decoded form, once somebody has asked for it.
struct Template(OnceLock<Decoded>);

/// What libssl allocates for a session without certificates: 1,010 bytes on a 64-bit system.
const DECODED_BYTES: usize = 1_024;

impl PayloadObject for Template {
    /// Counts the session as if it were decoded.
    fn size_bytes(&self) -> usize {
        size_of::<Template>() + DECODED_BYTES
    }

    fn duplicate(&self) -> Box<dyn PayloadObject> {
        Box::new(Template(OnceLock::new()))
    }
}

/// Lets a session's decoded form stand beside its encoding; from the beginning when it comes back at most once, where
/// decoding it then would gain nothing.
pub(crate) fn beside(der: Payload, session: Object<'_>, comes_back_once: bool) -> Payload {
    let template = OnceLock::new();
    if comes_back_once {
        if let Some(copy) = session.duplicate() {
            let _ = template.set(copy);
        }
    }
    der.with_object(Box::new(Template(template)))
}

/// Makes a session for libssl of one that was found; none when it cannot be decoded.
pub(crate) fn decoded(found: &Session) -> Option<Decoded> {
    let Some(Template(template)) = found.payload_object() else {
        return Decoded::from_der(found.payload());
    };
    if let Some(template) = template.get() {
        return template.object().duplicate();
    }
    // Threads that come at once decode it each: none waits for another.
    let decoded = Decoded::from_der(found.payload())?;
    let copy = decoded.object().duplicate();
    let _ = template.set(decoded);
    copy
}
