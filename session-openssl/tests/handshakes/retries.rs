//! A client that is asked for a second ClientHello (HelloRetryRequest) comes back all the same, and once.

use std::io::Write;

use foreign_types::ForeignTypeRef;
use openssl::ssl::{ErrorCode, Ssl, SslContext, SslContextBuilder, SslSession, SslStream};
use session_cache::Session;
use session_openssl::{Attachment, Options};

use crate::early_data::{DATA, takes_early_data};
use crate::peers::{Client, End, Pair, Scene, TLS13, copied};

/// A server that asks every client for a share of a group which none sends unasked.
fn server(
    scene: &Scene,
    options: Options,
    change: fn(&mut SslContextBuilder),
) -> (SslContext, Attachment) {
    scene.server_of("www", options, |builder| {
        builder.set_groups_list("P-384").unwrap();
        change(builder);
    })
}

const CHANGES: [fn(&mut SslContextBuilder); 2] = [|_| {}, takes_early_data];

#[test]
fn session_comes_back_once_by_its_second_hello() {
    for change in CHANGES {
        for keep_decoded in [true, false] {
            let scene = Scene::new();
            let options = Options::new().keep_decoded(keep_decoded);
            let (server, attachment) = server(&scene, options, change);
            let client = Client::new(TLS13);
            let mut session = client.visit(&server, None).sessions.pop().unwrap();
            for hits in 1..=3 {
                let mut visit = client.visit(&server, Some(&copied(&session)));
                assert!(visit.reused);
                assert_eq!((scene.statistics().hits, scene.statistics().taken), (hits, hits));
                assert!(!client.returns(&server, &session), "it was used");
                session = visit.sessions.pop().unwrap();
            }
            let figures = attachment.statistics();
            assert_eq!((figures.asked, figures.answered), (12, 6), "two lookups a visit");
        }
    }
}

#[test]
fn early_data_is_not_accepted_with_a_second_hello_and_its_session_comes_back() {
    let scene = Scene::new();
    let (server, _) = server(&scene, Options::new(), takes_early_data);
    let client = Client::new(TLS13);
    let session = client.visit(&server, None).sessions.pop().unwrap();
    let mut pair = Pair::new(client.connection(Some(&session)), Ssl::new(&server).unwrap());
    assert_eq!(pair.client.write_early_data(DATA).unwrap(), DATA.len());
    let mut accepted = [0; 64];
    assert_eq!(pair.server.read_early_data(&mut accepted).unwrap(), 0);
    pair.shake_hands().unwrap();
    assert!(pair.visit(&client).reused);
    pair.close();
}

/// Both hellos of a client that comes back, as they would stand in a recording. The server that it speaks to knows
/// nothing of the session, and says the same as another would.
fn hellos(client: &Client, session: &SslSession) -> [Vec<u8>; 2] {
    let (recorder, _) = server(&Scene::new(), Options::new(), |_| {});
    let mut pair =
        Pair::new(client.connection(Some(&copied(session))), Ssl::new(&recorder).unwrap());
    let waits = |end: &mut SslStream<End>| {
        assert_eq!(end.do_handshake().unwrap_err().code(), ErrorCode::WANT_READ);
    };
    waits(&mut pair.client);
    let first = pair.client.get_ref().written.clone();
    waits(&mut pair.server);
    waits(&mut pair.client);
    let second = pair.client.get_ref().written[first.len()..].to_vec();
    [first, second]
}

/// A server's end of a connection to whoever plays a recording.
struct Listener {
    server: SslStream<End>,
    player: End,
}

impl Listener {
    fn new(server: &SslContext) -> Listener {
        let (player, end) = End::pair();
        let mut ssl = Ssl::new(server).unwrap();
        ssl.set_accept_state();
        Listener { server: SslStream::new(ssl, end).unwrap(), player }
    }

    /// Says whether the server resumes when it has heard this.
    fn resumes(&mut self, hello: &[u8]) -> bool {
        self.player.write_all(hello).unwrap();
        let waits = self.server.do_handshake().unwrap_err();
        assert_eq!(waits.code(), ErrorCode::WANT_READ, "{waits}");
        self.server.ssl().session_reused()
    }

