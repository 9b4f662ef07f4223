//! Our caches, with hooks that write down what they are told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use session_cache::{
    CacheMode, IdContext, Keep, ManualClock, Payload, PayloadObject, Rules, Session, SessionCache,
    SessionId,
};

use crate::handshakes::script::{GENERATED, Of, Setup};
use crate::handshakes::seen::Told;

/// What hooks share: what they were told, and what they keep outside.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) told: Mutex<Vec<OurTold>>,
    outside: Mutex<HashMap<Vec<u8>, Session>>,
}

pub(super) enum OurTold {
    New { context: usize, session: Session, resumable: bool },
    Removed { context: usize, session: Session, resumable: bool },
    Asked { id: Vec<u8>, answer: Option<Session> },
}

/// The serial number of a session's twin; copies begin with their source's.
pub(super) struct Tag(pub(super) AtomicU64);

impl OurTold {
    pub(super) fn named(&self) -> Told {
        match self {
            OurTold::New { context, session, resumable } => {
                Told::New { context: *context, serial: serial_of(session), resumable: *resumable }
            }
            OurTold::Removed { context, session, resumable } => Told::Removed {
                context: *context,
                serial: serial_of(session),
                resumable: *resumable,
            },
            OurTold::Asked { id, answer } => {
                Told::Asked { id: id.clone(), answer: answer.as_ref().map_or(0, serial_of) }
            }
        }
    }
}

impl Tag {
    pub(super) fn payload() -> Payload<'static> {
        Payload::object(Tag(AtomicU64::new(0)))
    }
}

impl PayloadObject for Tag {
    fn size_bytes(&self) -> usize {
        0
    }

    fn duplicate(&self) -> Box<dyn PayloadObject> {
        Box::new(Tag(AtomicU64::new(self.0.load(Ordering::Relaxed))))
    }
}

pub(super) fn tag(session: &Session) -> &Tag {
    session.payload_object().expect("every session here has one")
}

pub(super) fn serial_of(session: &Session) -> u64 {
    tag(session).0.load(Ordering::Relaxed)
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn new_cache(
    setup: &Setup,
    context: usize,
    clock: &ManualClock,
    shared: &Arc<Shared>,
) -> Arc<SessionCache> {
    let is_outside = setup.outside && context == Of::Server as usize;
    let mode = if context == Of::Client as usize { setup.client_mode } else { setup.server_mode };
    let (for_new, for_get, for_remove) =
        (Arc::clone(shared), Arc::clone(shared), Arc::clone(shared));
    let mut builder = SessionCache::builder()
        .rules(Rules::OPENSSL)
        .mode(CacheMode::from_bits(mode))
        .id_context(IdContext::new(setup.id_context).expect("a short one"))
        // Built for few it has one shard, and keeps even equals in order.
        .sessions_max(16)
        .clock(clock.clone())
        .new_hook(move |_, session| {
            let resumable = session.is_resumable();
            lock(&for_new.told).push(OurTold::New { context, session: session.clone(), resumable });
            if is_outside {
                lock(&for_new.outside).insert(session.id().as_bytes().to_vec(), session);
            }
            if is_outside { Keep::Yes } else { Keep::No }
        });
    if setup.remove_hook || context != Of::Server as usize {
        builder = builder.remove_hook(move |left| {
            let (session, resumable) = (left.session.clone(), left.session.is_resumable());
            if is_outside {
                lock(&for_remove.outside).remove(session.id().as_bytes());
            }
            lock(&for_remove.told).push(OurTold::Removed { context, session, resumable });
        });
    }
    if is_outside {
        builder = builder.get_hook(move |inquiry| {
            let id = inquiry.id.as_bytes().to_vec();
            let answer = lock(&for_get.outside).get(&id).cloned();
            lock(&for_get.told).push(OurTold::Asked { id, answer: answer.clone() });
            answer
        });
    }
    if setup.generator && context != Of::Client as usize {
        let id = SessionId::new(GENERATED).expect("of 1 to 32 bytes");
        builder = builder.generator(move |_| Some(id));
    }
    let cache = builder.build().expect("random bytes for its hash");
    cache.set_sessions_max(20_480).expect("below the most");
    Arc::new(cache)
}
