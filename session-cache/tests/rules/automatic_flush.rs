//! When expired sessions are flushed by themselves.

use crate::engine::{asks, client, close, comes_back, full, full_13, server, ticket};
use crate::scene::{BOTH, Scene, TLS12, id, nameless};
use session_cache::{CacheMode, Rules, Seconds, Tickets, UnixTime};

/// As many connections as it takes, of one kind, and after each whether the flush has come.
fn connect_until_flushed(
    scene: &Scene,
    most: u64,
    mut connect: impl FnMut(&Scene, u64),
) -> Option<u64> {
    // Nobody leaves for want of room.
    scene.cache.set_sessions_max(5_000).unwrap();
    // Asks without a trace in any figure.
    let mut inside = server(scene);
    inside.set_version(TLS12);
    scene.add(7, 10);
    scene.clock.advance(Seconds(11));
    for made in 1..=most {
        connect(scene, 1_000 + made);
        if !inside.has_matching_id(&id(7)) {
            scene.cache.flush(UnixTime(0));
            return Some(made);
        }
    }
    None
}

fn expired_from_10_000(scene: &Scene) -> usize {
    scene.inside().iter().filter(|&&number| number >= 10_000).count()
}

fn serve(scene: &Scene, number: u64) {
    let mut connection = server(scene);
    full(&mut connection, number);
    close(connection);
}

fn serve_13(scene: &Scene, number: u64) {
    let mut connection = server(scene);
    full_13(&mut connection, &[number]);
    close(connection);
}

#[test]
fn r76_no_auto_clear_stops_the_automatic_flush_and_no_other() {
    for rules in BOTH {
        let scene = Scene::new(rules);
        scene.add_to_mode(CacheMode::NO_AUTO_CLEAR);
        for connect in [serve, serve_13] {
            assert_eq!(connect_until_flushed(&scene, 520, connect), None);
        }
        assert_eq!(scene.cache.flush_expired(), 1);
        assert!(!scene.inside().contains(&7));
    }
}

#[test]
fn r77_documented_expired_sessions_are_flushed_every_255_connections() {
    for connect in [serve, serve_13] {
        let scene = Scene::new(Rules::DOCUMENTED);
        assert_eq!(connect_until_flushed(&scene, 1_000, connect), Some(255));
        assert_eq!(connect_until_flushed(&scene, 1_000, connect), Some(255));
    }
    // Resumptions are connections too, and so are those of clients.
    let scene = Scene::new(Rules::DOCUMENTED);
    scene.add(1, 100_000);
    let resume = |scene: &Scene, _| {
        let mut connection = server(scene);
        assert!(comes_back(&mut connection, 1));
        close(connection);
    };
    assert_eq!(connect_until_flushed(&scene, 1_000, resume), Some(255));
    let scene = Scene::new(Rules::DOCUMENTED);
    let visit = |scene: &Scene, number| {
        let mut connection = client(scene);
        full(&mut connection, number);
        close(connection);
    };
    assert_eq!(connect_until_flushed(&scene, 1_000, visit), Some(255));
}

#[test]
fn r77_documented_automatic_flush_removes_1024_sessions_at_a_time() {
    let scene = Scene::of_size(Rules::DOCUMENTED, 5_000);
    scene.hear_nothing();
    for number in 10_000..13_000 {
        scene.add(number, 10);
    }
    scene.clock.advance(Seconds(11));
    for number in 1..=254 {
        serve(&scene, number);
    }
    assert_eq!(expired_from_10_000(&scene), 3_000);
    serve(&scene, 255);
    assert_eq!(expired_from_10_000(&scene), 3_000 - 1_024);
    // None of the rest is found meanwhile, and the next sessions that are stored see to them.
    let late = *scene.inside().last().unwrap();
    assert!(!asks(&mut server(&scene), late));
    assert_eq!(scene.cache.statistics().timeouts, 1);
    serve(&scene, 256);
    assert_eq!(expired_from_10_000(&scene), 3_000 - 1_024 * 2 - 1);
    serve(&scene, 257);
    assert_eq!(expired_from_10_000(&scene), 0);
}

#[test]
fn r78_openssl_sessions_with_ids_are_flushed_in_the_256th_handshake() {
    let scene = Scene::new(Rules::OPENSSL);
    assert_eq!(connect_until_flushed(&scene, 1_000, serve), Some(256));
    assert_eq!(connect_until_flushed(&scene, 1_000, serve), Some(256), "the 512th");
    // All at once.
    let scene = Scene::of_size(Rules::OPENSSL, 5_000);
    scene.hear_nothing();
    for number in 10_000..13_000 {
        scene.add(number, 10);
    }
    let mut flushed = Vec::new();
    let serve_and_look = |scene: &Scene, number| {
        serve(scene, number);
        flushed.push(scene.cache.statistics().flushed);
    };
    assert_eq!(connect_until_flushed(&scene, 1_000, serve_and_look), Some(256));
    // Those, and the one that is waited for.
    assert_eq!((flushed[254], flushed[255]), (0, 3_001));
}

#[test]
fn r79_openssl_servers_of_tls_13_flush_at_the_255th_handshake() {
    let scene = Scene::new(Rules::OPENSSL);
    assert_eq!(connect_until_flushed(&scene, 1_000, serve_13), Some(255));
    assert_eq!(connect_until_flushed(&scene, 1_000, serve_13), Some(256), "the 511th");
}

#[test]
fn r79_openssl_clients_flush_when_their_255th_ticket_comes() {
    let scene = Scene::new(Rules::OPENSSL);
    let visit = |scene: &Scene, number| {
        let mut connection = client(scene);
        full_13(&mut connection, &[]);
        ticket(&mut connection, number, Tickets::Stateless);
        close(connection);
    };
    assert_eq!(connect_until_flushed(&scene, 1_000, visit), Some(255));
}

#[test]
fn r80_openssl_server_that_only_hands_out_tickets_never_flushes() {
    let scene = Scene::new(Rules::OPENSSL);
    let serve_with_a_ticket = |scene: &Scene, _| {
        let mut connection = server(scene);
        connection.begin(TLS12);
        connection.new_session(nameless(TLS12).with_ticket(Seconds(100)));
        connection.established(Tickets::Stateless);
        connection.finish();
        close(connection);
    };
    assert_eq!(connect_until_flushed(&scene, 1_000, serve_with_a_ticket), None);
}

#[test]
fn r77_documented_connections_that_a_server_name_leads_elsewhere_count_too() {
    let scene = Scene::new(Rules::DOCUMENTED);
    let other = Scene::new(Rules::DOCUMENTED);
    let serve = |scene: &Scene, _| {
        let mut connection = server(scene);
        connection.begin(TLS12);
        connection.switch_cache(&other.cache);
        connection.finish();
        close(connection);
    };
    assert_eq!(connect_until_flushed(&scene, 1_000, serve), Some(255));
}
