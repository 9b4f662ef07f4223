//! An OpenSSL client and an OpenSSL server that talk through memory, and what a test has to know of both.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};

use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{
    ErrorCode, Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslSession,
    SslSessionCacheMode, SslStream, SslVersion,
};
use openssl::x509::{X509, X509NameBuilder};
use session_cache::{Builder, IdContext, ManualClock, Session, SessionCache, Statistics, UnixTime};
use session_openssl::{Attachment, Options, attach};

pub(crate) const TLS12: SslVersion = SslVersion::TLS1_2;
pub(crate) const TLS13: SslVersion = SslVersion::TLS1_3;

/// A certificate that its holder has made for himself.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: X509,
    pub(crate) key: PKey<Private>,
}

impl Identity {
    pub(crate) fn new() -> Identity {
        Identity::made().expect("libcrypto makes certificates")
    }

    fn made() -> Result<Identity, ErrorStack> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
        let mut name = X509NameBuilder::new()?;
        name.append_entry_by_nid(Nid::COMMONNAME, "localhost")?;
        let name = name.build();
        let mut builder = X509::builder()?;
        builder.set_version(2)?;
        builder.set_subject_name(&name)?;
        builder.set_issuer_name(&name)?;
        builder.set_pubkey(&key)?;
        builder.set_not_before(&*Asn1Time::days_from_now(0)?)?;
        builder.set_not_after(&*Asn1Time::days_from_now(2)?)?;
        builder.sign(&key, MessageDigest::sha256())?;
        Ok(Identity { certificate: builder.build(), key })
    }

    pub(crate) fn show(&self, builder: &mut SslContextBuilder) {
        builder.set_certificate(&self.certificate).unwrap();
        builder.set_private_key(&self.key).unwrap();
    }
}

/// A cache whose clock stands still, and servers that share it.
pub(crate) struct Scene {
    pub(crate) identity: Identity,
    pub(crate) cache: Arc<SessionCache>,
    pub(crate) clock: ManualClock,
}

/// Where a scene's clock begins: not where libssl's is.
pub(crate) const START: u64 = 1_000_000;

impl Scene {
    pub(crate) fn new() -> Scene {
        Scene::of(|builder| builder)
    }

    pub(crate) fn of(change: impl FnOnce(Builder) -> Builder) -> Scene {
        let clock = ManualClock::new(UnixTime(START));
        let cache = change(SessionCache::builder()).clock(clock.clone()).build().unwrap();
        Scene { identity: Identity::new(), cache: Arc::new(cache), clock }
    }

    /// A server whose sessions stay in the cache, under the id context `www`.
    pub(crate) fn server(&self) -> SslContext {
        self.server_of("www", Options::new(), |_| {}).0
    }

    pub(crate) fn server_of(
        &self,
        id_context: &str,
        options: Options,
        change: impl FnOnce(&mut SslContextBuilder),
    ) -> (SslContext, Attachment) {
        let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
        self.identity.show(&mut builder);
        builder.set_options(SslOptions::NO_TICKET);
        change(&mut builder);
        let attachment =
            attach(&mut builder, Arc::clone(&self.cache), context(id_context), options).unwrap();
        (builder.build(), attachment)
    }

    pub(crate) fn statistics(&self) -> Statistics {
        self.cache.statistics()
    }

    pub(crate) fn sessions(&self) -> Vec<Session> {
        let mut sessions = Vec::new();
        self.cache.for_each(|session| sessions.push(session.clone()));
        sessions
    }
}

pub(crate) fn context(name: &str) -> IdContext {
    IdContext::new(name.as_bytes()).unwrap()
}

/// A client that writes down the sessions that it is given.
pub(crate) struct Client {
    pub(crate) context: SslContext,
    pub(crate) sessions: Arc<Mutex<Vec<SslSession>>>,
    pub(crate) name: Option<String>,
}

impl Client {
    pub(crate) fn new(version: SslVersion) -> Client {
        Client::of(version, |_| {})
    }

    pub(crate) fn of(version: SslVersion, change: impl FnOnce(&mut SslContextBuilder)) -> Client {
        let mut builder = SslContext::builder(SslMethod::tls_client()).unwrap();
        builder.set_min_proto_version(Some(version)).unwrap();
        builder.set_max_proto_version(Some(version)).unwrap();
        builder.set_session_cache_mode(
            SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL_STORE,
        );
        let sessions: Arc<Mutex<Vec<SslSession>>> = Arc::default();
        let written = Arc::clone(&sessions);
        builder.set_new_session_callback(move |_, session| written.lock().unwrap().push(session));
        change(&mut builder);
        Client { context: builder.build(), sessions, name: None }
    }

