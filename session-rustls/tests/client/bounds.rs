//! How much is kept, who leaves, and what is left of him.

use std::sync::Arc;

use rustls::HandshakeKind;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use session_cache::{ManualClock, Seconds, UnixTime};
use session_rustls::{ClientSessions, ClientSessionsBuilder, LIFETIME_MAX};

use crate::peers::{Client, Identity, NAME, TLS12, TLS13, connect, server_sessions};

#[test]
fn oldest_tickets_leave_for_newer_ones() {
    let identity = Identity::new();
    let sessions = server_sessions();
    let generous = identity.server(&TLS13, &sessions, 5);
    let mean = identity.server(&TLS13, &sessions, 0);
    for tickets_max in [0, 1, 3] {
        let client = identity.client(ClientSessions::builder().tickets_max(tickets_max));
        assert_eq!(client.connect(&generous), HandshakeKind::Full);
        let statistics = client.sessions.statistics();
        assert_eq!(
            (statistics.stored, statistics.tickets_evicted),
            (5, 5 - u64::from(tickets_max))
        );
        let resumed = (0..5).filter(|_| client.connect(&mean) == HandshakeKind::Resumed).count();
        assert_eq!(resumed, usize::from(tickets_max));
    }
}

#[test]
fn servers_are_never_more_than_allowed_and_the_newcomer_stays() {
    let identity = Identity::new();
    for version in [&TLS12, &TLS13] {
        for servers_max in [1, 2, 5] {
            let server = identity.server(version, &server_sessions(), 2);
            let client = identity.client(ClientSessions::builder().servers_max(servers_max));
            for number in 0..12 {
                let name = format!("name{number}");
                assert_eq!(client.connect_as(&server, &name), HandshakeKind::Full);
                assert!(client.sessions.statistics().servers <= servers_max as u64);
                assert_eq!(client.connect_as(&server, &name), HandshakeKind::Resumed);
            }
            let statistics = client.sessions.statistics();
            assert_eq!(statistics.servers, servers_max as u64);
            assert_eq!(statistics.servers_evicted, 12 - servers_max as u64);
        }
    }
}

#[test]
fn server_in_use_is_not_pushed_out_by_many_that_are_met_once() {
    let identity = Identity::new();
    for version in [&TLS12, &TLS13] {
        let server = identity.server(version, &server_sessions(), 2);
        let client = identity.client(ClientSessions::builder().servers_max(20));
        client.connect(&server);
        assert_eq!(client.connect(&server), HandshakeKind::Resumed);
        for number in 0..60 {
            client.connect_as(&server, &format!("name{number}"));
        }
        assert_eq!(client.sessions.statistics().servers_evicted, 41);
        assert_eq!(client.connect(&server), HandshakeKind::Resumed);
    }
}

#[test]
fn settings_out_of_range_are_refused_by_name_and_the_configuration_stays() {
    let identity = Identity::new();
    let server = identity.server(&TLS13, &server_sessions(), 2);
    let refused = |builder: ClientSessionsBuilder| {
        let mut config = identity.config();
        let error = builder.attach(&mut config).unwrap_err().to_string();
        let config = Arc::new(config);
        assert_eq!(connect(&config, &server, NAME).unwrap(), HandshakeKind::Full);
        assert_eq!(connect(&config, &server, NAME).unwrap(), HandshakeKind::Resumed);
        error
    };
    let builder = ClientSessions::builder;
    let range = "it must be 1 to 16777216";
    assert_eq!(refused(builder().servers_max(0)), format!("servers_max is 0; {range}"));
    assert_eq!(
        refused(builder().servers_max(16_777_217)),
        format!("servers_max is 16777217; {range}")
    );
    assert_eq!(
        refused(builder().lifetime(Seconds(0))),
        "lifetime is 0 seconds; it must be at least 1 second"
    );
}

/// A client, and its verifier, to which each value of rustls in the store holds a weak pointer.
fn counted(
    identity: &Identity,
    builder: ClientSessionsBuilder,
) -> (Client, Arc<dyn ServerCertVerifier>) {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(identity.certificate()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier: Arc<dyn ServerCertVerifier> = verifier.build().unwrap();
    let mut config = identity.config_with(Arc::clone(&verifier));
    let sessions = builder.attach(&mut config).unwrap();
    (Client { config: Arc::new(config), sessions }, verifier)
}

#[test]
fn what_leaves_is_dropped_at_once_and_rustls_wipes_it() {
    let identity = Identity::new();
    for (version, values) in [(&TLS12, 1), (&TLS13, 2)] {
        let server = identity.server(version, &server_sessions(), 2);
        let clock = ManualClock::new(UnixTime(1_000_000));
        let builder = ClientSessions::builder().servers_max(3).clock(clock.clone());
        let (client, verifier) = counted(&identity, builder);
        for number in 0..5 {
            client.connect_as(&server, &format!("name{number}"));
        }
        assert_eq!(Arc::weak_count(&verifier), 3 * values, "two were evicted");
        clock.advance(LIFETIME_MAX);
        assert_eq!(client.connect_as(&server, "name4"), HandshakeKind::Full);
        assert_eq!(Arc::weak_count(&verifier), 3 * values, "found too old, and anew");
        client.sessions.flush_expired();
        assert_eq!(Arc::weak_count(&verifier), values);
        client.sessions.clear();
        assert_eq!(Arc::weak_count(&verifier), 0);
    }
}

#[test]
fn debug_shows_figures_and_no_name() {
    let identity = Identity::new();
    let server = identity.server(&TLS13, &server_sessions(), 2);
    let client = identity.client(ClientSessions::builder());
    client.connect(&server);
    let shown = "ClientSessions { servers: 1, servers_max: 1024, tickets_max: 8, .. }";
    assert_eq!(format!("{:?}", client.sessions), shown);
    assert!(format!("{:?}", client.config.resumption).contains(shown));
    let figures = client.sessions.statistics().to_string();
    assert!(
        figures
            .starts_with("servers                         1\nstored                          2\n")
    );
}
