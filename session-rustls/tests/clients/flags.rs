//! What the server says of flags that it cannot follow.

use std::process::Output;

use crate::server::{Server, command};

fn refused(arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = command(arguments).output().unwrap();
    assert_eq!((status.code(), stdout), (Some(2), Vec::new()));
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn flag_that_does_not_apply_is_refused_with_its_reason() {
    let files = ["--listen", "127.0.0.1:0", "--cert", "unread", "--key", "unread"];
    for (flags, reason) in [
        (["--ciphers", "HIGH"].as_slice(), "--ciphers does not apply: rustls takes its suites"),
        (&["--wiring", "observe"], "--wiring observe does not apply: rustls asks one store"),
        (
            &["--tls", "1.2", "--single-use"],
            "--single-use does not apply to TLS 1.2: rustls leaves",
        ),
        (
            &["--tls", "1.2", "--early-data"],
            "--early-data does not apply to TLS 1.2, which has none",
        ),
        (
            &["--wiring", "none", "--timeout-seconds", "5"],
            "--timeout-seconds does not apply with --wiring none: rustls' own cache has no timeout",
        ),
    ] {
        let said = refused(&[&files[..], flags].concat());
        assert!(said.starts_with(&format!("tls_server: {reason}")), "{said}");
    }
}

#[test]
fn bad_value_and_missing_flags_are_named() {
    let files = ["--listen", "127.0.0.1:0", "--cert", "unread", "--key", "unread"];
    for (flag, value) in [
        ("--tls", "1.1"),
        ("--cache-size", "0"),
        ("--cache-size", "16777217"),
        ("--threads", "257"),
        ("--timeout-seconds", "0"),
        ("--wiring", "own"),
    ] {
        let said = refused(&[&files[..], &[flag, value]].concat());
        assert!(said.contains(flag) && said.contains(value), "{said}");
    }
    let said = refused(&[]);
    assert!(["--listen", "--cert", "--key"].iter().all(|flag| said.contains(flag)), "{said}");
}

#[test]
fn every_flag_that_applies_is_taken() {
    let flags = "--tls both --no-ticket --wiring external --cache-size 7 --timeout-seconds 60 --early-data \
                 --single-use --threads 2";
    let server = Server::start(&flags.split_whitespace().collect::<Vec<_>>());
    let last = server.end();
    assert_eq!(last["statistics"]["stored"].as_u64(), Some(0));
}
