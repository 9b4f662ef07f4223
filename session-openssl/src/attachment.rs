//! Attaching a server's context to a cache.

use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use openssl::ssl::SslContextBuilder;
use openssl_sys::SSL_CTX;
use session_cache::{IdContext, Seconds, SessionCache};

use crate::callbacks;
use crate::client;
use crate::error::Error;
use crate::object::long;
use crate::statistics::AttachmentStatistics;
use crate::sys;
use crate::wire::Wire;

/// Says whose sessions a server resumes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wiring {
    /// The cache's. libssl's own is out of use (`SSL_SESS_CACHE_NO_INTERNAL`).
    #[default]
    External,
    /// libssl's own, in whatever mode the context is. The cache is told what is stored and dropped there, and
    /// counts, but never answers: to see what it would have to do. What it stores no other context takes, since
    /// libssl's own cache may resume it too: a session up to TLS 1.2 may be found by others, one of TLS 1.3, or with
    /// [`single_use`](Options::single_use), is not.
    ///
    /// libssl's own cache then drops what it has no room for, and everything when the context is freed, from
    /// this one too. It calls while it holds a lock: a remove hook of the cache must not call libssl. And
    /// without `SSL_OP_NO_TICKET` it keeps TLS 1.3 sessions that nobody can look up, because somebody wants to hear of
    /// their end.
    ObserveOnly,
}

/// Says how a context is attached.
///
/// # Examples
///
/// ```
/// use session_cache::Seconds;
/// use session_openssl::{Options, Wiring};
///
/// let options = Options::new().timeout(Seconds(3_600)).single_use(true);
/// assert_ne!(options, Options::new().wiring(Wiring::ObserveOnly));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub(crate) wiring: Wiring,
    pub(crate) single_use: bool,
    pub(crate) timeout: Option<Seconds>,
    pub(crate) keep_decoded: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { wiring: Wiring::External, single_use: false, timeout: None, keep_decoded: true }
    }
}

impl Options {
    /// Begins with the defaults.
    #[must_use]
    pub fn new() -> Options {
        Options::default()
    }

    /// Sets whose sessions are resumed, by default the cache's.
    #[must_use]
    pub fn wiring(mut self, wiring: Wiring) -> Options {
        self.wiring = wiring;
        self
    }

    /// Makes sessions up to TLS 1.2 resume once only, as those of TLS 1.3 do in any case. Clients up to TLS
    /// 1.2 get no new session by resuming one, so every other handshake is a full one then.
    #[must_use]
    pub fn single_use(mut self, single_use: bool) -> Options {
        self.single_use = single_use;
        self
    }

    /// Sets whether sessions are kept as libssl's objects beside their DER, by default that they are: those of TLS
    /// 1.3 as libssl made them, others from when they first come back. To decode one takes libssl ten times as long as
    /// to copy such an object; a session counts for 1 KiB more where the cache limits bytes. It does not concern
    /// sessions with a client's certificate, of which libssl makes 5 KiB, nor those before TLS 1.3 with
    /// [`single_use`](Options::single_use).
    #[must_use]
    pub fn keep_decoded(mut self, keep_decoded: bool) -> Options {
        self.keep_decoded = keep_decoded;
        self
    }

    /// Sets for how long new sessions are good, which clients are told in their tickets
    /// (`SSL_CTX_set_timeout(3)`); by default as the context has it. 0 stands for OpenSSL's default, 7,200 seconds.
    #[must_use]
    pub fn timeout(mut self, timeout: Seconds) -> Options {
        self.timeout = Some(timeout);
        self
    }
}

/// Is what was attached: tells its figures. Dropping it changes nothing; the context stays attached.
#[derive(Clone)]
pub struct Attachment {
    wire: Arc<Wire>,
}

impl Attachment {
    /// Returns the figures of the context as they stand.
    #[must_use]
    pub fn statistics(&self) -> AttachmentStatistics {
        self.wire.counters.snapshot()
    }

    /// Returns the cache.
    #[must_use]
    pub fn cache(&self) -> &Arc<SessionCache> {
        &self.wire.cache
    }

