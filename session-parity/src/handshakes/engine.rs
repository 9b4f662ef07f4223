//! Run (a): OpenSSL with its own cache; and run (b), attached to ours.

use session_cache::{Seconds, UnixTime};

use super::attached::Attached;
use super::script::{Of, Setup, Step};
use super::seen::{CONTEXTS, PeerSeen, Seen};
use crate::libssl::trace::{self, Event, What};
use crate::libssl::{self, Connection, Context, EarlyData, HookKind, Progress, Session, clock};

pub(crate) struct Engine {
    setup: Setup,
    /// Client and server; freed ends are none. Before the contexts: they are freed first.
    connections: Vec<[Option<Connection>; 2]>,
    picked: usize,
    saved: Vec<Session>,
    /// Server, client, and the one that server names lead to.
    contexts: [Context; CONTEXTS],
    /// What became of it, connection by connection.
    pub(crate) early_data: Vec<EarlyData>,
    /// What the server's contexts are attached to.
    attached: Option<Attached>,
}

/// A certificate and its key, in DER.
pub(crate) struct Identity {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Identity {
    pub(crate) fn new() -> Identity {
        let made = rcgen::generate_simple_self_signed(["parity".to_string()]);
        let made = made.expect("a certificate for a plain name");
        Identity { certificate: made.cert.der().to_vec(), key: made.signing_key.serialize_der() }
    }
}

impl Engine {
    pub(crate) fn new(setup: &Setup, identity: &Identity) -> Engine {
        trace::begin();
        clock::set(clock::BEGIN);
        let contexts: [Context; CONTEXTS] = std::array::from_fn(Context::new);
        let [server, client, other] = &contexts;
        for context in [server, client, other] {
            context.trace();
            context.set_new_hook(false);
            context.set_remove_hook(HookKind::Told);
            context.set_version_max(setup.version);
            context.set_identity(&identity.certificate, &identity.key);
            context.set_id_context(setup.id_context);
        }
        client.set_mode(setup.client_mode);
        for context in [server, other] {
            context.set_mode(setup.server_mode);
            context.set_options(NO_TICKET, !setup.stateless);
            context.set_options(NO_ANTI_REPLAY, !setup.anti_replay);
            context.set_options(ALLOW_CLIENT_RENEGOTIATION, true);
            context.set_tickets(setup.tickets);
            context.set_early_data_max(setup.early_data_max);
            context.set_verify_peer(setup.verify_peer);
            context.set_generator(setup.generator);
            context.set_not_resumable(setup.not_resumable);
        }
        if !setup.remove_hook {
            server.set_remove_hook(HookKind::Off);
        }
        if setup.outside {
            server.set_new_hook(true);
            server.set_outside_hooks();
        }
        if setup.switches {
            server.set_name_switch(other);
        }
        Engine {
            setup: setup.clone(),
            connections: Vec::new(),
            picked: 0,
            saved: Vec::new(),
            contexts,
            early_data: Vec::new(),
            attached: None,
        }
    }

    /// The same, with the server's contexts attached to a cache of ours.
    pub(crate) fn attached(setup: &Setup, identity: &Identity) -> Engine {
        let mut engine = Engine::new(setup, identity);
        let [server, _, other] = &engine.contexts;
        engine.attached = Some(Attached::new(setup, [server, other]));
        engine
    }

    fn context(&self, of: Of) -> &Context {
        &self.contexts[of as usize]
    }

    fn end(&self, of: Of) -> &Connection {
        let end = &self.connections[self.picked][usize::from(of == Of::Server)];
        end.as_ref().expect("scripts do not use what they have freed")
    }

