//! What stands beside a session's encoding for as long as it is in the cache: its decoded form, the one that libssl works
//! with, or a word on why there is none.
//!
//! To decode a session costs libssl ten times what a copy of a decoded one does. One that comes back often is decoded
//! when it first does, and copied each time. One that comes back once, in TLS 1.3, is kept as libssl made it, and
//! handed back to whoever takes it: libssl's own cache shares it with the connection that it comes from too.
//!
//! Invariant: what is copied is never changed and never handed out; what is handed back is so once.
//! Invariant: the word stays with a session that is duplicated, or stored again.

use std::sync::{Mutex, OnceLock};

use session_cache::{Payload, PayloadObject, Session};

use crate::object::{Decoded, Object};

enum Template {
    /// None until somebody has asked for it.
    Copied(OnceLock<Decoded>),
    /// None from when somebody has got it.
    HandedBack(Mutex<Option<Decoded>>),
    /// Not decoded: the client has shown a certificate, of which libssl makes 5 KiB.
    Certified,
    /// Not decoded: libssl's own cache has it too, and may resume it at any time.
    Observed,
}

/// What libssl allocates for a session without certificates: 1,010 bytes on a 64-bit system.
const DECODED_BYTES: usize = 1_024;

impl PayloadObject for Template {
    /// Counts a session that may be decoded as if it were.
    fn size_bytes(&self) -> usize {
        size_of::<Template>()
            + match self {
                Template::Copied(_) | Template::HandedBack(_) => DECODED_BYTES,
                Template::Certified | Template::Observed => 0,
            }
    }

    fn duplicate(&self) -> Box<dyn PayloadObject> {
        Box::new(match self {
            Template::Copied(_) | Template::HandedBack(_) => Template::Copied(OnceLock::new()),
            Template::Certified => Template::Certified,
            Template::Observed => Template::Observed,
        })
    }
}

/// Lets a session's decoded form stand beside its encoding, or that it has a certificate.
pub(crate) fn beside<'a>(der: Payload<'a>, session: Object<'_>) -> Payload<'a> {
    let template = if session.has_peer_certificate() {
        Template::Certified
    } else if session.version().is_tls13() {
        Template::HandedBack(Mutex::new(Some(session.share())))
    } else {
        Template::Copied(OnceLock::new())
    };
    der.with_object(Box::new(template))
}

/// Says that a session is in libssl's own cache too.
pub(crate) fn observed(der: Payload<'_>) -> Payload<'_> {
    der.with_object(Box::new(Template::Observed))
}

/// Whether a session is in libssl's own cache too: taken here, it could be resumed there once more.
pub(crate) fn is_observed(found: &Session) -> bool {
    matches!(found.payload_object(), Some(Template::Observed))
}

/// Whether the client of a session has shown a certificate. It may have to be decoded for that.
pub(crate) fn has_peer_certificate(found: &Session) -> bool {
    match found.payload_object() {
        Some(Template::Certified) => true,
        Some(Template::Copied(_) | Template::HandedBack(_)) => false,
        Some(Template::Observed) | None => Decoded::from_der(found.payload())
            .is_some_and(|decoded| decoded.object().has_peer_certificate()),
    }
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
        Some(Template::Certified | Template::Observed) | None => Decoded::from_der(found.payload()),
    }
}

#[cfg(test)]
mod tests {
    use std::hint;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use session_cache::{IdContext, NewSession, ProtocolVersion, SessionCache, SessionId};
    use session_codec::{CipherSuite, Octets, SslSession, UnixTime};

    use super::*;

    /// What libssl decodes: a session of TLS 1.2.
    fn der() -> Payload<'static> {
        let mut session = SslSession::new(UnixTime(1));
        session.version = session_codec::ProtocolVersion::TLS_1_2;
        session.cipher = Some(CipherSuite(0xc02f));
        session.id = Octets::new(&[7; 32]).unwrap();
        session.master_key = Octets::new(&[9; 48]).unwrap();
        Payload::copy_from(&session.to_der().unwrap())
    }

    #[test]
    fn of_two_that_decode_a_session_at_once_both_get_it() {
        const ROUNDS: usize = 2_000;
        let cache = SessionCache::builder().build().unwrap();
        let view = cache.context(IdContext::EMPTY);
        let id = SessionId::new(&[7; 32]).unwrap();
        let session = || {
            let payload = der().with_object(Box::new(Template::Copied(OnceLock::new())));
            view.session(NewSession::new(ProtocolVersion::TLS12, id, payload))
        };
        let sessions: Vec<_> = (0..ROUNDS).map(|_| session()).collect();
        let (arrived, got) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for (round, session) in sessions.iter().enumerate() {
                        // Both leave it at once: a decoding takes two microseconds.
                        arrived.fetch_add(1, Ordering::SeqCst);
                        while arrived.load(Ordering::SeqCst) < 2 * (round + 1) {
                            hint::spin_loop();
                        }
                        // Counted: one that failed here would leave the other waiting.
                        got.fetch_add(usize::from(decoded(session).is_some()), Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(got.into_inner(), 2 * ROUNDS);
    }
}
