//! The programs of session-bench: built by cargo, found by cargo's own word.

use std::collections::HashMap;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use cargo_metadata::Message;

use crate::failure::Failure;
use crate::program;

/// What a program is built with.
pub(crate) struct Build<'a> {
    /// cargo, in the folder and the environment that it is to build in.
    pub(crate) cargo: Command,
    pub(crate) features: &'a [&'a str],
    pub(crate) programs: &'a [&'a str],
}

impl Build<'_> {
    /// Builds, and says where each program is.
    ///
    /// # Errors
    /// When cargo fails; its own words are on stderr then.
    pub(crate) fn run(mut self) -> Result<HashMap<String, PathBuf>, Failure> {
        let command = &mut self.cargo;
        command.args(["bench", "--no-run", "-p", "session-bench"]);
        if !self.features.is_empty() {
            command.arg("--features").arg(self.features.join(","));
        }
        for program in self.programs {
            command.args(["--bench", program]);
        }
        program::show(command);
        command.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
        let mut child =
            command.spawn().map_err(|error| program::cannot_start(command, "bench", &error))?;
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut found = HashMap::new();
        for message in Message::parse_stream(stdout) {
            if let Ok(Message::CompilerArtifact(artifact)) = message {
                if let Some(executable) = artifact.executable {
                    found.insert(artifact.target.name, executable.into_std_path_buf());
                }
            }
        }
        let status = child.wait().map_err(|error| Failure::failed(format!("cargo: {error}")))?;
        match self.programs.iter().find(|program| !found.contains_key(**program)) {
            None if status.success() => Ok(found),
            _ => Err(Failure::failed("the benches cannot be built; cargo's own words are above")),
        }
    }
}
