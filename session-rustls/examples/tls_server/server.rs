//! One connection after its accept: the handshake, and HTTP until it ends.

use std::convert::Infallible;
use std::error::Error;
use std::future::ready;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{HandshakeKind, ProtocolVersion, ServerConfig, ServerConnection};
use serde::Serialize;
use session_cache::Statistics;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::options::Options;
use crate::sessions::Sessions;

/// How long a client may take for its handshake, and for the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait when no connection can be accepted.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

/// The most that is accepted before a handshake ends: the default of OpenSSL's servers.
const EARLY_DATA_BYTES_MAX: u32 = 16_384;

pub(crate) struct Server {
    acceptor: TlsAcceptor,
    sessions: Sessions,
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

/// What there is to say of a handshake.
#[derive(Clone, Copy)]
struct Handshake {
    reused: bool,
    version: &'static str,
    early_data_bytes: usize,
}

impl Server {
    pub(crate) fn new(options: &Options, sessions: Sessions) -> Result<Server, Box<dyn Error>> {
        let unreadable = |path: &std::path::Path, error: rustls::pki_types::pem::Error| {
            format!("cannot read {}: {error}", path.display())
        };
        let certificates: Vec<_> = CertificateDer::pem_file_iter(&options.cert)
            .and_then(Iterator::collect)
            .map_err(|error| unreadable(&options.cert, error))?;
        if certificates.is_empty() {
            return Err(format!("there is no certificate in {}", options.cert.display()).into());
        }
        let key = PrivateKeyDer::from_pem_file(&options.key)
            .map_err(|error| unreadable(&options.key, error))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&options.tls.versions())?
            .with_no_client_auth()
            .with_single_cert(certificates, key)?;
        config.session_storage = sessions.storage();
        config.max_early_data_size = if options.early_data { EARLY_DATA_BYTES_MAX } else { 0 };
        Ok(Server { acceptor: TlsAcceptor::from(Arc::new(config)), sessions })
    }

    /// Serves one connection to its end, whatever that is.
    pub(crate) async fn serve(self: Arc<Self>, socket: TcpStream) {
        let handshake = tokio::time::timeout(PATIENCE, self.acceptor.accept(socket));
        let Ok(Ok(mut stream)) = handshake.await else { return };
        let connection = stream.get_mut().1;
        let Ok(early) = early_data(connection) else { return };
        let handshake = Handshake {
            reused: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            version: name(connection.protocol_version()),
            early_data_bytes: early.len(),
        };
        if early.is_empty() {
            self.serve_http(stream, handshake).await;
        } else {
            let (reader, writer) = tokio::io::split(stream);
            let whole = tokio::io::join(AsyncReadExt::chain(early.as_slice(), reader), writer);
            self.serve_http(whole, handshake).await;
        }
    }

    async fn serve_http(&self, stream: impl AsyncRead + AsyncWrite + Unpin, handshake: Handshake) {
        let answer = |request: Request<Incoming>| {
            ready(Ok::<_, Infallible>(self.answer(request.uri().path(), handshake)))
        };
        let mut http = hyper::server::conn::http1::Builder::new();
        // Who has nothing more to say still wants to hear.
        http.half_close(true).timer(TokioTimer::new()).header_read_timeout(PATIENCE);
        // hyper answers what is no request, and closes; then, and when it breaks, the client knows.
        let _ = http.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
    }

    fn answer(&self, path: &str, handshake: Handshake) -> Response<String> {
        if path == "/flush" && !self.sessions.flush() {
            return response(StatusCode::NOT_IMPLEMENTED, "rustls' own cache cannot be emptied");
        }
        let Handshake { reused, version, early_data_bytes } = handshake;
        let statistics = self.sessions.statistics();
        let answer = Answer { reused, version, early_data_bytes, statistics };
        match serde_json::to_string(&answer) {
            Ok(json) => response(StatusCode::OK, json),
            Err(error) => response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }
}

fn response(status: StatusCode, body: impl Into<String>) -> Response<String> {
    let mut body = body.into();
    body.push('\n');
    let is_json = status == StatusCode::OK;
    let kind = if is_json { "application/json" } else { "text/plain" };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}

/// Reads what came before the handshake ended.
fn early_data(connection: &mut ServerConnection) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut early) = connection.early_data() {
        early.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// What OpenSSL calls a version.
fn name(version: Option<ProtocolVersion>) -> &'static str {
    match version {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "unknown",
    }
}
