//! The unit tests of a crate with models, built for loom over one of the reclaimers.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use cargo_metadata::{Message, TargetKind};

use super::Reclaimer;
use crate::clock;
use crate::failure::Failure;
use crate::program;
use crate::workspace::Workspace;

const ARGUMENTS: [&str; 5] =
    ["test", "--release", "--lib", "--no-run", "--message-format=json-render-diagnostics"];

/// A test binary, ready to run.
pub(super) struct Build {
    binary: PathBuf,
}

impl Build {
    /// Builds, with optimisation: a model runs its threads thousands of times.
    pub(super) fn of(workspace: &Workspace, reclaimer: Reclaimer) -> Result<Build, Failure> {
        let mut command = cargo(workspace, reclaimer);
        program::show(command.args(ARGUMENTS).args(["-p", reclaimer.package()]));
        let start = Instant::now();
        let build = Build::by(command, reclaimer)?;
        eprintln!("  {}: {}", step(reclaimer), clock::shown(start.elapsed()));
        Ok(build)
    }

    /// Builds a copy of the workspace in another folder, in silence.
    pub(super) fn at(
        root: &Path,
        workspace: &Workspace,
        reclaimer: Reclaimer,
    ) -> Result<Build, Failure> {
        let mut command = cargo(workspace, reclaimer);
        command.args(ARGUMENTS).args(["-p", reclaimer.package(), "--quiet"]).current_dir(root);
        Build::by(command, reclaimer)
    }

    fn by(mut command: Command, reclaimer: Reclaimer) -> Result<Build, Failure> {
        let step = step(reclaimer);
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| program::cannot_start(&command, &step, &error))?;
        let stdout = child.stdout.take().expect("stdout was asked for as a pipe");
        let mut binary = None;
        for message in Message::parse_stream(BufReader::new(stdout)) {
            let message = message
                .map_err(|error| Failure::failed(format!("{step}: cargo's messages: {error}")))?;
            binary = test_binary(message, reclaimer).or(binary);
        }
        let status =
            child.wait().map_err(|error| Failure::failed(format!("{step} was lost: {error}")))?;
        if !status.success() {
            let line = format!("{step} failed ({status}): mend the errors above");
            return Err(Failure::failed(line));
        }
        let binary = binary.ok_or_else(|| {
            let package = reclaimer.package();
            Failure::failed(format!("{step}: cargo named no test binary of {package}"))
        })?;
        Ok(Build { binary })
    }

    pub(super) fn binary(&self) -> &Path {
        &self.binary
    }

    /// The paths of the models that contain `name`.
    pub(super) fn models(&self, name: Option<&str>) -> Result<Vec<String>, Failure> {
        let list = Command::new(&self.binary).args(["--list", "--format", "terse"]).output();
        let list = list.ok().filter(|output| output.status.success()).ok_or_else(|| {
            Failure::failed(format!("loom: {} cannot list its tests", self.binary.display()))
        })?;
        Ok(models_in(&String::from_utf8_lossy(&list.stdout), name))
    }
}

/// Cargo with the flags and the target folder of this reclaimer's build.
pub(super) fn cargo(workspace: &Workspace, reclaimer: Reclaimer) -> Command {
    let mut command = workspace.cargo();
    let own = reclaimer.rust_flags();
    let flags = match std::env::var("RUSTFLAGS") {
        Ok(flags) if !flags.trim().is_empty() => format!("{} {own}", flags.trim()),
        _ => own.to_string(),
    };
    command
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", flags)
        .env("CARGO_TARGET_DIR", workspace.target_folder().join(reclaimer.target_folder_name()));
    command
}

fn step(reclaimer: Reclaimer) -> String {
    format!("loom build of {} over the {} reclaimer", reclaimer.package(), reclaimer.name())
}

fn test_binary(message: Message, reclaimer: Reclaimer) -> Option<PathBuf> {
    let Message::CompilerArtifact(artifact) = message else { return None };
    let is_library = artifact.target.kind.contains(&TargetKind::Lib);
    let is_of_package = artifact.target.name == reclaimer.package().replace('-', "_");
    let executable = artifact.executable.map(|path| path.into_std_path_buf());
    executable.filter(|_| is_library && is_of_package && artifact.profile.test)
}

fn models_in(list: &str, name: Option<&str>) -> Vec<String> {
    list.lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .filter(|path| path.contains("models::"))
        .filter(|path| name.is_none_or(|name| path.contains(name)))
        .map(str::to_string)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tests_below_models_are_models() {
        let list = "key::tests::keys_are_equal: test\n\
                    table::models::take_with_take: test\n\
                    models::get_with_take: test\n\
                    models::lookup: benchmark\n";
        assert_eq!(
            models_in(list, None),
            ["table::models::take_with_take", "models::get_with_take"]
        );
        assert_eq!(models_in(list, Some("get_")), ["models::get_with_take"]);
        assert!(models_in(list, Some("keys")).is_empty());
    }
}
