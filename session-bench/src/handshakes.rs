//! The questions about whole handshakes: resumed ones, on a server whose sessions are in ours, and on one
//! whose sessions are in the cache that its TLS stack comes with.
//!
//! *Sockets*: each thread is a server and its clients by turns, over loopback TCP, and all of that is counted,
//! from `connect` to `close`. No thread waits for another, so the scheduler has no part in it.
//! *In memory*: the server's work alone is counted. Of a few connections the clients make the first flight, then all
//! servers answer it, then the clients reply, then all servers finish: two threads are in the cache at once as
//! often as those of a busy server.
//!
//! Invariant: a connection that is counted was resumed, by both sides' word.

mod identity;
mod openssl;
mod rustls;
mod wire;

use std::cell::LazyCell;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};

use self::wire::Wire;
use crate::crew::{self, Elapsed};
use crate::ids::Series;
use crate::questions::Row;

/// Sessions in the cache.
const SIZES: [usize; 2] = [1_000, 100_000];

const CROWDS: [usize; 2] = [1, 2];

/// Those that come back, each in its turn; nobody comes back with the others' sessions. OpenSSL's cache keeps
/// used TLS 1.3 sessions and drops the oldest: with as many clients as sessions it would drop unused ones.
const CLIENTS: usize = 800;

/// Connections in memory that a thread has open at once.
const BATCH: u64 = 32;

/// Which version all connections of a server have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Tls12,
    Tls13,
}

/// Whose cache a server uses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Store {
    Ours,
    /// That of the TLS stack.
    Own,
}

const OURS: &str = "session-cache";

