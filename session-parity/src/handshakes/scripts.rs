//! The scripts.

use super::script::Of::{Client, Server};
use super::script::Step::{
    Add, Advance, Clear, Connect, Copy, Cut, Flush, Free, Garbage, IdContext, Mode, Pick,
    Reconnect, Remove, Renegotiate, Save, SetSession, Shutdown, Size, Stateless, Tickets, Timeout,
    VerifyPeer, VersionMax,
};
use super::script::{
    CLIENT, NO_AUTO_CLEAR, NO_INTERNAL, NO_INTERNAL_LOOKUP, NO_INTERNAL_STORE, OFF, SERVER, Script,
    Setup, Step, TLS12, TLS13, UPDATE_TIME,
};

/// Both close and free.
const CLOSE: [Step; 4] = [Shutdown(Client), Shutdown(Server), Free(Client), Free(Server)];

/// All of them.
pub(crate) fn all() -> Vec<Script> {
    let mut scripts = Vec::new();
    for version in [TLS12, TLS13] {
        for stateless in [false, true] {
            let setup = Setup { stateless, ..Setup::new(version) };
            lifecycle(&setup, &mut scripts);
        }
        modes(&Setup::new(version), &mut scripts);
    }
    scripts
}

/// A connection, saved and closed, and one that offers it.
fn twice(between: &[Step]) -> Vec<Step> {
    let mut steps = vec![Connect(None), Save];
    steps.extend(CLOSE);
    steps.extend(between);
    steps.extend([Connect(Some(0)), Save]);
    steps.extend(CLOSE);
    steps
}

fn name(of: &str, setup: &Setup) -> String {
    let version = if setup.version == TLS12 { "TLS 1.2" } else { "TLS 1.3" };
    let stateless = if setup.stateless { "stateless tickets" } else { "by id" };
    format!("{of}; {version}, {stateless}")
}