    /// Does a step, and returns what its callbacks saw.
    pub(crate) fn apply(&mut self, step: &Step) -> Vec<Event> {
        match *step {
            Step::Connect(offer) => self.connect(offer),
            Step::Pick(connection) => self.picked = connection,
            Step::Save => self.saved.push(self.end(Of::Client).session().expect("it has one")),
            Step::Copy(saved) => self.saved.push(self.saved[saved].duplicate()),
            Step::Shutdown(of) => self.end(of).shutdown(),
            Step::Free(of) => {
                self.connections[self.picked][usize::from(of == Of::Server)] = None;
            }
            Step::Garbage(of) => {
                self.end(other(of)).send_garbage();
                self.end(of).read();
                self.end(other(of)).read();
            }
            Step::Cut(of) => {
                self.end(other(of)).cut();
                self.end(of).read();
            }
            Step::Clear(of) => self.end(of).clear(),
            Step::Reconnect => {
                let ends = self.connections[self.picked].each_mut().map(Option::take);
                let ends = ends.map(|end| end.expect("both ends are there"));
                Connection::join(&ends);
                talk(&ends);
                self.connections[self.picked] = ends.map(Some);
            }
            Step::Renegotiate => {
                self.end(Of::Client).renegotiate();
                for _ in 0..TURNS_MAX {
                    self.end(Of::Client).handshake();
                    self.end(Of::Server).read();
                }
            }
            Step::SetSession(saved) => {
                let saved = saved.map(|saved| &self.saved[saved]);
                assert!(self.end(Of::Client).set_session(saved));
            }
            Step::Advance(seconds) => {
                clock::set(clock::now() + seconds);
                if let Some(Attached { clock, .. }) = &self.attached {
                    clock.advance(Seconds(seconds as u64));
                }
            }
            Step::Mode(of, bits) => {
                self.context(of).set_mode(bits);
            }
            Step::Size(of, sessions) => match &self.attached {
                Some(Attached { cache, .. }) if of == Of::Server => {
                    cache.set_sessions_max(sessions as usize).expect("scripts ask for few");
                }
                _ => {
                    self.context(of).set_size(sessions);
                }
            },
            Step::Timeout(of, seconds) => {
                self.context(of).set_timeout(seconds);
            }
            Step::Flush(of, after) => match &self.attached {
                Some(Attached { cache, .. }) if of == Of::Server => {
                    cache.flush(UnixTime((clock::now() + after) as u64));
                }
                _ => self.context(of).flush(clock::now() + after),
            },
            Step::IdContext(of, id_context) => self.context(of).set_id_context(id_context),
            Step::VersionMax(of, version) => self.context(of).set_version_max(version),
            Step::VerifyPeer(on) => self.context(Of::Server).set_verify_peer(on),
            Step::Tickets(tickets) => self.context(Of::Server).set_tickets(tickets),
            Step::Stateless(on) => self.context(Of::Server).set_options(NO_TICKET, !on),
            Step::Add(saved) => {
                self.context(Of::Client).add(&self.saved[saved]);
            }
            Step::Remove(saved) => {
                self.context(Of::Client).remove(&self.saved[saved]);
            }
        }
        trace::take()
    }

    fn connect(&mut self, offer: Option<usize>) {
        let number = self.connections.len();
        let ends = Connection::pair(self.context(Of::Client), self.context(Of::Server), number);
        if let Some(offer) = offer {
            assert!(ends[0].set_session(Some(&self.saved[offer])));
        }
        if self.setup.switches {
            ends[0].set_server_name();
        }
        let [client, server] = &ends;
        if self.setup.early_data_max > 0 && client.write_early_data() {
            server.read_early_data();
            // libssl says that a handshake is done before early data, and starts when it goes on.
            let begun = trace::take();
            talk(&ends);
            let mut rest = trace::take();
            for is_server in [false, true] {
                let goes_on = |event: &Event| {
                    matches!(event, Event::Connection { peer, what: What::Started, .. }
                        if peer.is_server == is_server)
                };
                if let Some(at) = rest.iter().position(goes_on) {
                    rest.remove(at);
                }
            }
            let pauses =
                |event: &Event| matches!(event, Event::Connection { what: What::Done, .. });
            begun.into_iter().filter(|event| !pauses(event)).chain(rest).for_each(trace::push);
        } else {
            talk(&ends);
        }
        self.early_data.push(server.early_data());
        self.connections.push(ends.map(Some));
        self.picked = number;
    }

    pub(crate) fn seen(&self) -> Seen {
        let peers = self.connections.iter().flatten().map(|end| {
            let end = end.as_ref()?;
            let session = end.session();
            Some(PeerSeen {
                reused: end.is_reused(),
                session: session.as_ref().map(Session::serial),
                resumable: session.is_some_and(|session| session.is_resumable()),
            })
        });
        Seen {
            told: Vec::new(),
            counters: self.contexts.each_ref().map(Context::counters),
            peers: peers.collect(),
            saved: self
                .saved
                .iter()
                .map(|session| (session.serial(), session.is_resumable()))
                .collect(),
        }
    }

    /// Of each end that is there: in which directions it is closed; and its version.
    pub(crate) fn inputs(&self) -> Vec<Option<(u16, (bool, bool))>> {
        let ends = self.connections.iter().flatten();
        ends.map(|end| end.as_ref().map(|end| (end.version(), end.shutdown_state()))).collect()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        libssl::forget_outside();
    }
}

/// Lets both ends move in turn until the handshake is over, and says a byte in each direction.
fn talk(ends: &[Connection; 2]) {
    for _ in 0..TURNS_MAX {
        let moved = ends.each_ref().map(Connection::handshake);
        if moved.contains(&Progress::Over) {
            // The other end hears of it.
            for end in ends {
                end.handshake();
            }
            return;
        }
        if ends.iter().all(Connection::is_established) && moved == [Progress::Done; 2] {
            break;
        }
    }
    let [client, server] = ends;
    // The client says the first byte: the server may have tickets on the way.
    client.write();
    server.read();
    server.write();
    client.read();
}

fn other(of: Of) -> Of {
    if of == Of::Server { Of::Client } else { Of::Server }
}

/// More than any handshake takes.
const TURNS_MAX: usize = 10;
const NO_TICKET: u64 = 1 << 14;
const ALLOW_CLIENT_RENEGOTIATION: u64 = 1 << 8;
const NO_ANTI_REPLAY: u64 = 1 << 24;
