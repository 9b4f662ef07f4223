//! The cache of the server: ours, or OpenSSL's own.

use std::ffi::{c_int, c_long};
use std::ptr;
use std::sync::Arc;

use foreign_types::ForeignType;
use openssl::ssl::{SslContext, SslContextBuilder};
use openssl_sys::SSL_CTX;
use session_cache::{IdContext, Seconds, SessionCache, Statistics, UnixTime};
use session_openssl::{Options as Attach, Wiring as Wires, attach};

use crate::options::{Options, Wiring};

unsafe extern "C" {
    fn SSL_CTX_set_timeout(ctx: *mut SSL_CTX, seconds: c_long) -> c_long;
    fn SSL_CTX_flush_sessions(ctx: *mut SSL_CTX, at: c_long);
}

pub(crate) enum Sessions {
    Ours(Arc<SessionCache>),
    OpenSsl,
}

impl Sessions {
    /// Makes the cache and attaches the context to it, or tells OpenSSL's own what it has to know.
    pub(crate) fn new(
        options: &Options,
        context: &mut SslContextBuilder,
    ) -> Result<Sessions, Box<dyn std::error::Error>> {
        let timeout = options.timeout_seconds.map(|seconds| Seconds(seconds.into()));
        let wiring = match options.wiring {
            Wiring::External => Wires::External,
            Wiring::Observe => Wires::ObserveOnly,
            Wiring::None => {
                context.set_session_id_context(ID_CONTEXT)?;
                context.set_session_cache_size(i32::try_from(options.cache_size())?);
                if let Some(Seconds(timeout)) = timeout {
                    // SAFETY: a builder's context is live, and nobody else's.
                    unsafe { SSL_CTX_set_timeout(context.as_ptr(), timeout as c_long) };
                }
                return Ok(Sessions::OpenSsl);
            }
        };
        let builder = SessionCache::builder().sessions_max(options.cache_size()).bytes_max(0);
        let cache = Arc::new(builder.build()?);
        let mut how = Attach::new().wiring(wiring).single_use(options.single_use);
        if let Some(timeout) = timeout {
            how = how.timeout(timeout);
        }
        attach(context, Arc::clone(&cache), IdContext::new(ID_CONTEXT)?, how)?;
        Ok(Sessions::Ours(cache))
    }

    /// The figures: of ours, or the twelve that OpenSSL's own has.
    pub(crate) fn statistics(&self, context: &SslContext) -> Statistics {
        let Sessions::OpenSsl = self else {
            return self.cache().map(|cache| cache.statistics()).unwrap_or_default();
        };
        let figure = |command: c_int| {
            // SAFETY: the context is live; the command asks for a number.
            let figure =
                unsafe { openssl_sys::SSL_CTX_ctrl(context.as_ptr(), command, 0, ptr::null_mut()) };
            u64::try_from(figure).unwrap_or(0)
        };
        let mut figures = Statistics::default();
        // SSL_CTRL_SESS_NUMBER and those that follow.
        let fields = [
            &mut figures.number,
            &mut figures.connect,
            &mut figures.connect_good,
            &mut figures.connect_renegotiate,
            &mut figures.accept,
            &mut figures.accept_good,
            &mut figures.accept_renegotiate,
            &mut figures.hits,
            &mut figures.cb_hits,
            &mut figures.misses,
            &mut figures.timeouts,
            &mut figures.cache_full,
        ];
        for (command, field) in (SSL_CTRL_SESS_NUMBER..).zip(fields) {
            *field = figure(command);
        }
        figures
    }

    /// Empties the cache, and with it OpenSSL's own where that is in use.
    pub(crate) fn flush(&self, context: &SslContext) {
        if let Some(cache) = self.cache() {
            cache.flush(UnixTime(0));
        }
        // SAFETY: the context is live.
        unsafe { SSL_CTX_flush_sessions(context.as_ptr(), 0) };
    }

    fn cache(&self) -> Option<&SessionCache> {
        match self {
            Sessions::Ours(cache) => Some(cache),
            Sessions::OpenSsl => None,
        }
    }
}

const ID_CONTEXT: &[u8] = b"tls_server";
const SSL_CTRL_SESS_NUMBER: c_int = 20;
