//! The cache of the server: ours, or rustls' own, about which there is nothing to tell.

use std::sync::Arc;

use rustls::server::{ServerSessionMemoryCache, StoresServerSessions};
use session_cache::{IdContext, Seconds, SessionCache, Statistics, UnixTime};
use session_rustls::{ServerSessions, TLS_LIFETIME};

use crate::options::{Options, Wiring};

#[derive(Clone)]
pub(crate) enum Sessions {
    Ours(Arc<SessionCache>),
    Rustls(Arc<ServerSessionMemoryCache>),
}

impl Sessions {
    pub(crate) fn new(options: &Options) -> Result<Sessions, session_cache::Error> {
        if options.wiring == Wiring::None {
            return Ok(Sessions::Rustls(ServerSessionMemoryCache::new(options.cache_size())));
        }
        let lifetime = options.timeout_seconds.map_or(TLS_LIFETIME, Seconds);
        let builder = SessionCache::builder().sessions_max(options.cache_size()).bytes_max(0);
        Ok(Sessions::Ours(Arc::new(builder.lifetime_max(lifetime).build()?)))
    }

    /// What rustls asks.
    pub(crate) fn storage(&self) -> Arc<dyn StoresServerSessions> {
        match self {
            Sessions::Ours(cache) => {
                Arc::new(ServerSessions::new(Arc::clone(cache), IdContext::EMPTY))
            }
            Sessions::Rustls(sessions) => Arc::clone(sessions) as _,
        }
    }

    /// All figures are 0 where the cache is not ours.
    pub(crate) fn statistics(&self) -> Statistics {
        match self {
            Sessions::Ours(cache) => cache.statistics(),
            Sessions::Rustls(_) => Statistics::default(),
        }
    }

    /// Empties the cache, if it can be.
    pub(crate) fn flush(&self) -> bool {
        match self {
            Sessions::Ours(cache) => {
                cache.flush(UnixTime(0));
                true
            }
            Sessions::Rustls(_) => false,
        }
    }
}
