//! Where and of what a run was made: what a reader needs to know before he compares.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::program;
use crate::workspace::Workspace;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory: String,
    pub(crate) system: String,
    pub(crate) rustc: String,
    /// None where no libssl is installed for building.
    pub(crate) openssl: Option<String>,
}

impl Machine {
    /// One of which nothing is known.
    #[cfg(test)]
    pub(crate) fn unknown() -> Machine {
        Machine {
            processor: String::new(),
            cores: 2,
            memory: String::new(),
            system: String::new(),
            rustc: String::new(),
            openssl: None,
        }
    }

    pub(crate) fn here(workspace: &Workspace) -> Machine {
        let of = |name: &str, words: &[&str]| {
            program::answer(Command::new(name).args(words)).map(|said| said.trim().to_string())
        };
        let unknown = || "unknown".to_string();
        Machine {
            processor: field("/proc/cpuinfo", "model name")
                .or_else(|| of("sysctl", &["-n", "machdep.cpu.brand_string"]))
                .or_else(|| of("uname", &["-m"]))
                .unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: field("/proc/meminfo", "MemTotal").map_or_else(unknown, |total| {
                let kibibytes: f64 = total.trim_end_matches(" kB").parse().unwrap_or(0.0);
                format!("{:.0} GiB", kibibytes / 1_048_576.0)
            }),
            system: of("uname", &["-srm"]).unwrap_or_else(unknown),
            rustc: rustc(workspace),
            openssl: of("pkg-config", &["--modversion", "openssl"]),
        }
    }
}

/// The version line of the rustc in use.
pub(crate) fn rustc(workspace: &Workspace) -> String {
    let mut command = workspace.command("rustc".into());
    program::answer(command.arg("--version")).map_or_else(String::new, |said| said.trim().into())
}

/// The commit that the tree stands on, and whether the tree is more than that. What the benches write
/// themselves does not count.
pub(crate) fn commit(workspace: &Workspace) -> String {
    let git = |words: &[&str]| {
        let answer = program::answer(workspace.command("git".into()).args(words));
        answer.map(|said| said.trim().to_string())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown: this is no clone".to_string();
    };
    let own = format!(":(exclude){}", super::document::PATH);
    match git(&["status", "--porcelain", "--", ".", &own]) {
        Some(changed) if changed.is_empty() => commit,
        _ => format!("{commit}, with changes that are not committed"),
    }
}

pub(crate) fn date() -> String {
    let mut command = Command::new("date");
    let said = program::answer(command.args(["-u", "+%Y-%m-%d %H:%M UTC"]));
    said.map_or_else(|| "unknown".to_string(), |said| said.trim().to_string())
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_string())
}
