//! Run (c): two of our connections over our caches, driven by what happened in run (a).
//!
//! What a TLS engine decides is an input: versions, ids, tickets, whether one could be opened, messages,
//! alerts, shutdown flags. What a cache decides is a result, and is compared: what is offered, what is
//! resumed, what is stored, counted, marked and told.
//!
//! Our sessions carry the serial number of their twin. A session that was just made has none until the next
//! event shows what the connection in run (a) has attached.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use session_cache::{
    CacheMode, Connection, Fatal, IdContext, Keep, ManualClock, NewSession, Payload, PayloadObject,
    ProtocolVersion, Role, Rules, Seconds, Session, SessionCache, SessionId, Shutdown, Tickets,
    UnixTime,
};

use super::message::{self, ClientHello, NewTicket, ServerHello};
use super::script::{Of, Setup, Step};
use super::seen::{CONTEXTS, PeerSeen, Seen, Told};
use crate::functions::counters;
use crate::libssl::trace::{Attached, Event, Peer, What};
use crate::libssl::{clock, sha256};

pub(crate) struct Replay {
    setup: Setup,
    clock: ManualClock,
    /// Before the caches: they go first.
    connections: Vec<[Option<End>; 2]>,
    picked: usize,
    saved: Vec<Session>,
    /// What stateless tickets hold, by ticket.
    tickets: HashMap<Vec<u8>, Session>,
    caches: [Arc<SessionCache>; CONTEXTS],
    shared: Arc<Shared>,
    client_version_max: u16,
    /// What a TLS engine would see that cannot be.
    complaints: Vec<String>,
}

/// One end of a connection.
struct End {
    connection: Connection,
    version: ProtocolVersion,
    /// The attached session was made here and has no serial number yet.
    is_fresh: bool,
    hello: ClientHello,
    /// How many of the offered tickets were opened, or could not be.
    opened: usize,
    offered: Option<Session>,
    /// Our server resumes a session in this handshake.
    resumes: bool,
    handshakes: usize,
    /// We have said that the handshake fails.
    fails: bool,
}

/// What hooks share: what they were told, and what they keep outside.
#[derive(Default)]
struct Shared {
    told: Mutex<Vec<OurTold>>,
    outside: Mutex<HashMap<Vec<u8>, Session>>,
}

enum OurTold {
    New { context: usize, session: Session, resumable: bool },
    Removed { context: usize, session: Session, resumable: bool },
    Asked { id: Vec<u8>, answer: Option<Session> },
}

/// The serial number of a session's twin; copies begin with their source's.
struct Tag(AtomicU64);

impl Replay {
    pub(crate) fn new(setup: &Setup) -> Replay {
        let clock = ManualClock::new(UnixTime(clock::BEGIN as u64));
        let shared = Arc::new(Shared::default());
        let caches = std::array::from_fn(|context| new_cache(setup, context, &clock, &shared));
        Replay {
            setup: setup.clone(),
            clock,
            connections: Vec::new(),
            picked: 0,
            saved: Vec::new(),
            tickets: HashMap::new(),
            caches,
            shared,
            client_version_max: setup.version,
            complaints: Vec::new(),
        }
    }

    fn cache(&self, of: Of) -> &Arc<SessionCache> {
        &self.caches[of as usize]
    }

    fn end(&mut self, of: Of) -> &mut End {
        let end = &mut self.connections[self.picked][usize::from(of == Of::Server)];
        end.as_mut().expect("scripts do not use what they have freed")
    }

    /// Does a step by what run (a) saw of it; `inputs` are the versions and shutdown flags after it, of each
    /// end, and `seen` what libssl shows.
    pub(crate) fn apply(
        &mut self,
        step: &Step,
        events: &[Event],
        inputs: &[Option<(u16, (bool, bool))>],
        seen: &Seen,
    ) {
        self.call(step);
        for (end, input) in self.connections.iter_mut().flatten().zip(inputs) {
            if let (Some(end), Some((version, _))) = (end, input) {
                end.version = ProtocolVersion(*version);
            }
        }
        for event in events {
            self.play(event);
        }
        for (at, end) in self.connections.iter_mut().flatten().enumerate() {
            let (Some(end), Some((_, (sent, received)))) = (end, inputs[at]) else { continue };
            end.connection.set_shutdown(Shutdown { sent, received });
            if let Some(serial) = seen.peers[at].as_ref().and_then(|peer| peer.session) {
                end.bind(serial);
            }
            if std::mem::take(&mut end.fails) {
                self.complaints.push("our server fails the handshake, libssl's does not".into());
            }
        }
    }

