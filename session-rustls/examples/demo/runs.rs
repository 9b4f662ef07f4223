//! One run: every client once with a full handshake, then all of them again and again, resuming.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use indicatif::ProgressBar;
use rustls::HandshakeKind;
use rustls::server::{ServerSessionMemoryCache, StoresServerSessions};
use session_cache::{IdContext, ManualClock, Seconds, SessionCache, UnixTime};
use session_rustls::ServerSessions;

use crate::client::Client;
use crate::identity::Identity;
use crate::memory;
use crate::options::{Options, Version};
use crate::report::{Complaint, Run};
use crate::server::Server;

/// Sessions that rustls stores with each TLS 1.3 handshake, resumed or full: `send_tls13_tickets`.
pub(crate) const TICKETS: usize = 2;

/// Room in a store unless a run needs more: the cache's default.
const CAPACITY_MIN: usize = 20_480;

/// The longest handshake that the percentiles tell from longer ones: a minute, in nanoseconds.
const HANDSHAKE_NANOSECONDS_MAX: u64 = 60_000_000_000;

/// How exact the percentiles are.
const SIGNIFICANT_DIGITS: u8 = 3;

/// Whose store the server uses.
#[derive(Clone, Copy)]
pub(crate) enum Store {
    SessionCache,
    Rustls,
}

impl Store {
    fn name(self) -> &'static str {
        match self {
            Store::SessionCache => "session-cache",
            Store::Rustls => "rustls",
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Begins our cache as the options want it.
pub(crate) fn cache(options: &Options, capacity: usize) -> session_cache::Builder {
    let timeout = Seconds(options.timeout_seconds as u64);
    SessionCache::builder().sessions_max(capacity).timeout(timeout).lifetime_max(timeout)
}

/// A clock that shows today's time and stays there.
pub(crate) fn clock() -> ManualClock {
    let since_1970 = std::time::UNIX_EPOCH.elapsed().unwrap_or(Duration::ZERO);
    ManualClock::new(UnixTime(since_1970.as_secs()))
}

/// What was made for a run: the storage, and our cache behind it if it is ours.
struct Made {
    sessions: Arc<dyn StoresServerSessions>,
    cache: Option<Arc<SessionCache>>,
}

fn make(store: Store, options: &Options, capacity: usize) -> Result<Made, Box<dyn Error>> {
    Ok(match store {
        Store::SessionCache => {
            let cache = Arc::new(cache(options, capacity).build()?);
            let sessions = ServerSessions::new(Arc::clone(&cache), IdContext::EMPTY);
            Made { sessions: Arc::new(sessions), cache: Some(cache) }
        }
        Store::Rustls => Made { sessions: ServerSessionMemoryCache::new(capacity), cache: None },
    })
}

/// Runs one store under one version of the protocol.
pub(crate) fn run(
    identity: &Identity,
    options: &Options,
    version: Version,
    store: Store,
    bar: &ProgressBar,
) -> Result<Run, Box<dyn Error>> {
    let bytes_per_session = memory::bytes_per_session(identity, version, |capacity| {
        Ok(make(store, options, capacity)?.sessions)
    })?;

    let made = make(store, options, capacity(options))?;
    let server = Server::start(identity.server(made.sessions)?, options.threads)?;
    let clients = (0..options.sessions)
        .map(|_| Client::new(identity, version))
        .collect::<Result<Vec<_>, _>>()?;

    let drive = Drive { clients: &clients, address: server.address(), options, bar };
    let first = drive.all(|_| 1, HandshakeKind::Full)?;
    // As many for each client, and one more for the first of them where it does not come out even.
    let (each, more) =
        (options.connections / options.sessions, options.connections % options.sessions);
    let again = drive.all(|client| each + usize::from(client < more), HandshakeKind::Resumed)?;

    let unexpected = first.unexpected + again.unexpected;
    let complaint = first.complaint.as_ref().or(again.complaint.as_ref()).map(|problem| {
        let what = format!("{unexpected} connections on {store}, TLS {version}");
        let advice = options.advice(first.elapsed + again.elapsed);
        Complaint(format!(
            "{what}, did other than they had to; the first of them: {problem}{advice}"
        ))
    });
    Ok(Run {
        store: store.name(),
        tls: version.name(),
        full: first.full + again.full,
        resumed: first.resumed + again.resumed,
        expected: options.connections,
        unexpected,
        full_per_second: first.per_second(first.full),
        resumed_per_second: again.per_second(again.resumed),
        p50_us: again.handshake_microseconds(0.50),
        p99_us: again.handshake_microseconds(0.99),
        bytes_per_session,
        statistics: made.cache.map(|cache| cache.statistics()),
        complaint,
    })
}

/// Room for every session that a run can store, so that none need be evicted.
pub(crate) fn capacity(options: &Options) -> usize {
    CAPACITY_MIN.max(TICKETS * (options.sessions + options.connections))
}

/// All clients against one server.
struct Drive<'a> {
    clients: &'a [Client],
    address: SocketAddr,
    options: &'a Options,
    bar: &'a ProgressBar,
}

impl Drive<'_> {
    /// Lets each client connect as often as `times` says, on several threads; every connection has
    /// to be of the kind `must`.
    fn all(
        &self,
        times: impl Fn(usize) -> usize + Sync,
        must: HandshakeKind,
    ) -> Result<Tally, Box<dyn Error>> {
        let share = self.clients.len().div_ceil(self.options.threads);
        let mut total = Tally::new()?;
        let started = Instant::now();
        thread::scope(|scope| {
            let mut threads = Vec::new();
            for (number, clients) in self.clients.chunks(share).enumerate() {
                let times = &times;
                let tally = Tally::new()?;
                let work =
                    move || self.share(clients, |at| times(number * share + at), must, tally);
                threads.push(scope.spawn(work));
            }
            for thread in threads {
                total.add(thread.join().map_err(|_| "a client's thread panicked")?)?;
            }
            Ok::<(), Box<dyn Error>>(())
        })?;
        total.elapsed = started.elapsed();
        Ok(total)
    }

