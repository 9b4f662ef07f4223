//! An HTTPS server whose sessions live in our cache, for clients of all kinds to be pointed at.
//!
//! It prints where it listens, answers each request with a JSON object, and prints its statistics when it is
//! told to end (SIGTERM, or Ctrl-C). A connection that breaks, or never was TLS, is nobody's concern but its
//! client's.

mod options;
mod server;
mod sessions;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::options::Options;
use crate::server::Server;
use crate::sessions::Sessions;

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
    let sessions = Sessions::new(options)?;
    let server = Arc::new(Server::new(options, sessions.clone())?);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(options.threads()).enable_all().build()?;
    runtime.block_on(serve_until_the_end(options.listen, server))?;
    // Connections that are open still are cut off.
    runtime.shutdown_background();
    println!("{{\"statistics\":{}}}", serde_json::to_string(&sessions.statistics())?);
    Ok(())
}

async fn serve_until_the_end(
    listen: SocketAddr,
    server: Arc<Server>,
) -> Result<(), Box<dyn Error>> {
    let mut end = std::pin::pin!(end()?);
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    tokio::spawn(Arc::clone(&server).serve(socket));
                }
                // No more sockets, most likely: some will be closed.
                Err(error) => {
                    eprintln!("tls_server: cannot accept: {error}");
                    tokio::time::sleep(server::PAUSE).await;
                }
            },
            () = &mut end => return Ok(()),
        }
    }
}

/// Comes when the server is to end.
#[cfg(unix)]
fn end() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => (),
            _ = interrupt.recv() => (),
        }
    })
}

#[cfg(not(unix))]
fn end() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
