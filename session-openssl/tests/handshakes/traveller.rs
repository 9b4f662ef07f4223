//! A client that keeps what servers give it.

use openssl::ssl::{Ssl, SslContext, SslContextBuilder, SslMethod, SslVerifyMode, SslVersion};
use session_cache::{ManualClock, UnixTime};
use session_openssl::{ClientSessions, ClientSessionsBuilder};

use crate::peers::{Pair, START, Scene};

pub(crate) const HOST: &str = "localhost";

/// A client, its store, and the clock by which that counts.
pub(crate) struct Traveller {
    pub(crate) context: SslContext,
    pub(crate) sessions: ClientSessions,
    pub(crate) clock: ManualClock,
}

impl Traveller {
    pub(crate) fn new(version: SslVersion) -> Traveller {
        Traveller::of(version, |sessions| sessions, |_| {})
    }

    pub(crate) fn of(
        version: SslVersion,
        settings: impl FnOnce(ClientSessionsBuilder) -> ClientSessionsBuilder,
        change: impl FnOnce(&mut SslContextBuilder),
    ) -> Traveller {
        let clock = ManualClock::new(UnixTime(START));
        let mut builder = SslContext::builder(SslMethod::tls_client()).unwrap();
        builder.set_min_proto_version(Some(version)).unwrap();
        builder.set_max_proto_version(Some(version)).unwrap();
        change(&mut builder);
        let sessions = settings(ClientSessions::builder().clock(clock.clone()));
        let sessions = sessions.attach(&mut builder).unwrap();
        Traveller { context: builder.build(), sessions, clock }
    }

    /// One that verifies its servers.
    pub(crate) fn careful(version: SslVersion, scene: &Scene) -> Traveller {
        Traveller::of(
            version,
            |sessions| sessions,
            |builder| {
                builder.set_verify(SslVerifyMode::PEER);
                let known = scene.identity.certificate.clone();
                builder.cert_store_mut().add_cert(known).unwrap();
            },
        )
    }

    pub(crate) fn ssl(&self) -> Ssl {
        Ssl::new(&self.context).unwrap()
    }

    /// Connects and closes cleanly, and says whether it resumed.
    pub(crate) fn visits(&self, server: &SslContext) -> bool {
        self.visits_as(server, HOST, 443, |_| {})
    }

    pub(crate) fn visits_as(
        &self,
        server: &SslContext,
        host: &str,
        port: u16,
        change: impl FnOnce(&mut Ssl),
    ) -> bool {
        let mut ssl = self.ssl();
        change(&mut ssl);
        let offered = self.sessions.offer(&mut ssl, host, port).unwrap();
        let mut pair = Pair::new(ssl, Ssl::new(server).unwrap());
        pair.shake_hands().unwrap();
        pair.talk();
        let reused = pair.client.ssl().session_reused();
        assert!(offered || !reused);
        pair.close();
        reused
    }

    pub(crate) fn is_offered(&self, host: &str, port: u16) -> bool {
        self.sessions.offer(&mut self.ssl(), host, port).unwrap()
    }
}
