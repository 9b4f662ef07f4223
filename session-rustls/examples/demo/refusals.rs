//! Connections that must not resume, for one reason after another, each really brought about.
//!
//! Every client first makes a session and resumes it once, so that nothing but the reason stands
//! between it and the next resumption.

use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex};

use indicatif::ProgressBar;
use rustls::HandshakeKind;
use rustls::server::StoresServerSessions;
use session_cache::{
    IdContext, ManualClock, ProtocolVersion, Seconds, SessionCache, SessionId, Statistics,
};
use session_rustls::ServerSessions;

use crate::client::{Client, Seen};
use crate::identity::Identity;
use crate::options::{Options, Version};
use crate::report::{Complaint, Refusal};
use crate::runs;
use crate::server::Server;

/// Connections of each kind, under each version.
const ATTEMPTS: usize = 10;

/// Room in a cache from which nothing is to be evicted.
const ROOMY: usize = 1_000;

/// Room in a cache that newcomers are to fill: just what the clients to be evicted store.
const TIGHT: usize = ATTEMPTS * (2 * runs::TICKETS - 1);

/// Why a session must not resume.
#[derive(Clone, Copy)]
pub(crate) enum Reason {
    Replayed,
    Expired,
    Removed,
    Evicted,
    OtherContext,
}

impl Reason {
    pub(crate) const ALL: [Reason; 5] =
        [Reason::Replayed, Reason::Expired, Reason::Removed, Reason::Evicted, Reason::OtherContext];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Reason::Replayed => "replayed ticket",
            Reason::Expired => "expired",
            Reason::Removed => "removed",
            Reason::Evicted => "evicted",
            Reason::OtherContext => "other id context",
        }
    }

    /// How often the cache itself says that it was for this reason.
    fn counted(self, statistics: &Statistics) -> u64 {
        match self {
            Reason::Replayed => statistics.misses,
            Reason::Expired => statistics.expired,
            Reason::Removed => statistics.removed,
            Reason::Evicted => statistics.cache_full,
            Reason::OtherContext => statistics.wrong_context,
        }
    }

    /// A replay is a matter of TLS 1.3: a TLS 1.2 session may be resumed again and again.
    fn versions(self, options: &Options) -> &'static [Version] {
        match self {
            Reason::Replayed => &[Version::Tls13],
            _ => options.tls.versions(),
        }
    }
}

/// Tries every reason, in the versions of the protocol that it is a matter of.
pub(crate) fn run_all(
    identity: &Identity,
    options: &Options,
    bar: &ProgressBar,
) -> Result<Vec<Refusal>, Box<dyn Error>> {
    let mut refusals = Vec::new();
    for reason in Reason::ALL {
        let mut refusal = Refusal { reason, attempts: 0, refused: 0, complaints: Vec::new() };
        for version in reason.versions(options) {
            Attempts::new(identity, options, *version, reason)?.make(&mut refusal)?;
            bar.tick();
        }
        refusals.push(refusal);
    }
    Ok(refusals)
}

/// The attempts for one reason under one version: a cache, two servers on it, and the clients.
struct Attempts<'a> {
    identity: &'a Identity,
    version: Version,
    reason: Reason,
    lifetime: Seconds,
    clock: ManualClock,
    cache: Arc<SessionCache>,
    noted: Arc<Noted>,
    home: Server,
    /// Shares the cache with `home`, but not the id context.
    away: Server,
}

