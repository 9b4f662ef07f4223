//! How many contexts can be attached at a time. Alone in its process, which has no room for other attachments
//! meanwhile.

use std::sync::Arc;

use openssl::ssl::{SslContext, SslContextBuilder, SslMethod};
use session_cache::{IdContext, SessionCache};
use session_codec::{Decoder, UnixTime};
use session_openssl::{ATTACHED_MAX, Error, ErrorKind, Options, attach};

use self::peers::{Client, Identity, TLS12, context};

#[allow(dead_code, reason = "of the clients and servers of the handshakes' tests few are needed")]
#[path = "handshakes/peers.rs"]
mod peers;

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
    assert_eq!(id_context_of_one_that_is_refused(&cache), b"its own");
    assert_eq!(Arc::strong_count(&cache), ATTACHED_MAX + 1);
    for place in [0, 31, 32, ATTACHED_MAX - 1] {
        all.swap_remove(place.min(all.len() - 1));
        all.push(attached(&cache).unwrap());
        assert!(attached(&cache).is_err());
    }
    drop(all);
    assert_eq!(Arc::strong_count(&cache), 1);
}

/// What a server that has an id context, and is refused, writes into its sessions.
fn id_context_of_one_that_is_refused(cache: &Arc<SessionCache>) -> Vec<u8> {
    let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
    Identity::new().show(&mut builder);
    builder.set_session_id_context(b"its own").unwrap();
    attach(&mut builder, Arc::clone(cache), context("www"), Options::new()).unwrap_err();
    let pair = Client::new(TLS12).meet(&builder.build(), None);
    let session = pair.server.ssl().session().unwrap().to_der().unwrap();
    let (session, _) = Decoder::new(UnixTime(0)).decode(&session).unwrap();
    session.id_context.as_bytes().to_vec()
}
