//! OpenSSL, through the `openssl` crate. `NO_TICKET`: the server keeps the sessions, in TLS 1.3 too.

#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::ffi::{c_int, c_uchar, c_uint};
use std::sync::{Arc, Mutex};

use openssl::pkey::PKey;
use openssl::ssl::{
    ErrorCode, Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslSession,
    SslSessionCacheMode, SslStream, SslVersion,
};
use openssl::x509::X509;
use session_cache::{
    IdContext, NewSession, Payload, ProtocolVersion, Seconds, SessionCache, SessionId,
};
use session_openssl::{Options, attach};

use super::identity::Identity;
use super::wire::Wire;
use super::{End, Store, Version, batch, locked};
use crate::ids::{Id, Series};

unsafe extern "C" {
    fn SSL_SESSION_set1_id(
        session: *mut openssl_sys::SSL_SESSION,
        id: *const c_uchar,
        id_bytes: c_uint,
    ) -> c_int;
}

const ID_CONTEXT: &[u8] = b"bench";
const TIMEOUT: Seconds = Seconds(7_200);

struct Server {
    server: SslContext,
    client: SslContext,
    /// None: the context's own.
    cache: Option<Arc<SessionCache>>,
    version: Version,
    /// The DER of a session as a server stores it.
    sample: Vec<u8>,
    sessions: Sessions,
}

/// Of the clients; the next one's first.
type Sessions = Arc<Mutex<VecDeque<SslSession>>>;

/// Makes a server whose cache holds `size` sessions.
pub(super) fn server(version: Version, store: Store, size: usize) -> Box<dyn super::Server> {
    let identity = Identity::new();
    let mut builder = context(version, &identity);
    let cache = match store {
        Store::Ours => {
            let cache = SessionCache::builder().sessions_max(size).bytes_max(0).build();
            let cache = Arc::new(cache.expect("the sizes of the benches are in range"));
            let id_context = IdContext::new(ID_CONTEXT).expect("five bytes");
            let options = Options::new().timeout(TIMEOUT);
            attach(&mut builder, Arc::clone(&cache), id_context, options).expect("a new context");
            Some(cache)
        }
        Store::Own => {
            builder.set_session_cache_mode(SslSessionCacheMode::SERVER);
            let size = size.try_into().expect("the sizes of the benches are in range");
            builder.set_session_cache_size(size);
            None
        }
    };
    let sample = sample(version, &identity);
    Box::new(Server { cache, sample, ..Server::of(builder, version) })
}

fn context(version: Version, identity: &Identity) -> SslContextBuilder {
    let mut builder = SslContextBuilder::new(SslMethod::tls_server()).expect("a context");
    let certificate = X509::from_der(&identity.certificate).expect("a certificate");
    builder.set_certificate(&certificate).expect("a certificate that OpenSSL takes");
    let key = PKey::private_key_from_pkcs8(&identity.key).expect("a key");
    builder.set_private_key(&key).expect("the certificate's key");
    limit(&mut builder, version);
    builder.set_options(SslOptions::NO_TICKET);
    // Of two that a connection is given by default one would be left over.
    builder.set_num_tickets(1).expect("one ticket");
    builder.set_session_id_context(ID_CONTEXT).expect("a context of five bytes");
    builder
}

fn limit(builder: &mut SslContextBuilder, version: Version) {
    let version = match version {
        Version::Tls12 => SslVersion::TLS1_2,
        Version::Tls13 => SslVersion::TLS1_3,
    };
    builder.set_min_proto_version(Some(version)).expect("a version of TLS");
    builder.set_max_proto_version(Some(version)).expect("a version of TLS");
}

/// Has one real handshake done for its session.
fn sample(version: Version, identity: &Identity) -> Vec<u8> {
    let stored = Arc::new(Mutex::new(None));
    let mut builder = context(version, identity);
    builder.set_session_cache_mode(SslSessionCacheMode::SERVER);
    let to = Arc::clone(&stored);
    builder.set_new_session_callback(move |_, session| *locked(&to) = Some(session));
    batch(&Server::of(builder, version), 1, 1, false);
    let session = locked(&stored).take().expect("OpenSSL stores the session of a full handshake");
    session.to_der().expect("a session has a DER form")
}

