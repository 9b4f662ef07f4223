//! Proof that the tests of session-cache prove something: its code is changed in one place after the
//! other, by cargo-mutants, and a test has to notice.
//!
//! This happens in a copy of the workspace. `.cargo/mutants.toml` says which files are changed and which
//! tests are asked. A mutant that no test notices is a survivor, and stands in docs/mutants.md with the
//! reason why nobody could; one that makes the tests run for ever was noticed.

use std::collections::BTreeSet;

use crate::failure::Failure;
use crate::program;
use crate::survivors::{self, Survivors};
use crate::workspace::Workspace;

/// It is installed in this version if none is there.
const CARGO_MUTANTS_VERSION: &str = "27.1.0";
const DOCUMENT: &str = "docs/mutants.md";

/// What cargo-mutants exits with when all were noticed, when some survived, and when some ran too long.
const EXIT_DONE: [i32; 3] = [0, 2, 3];

/// Tries the mutants whose name contains `NAME`, a regular expression, or all.
///
/// # Errors
/// When one survives that is not listed, one is listed that does not survive, the list cannot be read, or
/// a test fails with nothing changed.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    let name = match arguments {
        [] => None,
        [name] if !name.starts_with('-') => Some(name),
        _ => return Err(Failure::usage("mutants takes one NAME at most, and no options")),
    };
    let document = std::fs::read_to_string(workspace.root().join(DOCUMENT))
        .map_err(|error| survivors::defect("mutants", DOCUMENT, &error.to_string()))?;
    let listed = Survivors::in_document(&document)
        .map_err(|reason| survivors::defect("mutants", DOCUMENT, &reason))?;
    install(workspace)?;
    let folder = workspace.target_folder().join("mutants");
    let mut command = workspace.cargo();
    command.args(["mutants", "--package", "session-cache", "--output"]).arg(&folder);
    if let Some(name) = name {
        command.args(["--re", name]);
    }
    program::show(&command);
    let status =
        command.status().map_err(|error| program::cannot_start(&command, "mutants", &error))?;
    if !status.code().is_some_and(|code| EXIT_DONE.contains(&code)) {
        return Err(Failure::failed(format!("mutants: cargo-mutants failed ({status})")));
    }
    let names = |file: &str| -> Result<BTreeSet<String>, Failure> {
        let path = folder.join("mutants.out").join(file);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Failure::failed(format!("mutants: cannot read {}: {error}", path.display()))
        })?;
        Ok(text.lines().map(name_of).collect())
    };
    let survived = names("missed.txt")?;
    let mut noticed = names("caught.txt")?;
    noticed.extend(names("timeout.txt")?);
    println!("{} mutants noticed, {} survived", noticed.len(), survived.len());
    match wrong(&survived, &noticed, &listed).as_slice() {
        [] => Ok(()),
        lines => Err(Failure::failed(format!("mutants:\n  {}", lines.join("\n  ")))),
    }
}

fn install(workspace: &Workspace) -> Result<(), Failure> {
    if program::succeeds(workspace.cargo().args(["mutants", "--version"])) {
        return Ok(());
    }
    eprintln!("xtask: no cargo-mutants here; installing it takes some minutes");
    let mut install = workspace.cargo();
    install.args(["install", "cargo-mutants", "--locked", "--version", CARGO_MUTANTS_VERSION]);
    program::run(&mut install, "mutants", "install cargo-mutants by hand")
}

/// A mutant's name without line and column, which change with every edit above it.
fn name_of(line: &str) -> String {
    let Some((place, change)) = line.split_once(": ") else { return line.to_string() };
    let file = place.split(':').next().unwrap_or(place);
    let file = file.rsplit_once("src/").map_or(file, |(_, file)| file);
    format!("{file}: {change}")
}

fn wrong(
    survived: &BTreeSet<String>,
    noticed: &BTreeSet<String>,
    listed: &Survivors,
) -> Vec<String> {
    let new = survived.iter().filter(|name| !listed.contains(name)).map(|name| {
        format!("`{name}` survived: add a test that notices, or the reason to {DOCUMENT}")
    });
    // Two places of one function may share a name: one that also survived is listed rightly.
    let gone = noticed.iter().filter(|name| listed.contains(name) && !survived.contains(*name));
    let gone =
        gone.map(|name| format!("`{name}` is noticed now: take it off the list in {DOCUMENT}"));
    new.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_stays_when_lines_move() {
        let line =
            "session-cache/src/connection/server.rs:41:9: replace a -> b with Ok(()) in C::d";
        assert_eq!(name_of(line), "connection/server.rs: replace a -> b with Ok(()) in C::d");
    }

    #[test]
    fn survivors_and_the_list_must_agree() {
        let text = "## Survivors\nNumber: 2.\n| `a` | equal |\n| `b` | equal |\n";
        let listed = Survivors::in_document(text).unwrap();
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        assert!(wrong(&set(&["a"]), &set(&["c", "a"]), &listed).is_empty());
        assert!(wrong(&set(&["c"]), &set(&[]), &listed)[0].contains("`c` survived"));
        assert!(wrong(&set(&[]), &set(&["b"]), &listed)[0].contains("`b` is noticed now"));
    }
}
