//! The part of a TLS engine, as far as it drives connections: handshakes without a wire.

use session_cache::{Connection, Role, Session, Shutdown, Tickets};

use crate::scene::{Scene, TLS12, TLS13, id, nameless, new_session, new_session_13};

pub(crate) fn server(scene: &Scene) -> Connection {
    Connection::new(&scene.cache, Role::Server)
}

pub(crate) fn client(scene: &Scene) -> Connection {
    Connection::new(&scene.cache, Role::Client)
}

/// A full handshake of TLS 1.2 in which a session of this number is made.
pub(crate) fn full(connection: &mut Connection, number: u64) {
    connection.begin(TLS12);
    make(connection, number);
}

/// Its second half: once it is clear that nothing is resumed.
pub(crate) fn make(connection: &mut Connection, number: u64) {
    connection.new_session(new_session(number));
    connection.established(Tickets::None);
    connection.finish();
}

/// A full handshake of TLS 1.3 after which sessions of these numbers come as stateful tickets.
pub(crate) fn full_13(connection: &mut Connection, tickets: &[u64]) {
    connection.begin(TLS13);
    connection.new_session(nameless(TLS13));
    connection.finish();
    for &number in tickets {
        ticket(connection, number, Tickets::Stateful);
    }
}

pub(crate) fn ticket(connection: &mut Connection, number: u64, kind: Tickets) {
    connection.attach(new_session_13(number));
    connection.established(kind);
}

/// A server of TLS 1.2 is asked for this session; says whether it resumes it.
pub(crate) fn asks(server: &mut Connection, number: u64) -> bool {
    server.begin(TLS12);
    server.resume(&id(number)).expect("no reason for an alert")
}

/// As `asks`, and if so the handshake is done.
pub(crate) fn comes_back(server: &mut Connection, number: u64) -> bool {
    let resumes = asks(server, number);
    if resumes {
        server.established(Tickets::None);
        server.finish();
    }
    resumes
}

/// A server of TLS 1.3 is asked for this ticket's session.
pub(crate) fn asks_13(server: &mut Connection, number: u64) -> bool {
    server.begin(TLS13);
    server.resume(&id(number)).expect("no reason for an alert")
}

/// A client of TLS 1.2 comes back with a session, and its server agrees.
pub(crate) fn resumes(client: &mut Connection, session: &Session) {
    client.set_session(Some(session.clone())).expect("it is of this cache, or of none");
    client.begin(session.version());
    assert!(client.offer(|_| true).is_some_and(|offered| offered.is_same(session)));
    client.accepted().expect("no reason for an alert");
    if !session.version().is_tls13() {
        client.established(Tickets::None);
    }
    client.finish();
}

/// Closes a connection cleanly.
pub(crate) fn close(mut connection: Connection) {
    connection.set_shutdown(Shutdown::SENT);
}
