//! The command line, and the one line that is said when it is wrong.

use std::fmt;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use rustls::SupportedProtocolVersion;

const EXIT_BAD_OPTIONS: u8 = 2;

/// TLS sessions in our cache: real handshakes over TCP on this machine, resumed, and the same on
/// rustls' own store.
#[derive(Parser)]
#[command(name = "demo", disable_help_subcommand = true)]
pub(crate) struct Options {
    /// Resumptions in each run [1 to 1000000]
    #[arg(long, value_name = "N", default_value_t = 10_000, allow_negative_numbers = true)]
    #[arg(value_parser = up_to(1_000_000))]
    pub(crate) connections: usize,

    /// Clients in each run; each makes its session with a full handshake [1 to 100000]
    #[arg(long, value_name = "N", default_value_t = 2_000, allow_negative_numbers = true)]
    #[arg(value_parser = up_to(100_000))]
    pub(crate) sessions: usize,

    /// Threads of the clients, and as many of the server [1 to 256]
    #[arg(long, value_name = "N", default_value_t = cores(), allow_negative_numbers = true)]
    #[arg(value_parser = up_to(256))]
    pub(crate) threads: usize,

    /// Protocol version [1.2, 1.3 or both]
    #[arg(long, value_name = "VERSION", default_value_t = Tls::Both, value_parser = tls)]
    pub(crate) tls: Tls,

    /// How long our cache keeps a session; a run must not take longer [1 to 86400]
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600, allow_negative_numbers = true)]
    #[arg(value_parser = up_to(86_400))]
    pub(crate) timeout_seconds: usize,

    /// Writes one JSON object instead of the table
    #[arg(long)]
    pub(crate) json: bool,
}

impl Options {
    /// Reads the command line. If there is nothing to run, says why: help is a success, and a bad
    /// option is one line on stderr.
    pub(crate) fn from_command_line() -> Result<Options, ExitCode> {
        Options::try_parse().map_err(|error| match error.kind() {
            ErrorKind::DisplayHelp => {
                // Whoever closed stdout does not want to read it.
                let _ = Options::command().print_help();
                ExitCode::SUCCESS
            }
            _ => {
                let text = error.to_string();
                eprintln!("demo: {}", text.lines().next().unwrap_or("bad options"));
                ExitCode::from(EXIT_BAD_OPTIONS)
            }
        })
    }
}

impl Options {
    /// What to say of a run that did not do what it had to and took this long.
    pub(crate) fn advice(&self, elapsed: Duration) -> String {
        let timeout = self.timeout_seconds;
        if elapsed < Duration::from_secs(timeout as u64) {
            return String::new();
        }
        let seconds = elapsed.as_secs_f64();
        format!(
            "; the run took {seconds:.1} s and its sessions expire after {timeout} s: \
             give it more --timeout-seconds, or fewer --connections"
        )
    }
}

/// Which protocol versions to run.
#[derive(Clone, Copy)]
pub(crate) enum Tls {
    Only(Version),
    Both,
}

impl Tls {
    pub(crate) fn versions(self) -> &'static [Version] {
        match self {
            Tls::Only(Version::Tls12) => &[Version::Tls12],
            Tls::Only(Version::Tls13) => &[Version::Tls13],
            Tls::Both => &[Version::Tls12, Version::Tls13],
        }
    }
}

impl fmt::Display for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tls::Only(version) => version.fmt(f),
            Tls::Both => f.write_str("both"),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Tls12,
    Tls13,
}

impl Version {
    pub(crate) fn rustls(self) -> &'static SupportedProtocolVersion {
        match self {
            Version::Tls12 => &rustls::version::TLS12,
            Version::Tls13 => &rustls::version::TLS13,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Version::Tls12 => "1.2",
            Version::Tls13 => "1.3",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn tls(text: &str) -> Result<Tls, String> {
    match text {
        "1.2" => Ok(Tls::Only(Version::Tls12)),
        "1.3" => Ok(Tls::Only(Version::Tls13)),
        "both" => Ok(Tls::Both),
        _ => Err("it is 1.2, 1.3 or both".to_string()),
    }
}

/// Reads a number from 1 to `most`.
fn up_to(most: usize) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => Err(format!("it is a whole number from 1 to {most}")),
    }
}

/// As many as the machine has, but several on any machine.
fn cores() -> usize {
    thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8))
}
