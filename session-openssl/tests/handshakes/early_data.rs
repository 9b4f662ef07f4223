//! Early data is accepted once, by all servers together that share a cache.

use std::io::Write;
use std::sync::{Arc, Mutex, mpsc};

use openssl::ssl::{
    ErrorCode, Ssl, SslContext, SslContextBuilder, SslOptions, SslSession, SslStream,
};
use session_cache::{Clock, SessionCache, UnixTime};
use session_openssl::Options;

use crate::peers::{Client, End, Pair, START, Scene, TLS13, copied};

pub(crate) const DATA: &[u8] = b"GET / HTTP/1.0\r\n\r\n";

pub(crate) fn takes_early_data(builder: &mut SslContextBuilder) {
    builder.set_max_early_data(1_024).unwrap();
}

fn server(scene: &Scene) -> SslContext {
    scene.server_of("www", Options::new(), takes_early_data).0
}

/// The first flight of a client that comes back with early data, as it would stand in a recording.
pub(crate) fn flight(client: &Client, session: &SslSession) -> Vec<u8> {
    let (here, _there) = End::pair();
    let mut ssl = client.connection(Some(&copied(session)));
    ssl.set_connect_state();
    let mut stream = SslStream::new(ssl, here).unwrap();
    assert_eq!(stream.write_early_data(DATA).unwrap(), DATA.len());
    stream.get_ref().written.clone()
}

/// What a server makes of a flight: the early data that it accepts, and whether it resumes.
pub(crate) fn plays(server: &SslContext, flight: &[u8]) -> (Vec<u8>, bool) {
    let (mut here, there) = End::pair();
    here.write_all(flight).unwrap();
    let mut ssl = Ssl::new(server).unwrap();
    ssl.set_accept_state();
    let mut stream = SslStream::new(ssl, there).unwrap();
    let mut accepted = Vec::new();
    let mut part = [0; 64];
    loop {
        match stream.read_early_data(&mut part) {
            Ok(0) => break,
            Ok(many) => accepted.extend_from_slice(&part[..many]),
            Err(error) if error.code() == ErrorCode::WANT_READ => break,
            Err(error) => panic!("{error}"),
        }
    }
    (accepted, stream.ssl().session_reused())
}

#[test]
fn replay_is_accepted_by_one_of_two_servers_once() {
    for order in [[0, 1, 0, 1], [1, 0, 1, 0], [0, 0, 1, 1], [1, 1, 0, 0]] {
        let scene = Scene::new();
        // With the replay protection on, libssl keeps its tickets to itself, whatever the option says.
        let tickets = scene.server_of("www", Options::new(), |builder| {
            takes_early_data(builder);
            builder.clear_options(SslOptions::NO_TICKET);
        });
        let servers = [tickets.0, server(&scene)];
        let client = Client::new(TLS13);
        let session = client.visit(&servers[0], None).sessions.pop().unwrap();
        let flight = flight(&client, &session);
        let played = order.map(|at| plays(&servers[at], &flight));
        let refused = (Vec::new(), false);
        assert_eq!(played[0], (DATA.to_vec(), true), "{order:?}");
        assert_eq!(played[1..], [refused.clone(), refused.clone(), refused], "{order:?}");
    }
}

#[test]
fn early_data_is_accepted_again_and_again_with_new_tickets() {
    let scene = Scene::new();
    let servers = [server(&scene), server(&scene)];
    let client = Client::new(TLS13);
    let mut session = client.visit(&servers[0], None).sessions.pop().unwrap();
    for round in 0..6 {
        let mut pair =
            Pair::new(client.connection(Some(&session)), Ssl::new(&servers[round % 2]).unwrap());
        assert_eq!(pair.client.write_early_data(DATA).unwrap(), DATA.len());
        let mut accepted = [0; 64];
        let many = pair.server.read_early_data(&mut accepted).unwrap();
        assert_eq!(&accepted[..many], DATA);
        pair.shake_hands().unwrap();
        let mut visit = pair.visit(&client);
        assert!(visit.reused);
        session = visit.sessions.pop().unwrap();
        pair.close();
    }
    assert_eq!(scene.statistics().hits, 6);
}

