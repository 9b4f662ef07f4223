//! Automation of the workspace: every check that a person or a CI machine runs, as one program.
//!
//! Invariant: xtask knows cargo and the names of the crates, never their insides.
//! Invariant: a job that could not do all it promises says so and fails; nothing is skipped in
//! silence. `ci` alone goes on where the machine lacks something, and its table says `not here` and why.

#![forbid(unsafe_code)]

mod bench;
mod c;
mod c_example;
mod ci;
mod clock;
mod conformance;
mod demo;
mod failure;
mod fuzz;
mod header;
mod install;
mod layers;
mod loom;
mod miri;
mod msrv;
mod mutants;
mod parity;
mod program;
mod san;
mod shuttle;
mod sslyze;
mod survivors;
mod system_packages;
mod test;
mod tree;
mod weaken;
mod workspace;

use std::io::Write as _;
use std::process::ExitCode;

use failure::Failure;
use workspace::Workspace;

const USAGE: &str = "\
The automation of this workspace.

Usage: cargo xtask JOB [ARGS]

Jobs:
  demo [ARGS]          run the demo: real TLS handshakes, resumed (--help: its options)
  test [--] [ARGS]     run all tests and doc tests (ARGS narrow it: cargo-nextest's or cargo test's)
  loom [NAME] [--deep] explore every model whose path contains NAME; --deep raises the bounds
  shuttle [NAME]       try random schedules of every model whose path contains NAME, and of crowds
  weaken [EDGE]        weaken each ordering whose name contains EDGE, alone: a model must notice
                       (--quick: three of them)
  mutants [NAME]       change session-cache in one place after the other (in those whose name matches
                       NAME): a test must notice; installs cargo-mutants where it is missing
  san SANITIZER        run tests under asan, lsan or tsan
  fuzz TARGET SECONDS  fuzz one of the targets of fuzz/; installs cargo-fuzz where it is missing
  parity [ARGS]        compare the cache with the system's libssl: random sequences of its functions, and
                       scripts of handshakes (--quick, --seed N, --sequences N; --vendored: a newer one;
                       --check: fail if docs/openssl-parity.md is out of date, which it else writes)
  conformance [--check]
                       run the tests that name rules of docs/rules.md and write docs/conformance.md;
                       --check: fail if a rule has no passing test, or the page is out of date
  c                    check the C headers and symbols, run the C programs, also under Valgrind and asan,
                       of gcc, and of clang where there is one
  c-example            run the example server in C on OpenSSL, with real clients that come back, and the
                       header that it is made with in a module that is unloaded
  sslyze               have sslyze, from PyPI, look at the example server of session-openssl
  install --prefix DIR install the C library: headers, libraries, pkg-config and CMake files
  header               write the C headers anew from the functions of session-ffi
  bench [ARGS]         measure ours beside its peers, or judge two builds (--help: its options)
  layers               check that no crate depends on one above it, and that each library has its licences
  msrv                 check that the libraries build with the oldest Rust we promise
  miri [ARGS]          run session-core's tests under Miri (needs a nightly toolchain with miri)
  ci                   all of the above that a change must pass: fmt, clippy, docs, layers, test,
                       conformance --check, parity --quick --check, c, c-example, loom,
                       weaken --quick, bench --instructions, msrv, demo