    /// What the application does.
    fn call(&mut self, step: &Step) {
        match *step {
            Step::Connect(offer) => self.connect(offer),
            Step::Pick(connection) => self.picked = connection,
            Step::Save => {
                let session = self.end(Of::Client).connection.session_owned();
                self.saved.push(session.expect("libssl's client has one"));
            }
            Step::Free(of) => {
                self.connections[self.picked][usize::from(of == Of::Server)] = None;
            }
            Step::Clear(of) => {
                let end = self.end(of);
                end.connection.clear();
                end.handshakes = 0;
            }
            Step::SetSession(saved) => {
                let session = saved.map(|saved| self.saved[saved].clone());
                if self.end(Of::Client).connection.set_session(session).is_err() {
                    self.complaints.push("our client does not attach the session".into());
                }
            }
            Step::Advance(seconds) => self.clock.advance(Seconds(seconds as u64)),
            Step::Mode(of, bits) => {
                self.cache(of).set_mode(CacheMode::from_bits(bits));
            }
            Step::Size(of, sessions) => {
                self.cache(of).set_sessions_max(sessions as usize).expect("below the most");
            }
            Step::Timeout(of, seconds) => {
                self.cache(of).set_timeout(Seconds(seconds as u64));
            }
            Step::Flush(of, after) => {
                let at = self.cache(of).now().0.saturating_add_signed(after);
                self.cache(of).flush(UnixTime(at));
            }
            Step::IdContext(of, id_context) => {
                let id_context = IdContext::new(id_context).expect("a short one");
                let changed = self.cache(of).change(|settings| settings.id_context = id_context);
                changed.expect("no limit is changed");
            }
            Step::VersionMax(Of::Client, version) => self.client_version_max = version,
            Step::VerifyPeer(on) => self.setup.verify_peer = on,
            Step::Stateless(on) => self.setup.stateless = on,
            Step::Add(saved) => {
                // Whether it was there already is seen by the number.
                let _ = self.cache(Of::Client).add(&self.saved[saved]);
            }
            Step::Remove(saved) => {
                self.cache(Of::Client).remove(&self.saved[saved]);
            }
            // All of it is in the events, or the engine's own.
            Step::Shutdown(_)
            | Step::Garbage(_)
            | Step::Cut(_)
            | Step::Reconnect
            | Step::Renegotiate
            | Step::VersionMax(Of::Server, _)
            | Step::Tickets(_) => {}
        }
    }

    fn connect(&mut self, offer: Option<usize>) {
        let mut client = End::new(self.cache(Of::Client), Role::Client);
        let mut server = End::new(self.cache(Of::Server), Role::Server);
        server.connection.set_verify_peer(self.setup.verify_peer);
        if let Some(offer) = offer {
            if client.connection.set_session(Some(self.saved[offer].clone())).is_err() {
                self.complaints.push("our client does not attach the session".into());
            }
        }
        self.picked = self.connections.len();
        self.connections.push([Some(client), Some(server)]);
    }

    fn play(&mut self, event: &Event) {
        match event {
            Event::New { peer, serial, .. } => {
                if let Some(end) = self.end_of(*peer) {
                    end.bind(*serial);
                }
            }
            Event::Connection { peer, attached, what } => {
                let is_sent = matches!(what, What::Message { sent: true, .. });
                if let (Some(end), Some(attached), false) = (self.end_of(*peer), attached, is_sent)
                {
                    end.bind(attached.serial);
                }
                self.act(*peer, attached.as_ref(), what);
                // What is sent is made first.
                if let (Some(end), Some(attached), true) = (self.end_of(*peer), attached, is_sent) {
                    end.bind(attached.serial);
                }
            }
            _ => {}
        }
    }

    fn end_of(&mut self, peer: Peer) -> Option<&mut End> {
        self.connections.get_mut(peer.connection)?[usize::from(peer.is_server)].as_mut()
    }

