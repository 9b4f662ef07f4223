//! What ends with the last context ends inside of libssl. Alone in its process, which a failure would end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use openssl::ssl::{SslContext, SslMethod};
use session_cache::{Clock, IdContext, SessionCache, UnixTime};
use session_openssl::{Options, attach};

/// A clock that panics when it is dropped.
struct Grudge;

impl Clock for Grudge {
    fn now(&self) -> UnixTime {
        UnixTime(1_000)
    }
}

impl Drop for Grudge {
    fn drop(&mut self) {
        DROPPED.store(true, Ordering::Relaxed);
        panic!("not without a word");
    }
}

static DROPPED: AtomicBool = AtomicBool::new(false);

#[test]
fn panic_at_the_end_of_the_cache_does_not_reach_libssl() {
    let cache = Arc::new(SessionCache::builder().clock(Grudge).build().unwrap());
    let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
    attach(&mut builder, Arc::clone(&cache), IdContext::EMPTY, Options::new()).unwrap();
    drop(cache);
    // libssl frees the context, and with it the cache: a panic that went on would end the process.
    drop(builder);
    assert!(DROPPED.load(Ordering::Relaxed));
}
