//! The command line, which the example server on OpenSSL understands too; what does not apply here is refused.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueEnum};
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

const EXIT_BAD_OPTIONS: u8 = 2;

/// An HTTPS server on rustls whose sessions live in our cache: it answers with what became of the handshake,
/// and with the cache's statistics. A request of /flush empties the cache first.
#[derive(Parser)]
#[command(name = "tls_server", disable_help_subcommand = true)]
pub(crate) struct Options {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: SocketAddr,

    /// The certificates, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: PathBuf,

    /// The key, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,

    /// Protocol version
    #[arg(long, value_name = "VERSION", default_value = "both")]
    pub(crate) tls: Tls,

    /// No tickets that hold the session themselves: always so here, where no ticketer is set
    #[arg(long)]
    no_ticket: bool,

    /// Whose cache: ours (external), or rustls' own for comparison (none); observe is refused
    #[arg(long, default_value = "external")]
    pub(crate) wiring: Wiring,

    /// Sessions in the cache [1 to 16777216]
    #[arg(long, value_name = "N", default_value_t = 20_480, value_parser = 1..=16_777_216)]
    cache_size: i64,

    /// How long a session is kept [1 to 86400, by default 86400]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout_seconds: Option<u64>,

    /// Accepts early data, up to 16 KiB (TLS 1.3)
    #[arg(long)]
    pub(crate) early_data: bool,

    /// A TLS 1.3 session is used once: always so here
    #[arg(long)]
    single_use: bool,

    /// Threads [1 to 256, by default one a core]
    #[arg(long, value_name = "N", value_parser = 1..=256)]
    threads: Option<i64>,

    /// Refused
    #[arg(long, value_name = "STRING")]
    ciphers: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tls {
    #[value(name = "1.2")]
    Tls12,
    #[value(name = "1.3")]
    Tls13,
    Both,
}

impl Tls {
    pub(crate) fn versions(self) -> Vec<&'static SupportedProtocolVersion> {
        match self {
            Tls::Tls12 => vec![&TLS12],
            Tls::Tls13 => vec![&TLS13],
            Tls::Both => vec![&TLS12, &TLS13],
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Wiring {
    External,
    Observe,
    None,
}

impl Options {
    /// Reads the command line. If there is nothing to run, says why: help is a success, and a bad option is
    /// one line on stderr.
    pub(crate) fn from_command_line() -> Result<Options, ExitCode> {
        let options = Options::try_parse().map_err(|error| match error.kind() {
            ErrorKind::DisplayHelp => {
                // Whoever closed stdout does not want to read it.
                let _ = Options::command().print_help();
                ExitCode::SUCCESS
            }
            _ => complain(&one_line(&error.to_string())),
        })?;
        match options.why_refused() {
            Some(reason) => Err(complain(reason)),
            None => Ok(options),
        }
    }

    fn why_refused(&self) -> Option<&'static str> {
        if self.ciphers.is_some() {
            Some(
                "--ciphers does not apply: rustls takes its suites from its provider, not from a string",
            )
        } else if self.wiring == Wiring::Observe {
            Some("--wiring observe does not apply: rustls asks one store, which has to answer")
        } else if self.single_use && self.tls == Tls::Tls12 {
            Some(
                "--single-use does not apply to TLS 1.2: rustls leaves a session stored when it is used",
            )
        } else if self.timeout_seconds.is_some() && self.wiring == Wiring::None {
            Some(
                "--timeout-seconds does not apply with --wiring none: rustls' own cache has no timeout",
            )
        } else if self.early_data && self.tls == Tls::Tls12 {
            Some("--early-data does not apply to TLS 1.2, which has none")
        } else {
            None
        }
    }

    pub(crate) fn cache_size(&self) -> usize {
        self.cache_size as usize
    }

    pub(crate) fn threads(&self) -> usize {
        match self.threads {
            Some(threads) => threads as usize,
            None => thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

fn complain(reason: &str) -> ExitCode {
    eprintln!("tls_server: {reason}");
    ExitCode::from(EXIT_BAD_OPTIONS)
}

/// clap names the arguments that are missing on lines of their own.
fn one_line(text: &str) -> String {
    let said = text.split("\n\n").next().unwrap_or("bad options");
    said.trim_start_matches("error: ").split_whitespace().collect::<Vec<_>>().join(" ")
}
