//! Planted violations: each rule is seen to bite.

use super::*;

fn member(name: &str, dependencies: &[(&str, Kind, Option<&str>)]) -> Crate {
    let dependencies = dependencies.iter().map(|(name, kind, target)| Dependency {
        name: name.to_string(),
        kind: *kind,
        target: target.map(str::to_string),
    });
    Crate { name: name.to_string(), dependencies: dependencies.collect() }
}

fn shipped(name: &str) -> (&str, Kind, Option<&str>) {
    (name, Kind::Shipped, None)
}

fn development(name: &str) -> (&str, Kind, Option<&str>) {
    (name, Kind::Development, None)
}

/// The workspace as it should be.
fn sound() -> Vec<Crate> {
    vec![
        member(
            "session-core",
            &[
                shipped("crossbeam-epoch"),
                shipped("foldhash"),
                ("loom", Kind::Shipped, Some("cfg(session_loom)")),
                ("shuttle", Kind::Shipped, Some("cfg(session_shuttle)")),
                ("crossbeam-epoch", Kind::Shipped, Some("cfg(crossbeam_loom)")),
                development("proptest"),
            ],
        ),
        member("session-cache", &[shipped("session-core"), shipped("slab")]),
        member("session-rustls", &[shipped("session-cache"), shipped("rustls")]),
        member("session-bench", &[development("session-rustls"), development("criterion")]),
        member("xtask", &[shipped("cargo_metadata")]),
    ]
}

/// What is said of the sound workspace with these dependencies added to one crate.
fn with(name: &str, dependencies: &[(&str, Kind, Option<&str>)]) -> Vec<String> {
    let mut crates = sound();
    if crates.iter().all(|a_crate| a_crate.name != name) {
        crates.push(member(name, &[]));
    }
    let planted = crates.iter_mut().find(|a_crate| a_crate.name == name).unwrap();
    planted.dependencies.extend(member(name, dependencies).dependencies);
    violations(&crates).iter().map(ToString::to_string).collect()
}

#[test]
fn sound_workspace_has_no_violations() {
    assert_eq!(violations(&sound()), []);
}

#[test]
fn dependency_on_a_crate_above_names_both() {
    assert_eq!(
        with("session-cache", &[shipped("session-rustls")]),
        ["session-cache depends on session-rustls, which stands above it"]
    );
}

#[test]
fn development_dependency_on_a_crate_above_is_a_violation_too() {
    assert_eq!(
        with("session-cache", &[development("session-bench")]),
        ["session-cache depends on session-bench, which stands above it"]
    );
}

#[test]
fn adapters_do_not_know_each_other() {
    assert_eq!(
        with("session-openssl", &[shipped("session-rustls")]),
        ["session-openssl depends on session-rustls, which stands beside it"]
    );
}

#[test]
fn adapters_may_meet_in_a_test() {
    let none: [&str; 0] = [];
    assert_eq!(with("session-openssl", &[development("session-rustls")]), none);
}

#[test]
fn core_may_have_no_further_dependency() {
    assert_eq!(
        with("session-core", &[shipped("once_cell")]),
        ["session-core depends on once_cell, which is not among the few it may depend on"]
    );
}

#[test]
fn codec_stands_alone() {
    assert_eq!(
        with("session-codec", &[shipped("session-core"), shipped("der")]),
        ["session-codec depends on session-core, which is not among the few it may depend on"]
    );
}

#[test]
fn core_may_have_loom_under_its_own_cfg_only() {
    let refused = "which is not among the few it may depend on";
    assert_eq!(
        with("session-core", &[shipped("loom")]),
        [format!("session-core depends on loom, {refused}")]
    );
    assert_eq!(
        with("session-core", &[("loom", Kind::Shipped, Some("cfg(loom)"))]),
        [format!("session-core depends on loom under cfg(loom), {refused}")]
    );
}

#[test]
fn xtask_knows_no_crate_and_none_knows_it() {
    let refused = "xtask knows no crate, and none knows it";
    assert_eq!(
        with("xtask", &[shipped("session-core")]),
        [format!("xtask depends on session-core; {refused}")]
    );
    assert_eq!(
        with("session-bench", &[development("xtask")]),
        [format!("session-bench depends on xtask; {refused}")]
    );
}

#[test]
fn crate_without_a_place_is_a_violation() {
    assert_eq!(
        with("session-quic", &[]),
        ["session-quic has no place in the layers; give it one in xtask/src/layers.rs"]
    );
}

// Elsewhere git may write a link as a file with its path.
#[cfg(unix)]
#[test]
fn library_without_the_text_of_a_licence_is_a_violation() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    assert_eq!(unlicensed(Path::new(root), &LIBRARIES), []);
    // One that is not published, and so has none.
    let lacks = unlicensed(Path::new(root), &["session-cache", "session-bench"]);
    let lacks: Vec<_> = lacks.iter().map(ToString::to_string).collect();
    assert_eq!(
        lacks,
        ["LICENSE-APACHE", "LICENSE-MIT"].map(|licence| format!(
            "session-bench has no {licence} like that of the root; link it: ../{licence}"
        ))
    );
}
