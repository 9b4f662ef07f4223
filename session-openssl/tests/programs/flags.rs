//! What the server says of flags that it cannot follow.

use std::process::Command;

use crate::tls_server::{Files, binary};

/// Starts a server that ends at once; returns its status and its one line.
fn refused(files: &Files, flags: &str) -> (i32, String) {
    let mut command = Command::new(binary());
    command.args(flags.split_whitespace()).current_dir(&files.folder);
    let output = command.output().unwrap();
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    (output.status.code().unwrap(), said)
}

#[test]
fn flags_that_do_not_apply_or_are_wrong_are_refused_with_a_reason() {
    let files = Files::new("refused");
    let good = "--listen 127.0.0.1:0 --cert cert.pem --key key.pem";
    for (flags, status, said) in [
        ("--early-data --tls 1.2", 2, "--early-data does not apply to TLS 1.2, which has none"),
        (
            "--single-use --wiring none",
            2,
            "--single-use does not apply with --wiring observe or none",
        ),
        (
            "--single-use --wiring observe",
            2,
            "--single-use does not apply with --wiring observe or none",
        ),
        ("--tls 1.1", 2, "invalid value '1.1' for '--tls <VERSION>'"),
        ("--cache-size 0", 2, "0 is not in 1..=16777216"),
        ("--threads 257", 2, "257 is not in 1..=256"),
        ("--timeout-seconds 604801", 2, "604801 is not in 1..=604800"),
        ("--wiring inside", 2, "invalid value 'inside' for '--wiring <WIRING>'"),
        ("--ciphers NONSENSE", 1, "--ciphers NONSENSE: "),
    ] {
        let (code, line) = refused(&files, &format!("{good} {flags}"));
        assert_eq!(code, status, "{line}");
        assert!(line.starts_with("tls_server: ") && line.contains(said), "{line}");
    }
    let (code, line) = refused(&files, "");
    assert_eq!(code, 2);
    assert!(["--listen", "--cert", "--key"].iter().all(|flag| line.contains(flag)), "{line}");
    let (code, line) = refused(&files, &good.replace("cert.pem", "no.pem"));
    assert!(code == 1 && line.contains("cannot use no.pem"), "{line}");
    let (code, line) = refused(&files, &good.replace("127.0.0.1:0", "192.0.2.1:1"));
    assert!(code == 1 && line.contains("cannot listen on 192.0.2.1:1"), "{line}");
}
