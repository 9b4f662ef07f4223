//! The workspace's test binaries, and what their tests answer.
//!
//! They are run as cargo runs them, without a test runner between: what one says of a single test is
//! part of no runner's stable output but libtest's own lines.

use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use cargo_metadata::Message;

use super::claim::Claim;
use crate::failure::Failure;
use crate::program;
use crate::workspace::Workspace;

const ARGUMENTS: [&str; 4] =
    ["test", "--workspace", "--no-run", "--message-format=json-render-diagnostics"];

/// A test that names rules, after it has run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) package: String,
    /// The name of the binary and the path in it, `rules::modes::r53_...`.
    pub(super) path: String,
    pub(super) claim: Claim,
    /// False also for one that is ignored, or that ended without a word.
    pub(super) passed: bool,
}

pub(super) struct Binaries<'a> {
    workspace: &'a Workspace,
    binaries: Vec<Binary>,
}

/// Ordered as the page shows them.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Binary {
    package: String,
    name: String,
    folder: PathBuf,
    program: PathBuf,
}

impl Binaries<'_> {
    /// Builds them all; what `cargo test` has built already is not built again.
    ///
    /// # Errors
    /// When something does not compile.
    pub(super) fn build(workspace: &Workspace) -> Result<Binaries<'_>, Failure> {
        let mut command = workspace.cargo();
        program::show(command.args(ARGUMENTS));
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| program::cannot_start(&command, "conformance", &error))?;
        let stdout = child.stdout.take().expect("stdout was asked for as a pipe");
        let mut binaries = Vec::new();
        for message in Message::parse_stream(BufReader::new(stdout)) {
            let message = message.map_err(|error| failed("cargo's messages", &error))?;
            binaries.extend(Binary::in_message(message, workspace));
        }
        let status = child.wait().map_err(|error| failed("cargo was lost", &error))?;
        if !status.success() {
            return Err(Failure::failed(format!("conformance: the tests do not build ({status})")));
        }
        binaries.sort();
        Ok(Binaries { workspace, binaries })
    }

    /// Runs the tests whose names begin with rules, and no others.
    ///
    /// # Errors
    /// When a binary cannot be started or cannot list its tests; not when a test fails.
    pub(super) fn run_tests_that_name_rules(&self) -> Result<Vec<Test>, Failure> {
        let mut tests = Vec::new();
        for binary in &self.binaries {
            let list = binary.output(self.workspace, &["--list", "--format", "terse"])?;
            if !list.status.success() {
                let line = format!("conformance: {} cannot list its tests", binary.name);
                return Err(Failure::failed(line));
            }
            let claims = claims_in(&String::from_utf8_lossy(&list.stdout));
            if !claims.is_empty() {
                tests.extend(binary.run(self.workspace, claims)?);
            }
        }
        Ok(tests)
    }
}

impl Binary {
    fn in_message(message: Message, workspace: &Workspace) -> Option<Binary> {
        let Message::CompilerArtifact(artifact) = message else { return None };
        let program = artifact.executable.filter(|_| artifact.profile.test)?;
        let packages = &workspace.metadata.packages;
        let package = packages.iter().find(|package| package.id == artifact.package_id)?;
        Some(Binary {
            package: package.name.to_string(),
            name: artifact.target.name,
            folder: package.manifest_path.parent()?.into(),
            program: program.into(),
        })
    }

    fn run(
        &self,
        workspace: &Workspace,
        claims: Vec<(String, Claim)>,
    ) -> Result<Vec<Test>, Failure> {
        let mut arguments = vec!["--exact"];
        arguments.extend(claims.iter().map(|(path, _)| path.as_str()));
        eprintln!("  {} {}: {} tests that name rules", self.package, self.name, claims.len());
        let output = self.output(workspace, &arguments)?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            eprint!("{stdout}{}", String::from_utf8_lossy(&output.stderr));
        }
        let passed = passed_in(&stdout);
        let test = |(path, claim): (String, Claim)| Test {
            package: self.package.clone(),
            passed: passed.contains(&path.as_str()),
            path: format!("{}::{path}", self.name),
            claim,
        };
        Ok(claims.into_iter().map(test).collect())
    }

    fn output(&self, workspace: &Workspace, arguments: &[&str]) -> Result<Output, Failure> {
        let mut command: Command = workspace.command(self.program.clone().into());
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        // As cargo does for tests that look for their files.
        command.env("CARGO_MANIFEST_DIR", &self.folder);
        command.output().map_err(|error| program::cannot_start(&command, "conformance", &error))
    }
}

fn failed(what: &str, error: &std::io::Error) -> Failure {
    Failure::failed(format!("conformance: {what}: {error}"))
}

/// The tests in libtest's terse list whose names begin with rules, by path.
pub(super) fn claims_in(list: &str) -> Vec<(String, Claim)> {
    let mut claims: Vec<(String, Claim)> = list
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .filter_map(|path| Some((path.to_string(), Claim::of(path)?)))
        .collect();
    claims.sort_by(|one, other| one.0.cmp(&other.0));
    claims
}

/// The paths of the tests that libtest's words call ok.
pub(super) fn passed_in(stdout: &str) -> Vec<&str> {
    stdout
        .lines()
        .filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... ok"))
        .map(|path| path.strip_suffix(" - should panic").unwrap_or(path))
        .collect()
}