    fn act(&mut self, peer: Peer, attached: Option<&Attached>, what: &What) {
        // Messages to an end that is being freed concern nobody.
        let Some(mut end) = self.connections[peer.connection][usize::from(peer.is_server)].take()
        else {
            return;
        };
        match what {
            What::Started => end.connection.begin(end.version),
            What::Done => end.done(),
            What::Alert { sent: true, fatal: true } => {
                end.fails = false;
                end.connection.fatal_alert_sent();
            }
            What::Alert { sent: false, fatal: true } => end.connection.fatal_alert_received(),
            What::Alert { .. } => {}
            What::Switched => end.connection.switch_cache(&self.caches[2]),
            What::TicketOpened(serial) => self.ticket_opened(&mut end, *serial),
            What::Message { sent, message } => {
                let kind = message.first().copied().unwrap_or_default();
                match (peer.is_server, *sent, kind) {
                    (false, true, message::CLIENT_HELLO) => {
                        self.client_hello_sent(&mut end, attached, message);
                    }
                    (false, false, message::SERVER_HELLO) => {
                        self.server_hello_received(&mut end, message);
                    }
                    (false, false, message::NEW_SESSION_TICKET) => {
                        self.ticket_received(&mut end, message);
                    }
                    (true, false, message::CLIENT_HELLO) => {
                        self.client_hello_received(&mut end, message);
                    }
                    (true, true, message::SERVER_HELLO) => {
                        self.server_hello_sent(&mut end, message);
                    }
                    (true, true, message::NEW_SESSION_TICKET) => {
                        self.ticket_sent(&mut end, attached, message);
                    }
                    _ => {}
                }
            }
        }
        self.connections[peer.connection][usize::from(peer.is_server)] = Some(end);
    }

    fn client_hello_sent(&mut self, end: &mut End, attached: Option<&Attached>, message: &[u8]) {
        let hello = ClientHello::parse(message).expect("libssl's own message");
        if end.handshakes > 0 {
            // A renegotiation asks for a new session.
            end.offered = None;
            return;
        }
        let version_max = self.client_version_max;
        end.offered = end.connection.offer(|version| version.0 <= version_max);
        let has_id = attached
            .is_some_and(|attached| !attached.id.is_empty() && attached.id == hello.session_id);
        let theirs = has_id || !hello.identities.is_empty();
        if end.offered.is_some() != theirs {
            let ours = end.offered.is_some();
            self.complaints
                .push(format!("the client offers its session: libssl {theirs}, ours {ours}"));
        }
        if end.connection.session().is_none() {
            end.begin_session(NewSession::new(end.version, SessionId::EMPTY, Tag::payload()));
        }
    }

    fn server_hello_received(&mut self, end: &mut End, message: &[u8]) {
        let hello = ServerHello::parse(message).expect("libssl's own message");
        let is_tls13 = end.version.is_tls13();
        let is_accepted = end.offered.as_ref().is_some_and(|offered| {
            let is_same = offered.id().as_bytes() == hello.session_id;
            if is_tls13 { hello.has_psk } else { !hello.session_id.is_empty() && is_same }
        });
        if is_accepted {
            end.fails = end.connection.accepted().is_err();
            return;
        }
        end.connection.declined();
        let id = if is_tls13 { SessionId::EMPTY } else { id_of(&hello.session_id) };
        end.begin_session(NewSession::new(end.version, id, Tag::payload()));
    }

    fn ticket_received(&mut self, end: &mut End, message: &[u8]) {
        let is_tls13 = end.version.is_tls13();
        let ticket = NewTicket::parse(message, is_tls13).expect("libssl's own message");
        let Some(session) = end.connection.session() else { return };
        if ticket.ticket.is_empty() {
            return;
        }
        let mut new = session
            .to_new()
            .with_id(id_of(&sha256(&ticket.ticket)))
            .with_ticket(Seconds(ticket.lifetime_seconds.into()));
        if is_tls13 {
            new = new.with_created(end.connection.cache().now());
        }
        end.attach(new);
        if is_tls13 {
            end.connection.established(Tickets::Stateless);
        }
    }

