//! What ends with the last context ends inside of libssl. Alone in its process, where whoever drops what others have
//! removed is the test's own thread.

use std::sync::Arc;

use openssl::ssl::{SslContext, SslMethod};
use session_cache::{
    IdContext, NewSession, Payload, PayloadObject, ProtocolVersion, SessionCache, SessionId,
};
use session_openssl::{Options, attach};

/// A payload that panics when it is dropped.
struct Grudge;

impl PayloadObject for Grudge {
    fn size_bytes(&self) -> usize {
        0
    }

    fn duplicate(&self) -> Box<dyn PayloadObject> {
        Box::new(Grudge)
    }
}

impl Drop for Grudge {
    fn drop(&mut self) {
        panic!("not without a word");
    }
}

#[test]
fn panic_at_the_end_of_the_cache_does_not_reach_libssl() {
    let cache = Arc::new(SessionCache::builder().build().unwrap());
    let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
    attach(&mut builder, Arc::clone(&cache), IdContext::EMPTY, Options::new()).unwrap();
    let id = SessionId::random().unwrap();
    let grudge = NewSession::new(ProtocolVersion::TLS12, id, Payload::object(Grudge));
    cache.context(IdContext::EMPTY).insert(grudge).unwrap();
    drop(cache);
    // An unwinding panic would end the process here.
    drop(builder);
}
