//! What `SSL_set_session(3)` promises, done and printed: a client chooses the session to come back with.
//!
//! ```console
//! $ cargo run -p session-cache --example set_session
//! ```

use std::sync::Arc;

use session_cache::{
    CacheMode, Connection, IdContext, NewSession, Payload, ProtocolVersion, Role, Session,
    SessionCache, SessionId, Shutdown, Tickets,
};

const VERSION: ProtocolVersion = ProtocolVersion::TLS12;

fn session(cache: &SessionCache) -> Session {
    let id = SessionId::random().expect("the operating system has random bytes");
    let new = NewSession::new(VERSION, id, Payload::borrowed(b"secret"));
    cache.context(IdContext::EMPTY).session(new)
}

fn client_cache() -> Arc<SessionCache> {
    let builder = SessionCache::builder().mode(CacheMode::CLIENT);
    Arc::new(builder.build().expect("the settings are in range"))
}

pub(crate) fn main() {
    let cache = client_cache();
    let mut connection = Connection::new(&cache, Role::Client);
    let (first, second) = (session(&cache), session(&cache));

    assert_eq!(first.references(), 1);
    connection.set_session(Some(first.clone())).expect("it is in no other cache");
    assert_eq!(first.references(), 2);
    println!("set: {} references, one more", first.references());

    connection.set_session(Some(second.clone())).expect("it is in no other cache");
    assert_eq!((first.references(), second.references()), (1, 2));
    println!("set another: the first one is let go of");

    connection.begin(VERSION);
    let offered = connection.offer(|_| true).expect("it is resumable");
    assert!(offered.is_same(&second));
    drop(offered);
    connection.accepted().expect("clients do not compare id contexts");
    connection.finish();
    assert!(connection.is_reused());
    println!("the server resumes it: reused = {}", connection.is_reused());
    connection.set_shutdown(Shutdown::SENT);
    drop(connection);

    let mut connection = Connection::new(&cache, Role::Client);
    connection.set_session(Some(second.clone())).expect("it is in no other cache");
    connection.begin(VERSION);
    connection.offer(|_| true).expect("it is resumable");
    connection.declined();
    assert_eq!(second.references(), 1);
    connection.new_session(NewSession::new(
        VERSION,
        SessionId::random().expect("random bytes"),
        Payload::empty(),
    ));
    connection.established(Tickets::None);
    connection.finish();
    assert!(!connection.is_reused() && cache.len() == 1);
    println!("the server does not: reused = {}, one reference less", connection.is_reused());

    let other = client_cache();
    other.add(&first).expect("it is in no cache");
    assert!(connection.set_session(Some(first)).is_err());
    println!("a session of another cache is refused");

    let open = connection.session_owned().expect("established");
    connection.set_session(None).expect("detaching cannot fail");
    assert!(!open.is_resumable() && cache.is_empty());
    println!(
        "set none while the connection is open: the old one leaves the cache, and is not resumable"
    );
}