    /// Returns the id context.
    #[must_use]
    pub fn id_context(&self) -> IdContext {
        self.wire.id_context
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("wiring", &self.wire.wiring)
            .field("single_use", &self.wire.single_use)
            .field("id_context", &self.wire.id_context)
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}

/// Lets a server's context keep its sessions in `cache`, under `id_context`, which becomes the context's own.
///
/// It replaces the context's session callbacks and, but for [`Wiring::ObserveOnly`], its session cache mode.
/// Any number of contexts may share a cache: those that admit the same clients with the same id context, and
/// others with others. Contexts that a server name leads to have to be attached too; the connection's sessions are then
/// in the id context of the one that it was led to, if that happened in the callback that sees the ClientHello
/// (`SSL_CTX_set_client_hello_cb`). Of connections that were led to a context which is not attached, nothing is stored
/// and nothing is resumed. The older callback for server names comes after the lookup, with which nobody
/// could keep them apart: there, give all contexts one id context, or sessions of the others are not stored.
///
/// It switches neither early data on nor its replay protection off. With early data and replay protection, all contexts
/// with [`Wiring::External`] that share the cache accept it once together; with [`Wiring::ObserveOnly`] a context accepts
/// it once for the sessions in libssl's own cache, for which the others do not accept it.
///
/// # Errors
///
/// [`ErrorKind::AlreadyAttached`](crate::ErrorKind::AlreadyAttached),
/// [`ErrorKind::AttachedMax`](crate::ErrorKind::AttachedMax),
/// [`ErrorKind::EmptyIdContext`](crate::ErrorKind::EmptyIdContext) for a context that verifies its peers,
/// [`ErrorKind::OpenSsl`](crate::ErrorKind::OpenSsl). But for the last the context stays as it was.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use openssl::ssl::{SslAcceptor, SslMethod, SslOptions};
/// use session_cache::{IdContext, SessionCache};
/// use session_openssl::{Options, attach};
///
/// // A session counts for some 1,350 bytes: without a limit of their own the bytes would end before the sessions do.
/// let cache = SessionCache::builder().sessions_max(100_000).bytes_max(160 << 20).build()?;
/// let cache = Arc::new(cache);
/// let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls())?;
/// builder.set_options(SslOptions::NO_TICKET); // all sessions stay here
/// let attachment = attach(&mut builder, Arc::clone(&cache), IdContext::new(b"www")?, Options::new())?;
///
/// println!("{}\n{}", cache.statistics(), attachment.statistics());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn attach(
    builder: &mut SslContextBuilder,
    cache: Arc<SessionCache>,
    id_context: IdContext,
    options: Options,
) -> Result<Attachment, Error> {
    // SAFETY: a builder's context is live, and nobody else has it yet.
    unsafe { attach_raw(builder.as_ptr(), cache, id_context, options) }
}

/// Does as [`attach`] with a context that was made by libssl itself: by `openssl-sys`, or by C.
///
/// # Errors
///
/// As [`attach`], and [`ErrorKind::OpenSsl`](crate::ErrorKind::OpenSsl) for a null pointer.
///
/// # Safety
///
/// * `ctx` is null, or a live context of the libssl that `openssl-sys` links, which no other thread uses
///   meanwhile. No connection was made of it yet.
pub unsafe fn attach_raw(
    ctx: *mut SSL_CTX,
    cache: Arc<SessionCache>,
    id_context: IdContext,
    options: Options,
) -> Result<Attachment, Error> {
    let ctx = NonNull::new(ctx).ok_or_else(Error::openssl)?;
    // SAFETY: live, by the caller.
    if unsafe { is_attached(ctx.as_ptr()) } {
        return Err(Error::already_attached());
    }
    // SAFETY: live, by the caller.
    let verify_mode = unsafe { openssl_sys::SSL_CTX_get_verify_mode(ctx.as_ptr()) };
    if id_context.is_empty() && verify_mode & openssl_sys::SSL_VERIFY_PEER != 0 {
        return Err(Error::empty_id_context());
    }
    // SAFETY: live, and no other thread's, by the caller.
    let (wire, slot) = unsafe { Wire::fix(ctx, cache, id_context, &options) }?;
    let ctx = ctx.as_ptr();
    if options.wiring == Wiring::External {
        // SAFETY: live, by the caller.
        unsafe { openssl_sys::SSL_CTX_set_session_cache_mode(ctx, EXTERNAL) };
        // What is put there for its replay protection must not push each other out.
        // SAFETY: live, by the caller.
        unsafe { openssl_sys::SSL_CTX_sess_set_cache_size(ctx, 0) };
    }
    if let Some(timeout) = options.timeout {
        // SAFETY: live, by the caller.
        unsafe { sys::SSL_CTX_set_timeout(ctx, long(timeout.0)) };
    }
    // SAFETY: live, by the caller; the callback may be called as long as the context is there.
    unsafe { openssl_sys::SSL_CTX_sess_set_new_cb(ctx, Some(slot.new_session())) };
    // SAFETY: as above.
    unsafe { openssl_sys::SSL_CTX_sess_set_get_cb(ctx, Some(slot.get_session())) };
    // SAFETY: as above.
    unsafe { openssl_sys::SSL_CTX_sess_set_remove_cb(ctx, Some(callbacks::remove_session)) };
    Ok(Attachment { wire })
}

/// Whether a context has a cache, or a client's store, already.
///
/// # Safety
///
/// * `ctx` is live.
pub(crate) unsafe fn is_attached(ctx: *mut SSL_CTX) -> bool {
    // SAFETY: live, by the caller.
    let is_servers = unsafe { Wire::of(ctx) }.is_some();
    // SAFETY: as above.
    is_servers || unsafe { client::has_store(ctx) }
}

const EXTERNAL: std::ffi::c_long = openssl_sys::SSL_SESS_CACHE_SERVER
    | openssl_sys::SSL_SESS_CACHE_NO_INTERNAL
    | openssl_sys::SSL_SESS_CACHE_NO_AUTO_CLEAR;