#[test]
fn nothing_stays_in_the_cache_of_libssl() {
    let scene = Scene::new();
    for server in [server(&scene), scene.server()] {
        let client = Client::new(TLS13);
        let session = client.visit(&server, None).sessions.pop().unwrap();
        assert!(client.returns(&server, &session));
        assert!(!client.returns(&server, &session));
        assert_eq!(in_libssl(&server), 0);
    }
}

/// What is to be done when a clock is next asked for the time.
type Task = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

struct Interrupted(Task);

impl Clock for Interrupted {
    fn now(&self) -> UnixTime {
        let task = self.0.lock().unwrap().take();
        if let Some(task) = task {
            task();
        }
        UnixTime(START)
    }
}

#[test]
fn session_of_a_connection_that_breaks_this_moment_does_not_stay_in_the_cache_of_libssl() {
    let task = Task::default();
    let mut scene = Scene::new();
    let clock = Interrupted(Arc::clone(&task));
    scene.cache = Arc::new(SessionCache::builder().clock(clock).build().unwrap());
    let server = server(&scene);
    let client = Client::new(TLS13);
    let mut pair = client.meet(&server, None);
    let session = pair.visit(&client).sessions.pop().unwrap();
    let (reused, says) = mpsc::channel();
    let at = server.clone();
    // libssl has marked the session, and the cache is about to remove it.
    *task.lock().unwrap() = Some(Box::new(move || {
        reused.send(Client::new(TLS13).returns(&at, &session)).unwrap();
    }));
    drop(pair);
    assert!(!says.try_recv().unwrap());
    assert_eq!(in_libssl(&server), 0);
}

#[test]
fn attaching_switches_neither_early_data_on_nor_replay_protection_off() {
    let scene = Scene::new();
    let no_anti_replay = SslOptions::from_bits_retain(1 << 24);
    let (plain, _) = scene.server_of("www", Options::new(), |_| {});
    let (early, _) = scene.server_of("www", Options::new(), takes_early_data);
    for (server, bytes) in [(&plain, 0), (&early, 1_024)] {
        let ssl = Ssl::new(server).unwrap();
        assert_eq!(server.max_early_data(), bytes);
        assert!(!options(&ssl).contains(no_anti_replay));
    }
}

#[test]
fn early_data_where_libssl_does_not_protect_is_accepted_once_too() {
    let scene = Scene::new();
    let servers = [0, 1].map(|_| {
        scene
            .server_of("www", Options::new(), |builder| {
                takes_early_data(builder);
                builder.set_options(SslOptions::from_bits_retain(1 << 24));
            })
            .0
    });
    let client = Client::new(TLS13);
    let session = client.visit(&servers[0], None).sessions.pop().unwrap();
    let flight = flight(&client, &session);
    assert_eq!(plays(&servers[1], &flight), (DATA.to_vec(), true));
    assert_eq!(plays(&servers[0], &flight), (Vec::new(), false));
    assert_eq!(servers.each_ref().map(in_libssl), [0, 0]);
}

fn options(ssl: &Ssl) -> SslOptions {
    use foreign_types::ForeignType;
    unsafe extern "C" {
        fn SSL_get_options(ssl: *const openssl_sys::SSL) -> u64;
    }
    // SAFETY: the connection is live.
    SslOptions::from_bits_retain(unsafe { SSL_get_options(ssl.as_ptr()) })
}

/// `SSL_CTX_sess_number`.
fn in_libssl(server: &SslContext) -> i64 {
    use foreign_types::ForeignType;
    const SSL_CTRL_SESS_NUMBER: i32 = 20;
    // SAFETY: the context is live, and the command takes nothing.
    unsafe {
        openssl_sys::SSL_CTX_ctrl(server.as_ptr(), SSL_CTRL_SESS_NUMBER, 0, std::ptr::null_mut())
    }
}
