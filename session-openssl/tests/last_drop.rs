//! What ends with the last context ends inside of libssl. Alone in its process, which a failure would end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use openssl::ssl::{SslContext, SslMethod};
use session_cache::{Clock, IdContext, SessionCache, UnixTime};
use session_openssl::{ClientSessions, Options, attach};

/// A clock that panics when it is dropped, and says before that it was.
struct Grudge(Arc<AtomicBool>);

impl Clock for Grudge {
    fn now(&self) -> UnixTime {
        UnixTime(1_000)
    }
}

impl Drop for Grudge {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        panic!("not without a word");
    }
}

#[test]
fn panic_at_the_end_of_the_cache_does_not_reach_libssl() {
    let dropped = Arc::new(AtomicBool::new(false));
    let clock = Grudge(Arc::clone(&dropped));
    let cache = Arc::new(SessionCache::builder().clock(clock).build().unwrap());
    let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
    attach(&mut builder, Arc::clone(&cache), IdContext::EMPTY, Options::new()).unwrap();
    drop(cache);
    // libssl frees the context, and with it the cache: a panic that went on would end the process.
    drop(builder);
    assert!(dropped.load(Ordering::Relaxed));
}

#[test]
fn panic_at_the_end_of_a_clients_store_does_not_reach_libssl() {
    let dropped = Arc::new(AtomicBool::new(false));
    let clock = Grudge(Arc::clone(&dropped));
    let mut builder = SslContext::builder(SslMethod::tls_client()).unwrap();
    let sessions = ClientSessions::builder().clock(clock).attach(&mut builder).unwrap();
    drop(sessions);
    assert!(!dropped.load(Ordering::Relaxed));
    // As above: the context has the last of the store.
    drop(builder);
    assert!(dropped.load(Ordering::Relaxed));
}