/// A TLS stack: the name of its cache, and how a server with clients is made of it.
type Stack = (&'static str, fn(Version, Store, usize) -> Box<dyn Server>);

const OPENSSL: Stack = ("OpenSSL", openssl::server);
const RUSTLS: Stack = ("rustls", rustls::server);

/// The questions over sockets and in memory.
const QUESTIONS: [(Stack, Version, [&str; 2]); 4] = [
    (
        OPENSSL,
        Version::Tls12,
        ["handshakes OpenSSL, TLS 1.2, sockets", "handshakes OpenSSL, TLS 1.2, in memory"],
    ),
    (
        OPENSSL,
        Version::Tls13,
        ["handshakes OpenSSL, TLS 1.3, sockets", "handshakes OpenSSL, TLS 1.3, in memory"],
    ),
    (
        RUSTLS,
        Version::Tls12,
        ["handshakes rustls, TLS 1.2, sockets", "handshakes rustls, TLS 1.2, in memory"],
    ),
    (
        RUSTLS,
        Version::Tls13,
        ["handshakes rustls, TLS 1.3, sockets", "handshakes rustls, TLS 1.3, in memory"],
    ),
];

/// Lists the rows whose name contains something, those together that share servers and are run by turns.
///
/// Servers are filled when the first row that needs them is run.
pub fn families(name_contains: &str) -> Vec<Vec<Row>> {
    let mut families = Vec::new();
    for (stack, version, questions) in QUESTIONS {
        for size in SIZES {
            let mut rows = family(stack, version, questions, size);
            rows.retain(|row| row.name().contains(name_contains));
            if !rows.is_empty() {
                families.push(rows);
            }
        }
    }
    families
}

fn family(
    (own_name, make): Stack,
    version: Version,
    [sockets, memory]: [&'static str; 2],
    size: usize,
) -> Vec<Row> {
    let stores = [(OURS, Store::Ours), (own_name, Store::Own)].map(|(peer, store)| {
        (peer, Rc::new(LazyCell::new(move || filled(make(version, store, size), size))))
    });
    type Drive = fn(&dyn Server, usize, u64) -> Elapsed;
    let drives: [(&str, Drive); 2] = [(sockets, over_sockets), (memory, in_memory)];
    let mut rows = Vec::new();
    for (question, drive) in drives {
        for threads in CROWDS {
            for (peer, server) in &stores {
                let server = Rc::clone(server);
                let run = move |operations| drive(&***server, threads, operations);
                rows.push(Row { question, peer, size, threads, run: Box::new(run) });
            }
        }
    }
    rows
}

/// A server of one stack, and its clients.
trait Server: Sync {
    /// Begins the server's end of a connection.
    fn accept(&self, wire: Wire) -> Box<dyn End>;

    /// Begins the client's end, with the session of the client whose turn it is; without one if there is none.
    fn connect(&self, wire: Wire) -> Box<dyn End>;

    /// Stores copies of a real session under the ids of a series, past all handshakes.
    fn store_copies(&self, ids: Series, count: u64);
}

/// One end of a connection: shakes hands, says goodbye (a server first, a client when it is told), and is done.
trait End: Send {
    /// Does what can be done with what has arrived, and says whether it is done. It is not called again then.
    fn step(&mut self) -> bool;

    /// Whether the session was resumed, once the end is done.
    fn is_resumed(&self) -> bool;
}

/// Stores `size` sessions, the clients' own among them as the last.
fn filled(server: Box<dyn Server>, size: usize) -> Box<dyn Server> {
    server.store_copies(Series::Random(0), (size - CLIENTS) as u64);
    batch(&*server, 1, CLIENTS as u64, false);
    server
}

fn over_sockets(server: &dyn Server, threads: usize, operations: u64) -> Elapsed {
    let listen = |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
    crew::timed(threads, listen, |_, listener| {
        (0..operations).for_each(|_| over_socket(server, listener));
    })
}

fn over_socket(server: &dyn Server, listener: &TcpListener) {
    let address = listener.local_addr().expect("it is bound");
    let near = TcpStream::connect(address).expect("a loopback listener answers");
    let (far, _) = listener.accept().expect("a connection is there");
    let (mut client, mut server) =
        (server.connect(Wire::socket(near)), server.accept(Wire::socket(far)));
    let (mut is_client_done, mut is_server_done) = (false, false);
    while !(is_client_done && is_server_done) {
        is_client_done = is_client_done || client.step();
        is_server_done = is_server_done || server.step();
    }
    check([&*client, &*server], true);
}

fn in_memory(server: &dyn Server, threads: usize, operations: u64) -> Elapsed {
    let full = std::iter::repeat_n(BATCH, (operations / BATCH) as usize);
    let counts = full.chain([operations % BATCH]).filter(|count| *count != 0);
    counts.map(|count| batch(server, threads, count, true)).fold(Elapsed::default(), |a, b| a + b)
}

/// The connections of one thread.
#[derive(Default)]
struct Open {
    clients: Vec<Box<dyn End>>,
    /// The far ends of those that no server has accepted.
    waiting: Vec<Wire>,
    servers: Vec<Box<dyn End>>,
}

/// Has each thread do `count` handshakes, and returns what the servers took for them.
fn batch(server: &dyn Server, threads: usize, count: u64, resumed: bool) -> Elapsed {
    let slots: Vec<Mutex<Open>> = (0..threads).map(|_| Mutex::default()).collect();
    let hello = |thread: usize| {
        let mut open = locked(&slots[thread]);
        for _ in 0..count {
            let [near, far] = wire::pipe();
            let mut client = server.connect(near);
            assert!(!client.step(), "a client is done before it is answered");
            open.clients.push(client);
            open.waiting.push(far);
        }
        open
    };
    let answer = |_, open: &mut MutexGuard<'_, Open>| {
        let Open { waiting, servers, .. } = &mut **open;
        for wire in waiting.drain(..) {
            let mut end = server.accept(wire);
            assert!(!end.step(), "a server is done after one flight");
            servers.push(end);
        }
    };
    let reply = |thread: usize| {
        let mut open = locked(&slots[thread]);
        for client in &mut open.clients {
            assert!(!client.step(), "a client is done before the server has finished");
        }
        open
    };
    let finish = |_, open: &mut MutexGuard<'_, Open>| {
        for mut end in open.servers.drain(..) {
            assert!(end.step(), "a server is not done after two flights");
            check([&*end], resumed);
        }
    };
    let elapsed = crew::timed(threads, hello, answer) + crew::timed(threads, reply, finish);
    for open in slots {
        for mut client in open.into_inner().unwrap_or_else(PoisonError::into_inner).clients {
            assert!(client.step(), "a client is not done after two flights");
            check([&*client], resumed);
        }
    }
    elapsed
}

fn check<const ENDS: usize>(ends: [&dyn End; ENDS], resumed: bool) {
    for end in ends {
        assert_eq!(end.is_resumed(), resumed, "whether a connection was resumed");
    }
}

/// A thread that has failed is reported by the crew, not by those that find what it leaves behind.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