    /// The same client, which asks for a server of this name.
    pub(crate) fn named(mut self, name: &str) -> Client {
        self.name = Some(name.to_string());
        self
    }

    pub(crate) fn connection(&self, session: Option<&SslSession>) -> Ssl {
        self.sessions.lock().unwrap().clear();
        let mut ssl = Ssl::new(&self.context).unwrap();
        if let Some(name) = &self.name {
            ssl.set_hostname(name).unwrap();
        }
        if let Some(session) = session {
            // SAFETY: the session was made by this client's context.
            unsafe { ssl.set_session(session) }.unwrap();
        }
        ssl
    }

    /// Connects, says a word each way, and closes cleanly.
    pub(crate) fn visit(&self, server: &SslContext, session: Option<&SslSession>) -> Visit {
        let mut pair = self.meet(server, session);
        let visit = pair.visit(self);
        pair.close();
        visit
    }

    /// Connects with a session that it was given before, copied, so that what becomes of the connection changes
    /// nothing in it.
    pub(crate) fn returns(&self, server: &SslContext, session: &SslSession) -> bool {
        self.visit(server, Some(&copied(session))).reused
    }

    pub(crate) fn meet(&self, server: &SslContext, session: Option<&SslSession>) -> Pair {
        let mut pair = Pair::new(self.connection(session), Ssl::new(server).unwrap());
        pair.shake_hands().unwrap();
        pair
    }
}

pub(crate) fn copied(session: &SslSession) -> SslSession {
    SslSession::from_der(&session.to_der().unwrap()).unwrap()
}

/// What became of a connection.
pub(crate) struct Visit {
    pub(crate) reused: bool,
    /// What the client was given.
    pub(crate) sessions: Vec<SslSession>,
}

/// Both ends of one connection.
pub(crate) struct Pair {
    pub(crate) client: SslStream<End>,
    pub(crate) server: SslStream<End>,
}

impl Pair {
    pub(crate) fn new(mut client: Ssl, mut server: Ssl) -> Pair {
        let (here, there) = End::pair();
        client.set_connect_state();
        server.set_accept_state();
        let client = SslStream::new(client, here).unwrap();
        let server = SslStream::new(server, there).unwrap();
        Pair { client, server }
    }

    /// Goes on until both are done, or one fails.
    pub(crate) fn shake_hands(&mut self) -> Result<(), String> {
        for _ in 0..20 {
            let client = goes_on(&mut self.client)?;
            let server = goes_on(&mut self.server)?;
            if client && server {
                return Ok(());
            }
        }
        Err("no end of it".to_string())
    }

    pub(crate) fn visit(&mut self, client: &Client) -> Visit {
        self.talk();
        let reused = self.server.ssl().session_reused();
        assert_eq!(self.client.ssl().session_reused(), reused);
        Visit { reused, sessions: std::mem::take(&mut client.sessions.lock().unwrap()) }
    }

    /// Says a word each way; with it the client reads what tickets came.
    pub(crate) fn talk(&mut self) {
        let mut word = [0; 4];
        self.client.write_all(b"ping").unwrap();
        self.server.read_exact(&mut word).unwrap();
        self.server.write_all(b"pong").unwrap();
        self.client.read_exact(&mut word).unwrap();
        assert_eq!(&word, b"pong");
    }

    pub(crate) fn close(mut self) {
        self.client.shutdown().unwrap();
        self.server.shutdown().unwrap();
    }
}

/// Whether an end is done.
fn goes_on(end: &mut SslStream<End>) -> Result<bool, String> {
    match end.do_handshake() {
        Ok(()) => Ok(true),
        Err(error) if error.code() == ErrorCode::WANT_READ => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}

/// One end of a pair of buffers.
pub(crate) struct End {
    incoming: Arc<Mutex<VecDeque<u8>>>,
    outgoing: Arc<Mutex<VecDeque<u8>>>,
    /// All that was ever written here.
    pub(crate) written: Vec<u8>,
}

impl End {
    pub(crate) fn pair() -> (End, End) {
        let (one, other) = (Arc::default(), Arc::default());
        let end = |incoming: &Arc<_>, outgoing: &Arc<_>| End {
            incoming: Arc::clone(incoming),
            outgoing: Arc::clone(outgoing),
            written: Vec::new(),
        };
        (end(&one, &other), end(&other, &one))
    }
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.incoming.lock().unwrap().read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            many => Ok(many),
        }
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.extend_from_slice(bytes);
        self.outgoing.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
