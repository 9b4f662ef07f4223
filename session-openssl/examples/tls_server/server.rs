//! One connection after its accept: the handshake, one request, one answer, and a clean close.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use openssl::ssl::{Ssl, SslContext, SslFiletype, SslMethod, SslOptions, SslStream};
use serde::Serialize;
use session_cache::Statistics;

use crate::options::Options;
use crate::sessions::Sessions;

/// How long a client may take for anything.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most that is accepted before a handshake ends: the default of OpenSSL's servers.
const EARLY_DATA_BYTES_MAX: u32 = 16_384;

/// The most that a request may have before its empty line.
const HEAD_BYTES_MAX: usize = 16_384;

pub(crate) struct Server {
    context: SslContext,
    sessions: Sessions,
    early_data: bool,
}

/// What a client is told.
#[derive(Serialize)]
struct Answer {
    reused: bool,
    version: &'static str,
    /// Bytes that came before the handshake ended.
    early_data_bytes: usize,
    statistics: Statistics,
}

impl Server {
    pub(crate) fn new(options: &Options) -> Result<Server, Box<dyn Error>> {
        let mut builder = SslContext::builder(SslMethod::tls_server())?;
        let unreadable = |path: &std::path::Path| {
            let path = path.display().to_string();
            move |error| format!("cannot use {path}: {error}")
        };
        builder.set_certificate_chain_file(&options.cert).map_err(unreadable(&options.cert))?;
        builder
            .set_private_key_file(&options.key, SslFiletype::PEM)
            .map_err(unreadable(&options.key))?;
        builder.check_private_key().map_err(|_| {
            format!("the key in {} is not the certificate's", options.key.display())
        })?;
        let (least, greatest) = options.tls.versions();
        builder.set_min_proto_version(Some(least))?;
        builder.set_max_proto_version(Some(greatest))?;
        if options.no_ticket {
            builder.set_options(SslOptions::NO_TICKET);
        }
        if options.early_data {
            builder.set_max_early_data(EARLY_DATA_BYTES_MAX)?;
        }
        if let Some(ciphers) = &options.ciphers {
            let (of_tls13, earlier): (Vec<_>, Vec<_>) =
                ciphers.split(':').partition(|name| name.starts_with("TLS_"));
            let unknown = |error| format!("--ciphers {ciphers}: {error}");
            if !of_tls13.is_empty() {
                builder.set_ciphersuites(&of_tls13.join(":")).map_err(unknown)?;
            }
            if !earlier.is_empty() {
                builder.set_cipher_list(&earlier.join(":")).map_err(unknown)?;
            }
        }
        let sessions = Sessions::new(options, &mut builder)?;
        Ok(Server { context: builder.build(), sessions, early_data: options.early_data })
    }

    /// What is said at the end.
    pub(crate) fn figures(&self) -> String {
        serde_json::json!({ "statistics": self.sessions.statistics(&self.context) }).to_string()
    }

    /// Serves one connection to its end.
    pub(crate) fn serve(&self, socket: TcpStream) -> Result<(), Box<dyn Error>> {
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.set_nodelay(true)?;
        let mut ssl = Ssl::new(&self.context)?;
        ssl.set_accept_state();
        let mut stream = SslStream::new(ssl, socket)?;
        let mut head = Vec::new();
        if self.early_data {
            read_early_data(&mut stream, &mut head)?;
        }
        let early_data_bytes = head.len();
        stream.do_handshake()?;
        let served = self.answer(&mut stream, head, early_data_bytes);
        // In any case: a client that has left, or said nothing sensible, has not broken the session.
        stream.shutdown()?;
        linger(stream.get_mut())?;
        served.map_err(Box::from)
    }

    fn answer(
        &self,
        stream: &mut SslStream<TcpStream>,
        mut head: Vec<u8>,
        early_data_bytes: usize,
    ) -> io::Result<()> {
        let Some(path) = read_request(stream, &mut head)? else {
            return respond(stream, "400 Bad Request", "text/plain", "this is no HTTP/1 request");
        };
        if path == "/flush" {
            self.sessions.flush(&self.context);
        }
        let answer = Answer {
            reused: stream.ssl().session_reused(),
            version: stream.ssl().version_str(),
            early_data_bytes,
            statistics: self.sessions.statistics(&self.context),
        };
        respond(stream, "200 OK", "application/json", &serde_json::to_string(&answer)?)
    }
}

/// Reads what comes before the handshake ends.
fn read_early_data(
    stream: &mut SslStream<TcpStream>,
    to: &mut Vec<u8>,
) -> Result<(), openssl::ssl::Error> {
    let mut part = [0; 1_024];
    loop {
        match stream.read_early_data(&mut part)? {
            0 => return Ok(()),
            many => to.extend_from_slice(&part[..many]),
        }
    }
}

/// Reads a request to its empty line, and returns its path; none if it is no request. What follows is not read.
fn read_request(
    stream: &mut SslStream<TcpStream>,
    head: &mut Vec<u8>,
) -> io::Result<Option<String>> {
    let mut part = [0; 1_024];
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(head) {
            Ok(httparse::Status::Complete(_)) => return Ok(request.path.map(str::to_string)),
            Ok(httparse::Status::Partial) if head.len() < HEAD_BYTES_MAX => {}
            _ => return Ok(None),
        }
        match stream.read(&mut part)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            many => head.extend_from_slice(&part[..many]),
        }
    }
}

fn respond(
    stream: &mut SslStream<TcpStream>,
    status: &str,
    kind: &str,
    body: &str,
) -> io::Result<()> {
    let length = body.len() + 1;
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}\n"
    );
    stream.write_all(answer.as_bytes())
}

/// Waits for the client to close too: closing first, with bytes of its request unread, would reset the connection
/// under what it was told.
fn linger(socket: &mut TcpStream) -> io::Result<()> {
    socket.shutdown(Shutdown::Write)?;
    socket.set_read_timeout(Some(LINGER))?;
    io::copy(&mut socket.take(LINGER_BYTES_MAX), &mut io::sink()).map(|_| ())
}

const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: u64 = 1 << 20;
