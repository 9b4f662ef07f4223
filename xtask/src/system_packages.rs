//! What the tests and benches need from the operating system, and how to get it on Debian.
//!
//! Invariant: a program that is missing and cannot be installed is named, and the job fails in the
//! end; its tests are never left out in silence.

use std::fmt;
use std::path::Path;
use std::process::Command;

use crate::failure::Failure;
use crate::program;

/// A program, or a library, that some test needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SystemPackage {
    /// The program to look for on the search path; what ends in `.h`, the header that the C compiler finds.
    pub(crate) program: &'static str,
    pub(crate) debian_package: &'static str,
    pub(crate) needed_for: &'static str,
}

const COMPILER: SystemPackage =
    SystemPackage { program: "cc", debian_package: "gcc", needed_for: "ring, which compiles C" };

#[cfg(target_os = "linux")]
const PKG_CONFIG: SystemPackage = SystemPackage {
    program: "pkg-config",
    debian_package: "pkg-config",
    needed_for: "session-openssl, session-parity and the peers of session-bench, which look for libssl",
};

#[cfg(target_os = "linux")]
const LIBSSL: SystemPackage = SystemPackage {
    program: "openssl/ssl.h",
    debian_package: "libssl-dev",
    needed_for: "session-openssl, session-parity and the peers of session-bench, which use libssl",
};

/// What the tests need.
const NEEDED: &[SystemPackage] = &[
    COMPILER,
    SystemPackage {
        program: "openssl",
        debian_package: "openssl",
        needed_for: "session-codec, whose tests compare with it and its libssl",
    },
    #[cfg(target_os = "linux")]
    SystemPackage {
        program: "curl",
        debian_package: "curl",
        needed_for: "the example servers of session-rustls and session-openssl, to which it comes back",
    },
    #[cfg(target_os = "linux")]
    SystemPackage {
        program: "gnutls-cli",
        debian_package: "gnutls-bin",
        needed_for: "the example servers of session-rustls and session-openssl, to which it comes back",
    },
    #[cfg(target_os = "linux")]
    SystemPackage {
        program: "strsclnt",
        debian_package: "libnss3-tools",
        needed_for: "the example server of session-openssl, to which it comes back",
    },
    #[cfg(target_os = "linux")]
    PKG_CONFIG,
    #[cfg(target_os = "linux")]
    LIBSSL,
    SystemPackage { program: "g++", debian_package: "g++", needed_for: "the C headers, as C++" },
    #[cfg(target_os = "linux")]
    SystemPackage {
        program: "nm",
        debian_package: "binutils",
        needed_for: "session-ffi, whose exported symbols are listed",
    },
    #[cfg(target_os = "linux")]
    SystemPackage {
        program: "valgrind",
        debian_package: "valgrind",
        needed_for: "session-ffi, whose C programs run under it",
    },
];

/// What the peers of session-bench need to be built: none of the programs that only tests run.
const PEERS: &[SystemPackage] = &[
    COMPILER,
    #[cfg(target_os = "linux")]
    PKG_CONFIG,
    #[cfg(target_os = "linux")]
    LIBSSL,
];

const VALGRIND: &[SystemPackage] = &[SystemPackage {
    program: "valgrind",
    debian_package: "valgrind",
    needed_for: "counting instructions",
}];

/// What to do about the programs that are not there.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    AllThere,
    Install(Vec<&'static SystemPackage>),
    /// Run what can be run, then fail.
    Miss(Vec<&'static SystemPackage>),
}

fn decide(
    needed: &'static [SystemPackage],
    is_there: impl Fn(&str) -> bool,
    may_install: impl FnOnce() -> bool,
) -> Decision {
    let absent: Vec<_> = needed.iter().filter(|package| !is_there(package.program)).collect();
    if absent.is_empty() {
        Decision::AllThere
    } else if may_install() {
        Decision::Install(absent)
    } else {
        Decision::Miss(absent)
    }
}

/// Installs what the tests need and is missing, where that is possible, and returns what is still missing.
pub(crate) fn provide() -> Vec<&'static SystemPackage> {
    provide_all(NEEDED)
}

/// Sees to it that valgrind is there.
///
/// # Errors
/// When it is not, and cannot be installed.
pub(crate) fn provide_valgrind() -> Result<(), Failure> {
    refuse(&provide_all(VALGRIND))
}