impl<'a> Attempts<'a> {
    fn new(
        identity: &'a Identity,
        options: &Options,
        version: Version,
        reason: Reason,
    ) -> Result<Attempts<'a>, Box<dyn Error>> {
        let clock = runs::clock();
        let room = if matches!(reason, Reason::Evicted) { TIGHT } else { ROOMY };
        let cache = Arc::new(runs::cache(options, room).clock(clock.clone()).build()?);
        let (here, there) = (IdContext::new(b"home")?, IdContext::new(b"away")?);
        let noted = Arc::new(Noted {
            sessions: ServerSessions::new(Arc::clone(&cache), here),
            id_context: here,
            ids: Mutex::default(),
        });
        let strangers = Arc::new(ServerSessions::new(Arc::clone(&cache), there));
        Ok(Attempts {
            identity,
            version,
            reason,
            lifetime: Seconds(options.timeout_seconds as u64),
            clock,
            cache,
            home: Server::start(identity.server(Arc::clone(&noted) as _)?, 1)?,
            away: Server::start(identity.server(strangers)?, 1)?,
            noted,
        })
    }

    fn make(&self, refusal: &mut Refusal) -> Result<(), Box<dyn Error>> {
        let clients = (0..ATTEMPTS)
            .map(|_| Client::new(self.identity, self.version))
            .collect::<Result<Vec<_>, _>>()?;
        let home = self.home.address();
        for client in &clients {
            self.check(client.connect(home), HandshakeKind::Full, refusal);
            self.check(client.connect(home), HandshakeKind::Resumed, refusal);
        }
        self.bring_about(&clients, refusal)?;
        for client in &clients {
            let seen = match self.reason {
                Reason::Replayed => client.connect_copied(home, home),
                Reason::OtherContext => client.connect(self.away.address()),
                _ => client.connect(home),
            };
            refusal.attempts += 1;
            let refused = self.check(seen, HandshakeKind::Full, refusal);
            refusal.refused += usize::from(refused);
        }
        let counted = self.reason.counted(&self.cache.statistics());
        if counted < ATTEMPTS as u64 {
            let what = format!("the cache counted {counted} of {ATTEMPTS} connections");
            refusal.complaints.push(self.complaint(&what));
        }
        Ok(())
    }

    /// Makes the sessions of these clients such as must not resume.
    fn bring_about(&self, clients: &[Client], refusal: &mut Refusal) -> Result<(), Box<dyn Error>> {
        let (home, away) = (self.home.address(), self.away.address());
        match self.reason {
            // Somebody copies the client's first flight and is there before it.
            Reason::Replayed => {}
            Reason::Expired => self.clock.advance(Seconds(self.lifetime.0 + 1)),
            Reason::Removed => self.noted.remove_all(&self.cache),
            Reason::Evicted => {
                // Those who come later expire later, so that the first go first.
                self.clock.advance(Seconds(1));
                let full = self.cache.statistics().stored + TIGHT as u64;
                while self.cache.statistics().stored < full {
                    Client::new(self.identity, self.version)?.connect(home)?;
                }
            }
            // Presented away first, a session resumes at home: the attempt did not use it up.
            Reason::OtherContext => {
                for client in clients {
                    let seen = client.connect_copied(away, home);
                    self.check(seen, HandshakeKind::Resumed, refusal);
                }
            }
        }
        Ok(())
    }

    /// Says whether a connection went as it must, and complains if not.
    fn check(&self, seen: io::Result<Seen>, must: HandshakeKind, refusal: &mut Refusal) -> bool {
        let problem = match seen {
            Ok(seen) if seen.kind == must => return true,
            Ok(seen) => format!("a connection was to be {must:?} and was {:?}", seen.kind),
            Err(error) => format!("a connection was to be {must:?} and broke: {error}"),
        };
        refusal.complaints.push(self.complaint(&problem));
        false
    }

    fn complaint(&self, what: &str) -> Complaint {
        Complaint(format!("{}, TLS {}: {what}", self.reason.name(), self.version))
    }
}

/// Our storage, which also notes under which ids rustls stores, so that they can be removed.
#[derive(Debug)]
struct Noted {
    sessions: ServerSessions,
    id_context: IdContext,
    ids: Mutex<Vec<SessionId>>,
}

impl Noted {
    fn remove_all(&self, cache: &SessionCache) {
        for id in self.ids.lock().expect("nothing panics while it notes").drain(..) {
            cache.context(self.id_context).remove(ProtocolVersion::UNKNOWN, &id);
        }
    }
}

impl StoresServerSessions for Noted {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        if let Ok(id) = SessionId::new(&key) {
            self.ids.lock().expect("nothing panics while it notes").push(id);
        }
        self.sessions.put(key, value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.sessions.get(key)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.sessions.take(key)
    }

    fn can_cache(&self) -> bool {
        self.sessions.can_cache()
    }
}
