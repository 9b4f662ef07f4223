//! An HTTPS server on OpenSSL whose sessions live in our cache, for clients of all kinds to be pointed at.
//!
//! It prints where it listens, answers each request with a JSON object, and prints its statistics when it is
//! told to end (SIGTERM, or Ctrl-C). A connection that breaks, or never was TLS, is nobody's concern but its
//! client's.

mod options;
mod server;
mod sessions;

use std::error::Error;
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::options::Options;
use crate::server::Server;

fn main() -> ExitCode {
    let options = match Options::from_command_line() {
        Ok(options) => options,
        Err(status) => return status,
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tls_server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let server = Arc::new(Server::new(options)?);
    let at_the_end = Arc::clone(&server);
    // Connections that are open still are cut off.
    ctrlc::set_handler(move || {
        // Whoever has closed stdout wants it to end all the same.
        let _ = writeln!(io::stdout(), "{}", at_the_end.figures());
        std::process::exit(0);
    })?;
    let listener = TcpListener::bind(options.listen)
        .map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
    println!("listening on {}", listener.local_addr()?);
    let (listener, server) = (&listener, &server);
    thread::scope(|scope| {
        for _ in 0..options.threads() {
            scope.spawn(move || serve_without_end(listener, server));
        }
    });
    Ok(())
}

/// One thread serves one connection after the other.
fn serve_without_end(listener: &TcpListener, server: &Server) {
    loop {
        match listener.accept() {
            // What becomes of a connection is known to its client.
            Ok((socket, _)) => drop(server.serve(socket)),
            // No more sockets, most likely: some will be closed.
            Err(error) => {
                eprintln!("tls_server: cannot accept: {error}");
                thread::sleep(PAUSE);
            }
        }
    }
}

/// How long to wait when no connection can be accepted.
const PAUSE: Duration = Duration::from_millis(20);
