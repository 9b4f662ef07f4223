//! Run (c): two of our connections over our caches, driven by what happened in run (a).
//!
//! What a TLS engine decides is an input: versions, ids, tickets, whether one could be opened, messages,
//! alerts, shutdown flags. What a cache decides is a result, and is compared: what is offered, what is
//! resumed, what is stored, counted, marked and told.
//!
//! Our sessions carry the serial number of their twin. A session that was just made has none until the next
//! event shows what the connection in run (a) has attached.

mod end;
mod hooks;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use session_cache::{
    CacheMode, IdContext, ManualClock, ProtocolVersion, Role, Seconds, Session, SessionCache,
    Shutdown, UnixTime,
};

use super::script::{Of, Setup, Step};
use super::seen::{CONTEXTS, PeerSeen, Seen};
use crate::functions::counters;
use crate::libssl::clock;
use crate::libssl::trace::{Event, Peer, What};
use end::End;
use hooks::{OurTold, Shared, lock, new_cache, serial_of, tag};

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
        if let (Step::Copy(_), Some(copy), Some(theirs)) =
            (step, self.saved.last(), seen.saved.last())
        {
            tag(copy).0.store(theirs.0, Ordering::Relaxed);
        }
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
            Step::Copy(saved) => self.saved.push(self.saved[saved].duplicate()),
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