/// Sees to it that the peers can be built, of which libssl is one.
///
/// # Errors
/// When something is not there, and cannot be installed.
pub(crate) fn provide_for_peers() -> Result<(), Failure> {
    refuse(&provide_all(PEERS))
}

fn refuse(missing: &[&SystemPackage]) -> Result<(), Failure> {
    match missing.first() {
        None => Ok(()),
        Some(SystemPackage { program, debian_package, needed_for }) => {
            Err(Failure::failed(format!(
                "`{program}` is missing (Debian: {debian_package}); it is needed for {needed_for}"
            )))
        }
    }
}

fn provide_all(needed: &'static [SystemPackage]) -> Vec<&'static SystemPackage> {
    // Elsewhere the compiler is not found by a name on the search path (MSVC).
    if !cfg!(unix) {
        return Vec::new();
    }
    match decide(needed, is_there, may_install) {
        Decision::AllThere => Vec::new(),
        Decision::Miss(absent) => absent,
        Decision::Install(absent) => {
            let names: Vec<_> =
                absent.iter().map(|package| package.debian_package.to_string()).collect();
            if let Err(failure) = install(&names) {
                eprintln!("xtask: {}", failure.line().unwrap_or_default());
            }
            absent.into_iter().filter(|package| !is_there(package.program)).collect()
        }
    }
}

fn is_there(name: &str) -> bool {
    if !name.ends_with(".h") {
        return program::is_on_path(name);
    }
    let mut compiler = Command::new("cc");
    program::succeeds(compiler.args(["-fsyntax-only", "-include", name, "-x", "c", "/dev/null"]))
}

impl fmt::Display for SystemPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SystemPackage { program, debian_package, needed_for } = self;
        write!(f, "`{program}` (Debian: {debian_package}), needed for {needed_for}")
    }
}

/// Installs Debian packages (`name` or `name=version`); never asks a question.
///
/// # Errors
/// When apt-get cannot find or fetch them.
pub(crate) fn install(names: &[String]) -> Result<(), Failure> {
    program::run(apt_get().args(["-q", "update"]), "apt-get update", "is there a network?")?;
    let mut command = apt_get();
    // -q twice and no terminal: a page of progress says nothing in a log.
    command.args(["-qq", "-o", "Dpkg::Use-Pty=0", "install", "-y", "--no-install-recommends"]);
    command.args(names);
    program::run(&mut command, "apt-get install", "install them by hand")
}

/// Tells whether this is a Debian whose packages this process may change.
pub(crate) fn may_install() -> bool {
    let is_root =
        || program::answer(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    Path::new("/etc/debian_version").exists() && program::is_on_path("apt-get") && is_root()
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    static TWO: [SystemPackage; 2] = [
        SystemPackage { program: "cc", debian_package: "gcc", needed_for: "ring" },
        SystemPackage { program: "redis-server", debian_package: "redis", needed_for: "stores" },
    ];

    #[test]
    fn nothing_is_installed_when_all_is_there() {
        let may_install = || panic!("not asked when nothing is missing");
        assert_eq!(decide(&TWO, |_| true, may_install), Decision::AllThere);
    }

    #[test]
    fn only_what_is_missing_is_installed() {
        let decision = decide(&TWO, |program| program == "cc", || true);
        assert_eq!(decision, Decision::Install(vec![&TWO[1]]));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn peers_need_a_compiler_and_libssl_and_no_program_that_only_tests_run() {
        // A machine of the nightly bench.
        let is_there = |program: &str| ["cc", "pkg-config", "openssl/ssl.h"].contains(&program);
        assert_eq!(decide(PEERS, is_there, || false), Decision::AllThere);
        assert_ne!(decide(NEEDED, is_there, || false), Decision::AllThere);
        let Decision::Miss(missed) = decide(PEERS, |_| false, || false) else { panic!() };
        assert_eq!(missed.len(), 3);
    }

    #[test]
    fn header_is_there_if_the_compiler_finds_it() {
        if program::is_on_path("cc") {
            assert!(is_there("stdio.h") && !is_there("no/such.h"));
        }
    }

    #[test]
    fn what_may_not_be_installed_is_named_as_missing() {
        assert_eq!(decide(&TWO, |_| false, || false), Decision::Miss(vec![&TWO[0], &TWO[1]]));
    }
}
