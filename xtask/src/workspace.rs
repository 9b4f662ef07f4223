//! The workspace as cargo describes it, and cargo as its jobs call it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{Metadata, MetadataCommand};

use crate::failure::Failure;

/// The library crates: what a user of this workspace depends on.
pub(crate) const LIBRARIES: [&str; 6] = [
    "session-core",
    "session-cache",
    "session-codec",
    "session-rustls",
    "session-openssl",
    "session-ffi",
];

/// Where everything is.
pub(crate) struct Workspace {
    /// Declared dependencies only, nothing resolved: no network is needed to read them.
    pub(crate) metadata: Metadata,
}

impl Workspace {
    /// Asks cargo about the workspace that xtask was built in.
    ///
    /// # Errors
    /// When a manifest cannot be read.
    pub(crate) fn find() -> Result<Workspace, Failure> {
        // `cargo run` names the folder at run time; the one of compile time is for an xtask
        // started by hand.
        let own_folder = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let metadata = MetadataCommand::new()
            .cargo_path(cargo_path())
            .manifest_path(own_folder.join("Cargo.toml"))
            .no_deps()
            .exec()
            .map_err(|error| {
                Failure::failed(format!("cargo cannot read the manifests: {error}"))
            })?;
        Ok(Workspace { metadata })
    }

    pub(crate) fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    pub(crate) fn target_folder(&self) -> &Path {
        self.metadata.target_directory.as_std_path()
    }

    /// The cargo that runs xtask, at the root, in the environment that the person had.
    pub(crate) fn cargo(&self) -> Command {
        self.command(cargo_path())
    }

    /// Cargo of another toolchain that rustup knows.
    pub(crate) fn cargo_of_toolchain(&self, toolchain: &str) -> Command {
        let mut command = self.command("rustup".into());
        command.env_remove("RUSTUP_TOOLCHAIN").args(["run", toolchain, "cargo"]);
        command
    }

    /// A program at the root. What `cargo run` put into the environment for xtask itself is taken
    /// out again: build scripts watch some of it (ring's does), and would run anew each time.
    pub(crate) fn command(&self, program: OsString) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.root());
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(is_set_by_cargo_run) {
                command.env_remove(name);
            }
        }
        command
    }
}

fn cargo_path() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn is_set_by_cargo_run(name: &str) -> bool {
    const PREFIXES: [&str; 2] = ["CARGO_PKG_", "CARGO_MANIFEST_"];
    const NAMES: [&str; 5] =
        ["CARGO", "CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_of_the_person_is_kept() {
        assert!(is_set_by_cargo_run("CARGO_PKG_NAME"));
        assert!(!is_set_by_cargo_run("CARGO_TARGET_DIR"));
        assert!(!is_set_by_cargo_run("CARGO_HOME"));
        assert!(!is_set_by_cargo_run("CARGO_TERM_COLOR"));
    }
}
