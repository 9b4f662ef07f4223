//! The command line, which the example server on rustls understands too; what does not apply here is refused.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueEnum};
use openssl::ssl::SslVersion;

const EXIT_BAD_OPTIONS: u8 = 2;

/// An HTTPS server on OpenSSL whose sessions live in our cache: it answers with what became of the handshake,
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

    /// No tickets that hold the session themselves (SSL_OP_NO_TICKET): all sessions are in the cache
    #[arg(long)]
    pub(crate) no_ticket: bool,

    /// Whose cache: ours (external), OpenSSL's own with ours looking on (observe), or OpenSSL's own (none)
    #[arg(long, default_value = "external")]
    pub(crate) wiring: Wiring,

    /// Sessions in the cache [1 to 16777216]
    #[arg(long, value_name = "N", default_value_t = 20_480, value_parser = 1..=16_777_216)]
    cache_size: i64,

    /// How long a session is good [1 to 604800, by default 7200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=604_800))]
    pub(crate) timeout_seconds: Option<u32>,

    /// Accepts early data, up to 16 KiB (TLS 1.3)
    #[arg(long)]
    pub(crate) early_data: bool,

    /// A session of TLS 1.2 is used once too, as one of TLS 1.3 is in any case
    #[arg(long)]
    pub(crate) single_use: bool,

    /// Threads, each of which serves one connection at a time [1 to 256]
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = 1..=256)]
    threads: i64,

    /// Cipher suites as OpenSSL names them; those that begin with TLS_ are for TLS 1.3
    #[arg(long, value_name = "STRING")]
    pub(crate) ciphers: Option<String>,
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
    /// The least and the greatest version.
    pub(crate) fn versions(self) -> (SslVersion, SslVersion) {
        match self {
            Tls::Tls12 => (SslVersion::TLS1_2, SslVersion::TLS1_2),
            Tls::Tls13 => (SslVersion::TLS1_3, SslVersion::TLS1_3),
            Tls::Both => (SslVersion::TLS1_2, SslVersion::TLS1_3),
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
        if self.early_data && self.tls == Tls::Tls12 {
            Some("--early-data does not apply to TLS 1.2, which has none")
        } else if self.single_use && self.wiring != Wiring::External {
            Some(
                "--single-use does not apply with --wiring observe or none: OpenSSL's own cache has no single use \
                 but that of early data",
            )
        } else {
            None
        }
    }

    pub(crate) fn cache_size(&self) -> usize {
        self.cache_size as usize
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads as usize
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
