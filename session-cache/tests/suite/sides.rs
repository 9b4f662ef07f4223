//! What a connection is told about itself before it begins.

use std::sync::Arc;

use session_cache::{Connection, Role, SessionCache};

use crate::scene::VERSION;

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
