//! For how long sessions are kept, by a clock that is set.

use rustls::HandshakeKind;
use session_cache::{ManualClock, Seconds, UnixTime};
use session_rustls::{ClientSessions, LIFETIME_MAX};

use crate::peers::{Identity, TLS12, TLS13, server_sessions};

#[test]
fn session_is_used_to_its_last_second_and_not_after() {
    let identity = Identity::new();
    for (version, asked, lifetime) in [
        (&TLS12, Seconds(600), Seconds(600)),
        (&TLS13, Seconds(600), Seconds(600)),
        (&TLS12, Seconds(u64::MAX), Seconds(86_400)),
        (&TLS13, Seconds(u64::MAX), LIFETIME_MAX),
    ] {
        let server = identity.server(version, &server_sessions(), 2);
        let clock = ManualClock::new(UnixTime(1_000_000));
        let builder = ClientSessions::builder().lifetime(asked).clock(clock.clone());
        let client = identity.client(builder);
        client.connect_as(&server, "early");
        client.connect_as(&server, "late");
        clock.advance(lifetime);
        assert_eq!(client.connect_as(&server, "early"), HandshakeKind::Resumed);
        clock.advance(Seconds(1));
        assert_eq!(client.connect_as(&server, "late"), HandshakeKind::Full);
    }
}

#[test]
fn chain_of_resumptions_ends_with_the_lifetime_of_its_first_session() {
    let identity = Identity::new();
    for (version, lifetime) in
        [(&TLS12, Seconds(7_200)), (&TLS13, Seconds(7_200)), (&TLS12, LIFETIME_MAX)]
    {
        let lasts = lifetime.min(Seconds(86_400));
        let server = identity.server(version, &server_sessions(), 2);
        let clock = ManualClock::new(UnixTime(1_000_000));
        let builder = ClientSessions::builder().lifetime(lifetime).clock(clock.clone());
        let client = identity.client(builder);
        for _ in 0..2 {
            assert_eq!(client.connect(&server), HandshakeKind::Full);
            for _ in 0..6 {
                clock.advance(Seconds(lasts.0 / 6));
                assert_eq!(client.connect(&server), HandshakeKind::Resumed);
            }
            clock.advance(Seconds(1));
        }
    }
}

#[test]
fn clock_that_runs_back_harms_nobody() {
    let identity = Identity::new();
    for version in [&TLS12, &TLS13] {
        let server = identity.server(version, &server_sessions(), 2);
        let clock = ManualClock::new(UnixTime(1_000_000));
        let client = identity.client(ClientSessions::builder().clock(clock.clone()));
        assert_eq!(client.connect(&server), HandshakeKind::Full);
        clock.set(UnixTime(5));
        assert_eq!(client.connect(&server), HandshakeKind::Resumed);
    }
}
