//! The examples, run: what they print they assert too.

use std::process::Command;

#[path = "../examples/get_session.rs"]
mod get_session;
#[path = "../examples/session_cache_mode.rs"]
mod session_cache_mode;
#[path = "../examples/session_hooks.rs"]
mod session_hooks;
#[path = "../examples/set_session.rs"]
mod set_session;

#[test]
fn page_on_cache_modes_holds() {
    session_cache_mode::main();
}

#[test]
fn page_on_hooks_holds() {
    session_hooks::main();
}

#[test]
fn page_on_getting_a_session_holds() {
    get_session::main();
}

#[test]
fn page_on_setting_a_session_holds() {
    set_session::main();
}

/// It starts itself twice, so it runs as a program of its own.
#[test]
fn two_processes_share_an_external_cache_and_each_session_is_taken_once() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--package", "session-cache", "--example", "external_cache"]);
    let output = cargo.output().expect("cargo runs, as it did to build this test");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("each of the 200 was resumed once"), "{text}");
}
