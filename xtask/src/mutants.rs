//! Proof that the tests of session-cache prove something: its code is changed in one place after the
//! other, by cargo-mutants, and a test has to notice.
//!
//! This happens in a copy of the workspace. `.cargo/mutants.toml` says which files are changed and which
//! tests are asked. A mutant that no test notices is a survivor, and stands in docs/mutants.md with the
//! reason why nobody could; one that makes the tests run for ever was noticed.

use std::collections::BTreeSet;
use std::process::Command;

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
    let (all, asked) = (names_there_are(workspace, None)?, names_there_are(workspace, name)?);
    let folder = workspace.target_folder().join("mutants");
    let mut command = cargo_mutants(workspace, name);
    command.arg("--output").arg(&folder);
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
    let mut wrong = wrong(&survived, &listed);
    wrong.extend(gone(&survived, &asked, &all, &listed));
    match wrong.as_slice() {
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

/// cargo-mutants, to change what is named so, or everything.
fn cargo_mutants(workspace: &Workspace, name: Option<&String>) -> Command {
    let mut command = workspace.cargo();
    command.args(["mutants", "--package", "session-cache"]);
    if let Some(name) = name {
        command.args(["--re", name]);
    }
    command
}

/// The mutants that there are, tried or not.
fn names_there_are(
    workspace: &Workspace,
    name: Option<&String>,
) -> Result<BTreeSet<String>, Failure> {
    let mut command = cargo_mutants(workspace, name);
    let list = program::answer(command.args(["--list", "--colors=never"]));
    let list = list.ok_or_else(|| Failure::failed("mutants: cargo-mutants does not list them"))?;
    Ok(list.lines().map(name_of).collect())
}

/// Survivors for which there is no reason.
fn wrong(survived: &BTreeSet<String>, listed: &Survivors) -> Vec<String> {
    let new = survived.iter().filter(|name| !listed.contains(name)).map(|name| {
        format!("`{name}` survived: add a test that notices, or the reason to {DOCUMENT}")
    });
    new.collect()
}

/// What is listed and does not survive: it was asked for, or there is no such mutant (any more).
///
/// Two places of one function may share a name: one that also survived is listed rightly.
fn gone(
    survived: &BTreeSet<String>,
    asked: &BTreeSet<String>,
    all: &BTreeSet<String>,
    listed: &Survivors,
) -> Vec<String> {
    let gone = listed.names().iter().filter(|name| !survived.contains(*name));
    let gone = gone.filter_map(|name| {
        let why = if !all.contains(name) {
            "is no mutant any more"
        } else if asked.contains(name) {
            "does not survive any more"
        } else {
            return None;
        };
        Some(format!("`{name}` {why}: take it off the list in {DOCUMENT}"))
    });
    gone.collect()
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

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn listed() -> Survivors {
        let text = "## Survivors\nNumber: 2.\n| `a` | equal |\n| `b` | equal |\n";
        Survivors::in_document(text).unwrap()
    }

    #[test]
    fn survivor_that_is_not_listed_is_wrong() {
        assert_eq!(wrong(&set(&["a"]), &listed()), [""; 0]);
        assert!(wrong(&set(&["c"]), &listed())[0].contains("`c` survived"));
    }

    #[test]
    fn listed_name_that_does_not_survive_is_wrong_and_so_is_one_that_no_mutant_has() {
        let all = set(&["a", "b", "c"]);
        assert_eq!(gone(&set(&["a", "b"]), &all, &all, &listed()), [""; 0]);
        // Neither noticed nor survived: it does not compile.
        let [line] = &gone(&set(&["a"]), &all, &all, &listed())[..] else { panic!() };
        assert!(line.contains("`b` does not survive any more"), "{line}");
        // A run of a part tells nothing of the others.
        assert_eq!(gone(&set(&["a"]), &set(&["a"]), &all, &listed()), [""; 0]);
        let [line] = &gone(&set(&["a"]), &set(&["a"]), &set(&["a", "c"]), &listed())[..] else {
            panic!()
        };
        assert!(line.contains("`b` is no mutant any more"), "{line}");
    }

    #[test]
    fn parts_of_the_nightly_run_are_all_files_that_are_changed() {
        let read = |path: &str| {
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../").to_string() + path)
                .unwrap()
        };
        let nightly = read(".github/workflows/nightly.yml");
        let parts = nightly.lines().find_map(|line| line.trim().strip_prefix("part: [")).unwrap();
        // Of a pattern only words between bars are told, so each is looked for in the path.
        let words: Vec<String> = parts
            .split(['"', '|', ',', ']', ' '])
            .filter(|word| !word.is_empty())
            .map(|word| word.replace("\\", ""))
            .collect();
        let globs = read(".cargo/mutants.toml");
        let files = globs.lines().filter_map(|line| line.trim().strip_prefix("\"session-cache/"));
        let mut number = 0;
        for file in files {
            assert!(words.iter().any(|word| file.contains(word)), "no part has {file}");
            number += 1;
        }
        assert!(number > 5, "{number}");
    }
}
