//! The `openssl` program.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Runs it with this on its standard input, and returns its standard output.
///
/// # Panics
///
/// When it is not there or fails.
pub(crate) fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("`openssl` is needed (Debian: openssl): {error}"));
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments:?}: {words}");
    output.stdout
}

/// Tells whether it is OpenSSL 3.0, whose rules the codec has.
pub(crate) fn is_3_0() -> bool {
    openssl(&["version"], b"").starts_with(b"OpenSSL 3.0.")
}
