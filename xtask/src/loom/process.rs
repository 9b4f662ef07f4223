//! One process with a deadline, its output kept in a file.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often a running process is looked at.
const POLL: Duration = Duration::from_millis(20);

/// A process that is over.
pub(super) struct Ended {
    /// None: killed at its deadline.
    pub(super) status: Option<ExitStatus>,
    pub(super) timeout: Duration,
    /// stdout and stderr, as they came.
    pub(super) output: String,
}

/// Runs the command to its end, or until `timeout` has passed; its output goes to `log`.
///
/// # Errors
/// When the log cannot be written, or the program cannot be started.
pub(super) fn run(command: &mut Command, log: &Path, timeout: Duration) -> io::Result<Ended> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = File::create(log)?;
    // A file rather than a pipe: nothing has to be read while the process runs.
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let mut child = command.spawn()?;
    let status = wait(&mut child, timeout)?;
    let output = String::from_utf8_lossy(&fs::read(log)?).into_owned();
    Ok(Ended { status, timeout, output })
}

fn wait(child: &mut Child, timeout: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, timeout: Duration) -> Ended {
        let name = format!("xtask-{}-{}.log", std::process::id(), script.len());
        let log = std::env::temp_dir().join(name);
        let ended = run(Command::new("sh").args(["-c", script]), &log, timeout).unwrap();
        fs::remove_file(log).unwrap();
        ended
    }

    #[test]
    fn stdout_and_stderr_are_both_kept() {
        let ended = shell("echo one; echo two >&2; exit 3", Duration::from_secs(60));
        assert_eq!(ended.output, "one\ntwo\n");
        assert_eq!(ended.status.and_then(|status| status.code()), Some(3));
    }

    #[test]
    fn process_past_its_deadline_is_killed() {
        let ended = shell("exec sleep 600", Duration::from_millis(1));
        assert_eq!(ended.status, None);
    }
}