impl Server {
    fn of(builder: SslContextBuilder, version: Version) -> Server {
        // It verifies nothing, as is this builder's default: a resumed handshake has nothing to verify.
        let mut client = SslContextBuilder::new(SslMethod::tls_client()).expect("a context");
        limit(&mut client, version);
        Server {
            server: builder.build(),
            client: client.build(),
            cache: None,
            version,
            sample: Vec::new(),
            sessions: Sessions::default(),
        }
    }

    fn store_copy(&self, id: &Id) {
        if let Some(cache) = &self.cache {
            let version = match self.version {
                Version::Tls12 => ProtocolVersion::TLS12,
                Version::Tls13 => ProtocolVersion::TLS13,
            };
            let id = SessionId::new(&id.0).expect("32 bytes are an id");
            let session = NewSession::new(version, id, Payload::borrowed(&self.sample));
            let id_context = IdContext::new(ID_CONTEXT).expect("five bytes");
            let stored = cache.context(id_context).insert(session.with_timeout(TIMEOUT));
            stored.expect("there is room");
            return;
        }
        let session = SslSession::from_der(&self.sample).expect("the DER of a session");
        let raw = foreign_types::ForeignType::as_ptr(&session);
        // SAFETY: the session is there, and the id is 32 bytes, as it says.
        let is_set = unsafe { SSL_SESSION_set1_id(raw, id.0.as_ptr(), 32) };
        // SAFETY: the session is fresh, and so in no other context.
        let is_stored = unsafe { self.server.add_session(&session) };
        assert!(is_set == 1 && is_stored, "OpenSSL does not store a session");
    }
}

impl super::Server for Server {
    fn accept(&self, wire: Wire) -> Box<dyn End> {
        let ssl = Ssl::new(&self.server).expect("a connection");
        Box::new(ServerEnd(SslStream::new(ssl, wire).expect("a stream")))
    }

    fn connect(&self, wire: Wire) -> Box<dyn End> {
        let mut ssl = Ssl::new(&self.client).expect("a connection");
        if let Some(session) = locked(&self.sessions).pop_front() {
            // SAFETY: the session was given to a connection of the same context.
            unsafe { ssl.set_session(&session) }.expect("a session of this context");
        }
        let stream = SslStream::new(ssl, wire).expect("a stream");
        Box::new(ClientEnd { stream, sessions: Arc::clone(&self.sessions) })
    }

    fn store_copies(&self, ids: Series, count: u64) {
        (0..count).for_each(|index| self.store_copy(&ids.id(index)));
    }
}

struct ServerEnd(SslStream<Wire>);

impl End for ServerEnd {
    fn step(&mut self) -> bool {
        if !is_over(self.0.accept()) {
            return false;
        }
        say_goodbye(&mut self.0);
        true
    }

    fn is_resumed(&self) -> bool {
        self.0.ssl().session_reused()
    }
}

struct ClientEnd {
    stream: SslStream<Wire>,
    sessions: Sessions,
}

impl End for ClientEnd {
    fn step(&mut self) -> bool {
        if !self.stream.ssl().is_init_finished() && !is_over(self.stream.connect()) {
            return false;
        }
        // Tickets come before the goodbye.
        match self.stream.ssl_read(&mut [0]) {
            Err(error) if error.code() == ErrorCode::ZERO_RETURN => {}
            Err(error) if error.code() == ErrorCode::WANT_READ => return false,
            other => panic!("instead of a goodbye: {other:?}"),
        }
        say_goodbye(&mut self.stream);
        let session = self.stream.ssl().session().expect("a session of the connection");
        locked(&self.sessions).push_back(session.to_owned());
        true
    }

    fn is_resumed(&self) -> bool {
        self.stream.ssl().session_reused()
    }
}

/// libssl drops the session of a connection that ends without.
fn say_goodbye(stream: &mut SslStream<Wire>) {
    stream.shutdown().expect("a goodbye fits the wire");
}

/// Whether a handshake is; panics if it failed.
fn is_over(handshake: Result<(), openssl::ssl::Error>) -> bool {
    match handshake {
        Ok(()) => true,
        Err(error) if error.code() == ErrorCode::WANT_READ => false,
        Err(error) => panic!("a handshake fails: {error:?}"),
    }
}