fn lifecycle(setup: &Setup, scripts: &mut Vec<Script>) {
    let mut add = |of: &str, setup: &Setup, steps: Vec<Step>| {
        scripts.push(Script { name: name(of, setup), setup: setup.clone(), steps });
    };
    let mut thrice = twice(&[]);
    thrice.extend([Connect(Some(0)), Connect(Some(1))]);
    add("full, resumed, resumed again", setup, thrice);
    let mut copied = vec![Connect(None), Save, Copy(0)];
    copied.extend(CLOSE);
    for saved in [0, 1] {
        copied.push(Connect(Some(saved)));
        copied.extend(CLOSE);
    }
    add("offered, and a copy of it", setup, copied.clone());
    add("expired", setup, twice(&[Advance(7_201)]));
    add("at the last second", setup, twice(&[Advance(7_200)]));
    add("short timeout", setup, [vec![Timeout(Server, 10)], twice(&[Advance(11)])].concat());
    add(
        "timeout 0 is the default",
        setup,
        [vec![Timeout(Server, 0)], twice(&[Advance(100)])].concat(),
    );
    add("other id context", setup, twice(&[IdContext(Server, b"another")]));
    add("client's other id context", setup, twice(&[IdContext(Client, b"another")]));
    let other = if setup.version == TLS12 { TLS13 } else { TLS12 };
    let change = [VersionMax(Client, other), VersionMax(Server, other)];
    add("other version", setup, twice(&change));
    add("other version at the client", setup, twice(&change[..1]));
    add("other version at the server", setup, twice(&change[1..]));
    add(
        "free without shutdown",
        setup,
        vec![Connect(None), Save, Free(Client), Free(Server), Connect(Some(0))],
    );
    add(
        "server does not shut down",
        setup,
        vec![Connect(None), Save, Shutdown(Client), Free(Client), Free(Server), Connect(Some(0))],
    );
    add(
        "fatal alert from the server",
        setup,
        vec![Connect(None), Save, Garbage(Server), Free(Client), Free(Server), Connect(Some(0))],
    );
    add(
        "fatal alert from the client",
        setup,
        vec![Connect(None), Save, Garbage(Client), Free(Client), Free(Server), Connect(Some(0))],
    );
    add(
        "fatal alert after shutdown",
        setup,
        vec![Connect(None), Save, Shutdown(Server), Garbage(Server), Free(Server), Free(Client)],
    );
    add(
        "cut",
        setup,
        vec![Connect(None), Save, Cut(Server), Cut(Client), Free(Server), Free(Client)],
    );
    add(
        "clear after a clean close",
        setup,
        vec![
            Connect(None),
            Shutdown(Client),
            Shutdown(Server),
            Clear(Client),
            Clear(Server),
            Reconnect,
            Shutdown(Client),
            Free(Client),
            Free(Server),
        ],
    );
    add(
        "clear after an unclean close",
        setup,
        vec![
            Connect(None),
            Save,
            Clear(Client),
            Clear(Server),
            Reconnect,
            Free(Client),
            Free(Server),
        ],
    );
    add(
        "set_session on an open connection",
        setup,
        vec![
            Connect(None),
            Save,
            Connect(None),
            SetSession(Some(0)),
            SetSession(Some(0)),
            SetSession(None),
            Free(Client),
            Free(Server),
            Pick(0),
            SetSession(None),
            Shutdown(Server),
            Free(Server),
            Free(Client),
        ],
    );
    add("removed and added by hand", setup, {
        let mut steps = vec![Connect(None), Save, Add(0), Remove(0), Remove(0), Add(0), Add(0)];
        steps.extend(CLOSE);
        steps.extend([Connect(Some(0)), Remove(0)]);
        steps
    });
    add("flush", setup, twice(&[Flush(Server, 7_200), Flush(Client, 7_201), Flush(Server, 7_201)]));
    add("small caches", setup, {
        let mut steps = vec![Size(Server, 2), Size(Client, 1)];
        for connection in 0..4 {
            steps.extend([Connect(None), Save]);
            steps.extend(CLOSE);
            steps.extend([Advance(1), Connect(Some(connection))]);
            steps.extend(CLOSE);
        }
        steps
    });
    add(
        "many at once",
        setup,
        vec![
            Connect(None),
            Save,
            Connect(Some(0)),
            Connect(Some(0)),
            Save,
            Pick(1),
            Free(Client),
            Pick(2),
            Shutdown(Client),
            Shutdown(Server),
            Free(Client),
            Free(Server),
            Pick(0),
            Free(Server),
            Connect(Some(1)),
            Connect(Some(0)),
        ],
    );
    let certificates = Setup { verify_peer: true, ..setup.clone() };
    add("client certificates", &certificates, twice(&[]));
    let forgotten = Setup { id_context: b"", ..certificates.clone() };
    add("client certificates without an id context", &forgotten, twice(&[]));
    let open = Setup { id_context: b"", ..setup.clone() };
    add("certificates asked for later, without an id context", &open, twice(&[VerifyPeer(true)]));
    let once = Setup { early_data_max: 1_000, ..open.clone() };
    add("the same, used once", &once, twice(&[VerifyPeer(true)]));
    let marked = Setup { not_resumable: true, ..setup.clone() };
    add("not resumable", &marked, twice(&[]));
    let silent = Setup { remove_hook: false, ..setup.clone() };
    add("no remove hook", &silent, twice(&[]));
    let switches = Setup { switches: true, ..setup.clone() };
    add("server names", &switches, twice(&[]));
    let outside = Setup { outside: true, ..setup.clone() };
    add("outside too", &outside, twice(&[Flush(Server, 9_000)]));
    add("outside, expired", &outside, twice(&[Flush(Server, 9_000), Advance(9_000)]));
    let single = Setup { early_data_max: 1_000, ..setup.clone() };
    let mut steps = twice(&[]);
    steps.extend([Connect(Some(0)), Connect(Some(1))]);
    add("early data, used once", &single, steps.clone());
    add("early data, and a copy of it", &single, copied.clone());
    let replayed = Setup { anti_replay: false, ..single };
    add("early data without replay protection", &replayed, steps);
    add("early data without replay protection, and a copy of it", &replayed, copied);
    add("tickets turned off and on", setup, {
        let mut steps = twice(&[Tickets(0)]);
        steps.extend([Tickets(1), Connect(Some(0)), Save, Connect(Some(2))]);
        steps
    });
    add("three tickets", &Setup { tickets: 3, ..setup.clone() }, twice(&[]));
    add("no tickets", &Setup { tickets: 0, ..setup.clone() }, twice(&[]));
    add("stateless and by id, changed", setup, twice(&[Stateless(!setup.stateless)]));
    if setup.version == TLS12 {
        let generator = Setup { generator: true, ..setup.clone() };
        add(
            "an id that is taken",
            &generator,
            vec![
                Connect(None),
                Connect(None),
                Free(Client),
                Free(Server),
                Pick(0),
                Free(Client),
                Free(Server),
                Connect(None),
            ],
        );
        add("renegotiation", setup, {
            let mut steps = vec![Connect(None), Renegotiate, Save];
            steps.extend(CLOSE);
            steps.extend([Connect(Some(0)), Renegotiate, Free(Client), Free(Server)]);
            steps
        });
    }
    add("256 connections", setup, {
        let mut steps = vec![Timeout(Server, 10), Timeout(Client, 10), Connect(None), Save];
        steps.extend(CLOSE);
        steps.push(Advance(20));
        for _ in 0..258 {
            steps.push(Connect(None));
            steps.extend(CLOSE);
        }
        steps
    });
}

fn modes(setup: &Setup, scripts: &mut Vec<Script>) {
    let both = SERVER | CLIENT;
    for (of, server_mode) in [
        ("off", OFF),
        ("client only", CLIENT),
        ("both", both),
        ("no auto clear", SERVER | NO_AUTO_CLEAR),
        ("no internal lookup", SERVER | NO_INTERNAL_LOOKUP),
        ("no internal store", SERVER | NO_INTERNAL_STORE),
        ("no internal", SERVER | NO_INTERNAL),
        ("update time", SERVER | UPDATE_TIME),
    ] {
        for outside in [false, true] {
            let setup = Setup { server_mode, outside, ..setup.clone() };
            let where_to = if outside { ", outside too" } else { "" };
            let resumed = twice(&[Advance(5)]);
            scripts.push(Script {
                name: name(&format!("mode {of}{where_to}"), &setup),
                setup: setup.clone(),
                steps: resumed,
            });
            let late = twice(&[Advance(7_201), Mode(Server, server_mode)]);
            scripts.push(Script {
                name: name(&format!("mode {of}{where_to}, expired"), &setup),
                setup,
                steps: late,
            });
        }
    }
    for (of, client_mode) in [
        ("off", OFF),
        ("no internal store", CLIENT | NO_INTERNAL_STORE),
        ("update time", CLIENT | UPDATE_TIME),
    ] {
        let setup = Setup { client_mode, ..setup.clone() };
        scripts.push(Script {
            name: name(&format!("client's mode {of}"), &setup),
            setup,
            steps: twice(&[Advance(5)]),
        });
    }
}
