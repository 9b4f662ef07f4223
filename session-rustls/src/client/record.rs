//! What is kept for one server.
//!
//! Invariant: nothing foreign is dropped while the lock is held: what leaves is handed out first.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::NamedGroup;
use rustls::client::{Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;
use session_cache::{PayloadObject, Seconds, Session, UnixTime};

/// How long a TLS 1.2 session is used at most, whatever the record's lifetime.
///
/// Source: RFC 5246, section F.1.4.
const TLS12_LIFETIME: Seconds = Seconds(86_400);

/// Holds the sessions of one server; rustls' values wipe their own secrets when they are dropped.
pub(super) struct Record {
    /// Names are compared, because a session is found by a hash of its server's.
    name: ServerName<'static>,
    tickets_max: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    group: Option<NamedGroup>,
    tls12: Option<Tls12>,
    /// Newest last, which is used first: it is the one that the server is most likely to have still.
    tickets: VecDeque<Tls13ClientSessionValue>,
}

struct Tls12 {
    value: Tls12ClientSessionValue,
    /// When the first of the sessions came that took each other's place.
    since: UnixTime,
}

impl Record {
    pub(super) fn new(name: ServerName<'static>, tickets_max: usize) -> Record {
        Record { name, tickets_max, held: Mutex::default() }
    }

    /// Follows a session to its record, if it is this server's.
    pub(super) fn of<'a>(session: &'a Session, name: &ServerName<'_>) -> Option<&'a Record> {
        session.payload_object::<Record>().filter(|record| record.name == *name)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_group(&self, group: NamedGroup) {
        self.held().group = Some(group);
    }

    pub(super) fn group(&self) -> Option<NamedGroup> {
        self.held().group
    }

    /// Keeps a TLS 1.2 session in the place of the one before.
    ///
    /// After a resumption rustls hands over the same session again, as if it were new. So one that takes the place
    /// of another keeps that one's age; if it does come from a full handshake, it is given up too early,
    /// which costs one more.
    pub(super) fn set_tls12(&self, value: Tls12ClientSessionValue, now: UnixTime) {
        let mut held = self.held();
        let before = held.tls12.take();
        let since = before.as_ref().filter(|before| before.is_usable(now)).map_or(now, |b| b.since);
        held.tls12 = Some(Tls12 { value, since });
        drop(held);
        drop(before);
    }

    pub(super) fn tls12(&self, now: UnixTime) -> Option<Tls12ClientSessionValue> {
        let mut held = self.held();
        if let Some(tls12) = &held.tls12 {
            if tls12.is_usable(now) {
                return Some(tls12.value.clone());
            }
        }
        let too_old = held.tls12.take();
        drop(held);
        drop(too_old);
        None
    }

    pub(super) fn remove_tls12(&self) {
        let removed = self.held().tls12.take();
        drop(removed);
    }

    /// Keeps a ticket, and says whether the oldest one had to leave for it (or this one, where none is kept).
    pub(super) fn push_ticket(&self, value: Tls13ClientSessionValue) -> bool {
        let mut held = self.held();
        held.tickets.push_back(value);
        let evicted =
            if held.tickets.len() > self.tickets_max { held.tickets.pop_front() } else { None };
        drop(held);
        evicted.is_some()
    }

    pub(super) fn take_ticket(&self) -> Option<Tls13ClientSessionValue> {
        self.held().tickets.pop_back()
    }

    /// Drops all that is held: the record itself is freed later.
    pub(super) fn clear(&self) {
        let held = std::mem::take(&mut *self.held());
        drop(held);
    }
}

impl Tls12 {
    fn is_usable(&self, now: UnixTime) -> bool {
        now <= self.since.saturating_add(TLS12_LIFETIME)
    }
}

impl PayloadObject for Record {
    /// Servers are counted, and bytes are not: rustls does not tell the size of what it hands over.
    fn size_bytes(&self) -> usize {
        size_of::<Record>()
    }

    /// A ticket is used once, so a copy of its server's record begins without any.
    fn duplicate(&self) -> Box<dyn PayloadObject> {
        Box::new(Record::new(self.name.clone(), self.tickets_max))
    }
}
