//! The oldest Rust that we promise: the libraries build with it.
//!
//! Dev-dependencies may need a newer one, so only the libraries themselves are checked.

use std::process::Command;

use crate::failure::{Failure, NotHere};
use crate::program;
use crate::system_packages;
use crate::workspace::{LIBRARIES, Workspace};

/// Debian's compilers for building web browsers: newer than its default ones. The library package
/// is named because apt would otherwise take its newest version, which does not fit.
const DEBIAN_PACKAGES: [&str; 3] = ["cargo-web", "libstd-rust-web-dev", "rustc-web"];

/// Checks the libraries with the manifest's `rust-version`.
///
/// # Errors
/// When they do not build, or when no toolchain of that version can be had.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let promise = promised(workspace)?;
    match toolchain(&promise) {
        Ok(toolchain) => check(workspace, &promise, &toolchain),
        Err(reason) => Err(Failure::failed(format!("msrv: {reason}"))),
    }
}

/// As `run`; but where no toolchain of that version can be had, says so and goes on.
///
/// # Errors
/// When the libraries do not build.
pub(crate) fn run_where_possible(workspace: &Workspace) -> Result<NotHere, Failure> {
    let promise = promised(workspace)?;
    match toolchain(&promise) {
        Ok(toolchain) => check(workspace, &promise, &toolchain).map(|()| None),
        Err(reason) => Ok(Some(reason)),
    }
}

enum Toolchain {
    /// By the name that rustup knows it under.
    Rustup(String),
    /// `/usr/bin/cargo` and `/usr/bin/rustc`.
    System,
}

fn check(workspace: &Workspace, promise: &str, toolchain: &Toolchain) -> Result<(), Failure> {
    let mut command = match toolchain {
        Toolchain::Rustup(name) => workspace.cargo_of_toolchain(name),
        Toolchain::System => {
            let mut command = workspace.command("/usr/bin/cargo".into());
            command.env_remove("RUSTUP_TOOLCHAIN").env("RUSTC", "/usr/bin/rustc");
            command
        }
    };
    command.env("CARGO_TARGET_DIR", workspace.target_folder().join("msrv"));
    command.args(["check", "--locked"]);
    for library in LIBRARIES {
        command.args(["-p", library]);
    }
    let remedy = format!("the libraries must build with Rust {promise}; see above");
    program::run(&mut command, "msrv", &remedy)
}

/// The version in the manifests, as `major.minor`; all libraries promise the same.
fn promised(workspace: &Workspace) -> Result<String, Failure> {
    let mut promises = LIBRARIES.map(|library| {
        let package = workspace.metadata.packages.iter().find(|package| package.name == library)?;
        package.rust_version.as_ref().map(|version| format!("{}.{}", version.major, version.minor))
    });
    promises.sort();
    match &promises {
        [Some(first), .., Some(last)] if first == last => Ok(first.clone()),
        _ => Err(Failure::failed(format!(
            "msrv: {} must all have the same rust-version",
            LIBRARIES.join(", ")
        ))),
    }
}

/// Finds a toolchain of this version, or installs Debian's; else says why not.
fn toolchain(promise: &str) -> Result<Toolchain, String> {
    let list = program::answer(Command::new("rustup").args(["toolchain", "list"]));
    if let Some(name) = list.as_deref().and_then(|list| rustup_name(list, promise)) {
        return Ok(Toolchain::Rustup(name.to_string()));
    }
    if system_toolchain_is(promise) {
        return Ok(Toolchain::System);
    }
    let advice = format!("no Rust {promise} here (`rustup toolchain install {promise}`)");
    if !system_packages::may_install() {
        return Err(advice);
    }
    install_from_debian(promise).map_err(|reason| format!("{advice}, and {reason}"))?;
    if system_toolchain_is(promise) {
        Ok(Toolchain::System)
    } else {
        Err(format!("{advice}, and Debian's /usr/bin/cargo is another version"))
    }
}

fn install_from_debian(promise: &str) -> Result<(), String> {
    let madison = || {
        program::answer(Command::new("apt-cache").arg("madison").args(DEBIAN_PACKAGES))
            .and_then(|answer| debian_version(&answer, promise))
    };
    // apt may know no packages at all before its first update; `install` does one anyway.
    if madison().is_none() {
        let _ = program::succeeds(Command::new("apt-get").arg("update"));
    }
    let version = madison().ok_or_else(|| format!("apt does not offer {promise} either"))?;
    let names: Vec<_> = DEBIAN_PACKAGES.iter().map(|name| format!("{name}={version}")).collect();
    system_packages::install(&names)
        .map_err(|failure| failure.line().unwrap_or("apt-get failed").to_string())
}

fn system_toolchain_is(promise: &str) -> bool {
    ["/usr/bin/cargo", "/usr/bin/rustc"].iter().all(|program| {
        program::answer(Command::new(program).arg("--version"))
            .is_some_and(|answer| answer.split(' ').nth(1).is_some_and(|v| is_of(v, promise)))
    })
}

/// Finds the toolchain's name in `rustup toolchain list`: `1.85-...` or `1.85.0-...`.
fn rustup_name<'a>(list: &'a str, promise: &str) -> Option<&'a str> {
    list.lines()
        .filter_map(|line| line.split_whitespace().next())
        .find(|name| name.split('-').next().is_some_and(|version| is_of(version, promise)))
}

/// Finds the version that all the packages have in the answer of `apt-cache madison`.
fn debian_version(madison: &str, promise: &str) -> Option<String> {
    let rows: Vec<(&str, &str)> = madison
        .lines()
        .filter_map(|line| {
            let mut columns = line.split('|').map(str::trim);
            Some((columns.next()?, columns.next()?))
        })
        .filter(|(_, version)| is_of(version, promise))
        .collect();
    let has = |package: &str, version: &str| rows.contains(&(package, version));
    let complete = |version: &&str| DEBIAN_PACKAGES.iter().all(|package| has(package, version));
    rows.iter().map(|(_, version)| *version).find(|version| complete(version)).map(str::to_string)
}

/// Tells whether a full version (`1.85.0+dfsg3`) belongs to a promised one (`1.85`).
fn is_of(version: &str, promise: &str) -> bool {
    version.strip_prefix(promise).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_belongs_to_its_own_promise_only() {
        assert!(is_of("1.85.1", "1.85") && is_of("1.85", "1.85"));
        assert!(!is_of("1.850.0", "1.85") && !is_of("1.8.5", "1.85"));
    }

    #[test]
    fn toolchain_is_found_among_others() {
        let list = "stable-x86_64-unknown-linux-gnu (active, default)\n\
                    1.95.0-x86_64-unknown-linux-gnu\n\
                    1.85.1-x86_64-unknown-linux-gnu\n";
        assert_eq!(rustup_name(list, "1.85"), Some("1.85.1-x86_64-unknown-linux-gnu"));
        assert_eq!(rustup_name(list, "1.84"), None);
    }

    #[test]
    fn debian_version_is_one_that_all_packages_have() {
        let newer =
            " rustc-web | 1.96.0+dfsg1-1 | http://deb bookworm-security/main amd64 Packages";
        let row = |name: &str, version: &str| format!(" {name} | {version} | http://deb main\n");
        let rows: String = DEBIAN_PACKAGES.iter().map(|name| row(name, "1.85.0+dfsg3-1")).collect();
        let all = format!("{newer}\n{rows}");
        assert_eq!(debian_version(&all, "1.85").as_deref(), Some("1.85.0+dfsg3-1"));
        assert_eq!(debian_version(&all, "1.96"), None);
    }
}