    fn client_hello_received(&mut self, end: &mut End, message: &[u8]) {
        end.hello = ClientHello::parse(message).expect("libssl's own message");
        end.opened = 0;
        end.resumes = false;
        let id = id_of(&end.hello.session_id);
        let is_single_use = self.setup.is_single_use();
        if !end.version.is_tls13() {
            let has_ticket = self.setup.stateless && !end.hello.ticket.is_empty();
            if !has_ticket && !id.is_empty() {
                let answer = end.connection.resume(&id);
                end.take_answer(answer);
            }
        } else if is_single_use || !self.setup.stateless {
            for identity in end.hello.identities.clone() {
                // A ticket that is no id is none of ours.
                if identity.len() != 32 {
                    continue;
                }
                let id = id_of(&identity);
                let answer = if is_single_use {
                    end.connection.resume_once(&id)
                } else {
                    end.connection.resume(&id)
                };
                end.take_answer(answer);
                if end.resumes || end.fails {
                    return;
                }
            }
        }
    }

    fn ticket_opened(&mut self, end: &mut End, serial: Option<u64>) {
        let is_tls13 = end.version.is_tls13();
        let ticket = if is_tls13 {
            end.hello.identities.get(end.opened).cloned().unwrap_or_default()
        } else {
            end.hello.ticket.clone()
        };
        end.opened += 1;
        let Some(serial) = serial else { return };
        let Some(held) = self.tickets.get(&ticket) else {
            self.complaints.push("libssl opened a ticket that was never sent".into());
            return;
        };
        let mut new = held.to_new();
        if !is_tls13 && !end.hello.session_id.is_empty() {
            new = new.with_id(id_of(&end.hello.session_id));
        }
        let session = new.build(held.id_context(), held.created());
        tag(&session).0.store(serial, Ordering::Relaxed);
        let answer = end.connection.resume_ticket(session);
        end.take_answer(answer);
    }

    fn server_hello_sent(&mut self, end: &mut End, message: &[u8]) {
        let hello = ServerHello::parse(message).expect("libssl's own message");
        let is_tls13 = end.version.is_tls13();
        let is_echo = !hello.session_id.is_empty() && hello.session_id == end.hello.session_id;
        let theirs = if is_tls13 { hello.has_psk } else { is_echo };
        let ours = end.resumes;
        if theirs != ours {
            self.complaints.push(format!("the server resumes: libssl {theirs}, ours {ours}"));
        }
        if !theirs {
            let id = if is_tls13 { SessionId::EMPTY } else { id_of(&hello.session_id) };
            end.begin_session(NewSession::new(end.version, id, Tag::payload()));
            if let (true, Some(session)) = (self.setup.not_resumable, end.connection.session()) {
                session.mark_not_resumable();
            }
        }
    }

    fn ticket_sent(&mut self, end: &mut End, attached: Option<&Attached>, message: &[u8]) {
        let is_tls13 = end.version.is_tls13();
        let ticket = NewTicket::parse(message, is_tls13).expect("libssl's own message").ticket;
        let Some(session) = end.connection.session() else { return };
        if !is_tls13 {
            // The id has no meaning in a ticket.
            let held = session.to_new().with_id(SessionId::EMPTY);
            let held = held.build(session.id_context(), session.created());
            self.tickets.insert(ticket, held);
            return;
        }
        let id = attached.map(|attached| attached.id.clone()).unwrap_or_default();
        let now = end.connection.cache().now();
        let new = session.to_new().with_id(id_of(&id)).with_created(now);
        end.attach(new);
        if ticket == id {
            end.connection.established(Tickets::Stateful);
        } else {
            let held = end.connection.session().expect("just attached").duplicate();
            self.tickets.insert(ticket, held);
            end.connection.established(Tickets::Stateless);
        }
    }

    /// What can be seen of our side, and what it cannot have been.
    pub(crate) fn seen(&mut self) -> (Seen, Vec<String>) {
        let told =
            std::mem::take(&mut *lock(&self.shared.told)).iter().map(OurTold::named).collect();
        let peers = self.connections.iter().flatten().map(|end| {
            let connection = &end.as_ref()?.connection;
            let session = connection.session();
            Some(PeerSeen {
                reused: connection.is_reused(),
                session: session.map(serial_of),
                resumable: session.is_some_and(Session::is_resumable),
            })
        });
        let seen = Seen {
            told,
            counters: self.caches.each_ref().map(|cache| counters(cache)),
            peers: peers.collect(),
            saved: self
                .saved
                .iter()
                .map(|saved| (serial_of(saved), saved.is_resumable()))
                .collect(),
        };
        (seen, std::mem::take(&mut self.complaints))
    }
}

