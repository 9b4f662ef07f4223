//! The one direction of the workspace: a crate knows only what stands below it. And what a crate that is published
//! has to have with it: the texts of its licences.
//!
//! Invariant: the rules are checked on a small copy of the manifests (`Crate`), so that a test can
//! plant a violation.

use std::fmt;
use std::fs;
use std::path::Path;

use cargo_metadata::{DependencyKind, Package};

use crate::failure::Failure;
use crate::workspace::{LIBRARIES, Workspace};

/// Lowest first. Crates of one layer are siblings and do not know each other. Names that no crate
/// has yet keep the places of those to come.
const LAYERS: &[&[&str]] = &[
    &["session-core"],
    &["session-cache", "session-codec"],
    &["session-ffi", "session-openssl", "session-rustls", "session-store"],
    &["session-bench", "session-parity"],
];

/// The tool beside the layers: it knows no crate of the workspace, and none knows it.
const TOOL: &str = "xtask";

/// Crates whose dependencies are counted: (crate, all it may depend on, under which target).
const FRUGAL: &[(&str, &[Allowed])] = &[
    (
        "session-core",
        &[
            Allowed { name: "crossbeam-epoch", only_under: None },
            Allowed { name: "foldhash", only_under: None },
            Allowed { name: "libc", only_under: Some("cfg(target_os = \"linux\")") },
            Allowed { name: "loom", only_under: Some("cfg(session_loom)") },
            Allowed { name: "shuttle", only_under: Some("cfg(session_shuttle)") },
        ],
    ),
    (
        "session-codec",
        &[
            Allowed { name: "der", only_under: None },
            Allowed { name: "pem-rfc7468", only_under: None },
            Allowed { name: "zeroize", only_under: None },
        ],
    ),
];

struct Allowed {
    name: &'static str,
    /// None: under any target.
    only_under: Option<&'static str>,
}

/// A crate of the workspace, as far as the layers see it.
struct Crate {
    name: String,
    dependencies: Vec<Dependency>,
}

struct Dependency {
    name: String,
    kind: Kind,
    /// The `cfg(...)` or target triple under which it is a dependency at all.
    target: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Normal and build dependencies: what a user of the crate pulls in.
    Shipped,
    Development,
}

/// Cargo packs what is in the crate's own folder; there a link leads to the file of the root.
const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// Checks the manifests against the layers, and looks for the licences.
///
/// # Errors
/// When a rule is broken; every violation is printed first.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let crates: Vec<Crate> =
        workspace.metadata.workspace_packages().into_iter().map(Crate::of).collect();
    let mut violations = violations(&crates);
    violations.extend(unlicensed(workspace.root(), &LIBRARIES));
    for violation in &violations {
        eprintln!("xtask: layers: {violation}");
    }
    match violations.len() {
        0 => {
            eprintln!("layers: {} crates, each knows only what stands below it", crates.len());
            Ok(())
        }
        many => Err(Failure::failed(format!(
            "layers: {many} violations, named above; a crate may know only what stands below it, and takes its licences \
             along"
        ))),
    }
}

impl Crate {
    fn of(package: &Package) -> Crate {
        let dependencies = package.dependencies.iter().map(|dependency| Dependency {
            name: dependency.name.clone(),
            kind: match dependency.kind {
                DependencyKind::Development => Kind::Development,
                _ => Kind::Shipped,
            },
            target: dependency.target.as_ref().map(ToString::to_string),
        });
        Crate { name: package.name.to_string(), dependencies: dependencies.collect() }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Violation {
    Unlisted { name: String },
    Above { name: String, dependency: String },
    Beside { name: String, dependency: String },
    Tool { name: String, dependency: String },
    NotAllowed { name: String, dependency: String, target: Option<String> },
    Unlicensed { name: String, licence: &'static str },
}

fn violations(crates: &[Crate]) -> Vec<Violation> {
    let mut found = Vec::new();
    for a_crate in crates {
        if a_crate.name != TOOL && layer_of(&a_crate.name).is_none() {
            found.push(Violation::Unlisted { name: a_crate.name.clone() });
        }
        for dependency in &a_crate.dependencies {
            let is_member = crates.iter().any(|member| member.name == dependency.name);
            if is_member && dependency.name != a_crate.name {
                found.extend(violation_between(&a_crate.name, dependency));
            }
            found.extend(violation_of_frugality(&a_crate.name, dependency));
        }
    }
    found
}

fn violation_between(name: &str, dependency: &Dependency) -> Option<Violation> {
    let pair = (name.to_string(), dependency.name.clone());
    if name == TOOL || dependency.name == TOOL {
        return Some(Violation::Tool { name: pair.0, dependency: pair.1 });
    }
    let (own, other) = (layer_of(name)?, layer_of(&dependency.name)?);
    if other > own {
        Some(Violation::Above { name: pair.0, dependency: pair.1 })
    } else if other == own && dependency.kind == Kind::Shipped {
        Some(Violation::Beside { name: pair.0, dependency: pair.1 })
    } else {
        None
    }
}

fn violation_of_frugality(name: &str, dependency: &Dependency) -> Option<Violation> {
    let (_, allowed) = FRUGAL.iter().find(|(frugal, _)| *frugal == name)?;
    let is_allowed = allowed.iter().any(|allowed| {
        allowed.name == dependency.name
            && allowed.only_under.is_none_or(|only| dependency.target.as_deref() == Some(only))
    });
    (dependency.kind == Kind::Shipped && !is_allowed).then(|| Violation::NotAllowed {
        name: name.to_string(),
        dependency: dependency.name.clone(),
        target: dependency.target.clone(),
    })
}

/// Crates whose folder lacks the text of a licence, letter by letter that of the root.
fn unlicensed(root: &Path, crates: &[&str]) -> Vec<Violation> {
    let each = crates.iter().flat_map(|name| LICENCES.map(|licence| (*name, licence)));
    let lacks = each.filter(|(name, licence)| {
        let text = fs::read(root.join(licence)).ok();
        text.is_none() || fs::read(root.join(name).join(licence)).ok() != text
    });
    lacks.map(|(name, licence)| Violation::Unlicensed { name: name.to_string(), licence }).collect()
}

fn layer_of(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::Unlisted { name } => {
                write!(f, "{name} has no place in the layers; give it one in xtask/src/layers.rs")
            }
            Violation::Above { name, dependency } => {
                write!(f, "{name} depends on {dependency}, which stands above it")
            }
            Violation::Beside { name, dependency } => {
                write!(f, "{name} depends on {dependency}, which stands beside it")
            }
            Violation::Tool { name, dependency } => {
                write!(
                    f,
                    "{name} depends on {dependency}; {TOOL} knows no crate, and none knows it"
                )
            }
            Violation::NotAllowed { name, dependency, target } => {
                write!(f, "{name} depends on {dependency}")?;
                if let Some(target) = target {
                    write!(f, " under {target}")?;
                }
                write!(f, ", which is not among the few it may depend on")
            }
            Violation::Unlicensed { name, licence } => {
                write!(f, "{name} has no {licence} like that of the root; link it: ../{licence}")
            }
        }
    }
}

#[cfg(test)]
mod tests;
