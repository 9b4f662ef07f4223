//! What a connection is told about itself before it begins.

use std::sync::Arc;

use session_cache::{Connection, Role, SessionCache};

use crate::scene::{VERSION, session};

#[test]
fn side_can_be_chosen_until_a_handshake_begins() {
    let cache = Arc::new(SessionCache::builder().build().unwrap());
    let mut connection = Connection::new(&cache, Role::Server);
    assert!(connection.set_role(Role::Client));
    connection.begin(VERSION);
    assert!(!connection.set_role(Role::Server));
    assert_eq!(connection.role(), Role::Client);
    assert_eq!((cache.statistics().connect, cache.statistics().accept), (1, 0));
}

#[test]
fn what_verifying_came_to_is_kept_where_it_was_said_and_good_where_not() {
    let cache = Arc::new(SessionCache::builder().build().unwrap());
    let mut connection = Connection::new(&cache, Role::Server);
    connection.begin(VERSION);
    assert_eq!(connection.new_session(session(1)).verify_result(), 0);
    assert_eq!(connection.new_session(session(2).with_verify_result(18)).verify_result(), 18);
    assert_eq!(connection.verify_result(), 18);
}
