//! The demo: an example of session-rustls, run as a person would run it.

use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::program;
use crate::workspace::Workspace;

/// Runs the demo with these arguments; its stdout and its exit status are its own.
///
/// # Errors
/// The demo's own exit status, passed on.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    let mut command = command(workspace, arguments);
    program::show(&command);
    let status =
        command.status().map_err(|error| program::cannot_start(&command, "demo", &error))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(Failure::passed_on(u8::try_from(code).unwrap_or(1))),
        None => Err(Failure::failed(format!("the demo was killed ({status})"))),
    }
}

/// Runs the demo with these arguments plus `--json` and checks that stdout is one JSON object.
///
/// # Errors
/// When the demo fails, or prints anything else.
pub(crate) fn check_json(workspace: &Workspace, arguments: &[&str]) -> Result<(), Failure> {
    let arguments: Vec<String> =
        ["--json"].iter().chain(arguments).map(ToString::to_string).collect();
    let mut command = command(workspace, &arguments);
    program::show(&command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| program::cannot_start(&command, "demo", &error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stdout);
        return Err(Failure::failed(format!(
            "demo failed ({}); it printed: {said}",
            output.status
        )));
    }
    check_object(&output.stdout).map_err(Failure::failed)
}

fn command(workspace: &Workspace, arguments: &[String]) -> Command {
    let mut command = workspace.cargo();
    // cargo's own chatter goes to stderr, and so does not mix with `--json`.
    command.args(["run", "--release", "-p", "session-rustls", "--example", "demo", "--"]);
    command.args(arguments);
    command
}

fn check_object(stdout: &[u8]) -> Result<(), String> {
    let value: serde_json::Value = serde_json::from_slice(stdout)
        .map_err(|error| format!("demo --json did not print one JSON object: {error}"))?;
    let object =
        value.as_object().ok_or("demo --json printed JSON that is no object".to_string())?;
    let runs = object.get("runs").and_then(|runs| runs.as_array());
    if runs.is_none_or(Vec::is_empty) {
        return Err("demo --json has no `runs`".to_string());
    }
    if !object.get("refused").is_some_and(serde_json::Value::is_object) {
        return Err("demo --json has no `refused`".to_string());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_but_one_object_with_runs_is_refused() {
        assert_eq!(check_object(br#"{"runs": [{}], "refused": {"replayed": 10}}"#), Ok(()));
        for wrong in [
            r#"building ... {"runs": [{}], "refused": {}}"#,
            r#"{"runs": [{}], "refused": {}} {}"#,
            r#"[{"runs": [{}], "refused": {}}]"#,
            r#"{"runs": [], "refused": {}}"#,
            r#"{"runs": [{}]}"#,
            "",
        ] {
            assert!(check_object(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
