//! What `SSL_CTX_sess_set_get_cb(3)` promises, done and printed: when each of the three hooks is called, with
//! what, and who holds the session then.
//!
//! ```console
//! $ cargo run -p session-cache --example session_hooks
//! ```

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use session_cache::{
    Connection, Departure, IdContext, Keep, ManualClock, NewSession, Payload, ProtocolVersion,
    Role, Rules, Seconds, Session, SessionCache, SessionId, Shutdown, Tickets, UnixTime,
};

const VERSION: ProtocolVersion = ProtocolVersion::TLS12;

/// The application's own cache, and what its hooks were called with.
#[derive(Default)]
struct Outside {
    sessions: Mutex<HashMap<SessionId, Session>>,
    calls: Mutex<Vec<String>>,
}

impl Outside {
    fn note(&self, call: String) {
        println!("    {call}");
        self.calls.lock().expect("nobody panics").push(call);
    }

    fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().expect("nobody panics"))
    }
}

fn cache(rules: Rules, keep: Keep, clock: &ManualClock) -> (Arc<SessionCache>, Arc<Outside>) {
    let outside = Arc::new(Outside::default());
    let (new, get, remove) = (Arc::clone(&outside), Arc::clone(&outside), Arc::clone(&outside));
    let cache = SessionCache::builder()
        .rules(rules)
        .timeout(Seconds(300))
        .clock(clock.clone())
        .id_context(IdContext::new(b"example").expect("7 bytes are few enough"))
        .new_hook(move |from, session| {
            let inside = from.cache.len();
            new.note(format!("new: references={} inside={inside}", session.references()));
            if keep == Keep::Yes {
                // The reference is the hook's own: it is kept here until it is dropped.
                new.sessions.lock().expect("nobody panics").insert(session.id(), session);
            }
            keep
        })
        .get_hook(move |inquiry| {
            let found = get.sessions.lock().expect("nobody panics").get(inquiry.id).cloned();
            get.note(format!("get: found={}", found.is_some()));
            found
        })
        .remove_hook(move |left| {
            remove.note(format!("remove: {:?} inside={}", left.why, left.cache.len()));
            assert!(!left.session.is_resumable() || left.why == Departure::Taken);
        })
        .build()
        .expect("the settings are in range");
    (Arc::new(cache), outside)
}

fn handshake(cache: &Arc<SessionCache>, shutdown: Shutdown) -> SessionId {
    let mut connection = Connection::new(cache, Role::Server);
    connection.begin(VERSION);
    let id = connection.new_id().expect("the operating system has random bytes");
    connection.new_session(NewSession::new(VERSION, id, Payload::borrowed(b"secret")));
    connection.established(Tickets::None);
    connection.finish();
    connection.set_shutdown(shutdown);
    id
}

fn resumes(cache: &Arc<SessionCache>, id: &SessionId) -> bool {
    let mut connection = Connection::new(cache, Role::Server);
    connection.begin(VERSION);
    connection.resume(id).expect("an id context is set")
}

pub(crate) fn main() {
    let clock = ManualClock::new(UnixTime(1_000));

    println!("a session is negotiated, and the new hook keeps its reference:");
    let (cache_a, outside) = cache(Rules::DOCUMENTED, Keep::Yes, &clock);
    let id = handshake(&cache_a, Shutdown::SENT);
    // The cache, the connection and the hook hold it.
    assert_eq!(outside.take_calls(), ["new: references=3 inside=1"]);

    println!("it comes back: found inside, no hook is asked");
    assert!(resumes(&cache_a, &id));
    assert!(outside.take_calls().is_empty());

    println!("an id that is not inside: the get hook is asked");
    assert!(!resumes(&cache_a, &SessionId::new(b"unknown").expect("7 bytes")));
    assert_eq!(outside.take_calls(), ["get: found=false"]);

    println!("after a flush it is found by the get hook, which hands a reference over:");
    clock.advance(Seconds(1));
    let session = outside.sessions.lock().expect("nobody panics")[&id].clone();
    assert_eq!(cache_a.flush(UnixTime(0)), 1);
    assert_eq!(outside.take_calls(), ["remove: Flushed inside=0"]);
    // The flush has marked it for everybody who holds it; an outside cache that writes bytes makes a new one.
    let fresh = NewSession::new(VERSION, id, Payload::borrowed(session.payload()))
        .with_created(session.created())
        .build(session.id_context(), session.created());
    outside.sessions.lock().expect("nobody panics").insert(id, fresh.clone());
    assert!(resumes(&cache_a, &id));
    assert_eq!(outside.take_calls(), ["get: found=true"]);
    assert_eq!(cache_a.len(), 1, "it was copied inside");

    println!("a connection that is not closed cleanly: the remove hook");
    handshake(&cache_a, Shutdown::RECEIVED);
    assert_eq!(outside.take_calls(), ["new: references=3 inside=2", "remove: Removed inside=1"]);

    println!("it is too old when it comes back: the remove hook");
    clock.advance(Seconds(400));
    assert!(!resumes(&cache_a, &id));
    assert_eq!(outside.take_calls(), ["remove: Expired inside=0"]);

    println!("the cache is dropped with a session in it: the remove hook");
    handshake(&cache_a, Shutdown::SENT);
    outside.take_calls();
    drop(cache_a);
    assert_eq!(outside.take_calls(), ["remove: Flushed inside=0"]);

    for (rules, stays) in [(Rules::DOCUMENTED, 0), (Rules::OPENSSL, 1)] {
        println!("the new hook refuses, {rules:?}: {stays} inside after it");
        let (cache, outside) = cache(rules, Keep::No, &clock);
        handshake(&cache, Shutdown::SENT);
        assert_eq!(outside.take_calls(), ["new: references=3 inside=1"]);
        assert_eq!(cache.len(), stays);
    }
}
