//! How many contexts can be attached at a time. Alone in its process, which has no room for other attachments
//! meanwhile.

use std::sync::Arc;

use openssl::ssl::{SslContext, SslContextBuilder, SslMethod};
use session_cache::{IdContext, SessionCache};
use session_openssl::{ATTACHED_MAX, Error, ErrorKind, Options, attach};

fn attached(cache: &Arc<SessionCache>) -> Result<SslContextBuilder, Error> {
    let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
    attach(&mut builder, Arc::clone(cache), IdContext::EMPTY, Options::new())?;
    Ok(builder)
}

#[test]
fn so_many_contexts_are_attached_at_a_time_and_those_that_go_make_room() {
    let cache = Arc::new(SessionCache::builder().build().unwrap());
    let mut all: Vec<_> = (0..ATTACHED_MAX).map(|_| attached(&cache).unwrap()).collect();
    let refused = attached(&cache).map(|_| ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AttachedMax);
    assert!(refused.to_string().contains(&ATTACHED_MAX.to_string()), "{refused}");
    assert_eq!(Arc::strong_count(&cache), ATTACHED_MAX + 1);
    for place in [0, 31, 32, ATTACHED_MAX - 1] {
        all.swap_remove(place.min(all.len() - 1));
        all.push(attached(&cache).unwrap());
        assert!(attached(&cache).is_err());
    }
    drop(all);
    assert_eq!(Arc::strong_count(&cache), 1);
}