impl End {
    fn new(cache: &Arc<SessionCache>, role: Role) -> End {
        End {
            connection: Connection::new(cache, role),
            version: ProtocolVersion::UNKNOWN,
            is_fresh: false,
            hello: ClientHello::default(),
            opened: 0,
            offered: None,
            resumes: false,
            handshakes: 0,
            fails: false,
        }
    }

    /// A session is this one's twin.
    fn bind(&mut self, serial: u64) {
        if let (true, Some(session)) = (self.is_fresh, self.connection.session()) {
            tag(session).0.store(serial, Ordering::Relaxed);
            self.is_fresh = false;
        }
    }

    fn take_answer(&mut self, answer: Result<bool, Fatal>) {
        self.resumes = answer == Ok(true);
        self.fails = answer.is_err();
    }

    fn begin_session(&mut self, new: NewSession) {
        self.connection.new_session(new);
        self.is_fresh = true;
    }

    fn attach(&mut self, new: NewSession) {
        self.connection.attach(new);
        self.is_fresh = true;
    }

    fn done(&mut self) {
        if !self.version.is_tls13() {
            self.connection.established(Tickets::None);
        }
        self.connection.finish();
        self.handshakes += 1;
    }
}

impl OurTold {
    fn named(&self) -> Told {
        match self {
            OurTold::New { context, session, resumable } => {
                Told::New { context: *context, serial: serial_of(session), resumable: *resumable }
            }
            OurTold::Removed { context, session, resumable } => Told::Removed {
                context: *context,
                serial: serial_of(session),
                resumable: *resumable,
            },
            OurTold::Asked { id, answer } => {
                Told::Asked { id: id.clone(), answer: answer.as_ref().map_or(0, serial_of) }
            }
        }
    }
}

impl Tag {
    fn payload() -> Payload {
        Payload::object(Tag(AtomicU64::new(0)))
    }
}

impl PayloadObject for Tag {
    fn size_bytes(&self) -> usize {
        0
    }

    fn duplicate(&self) -> Box<dyn PayloadObject> {
        Box::new(Tag(AtomicU64::new(self.0.load(Ordering::Relaxed))))
    }
}

fn tag(session: &Session) -> &Tag {
    session.payload_object().expect("every session here has one")
}

fn serial_of(session: &Session) -> u64 {
    tag(session).0.load(Ordering::Relaxed)
}

fn id_of(bytes: &[u8]) -> SessionId {
    SessionId::new(bytes).unwrap_or(SessionId::EMPTY)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn new_cache(
    setup: &Setup,
    context: usize,
    clock: &ManualClock,
    shared: &Arc<Shared>,
) -> Arc<SessionCache> {
    let is_outside = setup.outside && context == Of::Server as usize;
    let mode = if context == Of::Client as usize { setup.client_mode } else { setup.server_mode };
    let (for_new, for_get, for_remove) =
        (Arc::clone(shared), Arc::clone(shared), Arc::clone(shared));
    let mut builder = SessionCache::builder()
        .rules(Rules::OPENSSL)
        .mode(CacheMode::from_bits(mode))
        .id_context(IdContext::new(setup.id_context).expect("a short one"))
        // Built for few it has one shard, and keeps even equals in order.
        .sessions_max(16)
        .clock(clock.clone())
        .new_hook(move |_, session| {
            let resumable = session.is_resumable();
            lock(&for_new.told).push(OurTold::New { context, session: session.clone(), resumable });
            if is_outside {
                lock(&for_new.outside).insert(session.id().as_bytes().to_vec(), session);
            }
            if is_outside { Keep::Yes } else { Keep::No }
        });
    if setup.remove_hook || context != Of::Server as usize {
        builder = builder.remove_hook(move |left| {
            let (session, resumable) = (left.session.clone(), left.session.is_resumable());
            if is_outside {
                lock(&for_remove.outside).remove(session.id().as_bytes());
            }
            lock(&for_remove.told).push(OurTold::Removed { context, session, resumable });
        });
    }
    if is_outside {
        builder = builder.get_hook(move |inquiry| {
            let id = inquiry.id.as_bytes().to_vec();
            let answer = lock(&for_get.outside).get(&id).cloned();
            lock(&for_get.told).push(OurTold::Asked { id, answer: answer.clone() });
            answer
        });
    }
    let cache = builder.build().expect("random bytes for its hash");
    cache.set_sessions_max(20_480).expect("below the most");
    Arc::new(cache)
}
