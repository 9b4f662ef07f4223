//! A program as a job runs it: shown before it starts, timed, and blamed by name when it fails.
//!
//! All of this goes to stderr: stdout belongs to the program.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::clock;
use crate::failure::Failure;

/// Runs a command to its end.
///
/// # Errors
/// One line that names the step and what to do about it.
pub(crate) fn run(command: &mut Command, step: &str, remedy: &str) -> Result<(), Failure> {
    show(command);
    let start = Instant::now();
    let last_words = Mutex::new(VecDeque::new());
    let status = if std::io::stderr().is_terminal() {
        command.status()
    } else {
        status_and_last_words(command, &last_words)
    };
    let status = status.map_err(|error| cannot_start(command, step, &error))?;
    let elapsed = clock::shown(start.elapsed());
    if status.success() {
        eprintln!("  {step}: {elapsed}");
        Ok(())
    } else {
        let line = format!("{step} failed after {elapsed} ({status}): {remedy}");
        let last_words = last_words.into_inner().unwrap_or_else(PoisonError::into_inner);
        Err(Failure::failed(line).with_last_words(last_words.into()))
    }
}

/// What is shown once more of a program that failed, in lines.
const LAST_WORDS: usize = 40;

/// As [`Command::status`]; passes on what the program prints, and remembers the end of it.
fn status_and_last_words(
    command: &mut Command,
    last_words: &Mutex<VecDeque<String>>,
) -> std::io::Result<ExitStatus> {
    let mut program = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdout, stderr) = (program.stdout.take(), program.stderr.take());
    thread::scope(|scope| {
        scope.spawn(|| stdout.map(|from| pass_on(from, std::io::stdout(), last_words)));
        scope.spawn(|| stderr.map(|from| pass_on(from, std::io::stderr(), last_words)));
        program.wait()
    })
}

fn pass_on(from: impl Read, mut to: impl Write, last_words: &Mutex<VecDeque<String>>) {
    for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        // Where nobody listens any more the program is to go on all the same.
        let _ = to.write_all(&[&line[..], b"\n"].concat());
        let mut last_words = last_words.lock().unwrap_or_else(PoisonError::into_inner);
        if last_words.len() == LAST_WORDS {
            last_words.pop_front();
        }
        last_words.push_back(String::from_utf8_lossy(&line).into_owned());
    }
}

/// Says which command comes now, as it could be typed.
pub(crate) fn show(command: &Command) {
    eprintln!("$ {}", line(command));
}

pub(crate) fn cannot_start(command: &Command, step: &str, error: &std::io::Error) -> Failure {
    let program = command.get_program().to_string_lossy();
    Failure::failed(format!("{step} could not start `{program}`: {error}"))
}

/// Tells whether a command exists and succeeds; what it prints is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// What a command prints on stdout, if it succeeds.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Tells whether a program of this name is on the search path.
pub(crate) fn is_on_path(name: &str) -> bool {
    let Some(path) = std::env::var_os("PATH") else { return false };
    let file_name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&path).any(|folder| folder.join(&file_name).is_file())
}

fn line(command: &Command) -> String {
    let variables = command.get_envs().filter_map(|(name, value)| {
        Some(format!("{}={}", name.to_string_lossy(), quoted(&value?.to_string_lossy())))
    });
    let program = Path::new(command.get_program());
    let program = if program.file_stem().is_some_and(|stem| stem == "cargo") {
        "cargo".to_string()
    } else {
        program.to_string_lossy().into_owned()
    };
    let arguments = command.get_args().map(|argument| quoted(&argument.to_string_lossy()));
    variables.chain([program]).chain(arguments).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_line_can_be_typed_again() {
        let mut command = Command::new("/somewhere/bin/cargo");
        command.env("RUSTFLAGS", "--cfg a").env_remove("CARGO").args(["test", "it's", ""]);
        assert_eq!(line(&command), r"RUSTFLAGS='--cfg a' cargo test 'it'\''s' ''");
    }

    #[test]
    fn failed_program_is_blamed_by_the_name_of_its_step() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--no-such-option"]);
        let failure = run(&mut command, "fmt", "run `cargo fmt`").unwrap_err();
        let line = failure.line().unwrap();
        assert!(line.starts_with("fmt failed") && line.ends_with("run `cargo fmt`"), "{line}");
    }

    #[test]
    #[cfg(unix)]
    fn last_words_of_both_outputs_are_remembered() {
        let last_words_of = |script| {
            let last_words = Mutex::default();
            let mut command = Command::new("sh");
            let status = status_and_last_words(command.args(["-c", script]), &last_words);
            assert!(status.unwrap().success());
            last_words.into_inner().unwrap()
        };
        let last_words = last_words_of("for i in $(seq 60); do echo line $i; done");
        assert_eq!(last_words.len(), LAST_WORDS);
        assert_eq!(last_words.back().map(String::as_str), Some("line 60"));
        let last_words = last_words_of("echo one; printf 'two \\377' >&2");
        let mut last_words: Vec<_> = last_words.into();
        last_words.sort();
        assert_eq!(last_words, ["one", "two \u{fffd}"]);
    }
}
