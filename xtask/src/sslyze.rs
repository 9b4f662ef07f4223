//! The test of the example server that needs sslyze, which is a Python program and comes from PyPI: too much to ask of
//! whoever runs all tests.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::program;
use crate::system_packages;
use crate::workspace::Workspace;

/// What the test reads is printed by this one.
const REQUIREMENT: &str = "sslyze==6.3.1";

/// Has sslyze look at the example server of session-openssl.
///
/// # Errors
/// When there is no sslyze and none can be had, and when the test fails.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let folder = provide(workspace)?;
    let path = env::var_os("PATH").unwrap_or_default();
    // Last: the folder has a Python of its own.
    let path = env::join_paths(env::split_paths(&path).chain([folder]))
        .map_err(|error| Failure::failed(format!("PATH: {error}")))?;
    let mut test = workspace.cargo();
    test.args(["test", "--package", "session-openssl", "--"]);
    test.args(["--ignored", "sslyze"]).env("PATH", path);
    program::run(&mut test, "sslyze", "what sslyze printed is above")
}

/// Returns the folder with the program.
fn provide(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let environment = workspace.target_folder().join("sslyze");
    let programs = environment.join("bin");
    if !is_there(&programs) {
        if !program::succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"]))
            && system_packages::may_install()
        {
            system_packages::install(&["python3-venv".to_string()])?;
        }
        let mut python = Command::new("python3");
        python.args(["-m", "venv"]).arg(&environment);
        program::run(&mut python, "venv", "install Python 3 with its venv (Debian: python3-venv)")?;
        let mut pip = Command::new(programs.join("pip"));
        pip.args(["install", "--quiet", REQUIREMENT]);
        program::run(&mut pip, "pip", "is there a network?")?;
    }
    Ok(programs)
}

fn is_there(programs: &Path) -> bool {
    program::succeeds(Command::new(programs.join("sslyze")).arg("--help"))
}
