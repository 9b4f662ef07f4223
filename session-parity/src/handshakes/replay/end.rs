//! One end of a connection, and what a TLS engine tells it: the messages, the alerts, the end of handshakes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use session_cache::{
    Connection, Fatal, NewSession, ProtocolVersion, Role, Seconds, Session, SessionCache,
    SessionId, Tickets,
};

use super::Replay;
use super::hooks::{Tag, tag};
use crate::handshakes::message::{self, ClientHello, NewTicket, ServerHello};
use crate::libssl::sha256;
use crate::libssl::trace::{Attached, Peer, What};

/// One end of a connection.
pub(super) struct End {
    pub(super) connection: Connection,
    pub(super) version: ProtocolVersion,
    /// The attached session was made here and has no serial number yet.
    pub(super) is_fresh: bool,
    hello: ClientHello,
    /// How many of the offered tickets were opened, or could not be.
    opened: usize,
    offered: Option<Session>,
    /// Our server resumes a session in this handshake.
    resumes: bool,
    pub(super) handshakes: usize,
    /// We have said that the handshake fails.
    pub(super) fails: bool,
}

impl Replay {
    pub(super) fn act(&mut self, peer: Peer, attached: Option<&Attached>, what: &What) {
        // Messages to an end that is being freed concern nobody.
        let Some(mut end) = self.connections[peer.connection][usize::from(peer.is_server)].take()
        else {
            return;
        };
        match what {
            What::Started => end.connection.begin(end.version),
            What::Done => end.done(),
            What::Alert { sent: true, fatal: true } => {
                // No script fails a handshake for a reason that is the engine's alone.
                if !std::mem::take(&mut end.fails) && end.handshakes == 0 {
                    self.complaints.push("libssl fails the handshake, ours does not".into());
                }
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
        self.look_up(end, message);
        let makes_id = !end.version.is_tls13() && !self.setup.stateless;
        if self.setup.generator && makes_id && !end.resumes {
            end.fails |= end.connection.new_id().is_err();
        }
    }

    fn look_up(&mut self, end: &mut End, message: &[u8]) {
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
}

impl End {
    pub(super) fn new(cache: &Arc<SessionCache>, role: Role) -> End {
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
    pub(super) fn bind(&mut self, serial: u64) {
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

fn id_of(bytes: &[u8]) -> SessionId {
    SessionId::new(bytes).unwrap_or(SessionId::EMPTY)
}
