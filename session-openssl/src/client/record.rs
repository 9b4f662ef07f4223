//! What is kept for one server.
//!
//! Invariant: no session is dropped while the lock is held: what leaves is handed out first.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use foreign_types::ForeignType;
use openssl::ssl::SslSession;
use session_cache::{PayloadObject, Session, UnixTime};

use crate::object::Object;

/// Is whom a client connects to.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Server {
    host: Box<str>,
    port: u16,
}

impl Server {
    pub(crate) fn new(host: &str, port: u16) -> Server {
        Server { host: host.to_ascii_lowercase().into(), port }
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }
}

/// Holds the sessions of one server.
pub(super) struct Record {
    /// Servers are compared, because a record is found by a hash of its server.
    server: Server,
    tickets_max: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// Newest last, which is offered first: it is the one that the server is most likely to have still.
    tickets: VecDeque<Kept>,
    /// The session of a version before TLS 1.3.
    earlier: Option<Kept>,
}

/// Is a session, and the last second in which it may be offered.
pub(super) struct Kept {
    pub(super) session: SslSession,
    pub(super) expires: UnixTime,
}

impl Kept {
    fn is_good(&self, now: UnixTime) -> bool {
        // SAFETY: the session is held here; it is only read.
        let object = unsafe { Object::new(self.session.as_ptr()) };
        now <= self.expires && object.is_some_and(Object::is_resumable)
    }
}

impl Record {
    pub(super) fn new(server: Server, tickets_max: usize) -> Record {
        Record { server, tickets_max, held: Mutex::default() }
    }

    /// Follows a session of the cache to its record, if it is this server's.
    pub(super) fn of<'a>(session: &'a Session, server: &Server) -> Option<&'a Record> {
        session.payload_object::<Record>().filter(|record| record.server == *server)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up the newest ticket that is good, or else shares the session of an earlier version.
    pub(super) fn offer(&self, now: UnixTime) -> Option<SslSession> {
        let mut bad = Vec::new();
        let mut held = self.held();
        let mut offered = None;
        while let Some(ticket) = held.tickets.pop_back() {
            if ticket.is_good(now) {
                offered = Some(ticket.session);
                break;
            }
            bad.push(ticket);
        }
        if offered.is_none() {
            bad.extend(held.earlier.take_if(|earlier| !earlier.is_good(now)));
            offered = held.earlier.as_ref().map(|earlier| earlier.session.clone());
        }
        drop(held);
        drop(bad);
        offered
    }

    /// Keeps a session, and says whether a ticket had to leave for it (or itself, where none is kept).
    pub(super) fn keep(&self, kept: Kept, is_ticket: bool) -> bool {
        let mut held = self.held();
        let left = if is_ticket {
            held.tickets.push_back(kept);
            if held.tickets.len() > self.tickets_max { held.tickets.pop_front() } else { None }
        } else {
            held.earlier.replace(kept)
        };
        drop(held);
        is_ticket && left.is_some()
    }

    /// Drops all that is held: the record itself is freed later.
    pub(super) fn clear(&self) {
        let held = std::mem::take(&mut *self.held());
        drop(held);
    }
}

impl PayloadObject for Record {
    /// Servers are counted, and bytes are not: libssl does not tell the size of a session.
    fn size_bytes(&self) -> usize {
        size_of::<Record>()
    }

    /// A ticket is used once, so a copy of its server's record begins without any.
    fn duplicate(&self) -> Box<dyn PayloadObject> {
        Box::new(Record::new(self.server.clone(), self.tickets_max))
    }
}