    /// What one thread does: its clients in turn, round after round, until none has more to do.
    fn share(
        &self,
        clients: &[Client],
        times: impl Fn(usize) -> usize,
        must: HandshakeKind,
        mut tally: Tally,
    ) -> Tally {
        for round in 0.. {
            let turns = clients.iter().enumerate().filter(|(at, _)| times(*at) > round);
            let mut done = true;
            for (_, client) in turns {
                tally.connect(client, self.address, must);
                self.bar.inc(1);
                done = false;
            }
            if done {
                break;
            }
        }
        tally
    }
}

/// What became of some connections.
struct Tally {
    full: usize,
    resumed: usize,
    unexpected: usize,
    /// The first of the unexpected ones.
    complaint: Option<String>,
    /// Nanoseconds of each resumed handshake.
    handshakes: Histogram<u64>,
    elapsed: Duration,
}

impl Tally {
    fn new() -> Result<Tally, hdrhistogram::CreationError> {
        Ok(Tally {
            full: 0,
            resumed: 0,
            unexpected: 0,
            complaint: None,
            handshakes: Histogram::new_with_bounds(
                1,
                HANDSHAKE_NANOSECONDS_MAX,
                SIGNIFICANT_DIGITS,
            )?,
            elapsed: Duration::ZERO,
        })
    }

    fn connect(&mut self, client: &Client, address: SocketAddr, must: HandshakeKind) {
        let problem = match client.connect(address) {
            Ok(seen) => {
                if seen.kind == HandshakeKind::Resumed {
                    self.resumed += 1;
                    self.handshakes.saturating_record(seen.handshake.as_nanos() as u64);
                } else {
                    self.full += 1;
                }
                if seen.kind == must {
                    return;
                }
                format!("it was to be {must:?} and was {:?}", seen.kind)
            }
            Err(error) => format!("it was to be {must:?} and broke: {error}"),
        };
        self.unexpected += 1;
        self.complaint.get_or_insert(problem);
    }

    fn add(&mut self, other: Tally) -> Result<(), hdrhistogram::AdditionError> {
        self.full += other.full;
        self.resumed += other.resumed;
        self.unexpected += other.unexpected;
        self.complaint = self.complaint.take().or(other.complaint);
        self.handshakes.add(other.handshakes)
    }

    fn per_second(&self, connections: usize) -> f64 {
        (connections as f64 / self.elapsed.as_secs_f64()).round()
    }

    fn handshake_microseconds(&self, quantile: f64) -> u64 {
        self.handshakes.value_at_quantile(quantile) / 1_000
    }
}