Exit status: 0 done, 1 failed, 2 not understood.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(line) = failure.line() {
                eprintln!("xtask: {line}");
            }
            ExitCode::from(failure.exit_status())
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<(), Failure> {
    let Some((job, rest)) = arguments.split_first() else {
        return print_usage();
    };
    let has_own_help = ["bench", "demo"].contains(&job.as_str());
    if !has_own_help && rest.first().is_some_and(|first| first == "-h" || first == "--help") {
        return print_usage();
    }
    match job.as_str() {
        "-h" | "--help" | "help" => print_usage(),
        "demo" => demo::run(&Workspace::find()?, rest),
        "test" => test::run(&Workspace::find()?, rest),
        "loom" => {
            let request = loom::Request::parse(rest)?;
            loom::run(&Workspace::find()?, &request)
        }
        "weaken" => {
            let request = weaken::Request::parse(rest)?;
            weaken::run(&Workspace::find()?, &request)
        }
        "san" => {
            let sanitizer = san::Sanitizer::parse(rest)?;
            san::run(&Workspace::find()?, sanitizer)
        }
        "conformance" => {
            let request = conformance::Request::parse(rest)?;
            conformance::run(&Workspace::find()?, request)
        }
        "mutants" => mutants::run(&Workspace::find()?, rest),
        "shuttle" => shuttle::run(&Workspace::find()?, rest),
        "c" => takes_no_arguments(job, rest)
            .and_then(|()| Workspace::find())
            .and_then(|workspace| c::run(&workspace))
            .map(|not_here| not_here.iter().for_each(|reason| eprintln!("c: {reason}"))),
        "c-example" => takes_no_arguments(job, rest)
            .and_then(|()| Workspace::find())
            .and_then(|workspace| c_example::run(&workspace)),
        "sslyze" => takes_no_arguments(job, rest)
            .and_then(|()| Workspace::find())
            .and_then(|workspace| sslyze::run(&workspace)),
        "install" => {
            let request = install::Request::parse(rest)?;
            install::run(&Workspace::find()?, &request)
        }
        "header" => takes_no_arguments(job, rest)
            .and_then(|()| Workspace::find())
            .and_then(|workspace| header::write(&workspace)),
        "fuzz" => fuzz::run(&Workspace::find()?, rest),
        "parity" => parity::run(&Workspace::find()?, rest),
        "bench" => match bench::Request::parse(rest)? {
            Some(request) => bench::run(&Workspace::find()?, &request),
            None => print(bench::USAGE),
        },
        "layers" => takes_no_arguments(job, rest)
            .and_then(|()| Workspace::find())
            .and_then(|workspace| layers::run(&workspace)),
        "msrv" => takes_no_arguments(job, rest)
            .and_then(|()| Workspace::find())
            .and_then(|workspace| msrv::run(&workspace)),
        "miri" => miri::run(&Workspace::find()?, rest),
        "ci" => takes_no_arguments(job, rest)
            .and_then(|()| Workspace::find())
            .and_then(|workspace| ci::run(&workspace)),
        unknown => {
            Err(Failure::usage(format!("unknown job `{unknown}`; `cargo xtask --help` lists them")))
        }
    }
}

fn print_usage() -> Result<(), Failure> {
    print(USAGE)
}

fn print(usage: &str) -> Result<(), Failure> {
    // A reader who has seen enough and closed the pipe is no failure.
    let _ = writeln!(std::io::stdout(), "{usage}");
    Ok(())
}

fn takes_no_arguments(job: &str, rest: &[String]) -> Result<(), Failure> {
    match rest.first() {
        None => Ok(()),
        Some(first) => Err(Failure::usage(format!("`{job}` takes no arguments; got `{first}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit_status_of(line: &[&str]) -> u8 {
        let arguments: Vec<String> = line.iter().map(ToString::to_string).collect();
        dispatch(&arguments).expect_err("the line is wrong").exit_status()
    }

    #[test]
    fn help_of_a_job_runs_nothing() {
        let jobs = ["loom", "weaken", "san", "fuzz", "layers", "ci"];
        for job in jobs {
            assert!(dispatch(&[job.to_string(), "--help".to_string()]).is_ok(), "{job}");
        }
    }

    #[test]
    fn unknown_job_and_unknown_option_exit_with_2() {
        assert_eq!(exit_status_of(&["tests"]), 2);
        assert_eq!(exit_status_of(&["layers", "--quick"]), 2);
        assert_eq!(exit_status_of(&["loom", "--deeper"]), 2);
        assert_eq!(exit_status_of(&["weaken", "--all"]), 2);
        assert_eq!(exit_status_of(&["san", "msan"]), 2);
        assert_eq!(exit_status_of(&["ci", "now"]), 2);
        assert_eq!(exit_status_of(&["conformance", "--chekc"]), 2);
        assert_eq!(exit_status_of(&["conformance", "--check", "R1"]), 2);
        assert_eq!(exit_status_of(&["shuttle", "--deep"]), 2);
        assert_eq!(exit_status_of(&["bench", "--fast"]), 2);
        assert_eq!(exit_status_of(&["mutants", "--all"]), 2);
        assert_eq!(exit_status_of(&["fuzz", "tables", "10"]), 2);
    }
}
