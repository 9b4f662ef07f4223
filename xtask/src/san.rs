//! The tests under the compiler's sanitizers, with the stable toolchain.
//!
//! Address and leak: all unit and integration tests of session-core, session-cache and session-ffi.
//!
//! Thread: session-core's stress test alone, and that in a copy of the workspace. This sanitizer
//! knows no fences, so each that the library has is replaced there by a load with its ordering, which
//! observes the same. session-cache is left out: its shards are `std` mutexes, and the standard
//! library is not instrumented, so each of them would be reported.

use std::process::Command;

use crate::failure::Failure;
use crate::program;
use crate::tree::Tree;
use crate::workspace::Workspace;

/// What has run-time archives in the toolchains and is ours to promise.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/// The file with the fence, and what stands for it (`let _`: it stays imported).
const FENCE_FILE: &str = "session-core/src/entry.rs";
const FENCE: &str = "fence(Acquire);";
const LOAD: &str = "let _ = fence; references.load(Acquire);";

/// libtest hands results over by a channel of the uninstrumented standard library.
const SUPPRESSIONS: &str = "race:std::sync::mpmc\n";

/// A test that runs cargo, which would build macros with the sanitizer, too.
const STARTS_CARGO: &str = "two_processes_share_an_external_cache_and_each_session_is_taken_once";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sanitizer {
    Address,
    Leak,
    Thread,
}

impl Sanitizer {
    /// Reads `asan|lsan|tsan`.
    ///
    /// # Errors
    /// On anything else.
    pub(crate) fn parse(arguments: &[String]) -> Result<Sanitizer, Failure> {
        match arguments {
            [name] if name == "asan" => Ok(Sanitizer::Address),
            [name] if name == "lsan" => Ok(Sanitizer::Leak),
            [name] if name == "tsan" => Ok(Sanitizer::Thread),
            _ => Err(Failure::usage("san takes one of asan, lsan, tsan")),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Sanitizer::Address => "asan",
            Sanitizer::Leak => "lsan",
            Sanitizer::Thread => "tsan",
        }
    }

    fn rust_flags(self) -> &'static str {
        match self {
            Sanitizer::Address => "--cfg session_sanitize -Zsanitizer=address",
            Sanitizer::Leak => "--cfg session_sanitize -Zsanitizer=leak",
            // The standard library is not instrumented, which the compiler else refuses to mix.
            Sanitizer::Thread => {
                "--cfg session_sanitize -Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer"
            }
        }
    }
}

/// Runs the tests under a sanitizer.
///
/// # Errors
/// When it reports anything, a test fails, or there is no such sanitizer for this machine.
pub(crate) fn run(workspace: &Workspace, sanitizer: Sanitizer) -> Result<(), Failure> {
    let (mut command, _) = cargo(workspace, sanitizer, "test")?;
    if sanitizer == Sanitizer::Thread {
        let tree = tree_without_fences(workspace)?;
        let suppressions = tree.root().join("tsan-suppressions.txt");
        tree.write("tsan-suppressions.txt", SUPPRESSIONS)?;
        command.current_dir(tree.root());
        command.env("TSAN_OPTIONS", format!("suppressions={}", suppressions.display()));
        command.args(["-p", "session-core", "--test", "stress"]);
    } else {
        command.args(["-p", "session-core", "-p", "session-cache", "-p", "session-ffi"]);
        command.args(["--tests", "--no-fail-fast"]);
        command.args(["--", "--skip", STARTS_CARGO]);
    }
    let remedy = "the sanitizer's report, or the failed test, is above";
    program::run(&mut command, sanitizer.name(), remedy)
}

/// `cargo test` or another job for this machine, with the sanitizer, in a target folder of its own; and the
/// name of the machine's target.
///
/// # Errors
/// When there is no such sanitizer for this machine.
pub(crate) fn cargo(
    workspace: &Workspace,
    sanitizer: Sanitizer,
    job: &str,
) -> Result<(Command, String), Failure> {
    let name = sanitizer.name();
    let target = host(workspace)
        .filter(|host| TARGETS.contains(&host.as_str()))
        .ok_or_else(|| Failure::failed(format!("{name} runs on {} only", TARGETS.join(", "))))?;
    let own = sanitizer.rust_flags();
    let flags = match std::env::var("RUSTFLAGS") {
        Ok(flags) if !flags.trim().is_empty() => format!("{} {own}", flags.trim()),
        _ => own.to_string(),
    };
    let target_folder = workspace.target_folder().join(format!("san-{name}"));
    let mut command = workspace.cargo();
    command
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", flags)
        // Lets the stable compiler take -Z. cargo remembers what it asked the compiler: a target folder
        // that is used with and without this gets wrong answers.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", target_folder)
        // Named, so that build scripts and macros, which run in the compiler, are built without.
        .args([job, "--target", &target]);
    Ok((command, target))
}

fn host(workspace: &Workspace) -> Option<String> {
    let answer = program::answer(workspace.command("rustc".into()).arg("-vV"))?;
    answer.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_string)
}

fn tree_without_fences(workspace: &Workspace) -> Result<Tree, Failure> {
    let tree = Tree::copy(workspace, "san-tsan")?;
    for file in tree.rust_files("session-core/src")? {
        let text = tree.read(&file)?;
        // The ghost is not compiled here.
        let expected = usize::from(file == FENCE_FILE);
        if text.matches("fence(Acquire)").count() != expected && !file.ends_with("ghost.rs") {
            return Err(Failure::failed(format!(
                "tsan: {file} has not {expected} `{FENCE}`, which the sanitizer knows nothing of: \
                 mend xtask/src/san.rs"
            )));
        }
    }
    tree.write(FENCE_FILE, &tree.read(FENCE_FILE)?.replace(FENCE, LOAD))?;
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_of_three_sanitizers_is_understood() {
        let parse = |line: &[&str]| {
            Sanitizer::parse(&line.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(parse(&["tsan"]).unwrap(), Sanitizer::Thread);
        for wrong in [&[][..], &["msan"], &["asan", "lsan"]] {
            assert_eq!(parse(wrong).unwrap_err().exit_status(), 2, "{wrong:?}");
        }
    }
}
