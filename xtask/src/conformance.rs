//! The rule book and its proof: which tests show which rule, and which rule has none.
//!
//! The rules are the tables of docs/rules.md. A test names its rules first, `r30_r31_...`, and then,
//! where the two rule sets go different ways, the one that it plays under: `r126_documented_...`.
//!
//! Invariant: what cannot be read is a failure. A rule that is left out of the book, a test that names
//! no rule of it, a test without a result: each is named, none is passed over.

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::workspace::Workspace;

use binaries::Binaries;
use book::Book;
use evidence::Evidence;

mod binaries;
mod book;
mod claim;
mod evidence;
mod page;

#[cfg(test)]
mod tests;

const BOOK: &str = "docs/rules.md";
const PAGE: &str = "docs/conformance.md";

/// What is asked of the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Run the tests and write the page.
    Write,
    /// Run the tests and say whether the page is what would be written.
    Check,
}

impl Request {
    /// Reads the command line.
    ///
    /// # Errors
    /// When it is anything but nothing or `--check`.
    pub(crate) fn parse(arguments: &[String]) -> Result<Request, Failure> {
        match arguments {
            [] => Ok(Request::Write),
            [only] if only == "--check" => Ok(Request::Check),
            [first, ..] => Err(Failure::usage(format!(
                "conformance takes nothing or `--check`; got `{first}`"
            ))),
        }
    }
}

/// Runs the tests that name rules, and writes or checks the page.
///
/// # Errors
/// When a rule lacks a passing test of its owner, when a test names what is no rule, and, for a check,
/// when the page is not what would be written.
pub(crate) fn run(workspace: &Workspace, request: Request) -> Result<(), Failure> {
    let book = Book::in_document(&read(workspace.root(), BOOK)?)
        .map_err(|reason| Failure::failed(format!("conformance: {BOOK}: {reason}")))?;
    let members: Vec<String> = workspace
        .metadata
        .workspace_packages()
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    let tests = Binaries::build(workspace)?.run_tests_that_name_rules()?;
    let evidence = Evidence::new(&book, &members, tests);
    let page = page::render(&book, &evidence);
    let mut gaps = evidence.gaps();
    match request {
        Request::Write => write(workspace.root(), PAGE, &page)?,
        Request::Check if read(workspace.root(), PAGE).is_ok_and(|there| there == page) => {}
        Request::Check => {
            gaps.push(format!("{PAGE} is out of date; `cargo xtask conformance` writes it"));
        }
    }
    for gap in &gaps {
        eprintln!("xtask: conformance: {gap}");
    }
    eprintln!("conformance: {}", page::sums(&book, &evidence));
    match gaps.len() {
        0 => Ok(()),
        1 => Err(Failure::failed("conformance: one gap, named above")),
        many => Err(Failure::failed(format!("conformance: {many} gaps, named above"))),
    }
}

fn read(root: &Path, path: &str) -> Result<String, Failure> {
    fs::read_to_string(root.join(path))
        .map_err(|error| Failure::failed(format!("conformance: cannot read {path}: {error}")))
}

fn write(root: &Path, path: &str, text: &str) -> Result<(), Failure> {
    fs::write(root.join(path), text)
        .map_err(|error| Failure::failed(format!("conformance: cannot write {path}: {error}")))
}