    /// Makes it ready for another handshake.
    fn clear(&mut self) {
        unsafe extern "C" {
            fn SSL_clear(ssl: *mut openssl_sys::SSL) -> std::ffi::c_int;
        }
        // SAFETY: the connection is live, and this thread's.
        assert_eq!(unsafe { SSL_clear(self.server.ssl().as_ptr()) }, 1);
    }
}

#[test]
fn second_hello_is_answered_on_the_connection_of_the_first_alone() {
    for change in CHANGES {
        let scene = Scene::new();
        let (server, _) = server(&scene, Options::new(), change);
        let client = Client::new(TLS13);
        let session = client.visit(&server, None).sessions.pop().unwrap();
        let [first, second] = hellos(&client, &session);
        let [mut one, mut other] = [(); 2].map(|()| Listener::new(&server));
        one.resumes(&first);
        other.resumes(&first);
        assert!(!other.resumes(&second));
        assert!(one.resumes(&second));
        // Nor afterwards.
        let mut third = Listener::new(&server);
        third.resumes(&first);
        assert!(!third.resumes(&second));
        assert_eq!(scene.statistics().taken, 1);
    }
}

#[test]
fn second_hello_that_does_not_go_on_from_the_first_is_not_answered() {
    let scene = Scene::new();
    let (server, attachment) = server(&scene, Options::new(), |_| {});
    let client = Client::new(TLS13);
    let session = client.visit(&server, None).sessions.pop().unwrap();
    let [first, _] = hellos(&client, &session);
    let [_, second_of_another] = hellos(&client, &session);
    let mut listener = Listener::new(&server);
    listener.resumes(&first);
    assert!(!listener.resumes(&second_of_another));
    assert_eq!((attachment.statistics().asked, attachment.statistics().answered), (2, 1));
}

#[test]
fn second_hello_is_answered_in_the_handshake_of_the_first_alone() {
    for change in CHANGES {
        let scene = Scene::new();
        let (server, attachment) = server(&scene, Options::new(), change);
        let client = Client::new(TLS13);
        let session = client.visit(&server, None).sessions.pop().unwrap();
        let [first, second] = hellos(&client, &session);
        let mut listener = Listener::new(&server);
        listener.resumes(&first);
        for _ in 0..2 {
            listener.clear();
            listener.resumes(&first);
            assert!(!listener.resumes(&second));
            assert_eq!(attachment.statistics().answered, 1, "the very first hello");
        }
    }
}

#[test]
fn connection_lets_go_of_what_it_took_when_nothing_is_asked_any_more() {
    for asks_again in [true, false] {
        let scene = Scene::new();
        let server =
            if asks_again { server(&scene, Options::new(), |_| {}).0 } else { scene.server() };
        let client = Client::new(TLS13);
        let session = client.visit(&server, None).sessions.pop().unwrap();
        let before = scene.sessions();
        let mut pair = client.meet(&server, Some(&session));
        assert!(pair.visit(&client).reused);
        assert_eq!(taken(&before, &scene).references(), 1, "the connection is open still");
        pair.close();
    }
    let scene = Scene::new();
    let (server, _) = server(&scene, Options::new(), |_| {});
    let client = Client::new(TLS13);
    let session = client.visit(&server, None).sessions.pop().unwrap();
    let before = scene.sessions();
    let mut listener = Listener::new(&server);
    listener.resumes(&hellos(&client, &session)[0]);
    assert_eq!(taken(&before, &scene).references(), 2, "it will be asked for again");
    drop(listener);
    assert_eq!(taken(&before, &scene).references(), 1);
}

/// The one of these sessions that has left the cache.
fn taken<'a>(before: &'a [Session], scene: &Scene) -> &'a Session {
    let left = scene.sessions();
    let is_left = |session: &Session| left.iter().any(|other| other.is_same(session));
    before.iter().find(|session| !is_left(session)).expect("one was taken")
}
