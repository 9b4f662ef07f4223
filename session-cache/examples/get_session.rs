//! What `SSL_get_session(3)` promises, done and printed: a borrow costs no count, an owned reference stays
//! valid, and what becomes of a session whose connection is not closed cleanly.
//!
//! ```console
//! $ cargo run -p session-cache --example get_session
//! ```

use std::sync::Arc;

use session_cache::{
    CacheMode, Connection, IdContext, NewSession, Payload, ProtocolVersion, Role, SessionCache,
    SessionId, Shutdown, Tickets, UnixTime,
};

fn server() -> Arc<SessionCache> {
    let id_context = IdContext::new(b"example").expect("7 bytes are few enough");
    let builder = SessionCache::builder().id_context(id_context).mode(CacheMode::BOTH);
    Arc::new(builder.build().expect("the settings are in range"))
}

fn tls12(cache: &Arc<SessionCache>) -> Connection {
    let mut connection = Connection::new(cache, Role::Server);
    connection.begin(ProtocolVersion::TLS12);
    let id = connection.new_id().expect("the operating system has random bytes");
    let new = NewSession::new(ProtocolVersion::TLS12, id, Payload::borrowed(b"secret"));
    connection.new_session(new);
    connection.established(Tickets::None);
    connection.finish();
    connection
}

pub(crate) fn main() {
    let cache = server();
    let none = Connection::new(&cache, Role::Server);
    assert!(none.session().is_none());
    println!("before there is a session: none");

    let mut connection = tls12(&cache);
    let before = connection.session().expect("established").references();
    let borrowed = connection.session().expect("established");
    assert_eq!(borrowed.references(), before);
    println!("get0: {} references, as before", borrowed.references());

    let owned = connection.session_owned().expect("established");
    assert_eq!(owned.references(), before + 1);
    println!("get1: {} references, one more", owned.references());

    connection.set_shutdown(Shutdown::SENT);
    drop(connection);
    assert!(owned.is_resumable() && cache.len() == 1);
    println!("closed cleanly: the session stays in the cache, and resumable");

    cache.flush(UnixTime(0));
    assert_eq!(owned.references(), 1);
    assert_eq!(owned.payload(), b"secret");
    println!("flushed: the owned reference is the last, and still reads its {} bytes", 6);

    let unclean = tls12(&cache);
    let owned = unclean.session_owned().expect("established");
    drop(unclean);
    assert!(!owned.is_resumable() && cache.is_empty());
    println!("not closed cleanly: out of the cache, and not resumable");

    println!("TLS 1.3, a client:");
    let mut client = Connection::new(&cache, Role::Client);
    let version = ProtocolVersion::TLS13;
    client.begin(version);
    client.new_session(NewSession::new(version, SessionId::EMPTY, Payload::borrowed(b"secret")));
    client.finish();
    let early = client.session_owned().expect("there is one");
    assert!(!early.is_resumable());
    println!("  before a ticket came: a session that cannot be resumed");
    for ticket in 1..=2 {
        let id = SessionId::random().expect("the operating system has random bytes");
        let new = early.to_new().with_id(id).with_payload(Payload::borrowed(b"a ticket's secret"));
        client.attach(new);
        client.established(Tickets::Stateful);
        let last = client.session().expect("just attached");
        assert!(last.is_resumable() && last.id() == id && !early.is_resumable());
        println!("  ticket {ticket}: the session is now the last one received");
    }
    assert_eq!(cache.len(), 2);
    println!("  both are in the cache, each its own session");
}
